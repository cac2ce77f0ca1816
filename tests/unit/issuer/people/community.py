"""An issuing office with its pages, in process: browsers that keep cookies as browsers do, and a mailbox."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from issuer.app import create_app
from issuer.ground.database import reading
from issuer.ground.login import service as login
from issuer.ground.login.rights import Role
from issuer.ground.mail import store as mail_store
from issuer.people.model import Person
from tests.unit.issuer.office import NOW, Office, open_office
from tests.unit.verifier.client import AppClient

URL = "https://badges.example.org"
MAIL = {"host": "localhost", "port": 25, "tls": "none", "sender": "badges@example.org"}


@dataclass
class Clock:
    """A clock that stands until somebody moves it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Browser:
    """Asks the office as a browser does: keeps cookies, says from which site a form comes, reads form tokens."""

    client: AppClient
    cookies: dict[str, str] = field(default_factory=dict)
    page: httpx.Response | None = None

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._asked("GET", path, headers=headers)

    def submit(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Send a form of the page that was got before."""
        assert self.page is not None
        token = re.search(r'name="form_token" value="([0-9a-f]*)"', self.page.text)
        fields = {"form_token": token[1] if token else "", **fields}
        sent = {"Origin": URL, "Sec-Fetch-Site": "same-origin"} | (headers or {})
        return self._asked("POST", path, data=fields, headers={k: v for k, v in sent.items() if v})

    def done(self, path: str, *, on: str = "/me", **fields: str) -> httpx.Response:
        """Send a form of the page `on`, which has to be carried out, and look at the page that follows."""
        self.get(on)
        answer = self.submit(path, None, **fields)
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["location"].partition("#")[0])

    def _asked(self, method: str, path: str, *, headers: dict[str, str], **content: Any) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.request(method, path, headers={**headers, "Cookie": cookie}, **content)
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            self.cookies.pop(name, None)
            if value:
                self.cookies[name] = value
        self.page = answer
        return answer


class Community:
    """The office, and the people who come to it. `settings` are fields of `issuer.yaml`."""

    def __init__(self, folder: Path, *, database_url: str | None = None, **settings: Any) -> None:
        self.clock = Clock()
        self.office: Office = open_office(folder, database_url=database_url)
        self.file = folder / "issuer" / "issuer.yaml"
        known = yaml.safe_load(self.file.read_text())
        self.file.write_text(yaml.safe_dump({**known, "mail": MAIL, **settings}))
        self.office = replace(self.office)
        self.app = create_app(folder / "issuer", clock=self.clock)

    @property
    def engine(self) -> Any:
        return self.office.engine

    def browser(self, *, address: str = "127.0.0.1") -> Browser:
        return Browser(AppClient(self.app, address=address))

    def mails(self) -> list[Any]:
        """Every mail that was entered."""
        with reading(self.engine) as connection:
            return list(connection.execute(mail_store.mail_outbox.select().order_by(mail_store.mail_outbox.c.id)))

    def newest_link(self) -> str:
        """The path of the link that was mailed last."""
        found = re.search(rf"{re.escape(URL)}(/sign-in/links/\S+)", self.mails()[-1].text)
        assert found
        return found[1]

    def asked(self, address: str, browser: Browser) -> httpx.Response:
        browser.get("/sign-in")
        return browser.submit("/sign-in", address=address)

    def signed_in(self, address: str) -> Browser:
        """A browser in which whoever reads this address is signed in."""
        browser = self.browser()
        assert self.asked(address, browser).status_code == 200
        link = self.newest_link()
        browser.get(link)
        assert browser.submit(link).headers["location"] == "/me"
        return browser

    def prove_address(self, browser: Browser, address: str) -> httpx.Response:
        """Add an address to the record of whoever is signed in."""
        browser.get("/me")
        assert browser.submit("/me/addresses", address=address).status_code == 200
        link = self.newest_link()
        browser.get(link)
        answer = browser.submit(link)
        assert answer.status_code == 303, answer.text
        return browser.get(answer.headers["location"])

    def person(self, text: str) -> Person:
        return self.office.person(text)

    def with_role(self, address: str, role: Role) -> Browser:
        """Whoever reads this address holds a role, and is signed in."""
        browser = self.signed_in(address)
        person = self.person(f"mail:{address}").id
        login.give_role(self.engine, person, role, by="operator", reason="for a test", now=self.clock())
        return browser
