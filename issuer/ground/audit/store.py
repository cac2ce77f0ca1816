"""The audit log's table. The database itself refuses to change or remove a row (triggers, in the migration)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Integer, String, Table, insert, select

from issuer.ground.database import UtcDateTime, metadata

MAX_TEXT = {"actor": 200, "role": 32, "act": 64, "person": 32, "subject": 200, "reason": 500}

audit_log = Table(
    "audit_log",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(MAX_TEXT["actor"]), nullable=False),
    Column("role", String(MAX_TEXT["role"]), nullable=False),
    Column("act", String(MAX_TEXT["act"]), nullable=False),
    Column("person", String(MAX_TEXT["person"]), nullable=False, index=True),
    Column("subject", String(MAX_TEXT["subject"]), nullable=False),
    Column("reason", String(MAX_TEXT["reason"]), nullable=False),
    Column("details", String(4_000), nullable=False),  # JSON
    Column("previous", String(64), nullable=False, unique=True),
    Column("sha256", String(64), nullable=False, unique=True),
)


@dataclass(frozen=True)
class Row:
    """A row as it stands in the table."""

    number: int
    at: datetime
    actor: str
    role: str
    act: str
    person: str
    subject: str
    reason: str
    details: str
    previous: str
    sha256: str


def last_row(connection: Connection) -> Row | None:
    """The newest row; a transaction of `writing` is alone, so nobody else adds one before it ends."""
    found = connection.execute(select(audit_log).order_by(audit_log.c.number.desc()).limit(1)).one_or_none()
    return None if found is None else Row(*found)


def add(connection: Connection, row: Row, *, sha256: str) -> None:
    """Add a row, with the hash that its content gives."""
    connection.execute(insert(audit_log).values({**vars(row), "sha256": sha256}))


def last_rows(connection: Connection, *, person: str | None, count: int) -> list[Row]:
    """The newest `count` rows in their order."""
    query = select(audit_log).order_by(audit_log.c.number.desc()).limit(count)
    if person is not None:
        query = query.where(audit_log.c.person == person)
    return [Row(*found) for found in connection.execute(query)][::-1]


def all_rows(connection: Connection) -> Iterator[Row]:
    """Every row in its order, a thousand at a time: a log only grows."""
    query = select(audit_log).order_by(audit_log.c.number).limit(1_000)
    after: int | None = None  # the first row may have any number, if somebody changed it
    while True:
        rest = query if after is None else query.where(audit_log.c.number > after)
        rows = [Row(*found) for found in connection.execute(rest)]
        yield from rows
        if len(rows) < 1_000:
            return
        after = rows[-1].number
