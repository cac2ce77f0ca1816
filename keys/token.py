"""Private keys that never leave a PKCS#11 token (a smart card, an HSM, SoftHSM2): made there, and used there.

Behind the same `Signer` as a key from disk. The token is named by its module and its label; a PIN from a file
opens it. What is on disk names a key in the token and is no secret. Needs the package python-pkcs11 (`pip
install badgewright[pkcs11]`). Which key signs, and its state, is `custody` and `keyset`.
"""

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from keys.errors import CustodyError
from keys.jwk import PublicKey

TokenKind = Literal["P-256", "Ed25519"]
# The curves by their object identifiers, in DER: 1.2.840.10045.3.1.7 and 1.3.101.112.
_CURVES: Final[dict[TokenKind, bytes]] = {
    "P-256": bytes.fromhex("06082a8648ce3d030107"),
    "Ed25519": bytes.fromhex("06032b6570"),
}
_POINT_BYTES: Final[dict[TokenKind, int]] = {"P-256": 65, "Ed25519": 32}
ID_BYTES = 16


@dataclass(frozen=True)
class TokenAccess:
    """Where a token is: the module that speaks to it, its label, and the file with its PIN and nothing else."""

    module: Path
    label: str
    pin_file: Path


class KeyInToken:
    """One private key in a token: signs there. `public` is its other half."""

    __slots__ = ("__private", "__session", "public")

    def __init__(self, private: Any, session: "_Session", public: PublicKey) -> None:
        self.__private, self.__session, self.public = private, session, public

    def sign(self, message: bytes) -> bytes:
        """The raw signature: r‖s of ECDSA with SHA-256 (the token chooses the nonce, so no two are alike), or 64
        bytes of Ed25519.

        Raises:
            CustodyError: the token is gone, or refuses.
        """
        import pkcs11

        with self.__session.used("it does not sign"):
            if self.public.kind == "Ed25519":
                return bytes(self.__private.sign(message, mechanism=pkcs11.Mechanism.EDDSA))
            digest = hashlib.sha256(message).digest()
            return bytes(self.__private.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))


class Token:
    """A token, opened.

    Raises (all methods):
        CustodyError: the package or the module is missing, there is no such token, or the PIN is wrong.
    """

    def __init__(self, access: TokenAccess) -> None:
        self._access = access
        self._session = _opened(access)

    def make(self, kind: TokenKind, *, name: str) -> tuple[str, PublicKey]:
        """A new key pair in the token, from which the private half cannot be taken out. Comes out: under which id
        it is found again, and its public half.
        """
        import pkcs11
        from pkcs11 import Attribute

        made = secrets.token_bytes(ID_BYTES)
        never_leaves = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.MODIFIABLE: False}
        key_type = pkcs11.KeyType.EC_EDWARDS if kind == "Ed25519" else pkcs11.KeyType.EC
        with self._session.used(f"it makes no {kind} key") as session:
            domain = session.create_domain_parameters(key_type, {Attribute.EC_PARAMS: _CURVES[kind]}, local=True)
            public, private = domain.generate_keypair(
                store=True, id=made, label=name, private_template=never_leaves
            )
            if private[Attribute.EXTRACTABLE] or not private[Attribute.SENSITIVE]:
                raise CustodyError(f"The token {self._access.label!r} makes keys that can be taken out of it.")
            return made.hex(), _public(bytes(public[Attribute.EC_POINT]), kind)

    def key(self, key_id: str, public: PublicKey) -> KeyInToken:
        """The private key with this id, whose public half is known."""
        import pkcs11

        with self._session.used(f"there is no key {key_id} in it") as session:
            private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, id=bytes.fromhex(key_id))
            return KeyInToken(private, self._session, public)


class _Session:
    """One login at a token, used by one thread at a time. A fault of the token becomes one sentence."""

    def __init__(self, session: Any, label: str) -> None:
        self._session, self._label = session, label
        self._lock = threading.Lock()

    @contextmanager
    def used(self, otherwise: str) -> Iterator[Any]:
        from pkcs11.exceptions import PKCS11Error

        with self._lock:
            try:
                yield self._session
            except PKCS11Error as error:
                raise CustodyError(f"The token {self._label!r}: {otherwise} ({type(error).__name__}).") from error


@lru_cache(maxsize=4)  # a process logs in at a token once
def _opened(access: TokenAccess) -> _Session:
    try:
        import pkcs11
        from pkcs11 import exceptions
    except ModuleNotFoundError as error:
        raise CustodyError(
            "Keys in a token need the package python-pkcs11: 'pip install badgewright[pkcs11]'."
        ) from error
    try:
        pin = access.pin_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CustodyError(f"The token's PIN cannot be read from {access.pin_file}.") from error
    try:
        token = pkcs11.lib(str(access.module)).get_token(token_label=access.label)
        return _Session(token.open(rw=True, user_pin=pin), access.label)
    except (exceptions.NoSuchToken, exceptions.MultipleTokensReturned) as error:
        raise CustodyError(f"{access.module} knows no single token with the label {access.label!r}.") from error
    except (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange) as error:
        raise CustodyError(
            f"The PIN in {access.pin_file} does not open the token {access.label!r}; a token locks"
            " itself after a few"
            " wrong ones."
        ) from error
    except (exceptions.PKCS11Error, RuntimeError) as error:
        said = str(error) or type(error).__name__
        raise CustodyError(f"The token {access.label!r} of {access.module} cannot be used: {said}.") from error


def _public(point: bytes, kind: TokenKind) -> PublicKey:
    """A public key out of CKA_EC_POINT: an octet string in DER, as the standard has it, or bare, as some have
    it.
    """
    size = _POINT_BYTES[kind]
    bare = point[2:] if len(point) == size + 2 and point[:2] == bytes([4, size]) else point
    if len(bare) != size:
        raise CustodyError("The token gives a public key in a form that is not known.")
    public = PublicKey(kind, bare)
    try:
        public.to_cryptography()
    except ValueError as error:
        raise CustodyError("The token gives a public key that is none.") from error
    return public
