"""Migrations forward and back: which there are, where a database stands, and going to one of them.

A database goes forward by itself when a newer program opens it (`database.open_database`). Back is only by hand,
before an older program is put in its place, and loses what the later revisions brought.
"""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from verifier.ground import database
from verifier.ground.database import DatabaseError


@dataclass(frozen=True, slots=True)
class Revision:
    """One step. `what` it brought, which is what is lost on the way back, in a sentence."""

    number: str
    what: str


def revisions() -> list[Revision]:
    """Every revision that this program knows, in their order."""
    found = ScriptDirectory.from_config(_config()).walk_revisions()
    return [Revision(one.revision, " ".join(str(one.doc).split())) for one in found][::-1]


def version(place: Path | str, *, password_file: Path | None = None) -> str | None:
    """At which revision a database stands; None for one without tables.

    Raises:
        DatabaseError: it cannot be opened.
    """
    with database.unmigrated(place, password_file=password_file) as engine, engine.connect() as connection:
        return database.version_of(connection)


def downgrade(place: Path | str, *, to: str, password_file: Path | None = None) -> list[Revision]:
    """Take a database back to a revision, whole or not at all; which revisions were undone, the newest first.

    Raises:
        DatabaseError: there is no such revision, or the database is not beyond it.
    """
    known = [one.number for one in revisions()]
    if to not in known:
        raise DatabaseError(f"There is no revision {to!r}; there are {known[0]} to {known[-1]}.")
    with database.unmigrated(place, password_file=password_file) as engine:
        with database.reading(engine) as connection:
            now = database.version_of(connection)
        if now not in known or known.index(now) <= known.index(to):
            raise DatabaseError(f"The database is at revision {now}: it goes back to an earlier one only.")
        with database.writing(engine) as connection:
            _go(connection, to, back=True)
    return [one for one in reversed(revisions()) if to < one.number <= now]


def upgrade(place: Path | str, *, password_file: Path | None = None) -> list[Revision]:
    """Bring a database to the newest revision; which were done.

    Raises:
        DatabaseError: it is from a newer program.
    """
    before = version(place, password_file=password_file) or ""
    database.open_database(place, password_file=password_file).dispose()
    return [one for one in revisions() if one.number > before]


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision, under the office's write lock: a second starter finds it done."""
    with database.writing(engine) as connection:
        if database.version_of(connection) != database.MIGRATION_HEAD:
            make_tables(connection)


def make_tables(connection: Connection) -> None:
    """The newest revision's tables, in a transaction of the caller's."""
    _go(connection, database.MIGRATION_HEAD, back=False)


def _go(connection: Connection, revision: str, *, back: bool) -> None:
    config = _config()
    config.attributes["connection"] = connection
    (command.downgrade if back else command.upgrade)(config, revision)
    if connection.dialect.name == "sqlite":  # which makes tables anew, with its checks off meanwhile
        broken = connection.execute(text("PRAGMA foreign_key_check")).first()
        if broken is not None:
            raise DatabaseError(f"The revision {revision} would leave a row of {broken[0]} pointing at nothing.")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "verifier:ground/migrations")
    return config
