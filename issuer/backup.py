"""The whole office in one file, and an office out of such a file: `backup` and `restore`.

In it are the database as it was at one moment, the encrypted keys, the settings and the policy, each by its
digest. The passphrase never is: it is in other hands. What was written since the backup is in the journal
(`ground.journal`).
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Engine

from issuer.badges import service as badges
from issuer.ground import audit, copies, journal
from issuer.ground import settings as ground
from issuer.ground.database import MIGRATION_HEAD, is_file, open_database
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
    """What came out of a backup: when it was made, how many transactions its journal added, until when; how many
    badges wait to be signed again; and whether its database was a file and is a PostgreSQL now.
    """

    made_at: datetime
    replayed: int
    until: datetime
    unsigned: int
    moved: bool


def make(engine: Engine, settings: Settings, target: Path, *, now: datetime) -> JsonObject:
    """A backup of a running office in a new file. Comes out: its manifest.

    Raises:
        ArchiveError, DatabaseError: it cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".backup-") as scratch:
        files = _files(settings)  # keys before the database: badges are signed by keys that are in it
        copy = Path(scratch) / (DATABASE if is_file(engine) else DUMP)
        if is_file(engine):
            standing = copies.copy_file(engine, copy)
            looked_at = open_database(copy, journal=False)
            log = audit.check(looked_at)
            looked_at.dispose()
        else:
            log = audit.check(engine)
            standing = copies.dump_server(engine, copy)
        if log.fault is not None:
            raise BackupError(f"The audit log is not whole, so nothing was backed up: {log.fault}")
        says: JsonObject = {
            "format": FORMAT,
            "office": "issuer",
            "program": version("badgewright"),
            "tables": standing.version,
            "made_at": timestamps.show(now),
            "name": settings.name,
            "public_url": settings.public_url,
            "journal": {"number": standing.place.number, "sha256": standing.place.sha256},
            "audit": {"number": log.rows, "sha256": log.head},
        }
        return archive.write(target, says=says, files={**files, copy.name: copy})


def restore(
    source: Path,
    data: Path,
    *,
    journals: Sequence[Path] = (),
    database_url: str | None = None,
    database_password_file: Path | None = None,
    shown: Callable[[int], None] | None = None,
) -> Restored:
    """An office in a new folder, as a backup has it, with what its journal says was done since. The folder is
    there whole, or not at all. `journals`: the folder of each machine that wrote the journal. `database_url`: an
    empty PostgreSQL, for an office that keeps its database in one, or is to from now on; it is empty again if this
    does not succeed. `shown` hears how many rows of a file are there.

    Raises:
        BackupError: the folder is not empty, or the backup is of another office, of a newer program, or lacks a
            database to go into.
        ArchiveError, DatabaseError, JournalError: the backup or the journal is damaged, or they do not fit.
    """
    url = None if database_url is None else ground.checked_database_url(database_url)
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BackupError(f"{data} is not empty: a new folder was expected, and nothing was restored.")
    for folder in journals:
        if not journal.segments(folder):
            raise BackupError(f"{folder} holds no journal: files such as 2026-11-23.jsonl were expected.")
    data.absolute().parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=data.absolute().parent, prefix=".restore-"))
    try:
        manifest = archive.extract(source, draft)
        made_at = _checked_time(manifest, source)
        file = draft / DATABASE
        place: Path | str = file
        with ExitStack() as undone:
            if (draft / DUMP).exists():
                if url is None:
                    raise BackupError(
                        f"{source} is of an office whose database is a PostgreSQL: --database-url with a new,"
                        " empty one was expected."
                    )
                place = url
                standing = copies.fill_server(place, database_password_file, draft / DUMP)
                undone.callback(copies.empty_server, place, database_password_file)
                (draft / DUMP).unlink()
            else:
                if url is not None:
                    copies.check_new(url, database_password_file)
                standing = copies.check_file(file)
            _check_standing(manifest, standing, source)
            replayed = copies.Replayed()
            if journals:
                replayed = copies.replay(place, journals, password_file=database_password_file)
                _put(replayed.files, draft)
            moves = url is not None and place == file
            unsigned = _mended(draft, place, database_password_file, journals, moves=moves)
            if url is not None:
                if moves:
                    copies.move_file(file, url, database_password_file, shown=shown)
                    undone.callback(copies.empty_server, url, database_password_file)
                    for ending in ("", "-wal", "-shm"):
                        file.with_name(file.name + ending).unlink(missing_ok=True)
                ground.name_database(draft, url, database_password_file)
            os.replace(draft, data)  # noqa: PTH105 - also over an empty folder
            undone.pop_all()
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Restored(made_at, replayed.transactions, replayed.until or made_at, unsigned, moves)


def _mended(
    draft: Path, place: Path | str, password_file: Path | None, journals: Sequence[Path], *, moves: bool
) -> int:
    """Let a restored office and its journal go on where they ended; how many of its badges wait to be signed. The
    journal of one that `moves` ends with the file, and another one begins.
    """
    ground.keep_journal_here(draft)
    folder = None if moves else ground.load(draft).journal
    if folder is not None:
        for one in journals:
            _copy_journal(one, folder)
    engine = open_database(place, password_file=password_file, journal=folder)
    try:
        return badges.mend_restored(engine, journal=bool(journals))
    finally:
        engine.dispose()


def _copy_journal(source: Path, target: Path) -> None:
    """The files of one machine; where another one wrote on the same day, they get a number into their names."""
    target.mkdir(mode=0o700, exist_ok=True)
    for file in journal.segments(source):
        day, name = file.name.partition(".")[0], file.name
        for number in itertools.count(2):
            if not (target / name).exists():
                break
            name = f"{day}.{number}.jsonl"
        shutil.copyfile(file, target / name)


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


def _checked_time(manifest: JsonObject, source: Path) -> datetime:
    """When a backup was made, once it is known to be one of ours."""
    if manifest.get("format") != FORMAT or manifest.get("office") != "issuer":
        raise BackupError(
            f"{source} is no backup of an issuing office: {FORMAT} was expected, and it is"
            f" {manifest.get('format')} of {manifest.get('office')}."
        )
    if str(manifest.get("tables")) > MIGRATION_HEAD:
        raise BackupError(
            f"{source} was made by a newer program ({manifest.get('program')}, tables {manifest.get('tables')};"
            f" here {MIGRATION_HEAD}): restore it with that one."
        )
    return timestamps.parse(manifest.get("made_at"))


def _check_standing(manifest: JsonObject, standing: copies.Standing, source: Path) -> None:
    """The database is the one that the backup's list speaks of."""
    said, place = manifest.get("journal"), standing.place
    same = isinstance(said, dict) and said.get("number") == place.number
    if not same or manifest.get("tables") != standing.version:
        raise BackupError(f"{source} is damaged: its list and its database disagree.")


def _put(files: Mapping[str, str], folder: Path) -> None:
    """Files that the journal has newer than the backup: keys that were made since."""
    for name, text in files.items():
        file = folder / name
        if file.parent != folder / "keys":
            raise BackupError(f"The journal names the file {name!r}; files in keys/ were expected.")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(text)
