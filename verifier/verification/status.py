"""Is a badge withdrawn? Its status entries, each looked up in the list that it names (Bitstring Status List 1.0).

The list is itself a signed statement of the same issuer and is verified as one before a bit of it is read.
Whatever keeps us from a clear bit is UNKNOWN, never "not withdrawn": out of reach, stale, signed by somebody
else, of another purpose or type. Fetching is the resolver's affair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from keys import data_integrity, did, jws
from keys.did import DidDocument
from keys.errors import KeysError
from schemas import status_list, strict_json, timestamps
from schemas.credential import CredentialStatus, OpenBadgeCredential
from schemas.status_list import StatusListError
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.verification.trust import Absent, Published, TrustBundle
from verifier.verification.verdict import Check, State

ENTRY_TYPE = "BitstringStatusListEntry"
LIST_TYPE = "BitstringStatusListCredential"
WITHDRAWING_PURPOSES = frozenset({"revocation", "suspension"})  # others say something else when a bit is set
MAX_ENTRIES = 4  # ours have one or two; each may cost a fetch
SKEW = timedelta(seconds=60)


class UnusableListError(Exception):
    """No answer can be taken from this list; one sentence."""


@dataclass(frozen=True)
class StatusSnapshot:
    """A verified status list: its bits, what they say, since when and until when it speaks."""

    bits: bytes
    purposes: frozenset[str]
    made_at: datetime
    valid_until: datetime | None
    ttl: timedelta | None


def check_status(
    credential: OpenBadgeCredential, *, document: DidDocument, trust: TrustBundle, now: datetime
) -> Check:
    """No entry of `credentialStatus` is set in its list (Bitstring Status List 1.0 §3.2, STANDARDS e1).

    `document`: the issuer's, already checked; a list signed by anybody else is not believed.
    """
    entries = credential.credentialStatus or ()
    if not entries:
        return Check("status", State.PASS, "The badge names no status list: its issuer cannot withdraw it.")
    if len(entries) > MAX_ENTRIES:
        return Check("status", State.UNKNOWN, f"It has {len(entries)} status entries; {MAX_ENTRIES} are read.")
    answers = [_answer(entry, document=document, trust=trust, now=now) for entry in entries]
    for state in (State.FAIL, State.UNKNOWN):
        for answer in answers:
            if answer.state is state:
                return answer
    return max(answers, key=lambda answer: answer.age or timedelta())  # as fresh as the oldest list


def open_list(body: bytes, *, url: str, document: DidDocument, now: datetime) -> StatusSnapshot:
    """A status list credential, once its signature, issuer, type and times were found good.

    `body`: what its address answered, a compact JWS or a JSON document with a Data Integrity proof inside.

    Raises:
        UnusableListError: any of these is wrong (STATUS_VERIFICATION_ERROR), or the list cannot be decoded.
    """
    try:
        claims, proof_ends = _verified_claims(body, document=document)
        subject = claims.get("credentialSubject")
        issuer = claims.get("issuer")
        if (issuer.get("id") if isinstance(issuer, dict) else issuer) != document.id:
            raise UnusableListError("The list is by another issuer than the badge.")
        if claims.get("id") != url or ("iss" in claims and claims["iss"] != document.id):
            raise UnusableListError("The list is not the one that its address names.")
        if LIST_TYPE not in _texts(claims.get("type")) or not isinstance(subject, dict):
            raise UnusableListError(f"The document is no {LIST_TYPE}.")
        if subject.get("type") != "BitstringStatusList":
            raise UnusableListError("The list's subject is no BitstringStatusList.")
        made_at, valid_until = _times(claims, proof_ends=proof_ends)
        if made_at > now + SKEW:
            raise UnusableListError("The list is from the future.")
        if valid_until is not None and valid_until < now - SKEW:
            raise UnusableListError(f"The list was good until {timestamps.show(valid_until)} only.")
        encoded = subject.get("encodedList")
        if not isinstance(encoded, str):
            raise UnusableListError("The list has no encodedList.")
        bits = status_list.decode(encoded)
        purposes = frozenset(_texts(subject.get("statusPurpose")))
        return StatusSnapshot(bits, purposes, made_at, valid_until, _ttl(subject.get("ttl")))
    except (StatusListError, StrictJsonError, KeysError, timestamps.TimestampError, UnicodeDecodeError) as error:
        raise UnusableListError(f"The list cannot be used: {error}") from error


def _answer(entry: CredentialStatus, *, document: DidDocument, trust: TrustBundle, now: datetime) -> Check:
    """What one entry says: FAIL for a set bit, PASS for one that is not set, UNKNOWN for everything else."""
    url, index = entry.statusListCredential, entry.statusListIndex
    if entry.type != ENTRY_TYPE or entry.statusPurpose not in WITHDRAWING_PURPOSES:
        return Check(
            "status", State.UNKNOWN, f"A status of type {entry.type} for {entry.statusPurpose} is unknown."
        )
    size = (entry.model_extra or {}).get("statusSize", 1)
    if url is None or index is None or isinstance(index, bool) or size != 1:
        return Check("status", State.UNKNOWN, "The status entry lacks its list or index, or is not one bit.")
    published = trust.status_lists.get(url, Absent(f"{url} is not at hand."))
    if isinstance(published, Absent):
        return Check("status", State.UNKNOWN, published.reason)
    try:
        snapshot = open_list(published.body, url=url, document=document, now=now)
        if entry.statusPurpose not in snapshot.purposes:
            raise UnusableListError("The list is for another purpose than the badge's entry.")
        _check_fresh(published, snapshot, trust=trust, now=now)
        withdrawn = status_list.is_set(snapshot.bits, status_list.parse_index(str(index)))
    except (UnusableListError, StatusListError) as error:
        return Check("status", State.UNKNOWN, f"{url}: {error}")
    age = max(now - snapshot.made_at, timedelta())
    said = "set" if withdrawn else "not set"
    evidence = f"Entry {index} ({entry.statusPurpose}) of {url} is {said}."
    return Check("status", State.FAIL if withdrawn else State.PASS, evidence, age)


def _check_fresh(published: Published, snapshot: StatusSnapshot, *, trust: TrustBundle, now: datetime) -> None:
    """A list had too long ago may hide a newer withdrawal; `ttl` can shorten that time, never lengthen it."""
    limit = min(snapshot.ttl or trust.status_age_limit, trust.status_age_limit)
    had = now - published.fetched_at
    if not -SKEW <= had <= limit + SKEW:
        raise UnusableListError(f"The list was had at {timestamps.show(published.fetched_at)}: that is stale.")


def _verified_claims(body: bytes, *, document: DidDocument) -> tuple[JsonObject, list[datetime]]:
    """What the list says, once it was found signed by the issuer, and when its proofs expire, if they do."""
    if body.lstrip().startswith(b"{"):
        secured = data_integrity.verify_document(strict_json.loads_object(body), controller=document)
        return secured.document, [proof.expires for proof in secured.proofs if proof.expires is not None]
    text = body.decode("ascii").strip()
    kid = jws.parse(text).header.kid or ""
    if did.did_of_key_id(kid) != document.id:
        raise UnusableListError("The list is signed with the key of somebody else than the badge's issuer.")
    key = document.key(kid, purpose="assertionMethod")
    if key is None:
        raise UnusableListError("The list is signed with a key that its issuer does not publish.")
    payload = jws.verify(text, key=key)
    return strict_json.loads_object(payload), []


def _times(claims: Mapping[str, JsonValue], *, proof_ends: list[datetime]) -> tuple[datetime, datetime | None]:
    """The list's own validity: the latest beginning and the earliest end of document, claims and proofs."""
    begins = [timestamps.parse(claims["validFrom"])] if "validFrom" in claims else []
    begins += [timestamps.from_numeric_date(claims["nbf"])] if "nbf" in claims else []
    ends = [timestamps.parse(claims["validUntil"])] if "validUntil" in claims else []
    ends += [timestamps.from_numeric_date(claims["exp"])] if "exp" in claims else []
    ends += proof_ends
    if not begins:
        raise UnusableListError("The list does not say when it was made.")
    return max(begins), min(ends) if ends else None


def _ttl(value: JsonValue) -> timedelta | None:
    """`ttl` in milliseconds; what is no sensible number says nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e12:
        return None
    return timedelta(milliseconds=value)


def _texts(value: JsonValue) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str))
