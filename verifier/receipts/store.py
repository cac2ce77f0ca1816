"""The table of receipts, and all SQL on it. Everything runs in the caller's transaction."""

from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, Text, delete, func, insert, select

from verifier.ground.database import UtcDateTime, metadata

receipts = Table(
    "receipts",
    metadata,
    Column("number", String(32), primary_key=True),
    Column("content", Text, nullable=False),  # JSON
    Column("kept_until", UtcDateTime, nullable=False, index=True),
)


def add(connection: Connection, number: str, *, content: str, kept_until: datetime) -> None:
    connection.execute(insert(receipts).values(number=number, content=content, kept_until=kept_until))


def receipt(connection: Connection, number: str, *, now: datetime) -> tuple[str, datetime] | None:
    """(content, until when it is kept) of a receipt that is still kept."""
    wanted = select(receipts.c.content, receipts.c.kept_until).where(
        receipts.c.number == number, receipts.c.kept_until > now
    )
    row = connection.execute(wanted).first()
    return None if row is None else (row.content, row.kept_until)


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(receipts)).scalar_one()


def forget(connection: Connection, *, until: datetime) -> None:
    """Delete those that were to be kept until then, or less long."""
    connection.execute(delete(receipts).where(receipts.c.kept_until <= until))
