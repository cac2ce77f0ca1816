"""What waits issued chunk by chunk, by several processes beside each other where that is worth it.

No private key goes from one process to another; each opens the same database and the same key store by itself, and
drafts, signs and stores the chunks that it is given. A process that dies is done without: its chunks are issued
here, and what it had stored is not issued again (`drafting`).
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from issuer.badges import store
from issuer.badges.bureau import Bureau, Guise, in_guise, open_bureau
from issuer.badges.issuing.drafting import EVERY_AWARD, Stretch, draft_awards
from issuer.badges.issuing.intent import CHUNK
from issuer.badges.issuing.places import Places
from issuer.badges.issuing.signing import dress, keep_drafts
from issuer.ground import processes
from issuer.ground import settings as ground_settings
from issuer.ground.database import open_own_database, reading
from issuer.ground.garbage import rare_collections
from issuer.ground.planner import learn_sizes

WORTH_IT = 3_000  # badges: two seconds of issuing; to open an office in a new process takes one

_own: "tuple[Bureau, Places] | None" = None  # of a process of the pool


@dataclass(frozen=True, slots=True)
class Count:
    """Of some awards, how many badges were drafted, and how many of these kept."""

    drafted: int
    kept: int


@dataclass
class Hands:
    """Who issues: this process, and those of the pool if there are any."""

    bureau: Bureau
    now: datetime
    executor: ProcessPoolExecutor | None = None
    places: Places = field(default_factory=Places)

    def issue(self) -> Iterator[Count]:
        """Draft, sign and store what waits now, oldest first; what comes out is counted as it is stored."""
        if self.executor is None:
            yield from self._by_itself(EVERY_AWARD)
            return
        with reading(self.bureau.engine) as connection:
            stretches = _stretches(connection, size=CHUNK)
        begun = [(one, processes.begun(self.executor, _issue_here, one, self.now)) for one in stretches]
        for number, (stretch, future) in enumerate(begun, 1):
            counts = processes.ended(future)
            yield from self._by_itself(stretch) if counts is None else counts
            if number & (number - 1) == 0:  # the tables have doubled
                learn_sizes(self.bureau.engine)

    def _by_itself(self, stretch: Stretch) -> Iterator[Count]:
        return issue_stretch(self.bureau, self.places, stretch, now=self.now)


def issue_stretch(bureau: Bureau, places: Places, stretch: Stretch, *, now: datetime) -> Iterator[Count]:
    """A signed badge for each award of a stretch, a chunk at a time."""
    while True:
        with reading(bureau.engine) as connection:
            drafts = draft_awards(connection, bureau, places, stretch, limit=CHUNK, now=now).drafts
        if not drafts:
            return
        dressed = dress(bureau, [draft.intent for draft in drafts], now=now)
        kept = keep_drafts(bureau, drafts, dressed, places, now=now)
        places.forget(place for draft in drafts for _, place in draft.badge.places)
        yield Count(len(drafts), kept)
        if len(drafts) < CHUNK:
            return
        stretch = replace(stretch, after=drafts[-1].last)


@contextmanager
def hands_for(bureau: Bureau, *, amount: int, now: datetime, processors: int | None = None) -> Iterator[Hands]:
    """Hands for so many badges: more processes where that is worth it, and this one alone otherwise."""
    count = processes.hands(processors)
    if bureau.data is None or amount < WORTH_IT or count < 2:
        yield Hands(bureau, now)
        return
    learn_sizes(bureau.engine)
    executor = processes.executor(count, _open, bureau.data, bureau.guise)
    try:
        yield Hands(bureau, now, executor)
    finally:
        executor.shutdown(cancel_futures=True)


def _stretches(connection: Connection, *, size: int) -> list[Stretch]:
    """What waits in stretches of so many awards; the last one has no end."""
    stretches, last = list[Stretch](), None
    while (until := store.awards.waiting_after(connection, last, count=size)) is not None:
        stretches.append(Stretch(last, until))
        last = until
    return [*stretches, Stretch(last)]


def _open(data: Path, guise: Guise) -> None:
    """In a new process: the same office, under the names that it has in the other."""
    global _own
    settings = ground_settings.load(data)
    _own = in_guise(open_bureau(open_own_database(settings), settings), guise), Places()


def _issue_here(stretch: Stretch, now: datetime) -> list[Count]:
    assert _own is not None
    bureau, places = _own
    with rare_collections():
        return list(issue_stretch(bureau, places, stretch, now=now))
