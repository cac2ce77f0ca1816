"""A credential goes into a picture and comes out as it was, and nothing else in the picture changes."""

import io
import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from schemas.baking import (
    MAX_CHUNK_BYTES,
    MAX_CREDENTIAL_BYTES,
    MAX_FILE_BYTES,
    OPEN_BADGES_NAMESPACE,
    BakingError,
    OpenBadges2Error,
    bake_png,
    bake_svg,
    extract_png,
    extract_svg,
)

JWS = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1cm46dXVpZDowIn0.c2lnbmF0dXJl"
OTHER_JWS = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1cm46dXVpZDoxIn0.b3RoZXI"
DOCUMENT = '{"name":"Zoë ]]> & <b>","proof":{"proofValue":"z1"},"text":"\\u0000 🎉"}'
KEYWORD = b"openbadgecredential"

JWS_PARTS = st.text("abcXYZ019_-", min_size=1, max_size=20)
CREDENTIALS = st.tuples(JWS_PARTS, JWS_PARTS, JWS_PARTS).map(".".join) | st.dictionaries(
    st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_characters="\ufffe\uffff"), max_size=8),
    st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_characters="\ufffe\uffff"), max_size=20)
    | st.just("]]>"),
    max_size=3,
).map(lambda members: json.dumps(members, ensure_ascii=False))


def png(*, size: int = 8) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (size, size), (20, 90, 70, 255)).save(out, "PNG")
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(kind: bytes, data: bytes, *, picture: bytes | None = None) -> bytes:
    """The picture with one more chunk before its end."""
    whole = picture or png()
    return whole[:-12] + chunk(kind, data) + whole[-12:]


def chunks(picture: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(picture):
        (length,) = struct.unpack_from(">I", picture, at)
        found.append((picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


PNG = png()
SVG = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">\n'
    b'  <title>A badge</title><path d="M0 0"/>\n</svg>\n'
)


def svg_with(inner: str, *, namespaces: str = f'xmlns:openbadges="{OPEN_BADGES_NAMESPACE}"') -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {namespaces}>{inner}</svg>'.encode()


# ── PNG ───────────────────────────────────────────────────────────────────────────────────────────


@given(CREDENTIALS)
def test_a_png_gives_back_what_was_baked_into_it(credential: str) -> None:
    assert extract_png(bake_png(PNG, credential)) == credential


def test_a_png_without_a_credential_gives_none() -> None:
    assert extract_png(PNG) is None


def test_the_baked_chunk_is_uncompressed_and_without_language() -> None:
    added = [data for kind, data in chunks(bake_png(PNG, JWS)) if kind == b"iTXt"]
    assert added == [KEYWORD + b"\x00" + b"\x00\x00" + b"\x00" + b"\x00" + JWS.encode()]


def test_every_other_chunk_of_the_png_is_untouched() -> None:
    picture = with_chunk(b"tEXt", b"Author\x00Somebody")
    baked = bake_png(picture, DOCUMENT)
    assert [item for item in chunks(baked) if item[0] != b"iTXt"] == chunks(picture)
    with Image.open(io.BytesIO(baked)) as image:
        assert image.tobytes() == Image.open(io.BytesIO(PNG)).tobytes()


def test_baking_a_png_again_replaces_the_credential() -> None:
    assert bake_png(bake_png(PNG, JWS), DOCUMENT) == bake_png(PNG, DOCUMENT)


def test_the_first_of_two_credentials_in_a_png_counts() -> None:
    body = KEYWORD + b"\x00\x00\x00\x00\x00"
    picture = with_chunk(b"iTXt", body + OTHER_JWS.encode(), picture=bake_png(PNG, JWS))
    assert extract_png(picture) == JWS
    assert extract_png(bake_png(picture, DOCUMENT)) == DOCUMENT
    assert sum(kind == b"iTXt" for kind, _ in chunks(bake_png(picture, DOCUMENT))) == 1


def test_a_credential_behind_the_pixels_is_found() -> None:
    assert extract_png(with_chunk(b"iTXt", KEYWORD + b"\x00\x00\x00\x00\x00" + JWS.encode())) == JWS


def test_other_texts_in_a_png_are_left_alone() -> None:
    for kind, data in ((b"iTXt", b"Comment\0\0\0\0\0hi"), (b"tEXt", KEYWORD + b"\0" + JWS.encode())):
        assert extract_png(with_chunk(kind, data)) is None


def test_a_language_tag_is_tolerated_when_reading() -> None:
    assert extract_png(with_chunk(b"iTXt", KEYWORD + b"\x00\x00\x00en\x00badge\x00" + JWS.encode())) == JWS


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x00\x01\x00\x00\x00" + zlib.compress(JWS.encode()), "compressed"),
        (b"\x00\x02\x00\x00\x00" + JWS.encode(), "compressed"),
        (b"\x00\x00\x00\x00\x00\xff\xfe", "not valid UTF-8"),
        (b"\x00", "breaks off before its text"),
        (b"\x00\x00", "breaks off before its text"),
        (b"\x00\x00\x00\x00no text", "breaks off before its text"),
    ],
)
def test_a_broken_credential_chunk_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(BakingError, match=sentence):
        extract_png(with_chunk(b"iTXt", KEYWORD + data))


@pytest.mark.parametrize("kind", [b"iTXt", b"tEXt", b"zTXt"])
def test_a_png_of_open_badges_2_is_told_apart(kind: bytes) -> None:
    picture = with_chunk(kind, b"openbadges\x00\x00\x00\x00\x00https://badges.example/1")
    with pytest.raises(OpenBadges2Error, match=r"2\.0"):
        extract_png(picture)
    assert extract_png(bake_png(picture, JWS)) == JWS


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (b"", "not a PNG"),
        (b"GIF89a", "not a PNG"),
        (PNG[:8], "breaks off before chunk 1"),
        (PNG[:20], "breaks off before chunk 1"),
        (PNG[:-12], "breaks off"),
        (PNG[:-1], "breaks off"),
        (PNG + b"\x00", "goes on after its end"),
        (PNG[:-12] + chunk(b"IEND", b"x"), "goes on after its end"),
        (PNG[:-12] + PNG[8:], "one header chunk"),
        (PNG[:8] + PNG[33:], "one header chunk"),
        (PNG[:8] + chunk(b"IHDR", b"x" * 12) + PNG[33:], "one header chunk"),
        (with_chunk(b"te\xffT", b""), "no valid type"),
        (with_chunk(b"teXt", bytes(MAX_CHUNK_BYTES + 1)), "at most 1048576"),
        (PNG[:-14] + bytes([PNG[-14] ^ 1]) + PNG[-13:], "checksum"),
        (PNG[:8] + struct.pack(">I", 2**31 - 1) + PNG[12:], "at most 1048576"),
        (PNG + bytes(MAX_FILE_BYTES), "at most 10485760"),
    ],
)
def test_a_broken_png_is_neither_read_nor_baked(picture: bytes, sentence: str) -> None:
    with pytest.raises(BakingError, match=sentence):
        extract_png(picture)
    with pytest.raises(BakingError, match=sentence):
        bake_png(picture, JWS)


def test_a_chunk_of_the_largest_size_is_read() -> None:
    assert extract_png(with_chunk(b"teXt", bytes(MAX_CHUNK_BYTES))) is None


# ── SVG ───────────────────────────────────────────────────────────────────────────────────────────


@given(CREDENTIALS)
def test_an_svg_gives_back_what_was_baked_into_it(credential: str) -> None:
    assert extract_svg(bake_svg(SVG, credential)) == credential


def test_an_svg_without_a_credential_gives_none() -> None:
    assert extract_svg(SVG) is None


def test_a_jws_is_baked_as_the_standard_writes_it() -> None:
    assert bake_svg(SVG, JWS).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns:openbadges="https://purl.imsglobal.org/ob/v3p0" '
        'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">\n'
        '  <title>A badge</title><path d="M0 0"/>\n'
        f'<openbadges:credential verify="{JWS}"></openbadges:credential></svg>\n'
    )


def test_json_is_baked_as_cdata_without_verify() -> None:
    baked = bake_svg(SVG, DOCUMENT).decode()
    assert '<openbadges:credential><![CDATA[{"name":"Zoë ]]]]><![CDATA[> & <b>"' in baked
    assert "verify" not in baked


def test_the_rest_of_the_svg_is_untouched() -> None:
    baked = bake_svg(SVG, DOCUMENT)
    start, end = baked.index(b"<openbadges:"), baked.index(b"</openbadges:credential>") + 24
    rest = baked[:start] + baked[end:]
    assert rest.replace(f' xmlns:openbadges="{OPEN_BADGES_NAMESPACE}"'.encode(), b"") == SVG


def test_baking_an_svg_again_replaces_the_credential() -> None:
    assert bake_svg(bake_svg(SVG, JWS), DOCUMENT) == bake_svg(SVG, DOCUMENT)
    assert bake_svg(bake_svg(SVG, DOCUMENT), JWS) == bake_svg(SVG, JWS)


def test_two_credentials_are_refused_when_reading_and_replaced_when_baking() -> None:
    twice = svg_with(f'<openbadges:credential verify="{JWS}"/>' * 2)
    with pytest.raises(BakingError, match="two credentials"):
        extract_svg(twice)
    assert extract_svg(bake_svg(twice, JWS)) == JWS


@pytest.mark.parametrize(
    "picture",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b'<svg xmlns="http://www.w3.org/2000/svg" />',
        b'<s:svg xmlns:s="http://www.w3.org/2000/svg"></s:svg >',
        b'<s:svg xmlns:s="http://www.w3.org/2000/svg"/>',
        b"<svg\n  xmlns='http://www.w3.org/2000/svg'\n  aria-label='a > b \"/>\"'\n>\n</svg>",
        b"\xef\xbb\xbf" + SVG,
        '<svg xmlns="http://www.w3.org/2000/svg"><title>é</title></svg>'.encode(),
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
        + SVG[39:],
        b"<!-- <svg> --><?pi <svg?>" + SVG[39:] + b"<!-- </svg> -->",
        SVG.replace(b"<svg", f'<svg xmlns:openbadges="{OPEN_BADGES_NAMESPACE}"'.encode()),
        SVG.replace(b"<svg", f'<svg xmlns:ob="{OPEN_BADGES_NAMESPACE}"'.encode()),
    ],
)
def test_any_form_of_an_svg_can_be_baked(picture: bytes) -> None:
    for credential in (JWS, DOCUMENT):
        baked = bake_svg(picture, credential)
        assert extract_svg(baked) == credential
        assert baked.count(b"xmlns:openbadges=") == 1


@pytest.mark.parametrize(
    "inner",
    [
        f'<openbadges:credential verify="{JWS}"/>',
        f'<openbadges:credential verify=" {JWS} "> \n </openbadges:credential>'.replace('" ', '"').replace(
            ' "', '"'
        ),
        f'<g/><openbadges:credential verify="{JWS}"><!-- here --></openbadges:credential><g/>',
        f'<o:credential xmlns:o="{OPEN_BADGES_NAMESPACE}" verify="{JWS}"/>',
    ],
)
def test_a_jws_is_found_in_every_spelling_of_the_element(inner: str) -> None:
    assert extract_svg(svg_with(inner)) == JWS


@pytest.mark.parametrize("body", ['\n  <![CDATA[{"a":1}]]>\n', '{"a":1}', "{&quot;a&quot;:<![CDATA[1]]>}"])
def test_json_is_found_in_every_spelling_of_the_body(body: str) -> None:
    assert extract_svg(svg_with(f"<openbadges:credential>{body}</openbadges:credential>")) == '{"a":1}'


@pytest.mark.parametrize(
    "inner",
    [
        f'<g><openbadges:credential verify="{JWS}"/></g>',
        f'<credential verify="{JWS}"/>',
        f'<openbadges:credential xmlns:openbadges="https://other.example/" verify="{JWS}"/>',
        f'<!-- <openbadges:credential verify="{JWS}"/> -->',
        f'<desc><![CDATA[<openbadges:credential verify="{JWS}"/>]]></desc>',
    ],
)
def test_only_an_element_directly_inside_svg_counts(inner: str) -> None:
    assert extract_svg(svg_with(inner)) is None


@pytest.mark.parametrize(
    ("inner", "sentence"),
    [
        ("<openbadges:credential/>", "neither in"),
        ('<openbadges:credential verify=""> </openbadges:credential>', "neither in"),
        (f'<openbadges:credential verify="{JWS}">{{}}</openbadges:credential>', "both in"),
        ("<openbadges:credential><g/></openbadges:credential>", "other elements"),
        (f"<openbadges:credential>{'x' * MAX_CHUNK_BYTES}x</openbadges:credential>", "more than 1048576"),
        (f'<openbadges:credential verify="{"x" * MAX_CHUNK_BYTES}"/>', "more than 1048576"),
    ],
)
def test_an_ambiguous_or_large_credential_element_is_refused(inner: str, sentence: str) -> None:
    with pytest.raises(BakingError, match=sentence):
        extract_svg(svg_with(inner))


def test_an_svg_of_open_badges_2_is_told_apart() -> None:
    old = svg_with(
        '<openbadges:assertion verify="https://badges.example/1"/>',
        namespaces='xmlns:openbadges="http://openbadges.org"',
    )
    with pytest.raises(OpenBadges2Error, match=r"2\.0"):
        extract_svg(old)
    with pytest.raises(BakingError, match="something else"):
        bake_svg(old, JWS)


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (b"", "not well-formed"),
        (b"hello", "not well-formed"),
        (SVG[:-8], "not well-formed"),
        (SVG + b"<svg/>", "not well-formed"),
        (SVG.replace(b"A badge", b"A b\xffdge"), "not well-formed"),
        (SVG.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "not UTF-8"),
        (SVG[:39].replace(b"UTF-8", b"cp037") + SVG[39:].decode().encode("cp037"), "not well-formed"),
        (b"<svg/>", "not an SVG"),
        (b'<html xmlns="http://www.w3.org/1999/xhtml"/>', "not an SVG"),
        (b"<!DOCTYPE svg []>" + SVG[39:], "declarations of its own"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG[39:], "declares entities"),
        (b'<!DOCTYPE svg [<!ATTLIST svg a CDATA "b">]>' + SVG[39:], "declarations of its own"),
        (b'<!DOCTYPE svg SYSTEM "file:///etc/passwd">' + SVG[39:].replace(b"A badge", b"&secret;"), "an entity"),
        (SVG.replace(b"A badge", b"&secret;"), "not well-formed"),
        (b" " * (MAX_FILE_BYTES + 1), "at most 10485760"),
    ],
)
def test_a_broken_or_dangerous_svg_is_neither_read_nor_baked(picture: bytes, sentence: str) -> None:
    with pytest.raises(BakingError, match=sentence):
        extract_svg(picture)
    with pytest.raises(BakingError, match=sentence):
        bake_svg(picture, JWS)


def test_an_svg_in_another_encoding_is_not_baked() -> None:
    latin = SVG.replace(b"UTF-8", b"ISO-8859-1")
    assert extract_svg(latin) is None
    with pytest.raises(BakingError, match="iso-8859-1, and UTF-8"):
        bake_svg(latin, DOCUMENT)


@pytest.mark.parametrize(
    ("document", "sentence"), [('{"a":\r\n1}', "unchanged"), ('{"a":"\uffff"}', "cannot be put")]
)
def test_what_xml_cannot_carry_is_not_baked_into_an_svg(document: str, sentence: str) -> None:
    with pytest.raises(BakingError, match=sentence):
        bake_svg(SVG, document)
    assert extract_png(bake_png(PNG, document)) == document


# ── credentials ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("credential", "sentence"),
    [
        ("", "neither"),
        ("hello", "neither"),
        ("a.b", "neither"),
        ("a..c", "neither"),
        (JWS + '"/><script>', "neither"),
        ('["a"]', "neither"),
        ('{"a":1', "not sound JSON"),
        ('{"a":1,"a":2}', "not sound JSON"),
        ('{"a":"\ud800"}', "not sound JSON"),
        ("a.b." + "c" * MAX_CREDENTIAL_BYTES, "at most 262144"),
    ],
)
def test_what_is_no_credential_is_not_baked(credential: str, sentence: str) -> None:
    with pytest.raises(BakingError, match=sentence):
        bake_png(PNG, credential)
    with pytest.raises(BakingError, match=sentence):
        bake_svg(SVG, credential)


def test_spaces_around_a_credential_are_dropped() -> None:
    assert extract_png(bake_png(PNG, f" {JWS}\n")) == JWS
    assert extract_svg(bake_svg(SVG, f"\n{DOCUMENT}\n")) == DOCUMENT
