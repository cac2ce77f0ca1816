"""A series of codes comes back whole in any order, and nothing of it is believed before it is whole."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import base64url
from tests.unit.verifier.desk.keys import bundle
from verifier.desk import pictures
from verifier.desk.errors import CodesError
from verifier.desk.formats import codes

PARTS = st.binary(max_size=600).map(base64url.encode)
TOKENS = st.lists(st.tuples(PARTS, PARTS, PARTS).map(".".join), min_size=1, max_size=6)


@given(TOKENS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_any_tokens_come_back_in_any_order_of_codes(tokens: list[str], order: random.Random) -> None:
    texts = [*codes.write("journal", tokens), *codes.write("journal", tokens)[:2]]
    order.shuffle(texts)

    assert codes.read(texts) == ("journal", tuple(tokens))


def test_a_bundle_comes_back_and_each_code_is_one_that_phones_read() -> None:
    made = bundle().token
    texts = codes.write("bundle", [made])

    assert len(texts) > 2
    assert codes.read(reversed(texts)) == ("bundle", (made,))
    assert max(map(len, texts)) <= 600  # V15-M, alphanumeric


def test_the_missing_codes_are_named() -> None:
    texts = codes.write("bundle", [bundle().token])
    collected = codes.Collected()
    collected.add(texts[0])
    collected.add(texts[2])

    assert collected.missing[0] == 2
    with pytest.raises(CodesError, match=rf"^{len(texts) - 2} of {len(texts)} codes are missing: 2"):
        collected.tokens()


def test_a_code_that_was_misread_is_found() -> None:
    texts = list(codes.write("bundle", [bundle().token]))
    beginning, _, body = texts[1].rpartition("/")
    texts[1] = f"{beginning}/{'0' if body[0] != '0' else '1'}{body[1:]}"

    with pytest.raises(CodesError):
        codes.read(texts)


@pytest.mark.parametrize(
    "text",
    ["", "OB1:ABC", "OB1B:", "OB1B:00/1/1/AB", "OB1X:" + "0" * 32 + "/1/1/AB", "OB1B:" + "0" * 32 + "/2/1/AB"],
)
def test_what_is_no_code_of_a_series_is_one_sentence(text: str) -> None:
    with pytest.raises(CodesError, match=r"\.$"):
        codes.Collected().add(text)


def test_codes_of_two_series_do_not_mix() -> None:
    one, other = codes.write("bundle", [bundle().token]), codes.write("bundle", [bundle(version=8).token])
    collected = codes.Collected()
    collected.add(one[0])

    with pytest.raises(CodesError, match="another series"):
        collected.add(other[1])


def test_the_worked_example() -> None:
    text = "OB1J:3AB2E048C445D85F36876A5E5FBB1519/1/1/FPCC8C:PLJ$CJJIHQ1GR9"

    assert codes.write("journal", ["e30.e30.AAEC"]) == (text,)
    assert codes.read([text]) == ("journal", ("e30.e30.AAEC",))


def test_a_drawn_code_is_read_by_another_reader() -> None:
    import io

    import resvg_py
    import zxingcpp
    from PIL import Image

    text = codes.write("bundle", [bundle().token])[0]
    png = bytes(resvg_py.svg_to_bytes(svg_string=pictures.draw(text)))

    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L"))
    assert found.text == text
