"""What a person does with a shop: deliver now, compare the ledger with the shop, fill a pool of codes.

Delivering itself is `verifier.registration.outbox`; the commands are `badge-verifier shop …`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from schemas.event_policy import CodePool, EventPolicy, PretixShop
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.ground.settings import Settings
from verifier.registration.events import discounted
from verifier.registration.shops import CodePoolError, Shop, ShopError, ShopVoucher, code_pool, pretix, store
from verifier.registration.shops.pricing import Pricing
from verifier.registration.shops.store import Granted, Stock


@dataclass(frozen=True)
class Comparison:
    """How ledger and shop stand to each other: `differences` and `warnings` are sentences, none if all is well."""

    granted: int
    in_shop: int
    differences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def shop_of(policy: EventPolicy, *, settings: Settings) -> Shop:
    """The shop that an event's file connects.

    Raises:
        ShopError: it connects none, or the settings do not know it.
    """
    rule = connected(policy)
    pricing = Pricing(rule.price_mode, rule.price)
    return pretix.connect(settings, url=rule.url, organizer=rule.organizer, event=rule.event, pricing=pricing)


def connected(policy: EventPolicy) -> PretixShop:
    """What an event's file says of the shop that it connects.

    Raises:
        ShopError: it connects none.
    """
    rule = policy.shop
    if not isinstance(rule, PretixShop) or not rule.url:
        raise ShopError(f"The event {policy.event} is connected to no shop: its file gives 'shop' no url.")
    return rule


def check(
    policy: EventPolicy,
    *,
    settings: Settings,
    engine: Engine,
    shop: Shop | None = None,
    clock: Callable[[], datetime] = system_clock,
) -> Comparison:
    """Compare every grant of an event with what the shop holds; `shop` is given by tests.

    Raises:
        ShopError: the shop could not be asked, or the event connects none.
        DatabaseError: the ledger cannot be read.
    """
    rule = policy.shop
    with reading(engine) as connection:
        grants = store.grants(connection, event=policy.event)
        stocks = store.stocks(connection, event=policy.event)
    if isinstance(rule, CodePool):
        standing = sum(not grant.released for grant in grants)
        return Comparison(standing, standing, warnings=_alarms(policy, stocks))
    tag = connected(policy).tag
    vouchers = (shop or shop_of(policy, settings=settings)).vouchers(tag=tag)
    with reading(engine) as connection:
        later = store.grants(connection, event=policy.event)
    # What was granted while the shop was listing is neither missing there nor too many.
    new = {grant.voucher.upper() for grant in later[len(grants) :]}
    listed = [voucher for voucher in vouchers if voucher.code.upper() not in new]
    seen = later[: len(grants)]
    gone = {grant.voucher.upper() for grant in seen if grant.released}
    return Comparison(
        sum(not grant.released for grant in seen),
        sum(voucher.code.upper() not in gone for voucher in listed),
        differences=tuple(compare(seen, listed, now=clock())),
    )


def compare(grants: Iterable[Granted], vouchers: Iterable[ShopVoucher], *, now: datetime) -> list[str]:
    """A sentence for each voucher on which ledger and shop disagree. As in a shop, case means nothing."""
    there = {voucher.code.upper(): voucher for voucher in vouchers}
    differences = []
    for grant in grants:
        voucher = there.pop(grant.voucher.upper(), None)
        if grant.released:
            if voucher is not None and (alive := alive_after_release(voucher, now=now)) is not None:
                differences.append(alive)
            continue
        if grant.state == "withdrawing":
            differences.append(f"{grant.voucher} is to be withdrawn, and the shop has not confirmed it yet.")
            continue
        if voucher is None:
            differences.append(f"{grant.voucher} {_absence(grant)}.")
            continue
        difference = voucher.difference(percent=grant.percent)
        if difference is not None:
            differences.append(f"{grant.voucher} {difference}.")
        elif grant.state != "placed":
            differences.append(f"{grant.voucher} is in the shop, and the ledger does not know it yet: push again.")
    surplus = (f"{code} is in the shop under our tag, and was not granted here." for code in there)
    return [*differences, *surplus]


def alive_after_release(voucher: ShopVoucher, *, now: datetime) -> str | None:
    """A sentence if the voucher of a grant that was released buys something all the same."""
    if voucher.is_used:
        return f"{voucher.code} was released here, and an order in the shop holds it."
    if voucher.is_usable(now=now):
        return f"{voucher.code} was released here, and can be used in the shop: withdraw it there."
    return None


def percentages(policy: EventPolicy) -> frozenset[int]:
    """Every percentage above 0 that an event gives, its budget's factor applied."""
    entries = (*policy.accept, *policy.foreign)
    return frozenset(discounted(entry.percent, factor=policy.budget.factor) for entry in entries) - {0}


def add_codes(policy: EventPolicy, *, data: bytes, name: str, engine: Engine) -> tuple[int, tuple[Stock, ...]]:
    """Take a file of codes into an event's pool, whole or not at all: how many were new, and the stock now.

    Raises:
        CodePoolError: the event has no pool, the file is refused, or a percentage is one that it never gives.
        DatabaseError: nothing was written.
    """
    if not isinstance(policy.shop, CodePool):
        raise CodePoolError(
            f"The event {policy.event} takes no codes: 'kind: code_pool' was expected in its file."
        )
    codes = code_pool.read_codes(data, name=name)
    given = percentages(policy)
    for code, percent in codes:
        if percent not in given:
            raise CodePoolError(
                f"{name}: the code {code!a} is for {percent} percent, and {policy.event} gives"
                f" {', '.join(map(str, sorted(given)))}."
            )
    with writing(engine) as connection:
        new = code_pool.add(connection, codes, event=policy.event)
        return new, store.stocks(connection, event=policy.event)


def stock_alarms(policy: EventPolicy, *, engine: Engine) -> tuple[str, ...]:
    """A sentence for each percentage whose codes run low; none for an event without a pool.

    Raises:
        DatabaseError: the pool cannot be read.
    """
    if not isinstance(policy.shop, CodePool):
        return ()
    with reading(engine) as connection:
        return _alarms(policy, store.stocks(connection, event=policy.event))


def _alarms(policy: EventPolicy, stocks: Iterable[Stock]) -> tuple[str, ...]:
    """A sentence for each percentage that the event gives and whose codes run low, or were never added."""
    known = {stock.percent: stock for stock in stocks}
    all_given = (known.get(percent, Stock(percent, 0, 0)) for percent in sorted(percentages(policy)))
    return tuple(text for stock in all_given if (text := code_pool.alarm(stock, event=policy.event)) is not None)


def _absence(grant: Granted) -> str:
    """The end of a sentence about a voucher that the shop does not hold."""
    if grant.state == "placed":
        return "was placed, and is not in the shop any more"
    if grant.state is None:
        return "was granted without an order to the shop: enter it by hand"
    because = f": {grant.problem.rstrip('.')}" if grant.problem else ""
    return f"is not in the shop yet{because}"
