"""Identities that a badge carries about its holder (OB 3.0 `IdentityObject`; STANDARDS b3).

Ours: the holder's reference (always), their name and address (only if they want), and the hash of the holder
code (always). A hash here is a pseudonym, not secrecy: an e-mail address can be guessed.
"""

import hashlib
import hmac
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

HOLDER_CODE_TYPE = "ext:holderCode"
EMAIL_TYPE = "emailAddress"
SHA256_PREFIX = "sha256$"
MD5_PREFIX = "md5$"  # read with a warning, never issued


class IdentityObject(BaseModel):
    """A closed object: further members are refused (OB 3.0 §B.1.8)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["IdentityObject"]
    hashed: Annotated[bool, Field(strict=True)]
    identityHash: str  # noqa: N815 - the standard's member name
    identityType: str  # noqa: N815
    salt: str | None = None

    def matches(self, value: str, *, identity_type: str) -> bool:
        """Whether this identity is `value`, of this type; hashes are compared in constant time."""
        if self.identityType != identity_type:
            return False
        if not self.hashed:
            return hmac.compare_digest(self.identityHash.encode(), value.encode())
        salted = (value + (self.salt or "")).encode()
        if self.identityHash.startswith(SHA256_PREFIX):
            computed = SHA256_PREFIX + hashlib.sha256(salted).hexdigest()
        elif self.identityHash.startswith(MD5_PREFIX):
            computed = MD5_PREFIX + hashlib.md5(salted, usedforsecurity=False).hexdigest()
        else:
            return False
        return hmac.compare_digest(computed.encode(), self.identityHash.lower().encode())


def plain(value: str, *, identity_type: str) -> IdentityObject:
    """An identity in clear text."""
    return IdentityObject(type="IdentityObject", hashed=False, identityHash=value, identityType=identity_type)


def hashed(value: str, *, identity_type: str, salt: str) -> IdentityObject:
    """An identity as `sha256$` + hex(SHA-256(UTF-8(value + salt)))."""
    digest = hashlib.sha256((value + salt).encode()).hexdigest()
    return IdentityObject(
        type="IdentityObject",
        hashed=True,
        identityHash=SHA256_PREFIX + digest,
        identityType=identity_type,
        salt=salt,
    )


def normalised_email(address: str) -> str:
    """An address as it is hashed: trimmed and lower-cased (the standard defines no normalisation)."""
    return address.strip().lower()
