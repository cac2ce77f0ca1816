"""One SQLite file per issuer: opened durably, migrated by Alembic, written in short whole transactions.

Tables stand in the `store.py` of the room that owns them, on `metadata` here. A transaction that writes takes
the write lock at its beginning (BEGIN IMMEDIATE), so that two writers wait for each other instead of failing.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    MetaData,
    String,
    TypeDecorator,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DBAPIError

MIGRATION_HEAD = "0022"  # the newest file in migrations/versions; a test holds the two together
BUSY_SECONDS = 30  # a writer waits this long for another one before it gives up

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class DatabaseError(Exception):
    """The database cannot be opened or is from another version; one sentence for a person."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in, UTC out, stored as ISO 8601 text that sorts as time does."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def open_database(file: Path) -> Engine:
    """The engine of an issuer's database file; the file is made, and brought to today's schema, if need be.

    Raises:
        DatabaseError: the file cannot be opened, is no database, or is newer than this program.
    """
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    try:
        with engine.connect() as connection:
            version = _version(connection)
        if version != MIGRATION_HEAD:
            _migrate(engine)
    except DBAPIError as error:
        raise DatabaseError(f"The database {file} cannot be opened: {error.orig}.") from error
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: committed whole at the end, or not at all."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the database."""
    with engine.connect() as connection:
        yield connection


def by_first(pairs: Iterable[tuple[str, str]], *, size: int) -> Iterator[tuple[str, list[str]]]:
    """Keys of two parts by their first part, at most so many at a time.

    `first = ? AND second IN (…)` is found by an index; for `(first, second) IN (…)` SQLite uses none, and reads
    the whole table.
    """
    groups: dict[str, set[str]] = {}
    for first, second in pairs:
        groups.setdefault(first, set()).add(second)
    for first in sorted(groups):
        seconds = sorted(groups[first])
        for start in range(0, len(seconds), size):
            yield first, seconds[start : start + size]


def _prepare_connection(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where sqlite3 guesses
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _version(connection: Connection) -> str | None:
    known = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")).scalar()
    if not known:
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(engine: Engine) -> None:
    from alembic import command  # a third of a second to import, needed once in a database's life
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "issuer:ground/migrations")
    try:
        with writing(engine) as connection:  # the lock also keeps a second starter from migrating along
            if _version(connection) != MIGRATION_HEAD:
                config.attributes["connection"] = connection
                command.upgrade(config, MIGRATION_HEAD)
    except CommandError as error:
        raise DatabaseError(
            f"The database {engine.url.database} is from another version of this program: {error}"
        ) from error
