"""The life of a version of the policy: draft, open for comments, in force, superseded. Pure.

The first version of a new community is in force at once, since nobody could comment on it. Every later one is
proposed, is open for comments for as long as the policy in force says, and needs two people's approval (POLICY §4,
change control). A version never changes: another text is another digest, and needs another version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from schemas.policy import PolicyError, QualificationPolicy

State = Literal["draft", "open for comments", "comments are over", "in force", "superseded", "withdrawn"]
Profile = Literal["small", "standard"]
APPROVALS = 2
MAX_COMMENT = 2_000
MAX_COMMENTS = 20  # of one person on one version
TOP_TIER = 0  # the profile asks how many hold the highest tier, whatever it is called


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's yes to a version."""

    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said of a version while it was open for comments."""

    person: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version that somebody proposed, with what has become of it. `digest` is of `document`."""

    digest: str
    policy: str
    version: str
    document: bytes
    why: str
    proposed_by: str
    proposed_at: datetime
    comments_until: datetime | None = None
    backtest: str | None = None
    withdrawn_at: datetime | None = None
    adopted_at: datetime | None = None
    approvals: tuple[Approval, ...] = ()

    def state(self, *, now: datetime, in_force: str) -> State:
        """What it is at a moment; `in_force` is the digest of the version in force then."""
        if self.adopted_at is not None:
            return "in force" if self.digest == in_force else "superseded"
        if self.withdrawn_at is not None:
            return "withdrawn"
        if self.comments_until is None:
            return "draft"
        return "open for comments" if now < self.comments_until else "comments are over"


def profile(policy: QualificationPolicy, *, top_holders: int) -> Profile:
    """`small` until so many people hold the highest tier as the policy says; then `standard`."""
    return "small" if top_holders < policy.governance.small.until_sustained_holders else "standard"


def comment_time(policy: QualificationPolicy, chosen: Profile) -> timedelta:
    """How long a version stays open for comments under the policy in force."""
    rule = policy.governance.small if chosen == "small" else policy.governance.standard
    return timedelta(days=rule.comment_days)


def check_open(proposal: Proposal) -> None:
    """A draft can be opened for comments.

    Raises:
        PolicyError: it was opened, withdrawn or adopted before.
    """
    _check_alive(proposal)
    if proposal.comments_until is not None:
        raise PolicyError(
            f"{_name(proposal)} is open for comments already, until {proposal.comments_until:%Y-%m-%d}."
        )


def check_comment(proposal: Proposal, comments: Sequence[Comment], comment: Comment) -> None:
    """Somebody can say this of it: while it is open, in so many characters, and not for ever.

    Raises:
        PolicyError: it is not open for comments, or too little, too much or too often is said.
    """
    _check_alive(proposal)
    if proposal.comments_until is None or comment.at >= proposal.comments_until:
        raise PolicyError(f"{_name(proposal)} is not open for comments.")
    if not 0 < len(comment.text) <= MAX_COMMENT:
        raise PolicyError(f"A comment has 1 to {MAX_COMMENT} characters.")
    if sum(one.person == comment.person for one in comments) >= MAX_COMMENTS:
        raise PolicyError(f"You have said {MAX_COMMENTS} things of {_name(proposal).lower()} already.")


def check_approval(proposal: Proposal, *, person: str) -> None:
    """Somebody can approve it: once, and only what everybody can comment on.

    Raises:
        PolicyError: it is no longer or not yet open, or this person approved it before.
    """
    _check_alive(proposal)
    if proposal.comments_until is None:
        raise PolicyError(f"{_name(proposal)} is a draft: open it for comments first.")
    if person in {approval.person for approval in proposal.approvals}:
        raise PolicyError(f"This person approved {_name(proposal)} before; {APPROVALS} different people must.")


def check_adoption(proposal: Proposal, *, now: datetime) -> None:
    """It can be put in force.

    Raises:
        PolicyError: comments are open, or fewer than two people approved it; the sentence says what is missing.
    """
    _check_alive(proposal)
    if proposal.comments_until is None or now < proposal.comments_until:
        until = f"until {proposal.comments_until:%Y-%m-%d}" if proposal.comments_until else "and not open yet"
        raise PolicyError(f"{_name(proposal)} can be put in force once its time for comments is over ({until}).")
    if len(proposal.approvals) < APPROVALS:
        raise PolicyError(f"{_name(proposal)} has {len(proposal.approvals)} of {APPROVALS} approvals.")


def _check_alive(proposal: Proposal) -> None:
    if proposal.adopted_at is not None:
        raise PolicyError(f"{_name(proposal)} was put in force on {proposal.adopted_at:%Y-%m-%d}.")
    if proposal.withdrawn_at is not None:
        raise PolicyError(f"{_name(proposal)} was withdrawn on {proposal.withdrawn_at:%Y-%m-%d}.")


def _name(proposal: Proposal) -> str:
    return f"Version {proposal.version}"
