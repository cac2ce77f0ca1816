"""The report agrees with the shop to the cent, says where it does not, and names nobody."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from tests.unit.verifier.registration.aftercare.offices import EVENT, HOLDER, AfterOffice
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.simulator import references
from verifier.ground.audit import AuditError
from verifier.registration.aftercare import AftercareError, finance
from verifier.registration.aftercare.finance import Drawn, Money, expected_discount
from verifier.registration.shops import Sale, ShopRefusedError, ShopUnreachableError


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Iterator[AfterOffice]:
    office = AfterOffice(tmp_path, **database)
    yield office
    office.registration.engine.dispose()


def vouchers(office: AfterOffice, count: int) -> list[str]:
    names = references()
    return [office.given(reference=next(names)) for _ in range(count)]


def test_the_report_adds_up_to_the_cent(office: AfterOffice) -> None:
    prices = ("99.99", "0.01", "33.33", "1000000.01", "7.77")
    for voucher, price in zip(vouchers(office, 7), prices, strict=False):
        office.shop.buy(voucher, price=price)
    report = office.report()

    assert (report.currency, report.differences, report.notes) == ("EUR", (), ())
    listed = sum(map(Decimal, prices), Decimal(0))
    paid = sum(((Decimal(p) / 2).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP") for p in prices), Decimal(0))
    assert report.total == Money(listed, listed - paid, paid)
    assert report.in_shop == listed - paid
    assert {line.state: line.vouchers for line in report.lines} == {"used": 5, "placed": 2}
    assert all(line.policy_digest == office.policy.digest != "" for line in report.lines)


def test_each_state_is_told(office: AfterOffice) -> None:
    one, two, three, four, _five = vouchers(office, 5)
    office.shop.buy(one)
    office.release(two)
    office.end(three)
    office.shop.faults.append(ShopUnreachableError("No answer."))
    office.release(four)
    office.redeem(reference=HOLDER)
    assert {line.state for line in office.report().lines} == {
        *("used", "released", "expired", "releasing", "placed", "granted")
    }


def test_the_report_names_no_holder_and_no_voucher(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.buy(voucher)
    report = office.report()
    for text in (str(report.to_json()), report.to_csv()):
        assert voucher not in text and HOLDER not in text and "urn:uuid" not in text


def test_the_table_can_be_read_and_ends_with_its_total(office: AfterOffice) -> None:
    office.shop.buy(office.given(), price="80.00")
    header, line, total = csv.reader(io.StringIO(office.report().to_csv()))
    assert header[-4:] == ["list_price", "discount", "paid", "currency"]
    assert line[2:] == ["accept", "50", office.policy.digest, "used", "1", "80.00", "40.00", "40.00", "EUR"]
    assert total == ["total", "", "", "", "", "", "1", "80.00", "40.00", "40.00", "EUR"]


@generated(st.decimals(min_value=0, max_value=100_000, places=2), st.integers(1, 100))
def test_an_expected_discount_is_never_less_than_nothing_nor_more_than_the_price(
    price: Decimal, part: int
) -> None:
    discount = expected_discount(price, percent=Decimal(part))
    assert 0 <= discount <= price
    assert discount == discount.quantize(Decimal("0.01"))
    assert abs(discount - price * part / 100) <= Decimal("0.005")


# What does not agree


def test_a_ticket_that_cost_something_else_than_the_percentage_gives_is_said(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.buy(voucher)
    sold = Sale(voucher, Decimal("60.00"), Decimal("40.00"))
    office.shop.sales = lambda _: (sold,)  # type: ignore[method-assign, assignment]
    assert office.report().differences == (
        "The voucher of grant 1 took 40.00 off its ticket, and 50.00 in the shop's sum.",
        "The voucher of grant 1 took 40.00 off, where 50 percent are 50.00.",
        "The shop took off 50.00 in all, and the grants here account for 40.00.",
    )


@pytest.mark.parametrize("tickets", [0, 2])
def test_a_voucher_with_another_number_of_tickets_than_one_is_said(office: AfterOffice, tickets: int) -> None:
    voucher = office.given()
    office.shop.buy(voucher)
    sold = Sale(voucher, Decimal("50.00"), Decimal("50.00"))
    office.shop.sales = lambda _: (sold,) * tickets  # type: ignore[method-assign, assignment]
    assert (
        f"The voucher of grant 1 was used, and {tickets} tickets in the shop hold it."
        in office.report().differences
    )


def test_a_ticket_without_a_discount_is_said_and_one_with_another_discount_is_named(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.buy(voucher)
    office.shop.sales = lambda _: (Sale(voucher, Decimal(50), None),)  # type: ignore[method-assign, assignment]
    assert any("does not say what it took off" in text for text in office.report().differences)
    other = Sale(voucher, Decimal("30.00"), Decimal("50.00"), other_discount=True)
    office.shop.sales = lambda _: (other,)  # type: ignore[method-assign, assignment]
    assert office.report().differences == (
        "The voucher of grant 1 was used for a ticket that something else made cheaper, too.",
    )


def test_vouchers_of_others_under_our_tag_and_released_ones_in_use_are_said(office: AfterOffice) -> None:
    voucher = office.given()
    office.clock.pass_by(days=32)
    office.sync()
    office.shop.buy(voucher)
    order = office.shop.orders[voucher]
    office.shop.orders["STRAY"] = replace(order, code="STRAY", percent=100)
    office.shop.buy("STRAY")
    assert office.report().differences == (
        "Grant 1 was released, and an order in the shop holds its voucher.",
        "A voucher that was not granted here took off 100.00 in the shop.",
        "The shop took off 150.00 in all, and the grants here account for 50.00.",
    )


def test_without_the_right_to_look_at_orders_the_discount_is_known_and_the_rest_said_to_be_not(
    office: AfterOffice,
) -> None:
    office.shop.buy(office.given())

    def refused(_: object) -> Any:
        raise ShopRefusedError("The shop answered 403: its token may not do this.")

    office.shop.sales = refused  # type: ignore[method-assign, assignment]
    report = office.report()
    assert report.total == Money(None, Decimal("50.00"), None)
    assert report.notes == (
        "List prices and what was paid are not known: The shop answered 403: its token may not do this.",
    )
    assert report.differences == ()


def test_without_a_shop_no_amount_is_known(tmp_path: Path) -> None:
    office = AfterOffice(tmp_path, by=policy())
    office.redeem(reference=HOLDER)
    report = office.report()
    assert (report.vouchers, report.total, report.in_shop, report.currency) == (1, None, None, None)
    assert report.notes == ("The event is connected to no shop, so no amount is known here.",)
    assert report.to_csv().splitlines()[-1] == "total,,,,,,1,,,,"
    office.registration.engine.dispose()


# Samples


def sample(
    office: AfterOffice, *, count: int = 5, seed: str = "minutes", why: str = "Audit."
) -> tuple[Drawn, ...]:
    engine = office.registration.engine
    return finance.sample(
        EVENT, count=count, seed=seed, actor="finance:1", why=why, engine=engine, clock=office.clock
    )


def test_the_same_seed_draws_the_same_and_another_one_others(office: AfterOffice) -> None:
    codes = vouchers(office, 30)
    drawn = sample(office)
    assert drawn == sample(office)
    assert len(drawn) == 5 and {one.voucher for one in drawn} < set(codes)
    assert any(sample(office, seed=f"seed {number}") != drawn for number in range(5))
    assert len(sample(office, count=1_000)) == 30


def test_each_grant_is_drawn_about_as_often(office: AfterOffice) -> None:
    vouchers(office, 8)
    often = dict.fromkeys(range(1, 9), 0)
    grants = office.releasing.grants(EVENT)
    for number in range(400):
        for given in sorted(grants, key=lambda g: finance._lot(f"seed {number}", g))[:4]:
            often[given.number] += 1
    assert all(150 < count < 250 for count in often.values()), often


def test_a_sample_is_written_down_before_it_is_shown(office: AfterOffice) -> None:
    vouchers(office, 3)
    drawn = sample(office, count=2)
    (entry,) = office.audit()
    assert (entry.actor, entry.role, entry.act, entry.reason) == (
        "finance:1",
        "finance",
        "finance.sample",
        "Audit.",
    )
    assert entry.details == {"seed": "minutes", "grants": " ".join(str(one.number) for one in drawn)}
    with pytest.raises(AuditError):
        sample(office, why="")
    for count, seed in ((0, "a"), (1_001, "a"), (1, ""), (1, "x" * 101)):
        with pytest.raises(AftercareError):
            sample(office, count=count, seed=seed)
    assert len(office.audit()) == 1
