"""Whether a rule of the policy has fallen silent or bursts: what it counted, day by day, over a year. Pure.

A source may give as many records as ever, and a rule count none of them any more, since a field of theirs has
moved; or count many more than ever. The measure is that of the sources (`issuer.contributions.rates`).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from issuer.contributions.rates import Alarm, alarm_of
from issuer.ground.matters import Matter
from issuer.recognition.decision import CAPPED, COUNTED, Decision

QUALIFIED = frozenset({COUNTED, CAPPED})  # the rule held; that a cap was full says nothing about the rule
MINUTES = {"silent": 15, "burst": 20}  # to look at one, by our estimate
_DEFAULT = {
    "silent": "Nothing is taken from anybody; what it does not count stands on people's own pages.",
    "burst": "What it counted counts, under its cap.",
}


@dataclass(frozen=True, slots=True)
class RuleAlarm:
    """An alarm about one kind of the policy."""

    kind: str
    alarm: Alarm


class RuleDays:
    """How many items each rule held for on each day, counted as decisions pass."""

    def __init__(self) -> None:
        self._numbers: Counter[tuple[str | None, date]] = Counter()

    def add(self, decision: Decision) -> None:
        """One person's decision."""
        self._numbers.update(
            (line.kind, line.item.happened_at.date()) for line in decision.lines if line.clause in QUALIFIED
        )

    def update(self, other: "RuleDays") -> None:
        """What was counted elsewhere, of other persons."""
        self._numbers.update(other._numbers)

    def alarms(self, *, until: date) -> list[RuleAlarm]:
        """What is unusual about the days before `until`, kind by kind."""
        days: dict[str, dict[date, int]] = defaultdict(dict)
        for (kind, day), number in self._numbers.items():
            if kind is not None:
                days[kind][day] = number
        return alarms_of(days, until=until)


def alarms_of(days: Mapping[str, Mapping[date, int]], *, until: date) -> list[RuleAlarm]:
    """The same of numbers by kind and day."""
    found = ((kind, alarm_of(numbers, until=until)) for kind, numbers in sorted(days.items()))
    return [RuleAlarm(kind, alarm) for kind, alarm in found if alarm is not None]


def matter_of(one: RuleAlarm) -> Matter:
    """What a person of the team should look at."""
    alarm = one.alarm
    if alarm.kind == "silent":
        title = (
            f"The rule {one.kind} has held for nothing for {alarm.found} days;"
            f" its pauses are {alarm.usual} days at most, nine times of ten."
        )
    else:
        title = (
            f"The rule {one.kind} has held for {alarm.found} records in a week;"
            f" nine weeks of ten have {alarm.usual} at most."
        )
    since = datetime.combine(alarm.since, datetime.min.time(), UTC)
    key = f"rule:{one.kind}:{alarm.kind}:{alarm.since}"
    return Matter("alarm", key, title, since, MINUTES[alarm.kind], _DEFAULT[alarm.kind], "/sources")
