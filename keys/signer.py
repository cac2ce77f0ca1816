"""The one face behind which every private key stays: something that signs bytes under a `kid`.

A key opened from disk is the first implementation; a token or a key service fits the same three members.
Nothing here prints, serialises or returns a private key.
"""

from typing import NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from keys.jwk import PublicKey, from_cryptography

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey | rsa.RSAPrivateKey


class Signer:
    """Signs with one private key. `kid`: the DID URL under which verifiers find the public key."""

    __slots__ = ("__private", "kid", "public")

    def __init__(self, private: PrivateKey, *, kid: str) -> None:
        self.__private = private
        self.kid = kid
        self.public: PublicKey = from_cryptography(private.public_key())

    def named(self, kid: str) -> "Signer":
        """The same key under another name, for readers who know it by that."""
        return Signer(self.__private, kid=kid)

    def sign(self, message: bytes) -> bytes:
        """The raw signature over `message`: r‖s of 64 bytes (P-384: 96; ECDSA, deterministic by RFC 6979), 64
        bytes of Ed25519, or RSA PKCS #1 v1.5 with SHA-256.
        """
        if isinstance(self.__private, Ed25519PrivateKey):
            return self.__private.sign(message)
        if isinstance(self.__private, rsa.RSAPrivateKey):
            return self.__private.sign(message, padding.PKCS1v15(), hashes.SHA256())
        hashed = hashes.SHA384() if self.public.kind == "P-384" else hashes.SHA256()
        r, s = decode_dss_signature(self.__private.sign(message, ec.ECDSA(hashed, deterministic_signing=True)))
        half = self.public.signature_bytes // 2
        return r.to_bytes(half) + s.to_bytes(half)

    def __repr__(self) -> str:
        return f"Signer(kid={self.kid!r})"  # never the key

    def __reduce__(self) -> NoReturn:
        raise TypeError("A signer is neither copied nor pickled: a private key stays where it was opened.")
