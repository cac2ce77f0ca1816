"""What befalls an issuer's site while people redeem: never a discount on what is not certain, and always said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas import strict_json
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import HOLDER_CODE, Clock, DocumentsInMemory, IssuerSimulator, p256_signer
from verifier.app import create_app
from verifier.ground.settings import Settings
from verifier.registration.service import Registration
from verifier.verification.service import Verification

ISSUER = IssuerSimulator()
STRANGER = IssuerSimulator(seed="somebody else's keys")
DID_URL = f"{ISSUER.base}/.well-known/did.json"


class Site:
    def __init__(self, folder: Path) -> None:
        self.clock, self.documents = Clock(), DocumentsInMemory.of([ISSUER])
        file = folder / "summit.yaml"
        file.write_bytes(document())
        office = Registration(
            Settings(folder), verification=Verification(self.documents, clock=self.clock), clock=self.clock
        )
        office.add_event(file)
        app = create_app(Settings(folder), source=self.documents, clock=self.clock)
        self.client = AppClient(app)

    def redeem(self, *, key: str) -> httpx.Response:
        body = {"badge": ISSUER.token(), "holder_code": HOLDER_CODE}
        return self.client.post("/events/summit-2027/redemptions", json=body, headers={"Idempotency-Key": key})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def put(url: str, body: bytes) -> Callable[[Site], None]:
    return lambda site: site.documents.documents.update({url: body})


def gone(*urls: str) -> Callable[[Site], None]:
    def fault(site: Site) -> None:
        for url in urls or tuple(site.documents.documents):
            site.documents.documents.pop(url, None)

    return fault


LIST = ISSUER.status_token().encode()
ENDED = ISSUER.status_token(ISSUER.status_claims() | {"exp": 1, "validUntil": "1970-01-01T00:00:01Z"}).encode()
FAULTS: dict[str, tuple[Callable[[Site], None], set[str]]] = {
    "the site is down": (gone(), {"could_not_tell"}),
    "the list is gone": (gone(ISSUER.list_url), {"could_not_tell"}),
    "the list is truncated": (put(ISSUER.list_url, LIST[: len(LIST) // 2]), {"could_not_tell"}),
    "the list is huge": (put(ISSUER.list_url, b"a" * (2 << 20)), {"could_not_tell"}),
    "the list is signed by another": (put(ISSUER.list_url, STRANGER.status_token().encode()), {"could_not_tell"}),
    "the list is another issuer's": (
        put(ISSUER.list_url, IssuerSimulator(host="b.example").status_token().encode()),
        {"could_not_tell"},
    ),
    "the list's end has passed": (put(ISSUER.list_url, ENDED), {"could_not_tell"}),
    "the list expands without end": (
        put(ISSUER.list_url, ISSUER.status_token(ISSUER.status_claims(bits=bytes(32 << 20))).encode()),
        {"could_not_tell"},
    ),
    "the list is a web page": (put(ISSUER.list_url, b"<html>maintenance</html>"), {"could_not_tell"}),
    "the keys are others now": (
        put(DID_URL, strict_json.dumps(STRANGER.did_document()).encode()),
        {"not_valid"},
    ),
    "the key was taken out": (
        put(
            DID_URL,
            strict_json.dumps(ISSUER.did_document() | {"verificationMethod": [], "assertionMethod": []}).encode(),
        ),
        {"not_valid", "could_not_tell"},
    ),
    "the keys are another's document": (
        put(DID_URL, strict_json.dumps(IssuerSimulator(host="b.example").did_document()).encode()),
        {"could_not_tell", "not_valid"},
    ),
    "the keys are no JSON": (put(DID_URL, b"{"), {"could_not_tell", "not_valid"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_issuer_s_site_gives_nothing_says_so_and_costs_nothing(site: Site, fault: str) -> None:
    break_it, reasons = FAULTS[fault]
    whole = dict(site.documents.documents)
    break_it(site)

    refused = site.redeem(key="one")
    assert refused.status_code == (503 if refused.json()["result"] == "could_not_tell" else 422)
    assert refused.json()["reason"] in reasons
    assert refused.json()["voucher"] is None
    wrong: list[Any] = [check for check in refused.json()["verdict"]["checks"] if check["state"] != "pass"]
    assert wrong and all(check["sentence"] for check in wrong)

    site.documents.documents = whole
    site.clock.pass_by(hours=1)  # whatever was kept of it is asked for again
    mended = site.redeem(key="one")
    assert mended.status_code == 201, "the same request, once the site is whole again"


def test_what_was_good_an_hour_ago_is_no_answer_when_the_site_is_down(site: Site) -> None:
    assert site.client.post("/verify", content=ISSUER.token()).json()["verdict"] == "valid"
    gone()(site)
    site.clock.pass_by(minutes=59)
    site.clock.pass_by(minutes=2)
    assert site.redeem(key="one").json()["reason"] == "could_not_tell"


def test_a_key_of_the_same_name_that_others_hold_signs_nothing_here(site: Site) -> None:
    forged = ISSUER.sign({"a": 1}, signer=p256_signer(ISSUER.signer.kid, seed="another"))
    assert site.client.post("/verify", content=forged).json()["verdict"] == "not_valid"
