"""Base64url without padding, in its one canonical spelling (RFC 4648 §5, RFC 7515 §2).

Popular libraries accept padding, foreign characters and non-zero trailing bits; each lets one signed text
have many spellings. Decoding here accepts exactly what encoding produces. What the bytes mean is the affair of
whoever asked: a JWS, a JWK, a status list, a packed badge.
"""

import binascii
from typing import Final

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# By the bytes in the last group: with which letters it can end. One byte leaves four bits over, two leave two.
_LAST: Final = (_ALPHABET, _ALPHABET[::16], _ALPHABET[::4])


class Base64UrlError(ValueError):
    """A text that is not canonical base64url; one sentence that names what it was to be."""


def encode(data: bytes) -> str:
    """`data` as base64url text without padding."""
    standard = binascii.b2a_base64(data, newline=False).decode("ascii")
    return standard.rstrip("=").replace("+", "-").replace("/", "_")


def decode(text: str, *, what: str = "value") -> bytes:
    """The bytes behind `text`; `what` names it in the error.

    Raises:
        Base64UrlError: a character outside the alphabet, padding, an impossible length, or spare bits set.
    """
    try:
        if "+" in text or "/" in text or "=" in text:
            raise ValueError("another alphabet, or padding")
        standard = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
        data = binascii.a2b_base64(standard, strict_mode=True)  # nothing but the alphabet, no impossible length
    except ValueError as error:
        raise Base64UrlError(f"The {what} is not base64url without padding.") from error
    if text and text[-1] not in _LAST[len(data) % 3]:
        raise Base64UrlError(f"The {what} is not in the canonical form of base64url: it has spare bits set.")
    return data
