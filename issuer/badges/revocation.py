"""What becomes of a badge by the policy's table of revocations: who decides, how soon. Pure.

A case runs by the policy version under which its badge was made: a later one is not turned against a holder.
It ends at once, or after a notice in which the badge may be suspended. Where two people decide, one of them opens
the case and the other agrees before the notice ends, or it lapses.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from issuer.badges.model import BadgeError
from issuer.ground.language import IN_ENGLISH, Voice
from schemas.policy import QualificationPolicy, RevocationRule

Outcome = Literal["revoked", "reissued", "lifted", "lapsed"]
TWO_PEOPLE = frozenset({"two_people", "panel_or_two_people"})
MINUTES_TO_AGREE, MINUTES_TO_LOOK = 20, 5  # by our estimate
MAX_REASON = 400  # characters; the audit log takes 500
CAUSES = {
    "holder_request": "its holder asked for that",
    "key_compromise": "somebody else may have the key that signed it",
    "issued_in_error": "it was issued in error",
    "fraud": "what it rests on was made up",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One badge that is to be withdrawn. `ends_at`: when its notice has run out. `suspended_until`: how long its
    interim suspension lasts at most, if there is one. `outcome` and `ended_at`: None while the notice runs.
    """

    number: int
    badge: str
    cause: str
    reason: str
    needs_two: bool
    opened_by: str
    opened_at: datetime
    ends_at: datetime
    suspended_until: datetime | None
    agreed_by: str | None = None
    outcome: Outcome | None = None
    ended_at: datetime | None = None

    @property
    def is_agreed(self) -> bool:
        """Whether as many people as the policy wants have decided."""
        return not self.needs_two or self.agreed_by is not None


def rule_of(policy: QualificationPolicy, cause: str) -> RevocationRule:
    """The row of the policy's table.

    Raises:
        BadgeError: it has none for this cause.
    """
    rule = policy.revocation.get(cause)
    if rule is None:
        known = ", ".join(sorted(policy.revocation))
        raise BadgeError(f"The policy withdraws no badge for {cause!r}; it knows {known}.")
    return rule


def suspended_until(rule: RevocationRule, *, now: datetime) -> datetime | None:
    """Until when a badge is suspended while the notice runs; None: not at all."""
    if not rule.suspend:
        return None
    at_most = rule.suspension_days_at_most
    return now + timedelta(days=rule.notice_days if at_most is None else min(rule.notice_days, at_most))


def in_words(cause: str, say: Voice = IN_ENGLISH) -> str:
    """Why a badge is withdrawn, as a clause."""
    return say(CAUSES.get(cause, cause.replace("_", " ")))
