"""A badge of the catalogue goes from state to state as the table says, and is over when its last day is."""

from datetime import UTC, date, datetime, timedelta

import pytest

from issuer.badges import state
from issuer.badges.model import BadgeError
from issuer.badges.state import Standing, State, StateChange
from schemas.policy import BadgeRule

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RULE = BadgeRule(title="Organiser", kinds=("event.organised",))


@pytest.mark.parametrize("before", list(State))
@pytest.mark.parametrize("after", list(State))
def test_every_change_is_allowed_or_refused_by_the_table(before: State, after: State) -> None:
    if after in state.MAY_FOLLOW[before]:
        state.check_change("organiser", RULE, Standing(before), after, now=NOW)
    else:
        with pytest.raises(
            BadgeError, match=rf"^'organiser' is {before}, which .* may follow, and not {after}\.$"
        ):
            state.check_change("organiser", RULE, Standing(before), after, now=NOW)


def test_what_was_public_is_never_a_draft_again() -> None:
    assert not any(State.DRAFT in after for after in state.MAY_FOLLOW.values())


def test_it_begins_as_its_rule_says_and_stands_as_was_decided_last() -> None:
    draft = RULE.model_copy(update={"state": "draft"})
    assert state.standing(draft, [], now=NOW).state is State.DRAFT
    changes = [
        StateChange(State.ACTIVE, "it is ready", NOW - timedelta(days=9)),
        StateChange(State.SOURCE_GONE, "the forum has moved", NOW),
    ]
    assert state.standing(draft, changes[:1], now=NOW).state is State.ACTIVE
    assert state.standing(draft, changes, now=NOW) == Standing(State.SOURCE_GONE, "the forum has moved", NOW)


def test_it_is_awarded_through_its_last_day_and_not_a_second_longer() -> None:
    rule = RULE.model_copy(update={"until": date(2026, 10, 20)})
    midnight = datetime(2026, 10, 21, tzinfo=UTC)
    assert state.standing(rule, [], now=midnight - timedelta(seconds=1)).state is State.ACTIVE
    over = state.standing(rule, [], now=midnight)
    assert over == Standing(State.EVENT_OVER, "Its last day was 2026-10-20.", midnight)
    with pytest.raises(BadgeError, match="a later one is a change of the policy"):
        state.check_change("host", rule, over, State.ACTIVE, now=midnight)


def test_a_withdrawn_badge_stays_withdrawn_when_its_event_ends() -> None:
    rule = RULE.model_copy(update={"until": date(2026, 10, 20)})
    gone = StateChange(State.WITHDRAWN, "it was unfair", datetime(2026, 5, 1, tzinfo=UTC))
    assert state.standing(rule, [gone], now=NOW).state is State.WITHDRAWN


def test_a_state_is_typed_with_hyphens_or_spaces() -> None:
    assert state.named("source-gone") is state.named(" Source gone ") is State.SOURCE_GONE
    with pytest.raises(
        BadgeError, match=r"^'gone' is no state of a badge: draft, active, source-gone, .* expected\.$"
    ):
        state.named("gone")
