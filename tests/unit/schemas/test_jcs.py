"""One value, one text: RFC 8785 against its published data, and what must hold for every value."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import strict_json
from schemas.jcs import CanonicalJsonError, canonicalise

NAMES = ["arrays", "french", "structures", "unicode", "values", "weird"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-strict_json.MAX_INTEGER, strict_json.MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", NAMES)
def test_the_published_examples_come_out_byte_for_byte(name: str, shared: Path) -> None:
    folder = shared / "vectors" / "jcs"
    made = canonicalise(strict_json.loads((folder / "input" / f"{name}.json").read_bytes()))

    assert made == (folder / "output" / f"{name}.json").read_bytes()
    assert made == bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text())


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
    ],
)
def test_numbers_are_written_as_ecmascript_does(bits: str, text: str) -> None:
    number = struct.unpack(">d", bytes.fromhex(bits))[0]

    assert canonicalise(number) == text.encode()


@pytest.mark.parametrize(
    ("number", "text"), [(1.0, "1"), (100.0, "100"), (4.5, "4.5"), (2e-3, "0.002"), (1e30, "1e+30"), (-7, "-7")]
)
def test_two_spellings_of_a_number_have_one_form(number: float, text: str) -> None:
    assert canonicalise(number) == text.encode()


def test_members_stand_in_the_order_of_utf_16_and_not_of_code_points() -> None:
    assert canonicalise({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


def test_only_what_json_must_escape_is_escaped() -> None:
    assert (
        canonicalise('\b\t\n\f\r"\\/\x00\x1f\x7f\u2028é')
        == '"\\b\\t\\n\\f\\r\\"\\\\/\\u0000\\u001f\x7f\u2028é"'.encode()
    )


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, 2**53, "\ud800", {"\udfff": 1}, b"bytes", {1: "a number as name"}, (1,), [set()]],
)
def test_what_has_no_canonical_form_is_refused_in_one_sentence(value: Any) -> None:
    with pytest.raises(CanonicalJsonError) as refused:
        canonicalise(value)
    assert str(refused.value).count(".") == 1


def test_nesting_without_end_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(CanonicalJsonError, match="deeply"):
        canonicalise(deep)


@given(VALUES)
def test_the_canonical_form_says_the_same_and_is_its_own_canonical_form(value: Any) -> None:
    made = canonicalise(value)
    again = json.loads(made, parse_int=float)  # as ECMAScript reads it: every number is a double

    assert again == value
    assert canonicalise(again) == made


@given(st.dictionaries(TEXTS, st.integers(0, 9), min_size=2, max_size=6))
def test_the_order_in_which_members_arrive_does_not_matter(members: dict[str, int]) -> None:
    assert canonicalise({**members}) == canonicalise(dict(reversed(members.items())))
