"""Months, windows and periods: clamped, in UTC, running on in both directions."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from issuer.people.model import Pause
from issuer.recognition.calendar import BadgePeriod, months_before, period_at, window_start
from schemas.policy import Period


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "months", "expected"),
    [
        ("2026-12-15", 12, "2025-12-15"),
        ("2026-03-31", 1, "2026-02-28"),
        ("2024-03-31", 1, "2024-02-29"),
        ("2024-02-29", 12, "2023-02-28"),
        ("2026-01-31", 2, "2025-11-30"),
        ("2026-01-31", 1, "2025-12-31"),
        ("2026-05-15", 0, "2026-05-15"),
        ("2026-01-31", -1, "2026-02-28"),
        ("2026-11-30", -3, "2027-02-28"),
        ("2026-06-01", 240, "2006-06-01"),
    ],
)
def test_months_before_keeps_the_day_or_takes_the_month_s_last(moment: str, months: int, expected: str) -> None:
    assert months_before(day(moment), months) == day(expected)


def test_months_before_keeps_the_time_of_day() -> None:
    assert months_before(day("2026-03-31T23:59:59"), 1) == day("2026-02-28T23:59:59")


@pytest.mark.parametrize(
    ("starts", "months", "moment", "first", "last", "name"),
    [
        ("2026-01-01", 12, "2026-01-01", "2026-01-01", "2026-12-31", "2026"),
        ("2026-01-01", 12, "2026-12-31T23:59:59", "2026-01-01", "2026-12-31", "2026"),
        ("2026-01-01", 12, "2027-01-01", "2027-01-01", "2027-12-31", "2027"),
        ("2026-01-01", 12, "2025-12-31T23:59:59", "2025-01-01", "2025-12-31", "2025"),
        ("2026-01-01", 12, "2019-06-01", "2019-01-01", "2019-12-31", "2019"),
        ("2026-07-01", 12, "2026-06-30", "2025-07-01", "2026-06-30", "2025/26"),
        ("2026-07-01", 12, "2026-07-01", "2026-07-01", "2027-06-30", "2026/27"),
        ("2026-07-01", 12, "2099-12-01", "2099-07-01", "2100-06-30", "2099/00"),
        ("2026-04-01", 6, "2026-03-31", "2025-10-01", "2026-03-31", "2025/26"),
        ("2026-04-01", 6, "2026-09-30", "2026-04-01", "2026-09-30", "2026"),
        ("2026-11-01", 5, "2024-02-29", "2023-12-01", "2024-04-30", "2023/24"),
        ("2026-01-01", 1, "2024-02-29", "2024-02-01", "2024-02-29", "2024"),
    ],
)
def test_periods_run_on_in_both_directions(
    starts: str, months: int, moment: str, first: str, last: str, name: str
) -> None:
    found = period_at(day(moment), Period(starts=date.fromisoformat(starts), months=months))
    assert found == BadgePeriod(date.fromisoformat(first), date.fromisoformat(last))
    assert (found.name, found.term) == (name, f"{first}/{last}")


def test_every_day_lies_in_the_period_that_is_found_for_it() -> None:
    period = Period(starts=date(2026, 11, 1), months=5)
    for offset in range(-1500, 1500, 7):
        moment = day("2026-11-01") + timedelta(days=offset)
        found = period_at(moment, period)
        assert found.first <= moment.date() <= found.last
        assert period_at(day(found.last.isoformat()) + timedelta(days=1), period).first > found.last


def test_period_is_that_of_the_moment_in_utc() -> None:
    new_year_there = datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert period_at(new_year_there, Period(starts=date(2026, 1, 1), months=12)).name == "2026"


@pytest.mark.parametrize(
    ("last", "months", "until"),
    [
        ("2026-12-31", 3, "2027-03-31T23:59:59"),
        ("2026-12-31", 2, "2027-02-28T23:59:59"),
        ("2027-12-31", 2, "2028-02-29T23:59:59"),
        ("2026-12-31", 0, "2026-12-31T23:59:59"),
        ("2026-06-30", 3, "2026-09-30T23:59:59"),
    ],
)
def test_badge_is_valid_to_the_last_second_of_the_month(last: str, months: int, until: str) -> None:
    period = BadgePeriod(date(2026, 1, 1), date.fromisoformat(last))
    assert period.valid_until(months) == day(until)


def test_window_without_pauses_is_months_before() -> None:
    assert window_start(day("2026-12-15"), 12) == day("2025-12-15")


def test_pause_without_allowance_moves_nothing() -> None:
    pause = Pause(day("2026-03-01"), day("2026-05-01"))
    assert window_start(day("2026-12-15"), 12, pauses=[pause]) == day("2025-12-15")


def test_pause_that_still_runs_counts_up_to_the_date() -> None:
    pause = Pause(day("2026-12-05"), day("2027-12-05"))
    assert window_start(day("2026-12-15"), 12, pauses=[pause], pause_max_months=12) == day("2025-12-05")


def test_pause_over_the_beginning_of_the_window_counts_whole() -> None:
    pause = Pause(day("2025-10-01"), day("2026-01-01"))
    assert window_start(day("2026-12-15"), 12, pauses=[pause], pause_max_months=12) == day("2025-09-14")
