"""Programmes that have ended: their final archives, in place of issuers whom nobody can ask any more.

An archive that was taken in here is the only source about its issuer: whoever has the issuer's host later may
publish what they like there. What it says is said as of its day.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from keys import did, final_archive
from keys.errors import ArchiveError, KeysError
from keys.final_archive import FinalArchive
from verifier.ground.documents import INDEX_FILE, DocumentSource
from verifier.ground.outbound import MAX_BODY_BYTES, Document, OutboundError
from verifier.verification.errors import ReadingError

ENDING: Final = ".zip"
_TYPES: Final = {".json": "application/json", ".html": "text/html", ".jwt": "application/vc+jwt"}


@dataclass(frozen=True)
class ArchivedDocuments:
    """An archive's documents by their addresses; nothing else is ever asked."""

    archive: FinalArchive

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(sorted({path.split("/")[0].replace("%3A", ":") for path in self.archive.files}))

    def fetch(self, url: str, *, max_bytes: int = MAX_BODY_BYTES) -> Document:
        """The document that lay at `url` when the programme ended.

        Raises:
            OutboundError: the archive has none, or it is too long.
        """
        path = f"{final_archive.folder_of(url)}{urlsplit(url).path}"
        body = self.archive.files.get(path + INDEX_FILE if path.endswith("/") else path)
        if body is None:
            raise OutboundError(f"The final archive of {self.archive.issuer} has no {url}.")
        if len(body) > max_bytes:
            raise OutboundError(f"{url} has more than {max_bytes} bytes.")
        kind = _TYPES.get(Path(path).suffix, "application/octet-stream")
        return Document(body, kind)


class Shelf:
    """The archives that were taken in, in one folder; read when they are first needed."""

    def __init__(self, folder: Path | None = None, *, carried: FinalArchive | None = None) -> None:
        """`carried`: one archive that whoever asks brought along, and no others."""
        self._folder = folder
        self._read: Mapping[str, FinalArchive] | None = None if carried is None else {carried.issuer: carried}

    @property
    def archives(self) -> Mapping[str, FinalArchive]:
        """Each by its issuer's DID.

        Raises:
            ReadingError: a file in the folder is none any more.
        """
        if self._read is None:
            self._read = {archive.issuer: archive for archive in self._all()}
        return self._read

    def _all(self) -> Iterator[FinalArchive]:
        for file in sorted(self._folder.glob(f"*{ENDING}")) if self._folder is not None else ():
            try:
                yield final_archive.read(file.read_bytes())
            except (OSError, ArchiveError) as error:
                raise ReadingError(f"{file} cannot be used: {error}") from error

    def add(
        self, data: bytes, *, sha256: str | None, source: DocumentSource, now: Callable[[], datetime]
    ) -> FinalArchive:
        """Take an archive in: one whose digest is the announced one, or that a key signed which its issuer still
        publishes. One that is older than what is here is refused.

        Raises:
            ReadingError: it is none, nobody vouches for it, or it is older.
        """
        if self._folder is None:
            raise ReadingError("There is no folder for archives.")
        try:
            made = final_archive.read(data)
        except ArchiveError as error:
            raise ReadingError(str(error)) from error
        if made.as_of > now():
            raise ReadingError("The archive is of a day to come.")
        held = self.archives.get(made.issuer)
        if held is not None and held.as_of > made.as_of:
            raise ReadingError(f"There is a newer archive of {made.issuer} here.")
        if sha256 is not None:
            if sha256.strip().lower() != made.sha256:
                raise ReadingError(f"The archive's SHA-256 is {made.sha256}, not the one that was announced.")
        else:
            _check_published(made, source)
        self._folder.mkdir(parents=True, exist_ok=True)
        _write_whole(self._folder / _name_of(made.issuer), data)
        self._read = None
        return made

    def remove(self, issuer: str) -> bool:
        """Forget an archive: its issuer is asked again. False if there is none."""
        if self._folder is None or issuer not in self.archives:
            return False
        (self._folder / _name_of(issuer)).unlink(missing_ok=True)
        self._read = None
        return True


def _check_published(archive: FinalArchive, source: DocumentSource) -> None:
    """The key that signed the archive is one that its issuer's own host still lists."""
    expected = "give --sha256 with the number that the programme announced"
    try:
        url = did.url_of_did_web(archive.issuer)
        live = did.parse_document(source.fetch(url).body, expected_id=archive.issuer)
    except (OutboundError, KeysError) as error:
        raise ReadingError(
            f"{archive.issuer} does not answer, so nobody vouches for this archive: {expected}."
        ) from error
    if live.key(archive.kid, purpose="assertionMethod") != archive.document.key(
        archive.kid, purpose="assertionMethod"
    ):
        raise ReadingError(f"{archive.issuer} does not list the key that signed this archive: {expected}.")


def _name_of(issuer: str) -> str:
    return hashlib.sha256(issuer.encode()).hexdigest()[:32] + ENDING


def _write_whole(target: Path, body: bytes) -> None:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as stream:
            stream.write(body)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
