"""Hostile requests at the contract's doors: each is answered in JSON, by a refusal, fast; nothing is ever a 500.

`POST /credentials/verify` and `/presentations/verify` of the verifier; `/credentials/issue`, `/credentials/status`
and `/status-lists` of the issuer. What a credential itself can do is `test_documents` and `test_contexts`.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from keys import custody
from schemas import strict_json
from tests.hostile import stranger
from tests.hostile.stranger import V2, credential, enveloped, presentation, token, with_proofs
from tests.unit.issuer.contract.client import BASE, open_client
from tests.unit.issuer.office import open_office
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.simulator import Clock
from verifier.app import create_app
from verifier.ground.settings import Settings

Ask = Callable[[str, bytes], httpx.Response]
GOOD = with_proofs(credential())
OURS = credential() | {"issuer": "did:web:badges.example.org"}
ENTRY = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}

# Where a request is sent, and a request that is good there, as far as it can be without more.
DOORS: dict[str, dict[str, Any]] = {
    "verify /credentials/verify": {"verifiableCredential": GOOD},
    "verify /presentations/verify": {"verifiablePresentation": presentation(GOOD)},
    "issue /credentials/issue": {"credential": OURS},
    "issue /credentials/status": {"credentialId": "urn:x:1", "credentialStatus": ENTRY, "status": True},
    "issue /status-lists": {"statusPurpose": "revocation"},
}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Sends a body to one of the doors; the answer is JSON and took no second of CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(custody, "SCRYPT_N", 1 << 10)
        office = open_office(tmp_path_factory.mktemp("issuer"))
    issuer = open_client(office)
    settings = Settings(tmp_path_factory.mktemp("verifier"))
    verifier = AppClient(create_app(settings, source=stranger.documents(), clock=Clock()))

    def send(door: str, body: bytes) -> httpx.Response:
        office_name, path = door.split()
        begun = time.process_time()
        if office_name == "issue":
            answer = issuer.ask("POST", path, body)
        else:
            answer = verifier.post(path, content=body, headers={"Content-Type": "application/json"})
        assert time.process_time() - begun < 1
        assert "json" in answer.headers["content-type"], answer.text[:200]
        assert isinstance(answer.json(), dict) and "Traceback" not in answer.text
        return answer

    yield send


def refused(answer: httpx.Response) -> None:
    """A problem in JSON whose sentence is one, and no more."""
    assert answer.status_code in {400, 404, 413}, (answer.status_code, answer.text[:200])
    told = answer.json()
    assert told["status"] == answer.status_code and told["title"] and told["type"]
    assert isinstance(told["detail"], str) and told["detail"].isprintable() and len(told["detail"]) < 2_000


def written(door: str, change: Callable[[str], str]) -> bytes:
    return change(strict_json.dumps(DOORS[door])).encode("utf-8", "surrogatepass")


BODIES: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "null": lambda _: "null",
    "an array": lambda body: f"[{body}]",
    "a text": lambda body: json.dumps(body),
    "a number": lambda _: "1",
    "broken off": lambda body: body[:-3],
    "two of them": lambda body: body + body,
    "a mark before it": lambda body: "\ufeff" + body,
    "a member twice": lambda body: f"{body[:-1]},{body[1:]}",
    "deep arrays": lambda body: f'{body[:-1]},"options":{"[" * 60}{"]" * 60}}}',
    "half a million arrays": lambda body: f'{body[:-1]},"options":{"[" * 500_000}',
    "an integer that JavaScript rounds": lambda body: f'{body[:-1]},"options":9007199254740993}}',
    "an integer of 900,000 digits": lambda body: f'{body[:-1]},"options":{"9" * 900_000}}}',
    "a number beyond doubles": lambda body: f'{body[:-1]},"options":1e999}}',
    "not a number": lambda body: f'{body[:-1]},"options":NaN}}',
    "a lone surrogate": lambda body: f'{body[:-1]},"options":"\\ud800"}}',
    "a lone surrogate in a name": lambda body: f'{body[:-1]},"\\udc00":1}}',
    "a surrogate as it is": lambda body: f'{body[:-1]},"options":"\ud800"}}',
    "too large": lambda body: f'{body[:-1]},"options":"{"x" * (1 << 20)}"}}',
    "options of null": lambda body: f'{body[:-1]},"options":null}}',
    "options as an array": lambda body: f'{body[:-1]},"options":[]}}',
    "an option of nobody": lambda body: f'{body[:-1]},"options":{{"__proto__":{{}}}}}}',
    "an option with a long name": lambda body: f'{body[:-1]},"options":{{"{"x" * 100_000}":1}}}}',
    "100,000 options": lambda body: (
        f'{body[:-1]},"options":{{{",".join(f"{chr(34)}{n}{chr(34)}:1" for n in range(90_000))}}}}}'
    ),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_refused_in_json(ask: Ask, door: str, name: str) -> None:
    refused(ask(door, written(door, BODIES[name])))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("door", DOORS)
def test_a_body_in_another_encoding_is_refused(ask: Ask, door: str, encoding: str) -> None:
    refused(ask(door, strict_json.dumps(DOORS[door]).encode(encoding)))


OTHERS: list[Any] = [None, True, 0, -1, 1e300, "", "x" * 100_000, [], [[]], {}, {"id": None}, [None] * 1_000]


@pytest.mark.parametrize("door", DOORS)
def test_no_member_of_another_kind_breaks_a_door(ask: Ask, door: str) -> None:
    for name in DOORS[door]:
        for other in OTHERS:
            if name == "status" and isinstance(other, bool):
                continue
            refused(ask(door, json.dumps({**DOORS[door], name: other}).encode()))


@pytest.mark.parametrize(
    ("door", "member"),
    [
        ("verify /credentials/verify", "verifiableCredential"),
        ("verify /presentations/verify", "verifiablePresentation"),
        ("issue /credentials/issue", "credential"),
    ],
)
def test_no_member_of_a_document_of_another_kind_breaks_a_door(ask: Ask, door: str, member: str) -> None:
    good = DOORS[door][member]
    for name in [*good, "proof", "holder", "credentialStatus", "evidence", "relatedResource", "name", "validFrom"]:
        for other in OTHERS:
            answer = ask(door, json.dumps({member: {**good, name: other}}).encode())
            assert answer.status_code in {200, 201, 400}
            if door.startswith("verify") and good.get(name) != other and (name, other) != ("proof", None):
                # an unsigned presentation may say anything that its data model allows
                assert answer.status_code == 400 or "presentations" in door


CREDENTIALS: dict[str, Any] = {
    "no proof": credential(),
    "an empty list of proofs": credential(proof=[]),
    "five proofs": {**GOOD, "proof": GOOD["proof"] * 5},
    "an envelope of nothing": {"@context": V2, "type": "EnvelopedVerifiableCredential", "id": "data:,"},
    "an envelope of a page": {"@context": V2, "type": "EnvelopedVerifiableCredential", "id": "https://x.example/"},
    "an envelope of another type": enveloped("a.b.c") | {"id": "data:text/html,a.b.c"},
    "an envelope of dots": enveloped("." * 200_000),
    "an envelope of a presentation": enveloped(token(presentation(GOOD), typ="vp+jwt")),
    "an unsigned token": enveloped(f"eyJhbGciOiJub25lIn0.{token(credential()).split('.')[1]}."),
    "an envelope in an envelope": enveloped(token(enveloped(token(credential())))),
    "a presentation": with_proofs(presentation(GOOD), purpose="assertionMethod"),
    "another's credential": {**GOOD, "issuer": "did:web:victim.example"},
    "an issuer without end": {**GOOD, "issuer": "did:web:" + "a:" * 100_000 + "a"},
    "an issuer that steers a terminal": {**GOOD, "issuer": "did:web:\x1b[2J\u202e\r\nx"},
    "an issuer inside the network": {**GOOD, "issuer": "did:web:localhost%3A8080"},
    "an issuer that is an address": {**GOOD, "issuer": "did:web:127.0.0.1"},
    "an issuer of no method": {**GOOD, "issuer": "did:nobody:x"},
}


@pytest.mark.parametrize("name", CREDENTIALS)
def test_what_is_no_sound_credential_is_never_verified(ask: Ask, name: str) -> None:
    given = CREDENTIALS[name]

    refused(ask("verify /credentials/verify", json.dumps({"verifiableCredential": given}).encode()))
    shown = presentation(given)
    refused(ask("verify /presentations/verify", json.dumps({"verifiablePresentation": shown}).encode()))
    refused(ask("issue /credentials/issue", json.dumps({"credential": given}).encode()))


def test_the_doors_are_open_for_what_is_sound(ask: Ask) -> None:
    for door in ("verify /credentials/verify", "verify /presentations/verify"):
        assert ask(door, json.dumps(DOORS[door]).encode()).status_code == 200
    for door in ("issue /credentials/issue", "issue /status-lists"):
        assert ask(door, json.dumps(DOORS[door]).encode()).status_code == 201


def test_options_leave_nothing_out_that_was_not_asked_for(ask: Ask) -> None:
    """A forged credential stays forged whatever checks are left out."""
    forged = {**GOOD, "name": "Forged"}
    for checks in ([], ["proof"], ["credentialStatus"], ["proof", "credentialStatus"]):
        body = {"verifiableCredential": forged, "options": {"checks": checks}}
        refused(ask("verify /credentials/verify", json.dumps(body).encode()))
    others: list[Any] = [["none"], ["Proof"], [""], [None], "proof", {"proof": False}]
    for checks in others:
        body = {"verifiableCredential": GOOD, "options": {"checks": checks}}
        refused(ask("verify /credentials/verify", json.dumps(body).encode()))


@pytest.mark.parametrize("name", ["id", "type", "iss", "nbf", "exp", "vc", "vp", "cnf", "nonce"])
def test_nobody_slips_a_claim_of_their_own_into_a_token_that_we_sign(ask: Ask, name: str) -> None:
    body = {"credential": {**OURS, name: "urn:x:1"}, "options": {"type": "vc+jwt"}}
    answer = ask("issue /credentials/issue", json.dumps(body).encode())

    assert answer.status_code == (201 if name == "id" else 400)


@pytest.mark.parametrize(
    "list_id",
    [
        *("", "x", "../x", f"{BASE}/status-lists/", f"{BASE}/status-lists/1", f"{BASE}/status-lists/../x"),
        *(f"{BASE}/status-lists/a/b", f"{BASE}/status-lists/a%2Fb", f"{BASE}/status-lists/a?b", f"{BASE}/x"),
        *(
            "https://thief.example/status-lists/a",
            f"{BASE}/status-lists/{'a' * 101}",
            f"{BASE}/status-lists/\u0661",
        ),
        f"{BASE}/status-lists/a\n",
    ],
)
def test_a_list_lies_where_lists_lie_and_nowhere_else(ask: Ask, list_id: str) -> None:
    refused(ask("issue /status-lists", json.dumps({"statusPurpose": "revocation", "id": list_id}).encode()))


@pytest.mark.parametrize(
    "index", ["-1", "1.0", "0x1", "1e3", "131072", "9" * 5_000, "\u0661", " 1", "01", 1, None, [1]]
)
def test_no_index_but_a_plain_number_inside_the_list_is_set(ask: Ask, index: Any) -> None:
    made = ask("issue /status-lists", json.dumps({"statusPurpose": "revocation"}).encode()).json()["id"]
    entry = {**ENTRY, "statusListIndex": "7", "statusListCredential": made}
    given = {**OURS, "id": f"urn:x:{made}", "credentialStatus": entry}
    assert ask("issue /credentials/issue", json.dumps({"credential": given}).encode()).status_code == 201

    body = {"credentialId": given["id"], "status": True, "credentialStatus": {**entry, "statusListIndex": index}}
    refused(ask("issue /credentials/status", json.dumps(body).encode()))


def test_a_path_of_the_issuer_leads_to_no_file(ask: Ask, tmp_path: Path) -> None:
    for path in (
        "/status-lists/../../etc/passwd",
        "/status-lists/%2e%2e%2fx",
        "/credentials/%00",
        "/credentials/x/y",
    ):
        answer = ask(f"issue {path}", b"{}")
        assert answer.status_code in {400, 404, 405}
