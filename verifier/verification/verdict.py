"""What verification says: one Check for each clause, and the Verdict that they make together.

Three answers, not two: what could not be found out is UNKNOWN and never shown as good. Whether a valid badge
is good enough for something is not said here: `verifier.registration` decides that by an event's policy.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from schemas.outline import Outline
from verifier.verification.errors import NotVerifiedError
from verifier.verification.sentences import Voice, sentence

if TYPE_CHECKING:
    from schemas.credential import OpenBadgeCredential


class State(StrEnum):
    """The outcome of one check."""

    PASS = "pass"  # noqa: S105 - a word, no password
    FAIL = "fail"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """The outcome of all checks together."""

    VALID = "valid"
    NOT_VALID = "not_valid"
    UNKNOWN = "unknown"


class Check(NamedTuple):
    """One clause and its outcome.

    `evidence`: what was seen, for an integrator; `age`: how old the document is that it rests on; `made`: False
    if an earlier check left nothing to look at, in which case the state is UNKNOWN; `problem`: the standard's code
    for this very outcome, where it is narrower than the check's own (`problems`); `lasting`: False for a failure
    that the issuer may lift again, as a suspension.
    """

    id: str
    state: State
    evidence: str = ""
    age: timedelta | None = None
    made: bool = True
    problem: str = ""
    lasting: bool = True

    @property
    def sentence(self) -> str:
        """The outcome in words for anybody."""
        return self.sentence_for("holder")

    def sentence_for(self, voice: Voice) -> str:
        """The outcome in words for a holder, for a volunteer at a desk, or for an integrator."""
        state = self.state.value if self.made else "not_made"
        return sentence(self.id, state, voice=voice, lasting=self.lasting)


class Statement(NamedTuple):
    """What an authentic badge says, for display only. That it is in time or stands is not said here."""

    issuer: str
    issuer_name: str | None
    achievement: str
    achievement_name: str
    name: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    term: str | None


@dataclass(frozen=True)
class Endorsement:
    """What somebody else says about the badge, its achievement or its issuer, verified like the badge.

    It is a signed statement of its own: a bad one is a warning, and a good one never lifts the badge.
    """

    issuer: str
    comment: str | None
    verdict: "Verdict"


@dataclass(frozen=True)
class Verdict:
    """All checks of one credential, in the order in which they were made.

    `outline` is there once the content could be read; `statement` too, if it is an Open Badge; the badge itself
    comes only from `require()`. `warnings`: sentences about what changes nothing. `read`: makes the badge of the
    checked content, when somebody asks for it: most only want to know the outcome. `told`: the statement, where it
    is known without making the badge.
    """

    checks: tuple[Check, ...]
    outline: Outline | None = None
    warnings: tuple[str, ...] = ()
    endorsements: tuple[Endorsement, ...] = ()
    read: "Callable[[], OpenBadgeCredential] | None" = field(default=None, compare=False, repr=False)
    told: Statement | None = field(default=None, compare=False, repr=False)

    @cached_property
    def statement(self) -> Statement | None:
        """What an authentic badge says of itself; None for a credential that is no badge, or not authentic."""
        if self.told is not None:
            return self.told
        return None if self._credential is None else _statement(self._credential)

    @cached_property
    def _credential(self) -> "OpenBadgeCredential | None":
        return None if self.read is None else self.read()

    @property
    def outcome(self) -> Outcome:
        """One failed check makes it not valid; else one unknown one makes it unknown."""
        states = {check.state for check in self.checks}
        if State.FAIL in states:
            return Outcome.NOT_VALID
        if State.UNKNOWN in states or not self.checks or self.outline is None:
            return Outcome.UNKNOWN
        return Outcome.VALID

    @property
    def deciding(self) -> Check | None:
        """The check that says why it is not valid: the first that failed, or else the first unknown one."""
        for state in (State.FAIL, State.UNKNOWN):
            for check in self.checks:
                if check.state is state:
                    return check
        return None

    def check(self, check_id: str) -> Check:
        """The check with this id; KeyError if the badge's form has none."""
        for check in self.checks:
            if check.id == check_id:
                return check
        raise KeyError(check_id)

    def require(self) -> "OpenBadgeCredential":
        """The credential of a badge that passed every check.

        Raises:
            NotVerifiedError: any check failed or could not be made.
        """
        if self.outcome is not Outcome.VALID or self._credential is None:
            reason = self.deciding
            raise NotVerifiedError(reason.sentence if reason else "Nothing of this badge was verified.")
        return self._credential

    def __bool__(self) -> NoReturn:
        """A verdict has three values, so it is no condition: ask for `outcome`, or `require()`."""
        raise TypeError("A verdict is not true or false: ask for its outcome, or for require().")


def _statement(badge: "OpenBadgeCredential") -> Statement:
    subject = badge.credentialSubject
    return Statement(
        issuer=badge.issuer.id,
        issuer_name=badge.issuer.name,
        achievement=subject.achievement.id,
        achievement_name=subject.achievement.name,
        name=subject.name,
        valid_from=badge.validFrom,
        valid_until=badge.validUntil,
        term=subject.term,
    )
