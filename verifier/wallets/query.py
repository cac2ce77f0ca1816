"""What we ask a wallet for, in the Digital Credentials Query Language (OpenID4VP 1.0 §6), and whether it came.

The query is a wish: a wallet may not understand half of it (§14.6), so what comes back is compared again here.
"""

from collections.abc import Iterable
from typing import Final, Literal

from schemas.strict_json import JsonObject, JsonValue
from verifier.wallets.errors import AnswerRefusedError

Format = Literal["ldp_vc", "jwt_vc_json"]

# One badge, in whichever of the two garments the wallet keeps; the first is preferred (STANDARDS i3).
QUERIES: Final[dict[str, Format]] = {"badge_document": "ldp_vc", "badge_token": "jwt_vc_json"}
_CREDENTIAL: Final = "https://www.w3.org/2018/credentials#VerifiableCredential"
_BADGE: Final = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#OpenBadgeCredential"
BADGE_TYPES: Final = ("OpenBadgeCredential", "AchievementCredential")
# The expanded form is the standard's; wallets that skip JSON-LD compare the names as they stand (Appendix B.1.1).
_TYPE_VALUES: Final = ((_CREDENTIAL, _BADGE), *(("VerifiableCredential", name) for name in BADGE_TYPES))
_ACHIEVEMENT: Final = ("credentialSubject", "achievement", "id")

DOCUMENT_SUITES: Final = ("eddsa-rdfc-2022", "ecdsa-rdfc-2019", "eddsa-jcs-2022", "ecdsa-jcs-2019")
TOKEN_ALGORITHMS: Final = ("ES256", "EdDSA", "ES384", "RS256")


def query_for(achievements: Iterable[str]) -> JsonObject:
    """The `dcql_query` for one badge about any of these achievements, shown with a proof by its holder's key."""
    accepted: list[JsonValue] = [*sorted(set(achievements))]
    claim: JsonObject = {"path": [*_ACHIEVEMENT]}
    if accepted:
        claim["values"] = accepted
    return {
        "credentials": [
            {
                "id": name,
                "format": kind,
                "require_cryptographic_holder_binding": True,
                "meta": {"type_values": [[*types] for types in _TYPE_VALUES]},
                "claims": [claim],
            }
            for name, kind in QUERIES.items()
        ],
        "credential_sets": [{"options": [[name] for name in QUERIES]}],
    }


def formats_supported() -> JsonObject:
    """`vp_formats_supported` of our metadata (Appendix B.1.3): what `verification` verifies."""
    return {
        "ldp_vc": {
            "proof_type_values": ["DataIntegrityProof"],
            "cryptosuite_values": [*DOCUMENT_SUITES],
        },
        "jwt_vc_json": {"alg_values": [*TOKEN_ALGORITHMS]},
    }


def presentation_in(vp_token: JsonValue) -> JsonValue:
    """The one presentation in a `vp_token` (§8.1): an object from a query's id to an array of presentations.

    Raises:
        AnswerRefusedError: another shape, an id that was not asked for, or more than one presentation.
    """
    if not isinstance(vp_token, dict):
        raise AnswerRefusedError(
            "vp_token must be an object from the query's id to a list of presentations (OpenID4VP 1.0 §8.1)."
        )
    strangers = sorted(vp_token.keys() - QUERIES.keys())
    if strangers:
        raise AnswerRefusedError(f"vp_token answers {strangers[0][:40]!a}, which was not asked for.")
    given = [(name, presentations) for name, presentations in vp_token.items() if presentations != []]
    name, shown = given[0] if len(given) == 1 else ("", None)
    if not isinstance(shown, list) or len(shown) != 1:
        raise AnswerRefusedError("vp_token must hold exactly one presentation, in one of the two forms asked for.")
    presentation = shown[0]
    is_token = isinstance(presentation, str)
    if is_token != (QUERIES[name] == "jwt_vc_json"):
        wanted = "a compact JWT as a text" if QUERIES[name] == "jwt_vc_json" else "an object with a proof"
        raise AnswerRefusedError(f"The presentation for {name} must be {wanted}.")
    return presentation


def check_given(credential: JsonObject, *, achievements: Iterable[str]) -> None:
    """That a credential, found authentic or not, is what was asked for.

    `achievements`: the ids of which one was asked for; none means any.

    Raises:
        AnswerRefusedError: another type or another achievement.
    """
    types = credential.get("type")
    listed = types if isinstance(types, list) else [types]
    if not any(name in listed for name in BADGE_TYPES):
        raise AnswerRefusedError("The credential is no Open Badge, which was asked for.")
    found: JsonValue = credential
    for step in _ACHIEVEMENT:
        found = found.get(step) if isinstance(found, dict) else None
    wanted = set(achievements)
    if wanted and found not in wanted:
        raise AnswerRefusedError("The badge is for an achievement that was not asked for.")
