"""Base64url without padding, in its one canonical spelling (RFC 4648 §5, RFC 7515 §2).

Popular libraries accept padding, foreign characters and non-zero trailing bits; each lets one signed text
have many spellings. Decoding here accepts exactly what encoding produces. What the bytes mean is the affair of
whoever asked: a JWS, a JWK, a status list, a packed badge.
"""

import base64
import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


class Base64UrlError(ValueError):
    """A text that is not canonical base64url; one sentence that names what it was to be."""


def encode(data: bytes) -> str:
    """`data` as base64url text without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str, *, what: str = "value") -> bytes:
    """The bytes behind `text`; `what` names it in the error.

    Raises:
        Base64UrlError: a character outside the alphabet, padding, an impossible length, or spare bits set.
    """
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise Base64UrlError(f"The {what} is not base64url without padding.")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Base64UrlError(f"The {what} is not base64url without padding.") from error
    if encode(data) != text:
        raise Base64UrlError(f"The {what} is not in the canonical form of base64url: it has spare bits set.")
    return data
