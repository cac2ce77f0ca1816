"""The verifier's half of the HTTP contract, in process: exact status codes, problem bodies, options, every suite.

STANDARDS section h. Credentials are made by the simulator and by did:key holders; documents come from memory.
"""

import copy
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keys import data_integrity, jws, multikey
from keys.data_integrity import sign
from keys.signer import Signer
from schemas import strict_json
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.simulator import (
    NOW,
    Clock,
    DocumentsInMemory,
    IssuerSimulator,
    ed25519_signer,
    p256_signer,
)
from verifier.app import create_app
from verifier.ground.settings import Settings

ISSUER = IssuerSimulator()
V2 = "https://www.w3.org/ns/credentials/v2"
V1 = "https://www.w3.org/2018/credentials/v1"
DATA_INTEGRITY = "https://w3id.org/security/data-integrity/v2"
VC, SECURITY = "https://www.w3.org/TR/vc-data-model#", "https://w3id.org/security#"


def own_key(make: Callable[[str], Signer], name: str) -> Signer:
    """A signer whose DID is its own key."""
    text = multikey.encode(make(name).public)
    again = make(name)
    again.kid = f"did:key:{text}#{text}"
    return again


ED25519, P256, HOLDER = own_key(ed25519_signer, "e"), own_key(p256_signer, "p"), own_key(ed25519_signer, "h")
SUITES = [
    (ED25519, "eddsa-rdfc-2022"),
    (ED25519, "eddsa-jcs-2022"),
    (P256, "ecdsa-rdfc-2019"),
    (P256, "ecdsa-jcs-2019"),
]


def issuer_of(signer: Signer) -> str:
    return signer.kid.partition("#")[0]


def unsecured(signer: Signer = ED25519, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "@context": [V2, "https://www.w3.org/ns/credentials/examples/v2"],
        "type": ["VerifiableCredential", "AlumniCredential"],
        "issuer": issuer_of(signer),
        "credentialSubject": {"id": "did:example:subject", "alumniOf": "The School of Examples"},
    }
    return {name: value for name, value in (made | members).items() if value is not None}


def secured(signer: Signer = ED25519, suite: str | None = None, **members: Any) -> dict[str, Any]:
    return copy.deepcopy(sign(unsecured(signer, **members), signer=signer, created=NOW, suite=suite))


def enveloped(signer: Signer = P256, **members: Any) -> dict[str, Any]:
    token = jws.sign(strict_json.dumps(unsecured(signer, **members)).encode(), signer=signer)
    return {"@context": V2, "type": "EnvelopedVerifiableCredential", "id": f"data:application/vc+jwt,{token}"}


def presentation(*credentials: Any, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"@context": [V2], "type": ["VerifiablePresentation"]}
    return made | ({"verifiableCredential": list(credentials)} if credentials else {}) | members


def presented(*credentials: Any, signer: Signer = HOLDER, **options: Any) -> dict[str, Any]:
    content = presentation(*credentials, holder=issuer_of(signer))
    options = {"purpose": "authentication", "challenge": "abc", "domain": "summit.example", **options}
    return copy.deepcopy(sign(content, signer=signer, created=NOW, **options))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> AppClient:
    folder: Path = tmp_path_factory.mktemp("verifier")
    return AppClient(create_app(Settings(folder), source=DocumentsInMemory.of([ISSUER]), clock=Clock()))


def verified(client: AppClient, credential: Any, **options: Any) -> tuple[int, dict[str, Any]]:
    body = {"verifiableCredential": credential} | ({"options": options} if options else {})
    answer = client.post("/credentials/verify", json=body)
    return answer.status_code, answer.json()


def shown(client: AppClient, given: Any, *, name: str = "verifiablePresentation", **options: Any) -> Any:
    body = {name: given} | ({"options": options} if options else {})
    answer = client.post("/presentations/verify", json=body)
    return answer.status_code, answer.json()


def refused(answer: tuple[int, dict[str, Any]], problem: str) -> None:
    """400, a problem body of RFC 9457, and this type first."""
    status, body = answer
    assert status == 400 and body["verified"] is False and body["status"] == 400
    assert body["type"] == problem, body
    assert body["type"] == body["problemDetails"][0]["type"] and body["detail"] and body["title"]


# --- credentials -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("signer", "suite"), SUITES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_credential_of_each_suite_is_verified(client: AppClient, signer: Signer, suite: str) -> None:
    status, body = verified(client, secured(signer, suite))
    assert (status, body) == (200, {"verified": True, "problemDetails": []})


@pytest.mark.parametrize("signer", [P256, ED25519], ids=["ES256", "EdDSA"])
def test_an_enveloped_credential_is_verified(client: AppClient, signer: Signer) -> None:
    assert verified(client, enveloped(signer))[0] == 200


def test_badges_of_a_did_web_issuer_are_verified_with_their_status(client: AppClient) -> None:
    assert verified(client, ISSUER.secured())[0] == 200
    token = f"data:application/vc+jwt,{ISSUER.token()}"
    assert verified(client, {"@context": V2, "type": "EnvelopedVerifiableCredential", "id": token})[0] == 200


def test_a_credential_of_the_older_data_model_is_verified(client: AppClient) -> None:
    contexts = [V1, DATA_INTEGRITY, "https://www.w3.org/ns/credentials/examples/v2"]
    members: dict[str, Any] = {"@context": contexts, "issuanceDate": "2026-01-01T00:00:00Z"}
    older = secured(**members)
    assert verified(client, older)[0] == 200


def test_a_proof_without_created_is_verified(client: AppClient) -> None:
    """`created` is optional in a DataIntegrityProof (STANDARDS h)."""
    made = secured()
    del made["proof"]["created"]
    found = data_integrity.read_proofs({**made, "proof": {**made["proof"]}})
    assert found.proofs[0].created is None
    refused(verified(client, made), f"{SECURITY}PROOF_VERIFICATION_ERROR")  # it was signed with one


def test_several_proofs_are_all_verified_and_one_broken_one_fails_them(client: AppClient) -> None:
    both: Any = copy.deepcopy(sign(secured(), signer=ED25519, created=NOW, suite="eddsa-jcs-2022"))
    assert verified(client, both)[0] == 200
    both["proof"][1]["proofValue"] = both["proof"][0]["proofValue"]
    refused(verified(client, both), f"{SECURITY}PROOF_VERIFICATION_ERROR")


def leaves(value: Any, *path: Any) -> list[tuple[Any, ...]]:
    """The path of every text, number and object in a document."""
    if isinstance(value, dict):
        return [found for name, inner in value.items() for found in [(*path, name), *leaves(inner, *path, name)]]
    if isinstance(value, list):
        return [found for place, inner in enumerate(value) for found in leaves(inner, *path, place)]
    return [path]


OTHERS: list[Any] = [None, [], {"id": "urn:x"}]


def tampered(document: dict[str, Any], path: tuple[Any, ...], change: Callable[[Any], Any]) -> dict[str, Any]:
    made = copy.deepcopy(document)
    *way, last = path
    place: Any = made
    for step in way:
        place = place[step]
    place[last] = change(place[last])
    return made


@pytest.mark.parametrize(("signer", "suite"), SUITES, ids=lambda value: value if isinstance(value, str) else "")
def test_tampering_is_refused_in_every_member(client: AppClient, signer: Signer, suite: str) -> None:
    made = secured(signer, suite, id="urn:uuid:1", validFrom="2026-01-01T00:00:00Z", name="A name")
    paths = leaves(made)
    assert len(paths) > 15
    changes: list[Callable[[Any], Any]] = [lambda value: f"{value}x", *(lambda _, to=to: to for to in OTHERS)]
    for path in dict.fromkeys(paths):
        for change in changes:
            status, body = verified(client, tampered(made, path, change))
            assert (status, body["verified"]) == (400, False), (path, body)


@pytest.mark.parametrize(
    ("credential", "problem"),
    [
        (unsecured(), f"{SECURITY}PROOF_VERIFICATION_ERROR"),
        ({**secured(), "proof": []}, f"{SECURITY}PROOF_VERIFICATION_ERROR"),
        ({**secured(), "proof": "a text"}, f"{SECURITY}PROOF_VERIFICATION_ERROR"),
        ({**secured(), "proof": [7]}, f"{SECURITY}PROOF_VERIFICATION_ERROR"),
        ({**secured(), "@context": None}, f"{VC}MALFORMED_VALUE_ERROR"),
        ({**secured(), "type": 7}, f"{VC}MALFORMED_VALUE_ERROR"),
        ({**secured(), "issuer": None}, f"{VC}MALFORMED_VALUE_ERROR"),
        ({**secured(), "issuer": {"id": None}}, f"{VC}MALFORMED_VALUE_ERROR"),
        ({**secured(), "credentialSubject": None}, f"{VC}MALFORMED_VALUE_ERROR"),
        ({**secured(), "credentialSubject": {}}, f"{VC}MALFORMED_VALUE_ERROR"),
        ({**secured(), "@context": ["https://nobody.example/context", V2]}, f"{VC}MALFORMED_VALUE_ERROR"),
        ({**secured(), "@context": [V2, "https://nobody.example/context"]}, f"{VC}MALFORMED_VALUE_ERROR"),
        ({**secured(), "issuer": issuer_of(HOLDER)}, f"{VC}CRYPTOGRAPHIC_SECURITY_ERROR"),
    ],
)
def test_what_is_no_sound_credential_is_refused(client: AppClient, credential: Any, problem: str) -> None:
    refused(verified(client, credential), problem)


def test_a_term_that_no_context_defines_is_refused(client: AppClient) -> None:
    subject = {"id": "did:example:a"}
    plain: dict[str, Any] = {"@context": [V2], "type": ["VerifiableCredential"], "credentialSubject": subject}
    made: Any = sign(unsecured(**plain), signer=ED25519, created=NOW)
    assert verified(client, made)[0] == 200
    made["credentialSubject"]["shoeSize"] = "42"
    status, body = verified(client, made)
    assert status == 400 and body["type"] == f"{VC}MALFORMED_VALUE_ERROR" and "shoeSize" in body["detail"]


# --- time and status: decisive, unless they are left out ---------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"validFrom": "2030-01-01T00:00:00Z"},
        {"validUntil": "2020-01-01T00:00:00Z"},
    ],
)
def test_time_decides_unless_only_the_proof_is_asked_about(client: AppClient, members: dict[str, Any]) -> None:
    made = secured(**members)
    refused(verified(client, made), f"{VC}RANGE_ERROR")
    status, body = verified(client, made, checks=["proof"])
    assert (status, body["verified"]) == (200, True)
    assert body["problemDetails"][0]["type"] == f"{VC}RANGE_ERROR"  # a warning, and still told
    assert "errors" not in body


def test_a_withdrawn_badge_is_refused_unless_status_is_left_out(tmp_path: Path) -> None:
    issuer = IssuerSimulator(revoked={94567})
    client = AppClient(create_app(Settings(tmp_path), source=DocumentsInMemory.of([issuer]), clock=Clock()))
    refused(
        verified(client, issuer.secured()),
        "https://www.w3.org/ns/credentials/status-list#STATUS_VERIFICATION_ERROR",
    )
    assert verified(client, issuer.secured(), checks=["proof"])[0] == 200
    assert verified(client, issuer.secured(), checks=["proof", "credentialStatus"])[0] == 400


def test_a_status_that_could_not_be_had_is_refused_and_named(tmp_path: Path) -> None:
    documents = DocumentsInMemory.of([ISSUER])
    del documents.documents[ISSUER.list_url]
    client = AppClient(create_app(Settings(tmp_path), source=documents, clock=Clock()))
    refused(
        verified(client, ISSUER.secured()), "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR"
    )
    assert verified(client, ISSUER.secured(), checks=["proof"])[0] == 200


def test_a_proof_that_has_expired_is_refused(client: AppClient) -> None:
    made = sign(unsecured(), signer=ED25519, created=NOW - timedelta(days=2), expires=NOW - timedelta(days=1))
    refused(verified(client, made), f"{VC}RANGE_ERROR")


# --- options and bodies ------------------------------------------------------------------------------------


def test_the_answer_repeats_what_is_asked_for(client: AppClient) -> None:
    made = secured(validFrom="2026-01-01T00:00:00Z")
    _, body = verified(client, made, returnCredential=True, returnResults=True, returnProblemDetails=False)
    assert body["credential"] == made and "problemDetails" not in body
    assert body["results"]["validFrom"] == {"verified": True, "input": "2026-01-01T00:00:00Z"}
    assert body["results"]["proof"] == [{"verified": True, "input": made["proof"]}]
    assert body["results"]["credentialStatus"] == []


@pytest.mark.parametrize("path", ["/credentials/verify", "/presentations/verify"])
@pytest.mark.parametrize("name", ["expectedIssuer", "Challenge", "strict"])
def test_an_option_that_is_not_understood_is_refused(client: AppClient, path: str, name: str) -> None:
    given = {"verifiableCredential": secured()} if "cred" in path else {"presentation": presentation(secured())}
    answer = client.post(path, json={**given, "options": {name: "x"}})
    refused((answer.status_code, answer.json()), "https://www.w3.org/TR/vcalm#UNKNOWN_OPTION_PROVIDED")


@pytest.mark.parametrize("path", ["/credentials/verify", "/presentations/verify"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"a"',
        b"{",
        b"\xff",
        b"{}",
        b'{"verifiableCredential":7}',
        b'{"a":1,"a":2}',
        b"<html>",
    ],
)
def test_a_body_that_is_no_request_is_a_problem_in_json(client: AppClient, path: str, body: bytes) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/json", "Accept": "text/html"})
    assert answer.status_code == 400 and answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["verified"] is False and answer.json()["detail"]


def test_another_media_type_is_refused_and_a_huge_body_cut_off(client: AppClient) -> None:
    answer = client.post("/credentials/verify", content=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400
    huge = client.post(
        "/credentials/verify", content=b" " * (1 << 20) + b"{}", headers={"Content-Type": "application/json"}
    )
    assert huge.status_code == 413 and huge.json()["status"] == 413


@pytest.mark.parametrize("path", ["/credentials/verify", "/presentations/verify"])
def test_another_method_is_refused_in_json_and_any_origin_may_ask(client: AppClient, path: str) -> None:
    assert client.get(path).status_code == 405
    assert client.get(path).json()["status"] == 405
    assert client.get(path).headers["allow"] == "POST"
    assert client.options(path).headers["access-control-allow-origin"] == "*"


# --- presentations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["presentation", "verifiablePresentation"])
def test_an_unsigned_presentation_is_verified_for_what_is_in_it(client: AppClient, name: str) -> None:
    assert shown(client, presentation(secured(), enveloped()), name=name)[0] == 200
    assert shown(client, presentation(), name=name)[0] == 200
    refused(shown(client, presentation(secured(), unsecured()), name=name), f"{SECURITY}PROOF_VERIFICATION_ERROR")


def test_an_unsigned_presentation_answers_no_challenge(client: AppClient) -> None:
    refused(shown(client, presentation(secured()), challenge="abc"), f"{SECURITY}INVALID_CHALLENGE_ERROR")


def test_a_signed_presentation_answers_its_challenge_and_domain_only(client: AppClient) -> None:
    made = presented(secured())
    assert shown(client, made, challenge="abc", domain="summit.example")[0] == 200
    assert shown(client, made)[0] == 200
    refused(shown(client, made, challenge="abd"), f"{SECURITY}INVALID_CHALLENGE_ERROR")
    refused(shown(client, made, domain="other.example"), f"{SECURITY}INVALID_DOMAIN_ERROR")
    refused(
        shown(client, presented(secured(), challenge=None), challenge="abc"), f"{SECURITY}INVALID_CHALLENGE_ERROR"
    )


def test_a_presentation_is_signed_for_authentication_by_its_holder(client: AppClient) -> None:
    asserted = presented(secured(), purpose="assertionMethod")
    refused(shown(client, asserted), f"{SECURITY}PROOF_VERIFICATION_ERROR")
    stolen = sign(
        presentation(secured(), holder=issuer_of(ED25519)), signer=HOLDER, created=NOW, purpose="authentication"
    )
    refused(shown(client, stolen), f"{VC}CRYPTOGRAPHIC_SECURITY_ERROR")


def test_a_presentation_is_refused_when_a_credential_was_added_after_signing(client: AppClient) -> None:
    made = presented(secured())
    made["verifiableCredential"].append(enveloped())
    refused(shown(client, made), f"{SECURITY}PROOF_VERIFICATION_ERROR")


def test_an_enveloped_presentation_is_bound_by_nonce_and_aud(client: AppClient) -> None:
    def envelope(**claims: Any) -> dict[str, Any]:
        payload = presentation(enveloped(), holder=issuer_of(HOLDER)) | {"nonce": "abc", "aud": "summit.example"}
        token = jws.sign(strict_json.dumps(payload | claims).encode(), signer=HOLDER, typ="vp+jwt")
        return {
            "@context": V2,
            "type": "EnvelopedVerifiablePresentation",
            "id": f"data:application/vp+jwt,{token}",
        }

    assert shown(client, envelope(), challenge="abc", domain="summit.example")[0] == 200
    refused(shown(client, envelope(nonce="x"), challenge="abc"), f"{SECURITY}INVALID_CHALLENGE_ERROR")
    refused(shown(client, envelope(aud="x"), domain="summit.example"), f"{SECURITY}INVALID_DOMAIN_ERROR")
    refused(shown(client, envelope(exp=1)), f"{VC}CRYPTOGRAPHIC_SECURITY_ERROR")
    refused(shown(client, envelope(holder=issuer_of(ED25519))), f"{VC}CRYPTOGRAPHIC_SECURITY_ERROR")


def test_results_of_a_presentation_name_the_holder_and_each_credential(client: AppClient) -> None:
    made = presented(secured())
    _, body = shown(client, made, challenge="abc", returnResults=True, returnPresentation=True)
    assert body["verifiablePresentation"] == made
    assert body["results"]["presentation"]["holder"] == {"verified": True, "input": issuer_of(HOLDER)}
    assert [inner["verified"] for inner in body["results"]["credentials"]] == [True]


def test_too_many_credentials_are_not_looked_at(client: AppClient) -> None:
    refused(shown(client, presentation(*[secured()] * 17)), f"{VC}MALFORMED_VALUE_ERROR")
