"""The issuing office's database: opened durably, migrated by Alembic, written in short whole transactions.

A file of SQLite for one machine, or a PostgreSQL for several processes. Tables stand in the `store.py` of the room
that owns them, on `metadata` here. On both a transaction that writes takes the office's one write lock at its
beginning (BEGIN IMMEDIATE; an advisory lock): whoever comes second waits, and sees what the first did. What takes
long (deciding, signing) is done before, outside of it (ADR 0017).
"""

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
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

from issuer.ground.journal import JournalError, Recorder, keep_files, read

MIGRATION_HEAD = "0024"  # the newest file in migrations/versions; a test holds the two together
JOURNAL_FOLDER = "journal"  # beside the database
BUSY_SECONDS = 30  # a writer waits this long for another one before it gives up
WRITE_LOCK = 0x62616467652D6931  # PostgreSQL's advisory lock of our writers: "badge-i1", in one database
_CONNECT = {"connect_timeout": 5, "application_name": "badge-issuer"}
# What was told to somebody is on the disk, whatever the server's default. Nobody waits for ever for the lock.
_SESSION = f"""
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
SET lock_timeout = '{BUSY_SECONDS}s';
SET plan_cache_mode = force_custom_plan
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


def open_database(place: Path | str, *, password_file: Path | None = None, journal: bool = True) -> Engine:
    """The engine of an office's database, with today's schema in it.

    `place`: a file of SQLite, made with its folder if need be, or the address of a PostgreSQL
    (`postgresql://user@host/name`). `password_file` holds its user's password and nothing else; without it, the
    ways of libpq are good too (PGPASSFILE, PGPASSWORD). What is written into a file from then on is written into
    the journal beside it, too, unless `journal` says that it is a copy to be looked at.

    Raises:
        DatabaseError: it cannot be opened, is no database, or is newer than this program.
    """
    engine = _file_engine(place) if isinstance(place, Path) else _server_engine(place, password_file)
    try:
        with engine.connect() as connection:
            version = version_of(connection)
        if version != MIGRATION_HEAD:
            _migrate(place, password_file)
    except (SqlError, InterfaceError, PoolTimeoutError, sqlite3.DatabaseError) as error:
        engine.dispose()
        raise DatabaseError(f"The database {_name(engine)} cannot be opened: {_reason(error)}.") from error
    except DatabaseError:
        engine.dispose()
        raise
    if isinstance(place, Path) and journal:
        _keep_journal(engine, Recorder(place.parent / JOURNAL_FOLDER, version=MIGRATION_HEAD))
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
        raise DatabaseError(f"The database {_name(engine)} cannot be changed: {_reason(error)}.") from error
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
        raise DatabaseError(f"The database could not be written, so nothing was: {_reason(error)}.") from error
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
        raise DatabaseError(f"The database could not be read: {_reason(error)}.") from error


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


def note_files(engine: Engine, files: dict[str, str]) -> None:
    """Write files of the data folder into the journal, for whoever restores: encrypted keys just made."""
    if engine.dialect.name == "sqlite":
        with writing(engine) as connection:
            keep_files(connection.info, files)


def copy_database(engine: Engine, target: Path) -> tuple[int, str]:
    """A whole, consistent copy of the database of a running office in a new file; how many transactions of the
    journal are in it, and the version of its tables.

    Raises:
        DatabaseError: it cannot be read, or the copy not be written.
    """
    try:
        with (
            closing(sqlite3.connect(str(engine.url.database))) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
    except sqlite3.Error as error:
        raise DatabaseError(f"The database {engine.url.database} cannot be copied: {error}.") from error
    return check_database(target)


def is_file(engine: Engine) -> bool:
    """Whether it is a file of SQLite; else a PostgreSQL."""
    return engine.dialect.name == "sqlite"


def dump_server(engine: Engine, target: Path) -> None:
    """A whole, consistent copy of a PostgreSQL in a new file, by its own `pg_dump`.

    Raises:
        DatabaseError: there is no pg_dump on this machine, or it does not succeed.
    """
    _run_program("pg_dump", engine, ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"])


def fill_server(address: str, password_file: Path | None, source: Path) -> None:
    """Fill an empty PostgreSQL from what `dump_server` wrote, by `pg_restore`: whole, or not at all.

    Raises:
        DatabaseError: it is not empty, there is no pg_restore on this machine, or it does not succeed.
    """
    engine = _server_engine(address, password_file)
    try:
        with reading(engine) as connection:
            if inspect(connection).get_table_names():
                raise DatabaseError(f"The database {_name(engine)} is not empty: a new one was expected.")
        options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        _run_program("pg_restore", engine, [*options, f"--dbname={engine.url.database}", str(source)])
    finally:
        engine.dispose()


def _run_program(name: str, engine: Engine, options: list[str]) -> None:
    """One of PostgreSQL's own programs on a database; its password goes by the environment, which nobody sees."""
    program, url = shutil.which(name), engine.url
    if program is None:
        raise DatabaseError(f"{name} is not on this machine (Debian: postgresql-client): a PostgreSQL needs it.")
    known = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    known |= {"PGDATABASE": url.database, **{f"PG{key.upper()}": str(value) for key, value in url.query.items()}}
    env = {key: str(value) for key, value in known.items() if value is not None}
    done = subprocess.run([program, *options], env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[:300].rstrip(".")
        raise DatabaseError(f"{name} did not succeed on {_name(engine)}: {said}.")


def check_database(file: Path) -> tuple[int, str]:
    """How many transactions of the journal are in a database file, and the version of its tables.

    Raises:
        DatabaseError: it is no database of an issuer, or it is damaged.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (health,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            (number,) = connection.execute("PRAGMA user_version").fetchone()
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise DatabaseError(f"{file} is no database of an issuer, or it is damaged: {error}.") from error
    if health != "ok":
        raise DatabaseError(f"The database {file} is damaged: {health}.")
    return number, version


def replay(file: Path, journal: Path) -> tuple[int, datetime | None, dict[str, str]]:
    """Do again in a restored database what its journal says was done since. Comes out: how many transactions,
    when the last of them was, and the files of the data folder that were written down with them.

    Raises:
        JournalError: the journal is not whole, does not continue this database, or cannot be carried out on it.
        DatabaseError: the file cannot be opened, or comes from a newer program.
    """
    done, until, files = 0, None, dict[str, str]()
    number, version = check_database(file)
    for line in read(journal, after=number):
        if line.version != version:  # the program was brought up to date in between
            open_database(file).dispose()
            version = MIGRATION_HEAD
            if line.version != version:
                raise JournalError(
                    f"The journal has tables of version {line.version} and this program those of"
                    f" {version}: restore"
                    " with the program that wrote it."
                )
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            _do_again(connection, line.statements, number=line.number)
        done, until = done + 1, line.at
        files |= line.files
    return done, until, files


def _do_again(connection: sqlite3.Connection, statements: Any, *, number: int) -> None:
    connection.execute("PRAGMA foreign_keys=OFF")  # signed versions are not in the journal
    try:
        connection.execute("BEGIN IMMEDIATE")
        for sql, rows in statements:
            connection.executemany(sql, rows)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise JournalError(
            f"Number {number} of the journal cannot be done again: {error}. Is it another office's journal?"
        ) from error


def _keep_journal(engine: Engine, recorder: Recorder) -> None:
    """Let each transaction be written down just before it is committed; the database itself counts them, so that a
    line without its commit is found by its number.
    """

    def saw(connection: Connection, _c: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        recorder.saw(connection.info, statement, parameters, many=many)

    def commit(connection: Connection) -> None:
        plain = connection.connection
        try:
            (before,) = plain.cursor().execute("PRAGMA user_version").fetchone()
            if recorder.write(connection.info, number=before + 1):
                plain.cursor().execute(f"PRAGMA user_version = {before + 1}")
        except BaseException:
            plain.rollback()  # SQLAlchemy takes a commit that began for one that ended: the lock would stay
            raise

    event.listen(engine, "after_cursor_execute", saw)
    event.listen(engine, "commit", commit)
    event.listen(engine, "rollback", lambda connection: recorder.forget(connection.info))


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
            raise DatabaseError(
                f"The database {_name(engine)} is from another version of this program: {error}"
            ) from error


def address_of(engine: Engine) -> str:
    """The address of a PostgreSQL with its password, for a library that opens connections of its own."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _name(engine: Engine) -> str:
    """The database in words, without its password."""
    return f"{engine.url.database}" + (f" at {engine.url.host}" if engine.url.host else "")


def _reason(error: Exception) -> str:
    """What the database said, on one line."""
    said = " ".join(str(getattr(error, "orig", None) or error).split())
    return said.rstrip(".")[:300]
