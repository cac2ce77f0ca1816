"""Orders for vouchers: written with the grant, delivered whatever fails, one voucher each."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from schemas.event_policy import EventPolicy
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.simulator import (
    HOLDER_CODE,
    NOW,
    Clock,
    DocumentsInMemory,
    IssuerSimulator,
    references,
)
from verifier.ground.database import DatabaseError, writing
from verifier.ground.settings import Settings
from verifier.ground.statements import Call, run_all
from verifier.registration import ledger
from verifier.registration import outbox as outbox_module
from verifier.registration.events import HolderCode
from verifier.registration.outbox import FAILURES_IN_A_ROW, Courier, Outbox, pause_after
from verifier.registration.service import Redemption, Registration
from verifier.registration.shops import (
    AlreadyThere,
    Placed,
    Sale,
    ShopRefusedError,
    ShopUnreachableError,
    ShopVoucher,
    UsedThere,
    VoucherOrder,
    Withdrawn,
)
from verifier.registration.shops import service as shops
from verifier.verification.service import Verification

ISSUER = IssuerSimulator()
URL = "https://tickets.example.org"
SHOP = {
    "kind": "pretix",
    "url": URL,
    "organizer": "foundation",
    "event": "summit2027",
    "quota": 12,
    "tag": "recognition",
}


class ShopInMemory:
    """A shop with unique codes; `faults` are raised one a try, before or (as `after`) behind the work."""

    def __init__(self, *, now: Callable[[], datetime] = lambda: NOW) -> None:
        self.now = now
        self.orders: dict[str, VoucherOrder] = {}
        self.faults: deque[Exception] = deque()
        self.after: deque[BaseException] = deque()
        self.dead: set[str] = set()  # withdrawn: they buy nothing
        self.prices: dict[str, Decimal] = {}  # of the tickets that were ordered with them
        self.tries = 0

    def put(self, order: VoucherOrder) -> Placed | AlreadyThere:
        self.tries += 1
        if self.faults:
            raise self.faults.popleft()
        known = self.orders.setdefault(order.code, order)
        if known != order or order.code in self.dead:
            raise ShopRefusedError("The code is there with another meaning.")
        if self.after:
            raise self.after.popleft()
        return Placed(order.code)

    def vouchers(self, *, tag: str) -> tuple[ShopVoucher, ...]:
        return tuple(self._voucher(order) for order in self.orders.values())

    def active_codes(self, *, tag: str) -> frozenset[str]:
        now = self.now()
        return frozenset(v.code.upper() for v in self.vouchers(tag=tag) if v.is_usable(now=now))

    def withdraw(self, order: VoucherOrder) -> Withdrawn | UsedThere:
        self.tries += 1
        if self.faults:
            raise self.faults.popleft()
        self.orders.setdefault(order.code, order)
        if order.code in self.prices:
            return UsedThere(order.code)
        self.dead.add(order.code)
        if self.after:
            raise self.after.popleft()
        return Withdrawn(order.code)

    def buy(self, code: str, *, price: str = "100.00") -> bool:
        """Somebody orders a ticket with it; False if it is not good for anything."""
        if code not in self.orders or code in self.dead or code in self.prices:
            return False
        self.prices[code] = Decimal(price)
        return True

    def sales(self, vouchers: Iterable[ShopVoucher]) -> tuple[Sale, ...]:
        found = [(voucher, self.prices[voucher.code]) for voucher in vouchers if voucher.code in self.prices]
        return tuple(Sale(v.code, price - self._off(v.code), self._off(v.code)) for v, price in found)

    def currency(self) -> str | None:
        return "EUR"

    def _off(self, code: str) -> Decimal:
        price = self.prices.get(code, Decimal("0.00"))
        paid = price * (100 - self.orders[code].percent) / 100
        return price - paid.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)

    def _voucher(self, order: VoucherOrder) -> ShopVoucher:
        return ShopVoucher(
            order.code,
            Decimal(0 if order.code in self.dead else order.percent),
            order.uses,
            order.tag,
            redeemed=int(order.code in self.prices),
            valid_until=order.valid_until,
            discount_given=self._off(order.code),
        )


class Office:
    """A registration whose event sells in a shop in memory."""

    def __init__(self, folder: Path, *, by: EventPolicy | None = None, **settings: Any) -> None:
        self.clock = Clock()
        self.shop = ShopInMemory(now=self.clock)
        self.policy = by or policy(shop=SHOP)
        self.settings = Settings(folder, **settings)
        verification = Verification(DocumentsInMemory.of([ISSUER]), clock=self.clock)
        self.registration = Registration(self.settings, verification=verification, clock=self.clock)
        self.outbox = Outbox(
            self.settings, engine=self.registration.engine, clock=self.clock, connect=lambda _: self.shop
        )
        self._references = references()

    def redeem(self, *, request_id: str | None = None, reference: str | None = None) -> Redemption:
        holder = reference or next(self._references)
        return self.registration.redeem(
            ISSUER.token(ISSUER.document(reference=holder)).encode(),
            policy=self.policy,
            proof=HolderCode(HOLDER_CODE),
            request_id=request_id or holder,
        )

    def check(self) -> shops.Comparison:
        return shops.check(
            self.policy,
            settings=self.settings,
            engine=self.registration.engine,
            shop=self.shop,
            clock=self.clock,
        )


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Iterator[Office]:
    office = Office(tmp_path, **database)
    yield office
    office.registration.engine.dispose()


def test_the_answer_says_pending_and_later_placed(office: Office) -> None:
    reference = next(references())
    first = office.redeem(request_id="one", reference=reference)
    assert (first.result, first.shop, first.to_json()["shop"]) == ("granted", "pending", "pending")
    assert office.shop.tries == 0, "nobody waits for the shop"

    assert office.outbox.deliver_due().placed == 1
    again = office.redeem(request_id="one", reference=reference)
    assert (again.voucher, again.shop) == (first.voucher, "placed")


def test_the_order_is_what_was_granted(office: Office) -> None:
    granted = office.redeem()
    office.outbox.deliver_due()

    (order,) = office.shop.orders.values()
    assert (order.code, order.percent, order.uses) == (granted.voucher, 50, 1)
    assert (order.quota, order.tag) == (12, "recognition")
    assert order.valid_until == office.clock.now + timedelta(days=30)
    assert order.comment == "Badgewright: ticket-discount of summit-2027, grant 1"


def test_an_event_without_a_connected_shop_orders_nothing(tmp_path: Path) -> None:
    alone = {name: value for name, value in SHOP.items() if name != "url"}
    for number, by in enumerate((policy(), policy(shop=alone))):
        office = Office(tmp_path / str(number), by=by)
        granted = office.redeem()
        assert (granted.result, granted.shop) == ("granted", None)
        assert granted.voucher
        assert office.outbox.deliver_due().placed == 0
        office.registration.engine.dispose()


def test_what_was_redeemed_already_orders_nothing(office: Office) -> None:
    reference = next(references())
    office.redeem(reference=reference, request_id="one")
    again = office.redeem(reference=reference, request_id="two")

    assert (again.result, again.shop) == ("already_redeemed", None)
    assert office.outbox.push("summit-2027").placed == 1


def test_a_grant_that_is_rolled_back_orders_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(connection: Connection, calls: Sequence[Call]) -> None:
        run_all(connection, calls)
        raise DatabaseError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "run_all", full_disk)
        with pytest.raises(DatabaseError):
            office.redeem()
    assert office.outbox.push("summit-2027").placed == 0
    assert office.check().granted == 0


def test_a_delivered_order_is_not_delivered_again(office: Office) -> None:
    office.redeem()
    office.outbox.deliver_due()
    office.clock.pass_by(days=2)

    assert office.outbox.deliver_due() == office.outbox.push("summit-2027") == outbox_module.Delivery()
    assert office.shop.tries == 1


def test_pauses_grow_to_a_quarter_of_an_hour() -> None:
    pauses = [pause_after(attempts).total_seconds() for attempts in range(1, 13)]
    assert pauses == [4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]
    assert pause_after(10**9) == timedelta(minutes=15)


def test_a_shop_that_is_down_is_asked_more_and_more_rarely_and_gets_it_in_the_end(office: Office) -> None:
    office.redeem()
    office.shop.faults.extend(ShopUnreachableError("The shop answered 500.") for _ in range(8))
    for _ in range(600):
        office.outbox.deliver_due()
        office.clock.pass_by(seconds=3)

    assert office.shop.tries == 9
    assert len(office.shop.orders) == 1
    assert office.check().differences == ()


def test_a_shop_that_asks_for_a_rest_gets_it_for_every_order(office: Office) -> None:
    office.redeem()
    office.redeem()
    office.shop.faults.append(ShopUnreachableError("The shop answered 429.", retry_after=60))

    assert len(office.outbox.deliver_due().problems) == 2
    assert office.shop.tries == 1
    office.clock.pass_by(seconds=59)
    assert office.outbox.deliver_due().placed == 0
    office.clock.pass_by(seconds=1)
    assert office.outbox.deliver_due().placed == 2


def test_a_rest_that_would_last_for_ever_ends_after_an_hour(office: Office) -> None:
    office.redeem()
    office.shop.faults.append(ShopUnreachableError("The shop answered 429.", retry_after=999_999))
    office.outbox.deliver_due()
    office.clock.pass_by(hours=1)
    assert office.outbox.deliver_due().placed == 1


def test_a_dead_shop_is_not_asked_for_every_order_in_one_run(office: Office) -> None:
    for _ in range(10):
        office.redeem()
    office.shop.faults.extend(ShopUnreachableError("No answer.") for _ in range(10))
    delivery = office.outbox.deliver_due()

    assert office.shop.tries == FAILURES_IN_A_ROW
    assert (delivery.placed, len(delivery.problems)) == (0, 10)


def test_one_order_that_the_shop_chokes_on_does_not_hold_up_the_others(office: Office) -> None:
    for _ in range(5):
        office.redeem()
    office.shop.faults.append(ShopUnreachableError("The shop answered 500."))
    assert office.outbox.deliver_due().placed == 4


def test_a_refusal_waits_for_a_person_and_a_push_tries_again(office: Office) -> None:
    reference = next(references())
    office.redeem(request_id="one", reference=reference)
    office.shop.faults.append(ShopRefusedError("The shop answered 401: its token is not accepted."))
    delivery = office.outbox.deliver_due()
    assert (delivery.placed, delivery.refused) == (0, 1)
    office.clock.pass_by(days=2)

    assert office.outbox.deliver_due() == outbox_module.Delivery()
    assert office.redeem(request_id="one", reference=reference).shop == "pending"
    (difference,) = office.check().differences
    assert "is not in the shop yet: The shop answered 401: its token is not accepted." in difference
    assert office.outbox.push("summit-2027").placed == 1
    assert office.check().differences == ()


def test_a_worker_that_dies_in_the_middle_leaves_an_order_that_is_delivered_later(office: Office) -> None:
    office.redeem()
    office.shop.after.append(KeyboardInterrupt())  # the voucher is made, and nobody writes it down
    with pytest.raises(KeyboardInterrupt):
        office.outbox.deliver_due()

    assert office.outbox.deliver_due().placed == 0, "another worker may still have it"
    office.clock.pass_by(minutes=1)
    assert office.outbox.deliver_due().placed == 1
    assert len(office.shop.orders) == 1
    assert office.check().differences == ()


def test_of_two_workers_one_takes_an_order_up(office: Office) -> None:
    office.redeem()
    with_same_view = Outbox(
        office.settings, engine=office.registration.engine, clock=office.clock, connect=lambda _: office.shop
    )

    class Overtaken(ShopInMemory):
        def put(self, order: VoucherOrder) -> Placed | AlreadyThere:
            self.tries += 1
            assert with_same_view.deliver_due().placed == 0
            return super().put(order)

    slow = Overtaken()
    first = Outbox(office.settings, engine=office.registration.engine, clock=office.clock, connect=lambda _: slow)
    assert first.deliver_due().placed == 1
    assert office.shop.tries == 0


def test_a_slower_try_that_fails_does_not_undo_one_that_succeeded(office: Office) -> None:
    office.redeem()
    faster = Outbox(
        office.settings, engine=office.registration.engine, clock=office.clock, connect=lambda _: office.shop
    )

    class Slow(ShopInMemory):
        def put(self, order: VoucherOrder) -> Placed | AlreadyThere:
            assert faster.push("summit-2027").placed == 1
            raise ShopRefusedError("Too late.")

    slower = Outbox(
        office.settings, engine=office.registration.engine, clock=office.clock, connect=lambda _: Slow()
    )
    assert slower.deliver_due().refused == 1
    assert office.check().differences == ()


def test_a_shop_that_the_settings_do_not_name_is_refused_with_a_sentence(office: Office) -> None:
    office.redeem()
    unconnected = Outbox(office.settings, engine=office.registration.engine, clock=office.clock)
    delivery = unconnected.deliver_due()
    assert delivery.refused == 1
    assert f"verifier.yaml names no shop at {URL}" in delivery.problems[0]


def test_the_courier_goes_on_after_anything(office: Office) -> None:
    rounds = iter(range(1_000_000))
    done = False

    def outbox() -> Outbox | None:
        nonlocal done
        number = next(rounds)
        if number == 0:
            return None
        if number == 1:
            raise RuntimeError("something unexpected")
        done = True
        return office.outbox

    office.redeem()
    courier = Courier(outbox, every=0.005)
    courier.start()
    for _ in range(400):
        if done and office.shop.orders:
            break
        courier.join(timeout=0.01)
    courier.stop()
    courier.join(timeout=5)
    assert not courier.is_alive()
    assert len(office.shop.orders) == 1


# Ledger and shop


def test_a_check_names_what_differs(office: Office) -> None:
    codes = [str(office.redeem().voucher) for _ in range(4)]
    office.outbox.deliver_due()
    late = str(office.redeem().voucher)
    assert office.check().differences == (f"{late} is not in the shop yet.",)

    orders = office.shop.orders
    del orders[codes[0]]
    orders[codes[1]] = replace(orders[codes[1]], percent=100)
    orders["STRAY"] = replace(orders[codes[2]], code="STRAY")
    office.outbox.push("summit-2027")
    found = office.check()

    assert (found.granted, found.in_shop) == (5, 5)
    assert found.differences == (
        f"{codes[0]} was placed, and is not in the shop any more.",
        f"{codes[1]} gives 100 percent in the shop, where 50 percent were granted.",
        "STRAY is in the shop under our tag, and was not granted here.",
    )


def test_a_voucher_that_is_there_before_the_ledger_knows_is_said(office: Office) -> None:
    office.redeem()
    office.shop.after.append(ShopUnreachableError("No answer."))
    office.outbox.deliver_due()
    (difference,) = office.check().differences
    assert difference.endswith("is in the shop, and the ledger does not know it yet: push again.")


def test_a_grant_from_before_the_shop_was_connected_is_said(tmp_path: Path) -> None:
    office = Office(tmp_path, by=policy())
    voucher = office.redeem().voucher
    office.policy = policy(shop=SHOP)
    assert office.check().differences == (
        f"{voucher} was granted without an order to the shop: enter it by hand.",
    )
    office.registration.engine.dispose()


def test_what_is_granted_while_the_shop_lists_is_no_difference(office: Office) -> None:
    office.redeem()
    office.outbox.deliver_due()

    class Busy(ShopInMemory):
        def vouchers(self, *, tag: str) -> tuple[ShopVoucher, ...]:
            office.redeem()
            office.outbox.deliver_due()
            office.redeem()
            return office.shop.vouchers(tag=tag)

    found = shops.check(office.policy, settings=office.settings, engine=office.registration.engine, shop=Busy())
    assert found.differences == ()


def test_no_voucher_is_written_into_the_ledger_twice(office: Office) -> None:
    office.redeem()
    with writing(office.registration.engine) as connection:
        assert outbox_module.placement_of(connection, voucher=None) is None
        assert outbox_module.placement_of(connection, voucher="unknown") is None
