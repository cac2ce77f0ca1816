"""The verifying office's database: opened durably, migrated by Alembic, written in short transactions.

A file of SQLite for one machine, or a PostgreSQL for several processes. Tables stand in the `store.py` of the room
that owns them, on `metadata` here. On both a transaction that writes takes the office's one write lock at its
beginning (BEGIN IMMEDIATE; an advisory lock), so that whoever comes second sees what the first did and waits
instead of failing (ADR 0012), and it is on the disk before anybody hears that a discount was granted.
Writers that may share a transaction are `committer`, and those that may share the lock `statements.AllNew`.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    MetaData,
    String,
    TypeDecorator,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import DatabaseError as SqlError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

MIGRATION_HEAD = "0011"  # the newest file in migrations/versions; a test holds the two together
BUSY_SECONDS = 30  # a writer waits this long for another one before it gives up
WRITE_LOCK = 0x62616467652D7631  # PostgreSQL's advisory lock of our writers: "badge-v1", in one database
_CONNECT = {"connect_timeout": 5, "application_name": "badge-verifier"}
# A grant is on the disk when it is answered, whatever the server's default. Nobody waits for ever: not for the
# lock, nor for a process that took it and hangs. And what is run again and again is
# planned once.
_SESSION = f"""
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
SET lock_timeout = '{BUSY_SECONDS}s';
SET idle_in_transaction_session_timeout = '{2 * BUSY_SECONDS}s';
SET plan_cache_mode = force_generic_plan
"""
# A writer sees what was committed until it got the lock; a reader sees one state of everything.
_BEGIN_WRITING = b"BEGIN;SELECT pg_advisory_xact_lock(%d)" % WRITE_LOCK
# For writers that only unique keys keep apart: they share it, and with that the wait for the disk. Every other
# writer has to wait for them, and they for it.
SHARED_LOCK = b"SELECT pg_advisory_xact_lock_shared(%d)" % WRITE_LOCK
_OURS = "redemptions"  # of the first revision: by it a database is told from the other office's
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_OUR_MISTAKES = (IntegrityError, DataError, ProgrammingError)  # not the world's: they stay what they are

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class DatabaseError(Exception):
    """The database cannot be opened, written or read, or is from another version; one sentence for a person."""


class CommitUnknownError(DatabaseError):
    """The connection was lost while the database confirmed: it may have kept the transaction, or not."""

    def __init__(
        self,
        sentence: str = "The database went away while it confirmed, so whether something was written is not known"
        " yet: ask again with the same request id.",
    ) -> None:
        super().__init__(sentence)


@lru_cache(maxsize=64)  # a grant says it several times
def stored_time(value: datetime) -> str:
    """An instant as `UtcDateTime` stores it."""
    if value.tzinfo is None:
        raise ValueError("A time without a zone cannot be stored.")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in, UTC out, stored as ISO 8601 text that sorts as time does."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else stored_time(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def open_database(place: Path | str, *, password_file: Path | None = None) -> Engine:
    """The engine of an office's database, with today's schema in it.

    `place`: a file of SQLite, made with its folder if need be, or the address of a PostgreSQL
    (`postgresql://user@host/name`). `password_file` holds its user's password and nothing else; without it, the
    ways of libpq are good too (PGPASSFILE, PGPASSWORD).

    Raises:
        DatabaseError: it cannot be opened, is no database, or is newer than this program.
    """
    engine = _file_engine(place) if isinstance(place, Path) else _server_engine(place, password_file)
    try:
        with engine.connect() as connection:
            version = version_of(connection)
            if version is not None and not inspect(connection).has_table(_OURS):
                raise DatabaseError(
                    f"The database {name_of(engine)} holds tables that are not a verifying office's: one of its"
                    " own, or an empty one, was expected."
                )
        if version != MIGRATION_HEAD:
            _migrate(place, password_file)
    except (SqlError, InterfaceError, PoolTimeoutError, sqlite3.DatabaseError) as error:
        engine.dispose()
        raise DatabaseError(f"The database {name_of(engine)} cannot be opened: {reason_of(error)}.") from error
    except DatabaseError:
        engine.dispose()
        raise
    return engine


@contextmanager
def unmigrated(place: Path | str, *, password_file: Path | None = None) -> Iterator[Engine]:
    """The engine of a database as it is, for whoever changes its tables: nothing is checked on the way that SQLite
    checks while a table is made anew.

    Raises:
        DatabaseError: it cannot be opened.
    """
    engine = (
        _file_engine(place, checks_keys=False) if isinstance(place, Path) else _server_engine(place, password_file)
    )
    try:
        yield engine
    except (SqlError, InterfaceError, PoolTimeoutError, sqlite3.DatabaseError) as error:
        raise DatabaseError(f"The database {name_of(engine)} cannot be used: {reason_of(error)}.") from error
    finally:
        engine.dispose()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: committed whole and durably at the end, or not at all.

    Raises:
        DatabaseError: the disk is full, the database is gone, or another writer kept the lock too long; nothing
            was written.
        CommitUnknownError: it went away while it confirmed; look again.
    """
    committing = False
    try:
        with _begun(engine, writes=True) as connection:
            yield connection
            committing = True
            connection.commit()
    except (SqlError, InterfaceError, PoolTimeoutError) as error:
        if isinstance(error, _OUR_MISTAKES):
            raise
        if committing and getattr(error, "connection_invalidated", False):
            raise CommitUnknownError from error
        raise DatabaseError(f"The database could not be written, so nothing was: {reason_of(error)}.") from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the database.

    Raises:
        DatabaseError: it cannot be read.
    """
    try:
        with _begun(engine, writes=False) as connection:
            yield connection
    except (SqlError, InterfaceError, PoolTimeoutError) as error:
        if isinstance(error, _OUR_MISTAKES):
            raise
        raise DatabaseError(f"The database could not be read: {reason_of(error)}.") from error


def _begun(engine: Engine, *, writes: bool) -> Connection:
    """A connection whose transaction has begun. One that died while it rested in the pool is replaced."""
    for is_last in (False, True):
        connection = engine.connect().execution_options(writes=writes)
        try:
            connection.begin()
        except DBAPIError as error:
            connection.close()
            if is_last or not error.connection_invalidated:
                raise
        else:
            break
    return connection


def _file_engine(file: Path, *, checks_keys: bool = True) -> Engine:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(f"The data folder {file.parent} cannot be made: {error.strerror}.") from error
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_file)
    if not checks_keys:
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=OFF"))
    event.listen(engine, "begin", _begin_in_file)
    return engine


def _server_engine(address: str, password_file: Path | None) -> Engine:
    try:
        url = _with_password(make_url(address).set(drivername="postgresql+psycopg"), password_file)
        engine = create_engine(
            url,
            connect_args={name: value for name, value in _CONNECT.items() if name not in url.query},
            pool_size=5,
            max_overflow=15,
            pool_timeout=BUSY_SECONDS,
        )
    except ModuleNotFoundError as error:
        raise DatabaseError(
            "A PostgreSQL needs the package psycopg: 'pip install badgewright[postgres]'."
        ) from error
    except (SQLAlchemyError, ValueError) as error:  # the address may hold a password, so it is not repeated
        raise DatabaseError(
            "database_url is no address of a PostgreSQL: postgresql://user@host/name was expected."
        ) from error
    event.listen(engine, "connect", _prepare_session)
    event.listen(engine, "begin", _begin_at_server)
    return engine


def _with_password(url: URL, file: Path | None) -> URL:
    if file is None:
        return url
    try:
        return url.set(password=file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DatabaseError(f"The database's password cannot be read from {file}.") from error


def _prepare_file(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_in_file` says, not where sqlite3 guesses
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: Any) -> None:
    """Switch a new file to WAL. For this one thing SQLite does not wait for another who does it too, so we do."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_in_file(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_session(connection: Any, _record: Any) -> None:
    connection.autocommit = True  # transactions begin where `_begin_at_server` says
    # What the driver prepares by itself it throws away after a rollback, and with it what `statements` prepared.
    connection.prepare_threshold = None
    connection.execute(_SESSION)


def _begin_at_server(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql(_BEGIN_WRITING.decode() if writes else _BEGIN_READING)


def version_of(connection: Connection) -> str | None:
    """At which revision the tables stand; None if there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(place: Path | str, password_file: Path | None) -> None:
    from alembic.util import CommandError  # a third of a second to import, needed once in a database's life

    from verifier.ground.migrations import steps

    with unmigrated(place, password_file=password_file) as engine:
        try:
            steps.migrate(engine)
        except CommandError as error:
            with engine.connect() as connection:
                found = version_of(connection)
            raise DatabaseError(
                f"The database {name_of(engine)} is from another version of this program: its tables are at"
                f" revision {found}, and this program knows them up to {MIGRATION_HEAD}."
            ) from error


def compact(engine: Engine) -> None:
    """Write a SQLite file anew without what was deleted; another database's own vacuum does that.

    Raises:
        DatabaseError: somebody else is using it, or the disk is full; nothing is lost, and it can be tried again.
    """
    if engine.dialect.name != "sqlite":
        return
    raw = engine.raw_connection()
    try:
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        raise DatabaseError(f"The database could not be written anew: {reason_of(error)}.") from error
    finally:
        raw.close()


def name_of(engine: Engine) -> str:
    """The database in words, without its password."""
    return f"{engine.url.database}" + (f" at {engine.url.host}" if engine.url.host else "")


def reason_of(error: Exception) -> str:
    """What the database said, on one line, without what libpq guesses about it."""
    said = str(getattr(error, "orig", None) or error).partition("\n\t")[0]
    return " ".join(said.split()).rstrip(".")[:300]


def check_writable(engine: Engine) -> None:
    """Ask a database whether it would let anybody write, without writing: one that only reads is no office's.

    Raises:
        DatabaseError: it would not, or it cannot be asked.
    """
    if engine.dialect.name == "postgresql":
        with reading(engine) as connection:
            asked = text("SELECT current_setting('default_transaction_read_only') = 'on' OR pg_is_in_recovery()")
            only_reads = bool(connection.execute(asked).scalar())
    else:
        file = Path(str(engine.url.database))
        only_reads = not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))
    if only_reads:
        raise DatabaseError(f"The database {name_of(engine)} can only be read.")
