"""The issuing office's database: opened durably, migrated by Alembic, written in short whole transactions.

A file of SQLite for one machine, or a PostgreSQL for several processes. Tables stand in the `store.py` of the room
that owns them, on `metadata` here. On both a transaction that writes takes the office's one write lock at its
beginning (BEGIN IMMEDIATE; an advisory lock): whoever comes second waits, and sees what the first did. What takes
long (deciding, signing) is done before, outside of it (ADR 0017).
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Dialect,
    Engine,
    Integer,
    MetaData,
    PoolProxiedConnection,
    String,
    Table,
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

from issuer.ground.journal import JournalError, Place, Recorder, keep_files
from issuer.ground.settings import Settings

MIGRATION_HEAD = "0027"  # the newest file in migrations/versions; a test holds the two together
BUSY_SECONDS = 30  # a writer waits this long for another one before it gives up
WRITE_LOCK = 0x62616467652D6931  # PostgreSQL's advisory lock of our writers: "badge-i1", in one database
_CONNECT = {"connect_timeout": 5, "application_name": "badge-issuer"}
# What was told to somebody is on the disk, whatever the server's default. Nobody waits for ever for the lock.
_SESSION = f"""
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
SET lock_timeout = '{BUSY_SECONDS}s';
SET random_page_cost = 1.1;
SET cursor_tuple_fraction = 1.0
"""
# A writer sees what was committed until it got the lock, and loses it if its process hangs. A reader sees one
# state of everything, for as long as a run over everybody takes.
_BEGIN_WRITING = f"""
BEGIN;
SET LOCAL idle_in_transaction_session_timeout = '{2 * BUSY_SECONDS}s';
SELECT pg_advisory_xact_lock({WRITE_LOCK})
"""
# Keys are random, so every page of an index is needed all the time: 64 MiB of them are held, and as much is
# written before it is brought into the file. Otherwise the hundred thousandth badge costs more than the first.
_FOR_MANY_ROWS = ("cache_size=-65536", "wal_autocheckpoint=16384")
# What SQLite's log takes on the disk while several processes write. By itself SQLite begins it anew only if nobody
# reads or writes just then, and it grows until that happens.
_LONG_LOG = 80 << 20
_SHORT_WAIT = 100  # milliseconds: longer than others need who read or write for a chunk of badges
_OURS = "contributions"  # of the first revision: by it a database is told from the other office's
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
# One row: number and hash of the journal's newest line, written by the transaction that the line is of.
journal_place = Table(
    "journal_place",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)


class DatabaseError(Exception):
    """The database cannot be opened, written or read, or is from another version; one sentence for a person."""


class CommitUnknownError(DatabaseError):
    """The connection was lost while the database confirmed: it may have kept the transaction, or not."""

    def __init__(
        self,
        sentence: str = "The database went away while it confirmed, so whether something was written is not known:"
        " look before you do it again.",
    ) -> None:
        super().__init__(sentence)


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


def open_own_database(settings: Settings) -> Engine:
    """The engine of the database that an office's settings name, with its journal; errors as `open_database`."""
    return open_database(
        settings.database,
        password_file=settings.database_password_file,
        journal=settings.journal,
    )


def open_database(
    place: Path | str, *, password_file: Path | None = None, journal: Path | bool | None = True
) -> Engine:
    """The engine of an office's database, with today's schema in it.

    `place`: a file of SQLite, made with its folder if need be, or the address of a PostgreSQL
    (`postgresql://user@host/name`). `password_file` holds its user's password and nothing else; without it, the
    ways of libpq are good too (PGPASSFILE, PGPASSWORD). `journal`: the folder into which all that is written from
    then on is written, too; True is the one beside a file, None is none, and False is for a copy, which nobody's
    journal is of.

    Raises:
        DatabaseError: it cannot be opened, is no database, or is newer than this program.
    """
    engine = _file_engine(place) if isinstance(place, Path) else _server_engine(place, password_file)
    try:
        with engine.connect() as connection:
            version = version_of(connection)
            if version is not None and not inspect(connection).has_table(_OURS):
                raise DatabaseError(
                    f"The database {name_of(engine)} holds tables that are not an issuing office's: one of its"
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
    if journal is True:
        journal = place.parent / "journal" if isinstance(place, Path) else None
    if journal is not False:
        _keep_journal(engine, Recorder(journal, version=MIGRATION_HEAD))
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
            if is_file(engine):
                _begin_log_anew(connection)
    except (SqlError, InterfaceError, PoolTimeoutError) as error:
        if isinstance(error, _OUR_MISTAKES):
            raise
        if committing and getattr(error, "connection_invalidated", False):
            raise CommitUnknownError from error
        raise DatabaseError(f"The database could not be written, so nothing was: {reason_of(error)}.") from error
    except JournalError as error:
        raise DatabaseError(f"Nothing was written: {error}") from error


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


@contextmanager
def plainly(engine: Engine) -> Iterator[PoolProxiedConnection]:
    """A connection for what is no business of the journal's, each statement a transaction of its own.

    Raises:
        DatabaseError: the database is gone, or does not do it.
    """
    try:
        with closing(engine.raw_connection()) as connection:
            yield connection
    except (SqlError, InterfaceError, PoolTimeoutError, engine.dialect.loaded_dbapi.Error) as error:
        raise DatabaseError(f"The database could not be asked: {reason_of(error)}.") from error


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
            connect_args={"prepare_threshold": None}
            | {name: value for name, value in _CONNECT.items() if name not in url.query},
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


def note_files(engine: Engine, files: dict[str, str]) -> None:
    """Write files of the data folder into the journal, for whoever restores: encrypted keys just made."""
    with writing(engine) as connection:
        keep_files(connection.info, files)


def is_file(engine: Engine) -> bool:
    """Whether it is a file of SQLite; else a PostgreSQL."""
    return engine.dialect.name == "sqlite"


def _keep_journal(engine: Engine, recorder: Recorder) -> None:
    """Let each transaction be written down just before it is committed. The database itself says where the journal
    stands, in the same transaction, so that a line without its commit is found.
    """

    def is_kept(connection: Connection) -> bool:
        return bool(connection.get_execution_options().get("journal", True))

    def will_see(connection: Connection, _c: Any, statement: str, *_: Any) -> None:
        if is_kept(connection):
            recorder.will_count(connection.info, statement, lambda table: _next_number(connection, table))

    def saw(connection: Connection, _c: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        if is_kept(connection):
            recorder.saw(connection.info, statement, parameters, many=many)

    def commit(connection: Connection) -> None:
        plain = connection.connection
        try:
            place = recorder.write(connection.info, lambda: _journal_stands_at(connection))
            if place is not None:
                _past_the_events(connection, place_statement(place))
        except BaseException:
            with suppress(Exception):
                plain.rollback()  # SQLAlchemy takes a commit that began for one that ended: the lock would stay
            raise

    def forget(connection: Connection) -> None:
        if not connection.invalidated:  # else what it kept went with it, and to ask would hide why it is gone
            recorder.forget(connection.info)

    if engine.dialect.name == "postgresql":
        event.listen(engine, "before_cursor_execute", will_see)
    event.listen(engine, "begin", forget)
    event.listen(engine, "after_cursor_execute", saw)
    event.listen(engine, "commit", commit)
    event.listen(engine, "rollback", forget)


def place_statement(place: Place) -> str:
    """The statement that writes down where the journal stands."""
    return f"UPDATE journal_place SET number = {place.number:d}, sha256 = '{place.sha256}'"  # noqa: S608 - both ours


def _journal_stands_at(connection: Connection) -> tuple[Place, int | None]:
    transaction = "txid_current()" if connection.dialect.name == "postgresql" else "NULL"
    row = _past_the_events(connection, f"SELECT number, sha256, {transaction} FROM journal_place")  # noqa: S608
    if row is None:
        raise JournalError("The database does not say where its journal stands: journal_place has no row.")
    return Place(row[0], row[1]), row[2]


def _next_number(connection: Connection, table: str) -> int | None:
    """Which number a PostgreSQL gives to a table's next new row: a transaction that is rolled back uses numbers
    up, and is not in the journal.
    """
    column = metadata.tables[table].autoincrement_column if table in metadata.tables else None
    if column is None:
        return None
    sequence = sequence_of(table, column.name)
    row = _past_the_events(connection, f"SELECT last_value + is_called::integer FROM {sequence}")  # noqa: S608
    return None if row is None else int(row[0])


def sequence_of(table: str, column: str) -> str:
    """The name of a column's sequence, as PostgreSQL gives it to those that it makes itself."""
    return f"{table}_{column}_seq"


def _past_the_events(connection: Connection, statement: str) -> Any:
    """The first row of a statement that is none of the journal's business; it runs within its events, too, where
    SQLAlchemy would not say what went wrong.
    """
    plain = connection.connection
    try:
        with closing(plain.cursor()) as cursor:
            cursor.execute(statement)
            return cursor.fetchone() if cursor.description else None
    except connection.dialect.loaded_dbapi.Error as error:
        if connection.dialect.is_disconnect(error, plain.driver_connection, None):
            connection.invalidate(error)
        raise DatabaseError(f"The database could not be written, so nothing was: {reason_of(error)}.") from error


def _prepare_file(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_in_file` says, not where sqlite3 guesses
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", *_FOR_MANY_ROWS):
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


def _begin_log_anew(connection: Connection) -> None:
    """Empty SQLite's log if it is long. Nearly all of it is in the file by then, and others who read or write are
    hardly waited for: the next writer tries again. Nothing of this is the transaction's, which is committed.
    """
    with suppress(OSError, sqlite3.Error):
        if Path(f"{connection.engine.url.database}-wal").stat().st_size < _LONG_LOG:
            return
        plain: Any = connection.connection.driver_connection
        plain.execute(f"PRAGMA busy_timeout={_SHORT_WAIT}")
        try:
            plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            plain.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


def _prepare_session(connection: Any, _record: Any) -> None:
    connection.autocommit = True  # transactions begin where `_begin_at_server` says
    connection.execute(_SESSION)


def _begin_at_server(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql(_BEGIN_WRITING if writes else _BEGIN_READING)


def version_of(connection: Connection) -> str | None:
    """At which revision the tables stand; None if there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(place: Path | str, password_file: Path | None) -> None:
    from alembic.util import CommandError  # a third of a second to import, needed once in a database's life

    from issuer.ground.migrations import steps

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


def address_of(engine: Engine) -> str:
    """The address of a PostgreSQL with its password, for a library that opens connections of its own."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


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
