"""The whole verifying office in one file, and an office out of such a file: `backup` and `restore`.

In it are the database as it was at one moment, the settings, events and staff, the secret from which vouchers are
derived, the encrypted keys, and the secrets that settings name, each by its digest. The passphrase never is.
"""

import os
import shutil
import tempfile
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from schemas import archive, timestamps
from schemas.strict_json import JsonObject
from verifier.ground import audit
from verifier.ground import settings as ground
from verifier.ground.database import MIGRATION_HEAD, copy_database, open_database, version_of_file
from verifier.ground.settings import Settings

FORMAT = "badgewright-backup/1"
DATABASE = "verifier.sqlite"
FOLDERS = ("events", "keys", "desk-keys", "archives")  # whole, besides what lies in the folder itself


class BackupError(Exception):
    """A backup that cannot be made, or cannot be restored here; one sentence."""


def make(settings: Settings, target: Path, *, now: datetime) -> JsonObject:
    """A backup of a running office in a new file. Comes out: its manifest.

    Raises:
        BackupError: there is nothing to back up, its database is a PostgreSQL, or its audit log is not whole.
        ArchiveError, DatabaseError: it cannot be read or written.
    """
    if isinstance(settings.database, str):
        raise BackupError(
            "This office keeps its database in a PostgreSQL: copy that with pg_dump, and beside it the data folder"
            " without the passphrase."
        )
    if not settings.has_database:
        raise BackupError(f"There is no database in {settings.data}: an office that only verifies has none.")
    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".backup-") as scratch:
        files = _files(settings)
        copy = Path(scratch) / DATABASE
        copy_database(settings.database, copy)
        engine = open_database(copy)
        chain = audit.check(engine)
        engine.dispose()
        if chain.fault is not None:
            raise BackupError(f"The audit log is not whole, so nothing was backed up: {chain.fault}")
        one_file(copy)
        says: JsonObject = {
            "format": FORMAT,
            "office": "verifier",
            "program": version("badgewright"),
            "tables": version_of_file(copy),
            "made_at": timestamps.show(now),
            "audit": {"number": chain.rows, "sha256": chain.head},
        }
        return archive.write(target, says=says, files={**files, DATABASE: copy})


def restore(source: Path, data: Path) -> datetime:
    """An office in a new folder, as a backup has it: whole, or not at all. Comes out: when the backup was made.

    Raises:
        BackupError: the folder is not empty, or the backup is of another office or of a newer program.
        ArchiveError, DatabaseError: the backup is damaged.
    """
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BackupError(f"{data} is not empty: a new folder was expected, and nothing was restored.")
    data.absolute().parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=data.absolute().parent, prefix=".restore-"))
    try:
        manifest = archive.extract(source, draft)
        if manifest.get("format") != FORMAT or manifest.get("office") != "verifier":
            raise BackupError(f"{source} is no backup of a verifying office, but of: {manifest.get('office')}.")
        if version_of_file(draft / DATABASE) > MIGRATION_HEAD:
            raise BackupError(
                f"{source} was made by a newer program ({manifest.get('program')}): restore it with that one."
            )
        open_database(draft / DATABASE).dispose()
        os.replace(draft, data)  # noqa: PTH105 - also over an empty folder
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return timestamps.parse(manifest.get("made_at"))


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
        if not file.name.startswith(".") and not ground.is_passphrase(file, settings.data)
    }
