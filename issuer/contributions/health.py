"""How each source stands, for everybody to see: without names of people, and without the addresses of sources.

What is here is public; the sentence of an error as it came, which may hold an address with a secret in it, and the
refused rows are for the team (`badge-issuer sources list`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from issuer.contributions import store as tables
from issuer.contributions.rates import HISTORY, Alarm, alarm_of
from issuer.contributions.sources.face import Source
from issuer.ground.matters import Matter
from schemas import timestamps

RATE_WEEKS = 4
LATE_TIMES = 3  # a source is late once three of its intervals passed without a success
PUSHED = "-push"  # behind the name of a source that delivers by itself
MINUTES = {"late": 10, "silent": 10, "burst": 15, "file": 5}


@dataclass(frozen=True, slots=True)
class Unusual:
    """An alarm about one kind of record of a source."""

    record: str
    alarm: Alarm


@dataclass(frozen=True, slots=True)
class Health:
    """One source. `every_hours` is None for one that delivers by itself; `late_since`: its last success, if
    that is too long ago."""

    name: str
    kind: str
    every_hours: int | None = None
    tried_at: datetime | None = None
    succeeded_at: datetime | None = None
    newest: datetime | None = None
    not_before: datetime | None = None
    fault: str | None = None
    error: str | None = None
    failures: int = 0
    stored: int = 0
    refused: tuple[str, ...] = ()
    per_week: float = 0.0
    unusual: tuple[Unusual, ...] = ()
    late_since: datetime | None = None

    def lag(self, now: datetime) -> timedelta | None:
        """How old what we know of it is."""
        return now - self.succeeded_at if self.succeeded_at else None

    def to_json(self, now: datetime) -> dict[str, Any]:
        """What is public, for programs."""
        lag = self.lag(now)
        return {
            "name": self.name,
            "kind": self.kind,
            "last_try": _stamp(self.tried_at),
            "last_success": _stamp(self.succeeded_at),
            "lag_seconds": int(lag.total_seconds()) if lag is not None else None,
            "newest_record": _stamp(self.newest),
            "records_per_week": round(self.per_week, 1),
            "records": self.stored,
            "refused": len(self.refused),
            "fault": self.fault,
            "again_from": _stamp(self.not_before) if self.fault else None,
            "late": self.late_since is not None,
            "alarms": [
                {
                    "kind": unusual.alarm.kind,
                    "record": unusual.record,
                    "since": unusual.alarm.since.isoformat(),
                    "found": unusual.alarm.found,
                    "usual": unusual.alarm.usual,
                }
                for unusual in self.unusual
            ],
        }


def _stamp(moment: datetime | None) -> str | None:
    return timestamps.show(moment) if moment else None


def all_health(connection: Connection, sources: Iterable[Source], *, now: datetime) -> list[Health]:
    """Every source that is configured, or that delivers by itself, in the order of their names."""
    states = tables.all_states(connection)
    configured = {source.name: source for source in sources}
    days: dict[str, dict[str, dict[date, int]]] = defaultdict(lambda: defaultdict(dict))
    for name, record, day, number in tables.days_since(connection, (now - HISTORY).date().isoformat()):
        days[name][record][date.fromisoformat(day)] = number
    pushed = [name for name in states if name.endswith(PUSHED)]
    return [
        _health(name, configured.get(name), states.get(name), days.get(name, {}), now=now)
        for name in sorted([*configured, *pushed])
    ]


def _health(
    name: str, source: Source | None, state: Any, days: Mapping[str, Mapping[date, int]], *, now: datetime
) -> Health:
    every = source.every_hours if source else None
    if state is None:
        return Health(name, source.kind if source else "", every)
    known_until = state.succeeded_at if source else now
    late = (
        state.succeeded_at is not None
        and every is not None
        and now - state.succeeded_at > timedelta(hours=LATE_TIMES * every)
    )
    never = state.succeeded_at is None and state.failures >= LATE_TIMES
    unusual = [
        Unusual(record, alarm)
        for record, numbers in sorted(days.items())
        if known_until and (alarm := alarm_of(numbers, until=known_until.astimezone(UTC).date()))
    ]
    recent = (now - timedelta(weeks=RATE_WEEKS)).date()
    lately = sum(number for numbers in days.values() for day, number in numbers.items() if day >= recent)
    return Health(
        name=name,
        kind=state.kind,
        every_hours=every,
        tried_at=state.tried_at,
        succeeded_at=state.succeeded_at,
        newest=state.newest,
        not_before=state.not_before,
        fault=state.fault,
        error=state.error,
        failures=state.failures,
        stored=state.stored,
        refused=tuple(state.refused),
        per_week=lately / RATE_WEEKS,
        unusual=tuple(unusual),
        late_since=state.succeeded_at if late else state.tried_at if never else None,
    )


def matters_of(health: Iterable[Health]) -> list[Matter]:
    """What a person of the team should look at. Nothing is lost while nobody does: the default is to go on."""
    matters = []
    for one in health:
        if one.late_since is not None:
            title = f"The source {one.name} has not been read since {one.late_since:%Y-%m-%d}."
            matters.append(_matter(f"{one.name}:late", title, one.late_since, "late"))
        for unusual in one.unusual:
            alarm = unusual.alarm
            since = datetime.combine(alarm.since, datetime.min.time(), UTC)
            if alarm.kind == "silent":
                title = (
                    f"The source {one.name} has given no {unusual.record} for {alarm.found} days;"
                    f" its pauses are {alarm.usual} days at most, nine times of ten."
                )
            else:
                title = (
                    f"The source {one.name} gave {alarm.found} {unusual.record} in a week;"
                    f" nine weeks of ten have {alarm.usual} at most."
                )
            matters.append(
                _matter(f"{one.name}:{unusual.record}:{alarm.kind}:{alarm.since}", title, since, alarm.kind)
            )
    return matters


def matter_of_file(error: Exception, *, now: datetime) -> Matter:
    """While `sources.yaml` cannot be used, no source is read, and somebody should know."""
    default = "No source is read until the file is right; what they have by then is taken in."
    return Matter(
        "alarm", "sources.yaml", f"The sources cannot be read: {error}", now, MINUTES["file"], default, "/sources"
    )


def _matter(key: str, title: str, since: datetime, what: str) -> Matter:
    default = "It is asked again by itself, and what it has then is taken in: nobody loses anything."
    if what == "burst":
        default = "The records count by the policy, under its caps, like any others."
    return Matter("alarm", f"source:{key}", title, since, MINUTES[what], default, "/sources")
