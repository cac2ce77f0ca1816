"""A badge in a QR code comes back byte for byte, and each refusal of DESK sections 1 to 3 happens."""

import base64
import hashlib
import json
import zlib

import pytest
import qrcode.base
from hypothesis import given
from hypothesis import strategies as st

from schemas.badge_qr import (
    HARD_LIMIT_URL_BYTES,
    HARD_LIMIT_VERSION,
    MAX_PACKED_BYTES,
    MAX_PAYLOAD_BYTES,
    MODULE_MM,
    QUIET_ZONE_MODULES,
    SOFT_LIMIT_URL_BYTES,
    SOFT_LIMIT_VERSION,
    TARGET_URL_BYTES,
    BadgeQrError,
    Dictionary,
    Form,
    UnknownDictionaryError,
    UnknownLayoutError,
    from_base45,
    from_digits,
    pack,
    packed_size,
    print_size_mm,
    qr_segments,
    read_text,
    smallest_version,
    to_base45,
    to_desk_text,
    to_digits,
    to_url_text,
    unpack,
)

# The worked example of DESK section 3.
HEADER = b'{"alg":"ES256","kid":"did:web:badges.example#k1","typ":"vc+jwt"}'
TEMPLATE = b'{"iss":"did:web:badges.example","name":"Contributor 2026","sub":"urn:uuid:","nbf":1790000000}'
DICTIONARY = Dictionary.parse(HEADER + b"\n" + TEMPLATE)
DICTIONARIES = {DICTIONARY.id: DICTIONARY}
PAYLOAD = (
    b'{"iss":"did:web:badges.example","name":"Contributor 2026",'
    b'"sub":"urn:uuid:6f1c1c0e-52d1-4b57-9c55-6a4a6e0a7d11","nbf":1790932440}'
)
DESK_TEXT = (
    "OB1:9701LSKSDOG16EU.70CT28HD3:3FTMJY00.128AR:F9DRND3JLM*.GFYA8HDP6ET86RE2WVB*RG40TR-D.CPVCEN%VL02RND9$96ABWJ"
    "KZ2LCMSEFDKLPRIPPKL-0LAB5:NN:D9Q7T 2J23LIPNAFHTGHPGLMJHAB5Y1HP%11R6OF6MC6KS0"
)
PACKED = read_text(DESK_TEXT)
JWT = unpack(PACKED, dictionaries=DICTIONARIES)


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(payload: bytes, *, header: bytes = HEADER, signature: bytes = bytes(64)) -> str:
    return ".".join(map(b64u, (header, payload, signature)))


def packed_with_body(body: bytes) -> bytes:
    return b"\x01" + bytes.fromhex(DICTIONARY.id) + bytes(64) + body


def deflated(payload: bytes, *, template: bytes = TEMPLATE) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=template)
    return deflate.compress(payload) + deflate.flush()


# ── the worked example ──────────────────────────────────────────────────────────────────────────────────────


def test_the_worked_dictionary_has_its_size_and_id() -> None:
    assert len(DICTIONARY.file) == 158
    assert DICTIONARY.id == "44e12e6b"
    assert DICTIONARY.sha256.startswith(DICTIONARY.id)
    assert (DICTIONARY.header, DICTIONARY.template) == (HEADER, TEMPLATE)


def test_the_worked_badge_unpacks_to_its_jwt() -> None:
    assert len(PACKED) == 120
    assert JWT.split(".")[1] == b64u(PAYLOAD)
    assert hashlib.sha256(JWT.encode()).hexdigest() == (
        "27827fe826b46668ffc46ea9b6fa6484edbb9df740decd6f897943b49633d988"
    )


def test_the_worked_badge_packs_again_and_reads_in_both_forms() -> None:
    packed = pack(JWT, dictionary=DICTIONARY)
    assert unpack(packed, dictionaries=DICTIONARIES) == JWT
    assert to_desk_text(PACKED) == DESK_TEXT
    url = to_url_text(PACKED, host="badges.example.org")
    digits = url.removeprefix("https://badges.example.org/v#")
    assert digits.startswith("0035720891385985059091921018361079")
    assert digits.endswith("677000")
    assert read_text(url) == PACKED


# ── round trips ─────────────────────────────────────────────────────────────────────────────────────────────

BYTES = st.binary(max_size=40)


@given(BYTES)
def test_digits_give_the_bytes_back(data: bytes) -> None:
    assert from_digits(to_digits(data)) == data


@given(BYTES)
def test_base45_gives_the_bytes_back_and_never_ends_in_a_space(data: bytes) -> None:
    text = to_base45(data)
    assert from_base45(text) == data
    assert not text.endswith(" ")


@given(st.binary(min_size=64, max_size=64), st.text(max_size=60), st.binary(max_size=200))
def test_any_badge_comes_back_byte_for_byte(signature: bytes, name: str, template: bytes) -> None:
    dictionary = Dictionary.parse(HEADER + b"\n" + template)
    jwt = compact(json.dumps({"name": name}).encode(), signature=signature)
    packed = pack(jwt, dictionary=dictionary)
    assert unpack(packed, dictionaries={dictionary.id: dictionary}) == jwt
    assert read_text(to_desk_text(packed)) == packed
    assert read_text(to_url_text(packed, host="badges.example:8443")) == packed


@given(st.binary(max_size=300))
def test_the_size_is_known_before_signing(claims: bytes) -> None:
    assert packed_size(claims, dictionary=DICTIONARY) == len(pack(compact(claims), dictionary=DICTIONARY))


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_unpacker(data: bytes) -> None:
    for packed in (data, packed_with_body(data)):
        try:
            unpack(packed, dictionaries=DICTIONARIES)
        except BadgeQrError:
            continue


@given(st.text(max_size=80), st.sampled_from(["", "OB1:", "https://h/v#"]))
def test_no_text_crashes_the_reader(text: str, prefix: str) -> None:
    try:
        read_text(prefix + text)
    except BadgeQrError:
        return


def test_the_rfc_9285_examples_reproduce() -> None:
    for plain, text in (
        (b"AB", "BB8"),
        (b"Hello!!", "%69 VD92EX0"),
        (b"base-45", "UJCLQE7W581"),
        (b"ietf!", "QED8WEX0"),
    ):
        assert to_base45(plain) == text
        assert from_base45(text) == plain


def test_the_digit_examples_of_the_desk_page_reproduce() -> None:
    assert to_digits(bytes(range(8))) == "00001108152157446" + "007"
    assert to_digits(b"\xff" * 7) == "72057594037927935"


@pytest.mark.parametrize(("size", "digits"), [(1, 3), (2, 5), (3, 8), (4, 10), (5, 13), (6, 15), (7, 17)])
def test_each_size_of_the_last_group_has_its_own_length(size: int, digits: int) -> None:
    assert len(to_digits(b"\xff" * size)) == digits
    assert from_digits(to_digits(b"\xff" * size)) == b"\xff" * size


# ── what the packer refuses (section 1) ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("jwt", "sentence"),
    [
        ("", "three parts"),
        ("a.b", "three parts"),
        (JWT + ".x", "three parts"),
        (JWT + "=", "signature is not canonical"),
        (JWT + "\n", "signature is not canonical"),
        (JWT[:-1] + "h", "signature is not canonical"),
        (JWT.replace(".", ".+", 1), "payload is not canonical"),
        ("A" + JWT, "header is not canonical|not the header"),
        (compact(PAYLOAD, header=HEADER + b" "), "not the header of dictionary 44e12e6b"),
        (compact(PAYLOAD, signature=bytes(63)), "64 bytes"),
        (compact(PAYLOAD, signature=bytes(256)), "64 bytes"),
        (compact(bytes(MAX_PAYLOAD_BYTES + 1)), "16385 bytes, and at most 16384"),
        (compact(hashlib.shake_256(b"noise").digest(1000)), "71 to 1024 bytes"),
    ],
)
def test_what_cannot_come_back_is_not_packed(jwt: str, sentence: str) -> None:
    with pytest.raises(BadgeQrError, match=sentence):
        pack(jwt, dictionary=DICTIONARY)


def test_a_stray_bit_in_the_signature_is_refused() -> None:
    last = JWT[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = JWT[:-1] + alphabet[alphabet.index(last) + 1]
    with pytest.raises(BadgeQrError, match="canonical"):
        pack(stray, dictionary=DICTIONARY)


def test_claims_that_are_too_long_have_no_packed_size() -> None:
    with pytest.raises(BadgeQrError, match="at most 16384"):
        packed_size(bytes(MAX_PAYLOAD_BYTES + 1), dictionary=DICTIONARY)


# ── what the unpacker refuses (section 1) ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [0, 70, MAX_PACKED_BYTES + 1])
def test_a_packed_badge_of_a_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(BadgeQrError, match="71 to 1024 bytes"):
        unpack(bytes(size), dictionaries=DICTIONARIES)


def test_the_shortest_and_the_longest_sizes_are_read() -> None:
    assert unpack(packed_with_body(b"\x03\x00"), dictionaries=DICTIONARIES).split(".")[1] == ""
    padded = PACKED + bytes(MAX_PACKED_BYTES - len(PACKED))
    assert unpack(padded, dictionaries=DICTIONARIES) == JWT


@pytest.mark.parametrize("layout", [0x00, 0x02, 0xFF])
def test_another_layout_is_unknown_and_not_invalid(layout: int) -> None:
    with pytest.raises(UnknownLayoutError, match="update") as caught:
        unpack(bytes([layout]) + PACKED[1:], dictionaries=DICTIONARIES)
    assert caught.value.layout == layout


def test_another_dictionary_is_unknown_and_not_invalid() -> None:
    with pytest.raises(UnknownDictionaryError, match="update") as caught:
        unpack(PACKED, dictionaries={})
    assert caught.value.dictionary_id == "44e12e6b"


def test_a_dictionary_filed_under_a_wrong_id_is_not_used() -> None:
    other = Dictionary.parse(HEADER + b"\nother")
    with pytest.raises(UnknownDictionaryError):
        unpack(PACKED, dictionaries={DICTIONARY.id: other})


def test_a_payload_is_inflated_up_to_the_cap_and_no_further() -> None:
    fits = packed_with_body(deflated(bytes(MAX_PAYLOAD_BYTES)))
    assert len(unpack(fits, dictionaries=DICTIONARIES).split(".")[1]) == (MAX_PAYLOAD_BYTES * 4 + 2) // 3
    bomb = packed_with_body(deflated(bytes(900_000)))
    assert len(bomb) <= MAX_PACKED_BYTES
    with pytest.raises(BadgeQrError, match="more than 16384"):
        unpack(bomb, dictionaries=DICTIONARIES)
    with pytest.raises(BadgeQrError, match="more than 16384"):
        unpack(packed_with_body(deflated(bytes(MAX_PAYLOAD_BYTES + 1))), dictionaries=DICTIONARIES)


def test_a_truncated_stream_is_refused() -> None:
    with pytest.raises(BadgeQrError, match="breaks off"):
        unpack(PACKED[:-2], dictionaries=DICTIONARIES)


def test_a_bad_block_is_refused() -> None:
    with pytest.raises(BadgeQrError, match="damaged"):
        unpack(packed_with_body(b"\xff" * 10), dictionaries=DICTIONARIES)


def test_bytes_after_the_stream_are_ignored() -> None:
    assert unpack(PACKED + b"\xde\xad", dictionaries=DICTIONARIES) == JWT


# ── dictionaries (section 2) ────────────────────────────────────────────────────────────────────────────────


def test_a_dictionary_is_split_at_its_first_line_feed() -> None:
    dictionary = Dictionary.parse(b"{}\na\nb")
    assert (dictionary.header, dictionary.template) == (b"{}", b"a\nb")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "no line feed"),
        (HEADER, "no line feed"),
        (b"\n" + TEMPLATE, "1 to 512 bytes"),
        (b"h" * 513 + b"\n", "1 to 512 bytes"),
        (HEADER + b"\n" + bytes(8_192 - len(HEADER)), "at most 8192 bytes"),
    ],
)
def test_a_file_that_is_no_dictionary_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(BadgeQrError, match=sentence):
        Dictionary.parse(data)


def test_the_largest_dictionary_and_the_smallest_are_read() -> None:
    assert len(Dictionary.parse(b"h" * 512 + b"\n" + bytes(8_192 - 513)).file) == 8_192
    assert Dictionary.parse(b"h\n").template == b""


# ── texts (section 3) ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("digits", "sentence"),
    [
        ("1", "group of 1"),
        ("0000", "group of 4"),
        ("0" * 17 + "00", "group of 2"),
        ("256", "beyond 1 bytes"),
        ("65536", "beyond 2 bytes"),
        ("72057594037927936", "beyond 7 bytes"),
        ("00a", "not 0 to 9"),
        ("-01", "not 0 to 9"),
        ("1_0", "not 0 to 9"),
        ("٠٠١", "not 0 to 9"),
        ("001\n", "not 0 to 9"),
    ],
)
def test_digits_that_no_bytes_give_are_refused(digits: str, sentence: str) -> None:
    with pytest.raises(BadgeQrError, match=sentence):
        from_digits(digits)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A", "single character"),
        ("BB8A", "single character"),
        ("bb8", "'b' is not in"),
        ("BB\n", r"'\\n' is not in"),
        ("BBé", "is not in"),
        (":::", "beyond 2 bytes"),
        ("GGW", "beyond 2 bytes"),
        ("::", "beyond 1 bytes"),
        ("V5", "beyond 1 bytes"),
    ],
)
def test_base45_that_no_bytes_give_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(BadgeQrError, match=sentence):
        from_base45(text)


def test_the_largest_base45_groups_are_read() -> None:
    assert from_base45("FGW") == b"\xff\xff"
    assert from_base45("U5") == b"\xff"


@pytest.mark.parametrize(
    "address",
    [
        "https://badges.example.org/v",
        "HTTPS://badges.example.org/v",
        "https://other.example/deep/path/v",
        "https://[::1]:8443/v",
        "https://badges.example/v?from=poster",
    ],
)
def test_the_url_form_is_read_whatever_its_host(address: str) -> None:
    assert read_text(f"{address}#{to_digits(PACKED)}") == PACKED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "http://badges.example.org/v#001",
        "https://badges.example.org/verify#001",
        "https://badges.example.org/V#001",
        "https://badges.example.org/v/#001",
        "https:///v#001",
        "https://badges.example.org#/v",
        "https://badges.example.org/v",
        "https://badges.example.org/v#",
        " https://badges.example.org/v#001",
        "javascript:https://badges.example.org/v#001",
        "ob1:BB8",
        " OB1:BB8",
        "OB2:BB8",
    ],
)
def test_a_text_of_neither_form_is_refused(text: str) -> None:
    with pytest.raises(BadgeQrError, match="not the text of a badge"):
        read_text(text)


def test_only_the_first_hash_divides_address_and_digits() -> None:
    with pytest.raises(BadgeQrError, match="not 0 to 9"):
        read_text("https://badges.example.org/v#001#001")


def test_spaces_inside_the_desk_form_are_kept() -> None:
    assert " " in DESK_TEXT
    with pytest.raises(BadgeQrError):
        read_text(DESK_TEXT.replace(" ", ""))
    with pytest.raises(BadgeQrError):
        read_text(DESK_TEXT + " ")


def test_a_text_is_read_up_to_3000_characters_and_no_further() -> None:
    assert len(read_text("https://h/v#" + "0" * 2_975)) == 1_225
    with pytest.raises(BadgeQrError, match="at most 3000 characters, not 3001"):
        read_text("OB1:" + "0" * 2_997)


@pytest.mark.parametrize(
    "host", ["", "badges.example/x", "Badges.example", "a b", "h#", "user@h", "-h", "h:port", "hôte"]
)
def test_no_url_is_written_for_what_is_no_host(host: str) -> None:
    with pytest.raises(BadgeQrError, match="host"):
        to_url_text(PACKED, host=host)


# ── segments and budgets (sections 3 and 4) ─────────────────────────────────────────────────────────────────


def test_the_segments_of_both_forms_are_explicit() -> None:
    url = to_url_text(PACKED, host="badges.example.org")
    assert qr_segments(url) == [("https://badges.example.org/v#", "byte"), (to_digits(PACKED), "numeric")]
    assert qr_segments(DESK_TEXT) == [(DESK_TEXT, "alphanumeric")]
    with pytest.raises(BadgeQrError):
        qr_segments("https://badges.example.org/b/4711")


@pytest.mark.parametrize(
    ("version", "desk", "url"),
    [
        (10, 204, 180),
        (11, 241, 217),
        (12, 276, 253),
        (13, 319, 296),
        (14, 349, 327),
        (15, 397, 376),
        (16, 434, 414),
        (17, 486, 467),
        (18, 541, 522),
        (20, 644, 627),
    ],
)
def test_the_table_of_the_desk_page_is_what_we_compute(version: int, desk: int, url: int) -> None:
    sizes: tuple[tuple[Form, int], ...] = (("desk", desk), ("url", url))
    for form, fits in sizes:
        assert smallest_version(fits, form=form) == version
        assert smallest_version(fits + 1, form=form) == (version + 1 if version < 20 else None)


def test_the_capacities_agree_with_a_qr_encoder() -> None:
    for version in range(1, 21):
        blocks = qrcode.base.rs_blocks(version, qrcode.constants.ERROR_CORRECT_M)
        capacity = 8 * sum(block.data_count for block in blocks)
        fits = [size for size in range(700) if (smallest_version(size, form="desk") or 99) <= version]
        assert alphanumeric_bits(fits[-1], version) <= capacity < alphanumeric_bits(fits[-1] + 1, version)


def alphanumeric_bits(size: int, version: int) -> int:
    characters = len(to_desk_text(bytes(size)))
    return 4 + (9 if version < 10 else 11) + characters // 2 * 11 + characters % 2 * 6


def test_the_named_limits_are_the_versions_that_they_name() -> None:
    assert smallest_version(TARGET_URL_BYTES, form="url") == 14
    assert smallest_version(SOFT_LIMIT_URL_BYTES, form="url") == SOFT_LIMIT_VERSION
    assert smallest_version(HARD_LIMIT_URL_BYTES, form="url") == HARD_LIMIT_VERSION
    assert smallest_version(HARD_LIMIT_URL_BYTES + 1, form="url") == HARD_LIMIT_VERSION + 1


def test_a_longer_address_costs_room() -> None:
    assert smallest_version(TARGET_URL_BYTES, form="url", prefix_characters=40) == 15


def test_every_print_size_keeps_its_modules_wide_enough() -> None:
    for version in range(1, HARD_LIMIT_VERSION + 1):
        modules = 17 + 4 * version + 2 * QUIET_ZONE_MODULES
        assert print_size_mm(version) / modules >= MODULE_MM
    with pytest.raises(BadgeQrError, match="not in version 18"):
        print_size_mm(18)
