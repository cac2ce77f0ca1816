"""A summit's registration, played by its people over HTTP: both offices run, and nobody has more than a browser.

The cast and the two offices are those whose pages are looked at in a browser; here they act.
"""

import contextlib
import html
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image, ImageFilter

from tests.real.two_offices import (
    BUYER,
    CARRIED,
    GRANTED,
    HAN,
    LONG,
    NAMED,
    NAMES,
    PHOTOGRAPHED,
    PLAIN,
    SMALL,
    USED,
    VISITOR,
    WITHDRAWN,
    TwoOffices,
    opened,
)
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, IssuerSimulator
from tests.unit.verifier.wallet import Wallet, did_key_signer
from verifier.app import create_app
from verifier.ground.settings import Settings
from verifier.registration.service import Registration
from verifier.verification.service import Verification


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoOffices]:
    with opened(tmp_path_factory.mktemp("offices")) as both:
        yield both


@dataclass
class Browser:
    """A person's browser: it keeps cookies, sees pages, and presses the first button of a form."""

    home: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(headers={"Accept": "text/html"}, timeout=30))
    page: str = ""
    status: int = 0

    def go(self, address: str) -> "Browser":
        answer = self.http.get(address, follow_redirects=True)
        return self._seen(answer)

    def give(self, badge: bytes, name: str = "badge") -> "Browser":
        """Choose a file on the registration page, and press "See my discount"."""
        self.go(self.home)
        return self._seen(self.http.post(self.home, files={"file": (name, badge)}))

    def press(self, act: str, **typed: str) -> "Browser":
        """Press the button of the form that leads to this act, with what the page filled in and what is typed."""
        forms = re.findall(r"<form.*?</form>", self.page, re.DOTALL)
        named = [f'name="{name}"' for name in typed]
        form = next(form for form in forms if f'/{act}"' in form and all(name in form for name in named))
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
        fields = {name: html.unescape(value) for name, value in hidden.items()} | typed
        answer = self.http.post(f"{self.home}/{act}", data=fields, follow_redirects=True)
        return self._seen(answer)

    def _seen(self, answer: httpx.Response) -> "Browser":
        self.page, self.status = answer.text, answer.status_code
        return self

    def close(self) -> None:
        self.http.close()

    @property
    def says(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.page, re.DOTALL)
        assert found, self.page
        return " ".join(re.sub(r"<[^>]+>", "", found[1]).split())

    @property
    def voucher(self) -> str | None:
        found = re.search(r'class="voucher">([^<]+)<', self.page)
        return None if found is None else found[1]


@pytest.fixture
def person(offices: TwoOffices) -> Iterator[Browser]:
    with contextlib.closing(Browser(offices.registration)) as browser:
        yield browser


@pytest.fixture
def thief(offices: TwoOffices) -> Iterator[Browser]:
    with contextlib.closing(Browser(offices.registration)) as browser:
        yield browser


def test_a_discount_by_upload(person: Browser, offices: TwoOffices) -> None:
    """Bo saves the picture from the private page, sees 50 % before anything is used up, and buys."""
    picture = person.http.get(f"{offices.holders[BUYER].page}/badge/{offices.holders[BUYER].badge}.png")
    badge = picture.content if picture.status_code == 200 else offices.file(BUYER, "png").read_bytes()

    assert person.give(badge, "badge.png").says == "✓ 50 %"
    assert "Nothing is used up yet" in person.page
    assert person.press("redeem", holder_code=offices.holders[BUYER].code).says == "✓ Granted 50 %"
    first = person.voucher
    assert first
    assert person.give(badge, "badge.png").says == "→ Used already"


def test_a_discount_by_photograph(person: Browser, offices: TwoOffices) -> None:
    """Gwen photographs the code on her printed badge."""
    code = Image.open(io.BytesIO(offices.file(GRANTED, "qr-png").read_bytes())).convert("L")
    scene = Image.new("RGB", (code.width + 200, code.height + 160), (180, 175, 160))
    scene.paste(code.rotate(5, expand=True, fillcolor=255).convert("RGB"), (90, 60))
    photo = io.BytesIO()
    scene.filter(ImageFilter.GaussianBlur(0.8)).save(photo, format="JPEG")

    assert person.give(photo.getvalue(), "photo.jpg").says == "✓ 50 %"
    assert person.press("redeem", holder_code=offices.holders[GRANTED].code.lower()).says == "✓ Granted 50 %"


def test_a_discount_by_wallet(person: Browser, offices: TwoOffices) -> None:
    """Cara's wallet shows the badge, comes back to her browser, and she presses once."""
    person.go(person.home).press("wallet")
    assert person.says == "Show your badge"
    link = re.search(r'href="(openid4vp://[^"]+)"', person.page)
    assert link
    back = offices.wallet().show(html.unescape(link[1]), offices.bound(CARRIED))

    assert urlsplit(back).path.startswith("/events/")
    assert person.go(back).says == "✓ 50 %"
    assert person.press("redeem").says == "✓ Granted 50 %"
    assert "used already" in person.go(back).page, "the code that came back was for once"


def test_a_discount_by_mail(person: Browser, offices: TwoOffices) -> None:
    """Phil lost his holder code. He has the hash of his address put into his badge, and gets a code by mail."""
    holder, address = offices.holders[PHOTOGRAPHED], f"{PHOTOGRAPHED}@people.example"
    choice = {"badge": holder.badge, "hashes_address": "yes"}
    offices.play.http.post(f"{holder.page}/choices", data=choice).raise_for_status()
    badge = offices.file(PHOTOGRAPHED, "png").read_bytes()
    assert address.encode() not in badge

    assert person.give(badge, "badge.png").says == "✓ 50 %"
    assert person.press("mail", address="somebody@people.example").status == 422
    assert "on its way" in person.press("mail", address=address.upper()).page
    with contextlib.closing(sqlite3.connect(offices.play.verifier_data / "verifier.sqlite")) as database:
        (mail,) = database.execute("SELECT text FROM mail_outbox").fetchone()  # as the mail server would get it
    code = re.search(r"[0-9]{4} [0-9]{4}", mail)
    assert code
    assert person.press("redeem", mail_code=code[0]).says == "✓ Granted 50 %"


def test_a_stolen_copy_uses_nothing_up(person: Browser, thief: Browser, offices: TwoOffices) -> None:
    """Uma published her badge. Whoever saves the picture sees what it gives, and gets nothing."""
    stolen = httpx.get(f"{offices.issuer}/b/{offices.holders[NAMED].badge}/badge.png").raise_for_status().content

    assert thief.give(stolen, "badge.png").says == "✓ 50 %"
    for guess in ("", "AAAA", offices.holders[PLAIN].code):
        thief.give(stolen, "badge.png").press("redeem", holder_code=guess)
        assert (thief.status, thief.voucher) == (422, None)
    wallet = offices.wallet().show
    with pytest.raises(AssertionError, match="not bound to the key"):
        link = re.search(r'href="(openid4vp://[^"]+)"', thief.go(thief.home).press("wallet").page)
        assert link
        wallet(html.unescape(link[1]), json.loads(offices.file(NAMED, "json").read_text()))

    assert person.give(stolen, "badge.png").press("redeem", holder_code=offices.holders[NAMED].code).voucher


def test_an_employer_verifies_what_stands_in_a_cv(offices: TwoOffices, tmp_path: Path) -> None:
    """No login, no account: the file, or the link in the CV; the name is said to be signed, or not to be there."""
    ask = f"{offices.verifier}/verify"
    told = httpx.post(ask, content=offices.file(LONG, "png").read_bytes()).json()
    assert (told["verdict"], told["name"]) == ("valid", NAMES[LONG])
    assert told["trusted_by"] == ["Example communities"]
    assert [check["id"] for check in told["checks"] if check["state"] != "pass"] == []
    nameless = httpx.post(
        ask, files={"file": ("b.png", offices.file(PLAIN, "png").read_bytes())}, headers={"Accept": "text/html"}
    )
    assert "No name in this badge" in nameless.text

    link = f"{offices.issuer}/b/{offices.holders[LONG].badge}/"
    refused = httpx.post(ask, content=link.replace("http://", "https://"))
    assert refused.status_code == 400 and "tell its server" in refused.json()["detail"]

    case = httpx.post(f"{ask}/case", content=offices.file(LONG, "jwt").read_bytes()).content
    kept = tmp_path / "case.json"
    kept.write_bytes(case)
    again = Verification(DocumentsInMemory()).recompute(kept.read_bytes())
    assert again.verdict.outcome.value == "valid", "with no network, from the case file alone"


def test_a_withdrawn_badge_is_refused_with_what_to_do(person: Browser, offices: TwoOffices) -> None:
    person.give(offices.file(WITHDRAWN, "jwt").read_bytes())
    assert (person.says, person.status) == ("✕ No discount", 422)
    assert "withdrawn" in person.page


def test_a_badge_that_gives_thanks_only_is_no_refusal(person: Browser, offices: TwoOffices) -> None:
    person.give(offices.file(SMALL, "jwt").read_bytes())
    assert person.says == "→ No discount" and "genuine" in person.page


def test_a_badge_made_anew_gives_no_second_discount(person: Browser, offices: TwoOffices) -> None:
    """Vera redeems, then has her name taken out: a new version of her badge, the same person."""
    holder = offices.holders[VISITOR]
    before = offices.file(VISITOR, "jwt").read_bytes()
    assert person.give(before).press("redeem", holder_code=holder.code).voucher
    choice = {"badge": holder.badge, "published": "yes"}
    offices.play.http.post(f"{holder.page}/choices", data=choice).raise_for_status()
    after = offices.file(VISITOR, "jwt").read_bytes()

    assert after != before
    for version in (before, after):
        assert person.give(version).says == "→ Used already"
        answer = httpx.post(
            f"{offices.registration}/redemptions",
            json={"badge": version.decode(), "holder_code": holder.code},
            headers={"Idempotency-Key": f"again-{len(version)}-{version[-8:].decode()}"},
        )
        assert (answer.status_code, answer.json()["voucher"]) == (409, None)


def test_everything_in_french(person: Browser, offices: TwoOffices) -> None:
    """Han reads French, from landing to voucher."""
    person.http.headers["Accept-Language"] = "fr-FR,fr;q=0.9"
    person.go(person.home)
    assert "Votre réduction" in person.says
    person.give(offices.file(WITHDRAWN, "jwt").read_bytes())
    assert "Il a été retiré" in person.page
    person.give(offices.file(HAN, "jwt").read_bytes())
    assert "Rien n’est encore utilisé" in person.page
    person.press("redeem", holder_code="nonsense")
    assert person.status == 422 and "code du titulaire" in person.page
    person.press("redeem", holder_code=offices.holders[HAN].code)
    assert person.says == "✓ Accordé 50 %" and "Votre bon" in person.page


def test_an_old_discount_is_calm_news(person: Browser, offices: TwoOffices) -> None:
    badge = offices.file(USED, "jwt").read_bytes()
    person.give(badge).press("redeem", holder_code=offices.holders[USED].code)
    person.give(badge)
    assert person.says == "→ Used already"
    assert "fraud" not in person.page


def test_a_foreign_badge_gives_what_was_agreed_and_no_more(tmp_path: Path) -> None:
    """Two speakers of the neighbouring community come with their wallets; a third is one too many."""
    ours, neighbours = IssuerSimulator(), IssuerSimulator(host="badges.other.example")
    source, clock = DocumentsInMemory.of([ours, neighbours]), Clock()
    settings = Settings(tmp_path, public_url="https://verify.example")
    file = tmp_path / "summit.yaml"
    file.write_bytes(document())
    Registration(settings, verification=Verification(source, clock=clock), clock=clock).add_event(file)
    client = AppClient(create_app(settings, source=source, clock=clock))
    reasons = []
    for name in ("one", "two", "three"):
        signer = did_key_signer(name)
        badge = neighbours.document(achievement="speaker", code=None, name=None)
        badge["credentialSubject"] |= {"id": signer.kid.partition("#")[0], "identifier": []}
        begun = client.post("/events/summit-2027/exchanges").json()
        back = Wallet(client.request, signer).show(begun["wallet_link"], neighbours.secured(badge))
        answer = client.post(
            "/events/summit-2027/redemptions",
            json={"exchange": begun["exchange"], "response_code": back.partition("response_code=")[2]},
            headers={"Idempotency-Key": name},
        ).json()
        reasons.append((answer["reason"], answer["percent"]))
    assert reasons == [("granted", 25), ("granted", 25), ("foreign_limit_reached", 0)]
