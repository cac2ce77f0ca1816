"""The whole office in one file, and an office out of such a file: `backup` and `restore`.

In it are the database as it was at one moment, the encrypted keys, the settings and the policy, each by its
digest. The passphrase never is: it is in other hands. What was written since the backup is in the journal
(`ground.journal`).
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Engine

from issuer.badges import service as badges
from issuer.ground import audit, journal
from issuer.ground import settings as ground
from issuer.ground.database import (
    JOURNAL_FOLDER,
    MIGRATION_HEAD,
    check_database,
    copy_database,
    dump_server,
    fill_server,
    is_file,
    open_database,
    replay,
)
from issuer.ground.settings import Settings
from schemas import archive, timestamps
from schemas.strict_json import JsonObject

FORMAT = "badgewright-backup/1"
DATABASE = "issuer.sqlite"
DUMP = "issuer.dump"  # of a PostgreSQL


class BackupError(Exception):
    """A backup that cannot be made, or cannot be restored here; one sentence."""


@dataclass(frozen=True)
class Restored:
    """What came out of a backup: when it was made, how many transactions its journal added, until when; and how
    many badges wait to be signed again.
    """

    made_at: datetime
    replayed: int
    until: datetime
    unsigned: int


def make(engine: Engine, settings: Settings, target: Path, *, now: datetime) -> JsonObject:
    """A backup of a running office in a new file. Comes out: its manifest.

    Raises:
        ArchiveError, DatabaseError: it cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".backup-") as scratch:
        files = _files(settings)  # keys before the database: badges are signed by keys that are in it
        number, tables = 0, MIGRATION_HEAD
        copy = Path(scratch) / (DATABASE if is_file(engine) else DUMP)
        if is_file(engine):
            number, tables = copy_database(engine, copy)
            looked_at = open_database(copy, journal=False)
            log = audit.check(looked_at)
            looked_at.dispose()
        else:
            log = audit.check(engine)
            dump_server(engine, copy)
        if log.fault is not None:
            raise BackupError(f"The audit log is not whole, so nothing was backed up: {log.fault}")
        says: JsonObject = {
            "format": FORMAT,
            "office": "issuer",
            "program": version("badgewright"),
            "tables": tables,
            "made_at": timestamps.show(now),
            "name": settings.name,
            "public_url": settings.public_url,
            "journal": {"number": number},
            "audit": {"number": log.rows, "sha256": log.head},
        }
        return archive.write(target, says=says, files={**files, copy.name: copy})


def restore(
    source: Path,
    data: Path,
    *,
    journals: Path | None = None,
    database_url: str | None = None,
    database_password_file: Path | None = None,
) -> Restored:
    """An office in a new folder, as a backup has it, with what its journal says was done since. The folder is
    there whole, or not at all. `database_url`: an empty PostgreSQL, for an office that keeps its database in one.

    Raises:
        BackupError: the folder is not empty, or the backup is of another office, of a newer program, or for
            another
            kind of database.
        ArchiveError, DatabaseError, JournalError: the backup or the journal is damaged, or they do not fit.
    """
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BackupError(f"{data} is not empty: a new folder was expected, and nothing was restored.")
    if journals is not None and not journal.segments(journals):
        raise BackupError(f"{journals} holds no journal: files such as 2026-11-23.jsonl were expected.")
    data.absolute().parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=data.absolute().parent, prefix=".restore-"))
    try:
        manifest = archive.extract(source, draft)
        made_at = _checked(manifest, draft, source)
        replayed, until = 0, None
        if (draft / DUMP).exists():
            if database_url is None or journals is not None:
                raise BackupError(
                    f"{source} is of an office whose database is a PostgreSQL: --database-url with a"
                    " new, empty one was"
                    " expected, and no journal."
                )
            _move_to_server(draft, database_url, database_password_file)
        elif database_url is not None:
            raise BackupError(
                f"{source} is of an office whose database is a file: no --database-url goes with it."
            )
        if journals is not None:
            replayed, until, files = replay(draft / DATABASE, journals)
            (draft / JOURNAL_FOLDER).mkdir(mode=0o700)  # it goes on where it ended
            for file in journal.segments(journals):
                shutil.copyfile(file, draft / JOURNAL_FOLDER / file.name)
            _put(files, draft)
        engine = open_database(database_url or draft / DATABASE, password_file=database_password_file)
        unsigned = badges.mend_restored(engine, journal=journals is not None)
        engine.dispose()
        os.replace(draft, data)  # noqa: PTH105 - also over an empty folder
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Restored(made_at, replayed, until or made_at, unsigned)


def _move_to_server(folder: Path, database_url: str, password_file: Path | None) -> None:
    """Fill a new PostgreSQL from the dump in the folder, and let the settings name it."""
    fill_server(ground.checked_database_url(database_url), password_file, folder / DUMP)
    (folder / DUMP).unlink()
    ground.name_database(folder, database_url, password_file)


def _files(settings: Settings) -> dict[str, Path]:
    """What the folder holds besides its database: settings, policy, keys, and the secrets that settings name."""
    named = [settings.policy, *settings.data.glob("*.yaml"), *settings.keys.iterdir(), settings.ca_file]
    named += [settings.mail.password_file] if settings.mail else []
    named += [settings.oidc.client_secret_file] if settings.oidc else []
    inside = {file.absolute() for file in named if file is not None and file.is_file()}
    root = settings.data.absolute()
    kept = {file.relative_to(root).as_posix(): file for file in inside if file.is_relative_to(root)}
    return {
        name: file
        for name, file in kept.items()
        if not file.name.startswith(".")
        and not ground.is_passphrase(file, settings.data)
        and (settings.token is None or file != settings.token.pin_file.absolute())
    }


def _checked(manifest: JsonObject, folder: Path, source: Path) -> datetime:
    """When a backup was made, once it is known to be one that this program can restore."""
    if manifest.get("format") != FORMAT or manifest.get("office") != "issuer":
        raise BackupError(
            f"{source} is no backup of an issuing office: {FORMAT} was expected, and it is"
            f" {manifest.get('format')} of {manifest.get('office')}."
        )
    number, tables = 0, str(manifest.get("tables"))
    if not (folder / DUMP).exists():
        number, tables = check_database(folder / DATABASE)
    if tables > MIGRATION_HEAD:
        raise BackupError(
            f"{source} was made by a newer program ({manifest.get('program')}, tables {tables}; here"
            f" {MIGRATION_HEAD}):"
            " restore it with that one."
        )
    said = manifest.get("journal")
    if not isinstance(said, dict) or said.get("number") != number:
        raise BackupError(f"{source} is damaged: its list and its database disagree.")
    return timestamps.parse(manifest.get("made_at"))


def _put(files: Mapping[str, str], folder: Path) -> None:
    """Files that the journal has newer than the backup: keys that were made since."""
    for name, text in files.items():
        file = folder / name
        if file.parent != folder / "keys":
            raise BackupError(f"The journal names the file {name!r}; files in keys/ were expected.")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(text)
