"""A code mailed to the address whose hash a badge carries, as a program and as a person asks for it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from schemas import identity
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import HOLDER_CODE, Clock, DocumentsInMemory, IssuerSimulator
from verifier.app import create_app
from verifier.ground.database import open_database, reading
from verifier.ground.settings import MailAccess, Settings
from verifier.registration.service import Registration
from verifier.verification.service import Verification

ISSUER = IssuerSimulator()
EVENT = "/events/summit-2027"
ADDRESS = "ada@example.org"
MAIL = MailAccess(host="127.0.0.1", port=2525, tls="none", sender="summit@example.org")


class Site:
    """A running office with one event that takes mailed codes. Mails wait in its database."""

    def __init__(self, folder: Path, *, mail: MailAccess | None = MAIL) -> None:
        self.clock, self.folder, self.woken = Clock(), folder, 0
        documents = DocumentsInMemory.of([ISSUER])
        settings = Settings(folder, mail=mail)
        file = folder / "summit.yaml"
        file.write_bytes(document(proof_of_holding={"online": ["mailbox", "holder_code"], "desk": []}))
        Registration(settings, verification=Verification(documents, clock=self.clock)).add_event(file)
        app = create_app(settings, source=documents, clock=self.clock, wake_postman=self._wake)
        self.client = AppClient(app)

    def _wake(self) -> None:
        self.woken += 1

    def ask(self, badge: str, address: str = ADDRESS) -> httpx.Response:
        return self.client.post(f"{EVENT}/mail-codes", json={"badge": badge, "address": address})

    def redeem(self, badge: str, code: str, *, key: str = "one") -> httpx.Response:
        body = {"badge": badge, "mail_code": code}
        return self.client.post(f"{EVENT}/redemptions", json=body, headers={"Idempotency-Key": key})

    def mails(self) -> list[Any]:
        engine = open_database(self.folder / "verifier.sqlite")
        with reading(engine) as connection:
            rows = list(connection.execute(text("SELECT * FROM mail_outbox ORDER BY id")))
        engine.dispose()
        return rows

    def code(self) -> str:
        found = re.search(r"[0-9]{4} [0-9]{4}", self.mails()[-1].text)
        assert found
        return found[0]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def badge(address: str | None = ADDRESS, **changes: Any) -> str:
    made = ISSUER.document(**changes)
    if address is not None:
        entry = identity.hashed(address, identity_type="emailAddress", salt="salty")
        made["credentialSubject"]["identifier"].append(entry.model_dump())
    return ISSUER.token(made)


def test_a_code_goes_to_the_badge_s_own_address_and_redeems_it_once(site: Site) -> None:
    asked = site.ask(badge(), " Ada@Example.org ")
    assert (asked.status_code, asked.json(), site.woken) == (202, {"mailed": True}, 1)
    (sent,) = site.mails()
    assert (sent.recipient, "summit-2027" in sent.subject) == ("Ada@Example.org", True)

    code = site.code()
    first, again = site.redeem(badge(), code), site.redeem(badge(), code)
    assert (first.status_code, first.json()["percent"]) == (201, 50)
    assert again.json()["voucher"] == first.json()["voucher"]
    assert site.redeem(badge(), code, key="two").status_code == 422


def test_another_address_than_the_badge_s_gets_no_mail(site: Site) -> None:
    for address in ("eve@example.org", "", "ada@example.org\nBcc: eve@example.org"):
        answer = site.ask(badge(), address)
        assert answer.status_code == 422 and "not the address" in answer.json()["detail"]
    assert site.ask(badge(address=None)).status_code == 422
    assert site.mails() == []


def test_a_wrong_code_is_refused_and_five_end_the_right_one(site: Site) -> None:
    site.ask(badge())
    right = site.code()
    wrong = "0000 0000" if right != "0000 0000" else "1111 1111"
    for attempt in range(5):
        refused = site.redeem(badge(), wrong, key=f"wrong-{attempt}")
        assert (refused.status_code, refused.json()["reason"]) == (422, "wrong_mail_code")
    assert site.redeem(badge(), right, key="right").json()["reason"] == "wrong_mail_code"
    site.ask(badge())
    assert site.redeem(badge(), site.code(), key="anew").status_code == 201


def test_a_code_lives_a_quarter_of_an_hour(site: Site) -> None:
    site.ask(badge())
    site.clock.now += timedelta(minutes=15)
    assert site.redeem(badge(), site.code()).status_code == 422


def test_three_codes_within_an_hour_are_enough(site: Site) -> None:
    assert [site.ask(badge()).status_code for _ in range(4)] == [202, 202, 202, 422]
    site.clock.now += timedelta(hours=1, seconds=1)
    assert site.ask(badge()).status_code == 202


def test_a_code_is_for_one_holder(site: Site) -> None:
    other = badge(reference="urn:uuid:6f1c1c0e-52d1-4b57-9c55-6a4a6e0a7d12")
    site.ask(badge())
    assert site.redeem(other, site.code()).status_code == 422


def test_no_code_for_what_gives_nothing(site: Site) -> None:
    answer = site.ask(badge(achievement="recognised"))
    assert (answer.status_code, answer.json()["reason"]) == (200, "nothing_to_redeem")
    assert site.mails() == []


def test_no_code_for_what_was_used_already(site: Site) -> None:
    body = {"badge": badge(), "holder_code": HOLDER_CODE}
    granted = site.client.post(f"{EVENT}/redemptions", json=body, headers={"Idempotency-Key": "by code"})
    answer = site.ask(badge())
    assert (granted.status_code, answer.status_code, answer.json()["reason"]) == (201, 409, "already_redeemed")
    page = site.client.post(
        f"{EVENT}/mail", data={"text": badge(), "address": ADDRESS}, headers={"Accept": "text/html"}
    )
    assert page.status_code == 409 and "Used already" in page.text
    assert (site.mails(), site.woken) == ([], 0)


def test_neither_address_nor_code_is_kept_but_in_the_mail(site: Site) -> None:
    site.ask(badge())
    code = site.code().replace(" ", "")
    engine = open_database(site.folder / "verifier.sqlite")
    with reading(engine) as connection:
        (row,) = connection.execute(text("SELECT * FROM mail_codes")).all()
    engine.dispose()
    kept = " ".join(map(str, row)).lower()
    words = set(re.findall("[0-9a-z.]+", kept))  # a hash in hex may spell any three letters
    assert "ada" not in words and code not in words
    assert ADDRESS not in kept


def test_an_office_without_mail_offers_none(tmp_path: Path) -> None:
    site = Site(tmp_path, mail=None)
    answer = site.ask(badge())
    assert answer.status_code == 422 and "sends no mail" in answer.json()["detail"]
    page = site.client.post(EVENT, data={"text": badge()}).text
    assert "Mail me a code" not in page and "Holder code" in page


@pytest.mark.parametrize("body", [{}, {"badge": badge()}, {"address": ADDRESS}, {"badge": badge(), "address": 1}])
def test_a_request_that_lacks_something_is_refused(site: Site, body: dict[str, Any]) -> None:
    assert site.client.post(f"{EVENT}/mail-codes", json=body).status_code == 400


def test_a_person_asks_types_and_gets_the_voucher(site: Site) -> None:
    french = {"Accept": "text/html", "Accept-Language": "fr"}
    offer = site.client.post(EVENT, data={"text": badge()}, headers=french).text
    assert "M’envoyer un code" in offer
    wrong = site.client.post(f"{EVENT}/mail", data={"text": badge(), "address": "eve@example.org"}, headers=french)
    assert wrong.status_code == 422 and "Ce n’est pas l’adresse" in wrong.text
    asked = site.client.post(f"{EVENT}/mail", data={"text": badge(), "address": ADDRESS}, headers=french)
    assert asked.status_code == 200 and f"en route vers {ADDRESS}" in asked.text
    assert "Tapez-le" in site.mails()[-1].text

    mistyped = site.client.post(
        f"{EVENT}/redeem", data={"text": badge(), "mail_code": "1", "request_id": "a"}, headers=french
    )
    assert mistyped.status_code == 422 and "mail_code" in mistyped.text
    done = site.client.post(
        f"{EVENT}/redeem", data={"text": badge(), "mail_code": site.code(), "request_id": "b"}, headers=french
    )
    assert done.status_code == 201 and "Votre bon" in done.text
