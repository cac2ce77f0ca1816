"""The little of CBOR (RFC 8949) that proof values are made of, read strictly.

Unsigned integers, byte strings, arrays and maps of definite length, each number in its shortest form: whatever was
not asked for is refused. This is no general decoder, and nothing is written here; what the items mean is for
`selective_disclosure`.
"""

from enum import IntEnum


class CborError(ValueError):
    """Bytes that are not the CBOR that was asked for; the message is one sentence."""


class _Kind(IntEnum):
    """Major types (RFC 8949 §3.1)."""

    INTEGER = 0
    BYTES = 2
    ARRAY = 4
    MAP = 5


_NAMES = {_Kind.INTEGER: "unsigned integer", _Kind.BYTES: "byte string", _Kind.ARRAY: "array", _Kind.MAP: "map"}
_LARGEST_DIRECT = 23  # a number up to here stands in the first byte itself; 24 to 27 announce 1, 2, 4 or 8 more
_LARGEST_ANNOUNCED = 27


class CborReader:
    """Reads one CBOR text from its beginning to its end, item by item. Every method raises CborError.

    A count is believed for nothing: whoever reads as many items meets the end of the data first.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def integer(self) -> int:
        """The next item, an unsigned integer."""
        return self._number(_Kind.INTEGER)

    def byte_string(self, *, size: int) -> bytes:
        """The next item, a byte string of exactly this many bytes."""
        found = self._number(_Kind.BYTES)
        if found != size:
            raise CborError(f"A byte string has {found} bytes; {size} were expected.")
        return self._take(size)

    def array(self, *, at_most: int) -> int:
        """How many items the array has that begins here; they follow."""
        return self._count(_Kind.ARRAY, at_most=at_most)

    def map(self, *, at_most: int) -> int:
        """How many pairs the map has that begins here; each key and its value follow."""
        return self._count(_Kind.MAP, at_most=at_most)

    def end(self) -> None:
        """Nothing follows."""
        if self._at != len(self._data):
            raise CborError(f"There are {len(self._data) - self._at} bytes behind the end.")

    def _count(self, kind: _Kind, *, at_most: int) -> int:
        found = self._number(kind)
        if found > at_most:
            raise CborError(f"The {_NAMES[kind]} has {found} items; at most {at_most} are read.")
        return found

    def _number(self, kind: _Kind) -> int:
        """The number in an item's head (RFC 8949 §3), in its shortest form (§4.2.1)."""
        first = self._take(1)[0]
        if first >> 5 != kind:
            raise CborError(f"There is another item at byte {self._at - 1} where one {_NAMES[kind]} was expected.")
        announced = first & 0b11111
        if announced <= _LARGEST_DIRECT:
            return announced
        if announced > _LARGEST_ANNOUNCED:
            raise CborError("An item has no definite length.")
        size = 1 << (announced - _LARGEST_DIRECT - 1)
        number = int.from_bytes(self._take(size))
        if number <= (_LARGEST_DIRECT if size == 1 else (1 << 4 * size) - 1):
            raise CborError("A number is not written in its shortest form.")
        return number

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise CborError("The CBOR breaks off.")
        self._at += size
        return taken
