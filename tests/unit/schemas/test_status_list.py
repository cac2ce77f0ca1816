"""The status list codec agrees with the standard bit for bit, and expands nothing that it should not."""

import base64
import gzip
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.status_list import (
    MAX_EXPANDED_BYTES,
    MINIMUM_ENTRIES,
    StatusListError,
    decode,
    encode,
    from_indexes,
    is_set,
    parse_index,
    with_bit,
)

EMPTY = from_indexes(())
INDEXES = st.integers(0, MINIMUM_ENTRIES - 1)


def encoded(data: bytes) -> str:
    """Any bytes dressed as an `encodedList`."""
    return "u" + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@given(st.sets(INDEXES, max_size=40))
def test_a_list_comes_back_as_it_was_written(indexes: set[int]) -> None:
    bits = decode(encode(from_indexes(indexes)))
    assert {index for index in indexes if is_set(bits, index)} == indexes
    assert sum(byte.bit_count() for byte in bits) == len(indexes)


def test_index_0_is_the_most_significant_bit_of_the_first_byte() -> None:
    assert from_indexes([0])[:2] == b"\x80\x00"
    assert from_indexes([7, 8])[:2] == b"\x01\x80"
    assert from_indexes([MINIMUM_ENTRIES - 1])[-1] == 0x01


def test_the_smallest_list_is_16_kib() -> None:
    assert len(EMPTY) == 16 * 1024


def test_encoding_is_deterministic_and_plain_gzip() -> None:
    first, second = encode(from_indexes([5, 100_000])), encode(from_indexes([100_000, 5]))
    assert first == second
    padded = first[1:] + "=" * (-len(first[1:]) % 4)
    assert gzip.decompress(base64.urlsafe_b64decode(padded)) == from_indexes([5, 100_000])


def test_the_example_of_the_recommendation_is_an_empty_list() -> None:
    assert decode("uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA") == EMPTY


def test_an_empty_list_is_short_when_encoded() -> None:
    assert len(encode(EMPTY)) < 80


@given(INDEXES, st.booleans())
def test_one_bit_changes_and_no_other(index: int, value: bool) -> None:
    before = from_indexes([1, 8, 4711])
    after = with_bit(before, index, value=value)
    assert is_set(after, index) is value
    assert with_bit(after, index, value=is_set(before, index)) == before


@pytest.mark.parametrize("index", [-1, MINIMUM_ENTRIES])
def test_an_index_outside_the_list_is_a_range_error(index: int) -> None:
    for attempt in (
        lambda: is_set(EMPTY, index),
        lambda: with_bit(EMPTY, index),
        lambda: from_indexes([index]),
    ):
        with pytest.raises(StatusListError, match="outside the status list") as caught:
            attempt()
        assert caught.value.problem == "RANGE_ERROR"


@pytest.mark.parametrize("entries", [0, 8, MINIMUM_ENTRIES - 8, MINIMUM_ENTRIES + 1])
def test_no_list_is_made_below_the_minimum_or_of_broken_bytes(entries: int) -> None:
    with pytest.raises(StatusListError) as caught:
        from_indexes((), entries=entries)
    assert caught.value.problem == "STATUS_LIST_LENGTH_ERROR"


def test_a_list_that_is_too_short_is_neither_written_nor_read() -> None:
    for attempt in (lambda: encode(EMPTY[:-1]), lambda: decode(encoded(gzip.compress(EMPTY[:-1])))):
        with pytest.raises(StatusListError, match="at least 131072") as caught:
            attempt()
        assert caught.value.problem == "STATUS_LIST_LENGTH_ERROR"


def test_a_list_is_read_up_to_the_cap_and_no_further() -> None:
    assert len(decode(encode(bytes(MAX_EXPANDED_BYTES)))) == MAX_EXPANDED_BYTES
    with pytest.raises(StatusListError, match="longer than the 1048576 bytes") as caught:
        decode(encode(bytes(MAX_EXPANDED_BYTES + 1)))
    assert caught.value.problem == "STATUS_LIST_LENGTH_ERROR"


def test_a_list_of_incompressible_bits_still_fits_the_cap() -> None:
    noise = b"".join(zlib.crc32(str(i).encode()).to_bytes(4, "big") for i in range(MAX_EXPANDED_BYTES // 4))
    assert decode(encode(noise)) == noise


def test_a_configured_issuer_may_have_a_higher_cap() -> None:
    bits = bytes(MAX_EXPANDED_BYTES * 2)
    assert decode(encode(bits), max_bytes=len(bits)) == bits


WHOLE = gzip.compress(EMPTY, mtime=0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "does not begin with 'u'"),
        (encode(EMPTY)[1:], "does not begin with 'u'"),
        ("z" + encode(EMPTY)[1:], "does not begin with 'u'"),
        ("u", "not sound GZIP|breaks off"),
        (encode(EMPTY) + "=", "not base64url"),
        (encode(EMPTY) + "\n", "not base64url"),
        ("u" + "A" * 5, "not base64url"),
        ("u+/AA", "not base64url"),
        ("uAB", "canonical"),
        (encoded(EMPTY), "not sound GZIP"),
        (encoded(zlib.compress(EMPTY)), "not sound GZIP"),
        (encoded(WHOLE[:-1]), "breaks off"),
        (encoded(WHOLE[:20]), "breaks off"),
        (encoded(WHOLE[:-8] + bytes(8)), "not sound GZIP"),
        (encoded(WHOLE + WHOLE), "goes on after"),
        (encoded(WHOLE + b"\x00"), "goes on after"),
    ],
)
def test_a_malformed_list_is_refused_with_its_fault(text: str, sentence: str) -> None:
    with pytest.raises(StatusListError, match=sentence) as caught:
        decode(text)
    assert caught.value.problem == "MALFORMED_VALUE_ERROR"


def test_the_optional_file_name_of_a_foreign_list_is_tolerated() -> None:
    named = WHOLE[:3] + b"\x08" + WHOLE[4:10] + b"list.bin\x00" + WHOLE[10:]
    assert decode(encoded(named)) == EMPTY


@pytest.mark.parametrize(("text", "index"), [("0", 0), ("7", 7), ("131071", 131_071)])
def test_an_index_is_read_from_decimal_digits(text: str, index: int) -> None:
    assert parse_index(text) == index


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1 ", "01", "1_0", "1.0", "0x1", "١", "９", "1\n", "9" * 5000]
)
def test_an_index_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(StatusListError) as caught:
        parse_index(text)
    assert caught.value.problem == "MALFORMED_VALUE_ERROR"


@pytest.mark.parametrize(("entries", "characters"), [(131_072, 3_000), (1_048_576, 22_000)])
def test_a_list_with_one_entry_in_a_hundred_set_stays_small(entries: int, characters: int) -> None:
    revoked = random.Random(7).sample(range(entries), entries // 100)
    text = encode(from_indexes(revoked, entries=entries))
    unpacked = gzip.decompress(base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4)))
    assert len(text) < characters
    assert [index for index in range(entries) if unpacked[index // 8] & 0x80 >> index % 8] == sorted(revoked)
