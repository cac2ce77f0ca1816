"""Private keys at rest: encrypted files in one folder, opened with one passphrase.

The folder holds `keyset.json` (public: which keys there are, and their states), one `<name>.key` file for each
private key and one `<name>.secret` for each random secret. Each is AES-256-GCM under a key that scrypt derives
from the passphrase; a name is bound to its file as associated data, so two files cannot be swapped. An issuer's
private keys are read and written here only; elsewhere they are a `Signer`. Where a token is given, new keys are
made in it, and their `.key` files only name them (`keys.token`); the random secrets stay here, wrapped, since
what is derived from them has to outlive any token. A key that somebody brings along for one document is
`private_jwk`.
"""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from keys import jwk
from keys.errors import CustodyError, KeyFormatError
from keys.jwk import KeyKind, PublicKey, from_cryptography
from keys.keyset import KeyRecord, KeySet, KeyState, KeyUse
from keys.signer import PrivateKey, Signer
from keys.token import Token, TokenAccess
from schemas import base64url, strict_json, timestamps
from schemas.strict_json import JsonObject, JsonValue

SCRYPT_N = 1 << 16  # 64 MiB and about 0.2 s: bearable once a process, dear for a guesser
SCRYPT_R = 8
SCRYPT_P = 1
MAX_SCRYPT_N = 1 << 20  # a tampered file must not make us allocate more than 1 GiB
MIN_SALT_BYTES = 16
CIPHER = "AES-256-GCM"
NONCE_BYTES = 12
TAG_BYTES = 16
MadeKind = Literal["P-256", "Ed25519", "RSA"]  # what we sign with; others are only verified
RSA_BITS = 2048  # the least that anybody takes, and still 256 bytes for each signature

KEYSET_FILE = "keyset.json"
# ES256 is what the widest-used validator of Open Badges takes in a JWT; eddsa-rdfc-2022 is what every verifier of
# Data Integrity takes in a document, and a status list is a document.
DEFAULT_KINDS: Mapping[KeyUse, MadeKind] = {
    "badges": "P-256",
    "documents": "Ed25519",
    "documents-p256": "P-256",
    "status": "Ed25519",
    "requests": "P-256",  # ES256 is what every wallet checks
    "bundles": "P-256",  # and what every browser does
    "epochs": "P-256",
    "hub": "P-256",
}
FITTING_KINDS: Mapping[KeyUse, tuple[MadeKind, ...]] = {
    "badges": ("P-256", "Ed25519", "RSA"),
    "documents": ("Ed25519", "P-256"),
    "documents-p256": ("P-256",),
    "status": ("Ed25519", "P-256"),
    "requests": ("P-256", "Ed25519"),
    "bundles": ("P-256",),
    "epochs": ("P-256",),
    "hub": ("P-256",),
}
_PRIVATE_FILE_MODE = 0o600
_PROBE = b"A new key signs this once, so that both halves are known to fit."
_HEX = re.compile(r"[0-9a-f]{2,64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)  # becomes a file's name: no dots, no slashes


class KeyStore:
    """The folder of one issuer's keys, opened.

    Raises (all methods):
        CustodyError: the folder or a file is missing or damaged, or the passphrase is wrong.
    """

    def __init__(self, folder: Path, *, passphrase: str, token: TokenAccess | None = None) -> None:
        self._folder, self._token = folder, token
        document = _read(folder / KEYSET_FILE)
        self.keyset = _keyset_of(document, folder)
        self._wrapping = AESGCM(_derive(passphrase, document, folder))
        _open(self._wrapping, document.get("check"), name="check", where=folder)  # wrong passphrase: say it now

    @classmethod
    def create(cls, folder: Path, *, did: str, passphrase: str, token: TokenAccess | None = None) -> "KeyStore":
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
        if not _write(folder / KEYSET_FILE, document, exclusive=True):
            raise CustodyError(f"{folder} was given keys by another process just now; they are never overwritten.")
        return cls(folder, passphrase=passphrase, token=token)

    def add(self, name: str, *, use: KeyUse, kind: MadeKind, state: KeyState, now: datetime) -> KeyRecord:
        """Make a key pair `<did>#<name>`; the private half is on disk before the public one is listed."""
        record = self._make(name, use=use, kind=kind, state=state, now=now)
        self._list(replace(self.keyset, records=(*self.keyset.records, record)))
        return record

    def plan(self, use: KeyUse, *, now: datetime, kind: MadeKind | None = None) -> KeyRecord:
        """Make the next key for `use`: published with the others from now on, signing once it is rotated in.

        `kind`: by default that of the key which signs now; it decides the algorithm of what is signed then.
        """
        if kind is not None and kind not in FITTING_KINDS[use]:
            raise CustodyError(f"A {kind} key cannot sign {use}: {' or '.join(FITTING_KINDS[use])} was expected.")
        waiting = [r for r in self.keyset.records if r.use == use and r.state == "planned"]
        if waiting:
            raise CustodyError(f"The key {waiting[0].name} is planned for {use} already.")
        made = kind or self._kind_now(use)
        return self.add(self.keyset.next_name(use), use=use, kind=made, state="planned", now=now)

    def rotate(self, use: KeyUse, *, now: datetime) -> KeyRecord:
        """The planned key, or else a new one, signs from now on; the one that signed, if any did, is retired."""
        signing = [record.kid for record in self.keyset.records if record.use == use and record.state == "active"]
        return self._activate_next(use, retiring=dict.fromkeys(signing, "retired"), now=now)

    def compromise(self, kid: str, *, now: datetime) -> KeyRecord:
        """Somebody else may have this key: nobody is to believe it any more, whatever date a badge claims.

        If it was the one that signs, the next one takes its place in the same step. What it signed is signed
        anew by `issuer.badges.issuance`. A key once compromised stays so.
        """
        record = self.keyset.named(kid)
        fallen: dict[str, KeyState] = {record.kid: "compromised"}
        if record.state == "active":
            self._activate_next(record.use, retiring=fallen, now=now)
        else:
            self._list(self.keyset.with_states(fallen))
        return self.keyset.named(record.kid)

    def _activate_next(self, use: KeyUse, *, retiring: Mapping[str, KeyState], now: datetime) -> KeyRecord:
        """One write of the list: verifiers never see two keys active for one use, nor none."""
        planned = next((r for r in self.keyset.records if r.use == use and r.state == "planned"), None)
        made = planned or self._make(
            self.keyset.next_name(use), use=use, kind=self._kind_now(use), state="planned", now=now
        )
        records = self.keyset.records if planned else (*self.keyset.records, made)
        changed = replace(self.keyset, records=records).with_states({**retiring, made.kid: "active"})
        self._list(changed)
        return self.keyset.named(made.kid)

    def _kind_now(self, use: KeyUse) -> MadeKind:
        """The kind of the key that signs for `use`, so that a rotation changes no algorithm by itself."""
        for record in self.keyset.records:
            if record.use == use and record.state == "active" and record.public.kind != "P-384":
                return record.public.kind
        return DEFAULT_KINDS[use]

    def _make(self, name: str, *, use: KeyUse, kind: MadeKind, state: KeyState, now: datetime) -> KeyRecord:
        kid = f"{self.keyset.did}#{_checked_name(name)}"
        if any(record.kid == kid for record in self.keyset.records):
            raise CustodyError(f"There is a key {kid} already.")
        if self._token is not None:
            return KeyRecord(kid, use, state, self._make_in(Token(self._token), name, kind=kind), now)
        private = _generated(kind)
        secret = _bytes_of(private)
        sealed: JsonObject = {"kind": kind, **_seal(self._wrapping, secret, name=name)}
        _write(self._folder / f"{name}.key", sealed)
        return KeyRecord(kid, use, state, from_cryptography(private.public_key()), now)

    def _make_in(self, token: Token, name: str, *, kind: MadeKind) -> PublicKey:
        """Make a key in the token; its file on disk says where it is, and is no secret."""
        if kind == "RSA":
            raise CustodyError("A key in the token is P-256 or Ed25519: '--kind P-256' was expected.")
        key_id, public = token.make(kind, name=name)
        public.check(token.key(key_id, public).sign(_PROBE), _PROBE)
        assert self._token is not None
        _write(self._folder / f"{name}.key", {"kind": kind, "token": self._token.label, "id": key_id})
        return public

    def _in_token(self, named: JsonObject, record: KeyRecord, file: Path) -> Signer:
        key_id = named.get("id")
        if not isinstance(key_id, str) or not _HEX.fullmatch(key_id):
            raise CustodyError(f"{file} is damaged: it does not say which key of the token it is.")
        if self._token is None or self._token.label != named.get("token"):
            raise CustodyError(
                f"The key {record.name} is in the token {named.get('token')!r}, which the settings do not name."
            )
        return Signer(Token(self._token).key(key_id, record.public), kid=record.kid)

    def signer(self, use: KeyUse) -> Signer:
        """The signer of the one key that is active for `use`."""
        record = self.keyset.active(use)
        name = record.kid.partition("#")[2]
        file = self._folder / f"{name}.key"
        sealed = _read(file)
        if "token" in sealed:
            return self._in_token(sealed, record, file)
        secret = _open(self._wrapping, sealed, name=name, where=file)
        private = _private_of(secret, kind=record.public.kind)
        if from_cryptography(private.public_key()) != record.public:
            raise CustodyError(f"{file} holds another key than {KEYSET_FILE} lists under {record.kid}.")
        return Signer(private, kid=record.kid)

    def secret(self, name: str) -> bytes:
        """32 random bytes kept under this name, made on first use (for links and codes, never for badges)."""
        file = self._folder / f"{_checked_name(name)}.secret"
        if not file.exists():
            _write(file, _seal(self._wrapping, secrets.token_bytes(32), name=f"secret {name}"), exclusive=True)
        return _open(self._wrapping, _read(file), name=f"secret {name}", where=file)

    def _list(self, keyset: KeySet) -> None:
        document = _read(self._folder / KEYSET_FILE)
        document["keys"] = [
            {
                "kid": record.kid,
                "use": record.use,
                "state": record.state,
                "publicKeyJwk": {**record.public.to_jwk()},
                "since": record.since.isoformat(),
            }
            for record in keyset.records
        ]
        _write(self._folder / KEYSET_FILE, document)
        self.keyset = keyset


def _generated(kind: MadeKind) -> PrivateKey:
    if kind == "Ed25519":
        return Ed25519PrivateKey.generate()
    if kind == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())


def _bytes_of(private: PrivateKey) -> bytes:
    """The secret that is sealed: 32 bytes of a curve's key, or an RSA key as PKCS #8 (DER)."""
    if isinstance(private, Ed25519PrivateKey):
        return private.private_bytes_raw()
    if isinstance(private, rsa.RSAPrivateKey):  # no encryption of its own: what is sealed is sealed already
        return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return private.private_numbers().private_value.to_bytes(32)


def _private_of(secret: bytes, *, kind: KeyKind) -> PrivateKey:
    if kind == "Ed25519":
        return Ed25519PrivateKey.from_private_bytes(secret)
    if kind == "RSA":
        private = load_der_private_key(secret, password=None)
        assert isinstance(private, rsa.RSAPrivateKey)
        return private
    return ec.derive_private_key(int.from_bytes(secret), ec.SECP256R1())


def read_keyset(folder: Path) -> KeySet:
    """The public half of a key store; needs no passphrase.

    Raises:
        CustodyError: there is no key store in the folder, or it is damaged.
    """
    return _keyset_of(_read(folder / KEYSET_FILE), folder)


def _keyset_of(document: JsonObject, folder: Path) -> KeySet:
    did, entries = document.get("did"), document.get("keys")
    if not isinstance(did, str) or not isinstance(entries, list):
        raise CustodyError(f"{folder / KEYSET_FILE} is damaged: it does not list its keys.")
    records = tuple(_record_of(entry, did=did, where=folder / KEYSET_FILE) for entry in entries)
    if len({record.kid for record in records}) != len(records):
        raise CustodyError(f"{folder / KEYSET_FILE} is damaged: it lists a key twice.")
    return KeySet(did, records)


def _record_of(entry: JsonValue, *, did: str, where: Path) -> KeyRecord:
    """One entry of the list. The file is not secret, and whoever can write there is not trusted with more."""
    damaged = CustodyError(f"{where} is damaged: an entry of its list of keys is not what it must be.")
    if not isinstance(entry, dict):
        raise damaged
    kid, public = entry.get("kid"), entry.get("publicKeyJwk")
    use = next((known for known in get_args(KeyUse) if known == entry.get("use")), None)
    state = next((known for known in get_args(KeyState) if known == entry.get("state")), None)
    if not isinstance(kid, str) or not isinstance(public, dict) or use is None or state is None:
        raise damaged
    if not kid.startswith(f"{did}#") or not _NAME.fullmatch(kid.removeprefix(f"{did}#")):
        raise damaged
    try:
        return KeyRecord(kid, use, state, jwk.from_jwk(public), timestamps.parse(entry.get("since")))
    except (KeyFormatError, timestamps.TimestampError) as error:
        raise damaged from error


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CustodyError(f"{name!r} is no name for a key: letters, digits, '-' and '_' were expected.")
    return name


def _derive(passphrase: str, document: JsonObject, folder: Path) -> bytes:
    """The wrapping key. Its cost is bounded both ways: a tampered file makes it neither cheap nor endless."""
    damaged = CustodyError(f"{folder / KEYSET_FILE} is damaged: its scrypt parameters are not usable.")
    kdf = document.get("kdf")
    if not isinstance(kdf, dict) or kdf.get("name") != "scrypt":
        raise damaged
    n, r, p, salt = kdf.get("n"), kdf.get("r"), kdf.get("p"), kdf.get("salt")
    if not isinstance(n, int) or not SCRYPT_N <= n <= MAX_SCRYPT_N or n & (n - 1):  # scrypt: a power of two
        raise damaged
    if r != SCRYPT_R or p != SCRYPT_P or isinstance(p, bool) or not isinstance(salt, str):
        raise damaged
    try:
        salt_bytes = base64url.decode(salt)
    except base64url.Base64UrlError as error:
        raise damaged from error
    if len(salt_bytes) < MIN_SALT_BYTES:
        raise damaged
    # A passphrase out of the environment may hold bytes that are no UTF-8; they count as they are.
    secret = passphrase.encode("utf-8", "surrogateescape")
    return _scrypt(secret, salt_bytes, n)


@lru_cache(maxsize=2)  # a process that opens the same store again has its key in memory anyway
def _scrypt(secret: bytes, salt: bytes, n: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=n, r=SCRYPT_R, p=SCRYPT_P).derive(secret)


def _seal(wrapping: AESGCM, secret: bytes, *, name: str) -> JsonObject:
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = wrapping.encrypt(nonce, secret, name.encode())
    return {"cipher": CIPHER, "nonce": base64url.encode(nonce), "sealed": base64url.encode(sealed)}


def _open(wrapping: AESGCM, document: JsonValue, *, name: str, where: Path) -> bytes:
    damaged = CustodyError(f"{where} is damaged: no encrypted secret in it.")
    if not isinstance(document, dict) or document.get("cipher") != CIPHER:
        raise damaged
    nonce_text, sealed_text = document.get("nonce"), document.get("sealed")
    if not isinstance(nonce_text, str) or not isinstance(sealed_text, str):
        raise damaged
    try:
        nonce, sealed = base64url.decode(nonce_text), base64url.decode(sealed_text)
    except base64url.Base64UrlError as error:
        raise damaged from error
    if len(nonce) != NONCE_BYTES or len(sealed) < TAG_BYTES:
        raise damaged
    try:
        return wrapping.decrypt(nonce, sealed, name.encode())
    except InvalidTag:  # the cause holds nothing more
        raise CustodyError(f"The passphrase does not open {where}, or the file was changed.") from None


def _read(file: Path) -> JsonObject:
    try:
        return strict_json.loads_object(file.read_bytes())
    except FileNotFoundError as error:
        raise CustodyError(f"There is no key file {file}.") from error
    except (OSError, strict_json.StrictJsonError) as error:
        raise CustodyError(f"{file} cannot be read: {error}") from error


def _write(file: Path, document: JsonObject, *, exclusive: bool = False) -> bool:
    """Whole or not at all: a crash leaves the old file, or the new one, never half of one.

    `exclusive` never replaces a file; False comes out where there is one already.
    """
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
                return False  # another process made it first; its file is the one that counts
        else:
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return True
