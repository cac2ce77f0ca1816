"""The table of what happened and was not handled yet, and all SQL on it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, Integer, String, Table, delete, func, insert, select

from issuer.ground.database import metadata

NUMBERS_PER_QUERY = 500

news = Table(
    "news",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("subject", String(600), nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice, so "until number 7" means the same for ever
)


def add(connection: Connection, kind: str, subjects: Sequence[str]) -> None:
    if subjects:
        connection.execute(insert(news), [{"kind": kind, "subject": subject} for subject in subjects])


def oldest(connection: Connection, limit: int) -> list[tuple[int, Any, str]]:
    query = select(news).order_by(news.c.number).limit(limit)
    return [(row.number, row.kind, row.subject) for row in connection.execute(query)]


def newest(connection: Connection) -> int:
    return connection.execute(select(func.max(news.c.number))).scalar() or 0


def remove(connection: Connection, numbers: Sequence[int]) -> None:
    for start in range(0, len(numbers), NUMBERS_PER_QUERY):
        some = numbers[start : start + NUMBERS_PER_QUERY]
        connection.execute(delete(news).where(news.c.number.in_(some)))


def remove_until(connection: Connection, number: int) -> None:
    connection.execute(delete(news).where(news.c.number <= number))


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(news)).scalar() or 0
