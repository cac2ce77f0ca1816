"""The public documents written as files below one folder, for any web host (DESIGN §3, "Static where it can be").

What `documents` yields is written whole, file by file; pages of badges that are public no longer are removed,
since whoever takes a page back means it.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from issuer.badges import documents
from issuer.badges.bureau import Bureau
from issuer.badges.documents import Document
from issuer.badges.model import BadgeError
from keys.final_archive import folder_of

AS_IT_IS = ".nojekyll"  # hosts that build sites would leave out what begins with a dot, such as .well-known
BADGE_PAGES = "b"  # the folder of published badge pages; nothing else of ours is ever removed


@dataclass(frozen=True, slots=True)
class Published:
    """What was done: where, how many documents, how many badge pages are gone."""

    folder: Path
    written: int
    removed: int


def publish(bureau: Bureau, folder: Path, *, now: datetime, also: Iterable[Document] = ()) -> Published:
    """Write every document, and those of rooms above in `also`, below the host's folder; remove pages that were
    taken back.

    Raises:
        BadgeError: a file cannot be written or removed.
    """
    root = folder / folder_of(bureau.addresses.base)
    files = set()
    for document in chain(documents.all_documents(bureau, now=now), also):
        _write_whole(root / document.file, document.body)
        files.add(document.file)
    _write_whole(root / AS_IT_IS, b"")
    pages = {file.split("/")[1] for file in files if file.startswith(f"{BADGE_PAGES}/")}
    return Published(root, len(files), _remove_pages(root / BADGE_PAGES, keep=pages))


def _write_whole(target: Path, body: bytes) -> None:
    """A reader sees the old document or the new one, never half of one."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        draft.write_bytes(body)
        draft.replace(target)
    except OSError as error:
        raise BadgeError(f"{target} cannot be written: {error.strerror}.") from error


def _remove_pages(folder: Path, *, keep: set[str]) -> int:
    gone = [page for page in sorted(folder.glob("*")) if page.is_dir() and page.name not in keep]
    for page in gone:
        try:
            for name in documents.BADGE_PAGE_FILES:
                (page / name).unlink(missing_ok=True)
            page.rmdir()
        except OSError as error:
            raise BadgeError(f"{page} cannot be removed: {error.strerror}.") from error
    return len(gone)
