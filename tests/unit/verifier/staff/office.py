"""An office with staff, in process: a browser that keeps cookies as browsers do, and a mailbox."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.unit.verifier.client import AppClient
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, IssuerSimulator
from verifier.app import create_app
from verifier.ground.database import reading
from verifier.ground.mail import store as mail_store
from verifier.ground.settings import MailAccess, Settings
from verifier.registration.service import Registration
from verifier.verification.service import Verification

URL = "https://verify.example"
EVENT, OTHER_EVENT = "summit-2027", "meetup-2027"
ISSUER = IssuerSimulator()
HTML = {"Accept": "text/html"}
ROLES = ("event_team", "lead", "finance", "auditor", "admin")
ROSTER = (
    "staff:\n"
    + "".join(
        f"  - {{id: staff-{n}, mail: {role}@example.org, roles: {{{EVENT}: [{role}]}}}}\n"
        for n, role in enumerate(ROLES, start=1)
    )
    + f"  - {{id: staff-6, mail: stranger@example.org, roles: {{{OTHER_EVENT}: [lead]}}}}\n"
    + "  - {id: staff-7, mail: Everywhere@Example.org, roles: {every_event: [admin, auditor]}}\n"
)


@dataclass
class Browser:
    """Asks an office as a browser does: keeps cookies, says from which site a form comes, reads form tokens."""

    client: AppClient
    url: str = URL
    cookies: dict[str, str] = field(default_factory=dict)
    page: httpx.Response | None = None

    def get(self, path: str) -> httpx.Response:
        return self._asked("GET", path, headers=HTML)

    def submit(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Send a form of the page that was got before."""
        assert self.page is not None
        token = re.search(r'name="form_token" value="([0-9a-f]*)"', self.page.text)
        fields = {"form_token": token[1] if token else "", **fields}
        sent = {**HTML, "Origin": self.url, "Sec-Fetch-Site": "same-origin"} | (headers or {})
        return self._asked("POST", path, data=fields, headers={k: v for k, v in sent.items() if v})

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


class StaffOffice:
    """An office with one event and somebody in each role."""

    def __init__(self, folder: Path, *, event: dict[str, Any] | None = None, **settings: Any) -> None:
        self.clock, self.folder, self.woken = Clock(), folder, 0
        options: dict[str, Any] = {"public_url": URL, "mail": MailAccess("localhost", 25, "none", "b@v.example")}
        self.settings = Settings(folder, **{**options, **settings})
        self.settings.staff.write_text(ROSTER)
        documents = DocumentsInMemory.of([ISSUER])
        verification = Verification(documents, clock=self.clock)
        self.registration = Registration(self.settings, verification=verification, clock=self.clock)
        for name in (EVENT, OTHER_EVENT):
            (folder / f"{name}.draft").write_bytes(document(**(event or {}), event=name))
            self.registration.add_event(folder / f"{name}.draft")
        self.app = create_app(self.settings, source=documents, clock=self.clock, wake_postman=self._wake)

    def close(self) -> None:
        """Close both ways to the database: the application's, and our own."""
        self.app.state.registration.engine.dispose()
        self.registration.engine.dispose()

    def _wake(self) -> None:
        self.woken += 1

    def browser(self, *, address: str = "127.0.0.1") -> Browser:
        return Browser(AppClient(self.app, address=address), self.settings.public_url or URL)

    def mails(self) -> list[Any]:
        """Every mail that was entered."""
        with reading(self.registration.engine) as connection:
            return list(connection.execute(mail_store.mail_outbox.select()))

    def newest_link(self) -> str:
        """The path of the link that was mailed last."""
        found = re.search(rf"{re.escape(self.settings.public_url or '')}(/staff/links/\S+)", self.mails()[-1].text)
        assert found
        return found[1]

    def asked(self, address: str, browser: Browser) -> httpx.Response:
        browser.get("/staff/sign-in")
        return browser.submit("/staff/sign-in", address=address)

    def signed_in(self, role: str) -> Browser:
        """A browser in which somebody of a role (or `stranger`, `everywhere`) is signed in."""
        browser = self.browser()
        assert self.asked(f"{role}@example.org", browser).status_code == 200
        link = self.newest_link()
        browser.get(link)
        assert browser.submit(link).headers["location"] == "/staff"
        return browser
