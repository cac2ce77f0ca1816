"""Private keys at rest: encrypted files in one folder, opened with one passphrase.

The folder holds `keyset.json` (public: which keys there are, and their states), one `<name>.key` file for each
private key and one `<name>.secret` for each random secret. Each is AES-256-GCM under a key that scrypt derives
from the passphrase; a name is bound to its file as associated data, so two files cannot be swapped. This is
the only module that reads or writes private keys; elsewhere they are a `Signer`.
"""

import os
import secrets
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from keys import base64url, jwk
from keys.errors import CustodyError, KeysError
from keys.jwk import Curve, from_cryptography
from keys.keyset import KeyRecord, KeySet, KeyState, KeyUse
from keys.signer import PrivateKey, Signer
from schemas import strict_json
from schemas.strict_json import JsonObject

SCRYPT_N = 1 << 16  # 64 MiB and about 0.2 s: bearable once a process, dear for a guesser
SCRYPT_R = 8
SCRYPT_P = 1
MAX_SCRYPT_N = 1 << 20  # a tampered file must not make us allocate more than 1 GiB
KEYSET_FILE = "keyset.json"
_PRIVATE_FILE_MODE = 0o600


class KeyStore:
    """The folder of one issuer's keys, opened.

    Raises (all methods):
        CustodyError: the folder or a file is missing or damaged, or the passphrase is wrong.
    """

    def __init__(self, folder: Path, *, passphrase: str) -> None:
        self._folder = folder
        document = _read(folder / KEYSET_FILE)
        self.keyset = _keyset_of(document, folder)
        self._wrapping = AESGCM(_derive(passphrase, document, folder))
        _open(self._wrapping, document.get("check"), name="check", where=folder)  # wrong passphrase: say it now

    @classmethod
    def create(cls, folder: Path, *, did: str, passphrase: str) -> "KeyStore":
        """An empty store in a new folder, readable by its owner only."""
        if (folder / KEYSET_FILE).exists():
            raise CustodyError(f"{folder} holds keys already; they are never overwritten.")
        if not passphrase:
            raise CustodyError("The key passphrase is empty; keys are kept encrypted.")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        salt = base64url.encode(secrets.token_bytes(16))
        kdf: JsonObject = {"name": "scrypt", "n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P, "salt": salt}
        document: JsonObject = {"did": did, "kdf": kdf, "keys": []}
        document["check"] = _seal(AESGCM(_derive(passphrase, document, folder)), b"", name="check")
        _write(folder / KEYSET_FILE, document)
        return cls(folder, passphrase=passphrase)

    def add(self, name: str, *, use: KeyUse, curve: Curve, state: KeyState, now: datetime) -> KeyRecord:
        """Make a key pair `<did>#<name>`; the private half is on disk before the public one is listed."""
        kid = f"{self.keyset.did}#{name}"
        if any(record.kid == kid for record in self.keyset.records):
            raise CustodyError(f"There is a key {kid} already.")
        private: PrivateKey
        if curve == "Ed25519":
            private = Ed25519PrivateKey.generate()
            secret = private.private_bytes_raw()
        else:
            private = ec.generate_private_key(ec.SECP256R1())
            secret = private.private_numbers().private_value.to_bytes(32)
        sealed: JsonObject = {"curve": curve, **_seal(self._wrapping, secret, name=name)}
        _write(self._folder / f"{name}.key", sealed)
        record = KeyRecord(kid, use, state, from_cryptography(private.public_key()), now)
        self._list((*self.keyset.records, record))
        return record

    def signer(self, use: KeyUse) -> Signer:
        """The signer of the one key that is active for `use`."""
        record = self.keyset.active(use)
        name = record.kid.partition("#")[2]
        file = self._folder / f"{name}.key"
        sealed = _read(file)
        secret = _open(self._wrapping, sealed, name=name, where=file)
        private: PrivateKey
        if record.public.curve == "Ed25519":
            private = Ed25519PrivateKey.from_private_bytes(secret)
        else:
            private = ec.derive_private_key(int.from_bytes(secret), ec.SECP256R1())
        if from_cryptography(private.public_key()) != record.public:
            raise CustodyError(f"{file} holds another key than {KEYSET_FILE} lists under {record.kid}.")
        return Signer(private, kid=record.kid)

    def secret(self, name: str) -> bytes:
        """32 random bytes kept under this name, made on first use (for links and codes, never for badges)."""
        file = self._folder / f"{name}.secret"
        if not file.exists():
            _write(file, _seal(self._wrapping, secrets.token_bytes(32), name=f"secret {name}"), exclusive=True)
        return _open(self._wrapping, _read(file), name=f"secret {name}", where=file)

    def _list(self, records: tuple[KeyRecord, ...]) -> None:
        document = _read(self._folder / KEYSET_FILE)
        document["keys"] = [
            {
                "kid": record.kid,
                "use": record.use,
                "state": record.state,
                "publicKeyJwk": {**record.public.to_jwk()},
                "since": record.since.isoformat(),
            }
            for record in records
        ]
        _write(self._folder / KEYSET_FILE, document)
        self.keyset = replace(self.keyset, records=records)


def read_keyset(folder: Path) -> KeySet:
    """The public half of a key store; needs no passphrase.

    Raises:
        CustodyError: there is no key store in the folder, or it is damaged.
    """
    return _keyset_of(_read(folder / KEYSET_FILE), folder)


def _keyset_of(document: JsonObject, folder: Path) -> KeySet:
    try:
        did, entries = document["did"], document["keys"]
        assert isinstance(did, str) and isinstance(entries, list)
        return KeySet(did, tuple(_record_of(entry) for entry in entries))
    except (KeyError, TypeError, ValueError, AssertionError, KeysError) as error:
        raise CustodyError(f"{folder / KEYSET_FILE} is damaged: it does not list its keys.") from error


def _record_of(entry: object) -> KeyRecord:
    assert isinstance(entry, dict)
    since = datetime.fromisoformat(entry["since"])
    return KeyRecord(entry["kid"], entry["use"], entry["state"], jwk.from_jwk(entry["publicKeyJwk"]), since)


def _derive(passphrase: str, document: JsonObject, folder: Path) -> bytes:
    try:
        kdf = document["kdf"]
        assert isinstance(kdf, dict) and kdf["name"] == "scrypt"
        n, r, p, salt = kdf["n"], kdf["r"], kdf["p"], kdf["salt"]
        assert isinstance(n, int) and isinstance(r, int) and isinstance(p, int) and isinstance(salt, str)
        assert SCRYPT_N <= n <= MAX_SCRYPT_N and r == SCRYPT_R and p == SCRYPT_P
        return Scrypt(salt=base64url.decode(salt), length=32, n=n, r=r, p=p).derive(passphrase.encode())
    except (KeyError, AssertionError, KeysError) as error:
        raise CustodyError(f"{folder / KEYSET_FILE} is damaged: its scrypt parameters are not usable.") from error


def _seal(wrapping: AESGCM, secret: bytes, *, name: str) -> JsonObject:
    nonce = secrets.token_bytes(12)
    sealed = wrapping.encrypt(nonce, secret, name.encode())
    return {"cipher": "AES-256-GCM", "nonce": base64url.encode(nonce), "sealed": base64url.encode(sealed)}


def _open(wrapping: AESGCM, document: object, *, name: str, where: Path) -> bytes:
    try:
        assert isinstance(document, dict)
        nonce, sealed = base64url.decode(document["nonce"]), base64url.decode(document["sealed"])
        return wrapping.decrypt(nonce, sealed, name.encode())
    except InvalidTag:
        raise CustodyError(f"The passphrase does not open {where}.") from None  # the cause holds nothing more
    except (KeyError, TypeError, AssertionError, KeysError) as error:
        raise CustodyError(f"{where} is damaged: no encrypted secret in it.") from error


def _read(file: Path) -> JsonObject:
    try:
        return strict_json.loads_object(file.read_bytes())
    except FileNotFoundError as error:
        raise CustodyError(f"There is no key file {file}.") from error
    except (OSError, strict_json.StrictJsonError) as error:
        raise CustodyError(f"{file} cannot be read: {error}") from error


def _write(file: Path, document: JsonObject, *, exclusive: bool = False) -> None:
    """Whole or not at all: a crash leaves the old file, or the new one, never half of one."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE_MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(strict_json.dumps(document) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        if exclusive:
            try:
                os.link(draft, file)
            except FileExistsError:
                return  # another process made it first; its secret is the one that counts
        else:
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
