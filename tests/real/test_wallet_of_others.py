"""A wallet that we did not write shows a badge at registration: OpenID4VP 1.0 by its own libraries, over HTTP.

The protocol and the query language are the OpenWallet Foundation's libraries, the signatures those of Digital
Bazaar and of jose. It is a client of libraries and no phone: no wallet of a vendor was tried.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys import multikey
from schemas import base64url
from tests.demo.offices import free_ports, serving
from tests.real import peer
from tests.real.test_other_implementations import contexts_of
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import DocumentsInMemory, IssuerSimulator
from verifier.app import create_app
from verifier.ground.settings import Settings
from verifier.registration.service import Registration
from verifier.verification.service import Verification

pytestmark = pytest.mark.real
EVENT = "/events/summit-2027"
TYPES = [
    "https://www.w3.org/2018/credentials#VerifiableCredential",
    "https://purl.imsglobal.org/spec/vc/ob/vocab.html#OpenBadgeCredential",
]


class Key:
    """An Ed25519 key in the forms in which the other side takes it."""

    def __init__(self, name: str) -> None:
        seed = hashlib.sha256(name.encode()).digest()
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        self.multibase = "z" + multikey.base58_encode(b"\xed\x01" + public)
        self.did = f"did:key:{self.multibase}"
        self.forms = {
            "kid": f"{self.did}#{self.multibase}",
            "publicKeyMultibase": self.multibase,
            "secretKeyMultibase": "z" + multikey.base58_encode(b"\x80\x26" + seed + public),
            "jwk": {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": base64url.encode(public),
                "d": base64url.encode(seed),
            },
        }


ADA, EVE = Key("ada"), Key("eve")


@pytest.fixture(scope="module")
def wallet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peer.Peer]:
    asked = peer.Peer(peer.installed(tmp_path_factory.mktemp("javascript")) / "wallet.mjs")
    yield asked
    asked.close()


@pytest.fixture(scope="module")
def contexts() -> dict[str, Any]:
    shared = Path(__file__).resolve().parents[3] / "shared"
    if not shared.is_dir():
        pytest.skip("the shared vectors are not here")
    return contexts_of(shared, newest=True)


@pytest.fixture(scope="module")
def issuer() -> IssuerSimulator:
    return IssuerSimulator(now=datetime.now(UTC))


@pytest.fixture
def office(tmp_path: Path, issuer: IssuerSimulator) -> Iterator[str]:
    port, _ = free_ports()
    url = f"http://localhost:{port}"
    settings, source = Settings(tmp_path, public_url=url), DocumentsInMemory.of([issuer])
    file = tmp_path / "summit.yaml"
    opening = {"opens": issuer.now.replace(microsecond=0), "closes": issuer.now.replace(year=issuer.now.year + 1)}
    frozen = {"factor": 1.0, "frozen_at": issuer.now.date(), "eligible": 1, "expected_take_up": 0.5}
    file.write_bytes(document(redeem=opening, budget=frozen))
    Registration(settings, verification=Verification(source)).add_event(file)
    with serving(lambda: create_app(settings, source=source), port):
        yield url


def badge(issuer: IssuerSimulator, form: str, key: Key) -> Any:
    made = issuer.document(starts="2027-01-01")
    made["credentialSubject"]["id"] = key.did
    return issuer.token(made) if form == "jwt_vc_json" else issuer.secured(made)


def ask(wallet: peer.Peer, begun: dict[str, Any], **question: Any) -> dict[str, Any]:
    return wallet.ask({"link": begun["wallet_link"], "types": TYPES, **question})


@pytest.mark.parametrize("types", [TYPES, ["VerifiableCredential", "OpenBadgeCredential"]], ids=["IRIs", "names"])
@pytest.mark.parametrize("form", ["ldp_vc", "jwt_vc_json"])
def test_a_badge_is_shown_from_a_wallet_of_others_and_redeemed(
    wallet: peer.Peer, contexts: dict[str, Any], issuer: IssuerSimulator, office: str, form: str, types: list[str]
) -> None:
    begun = httpx.post(f"{office}{EVENT}/exchanges").raise_for_status().json()
    shown = badge(issuer, form, ADA)
    claims = {"credentialSubject": {"achievement": {"id": f"{issuer.base}/achievements/contributor"}}}
    question = {"form": form, "credential": shown, "claims": claims, "key": ADA.forms, "documents": contexts}

    told = ask(wallet, begun, **question, types=types)

    assert "error" not in told, told
    assert (told["satisfied"], told["status"]) == (True, 200), told
    assert (told["version"], told["prefix"]) == (100, "decentralized_identifier")
    (code,) = parse_qs(urlsplit(told["answer"]["redirect_uri"]).query)["response_code"]
    redeemed = httpx.post(
        f"{office}{EVENT}/redemptions",
        json={"exchange": begun["exchange"], "response_code": code},
        headers={"Idempotency-Key": "one"},
    )
    assert (redeemed.status_code, redeemed.json()["percent"]) == (201, 50), redeemed.text


@pytest.mark.parametrize("form", ["ldp_vc", "jwt_vc_json"])
def test_a_stolen_copy_is_refused_though_the_wallet_is_a_good_one(
    wallet: peer.Peer, contexts: dict[str, Any], issuer: IssuerSimulator, office: str, form: str
) -> None:
    begun = httpx.post(f"{office}{EVENT}/exchanges").raise_for_status().json()
    claims = {"credentialSubject": {"achievement": {"id": f"{issuer.base}/achievements/contributor"}}}
    told = ask(
        wallet,
        begun,
        form=form,
        credential=badge(issuer, form, ADA),
        claims=claims,
        key=EVE.forms,
        documents=contexts,
    )
    assert told.get("status") == 400, told
    assert "not bound to the key" in json.dumps(told["answer"])


def test_a_wallet_without_such_a_badge_offers_none(
    wallet: peer.Peer, contexts: dict[str, Any], issuer: IssuerSimulator, office: str
) -> None:
    begun = httpx.post(f"{office}{EVENT}/exchanges").raise_for_status().json()
    other = {"credentialSubject": {"achievement": {"id": "https://elsewhere.example/a"}}}
    told = ask(wallet, begun, form="ldp_vc", credential={}, claims=other, key=ADA.forms, documents=contexts)
    assert told["satisfied"] is False
