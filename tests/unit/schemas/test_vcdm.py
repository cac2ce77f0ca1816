"""The data model's rules, one by one, and the published documents that obey them."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import jsonld
from schemas.vcdm import DataModelError, check_credential, check_presentation, is_url, version_of
from tests.unit.schemas.published_inputs import expectation, inputs

V2, V1 = "https://www.w3.org/ns/credentials/v2", "https://www.w3.org/2018/credentials/v1"
ISSUER = "did:web:badges.example.org"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "x"]), inner),
    max_leaves=6,
)
MEMBERS = [
    *("@context", "id", "type", "issuer", "credentialSubject", "credentialStatus", "credentialSchema", "evidence"),
    *(
        "termsOfUse",
        "refreshService",
        "relatedResource",
        "proof",
        "name",
        "description",
        "validFrom",
        "validUntil",
    ),
]


def credential(**members: Any) -> dict[str, Any]:
    """A credential that obeys every rule, with other or further members."""
    return {
        "@context": [V2],
        "type": ["VerifiableCredential"],
        "issuer": ISSUER,
        "credentialSubject": {"id": "did:example:subject"},
        **members,
    }


def older(**members: Any) -> dict[str, Any]:
    """The same by the older data model."""
    return credential(**{"@context": [V1], "issuanceDate": "2020-01-01T00:00:00Z", **members})


def presentation(*credentials: Any, **members: Any) -> dict[str, Any]:
    held = {"verifiableCredential": list(credentials)} if credentials else {}
    return {"@context": [V2], "type": ["VerifiablePresentation"], **held, **members}


def without(document: dict[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != member}


def envelope(identity: object = "data:application/vc+jwt,e30.e30.AA", **members: Any) -> dict[str, Any]:
    return {"@context": V2, "id": identity, "type": "EnvelopedVerifiableCredential", **members}


def refusal(name: str, document: dict[str, Any]) -> str | None:
    """What is wrong with a document by the rules, and if nothing is, by JSON-LD."""
    check = check_presentation if name.startswith("presentation-") else check_credential
    try:
        assert check(document) == "2.0"
        jsonld.to_quads({member: value for member, value in document.items() if member != "proof"})
    except (DataModelError, jsonld.JsonLdError) as error:
        return str(error)
    return None


def test_rules_and_json_ld_together_sort_every_published_document_as_it_says(shared: Path) -> None:
    """54 + 11 good ones, 39 + 10 + 3 bad ones; no name is listed here."""
    sorted_so = [
        (expectation(name), "ok" if (said := refusal(name, document)) is None else "fail", name, said)
        for name, document in inputs(shared, issuer=ISSUER)
        if expectation(name) is not None
    ]
    assert [found for found in sorted_so if found[0] != found[1]] == []
    assert [found[1] for found in sorted_so].count("ok") == 54 + 11
    assert [found[1] for found in sorted_so].count("fail") == 39 + 10 + 3


def test_the_published_self_asserted_presentations_obey_the_rules(shared: Path) -> None:
    """Who presents whose credential is no question of the data model."""
    undecided = [document for name, document in inputs(shared, issuer=ISSUER) if expectation(name) is None]
    assert [check_presentation(document) for document in undecided] == ["2.0"] * 3


def test_the_published_examples_beside_the_schema_obey_the_rules(shared: Path) -> None:
    folder = shared / "vectors" / "w3c-vc-schemas"
    credentials = [json.loads(file.read_text()) for file in folder.glob("verifiable-credential/example-*.json")]
    presentations = [
        json.loads(file.read_text()) for file in folder.glob("verifiable-presentation/example-*.json")
    ]

    assert {check_credential(document) for document in credentials} == {"2.0"}
    assert {check_presentation(document) for document in presentations} == {"2.0"}


def test_the_first_context_says_which_data_model_is_followed() -> None:
    assert version_of(credential()) == check_credential(credential()) == "2.0"
    assert version_of(older()) == check_credential(older()) == "1.1"
    assert version_of({"@context": V2}) == "2.0"


@pytest.mark.parametrize(
    "context",
    [
        *(None, [], "", {}, [None], [{"@vocab": "x:"}, V2], ["https://example.org/", V2], f"{V2}/", [[V2]]),
        *([V2, None], [V2, 1], [V2, "https ://example.org"], [V2, "context.json"], [V2, [{}]], [V1.upper()]),
    ],
)
def test_any_other_beginning_or_kind_of_context_is_refused(context: Any) -> None:
    with pytest.raises(DataModelError, match="@context"):
        check_credential(credential(**{"@context": context}))


@pytest.mark.parametrize("member", ["@context", "type", "issuer", "credentialSubject"])
def test_what_every_credential_has_is_missed_by_its_name(member: str) -> None:
    with pytest.raises(DataModelError, match=member):
        check_credential(without(credential(), member))


@pytest.mark.parametrize("document", [None, "x", 1, True, [], [credential()]])
def test_what_is_no_object_is_not_parsed_at_all(document: Any) -> None:
    for check in (check_credential, check_presentation):
        with pytest.raises(DataModelError, match="a JSON object was expected") as refused:
            check(document)
        assert refused.value.problem == "PARSING_ERROR"


@pytest.mark.parametrize(
    ("member", "value", "named"),
    [
        ("type", [], "type"),
        ("type", "OtherCredential", "type"),
        ("type", ["VerifiableCredential", 1], "type"),
        ("type", ["VerifiableCredential", ""], "type"),
        ("type", {"id": "VerifiableCredential"}, "type"),
        ("id", None, "id"),
        ("id", "", "id"),
        ("id", "badge-1", "id"),
        ("id", ["https://a.example/1"], "id"),
        ("issuer", None, "issuer"),
        ("issuer", 5, "issuer"),
        ("issuer", [ISSUER], "issuer"),
        ("issuer", "fake-issuer", "issuer"),
        ("issuer", {}, "issuer.id"),
        ("issuer", {"id": None}, "issuer.id"),
        ("issuer", {"id": "fake"}, "issuer.id"),
        ("issuer", {"id": ISSUER, "name": 5}, "issuer.name"),
        ("issuer", {"id": ISSUER, "description": {"@value": "x", "url": "y"}}, "issuer.description"),
        ("credentialSubject", None, "credentialSubject"),
        ("credentialSubject", "did:example:subject", "credentialSubject"),
        ("credentialSubject", {}, "credentialSubject"),
        ("credentialSubject", [], "credentialSubject"),
        ("credentialSubject", [{"id": "did:example:a"}, {}], r"credentialSubject\[1\]"),
        ("credentialSubject", {"id": "a b"}, "credentialSubject.id"),
        ("credentialStatus", {}, "credentialStatus.type"),
        ("credentialStatus", None, "credentialStatus"),
        ("credentialStatus", {"type": 2}, "credentialStatus.type"),
        ("credentialStatus", {"type": "T", "id": ["u:1", "u:2"]}, "credentialStatus.id"),
        ("credentialStatus", [{"type": "T"}, {"id": "u:1"}], r"credentialStatus\[1\].type"),
        ("credentialSchema", {"type": "T"}, "credentialSchema.id"),
        ("credentialSchema", {"id": "u:1"}, "credentialSchema.type"),
        ("evidence", {}, "evidence.type"),
        ("evidence", [], "evidence"),
        ("evidence", "https://a.example/", "evidence"),
        ("termsOfUse", {"id": "u:1"}, "termsOfUse.type"),
        ("refreshService", {"id": "u:1"}, "refreshService.type"),
        ("relatedResource", {"digestSRI": "sha256-x"}, "relatedResource.id"),
        ("relatedResource", {"id": "u:1"}, "relatedResource has no digest"),
        ("relatedResource", {"id": "u:1", "digestSRI": 5}, "relatedResource.digestSRI"),
        ("relatedResource", {"id": "u:1", "digestMultibase": ""}, "relatedResource.digestMultibase"),
        ("proof", "x", "proof"),
        ("proof", None, "proof"),
        ("proof", [], "proof"),
        ("proof", {"created": "2020-01-01T00:00:00Z"}, "proof.type"),
        ("proof", [{"type": "DataIntegrityProof"}, "x"], r"proof\[1\]"),
        ("name", None, "name"),
        ("name", 5, "name"),
        ("name", {"@language": "en"}, "name.@value"),
        ("name", {"@value": ["x"]}, "name.@value"),
        ("name", {"@value": "x", "@language": "not a tag"}, "name.@language"),
        ("name", {"@value": "x", "@language": None}, "name.@language"),
        ("description", {"@value": "x", "@direction": "up"}, "description.@direction"),
        ("description", ["x", {"@value": "x", "@type": "y"}], r"description\[1\]"),
        ("validFrom", None, "validFrom"),
        ("validFrom", 1577836800, "validFrom"),
        ("validFrom", "2020-01-01", "validFrom"),
        ("validFrom", "2020-01-01T00:00:00", "validFrom"),
        ("validFrom", "12020-01-01T00:00:00Z", "validFrom"),
        ("validUntil", "2020-01-01T24:00:00Z", "validUntil"),
        ("validUntil", "Sun, 26 Feb 2023 01:22:14 +0000", "validUntil"),
    ],
)
def test_a_broken_rule_is_told_with_the_name_of_its_member(member: str, value: Any, named: str) -> None:
    with pytest.raises(DataModelError, match=f"^{named}") as refused:
        check_credential(credential(**{member: value}))
    assert refused.value.problem == "MALFORMED_VALUE_ERROR"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("type", "VerifiableCredential"),
        ("type", ["https://a.example/#T", "VerifiableCredential"]),
        ("issuer", {"id": ISSUER, "name": "Example Foundation"}),
        ("credentialSubject", {"alumniOf": "Example University"}),
        ("credentialStatus", [{"type": "T"}, {"type": ["T", "U"], "id": "u:1"}]),
        ("refreshService", {"type": "T"}),
        ("termsOfUse", {"type": "T"}),
        ("relatedResource", [{"id": "u:1", "digestSRI": "sha256-x"}, {"id": "u:2", "digestMultibase": ["zx"]}]),
        ("proof", [{"type": "DataIntegrityProof"}]),
        (
            "name",
            [{"@value": "Dog", "@language": "en"}, {"@value": "كلب", "@language": "ar", "@direction": "rtl"}],
        ),
        ("validFrom", "2023-02-25T19:10:39.447-06:00"),
        ("unheard-of", None),
    ],
)
def test_each_spelling_that_the_standard_allows_is_accepted(member: str, value: Any) -> None:
    assert check_credential(credential(**{member: value})) == "2.0"


def test_an_end_before_the_beginning_is_out_of_range_whatever_the_zones() -> None:
    moments = {"validFrom": "2026-01-01T00:00:00Z", "validUntil": "2026-01-01T01:00:00+02:00"}
    with pytest.raises(DataModelError, match="validUntil is before validFrom") as refused:
        check_credential(credential(**moments))
    assert refused.value.problem == "RANGE_ERROR"

    assert check_credential(credential(validFrom=moments["validUntil"], validUntil=moments["validFrom"])) == "2.0"
    assert (
        check_credential(credential(validFrom="2026-01-01T00:00:00Z", validUntil="2026-01-01T00:00:00Z")) == "2.0"
    )


def test_two_digests_for_one_resource_id_are_refused() -> None:
    twice = [{"id": "u:1", "digestSRI": "sha256-x"}, {"id": "u:1", "digestSRI": "sha256-y"}]
    with pytest.raises(DataModelError, match="stands in relatedResource already"):
        check_credential(credential(relatedResource=twice))


def test_the_older_model_has_its_own_dates_and_wants_more_ids() -> None:
    with pytest.raises(DataModelError, match="issuanceDate is missing"):
        check_credential(without(older(), "issuanceDate"))
    with pytest.raises(DataModelError, match="expirationDate is before issuanceDate"):
        check_credential(older(expirationDate="2019-01-01T00:00:00Z"))
    for member in ("credentialStatus", "refreshService"):
        with pytest.raises(DataModelError, match=f"{member}.id"):
            check_credential(older(**{member: {"type": "T"}}))
    assert check_credential(older(expirationDate="2021-01-01T00:00:00Z", name={"any": "thing"})) == "1.1"


def test_an_envelope_holds_a_token_and_nothing_else() -> None:
    for good in ("data:application/vc+jwt,e30.e30.AA", "data:application/vc-ld+jwt;base64url,e30"):
        assert check_credential(envelope(good)) == "2.0"
    for bad in (None, "data:text/plain,x", "data:application/vp+jwt,x", "data:application/vc+jwt,", "urn:x:y"):
        with pytest.raises(DataModelError, match=r"^id is "):
            check_credential(envelope(bad))
    with pytest.raises(DataModelError, match="alone"):
        check_credential(envelope(type=["EnvelopedVerifiableCredential", "VerifiableCredential"]))
    with pytest.raises(DataModelError, match=r"VCDM 1\.1 does not know"):
        check_credential(envelope(**{"@context": V1}))


def test_a_presentation_holds_credentials_as_objects() -> None:
    assert check_presentation(presentation()) == "2.0"
    assert check_presentation(presentation(credential(), older(), envelope())) == "2.0"
    assert check_presentation(presentation(verifiableCredential=credential())) == "2.0"
    with pytest.raises(DataModelError, match=r"verifiableCredential\[0\]"):
        check_presentation(presentation("e30.e30.AA"))
    with pytest.raises(DataModelError, match=r"In verifiableCredential\[1\]: issuer"):
        check_presentation(presentation(credential(), credential(issuer=5)))
    with pytest.raises(DataModelError, match=r"In verifiableCredential\[0\]: .*base context|@context"):
        check_presentation(presentation(without(envelope(), "@context")))


def test_an_older_presentation_may_hold_tokens_as_they_are() -> None:
    assert check_presentation(presentation("e30.e30.AA", older(), **{"@context": [V1]})) == "1.1"
    with pytest.raises(DataModelError, match=r"verifiableCredential\[0\]"):
        check_presentation(presentation("no token", **{"@context": [V1]}))


def test_an_enveloped_presentation_is_told_from_an_enveloped_credential() -> None:
    token: dict[str, Any] = {
        "@context": V2,
        "id": "data:application/vp+jwt,e30.e30.AA",
        "type": "EnvelopedVerifiablePresentation",
    }
    assert check_presentation(token) == "2.0"
    with pytest.raises(DataModelError, match="type"):
        check_credential(token)
    with pytest.raises(DataModelError, match="type"):
        check_presentation(envelope())


@pytest.mark.parametrize("holder", [None, "z6Mk", {"name": "Acme"}, {"id": "z6Mk"}, [ISSUER], 5])
def test_a_holder_that_is_no_url_is_refused(holder: Any) -> None:
    with pytest.raises(DataModelError, match=r"^holder"):
        check_presentation(presentation(holder=holder))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "https://a.example/b?c=d#e",
            "did:example:123#key-1",
            "urn:uuid:0",
            "mailto:a@b.example",
            "tag:a,2020:b",
        ),
        *("http://[::1]:80/", "https://bücher.example/ü", "HTTPS://A.EXAMPLE", "data:text/plain,%20"),
    ],
)
def test_a_url_has_a_scheme_and_something_behind_it(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize(
    "value",
    [
        *("", "a", "https ://a.example", "https://a b", "//a.example", "1a:b", ":a", "did:", "https:", "https:a"),
        *("u:\n", "https://", "https:///path", "u:a#b#c", "u:%zz", "u:<a>", 'u:"', "u:\\", "u:\x7f", "u:\u00a0"),
        *(" u:a", "u:a ", None, 5, True, ["u:a"], {"id": "u:a"}),
    ],
)
def test_anything_else_is_no_url(value: Any) -> None:
    assert not is_url(value)


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, min_size=1))
def test_whatever_stands_in_a_member_is_accepted_or_refused_with_one_sentence(members: dict[str, Any]) -> None:
    for document, check in (
        (credential(**members), check_credential),
        (presentation(**members), check_presentation),
    ):
        kept = copy.deepcopy(document)
        try:
            check(document)
        except DataModelError as error:
            message = str(error)
            assert message.endswith(".") and "\n" not in message and len(message) < 300
        assert document == kept
