"""Awards, badges and their versions. Pure.

An award says that somebody earned an achievement in a period. A badge is the credential for it; each choice of
its holder makes a new version of the same badge (same id, same status entry, newer `validFrom`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from issuer.recognition.calendar import BadgePeriod

Purpose = Literal["revocation", "suspension"]
BY_DECISION = "by-decision"  # the achievement of an award by hand that no second person has approved


class BadgeError(Exception):
    """A badge or award that is not there, or cannot be made, shown or withdrawn; one sentence."""


@dataclass(frozen=True, slots=True)
class HandDecision:
    """Staff's own decision to recognise people: by whom, on what grounds, and who else approved it."""

    id: str
    tier: str
    decision: str
    reason: str
    decided_by: str
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Award:
    """Who earned what, when.

    `achievement` is the name in its address, `title` what it is called where the policy's catalogue names it.
    `tier` is empty for a badge per kind. `mark`: the kind of work on its picture. `thanks`: what was counted, in
    words, as it stood when the award was made. `reasons`: a line for each thing that counted, for the letter
    about it; kept until the badge is signed.
    """

    id: str
    person: str
    achievement: str
    tier: str
    period: BadgePeriod
    mark: str
    made_at: datetime
    policy_digest: str
    hand_decision: str | None = None
    thanks: str = ""
    reasons: str = ""
    title: str = ""

    @property
    def is_per_kind(self) -> bool:
        """Whether it is for one kind of work: it stands beside the tiers, above and below none of them."""
        return not self.tier

    @property
    def purpose(self) -> str:
        """Badges of one purpose share a holder's reference: tiers do, since a discount hangs on it; a badge that
        buys nothing has one of its own, so that records cannot be joined by it (DESIGN §3).
        """
        return self.achievement if self.buys_nothing else "tier"

    @property
    def buys_nothing(self) -> bool:
        """Whether no event can give a discount for it: it names no holder, since beside a tier's badge it would
        be a second one (ADR 0019).
        """
        return self.is_per_kind or self.achievement == BY_DECISION


@dataclass(slots=True)
class BadgeOutline:
    """Of a badge only what others of its holder are compared with; `standing` as of the badge."""

    id: str
    award: Award
    standing: bool


class Intent(NamedTuple):
    """A version of a badge that is to be signed: the exact claims, and the key for which they were prepared.

    `named_copy`: it has the name for once; the badge stays the version that it is.
    """

    badge: str
    version: int
    claims: str
    kid: str
    named_copy: bool = False


@dataclass(frozen=True, slots=True)
class StatusPlace:
    """Which bit of which list speaks for a badge."""

    list: int
    index: int


@dataclass(frozen=True, slots=True)
class Badge:
    """One credential. `id` is its `urn:uuid:`; `jwt` its newest signed version, None while it is only intended,
    and `proof` (JSON) what secures the same version as a document.

    `suspension`: None where the policy did not use suspensions when it was made. `hashes_address`: whether it
    carries a hash of its holder's mail address. `subject`: the DID of the wallet to which it is bound; `copy_of`:
    the badge of the same award, bound to nothing, whose copy it is then.
    """

    id: str
    award: Award
    reference: str
    revocation: StatusPlace
    suspension: StatusPlace | None
    salt: str
    shows_name: bool
    hashes_address: bool
    published: bool
    revoked_at: datetime | None
    revoked_for: str | None
    superseded_by: str | None
    suspended_at: datetime | None
    suspended_for: str | None
    jwt: str | None
    proof: str | None = None
    copy_of: str | None = None
    subject: str | None = None
    shows_evidence: bool = False

    @property
    def short_id(self) -> str:
        """Its id without `urn:uuid:`: in addresses, and what people type."""
        return self.id.removeprefix("urn:uuid:")

    @property
    def places(self) -> list[tuple[Purpose, StatusPlace]]:
        """Its places on the status lists, for each purpose."""
        suspension: list[tuple[Purpose, StatusPlace]] = []
        if self.suspension is not None:
            suspension = [("suspension", self.suspension)]
        return [("revocation", self.revocation), *suspension]

    @property
    def standing(self) -> bool:
        """Whether it was neither withdrawn nor replaced by a better one; it may be suspended for a while."""
        return self.revoked_at is None

    @property
    def state(self) -> str:
        """One word or two for a list: in force, suspended, superseded or revoked."""
        if self.standing:
            return "in force" if self.suspended_at is None else "suspended"
        return "superseded" if self.superseded_by else "revoked"
