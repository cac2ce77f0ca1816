"""Months, periods and windows of a policy, all in UTC. Pure."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from issuer.people.model import Pause
from schemas.policy import Period


def months_before(moment: datetime, months: int) -> datetime:
    """The same day and time that many months earlier; the month's last day where there is no such day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def window_start(
    as_of: datetime, months: int, *, pauses: Iterable[Pause] = (), pause_max_months: int = 0
) -> datetime:
    """Where a window of so many months before `as_of` begins; each pause inside moves it back by its length.

    At most `pause_max_months` in all: the earliest possible beginning is that many months further back.
    """
    start = months_before(as_of, months)
    earliest = months_before(as_of, months + pause_max_months)
    counted_from = as_of  # of pauses that overlap, no moment is counted twice
    for pause in sorted(pauses, key=lambda p: p.ends, reverse=True):
        ends = min(pause.ends, counted_from)
        if ends <= start:
            break
        start -= max(ends - pause.begins, timedelta(0))
        counted_from = min(pause.begins, counted_from)
    return max(start, earliest)


@dataclass(frozen=True, slots=True)
class BadgePeriod:
    """The period that a badge is for: `first` to `last` day, both included."""

    first: date
    last: date

    @property
    def name(self) -> str:
        """`2026`, or `2026/27` where it crosses a new year."""
        if self.first.year == self.last.year:
            return str(self.first.year)
        return f"{self.first.year}/{self.last.year % 100:02d}"

    @property
    def term(self) -> str:
        """As it stands in a badge: an ISO 8601 interval of days."""
        return f"{self.first.isoformat()}/{self.last.isoformat()}"

    def valid_until(self, months_after: int) -> datetime:
        """The last second of the last day of the month that is so many months after the period's end."""
        end = datetime(self.last.year, self.last.month, 1, tzinfo=UTC)
        beyond = months_before(end, -(months_after + 1))
        return beyond - timedelta(seconds=1)


def period_at(moment: datetime, period: Period) -> BadgePeriod:
    """The period of a policy in which a moment falls; periods run on in both directions from `starts`."""
    day = moment.astimezone(UTC)
    months = (day.year - period.starts.year) * 12 + day.month - period.starts.month
    anchor = datetime(period.starts.year, period.starts.month, 1, tzinfo=UTC)
    first = months_before(anchor, -(months // period.months * period.months))
    last = months_before(first, -period.months) - timedelta(days=1)
    return BadgePeriod(first.date(), last.date())
