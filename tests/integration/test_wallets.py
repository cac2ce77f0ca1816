"""A badge shown by a wallet (OpenID4VP 1.0): the whole way over HTTP, in process, and each way to cheat."""

import copy
import html
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from keys.signer import Signer
from schemas import strict_json
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import HOLDER_CODE, Clock, DocumentsInMemory, IssuerSimulator
from tests.unit.verifier.wallet import Wallet, did_key_signer
from verifier.app import create_app
from verifier.ground.settings import Settings
from verifier.registration.aftercare.releasing import Releasing
from verifier.registration.service import Registration
from verifier.verification.service import Verification
from verifier.wallets.service import Wallets

ISSUER = IssuerSimulator()
EVENT = "/events/summit-2027"
ADA, EVE = did_key_signer("ada"), did_key_signer("eve")
OTHER = "urn:uuid:6f1c1c0e-52d1-4b57-9c55-6a4a6e0a7d12"
ADA_P256 = did_key_signer("ada", kind="P-256")


class Site:
    """A running office with one event that takes a wallet's key."""

    def __init__(self, folder: Path, *, public_url: str | None = "https://verify.example", **changes: Any) -> None:
        self.clock, self.folder = Clock(), folder
        self.documents = DocumentsInMemory.of([ISSUER])
        settings = Settings(folder, public_url=public_url)
        file = folder / "summit.yaml"
        file.write_bytes(document(**changes))
        office = Registration(
            settings, verification=Verification(self.documents, clock=self.clock), clock=self.clock
        )
        office.add_event(file)
        self.client = AppClient(create_app(settings, source=self.documents, clock=self.clock))

    def begin(self) -> dict[str, Any]:
        answer = self.client.post(f"{EVENT}/exchanges")
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def stage(self, exchange: str) -> dict[str, Any]:
        answer = self.client.get(f"{EVENT}/exchanges", headers={"Authorization": f"Bearer {exchange}"})
        assert answer.status_code == 200
        return dict(answer.json())

    def redeem(self, *, key: str = "one", **body: Any) -> httpx.Response:
        return self.client.post(f"{EVENT}/redemptions", json=body, headers={"Idempotency-Key": key})

    def wallet(self, signer: Signer = ADA) -> Wallet:
        return Wallet(self.client.request, signer)

    def browser(self) -> "Browser":
        """A browser that pressed the button for a wallet."""
        begun = self.client.post(f"{EVENT}/wallet", headers={"Accept": "text/html"})
        return Browser(self.client, begun.headers["set-cookie"].partition(";")[0])


@dataclass
class Browser:
    """A person's browser at the event, which keeps one cookie."""

    client: AppClient
    cookie: str

    def get(self, path: str) -> httpx.Response:
        return self.client.get(EVENT + path, headers={"Accept": "text/html", "Cookie": self.cookie})

    def post(self, path: str, **content: Any) -> httpx.Response:
        headers = {"Accept": "text/html", "Cookie": self.cookie}
        return self.client.post(EVENT + path, headers=headers, **content)

    @property
    def link(self) -> str:
        """What the page's button opens."""
        found = re.search(r'href="(openid4vp://[^"]+)"', self.get("/wallet").text)
        assert found
        return html.unescape(found[1])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def bound(signer: Signer = ADA, **changes: Any) -> dict[str, Any]:
    """A badge whose subject is a wallet's DID, not signed yet."""
    made = ISSUER.document(**changes)
    made["credentialSubject"]["id"] = signer.kid.partition("#")[0]
    return made


def code_in(redirect_uri: str) -> str:
    (code,) = parse_qs(urlsplit(redirect_uri).query)["response_code"]
    return code


# The way of an honest wallet


@pytest.mark.parametrize("signer", [ADA, ADA_P256], ids=["Ed25519", "P-256"])
@pytest.mark.parametrize("form", ["ldp_vc", "jwt_vc_json"])
def test_a_wallet_shows_a_badge_and_its_browser_redeems_it_once(site: Site, form: str, signer: Signer) -> None:
    badge: Any = ISSUER.secured(bound(signer)) if form == "ldp_vc" else ISSUER.token(bound(signer))
    begun = site.begin()
    assert site.stage(begun["exchange"])["stage"] == "waiting"

    back = site.wallet(signer).show(begun["wallet_link"], badge)

    assert back.startswith(f"https://verify.example{EVENT}/wallet?")
    finished = {"exchange": begun["exchange"], "response_code": code_in(back)}
    first, again = site.redeem(**finished), site.redeem(**finished)
    assert (first.status_code, first.json()["percent"]) == (201, 50)
    assert again.status_code == 201
    assert again.json()["voucher"] == first.json()["voucher"]
    assert site.stage(begun["exchange"])["stage"] == "used"


def test_an_enveloped_token_may_stand_in_a_signed_document(site: Site) -> None:
    envelope = {
        "@context": "https://www.w3.org/ns/credentials/v2",
        "id": f"data:application/vc+jwt,{ISSUER.token(bound())}",
        "type": "EnvelopedVerifiableCredential",
    }
    begun = site.begin()
    back = site.wallet().show(begun["wallet_link"], envelope)
    answer = site.redeem(exchange=begun["exchange"], response_code=code_in(back))
    assert answer.status_code == 201


def test_the_request_says_who_asks_for_what_and_for_how_long(site: Site) -> None:
    begun = site.begin()
    request = site.wallet().read_request(begun["wallet_link"])

    assert request["client_id"] == "decentralized_identifier:did:web:verify.example" == begun["client_id"]
    assert (request["response_type"], request["response_mode"]) == ("vp_token", "direct_post")
    assert len(request["nonce"]) >= 22 and request["nonce"] == begun["nonce"]
    assert request["exp"] - request["iat"] == 300
    assert "redirect_uri" not in request
    formats = {entry["format"]: entry for entry in request["dcql_query"]["credentials"]}
    assert set(formats) == {"ldp_vc", "jwt_vc_json"} == set(request["client_metadata"]["vp_formats_supported"])
    for entry in formats.values():
        assert entry["require_cryptographic_holder_binding"] is True
        assert [
            "https://www.w3.org/2018/credentials#VerifiableCredential",
            "https://purl.imsglobal.org/spec/vc/ob/vocab.html#OpenBadgeCredential",
        ] in entry["meta"]["type_values"]
        (claim,) = entry["claims"]
        assert claim["path"] == ["credentialSubject", "achievement", "id"]
        assert f"{ISSUER.base}/achievements/contributor" in claim["values"]
    assert len(request["dcql_query"]["credential_sets"][0]["options"]) == 2


def test_a_wallet_that_posts_for_the_request_gets_its_nonce_back(site: Site) -> None:
    link = site.begin()["wallet_link"]
    assert site.wallet().read_request(link, wallet_nonce="mine-4711")["wallet_nonce"] == "mine-4711"


def test_a_program_signs_for_an_exchange_by_itself(site: Site) -> None:
    begun = site.begin()
    shown = site.wallet().document_presentation(
        ISSUER.secured(bound()), challenge=begun["nonce"], domain=begun["client_id"]
    )
    first = site.redeem(exchange=begun["exchange"], presentation=shown)
    other = site.redeem(exchange=begun["exchange"], presentation=shown, key="two")

    assert (first.status_code, first.json()["percent"]) == (201, 50)
    assert other.status_code == 410, "an exchange is used up by a grant"


def test_a_wallet_on_another_device_is_confirmed_on_both_screens(site: Site) -> None:
    begun = site.begin()
    back = site.wallet().show(begun["wallet_link"], ISSUER.secured(bound()))
    assert site.redeem(exchange=begun["exchange"]).status_code == 410, "nobody confirmed yet"
    assert site.stage(begun["exchange"])["stage"] == "to_confirm"

    phone = site.client.get(f"{urlsplit(back).path}?{urlsplit(back).query}")
    assert phone.status_code == 200 and begun["number"] in phone.text
    assert site.stage(begun["exchange"])["stage"] == "to_confirm", "looking is not confirming"
    pressed = site.client.post(f"{EVENT}/wallet/confirm", data={"response_code": code_in(back)})

    assert pressed.status_code == 200
    assert site.stage(begun["exchange"]) | {"expires_at": ""} == {
        "stage": "ready",
        "number": begun["number"],
        "problem": None,
        "expires_at": "",
    }
    assert site.redeem(exchange=begun["exchange"]).status_code == 201


# Cheating


def test_a_stolen_copy_is_not_shown_by_another_key(site: Site) -> None:
    begun = site.begin()
    thief = site.wallet(EVE)
    request = thief.read_request(begun["wallet_link"])

    answer = thief.answer(request, thief.vp_token(request, ISSUER.secured(bound(ADA))))

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert "not bound to the key" in answer.json()["error_description"]
    assert site.stage(begun["exchange"])["problem"] == answer.json()["error_description"]
    assert site.redeem(exchange=begun["exchange"]).status_code == 410


def test_a_badge_without_a_wallet_s_key_is_not_shown_by_any(site: Site) -> None:
    begun = site.begin()
    wallet = site.wallet()
    request = wallet.read_request(begun["wallet_link"])
    assert wallet.answer(request, wallet.vp_token(request, ISSUER.secured())).status_code == 400


@pytest.mark.parametrize("form", ["ldp_vc", "jwt_vc_json"])
@pytest.mark.parametrize("changed", ["nonce", "client_id"])
def test_what_was_signed_for_another_request_or_another_verifier_is_refused(
    site: Site, form: str, changed: str
) -> None:
    badge: Any = ISSUER.secured(bound()) if form == "ldp_vc" else ISSUER.token(bound())
    wallet = site.wallet()
    request = wallet.read_request(site.begin()["wallet_link"])
    other = request | {changed: "decentralized_identifier:did:web:verify.example.evil"}

    assert wallet.answer(request, wallet.vp_token(other, badge)).status_code == 400


def test_an_answer_of_one_request_is_not_one_of_another(site: Site) -> None:
    wallet = site.wallet()
    first = wallet.read_request(site.begin()["wallet_link"])
    second = wallet.read_request(site.begin()["wallet_link"])
    shown = wallet.vp_token(first, ISSUER.secured(bound()))

    assert wallet.answer(second, shown).status_code == 400, "the nonce is another"
    assert wallet.answer(first, shown, state=second["state"]).status_code == 400
    assert wallet.answer(first, shown).status_code == 200
    assert wallet.answer(first, shown).status_code == 404, "once only"


def test_an_attacker_s_answer_is_not_attached_to_a_victim_s_browser(site: Site) -> None:
    mine, theirs = site.begin(), site.begin()
    back = site.wallet(EVE).show(theirs["wallet_link"], ISSUER.secured(bound(EVE)))

    assert site.redeem(exchange=mine["exchange"], response_code=code_in(back)).status_code == 410
    assert site.redeem(exchange=theirs["exchange"], response_code="guessed").status_code == 410


@pytest.mark.parametrize(
    "vp_token",
    [
        "eyJ",
        [],
        {},
        {"badge_document": []},
        {"badge_document": {}},
        {"badge_document": ["a.b.c"]},
        {"badge_token": [{}]},
        {"badge_token": ["a.b.c"]},
        {"badge_document": [{}], "badge_token": ["a.b.c"]},
        {"badge_document": [{}, {}]},
        {"another": ["a.b.c"]},
        {"badge_document": [{"type": ["VerifiablePresentation"]}]},
    ],
    ids=str,
)
def test_what_is_no_answer_is_refused_with_one_sentence(site: Site, vp_token: Any) -> None:
    wallet = site.wallet()
    request = wallet.read_request(site.begin()["wallet_link"])
    answer = wallet.answer(request, vp_token)
    assert answer.status_code == 400
    assert answer.json()["error_description"].endswith(".")
    assert "redirect_uri" not in answer.json()


def test_another_type_another_achievement_and_two_badges_are_refused(site: Site) -> None:
    wallet = site.wallet()
    foreign = bound()
    foreign["credentialSubject"]["achievement"]["id"] = "https://badges.example.org/achievements/another"
    plain = bound()
    plain["type"] = ["VerifiableCredential"]
    for badge in (foreign, plain):
        request = wallet.read_request(site.begin()["wallet_link"])
        assert wallet.answer(request, wallet.vp_token(request, ISSUER.secured(badge))).status_code == 400
    request = wallet.read_request(site.begin()["wallet_link"])
    one = wallet.document_presentation(
        ISSUER.secured(bound()), challenge=request["nonce"], domain=request["client_id"]
    )
    two = copy.deepcopy(one)
    two["verifiableCredential"] *= 2
    assert wallet.answer(request, {"badge_document": [two]}).status_code == 400


def test_an_unsigned_presentation_shows_nobody(site: Site) -> None:
    wallet = site.wallet()
    request = wallet.read_request(site.begin()["wallet_link"])
    shown = wallet.vp_token(request, ISSUER.secured(bound()))
    del shown["badge_document"][0]["proof"]
    answer = wallet.answer(request, shown)
    assert answer.status_code == 400
    assert "Nobody signed" in answer.json()["error_description"]


def test_a_request_dies_after_five_refused_answers_and_after_five_minutes(site: Site) -> None:
    wallet = site.wallet()
    begun = site.begin()
    request = wallet.read_request(begun["wallet_link"])
    for _ in range(5):
        assert wallet.answer(request, {}).status_code == 400
    assert wallet.answer(request, wallet.vp_token(request, ISSUER.secured(bound()))).status_code == 404
    assert site.stage(begun["exchange"])["stage"] == "declined"

    late = wallet.read_request(site.begin()["wallet_link"])
    shown = wallet.vp_token(late, ISSUER.secured(bound()))
    site.clock.now += timedelta(minutes=5)
    assert wallet.answer(late, shown).status_code == 404


def test_what_was_shown_is_forgotten_in_a_quarter_of_an_hour(site: Site) -> None:
    begun = site.begin()
    back = site.wallet().show(begun["wallet_link"], ISSUER.secured(bound()))
    site.clock.now += timedelta(minutes=15)

    assert site.redeem(exchange=begun["exchange"], response_code=code_in(back)).status_code == 410
    site.begin()
    assert begun["nonce"].encode() not in (site.folder / "verifier.sqlite-wal").read_bytes()[-4096:]


def test_the_database_holds_nothing_that_was_shown(site: Site) -> None:
    begun = site.begin()
    back = site.wallet().show(begun["wallet_link"], ISSUER.secured(bound()))
    kept = b"".join(file.read_bytes() for file in site.folder.glob("verifier.sqlite*"))
    for secret in (begun["exchange"], code_in(back), "Ada Example", ADA.kid, "proofValue"):
        assert secret.encode() not in kept
    assert b"wallet_exchanges" in kept


def test_a_wallet_that_shows_nothing_says_so_and_its_browser_is_told(site: Site) -> None:
    begun = site.begin()
    request = site.wallet().read_request(begun["wallet_link"])
    path = urlsplit(request["response_uri"]).path
    answer = site.client.post(path, data={"error": "access_denied", "state": request["state"]})

    assert answer.status_code == 200 and "response_code=" in answer.json()["redirect_uri"]
    told = site.stage(begun["exchange"])
    assert (told["stage"], told["problem"]) == ("declined", "The wallet showed no badge (access_denied).")


def test_a_revoked_badge_is_shown_and_refused_for_its_reason(tmp_path: Path) -> None:
    site = Site(tmp_path)
    revoking = IssuerSimulator(revoked={94567})
    site.documents.documents |= DocumentsInMemory.of([revoking]).documents
    begun = site.begin()
    back = site.wallet().show(begun["wallet_link"], revoking.secured(bound()))
    answer = site.redeem(exchange=begun["exchange"], response_code=code_in(back))
    assert (answer.status_code, answer.json()["reason"]) == (422, "not_valid")


def test_by_wallet_and_by_file_it_is_one_discount(site: Site) -> None:
    begun = site.begin()
    back = site.wallet().show(begun["wallet_link"], ISSUER.secured(bound()))
    by_file = site.redeem(badge=ISSUER.token(bound()), holder_code=HOLDER_CODE, key="two")
    by_wallet = site.redeem(exchange=begun["exchange"], response_code=code_in(back))
    assert (by_file.status_code, by_wallet.status_code) == (201, 409)


def test_what_was_shown_is_good_for_one_grant_even_after_its_release(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = site.begin()
    back = site.wallet().show(begun["wallet_link"], ISSUER.secured(bound()))
    finished = {"exchange": begun["exchange"], "response_code": code_in(back)}
    verification = Verification(site.documents, clock=site.clock)
    office = Registration(Settings(site.folder), verification=verification, clock=site.clock)
    opened = office.wallets.open(begun["exchange"], subject="summit-2027", response_code=finished["response_code"])
    assert site.redeem(**finished).status_code == 201
    Releasing(office, clock=site.clock).release(
        "summit-2027", "1", actor="staff-1", why="the ticket was returned", withdrawn_in_shop=True
    )

    assert site.redeem(**finished, key="two").status_code == 410, "nothing is left of what was shown"
    monkeypatch.setattr(
        Wallets, "open", lambda *_, **__: opened
    )  # a request that had looked before the first grant
    late = site.redeem(**finished, key="three")
    assert (late.status_code, late.json()["reason"]) == (422, "used_presentation")


@pytest.mark.parametrize("own", ["waiting", "declined", "used"])
def test_a_phone_that_asked_by_itself_before_still_confirms_for_another_screen(site: Site, own: str) -> None:
    """It began here, changed to the large screen, and shows its badge there: its own request is not in the way."""
    phone, desktop = site.browser(), site.browser()
    if own == "declined":
        request = site.wallet().read_request(phone.link)
        site.wallet().answer(request, {}, error="access_denied")
    if own == "used":
        back = site.wallet().show(phone.link, ISSUER.secured(bound()))
        phone.post("/redeem", data={"response_code": code_in(back), "request_id": "first"})

    back = site.wallet(EVE).show(desktop.link, ISSUER.secured(bound(EVE, reference=OTHER)))
    asked = phone.get(f"/wallet?response_code={code_in(back)}").text
    number = re.search(r'class="voucher">([0-9]{3})<', desktop.get("/wallet").text)

    assert number and number[1] in asked and "/wallet/confirm" in asked
    assert phone.post("/wallet/confirm", data={"response_code": code_in(back)}).status_code == 200
    assert "Use my discount now" in desktop.get("/wallet").text


def test_a_phone_whose_wallet_showed_nothing_is_not_asked_to_confirm(site: Site) -> None:
    desktop = site.browser()
    request = site.wallet().read_request(desktop.link)
    declined = site.wallet().answer(request, {}, error="access_denied").json()["redirect_uri"]

    for asked in (
        site.client.get(f"{EVENT}/wallet?response_code={code_in(declined)}", headers={"Accept": "text/html"}),
        site.client.post(f"{EVENT}/wallet/confirm", data={"response_code": code_in(declined)}),
    ):
        assert asked.status_code == 410 and "The wallet showed no badge" in asked.text
    assert "The wallet showed no badge" in desktop.get("/wallet").text


# What is not set up


def test_an_office_without_an_address_says_why_it_asks_no_wallet(tmp_path: Path) -> None:
    site = Site(tmp_path, public_url=None)
    answer = site.client.post(f"{EVENT}/exchanges")
    assert answer.status_code == 503 and "--public-url" in answer.json()["detail"]
    assert site.client.get("/.well-known/did.json").status_code == 404


def test_an_event_without_wallet_key_asks_no_wallet(tmp_path: Path) -> None:
    site = Site(tmp_path, proof_of_holding={"online": ["holder_code"], "desk": []})
    answer = site.client.post(f"{EVENT}/exchanges")
    assert answer.status_code == 400 and "wallet" in answer.json()["detail"]


def test_keys_of_another_address_are_not_used(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.wallet().read_request(site.begin()["wallet_link"])
    moved = create_app(
        Settings(tmp_path, public_url="https://elsewhere.example"), source=site.documents, clock=site.clock
    )
    answer = AppClient(moved).get("/.well-known/did.json")
    assert answer.status_code == 404 and "did:web:verify.example" in answer.json()["detail"]
    assert (tmp_path / "passphrase").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "body",
    [
        {"exchange": 1},
        {"exchange": "a", "badge": "b"},
        {"exchange": "a", "holder_code": "b"},
        {"exchange": "a", "presentation": 1},
        {"exchange": "a", "presentation": {}, "response_code": "c"},
        {"presentation": {}},
        {"response_code": "c"},
    ],
    ids=str,
)
def test_a_request_that_mixes_its_ways_is_refused(site: Site, body: dict[str, Any]) -> None:
    answer = site.client.post(
        f"{EVENT}/redemptions", content=strict_json.dumps(body), headers={"Idempotency-Key": "one"}
    )
    assert answer.status_code == 400
