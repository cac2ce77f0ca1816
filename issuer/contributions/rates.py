"""Whether a source has fallen silent or bursts, by its own history. Pure.

Both by one plain measure that a few odd weeks do not move: the value that nine of ten are not above. A pause is
too long when it is over three times the pause that nine of ten are within, and over a week. A week is too full
when it has over three times what nine of ten weeks had, and at least twenty records. With little history nothing
is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

HISTORY = timedelta(days=364)
LEAST_PAUSE_DAYS = 7
LEAST_BURST = 20
TIMES = 3
DAYS_NEEDED = 8  # on which something happened: fewer say nothing about a pause
WEEKS_NEEDED = 8
WEEK = 7


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is unusual, since when, in numbers: `usual` and `found` are days of pause, or records in a week."""

    kind: Literal["silent", "burst"]
    since: date
    found: int
    usual: int


def alarm_of(days: Mapping[date, int], *, until: date) -> Alarm | None:
    """What is unusual about records that happened on these days, known in full up to and without `until`."""
    known = {day: number for day, number in days.items() if until - HISTORY <= day < until and number > 0}
    return _silence(sorted(known), until) or _burst(known, until)


def _silence(active: Sequence[date], until: date) -> Alarm | None:
    if len(active) < DAYS_NEEDED:
        return None
    pauses = [(later - earlier).days for earlier, later in pairwise(active)]
    usual, found = _nine_of_ten(pauses), (until - active[-1]).days
    if found <= max(LEAST_PAUSE_DAYS, TIMES * usual):
        return None
    return Alarm("silent", active[-1], found, usual)


def _burst(known: Mapping[date, int], until: date) -> Alarm | None:
    weeks: dict[int, int] = {}
    for day, number in known.items():
        weeks[(until - day).days - 1] = weeks.get((until - day).days - 1, 0) + number
    oldest = max(weeks, default=0) // WEEK
    numbers = [sum(weeks.get(week * WEEK + day, 0) for day in range(WEEK)) for week in range(oldest + 1)]
    if len(numbers) <= WEEKS_NEEDED:
        return None
    found, usual = numbers[0], _nine_of_ten(numbers[1:])
    if found < max(LEAST_BURST, TIMES * usual + 1):
        return None
    return Alarm("burst", until - timedelta(days=WEEK), found, usual)


def _nine_of_ten(numbers: Sequence[int]) -> int:
    """The smallest of them that nine of ten are not above."""
    ordered = sorted(numbers)
    return ordered[-(-9 * len(ordered) // 10) - 1]
