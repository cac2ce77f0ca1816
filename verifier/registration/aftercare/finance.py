"""What was given, by badge and state, and what the shop took off for it: to the cent, and without names.

The shop tells what each ticket cost and what our voucher took off; both are added up here as decimals, never as
floats, and compared with what the shop says of each voucher and with what its percentage gives. Each difference is
one sentence. A sample is drawn by a seed, so that whoever has the seed draws the same, and is written down.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import Engine

from schemas import timestamps
from schemas.event_policy import EventPolicy, PretixShop
from schemas.strict_json import JsonObject, JsonValue
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.ground.settings import Settings
from verifier.registration.aftercare import AftercareError, store
from verifier.registration.aftercare.model import Given, Total, VoucherState
from verifier.registration.shops import Sale, Shop, ShopRefusedError, ShopVoucher
from verifier.registration.shops import service as shops

MAX_SAMPLE = 1_000
_CENT = Decimal("0.01")
_ZERO = Decimal("0.00")
_HEADER = (
    *("issuer", "achievement", "kind", "percent", "policy_sha256", "state", "vouchers"),
    *("list_price", "discount", "paid", "currency"),
)


@dataclass(frozen=True)
class Money:
    """Sums over tickets: their list price, what our vouchers took off, what was paid. None: not known."""

    list_price: Decimal | None = _ZERO
    discount: Decimal = _ZERO
    paid: Decimal | None = _ZERO

    def plus(self, other: "Money") -> "Money":
        return Money(
            _sum(self.list_price, other.list_price),
            self.discount + other.discount,
            _sum(self.paid, other.paid),
        )


@dataclass(frozen=True)
class Line:
    """The vouchers of one badge, percentage, event's file and state. `money` is None where the shop tells none."""

    issuer: str
    achievement: str
    kind: str
    percent: int
    policy_digest: str
    state: VoucherState
    vouchers: int
    money: Money | None


@dataclass(frozen=True)
class FinanceReport:
    """`currency`: None where the shop does not say; `in_shop`: what the shop says it took off for all vouchers
    under our tag; `differences`: a sentence for each thing that does not agree; `notes`: what could not be told.
    """

    event: str
    made_at: datetime
    currency: str | None
    lines: tuple[Line, ...]
    in_shop: Decimal | None
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def vouchers(self) -> int:
        return sum(line.vouchers for line in self.lines)

    @property
    def total(self) -> Money | None:
        """Over all lines; None where no shop tells anything."""
        known = [line.money for line in self.lines if line.money is not None]
        if self.in_shop is None:
            return None
        total = Money()
        for money in known:
            total = total.plus(money)
        return total

    def to_json(self) -> JsonObject:
        """The report for programs; amounts are texts, since a JSON number would be a float."""
        return {
            "event": self.event,
            "made_at": timestamps.show(self.made_at),
            "currency": self.currency,
            "vouchers": self.vouchers,
            "lines": [_line_json(line) for line in self.lines],
            "total": _money_json(self.total),
            "discount_in_shop": _text(self.in_shop),
            "differences": list(self.differences),
            "notes": list(self.notes),
        }

    def to_csv(self) -> str:
        """The lines as a table, with a last one of their totals."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\r\n")
        writer.writerow(_HEADER)
        for line in self.lines:
            named = (line.issuer, line.achievement, line.kind, line.percent, line.policy_digest, line.state)
            writer.writerow((*named, line.vouchers, *_amounts(line.money), self.currency or ""))
        writer.writerow(("total", "", "", "", "", "", self.vouchers, *_amounts(self.total), self.currency or ""))
        return table.getvalue()


@dataclass(frozen=True)
class Drawn:
    """One grant of a sample."""

    number: int
    issuer: str
    achievement: str
    percent: int
    voucher: str
    state: str

    def to_json(self) -> JsonObject:
        """For programs."""
        return {
            "grant": self.number,
            "issuer": self.issuer,
            "achievement": self.achievement,
            "percent": self.percent,
            "voucher": self.voucher,
            "state": self.state,
        }


def report(
    policy: EventPolicy,
    *,
    settings: Settings,
    engine: Engine,
    clock: Callable[[], datetime] = system_clock,
    shop: Shop | None = None,
) -> FinanceReport:
    """The report of an event as of now; `shop` is given by tests.

    Raises:
        ShopUnreachableError: the shop could not be asked now.
        ShopRefusedError: it does not let us look at its vouchers.
        DatabaseError: the ledger cannot be read.
    """
    now = clock()
    with reading(engine) as connection:
        grants = store.grants(connection, event=policy.event)
        totals = store.totals_of(connection, event=policy.event)
    notes = []
    if totals:
        notes.append(
            f"The event's details were deleted on {timestamps.show(totals[0].forgotten_at)}: counts are left."
        )
        if not grants:
            return FinanceReport(policy.event, now, None, _kept_lines(totals), None, (), tuple(notes))
    if not (isinstance(policy.shop, PretixShop) and policy.shop.url):
        notes.append("The event is connected to no shop, so no amount is known here.")
        return FinanceReport(policy.event, now, None, _lines(grants, {}, None, now=now), None, (), tuple(notes))
    asked = shop or shops.shop_of(policy, settings=settings)
    vouchers = asked.vouchers(tag=policy.shop.tag)
    try:
        sales = _by_voucher(asked.sales(voucher for voucher in vouchers if voucher.is_used))
    except ShopRefusedError as error:
        sales = None
        notes.append(f"List prices and what was paid are not known: {error}")
    there = {voucher.code.upper(): voucher for voucher in vouchers}
    lines = _lines(grants, there, sales, now=now)
    in_shop = sum((voucher.discount_given or _ZERO for voucher in vouchers), _ZERO)
    found = FinanceReport(policy.event, now, asked.currency(), lines, in_shop, (), tuple(notes))
    differences = _differences(grants, there, sales, total=found.total, in_shop=in_shop)
    return FinanceReport(policy.event, now, found.currency, lines, in_shop, tuple(differences), tuple(notes))


def sample(
    event: str,
    *,
    count: int,
    seed: str,
    actor: str,
    why: str,
    engine: Engine,
    role: str = "finance",
    clock: Callable[[], datetime] = system_clock,
) -> tuple[Drawn, ...]:
    """Draw grants of an event, all alike, by a seed: the same seed draws the same from the same grants. That it
    was drawn, and by whom, is written down before anything is shown.

    Raises:
        AftercareError: a count below 1 or too large, or no seed.
        AuditError: nobody is named, or no reason.
        DatabaseError: nothing was written, and nothing is shown.
    """
    if not 1 <= count <= MAX_SAMPLE or not 1 <= len(seed) <= 100 or not seed.isprintable():
        raise AftercareError(f"A sample has 1 to {MAX_SAMPLE} grants and a seed of 1 to 100 printable characters.")
    with writing(engine) as connection:
        grants = store.grants(connection, event=event)
        drawn = sorted(sorted(grants, key=lambda given: _lot(seed, given))[:count], key=lambda g: g.number)
        audit.write(
            connection,
            actor=actor,
            role=role,
            act="finance.sample",
            event=event,
            subject=f"{len(drawn)} of {len(grants)} grants",
            reason=why,
            now=clock(),
            details={"seed": seed, "grants": _numbers(drawn)},
        )
    return tuple(
        Drawn(given.number, given.issuer, given.achievement, given.percent, given.voucher, given.state)
        for given in drawn
    )


def expected_discount(list_price: Decimal, *, percent: Decimal) -> Decimal:
    """What a percentage takes off a price: the price after it is rounded half up to the cent, as in a shop."""
    paid = (list_price * (100 - percent) / 100).quantize(_CENT, rounding=ROUND_HALF_UP)
    return list_price - paid


def state_of(given: Given, voucher: ShopVoucher | None, *, now: datetime) -> VoucherState:
    """How a grant stands, by the ledger and by the shop."""
    if given.state != "granted":
        return given.state
    if voucher is None:
        return "placed" if given.order_state == "placed" or given.is_pooled else "granted"
    if voucher.is_used:
        return "used"
    return "placed" if voucher.is_usable(now=now) else "expired"


def _lines(
    grants: Iterable[Given],
    there: Mapping[str, ShopVoucher],
    sales: Mapping[str, list[Sale]] | None,
    *,
    now: datetime,
) -> tuple[Line, ...]:
    groups: dict[tuple[str, str, str, int, str, VoucherState], _Sum] = {}
    for given in grants:
        voucher = there.get(given.voucher.upper())
        key = (
            given.issuer,
            given.achievement,
            given.kind,
            given.percent,
            given.policy_digest,
            state_of(given, voucher, now=now),
        )
        group = groups.setdefault(key, _Sum())
        group.vouchers += 1
        if voucher is not None and voucher.is_used:
            group.money = group.money.plus(_money(voucher, sales))
    known = bool(there) or sales is not None
    return tuple(
        Line(*key, group.vouchers, group.money if known else None) for key, group in sorted(groups.items())
    )


@dataclass
class _Sum:
    vouchers: int = 0
    money: Money = field(default_factory=Money)


def _money(voucher: ShopVoucher, sales: Mapping[str, list[Sale]] | None) -> Money:
    """What the tickets of one voucher cost; without them only what the shop says it took off."""
    if sales is None:
        return Money(None, voucher.discount_given or _ZERO, None)
    total = Money()
    for sale in sales.get(voucher.code.upper(), []):
        discount = sale.discount or _ZERO
        total = total.plus(Money(sale.price + discount, discount, sale.price))
    return total


def _differences(
    grants: Iterable[Given],
    there: Mapping[str, ShopVoucher],
    sales: Mapping[str, list[Sale]] | None,
    *,
    total: Money | None,
    in_shop: Decimal,
) -> list[str]:
    found: list[str] = []
    left = dict(there)
    for given in grants:
        voucher = left.pop(given.voucher.upper(), None)
        if voucher is None:
            if given.order_state == "placed":
                found.append(f"Grant {given.number} was placed, and its voucher is not in the shop any more.")
            continue
        if not voucher.is_used:
            continue
        if given.state == "released":
            found.append(f"Grant {given.number} was released, and an order in the shop holds its voucher.")
        if voucher.percent != given.percent:
            found.append(f"The voucher of grant {given.number} gives another percentage in the shop.")
        if sales is not None:
            tickets = sales.get(voucher.code.upper(), [])
            found += _ticket_differences(given, voucher, tickets)
    found += [
        f"A voucher that was not granted here took off {voucher.discount_given or _ZERO} in the shop."
        for voucher in left.values()
        if voucher.is_used
    ]
    if total is not None and total.discount != in_shop:
        found.append(f"The shop took off {in_shop} in all, and the grants here account for {total.discount}.")
    return found


def _ticket_differences(given: Given, voucher: ShopVoucher, tickets: list[Sale]) -> list[str]:
    named = f"The voucher of grant {given.number}"
    if len(tickets) != 1:
        return [f"{named} was used, and {len(tickets)} tickets in the shop hold it."]
    (ticket,) = tickets
    if ticket.discount is None:
        return [f"{named} was used, and the shop does not say what it took off."]
    found = []
    if voucher.discount_given is not None and voucher.discount_given != ticket.discount:
        found.append(
            f"{named} took {ticket.discount} off its ticket, and {voucher.discount_given} in the shop's sum."
        )
    if ticket.other_discount:
        return [*found, f"{named} was used for a ticket that something else made cheaper, too."]
    expected = expected_discount(ticket.price + ticket.discount, percent=Decimal(given.percent))
    if expected != ticket.discount:
        found.append(f"{named} took {ticket.discount} off, where {given.percent} percent are {expected}.")
    return found


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


def _by_voucher(sales: Iterable[Sale]) -> dict[str, list[Sale]]:
    found: dict[str, list[Sale]] = {}
    for sale in sales:
        found.setdefault(sale.voucher.upper(), []).append(sale)
    return found


def _kept_lines(totals: Iterable[Total]) -> tuple[Line, ...]:
    return tuple(
        Line(
            kept.issuer,
            kept.achievement,
            kept.kind,
            kept.percent,
            kept.policy_digest,
            kept.state,
            kept.count,
            None,
        )
        for kept in totals
    )


def _lot(seed: str, given: Given) -> bytes:
    return hashlib.sha256(f"{seed}\n{given.number}".encode()).digest()


def _numbers(drawn: Iterable[Given]) -> str:
    """The numbers that were drawn, as far as the log has room for them; the seed gives them all again."""
    text = " ".join(str(given.number) for given in drawn)
    return text if len(text) <= 3_000 else text[:3_000].rpartition(" ")[0] + " …"


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"


def _amounts(money: Money | None) -> tuple[str, ...]:
    amounts = (None,) * 3 if money is None else (money.list_price, money.discount, money.paid)
    return tuple(_text(amount) or "" for amount in amounts)


def _money_json(money: Money | None) -> JsonValue:
    if money is None:
        return None
    return {
        "list_price": _text(money.list_price),
        "discount": _text(money.discount),
        "paid": _text(money.paid),
    }


def _line_json(line: Line) -> JsonObject:
    return {
        "issuer": line.issuer,
        "achievement": line.achievement,
        "kind": line.kind,
        "percent": line.percent,
        "policy_sha256": line.policy_digest,
        "state": line.state,
        "vouchers": line.vouchers,
        "money": _money_json(line.money),
    }
