"""A bundle or a journal as a series of QR codes, which are scanned in any order (docs/desk-formats.md).

The tokens are taken apart before they are compressed, since base64 compresses badly, and come out byte for byte.
Nothing that comes out is verified here. Drawing a code is `pictures`.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from schemas import badge_qr, base64url
from schemas.badge_qr import BadgeQrError
from verifier.desk.errors import CodesError

Kind = Literal["bundle", "journal"]
PREFIXES: Final[dict[Kind, str]] = {"bundle": "OB1B:", "journal": "OB1J:"}
PIECE_BYTES: Final = 360  # with its beginning 585 characters: V15-M, which phones read from a screen
MAX_PIECES: Final = 999
MAX_CONTENT_BYTES: Final = 16 << 20
_ID_BYTES: Final = 16
_RAW_DEFLATE: Final = -15
_CODE: Final = re.compile(r"(OB1[BJ]:)([0-9A-F]{32})/([1-9][0-9]{0,2})/([1-9][0-9]{0,2})/(.+)", re.DOTALL)


def write(kind: Kind, tokens: Iterable[str]) -> tuple[str, ...]:
    """The texts of the codes for some compact JWS.

    Raises:
        CodesError: a token is none, or they are too many for a series.
    """
    deflate = zlib.compressobj(9, zlib.DEFLATED, _RAW_DEFLATE)
    body = deflate.compress(b"".join(_taken_apart(token) for token in tokens)) + deflate.flush()
    pieces = [body[at : at + PIECE_BYTES] for at in range(0, len(body), PIECE_BYTES)]
    if len(pieces) > MAX_PIECES:
        raise CodesError(f"This would be {len(pieces)} codes; at most {MAX_PIECES} are made: carry it as a file.")
    beginning = f"{PREFIXES[kind]}{_id_of(body)}"
    return tuple(
        f"{beginning}/{number}/{len(pieces)}/{badge_qr.to_base45(piece)}"
        for number, piece in enumerate(pieces, start=1)
    )


@dataclass
class Collected:
    """The codes of one series as they come in, in any order and more than once."""

    kind: Kind | None = None
    id: str = ""
    count: int = 0
    pieces: dict[int, bytes] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Take in one code.

        Raises:
            CodesError: it is no code of a series, or of another one, or not what the same number was before.
        """
        match = _CODE.fullmatch(text)
        if match is None:
            raise CodesError("This is no code of a series: OB1B: or OB1J: at its beginning was expected.")
        prefix, name, number, count = match[1], match[2], int(match[3]), int(match[4])
        kind: Kind = "bundle" if prefix == PREFIXES["bundle"] else "journal"
        if number > count:
            raise CodesError(f"This code says that it is number {number} of {count}.")
        if self.kind is not None and (kind, name, count) != (self.kind, self.id, self.count):
            raise CodesError("This code is of another series: begin again with it, or take the others first.")
        try:
            piece = badge_qr.from_base45(match[5])
        except BadgeQrError as error:
            raise CodesError(f"Code {number} of {count} cannot be read: {error}") from error
        if len(piece) > PIECE_BYTES or self.pieces.get(number, piece) != piece:
            raise CodesError(f"Code {number} of {count} is not what it was before.")
        self.kind, self.id, self.count = kind, name, count
        self.pieces[number] = piece

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers that are still to come."""
        return tuple(number for number in range(1, self.count + 1) if number not in self.pieces)

    def tokens(self) -> tuple[str, ...]:
        """The tokens, once every code is there.

        Raises:
            CodesError: codes are missing, or what they are together is not what they say.
        """
        if not self.count or self.missing:
            named = ", ".join(map(str, self.missing[:10])) + (" …" if len(self.missing) > 10 else "")
            raise CodesError(f"{len(self.missing)} of {self.count} codes are missing: {named or 'all'}.")
        body = b"".join(self.pieces[number] for number in range(1, self.count + 1))
        if _id_of(body) != self.id:
            raise CodesError("The codes together are not what they say: one of them was misread. Begin again.")
        inflate = zlib.decompressobj(_RAW_DEFLATE)
        try:
            content = inflate.decompress(body, MAX_CONTENT_BYTES + 1)
        except zlib.error as error:
            raise CodesError("The series is damaged.") from error
        if len(content) > MAX_CONTENT_BYTES or not inflate.eof:
            raise CodesError(f"The series is damaged, or holds more than {MAX_CONTENT_BYTES} bytes.")
        return _put_together(content)


def read(texts: Iterable[str]) -> tuple[Kind, tuple[str, ...]]:
    """The kind and the tokens of a whole series.

    Raises:
        CodesError: as `Collected`.
    """
    collected = Collected()
    for text in texts:
        collected.add(text)
    tokens = collected.tokens()
    assert collected.kind is not None
    return collected.kind, tokens


def _id_of(body: bytes) -> str:
    return hashlib.sha256(body).digest()[:_ID_BYTES].hex().upper()


def _taken_apart(token: str) -> bytes:
    parts = token.split(".")
    if len(parts) != 3:
        raise CodesError(f"A token has three parts, and this has {len(parts)}.")
    try:
        header, payload, signature = (base64url.decode(part) for part in parts)
    except base64url.Base64UrlError as error:
        raise CodesError(str(error)) from error
    return b"".join(len(part).to_bytes(4, "big") + part for part in (header, payload, signature))


def _put_together(content: bytes) -> tuple[str, ...]:
    parts: list[str] = []
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        part = content[at + 4 : at + 4 + size]
        if len(content) < at + 4 or len(part) < size:
            raise CodesError("The series breaks off within a token.")
        parts.append(base64url.encode(part))
        at += 4 + size
    if len(parts) % 3:
        raise CodesError("The series breaks off within a token.")
    return tuple(".".join(_three(parts, at)) for at in range(0, len(parts), 3))


def _three(parts: Sequence[str], at: int) -> Sequence[str]:
    return parts[at : at + 3]
