"""What the shop says of our vouchers is taken over once, and nothing that is good there is ever released."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier.registration.aftercare.offices import EVENT, HOLDER, AfterOffice
from tests.unit.verifier.registration.policies import policy
from verifier.registration.aftercare import cases
from verifier.registration.aftercare.sweep import ACTOR, Swept
from verifier.registration.reasons import Reason
from verifier.registration.shops import ShopError


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Iterator[AfterOffice]:
    office = AfterOffice(tmp_path, **database)
    yield office
    office.registration.engine.dispose()


def test_what_ran_out_unused_is_released_and_the_holder_gets_the_next_code(office: AfterOffice) -> None:
    first = office.given(request_id="one")
    office.end(first)
    assert office.sync().released == (1,)
    second = office.given(request_id="two")
    assert second != first
    assert office.usable() == [second]
    assert office.again(request_id="one").reason is Reason.RELEASED

    (entry,) = office.audit()
    assert (entry.actor, entry.role, entry.act, entry.subject) == (
        ACTOR,
        "program",
        "redemption.release",
        "grant 1",
    )
    assert "ran out unused" in entry.reason


def test_for_a_day_after_its_end_it_is_not_released(office: AfterOffice) -> None:
    office.given()
    office.clock.pass_by(days=29, hours=23, minutes=59)
    assert office.sync().released == ()
    office.clock.pass_by(days=1)
    assert office.sync().released == ()
    office.clock.pass_by(minutes=1)
    assert office.sync().released == (1,)


def test_a_voucher_that_staff_extended_in_the_shop_is_not_released(office: AfterOffice) -> None:
    voucher = office.given()
    order = office.shop.orders[voucher]
    office.shop.orders[voucher] = replace(order, valid_until=order.valid_until + timedelta(days=60))
    office.clock.pass_by(days=60)
    assert office.sync() == Swept(EVENT)
    assert office.usable() == [voucher]


def test_a_clock_of_ours_that_is_wrong_releases_nothing_and_is_said(office: AfterOffice) -> None:
    voucher = office.given()
    at_the_shop = office.clock.now
    office.shop.now = lambda: at_the_shop
    office.clock.pass_by(days=60)
    swept = office.sync()
    assert swept.released == ()
    assert swept.problems == (
        f"{voucher} has run out by this machine's clock, and is good by the shop's: one of them is wrong.",
    )


def test_a_used_voucher_is_never_released_however_old(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.buy(voucher)
    office.clock.pass_by(days=300)
    swept = office.sync()
    assert (swept.released, swept.used) == ((), 1)


def test_after_its_order_is_canceled_it_is_good_again_and_released_only_once_it_ran_out(
    office: AfterOffice,
) -> None:
    voucher = office.given()
    office.shop.buy(voucher)
    assert office.sync().used == 1
    office.shop.prices.clear()
    assert office.sync().canceled == (1,)
    assert office.usable() == [voucher], "still good in the shop, so it is the holder's"
    assert office.again(request_id="two").reason is Reason.ALREADY_REDEEMED

    office.clock.pass_by(days=32)
    assert office.sync().released == (1,)
    assert office.acts() == ["shop.order_canceled", "redemption.release"]


def test_an_order_that_is_canceled_after_the_end_releases_at_once(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.buy(voucher)
    office.sync()
    office.clock.pass_by(days=40)
    office.shop.prices.clear()
    swept = office.sync()
    assert (swept.canceled, swept.released) == ((1,), (1,))
    assert office.releasing.find(EVENT, "1").released_because == "canceled"


def test_a_sweep_that_is_repeated_changes_nothing(office: AfterOffice) -> None:
    office.given()
    office.clock.pass_by(days=32)
    assert office.sync().released == (1,)
    before = office.audit()
    for _ in range(3):
        assert office.sync() == Swept(EVENT)
    assert office.audit() == before


def test_what_the_shop_does_not_have_yet_is_left_alone(office: AfterOffice) -> None:
    office.redeem(reference=HOLDER)
    office.clock.pass_by(days=60)
    assert office.sync() == Swept(EVENT)


def test_a_voucher_that_is_gone_from_the_shop_is_said_and_not_released(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.orders.clear()
    office.clock.pass_by(days=60)
    swept = office.sync()
    assert (swept.released, swept.problems) == ((), (f"{voucher} was placed, and is not in the shop any more.",))


def test_a_voucher_that_lives_on_after_its_release_is_a_case_once(office: AfterOffice) -> None:
    voucher = office.given()
    office.clock.pass_by(days=32)
    office.sync()
    order = office.shop.orders[voucher]
    office.shop.orders[voucher] = replace(order, valid_until=order.valid_until + timedelta(days=90))
    for _ in range(2):
        (problem,) = office.sync().problems
        assert "was released here, and can be used in the shop" in problem
    (case,) = cases.listed(EVENT, engine=office.registration.engine)
    assert (case.kind, case.redemption_id) == ("alive_after_release", 1)
    assert office.check().differences == (problem,)

    office.shop.buy(voucher)
    assert "an order in the shop holds it" in office.sync().problems[0]


def test_a_person_who_acts_while_the_shop_lists_is_not_overruled(office: AfterOffice) -> None:
    voucher = office.given()
    office.clock.pass_by(days=32)
    listed = office.shop.vouchers

    def slowly(*, tag: str) -> Any:
        found = listed(tag=tag)
        office.shop.vouchers = listed  # type: ignore[method-assign]
        office.reissue(voucher)
        return found

    office.shop.vouchers = slowly  # type: ignore[method-assign]
    assert office.sync().released == ()
    assert [given.state for given in office.releasing.grants(EVENT)] == ["released", "granted"]


def test_an_event_without_a_connected_shop_cannot_be_swept(tmp_path: Path) -> None:
    for number, shop in enumerate((None, {"kind": "code_pool"})):
        office = AfterOffice(tmp_path / str(number), by=policy(shop=shop))
        with pytest.raises(ShopError, match="connected to no shop"):
            office.sync()
        office.registration.engine.dispose()


def test_while_a_hub_decides_what_ran_out_frees_nobody(office: AfterOffice) -> None:
    voucher = office.given()
    office.end(voucher)
    office.decides("a hub")

    assert office.sync().released == ()
    office.decides("online")
    assert office.sync().released == (1,)
