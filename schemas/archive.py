"""Many files as one, each by its digest: what a backup is made of.

A gzipped tar whose first member, `manifest.json`, lists every other one with its length and SHA-256. It is read
strictly: content that changed, a file too few or too many, a name that would leave its folder, are refused. What
is in it, and what the manifest says besides, is its maker's.
"""

import gzip
import hashlib
import io
import os
import re
import secrets
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from schemas import strict_json
from schemas.strict_json import JsonObject

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 4 << 20
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700
_PIECE = 1 << 20


class ArchiveError(Exception):
    """An archive that cannot be written, or is damaged; one sentence."""


def write(target: Path, *, says: Mapping[str, object], files: Mapping[str, Path]) -> JsonObject:
    """Put files, by the names that they have in the archive, into a new archive, whole or not at all. `says`: what
    the manifest says besides. Comes out: the manifest.

    Raises:
        ArchiveError: the target is there already, a name cannot be used, or something cannot be read or written.
    """
    for name in files:
        if not _NAME.fullmatch(name) or name == MANIFEST:
            raise ArchiveError(f"{name!r} cannot be the name of a file in a backup.")
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        listed = {name: _described(file) for name, file in sorted(files.items())}
        manifest: JsonObject = strict_json.loads_object(
            strict_json.dumps({**says, "files": listed}), max_bytes=MAX_MANIFEST_BYTES
        )
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE), "wb") as stream:
            with (
                gzip.GzipFile(fileobj=stream, mode="wb", mtime=0, filename="") as packed,
                tarfile.open(fileobj=packed, mode="w|") as tar,
            ):
                _add(tar, MANIFEST, io.BytesIO(strict_json.dumps(manifest).encode()))
                for name, file in sorted(files.items()):
                    with file.open("rb") as content:
                        _add(tar, name, content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, target)  # never over a backup that is there
    except FileExistsError as error:
        raise ArchiveError(f"{target} is there already; a backup is never written over another one.") from error
    except (OSError, ValueError) as error:
        raise ArchiveError(f"{target} cannot be written: {error}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def extract(source: Path, folder: Path) -> JsonObject:
    """Every file of an archive, in a new folder, each checked by its digest. Comes out: the manifest.

    Raises:
        ArchiveError: the archive cannot be read, is damaged, or is none. What is in the folder then is worth
            nothing.
    """
    damaged = f"{source} is damaged, or no backup"
    try:
        with source.open("rb") as stream, gzip.GzipFile(fileobj=stream) as packed:
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                manifest, missing = _opened(tar, damaged), dict[str, object]()
                missing.update(_files_of(manifest, damaged))
                while (member := tar.next()) is not None:
                    if not member.isreg() or member.name not in missing:
                        raise ArchiveError(f"{damaged}: {member.name!r} is not in its list.")
                    _take_out(tar, member, folder / member.name, said=missing.pop(member.name), damaged=damaged)
            while packed.read(_PIECE):  # to its end, where its checksum is
                pass
    except FileNotFoundError as error:
        raise ArchiveError(f"There is no backup {source}.") from error
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError) as error:
        raise ArchiveError(f"{damaged}: {error}.") from error
    if missing:
        raise ArchiveError(f"{damaged}: {sorted(missing)[0]!r} is in its list and not in it.")
    return manifest


def _described(file: Path) -> JsonObject:
    digest, count = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
            count += len(piece)
    return {"bytes": count, "sha256": digest.hexdigest()}


def _add(tar: tarfile.TarFile, name: str, content: "io.BytesIO | io.BufferedReader") -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = content.seek(0, os.SEEK_END), _PRIVATE_FILE
    content.seek(0)
    tar.addfile(member, content)


def _opened(tar: tarfile.TarFile, damaged: str) -> JsonObject:
    first = tar.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > MAX_MANIFEST_BYTES:
        raise ArchiveError(f"{damaged}: it does not begin with its list.")
    content = tar.extractfile(first)
    assert content is not None  # a regular file has one
    return strict_json.loads_object(content.read(), max_bytes=MAX_MANIFEST_BYTES)


def _files_of(manifest: JsonObject, damaged: str) -> JsonObject:
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(_NAME.fullmatch(name) for name in files):
        raise ArchiveError(f"{damaged}: its list of files is none.")
    return files


def _take_out(tar: tarfile.TarFile, member: tarfile.TarInfo, file: Path, *, said: object, damaged: str) -> None:
    content = tar.extractfile(member)
    assert content is not None
    file.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE), "wb") as stream:
        while piece := content.read(_PIECE):
            stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())
    if _described(file) != said:
        raise ArchiveError(f"{damaged}: {member.name!r} is not what was put into it.")
