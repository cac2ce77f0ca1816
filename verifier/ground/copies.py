"""Copies of the whole database: taken from a running office, and filled into a new one.

A file of SQLite is copied by SQLite, a PostgreSQL by its own `pg_dump` and `pg_restore`; what is in a file goes
into a PostgreSQL by `moving`. What a copy belongs to is `verifier.backup`.
"""

import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from verifier.ground import moving
from verifier.ground.database import (
    CommitUnknownError,
    DatabaseError,
    name_of,
    reading,
    unmigrated,
    version_of,
    writing,
)
from verifier.ground.moving import MovingError, Shown

OLDEST_SERVER = (12,)  # of PostgreSQL
_OUR_FUNCTIONS = """
SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
"""


def copy_file(file: Path, target: Path) -> None:
    """A whole, consistent copy of the database file of a running office, in a new file.

    Raises:
        DatabaseError: it cannot be read, or the copy not be written.
    """
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.Error as error:
        raise DatabaseError(f"The database {file} cannot be copied: {error}.") from error


def version_of_file(file: Path) -> str:
    """The version of the tables in a database file that is whole.

    Raises:
        DatabaseError: it is no database of a verifying office, or it is damaged.
    """
    try:
        with closing(sqlite3.connect(file)) as connection:
            (health,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise DatabaseError(f"{file} is no database of a verifying office, or it is damaged: {error}.") from error
    if health != "ok":
        raise DatabaseError(f"The database {file} is damaged: {health}.")
    return str(version)


def dump_server(engine: Engine, target: Path) -> str:
    """A whole, consistent copy of a PostgreSQL in a new file, by its own `pg_dump`; the version of its tables.

    Raises:
        DatabaseError: there is no pg_dump on this machine, or it does not succeed.
    """
    with reading(engine) as connection:  # what is dumped is what is seen here
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        version = version_of(connection)
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        _run_program("pg_dump", engine, [*options, f"--file={target}"])
    return str(version)


def fill_server(address: str, password_file: Path | None, source: Path) -> str:
    """Fill an empty PostgreSQL from what `dump_server` wrote, by `pg_restore`: whole, or not at all. Comes out:
    the version of its tables.

    Raises:
        DatabaseError: it is not empty, there is no pg_restore on this machine, or it does not succeed.
    """
    with unmigrated(address, password_file=password_file) as engine:
        with reading(engine) as connection:
            _check_new(connection)
        options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        _run_program("pg_restore", engine, [*options, f"--dbname={engine.url.database}", str(source)])
        with reading(engine) as connection:
            return str(version_of(connection))


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
    """Fill an empty PostgreSQL with what a file of today's tables has: whole, or not at all.

    Raises:
        DatabaseError: the database cannot be reached, is too old, is not empty, or refuses something in the file.
    """
    from verifier.ground.migrations import steps  # which imports Alembic, as in `database`

    with unmigrated(address, password_file=password_file) as engine:
        try:
            with writing(engine) as connection:
                _check_new(connection)
                steps.make_tables(connection)
                moving.fill(connection, file, shown=shown)
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
    """Take away what was filled in, since the office could not be restored whole."""
    with unmigrated(address, password_file=password_file) as engine, writing(engine) as connection:
        quoted = engine.dialect.identifier_preparer.quote
        for table in inspect(connection).get_table_names():
            connection.exec_driver_sql(f"DROP TABLE {quoted(table)} CASCADE")
        for function in connection.exec_driver_sql(_OUR_FUNCTIONS).scalars().all():
            connection.exec_driver_sql(f"DROP FUNCTION {function} CASCADE")


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
