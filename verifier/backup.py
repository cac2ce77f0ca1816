"""The whole verifying office in one file, and an office out of such a file: `backup` and `restore`.

In it are the database as it was at one moment, the settings, events and staff, the secret from which vouchers are
derived, the encrypted keys, and the secrets that settings name, each by its digest. The passphrase never is.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from schemas import archive, timestamps
from schemas.strict_json import JsonObject
from verifier.ground import audit, copies
from verifier.ground import settings as ground
from verifier.ground.database import MIGRATION_HEAD, open_database
from verifier.ground.settings import Settings

FORMAT = "badgewright-backup/1"
DATABASE = "verifier.sqlite"
DUMP = "verifier.dump"  # of a PostgreSQL
FOLDERS = ("events", "keys", "desk-keys", "archives")  # whole, besides what lies in the folder itself


class BackupError(Exception):
    """A backup that cannot be made, or cannot be restored here; one sentence."""


@dataclass(frozen=True)
class Restored:
    """What came out of a backup: when it was made, and whether its database was a file and is a PostgreSQL now."""

    made_at: datetime
    moved: bool


def make(settings: Settings, target: Path, *, now: datetime) -> JsonObject:
    """A backup of a running office in a new file. Comes out: its manifest.

    Raises:
        BackupError: there is nothing to back up, or its audit log is not whole.
        ArchiveError, DatabaseError: it cannot be read or written.
    """
    if not settings.has_database:
        raise BackupError(f"There is no database in {settings.data}: an office that only verifies has none.")
    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".backup-") as scratch:
        files = _files(settings)
        copy = Path(scratch) / (DATABASE if isinstance(settings.database, Path) else DUMP)
        if isinstance(settings.database, Path):
            copies.copy_file(settings.database, copy)
            engine = open_database(copy)
            tables = MIGRATION_HEAD
        else:
            engine = open_database(settings.database, password_file=settings.database_password_file)
            tables = copies.dump_server(engine, copy)
        chain = audit.check(engine)
        engine.dispose()
        if chain.fault is not None:
            raise BackupError(f"The audit log is not whole, so nothing was backed up: {chain.fault}")
        one_file(copy)
        says: JsonObject = {
            "format": FORMAT,
            "office": "verifier",
            "program": version("badgewright"),
            "tables": tables,
            "made_at": timestamps.show(now),
            "audit": {"number": chain.rows, "sha256": chain.head},
        }
        return archive.write(target, says=says, files={**files, copy.name: copy})


def restore(
    source: Path,
    data: Path,
    *,
    database_url: str | None = None,
    database_password_file: Path | None = None,
    shown: Callable[[int], None] | None = None,
) -> Restored:
    """An office in a new folder, as a backup has it: whole, or not at all. `database_url`: an empty PostgreSQL,
    for an office that keeps its database in one, or is to from now on; it is empty again if this does not succeed.
    `shown` hears how many rows of a file are there.

    Raises:
        BackupError: the folder is not empty, or the backup is of another office, of a newer program, or lacks a
            database to go into.
        ArchiveError, DatabaseError: the backup is damaged, or the PostgreSQL cannot take it.
    """
    url = None if database_url is None else ground.checked_database_url(database_url)
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BackupError(f"{data} is not empty: a new folder was expected, and nothing was restored.")
    data.absolute().parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=data.absolute().parent, prefix=".restore-"))
    try:
        manifest = archive.extract(source, draft)
        if manifest.get("format") != FORMAT or manifest.get("office") != "verifier":
            raise BackupError(f"{source} is no backup of a verifying office, but of: {manifest.get('office')}.")
        if str(manifest.get("tables")) > MIGRATION_HEAD:
            raise BackupError(
                f"{source} was made by a newer program ({manifest.get('program')}): restore it with that one."
            )
        with ExitStack() as undone:
            file = draft / DATABASE
            place: Path | str = file
            if (draft / DUMP).exists():
                if url is None:
                    raise BackupError(
                        f"{source} is of an office whose database is a PostgreSQL: --database-url with a new,"
                        " empty one was expected."
                    )
                place = url
                copies.fill_server(place, database_password_file, draft / DUMP)
                undone.callback(copies.empty_server, place, database_password_file)
                (draft / DUMP).unlink()
            else:
                if url is not None:
                    copies.check_new(url, database_password_file)
                copies.version_of_file(file)
            open_database(place, password_file=database_password_file).dispose()
            moves = url is not None and place == file
            if url is not None:
                if moves:
                    copies.move_file(file, url, database_password_file, shown=shown)
                    undone.callback(copies.empty_server, url, database_password_file)
                    file.unlink()
                    one_file(file)
                ground.name_database(draft, url, database_password_file)
            os.replace(draft, data)  # noqa: PTH105 - also over an empty folder
            undone.pop_all()
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Restored(timestamps.parse(manifest.get("made_at")), moves)


def one_file(database: Path) -> None:
    """Nothing of a closed database may lie beside it."""
    for ending in ("-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)


def _files(settings: Settings) -> dict[str, Path]:
    """Each file that the office needs besides its database, by its name in the folder."""
    found = [file for file in settings.data.iterdir() if not file.name.startswith(DATABASE)]
    found += [file for folder in FOLDERS for file in (settings.data / folder).rglob("*")]
    found += [settings.contexts_dir / "contexts.json"] if settings.contexts_dir else []
    root = settings.data.absolute()
    inside = {file.absolute() for file in found if file.is_file() and file.absolute().is_relative_to(root)}
    return {
        file.relative_to(root).as_posix(): file
        for file in inside
        if not file.name.startswith(".")
        and not ground.is_passphrase(file, settings.data)
        and file != _absolute(settings.database_password_file)  # the next database has another one
    }


def _absolute(file: Path | None) -> Path | None:
    return None if file is None else file.absolute()
