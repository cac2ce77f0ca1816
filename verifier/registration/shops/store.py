"""The vouchers that are to be in a shop, and the codes that stand in one already.

An order is written in the grant's own transaction and stays until the shop has it, so a crash anywhere leaves a
row that is delivered later. Everything runs in the caller's transaction. Delivering is
`verifier.registration.outbox`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Literal, get_args

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    false,
    func,
    insert,
    select,
    update,
)

from verifier.ground.database import UtcDateTime, metadata
from verifier.ground.statements import AllNew, Call, insertion, run_all
from verifier.registration import store as redemption_store
from verifier.registration.authority.store import event_authority
from verifier.registration.shops.pricing import PriceMode, Pricing
from verifier.registration.store import NewAnswer, NewGrant, redemptions

# The last three come after `placed`: to be withdrawn, withdrawn, and over by itself.
State = Literal["pending", "placed", "refused", "withdrawing", "withdrawn", "expired"]
_BEFORE = ("pending", "refused")  # only these are still to be placed
MAX_PROBLEM = 300  # characters of a sentence that is kept

shop_orders = Table(
    "shop_orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("redemption_id", Integer, ForeignKey("redemptions.id"), nullable=False, unique=True),
    Column("event", String(64), nullable=False, index=True),
    Column("url", String(300), nullable=False),
    Column("organizer", String(100), nullable=False),
    Column("shop_event", String(100), nullable=False),
    Column("quota", Integer, nullable=False),  # 0: `item` says for which tickets it is
    Column("tag", String(500), nullable=False),
    Column("voucher", String(64), nullable=False, unique=True),
    Column("percent", Integer, nullable=False),
    Column("valid_until", UtcDateTime, nullable=False),
    Column("comment", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcDateTime, nullable=False, index=True),
    Column("problem", String(MAX_PROBLEM), nullable=True),  # of the last try, for a person
    Column("seen_used", Boolean, nullable=False, server_default=false()),  # by an order, when the shop was asked
    Column("item", Integer, nullable=True),
    Column("variation", Integer, nullable=True),
    Column("price_mode", String(16), nullable=False, server_default="percent"),
    Column("price", String(20), nullable=True),
)

shop_codes = Table(
    "shop_codes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False),
    Column("percent", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    Column("redemption_id", Integer, ForeignKey("redemptions.id"), nullable=True, unique=True),  # none: free
    UniqueConstraint("code"),
)


@dataclass(frozen=True)
class NewOrder:
    """A row of `shop_orders` that is to be."""

    redemption_id: int
    event: str
    url: str
    organizer: str
    shop_event: str
    quota: int
    item: int | None
    variation: int | None
    price_mode: PriceMode
    price: str | None
    tag: str
    voucher: str
    percent: int
    valid_until: datetime
    comment: str

    @property
    def pricing(self) -> Pricing:
        """How the shop is to write what the voucher gives."""
        return Pricing(self.price_mode, None if self.price is None else Decimal(self.price))


@dataclass(frozen=True)
class Order(NewOrder):
    """A row of `shop_orders`; `problem` is the sentence of its last try that failed."""

    id: int
    state: State
    attempts: int
    next_try_at: datetime
    problem: str | None
    seen_used: bool


@dataclass(frozen=True)
class Granted:
    """A grant as the shop should know it; `state` is None where no order was written. `released`: it counts for
    nothing any more.
    """

    voucher: str
    percent: int
    state: State | None
    problem: str | None
    released: bool


@dataclass(frozen=True)
class Stock:
    """How many codes of one percentage an event was given, and how many are left."""

    percent: int
    total: int
    free: int


# Orders


def writing_of(orders: Sequence[NewOrder], *, now: datetime) -> Call:
    """What writes orders that are due at once."""
    return _ADD_ORDERS, _rows(orders, now)


def add_order(connection: Connection, order: NewOrder, *, now: datetime) -> None:
    """Write one that is due at once."""
    run_all(connection, [writing_of([order], now=now)])


def due_orders(connection: Connection, *, now: datetime, limit: int) -> tuple[Order, ...]:
    """The orders that wait for the shop and whose pause is over, the one that waited longest first."""
    waiting = (shop_orders.c.state == "pending") & (shop_orders.c.next_try_at <= now)
    return _orders(
        connection,
        select(shop_orders).where(waiting).order_by(shop_orders.c.next_try_at, shop_orders.c.id).limit(limit),
    )


def open_orders(connection: Connection, *, event: str) -> tuple[Order, ...]:
    """Every order of an event that the shop does not have, also the refused ones."""
    is_open = (shop_orders.c.event == event) & shop_orders.c.state.in_(_BEFORE)
    return _orders(connection, select(shop_orders).where(is_open).order_by(shop_orders.c.id))


def begin_try(connection: Connection, order_id: int, *, seen_attempts: int, next_try_at: datetime) -> bool:
    """Take an order up: count the try, and keep others away until `next_try_at`. False if somebody else did."""
    taken = connection.execute(
        update(shop_orders)
        .where(
            shop_orders.c.id == order_id,
            shop_orders.c.state.in_(_BEFORE),
            shop_orders.c.attempts == seen_attempts,
        )
        .values(attempts=shop_orders.c.attempts + 1, next_try_at=next_try_at)
    )
    return taken.rowcount == 1


def end_try(
    connection: Connection, order_id: int, *, state: State, next_try_at: datetime, problem: str | None
) -> None:
    """What became of a try. An order that the shop has, or that is withdrawn by now, stays so, whatever a slower
    try says.
    """
    connection.execute(
        update(shop_orders)
        .where(shop_orders.c.id == order_id, shop_orders.c.state.in_(_BEFORE))
        .values(state=state, next_try_at=next_try_at, problem=problem[:MAX_PROBLEM] if problem else None)
    )


def rest(connection: Connection, *, url: str, until: datetime) -> None:
    """No order of this shop is due before `until`: the shop asked for it."""
    connection.execute(
        update(shop_orders)
        .where(shop_orders.c.url == url, shop_orders.c.state == "pending", shop_orders.c.next_try_at < until)
        .values(next_try_at=until)
    )


def state_of(connection: Connection, *, voucher: str) -> State | None:
    """Whether the shop has a voucher; None if nothing here gives it to a shop. A pool's codes are placed."""
    ordered: State | None = connection.execute(
        select(shop_orders.c.state).where(shop_orders.c.voucher == voucher)
    ).scalar()
    if ordered is not None:
        return ordered
    pooled = connection.execute(select(shop_codes.c.id).where(shop_codes.c.code == voucher)).scalar()
    return None if pooled is None else "placed"


def grants(connection: Connection, *, event: str) -> tuple[Granted, ...]:
    """Every grant of an event with the state of its order."""
    query = (
        select(
            redemptions.c.voucher,
            redemptions.c.percent,
            shop_orders.c.state,
            shop_orders.c.problem,
            redemptions.c.state == "released",
        )
        .join(shop_orders, shop_orders.c.redemption_id == redemptions.c.id, isouter=True)
        .where(redemptions.c.event == event)
        .order_by(redemptions.c.id)
    )
    return tuple(Granted(*row) for row in connection.execute(query))


# Codes


def codes_known(connection: Connection, codes: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Of these codes the ones that are here already, each with its event and its percentage."""
    found: dict[str, tuple[str, int]] = {}
    wanted = list(codes)
    for at in range(0, len(wanted), 500):  # a statement takes a bounded number of parameters
        query = select(shop_codes.c.code, shop_codes.c.event, shop_codes.c.percent).where(
            shop_codes.c.code.in_(wanted[at : at + 500])
        )
        found |= {row.code: (row.event, row.percent) for row in connection.execute(query)}
    return found


def order_of(connection: Connection, *, redemption_id: int) -> Order | None:
    """The order of a grant."""
    found = _orders(connection, select(shop_orders).where(shop_orders.c.redemption_id == redemption_id))
    return found[0] if found else None


def add_codes(connection: Connection, codes: Iterable[tuple[str, int]], *, event: str) -> None:
    """Add (code, percent) pairs to an event's pool."""
    rows = [{"event": event, "percent": percent, "code": code} for code, percent in codes]
    if rows:
        connection.execute(insert(shop_codes), rows)


def free_code(connection: Connection, *, event: str, percent: int) -> str | None:
    """The next code of this percentage that nobody has."""
    query = (
        select(shop_codes.c.code)
        .where(shop_codes.c.event == event, shop_codes.c.percent == percent, shop_codes.c.redemption_id.is_(None))
        .order_by(shop_codes.c.id)
        .limit(1)
    )
    return connection.execute(query).scalar()


def any_derived(connection: Connection) -> bool:
    """Whether this office ever granted a voucher that it derived itself, and did not take from a pool."""
    query = (
        select(redemptions.c.id)
        .join(shop_codes, shop_codes.c.redemption_id == redemptions.c.id, isouter=True)
        .where(shop_codes.c.id.is_(None))
        .limit(1)
    )
    return connection.execute(query).scalar() is not None


def use_code(connection: Connection, code: str, *, redemption_id: int) -> None:
    """Note whose code this is now."""
    connection.execute(update(shop_codes).where(shop_codes.c.code == code).values(redemption_id=redemption_id))


def stocks(connection: Connection, *, event: str) -> tuple[Stock, ...]:
    """The pool of an event, by percentage."""
    query = (
        select(
            shop_codes.c.percent,
            func.count(),
            func.count() - func.count(shop_codes.c.redemption_id),
        )
        .where(shop_codes.c.event == event)
        .group_by(shop_codes.c.percent)
        .order_by(shop_codes.c.percent)
    )
    return tuple(Stock(*row) for row in connection.execute(query))


def _orders(connection: Connection, query: "Select[tuple[object, ...]]") -> tuple[Order, ...]:
    def order(row: "Row[tuple[object, ...]]") -> Order:
        return Order(**row._mapping)

    return tuple(order(row) for row in connection.execute(query))


# Grants with their orders


def grant_all(
    engine: Engine,
    *,
    grants: Sequence[NewGrant],
    answers: Sequence[NewAnswer],
    orders: Sequence[NewOrder],
    at_most: int,
    now: datetime,
) -> bool:
    """For a PostgreSQL: whether all of these were granted, in a transaction of its own. None is if one of their
    names was redeemed, one of the requests answered, or one of the vouchers given before, if it was ever handed
    over who decides about one of the events, or if there could be more than `at_most` of all events. Grants are
    numbered from 1, and get the next numbers.

    Raises:
        DatabaseError: nothing was written.
        CommitUnknownError: the server went away meanwhile.
    """
    names = [name for new in grants for name in new.names]
    events = sorted({(answer.event,) for answer in answers})
    written = [rows for _, rows in redemption_store.writing_of(grants=grants, answers=answers)]
    return _GRANT_ALL.write(
        engine,
        highest=at_most,
        absent=[names, events],
        written=[*written, _rows(orders, now)],
    )


def _rows(orders: Sequence[NewOrder], now: datetime) -> list[tuple[object, ...]]:
    return [(*vars(order).values(), "pending", 0, now, False) for order in orders]


_ORDER = (*(field.name for field in fields(NewOrder)), "state", "attempts", "next_try_at", "seen_used")
_ADD_ORDERS = insertion(shop_orders, _ORDER)
_GRANT_ALL = AllNew(
    redemptions,
    absent=[redemption_store.NAME, (event_authority, ["event"])],
    written=[*redemption_store.WRITTEN, (shop_orders, _ORDER)],
)


def counts_by_state(connection: Connection) -> dict[str, int]:
    """How many vouchers there are in each state at the shop, of all events."""
    query = select(shop_orders.c.state, func.count()).group_by(shop_orders.c.state)
    found = {str(state): number for state, number in connection.execute(query)}
    return {state: found.get(state, 0) for state in get_args(State)}
