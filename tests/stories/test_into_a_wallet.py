"""From the office into a wallet and from the wallet to a summit: one discount, however many copies there are."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from issuer.app import create_app as create_issuer
from issuer.badges import awarding, issuance, publishing
from issuer.badges import service as badges
from issuer.badges.model import Badge
from issuer.recognition import service as recognition
from issuer.wallets import service as wallets
from tests.unit.issuer.conftest import file_office, quick_passphrase
from tests.unit.issuer.office import NOW, Office
from tests.unit.issuer.wallets_client import Key
from tests.unit.issuer.wallets_client import Wallet as Taker
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.wallet import Wallet as Shower
from verifier.app import create_app as create_verifier
from verifier.ground.documents import OfflineFolder
from verifier.ground.settings import Settings
from verifier.registration.service import Registration
from verifier.verification.service import Verification

__all__ = ["file_office", "quick_passphrase"]
EVENT = "/events/summit-2027"


class Summit:
    """A registration that knows what the office published."""

    def __init__(self, folder: Path, public: Path, now: datetime) -> None:
        self.source = OfflineFolder(public)
        settings, file = Settings(folder, public_url="https://verify.example"), folder / "summit.yaml"
        period = {"policy": "community-recognition", "starts": date(2026, 1, 1)}
        opening = {"opens": now - timedelta(days=1), "closes": now + timedelta(days=90)}
        frozen = {
            "factor": 1.0,
            "frozen_at": (now - timedelta(days=2)).date(),
            "eligible": 1,
            "expected_take_up": 0.5,
        }
        file.write_bytes(document(redeem=opening, budget=frozen, period=period))
        verification = Verification(self.source, clock=lambda: now)
        Registration(settings, verification=verification, clock=lambda: now).add_event(file)
        self.client = AppClient(create_verifier(settings, source=self.source, clock=lambda: now))
        self.now = now

    def show(self, credential: Any, key: Key, name: str) -> Any:
        """What a wallet's presentation of a badge gives."""
        begun = self.client.post(f"{EVENT}/exchanges").json()
        back = Shower(self.client.request, key.signer, now=self.now).show(begun["wallet_link"], credential)
        (code,) = parse_qs(urlsplit(back).query)["response_code"]
        return self.redeem(name, exchange=begun["exchange"], response_code=code)

    def redeem(self, name: str, **body: Any) -> Any:
        return self.client.post(f"{EVENT}/redemptions", json=body, headers={"Idempotency-Key": name})


@pytest.fixture
def office(file_office: Office) -> Office:
    file_office.add_changes("ada", count=3)
    decisions = recognition.decide_all(file_office.engine, file_office.policy, as_of=NOW)
    awarding.award_decisions(file_office.engine, decisions, policy=file_office.policy, now=NOW)
    issuance.issue(file_office.bureau, now=NOW)
    return file_office


def badge_of(office: Office) -> Badge:
    return badges.badges_of(office.engine, office.person("ada@books.example").id)[0]


def take(office: Office, key: Key, form: str) -> Any:
    """A badge in a wallet's hand."""
    made = wallets.offer(office.bureau, badge_of(office), now=NOW)
    wallet = Taker(AppClient(create_issuer(office.settings.data, clock=lambda: NOW)), NOW, key=key)
    assert wallet.take(made.wallet_link, made.transaction_code).status_code == 200
    return wallet.ask(form).json()["credentials"][0]["credential"]


@pytest.mark.parametrize("form", ["ldp_vc", "jwt_vc_json"])
def test_a_badge_taken_into_a_wallet_buys_one_discount_whatever_shows_it(
    office: Office, tmp_path: Path, form: str
) -> None:
    phone, tablet = Key(), Key(p256=True)
    on_phone, on_tablet = take(office, phone, form), take(office, tablet, form)
    publishing.publish(office.bureau, tmp_path / "public", now=NOW)
    summit = Summit(tmp_path, tmp_path / "public", NOW)

    first = summit.show(on_phone, phone, "one")
    assert first.status_code == 201, first.text
    assert summit.show(on_tablet, tablet, "two").status_code == 409
    badge = badge_of(office)
    code = office.bureau.holder_code(badge.reference)
    by_file = summit.redeem("three", badge=badge.jwt, holder_code=code)
    assert by_file.status_code == 409, by_file.text


def test_a_copy_shown_by_another_key_or_withdrawn_gives_nothing(office: Office, tmp_path: Path) -> None:
    phone = Key()
    on_phone = take(office, phone, "ldp_vc")
    (copy,) = badges.copies_of(office.engine, badge_of(office))
    publishing.publish(office.bureau, tmp_path / "public", now=NOW)
    summit = Summit(tmp_path, tmp_path / "public", NOW)
    begun = summit.client.post(f"{EVENT}/exchanges").json()
    thief = Shower(summit.client.request, Key().signer, now=NOW)
    request = thief.read_request(begun["wallet_link"])
    answer = thief.answer(request, thief.vp_token(request, on_phone))
    assert answer.status_code == 400 and "not bound to the key" in answer.json()["detail"]

    badges.revoke(office.engine, copy, reason="the phone was lost", now=NOW)
    publishing.publish(office.bureau, tmp_path / "later", now=NOW)
    (tmp_path / "other").mkdir()
    later = Summit(tmp_path / "other", tmp_path / "later", NOW)
    assert later.show(on_phone, phone, "lost").status_code == 422
    badge = badge_of(office)
    code = office.bureau.holder_code(badge.reference)
    assert later.redeem("file", badge=badge.jwt, holder_code=code).status_code == 201
