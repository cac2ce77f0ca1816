"""Base64url in its one spelling: the plain library agrees on every canonical text, and the rest is refused."""

import base64
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import base64url
from schemas.base64url import Base64UrlError

TEXTS = st.text(alphabet="ABYZabyz0189-_", max_size=24) | st.text(alphabet="AQgw09-_+/= \n\r\t.*ä\0", max_size=12)


def plainly(text: str) -> bytes | None:
    """What the library makes of a text, and only if that leads back to the same text."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text, re.ASCII) or len(text) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text else None


@settings(max_examples=2_000)
@given(text=TEXTS)
@example("AA=")
@example("A+/A")
@example("AA\n")
def test_a_text_is_read_exactly_if_the_library_would_write_it(text: str) -> None:
    try:
        assert base64url.decode(text) == plainly(text)
    except Base64UrlError:
        assert plainly(text) is None


@given(data=st.binary(max_size=200))
def test_bytes_come_back(data: bytes) -> None:
    assert base64url.encode(data) == base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert base64url.decode(base64url.encode(data)) == data


@pytest.mark.parametrize(
    ("text", "sentence"), [("AB", "spare bits"), ("A", "not base64url"), ("A=", "not base64url")]
)
def test_a_refusal_says_what_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(Base64UrlError, match=f"The badge is .*{sentence}"):
        base64url.decode(text, what="badge")
