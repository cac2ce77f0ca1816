"""Copies of the whole database: taken from a running office, filled into a new one, and brought to where a journal
says that the office was.

A file of SQLite is copied by SQLite, a PostgreSQL by its own `pg_dump` and `pg_restore`; what is in a file goes
into a PostgreSQL by `moving`. What a copy belongs to is `issuer.backup`.
"""

import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from issuer.ground import moving
from issuer.ground.database import (
    MIGRATION_HEAD,
    CommitUnknownError,
    DatabaseError,
    name_of,
    open_database,
    place_statement,
    reading,
    reason_of,
    sequence_of,
    unmigrated,
    version_of,
    writing,
)
from issuer.ground.journal import BEGINNING, UNKNOWN, JournalError, Line, Place, read
from issuer.ground.moving import MovingError, Shown

OLDEST_SERVER = (12,)  # of PostgreSQL
HAS_PLACE = "0025"  # the first version of the tables that say where the journal stands; a file counted before that
_OUR_FUNCTIONS = """
SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
"""


@dataclass(frozen=True)
class Standing:
    """What a copy is: where its journal stood, and the version of its tables."""

    place: Place
    version: str


@dataclass
class Replayed:
    """What a journal added: how many transactions, when the newest of them was, and the files of the data folder
    that were written down with them.
    """

    transactions: int = 0
    until: datetime | None = None
    files: dict[str, str] = field(default_factory=dict)


def copy_file(engine: Engine, target: Path) -> Standing:
    """A whole, consistent copy of the database of a running office in a new file of SQLite.

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
    return check_file(target)


def check_file(file: Path) -> Standing:
    """What a file of SQLite is, once it is known to be whole.

    Raises:
        DatabaseError: it is no database of an issuer, or it is damaged.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (health,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            (number,), sha256 = connection.execute("PRAGMA user_version").fetchone(), UNKNOWN
            if version >= HAS_PLACE:
                number, sha256 = connection.execute("SELECT number, sha256 FROM journal_place").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise DatabaseError(f"{file} is no database of an issuer, or it is damaged: {error}.") from error
    if health != "ok":
        raise DatabaseError(f"The database {file} is damaged: {health}.")
    return Standing(Place(number, sha256), version)


def dump_server(engine: Engine, target: Path) -> Standing:
    """A whole, consistent copy of a PostgreSQL in a new file, by its own `pg_dump`.

    Raises:
        DatabaseError: there is no pg_dump on this machine, or it does not succeed.
    """
    with reading(engine) as connection:  # what is dumped is what is seen here
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        found = _standing(connection)
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        _run_program("pg_dump", engine, [*options, f"--file={target}"])
    return found


def fill_server(address: str, password_file: Path | None, source: Path) -> Standing:
    """Fill an empty PostgreSQL from what `dump_server` wrote, by `pg_restore`: whole, or not at all.

    Raises:
        DatabaseError: it is not empty, there is no pg_restore on this machine, or it does not succeed.
    """
    with unmigrated(address, password_file=password_file) as engine:
        with reading(engine) as connection:
            _check_new(connection)
        options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        _run_program("pg_restore", engine, [*options, f"--dbname={engine.url.database}", str(source)])
        with reading(engine) as connection:
            return _standing(connection)


def check_new(address: str, password_file: Path | None) -> None:
    """Whether a PostgreSQL can be filled: asked before the long work.

    Raises:
        DatabaseError: it cannot be reached, is on another server or one that is too old, or is not empty.
    """
    with unmigrated(address, password_file=password_file) as engine:
        try:
            with reading(engine) as connection:
                _check_new(connection)
        except AssertionError as error:  # SQLAlchemy's, of a server that does not say which PostgreSQL it is
            raise DatabaseError(f"The database {name_of(engine)} is not on a PostgreSQL.") from error


def move_file(file: Path, address: str, password_file: Path | None, *, shown: Shown | None = None) -> None:
    """Fill an empty PostgreSQL with what a file of today's tables has: whole, or not at all. Its journal begins
    anew, one number further behind a hash of its own: the statements of the file's journal are none of a
    PostgreSQL's, and no line from now on continues a copy of the file, or is taken for one from before it.

    Raises:
        DatabaseError: the database cannot be reached, is too old, is not empty, or refuses something in the file.
    """
    from issuer.ground.migrations import steps  # which imports Alembic, as in `database`

    with unmigrated(address, password_file=password_file) as engine:
        try:
            with writing(engine) as connection:
                _check_new(connection)
                steps.make_tables(connection)
                connection.exec_driver_sql("DELETE FROM journal_place")  # a new office's
                moving.fill(connection, file, shown=shown)
                place = text("UPDATE journal_place SET number = number + 1, sha256 = :sha256")
                connection.execute(place, {"sha256": secrets.token_hex(32)})
        except MovingError as error:
            raise DatabaseError(f"Nothing was taken along into {name_of(engine)}: {error}.") from error
        except CommitUnknownError as error:
            with suppress(DatabaseError):
                empty_server(address, password_file)
            raise DatabaseError(
                f"The database {name_of(engine)} went away while it confirmed: look whether it is empty, and"
                " restore again."
            ) from error


def empty_server(address: str, password_file: Path | None) -> None:
    """Take away what was filled in, since it could not be brought to its end."""
    with unmigrated(address, password_file=password_file) as engine, writing(engine) as connection:
        quoted = engine.dialect.identifier_preparer.quote
        for schema in inspect(connection).get_schema_names():
            if schema == "public":
                for table in inspect(connection).get_table_names():
                    connection.exec_driver_sql(f"DROP TABLE {quoted(table)} CASCADE")
            elif schema != "information_schema":  # the queue's
                connection.exec_driver_sql(f"DROP SCHEMA {quoted(schema)} CASCADE")
        for function in connection.exec_driver_sql(_OUR_FUNCTIONS).scalars().all():
            connection.exec_driver_sql(f"DROP FUNCTION {function} CASCADE")


def replay(place: Path | str, journals: Sequence[Path], *, password_file: Path | None = None) -> Replayed:
    """Do again in a restored database what its journal says was done since. `journals`: the folder of each machine
    that wrote it.

    Raises:
        JournalError: the journal is not whole, does not continue this database, or cannot be carried out on it.
        DatabaseError: the database cannot be opened, or comes from a newer program.
    """
    with unmigrated(place, password_file=password_file) as engine:
        with reading(engine) as connection:
            standing = _standing(connection)
        version, done = standing.version, Replayed()
        for line in read(*journals, after=standing.place):
            if line.version != version:  # the program was brought up to date in between
                open_database(place, password_file=password_file, journal=False).dispose()
                version = MIGRATION_HEAD
                if line.version != version:
                    raise JournalError(
                        f"The journal has tables of version {line.version} and this program those of {version}:"
                        " restore with the program that wrote it."
                    )
            _do_again(engine, line)
            done.transactions, done.until = done.transactions + 1, line.at
            done.files |= line.files
    return done


def _do_again(engine: Engine, line: Line) -> None:
    try:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":  # one wait for the disk, at the end of them all
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            for table, number in line.sequences.items():
                _count_from(connection, table, number)
            for sql, rows in line.statements:
                given: Any = [row if isinstance(row, dict) else tuple(row) for row in rows]
                connection.exec_driver_sql(sql, given if len(given) > 1 else given[0])
            if line.version >= HAS_PLACE:
                connection.exec_driver_sql(place_statement(line.place))
            else:
                connection.exec_driver_sql(f"PRAGMA user_version = {line.number}")
    except (SQLAlchemyError, DatabaseError) as error:
        raise JournalError(
            f"Number {line.number} of the journal cannot be done again: {reason_of(error)}. Is it another office's"
            " journal?"
        ) from error


def _count_from(connection: Connection, table: str, number: int) -> None:
    """Let the next row of a table get this number."""
    (column,) = inspect(connection).get_pk_constraint(table)["constrained_columns"]
    quoted = connection.dialect.identifier_preparer.quote(sequence_of(table, column))
    statement = text("SELECT setval(CAST(:name AS regclass), :number, false)")
    connection.execute(statement, {"name": quoted, "number": number})


def _check_new(connection: Connection) -> None:
    """Whether it is a database of a server that we know, with nothing in it."""
    name, found = name_of(connection.engine), connection.dialect.server_version_info or OLDEST_SERVER
    if found < OLDEST_SERVER:
        shown, oldest = (".".join(map(str, version)) for version in (found, OLDEST_SERVER))
        raise DatabaseError(f"The database {name} is on PostgreSQL {shown}: {oldest} or newer was expected.")
    if inspect(connection).get_table_names():
        raise DatabaseError(f"The database {name} is not empty: a new one was expected.")
    kept_as = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if kept_as != "UTF8":
        raise DatabaseError(f"The database {name} keeps text as {kept_as}: one with UTF8 was expected.")


def _standing(connection: Connection) -> Standing:
    """What a database is."""
    version = version_of(connection)
    if version is None:
        raise DatabaseError(f"{name_of(connection.engine)} is no database of an issuer: it has no tables.")
    if version >= HAS_PLACE:
        number, sha256 = connection.execute(text("SELECT number, sha256 FROM journal_place")).one()
        return Standing(Place(number, sha256), version)
    if connection.dialect.name == "postgresql":
        return Standing(Place(0, BEGINNING), version)  # it had no journal, so none continues it
    return Standing(Place(connection.execute(text("PRAGMA user_version")).scalar_one(), UNKNOWN), version)


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
        raise DatabaseError(f"{name} did not succeed on {name_of(engine)}: {said}.")
