"""A wallet that we did not write takes a badge over HTTP: OpenID4VCI 1.0 by the OpenWallet Foundation's library.

What it gets is verified by others' libraries, too. It is a client of libraries and no phone: no wallet of a vendor
was tried.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from issuer.app import create_app
from issuer.badges import awarding, issuance, service
from issuer.badges.model import Badge
from issuer.recognition import service as recognition
from issuer.wallets import service as wallets
from issuer.wallets.model import MadeOffer
from keys import jwk, jws, multikey
from schemas import base64url, strict_json
from tests.demo.offices import free_ports, issuer_command, serving
from tests.real import peer
from tests.real.test_other_implementations import Other, contexts_of, published
from tests.real.test_wallet_of_others import Key
from tests.unit.issuer.office import NOW, Office, open_office

pytestmark = pytest.mark.real


def p256_key(name: str) -> dict[str, Any]:
    """A P-256 key as `test_wallet_of_others` has Ed25519 ones."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()) >> 1
    private = ec.derive_private_key(number, ec.SECP256R1())
    public = jwk.from_cryptography(private.public_key())
    text = multikey.encode(public)
    secret = {"d": base64url.encode(private.private_numbers().private_value.to_bytes(32))}
    return {"kid": f"did:key:{text}#{text}", "jwk": {**public.to_jwk(), **secret}, "alg": "ES256"}


ED25519: dict[str, Any] = {**Key("ada").forms, "alg": "EdDSA"}
P256 = p256_key("ada")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return peer.installed(tmp_path_factory.mktemp("javascript"))


@pytest.fixture(scope="module")
def wallet(installed: Path) -> Iterator[peer.Peer]:
    asked = peer.Peer(installed / "taker.mjs")
    yield asked
    asked.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office that serves, with one badge in it."""
    port, _ = free_ports()
    made = open_office(tmp_path / "issuer", public_url=f"http://localhost:{port}")
    made.add_changes("ada", count=3)
    decisions = recognition.decide_all(made.engine, made.policy, as_of=NOW)
    awarding.award_decisions(made.engine, decisions, policy=made.policy, now=NOW)
    issuance.issue(made.bureau, now=NOW)
    with serving(lambda: create_app(made.settings.data), port):
        yield made
    made.engine.dispose()


def badge_of(office: Office) -> Badge:
    (badge,) = service.badges_of(office.engine, office.person("ada@books.example").id)
    return badge


def offered(office: Office) -> MadeOffer:
    return wallets.offer(office.bureau, badge_of(office), now=datetime.now(UTC))


def take(wallet: peer.Peer, made: MadeOffer, *, link: str = "", **more: Any) -> dict[str, Any]:
    question = {"offer": link or made.wallet_link, "txCode": made.transaction_code, "key": ED25519}
    return wallet.ask(question | {"forms": ["ldp_vc", "jwt_vc_json"], "bare": False} | more)


@pytest.mark.parametrize("bare", [False, True], ids=["DID", "bare key"])
@pytest.mark.parametrize("key", [ED25519, P256], ids=["Ed25519", "P-256"])
def test_a_wallet_of_others_takes_a_badge_in_each_format(
    wallet: peer.Peer, installed: Path, office: Office, key: dict[str, Any], bare: bool
) -> None:
    told = take(wallet, offered(office), key=key, bare=bare)

    assert "credentials" in told, told
    assert told["version"] == "V1"
    document, token = told["credentials"]["ldp_vc"], told["credentials"]["jwt_vc_json"]
    said = strict_json.loads_object(jws.verify(token, key=office.bureau.signer.public))
    assert said["id"] == document["id"]
    subject = document["credentialSubject"]["id"]
    assert subject.startswith("did:jwk:") if bare else subject == key["kid"].partition("#")[0]
    shared = Path(__file__).resolve().parents[3] / "shared"
    if shared.is_dir():  # others verify what others took
        other = Other(installed, contexts_of(shared, newest=True))
        known = published(office)
        answer = other("verifyCredential", document=document, suites=["eddsa-rdfc-2022"], known=known)
        other.close()
        assert answer == {"verified": True}
    (one,) = wallets.taken(office.bureau, badge_of(office))
    assert one.offer.event == "credential_accepted"


def test_the_code_for_cameras_works_inside_the_wallet_as_well(wallet: peer.Peer, office: Office) -> None:
    made = offered(office)
    assert "credentials" in take(wallet, made, link=made.claim_page)


def test_the_command_makes_an_offer_that_it_takes(wallet: peer.Peer, office: Office) -> None:
    said = issuer_command(office.settings.data, "offer", badge_of(office).short_id)
    question = {"offer": said["offer_uri"], "txCode": said["tx_code"], "key": ED25519, "bare": False}
    assert "credentials" in wallet.ask(question | {"forms": ["jwt_vc_json"]})


@pytest.mark.parametrize(
    ("wrong", "refused"),
    [
        ("audience", "invalid_proof"),
        ("signature", "invalid_proof"),
        ("old", "invalid_proof"),
        ("client", "invalid_proof"),
        ("nonce", "invalid_nonce"),
        ("nonce twice", "invalid_nonce"),
        ("token", "invalid_token"),
    ],
)
def test_it_is_refused_in_each_wrong_way(wallet: peer.Peer, office: Office, wrong: str, refused: str) -> None:
    told = take(wallet, offered(office), wrong=wrong)
    assert f'"error": "{refused}"' in told["message"], told


def test_a_wrong_code_a_taken_offer_and_another_key_are_refused(wallet: peer.Peer, office: Office) -> None:
    made = offered(office)
    wrong = f"{(int(made.transaction_code) + 1) % 1_000_000:06}"
    assert "invalid_grant" in take(wallet, made, txCode=wrong)["message"]
    assert "credentials" in take(wallet, made)
    assert "404" in take(wallet, made, key=P256)["message"]
