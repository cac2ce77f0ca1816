"""An office has outgrown its file: it goes on in a PostgreSQL as if it had always been there.

Played with the command line on a real server. Badges, places, links and the audit log are as they were, and nobody
who mixes what is of the file with what came afterwards gets an office that forgot something.
"""

import shutil
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import uvicorn
from sqlalchemy import create_engine, inspect, text

from issuer import backup
from issuer.app import create_app
from issuer.badges import awarding, issuance
from issuer.badges import service as badges
from issuer.cli import main
from issuer.contributions import service as contributions
from issuer.ground import audit, journal
from issuer.ground import settings as ground_settings
from issuer.ground.copies import copy_file
from issuer.ground.database import open_own_database, reading, unmigrated, writing
from issuer.people import store as people_store
from issuer.recognition import service as recognition
from keys import custody
from schemas import archive, timestamps
from tests.conftest import every_connection_closed
from tests.postgres import PostgresServer
from tests.stories.test_restore import WHO, Programme, verdict
from tests.unit.issuer.delivery.test_claiming import landed_in, newest_claim, press
from tests.unit.issuer.office import NOW
from tests.unit.issuer.people.community import Browser, Community
from tests.unit.verifier.client import AppClient

PATIENCE = 30.0


class Move:
    """An issuer on a file, and what is told by whom it goes into a PostgreSQL."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, server: PostgresServer) -> None:
        self.programme, self.server = Programme(folder, monkeypatch, None), server
        self.folder, self.old = folder, self.programme.data
        self.last, self.first = folder / "last.backup", folder / "first.backup"
        self.url = server.new_database()

    def back_up(self) -> None:
        self.programme.issuer("backup", str(self.last))

    def go(self) -> dict[str, object]:
        """Into the PostgreSQL, in a new folder; the old one stays."""
        self.programme.data = self.folder / "new"
        words = ["--journal", str(self.old / "journal"), "--database-url", self.url]
        return self.programme.issuer("restore", str(self.last), *words)

    def refused(self, old: Path, *journals: Path, url: str | None = None) -> str:
        """What is said to whoever puts these together; nothing is left behind."""
        self.programme.data = self.folder / "mixed"
        words = [word for one in journals for word in ("--journal", str(one))]
        said = self.programme.refused_restore(old, *words, database=["--database-url", url] if url else [])
        self.programme.data = self.folder / "new"
        return said


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer) -> Move:
    return Move(tmp_path, monkeypatch, postgres)


def test_everything_is_as_it_was_and_goes_on(move: Move) -> None:
    programme = move.programme
    programme.recognise("ada", "bob")
    move.back_up()
    programme.recognise("cy")  # since: what the journal has
    programme.people("eve", *WHO, "keeper")
    programme.issuer("revoke", programme.badge_of("ada"), "--reason", "a mistake")
    programme.issuer("suspend", programme.badge_of("bob"), "--reason", "looked at")
    programme.issuer("keys", "rotate")
    before, keys, pages = programme.facts(), programme.issuer("keys", "list"), programme.issuer("list")["badges"]
    noted = programme.issuer("audit", "verify")["noted"]

    restored = move.go()
    assert (restored["moved"], restored["unsigned"]) == (True, 1)
    assert programme.facts() == before and programme.issuer("keys", "list") == keys
    log = programme.issuer("audit", "verify", "--noted", str(noted))
    assert log["noted"] == noted and log["journal"] == {"number": 0, "sha256": journal.BEGINNING}
    assert not (programme.data / "issuer.sqlite").exists()
    assert ground_settings.load(programme.data).database == move.url

    assert programme.issuer("nightly")["signed"] == 0
    assert programme.issuer("keys", "sign-anew")["signed"] == 1
    assert programme.issuer("list")["badges"] == pages, "the same private links"
    programme.issuer("reinstate", programme.badge_with(state="suspended"))
    programme.recognise("dee")
    places = [badge.revocation for badge in programme.badges().values()]
    assert len(set(places)) == len(places) == len(before) + 1
    token, site = move.folder / "badge.jwt", move.folder / "site"
    for who in ("bob", "cy", "dee"):
        programme.issuer("export", programme.badge_of(who), "--as", "jwt", "-o", str(token))
        programme.issuer("publish", str(site))
        assert verdict(token, site) == ("valid", []), who
    programme.issuer("revoke", programme.badge_of("dee"), "--reason", "asked for")
    programme.issuer("export", programme.badge_with(state="revoked", who="Dee"), "--as", "jwt", "-o", str(token))
    programme.issuer("publish", str(site))
    assert verdict(token, site) == ("not_valid", ["status"])


def test_what_is_of_the_file_and_what_came_afterwards_are_never_put_together(move: Move) -> None:
    """Neither an older backup with the new journal, nor the new one with an older journal, forgets anything."""
    programme, old_journal = move.programme, move.old / "journal"
    for who in WHO:
        programme.recognise(who)  # so that the numbers of the file are far beyond those of what follows
    move.back_up()
    programme.people("eve", *WHO, "keeper")
    in_the_file = programme.facts()
    move.go()
    new_journal = programme.data / "journal"
    assert not new_journal.exists(), "it begins with what is written next"
    programme.issuer("backup", str(move.first))
    programme.issuer("revoke", programme.badge_of("ada"), "--reason", "a mistake")
    programme.issuer("suspend", programme.badge_of("bob"), "--reason", "looked at")
    now = programme.facts()

    assert "lacks what was written" in move.refused(move.last, new_journal)
    assert "lacks what was written" in move.refused(move.last, old_journal, new_journal)
    assert "lacks what was written" in move.refused(move.last, new_journal, url=move.server.new_database())
    programme.data = move.old  # somebody starts the old office again
    for number in range(10):
        programme.people(f"new{number}", *WHO, "keeper")
    assert "does not follow the line before it" in move.refused(move.last, old_journal, new_journal)

    for journals in ((new_journal,), (new_journal, old_journal)):
        programme.data = move.folder / f"again {len(journals)}"
        words = [word for one in journals for word in ("--journal", str(one))]
        programme.issuer("restore", str(move.first), *words, "--database-url", move.server.new_database())
        assert programme.facts() == now
    programme.data = move.folder / "file"
    shutil.copytree(old_journal, move.folder / "kept")
    programme.issuer("restore", str(move.last), "--journal", str(move.folder / "kept"))
    assert programme.facts() == in_the_file, "the old backup and its own journal are the old office, on a file"


def test_without_a_journal_places_are_on_new_lists_there_too(move: Move) -> None:
    programme = move.programme
    programme.recognise("ada")
    move.back_up()
    programme.recognise("bob")
    lost = programme.badges()
    programme.data = move.folder / "new"
    programme.issuer("restore", str(move.last), "--database-url", move.url)
    kept = programme.badges()
    programme.recognise("cy")
    new = [badge for badge in programme.badges().values() if badge.id not in kept]
    assert min(one.revocation.list for one in new) > max(one.revocation.list for one in lost.values()) + 1


def test_the_command_says_in_a_sentence_that_a_backup_is_due(
    move: Move, capsys: pytest.CaptureFixture[str]
) -> None:
    move.back_up()
    data = str(move.folder / "new")
    with pytest.raises(SystemExit, match="0"):
        main(["restore", str(move.last), "--data", data, "--database-url", move.url])
    said = capsys.readouterr().out
    assert "make a backup now" in said
    shutil.rmtree(data)
    with pytest.raises(SystemExit, match="0"):
        main(["restore", str(move.last), "--data", data])
    assert "make a backup now" not in capsys.readouterr().out


def test_a_backup_of_an_older_program_is_brought_to_todays_tables_on_the_way(move: Move) -> None:
    programme = move.programme
    programme.recognise("ada")
    before = programme.facts()
    programme.issuer("database", "downgrade", "0026", "--yes")
    older = make_older_backup(programme, move.last)
    programme.data = move.folder / "new"
    programme.issuer("restore", str(older), "--database-url", move.url)
    assert {one: fact[1] for one, fact in programme.facts().items()} == {one: f[1] for one, f in before.items()}
    (badge,) = programme.badges().values()
    assert badge.jwt is not None and badges.read_own(badge.jwt).id == badge.id
    engine = create_engine(move.url.replace("postgresql:", "postgresql+psycopg:"))
    assert "jws" in {column["name"] for column in inspect(engine).get_columns("badge_versions")}
    engine.dispose()


def make_older_backup(programme: Programme, target: Path) -> Path:
    """As the program of revision 0026 made one: of its tables, which today's `backup` would bring forward."""
    settings = ground_settings.load(programme.data)
    copy = programme.folder / backup.DATABASE
    with unmigrated(programme.data / backup.DATABASE) as engine:
        standing = copy_file(engine, copy)
        log = audit.check(engine)
    says = {
        "format": backup.FORMAT, "office": "issuer", "program": "an older one", "tables": standing.version,
        "made_at": timestamps.show(NOW), "journal": {"number": standing.place.number, "sha256": ""},
        "audit": {"number": log.rows, "sha256": log.head},
    }  # fmt: skip
    archive.write(target, says=says, files={**backup._files(settings), copy.name: copy})
    return target


def test_links_that_were_sent_open_what_they_opened_and_serve_shares_its_work(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)
    community = Community(tmp_path)
    community.office = replace(community.office, bureau=replace(community.office.bureau, mails=True))
    with writing(community.engine) as connection:
        for person in community.office.people:
            people_store.set_told(connection, person, now=NOW)
    community.office.add_changes("ada", count=3)
    decided = recognition.decide_all(community.engine, community.office.policy, as_of=NOW)
    awarding.award_decisions(community.engine, decided, policy=community.office.policy, now=NOW)
    issuance.issue(community.office.bureau, now=NOW)
    token = contributions.create_token(community.engine, "launchpad", now=NOW)
    claim = newest_claim(community)
    page = f"/h/{community.office.bureau.page_token(community.person('ada@books.example').id)}"
    community.engine.dispose()

    old, new, last = tmp_path / "issuer", tmp_path / "new", tmp_path / "last.backup"
    for words in (
        ["backup", str(last), "--data", str(old)],
        ["restore", str(last), "--data", str(new), "--journal", str(old / "journal"),
         "--database-url", postgres.new_database()],
    ):  # fmt: skip
        with pytest.raises(SystemExit, match="0"):
            main(words)
    shutil.copyfile(old / "passphrase", new / "passphrase")
    with every_connection_closed():
        browser = landed_in(Browser(AppClient(create_app(new, clock=community.clock))), claim)
        opened = press(browser)
        assert (opened.status_code, opened.headers["location"].partition("?")[0]) == (303, page)
        assert "Your badge: Contributor 2026" in browser.get(opened.headers["location"]).text
        again = Browser(AppClient(create_app(new, clock=community.clock)))
        assert landed_in(again, claim).page.status_code == 410, "and was used now"  # type: ignore[union-attr]
        deliver_to_a_server(new, token)


def deliver_to_a_server(data: Path, token: str) -> None:
    """A record that is delivered to `serve` gives its badge, by the queue."""
    settings = ground_settings.load(data)
    engine = open_own_database(settings)
    app = create_app(data, clock=lambda: NOW, with_jobs=True)
    event = {
        "specversion": "1.0", "type": "org.badgewright.contribution.v1", "source": "https://bugs.example",
        "id": "1", "time": "2026-11-01T12:00:00Z", "subject": "git:cy@books.example",
        "data": {"record": "bug.confirmed", "moved_to": "confirmed", "moved_by": "git:bob@books.example"},
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        address, end = f"http://127.0.0.1:{listener.getsockname()[1]}", time.monotonic() + PATIENCE
        answer = httpx.post(f"{address}/contributions", json=event, headers=headers, timeout=PATIENCE)
        assert answer.status_code == 201, answer.text
        while sum(badge.jwt is not None for badge in badges.all_badges(engine)) < 2:
            assert time.monotonic() < end, "no badge came of it"
            time.sleep(0.1)
        server.should_exit = True
        thread.join(PATIENCE)
    with reading(engine) as connection:
        schemas = set(connection.execute(text("SELECT nspname FROM pg_namespace")).scalars())
    engine.dispose()
    assert "badge_queue" in schemas
