"""A summit's registration after the tickets are sold: a lost voucher, a withdrawn badge, finance, forgetting.

Typed as an event's team types it, with a shop over HTTP that speaks the published API of pretix.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.test_aftercare import AfterDesk, usable
from tests.integration.test_shop_contract import EVENT
from tests.integration.test_verifier_cli import ENDS, ISSUER, NOW, STARTS
from tests.unit.verifier.registration.shops.contract_server import ContractServer
from tests.unit.verifier.simulator import HOLDER_CODE, IssuerSimulator

FRAUD = 4711  # the place of one badge in its issuer's list


@pytest.fixture
def server() -> Iterator[ContractServer]:
    server = ContractServer()
    yield server
    server.stop()


def test_after_the_event(tmp_path: Path, server: ContractServer) -> None:
    desk = AfterDesk(tmp_path, server)

    # Four people get their discount. Two buy; one lost the code; one found two meetups to invent.
    buyer, other_buyer, lost = (desk.given(number) for number in range(3))
    document = ISSUER.document(reference="urn:uuid:" + "f" * 8, index=FRAUD, starts=STARTS, ends=ENDS)
    desk.put("fraud.jwt", ISSUER.token(document))
    assert desk.redeem("fraud.jwt", "--holder-code", HOLDER_CODE).returncode == 0
    assert desk.shop("push")[0] == 0
    fraud = str(desk.grants()[-1]["voucher"])
    assert server.buy(buyer, price="129.99", now=NOW) and server.buy(other_buyer, price="650.00", now=NOW)

    # The one who lost the code writes to the team, and gets another one: the old one buys nothing any more.
    code, told = desk.told("grant", "reissue", EVENT, "3", "--why", "Lost with a phone.", "--by", "staff-2")
    assert (code, told["state"]) == (0, "reissued")
    assert desk.shop("push")[0] == 0
    assert not server.buy(lost, now=NOW)
    assert server.buy(told["voucher"], price="0.05", now=NOW)

    # The issuer withdraws a badge. That takes nothing away: a person looks, decides, and takes the discount back.
    IssuerSimulator(now=NOW, revoked={FRAUD}).write(desk.folder / "published")
    assert desk.said("cases", "check", EVENT, "--offline-dir", "published")[0] == 1
    (case,) = desk.said("cases", "list", EVENT)[1].splitlines()
    assert "grant 4" in case and "withdrawn by its issuer after its discount was given" in case
    assert usable(server) == [fraud]
    assert desk.said("grant", "release", EVENT, "4", "--why", "Case 1: two meetups were invented.")[0] == 0
    assert desk.said("cases", "close", EVENT, "1", "--why", "The discount was taken back.")[0] == 0
    assert usable(server) == []
    again = desk.redeem("fraud.jwt", "--holder-code", HOLDER_CODE)
    assert again.returncode == 1 and "withdrawn" in again.stdout

    # Finance: the sums of ledger and shop are the same to the cent, and the sample is drawn by the minutes' words.
    code, report = desk.told("report", "finance", EVENT)
    assert (code, report["differences"]) == (0, [])
    assert report["total"] == {"list_price": "780.04", "discount": "390.01", "paid": "390.03"}
    assert report["discount_in_shop"] == "390.01"
    assert {line["state"]: line["vouchers"] for line in report["lines"]} == {"used": 3, "released": 2}
    drawn = desk.type(
        *("report", "finance", EVENT, "--json", "--sample", "3", "--seed", "minutes of 4 May"),
        *("--why", "Yearly audit.", "--by", "finance-1"),
    )
    assert len({json.loads(line)["grant"] for line in drawn.stdout.splitlines()}) == 3

    # The auditor reads who did what, and finds nothing changed.
    code, log = desk.said("audit", "list")
    acts = ("redemption.reissue", "case.open", "redemption.release", "case.close", "finance.sample")
    assert code == 0 and all(act in log for act in acts)
    assert not any(voucher in log for voucher in (buyer, other_buyer, lost, fraud))
    assert desk.said("audit", "verify")[0] == 0

    # Long after, nothing is left of any of them, and the log still says what was done.
    kept = desk.folder / "badgewright-verifier/events" / f"{EVENT}.yaml"
    text = kept.read_text()
    closed = (NOW - timedelta(days=91)).isoformat()
    kept.write_text(text.replace("2099-01-01 00:00:00+00:00", closed).replace("2099-01-01T00:00:00+00:00", closed))
    assert desk.said("retention", "run")[1].startswith("1 events forgotten.")
    assert desk.grants() == []
    left = (desk.folder / "badgewright-verifier/verifier.sqlite").read_bytes()
    assert b"urn:uuid:" not in left and buyer.encode() not in left
    assert desk.said("audit", "verify")[0] == 0
