"""A credential and its JWT claims: each repeats a member, and setting them aside gives the document back."""

from typing import Any

import pytest

from schemas.claims import REGISTERED_CLAIMS, claims_of, document_of
from tests.unit.schemas.test_credential import REFERENCE, document


def test_claims_repeat_the_members() -> None:
    claims = claims_of(document())
    assert {name: claims[name] for name in ("iss", "sub", "jti", "nbf", "exp")} == {
        "iss": "did:web:badges.example.org",
        "sub": REFERENCE,
        "jti": document()["id"],
        "nbf": 1795338000,
        "exp": 1806537599,
    }


def test_document_comes_back_with_its_members_in_order() -> None:
    assert document_of(claims_of(document())) == document()
    assert list(claims_of(document()))[: len(document())] == list(document())


def test_issuer_by_id_gives_the_same_iss() -> None:
    assert claims_of({**document(), "issuer": "did:web:a.example"})["iss"] == "did:web:a.example"


def test_badge_without_an_end_has_no_exp() -> None:
    endless = {name: value for name, value in document().items() if name != "validUntil"}
    assert "exp" not in claims_of(endless)


def test_claims_that_a_document_asserts_by_itself_do_not_stand() -> None:
    claims = claims_of({**document(), "iss": "did:web:evil.example", "sub": "x", "jti": "y", "nbf": 0, "exp": 0})
    assert claims["iss"] == "did:web:badges.example.org" and claims["sub"] == REFERENCE
    assert claims["exp"] == 1806537599


@pytest.mark.parametrize("name", REGISTERED_CLAIMS)
def test_every_registered_claim_is_set_aside(name: str) -> None:
    assert document_of({**document(), name: "x"}) == document()


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": None},
        {"issuer": {}},
        {"issuer": 7},
        {"credentialSubject": {}},
        {"credentialSubject": None},
        {"credentialSubject": [{"id": "x"}]},
        {"credentialSubject": {"id": 7}},
        {"validFrom": None},
        {"validFrom": "2026-01-01"},
        {"validUntil": None},
        {"validUntil": 7},
    ],
)
def test_badge_that_cannot_be_a_jwt_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        claims_of({**document(), **change})
    with pytest.raises(ValueError, match="needs an issuer, an id"):
        claims_of({name: value for name, value in document().items() if name != "id"})
