"""What a holder asks about their decision: that something is missing or wrong, and their appeal. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from issuer.recognition.life import Profile
from schemas.policy import QualificationPolicy

QuestionKind = Literal["missing", "dispute", "appeal"]
MAX_TEXT = 2_000
MAX_OPEN = 10  # of one person at a time
MINUTES = {"missing": 6, "dispute": 15, "appeal": 30}  # to decide one, by our estimate
APPEAL_ANSWER_DAYS = 21


class QuestionError(ValueError):
    """A question or answer that cannot be taken; one sentence."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question, and its answer once there is one. `due`: until when it is to be answered."""

    id: int
    kind: QuestionKind
    person: str
    text: str
    link: str | None
    opened_at: datetime
    due: datetime
    answered_at: datetime | None = None
    answered_by: str | None = None
    granted: bool | None = None
    answer: str | None = None


def answer_by(policy: QualificationPolicy, profile: Profile, kind: QuestionKind, *, now: datetime) -> datetime:
    """Until when the policy says that a question of this kind is answered."""
    rule = policy.governance.small if profile == "small" else policy.governance.standard
    return now + timedelta(days=APPEAL_ANSWER_DAYS if kind == "appeal" else rule.answer_days)


def check_in_time(
    policy: QualificationPolicy, profile: Profile, kind: QuestionKind, *, since: datetime | None, now: datetime
) -> None:
    """A dispute comes within the time for corrections after the award, an appeal within its own after the answer.

    Raises:
        QuestionError: too late, or there is nothing to dispute or appeal against.
    """
    if kind == "missing":
        return
    if since is None:
        raise QuestionError(
            "There is no decision to dispute." if kind == "dispute" else "Nothing was answered yet."
        )
    rule = policy.governance.small if profile == "small" else policy.governance.standard
    days = rule.correction_days if kind == "dispute" else policy.governance.standard.appeal_days
    if now > since + timedelta(days=days):
        ended = f"{since + timedelta(days=days):%Y-%m-%d}"
        dispute = f"A correction is asked for within {days} days; they ended on {ended}."
        appeal = f"An appeal is made within {days} days; they ended on {ended}."
        raise QuestionError(dispute if kind == "dispute" else appeal)
