"""Is a badge withdrawn? Its status entries, each looked up in the list that it names (Bitstring Status List 1.0).

The list is itself a signed statement of the same issuer and is verified as one before a bit of it is read.
Whatever keeps us from a clear bit is UNKNOWN, never "not withdrawn": out of reach, stale, signed by somebody
else, of another purpose or type. Fetching is the resolver's affair. The older list of Open Badges, which nobody
signs, is `revoked_ids`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from keys import did, jws
from keys.did import DidDocument
from keys.errors import KeysError
from schemas import status_list, strict_json, timestamps
from schemas.contexts import VERIFYING, ContextSet
from schemas.outline import Outline, issuer_of
from schemas.status_list import StatusListError
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.verification.story import read_document
from verifier.verification.trust import Absent, Published, TrustBundle
from verifier.verification.verdict import Check, State

ENTRY_TYPE = "BitstringStatusListEntry"
OLD_TYPE = "1EdTechRevocationList"  # deprecated since October 2025: read, never issued
LIST_TYPE = "BitstringStatusListCredential"
SUSPENSION = "suspension"
WITHDRAWING_PURPOSES = frozenset({"revocation", SUSPENSION})  # others say something else when a bit is set
MAX_ENTRIES = 4  # ours have one or two; each may cost a fetch
SKEW = timedelta(seconds=60)
_INDEX_TYPES = (str, int)  # exactly: true is an int as well


RETRIEVAL, VERIFICATION = "STATUS_RETRIEVAL_ERROR", "STATUS_VERIFICATION_ERROR"  # Bitstring Status List 1.0 §5
MAX_OLD_LIST_BYTES = 1 << 20  # nobody signs it and it names badges by their ids: some ten thousand of them


class UnusableListError(Exception):
    """No answer can be taken from this list; one sentence. `problem`: the standard's code for it (`problems`)."""

    def __init__(self, message: str, *, problem: str = VERIFICATION) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True)
class StatusSnapshot:
    """A verified status list: its bits, what they say, since when and until when it speaks."""

    bits: bytes
    purposes: frozenset[str]
    made_at: datetime | None
    valid_until: datetime | None
    ttl: timedelta | None

    def check_time(self, now: datetime) -> None:
        """The list speaks at this moment.

        Raises:
            UnusableListError: it is from the future, or its end has passed.
        """
        if self.made_at is not None and self.made_at > now + SKEW:
            raise UnusableListError(
                f"The list is from the future: it was made {timestamps.show(self.made_at)}, and the clock here"
                f" says {timestamps.show(now.replace(microsecond=0))}."
            )
        if self.valid_until is not None and self.valid_until < now - SKEW:
            raise UnusableListError(f"The list was good until {timestamps.show(self.valid_until)} only.")


def check_status(
    said: Outline, *, published: Published | Absent | DidDocument, trust: TrustBundle, now: datetime
) -> Check:
    """No entry of `credentialStatus` is set in its list (Bitstring Status List 1.0 §3.2, STANDARDS e1, e2).

    `published`: the issuer's document; a list signed by anybody else is not believed.
    """
    if not said.status:
        return Check("status", State.PASS, "The badge names no status list: its issuer cannot withdraw it.")
    if len(said.status) > MAX_ENTRIES:
        return Check("status", State.UNKNOWN, f"It has {len(said.status)} status entries; {MAX_ENTRIES} are read.")
    try:
        document = read_document(said.issuer, published=published)
    except KeysError as error:  # only where whoever asks brought the badge's key along
        return Check("status", State.UNKNOWN, str(error), problem=RETRIEVAL)
    answers = [_answer(entry, said, document=document, trust=trust, now=now) for entry in said.status]
    if len(answers) == 1:
        return answers[0]
    for state in (State.FAIL, State.UNKNOWN):
        found = [answer for answer in answers if answer.state is state]
        if found:
            return max(found, key=lambda answer: answer.lasting)  # withdrawn says more than suspended
    return max(answers, key=lambda answer: answer.age or timedelta())  # as fresh as the oldest list


def list_url(entry: JsonObject) -> str | None:
    """Where the list of a status entry is published."""
    url = entry.get("id" if entry.get("type") == OLD_TYPE else "statusListCredential")
    return url if isinstance(url, str) else None


def open_list(
    body: bytes, *, url: str, document: DidDocument, now: datetime, contexts: ContextSet = VERIFYING
) -> StatusSnapshot:
    """A status list credential, once its signature, issuer, type and times were found good.

    `body`: what its address answered, a compact JWS or a JSON document with a Data Integrity proof inside.

    Raises:
        UnusableListError: any of these is wrong (STATUS_VERIFICATION_ERROR), or the list cannot be decoded.
    """
    try:
        claims, proof_ends = _verified_claims(body, document=document, contexts=contexts)
        subject = claims.get("credentialSubject")
        issuer = claims.get("issuer")
        if (issuer.get("id") if isinstance(issuer, dict) else issuer) != document.id:
            raise UnusableListError("The list is by another issuer than the badge.")
        if claims.get("id") != url or ("iss" in claims and claims["iss"] != document.id):
            raise UnusableListError("The list is not the one that its address names.")
        if LIST_TYPE not in _texts(claims.get("type")) or not isinstance(subject, dict):
            raise UnusableListError(f"The document is no {LIST_TYPE}.")
        if "BitstringStatusList" not in _texts(subject.get("type")):
            raise UnusableListError("The list's subject is no BitstringStatusList.")
        made_at, valid_until = _times(claims, proof_ends=proof_ends)
        encoded = subject.get("encodedList")
        if not isinstance(encoded, str):
            raise UnusableListError("The list has no encodedList.")
        bits = status_list.decode(encoded)
        purposes = frozenset(_texts(subject.get("statusPurpose")))
        snapshot = StatusSnapshot(bits, purposes, made_at, valid_until, _ttl(subject.get("ttl")))
    except StatusListError as error:
        raise UnusableListError(f"The list cannot be used: {error}", problem=error.problem) from error
    except (StrictJsonError, KeysError, timestamps.TimestampError, UnicodeDecodeError) as error:
        raise UnusableListError(f"The list cannot be used: {error}") from error
    snapshot.check_time(now)
    return snapshot


def revoked_ids(body: bytes, *, issuer: str) -> frozenset[str]:
    """The ids of all credentials that a 1EdTech Revocation List names as revoked (VCRL 1.0; STANDARDS e2).

    Raises:
        UnusableListError: it is no such list, or of another issuer.
    """
    try:
        listed = strict_json.loads_object(body, max_bytes=MAX_OLD_LIST_BYTES)
    except StrictJsonError as error:
        raise UnusableListError(f"The list cannot be used: {error}") from error
    if issuer_of(listed) != issuer:
        raise UnusableListError("The list is by another issuer than the badge.")
    entries = listed.get("revokedCredential", listed.get("revokedCredentials", []))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UnusableListError("The list has no revokedCredential.")
    revoked = [entry for entry in entries if isinstance(entry, dict) and entry.get("revoked", True) is not False]
    return frozenset(name for entry in revoked if isinstance(name := entry.get("id"), str))


def _answer(
    entry: JsonObject, said: Outline, *, document: DidDocument, trust: TrustBundle, now: datetime
) -> Check:
    """What one entry says: FAIL for a withdrawn badge, PASS for one that is not, UNKNOWN for everything else."""
    kind, purpose, url = entry.get("type"), entry.get("statusPurpose"), list_url(entry)
    known = kind == OLD_TYPE or (
        kind == ENTRY_TYPE and isinstance(purpose, str) and purpose in WITHDRAWING_PURPOSES
    )
    if not known or url is None:
        evidence = f"A status of type {kind!a:.60} for {purpose!a:.60} is unknown."
        return Check("status", State.UNKNOWN, evidence, problem=VERIFICATION)
    published = trust.status_lists.get(url)
    if not isinstance(published, Published):
        reason = f"{url} is not at hand." if published is None else published.reason
        return Check("status", State.UNKNOWN, reason, problem=RETRIEVAL)
    try:
        look = _in_old_list if kind == OLD_TYPE else _in_bitstring
        withdrawn, made_at, what = look(entry, said, published, document=document, trust=trust, now=now)
    except UnusableListError as error:
        return Check("status", State.UNKNOWN, f"{url}: {error}", problem=error.problem)
    age = max(now - made_at, timedelta())
    evidence = f"{what} of {url} is {'set' if withdrawn else 'not set'}."
    if not withdrawn:
        return Check("status", State.PASS, evidence, age)
    return Check("status", State.FAIL, evidence, age, lasting=kind == OLD_TYPE or purpose != SUSPENSION)


def _in_bitstring(
    entry: JsonObject,
    _said: Outline,
    published: Published,
    *,
    document: DidDocument,
    trust: TrustBundle,
    now: datetime,
) -> tuple[bool, datetime, str]:
    """Whether the entry's bit is set, how old that is, and which bit it is."""
    index, purpose, url = entry.get("statusListIndex"), entry.get("statusPurpose"), list_url(entry) or ""
    if type(index) not in _INDEX_TYPES or entry.get("statusSize", 1) != 1:
        message = "The status entry lacks its index, or is not one bit."
        raise UnusableListError(message, problem="MALFORMED_VALUE_ERROR")
    snapshot = _opened(published, url=url, document=document, now=now, contexts=trust.contexts)
    if purpose not in snapshot.purposes:
        raise UnusableListError("The list is for another purpose than the badge's entry.")
    _check_fresh(published, snapshot.ttl, trust=trust, now=now)
    try:
        withdrawn = status_list.is_set(snapshot.bits, status_list.parse_index(str(index)))
    except StatusListError as error:
        raise UnusableListError(str(error), problem=error.problem) from error
    return withdrawn, snapshot.made_at or published.fetched_at, f"Entry {index} ({purpose})"


def _opened(
    published: Published, *, url: str, document: DidDocument, now: datetime, contexts: ContextSet
) -> StatusSnapshot:
    """`open_list`, once for each list as it was fetched, as long as the issuer's keys are the same."""
    kept = published.opened.get(url)
    if isinstance(kept, tuple) and (kept[0] is document or kept[0] == document):
        snapshot = kept[1]
        assert isinstance(snapshot, StatusSnapshot)
        snapshot.check_time(now)
        return snapshot
    snapshot = open_list(published.body, url=url, document=document, now=now, contexts=contexts)
    published.opened[url] = (document, snapshot)
    return snapshot


def _in_old_list(
    _entry: JsonObject,
    said: Outline,
    published: Published,
    *,
    document: DidDocument,
    trust: TrustBundle,
    now: datetime,
) -> tuple[bool, datetime, str]:
    """Whether the badge stands in a 1EdTech Revocation List; nobody signs one, so it is as old as it was had."""
    revoked = revoked_ids(published.body, issuer=document.id)
    _check_fresh(published, None, trust=trust, now=now)
    return said.id in revoked, published.fetched_at, "The badge's entry"


def _check_fresh(published: Published, ttl: timedelta | None, *, trust: TrustBundle, now: datetime) -> None:
    """A list had too long ago may hide a newer withdrawal; `ttl` can shorten that time, never lengthen it."""
    limit = min(ttl if ttl and trust.heed_ttl else trust.status_age_limit, trust.status_age_limit)
    had = now - published.fetched_at
    if not -SKEW <= had <= limit + SKEW:
        stale = f"The list was had at {timestamps.show(published.fetched_at)}: that is stale."
        raise UnusableListError(stale, problem=RETRIEVAL)


def _verified_claims(
    body: bytes, *, document: DidDocument, contexts: ContextSet
) -> tuple[JsonObject, list[datetime]]:
    """What the list says, once it was found signed by the issuer, and when its proofs expire, if they do."""
    if body.lstrip().startswith(b"{"):
        from keys import data_integrity  # a list as a token needs none of it

        secured = data_integrity.verify_document(
            strict_json.loads_object(body), controller=document, contexts=contexts
        )
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


def _times(
    claims: Mapping[str, JsonValue], *, proof_ends: list[datetime]
) -> tuple[datetime | None, datetime | None]:
    """The list's own validity: the latest beginning and the earliest end of document, claims and proofs."""
    begins = [timestamps.parse(claims["validFrom"])] if "validFrom" in claims else []
    begins += [timestamps.from_numeric_date(claims["nbf"])] if "nbf" in claims else []
    ends = [timestamps.parse(claims["validUntil"])] if "validUntil" in claims else []
    ends += [timestamps.from_numeric_date(claims["exp"])] if "exp" in claims else []
    ends += proof_ends
    return max(begins, default=None), min(ends, default=None)


def _ttl(value: JsonValue) -> timedelta | None:
    """`ttl` in milliseconds; what is no sensible number says nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e12:
        return None
    return timedelta(milliseconds=value)


def _texts(value: JsonValue) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str))
