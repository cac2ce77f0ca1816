"""What happened, written down in the transaction in which it happened, for the rooms above (DESIGN §3).

A room never calls the ones above it: it tells the news here, and `issuer.jobs` hands them on after the commit.
News that was told is kept until whoever handles it says that it is done, so a crash in between only means that it
is handled again. Nothing here knows what a piece of news leads to. The table is `store`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from issuer.ground.news import store

Happening = Literal["record", "revert", "account", "person", "claim", "event"]
"""`record`: something arrived under an account (`system:name`). `revert`: a record takes back another (source,
space, what it names). `account`: an account was proved, or went to somebody else. `person`: who somebody is
changed (their id): merged, split, employed elsewhere, paused. `claim`: a claim was opened or answered (its id).
`event`: more is known of how many were at an event (its name).
"""


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened. `number` only grows."""

    number: int
    kind: Happening
    subject: str


def tell(connection: Connection, kind: Happening, subject: str) -> None:
    """Write down, in the caller's transaction, that something happened to `subject`."""
    tell_all(connection, kind, [subject])


def tell_all(connection: Connection, kind: Happening, subjects: Iterable[str]) -> None:
    """The same for several subjects, each once."""
    store.add(connection, kind, sorted(set(subjects)))


def waiting(connection: Connection, *, limit: int) -> list[News]:
    """The oldest news that nobody has handled."""
    return [News(number, kind, subject) for number, kind, subject in store.oldest(connection, limit)]


def newest(connection: Connection) -> int:
    """The number of the last piece of news; 0 if none waits."""
    return store.newest(connection)


def done(connection: Connection, numbers: Iterable[int]) -> None:
    """These were handled."""
    store.remove(connection, list(numbers))


def done_until(connection: Connection, number: int) -> None:
    """Everything up to this number was handled, as by a run over everybody that began after it."""
    store.remove_until(connection, number)


def count(connection: Connection) -> int:
    """How many happenings nobody has handled yet."""
    return store.count(connection)
