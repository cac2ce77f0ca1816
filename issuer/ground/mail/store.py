"""The mails that are to be sent, until they are sent or have expired; all of it in the caller's transaction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from issuer.ground.database import UtcDateTime, metadata
from issuer.ground.many import insert_rows

mail_outbox = Table(
    "mail_outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "reference", String(32), nullable=False, index=True
    ),  # of its Message-ID: the same mail twice is seen as one
    Column("recipient", String(254), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("entered_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcDateTime, nullable=False, index=True),
)
mail_fates = Table(  # of mails that somebody asks about; no address stands here
    "mail_fates",
    metadata,
    Column("reference", String(32), primary_key=True),
    Column("way", String(16)),  # how it ended; nothing while it waits
    Column("ended_at", UtcDateTime),
)
GROUP = 500  # references in one statement

Way = Literal["sent", "refused", "expired", "forgotten", "lost"]


@dataclass(frozen=True)
class Fate:
    """What became of a mail: taken by the mail server, refused for good, expired, forgotten as its person left, or
    lost with a database that was restored from an older copy.

    `way` is None while it waits; `attempts`: how often it was tried so far, then.
    """

    way: Way | None
    ended_at: datetime | None
    attempts: int = 0


@dataclass(frozen=True)
class Waiting:
    """A row of `mail_outbox`."""

    id: int
    reference: str
    recipient: str
    subject: str
    text: str
    entered_at: datetime
    expires_at: datetime
    attempts: int
    next_try_at: datetime


def add_all(
    connection: Connection, mails: Sequence[Mapping[str, str]], *, expires_at: datetime, now: datetime
) -> None:
    """Write mails that are due at once: of each its recipient, subject, text and reference."""
    rest = {"entered_at": now, "expires_at": expires_at, "attempts": 0, "next_try_at": now}
    insert_rows(connection, mail_outbox, [{**mail, **rest} for mail in mails])


def due(connection: Connection, *, now: datetime, limit: int) -> tuple[Waiting, ...]:
    """The mails whose pause is over, the one that waited longest first."""
    query = (
        select(mail_outbox)
        .where(mail_outbox.c.next_try_at <= now, mail_outbox.c.expires_at > now)
        .order_by(mail_outbox.c.next_try_at, mail_outbox.c.id)
        .limit(limit)
    )
    return tuple(Waiting(**row._mapping) for row in connection.execute(query))


def waiting_among(connection: Connection, references: Iterable[str]) -> Iterator[Waiting]:
    """Which of these mails still wait."""
    asked = sorted(set(references))
    for start in range(0, len(asked), GROUP):
        query = select(mail_outbox).where(mail_outbox.c.reference.in_(asked[start : start + GROUP]))
        for row in connection.execute(query).all():
            yield Waiting(**row._mapping)


def set_text(connection: Connection, mail_id: int, text: str) -> None:
    """Another text for a mail that waits."""
    connection.execute(update(mail_outbox).where(mail_outbox.c.id == mail_id).values(text=text))


def any_expired(connection: Connection, *, now: datetime) -> bool:
    """Whether `delete_expired` would find something: reading waits for nobody, writing does."""
    query = select(mail_outbox.c.id).where(mail_outbox.c.expires_at <= now).limit(1)
    return connection.execute(query).scalar() is not None


def delete_expired(connection: Connection, *, now: datetime) -> int:
    """Forget the mails that nobody needs any more; how many there were."""
    return _end(connection, mail_outbox.c.expires_at <= now, way="expired", now=now)


def begin_try(connection: Connection, mail_id: int, *, seen_attempts: int, next_try_at: datetime) -> bool:
    """Take a mail up: count the try, and keep others away until `next_try_at`. False if somebody else did."""
    taken = connection.execute(
        update(mail_outbox)
        .where(mail_outbox.c.id == mail_id, mail_outbox.c.attempts == seen_attempts)
        .values(attempts=mail_outbox.c.attempts + 1, next_try_at=next_try_at)
    )
    return taken.rowcount == 1


def postpone(connection: Connection, mail_id: int, *, next_try_at: datetime) -> None:
    """Let a mail wait."""
    connection.execute(update(mail_outbox).where(mail_outbox.c.id == mail_id).values(next_try_at=next_try_at))


def remove_to(connection: Connection, recipient: str) -> None:
    """Forget every mail that waits for an address."""
    _end(connection, mail_outbox.c.recipient == recipient, way="forgotten", now=None)


def remove(connection: Connection, mail_id: int, *, way: Way, now: datetime) -> None:
    """Forget a mail that was sent, or that its server will never take; of one that is followed, note which."""
    _end(connection, mail_outbox.c.id == mail_id, way=way, now=now)


def follow(connection: Connection, references: Sequence[str]) -> None:
    """Keep what becomes of mails."""
    if references:
        connection.execute(insert(mail_fates), [{"reference": reference} for reference in references])


def fates(connection: Connection, references: Iterable[str]) -> dict[str, Fate]:
    """What became of mails, by their references; of one that nobody follows, nothing."""
    asked, found = sorted(set(references)), dict[str, Fate]()
    for start in range(0, len(asked), GROUP):
        query = (
            select(mail_fates, mail_outbox.c.attempts)
            .outerjoin(mail_outbox, mail_outbox.c.reference == mail_fates.c.reference)
            .where(mail_fates.c.reference.in_(asked[start : start + GROUP]))
        )
        for row in connection.execute(query):
            lost = row.way is None and row.attempts is None
            found[row.reference] = Fate("lost" if lost else row.way, row.ended_at, row.attempts or 0)
    return found


def take_back(connection: Connection, references: Iterable[str]) -> None:
    """Forget mails and what became of them."""
    asked = sorted(set(references))
    for start in range(0, len(asked), GROUP):
        group = asked[start : start + GROUP]
        connection.execute(delete(mail_outbox).where(mail_outbox.c.reference.in_(group)))
        connection.execute(delete(mail_fates).where(mail_fates.c.reference.in_(group)))


def _end(connection: Connection, chosen: ColumnElement[bool], *, way: Way, now: datetime | None) -> int:
    """By the references themselves: a journal that is played again has no letters to look them up in."""
    ended = list(connection.execute(select(mail_outbox.c.reference).where(chosen)).scalars())
    for start in range(0, len(ended), GROUP):
        of_them = mail_fates.c.reference.in_(ended[start : start + GROUP])
        connection.execute(update(mail_fates).where(of_them).values(way=way, ended_at=now))
    return connection.execute(delete(mail_outbox).where(chosen)).rowcount


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(mail_outbox)).scalar() or 0


def oldest(connection: Connection) -> datetime | None:
    return connection.execute(select(func.min(mail_outbox.c.entered_at))).scalar()
