"""Keys at rest: opened by their passphrase only, never shown, and refused where a file was touched."""

import copy
import json
import multiprocessing
import pickle
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keys import custody, jws
from keys.custody import KeyStore, read_keyset
from keys.errors import CustodyError
from keys.keyset import KeyUse
from keys.signer import Signer
from schemas import base64url

DID = "did:web:badges.example.org"
PASSPHRASE = "correct horse battery staple"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
REAL_N = custody.SCRYPT_N
TESTS_N = 1 << 10  # scrypt is dear on purpose; here most stores are opened to be broken


@pytest.fixture(scope="module", autouse=True)
def cheap_scrypt() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(custody, "SCRYPT_N", TESTS_N)
        yield


@pytest.fixture(scope="module")
def made(cheap_scrypt: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of one store."""
    folder = tmp_path_factory.mktemp("keys")
    store = KeyStore.create(folder, did=DID, passphrase=PASSPHRASE)
    store.add("badges-1", use="badges", kind="P-256", state="active", now=NOW)
    store.add("status-1", use="status", kind="Ed25519", state="active", now=NOW)
    store.secret("links")
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def folder(made: dict[str, bytes], tmp_path: Path) -> Path:
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name, data in made.items():
        (keys / name).write_bytes(data)
    return keys


def opened(folder: Path, passphrase: str = PASSPHRASE) -> KeyStore:
    return KeyStore(folder, passphrase=passphrase)


def edit(file: Path, change: Callable[[Any], object]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


# --- the ordinary life -----------------------------------------------------------------------------------


def test_keys_come_back_and_sign_as_before(folder: Path) -> None:
    store = opened(folder)
    expected: list[tuple[KeyUse, str]] = [("badges", "ES256"), ("status", "EdDSA")]
    for use, alg in expected:
        signer = store.signer(use)
        assert signer.kid == f"{DID}#{use}-1"
        assert signer.public.algorithm == alg
        assert jws.verify(jws.sign(b"{}", signer=signer), key=signer.public) == b"{}"
    assert store.secret("links") == opened(folder).secret("links")
    assert len(store.secret("links")) == 32
    assert store.secret("links") != store.secret("codes")


def test_public_half_needs_no_passphrase(folder: Path) -> None:
    keyset = read_keyset(folder)
    assert [(r.kid, r.use, r.state, r.since) for r in keyset.records] == [
        (f"{DID}#badges-1", "badges", "active", NOW),
        (f"{DID}#status-1", "status", "active", NOW),
    ]
    assert keyset == opened(folder).keyset


def test_files_are_their_owner_s_only(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "keys"
    KeyStore.create(folder, did=DID, passphrase=PASSPHRASE).secret("links")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert sorted(file.name for file in folder.iterdir()) == ["keyset.json", "links.secret"]


def test_keys_are_never_overwritten(folder: Path) -> None:
    with pytest.raises(CustodyError, match="holds keys already"):
        KeyStore.create(folder, did=DID, passphrase="other")
    with pytest.raises(CustodyError, match="There is a key"):
        opened(folder).add("badges-1", use="badges", kind="P-256", state="active", now=NOW)
    assert opened(folder).signer("badges").kid == f"{DID}#badges-1"


@pytest.mark.parametrize("name", ["", ".", "..", "../escape", "a/b", "a b", "-a", "ä", "a" * 65, "a\n"])
def test_name_that_would_leave_the_folder_is_refused(folder: Path, name: str) -> None:
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(CustodyError, match="no name for a key"):
        opened(folder).add(name, use="badges", kind="P-256", state="active", now=NOW)
    with pytest.raises(CustodyError, match="no name for a key"):
        opened(folder).secret(name)
    assert sorted(folder.parent.rglob("*")) == before


def test_exactly_one_key_is_active_for_a_use(folder: Path) -> None:
    store = opened(folder)
    store.add("badges-2", use="badges", kind="P-256", state="active", now=NOW)
    with pytest.raises(CustodyError, match="2 keys are active for badges; exactly one was expected"):
        store.signer("badges")


def test_passphrase_of_other_bytes_than_utf8_is_taken_as_it_is(tmp_path: Path) -> None:
    from_environment = b"caf\xe9".decode("utf-8", "surrogateescape")
    KeyStore.create(tmp_path, did=DID, passphrase=from_environment)
    assert opened(tmp_path, from_environment).keyset.did == DID


# --- the wrong passphrase --------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["", "Correct horse battery staple", PASSPHRASE + " ", "x"])
def test_wrong_passphrase_is_said_at_once(folder: Path, wrong: str) -> None:
    with pytest.raises(CustodyError, match="The passphrase does not open") as caught:
        opened(folder, wrong)
    assert PASSPHRASE not in str(caught.value) and (not wrong or wrong == "x" or wrong not in str(caught.value))


def test_empty_passphrase_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(CustodyError, match="passphrase is empty"):
        KeyStore.create(tmp_path / "keys", did=DID, passphrase="")
    assert not (tmp_path / "keys").exists()


# --- files that somebody touched -------------------------------------------------------------------------


def test_swapped_files_are_refused(folder: Path) -> None:
    badges, status = folder / "badges-1.key", folder / "status-1.key"
    one, other = badges.read_bytes(), status.read_bytes()
    badges.write_bytes(other)
    status.write_bytes(one)
    store = opened(folder)
    uses: tuple[KeyUse, ...] = ("badges", "status")
    for use in uses:
        with pytest.raises(CustodyError, match="does not open"):
            store.signer(use)


def test_secret_in_the_place_of_a_key_is_refused(folder: Path) -> None:
    (folder / "badges-1.key").write_bytes((folder / "links.secret").read_bytes())
    with pytest.raises(CustodyError, match="does not open"):
        opened(folder).signer("badges")


def test_public_key_that_was_replaced_in_the_list_is_noticed(folder: Path) -> None:
    mallory = Signer(ec.derive_private_key(7, ec.SECP256R1()), kid="x").public.to_jwk()
    edit(folder / "keyset.json", lambda d: d["keys"][0].update(publicKeyJwk=mallory))
    with pytest.raises(CustodyError, match=r"holds another key than keyset.json lists"):
        opened(folder).signer("badges")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.clear(),
        lambda d: d.pop("nonce"),
        lambda d: d.pop("sealed"),
        lambda d: d.update(cipher="none"),
        lambda d: d.update(nonce=7),
        lambda d: d.update(nonce=""),
        lambda d: d.update(nonce="AAAA"),
        lambda d: d.update(nonce="A" * 400),
        lambda d: d.update(nonce=d["nonce"] + "="),
        lambda d: d.update(sealed=None),
        lambda d: d.update(sealed=""),
        lambda d: d.update(sealed="AAAA"),
        lambda d: d.update(sealed="not base64url!"),
    ],
)
def test_damaged_key_file_is_said_to_be_damaged(folder: Path, change: Callable[[Any], object]) -> None:
    edit(folder / "badges-1.key", change)
    with pytest.raises(CustodyError, match=r"badges-1.key is damaged"):
        opened(folder).signer("badges")


@pytest.mark.parametrize("at", [0, 10, -1])
def test_flipped_bit_in_a_sealed_key_is_noticed(folder: Path, at: int) -> None:
    def flip(document: Any) -> None:
        sealed = bytearray(base64url.decode(document["sealed"]))
        sealed[at] ^= 1
        document["sealed"] = base64url.encode(bytes(sealed))

    edit(folder / "badges-1.key", flip)
    with pytest.raises(CustodyError, match="does not open"):
        opened(folder).signer("badges")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"a":1,"a":2}', b"null"])
def test_file_that_is_no_json_object_is_refused_with_its_name(folder: Path, data: bytes) -> None:
    (folder / "badges-1.key").write_bytes(data)
    with pytest.raises(CustodyError, match=r"badges-1.key cannot be read"):
        opened(folder).signer("badges")
    (folder / "keyset.json").write_bytes(data)
    with pytest.raises(CustodyError, match=r"keyset.json cannot be read"):
        opened(folder)


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "badges-1.key").unlink()
    with pytest.raises(CustodyError, match=r"There is no key file .*badges-1.key"):
        opened(folder).signer("badges")
    with pytest.raises(CustodyError, match=r"There is no key file .*keyset.json"):
        read_keyset(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("keys"),
        lambda d: d.pop("did"),
        lambda d: d.update(did=7),
        lambda d: d.update(keys={}),
        lambda d: d.update(keys=[7]),
        lambda d: d["keys"].append(d["keys"][0]),
        lambda d: d["keys"][0].pop("kid"),
        lambda d: d["keys"][0].update(kid=f"{DID}#../../etc/shadow"),
        lambda d: d["keys"][0].update(kid="did:web:other.example#badges-1"),
        lambda d: d["keys"][0].update(kid=f"{DID}#"),
        lambda d: d["keys"][0].update(use="everything"),
        lambda d: d["keys"][0].update(use=["badges"]),
        lambda d: d["keys"][0].update(state="immortal"),
        lambda d: d["keys"][0].update(since="2026-01-01T00:00:00"),
        lambda d: d["keys"][0].update(since=7),
        lambda d: d["keys"][0].update(publicKeyJwk={}),
        lambda d: d["keys"][0].update(publicKeyJwk="x"),
        lambda d: d["keys"][0]["publicKeyJwk"].update(d="AAAA"),
    ],
)
def test_damaged_list_of_keys_is_refused(folder: Path, change: Callable[[Any], object]) -> None:
    edit(folder / "keyset.json", change)
    with pytest.raises(CustodyError, match=r"keyset.json is damaged"):
        read_keyset(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("kdf"),
        lambda d: d.update(kdf="scrypt"),
        lambda d: d["kdf"].update(name="pbkdf2"),
        lambda d: d["kdf"].update(n=TESTS_N >> 1),  # cheap to guess
        lambda d: d["kdf"].update(n=1 << 21),  # 2 GiB
        lambda d: d["kdf"].update(n=TESTS_N + 2),  # no power of two
        lambda d: d["kdf"].update(n=True),
        lambda d: d["kdf"].update(n=float(TESTS_N)),
        lambda d: d["kdf"].update(n=str(TESTS_N)),
        lambda d: d["kdf"].update(r=1),
        lambda d: d["kdf"].update(p=64),
        lambda d: d["kdf"].update(p=True),
        lambda d: d["kdf"].update(salt=""),
        lambda d: d["kdf"].update(salt="AAAA"),
        lambda d: d["kdf"].update(salt=7),
        lambda d: d["kdf"].pop("salt"),
    ],
)
def test_scrypt_parameters_are_bounded_both_ways(folder: Path, change: Callable[[Any], object]) -> None:
    edit(folder / "keyset.json", change)
    with pytest.raises(CustodyError, match="scrypt parameters are not usable"):
        opened(folder)


def test_scrypt_costs_a_guesser_64_mebibytes_and_never_us_more_than_one_gibibyte() -> None:
    assert 128 * custody.SCRYPT_R * REAL_N == 64 << 20
    assert 128 * custody.SCRYPT_R * custody.MAX_SCRYPT_N == 1 << 30


def test_missing_check_value_is_no_open_door(folder: Path) -> None:
    edit(folder / "keyset.json", lambda d: d.pop("check"))
    with pytest.raises(CustodyError, match="damaged"):
        opened(folder)


# --- the private key stays where it is -------------------------------------------------------------------


def test_private_key_is_in_no_file_no_text_and_no_pickle(folder: Path) -> None:
    store = opened(folder)
    signer = store.signer("badges")
    private: Any = getattr(signer, "_Signer__private")  # noqa: B009 - the test must know what to look for
    number = private.private_numbers().private_value
    spellings = [number.to_bytes(32), str(number).encode(), f"{number:x}".encode()]
    spellings += [base64url.encode(spellings[0]).encode(), spellings[0].hex().encode()]
    shown = [repr(signer), str(signer), repr(store), repr(store.__dict__), f"{signer!r}"]
    everything = [file.read_bytes() for file in folder.iterdir()] + [text.encode() for text in shown]
    assert not [data for data in everything for spelling in spellings if spelling in data]
    assert repr(signer) == f"Signer(kid='{DID}#badges-1')"


def test_signer_is_neither_copied_nor_pickled(folder: Path) -> None:
    signer = opened(folder).signer("badges")
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="neither copied nor pickled") as caught:
            attempt(signer)
        assert "private_value" not in str(caught.value)


# --- two at once -----------------------------------------------------------------------------------------


def _secret(folder: str, passphrase: str, answers: Any) -> None:
    answers.put(KeyStore(Path(folder), passphrase=passphrase).secret("fresh").hex())


def test_two_processes_that_make_the_same_secret_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custody, "SCRYPT_N", REAL_N)  # as the other processes have it
    folder = tmp_path / "keys"
    KeyStore.create(folder, did=DID, passphrase=PASSPHRASE)
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    both = [context.Process(target=_secret, args=(str(folder), PASSPHRASE, answers)) for _ in range(2)]
    for process in both:
        process.start()
    told = {answers.get(timeout=60) for _ in both}
    for process in both:
        process.join(60)
    assert told == {opened(folder).secret("fresh").hex()}
    assert [file.name for file in folder.iterdir() if file.name.startswith(".")] == []


def test_store_made_by_another_process_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    derive = custody._derive

    def slowly(passphrase: str, document: Any, folder: Path) -> bytes:
        monkeypatch.setattr(custody, "_derive", derive)
        KeyStore.create(folder, did=DID, passphrase="the other's")
        return derive(passphrase, document, folder)

    monkeypatch.setattr(custody, "_derive", slowly)
    with pytest.raises(CustodyError, match="another process just now"):
        KeyStore.create(tmp_path, did=DID, passphrase=PASSPHRASE)
    assert opened(tmp_path, "the other's").keyset.did == DID
