"""The one JSON reader takes what RFC 8259 and every other reader agree on, and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.strict_json import (
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    JsonValue,
    StrictJsonError,
    dumps,
    loads,
    loads_object,
)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: JsonValue) -> None:
    assert loads(dumps(value).encode()) == value


@given(VALUES)
def test_the_library_reader_agrees_on_what_is_accepted(value: JsonValue) -> None:
    text = json.dumps(value)
    assert loads(text) == json.loads(text) == value


def test_bytes_and_text_are_read_alike() -> None:
    assert loads('{"name":"Zoë"}') == loads('{"name":"Zoë"}'.encode()) == {"name": "Zoë"}


def test_members_keep_the_order_of_the_text() -> None:
    assert list(loads_object('{"b":1,"a":2,"c":3}')) == ["b", "a", "c"]


def test_written_json_is_compact_unescaped_and_in_order() -> None:
    assert dumps({"b": ["é", 1, None], "a": {"x": True}}) == '{"b":["é",1,null],"a":{"x":true}}'


def test_an_escaped_surrogate_pair_is_one_character() -> None:
    assert loads(r'"\ud83d\ude00"') == "\U0001f600"


@pytest.mark.parametrize(
    "text", [r'"\ud800"', r'["\uDC00 x"]', r'{"\udfff":1}', r'{"a":{"b":["\uD83D"]}}', '"\ud800"']
)
def test_a_lone_surrogate_is_refused_everywhere(text: str) -> None:
    with pytest.raises(StrictJsonError, match="lone surrogate"):
        loads(text)


def test_the_place_of_a_lone_surrogate_is_named() -> None:
    with pytest.raises(StrictJsonError) as caught:
        loads(r'{"a":[{"x/y":"\ud800"}]}')
    assert caught.value.where == "/a/0/x~1y"


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', r'{"a":1,"\u0061":2}', '{"x":[{"a":1,"b":2,"a":3}]}'])
def test_a_duplicate_member_is_refused(text: str) -> None:
    with pytest.raises(StrictJsonError, match="'a' stands twice"):
        loads(text)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", '{"a":NaN}'])
def test_numbers_that_json_does_not_know_are_refused(text: str) -> None:
    with pytest.raises(StrictJsonError, match="not a JSON number"):
        loads(text)


def test_integers_are_read_up_to_two_to_the_53_less_one() -> None:
    assert loads("[9007199254740991,-9007199254740991]") == [2**53 - 1, -(2**53) + 1]


@pytest.mark.parametrize("text", ["9007199254740992", "-9007199254740992", "1" * 5000])
def test_larger_integers_are_refused(text: str) -> None:
    with pytest.raises(StrictJsonError, match="beyond 2\\^53-1"):
        loads(text)


@pytest.mark.parametrize("text", ["1e400", "-1.5E+999", "1" * 400 + ".0"])
def test_a_number_that_overflows_is_refused(text: str) -> None:
    with pytest.raises(StrictJsonError, match="too large"):
        loads(text)


def test_invalid_utf8_is_refused_with_its_byte() -> None:
    with pytest.raises(StrictJsonError, match="not valid UTF-8 at byte 2"):
        loads(b'{"\xff":1}')


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf{}", "\ufeff{}"])
def test_a_byte_order_mark_is_refused(data: bytes | str) -> None:
    with pytest.raises(StrictJsonError, match="byte order mark"):
        loads(data)


def test_other_encodings_are_refused() -> None:
    with pytest.raises(StrictJsonError):
        loads('{"a":1}'.encode("utf-16"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{} {}",
        "[1],",
        "{'a':1}",
        "[1,]",
        '{"a" 1}',
        "01",
        "+1",
        ".5",
        '"\x01"',
        "tru",
        "\u00a0{}",
        '"a',
    ],
)
def test_what_rfc_8259_does_not_allow_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(StrictJsonError, match=r"at line 1, column \d+"):
        loads(text)


def test_the_line_of_a_fault_is_named() -> None:
    with pytest.raises(StrictJsonError) as caught:
        loads('{\n  "a": 1,\n  "b" 2\n}')
    assert caught.value.where == "line 3, column 7"


def test_depth_is_allowed_up_to_the_limit_and_no_deeper() -> None:
    assert loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(StrictJsonError, match="more than 32 levels"):
        loads("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_brackets_in_texts_do_not_count_as_depth() -> None:
    text = dumps(["[" * 100 + '"\\' + "{" * 100] * 3)
    assert loads(text) == json.loads(text)


def test_neighbours_do_not_count_as_depth() -> None:
    assert loads("[" + ",".join(["[]"] * 100) + "]") == [[]] * 100


def test_size_is_allowed_up_to_the_limit_and_no_further() -> None:
    fits = b'"' + b"a" * (MAX_DOCUMENT_BYTES - 2) + b'"'
    assert len(str(loads(fits))) == MAX_DOCUMENT_BYTES - 2
    with pytest.raises(StrictJsonError, match="larger than the 262144 bytes"):
        loads(fits + b" ")


def test_the_size_of_a_text_is_counted_in_bytes() -> None:
    with pytest.raises(StrictJsonError, match="larger than the 10 bytes"):
        loads('"ééééé"', max_bytes=10)


@pytest.mark.parametrize(
    ("text", "kind"), [("[]", "an array"), ("null", "null"), ('"a"', "a text"), ("1", "a number")]
)
def test_another_value_is_not_taken_for_an_object(text: str, kind: str) -> None:
    with pytest.raises(StrictJsonError, match=f"this is {kind}"):
        loads_object(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": "\ud800"}, {"a": object()}, b"bytes"])
def test_what_has_no_json_form_is_not_written(value: object) -> None:
    with pytest.raises(StrictJsonError, match="cannot be written"):
        dumps(value)


def test_a_long_name_is_not_repeated_whole_in_the_message() -> None:
    name = "n" * 10_000
    with pytest.raises(StrictJsonError) as caught:
        loads(f'{{"{name}":1,"{name}":2}}')
    assert len(str(caught.value)) < 120
