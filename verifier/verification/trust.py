"""What a verification rests on, as one frozen value: documents, lists and dictionaries with their ages.

Online the resolver makes one; a desk without a network loads one; `checks.verify` takes either and asks nobody.
Documents are kept as the bytes that were published: they are checked where they are used. What could not be
had stands here as `Absent` with its reason, so that a check can say UNKNOWN and why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keys.jwk import PublicKey
from schemas.badge_qr import Dictionary
from schemas.contexts import VERIFYING, ContextSet

STATUS_AGE_LIMIT = timedelta(hours=1)  # STANDARDS j1: an older answer about revocation is no answer


@dataclass(frozen=True)
class Published:
    """The bytes of a published document, and when they were had.

    `opened` keeps what was made of these very bytes once they were found sound, so that a list of 131,072 entries
    is not inflated for each badge; whoever keeps something there says what else it rests on.
    """

    body: bytes
    fetched_at: datetime
    opened: dict[object, object] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Absent:
    """A document that could not be had; `reason` is one sentence."""

    reason: str


@dataclass(frozen=True)
class TrustBundle:
    """Everything that one verification may rely on.

    `did_documents` by DID, `status_lists` by the exact URL in the badge, `dictionaries` by their id;
    `status_age_limit`: a status list had longer ago than this is stale; `heed_ttl`: whether the list's own `ttl`
    can shorten that, which a desk that can ask nobody leaves to its event; `contexts`: the JSON-LD contexts that
    are known; `given_key`: the one key that whoever asks vouches for, in place of looking up the issuer's.
    """

    as_of: datetime
    did_documents: Mapping[str, Published | Absent] = field(default_factory=dict)
    status_lists: Mapping[str, Published | Absent] = field(default_factory=dict)
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)
    status_age_limit: timedelta = STATUS_AGE_LIMIT
    heed_ttl: bool = True
    contexts: ContextSet = VERIFYING
    given_key: PublicKey | None = None
