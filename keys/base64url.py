"""Base64url without padding, in its one canonical spelling (RFC 4648 §5, RFC 7515 §2).

Popular libraries accept padding, foreign characters and non-zero trailing bits; each lets one signed text
have many spellings. Decoding here accepts exactly what encoding produces.
"""

import base64
import binascii
import re

from keys.errors import KeyFormatError

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def encode(data: bytes) -> str:
    """`data` as base64url text without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str, *, what: str = "value") -> bytes:
    """The bytes behind `text`; `what` names it in the error.

    Raises:
        KeyFormatError: a character outside the alphabet, padding, an impossible length, or spare bits set.
    """
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise KeyFormatError(f"The {what} is not base64url without padding.")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise KeyFormatError(f"The {what} is not base64url without padding.") from error
    if encode(data) != text:
        raise KeyFormatError(f"The {what} is base64url with spare bits set: only one spelling is accepted.")
    return data
