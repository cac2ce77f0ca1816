"""An archive comes out as it was put in, or not at all."""

import gzip
import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from schemas import archive
from schemas.archive import ArchiveError

CONTENTS = {"a": b"hello world" * 100, "keys/b.key": bytes(range(256)), "empty": b""}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    files = {}
    for number, (name, content) in enumerate(CONTENTS.items()):
        files[name] = tmp_path / f"file-{number}"
        files[name].write_bytes(content)
    archive.write(tmp_path / "archive", says={"format": "example/1"}, files=files)
    return tmp_path / "archive"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_was_put_in_comes_out(made: Path, tmp_path: Path) -> None:
    manifest = archive.extract(made, tmp_path / "out")
    assert contents(tmp_path / "out") == CONTENTS
    assert manifest["format"] == "example/1"
    assert all((tmp_path / "out" / name).stat().st_mode & 0o077 == 0 for name in CONTENTS)


def test_each_changed_byte_is_refused_or_changes_nothing(made: Path, tmp_path: Path) -> None:
    whole, out = made.read_bytes(), tmp_path / "out"
    refused = 0
    for position in range(len(whole)):
        made.write_bytes(whole[:position] + bytes([whole[position] ^ 0x81]) + whole[position + 1 :])
        try:
            archive.extract(made, out)
        except ArchiveError:
            refused += 1
        else:  # of gzip's own: its clock, or bits that no decoder reads
            assert contents(out) == CONTENTS, position
        shutil.rmtree(out, ignore_errors=True)
    assert refused > 0.9 * len(whole)


def test_each_beginning_of_an_archive_is_refused(made: Path, tmp_path: Path) -> None:
    whole = made.read_bytes()
    for length in range(len(whole)):
        made.write_bytes(whole[:length])
        with pytest.raises(ArchiveError, match="damaged, or no backup"):
            archive.extract(made, tmp_path / f"out-{length}")


def forged(
    target: Path, members: dict[str, bytes], *, listed: dict[str, object], kind: bytes = tarfile.REGTYPE
) -> None:
    """An archive as somebody else would write it."""
    with gzip.open(target, "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        for name, content in {"manifest.json": json.dumps({"files": listed}).encode(), **members}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if name in listed:
                member.type = kind
            tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../b", "a//b", ".hidden", "a\0b", ""])
def test_a_name_that_would_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    forged(tmp_path / "archive", {}, listed={name: {"bytes": 0, "sha256": "0" * 64}})
    with pytest.raises(ArchiveError):
        archive.extract(tmp_path / "archive", tmp_path / "folder" / "out")
    assert contents(tmp_path).keys() == {"archive"}


def test_a_file_too_many_too_few_or_a_link_is_refused(tmp_path: Path) -> None:
    said = {"bytes": 1, "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}
    target = tmp_path / "archive"
    forged(target, {"a": b"x", "b": b"y"}, listed={"a": said})
    with pytest.raises(ArchiveError, match="'b' is not in its list"):
        archive.extract(target, tmp_path / "one")
    forged(target, {}, listed={"a": said})
    with pytest.raises(ArchiveError, match="'a' is in its list and not in it"):
        archive.extract(target, tmp_path / "two")
    forged(target, {"a": b""}, listed={"a": said}, kind=tarfile.SYMTYPE)
    with pytest.raises(ArchiveError, match="not in its list"):
        archive.extract(target, tmp_path / "three")


def test_an_archive_is_never_written_over_another(made: Path, tmp_path: Path) -> None:
    before = made.read_bytes()
    with pytest.raises(ArchiveError, match="is there already"):
        archive.write(made, says={}, files={})
    assert made.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []
