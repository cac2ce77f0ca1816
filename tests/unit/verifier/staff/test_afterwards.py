"""What staff do with a discount after it was given: release, give anew, cases, the finance report."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier.registration.shops.contract_server import TOKEN, ContractServer
from tests.unit.verifier.registration.test_outbox import SHOP
from tests.unit.verifier.simulator import HOLDER_CODE
from tests.unit.verifier.staff.office import EVENT, ISSUER, Browser, StaffOffice
from verifier.ground import audit
from verifier.ground.database import writing
from verifier.ground.settings import ShopAccess
from verifier.registration.aftercare import store
from verifier.registration.events import HolderCode
from verifier.registration.service import Redemption

PAGE = f"/staff/events/{EVENT}"
HOLDER = "urn:uuid:00000000-0000-4000-8000-00000000000a"


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Iterator[StaffOffice]:
    office = StaffOffice(tmp_path, **database)
    yield office
    office.close()


def redeemed(office: StaffOffice, *, request_id: str = "one") -> Redemption:
    """The discount of one holder, asked for."""
    return office.registration.redeem(
        ISSUER.token(ISSUER.document(reference=HOLDER)).encode(),
        policy=office.registration.event(EVENT),
        proof=HolderCode(HOLDER_CODE),
        request_id=request_id,
    )


def found(office: StaffOffice, role: str, voucher: str | None) -> Browser:
    """A browser with the page of a grant open."""
    browser = office.signed_in(role)
    browser.get(PAGE)
    assert browser.submit(f"{PAGE}/grants", voucher=str(voucher)).status_code == 200
    return browser


def acts(office: StaffOffice) -> list[tuple[str, str, str, str]]:
    rows = audit.entries(office.registration.engine, event=EVENT)
    return [(row.actor, row.role, row.act, row.reason) for row in rows]


def test_a_lead_releases_a_discount_with_a_reason(office: StaffOffice) -> None:
    voucher = redeemed(office).voucher
    browser = found(office, "lead", voucher)
    done = browser.submit(f"{PAGE}/grants/1/released", reason="bought twice", withdrawn_in_shop="yes")
    assert done.status_code == 200 and "✓</span> Released" in done.text
    assert acts(office) == [("staff-2", "lead", "redemption.release", "bought twice")]
    assert "no: released" in found(office, "finance", voucher).page.text  # type: ignore[union-attr]
    assert redeemed(office, request_id="two").result == "granted"


def test_a_lead_gives_a_discount_anew(office: StaffOffice) -> None:
    voucher = redeemed(office).voucher
    browser = found(office, "lead", voucher)
    done = browser.submit(f"{PAGE}/grants/1/reissued", reason="a lost phone", withdrawn_in_shop="yes")
    new = re.search(r'<p class="voucher">([^<]+)</p>', done.text)
    assert new and new[1] != voucher
    again = found(office, "lead", voucher).submit(f"{PAGE}/grants/1/reissued", reason="pressed twice")
    assert again.status_code == 403, "the page of a released grant has no form, and so no token"
    assert [act[2] for act in acts(office)] == ["redemption.reissue"]
    assert redeemed(office, request_id="two").result == "already_redeemed"


@pytest.mark.parametrize(
    "fields", [{"reason": ""}, {"reason": "  ", "withdrawn_in_shop": "yes"}, {"reason": "lost"}]
)
def test_nothing_is_released_without_a_reason_or_while_its_voucher_lives(
    office: StaffOffice, fields: dict[str, str]
) -> None:
    browser = found(office, "lead", redeemed(office).voucher)
    refused = browser.submit(f"{PAGE}/grants/1/released", None, **fields)
    assert refused.status_code == 400 and 'role="alert"' in refused.text
    assert acts(office) == []
    assert redeemed(office, request_id="two").result == "already_redeemed"


@pytest.mark.parametrize("role", ["event_team", "finance", "auditor"])
def test_only_a_lead_is_offered_it(office: StaffOffice, role: str) -> None:
    browser = found(office, role, redeemed(office).voucher)
    assert browser.page is not None and "released" not in browser.page.text
    browser.get("/staff")
    assert browser.submit(f"{PAGE}/grants/1/released", reason="x", withdrawn_in_shop="yes").status_code == 403


def test_a_grant_of_another_event_is_not_released_by_the_lead_of_this_one(office: StaffOffice) -> None:
    redeemed(office)
    browser = office.signed_in("stranger")
    browser.get("/staff")
    other = "/staff/events/meetup-2027"
    answer = browser.submit(f"{other}/grants/1/released", reason="theft", withdrawn_in_shop="yes")
    assert answer.status_code == 404
    assert redeemed(office, request_id="two").result == "already_redeemed"


def test_the_voucher_is_dead_in_the_shop_before_it_is_released(tmp_path: Path) -> None:
    shop = ContractServer()
    (tmp_path / "pretix.token").write_text(TOKEN)
    access = {shop.url: ShopAccess(shop.url, tmp_path / "pretix.token")}
    office = StaffOffice(
        tmp_path, event={"shop": SHOP | {"url": shop.url}}, shops=access, exempt_hosts=frozenset({shop.host})
    )
    voucher = redeemed(office).voucher
    browser = office.signed_in("lead")
    assert "<dt>Vouchers on their way</dt><dd>1</dd>" in browser.get(PAGE).text
    assert "The shop has everything." in browser.submit(f"{PAGE}/shop-push").text
    assert str(voucher).upper() in shop.vouchers
    browser = found(office, "lead", voucher)
    assert browser.page is not None and "withdrawn_in_shop" not in browser.page.text
    done = browser.submit(f"{PAGE}/grants/1/released", reason="lost")
    assert "✓</span> Released" in done.text, done.text
    finance = office.signed_in("finance")
    finance.get(PAGE)
    assert "agree to the cent" in finance.submit(f"{PAGE}/finance").text
    shop.stop()
    finance.get(PAGE)
    assert "could not be asked" in finance.submit(f"{PAGE}/finance").text
    office.close()


def test_finance_downloads_a_table_without_names_and_vouchers(office: StaffOffice) -> None:
    voucher = redeemed(office).voucher
    browser = office.signed_in("finance")
    browser.get(PAGE)
    page = browser.submit(f"{PAGE}/finance")
    assert "1 voucher, as of" in page.text
    file = browser.submit(f"{PAGE}/finance.csv")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-disposition"] == f'attachment; filename="{EVENT}-finance.csv"'
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert [(row["percent"], row["state"], row["vouchers"]) for row in rows] == [
        ("50", "granted", "1"),
        ("", "", "1"),
    ]
    assert str(voucher) not in file.text + page.text
    assert [act[:3] for act in acts(office)] == [("staff-3", "finance", "finance.report")] * 2


def test_a_shop_that_is_down_is_tried_again_and_says_so(tmp_path: Path) -> None:
    shop = ContractServer()
    (tmp_path / "pretix.token").write_text(TOKEN)
    access = {shop.url: ShopAccess(shop.url, tmp_path / "pretix.token")}
    office = StaffOffice(
        tmp_path, event={"shop": SHOP | {"url": shop.url}}, shops=access, exempt_hosts=frozenset({shop.host})
    )
    redeemed(office)
    shop.stop()
    browser = office.signed_in("event_team")
    browser.get(PAGE)
    assert "1 not yet." in browser.submit(f"{PAGE}/shop-push").text
    office.close()


def test_one_press_withdraws_the_old_voucher_and_places_the_one_that_takes_its_place(tmp_path: Path) -> None:
    """The shop was down while a discount was given anew; "everything" has the new voucher in it."""
    shop = ContractServer()
    (tmp_path / "pretix.token").write_text(TOKEN)
    access = {shop.url: ShopAccess(shop.url, tmp_path / "pretix.token")}
    office = StaffOffice(
        tmp_path, event={"shop": SHOP | {"url": shop.url}}, shops=access, exempt_hosts=frozenset({shop.host})
    )
    voucher = str(redeemed(office).voucher)
    browser = office.signed_in("lead")
    browser.get(PAGE)
    browser.submit(f"{PAGE}/shop-push")
    browser.submit(f"{PAGE}/grants", voucher=voucher)
    shop.stop()
    browser.submit(f"{PAGE}/grants/1/reissued", reason="lost")
    shop.start_again()

    browser.get(PAGE)
    pushed = browser.submit(f"{PAGE}/shop-push").text

    assert "The shop has everything." in pushed
    assert "<dt>Vouchers on their way</dt><dd>0</dd>" in pushed
    good = [code for code, made in shop.vouchers.items() if made["value"] != "0.00"]
    assert len(good) == 1 and good[0] != voucher.upper()
    shop.stop()
    office.close()


def test_finance_draws_a_sample_that_is_written_down(office: StaffOffice) -> None:
    voucher = redeemed(office).voucher
    browser = office.signed_in("finance")
    browser.get(PAGE)
    browser.submit(f"{PAGE}/finance")
    fields = {"count": "5", "seed": "a dice", "reason": "the yearly audit"}
    for wrong in ({"count": "0"}, {"count": "x"}, {"seed": ""}, {"reason": ""}):
        assert browser.submit(f"{PAGE}/sample", None, **(fields | wrong)).status_code == 400
        browser.get(PAGE)
        browser.submit(f"{PAGE}/finance")
    page = browser.submit(f"{PAGE}/sample", None, **fields)
    assert page.status_code == 200 and str(voucher) in page.text
    assert acts(office)[-1] == ("staff-3", "finance", "finance.sample", "the yearly audit")


def test_a_lead_closes_a_case_with_a_reason_and_an_auditor_reads_it(office: StaffOffice) -> None:
    redeemed(office)
    with writing(office.registration.engine) as connection:
        store.open_case(
            connection, event=EVENT, number=1, kind="withdrawn", sentence="It was withdrawn.", now=office.clock()
        )
    browser = office.signed_in("lead")
    assert "<dt>Open cases</dt><dd>1</dd>" in browser.get(PAGE).text
    assert "It was withdrawn." in browser.get(f"{PAGE}/cases").text
    assert browser.submit(f"{PAGE}/cases/1/closed", reason="").status_code == 400
    browser.get(f"{PAGE}/cases")
    assert browser.submit(f"{PAGE}/cases/2/closed", reason="none such").status_code == 404
    browser.get(f"{PAGE}/cases")
    assert browser.submit(f"{PAGE}/cases/1/closed", reason="spoke with them").status_code == 303
    page = office.signed_in("auditor").get(f"{PAGE}/cases").text
    assert "by staff-2: spoke with them" in page and "<form" not in page
    assert acts(office)[-1] == ("staff-2", "lead", "case.close", "spoke with them")
