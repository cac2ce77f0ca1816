"""Something kept so that only whoever holds a random secret can have it opened; the keeper cannot.

The key pair is derived from the secret, of which the keeper needs the public half alone. Sealing is HPKE
(RFC 9180, base mode): X25519, HKDF-SHA256, AES-256-GCM.
"""

import base64
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from keys.errors import SealError

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PURPOSE = b"badgewright sealed"


def public_key(secret: str) -> str:
    """The key to which things are sealed for whoever has this secret (128 random bits or more), as base64."""
    return base64.b64encode(_private(secret).public_key().public_bytes_raw()).decode("ascii")


def seal(data: bytes, *, key: str) -> str:
    """`data` for the holder of the secret behind `key`, as base64."""
    public = X25519PublicKey.from_public_bytes(base64.b64decode(key))
    return base64.b64encode(_SUITE.encrypt(data, public, info=_PURPOSE)).decode("ascii")


def unseal(sealed: str, *, secret: str) -> bytes:
    """What was sealed.

    Raises:
        SealError: it was sealed for another secret, or changed.
    """
    try:
        return _SUITE.decrypt(base64.b64decode(sealed), _private(secret), info=_PURPOSE)
    except (InvalidTag, ValueError) as error:
        raise SealError("What was sealed cannot be opened with this secret.") from error


def _private(secret: str) -> X25519PrivateKey:
    seed = hashlib.sha256(b"badgewright sealing key\0" + secret.encode()).digest()
    return X25519PrivateKey.from_private_bytes(seed)
