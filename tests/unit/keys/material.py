"""Keys for tests, made from a seed string: the same on every machine, and of no use anywhere else."""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.signer import PrivateKey, Signer

KID = "did:web:badges.example.org#badges-1"


def p256(seed: str) -> ec.EllipticCurvePrivateKey:
    digest = int.from_bytes(hashlib.sha256(f"a test's P-256 key {seed}".encode()).digest())
    return ec.derive_private_key(digest % (1 << 255), ec.SECP256R1())


def ed25519(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"a test's Ed25519 key {seed}".encode()).digest())


def signer(seed: str = "one", *, curve: str = "P-256", kid: str = KID) -> Signer:
    private: PrivateKey = p256(seed) if curve == "P-256" else ed25519(seed)
    return Signer(private, kid=kid)
