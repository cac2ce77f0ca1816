"""From an award to the exact bytes that will be signed, and the dictionary that packs them small. Pure.

Only what was prepared here can be signed: preparing checks the document with the reader that verifiers use
and keeps within the budget of a QR code. Intent and signature are `issuer.badges.service`.
"""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time

from issuer.badges.model import Purpose
from issuer.recognition.calendar import BadgePeriod
from schemas import badge_qr, identity, strict_json, timestamps
from schemas.badge_qr import Dictionary
from schemas.claims import claims_of
from schemas.credential import (
    HOLDER_REFERENCE_TYPE,
    OB_CONTEXT,
    VC_CONTEXT,
    Achievement,
    AchievementSubject,
    CredentialStatus,
    Evidence,
    OpenBadgeCredential,
    Profile,
    RelatedResource,
    read,
    write,
)
from schemas.identity import EMAIL_TYPE, HOLDER_CODE_TYPE, IdentityObject

_log = logging.getLogger(__name__)
MAX_NAME_CHARACTERS = 100
POLICY_MEDIA_TYPE = "application/yaml"


@dataclass(frozen=True, slots=True)
class Cover:
    """What all badges of one achievement, period, policy version and issuer have in common."""

    issuer: Profile
    achievement: Achievement
    period: BadgePeriod
    policy_url: str
    policy_sri: str
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """One bit that speaks for a badge: what it says when it is set, and where its list is published."""

    purpose: Purpose
    list: str
    index: int


@dataclass(frozen=True, slots=True)
class Particulars:
    """What differs from person to person. `holder_code` is its salted hash; `name`, and `address`, which is a hash
    as well, only if they want it. `former_references`: those of the period that they had before two persons were
    merged, so that whoever takes one takes all. `names_holder`: whether it carries references at all, by which
    registrations know its holder: without one it buys nothing (ADR 0019). `subject`: the DID of the wallet to
    which it is bound. `evidence`: links to what counted, the most telling first.
    """

    credential_id: str
    reference: str
    holder_code: IdentityObject
    valid_from: datetime
    awarded: datetime
    status: tuple[StatusEntry, ...]
    name: str | None = None
    address: IdentityObject | None = None
    narrative: str | None = None
    former_references: tuple[str, ...] = ()
    names_holder: bool = True
    subject: str | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedCredential:
    """A badge that can be signed: `claims` are the very bytes (UTF-8 JSON) of the JWT's payload."""

    credential_id: str
    claims: bytes


def holder_code_hash(code: str, *, salt: str) -> IdentityObject:
    """The holder code as a badge carries it."""
    return identity.hashed(code, identity_type=HOLDER_CODE_TYPE, salt=salt)


def prepare(cover: Cover, particulars: Particulars) -> PreparedCredential:
    """The claims of one badge (OB 3.0 §8.2.4.1; STANDARDS b, c1).

    Raises:
        CredentialError: the document is not what a verifier would accept.
    """
    document = write(_credential(cover, particulars))
    read(document)
    return PreparedCredential(particulars.credential_id, strict_json.dumps(claims_of(document)).encode())


def prepare_to_fit(
    cover: Cover, particulars: Particulars, *, dictionary: Dictionary, host: str
) -> PreparedCredential:
    """The same within the budget of a code that phones read, if there is a way (DESK §4).

    Above the hard limit it is prepared lean: with as many of its links to evidence as fit, then without the hash
    of the address and the picture's caption. What is too large even so is issued without evidence, otherwise as it
    was wished, and has no packed code.

    Raises:
        CredentialError: as `prepare`.
    """
    prepared = prepare(cover, particulars)
    version = code_version(prepared, dictionary, host=host)
    while version is None and particulars.evidence:
        particulars = replace(particulars, evidence=particulars.evidence[:-1])
        prepared = prepare(cover, particulars)
        version = code_version(prepared, dictionary, host=host)
    if version is None:
        image = cover.achievement.image
        plain = None if image is None else image.model_copy(update={"caption": None})
        achievement = cover.achievement.model_copy(update={"image": plain})
        lean = prepare(replace(cover, achievement=achievement), replace(particulars, address=None))
        version = code_version(lean, dictionary, host=host)
        _log.warning(
            "%s does not fit a code as it was wished; %s",
            prepared.credential_id,
            "it is prepared lean" if version else "it has no packed code",
        )
        return lean if version else prepared
    if version > badge_qr.SOFT_LIMIT_VERSION:
        _log.info("%s needs a code of version %d", prepared.credential_id, version)
    return prepared


def address_hash(email: str, *, salt: str) -> IdentityObject:
    """A mail address as a badge carries it, so that whoever is told the address can mail a code to it. It is a
    pseudonym and no secret: an address can be guessed.
    """
    return identity.hashed(identity.normalised_email(email), identity_type=EMAIL_TYPE, salt=salt)


def dictionary(cover: Cover, *, header: bytes, status: tuple[StatusEntry, ...]) -> Dictionary:
    """The preset dictionary for one achievement and one signing key (DESK §2).

    A credential like a real one, with what differs replaced by its constant beginning; name and address, which
    some badges have, are in it too. `header` is the exact JOSE header of the key that will sign.
    """
    first = datetime.combine(cover.period.first, time(), UTC)
    code, address = (
        IdentityObject(type="IdentityObject", hashed=True, identityHash="sha256$", identityType=kind, salt="")
        for kind in (HOLDER_CODE_TYPE, EMAIL_TYPE)
    )
    particulars = Particulars(
        credential_id="urn:uuid:",
        reference="urn:uuid:",
        holder_code=code,
        valid_from=first,
        awarded=first,
        status=tuple(replace(entry, index=0) for entry in status),
        name="",
        address=address,
    )
    template = strict_json.dumps(claims_of(write(_credential(cover, particulars))))
    return Dictionary.parse(header + b"\n" + template.encode())


def jose_header(*, alg: str, kid: str, typ: str) -> bytes:
    """The exact bytes of the header that `keys.jws.sign` writes."""
    return strict_json.dumps({"alg": alg, "kid": kid, "typ": typ}).encode()


def code_version(prepared: PreparedCredential, dictionary: Dictionary, *, host: str) -> int | None:
    """The smallest QR version that holds this badge in the URL form; None above the hard limit (DESK §4)."""
    size = badge_qr.packed_size(prepared.claims, dictionary=dictionary)
    version = badge_qr.smallest_version(size, form="url", prefix_characters=len(f"https://{host}/v#"))
    return version if version is not None and version <= badge_qr.HARD_LIMIT_VERSION else None


def _credential(cover: Cover, particulars: Particulars) -> OpenBadgeCredential:
    named = () if particulars.name is None else (identity.plain(particulars.name, identity_type="name"),)
    addressed = () if particulars.address is None else (particulars.address,)
    return OpenBadgeCredential(
        context=(VC_CONTEXT, OB_CONTEXT),
        id=particulars.credential_id,
        type=("VerifiableCredential", "OpenBadgeCredential"),
        name=f"{cover.achievement.name} {cover.period.name}",
        issuer=cover.issuer,
        validFrom=particulars.valid_from,
        validUntil=cover.valid_until,
        awardedDate=particulars.awarded,
        credentialSubject=AchievementSubject(
            id=particulars.subject or particulars.reference,
            type=("AchievementSubject",),
            identifier=(
                *(
                    identity.plain(reference, identity_type=HOLDER_REFERENCE_TYPE)
                    for reference in (particulars.reference, *particulars.former_references)
                    if particulars.names_holder
                ),
                particulars.holder_code,
                *named,
                *addressed,
            ),
            achievement=cover.achievement,
            term=cover.period.term,
            narrative=particulars.narrative,
        ),
        credentialStatus=tuple(
            CredentialStatus(
                type="BitstringStatusListEntry",
                statusPurpose=entry.purpose,
                statusListIndex=str(entry.index),
                statusListCredential=entry.list,
            )
            for entry in particulars.status
        ),
        relatedResource=(
            RelatedResource(id=cover.policy_url, digestSRI=cover.policy_sri, mediaType=POLICY_MEDIA_TYPE),
        ),
        evidence=tuple(Evidence(type=("Evidence",), id=link) for link in particulars.evidence) or None,
    )


def whole_seconds(moment: datetime) -> datetime:
    """A badge's times are whole seconds, as they are written and as NumericDate repeats them."""
    return timestamps.parse(timestamps.show(moment))
