"""What wallets read before they ask: this office as credential issuer and as its own authorization server, and one
offer (OpenID4VCI 1.0 §4.1.1, §12.2; RFC 8414). Pure.
"""

from typing import Final
from urllib.parse import urlencode

from issuer.badges.bureau import Bureau
from issuer.ground import language
from issuer.ground.language import Voice
from issuer.wallets.model import TRANSACTION_DIGITS
from issuer.wallets.proof_of_key import ALGORITHMS, SUITES
from schemas.credential import OB_CONTEXT, VC_CONTEXT
from schemas.strict_json import JsonObject, JsonValue

ROOM: Final = "/wallet"
PRE_AUTHORIZED: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
SCHEME: Final = "openid-credential-offer://"
DOCUMENT, TOKEN = "OpenBadgeCredential_ldp_vc", "OpenBadgeCredential_jwt_vc_json"
CONFIGURATIONS: Final = (DOCUMENT, TOKEN)
TYPES: Final = ("VerifiableCredential", "OpenBadgeCredential")
_CLAIMS: Final = (  # what is shown of a badge; the paths lead into the credential
    (("name",), "Badge"),
    (("credentialSubject", "achievement", "description"), "What it is for"),
    (("credentialSubject", "term"), "Period"),
    (("validUntil",), "Valid until"),
)


def offers(bureau: Bureau) -> str:
    """Where offers lie, up to their handles; short, so that their codes are small."""
    return f"{bureau.addresses.base}{ROOM}/o/"


def wallet_link(reference: str) -> str:
    """An offer by reference, as wallets open it (§4.1.3)."""
    return f"{SCHEME}?{urlencode({'credential_offer_uri': reference})}"


def claim_page(bureau: Bureau, reference: str) -> str:
    """The page of an offer. It has the parameter of a wallet's link, so that a wallet that scans it finds the
    offer, while a camera opens the page; slashes may stand in a query as they are, which keeps the code small.
    """
    query = urlencode({"credential_offer_uri": reference}, safe=":/")
    return f"{bureau.addresses.base}{ROOM}?{query}"


def of_issuer(bureau: Bureau) -> JsonObject:
    """`/.well-known/openid-credential-issuer`. `credential_metadata` always stands in it: libraries take metadata
    without it for that of a draft (STANDARDS i1).
    """
    base = bureau.addresses.base
    voices = [Voice(code) for code in language.known()]
    name: JsonValue = [{"name": bureau.name, "locale": say.code} for say in voices]
    return {
        "credential_issuer": base,
        "credential_endpoint": f"{base}{ROOM}/credential",
        "nonce_endpoint": f"{base}{ROOM}/nonce",
        "deferred_credential_endpoint": f"{base}{ROOM}/deferred",
        "notification_endpoint": f"{base}{ROOM}/notification",
        "display": name,
        "credential_configurations_supported": {
            DOCUMENT: _configuration(
                "ldp_vc",
                bureau,
                voices,
                definition={"@context": [VC_CONTEXT, OB_CONTEXT], "type": [*TYPES]},
                signed_by=[
                    "eddsa-rdfc-2022" if bureau.document_signer.public.kind == "Ed25519" else "ecdsa-rdfc-2019"
                ],
            ),
            TOKEN: _configuration(
                "jwt_vc_json",
                bureau,
                voices,
                definition={"type": [*TYPES]},
                signed_by=[bureau.signer.public.algorithm],
            ),
        },
    }


def of_authorization_server(bureau: Bureau) -> JsonObject:
    """`/.well-known/oauth-authorization-server`: pre-authorised codes for anybody, and nothing else."""
    base = bureau.addresses.base
    return {
        "issuer": base,
        "token_endpoint": f"{base}{ROOM}/token",
        "token_endpoint_auth_methods_supported": ["none"],
        "response_types_supported": [],
        "grant_types_supported": [PRE_AUTHORIZED],
        "pre-authorized_grant_anonymous_access_supported": True,
    }


def of_offer(bureau: Bureau, *, code: str, say: Voice) -> JsonObject:
    """One offer, as it lies behind its address; both formats are of one badge."""
    description = say("The code on your private page, beside this offer.")
    return {
        "credential_issuer": bureau.addresses.base,
        "credential_configuration_ids": [*CONFIGURATIONS],
        "grants": {
            PRE_AUTHORIZED: {
                "pre-authorized_code": code,
                "tx_code": {"input_mode": "numeric", "length": TRANSACTION_DIGITS, "description": description},
            }
        },
    }


def _configuration(
    form: str, bureau: Bureau, voices: list[Voice], *, definition: JsonObject, signed_by: list[JsonValue]
) -> JsonObject:
    title: JsonValue = [
        {
            "name": say("Badge of %(community)s", community=bureau.name),
            "locale": say.code,
            "background_color": "#1b3a5c",
            "text_color": "#ffffff",
        }
        for say in voices
    ]
    claims: JsonValue = [
        {"path": [*path], "display": [{"name": say(text), "locale": say.code} for say in voices]}
        for path, text in _CLAIMS
    ]
    return {
        "format": form,
        "scope": f"badge_{form}",
        "credential_definition": definition,
        "cryptographic_binding_methods_supported": ["did:key", "did:jwk", "jwk"],
        "credential_signing_alg_values_supported": signed_by,
        "proof_types_supported": {
            "jwt": {"proof_signing_alg_values_supported": [*ALGORITHMS]},
            "di_vp": {"proof_signing_alg_values_supported": [*SUITES]},
        },
        "credential_metadata": {"display": title, "claims": claims},
    }
