"""The YAML that people write by hand: read exactly, or refused in one sentence with its line."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.strict_yaml import MAX_DOCUMENT_BYTES, StrictYamlError, loads


def test_values_are_exact() -> None:
    text = b"a: 0.1\nb: 7\nc: 2027-01-15T09:00:00+01:00\nd: 2027-01-15\ne: [x, true, null]\nf: {g: -0}\n"
    assert loads(text) == {
        "a": Decimal("0.1"),
        "b": 7,
        "c": datetime(2027, 1, 15, 8, tzinfo=UTC),
        "d": date(2027, 1, 15),
        "e": ["x", True, None],
        "f": {"g": 0},
    }
    assert isinstance(loads(b"a: 1.0")["a"], Decimal)


def test_byte_order_mark_is_passed_over() -> None:
    assert loads("a: ä".encode("utf-8-sig")) == {"a": "ä"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the field 'a' is given twice"),
        ("a: {b: 1, b: 1}", "line 1: the field 'b' is given twice"),
        ("x:\n  - {y: 1, y: 1}", "line 2: the field 'y' is given twice"),
        ("1: a", "line 1: 1 is no name for a field"),
        ("a: 1\nyes: b", "line 2: True is no name"),
        ("? [a]\n: b", "is no name for a field"),
        ("a: &x {b: 1}\nc: *x", "line 2: a reference to another part"),
        ("a: &x [*x]", "line 1: a reference"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "line 3: a reference"),
        ("a:\n  <<: {b: 1}", "is no name|could not determine"),
        ("a: 010", "line 1: '010' is no whole number"),
        ("a: 0x10", "'0x10' is no whole number"),
        ("a: 0b10", "is no whole number"),
        ("a: 1_000", "is no whole number"),
        ("a: +1", "is no whole number"),
        ("a: 1:30", "is no whole number"),
        ("a: " + "9" * 5000, "is no whole number"),
        ("a: !!int x", "is no whole number"),
        ("a: .inf", "is not a finite number"),
        ("a: -.INF", "is not a finite number"),
        ("a: .nan", "is not a finite number"),
        ("a: 1:30.5", "is not a finite number"),
        ("a: !!float x", "is not a finite number"),
        ("a: 2027-01-15T09:00:00", "line 1: .* has no time zone"),
        ("a: 2027-01-15 09:00:00", "has no time zone"),
        ("a: 2027-02-30", "no date that exists"),
        ("a: 2027-01-15T25:00:00Z", "no date that exists"),
        ("a: 2027-01-15T09:00:00+99:00", "no date that exists"),
        ("a: !!timestamp x", "no date that exists"),
        ("a: !!bool maybe", "no YAML that is read here"),
        ("a: !!python/object/apply:os.system [x]", "line 1: could not determine a constructor"),
        ("a: !thing x", "line 1: could not determine a constructor"),
        ("a: [", "line 1|line 2"),
        ("a: b: c", "line 1: mapping values are not allowed"),
        ("a: 1\n---\nb: 2", "line 2|document"),
        ("\ta: 1", "line 1"),
        ("a: \x00", "no YAML"),
        ("", "holds no fields"),
        ("- a", "holds no fields"),
        ("just words", "holds no fields"),
        ("a: " + "[" * 5000 + "]" * 5000, "no YAML"),
    ],
)
def test_anything_doubtful_is_refused_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(StrictYamlError, match=sentence) as caught:
        loads(text.encode())
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_document_that_is_too_large_or_no_utf8_is_refused() -> None:
    with pytest.raises(StrictYamlError, match="at most 262144 are read"):
        loads(b"a" * (MAX_DOCUMENT_BYTES + 1))
    with pytest.raises(StrictYamlError, match="not UTF-8 at byte 3"):
        loads(b"a: \xff")


@given(
    st.binary(max_size=80)
    | st.text(max_size=80).map(str.encode)
    | st.text("{}[]:,&*!|>-?#'\" \n1a.", max_size=60).map(str.encode)
)
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        assert isinstance(loads(data), dict)
    except StrictYamlError as error:
        assert str(error)
