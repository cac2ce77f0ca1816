"""Silence and bursts: seen where they are, and rarely where they are not."""

import random
from datetime import date, timedelta

import pytest

from issuer.contributions.rates import alarm_of

TODAY = date(2026, 5, 1)


def weekly(weeks: int, *, number: int = 3, until: date = TODAY) -> dict[date, int]:
    return {until - timedelta(days=7 * week + 1): number for week in range(weeks)}


def test_regular_source_raises_nothing() -> None:
    assert alarm_of(weekly(52), until=TODAY) is None


def test_source_that_stopped_is_silent_since_its_last_record() -> None:
    days = weekly(30, until=TODAY - timedelta(days=40))
    alarm = alarm_of(days, until=TODAY)
    assert alarm is not None
    assert (alarm.kind, alarm.since, alarm.found, alarm.usual) == ("silent", TODAY - timedelta(days=41), 41, 7)


@pytest.mark.parametrize(("days_ago", "silent"), [(21, False), (22, True)])
def test_silence_begins_after_three_usual_pauses(days_ago: int, silent: bool) -> None:
    days = {TODAY - timedelta(days=days_ago + 7 * week): 1 for week in range(20)}
    assert (alarm_of(days, until=TODAY) is not None) is silent


def test_one_long_summer_pause_does_not_make_it_blind() -> None:
    days = {day: n for day, n in weekly(50).items() if not 30 < (TODAY - day).days < 110}
    stopped = {day: n for day, n in days.items() if (TODAY - day).days > 25}
    assert alarm_of(days, until=TODAY) is None
    alarm = alarm_of(stopped, until=TODAY + timedelta(days=7))
    assert alarm is not None and alarm.kind == "silent"


def test_burst_is_told_with_its_week() -> None:
    days = weekly(30) | {TODAY - timedelta(days=3): 25}
    alarm = alarm_of(days, until=TODAY)
    assert alarm is not None
    assert (alarm.kind, alarm.since, alarm.found, alarm.usual) == ("burst", TODAY - timedelta(days=7), 28, 3)


def test_small_numbers_and_short_histories_say_nothing() -> None:
    assert alarm_of(weekly(30) | {TODAY - timedelta(days=3): 12}, until=TODAY) is None
    assert alarm_of({TODAY - timedelta(days=300): 1}, until=TODAY) is None
    assert alarm_of({TODAY - timedelta(days=2): 900}, until=TODAY) is None
    assert alarm_of({}, until=TODAY) is None


def test_a_year_of_ordinary_chance_raises_few_alarms() -> None:
    """Two hundred sources of independent records, over a year: alarms in under one look of fifty."""
    chance, looks, alarms = random.Random(7), 0, 0
    for _ in range(200):
        rate = chance.choice([0.2, 0.5, 1, 3, 10])
        days = {TODAY - timedelta(days=n): sum(chance.random() < rate / 20 for _ in range(20)) for n in range(728)}
        for week in range(0, 52, 4):
            until = TODAY - timedelta(days=7 * week)
            looks += 1
            alarms += alarm_of({day: n for day, n in days.items() if day < until}, until=until) is not None
    print(f"{alarms} alarms in {looks} looks at {200} ordinary sources")
    assert alarms < looks / 50
