"""How pages speak of time: in words, in one unit, with the zone named."""

from datetime import UTC, datetime, timedelta

import pytest

from verifier.ground.pages import age, day, moment, problem

WHEN = datetime(2027, 5, 3, 7, 5, tzinfo=UTC)


def test_dates_are_words_and_times_name_their_zone() -> None:
    assert day(WHEN) == "3 May 2027"
    assert moment(WHEN) == "3 May 2027, 07:05 (UTC)"
    assert moment(WHEN, "Europe/Paris") == "3 May 2027, 09:05 (Europe/Paris)"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(), "a moment"),
        (timedelta(seconds=-5), "a moment"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=59), "59 seconds"),
        (timedelta(minutes=3, seconds=20), "3 minutes"),
        (timedelta(hours=1, minutes=59), "1 hour"),
        (timedelta(days=2, hours=5), "2 days"),
    ],
)
def test_ages_are_told_in_the_largest_unit(span: timedelta, said: str) -> None:
    assert age(span) == said


def test_members_of_a_problem_never_replace_the_standard_ones() -> None:
    told = problem(409, "Title", "Detail.", members={"status": 200, "reason": "already_redeemed"})

    assert told.status_code == 409
    assert b'"status":409' in bytes(told.body)
    assert b'"reason":"already_redeemed"' in bytes(told.body)
