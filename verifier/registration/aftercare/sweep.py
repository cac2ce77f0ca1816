"""What the shop says has become of our vouchers: run out unused, used, or free again since an order was canceled.

A voucher that ran out unused releases its discount, so that the holder can redeem again; one whose order was
canceled can be used again in the shop as it is, and releases once it runs out. Nothing is released that could
still be used there: what counts is the end that the shop names, and a day more, since carts live on after a
voucher's end and clocks differ. While a hub decides about the event nobody is freed: the sweep after it handed
back does it. A sweep that is repeated changes nothing. Nothing is written to the shop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from schemas import timestamps
from schemas.event_policy import EventPolicy
from schemas.strict_json import JsonObject
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.ground.settings import Settings
from verifier.registration import authority
from verifier.registration.aftercare import store
from verifier.registration.aftercare.model import Given
from verifier.registration.shops import Shop, ShopVoucher
from verifier.registration.shops import service as shops

ACTOR = "the shop's state"
GRACE = timedelta(days=1)


@dataclass(frozen=True)
class Swept:
    """What one sweep found: grants released now, orders that were canceled since the last one, vouchers in use,
    and a sentence for each voucher at which a person must look.
    """

    event: str
    released: tuple[int, ...] = ()
    canceled: tuple[int, ...] = ()
    used: int = 0
    problems: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """The sweep for programs."""
        return {
            "event": self.event,
            "released": list(self.released),
            "canceled": list(self.canceled),
            "used": self.used,
            "problems": list(self.problems),
        }


def sync(
    policy: EventPolicy,
    *,
    settings: Settings,
    engine: Engine,
    clock: Callable[[], datetime] = system_clock,
    shop: Shop | None = None,
) -> Swept:
    """Take over what the shop says of each voucher of an event; `shop` is given by tests.

    Raises:
        ShopError: the shop could not be asked, or the event connects none.
        DatabaseError: what was found could not be written.
    """
    tag = shops.connected(policy).tag
    asked = shop or shops.shop_of(policy, settings=settings)
    with reading(engine) as connection:  # before the shop lists: what is placed now must be in its list
        grants = store.grants(connection, event=policy.event)
    there = {voucher.code.upper(): voucher for voucher in asked.vouchers(tag=tag)}
    ended = {code for code, voucher in there.items() if has_run_out(voucher, now=clock())}
    active = asked.active_codes(tag=tag) & ended if ended else frozenset()
    released, canceled, problems, used = [], [], [], 0
    for given in grants:
        voucher = there.get(given.voucher.upper())
        if given.state == "released":
            alive = None if voucher is None else shops.alive_after_release(voucher, now=clock())
            if alive is not None:
                problems.append(alive)
                _open_case(engine, given, alive, now=clock())
        elif voucher is None:
            if given.order_state == "placed":
                problems.append(f"{given.voucher} was placed, and is not in the shop any more.")
        elif given.order_state == "placed" and voucher.code.upper() in active:
            problems.append(
                f"{given.voucher} has run out by this machine's clock, and is good by the shop's: one of them is"
                " wrong."
            )
        elif given.order_state == "placed":
            used += voucher.is_used
            what = _take_over(engine, given, voucher, now=clock())
            if "canceled" in what:
                canceled.append(given.number)
            if "released" in what:
                released.append(given.number)
    return Swept(policy.event, tuple(released), tuple(canceled), used, tuple(problems))


def has_run_out(voucher: ShopVoucher, *, now: datetime) -> bool:
    """Whether a voucher can surely not be used any more, and was not."""
    ended = voucher.valid_until is not None and voucher.valid_until + GRACE <= now
    return ended and not voucher.is_used


def _take_over(engine: Engine, seen: Given, voucher: ShopVoucher, *, now: datetime) -> set[str]:
    """What the shop says of one voucher, in one transaction; what happened: canceled, released."""
    runs_out = has_run_out(voucher, now=now)
    if voucher.is_used == seen.seen_used and not runs_out:
        return set()
    with writing(engine) as connection:
        given = store.grant(connection, seen.number)
        if given is None or given.state != "granted" or given.order_state != "placed":
            return set()  # a person was quicker
        runs_out = runs_out and authority.decider(connection, seen.event) == "here"
        happened = set()
        if voucher.is_used != given.seen_used:
            store.note_use(connection, given.number, used=voucher.is_used)
        if given.seen_used and not voucher.is_used:
            happened.add("canceled")
            _note(connection, given, "shop.order_canceled", _canceled_sentence(voucher), now=now)
        if runs_out:
            happened.add("released")
            store.release(connection, given.number, because="canceled" if given.seen_used else "expired", now=now)
            store.set_order_state(connection, given.number, "expired")
            _note(connection, given, "redemption.release", _run_out_sentence(voucher), now=now)
    return happened


def _canceled_sentence(voucher: ShopVoucher) -> str:
    until = "without an end" if voucher.valid_until is None else f"until {timestamps.show(voucher.valid_until)}"
    return f"The order with its voucher was canceled: the voucher is good {until}."


def _run_out_sentence(voucher: ShopVoucher) -> str:
    assert voucher.valid_until is not None
    return f"Its voucher ran out unused on {timestamps.show(voucher.valid_until)}."


def _open_case(engine: Engine, given: Given, sentence: str, *, now: datetime) -> None:
    with writing(engine) as connection:
        opened = store.open_case(
            connection,
            event=given.event,
            number=given.number,
            kind="alive_after_release",
            sentence=sentence,
            now=now,
        )
        if opened is not None:
            _note(
                connection,
                given,
                "case.open",
                "A voucher buys something after its discount was released.",
                now=now,
            )


def _note(connection: Connection, given: Given, act: str, reason: str, *, now: datetime) -> None:
    audit.write(
        connection,
        actor=ACTOR,
        role="program",
        act=act,
        event=given.event,
        subject=f"grant {given.number}",
        reason=reason,
        now=now,
        details={"voucher": audit.short_hash(given.voucher)},
    )
