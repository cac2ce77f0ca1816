"""Hostile bytes at every reader of `schemas`: each is refused with one sentence, and at once.

"At once" is a generous bound, since machines differ: the attacks here cost minutes or gigabytes where they work.
"""

import base64
import gzip
import hashlib
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from schemas import badge_qr, baking, status_list, strict_json

SECONDS = 5.0
MEMORY_BYTES = 96 * 1024 * 1024
SENTENCE_CHARACTERS = 300

MEBIBYTE = 1024 * 1024


def assert_refused(attempt: Callable[[], object], *, error: type[ValueError]) -> None:
    """The attempt raises `error` with one short printable sentence, soon, and without filling the memory."""
    tracemalloc.start()
    start = time.monotonic()
    try:
        with pytest.raises(error) as caught:
            attempt()
        seconds, (_, peak) = time.monotonic() - start, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) <= SENTENCE_CHARACTERS
    assert sentence.encode("utf-8")  # no lone surrogate on its way to a log
    assert seconds < SECONDS
    assert peak < MEMORY_BYTES


JSON_ATTACKS = {
    "a megabyte of opening brackets": b"[" * MEBIBYTE,
    "a megabyte of nested objects": b'{"a":' * (MEBIBYTE // 5),
    "brackets after a long text": b'["' + b"x" * 200_000 + b'",' + b"[" * 1000,
    "a bracket ladder": b"[[],{},[[]]," * 1000 + b"[" * 100,
    "an unterminated text of escaped quotes": b'"' + b'\\"' * 120_000,
    "texts that never end": b'"' * 200_001,
    "a lone backslash at the end": b'"\\',
    "members without end": b"{" + b'"a":1,' * 40_000 + b"}",
    "a duplicate member": b'{"sub":"a","sub":"b"}',
    "a duplicate in disguise": rb'{"sub":"a","s\u0075b":"b"}',
    "a duplicate deep down": b'{"a":[{"b":{"iss":1,"iss":2}}]}',
    "an integer of 200,000 digits": b"9" * 200_000,
    "a negative integer of 200,000 digits": b"-" + b"9" * 200_000,
    "a number beyond the largest double": b"1e309",
    "a number with an exponent of 200,000 digits": b"1e" + b"9" * 200_000,
    "a decimal number beyond the largest double": b"9" * 200_000 + b".5",
    "not a number": b'{"nbf":NaN}',
    "infinity": b"[-Infinity]",
    "a lone high surrogate": rb'{"name":"\ud83d"}',
    "a lone low surrogate in a member name": rb'{"\ude00":1}',
    "a surrogate pair the wrong way round": rb'"\ude00\ud83d"',
    "a surrogate in raw bytes": b'"\xed\xa0\x80"',
    "an overlong encoding": b'"\xc0\xaf"',
    "a zero byte": b'{"a":1}\x00',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a document too many": b"{}{}",
}


@pytest.mark.parametrize("data", JSON_ATTACKS.values(), ids=JSON_ATTACKS.keys())
def test_hostile_json_is_refused(data: bytes) -> None:
    assert_refused(lambda: strict_json.loads(data, max_bytes=2 * MEBIBYTE), error=strict_json.StrictJsonError)


def test_a_document_over_the_limit_is_refused() -> None:
    data = b" " * (strict_json.MAX_DOCUMENT_BYTES + 1)
    assert_refused(lambda: strict_json.loads(data), error=strict_json.StrictJsonError)


def encoded(data: bytes) -> str:
    return "u" + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def gzip_bomb(megabytes: int) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(deflate.compress(bytes(MEBIBYTE)) for _ in range(megabytes)) + deflate.flush()


LIST = gzip.compress(bytes(16 * 1024), mtime=0)
STATUS_LIST_ATTACKS = {
    "a bomb of 256 megabytes": lambda: encoded(gzip_bomb(256)),
    "many members that each fit": lambda: encoded(LIST * 10_000),
    "a second member that is empty": lambda: encoded(LIST + gzip.compress(b"")),
    "a header with a name without end": lambda: encoded(LIST[:3] + b"\x08" + LIST[4:10] + b"n" * 1_000_000),
    "no end": lambda: encoded(LIST[:-9]),
    "a wrong checksum": lambda: encoded(LIST[:-8] + b"\xff" * 8),
    "megabytes of text": lambda: "u" + "A" * 50_000_000,
    "a foreign character": lambda: encoded(LIST)[:-1] + "\u0661",
    "a lone surrogate": lambda: "u\ud800",
    "padding": lambda: encoded(LIST) + "==",
    "stray bits": lambda: "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAB",
}


@pytest.mark.parametrize("make", STATUS_LIST_ATTACKS.values(), ids=STATUS_LIST_ATTACKS.keys())
def test_a_hostile_status_list_is_refused(make: Callable[[], str]) -> None:
    text = make()
    assert_refused(lambda: status_list.decode(text), error=status_list.StatusListError)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


START = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
PIXEL = chunk(b"IDAT", zlib.compress(b"\x00\x00"))
END = chunk(b"IEND", b"")
KEYWORD = b"openbadgecredential"
PNG_ATTACKS = {
    "800,000 empty chunks": lambda: START + chunk(b"teXt", b"") * 800_000 + END,
    "a length of four gigabytes": lambda: START + b"\xff\xff\xff\xffIDAT",
    "a length of two gigabytes, then the end": lambda: START + b"\x7f\xff\xff\xff" + b"iTXt" + END,
    "a length that ends in the next chunk": lambda: START + b"\x00\x00\x00\x10" + b"iTXt" + END,
    "no end": lambda: START + PIXEL,
    "cut inside a chunk": lambda: (START + PIXEL + END)[:-5],
    "only the signature": lambda: START[:8],
    "two headers": lambda: START + START[8:] + PIXEL + END,
    "more behind the end": lambda: START + PIXEL + END + b"PK\x03\x04",
    "a flipped bit": lambda: START[:20] + bytes([START[20] ^ 1]) + START[21:] + PIXEL + END,
    "a compressed credential": lambda: (
        START + chunk(b"iTXt", KEYWORD + b"\0\1\0\0\0" + zlib.compress(bytes(100 * MEBIBYTE))) + PIXEL + END
    ),
    "a credential of two megabytes": lambda: (
        START + chunk(b"iTXt", KEYWORD + b"\0\0\0\0\0" + b"a" * (2 * MEBIBYTE)) + END
    ),
    "a credential that is not UTF-8": lambda: START + chunk(b"iTXt", KEYWORD + b"\0\0\0\0\0\xc0\x80") + END,
    "a type with a line feed": lambda: START + chunk(b"te\nt", b"") + END,
    "eleven megabytes": lambda: START + chunk(b"teXt", bytes(MEBIBYTE)) * 11 + END,
}


@pytest.mark.parametrize("make", PNG_ATTACKS.values(), ids=PNG_ATTACKS.keys())
def test_a_hostile_png_is_refused(make: Callable[[], bytes]) -> None:
    picture = make()
    assert_refused(lambda: baking.extract_png(picture), error=baking.BakingError)


def svg(inner: str, *, prolog: str = "") -> bytes:
    namespaces = f'xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="{baking.OPEN_BADGES_NAMESPACE}"'
    return f"{prolog}<svg {namespaces}>{inner}</svg>".encode()


LAUGHS = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12))
CREDENTIAL = '<openbadges:credential verify="{0}">{0}</openbadges:credential>'
SVG_ATTACKS = {
    "a billion laughs": lambda: svg(CREDENTIAL.format("&a12;"), prolog=f"<!DOCTYPE svg [{LAUGHS}]>"),
    "a quadratic blowup": lambda: svg("&a;" * 100_000, prolog=f'<!DOCTYPE svg [<!ENTITY a "{"x" * 100_000}">]>'),
    "a file as an entity": lambda: svg("&a;", prolog='<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/hostname">]>'),
    "a parameter entity": lambda: svg(
        "", prolog='<!DOCTYPE svg [<!ENTITY % a SYSTEM "http://127.0.0.1/a.dtd"> %a;]>'
    ),
    "laughs behind five megabytes of comment": lambda: svg(
        "&a12;", prolog=f"<!--{'x' * (5 * MEBIBYTE)}--><!DOCTYPE svg [{LAUGHS}]>"
    ),
    "laughs in UTF-16": lambda: (
        b"\xff\xfe" + svg("&a12;", prolog=f"<!DOCTYPE svg [{LAUGHS}]>").decode().encode("utf-16-le")
    ),
    "laughs in EBCDIC": lambda: (
        b'<?xml version="1.0" encoding="cp037"?>'
        + svg("&a12;", prolog=f"<!DOCTYPE svg [{LAUGHS}]>").decode().encode("cp037")
    ),
    "an entity of a document type elsewhere": lambda: svg(
        "&secret;", prolog='<!DOCTYPE svg SYSTEM "http://127.0.0.1/secret.dtd">'
    ),
    "a million elements": lambda: svg("<a/>" * 1_000_000),
    "a million elements in one another": lambda: svg("<a>" * 1_000_000 + "</a>" * 1_000_000),
    "a million open elements": lambda: svg("<a>" * 1_000_000),
    "a root with half a million attributes, one twice": lambda: svg("").replace(
        b"<svg ", b"<svg " + b" ".join(b'a%d=""' % n for n in range(500_000)) + b' a1="" '
    ),
    "a credential of two megabytes": lambda: svg(
        f"<openbadges:credential>{'x' * (2 * MEBIBYTE)}</openbadges:credential>"
    ),
    "a credential in two megabytes of pieces": lambda: svg(
        f"<openbadges:credential>{'<![CDATA[x]]>' * 160_000}</openbadges:credential>"
    ),
    "a hundred thousand credentials": lambda: svg("<openbadges:credential/>" * 90_000),
    "cut off": lambda: svg("<g></g>")[:-4],
    "eleven megabytes": lambda: svg(" " * (11 * MEBIBYTE)),
    "a zero byte": lambda: svg("\x00"),
}


@pytest.mark.parametrize("make", SVG_ATTACKS.values(), ids=SVG_ATTACKS.keys())
def test_a_hostile_svg_is_refused(make: Callable[[], bytes]) -> None:
    picture = make()
    assert_refused(lambda: baking.extract_svg(picture), error=baking.BakingError)


DICTIONARY = badge_qr.Dictionary.parse(b'{"alg":"ES256"}\n{"iss":"did:web:badges.example"}')


def packed(body: bytes) -> bytes:
    return b"\x01" + bytes.fromhex(DICTIONARY.id) + bytes(64) + body


def raw_deflate(data: bytes, *, template: bytes = b"") -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=template)
    return deflate.compress(data) + deflate.flush()


QR_ATTACKS = {
    "a text of ten megabytes": "OB1:" + "0" * 10_000_000,
    "a text of 3,001 characters": "OB1:" + "0" * 2_997,
    "an address of 2,999 characters": "https://" + "a/" * 1_490 + "v/#001",
    "an address that is nearly one": "https://" + "/v" * 1_490 + "x#001",
    "an address with a line feed": "https://h/\n/v#001",
    "a script": "javascript:alert(1)//v#001",
    "digits of another script": "https://h/v#" + "١" * 17,
    "a group too large": "https://h/v#" + "9" * 17,
    "a triple too large": "OB1::::",
    "lower case": "ob1:bb8",
    "a lone surrogate": "OB1:\ud800\ud800",
}


@pytest.mark.parametrize("text", QR_ATTACKS.values(), ids=QR_ATTACKS.keys())
def test_a_hostile_code_is_refused(text: str) -> None:
    assert_refused(lambda: badge_qr.read_text(text), error=badge_qr.BadgeQrError)


NOISE = hashlib.shake_256(b"a template that the desk does not have").digest(30_000)
PACKED_ATTACKS = {
    "nothing": b"",
    "a megabyte": bytes(MEBIBYTE),
    "a bomb": packed(raw_deflate(bytes(900_000))),
    "a stream without end": packed(raw_deflate(b"a" * 500)[:-3]),
    "a reference before the beginning": packed(raw_deflate(NOISE[:500], template=NOISE)),
    "noise": packed(b"\xff" * 900),
    "another layout": b"\x02" + bytes(200),
    "another dictionary": b"\x01" + bytes(200),
}


@pytest.mark.parametrize("data", PACKED_ATTACKS.values(), ids=PACKED_ATTACKS.keys())
def test_a_hostile_packed_badge_is_refused(data: bytes) -> None:
    assert_refused(
        lambda: badge_qr.unpack(data, dictionaries={DICTIONARY.id: DICTIONARY}), error=badge_qr.BadgeQrError
    )


def test_a_hostile_dictionary_is_refused() -> None:
    assert_refused(lambda: badge_qr.Dictionary.parse(b"h" * 10_000_000), error=badge_qr.BadgeQrError)
    assert_refused(lambda: badge_qr.Dictionary.parse(b"h" * 8_000 + b"\n"), error=badge_qr.BadgeQrError)
