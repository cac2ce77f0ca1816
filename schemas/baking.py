"""A credential inside a picture: put into a PNG or an SVG, and taken out again (OB 3.0 baking, STANDARDS g).

A baked picture carries the credential as it is, a compact JWS or a JSON document. It is a copy for whoever
holds the file, and never proof of holding. Everything else in the picture stays as it was, byte for byte.

Pictures come from strangers, so nothing is decompressed, no address is opened, no entity is expanded and no
pixel is looked at. What comes out is only text: it is read as a credential in `schemas.credential` and verified
in `verifier.verification`. The picture itself is drawn in `issuer.badges.picture`.

    BakingError
    └── OpenBadges2Error    a badge of the older standard, which names no way to check it that we know
"""

import re
import struct
import zlib
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias
from xml.parsers import expat

from schemas import strict_json

MAX_FILE_BYTES: Final = 10 * 1024 * 1024  # a badge picture has 10 to 300 kB (STANDARDS j1)
MAX_CHUNK_BYTES: Final = 1024 * 1024  # of any PNG chunk, and of the credential's element in an SVG
MAX_CREDENTIAL_BYTES: Final = strict_json.MAX_DOCUMENT_BYTES
MAX_PNG_CHUNKS: Final = 16_384  # 10 MiB in the customary 8 KiB chunks are 1,280; empty ones would be 870,000
MAX_SVG_ELEMENTS: Final = 100_000  # each costs a call; a drawing with more is not a badge

OPEN_BADGES_NAMESPACE: Final = "https://purl.imsglobal.org/ob/v3p0"

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEYWORD: Final = b"openbadgecredential"
_PNG_KEYWORD_2_0: Final = b"openbadges"
_UNCOMPRESSED_NO_LANGUAGE: Final = b"\x00" + b"\x00\x00" + b"\x00" + b"\x00"  # ends, flag, method, two empty texts
_IHDR_BYTES: Final = 13
_CHUNK_FRAME_BYTES: Final = 12  # length, type and CRC around the data

_SVG_NAMESPACE: Final = "http://www.w3.org/2000/svg"
_SVG_NAMESPACE_2_0: Final = "http://openbadges.org"
_SVG_PREFIX: Final = "openbadges"

_COMPACT_JWS: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CHUNK_HEAD: Final = struct.Struct(">I4s")  # length of the data, type
_CHUNK_CRC: Final = struct.Struct(">I")
_TAG: Final = re.compile(rb"""<(?P<name>[^\s/>]+)(?:[^>"']++|"[^"]*+"|'[^']*+')*+>""")
_XML_SPACE: Final = " \t\r\n"


class BakingError(ValueError):
    """A picture that cannot be read or baked, or a text that is no credential; the message is one sentence."""


class OpenBadges2Error(BakingError):
    """The picture carries an Open Badges 2.0 badge and no newer one."""


def bake_png(png: bytes, credential: str) -> bytes:
    """The PNG with `credential` in one `iTXt` chunk; one that is already there is replaced.

    `credential` is a compact JWS or, if it begins with `{`, a JSON object; spaces around it are dropped.
    Raises BakingError for any other text, a broken or too large PNG, or a result over the limits of j1.
    """
    text = _checked_credential(credential)
    header, *others = _chunks(png)
    added = _chunk_bytes(b"iTXt", _PNG_KEYWORD + _UNCOMPRESSED_NO_LANGUAGE + text.encode())
    # Directly behind the header: a reader need not go past the pixels to find it. The rest is copied once, whole.
    picture, begin = memoryview(png), header.end
    pieces: list[bytes | memoryview] = [picture[:begin], added]
    for chunk in others:
        if _is_credential_chunk(png, chunk):
            pieces.append(picture[begin : chunk.start])
            begin = chunk.end
    return b"".join((*pieces, picture[begin:]))


def extract_png(png: bytes) -> str | None:
    """The text of the first `openbadgecredential` chunk of a PNG, or None if it has none.

    Raises BakingError for a broken or too large PNG and for a compressed or broken chunk, OpenBadges2Error for
    a picture that carries only a badge of Open Badges 2.0.
    """
    chunks = _chunks(png)
    for chunk in chunks:
        if _is_credential_chunk(png, chunk):
            return _credential_text(chunk.data(png))
    if any(_is_2_0_chunk(png, chunk) for chunk in chunks):
        raise OpenBadges2Error("This PNG carries an Open Badges 2.0 badge; ask its issuer for one of version 3.0.")
    return None


def bake_svg(svg: bytes, credential: str) -> bytes:
    """The SVG (UTF-8) with `credential` in one `openbadges:credential`; one already there is replaced.

    `credential` as for `bake_png`. The element goes last into `<svg>`, so that `<title>` stays first; the file's
    own bytes are kept. Raises BakingError for any other text, an SVG that is broken, too large or has a document
    type of its own, and a credential with characters that XML cannot carry.
    """
    text = _checked_credential(credential)
    drawing = _read_svg(svg)
    if drawing.declared_encoding not in (None, "utf-8"):
        raise BakingError(
            f"The SVG says that it is written in {drawing.declared_encoding}, and UTF-8 was expected."
        )
    removals = [(element.start, element.end, b"") for element in drawing.credentials]
    baked = _edited(svg, [*removals, *_namespace_edits(drawing), _element_edit(drawing, text)])
    try:
        unchanged = extract_svg(baked) == text
    except BakingError as error:
        raise BakingError(f"The credential cannot be put into this SVG: {error}") from error
    if not unchanged:  # a carriage return in the JSON, which XML turns into a line feed
        raise BakingError("The credential holds a character that an SVG cannot carry unchanged.")
    return baked


def extract_svg(svg: bytes) -> str | None:
    """The text of the `openbadges:credential` directly inside `<svg>` (UTF-8), or None if there is none.

    A compact JWS comes from the attribute `verify`, JSON from the body. Raises BakingError for an SVG that is
    broken, too large or has a document type of its own, for two credentials, and for an empty or ambiguous one;
    OpenBadges2Error for a picture that carries only a badge of Open Badges 2.0.
    """
    drawing = _read_svg(svg)
    if len(drawing.credentials) > 1:
        raise BakingError("The SVG carries two credentials, so nobody can say which one it shows.")
    if drawing.credentials:
        return _element_text(drawing.credentials[0])
    if drawing.has_2_0_badge:
        raise OpenBadges2Error("This SVG carries an Open Badges 2.0 badge; ask its issuer for one of version 3.0.")
    return None


def _checked_credential(credential: str) -> str:
    """The text to bake: a JSON object or a compact JWS, so that nobody bakes what no reader can take."""
    text = credential.strip(_XML_SPACE)
    if len(text) > MAX_CREDENTIAL_BYTES:
        raise BakingError(f"A credential has at most {MAX_CREDENTIAL_BYTES} bytes, and this has {len(text)}.")
    if text.startswith("{"):
        try:
            strict_json.loads_object(text, max_bytes=MAX_CREDENTIAL_BYTES)
        except strict_json.StrictJsonError as error:
            raise BakingError(f"The credential is not sound JSON: {error}") from error
    elif not _COMPACT_JWS.fullmatch(text):
        raise BakingError("A credential is a JSON object or a compact JWS, and this text is neither.")
    return text


# ── PNG ───────────────────────────────────────────────────────────────────────────────────────────


class _Chunk(NamedTuple):
    """Where a chunk stands in the file, from its length to its CRC; its bytes stay there."""

    kind: bytes
    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes its data has."""
        return self.end - self.start - _CHUNK_FRAME_BYTES

    def data(self, png: bytes) -> bytes:
        return png[self.start + 8 : self.end - 4]


def _chunks(png: bytes) -> list[_Chunk]:
    """Every chunk of a whole PNG from IHDR to IEND, lengths and CRCs checked (PNG 3 §5.3, §13.2)."""
    _check_file_size(png, kind="PNG")
    if not png.startswith(_PNG_SIGNATURE):
        raise BakingError("This is not a PNG file.")
    picture, chunks, at = memoryview(png), list[_Chunk](), len(_PNG_SIGNATURE)
    while True:
        chunk = _chunk_at(picture, at, number=len(chunks) + 1)
        if (not chunks) != (chunk.kind == b"IHDR") or (not chunks and chunk.size != _IHDR_BYTES):
            raise BakingError("The PNG does not begin with its one header chunk.")
        chunks.append(chunk)
        at = chunk.end
        if chunk.kind == b"IEND":
            break
        if len(chunks) == MAX_PNG_CHUNKS:
            raise BakingError(f"The PNG has more than {MAX_PNG_CHUNKS} chunks.")
    if at != len(png) or chunk.size:
        raise BakingError("The PNG goes on after its end.")
    return chunks


def _chunk_at(picture: memoryview, at: int, *, number: int) -> _Chunk:
    """The chunk that begins at `at`. Nothing of it is copied: pixels are the most of a file."""
    rest = len(picture) - at - _CHUNK_FRAME_BYTES
    if rest < 0:
        raise BakingError(f"The PNG breaks off before chunk {number} is whole.")
    size, kind = _CHUNK_HEAD.unpack_from(picture, at)
    if not kind.isalpha():  # of bytes: ASCII letters
        raise BakingError(f"Chunk {number} of the PNG has no valid type.")
    if size > MAX_CHUNK_BYTES:
        raise BakingError(f"Chunk {number} of the PNG has {size} bytes, and at most {MAX_CHUNK_BYTES} are read.")
    if size > rest:
        raise BakingError(f"The PNG breaks off before chunk {number} is whole.")
    end = at + _CHUNK_FRAME_BYTES + size
    if zlib.crc32(picture[at + 4 : end - 4]) != _CHUNK_CRC.unpack_from(picture, end - 4)[0]:
        raise BakingError(f"Chunk {number} of the PNG is damaged: its checksum is wrong.")
    return _Chunk(kind, at, end)


def _chunk_bytes(kind: bytes, data: bytes) -> bytes:
    return b"".join((_CHUNK_HEAD.pack(len(data), kind), data, _CHUNK_CRC.pack(zlib.crc32(data, zlib.crc32(kind)))))


def _is_credential_chunk(png: bytes, chunk: _Chunk) -> bool:
    return chunk.kind == b"iTXt" and chunk.data(png).startswith(_PNG_KEYWORD + b"\x00")


def _is_2_0_chunk(png: bytes, chunk: _Chunk) -> bool:
    named = chunk.kind in (b"iTXt", b"tEXt", b"zTXt")
    return named and chunk.data(png).startswith(_PNG_KEYWORD_2_0 + b"\x00")


def _credential_text(data: bytes) -> str:
    """The text of an `iTXt` chunk: keyword, flag and method, language, translation, text (PNG 3 §11.3.3)."""
    flags, rest = data[len(_PNG_KEYWORD) + 1 :][:2], data[len(_PNG_KEYWORD) + 3 :]
    parts = rest.split(b"\x00", 2)
    if len(flags) != 2 or len(parts) != 3:
        raise BakingError("The credential chunk of the PNG breaks off before its text.")
    if flags[0] != 0:  # a compressed text is how a bomb would arrive
        raise BakingError("The credential in the PNG is compressed, which the standard does not allow.")
    try:
        return parts[2].decode("utf-8")
    except UnicodeDecodeError as error:
        raise BakingError("The credential in the PNG is not valid UTF-8.") from error


# ── SVG ───────────────────────────────────────────────────────────────────────────────────────────


_Edit: TypeAlias = tuple[int, int, bytes]  # start, end, and what stands there instead


@dataclass(frozen=True, slots=True)
class _Element:
    """One `openbadges:credential`: where it stands in the file's bytes, and what it holds."""

    start: int
    end: int
    verify: str
    body: str


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What baking must know of an SVG; offsets count the file's bytes."""

    root: re.Match[bytes]  # the start tag of <svg>
    root_end: int  # where its end tag begins, or the end of an empty tag
    prefix_namespace: str | None  # what `openbadges:` already means on <svg>
    declared_encoding: str | None
    credentials: tuple[_Element, ...]
    has_2_0_badge: bool


def _read_svg(svg: bytes) -> _Drawing:
    """Walk through an SVG once, with nothing in it that could expand or fetch.

    Entity declarations are refused before the parser starts, because an exception from one of its handlers stops
    it only at the end of the file, after a billion laughs. The parser reads UTF-8 whatever the file declares,
    and a zero byte, which only UTF-16 has, is refused: in another encoding the word could hide.
    """
    _check_file_size(svg, kind="SVG")
    if b"\x00" in svg:
        raise BakingError("The SVG is not UTF-8: it holds a zero byte.")
    if b"<!ENTITY" in svg:
        raise BakingError("The SVG declares entities, which could expand without end or read other files.")
    return _SvgWalk(svg).drawing()


class _SvgWalk:
    """The state of one walk: expat calls the methods in the order of the file."""

    def __init__(self, svg: bytes) -> None:
        self._svg = svg
        self._parser = expat.ParserCreate("UTF-8", " ")  # a declared encoding does not count
        self._path: list[str] = []
        self._elements = 0
        self._root: re.Match[bytes] | None = None
        self._root_end = 0
        self._prefix_namespace: str | None = None
        self._declared_encoding: str | None = None
        self._credentials: list[_Element] = []
        self._has_2_0_badge = False
        self._open: tuple[re.Match[bytes], str] | None = None  # the credential's start tag and `verify`
        self._body: list[str] = []
        self._body_characters = 0

    def drawing(self) -> _Drawing:
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._document_type
        self._parser.SkippedEntityHandler = self._unknown_entity
        self._parser.StartNamespaceDeclHandler = self._namespace
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        try:
            self._parser.Parse(self._svg, True)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            where = f"line {error.lineno}, column {error.offset + 1}"
            raise BakingError(f"The SVG is not well-formed UTF-8 XML at {where}: {reason}.") from error
        if self._root is None:
            raise BakingError("The SVG has no <svg> element.")
        return _Drawing(
            root=self._root,
            root_end=self._root_end,
            prefix_namespace=self._prefix_namespace,
            declared_encoding=self._declared_encoding,
            credentials=tuple(self._credentials),
            has_2_0_badge=self._has_2_0_badge,
        )

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self._declared_encoding = encoding.lower() if encoding else None

    def _document_type(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        """An external id is tolerated, as published baked files carry one; it is never opened."""
        if internal:
            raise BakingError("The SVG has a document type with declarations of its own, which are not read.")

    def _unknown_entity(self, name: str, is_parameter: bool) -> None:
        raise BakingError("The SVG refers to an entity that it does not hold.")

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        if prefix == _SVG_PREFIX and not self._path:
            self._prefix_namespace = uri

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_SVG_ELEMENTS:
            raise BakingError(f"The SVG has more than {MAX_SVG_ELEMENTS} elements.")
        if not self._path:
            if name != f"{_SVG_NAMESPACE} svg":
                raise BakingError("The file is XML, and not an SVG: its first element is not <svg>.")
            self._root = self._tag()
        elif self._open:
            raise BakingError("The credential in the SVG holds other elements, and only text was expected.")
        elif len(self._path) == 1 and name == f"{OPEN_BADGES_NAMESPACE} credential":
            self._open = self._tag(), attributes.get("verify", "")
            self._parser.CharacterDataHandler = self._text
        elif len(self._path) == 1 and name == f"{_SVG_NAMESPACE_2_0} assertion":
            self._has_2_0_badge = True
        self._path.append(name)

    def _text(self, text: str) -> None:
        self._body.append(text)
        self._body_characters += len(text)
        if self._body_characters > MAX_CHUNK_BYTES:
            raise BakingError(f"The credential in the SVG has more than {MAX_CHUNK_BYTES} bytes.")

    def _end(self, name: str) -> None:
        self._path.pop()
        if not self._path:
            self._root_end = self._parser.CurrentByteIndex
        elif self._open and len(self._path) == 1:
            self._close_credential(*self._open)

    def _close_credential(self, tag: re.Match[bytes], verify: str) -> None:
        end = tag.end() if _is_empty(tag) else self._svg.index(b">", self._parser.CurrentByteIndex) + 1
        if end - tag.start() > MAX_CHUNK_BYTES:
            raise BakingError(f"The credential in the SVG has more than {MAX_CHUNK_BYTES} bytes.")
        body = "".join(self._body)
        self._credentials.append(_Element(start=tag.start(), end=end, verify=verify, body=body))
        self._open, self._body, self._body_characters = None, [], 0
        self._parser.CharacterDataHandler = None

    def _tag(self) -> re.Match[bytes]:
        """The start tag on which the parser stands, which it has already found well formed."""
        tag = _TAG.match(self._svg, self._parser.CurrentByteIndex)
        if tag is None:
            raise BakingError("The SVG holds a tag that cannot be edited.")
        return tag


def _is_empty(tag: re.Match[bytes]) -> bool:
    return tag[0].endswith(b"/>")


def _namespace_edits(drawing: _Drawing) -> list[_Edit]:
    """Declare the prefix on `<svg>`, where the standard wants it, unless it is declared already."""
    if drawing.prefix_namespace == OPEN_BADGES_NAMESPACE:
        return []
    if drawing.prefix_namespace is not None:
        raise BakingError(
            "The SVG already uses the prefix openbadges: for something else, such as a badge of version 2.0."
        )
    at = drawing.root.end("name")
    return [(at, at, f' xmlns:{_SVG_PREFIX}="{OPEN_BADGES_NAMESPACE}"'.encode())]


def _element_edit(drawing: _Drawing, text: str) -> _Edit:
    """Put the element last into `<svg>`; a drawing of nothing but an empty tag gets an end tag."""
    element = _element_bytes(text)
    if not _is_empty(drawing.root):
        return drawing.root_end, drawing.root_end, element
    end = drawing.root.end()
    return end - len(b"/>"), end, b">" + element + b"</" + drawing.root["name"] + b">"


def _element_bytes(text: str) -> bytes:
    if text.startswith("{"):
        cdata = text.replace("]]>", "]]]]><![CDATA[>")  # the end mark may stand in a JSON text: split it
        return f"<openbadges:credential><![CDATA[{cdata}]]></openbadges:credential>".encode()
    return f'<openbadges:credential verify="{text}"></openbadges:credential>'.encode()


def _edited(data: bytes, edits: list[_Edit]) -> bytes:
    """`data` with each span (start, end) replaced; spans do not overlap."""
    pieces, at = [], 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        pieces += [data[at:start], replacement]
        at = end
    return b"".join((*pieces, data[at:]))


def _element_text(element: _Element) -> str:
    body = element.body.strip(_XML_SPACE)
    if bool(element.verify) == bool(body):
        fault = "both in `verify` and in its body" if body else "neither in `verify` nor in its body"
        raise BakingError(f"The SVG has a credential element with a credential {fault}.")
    return element.verify or body


def _check_file_size(data: bytes, *, kind: str) -> None:
    if len(data) > MAX_FILE_BYTES:
        raise BakingError(f"The {kind} has {len(data)} bytes, and at most {MAX_FILE_BYTES} are read.")
