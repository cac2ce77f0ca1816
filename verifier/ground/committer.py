"""Writers that wait at the same moment share one transaction, and with it one wait for the disk.

Who comes while nobody writes, leads: it takes what has gathered, has all of it carried out in one transaction, and
only when that is on the disk is anybody answered. Meanwhile the next ones gather; the first of them leads next.
There is no thread of its own. A writer that is alone waits for nobody; only where several write at once, the next
leader gives them a moment to gather. Where a database is another program, two lead: one makes its transaction
ready while the other's is written.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlalchemy import Connection, Engine

from verifier.ground.database import CommitUnknownError, DatabaseError, writing

MAX_BATCH = 64  # a transaction stays short, and what one spoils is soon done again
FIND_OUT_SECONDS = 10.0  # how long a database may be away in the middle of a commit: a restart takes less
FIND_OUT_EVERY = 0.2

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item, Outcome]):
    """One caller of `submit`: asleep in `woken` until it is settled, or has to lead."""

    item: Item
    woken: threading.Lock = field(default_factory=threading.Lock)
    leads: bool = False  # its item is for nobody else's batch
    settled: bool = False
    outcome: Outcome | None = None
    error: Exception | None = None


class Committer(Generic[Item, Outcome]):
    """Carries items out, as many as wait in one transaction.

    `carry_out(connection, items)` gives an outcome for each item, in their order; an exception among them is that
    item's alone. It must find by itself what it did for an item before: after a commit of which nobody knows how
    it ended, it is asked again. `touches(item)`: items that name the same thing are never in one transaction, so
    `carry_out` need not look for conflicts among its items. `at_once(engine, items)`: a shorter way for most, in a
    transaction of its own; where it gives None, it wrote nothing and `carry_out` is asked.
    """

    def __init__(
        self,
        engine: Engine,
        carry_out: Callable[[Connection, Sequence[Item]], Sequence[Outcome | Exception]],
        *,
        touches: Callable[[Item], Collection[Hashable]],
        at_once: Callable[[Engine, Sequence[Item]], Sequence[Outcome] | None] | None = None,
    ) -> None:
        self._engine, self._carry_out, self._touches, self._at_once = engine, carry_out, touches, at_once
        self._queue: deque[_Waiting[Item, Outcome]] = deque()
        self._most_leaders = 1 if at_once is None else 2
        self._leaders, self._crowded = 0, False
        self._mutex = threading.Lock()  # of the queue and of who leads

    def submit(self, item: Item) -> Outcome:
        """The item's outcome, once it is on the disk.

        Raises:
            DatabaseError: nothing was written.
            CommitUnknownError: the database went away while it confirmed, and did not come back in time.
            Exception: what `carry_out` gave as this item's outcome, or raised for it.
        """
        mine: _Waiting[Item, Outcome] = _Waiting(item)
        mine.woken.acquire()
        with self._mutex:
            self._queue.append(mine)
            if self._leaders < self._most_leaders:
                self._leaders, mine.leads = self._leaders + 1, True
        if not mine.leads:
            mine.woken.acquire()
        if mine.leads:
            self._lead(mine)
        if mine.error is not None:
            raise mine.error
        return mine.outcome  # type: ignore[return-value] # an outcome may be None

    def _lead(self, mine: _Waiting[Item, Outcome]) -> None:
        """One transaction; then the first of those who came meanwhile leads."""
        batch: list[_Waiting[Item, Outcome]] = []
        outcomes: Sequence[Outcome | Exception] | None = None
        try:
            if self._crowded:
                time.sleep(0)  # those who were just answered may come again
            if self._at_once is not None:
                batch = self._take(mine)
                outcomes = self._at_once(self._engine, [waiting.item for waiting in batch])
            if outcomes is None:
                with writing(self._engine) as connection:
                    batch = batch or self._take(mine)  # not before: while the lock was waited for, others came
                    outcomes = self._carry_out(connection, [waiting.item for waiting in batch])
            self._crowded = len(batch) > 1
            _settle(batch, outcomes)
        except CommitUnknownError as error:
            self._find_out(batch, error)
        except DatabaseError as error:
            _fail(batch or self._take(mine), error)
        except Exception:
            self._one_by_one(batch)
        finally:
            _fail([waiting for waiting in batch if not waiting.settled], DatabaseError("The server is stopping."))
            with self._mutex:
                if mine in self._queue:  # interrupted before it began: nobody waits for it any more
                    self._queue.remove(mine)
                following = next((waiting for waiting in self._queue if not waiting.leads), None)
                if following is None:
                    self._leaders -= 1
                else:
                    following.leads = True
                    following.woken.release()

    def _take(self, mine: _Waiting[Item, Outcome]) -> list[_Waiting[Item, Outcome]]:
        """The leader's own, and the first who wait and touch different things; the others stay, in their order.
        Another leader takes its own itself.
        """
        taken, left = [mine], list[_Waiting[Item, Outcome]]()
        touched = set(self._touches(mine.item))
        with self._mutex:
            self._queue.remove(mine)
            while self._queue and len(taken) < MAX_BATCH:
                waiting = self._queue.popleft()
                things = self._touches(waiting.item)
                if touched.isdisjoint(things) and not waiting.leads:
                    taken.append(waiting)
                else:
                    left.append(waiting)
                touched.update(things)
            self._queue.extendleft(reversed(left))
        return taken

    def _one_by_one(self, batch: list[_Waiting[Item, Outcome]]) -> None:
        """Something went wrong, and everything was undone. Each is carried out once more and alone: an error is
        for the one that causes it, and who met a row that was not there before looks again.
        """
        for waiting in batch:
            try:
                with writing(self._engine) as connection:
                    outcomes = self._carry_out(connection, [waiting.item])
                _settle([waiting], outcomes)
            except CommitUnknownError as lost:
                self._find_out([waiting], lost)
            except Exception as its_own:
                _fail([waiting], its_own)

    def _find_out(self, batch: list[_Waiting[Item, Outcome]], lost: CommitUnknownError) -> None:
        """Ask again until the database says what became of the batch."""
        end = time.monotonic() + FIND_OUT_SECONDS
        while time.monotonic() < end:
            time.sleep(FIND_OUT_EVERY)
            try:
                with writing(self._engine) as connection:
                    outcomes = self._carry_out(connection, [waiting.item for waiting in batch])
            except DatabaseError:
                continue
            except Exception:
                return self._one_by_one(batch)
            return _settle(batch, outcomes)
        return _fail(batch, lost)


def _settle(batch: Sequence[_Waiting[Item, Outcome]], outcomes: Sequence[Outcome | Exception]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Exception):
            waiting.error = outcome
        else:
            waiting.outcome = outcome
        waiting.settled = True
        waiting.woken.release()


def _fail(batch: Sequence[_Waiting[Item, Outcome]], error: Exception) -> None:
    for waiting in batch:
        own = (
            type(error)(str(error)) if isinstance(error, DatabaseError) else error
        )  # each is raised in its thread
        own.__cause__ = error.__cause__
        waiting.error, waiting.settled = own, True
        waiting.woken.release()
