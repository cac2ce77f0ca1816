"""The one face behind which every private key stays: something that signs bytes under a `kid`.

A key opened from disk signs here; one in a PKCS#11 token (`keys.token`) signs there, and a key service would, too.
Nothing here prints, serialises or returns a private key.
"""

from typing import NoReturn, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from keys.jwk import PublicKey, from_cryptography

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey | rsa.RSAPrivateKey


class HeldElsewhere(Protocol):
    """A private key that somebody else holds: it signs, and its public half is known."""

    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        """The raw signature over `message`, as `Signer.sign` gives it."""


class Signer:
    """Signs with one private key. `kid`: the DID URL under which verifiers find the public key."""

    __slots__ = ("__private", "kid", "public")

    def __init__(self, private: PrivateKey | HeldElsewhere, *, kid: str) -> None:
        self.__private = private
        self.kid = kid
        if isinstance(private, PrivateKey):
            self.public: PublicKey = from_cryptography(private.public_key())
        else:
            self.public = private.public

    def named(self, kid: str) -> "Signer":
        """The same key under another name, for readers who know it by that."""
        return Signer(self.__private, kid=kid)

    def sign(self, message: bytes) -> bytes:
        """The raw signature over `message`: r‖s of 64 bytes (P-384: 96; ECDSA, deterministic by RFC 6979 where
        the key is here), 64 bytes of Ed25519, or RSA PKCS #1 v1.5 with SHA-256.

        Raises:
            CustodyError: whoever holds the key elsewhere does not sign.
        """
        if isinstance(self.__private, Ed25519PrivateKey):
            return self.__private.sign(message)
        if isinstance(self.__private, rsa.RSAPrivateKey):
            return self.__private.sign(message, padding.PKCS1v15(), hashes.SHA256())
        if not isinstance(self.__private, ec.EllipticCurvePrivateKey):
            return self.__private.sign(message)
        hashed = hashes.SHA384() if self.public.kind == "P-384" else hashes.SHA256()
        r, s = decode_dss_signature(self.__private.sign(message, ec.ECDSA(hashed, deterministic_signing=True)))
        half = self.public.signature_bytes // 2
        return r.to_bytes(half) + s.to_bytes(half)

    def __repr__(self) -> str:
        return f"Signer(kid={self.kid!r})"  # never the key

    def __reduce__(self) -> NoReturn:
        raise TypeError("A signer is neither copied nor pickled: a private key stays where it was opened.")
