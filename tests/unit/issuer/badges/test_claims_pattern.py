"""A pattern reads what the plain way reads, and nothing that differs where nothing should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer.badges.claims_pattern import ClaimsPattern, Path
from schemas import strict_json
from schemas.strict_json import JsonObject, JsonValue

PATHS: list[Path] = [("id",), ("credentialSubject", "identifier", 1, "salt"), ("narrative",)]


def claims(
    *, name: str = "A. (b) [c] $", jti: str = "urn:uuid:1", salt: str = "ab", why: str = "Why", **others: JsonValue
) -> JsonObject:
    subject: JsonObject = {"id": "urn:uuid:2", "identifier": [{"salt": "fixed"}, {"salt": salt}]}
    document: JsonObject = {"id": jti, "credentialSubject": subject, "narrative": why, "name": name}
    return {**document, "iss": "did:web:a", "sub": "urn:uuid:2", "jti": jti, "nbf": 1_800_000_000} | others


PATTERN = ClaimsPattern(strict_json.dumps(claims()), paths=PATHS)


@given(st.text(), st.text(), st.text(), st.integers(0, 10**11))
def test_what_it_reads_is_what_stands_there(jti: str, salt: str, why: str, nbf: int) -> None:
    try:
        text = strict_json.dumps(claims(jti=jti, salt=salt, why=why, nbf=nbf))
    except strict_json.StrictJsonError:
        return
    found, own = PATTERN.values(text), [jti, salt, why]
    if found is None:
        as_it_is = "[" + ",".join(f'"{one}"' for one in own) + "]"
        assert strict_json.dumps(own) != as_it_is, "only where one needs an escape"
    else:
        assert list(found) == own


@pytest.mark.parametrize(
    "text",
    [
        strict_json.dumps(claims(name="Another")),
        strict_json.dumps(claims(iss="did:web:b")),
        strict_json.dumps(claims(added=1)),
        strict_json.dumps(claims(nbf=1.5)),
        strict_json.dumps(claims(why='with "quotes"')),
        strict_json.dumps(claims()).replace('"name"', ' "name"'),
        strict_json.dumps(claims()) + "\n",
        strict_json.dumps(claims())[:-1],
        strict_json.dumps(claims(salt="\n")),
    ],
)
def test_what_differs_elsewhere_is_not_its_affair(text: str) -> None:
    assert PATTERN.values(strict_json.dumps(claims())) == ("urn:uuid:1", "ab", "Why")
    assert PATTERN.values(text) is None


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (strict_json.dumps(claims()).replace(",", ", "), PATHS),
        (strict_json.dumps(claims(vc={})), PATHS),
        (strict_json.dumps(claims(name="\ue000")), PATHS),
        (strict_json.dumps(claims()), [("nbf",)]),
        (strict_json.dumps(claims()), [("credentialSubject",)]),
    ],
    ids=["spaces", "of VCDM 1.1", "with the mark", "a number", "an object"],
)
def test_no_pattern_is_made_of_other_claims(text: str, paths: list[Path]) -> None:
    with pytest.raises(ValueError, match="These claims"):
        ClaimsPattern(text, paths=paths)
