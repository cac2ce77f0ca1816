"""A badge taken into a wallet over HTTP, and each wrong way in which one may ask (OpenID4VCI 1.0)."""

import html
import io
import json
import re
import sqlite3
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import zxingcpp
from PIL import Image

from issuer import cli
from issuer.app import create_app
from issuer.badges import awarding, issuance
from issuer.badges import service as badges
from issuer.badges.model import Badge
from issuer.delivery import codes, record
from issuer.recognition import service as recognition
from issuer.wallets import service
from issuer.wallets.errors import OfferError, WalletError
from issuer.wallets.model import MadeOffer
from keys import data_integrity, jws
from keys.errors import CustodyError
from tests.conftest import every_connection_closed
from tests.unit.issuer.conftest import quick_passphrase
from tests.unit.issuer.office import NOW, Office, open_office
from tests.unit.issuer.wallets_client import BASE, Key, Wallet, claims_of
from tests.unit.verifier.client import AppClient

__all__ = ["quick_passphrase"]


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


ON_BOTH = pytest.mark.parametrize("office", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def office(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Office]:
    """On a file, and on a PostgreSQL where it matters who comes first, or how often."""
    with every_connection_closed():
        url = None
        if getattr(request, "param", "sqlite") == "postgresql":
            url = request.getfixturevalue("postgres").new_database(
                like=request.getfixturevalue("empty_issuing_office")
            )
        opened = open_office(tmp_path, database_url=url)
        yield opened
        opened.engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(office: Office, clock: Clock) -> AppClient:
    office.add_changes("ada", count=3)
    decisions = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decisions, policy=office.policy, now=NOW)
    issuance.issue(office.bureau, now=NOW)
    return AppClient(create_app(office.settings.data, clock=clock))


def badge_of(office: Office) -> Badge:
    return badges.badges_of(office.engine, office.person("ada@books.example").id)[0]


def offered(office: Office, *, now: datetime = NOW) -> MadeOffer:
    return service.offer(office.bureau, badge_of(office), now=now)


@pytest.fixture
def made(client: AppClient, office: Office) -> MadeOffer:
    return offered(office)


@pytest.fixture
def wallet(client: AppClient, made: MadeOffer) -> Wallet:
    """One that has its access token."""
    asking = Wallet(client, NOW)
    assert asking.take(made.wallet_link, made.transaction_code).status_code == 200
    return asking


def refused(answer: Any, code: str, *, status: int = 400) -> str:
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["error_description"])


# --- the good way ---------------------------------------------------------------------------------------


def test_the_issuers_metadata_is_that_of_1_0(client: AppClient) -> None:
    answer = client.get("/.well-known/openid-credential-issuer")
    said = answer.json()
    assert said["credential_issuer"] == BASE
    for name in ("credential", "nonce", "deferred_credential", "notification"):
        assert said[f"{name}_endpoint"].startswith(f"{BASE}/wallet/")
    forms = {one["format"]: one for one in said["credential_configurations_supported"].values()}
    assert set(forms) == {"ldp_vc", "jwt_vc_json"}
    for one in forms.values():
        assert one["credential_metadata"]["display"][0]["locale"] == "en"
        assert one["proof_types_supported"].keys() == {"jwt", "di_vp"}
        assert one["credential_definition"]["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
    assert forms["jwt_vc_json"]["credential_signing_alg_values_supported"] == ["ES256"]
    assert forms["ldp_vc"]["credential_definition"]["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    assert answer.headers["access-control-allow-origin"] == "*"

    server = client.get("/.well-known/oauth-authorization-server").json()
    assert server["issuer"] == BASE and server["pre-authorized_grant_anonymous_access_supported"] is True
    assert server["token_endpoint"] == f"{BASE}/wallet/token"


@pytest.mark.parametrize("kind", ["jwt", "di_vp"])
@pytest.mark.parametrize("p256", [False, True], ids=["Ed25519", "P-256"])
@pytest.mark.parametrize("form", ["ldp_vc", "jwt_vc_json"])
@ON_BOTH
def test_a_wallet_takes_a_badge_that_is_bound_to_its_key(
    wallet: Wallet, office: Office, form: str, p256: bool, kind: str
) -> None:
    wallet.key = Key(p256=p256)
    proof = (
        wallet.proof()
        if kind == "jwt"
        else wallet.key.presentation(challenge=wallet.nonce(), domain=BASE, now=NOW)
    )

    answer = wallet.ask(form, proofs={kind: [proof]})

    assert answer.status_code == 200, answer.text
    ((secured),) = (one["credential"] for one in answer.json()["credentials"])
    if form == "jwt_vc_json":
        jws.verify(secured, key=office.bureau.signer.public)
        said = claims_of(secured)
        assert said["sub"] == wallet.key.did
    else:
        (one,) = data_integrity.read_proofs(secured).proofs
        data_integrity.verify(secured, proof=one, key=office.bureau.document_signer.public)
        said = secured
    assert said["credentialSubject"]["id"] == wallet.key.did
    held = badge_of(office)
    assert said["id"] != held.id and held.standing
    assert held.reference in json.dumps(said["credentialSubject"]["identifier"])


def test_a_bare_jwk_becomes_a_did_jwk(wallet: Wallet) -> None:
    jwk = dict(wallet.key.signer.public.to_jwk())
    proof = wallet.key.token(
        {"aud": BASE, "iat": int(NOW.timestamp()), "nonce": wallet.nonce()}, kid=None, jwk=jwk
    )
    answer = wallet.ask(proofs={"jwt": [proof]})
    assert answer.json()["credentials"][0]["credential"]["credentialSubject"]["id"] == wallet.key.did_jwk


@ON_BOTH
def test_asked_again_the_same_key_gets_the_same_badge_in_either_format(wallet: Wallet) -> None:
    first, again = wallet.ask().json(), wallet.ask().json()
    token = wallet.ask("jwt_vc_json").json()
    assert first == again
    assert claims_of(token["credentials"][0]["credential"])["id"] == first["credentials"][0]["credential"]["id"]


@ON_BOTH
def test_what_became_of_it_is_noted_once_and_seen_by_its_holder(wallet: Wallet, office: Office) -> None:
    given = wallet.ask().json()["notification_id"]
    for _ in range(2):
        answer = wallet.post("notification", {"notification_id": given, "event": "credential_accepted"})
        assert (answer.status_code, answer.content) == (204, b"")
    ((taken),) = service.taken(office.bureau, badge_of(office))
    assert taken.offer.event == "credential_accepted"
    assert taken.copy is not None and taken.copy.subject == wallet.key.did

    refused(
        wallet.post("notification", {"notification_id": "x", "event": "credential_accepted"}),
        "invalid_notification_id",
    )
    for wrong in ({"notification_id": given, "event": "eaten"}, {"notification_id": given}):
        refused(wallet.post("notification", wrong), "invalid_notification_request")


@ON_BOTH
def test_while_the_key_is_out_of_reach_the_badge_is_deferred_and_none_is_lost(
    wallet: Wallet, office: Office, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    signed = issuance.sign_bound

    def out_of_reach(*_: Any, **__: Any) -> Badge:
        raise CustodyError("The token with the keys does not answer.")

    monkeypatch.setattr(issuance, "sign_bound", out_of_reach)
    answer = wallet.ask("jwt_vc_json")
    assert answer.status_code == 202 and answer.json()["interval"] > 0
    later = {"transaction_id": answer.json()["transaction_id"]}
    assert wallet.post("deferred", later).status_code == 202
    refused(wallet.post("deferred", {"transaction_id": "another"}), "invalid_transaction_id")

    monkeypatch.setattr(issuance, "sign_bound", signed)
    clock.now = NOW + timedelta(hours=3)  # long after the token is good for a first request
    answer = wallet.post("deferred", later)
    assert answer.status_code == 200
    assert claims_of(answer.json()["credentials"][0]["credential"])["sub"] == wallet.key.did
    refused(wallet.ask(), "invalid_token", status=401)


def test_wallets_in_browsers_may_ask_from_any_origin(client: AppClient) -> None:
    for path in ("/wallet/credential", "/wallet/token", "/.well-known/openid-credential-issuer"):
        answer = client.options(path, headers={"Origin": "https://wallet.example"})
        assert answer.status_code == 204
        assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    assert client.post("/wallet/nonce").headers["access-control-allow-origin"] == "*"


# --- offers ---------------------------------------------------------------------------------------------


@ON_BOTH
def test_an_offer_works_by_reference_until_it_is_taken(client: AppClient, made: MadeOffer, office: Office) -> None:
    wallet = Wallet(client, NOW)
    said = wallet.read_offer(made.wallet_link)
    assert said == wallet.read_offer(made.claim_page)  # looked at twice it is the same: cameras look first
    assert said["credential_issuer"] == BASE
    (grant,) = said["grants"].values()
    assert grant["tx_code"]["length"] == len(made.transaction_code) == 6
    assert len(grant["tx_code"]["description"]) <= 300
    assert made.transaction_code not in json.dumps(said)

    assert wallet.take(made.wallet_link, made.transaction_code).status_code == 200
    path = made.reference.removeprefix(BASE)
    assert client.get(path).status_code == 404
    assert client.get(made.claim_page.removeprefix(BASE)).status_code == 404
    assert "ended" in client.get(made.claim_page.removeprefix(BASE)).text


def test_the_page_that_a_camera_opens_leads_into_the_wallet_and_tells_no_secret(
    client: AppClient, made: MadeOffer
) -> None:
    answer = client.get(made.claim_page.removeprefix(BASE))
    assert answer.status_code == 200
    assert made.wallet_link.replace("&", "&amp;") in answer.text
    assert made.transaction_code not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    for address in ("https://elsewhere.example/wallet/o/x", f"{BASE}/wallet/o/x", ""):
        assert client.get("/wallet", params={"credential_offer_uri": address}).status_code == 404


@ON_BOTH
def test_a_new_offer_ends_the_one_before(client: AppClient, made: MadeOffer, office: Office) -> None:
    newer = offered(office)
    assert client.get(made.reference.removeprefix(BASE)).status_code == 404
    assert Wallet(client, NOW).take(newer.wallet_link, newer.transaction_code).status_code == 200


def test_an_offer_ends_after_ten_minutes(client: AppClient, made: MadeOffer, clock: Clock) -> None:
    wallet = Wallet(client, NOW)
    code = wallet.read_offer(made.wallet_link)["grants"].popitem()[1]["pre-authorized_code"]
    clock.now = NOW + timedelta(minutes=10)
    assert client.get(made.reference.removeprefix(BASE)).status_code == 404
    refused(wallet.ask_token(code, made.transaction_code), "invalid_grant")


def test_only_a_badge_in_force_is_offered(client: AppClient, office: Office, wallet: Wallet) -> None:
    wallet.ask()
    (copy,) = badges.copies_of(office.engine, badge_of(office))
    with pytest.raises(OfferError, match="copy already"):
        service.offer(office.bureau, copy, now=NOW)
    badges.revoke(office.engine, badge_of(office), reason="a mistake", now=NOW)
    with pytest.raises(OfferError, match="revoked"):
        offered(office)
    refused(wallet.ask(), "credential_request_denied")


# --- each wrong way ---------------------------------------------------------------------------------------


@ON_BOTH
def test_a_stolen_offer_gives_nothing_without_the_code_of_the_page(
    client: AppClient, made: MadeOffer, office: Office
) -> None:
    thief = Wallet(client, NOW)
    code = thief.read_offer(made.wallet_link)["grants"].popitem()[1]["pre-authorized_code"]
    refused(thief.ask_token(code, None), "invalid_request")
    wrong = [f"{number:06}" for number in range(10_000) if f"{number:06}" != made.transaction_code]

    answers = [thief.ask_token(code, guess) for guess in wrong[:5]]

    assert {refused(answer, "invalid_grant") for answer in answers} == {
        "This tx_code is wrong. After five wrong ones the offer is dead."
    }
    assert "dead" in refused(thief.ask_token(code, made.transaction_code), "invalid_grant")
    again = offered(office)  # its holder makes another one
    assert Wallet(client, NOW).take(again.wallet_link, again.transaction_code).status_code == 200


@pytest.mark.parametrize(
    "office", ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)], indirect=True
)  # the second takes half a minute
def test_ten_thousand_guesses_find_nothing(office: Office, client: AppClient, made: MadeOffer) -> None:
    code = Wallet(client, NOW).read_offer(made.wallet_link)["grants"].popitem()[1]["pre-authorized_code"]
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code", "pre-authorized_code": code}
    right = int(made.transaction_code)
    guesses = [f"{(right + 1 + number) % 1_000_000:06}" for number in range(9_995)]
    found = 0
    for guess in [*guesses, *[made.transaction_code] * 5]:
        try:
            service.take(office.bureau, form | {"tx_code": guess}, now=NOW)
            found += 1
        except WalletError as error:
            assert error.code == "invalid_grant"
    assert found == 0
    with pytest.raises(WalletError, match=r"This offer is dead.* Make a new one"):
        service.take(office.bureau, form | {"tx_code": made.transaction_code}, now=NOW)
    assert client.get(urlsplit(made.reference).path).status_code == 404, "and is offered no more"


@ON_BOTH
def test_a_code_is_taken_once(client: AppClient, made: MadeOffer) -> None:
    wallet = Wallet(client, NOW)
    code = wallet.read_offer(made.wallet_link)["grants"].popitem()[1]["pre-authorized_code"]
    assert wallet.ask_token(code, made.transaction_code).status_code == 200
    refused(wallet.ask_token(code, made.transaction_code), "invalid_grant")
    refused(wallet.ask_token("unknown", made.transaction_code), "invalid_grant")


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
        ({"pre-authorized_code": "x"}, "invalid_request"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code"}, "invalid_request"),
    ],
)
def test_token_requests_that_are_none(client: AppClient, form: dict[str, str], code: str) -> None:
    refused(client.post("/wallet/token", data=form), code)


def test_a_token_request_is_a_form_with_each_parameter_once(client: AppClient) -> None:
    refused(client.post("/wallet/token", json={}), "invalid_request")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (
        b"grant_type=a&grant_type=b",
        b"\xff=1",
        b"x" * 70_000,
        b"&".join(b"a%d=1" % n for n in range(20)),
    ):
        refused(client.post("/wallet/token", content=body, headers=headers), "invalid_request")


@ON_BOTH
def test_a_nonce_is_ours_fresh_and_used_once(wallet: Wallet, clock: Clock) -> None:
    answer = wallet.client.post("/wallet/nonce")
    assert answer.headers["cache-control"] == "no-store"
    assert len(answer.json()["c_nonce"]) > 32 and wallet.nonce() != wallet.nonce()

    used = wallet.nonce()
    assert wallet.ask(proofs={"jwt": [wallet.proof(nonce=used)]}).status_code == 200
    refused(wallet.ask(proofs={"jwt": [wallet.proof(nonce=used)]}), "invalid_nonce")
    refused(wallet.ask(proofs={"jwt": [wallet.proof(nonce="made-up")]}), "invalid_nonce")
    changed = ("A" if used[0] != "A" else "B") + used[1:]
    refused(wallet.ask(proofs={"jwt": [wallet.proof(nonce=changed)]}), "invalid_nonce")
    old = wallet.nonce()
    clock.now = wallet.now = NOW + timedelta(minutes=5)
    refused(wallet.ask(proofs={"jwt": [wallet.proof(nonce=old)]}), "invalid_nonce")


WRONG_PROOFS: dict[str, Any] = {
    "none": lambda w: {},
    "no list": lambda w: {"jwt": w.proof()},
    "two": lambda w: {"jwt": [w.proof(), w.proof()]},
    "two kinds": lambda w: {"jwt": [w.proof()], "di_vp": []},
    "another kind": lambda w: {"attestation": [w.proof()]},
    "no token": lambda w: {"jwt": ["nothing"]},
    "a number": lambda w: {"jwt": [7]},
    "another audience": lambda w: {"jwt": [w.proof(aud="https://elsewhere.example")]},
    "no audience": lambda w: {"jwt": [w.proof(aud=None)]},
    "no nonce": lambda w: {"jwt": [w.proof(nonce=None)]},
    "an issuer": lambda w: {"jwt": [w.proof(iss="wallet")]},
    "too old": lambda w: {"jwt": [w.proof(iat=int(NOW.timestamp()) - 600)]},
    "from tomorrow": lambda w: {"jwt": [w.proof(iat=int(NOW.timestamp()) + 86_400)]},
    "no moment": lambda w: {"jwt": [w.proof(iat=None)]},
    "a moment in words": lambda w: {"jwt": [w.proof(iat="now")]},
    "expired": lambda w: {"jwt": [w.proof(exp=int(NOW.timestamp()) - 600)]},
    "another typ": lambda w: {"jwt": [w.key.token(good(w), typ="JWT")]},
    "no typ": lambda w: {"jwt": [w.key.token(good(w), typ=None)]},
    "no key": lambda w: {"jwt": [w.key.token(good(w), kid=None)]},
    "key twice": lambda w: {"jwt": [w.key.token(good(w), jwk=dict(w.key.signer.public.to_jwk()))]},
    "somebody's key": lambda w: {"jwt": [w.key.token(good(w), kid=Key().kid)]},
    "a key elsewhere": lambda w: {"jwt": [w.key.token(good(w), kid="did:web:wallet.example#1")]},
    "a name": lambda w: {"jwt": [w.key.token(good(w), kid="key-1")]},
    "none at all": lambda w: {"jwt": [w.key.token(good(w), alg="none")]},
    "a shared key": lambda w: {"jwt": [w.key.token(good(w), alg="HS256")]},
    "a private key": lambda w: {"jwt": [w.key.token(good(w), kid=None, jwk=private_jwk(w))]},
    "a certificate": lambda w: {"jwt": [w.key.token(good(w), kid=None, x5c=["MIIB"])]},
    "a critical member": lambda w: {"jwt": [w.key.token(good(w), crit=["b64"], b64=False)]},
    "unsigned presentation": lambda w: {"di_vp": [unsigned(w)]},
    "presentation for another": lambda w: {"di_vp": [presented(w, domain="https://elsewhere.example")]},
    "presentation for nobody": lambda w: {"di_vp": [presented(w, domain=None)]},
    "presentation without a challenge": lambda w: {"di_vp": [presented(w, challenge=None)]},
    "presentation of another": lambda w: {
        "di_vp": [presented(w, holder="did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH")]
    },
    "presentation changed": lambda w: {
        "di_vp": [presented(w) | {"id": "urn:uuid:1b671a64-40d5-491e-99b0-da01ff1f3341"}]
    },
    "an old presentation": lambda w: {"di_vp": [presented(w, now=NOW - timedelta(hours=1))]},
    "no presentation": lambda w: {"di_vp": [{}]},
}


def good(wallet: Wallet) -> dict[str, Any]:
    return {"aud": BASE, "iat": int(NOW.timestamp()), "nonce": wallet.nonce()}


def private_jwk(wallet: Wallet) -> dict[str, str]:
    return {**wallet.key.signer.public.to_jwk(), "d": "AAAA"}


def presented(wallet: Wallet, *, now: datetime = NOW, **changed: Any) -> Any:
    asked = {"challenge": wallet.nonce(), "domain": BASE} | changed
    return wallet.key.presentation(now=now, **asked)


def unsigned(wallet: Wallet) -> Any:
    made = presented(wallet)
    return {name: value for name, value in made.items() if name != "proof"}


def test_a_proof_that_proves_nothing_is_refused(wallet: Wallet, office: Office) -> None:
    for name, made in WRONG_PROOFS.items():
        answer = wallet.ask(proofs=made(wallet))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_proof"), name
        said = refused(answer, "invalid_proof")
        assert said.endswith(".") and "\\" not in said, name
    assert badges.copies_of(office.engine, badge_of(office)) == []
    assert wallet.ask().status_code == 200  # nothing was used up but the nonce


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"credential_configuration_id": "UniversityDegree"}, "unknown_credential_configuration"),
        ({"credential_configuration_id": ""}, "invalid_credential_request"),
        ({"credential_configuration_id": 7}, "invalid_credential_request"),
        ({"credential_identifier": "x"}, "invalid_credential_request"),
        ({"credential_configuration_id": "", "credential_identifier": "x"}, "unknown_credential_identifier"),
        ({"credential_response_encryption": {"jwk": {}}}, "invalid_encryption_parameters"),
        ({"proofs": ""}, "invalid_proof"),
    ],
)
def test_credential_requests_that_ask_for_something_else(wallet: Wallet, more: dict[str, Any], code: str) -> None:
    refused(wallet.ask(**more), code)


def test_a_request_of_a_draft_is_told_what_is_missing(wallet: Wallet) -> None:
    body = {"format": "ldp_vc", "proof": {"proof_type": "jwt", "jwt": wallet.proof()}}
    assert "credential_configuration_id" in refused(wallet.post("credential", body), "invalid_credential_request")


def test_without_a_token_of_an_offer_nothing_is_given(wallet: Wallet, clock: Clock) -> None:
    good_token = wallet.token
    for token in ("", "x", "\u00e9"):
        wallet.token = token
        for path in ("credential", "deferred", "notification"):
            headers = {"Authorization": f"Bearer {token}".encode(), "Content-Type": "application/json"}
            answer = wallet.client.post(f"/wallet/{path}", content=b"{}", headers=headers)
            refused(answer, "invalid_token", status=401)
            assert answer.headers["www-authenticate"].startswith("Bearer")
    wallet.token = good_token
    clock.now = wallet.now = NOW + timedelta(minutes=10)
    refused(wallet.ask(), "invalid_token", status=401)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"a":1,"a":2}', b"\xff", b'{"a":"\\ud800"}', b"{" * 5000, b'"x"' * 40_000]
)
def test_bodies_that_are_no_request(wallet: Wallet, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {wallet.token}", "Content-Type": "application/json"}
    refused(wallet.client.post("/wallet/credential", content=body, headers=headers), "invalid_credential_request")
    headers["Content-Type"] = "text/plain"
    refused(wallet.client.post("/wallet/credential", content=b"{}", headers=headers), "invalid_credential_request")


def test_whoever_asks_too_often_is_told_when_to_come_again(office: Office, client: AppClient) -> None:
    far = AppClient(create_app(office.settings.data, clock=lambda: NOW), address="192.0.2.7")
    assert {far.post("/wallet/nonce").status_code for _ in range(60)} == {200}
    later = (far.post("/wallet/nonce") for _ in range(60))  # a slow machine has earned a few more meanwhile
    last = next(answer for answer in later if answer.status_code != 200)
    refused(last, "slow_down", status=429)
    assert int(last.headers["retry-after"]) >= 1


def test_no_secret_of_an_offer_lies_in_the_database(office: Office, wallet: Wallet, made: MadeOffer) -> None:
    wallet.ask()
    kept = b"".join(file.read_bytes() for file in office.settings.data.glob("issuer.sqlite*"))
    handle = made.reference.rpartition("/")[2]
    for secret in (handle, wallet.token, made.transaction_code):
        assert secret.encode() not in kept


# --- the holder's page and the command --------------------------------------------------------------------


def page_of(office: Office) -> str:
    return f"/h/{office.bureau.page_token(office.person('ada@books.example').id)}"


def test_the_holder_offers_the_badge_on_their_page_and_sees_where_it_is(client: AppClient, office: Office) -> None:
    address = f"{page_of(office)}/wallet/{badge_of(office).short_id}"
    assert address in client.get(page_of(office)).text
    before = client.get(address)
    assert before.status_code == 200 and "openid-credential-offer" not in before.text  # looking makes no offer

    answer = client.post(address)

    link, (head, tail) = link_in(answer.text), digits_in(answer.text)
    assert answer.headers["cache-control"] == "no-store"
    read = [text.text for text in codes_in(answer.text)]
    assert len(read) == 2 and read[1] == link and read[0].startswith(f"{BASE}/wallet?credential_offer_uri=")
    wallet = Wallet(client, NOW)
    assert wallet.take(read[0], head + tail).status_code == 200
    assert "it has not asked for the badge yet" in client.get(address).text
    given = wallet.ask().json()["notification_id"]
    wallet.post("notification", {"notification_id": given, "event": "credential_accepted"})
    after = client.get(address).text
    assert wallet.key.did in after and "keeps it" in after and "in force" in after


@ON_BOTH
def test_a_holder_without_the_wallet_withdraws_its_copy_and_keeps_the_badge(
    client: AppClient, office: Office, wallet: Wallet
) -> None:
    address = f"{page_of(office)}/wallet/{badge_of(office).short_id}"
    wallet.ask()
    (copy,) = badges.copies_of(office.engine, badge_of(office))
    assert client.post(f"{address}/withdrawn", data={"lost": badge_of(office).short_id}).status_code == 404

    assert client.post(f"{address}/withdrawn", data={"lost": copy.short_id}).status_code == 303

    (copy,) = badges.copies_of(office.engine, badge_of(office))
    assert not copy.standing and badge_of(office).standing
    shown = client.get(address).text
    assert "revoked" in shown and 'withdrawn"' not in shown
    refused(wallet.ask(), "credential_request_denied")


def test_the_codes_of_an_offer_are_small_enough_for_any_camera(client: AppClient, office: Office) -> None:
    answer = client.post(f"{page_of(office)}/wallet/{badge_of(office).short_id}")
    for one in pictures_in(answer.text):
        assert (one.width // codes.MODULE_PIXELS - 8 - 17) // 4 <= 7  # DESK §3: V7-M


def test_a_badge_of_another_or_one_withdrawn_is_not_offered(client: AppClient, office: Office) -> None:
    assert client.post(f"{page_of(office)}/wallet/1b671a64-40d5-491e-99b0-da01ff1f3341").status_code == 404
    assert client.get(f"/h/nobody/wallet/{badge_of(office).short_id}").status_code == 404
    badges.revoke(office.engine, badge_of(office), reason="a mistake", now=NOW)
    answer = client.post(f"{page_of(office)}/wallet/{badge_of(office).short_id}")
    assert answer.status_code == 422 and "only one in force" in answer.text


def test_the_command_offers_a_badge(client: AppClient, office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["offer", badge_of(office).short_id, "--data", str(office.settings.data), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["offer_uri"].startswith("openid-credential-offer://?credential_offer_uri=https%3A%2F%2F")
    now = datetime.now().astimezone()
    later = AppClient(create_app(office.settings.data, clock=lambda: now))
    assert Wallet(later, now).take(said["offer_uri"], said["tx_code"]).status_code == 200


def test_whoever_takes_their_record_along_or_leaves_finds_wallets_in_it_and_nothing_left(
    wallet: Wallet, office: Office
) -> None:
    wallet.ask()
    person = office.person("ada@books.example").id
    exported = record.export(office.bureau, office.policy, person, now=NOW)
    assert wallet.key.did in json.dumps(exported)

    record.leave(office.bureau, person, withdraw=False, now=NOW)

    kept = "\n".join(dumped(office))
    assert wallet.key.did not in kept


def dumped(office: Office) -> Iterator[str]:
    with closing(sqlite3.connect(office.settings.database)) as connection:
        yield from connection.iterdump()


def link_in(text: str) -> str:
    found = re.search(r'href="(openid-credential-offer:[^"]+)"', text)
    assert found is not None
    return html.unescape(found[1])


def digits_in(text: str) -> tuple[str, str]:
    found = re.search(r"<code>(\d{3}) (\d{3})</code>", text)
    assert found is not None
    return found[1], found[2]


def pictures_in(text: str) -> list[Image.Image]:
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", text)
    return [Image.open(io.BytesIO(b64decode(one))) for one in found]


def codes_in(text: str) -> list[Any]:
    return [zxingcpp.read_barcodes(one)[0] for one in pictures_in(text)]
