"""Both offices on loopback with a small cast, so that each page can be looked at in each of its states.

Each person here is one state: no name in the badge, a long one, one in Han characters, a withdrawn badge. What
the pages must hold is asked in `test_pages`; this only sets the scene, by the same commands that people type.
"""

import contextlib
import json
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from issuer.app import create_app as create_issuer
from issuer.badges import store
from issuer.badges.bureau import open_bureau
from issuer.ground import settings as issuer_settings
from issuer.ground.database import open_database, writing
from issuer.ground.tokens import hash_of
from issuer.people import service as people
from schemas import identity
from tests.demo.__main__ import EVENT, Play, exported, main_badges, tampered, verifier_settings
from tests.demo.community import to_csv
from tests.demo.offices import free_ports, serving
from tests.unit.verifier.wallet import Wallet, did_key_signer
from verifier.app import create_app as create_verifier
from verifier.desk.service import Desk
from verifier.ground.documents import document_source
from verifier.ground.settings import MailAccess, Settings
from verifier.registration.service import Registration
from verifier.verification.service import Verification

THANKING_EVENT = "thanking-summit"
WALLET = did_key_signer("a wallet in a browser test")
ADDRESS = "nora@people.example"
NO_MAIL_SERVER = MailAccess(host="127.0.0.1", port=9, tls="none", sender="summit@people.example")
LONG_NAME = "Maximiliana Theodora Wolkenstein-Trostburg y Fernández-Ochoa"  # 60 characters
HAN_NAME = "歐陽 思遠"
PLAIN, NAMED, LONG, HAN, SMALL, WITHDRAWN = "plain", "named", "long", "han", "small", "withdrawn"
SUSPENDED, CARRIED, PHOTOGRAPHED, HELPED = "suspended", "carried", "photographed", "helped"
QUESTIONED = "questioned"
GRANTED, USED, SEATED, BUYER, VISITOR = (
    "granted",
    "used",
    "seated",
    "buyer",
    "visitor",
)  # whose discount is used up
NAMES = {
    PLAIN: "Nora Noname",
    NAMED: "Dora Desk",
    LONG: LONG_NAME,
    HAN: HAN_NAME,
    SMALL: "Rea Recognised",
    WITHDRAWN: "Wanda Withdrawn",
    SUSPENDED: "Sue Suspended",
    CARRIED: "Cara Carried",
    PHOTOGRAPHED: "Phil Photographed",
    HELPED: "Hal Helped",
    GRANTED: "Gwen Granted",
    USED: "Uma Used",
    SEATED: "Sol Seated",
    BUYER: "Bo Buyer",
    VISITOR: "Vera Visitor",
    QUESTIONED: "Quinn Questioned",
}
SHOW_THEIR_NAME = (NAMED, LONG, HAN, USED, SEATED, VISITOR)


@dataclass(frozen=True)
class Holder:
    """One holder: their private page, their badge's short id, and their holder code."""

    page: str
    badge: str
    code: str


@dataclass(frozen=True)
class TwoOffices:
    """Where everything is. `blind`: a verifying office that cannot learn which badges were withdrawn."""

    play: Play
    settings: Settings  # of the verifying office
    blind: str
    holders: dict[str, Holder]
    nobody: str
    desk: str
    blind_desk: str
    answered: str

    @property
    def issuer(self) -> str:
        return self.play.issuer_url

    @property
    def verifier(self) -> str:
        return self.play.verifier_url

    @property
    def registration(self) -> str:
        return f"{self.verifier}/events/{EVENT}"

    @property
    def thanking(self) -> str:
        """The registration of an event that recognises a tier and gives nothing for it."""
        return f"{self.verifier}/events/{THANKING_EVENT}"

    @property
    def origins(self) -> tuple[str, ...]:
        return (self.issuer, self.verifier, self.blind)

    def file(self, who: str, form: str) -> Path:
        """The badge of one of the cast as a file."""
        exported(self.play, self.holders[who].badge, form)
        return self.play.folder / f"{self.holders[who].badge}.{form}"

    def jwt(self, who: str) -> str:
        """The badge of one of the cast as text."""
        return self.file(who, "jwt").read_text()

    def bound(self, who: str) -> dict[str, Any]:
        """The badge of one of the cast, signed anew by its issuer for the key of this wallet, with a hash of their
        address.
        """
        badge = json.loads(self.file(who, "json").read_text())
        badge = {name: value for name, value in badge.items() if name != "proof"}
        badge["id"] = f"urn:uuid:{uuid.uuid4()}"
        badge["credentialSubject"]["id"] = WALLET.kid.partition("#")[0]
        mailbox = identity.hashed(ADDRESS, identity_type="emailAddress", salt="salty")
        badge["credentialSubject"]["identifier"].append(mailbox.model_dump())
        token = self.play.issuer("token", "contract")["token"]
        issued = self.play.http.post(
            f"{self.issuer}/credentials/issue",
            json={"credential": badge, "options": {}},
            headers={"Authorization": f"Bearer {token}"},
        )
        made: dict[str, Any] = issued.raise_for_status().json()["verifiableCredential"]
        return made

    def wallet(self) -> Wallet:
        """A wallet that holds it."""

        def ask(method: str, path: str, **content: Any) -> httpx.Response:
            return self.play.http.request(method, f"{self.verifier}{path}", **content)

        return Wallet(ask, WALLET, now=datetime.now(UTC))

    def tampered(self) -> str:
        """A badge in which somebody changed the tier."""
        return tampered(self.jwt(NAMED).encode()).decode()

    def new_form(self, title: str) -> str:
        """The private link of an attestation form that nobody has answered."""
        return _claim(self.play, title, "Bert Attestor")[0]


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[TwoOffices]:
    """The two offices, and the blind one, while the block runs."""
    play = Play(folder, datetime.now(UTC), lambda _: None, *free_ports())
    _, blind_port = free_ports()
    with contextlib.ExitStack() as offices:
        _earn(play)
        _let_people_in(play)
        offices.enter_context(serving(lambda: create_issuer(play.issuer_data), play.issuer_port))
        answered = _attest(play)
        holders = _issue(play)
        settings = replace(verifier_settings(play), mail=NO_MAIL_SERVER)
        _take_every_proof(settings)
        _add_thanking_event(settings)
        offices.enter_context(serving(lambda: create_verifier(settings), play.verifier_port))
        blind = _blind(play, settings)
        while blind_port in (play.issuer_port, play.verifier_port):
            _, blind_port = free_ports()
        offices.enter_context(serving(lambda: create_verifier(blind), blind_port))
        offices.callback(play.http.close)
        yield TwoOffices(
            play,
            settings,
            f"http://localhost:{blind_port}",
            holders,
            nobody=_page_without_badge(play),
            desk=play.verifier_url + _desk(settings),
            blind_desk=f"http://localhost:{blind_port}{_desk(blind)}",
            answered=answered,
        )


def _earn(play: Play) -> None:
    """People and their records: translations for everybody, and a survey and an old record that do not count."""
    play.issuer("init", "--public-url", play.issuer_url, "--name", "Example community")
    rows = [
        {"name": name, "email": f"{who}@people.example", "accounts": f"weblate:{who} survey:{who}"}
        for who, name in NAMES.items()
    ]
    others = ("Ada Attestor", "Bert Attestor", "Niko Nobadge")
    rows += [{"name": name, "email": _mail(name), "accounts": ""} for name in others]
    play.issuer("collect", "people", play.file("people.csv", to_csv(rows)))
    words = [_words(play, who, days) for who in NAMES for days in ((10,) if who == SMALL else (10, 45))]
    words.append({**_words(play, PLAIN, 900), "title": "The first guide"})
    play.issuer("collect", "csv", play.file("words.csv", to_csv(words)), "--as", "weblate")
    survey = {**_record(play, "survey-1", f"survey:{PLAIN}", 60), "record": "survey.completed", "title": "Survey"}
    play.issuer("collect", "csv", play.file("survey.csv", to_csv([survey])), "--as", "csv_of_record")


def _let_people_in(play: Play) -> None:
    """A mail server that is down, and a forge whose profiles prove accounts."""
    with (play.issuer_data / issuer_settings.SETTINGS_FILE).open("a", encoding="utf-8") as settings:
        settings.write("mail: {host: 127.0.0.1, port: 9, tls: none, sender: badges@people.example}\n")
        settings.write("profiles: {github: 'https://github.example/{name}'}\n")


def _attest(play: Play) -> str:
    """Two meetups of one person that wait for a second witness; the link of a form that was answered."""
    until = (play.now + timedelta(days=300)).date().isoformat()
    for attestor in ("Ada Attestor", "Bert Attestor"):
        play.issuer("attest", "delegate", _mail(attestor), "--kind", "event.organised", "--until", until)
    link, _ = _claim(play, "Meetup “Upgrades without tears”", "Ada Attestor", "Bert Attestor")
    statements = ["open_to_all", "vendor_neutral", "code_of_conduct"]
    form = {"seen": "yes", "statement": statements, "attendees": "83"}
    play.http.post(link, data=form).raise_for_status()
    return link


def _claim(play: Play, title: str, *attestors: str) -> list[str]:
    asked = [part for attestor in attestors for part in ("--by", _mail(attestor))]
    day = (play.now - timedelta(days=20)).isoformat()
    about = ("--kind", "event.organised", "--about", f"{PLAIN}@people.example")
    claim = play.issuer("attest", "claim", *about, "--title", title, "--date", day, *asked)
    return [link["link"] for link in claim["links"]]


def _issue(play: Play) -> dict[str, Holder]:
    """Badges for all who earned one, with the choices that some of them made."""
    play.issuer("decide")
    play.issuer("issue")
    listed = main_badges(play)
    holders = {
        who: Holder(page := listed[name]["private_page"], listed[name]["badge"], _holder_code(play, page))
        for who, name in NAMES.items()
    }
    for who in SHOW_THEIR_NAME:
        choice = {"badge": holders[who].badge, "shows_name": "yes", "published": "yes"}
        play.http.post(f"{holders[who].page}/choices", data=choice).raise_for_status()
    play.issuer("revoke", holders[WITHDRAWN].badge, "--reason", "issued in error")
    play.issuer("suspend", holders[SUSPENDED].badge, "--reason", "a second look was asked for")
    return holders


def _holder_code(play: Play, page: str) -> str:
    text = play.http.get(page).raise_for_status().text
    return text.split('class="holder-code"><code>')[1].split("<")[0]


def _page_without_badge(play: Play) -> str:
    """A private page between award and signature, which lasts as long as a crash."""
    settings = issuer_settings.load(play.issuer_data)
    engine = open_database(settings.database)
    bureau, person = open_bureau(engine, settings), people.find_person(engine, _mail("Niko Nobadge"))
    token = bureau.page_token(person.id)
    with writing(engine) as connection:
        store.holders.set_holder_page(connection, person.id, token_hash=hash_of(token))
    engine.dispose()
    return f"{play.issuer_url}/h/{token}"


def _blind(play: Play, settings: Settings) -> Settings:
    """An office that knows the issuer from published files only, and has none of its status lists."""
    site = play.folder / "site"
    play.issuer("publish", str(site))
    for folder in sorted(site.rglob("status-lists")):
        shutil.rmtree(folder)
    blind = replace(settings, data=play.folder / "blind", offline_dir=site)
    blind.events.mkdir(parents=True)
    shutil.copy(settings.events / f"{EVENT}.yaml", blind.events)
    return blind


def _add_thanking_event(settings: Settings) -> None:
    """A second event: as the first, and the lowest tier is recognised for 0 %."""
    text = (settings.events / f"{EVENT}.yaml").read_text()
    paid = re.search(r"  - .*/contributor.*\n", text)
    assert paid
    thanked = paid[0].replace("/contributor", "/recognised").replace("percent: 50", "percent: 0")
    text = text.replace(f"event: {EVENT}", f"event: {THANKING_EVENT}").replace(paid[0], paid[0] + thanked)
    (settings.events / f"{THANKING_EVENT}.yaml").write_text(text)


def _take_every_proof(settings: Settings) -> None:
    """The event takes a wallet's key and a mailed code, too."""
    file = settings.events / f"{EVENT}.yaml"
    text = file.read_text()
    assert "online: [holder_code]" in text
    file.write_text(text.replace("online: [holder_code]", "online: [wallet_key, holder_code, mailbox]"))


def _desk(settings: Settings) -> str:
    return Desk(Registration(settings, verification=Verification(document_source(settings)))).make_link(EVENT)


def _words(play: Play, who: str, days: int) -> dict[str, str]:
    facts = {"record": "translation.approved", "quantity": "400", "unit": "words"}
    guide = {"title": "400 words of the guide", "accepted_by": f"mail:{_mail('Ada Attestor')}"}
    return {**_record(play, f"{who}-{days}", f"weblate:{who}", days), **facts, **guide}


def _record(play: Play, number: str, account: str, days: int) -> dict[str, str]:
    when = (play.now - timedelta(days=days)).isoformat(timespec="seconds")
    return {"id": number, "account": account, "happened_at": when}


def _mail(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@people.example"
