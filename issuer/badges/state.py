"""The states of a badge in the catalogue: what each means for awards, and which may follow which. Pure.

A state never changes what a badge is that somebody holds: those stay and verify, unless the policy's table of
revocations says otherwise (`revocation`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from issuer.badges.model import BadgeError
from schemas.policy import BadgeRule

MAX_REASON = 400  # characters; everybody reads it, and the audit log takes 500


class State(StrEnum):
    """Whether a badge of the catalogue is awarded, and if not, why."""

    DRAFT = "draft"
    ACTIVE = "active"
    SOURCE_GONE = "source gone"
    WITHDRAWN = "withdrawn"
    EVENT_OVER = "event over"


MEANINGS: Mapping[State, str] = {
    State.DRAFT: "The team prepares it: its rule stands in the policy, and nobody gets it.",
    State.ACTIVE: "It is awarded to everybody who earns it.",
    State.SOURCE_GONE: "Nothing tells of this work now: it is awarded to nobody. Badges that were awarded stay.",
    State.WITHDRAWN: "It is awarded to nobody any more. Badges that were awarded stay.",
    State.EVENT_OVER: "Its event is over, so it is awarded to nobody any more. Badges that were awarded stay.",
}
# What was once public is never a draft again: people hold it, or may.
MAY_FOLLOW: Mapping[State, tuple[State, ...]] = {
    State.DRAFT: (State.ACTIVE, State.WITHDRAWN),
    State.ACTIVE: (State.SOURCE_GONE, State.EVENT_OVER, State.WITHDRAWN),
    State.SOURCE_GONE: (State.ACTIVE, State.WITHDRAWN),
    State.EVENT_OVER: (State.ACTIVE, State.WITHDRAWN),
    State.WITHDRAWN: (State.ACTIVE,),
}


@dataclass(frozen=True, slots=True)
class StateChange:
    """A state as it was decided: for which reason, when."""

    state: State
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """The state in which a badge is, with what is said about it; `since` is None where it began so."""

    state: State
    reason: str = ""
    since: datetime | None = None

    @property
    def is_public(self) -> bool:
        return self.state is not State.DRAFT


def named(text: str) -> State:
    """A state as people type it: `source-gone`, `source gone`.

    Raises:
        BadgeError: there is none of this name.
    """
    try:
        return State(text.strip().lower().replace("-", " ").replace("_", " "))
    except ValueError as error:
        known = ", ".join(state.replace(" ", "-") for state in State)
        raise BadgeError(f"{text!r} is no state of a badge: {known} were expected.") from error


def standing(rule: BadgeRule, changes: Sequence[StateChange], *, now: datetime) -> Standing:
    """How a badge stands: as was decided last, else as its rule says it begins; over once its last day is."""
    last = changes[-1] if changes else None
    found = Standing(State(rule.state)) if last is None else Standing(last.state, last.reason, last.at)
    ended = ends_at(rule)
    if found.state is State.ACTIVE and ended is not None and now >= ended:
        return Standing(State.EVENT_OVER, f"Its last day was {rule.until:%Y-%m-%d}.", ended)
    return found


def ends_at(rule: BadgeRule) -> datetime | None:
    """The moment from which it is awarded no more, by its rule: the end of its last day, in UTC."""
    return None if rule.until is None else datetime.combine(rule.until + timedelta(days=1), time(), UTC)


def check_change(name: str, rule: BadgeRule, before: Standing, after: State, *, now: datetime) -> None:
    """A badge may go from one state to another.

    Raises:
        BadgeError: it may not; the sentence says what could follow.
    """
    ended = ends_at(rule)
    if after is State.ACTIVE and ended is not None and now >= ended:
        raise BadgeError(
            f"The last day of {name!r} was {rule.until:%Y-%m-%d}: a later one is a change of the policy."
        )
    if after not in MAY_FOLLOW[before.state]:
        able = " or ".join(MAY_FOLLOW[before.state])
        raise BadgeError(f"{name!r} is {before.state}, which {able} may follow, and not {after}.")
