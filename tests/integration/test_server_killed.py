"""`kill -9` of the server in the middle of a batch: afterwards each badge is there once, and each letter arrived.

Records come over HTTP, letters go out, their links are pressed by two at a time, and wallets ask, while
`badge-issuer serve` is killed at random moments and started again. The long version, twenty kills on each
database, is `./run real tests/integration/test_server_killed.py`.
"""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import text, update

from issuer.badges import service as badges
from issuer.badges.model import Badge
from issuer.contributions import service as contributions
from issuer.ground.access import MailAccess
from issuer.ground.database import reading, writing
from issuer.ground.mail.postman import MailOutbox
from issuer.notices import service as notices
from issuer.people import store as people_tables
from issuer.wallets import service as wallets
from keys import jws
from tests.unit.issuer.office import open_office
from tests.unit.issuer.people.community import Browser
from tests.unit.issuer.wallets_client import Wallet
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.ground.mail.mail_server import SENDER, MailServer

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
WALLETS = 4
CALL = "from issuer.cli import main; main()"


class Stubborn(AppClient):
    """Asks a server over a socket, and again for as long as nobody answers."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return httpx.request(method, self._base + path, timeout=10, **content)
            except httpx.TransportError:
                assert time.monotonic() < end, "nobody answers any more"
                time.sleep(0.05)


class Served:
    """An office whose people wait for their first record, its mail server, and its server, which is killed."""

    def __init__(self, folder: Path, url: str | None, *, people: int) -> None:
        self.mails, self.people = MailServer(), [f"p{number}@books.example" for number in range(people)]
        rows = "".join(f"Person {number},{one},\n" for number, one in enumerate(self.people))
        keeper = "Bob Keeper,bob@books.example,\n"  # who confirmed what they did
        self.office = open_office(folder, people=f"name,email,accounts\n{keeper}{rows}", database_url=url)
        self.engine = self.office.engine
        file = self.office.settings.data / "issuer.yaml"
        server = {"host": "localhost", "port": self.mails.port, "tls": "none", "sender": SENDER}
        file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "mail": server}))
        with writing(self.engine) as connection:
            connection.execute(update(people_tables.persons).values(told_at=datetime.now(UTC)))
        self._token = contributions.create_token(self.engine, "launchpad", now=datetime.now(UTC))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.client = Stubborn(self.port)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["serve", "--port", str(self.port), "--data", str(self.office.settings.data)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", CALL, *words],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)

    def deliver(self, number: int) -> None:
        """The record that completes this person's tier, until the office says that it has it."""
        event = {
            "specversion": "1.0",
            "type": "org.badgewright.contribution.v1",
            "source": "https://bugs.example",
            "id": f"bug-{number}",
            "time": (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds"),
            "subject": f"git:{self.people[number]}",
            "data": {"record": "bug.confirmed", "moved_to": "confirmed", "moved_by": "git:bob@books.example"},
        }
        said = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/cloudevents+json"}
        answer = self.client.post("/contributions", json=event, headers=said)
        assert answer.status_code in {200, 201}, answer.text

    def claim(self, link: str) -> bool:
        """One of those who press a link's button; whether the page opened to them."""
        browser = Browser(self.client)
        browser.get(link)
        page = browser.get("/claim")
        known_by = re.search(r'name="known_by" value="([0-9a-f]+)"', page.text)
        return browser.submit("/claim", known_by=known_by[1] if known_by else "").status_code == 303

    def links(self) -> dict[str, str]:
        """The claim links that arrived, and to whom."""
        found = [(re.search(r"(/claim/\S+)", mail.get_content()), str(mail["To"])) for mail in self.mails.mails]
        return {link[1]: to for link, to in found if link}

    def into_a_wallet(self, badge: Badge) -> None:
        """A wallet takes a badge, however often its answers are lost: with a new offer if it has to."""
        wallet, end = Wallet(self.client, datetime.now(UTC)), time.monotonic() + PATIENCE
        while time.monotonic() < end:
            wallet.now = datetime.now(UTC)
            made = wallets.offer(self.office.bureau, badge, now=wallet.now)
            taken = wallet.take(made.wallet_link, made.transaction_code)
            if taken.status_code == 200 and wallet.ask("jwt_vc_json").status_code == 200:
                return
        raise AssertionError("the wallet did not get it")


def play(served: Served, *, kills: int, chance: random.Random) -> None:
    """A batch, with the server killed so often in the middle of it; afterwards everything is as it should be."""
    opened: dict[str, list[bool]] = {}
    asked: set[str] = set()
    over = threading.Event()

    def send() -> None:
        for number in range(len(served.people)):
            served.deliver(number)
            over.wait(chance.uniform(0.0, 0.2 * kills / len(served.people) * 10))

    def press() -> None:
        while not over.is_set():
            for link in served.links().keys() - opened.keys():
                with ThreadPoolExecutor(2) as two:
                    opened[link] = list(two.map(served.claim, [link, link]))
            time.sleep(0.1)

    def ask() -> None:
        while not over.is_set() and len(asked) < WALLETS:
            for badge in badges.all_badges(served.engine):
                if badge.jwt is not None and badge.id not in asked and len(asked) < WALLETS:
                    served.into_a_wallet(badge)
                    asked.add(badge.id)
            time.sleep(0.1)

    served.start()
    with served.mails.running(), ThreadPoolExecutor(3) as at_once:
        try:
            going = [at_once.submit(one) for one in (send, press, ask)]
            for _ in range(kills):
                assert served.client.get("/healthz").status_code == 200
                time.sleep(chance.uniform(0.0, 1.5))
                served.kill()
                served.start()
            going[0].result(timeout=PATIENCE)
            going[2].result(timeout=PATIENCE)
            end = time.monotonic() + PATIENCE
            while sum(one.jwt is not None for one in badges.all_badges(served.engine)) < len(served.people):
                assert time.monotonic() < end, "not all were issued"
                time.sleep(0.1)
            later = MailOutbox(  # who was killed while it sent had lent its mails for two minutes
                replace(served.office.settings, mail=MailAccess("localhost", served.mails.port, "none", SENDER)),
                engine=served.engine,
                clock=lambda: datetime.now(UTC) + timedelta(hours=1),
            )
            while later.send_due().sent:
                pass
            while len(opened) < len(served.people):
                assert time.monotonic() < end, "not all links were pressed"
                time.sleep(0.1)
        finally:
            over.set()
        going[1].result(timeout=PATIENCE)
    check(served, opened)


def check(served: Served, opened: dict[str, list[bool]]) -> None:
    issued = badges.all_badges(served.engine)
    persons = {one.award.person for one in issued}
    assert len(issued) == len(persons) == len(served.people), "each badge exactly once"
    assert len({one.revocation for one in issued}) == len({one.id for one in issued}) == len(issued)
    for badge in issued:
        assert badge.jwt is not None and badge.standing
        jws.verify(badge.jwt, key=served.office.bureau.signer.public)
    shown = {str(mail["Message-ID"]): str(mail["To"]) for mail in served.mails.mails}
    assert sorted(shown.values()) == sorted(served.people), "each notice sent, and shown once by its Message-ID"
    assert all(sum(each) <= 1 for each in opened.values()), "of two who press at once, one gets the page"
    with reading(served.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM mail_outbox")).scalar() == 0
        taken = "count(*), count(DISTINCT copy_of), count(DISTINCT subject), count(current_version)"
        copies = connection.execute(text(f"SELECT {taken} FROM badges WHERE copy_of IS NOT NULL")).one()
        states = {one.state for one in notices.deliveries(connection, [badge.id for badge in issued]).values()}
    assert states == {"claimed"}
    assert set(copies) == {WALLETS}, "one copy for each wallet, however often it asked"


def test_the_server_is_killed_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    served = Served(tmp_path, None, people=WALLETS + 1)
    try:
        play(served, kills=2, chance=random.Random("the server"))
    finally:
        served.stop()
        served.engine.dispose()


@pytest.mark.real
def test_the_server_is_killed_twenty_times_at_random(tmp_path: Path, issuing_database: dict[str, str]) -> None:
    served = Served(tmp_path, issuing_database.get("database_url"), people=60)
    try:
        play(served, kills=20, chance=random.Random("the server, twenty times"))
    finally:
        served.stop()
        served.engine.dispose()
