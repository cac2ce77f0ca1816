"""The holder code: a 128-bit secret as people type it, by which somebody proves that a badge is theirs.

Crockford's base32 (no I, L, O, U), 26 characters for the secret and 2 that catch a typing mistake, in groups
of four: `7QK4-M2HX-…`. A badge carries only its salted hash (`schemas.identity`).
"""

import hashlib

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BETWEEN = (
    "-\u2010\u2011\u2012\u2013\u2212 \t\r\n\u00a0\u202f"  # as hands, pages and printed sheets divide the groups
)
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", **dict.fromkeys(_BETWEEN)})
SECRET_BYTES = 16
_CHARACTERS = 26
_CHECK_CHARACTERS = 2


class HolderCodeError(ValueError):
    """The text cannot be a holder code: a wrong length, a character that none has, or a typing mistake."""


def write(secret: bytes) -> str:
    """16 secret bytes as seven groups of four characters."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"A holder code has {SECRET_BYTES} bytes, not {len(secret)}.")
    number = int.from_bytes(secret)
    body = "".join(_ALPHABET[number >> (5 * i) & 31] for i in reversed(range(_CHARACTERS)))
    text = body + _check(body)
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def normalise(typed: str) -> str:
    """The one spelling of a code as somebody typed it: any case, spaces and hyphens anywhere, O for 0, I for 1.

    Raises:
        HolderCodeError: it cannot be a code; nothing is said about whose it might be.
    """
    text = typed.strip().upper().translate(_READ_AS)
    if len(text) != _CHARACTERS + _CHECK_CHARACTERS or not set(text) <= set(_ALPHABET):
        raise HolderCodeError("A holder code has 28 letters and digits, as on the holder's private page.")
    if _check(text[:_CHARACTERS]) != text[_CHARACTERS:]:
        raise HolderCodeError("The holder code has a typing mistake: its last two characters do not fit.")
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def _check(body: str) -> str:
    digest = hashlib.sha256(b"badgewright holder code" + body.encode()).digest()
    return _ALPHABET[digest[0] & 31] + _ALPHABET[digest[1] & 31]
