"""The contract over HTTP: what other software sends is issued, or refused with a problem that it can read."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issuer.badges import publishing
from issuer.badges.documents import did_document
from issuer.contract import service
from issuer.contract.securing import SUITES
from keys import data_integrity, did, jws
from keys.did import DidDocument
from schemas import status_list
from tests.unit.issuer.contract.client import BASE, V2, Client, credential, open_client, problem
from tests.unit.issuer.office import NOW, Office
from tests.unit.schemas.published_inputs import expectation, inputs

DID = "did:web:badges.example.org"
MEMBERS = [
    *("@context", "id", "type", "issuer", "credentialSubject", "credentialStatus", "validFrom", "proof", "name"),
    *("credential", "options", "credentialId", "status", "statusPurpose", "cryptosuite", "mandatoryPointers"),
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([DID, V2, "", "\0", "revocation", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def issuing_database() -> dict[str, str]:
    """On a file: what is said here does not depend on the database."""
    return {}


@pytest.fixture
def client(office: Office) -> Client:
    return open_client(office)


def controller(office: Office) -> DidDocument:
    """The office's keys as any verifier finds them."""
    return did.parse_document(did_document(office.bureau).body, expected_id=DID)


def secured(response: Any, status: int = 201) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    made = response.json()["verifiableCredential"]
    assert isinstance(made, dict)
    return made


def unpacked(envelope: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of an enveloped token."""
    prefix, _, token = envelope["id"].partition(",")
    assert prefix == "data:application/vc+jwt"
    assert envelope["type"] == "EnvelopedVerifiableCredential" and envelope["@context"] == V2
    parts = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]
    return parts[0], parts[1]


# Issuing


def test_a_credential_comes_back_with_a_proof_that_verifies(client: Client, office: Office) -> None:
    asked = credential(name="A name", credentialSubject={"id": "did:example:subject", "name": "Zoë"})
    made = secured(client.issue(asked))
    assert {name: value for name, value in made.items() if name != "proof"} == asked
    assert made["proof"]["cryptosuite"] == "eddsa-rdfc-2022"
    assert made["proof"]["created"] == "2026-11-22T12:00:00Z"
    assert data_integrity.verify_document(made, controller=controller(office)).document == asked


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_is_an_option(client: Client, office: Office, suite: str) -> None:
    made = secured(client.issue(credential(), cryptosuite=suite))
    assert made["proof"]["cryptosuite"] == suite
    data_integrity.verify_document(made, controller=controller(office))


def test_a_suite_for_which_there_is_no_key_is_refused(office: Office) -> None:
    only = replace(office.bureau, ecdsa_signer=office.bureau.document_signer)
    client = open_client(replace(office, bureau=only))
    words = problem(client.issue(credential(), cryptosuite="ecdsa-rdfc-2019"), 400, "PROOF_GENERATION_ERROR")
    assert "Ed25519" in words


def test_a_token_repeats_the_members_that_are_there(client: Client, office: Office) -> None:
    times = {"validFrom": "2026-01-01T00:00:00Z", "validUntil": "2027-01-01T00:00:00Z"}
    asked = credential(id="urn:uuid:0d6f7a54-0000-4000-8000-000000000001", **times)
    envelope = secured(client.issue(asked, type="vc+jwt"))
    header, claims = unpacked(envelope)
    key = controller(office).key(header["kid"], purpose="assertionMethod")
    assert key is not None
    jws.verify(envelope["id"].partition(",")[2], key=key)
    assert header == {"alg": "ES256", "kid": f"{DID}#badges-1", "typ": "vc+jwt"}
    registered = {
        "iss": DID,
        "sub": "did:example:subject",
        "jti": asked["id"],
        "nbf": 1767225600,
        "exp": 1798761600,
    }
    assert claims == {**asked, **registered}


def test_a_token_invents_nothing(client: Client) -> None:
    asked = credential(credentialSubject=[{"name": "Zoë"}])
    _, claims = unpacked(secured(client.issue(asked, type="vc+jwt")))
    assert claims == {**asked, "iss": DID}


def test_an_issuer_may_be_an_object_with_our_did(client: Client) -> None:
    made = secured(client.issue(credential(issuer={"id": DID, "name": "Example"})))
    assert made["issuer"] == {"id": DID, "name": "Example"}


def test_a_proof_that_is_there_is_kept_beside_ours(client: Client) -> None:
    first = secured(client.issue(credential()))
    both = secured(client.issue(first))
    assert both["proof"][0] == first["proof"] and len(both["proof"]) == 2


def test_every_published_input_is_issued_or_refused_as_it_says(client: Client, shared: Path) -> None:
    """All that are credentials, in both forms; none of the names is listed here."""
    seen = {"ok": 0, "fail": 0}
    for name, document in inputs(shared, issuer=DID):
        if name.startswith("presentation-"):
            continue
        expected = expectation(name)
        assert expected is not None
        seen[expected] += 1
        for options in ({}, {"type": "vc+jwt"}, {"cryptosuite": "eddsa-jcs-2022"}):
            answer = client.issue(document, **options)
            if expected == "ok":
                made = secured(answer)
                assert options.get("type") or made["@context"] == document["@context"], name
            else:
                assert problem(answer, 400), name
    assert seen == {"ok": 54, "fail": 39 + 2}


@pytest.mark.parametrize(
    "issuer",
    [
        *(None, 5, [], [DID], {}, {"id": None}),
        *("did:web:other.example", {"id": "did:web:other.example"}, f"{DID}#badges-1"),
    ],
)
def test_another_issuer_is_refused(client: Client, issuer: Any) -> None:
    assert "issuer" in problem(client.issue(credential(issuer=issuer)), 400, "MALFORMED_VALUE_ERROR")


@pytest.mark.parametrize("document", [None, "x", 5, True, [], [credential()]])
def test_what_is_no_object_is_no_credential(client: Client, document: Any) -> None:
    problem(client.issue(document), 400, "PARSING_ERROR")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"colour": "red"}, "DATA_LOSS_DETECTION_ERROR"),
        ({"@context": [V2, "https://contexts.example/unknown"]}, "DATA_LOSS_DETECTION_ERROR"),
        ({"validFrom": "2027-01-01T00:00:00Z", "validUntil": "2026-01-01T00:00:00Z"}, "RANGE_ERROR"),
        ({"type": ["VerifiableCredential", "EnvelopedVerifiableCredential"]}, "MALFORMED_VALUE_ERROR"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"type": "vc+jwt"}, {"cryptosuite": "eddsa-jcs-2022"}])
def test_what_is_not_sound_is_signed_in_no_form(
    client: Client, members: dict[str, Any], code: str, options: dict[str, str]
) -> None:
    problem(client.issue(credential(**members), **options), 400, code)


def test_a_presentation_is_not_issued(client: Client) -> None:
    words = problem(client.issue({"@context": [V2], "type": ["VerifiablePresentation"]}), 400)
    assert "its holder signs it" in words


def test_a_document_may_not_hold_claims_of_its_token(client: Client) -> None:
    asked = credential(**{"@context": [V2, {"nonce": "https://terms.example/nonce"}], "nonce": "x"})
    assert "nonce" in problem(client.issue(asked, type="vc+jwt"), 400)
    secured(client.issue(asked))


def test_a_moment_before_1970_has_no_claim(client: Client) -> None:
    problem(client.issue(credential(validFrom="1960-01-01T00:00:00Z"), type="vc+jwt"), 400, "RANGE_ERROR")


def test_options_that_are_not_understood_are_refused(client: Client) -> None:
    problem(client.issue(credential(), colour="red"), 400, "UNKNOWN_OPTION_PROVIDED")
    problem(client.issue(credential(), mandatoryPointers=["/issuer"]), 400, "UNKNOWN_OPTION_PROVIDED")


# Credentials that are kept


def test_an_issued_credential_is_found_by_its_id_until_it_is_deleted(client: Client) -> None:
    made = secured(client.issue(credential(id="https://badges.example.org/c/1")))
    path = "/credentials/https%3A%2F%2Fbadges.example.org%2Fc%2F1"
    assert secured(client.ask("GET", path), 200) == made
    assert client.ask("DELETE", path).status_code == 202
    problem(client.ask("GET", path), 410)
    problem(client.ask("DELETE", path), 410)


def test_one_without_an_id_is_found_by_the_name_it_was_given(client: Client) -> None:
    made = secured(client.issue(credential(), credentialId="order 7"))
    assert secured(client.ask("GET", "/credentials/order%207"), 200) == made


def test_a_newer_credential_with_the_same_id_takes_the_place_of_the_older(client: Client) -> None:
    for name in ("old", "new"):
        secured(client.issue(credential(id="urn:x:1", name=name)))
    assert secured(client.ask("GET", "/credentials/urn:x:1"), 200)["name"] == "new"


# Status lists


def make_list(client: Client, purpose: str, **members: Any) -> str:
    answer = client.ask("POST", "/status-lists", {"statusPurpose": purpose, **members})
    assert answer.status_code == 201, answer.text
    url = answer.json()["id"]
    assert answer.headers["location"] == url == answer.json()["verifiableCredential"]["id"]
    assert isinstance(url, str)
    return url


def shown(client: Client, url: str) -> bytes:
    """The bits of a list as anybody finds them."""
    answer = Client(client.app, None).ask("GET", url.removeprefix(BASE))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return status_list.decode(answer.json()["credentialSubject"]["encodedList"])


def entry(url: str, index: str = "4711", purpose: str = "revocation") -> dict[str, str]:
    return {
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": index,
        "statusListCredential": url,
    }


def issued_with(client: Client, *entries: dict[str, str]) -> str:
    asked = credential(id="urn:x:1", credentialStatus=entries[0] if len(entries) == 1 else list(entries))
    assert secured(client.issue(asked))["credentialStatus"] == asked["credentialStatus"]
    return "urn:x:1"


def set_status(client: Client, credential_id: str, which: dict[str, str], value: bool) -> Any:
    body = {"credentialId": credential_id, "credentialStatus": which, "status": value}
    return client.ask("POST", "/credentials/status", body)


def test_a_new_list_is_signed_by_the_key_for_lists(client: Client, office: Office) -> None:
    url = make_list(client, "suspension")
    answer = Client(client.app, None).ask("GET", url.removeprefix(BASE), accept="application/vc")
    assert answer.headers["content-type"] == "application/vc"
    assert answer.headers["access-control-allow-origin"] == "*"
    document = answer.json()
    assert document["proof"]["verificationMethod"] == f"{DID}#status-1"
    assert document["issuer"] == DID and document["credentialSubject"]["statusPurpose"] == "suspension"
    data_integrity.verify_document(document, controller=controller(office))
    assert shown(client, url) == bytes(16384)


def test_a_list_may_be_given_its_address_once(client: Client) -> None:
    url = make_list(client, "revocation", id=f"{BASE}/status-lists/spring-2026")
    again = client.ask("POST", "/status-lists", {"statusPurpose": "revocation", "id": url})
    assert "already" in problem(again, 400)


@pytest.mark.parametrize(
    "name",
    [
        *("a", f"{BASE}/a", f"{BASE}/status-lists/", f"{BASE}/status-lists/7", f"{BASE}/status-lists/a?b"),
        *("https://other.example/status-lists/a", f"{BASE}/status-lists/../a", f"{BASE}/status-lists/{'a' * 101}"),
    ],
)
def test_a_list_stands_nowhere_else(client: Client, name: str) -> None:
    problem(client.ask("POST", "/status-lists", {"statusPurpose": "revocation", "id": name}), 400)


def test_a_revocation_is_seen_in_the_list_and_never_taken_back(client: Client) -> None:
    url = make_list(client, "revocation")
    credential_id = issued_with(client, entry(url))
    answer = set_status(client, credential_id, entry(url), True)
    assert (answer.status_code, answer.json()["status"]) == (200, True)
    assert status_list.is_set(shown(client, url), 4711)
    assert sum(byte.bit_count() for byte in shown(client, url)) == 1
    assert "never taken back" in problem(set_status(client, credential_id, entry(url), False), 400)
    assert status_list.is_set(shown(client, url), 4711)
    assert set_status(client, credential_id, entry(url), True).status_code == 200


def test_revocations_at_the_same_time_lose_nothing(client: Client) -> None:
    url = make_list(client, "revocation")
    places = range(1000, 1025)
    for place in places:
        secured(client.issue(credential(id=f"urn:x:{place}", credentialStatus=entry(url, str(place)))))

    def revoke(place: int) -> int:
        status: int = set_status(client, f"urn:x:{place}", entry(url, str(place)), True).status_code
        return status

    with ThreadPoolExecutor(len(places)) as threads:
        assert set(threads.map(revoke, places)) == {200}
    bits = shown(client, url)
    assert [place for place in range(131_072) if status_list.is_set(bits, place)] == list(places)


def test_a_suspension_can_be_lifted(client: Client) -> None:
    url = make_list(client, "suspension")
    mine = entry(url, purpose="suspension")
    credential_id = issued_with(client, mine)
    for value in (True, False, False):
        assert set_status(client, credential_id, mine, value).status_code == 200
        assert status_list.is_set(shown(client, url), 4711) is value


def test_the_only_entry_of_a_purpose_need_not_be_spelled_out(client: Client) -> None:
    revocations, suspensions = make_list(client, "revocation"), make_list(client, "suspension")
    issued_with(client, entry(revocations), entry(suspensions, purpose="suspension"))
    short = {"type": "BitstringStatusListEntry", "statusPurpose": "suspension"}
    assert set_status(client, "urn:x:1", short, True).status_code == 200
    assert status_list.is_set(shown(client, suspensions), 4711)
    assert not status_list.is_set(shown(client, revocations), 4711)


def test_only_an_entry_of_the_credential_itself_is_set(client: Client) -> None:
    url = make_list(client, "revocation")
    credential_id = issued_with(client, entry(url))
    for other in (entry(url, "5"), entry(url, purpose="suspension"), entry(f"{url}x")):
        assert "no such entry" in problem(set_status(client, credential_id, other, True), 400)
    problem(set_status(client, "urn:x:2", entry(url), True), 404)
    assert shown(client, url) == bytes(16384)


def test_a_list_of_others_and_a_place_outside_are_refused(client: Client) -> None:
    elsewhere = entry("https://other.example/status-lists/a")
    problem(set_status(client, issued_with(client, elsewhere), elsewhere, True), 404)
    badges_own = entry(f"{BASE}/status-lists/1")
    problem(set_status(client, issued_with(client, badges_own), badges_own, True), 404)
    outside = entry(make_list(client, "revocation"), "131072")
    problem(set_status(client, issued_with(client, outside), outside, True), 400, "RANGE_ERROR")
    wrong = entry(make_list(client, "suspension"))
    assert "is for suspension" in problem(set_status(client, issued_with(client, wrong), wrong, True), 400)


def test_a_status_of_another_kind_passes_through_and_has_no_bit(client: Client) -> None:
    other = {"type": "https://status.example/#Other", "id": "https://status.example/1"}
    issued_with(client, other)
    short = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}
    assert "no such entry" in problem(set_status(client, "urn:x:1", short, True), 400)


def test_there_is_no_list_at_another_name(client: Client) -> None:
    problem(client.ask("GET", "/status-lists/nowhere"), 404)


# Whatever is wrong is told in JSON


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"credential": NaN}', b"<html>"])
@pytest.mark.parametrize("path", ["/credentials/issue", "/credentials/status", "/status-lists"])
def test_a_body_that_is_no_json_object_is_a_problem(client: Client, path: str, body: bytes) -> None:
    problem(client.ask("POST", path, body), 400, "PARSING_ERROR")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["/credentials/issue", "/credentials/status", "/status-lists"]),
    st.dictionaries(st.sampled_from(MEMBERS), JSON_VALUES),
)
def test_whatever_is_sent_is_answered_in_json(client: Client, path: str, members: dict[str, Any]) -> None:
    bodies = [members, {"credential": credential(**members)}, {"credential": credential(), "options": members}]
    for body in bodies:
        answer = client.ask("POST", path, body)
        if answer.status_code == 201:
            assert answer.headers["content-type"] == "application/json"
        else:
            problem(answer, answer.status_code)
            assert answer.status_code in {400, 404}


def test_two_members_of_one_name_are_refused(client: Client) -> None:
    twice = json.dumps({"credential": credential()}).replace('"type"', '"issuer": "did:example:x", "type"', 1)
    assert "stands twice" in problem(client.ask("POST", "/credentials/issue", twice.encode()), 400)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
)
def test_another_content_type_is_a_problem(client: Client, kind: str) -> None:
    body = {"credential": credential()}
    problem(client.ask("POST", "/credentials/issue", body, content_type=kind), 400, "PARSING_ERROR")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/ld+json", "Application/JSON"])
def test_json_by_its_other_names_is_read(client: Client, kind: str) -> None:
    secured(client.ask("POST", "/credentials/issue", {"credential": credential()}, content_type=kind))


def test_more_than_a_mebibyte_is_not_read(client: Client) -> None:
    problem(client.ask("POST", "/credentials/issue", b" " * (1 << 20) + b"{}"), 413)


def test_a_credential_larger_than_verifiers_read_is_not_signed(client: Client) -> None:
    problem(client.issue(credential(name="x" * (256 * 1024))), 400, "RANGE_ERROR")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/credentials/issue", "POST"),
        ("PUT", "/credentials/issue", "POST"),
        ("DELETE", "/credentials/status", "POST"),
        ("GET", "/status-lists", "POST"),
        ("PUT", "/credentials/urn:x:1", "GET, DELETE"),
        ("POST", "/status-lists/a", "GET"),
    ],
)
def test_another_method_is_a_problem(client: Client, method: str, path: str, allowed: str) -> None:
    answer = client.ask(method, path)
    problem(answer, 405)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/credentials", "/credentials/", "/credentials/derive", "/credentials/issue/more"]
)
def test_another_address_is_a_problem(client: Client, path: str) -> None:
    problem(client.ask("POST", path, {}), 404)


def test_nobody_issues_without_a_token_of_the_contract(office: Office) -> None:
    for client in (open_client(office, source=None), open_client(office, source="git")):
        answer = client.issue(credential())
        problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
        problem(client.ask("POST", "/status-lists", {"statusPurpose": "revocation"}), 401)
        problem(client.ask("GET", "/credentials/urn:x:1"), 401)
        problem(client.ask("DELETE", "/credentials/urn:x:1"), 401)


def test_an_open_office_asks_nobody(office: Office) -> None:
    secured(open_client(office, is_open=True, source=None).issue(credential()))


def test_no_web_page_issues_in_an_open_office(office: Office) -> None:
    client = open_client(office, is_open=True, source=None)
    answer = client.ask("POST", "/credentials/issue", {"credential": credential()}, origin="http://pages.example")
    problem(answer, 401)


# As files


def test_the_lists_are_published_as_files_where_a_verifier_looks(
    client: Client, office: Office, tmp_path: Path
) -> None:
    url = make_list(client, "revocation")
    lists = service.public_documents(office.bureau, now=NOW)
    publishing.publish(office.bureau, tmp_path, now=NOW, also=lists)
    file = tmp_path / "badges.example.org" / "status-lists" / url.rpartition("/")[2]
    document = json.loads(file.read_text())
    assert document["id"] == url
    data_integrity.verify_document(document, controller=controller(office))
