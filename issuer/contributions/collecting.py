"""One run of one source: pages are stored as they come, the cursor moves with them in the same transaction.

A run that is cut keeps what it stored and its place. A source that fails or asks for patience keeps its place,
too, and says until when. One run of a source at a time: a lease in the database, which ends by itself.
"""

import re
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Engine

from issuer.contributions import service
from issuer.contributions import store as tables
from issuer.contributions.configuration import secret_in
from issuer.contributions.model import Contribution, ContributionError
from issuer.contributions.sources.face import Page, Source
from issuer.ground.database import reading, writing
from issuer.ground.outbound import Outbound, OutboundError, WaitError
from issuer.people.model import PeopleError

LEASE = timedelta(minutes=15)  # renewed with each page; a run that died holds its source no longer
FIRST_RETRY = timedelta(minutes=5)  # doubled with each failure, up to
LAST_RETRY = timedelta(hours=6)
REFUSALS_KEPT = 100
MAX_ERROR_CHARACTERS = 1000

Clock = Callable[[], datetime]
Fault = Literal["wait", "unreachable", "wrong"]


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a run. `error`: one sentence, and then `until` says when the next try may be.

    `skipped`: it was not begun, because another run is on or the source is not to be asked yet.
    """

    source: str
    stored: int = 0
    duplicates: int = 0
    refused: tuple[str, ...] = ()
    error: str | None = None
    until: datetime | None = None
    skipped: bool = False


def run(
    engine: Engine,
    source: Source,
    *,
    clock: Clock,
    outbound: Callable[[Source], Outbound] | None = None,
    again: bool = False,
    show: Callable[[int], None] | None = None,
) -> Run:
    """Take in what a source has since its cursor. Nothing is lost or doubled by running it again, at any moment.

    `again`: ask even where we said that we would wait. `show` is told how many records have passed.
    """
    lease = _take_lease(engine, source, clock=clock, again=again)
    if isinstance(lease, Run):
        return lease
    knocked_before = clock()
    total, refused = service.Counts(), list[str]()
    try:
        ask = outbound(source) if outbound else outbound_for(source, clock=clock)
        with reading(engine) as connection:
            state = tables.state_of(connection, source.name)
        cursor: dict[str, str] = dict(state.cursor) if state else {}
        for page in source.pages(ask, cursor, now=clock()):
            total += _keep(engine, source, page, lease=lease, clock=clock)
            refused += [str(refusal) for refusal in page.refused]
            if show:
                show(total.stored + total.duplicates)
    except (ContributionError, OutboundError, PeopleError, OSError) as error:
        until = _failed(engine, source, error, lease=lease, refused=refused, now=clock())
        return Run(source.name, total.stored, total.duplicates, tuple(refused), str(error), until)
    except BaseException:
        _release(engine, source, lease=lease)
        raise
    _succeeded(engine, source, lease=lease, refused=refused, knocked_before=knocked_before, now=clock())
    return Run(source.name, total.stored, total.duplicates, tuple(refused))


def outbound_for(source: Source, *, clock: Clock) -> Outbound:
    """How a source is asked: with its token, if it has one.

    Raises:
        ConfigurationError: the file with the token cannot be read.
    """
    return Outbound(headers=source.headers(secret_in(source.token_file)), clock=clock)


def is_due(engine: Engine, source: Source, *, now: datetime) -> bool:
    """Whether the next run may begin: a webhook knocked, the last success is old enough, or a wait is over."""
    with reading(engine) as connection:
        state = tables.state_of(connection, source.name)
    if state is None or (state.succeeded_at is None and state.not_before is None):
        return True
    if state.not_before is not None:
        return bool(state.not_before <= now)
    return state.knocked_at is not None or bool(state.succeeded_at + timedelta(hours=source.every_hours) <= now)


def knock(engine: Engine, source: Source, *, delivery: str, forget_after: timedelta, now: datetime) -> bool:
    """Remember that a webhook said there is something to read; False for a delivery that came before."""
    with writing(engine) as connection:
        new = tables.add_delivery(
            connection, name=source.name, delivery=delivery, now=now, forget=now - forget_after
        )
        if new:
            tables.set_state(connection, source.name, kind=source.kind, knocked_at=now)
    return new


def _take_lease(engine: Engine, source: Source, *, clock: Clock, again: bool) -> str | Run:
    lease, now = secrets.token_hex(16), clock()
    with writing(engine) as connection:
        state = tables.state_of(connection, source.name)
        if state is not None and state.lease_until is not None and state.lease_until > now:
            sentence = "Another run of it is on."
            return Run(source.name, error=sentence, until=state.lease_until, skipped=True)
        if state is not None and state.not_before is not None and state.not_before > now and not again:
            return Run(source.name, error=state.error, until=state.not_before, skipped=True)
        if state is not None and state.kind != source.kind:
            tables.set_state(connection, source.name, cursor={})  # the name belonged to another system
        tables.set_state(
            connection, source.name, kind=source.kind, tried_at=now, lease=lease, lease_until=now + LEASE
        )
    return lease


def _keep(engine: Engine, source: Source, page: Page, *, lease: str, clock: Clock) -> service.Counts:
    """One page and its cursor. A long page is stored in chunks; the cursor moves with the last one."""
    given, size = page.contributions, service.CHUNK
    chunks = [given[start : start + size] for start in range(0, len(given), size)] or [()]
    total = service.Counts()
    for number, chunk in enumerate(chunks, start=1):
        now = clock()
        with writing(engine) as connection:
            state = tables.state_of(connection, source.name)
            if state is None or state.lease != lease:
                raise LeaseLostError(f"Another run of {source.name} took over; this one ends.")
            new, known = service.keep(connection, chunk, now=now)
            note_new(connection, source.name, new)
            newest = [moment for moment in (state.newest, *(c.happened_at for c in new)) if moment is not None]
            moved = {"cursor": dict(page.cursor)} if page.cursor is not None and number == len(chunks) else {}
            tables.set_state(
                connection,
                source.name,
                lease_until=now + LEASE,
                stored=state.stored + len(new),
                newest=max(newest, default=None),
                **moved,
            )
        total += service.Counts(len(new), known)
    return total


class LeaseLostError(ContributionError):
    """A run slept so long that another one began."""


def note_new(connection: Connection, name: str, new: Sequence[Contribution]) -> None:
    """Count new records by the day on which they happened."""
    tables.add_to_days(connection, name, Counter((c.record, c.happened_at.date().isoformat()) for c in new))


def _succeeded(
    engine: Engine, source: Source, *, lease: str, refused: Sequence[str], knocked_before: datetime, now: datetime
) -> None:
    with writing(engine) as connection:
        state = tables.state_of(connection, source.name)
        if state is None or state.lease != lease:
            return
        later = state.knocked_at if state.knocked_at and state.knocked_at > knocked_before else None
        tables.set_state(
            connection,
            source.name,
            succeeded_at=now,
            not_before=None,
            fault=None,
            error=None,
            failures=0,
            refused=list(refused[:REFUSALS_KEPT]),
            lease=None,
            lease_until=None,
            knocked_at=later,
        )


def _failed(
    engine: Engine, source: Source, error: Exception, *, lease: str, refused: Sequence[str], now: datetime
) -> datetime:
    with writing(engine) as connection:
        state = tables.state_of(connection, source.name)
        failures = (state.failures if state else 0) + 1
        until = error.until if isinstance(error, WaitError) else now + _pause(failures)
        if state is not None and state.lease == lease:
            tables.set_state(
                connection,
                source.name,
                not_before=until,
                fault=_fault(error),
                error=str(error)[:MAX_ERROR_CHARACTERS],
                failures=failures,
                refused=list(refused[:REFUSALS_KEPT]) or state.refused,
                lease=None,
                lease_until=None,
            )
    return until


def _release(engine: Engine, source: Source, *, lease: str) -> None:
    """A run that ends by our own fault or by a key press leaves its place to the next at once."""
    with writing(engine) as connection:
        state = tables.state_of(connection, source.name)
        if state is not None and state.lease == lease:
            tables.set_state(connection, source.name, lease=None, lease_until=None)


def _pause(failures: int) -> timedelta:
    doubled: int = 2 ** min(failures - 1, 10)
    return min(FIRST_RETRY * doubled, LAST_RETRY)


_ANSWERED = re.compile(r" (?:answered \d{3}|could not be asked|gave no whole|answered with more than)")


def _fault(error: Exception) -> Fault:
    if isinstance(error, WaitError):
        return "wait"
    return "unreachable" if isinstance(error, OutboundError) or _ANSWERED.search(str(error)) else "wrong"
