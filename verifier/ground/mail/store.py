"""The mails that are to be sent, until they are sent or have expired; all of it in the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Integer, String, Table, Text, delete, func, insert, select, update

from verifier.ground.database import UtcDateTime, metadata

mail_outbox = Table(
    "mail_outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reference", String(32), nullable=False),  # of its Message-ID: the same mail twice is seen as one
    Column("recipient", String(254), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("entered_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcDateTime, nullable=False, index=True),
)


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


def add(
    connection: Connection,
    *,
    recipient: str,
    subject: str,
    text: str,
    reference: str,
    expires_at: datetime,
    now: datetime,
) -> None:
    """Write a mail that is due at once."""
    connection.execute(
        insert(mail_outbox).values(
            reference=reference,
            recipient=recipient,
            subject=subject,
            text=text,
            entered_at=now,
            expires_at=expires_at,
            attempts=0,
            next_try_at=now,
        )
    )


def due(connection: Connection, *, now: datetime, limit: int) -> tuple[Waiting, ...]:
    """The mails whose pause is over, the one that waited longest first."""
    query = (
        select(mail_outbox)
        .where(mail_outbox.c.next_try_at <= now, mail_outbox.c.expires_at > now)
        .order_by(mail_outbox.c.next_try_at, mail_outbox.c.id)
        .limit(limit)
    )
    return tuple(Waiting(**row._mapping) for row in connection.execute(query))


def any_expired(connection: Connection, *, now: datetime) -> bool:
    """Whether `delete_expired` would find something: reading waits for nobody, writing does."""
    query = select(mail_outbox.c.id).where(mail_outbox.c.expires_at <= now).limit(1)
    return connection.execute(query).scalar() is not None


def delete_expired(connection: Connection, *, now: datetime) -> int:
    """Forget the mails that nobody needs any more; how many there were."""
    return connection.execute(delete(mail_outbox).where(mail_outbox.c.expires_at <= now)).rowcount


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


def remove(connection: Connection, mail_id: int) -> None:
    """Forget a mail that was sent, or that its server will never take."""
    connection.execute(delete(mail_outbox).where(mail_outbox.c.id == mail_id))


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(mail_outbox)).scalar() or 0


def oldest(connection: Connection) -> datetime | None:
    return connection.execute(select(func.min(mail_outbox.c.entered_at))).scalar()
