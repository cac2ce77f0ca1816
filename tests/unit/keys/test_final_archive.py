"""The final archive: whole, signed, and refused with anything changed in it."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from keys import did, final_archive, jws
from keys.errors import ArchiveError
from keys.keyset import KeyRecord
from keys.signer import Signer
from schemas import strict_json
from tests.unit.keys import material

ISSUER = "did:web:badges.example.org"
ENDED = datetime(2031, 5, 4, 12, tzinfo=UTC)


def signer() -> Signer:
    return material.signer(kid=f"{ISSUER}#badges-1")


def files() -> dict[str, bytes]:
    document = did.build_document(ISSUER, keys=[(signer().kid, signer().public)])
    return {
        "badges.example.org/.well-known/did.json": strict_json.dumps(document).encode(),
        "badges.example.org/status-lists/1": b"{}",
    }


def made(contents: dict[str, bytes] | None = None, *, by: Signer | None = None) -> bytes:
    record = KeyRecord(signer().kid, "badges", "active", signer().public, ENDED)
    return final_archive.write(
        ISSUER, contents or files(), records=[record], as_of=ENDED, reason="The community merged.",
        read_me="Read me.", signer=by or signer(),
    )  # fmt: skip


def changed(data: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    change(contents)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, body in contents.items():
            archive.writestr(name, body)
    return stream.getvalue()


def test_what_is_written_is_read_back() -> None:
    data = made()
    read = final_archive.read(data)
    assert (read.issuer, read.as_of, read.reason) == (ISSUER, ENDED, "The community merged.")
    assert {path: read.files[path] for path in files()} == files()
    assert read.sha256 == hashlib.sha256(data).hexdigest()
    assert [one["kid"] for one in read.keys] == [signer().kid]
    assert read.document.key(signer().kid, purpose="assertionMethod") == signer().public


def test_the_same_documents_give_the_same_files_whoever_packs_them() -> None:
    def names_and_times(data: bytes) -> list[tuple[str, object]]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [(entry.filename, entry.date_time) for entry in archive.infolist()]

    assert names_and_times(made()) == names_and_times(made(dict(reversed(files().items()))))


def drop(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda contents: contents.__delitem__(name)


def put(name: str, body: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda contents: contents.__setitem__(name, body)


LIST = "badges.example.org/status-lists/1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(LIST, b"{ }"), "was changed: badges.example.org/status-lists/1"),
        (drop(LIST), "was changed: badges.example.org/status-lists/1"),
        (put("badges.example.org/added", b""), "was changed: badges.example.org/added"),
        (put("README.txt", b"Send us money."), "was changed: README.txt"),
        (drop("archive.jwt"), "no final archive"),
        (put("archive.jwt", b"\xff"), "no final archive"),
        (put("archive.jwt", b"a.b.c"), "cannot be believed"),
        (put("../outside", b""), "leads out"),
        (put("/etc/outside", b""), "leads out"),
    ],
)
def test_whatever_is_changed_is_refused_by_name(change: Callable[[dict[str, bytes]], None], said: str) -> None:
    with pytest.raises(ArchiveError, match=said):
        final_archive.read(changed(made(), change))


def test_another_key_and_another_kind_of_token_are_refused() -> None:
    stranger = material.signer("stranger", kid=signer().kid)
    with pytest.raises(ArchiveError, match="cannot be believed"):
        final_archive.read(made(by=stranger))
    unlisted = material.signer(kid=f"{ISSUER}#other")
    with pytest.raises(ArchiveError, match="not in its DID document"):
        final_archive.read(made(by=unlisted))
    with zipfile.ZipFile(io.BytesIO(made())) as archive:
        claims = jws.parse(archive.read("archive.jwt").decode()).payload
    for typ in ("vc+jwt", "JWT"):
        token = jws.sign(claims, signer=signer(), typ=typ)
        with pytest.raises(ArchiveError):
            final_archive.read(changed(made(), put("archive.jwt", token.encode())))


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all", made()[:-30], made()[: len(made()) // 2]])
def test_what_is_no_archive_is_said_in_one_sentence(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="no final archive") as refused:
        final_archive.read(data)
    assert "\n" not in str(refused.value)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(final_archive, "MAX_BYTES", 1000)
    with pytest.raises(ArchiveError, match="more than"):
        final_archive.read(changed(made(), put("big", b"\0" * 2000)))
    monkeypatch.setattr(final_archive, "MAX_FILES", 2)
    with pytest.raises(ArchiveError, match="more than 2 files"):
        final_archive.read(made())
