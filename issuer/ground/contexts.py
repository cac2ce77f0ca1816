"""JSON-LD contexts of the operator's own, read from a folder that stands for the network; each pinned by its hash.

The standards' contexts are `schemas.contexts`, and none of them can be replaced. Nothing is ever fetched.
"""

from pathlib import Path

from schemas.contexts import DIRECTORY_INDEX, VERIFYING, ContextSet, ContextSetError

MAX_FILE_BYTES = 256 * 1024  # the largest published context has about 20 kB


class ContextsFolderError(Exception):
    """The folder cannot be read, or what is in it is not what was pinned; one sentence."""


def known_with(folder: Path | None) -> ContextSet:
    """What a credential may use: the contexts of the standards, and the folder's if it has a `contexts.json`.

    Raises:
        ContextsFolderError: there is no such folder, a file cannot be read, or a context is not as it was pinned.
    """
    if folder is None:
        return VERIFYING
    if not folder.is_dir():
        raise ContextsFolderError(f"There is no folder {folder}.")
    index = folder / DIRECTORY_INDEX
    if not index.exists():
        return VERIFYING
    try:
        return VERIFYING.with_directory(_read(index), read=lambda name: _read(folder / name), name=str(folder))
    except ContextSetError as error:
        raise ContextsFolderError(f"{folder}: {error}") from error


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES)
    except OSError as error:
        raise ContextsFolderError(f"{file} cannot be read: {error.strerror}.") from error
