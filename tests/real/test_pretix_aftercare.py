"""What comes after a grant, in a running pretix: withdrawn, used, canceled, run out, and counted to the cent."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.real.test_pretix import GO_LIVE, Buyer, Sale, manage, running, sale  # noqa: F401 - fixtures
from tests.unit.verifier.registration.aftercare.offices import EVENT, AfterOffice
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.registration.test_outbox import SHOP
from verifier.registration.aftercare import finance, sweep
from verifier.registration.aftercare.finance import FinanceReport
from verifier.registration.aftercare.releasing import Releasing
from verifier.registration.outbox import Outbox
from verifier.registration.shops import AlreadyThere, Placed, ShopRefusedError, UsedThere, Withdrawn
from verifier.registration.shops import service as shops

pytestmark = pytest.mark.real


def buy(sale: Sale, code: str, *, price: str | None = None) -> str:  # noqa: F811
    """Somebody orders a ticket with a voucher and pays it; the order's code."""
    item = sale.pretix.ask(f"events/{sale.slug}/items/")["results"][0]["id"]
    position = {"item": item, "voucher": code, "attendee_name_parts": {}, "answers": []}
    order = {"email": "nina@example.org", "locale": "en", "status": "p", "payment_provider": "manual"}
    made = sale.pretix.ask(f"events/{sale.slug}/orders/", order | {"positions": [position]})
    return str(made["code"])


def cancel(sale: Sale, order: str) -> None:  # noqa: F811
    sale.pretix.ask(f"events/{sale.slug}/orders/{order}/mark_canceled/", {"send_email": False})


def held(sale: Sale, code: str) -> dict[str, Any]:  # noqa: F811
    """The voucher as pretix holds it."""
    (voucher,) = (v for v in sale.vouchers() if v["code"] == code)
    return voucher


def change_end(sale: Sale, code: str, end: datetime) -> None:  # noqa: F811
    """Staff change a voucher's end in pretix."""
    number = held(sale, code)["id"]
    sale.pretix.ask(f"events/{sale.slug}/vouchers/{number}/", {"valid_until": end.isoformat()}, method="PATCH")


# The adapter


def test_a_withdrawn_voucher_buys_nothing_and_its_code_cannot_be_made_again(sale: Sale) -> None:  # noqa: F811
    order = sale.order()
    sale.shop.put(order)
    assert sale.shop.withdraw(order) == Withdrawn(order.code)
    assert sale.shop.withdraw(order) == Withdrawn(order.code)

    dead = held(sale, order.code)
    assert (dead["value"], dead["max_usages"], dead["redeemed"], dead["tag"]) == ("0.00", 1, 0, "recognition")
    assert datetime.fromisoformat(dead["valid_until"]) < datetime.now(UTC)
    with pytest.raises(ShopRefusedError, match="gives 0 percent"):
        sale.shop.put(order)
    (listed,) = sale.shop.vouchers(tag="recognition")
    assert not listed.is_usable(now=datetime.now(UTC))


def test_a_code_that_was_never_there_is_taken(sale: Sale) -> None:  # noqa: F811
    order = sale.order()
    assert sale.shop.withdraw(order) == Withdrawn(order.code)
    assert held(sale, order.code)["value"] == "0.00"
    with pytest.raises(ShopRefusedError):
        sale.shop.put(order)


def test_a_used_voucher_is_not_withdrawn(sale: Sale) -> None:  # noqa: F811
    order = sale.order()
    sale.shop.put(order)
    buy(sale, order.code)
    assert sale.shop.withdraw(order) == UsedThere(order.code)
    assert (held(sale, order.code)["value"], held(sale, order.code)["redeemed"]) == ("50.00", 1)
    assert sale.shop.put(order) == AlreadyThere(order.code)


def test_a_voucher_whose_order_was_canceled_is_withdrawn_although_pretix_keeps_it(sale: Sale) -> None:  # noqa: F811
    order = sale.order()
    assert sale.shop.put(order) == Placed(order.code)
    cancel(sale, buy(sale, order.code))
    assert sale.shop.withdraw(order) == Withdrawn(order.code)
    dead = held(sale, order.code)
    assert (dead["value"], dead["redeemed"]) == ("0.00", 0)


def test_a_code_of_somebody_else_is_not_touched(sale: Sale) -> None:  # noqa: F811
    order = sale.order()
    sale.shop.put(replace(order, tag="press"))
    with pytest.raises(ShopRefusedError, match="under the tag"):
        sale.shop.withdraw(order)
    assert held(sale, order.code)["value"] == "50.00"


def test_a_ticket_says_what_the_voucher_took_off_and_nobodys_name(sale: Sale) -> None:  # noqa: F811
    order = sale.order()
    sale.shop.put(order)
    buy(sale, order.code)
    with pytest.raises(ShopRefusedError, match="403"):
        sale.shop.sales(sale.shop.vouchers(tag="recognition"))
    (sale.settings.data / "token").write_text(sale.pretix.setting_up)  # it may look at orders
    shop = sale.connect()
    (sold,) = shop.sales(shop.vouchers(tag="recognition"))
    assert (sold.price, sold.discount, sold.other_discount) == (Decimal("50.00"), Decimal("50.00"), False)
    assert shop.currency() == "EUR"


@pytest.mark.parametrize("was_canceled", [False, True], ids=["never used", "its order was canceled"])
def test_a_cart_that_holds_a_withdrawn_voucher_buys_nothing_cheaper(
    sale: Sale,  # noqa: F811
    *,
    was_canceled: bool,
) -> None:
    order = replace(sale.order(), percent=100)
    sale.shop.put(order)
    manage(sale.pretix.folder, "shell", typed=GO_LIVE.format(slug=sale.slug))
    (item,) = sale.pretix.ask(f"events/{sale.slug}/items/")["results"]
    if was_canceled:  # then pretix deletes the voucher no more
        cancel(sale, buy(sale, order.code))
    buyer = Buyer(sale)
    assert "0.00" in buyer.take(order.code, item=item["id"]).text

    assert sale.shop.withdraw(order) == Withdrawn(order.code)
    with suppress(AssertionError):  # there may be no form left to send
        buyer.check_out()
    orders = sale.pretix.ask(f"events/{sale.slug}/orders/")["results"]
    assert [o["total"] for o in orders if o["status"] != "c" and o["total"] == "0.00"] == []
    assert held(sale, order.code)["value"] == "0.00"
    (listed,) = sale.shop.vouchers(tag="recognition")
    assert not listed.discount_given
    buyer.browser.close()


# The whole


class Shopping(AfterOffice):
    """An office that sells in the running pretix."""

    def __init__(self, folder: Path, sale: Sale) -> None:  # noqa: F811
        rule = SHOP | {"url": sale.pretix.url, "event": sale.slug, "quota": sale.quota}
        super().__init__(folder, by=policy(shop=rule))
        self.sale, self.settings = sale, sale.settings
        self.outbox = Outbox(sale.settings, engine=self.registration.engine, clock=self.clock)
        self.releasing = Releasing(self.registration, clock=self.clock, connect=lambda _: sale.connect())

    def differences(self) -> tuple[str, ...]:
        engine = self.registration.engine
        return shops.check(self.policy, settings=self.settings, engine=engine, clock=self.clock).differences

    def swept(self) -> sweep.Swept:
        return sweep.sync(self.policy, settings=self.settings, engine=self.registration.engine, clock=self.clock)

    def counted(self) -> FinanceReport:
        return finance.report(
            self.policy, settings=self.settings, engine=self.registration.engine, clock=self.clock
        )


def test_release_reissue_use_cancel_and_run_out_end_with_books_that_agree(
    sale: Sale,  # noqa: F811
    tmp_path: Path,
) -> None:
    office = Shopping(tmp_path, sale)
    (sale.settings.data / "token").write_text(sale.pretix.setting_up)
    lost, kept, used, canceled = (office.given(reference=f"urn:uuid:{number:036d}") for number in range(4))

    new = str(office.reissue(lost).voucher)
    office.outbox.deliver_due()
    assert office.release(kept).state == "released"
    buy(sale, used)
    order = buy(sale, canceled)
    assert office.release(used).state == "used"
    assert (office.swept().used, office.differences()) == (2, ())

    cancel(sale, order)
    assert office.swept().canceled == (4,)
    report = office.counted()
    assert (report.currency, report.differences, report.notes) == ("EUR", (), ())
    assert report.total is not None
    assert (report.total.list_price, report.total.discount, report.total.paid) == (
        Decimal("100.00"),
        Decimal("50.00"),
        Decimal("50.00"),
    )
    assert report.in_shop == Decimal("50.00")

    for code in (new, canceled):
        change_end(sale, code, datetime(2026, 1, 1, tzinfo=UTC))
    swept = office.swept()
    assert set(swept.released) == {office.releasing.find(EVENT, code).number for code in (new, canceled)}
    assert office.differences() == ()
    states = {line.state: line.vouchers for line in office.counted().lines}
    assert states == {"used": 1, "released": 4}
    office.registration.engine.dispose()


def test_a_voucher_that_is_good_by_the_clock_of_the_shop_is_not_released(
    sale: Sale,  # noqa: F811
    tmp_path: Path,
) -> None:
    office = Shopping(tmp_path, sale)
    voucher = office.given()
    change_end(sale, voucher, datetime.now(UTC) + timedelta(hours=1))
    office.clock.pass_by(days=500)
    swept = office.swept()
    assert swept.released == ()
    assert "is good by the shop's" in swept.problems[0]
    change_end(sale, voucher, datetime.now(UTC) - timedelta(minutes=1))
    assert office.swept().released == (1,)
    office.registration.engine.dispose()
