"""A hub as a process, typed and asked over HTTP: handed over, killed, out of space, handed back."""

import json
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.integration.test_shop_contract import answers, waited_for
from tests.integration.test_verifier_cli import ENDS, ISSUER, ROOT, STARTS
from tests.integration.test_verifier_cli import Desk as Folder
from tests.unit.verifier.desk.desks import DeskSimulator
from tests.unit.verifier.simulator import Clock, references

EVENT = "summit-2027"
KILLS = 3
REFERENCES = [reference for reference, _ in zip(references(), range(200), strict=False)]


def badge(number: int) -> str:
    return ISSUER.token(ISSUER.document(reference=REFERENCES[number], starts=STARTS, ends=ENDS))


class Clocked(Clock):
    """The clock of this machine."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


class Venue:
    """An office's data folder and a hub's, prepared as a team would."""

    def __init__(self, folder: Path) -> None:
        self.folder = Folder(folder)
        fields = yaml.safe_load(self.folder.event()) | {"provisional_at_desk": {"per_desk": 3, "value_each": 400}}
        self.folder.put("event.yaml", yaml.safe_dump(fields))
        (folder / "badgewright-verifier").mkdir()
        self.folder.put("badgewright-verifier/verifier.yaml", "public_url: https://verify.example\n")
        self.typed("event", "add", "event.yaml")
        index = folder / "published" / "badges.example.org" / "status-lists" / "index.json"
        index.write_text(json.dumps({"status_lists": [ISSUER.list_url]}))
        self.folder.put("hub.jwk", self.typed("hub", "key", "--data", "hub"))

    def typed(self, *words: str, code: int = 0) -> str:
        done = self.folder.type(*words)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout

    def enrol(self, name: str, *more: str) -> str:
        told = json.loads(
            self.typed(
                "desk",
                "enrol",
                EVENT,
                "--name",
                name,
                "--data",
                "hub",
                "--url",
                "https://hub.example",
                "--json",
                "--no-spare",
                *more,
            )
        )
        return str(told["url"]).partition("#enrol=")[2].partition("&")[0]

    def hand_over(self) -> None:
        offline = ("--offline-dir", "published")
        self.typed(
            "hub", "hand-over", EVENT, "--to", "hub.jwk", "--url", "https://hub.example", "--out", "b", *offline
        )
        key = json.loads(self.typed("bundle", "show", "b", "--json"))["key"]
        self.typed("bundle", "import", "b", "--key", key, "--data", "hub")

    @contextmanager
    def serving(self, *, dies: str | None = None) -> Iterator["Hub"]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        started = (
            ["-m", "tests.integration.crashing_server", dies]
            if dies
            else ["-c", "from verifier.cli import main; main()"]
        )
        process = subprocess.Popen(
            [sys.executable, *started, "hub", "--port", str(port), "--data", "hub"],
            cwd=self.folder.folder,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        try:
            waited_for(lambda: answers(f"http://127.0.0.1:{port}/desk-api/now?event={EVENT}"))
            yield Hub(client, process)
        finally:
            client.close()
            process.kill()
            process.wait()


class Hub:
    """A hub that runs."""

    def __init__(self, client: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
        self.client: Any = client
        self.process = process


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return Venue(tmp_path)


@pytest.fixture
def handed(venue: Venue) -> Venue:
    venue.hand_over()
    return venue


def enrolled(venue: Venue, hub: Hub, name: str = "Door 1") -> DeskSimulator:
    desk = DeskSimulator(name, clock=Clocked())
    assert desk.enrol(hub.client, venue.enrol(name)).status_code == 201
    return desk


def test_a_day_typed_and_asked(handed: Venue) -> None:
    worst = handed.typed("desk", "prepare", EVENT, "--desks", "6", "--acknowledge", "Ada Example, treasurer")
    assert "at most 7200" in worst
    with handed.serving() as hub:
        one, other = enrolled(handed, hub), enrolled(handed, hub, "Door 2")
        assert one.redeem(hub.client, badge(0), request_id="1").status_code == 201
        one.grant(REFERENCES[0], "1")
        other.grant_provisionally(REFERENCES[0], "cut off")
        other.grant_provisionally(REFERENCES[1], "cut off too")
        for desk in (one, other):
            assert desk.send(hub.client).json()["refused"] == []
        assert other.redeem(hub.client, badge(1), request_id="2").json()["reason"] == "already_redeemed"
    report = handed.typed("desk", "report", EVENT, "--data", "hub", code=1)
    assert "Twice: first Door 1" in report

    handed.typed("hub", "hand-back", EVENT, "--data", "hub", "--out", "back.jsonl")
    for new in (1, 0):
        told = json.loads(handed.typed("hub", "take-back", "back.jsonl", "--json"))
        assert (told["grants"], told["new_grants"], told["conflicts"]) == (1, new, 1)
    log = handed.typed("audit", "list", "--event", EVENT)
    for act in ("desk.worst_case", "hub.hand_over", "hub.take_back"):
        assert act in log


def test_a_hub_enrols_no_desk_unless_there_is_no_spare(handed: Venue) -> None:
    refused = ("desk", "enrol", EVENT, "--name", "Door 9", "--data", "hub", "--url", "https://hub.example")
    handed.typed(*refused, code=3)
    assert handed.enrol("Door 9")


def test_a_journal_is_carried_as_a_file_and_as_codes(handed: Venue) -> None:
    with handed.serving() as hub:
        one = enrolled(handed, hub)
        one.grant_provisionally(REFERENCES[0], "cut off")
        handed.folder.put("journal.jsonl", "\n".join([*one.entries, ""]))
        assert (
            json.loads(handed.typed("desk", "take-in", EVENT, "journal.jsonl", "--data", "hub", "--json"))["new"]
            == 1
        )
        handed.typed("desk", "journal", EVENT, "--data", "hub", "--out", "all.jsonl", "--codes", "codes")
    again = json.loads(handed.typed("desk", "take-in", EVENT, "codes/codes.txt", "--data", "hub", "--json"))
    assert (again["new"], again["refused"]) == (0, [])
    handed.folder.put("bad.jsonl", "no entry\n")
    handed.typed("desk", "take-in", EVENT, "bad.jsonl", "--data", "hub", code=1)


def test_a_bundle_is_carried_as_codes(venue: Venue) -> None:
    venue.typed("bundle", "make", EVENT, "--out", "b", "--codes", "codes", "--offline-dir", "published")
    lines = (venue.folder.folder / "codes" / "codes.txt").read_text().split("\n")
    random.Random(1).shuffle(lines)
    venue.folder.put("shuffled.txt", "\n".join(line for line in lines if line) + "\n")
    key = json.loads(venue.typed("bundle", "show", "b", "--json"))["key"]

    venue.typed("bundle", "import", "shuffled.txt", "--key", key, "--data", "hub")
    venue.folder.put("part.txt", "\n".join(line for line in lines[:2] if line) + "\n")
    missing = venue.folder.type("bundle", "import", "part.txt", "--data", "hub")
    assert missing.returncode == 3 and "are missing" in missing.stderr


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_the_commit_leaves_one_answer(handed: Venue, moment: str) -> None:
    with handed.serving(dies=moment) as hub:
        one = enrolled(handed, hub)
        with pytest.raises(httpx.TransportError):
            one.redeem(hub.client, badge(0), request_id="1")
        assert hub.process.wait(timeout=10) == -signal.SIGKILL
    with handed.serving() as hub:
        again = [one.redeem(hub.client, badge(0), request_id="1").status_code for _ in range(2)]
        other = one.redeem(hub.client, badge(0), request_id="2").json()["reason"]
    assert (again, other) == ([201, 201], "already_redeemed")


def test_a_hub_killed_at_any_moment_loses_no_grant_that_was_shown(handed: Venue) -> None:
    shown: dict[int, int] = {}
    numbers = iter(range(len(REFERENCES)))
    turn, desks = threading.Lock(), []
    with handed.serving() as hub:
        desks = [enrolled(handed, hub, f"Door {number}") for number in range(3)]
    owner: dict[int, DeskSimulator] = {}

    def work(desk: DeskSimulator, client: Any) -> None:
        while True:
            with turn:
                number = next(numbers, None)
            if number is None:
                return
            owner[number] = desk
            try:
                answer = desk.redeem(client, badge(number), request_id=f"holder-{number}")
            except httpx.TransportError:
                return
            if answer.status_code == 201:
                shown[number] = answer.json()["percent"]

    chance = random.Random(7)
    for _ in range(KILLS):
        with handed.serving() as hub:
            threads = [threading.Thread(target=work, args=(desk, hub.client)) for desk in desks]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0.05, 0.6))
            hub.process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
    assert shown
    with handed.serving() as hub:
        for number in shown:
            same = owner[number].redeem(hub.client, badge(number), request_id=f"holder-{number}")
            another = owner[number].redeem(hub.client, badge(number), request_id=f"other-{number}")
            assert (same.status_code, another.status_code) == (201, 409), number


def test_a_full_disk_grants_nothing_and_keeps_what_it_had(handed: Venue) -> None:
    with handed.serving() as hub:
        one = enrolled(handed, hub)
        assert one.redeem(hub.client, badge(0), request_id="0").status_code == 201
        log = handed.folder.folder / "hub" / "verifier.sqlite-wal"
        _, most = resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, most))
        full = [one.redeem(hub.client, badge(number), request_id=f"full-{number}") for number in (1, 2)]
        resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, (most, most))
        after = one.redeem(hub.client, badge(1), request_id="full-1")

    assert [answer.status_code for answer in full] == [503, 503]
    assert "nothing was granted" in full[0].json()["detail"]
    assert after.status_code == 201


def test_a_hub_serves_one_event_and_says_which_is_missing(venue: Venue) -> None:
    nothing = venue.folder.type("hub", "--data", "hub", "--port", "1")
    assert nothing.returncode == 3
    assert "'bundle import' takes one in" in nothing.stderr
