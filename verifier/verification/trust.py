"""What a verification rests on, as one frozen value: documents, lists and dictionaries with their ages.

Online the resolver makes one; a desk without a network loads one; `checks.verify` takes either and asks nobody.
Documents are kept as the bytes that were published: they are checked where they are used. What could not be
had stands here as `Absent` with its reason, so that a check can say UNKNOWN and why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from schemas.badge_qr import Dictionary

STATUS_AGE_LIMIT = timedelta(hours=1)  # STANDARDS j1: an older answer about revocation is no answer


@dataclass(frozen=True)
class Published:
    """The bytes of a published document, and when they were had."""

    body: bytes
    fetched_at: datetime


@dataclass(frozen=True)
class Absent:
    """A document that could not be had; `reason` is one sentence."""

    reason: str


@dataclass(frozen=True)
class TrustBundle:
    """Everything that one verification may rely on.

    `did_documents` by DID, `status_lists` by the exact URL in the badge, `dictionaries` by their id;
    `status_age_limit`: a status list had longer ago than this is stale.
    """

    as_of: datetime
    did_documents: Mapping[str, Published | Absent] = field(default_factory=dict)
    status_lists: Mapping[str, Published | Absent] = field(default_factory=dict)
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)
    status_age_limit: timedelta = STATUS_AGE_LIMIT
