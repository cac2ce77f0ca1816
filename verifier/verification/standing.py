"""How a badge that was found valid before stands now, with the badge itself no longer at hand.

What was kept of it is a `Lookup`: whose key signed it, one place in one status list, and the hash of its id. The
clauses are those of `story` and `status`; as there, what could not be found out is unknown and never "it stands".
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from keys.errors import KeysError
from schemas.outline import Outline
from schemas.strict_json import JsonObject
from verifier.verification import status, story
from verifier.verification.trust import Published, TrustBundle
from verifier.verification.verdict import State

StandingState = Literal["stands", "withdrawn", "suspended", "key_withdrawn", "unknown"]


@dataclass(frozen=True)
class Lookup:
    """Where to look: `kind`, `url`, `index` and `purpose` as in the badge's status entry, empty if it had none."""

    issuer: str
    key_id: str
    credential_sha256: str
    kind: str = ""
    url: str = ""
    index: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class Finding:
    """How it stands, and what was seen."""

    state: StandingState
    evidence: str


def find(badge: Lookup, *, trust: TrustBundle, now: datetime) -> Finding:
    """Whether the badge's key still stands in its issuer's document, and its place in the list is clear."""
    published = story.document_to_read(badge.issuer, trust=trust)
    try:
        document = story.read_document(badge.issuer, published=published)
    except KeysError as error:
        return Finding("unknown", str(error))
    if badge.key_id and story.check_issuer_key(badge.key_id, document=document).state is State.FAIL:
        return Finding("key_withdrawn", f"{badge.key_id} is no longer listed by {badge.issuer}.")
    if not badge.kind:
        return Finding("stands", "The badge names no status list.")
    said = Outline(_id_in_old_list(badge, trust=trust), badge.issuer, None, None, None, (_entry(badge),))
    check = status.check_status(said, published=published, trust=trust, now=now)
    if check.state is State.PASS:
        return Finding("stands", check.evidence)
    if check.state is State.UNKNOWN:
        return Finding("unknown", check.evidence)
    return Finding("withdrawn" if check.lasting else "suspended", check.evidence)


def _entry(badge: Lookup) -> JsonObject:
    named = "id" if badge.kind == status.OLD_TYPE else "statusListCredential"
    return {
        "type": badge.kind,
        named: badge.url,
        "statusListIndex": badge.index,
        "statusPurpose": badge.purpose,
    }


def _id_in_old_list(badge: Lookup, *, trust: TrustBundle) -> str | None:
    """The badge's id, if the older kind of list names it: of ours only the hash was kept."""
    published = trust.status_lists.get(badge.url)
    if badge.kind != status.OLD_TYPE or not isinstance(published, Published):
        return None
    try:
        revoked = status.revoked_ids(published.body, issuer=badge.issuer)
    except status.UnusableListError:
        return None
    hashes = {hashlib.sha256(name.encode()).hexdigest(): name for name in revoked}
    return hashes.get(badge.credential_sha256)
