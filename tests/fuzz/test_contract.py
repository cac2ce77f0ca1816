"""Requests to the contract of both offices, changed anywhere: always an answer in JSON, never a 500."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given

from keys import custody
from tests.fuzz.changes import changed
from tests.fuzz.effort import examples
from tests.hostile import stranger
from tests.hostile.stranger import credential, presentation, with_proofs
from tests.unit.issuer.contract.client import open_client
from tests.unit.issuer.office import open_office
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.simulator import Clock
from verifier.app import create_app
from verifier.ground.settings import Settings

Ask = Callable[[str, Any], httpx.Response]
LIST = "https://badges.example.org/status-lists/fuzz"
ENTRY = {
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "7",
    "statusListCredential": LIST,
}
OURS = credential(issuer="did:web:badges.example.org", id="urn:x:fuzz", name="A name", credentialStatus=ENTRY)
REQUESTS: dict[str, Any] = {
    "/credentials/verify": {
        "verifiableCredential": with_proofs(credential(name={"@value": "x", "@language": "en"})),
        "options": {"checks": ["proof"], "returnResults": True, "returnCredential": True},
    },
    "/presentations/verify": {
        "verifiablePresentation": with_proofs(
            presentation(with_proofs(credential()), holder=stranger.DID), purpose="authentication", challenge="abc"
        ),
        "options": {"challenge": "abc", "returnResults": True},
    },
    "/credentials/issue": {"credential": OURS, "options": {"credentialId": "urn:x:fuzz", "type": "vc+jwt"}},
    "/credentials/status": {"credentialId": "urn:x:fuzz", "credentialStatus": ENTRY, "status": True},
    "/status-lists": {"statusPurpose": "revocation", "id": LIST},
}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(custody, "SCRYPT_N", 1 << 10)
        issuer = open_client(open_office(tmp_path_factory.mktemp("issuer")))
    settings = Settings(tmp_path_factory.mktemp("verifier"))
    verifier = AppClient(create_app(settings, source=stranger.documents(), clock=Clock()))

    def send(path: str, body: Any) -> httpx.Response:
        return verifier.post(path, json=body) if path.endswith("/verify") else issuer.ask("POST", path, body)

    yield send


@pytest.mark.parametrize("path", REQUESTS)
def test_a_changed_request_is_answered(ask: Ask, path: str) -> None:
    good = REQUESTS[path]
    assert ask(path, good).status_code < 500

    @examples(80)
    @given(changed(good, times=3))
    def holds(body: Any) -> None:
        answer = ask(path, json.loads(json.dumps(body)))
        assert answer.status_code in {200, 201, 400, 404, 410}, answer.text[:300]
        told = answer.json()
        if answer.status_code >= 400:
            assert told["status"] == answer.status_code and "\n" not in told["detail"]

    holds()
