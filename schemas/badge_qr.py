"""A whole signed badge in a QR code: VC-JWT <-> packed bytes <-> the text in the code (DESK sections 1 to 4).

The packed badge is the compact JWT itself, signature included, compressed against a dictionary that issuer
and desk both have; unpacking gives it back byte for byte. Nothing is trusted here: a dictionary is a
decompression aid and not an authority, and the JWT that comes out goes to the ordinary verifier. Packed bytes
are no identity either: bytes after the compressed stream are ignored, and an ES256 signature has a twin.

Which dictionary an issuer makes is decided in `issuer.badges`; the picture of the code is drawn in
`issuer.delivery`, from the segments that `qr_segments` gives; a photograph of one is read in
`verifier.verification`.

    BadgeQrError
    ├── UnknownDictionaryError    not invalid: fetch the dictionary, or a newer trust bundle
    └── UnknownLayoutError        not invalid: this program is older than the badge
"""

import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from schemas import base64url

Form = Literal["desk", "url"]
SegmentMode = Literal["byte", "alphanumeric", "numeric"]

MAX_DICTIONARY_BYTES: Final = 8_192  # a good one has 2 kB; every desk holds all of them
MAX_HEADER_BYTES: Final = 512  # a JOSE header with a long did:web; ours have about 80
MAX_PAYLOAD_BYTES: Final = 16_384  # the cap on inflating; a badge that fits a code has 2 to 4 kB of claims
MIN_PACKED_BYTES: Final = 71  # layout, dictionary id, signature, and the shortest DEFLATE stream
MAX_PACKED_BYTES: Final = 1_024  # no readable code holds more; the hard limit below is far under it
MAX_TEXT_CHARACTERS: Final = 3_000  # 1,024 bytes are 2,487 digits; the rest is the address

TARGET_URL_BYTES: Final = 327  # V14-M in the URL form: prints on 50 mm
SOFT_LIMIT_URL_BYTES: Final = 376  # V15-M: above it the issuer logs it, and print needs 60 mm
HARD_LIMIT_URL_BYTES: Final = 467  # V17-M: above it phones at a dim desk fail; lean profile, then lookup code
SOFT_LIMIT_VERSION: Final = 15
HARD_LIMIT_VERSION: Final = 17
LARGEST_VERSION: Final = 20  # where our tables end: nothing above the hard limit is ever drawn

URL_PREFIX_CHARACTERS: Final = 29  # of "https://badges.example.org/v#", with which DESK's budgets are computed
QUIET_ZONE_MODULES: Final = 4  # white margin that ISO 18004 asks for
MODULE_MM: Final = 0.6  # the smallest module that phones read from paper in desk light

_LAYOUT: Final = 0x01
_ID_BYTES: Final = 4
_SIGNATURE_BYTES: Final = 64  # ES256 as R||S, Ed25519 as R||S: both 64, so one layout serves both
_BODY_AT: Final = 1 + _ID_BYTES + _SIGNATURE_BYTES
_RAW_DEFLATE: Final = -15  # window 15, no zlib or gzip header
# Any valid stream will do. Most of what is left beside a good dictionary are hex digits, which are shorter as
# single letters than as chance repeats of three: the second way then saves some seven bytes.
_STRATEGIES: Final = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED)

_GROUP_BYTES: Final = 7  # the most bytes whose largest number still fills its digits well: 2^56 < 10^17
_DIGITS_OF: Final = (0, 3, 5, 8, 10, 13, 15, 17)  # bytes in a group -> digits
_BYTES_OF: Final = {digits: size for size, digits in enumerate(_DIGITS_OF)}
_BASE45_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"  # RFC 9285, table 1
_BASE45_VALUE: Final = {character: value for value, character in enumerate(_BASE45_ALPHABET)}

_DESK_PREFIX: Final = "OB1:"
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
_ADDRESS: Final = re.compile(r"(?i:https)://[^/?#\s]+(?:/[^?#\s]*)?/v(?:\?[^#\s]*)?")
_ONLY_DIGITS: Final = re.compile(r"[0-9]*")

# Data codewords of QR versions 1 to 20 at error correction M (ISO/IEC 18004, table 7). M reads best: at
# the same print size L fails under a blob, and Q has modules too small for phones at a desk (DESK section 4).
_CODEWORDS_AT_M: Final = (
    *(16, 28, 44, 64, 86, 108, 124, 154, 182, 216),
    *(254, 290, 334, 365, 415, 453, 507, 563, 627, 669),
)


class BadgeQrError(ValueError):
    """A packed badge, its text or its dictionary that cannot be used; the message is one sentence."""


class UnknownDictionaryError(BadgeQrError):
    """The badge was packed with a dictionary that is not at hand, so nothing is known of it: update."""

    def __init__(self, dictionary_id: str) -> None:
        super().__init__(
            f"The badge was packed with dictionary {dictionary_id}, which is not here: update the bundle."
        )
        self.dictionary_id = dictionary_id


class UnknownLayoutError(BadgeQrError):
    """The packed badge has a layout that this program does not know: the program is too old for it."""

    def __init__(self, layout: int) -> None:
        super().__init__(
            f"The badge has the packed layout {layout}, and this program reads only {_LAYOUT}: update it."
        )
        self.layout = layout


@dataclass(frozen=True, slots=True)
class Dictionary:
    """One published dictionary file: the JOSE header's bytes, a line feed, and the template (DESK section 2).

    Making one checks it: BadgeQrError if it is too large, has no line feed, or has no or too long a header.
    """

    file: bytes

    def __post_init__(self) -> None:
        if len(self.file) > MAX_DICTIONARY_BYTES:
            raise BadgeQrError(f"A dictionary has at most {MAX_DICTIONARY_BYTES} bytes, not {len(self.file)}.")
        if b"\n" not in self.file:
            raise BadgeQrError("A dictionary is a header line, a line feed and a template: there is no line feed.")
        if not 0 < len(self.header) <= MAX_HEADER_BYTES:
            raise BadgeQrError(
                f"A dictionary's header line has 1 to {MAX_HEADER_BYTES} bytes, not {len(self.header)}."
            )

    @classmethod
    def parse(cls, data: bytes) -> "Dictionary":
        """The dictionary in the bytes of its published file; BadgeQrError if they are none."""
        return cls(bytes(data))

    @property
    def header(self) -> bytes:
        """The exact bytes of the JOSE header of every JWT packed with this dictionary."""
        return self.file.partition(b"\n")[0]

    @property
    def template(self) -> bytes:
        """The preset dictionary for DEFLATE: all after the first line feed."""
        return self.file.partition(b"\n")[2]

    @property
    def sha256(self) -> str:
        """SHA-256 of the file in 64 lower-case hex digits, as the published index lists it."""
        return hashlib.sha256(self.file).hexdigest()

    @property
    def id(self) -> str:
        """The first 4 bytes of the SHA-256 of the file, in 8 lower-case hex digits."""
        return self.sha256[: 2 * _ID_BYTES]


def pack(jwt: str, *, dictionary: Dictionary) -> bytes:
    """The packed form of a compact JWT whose header is the dictionary's (DESK section 1, "Pack").

    Raises BadgeQrError if the JWT is not three canonical base64url parts, has another header than the
    dictionary, a signature that is not 64 bytes or a payload over 16,384 bytes, or packs to over 1,024 bytes.
    """
    parts = jwt.split(".")
    if len(parts) != 3:
        raise BadgeQrError(f"A compact JWT has three parts divided by dots, and this text has {len(parts)}.")
    header, payload, signature = (
        _from_base64url(part, name=name)
        for part, name in zip(parts, ("header", "payload", "signature"), strict=True)
    )
    if header != dictionary.header:
        raise BadgeQrError(f"The JWT's header is not the header of dictionary {dictionary.id}, byte for byte.")
    if len(signature) != _SIGNATURE_BYTES:
        raise BadgeQrError(
            f"Only a signature of {_SIGNATURE_BYTES} bytes can be packed, and this has {len(signature)}."
        )
    packed = bytes([_LAYOUT]) + bytes.fromhex(dictionary.id) + signature + _deflate(payload, dictionary=dictionary)
    # A packer that skips the comparison is not a packer: what a desk will read is what was signed.
    if unpack(packed, dictionaries={dictionary.id: dictionary}) != jwt:
        raise BadgeQrError("The packed badge does not unpack to the JWT that went in.")
    return packed


def packed_size(claims: bytes, *, dictionary: Dictionary) -> int:
    """How many bytes the badge with these claims (the JWT payload) will pack to, known before it is signed.

    Raises BadgeQrError for claims of over 16,384 bytes. Compare the result with the limits above.
    """
    return _BODY_AT + len(_deflate(claims, dictionary=dictionary))


def unpack(packed: bytes, *, dictionaries: Mapping[str, Dictionary]) -> str:
    """The compact JWT inside a packed badge (DESK section 1, "Unpack"); `dictionaries` by id.

    Nothing in the result is verified yet. Raises UnknownLayoutError or UnknownDictionaryError where the
    answer is "unknown, update" and not "invalid", and BadgeQrError for a wrong size or a broken stream.
    """
    if not MIN_PACKED_BYTES <= len(packed) <= MAX_PACKED_BYTES:
        raise BadgeQrError(
            f"A packed badge has {MIN_PACKED_BYTES} to {MAX_PACKED_BYTES} bytes, and this has {len(packed)}."
        )
    if packed[0] != _LAYOUT:
        raise UnknownLayoutError(packed[0])
    dictionary_id = packed[1 : 1 + _ID_BYTES].hex()
    dictionary = dictionaries.get(dictionary_id)
    if dictionary is None or dictionary.id != dictionary_id:  # filed under a wrong id: as good as absent
        raise UnknownDictionaryError(dictionary_id)
    payload = _inflate(packed[_BODY_AT:], dictionary=dictionary)
    signature = packed[1 + _ID_BYTES : _BODY_AT]
    return ".".join(base64url.encode(part) for part in (dictionary.header, payload, signature))


def to_digits(data: bytes) -> str:
    """Bytes as decimal digits, groups of 7 bytes as 17 digits, so that a numeric QR segment holds them."""
    groups = (data[at : at + _GROUP_BYTES] for at in range(0, len(data), _GROUP_BYTES))
    return "".join(str(int.from_bytes(group, "big")).zfill(_DIGITS_OF[len(group)]) for group in groups)


def from_digits(digits: str) -> bytes:
    """The bytes behind `to_digits`; BadgeQrError for another character, a wrong length or a large group."""
    if not _ONLY_DIGITS.fullmatch(digits):
        raise BadgeQrError("The digits of a packed badge hold a character that is not 0 to 9.")
    data = bytearray()
    for at in range(0, len(digits), _DIGITS_OF[_GROUP_BYTES]):
        group = digits[at : at + _DIGITS_OF[_GROUP_BYTES]]
        size = _BYTES_OF.get(len(group))
        if size is None:
            raise BadgeQrError(
                f"The digits of a packed badge end in a group of {len(group)}, which no bytes give."
            )
        try:
            data += int(group).to_bytes(size, "big")
        except OverflowError as error:
            raise BadgeQrError(f"The digits from {at + 1} on stand for a number beyond {size} bytes.") from error
    return bytes(data)


def to_base45(data: bytes) -> str:
    """Bytes in Base45 (RFC 9285), the alphabet of an alphanumeric QR segment."""
    text = []
    for at in range(0, len(data), 2):
        pair = data[at : at + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, rest = divmod(value, 45)
            text.append(_BASE45_ALPHABET[rest])
    return "".join(text)


def from_base45(text: str) -> bytes:
    """The bytes behind Base45; BadgeQrError for a foreign character, a wrong length or a large value."""
    if len(text) % 3 == 1:
        raise BadgeQrError("A Base45 text never ends in a single character: part of the code is missing.")
    data = bytearray()
    for at in range(0, len(text), 3):
        group = text[at : at + 3]
        try:
            value = sum(_BASE45_VALUE[character] * 45**power for power, character in enumerate(group))
        except KeyError as error:
            raise BadgeQrError(f"The character {error.args[0]!a} is not in the Base45 alphabet.") from error
        size = len(group) - 1
        if value >= 256**size:
            raise BadgeQrError(f"The Base45 characters from {at + 1} on stand for a number beyond {size} bytes.")
        data += value.to_bytes(size, "big")
    return bytes(data)


def to_desk_text(packed: bytes) -> str:
    """The desk form, `OB1:` and Base45; it may hold spaces, so it must never be trimmed or put into a URL."""
    return _DESK_PREFIX + to_base45(packed)


def to_url_text(packed: bytes, *, host: str) -> str:
    """The URL form, `https://<host>/v#<digits>`; `host` in lower case, with `:port` if it has one.

    Any camera opens the verify page at that address, and the fragment never reaches its server.
    """
    if not _HOST.fullmatch(host):
        raise BadgeQrError(f"A host such as badges.example.org was expected, and this is {host[:60]!a}.")
    return f"https://{host}/v#{to_digits(packed)}"


def read_text(text: str) -> bytes:
    """The packed bytes in the text of a QR code, desk or URL form (DESK section 3).

    The host of the URL form is ignored and never opened: the signature decides, not the address. Raises
    BadgeQrError for any other text, and for one of more than 3,000 characters.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise BadgeQrError(f"The text of a code has at most {MAX_TEXT_CHARACTERS} characters, not {len(text)}.")
    if text.startswith(_DESK_PREFIX):
        return from_base45(text.removeprefix(_DESK_PREFIX))
    address, _, digits = text.partition("#")
    if _ADDRESS.fullmatch(address) and digits:
        return from_digits(digits)
    raise BadgeQrError("This is not the text of a badge: it begins neither with OB1: nor with https://…/v#.")


def qr_segments(text: str) -> list[tuple[str, SegmentMode]]:
    """The segments in which a QR encoder shall write a badge's text; their texts joined are `text`.

    The desk form is one alphanumeric segment; the URL form is a byte segment up to and including `#` and a
    numeric one. An encoder left to itself may write all in bytes: V22 instead of V14.
    """
    read_text(text)  # only what a desk can read is worth drawing
    if text.startswith(_DESK_PREFIX):
        return [(text, "alphanumeric")]
    address, mark, digits = text.partition("#")
    return [(address + mark, "byte"), (digits, "numeric")]


def smallest_version(
    packed_bytes: int, *, form: Form, prefix_characters: int = URL_PREFIX_CHARACTERS
) -> int | None:
    """The smallest QR version at M that holds a packed badge of this size, or None above version 20.

    `prefix_characters` counts the URL form up to and including `#`; each one more costs about a byte.
    """
    for version, codewords in enumerate(_CODEWORDS_AT_M, start=1):
        if _bits(packed_bytes, form=form, prefix_characters=prefix_characters, version=version) <= codewords * 8:
            return version
    return None


def print_size_mm(version: int) -> int:
    """The side of the printed code with its quiet zone: 50 mm up to V14, 60 mm up to the hard limit V17."""
    if not 1 <= version <= HARD_LIMIT_VERSION:
        raise BadgeQrError(f"Codes are printed from version 1 to {HARD_LIMIT_VERSION}, not in version {version}.")
    return 50 if version <= 14 else 60  # V14 is the last whose modules keep 0.6 mm on 50 mm


def _bits(packed_bytes: int, *, form: Form, prefix_characters: int, version: int) -> int:
    """The length of the encoded segments: 4 bits of mode, the count, the data (ISO/IEC 18004, 7.4)."""
    wide = version > 9  # the counts have more bits from version 10 on
    if form == "desk":
        characters = len(_DESK_PREFIX) + packed_bytes // 2 * 3 + packed_bytes % 2 * 2
        return 4 + (11 if wide else 9) + characters // 2 * 11 + characters % 2 * 6
    groups, rest = divmod(packed_bytes, _GROUP_BYTES)
    digits = groups * _DIGITS_OF[_GROUP_BYTES] + _DIGITS_OF[rest]
    address = 4 + (16 if wide else 8) + prefix_characters * 8
    return address + 4 + (12 if wide else 10) + digits // 3 * 10 + (0, 4, 7)[digits % 3]


def _deflate(payload: bytes, *, dictionary: Dictionary) -> bytes:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise BadgeQrError(f"The claims have {len(payload)} bytes, and at most {MAX_PAYLOAD_BYTES} can be packed.")
    return min((_deflated(payload, dictionary, strategy) for strategy in _STRATEGIES), key=len)


def _deflated(payload: bytes, dictionary: Dictionary, strategy: int) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, _RAW_DEFLATE, 9, strategy, zdict=dictionary.template)
    return deflate.compress(payload) + deflate.flush()


def _inflate(body: bytes, *, dictionary: Dictionary) -> bytes:
    inflate = zlib.decompressobj(_RAW_DEFLATE, zdict=dictionary.template)
    try:
        payload = inflate.decompress(body, MAX_PAYLOAD_BYTES + 1)  # one byte more shows that there is more
    except zlib.error as error:
        raise BadgeQrError("The compressed part of the badge is damaged.") from error
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise BadgeQrError(f"The badge expands to more than {MAX_PAYLOAD_BYTES} bytes.")
    if not inflate.eof:
        raise BadgeQrError("The compressed part of the badge breaks off before its end.")
    return payload


def _from_base64url(text: str, *, name: str) -> bytes:
    """The bytes of a part of a JWT; refused if it would not come back as the same text (a stray bit)."""
    try:
        return base64url.decode(text)
    except base64url.Base64UrlError as error:
        raise BadgeQrError(f"The JWT's {name} is not canonical base64url without padding.") from error
