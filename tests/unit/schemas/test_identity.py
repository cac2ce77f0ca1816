"""Identities: hashed as the standard says, matched only by the same value of the same type."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.identity import HOLDER_CODE_TYPE, IdentityObject, hashed, normalised_email, plain


def test_check_value_of_the_standard() -> None:
    made = hashed("a@example.com", identity_type="emailAddress", salt="Kosher")
    assert made.identityHash == "sha256$b5809d8a92f8858436d7e6b87c12ebc0ae1eac4baecc2c0b913aee2c922ef399"
    assert made.matches("a@example.com", identity_type="emailAddress")


def read(digest: str, *, salt: str | None = None, kind: str = "emailAddress") -> IdentityObject:
    return IdentityObject(type="IdentityObject", hashed=True, identityHash=digest, identityType=kind, salt=salt)


def test_md5_is_read_and_upper_case_hex_too() -> None:
    digest = hashlib.md5(b"a@example.comKosher", usedforsecurity=False).hexdigest()
    assert read(f"md5${digest}", salt="Kosher").matches("a@example.com", identity_type="emailAddress")
    sha = hashlib.sha256(b"a@example.com").hexdigest().upper()
    assert read(f"sha256${sha}").matches("a@example.com", identity_type="emailAddress")


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=10))
def test_only_the_same_value_matches(value: str, other: str, salt: str) -> None:
    for made in (hashed(value, identity_type="name", salt=salt), plain(value, identity_type="name")):
        assert made.matches(value, identity_type="name")
        assert made.matches(other, identity_type="name") == (value == other)
        assert not made.matches(value, identity_type="emailAddress")


@pytest.mark.parametrize(
    "digest",
    ["", "sha256$", "sha512$00", "SHA256$" + "0" * 64, "0" * 64, "sha256$" + "é" * 64, "md5$é", "a@example.com"],
)
def test_hash_of_no_known_form_matches_nothing(digest: str) -> None:
    for value in ("", "a@example.com", digest):
        assert not read(digest).matches(value, identity_type="emailAddress")


def test_clear_text_of_any_script_is_compared() -> None:
    assert plain("Zoë Ω", identity_type="name").matches("Zoë Ω", identity_type="name")
    assert not plain("Zoë Ω", identity_type="name").matches("Zoe Ω", identity_type="name")


def test_identity_is_closed_and_frozen() -> None:
    whole = {"type": "IdentityObject", "hashed": False, "identityHash": "x", "identityType": HOLDER_CODE_TYPE}
    made = IdentityObject.model_validate(whole)
    with pytest.raises(ValidationError, match="extra"):
        IdentityObject.model_validate({**whole, "note": "x"})
    with pytest.raises(ValidationError, match="frozen"):
        made.salt = "x"  # type: ignore[misc]


@pytest.mark.parametrize("typed", ["Ada@Books.Example", "  ada@books.example\n", "ADA@BOOKS.EXAMPLE"])
def test_addresses_are_hashed_in_one_spelling(typed: str) -> None:
    assert normalised_email(typed) == "ada@books.example"
