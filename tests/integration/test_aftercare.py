"""What comes after a grant, typed and over real HTTP: whatever is killed, never two vouchers for one discount.

The shop is `contract_server`, as in `test_shop_contract`; `tests/real/test_pretix_aftercare.py` asks a pretix.
"""

import csv
import json
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.integration.test_shop_contract import EVENT, ShopDesk, redeemed, serving, waited_for
from tests.integration.test_verifier_cli import NOW
from tests.unit.verifier.registration.shops.contract_server import ContractServer, Fault

WHY = ("--why", "It was lost.", "--by", "staff-1")
KILLS = 8


@pytest.fixture
def server() -> Iterator[ContractServer]:
    server = ContractServer()
    yield server
    server.stop()


class AfterDesk(ShopDesk):
    """A desk whose discounts are looked after."""

    def said(self, *words: str) -> tuple[int, str]:
        done = self.type(*words)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    def told(self, *words: str) -> tuple[int, dict[str, Any]]:
        done = self.type(*words, "--json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def grants(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.type("grant", "list", EVENT, "--json").stdout.splitlines()]

    def given(self, number: int) -> str:
        self.grant(number)
        assert self.shop("push")[0] == 0
        return str(self.grants()[-1]["voucher"])


@pytest.fixture
def desk(tmp_path: Path, server: ContractServer) -> AfterDesk:
    return AfterDesk(tmp_path, server)


def usable(server: ContractServer) -> list[str]:
    return server.usable(now=NOW)


# Commands


def test_a_release_and_a_reissue_typed(desk: AfterDesk, server: ContractServer) -> None:
    first, second = desk.given(1), desk.given(2)
    code, told = desk.told("grant", "reissue", EVENT, first, *WHY)
    assert (code, told["state"], told["grant"], told["new_grant"]) == (0, "reissued", 1, 3)
    assert usable(server) == [second], "the old one is dead, the new one not placed yet"
    assert desk.shop("push")[0] == 0
    assert set(usable(server)) == {second, told["voucher"]}

    assert desk.said("grant", "release", EVENT, "2", *WHY) == (
        0,
        "Grant 2 is released: its holder may redeem again.\n",
    )
    assert usable(server) == [told["voucher"]]
    assert [(g["grant"], g["state"], g["generation"]) for g in desk.grants()] == [
        *((1, "released", 1), (2, "released", 1), (3, "granted", 2))
    ]
    assert desk.shop("check") == (0, "1 granted, 1 in the shop: they agree.\n")
    assert desk.said("grant", "release", EVENT, "2", *WHY)[0] == 3
    assert desk.said("grant", "release", EVENT, "99", *WHY)[0] == 3
    assert desk.said("grant", "release", EVENT, "3")[0] == 3, "a reason is wanted"

    code, said = desk.said("audit", "list", "--event", EVENT)
    assert (code, "redemption.reissue summit-2027 grant 1: It was lost." in said) == (0, True)
    assert first not in said and second not in said
    code, checked = desk.told("audit", "verify")
    assert (code, checked["fault"], checked["rows"]) == (0, None, 4)
    assert desk.said("audit", "verify", "--noted", checked["noted"])[0] == 0


def test_a_used_voucher_is_1_and_a_case(desk: AfterDesk, server: ContractServer) -> None:
    voucher = desk.given(1)
    assert server.buy(voucher, now=NOW)
    code, said = desk.said("grant", "release", EVENT, voucher, *WHY)
    assert (code, "was used in the shop before it could be withdrawn" in said) == (1, True)
    code, said = desk.said("cases", "list", EVENT)
    assert (code, said.startswith("1  grant 1  The voucher of grant 1 was used")) == (0, True)
    assert desk.said("cases", "close", EVENT, "1", *WHY) == (0, f"The case 1 of {EVENT} is closed.\n")
    assert desk.said("cases", "list", EVENT) == (0, "")
    assert desk.said("cases", "close", EVENT, "1", *WHY)[0] == 3


def test_a_shop_that_is_down_is_2_and_a_push_ends_it(desk: AfterDesk, server: ContractServer) -> None:
    voucher = desk.given(1)
    server.stop()
    code, said = desk.said("grant", "release", EVENT, voucher, *WHY)
    assert (code, "waits for the shop" in said) == (2, True)
    assert desk.said("shop", "sync", EVENT)[0] == desk.said("report", "finance", EVENT)[0] == 2
    code, said = desk.shop("push")
    assert (code, "0 withdrawn from the shop, 1 not yet." in said) == (2, True)
    server.start_again()
    assert usable(server) == [voucher]
    code, said = desk.shop("push")
    assert (code, "1 withdrawn from the shop, 0 not yet." in said, usable(server)) == (0, True, [])


def test_the_finance_report_as_text_table_and_json(desk: AfterDesk, server: ContractServer) -> None:
    vouchers = [desk.given(number) for number in range(3)]
    assert server.buy(vouchers[0], price="99.99", now=NOW)
    code, said = desk.said("report", "finance", EVENT)
    assert (code, "The shop took off 49.99 EUR: they agree." in said) == (0, True)
    done = desk.type("report", "finance", EVENT, "--csv")
    *_, total = csv.reader(done.stdout.splitlines())
    assert total[-4:] == ["99.99", "49.99", "50.00", "EUR"]
    code, told = desk.told("report", "finance", EVENT)
    assert (code, told["total"], told["discount_in_shop"]) == (
        0,
        {"list_price": "99.99", "discount": "49.99", "paid": "50.00"},
        "49.99",
    )
    server.positions[0]["voucher_budget_use"] = "49.98"
    code, said = desk.said("report", "finance", EVENT)
    assert (code, said.count("The voucher of grant 1")) == (1, 2)
    everything = desk.type("report", "finance", EVENT, "--json").stdout + done.stdout + said
    assert "Nina" not in everything and "nina@" not in everything

    drawn = desk.said("report", "finance", EVENT, "--sample", "2", "--seed", "minutes", "--why", "Audit.")
    assert drawn == desk.said("report", "finance", EVENT, "--sample", "2", "--seed", "minutes", "--why", "Audit.")
    assert len(drawn[1].splitlines()) == 2
    assert desk.said("report", "finance", EVENT, "--sample", "2")[0] == 3
    assert desk.said("audit", "list")[1].count("finance.sample") == 2


def test_cases_and_forgetting_typed(desk: AfterDesk) -> None:
    desk.given(1)
    code, said = desk.said("cases", "check", EVENT, "--offline-dir", "published")
    assert (code, said) == (0, "1 grants looked at, 0 cases opened.\n")
    code, said = desk.said("cases", "check", EVENT, "--offline-dir", ".")
    assert (code, "Could not tell" in said) == (2, True)
    assert desk.said("retention", "run") == (0, "0 events forgotten.\n")
    assert desk.said("shop", "sync", EVENT) == (0, "0 released, 0 orders canceled, 0 in use.\n")


def test_a_log_that_was_changed_is_1(desk: AfterDesk) -> None:
    desk.said("grant", "release", EVENT, desk.given(1), *WHY)
    connection = sqlite3.connect(desk.folder / "badgewright-verifier/verifier.sqlite")
    with connection:
        connection.execute("DROP TRIGGER audit_log_keeps_rows")
        connection.execute("UPDATE audit_log SET reason = 'Another.' WHERE number = 1")
    connection.close()
    assert desk.said("audit", "verify") == (1, "Row 1 was changed after it was written.\n")
    assert desk.said("audit", "verify", "--noted", "1:abc")[0] == 3


def test_the_api_answers_422_released_where_a_voucher_was_withdrawn(desk: AfterDesk) -> None:
    with serving(desk) as (address, _):
        _, first = redeemed(address, 1)
        waited_for(lambda: desk.said("grant", "release", EVENT, str(first["voucher"]), *WHY)[0] in {0, 3})
        with pytest.raises(HTTPError) as refused:
            redeemed(address, 1)
        with refused.value as answer:
            body = json.loads(answer.read())
    assert (refused.value.code, body["reason"], body["voucher"], body["percent"]) == (422, "released", None, 0)
    assert refused.value.headers["Content-Type"] == "application/problem+json"


# Killed at any moment


def test_reissues_killed_at_any_moment_end_in_one_usable_voucher_each(
    desk: AfterDesk, server: ContractServer
) -> None:
    for number in range(4):
        desk.given(number)
    moments = random.Random(20270203)
    server.faults.extend(Fault(seconds=0.12, first=moments.random() < 0.5) for _ in range(400))
    for kill in range(KILLS):
        words = ("grant", "reissue", EVENT, str(kill % 4 + 1), *WHY) if kill < 4 else ("shop", "push", EVENT)
        process = desk.start(*words)
        server.arrived.clear()
        server.arrived.wait(timeout=15)
        time.sleep(moments.uniform(0, 0.6))
        process.kill()
        process.wait()
        assert len(usable(server)) <= 4
    server.faults.clear()

    for number in range(1, 5):
        code, _ = desk.said("grant", "reissue", EVENT, str(number), *WHY)
        assert code in {0, 3}, "done now, or done before"
    assert desk.shop("push")[0] == 0
    assert desk.shop("check") == (0, "4 granted, 4 in the shop: they agree.\n")
    standing = [grant for grant in desk.grants() if grant["state"] == "granted"]
    assert sorted(usable(server)) == sorted(grant["voucher"] for grant in standing)
    assert {grant["replaces"] for grant in standing} == {1, 2, 3, 4}
    code, checked = desk.told("audit", "verify")
    assert (code, checked["fault"]) == (0, None)


def test_a_server_that_is_killed_between_the_decision_and_the_shop_withdraws_after_it_starts_again(
    desk: AfterDesk, server: ContractServer
) -> None:
    voucher = desk.given(1)
    server.stop()
    with serving(desk) as (_, process):
        assert desk.said("grant", "release", EVENT, voucher, *WHY)[0] == 2
        process.send_signal(signal.SIGKILL)
        process.wait()
    server.start_again()
    assert usable(server) == [voucher]
    with serving(desk) as (address, _):
        waited_for(lambda: usable(server) == [])
        waited_for(lambda: desk.grants()[0]["state"] == "released")
        status, answer = redeemed(address, 1)
        assert (status, answer["result"], answer["voucher"] != voucher) == (201, "granted", True)
        waited_for(lambda: usable(server) == [answer["voucher"]])


def test_a_kill_while_the_shop_deletes_leaves_one_voucher_after_the_next_try(
    desk: AfterDesk, server: ContractServer
) -> None:
    voucher = desk.given(1)
    server.faults.extend([Fault(), Fault(seconds=3, first=True)])  # looked up; deleted, and nobody heard of it
    process = desk.start("grant", "reissue", EVENT, voucher, *WHY)
    waited_for(lambda: voucher not in server.vouchers)
    process.kill()
    process.wait()
    assert usable(server) == []

    code, told = desk.told("grant", "reissue", EVENT, voucher, *WHY)
    assert (code, told["state"]) == (0, "reissued")
    assert desk.shop("push")[0] == 0
    assert usable(server) == [told["voucher"]]
    assert server.vouchers[voucher]["value"] == "0.00", "its code is taken"
