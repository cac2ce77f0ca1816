"""Registration and a shop over real HTTP: whatever fails or is killed, each grant is one voucher in the end.

The shop is `contract_server`, which speaks the published API of pretix; `tests/real/test_pretix.py` asks a pretix.
"""

import functools
import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
import yaml

from tests.integration.test_verifier_cli import ENDS, ISSUER, ROOT, STARTS, Desk
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.registration.shops.contract_server import QUOTA, TOKEN, ContractServer, Fault
from tests.unit.verifier.registration.test_outbox import SHOP, Office
from tests.unit.verifier.simulator import HOLDER_CODE
from verifier.ground.database import reading
from verifier.ground.outbound import ServiceClient
from verifier.registration.outbox import Outbox
from verifier.registration.shops import service as shops
from verifier.registration.shops import store
from verifier.registration.shops.pretix import PretixShop

EVENT = "summit-2027"
KILLS = 6


@pytest.fixture
def server() -> Iterator[ContractServer]:
    server = ContractServer()
    yield server
    server.stop()


class ShopDesk(Desk):
    """A desk whose event sells in the shop at `url`, and some badges of different holders."""

    def __init__(self, folder: Path, server: ContractServer, database: Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        fields = yaml.safe_load(self.event()) | {"shop": SHOP | {"url": server.url}}
        self.put("event.yaml", yaml.safe_dump(fields))
        (folder / "badgewright-verifier").mkdir()
        self.put("badgewright-verifier/shop.token", TOKEN)
        access = {"tickets": {"url": server.url, "token_file": "shop.token"}}
        self.put(
            "badgewright-verifier/verifier.yaml",
            yaml.safe_dump({"shops": access, "exempt_hosts": [server.host]} | dict(database or {})),
        )
        assert self.type("event", "add", "event.yaml").returncode == 0

    def grant(self, number: int) -> None:
        self.put(f"badge-{number}.jwt", badge_of(number))
        done = self.redeem(f"badge-{number}.jwt", "--holder-code", HOLDER_CODE, "--json")
        assert (done.returncode, json.loads(done.stdout)["shop"]) == (0, "pending"), done

    def shop(self, word: str) -> tuple[int, str]:
        done = self.type("shop", word, EVENT)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", "from verifier.cli import main; main()", *words],
            cwd=self.folder,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@functools.cache
def badge_of(number: int) -> str:
    """The badge of one holder, the same bytes each time."""
    reference = f"urn:uuid:00000000-0000-4000-8000-{number:012d}"
    return ISSUER.token(ISSUER.document(reference=reference, starts=STARTS, ends=ENDS))


@pytest.fixture
def desk(tmp_path: Path, server: ContractServer) -> ShopDesk:
    return ShopDesk(tmp_path, server)


@pytest.fixture
def either(tmp_path: Path, server: ContractServer, database: dict[str, Any]) -> ShopDesk:
    """The desk on SQLite, and again on PostgreSQL."""
    return ShopDesk(tmp_path, server, database)


# Commands


def test_a_push_places_and_a_check_agrees(either: ShopDesk, server: ContractServer) -> None:
    assert either.shop("check") == (0, "0 granted, 0 in the shop: they agree.\n")
    either.grant(1)
    code, said = either.shop("check")
    assert (code, "is not in the shop yet" in said) == (1, True)
    assert either.shop("push") == (0, "1 placed in the shop, 0 not yet.\n")
    assert either.shop("check") == (0, "1 granted, 1 in the shop: they agree.\n")
    assert len(server.vouchers) == 1


def test_a_shop_that_is_down_is_2_and_one_sentence(desk: ShopDesk, server: ContractServer) -> None:
    desk.grant(1)
    server.stop()
    pushed, checked = desk.shop("push"), desk.shop("check")
    server.start_again()

    assert (pushed[0], checked[0]) == (2, 2)
    assert "0 placed in the shop, 1 not yet." in pushed[1]
    assert "could not be asked" in pushed[1] and "could not be asked" in checked[1]
    assert TOKEN not in pushed[1] + checked[1]
    assert (desk.shop("push")[0], desk.shop("check")[0]) == (0, 0)


def test_a_wrong_token_is_1_and_pushing_after_it_is_mended_places(desk: ShopDesk, server: ContractServer) -> None:
    desk.grant(1)
    desk.put("badgewright-verifier/shop.token", "another-token")
    code, said = desk.shop("push")
    assert (code, "its token is not accepted" in said) == (1, True)
    assert desk.shop("check")[0] == 3
    desk.put("badgewright-verifier/shop.token", TOKEN)
    assert (desk.shop("push")[0], desk.shop("check")[0], len(server.vouchers)) == (0, 0, 1)


def test_a_pool_is_filled_and_used(either: ShopDesk) -> None:
    fields = yaml.safe_load(either.event()) | {"event": "summit-2028", "shop": {"kind": "code_pool"}}
    either.put("pool.yaml", yaml.safe_dump(fields))
    either.put("codes.csv", "code,percent\nRIVER-1,50\n")
    assert either.type("event", "add", "pool.yaml").returncode == 0
    for added in (1, 0):
        done = either.type("shop", "pool", "add", "summit-2028", "codes.csv")
        assert (done.returncode, done.stdout) == (0, f"{added} codes added.\n  50 percent: 1 of 1 left\n")
    done = either.type(
        *("redeem", "good.jwt", "--event", "summit-2028", "--offline-dir", "published", "--json"),
        *("--holder-code", HOLDER_CODE),
    )
    told = json.loads(done.stdout)
    assert (told["voucher"], told["shop"]) == ("RIVER-1", "placed")
    assert "has 0 of 1 codes for 50 percent left" in done.stderr
    checked = either.type("shop", "check", "summit-2028")
    assert (checked.returncode, "has 0 of 1 codes" in checked.stdout) == (0, True)
    assert either.type("shop", "pool", "add", EVENT, "codes.csv").returncode == 3


# A server that is killed


@contextmanager
def serving(desk: ShopDesk) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The registration's own server, at the address given; killed without warning at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    process = desk.start("serve", "--port", str(port), "--offline-dir", "published")
    try:
        waited_for(lambda: answers(f"{address}/verify"))
        yield address, process
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5):
            return True
    except (URLError, OSError):
        return False


def waited_for(done: Callable[[], object], *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def redeemed(address: str, number: int) -> tuple[int, dict[str, object]]:
    """Redeem over HTTP; a request of the same number is the same request."""
    request = Request(
        f"{address}/events/{EVENT}/redemptions",
        data=json.dumps({"badge": badge_of(number), "holder_code": HOLDER_CODE}).encode(),
        headers={"Idempotency-Key": f"request-{number}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=30) as answer:
        return answer.status, json.loads(answer.read())


def test_a_server_delivers_by_itself_and_says_so(either: ShopDesk, server: ContractServer) -> None:
    with serving(either) as (address, _):
        status, first = redeemed(address, 1)
        assert (status, first["result"], first["shop"]) == (201, "granted", "pending")
        waited_for(lambda: server.vouchers)
        waited_for(lambda: either.shop("check")[0] == 0)
        status, again = redeemed(address, 1)
        assert (status, again["voucher"], again["shop"]) == (201, first["voucher"], "placed")
    assert [v["code"] for v in server.vouchers.values()] == [first["voucher"]]


def test_a_kill_between_the_commit_and_the_shop_loses_nothing(either: ShopDesk, server: ContractServer) -> None:
    server.stop()
    with serving(either) as (address, process):
        status, first = redeemed(address, 1)
        process.send_signal(signal.SIGKILL)
        process.wait()
    server.start_again()
    assert (status, first["shop"], server.vouchers) == (201, "pending", {})

    with serving(either):
        waited_for(lambda: server.vouchers)
    assert either.shop("push")[0] == 0
    assert either.shop("check") == (0, "1 granted, 1 in the shop: they agree.\n")
    assert list(server.vouchers) == [first["voucher"]]


def test_a_kill_while_the_shop_is_at_work_makes_no_second_voucher(desk: ShopDesk, server: ContractServer) -> None:
    server.faults.append(Fault(seconds=3, first=True))
    with serving(desk) as (address, process):
        redeemed(address, 1)
        waited_for(server.arrived.is_set)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(server.vouchers) == 1, "the shop did its work, and nobody here heard of it"

    assert desk.shop("check")[0] == 1
    assert desk.shop("push")[0] == 0
    assert desk.shop("check")[0] == 0
    assert len(server.vouchers) == 1


def test_pushes_killed_at_any_moment_end_in_one_voucher_for_each_grant(
    desk: ShopDesk, server: ContractServer
) -> None:
    for number in range(8):
        desk.grant(number)
    moments = random.Random(20270201)
    server.faults.extend(Fault(seconds=0.15, first=moments.random() < 0.5) for _ in range(200))
    for _ in range(KILLS):
        process = desk.start("shop", "push", EVENT)
        server.arrived.clear()
        server.arrived.wait(timeout=10)
        time.sleep(moments.uniform(0, 0.5))
        process.kill()
        process.wait()
    server.faults.clear()

    assert desk.shop("push")[0] == 0
    assert desk.shop("check") == (0, "8 granted, 8 in the shop: they agree.\n")
    assert len(server.vouchers) == 8


# A shop that misbehaves


def shop_of(server: ContractServer, *, patience: float) -> PretixShop:
    client = ServiceClient(
        server.url, f"Token {TOKEN}", exempt_hosts=frozenset({server.host}), total_seconds=patience
    )
    return PretixShop(client, organizer="foundation", event="summit2027")


class OpenOffice(Office):
    """An office whose orders go to the shop over HTTP, with a patience of 0.4 seconds."""

    def __init__(self, folder: Path, server: ContractServer) -> None:
        super().__init__(folder, by=policy(shop=SHOP | {"url": server.url, "quota": QUOTA}))
        self.server, hasty = server, shop_of(server, patience=0.4)
        self.outbox = Outbox(
            self.settings, engine=self.registration.engine, clock=self.clock, connect=lambda _: hasty
        )

    def differences(self) -> tuple[str, ...]:
        return shops.check(
            self.policy,
            settings=self.settings,
            engine=self.registration.engine,
            shop=shop_of(self.server, patience=5),
        ).differences

    def deliver_all(self) -> int:
        """Rounds until nothing is open, as the server's worker makes them; how many it took."""
        for number in range(1, 400):
            self.outbox.deliver_due()
            if not self.open_orders():
                return number
            self.clock.pass_by(minutes=1)
        raise AssertionError("some orders are never delivered")

    def open_orders(self) -> int:
        with reading(self.registration.engine) as connection:
            return len(store.open_orders(connection, event=EVENT))


FAULTS = {
    "slow": Fault(seconds=0.2),
    "500": Fault(500),
    "500 after the work": Fault(500, first=True),
    "409": Fault(409),
    "429": Fault(429, headers=(("Retry-After", "5"),)),
    "closed": Fault(0),
    "closed after the work": Fault(0, first=True),
    "answers after we gave up": Fault(seconds=0.6),
    "done, and answers after we gave up": Fault(seconds=0.6, first=True),
}


@pytest.mark.parametrize("name", FAULTS)
def test_after_a_fault_shop_and_ledger_agree(tmp_path: Path, server: ContractServer, name: str) -> None:
    office = OpenOffice(tmp_path, server)
    vouchers = {str(office.redeem().voucher) for _ in range(3)}
    server.faults += [FAULTS[name]] * 3
    office.deliver_all()

    time.sleep(max(fault.seconds for fault in FAULTS.values()) if "gave up" in name else 0)
    assert set(server.vouchers) == vouchers
    assert office.differences() == ()
    office.registration.engine.dispose()


def test_after_a_storm_of_all_faults_shop_and_ledger_agree(tmp_path: Path, server: ContractServer) -> None:
    office = OpenOffice(tmp_path, server)
    storm = random.Random(20270202)
    server.faults.extend(storm.choice(list(FAULTS.values())) for _ in range(60))
    vouchers = {str(office.redeem().voucher) for _ in range(25)}
    office.deliver_all()
    server.faults.clear()

    time.sleep(0.7)
    assert set(server.vouchers) == vouchers and len(vouchers) == 25
    assert office.differences() == ()
    office.registration.engine.dispose()
