"""The codec of the Bitstring Status List 1.0: which badges of a list have been withdrawn, one bit for each.

Index 0 is the most significant bit of the first byte; the bits travel as GZIP, in base64url without padding,
behind the multibase letter `u` (STANDARDS e1). Lists of bits are plain immutable bytes here.

It does not build, sign or fetch the list credential: the issuer does that in `issuer.badges`, the verifier in
`verifier.verification`. The IETF's Token Status List counts bits from the other end and uses ZLIB; it shall
have a module of its own and share no code with this one (STANDARDS k3).
"""

import re
import struct
import zlib
from collections.abc import Iterable
from typing import Final, Literal

from schemas import base64url

Problem = Literal["MALFORMED_VALUE_ERROR", "STATUS_LIST_LENGTH_ERROR", "RANGE_ERROR"]

MINIMUM_ENTRIES: Final = 131_072  # the standard's floor, also for ten badges: a small list would tell who is meant
MAX_EXPANDED_BYTES: Final = 1 << 20  # 8 M entries; ours hold 131,072 (STANDARDS j1)

_GZIP_HEADER: Final = bytes.fromhex("1f8b 08 00 00000000 00 ff")  # no name, no time, "unknown" system
# A list is almost all zeros: to look for runs alone takes a hundredth of the time of a search for the best match,
# and with 1 % of the entries set the text is 7 % longer (131,072 entries: 2,700 characters).
_LEVEL: Final = 9
_GZIP_OVERHEAD_BYTES: Final = 4096  # header, optional names and trailer of a foreign list
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,17}")


class StatusListError(ValueError):
    """A status list or an index that cannot be used; the message is one sentence.

    `problem` is the standard's error type without its prefix (Bitstring Status List 1.0, Processing Errors).
    """

    def __init__(self, message: str, *, problem: Problem) -> None:
        super().__init__(message)
        self.problem: Problem = problem


def from_indexes(indexes: Iterable[int], *, entries: int = MINIMUM_ENTRIES) -> bytes:
    """A list of `entries` bits in which exactly `indexes` are set.

    `entries` is a multiple of 8, at least MINIMUM_ENTRIES (STATUS_LIST_LENGTH_ERROR); an index outside the
    list is a RANGE_ERROR.
    """
    if entries < MINIMUM_ENTRIES or entries % 8:
        raise StatusListError(
            f"A status list has a multiple of 8 and at least {MINIMUM_ENTRIES} entries, not {entries}.",
            problem="STATUS_LIST_LENGTH_ERROR",
        )
    bits = bytearray(entries // 8)
    for index in indexes:
        byte, mask = _place(bits, index)
        bits[byte] |= mask
    return bytes(bits)


def with_bit(bits: bytes, index: int, *, value: bool = True) -> bytes:
    """A copy of `bits` in which the entry `index` is `value`; RANGE_ERROR outside the list."""
    byte, mask = _place(bits, index)
    changed = bytearray(bits)
    changed[byte] = changed[byte] | mask if value else changed[byte] & ~mask
    return bytes(changed)


def is_set(bits: bytes | bytearray, index: int) -> bool:
    """Whether the entry `index` is set; RANGE_ERROR outside the list (Bitstring Status List 1.0 §3.2)."""
    byte, mask = _place(bits, index)
    return bool(bits[byte] & mask)


def parse_index(text: str) -> int:
    """The number in `statusListIndex`, a base-10 string; MALFORMED_VALUE_ERROR for anything else.

    Signs, spaces, leading zeros and the digits of other scripts, all of which `int()` takes, are refused.
    """
    if not _INDEX.fullmatch(text):
        raise _malformed("The index in a status list is a whole number in decimal digits, and this is not one.")
    return int(text)


def encode(bits: bytes | bytearray) -> str:
    """`bits` as an `encodedList`; the same bits always give the same text (no time, no file name inside).

    Raises StatusListError (STATUS_LIST_LENGTH_ERROR) for less than MINIMUM_ENTRIES.
    """
    _check_length(bits)
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    body = deflate.compress(bits) + deflate.flush()
    trailer = struct.pack("<II", zlib.crc32(bits), len(bits) & 0xFFFFFFFF)
    return "u" + base64url.encode(_GZIP_HEADER + body + trailer)


def decode(encoded: str, *, max_bytes: int = MAX_EXPANDED_BYTES) -> bytes:
    """The bits of an `encodedList`, of which at most `max_bytes` bytes are ever expanded.

    Raises StatusListError: MALFORMED_VALUE_ERROR for what is not `u`, canonical base64url without padding and
    exactly one whole GZIP member; STATUS_LIST_LENGTH_ERROR for a list that is too short or too long.
    """
    if len(encoded) > _max_characters(max_bytes):  # before a byte of it is copied
        raise _too_long(max_bytes)
    inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        bits = inflate.decompress(_compressed(encoded), max_bytes + 1)  # one byte more shows that there is more
    except zlib.error as error:
        raise _malformed("The status list is not sound GZIP data.") from error
    if len(bits) > max_bytes:
        raise _too_long(max_bytes)
    if not inflate.eof:
        raise _malformed("The status list breaks off before its end.")
    if inflate.unused_data:
        raise _malformed("The status list goes on after the end of its GZIP data.")
    _check_length(bits)
    return bits


def _compressed(encoded: str) -> bytes:
    if not encoded.startswith("u"):
        raise _malformed("The status list does not begin with 'u', the multibase letter of base64url.")
    try:
        return base64url.decode(encoded[1:], what="status list")
    except base64url.Base64UrlError as error:
        raise _malformed(str(error)) from error


def _place(bits: bytes | bytearray, index: int) -> tuple[int, int]:
    """The byte of an entry and the mask of its bit, counted from the most significant one."""
    if not 0 <= index < len(bits) * 8:
        raise StatusListError(
            f"The index {index} is outside the status list of {len(bits) * 8} entries.", problem="RANGE_ERROR"
        )
    return index // 8, 0x80 >> index % 8


def _check_length(bits: bytes | bytearray) -> None:
    if len(bits) * 8 < MINIMUM_ENTRIES:
        raise StatusListError(
            f"The status list has {len(bits) * 8} entries, and at least {MINIMUM_ENTRIES} were expected.",
            problem="STATUS_LIST_LENGTH_ERROR",
        )


def _max_characters(max_bytes: int) -> int:
    """The longest text that can hold `max_bytes`: DEFLATE adds at most about 0.1 %, base64 a third."""
    return 1 + (max_bytes + max_bytes // 1000 + _GZIP_OVERHEAD_BYTES) * 4 // 3


def _too_long(max_bytes: int) -> StatusListError:
    return StatusListError(
        f"The status list is longer than the {max_bytes} bytes that are read.",
        problem="STATUS_LIST_LENGTH_ERROR",
    )


def _malformed(message: str) -> StatusListError:
    return StatusListError(message, problem="MALFORMED_VALUE_ERROR")
