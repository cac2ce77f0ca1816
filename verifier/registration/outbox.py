"""Vouchers on their way to the shop: written with the grant, delivered after the answer, exactly once.

A grant's order is a row of the grant's own transaction, so whoever was told "granted" has one, whatever is
killed next. Delivering asks the shop by the derived code; a second try finds what the first one made. The rows
are in `shops.store`, how a shop is spoken to in `shops`; a person's commands are `shops.service`.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Engine

from schemas.event_policy import CodePool, EventPolicy, PretixShop
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.ground.settings import Settings
from verifier.registration.shops import (
    Shop,
    ShopRefusedError,
    ShopUnreachableError,
    VoucherOrder,
    code_pool,
    pretix,
    store,
)
from verifier.registration.shops.store import NewOrder, Order

Placement = Literal["placed", "pending"]
Connect = Callable[[Order], Shop]

POLL_SECONDS = 3.0
FIRST_PAUSE = timedelta(seconds=4)
LONGEST_PAUSE = timedelta(minutes=15)
LONGEST_REST = timedelta(hours=1)  # a shop that asks for more is asked all the same: a holder waits
LEASE = timedelta(minutes=1)  # longer than a try lasts: two workers do not take up one order at once
ORDERS_AT_A_TIME = 50
FAILURES_IN_A_ROW = 3  # then the shop is taken to be down, and the rest waits

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """What one run did. `problems`: a sentence for each order that the shop does not have yet; of these,
    `refused` want a person.
    """

    placed: int = 0
    refused: int = 0
    problems: tuple[str, ...] = ()


def draw_code(connection: Connection, *, policy: EventPolicy, percent: int) -> str | None:
    """For an event with a pool: its next code of this percentage, or None if there is none left."""
    return store.free_code(connection, event=policy.event, percent=percent)


def use_code(
    connection: Connection, *, policy: EventPolicy, redemption_id: int, voucher: str, percent: int
) -> None:
    """Note, in the grant's own transaction, whose code of the event's pool this is now; say so if few are left."""
    store.use_code(connection, voucher, redemption_id=redemption_id)
    for stock in store.stocks(connection, event=policy.event):
        low = code_pool.alarm(stock, event=policy.event) if stock.percent == percent else None
        if low is not None:
            _log.warning("%s", low)


def order_for(
    policy: EventPolicy, *, redemption_id: int, voucher: str, percent: int, now: datetime
) -> NewOrder | None:
    """What the shop is asked for a grant's voucher, to be written in the grant's own transaction.

    None: the event's file connects no shop, or its codes are in the shop before they are granted.
    """
    shop = policy.shop
    if not isinstance(shop, PretixShop) or not shop.url:
        return None
    return NewOrder(
        redemption_id=redemption_id,
        event=policy.event,
        url=shop.url,
        organizer=shop.organizer,
        shop_event=shop.event,
        quota=shop.quota,
        item=shop.item or None,
        variation=shop.variation or None,
        price_mode=shop.price_mode,
        price=None if shop.price is None else str(shop.price),
        tag=shop.tag,
        voucher=voucher,
        percent=percent,
        valid_until=now + timedelta(days=policy.voucher.valid_days),
        comment=f"Badgewright: {policy.entitlement} of {policy.event}",
    )


def first_placement(policy: EventPolicy) -> Placement | None:
    """What a grant says of its voucher when it is new: a pool's code is in the shop already."""
    shop = policy.shop
    if isinstance(shop, CodePool):
        return "placed"
    return "pending" if isinstance(shop, PretixShop) and shop.url else None


def placement_of(connection: Connection, *, voucher: str | None) -> Placement | None:
    """What an answer says of a voucher; one that the shop refused is pending until a person has looked."""
    state = None if voucher is None else store.state_of(connection, voucher=voucher)
    return None if state is None else "placed" if state == "placed" else "pending"


def pause_after(attempts: int) -> timedelta:
    """How long an order waits after its try number `attempts` failed: 4 s, 8 s, 16 s … up to 15 minutes."""
    doublings = min(max(attempts - 1, 0), 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


class Outbox:
    """The orders of one office, delivered by whoever calls: the server's worker, or a person.

    `connect` is given by tests; it may raise ShopRefusedError.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        engine: Engine,
        clock: Callable[[], datetime] = system_clock,
        connect: Connect | None = None,
    ) -> None:
        self._settings, self._engine, self._clock = settings, engine, clock
        self._connect = connect or self._connect_pretix

    def deliver_due(self) -> Delivery:
        """Try each order whose pause is over.

        Raises:
            DatabaseError: what happened could not be written down; the next run finds out.
        """
        with reading(self._engine) as connection:
            orders = store.due_orders(connection, now=self._clock(), limit=ORDERS_AT_A_TIME)
        return self._deliver(orders)

    def push(self, event: str) -> Delivery:
        """Try every order of an event that the shop does not have, pausing or refused.

        Raises:
            DatabaseError: as above.
        """
        with reading(self._engine) as connection:
            orders = store.open_orders(connection, event=event)
        return self._deliver(orders)

    def _deliver(self, orders: Iterable[Order]) -> Delivery:
        placed, refused, failures = 0, 0, 0
        problems: list[str] = []
        resting: set[str] = set()
        for order in orders:
            if order.url in resting or failures >= FAILURES_IN_A_ROW:
                problems.append(f"{order.voucher}: not tried now, since the shop did not answer others.")
                continue
            try:
                if self._try(order):
                    placed += 1
                failures = 0
            except ShopUnreachableError as error:
                problems.append(f"{order.voucher}: {error}")
                failures += 1
                if error.retry_after is not None:
                    resting.add(order.url)
            except ShopRefusedError as error:
                refused += 1
                problems.append(f"{order.voucher}: {error}")
                _log.warning("The shop refused a voucher; 'badge-verifier shop push' tries again: %s", error)
        return Delivery(placed, refused, tuple(problems))

    def _try(self, order: Order) -> bool:
        """One try, with what became of it on the disk before anybody is told; False if another worker has it."""
        with writing(self._engine) as connection:
            lease = self._clock() + LEASE
            if not store.begin_try(connection, order.id, seen_attempts=order.attempts, next_try_at=lease):
                return False
        try:
            self._connect(order).put(voucher_order(order))
        except ShopUnreachableError as error:
            self._postpone(order, error)
            raise
        except ShopRefusedError as error:
            self._end(order, state="refused", problem=str(error))
            raise
        self._end(order, state="placed", problem=None)
        return True

    def _postpone(self, order: Order, error: ShopUnreachableError) -> None:
        now, pause = self._clock(), pause_after(order.attempts + 1)
        with writing(self._engine) as connection:
            if error.retry_after is not None:
                asked = min(timedelta(seconds=error.retry_after), LONGEST_REST)
                pause = max(pause, asked)
                store.rest(connection, url=order.url, until=now + asked)
            store.end_try(connection, order.id, state="pending", next_try_at=now + pause, problem=str(error))

    def _end(self, order: Order, *, state: store.State, problem: str | None) -> None:
        with writing(self._engine) as connection:
            store.end_try(connection, order.id, state=state, next_try_at=self._clock(), problem=problem)

    def _connect_pretix(self, order: Order) -> Shop:
        return pretix.connect(
            self._settings,
            url=order.url,
            organizer=order.organizer,
            event=order.shop_event,
            pricing=order.pricing,
        )


class Courier(threading.Thread):
    """The server's worker: every few seconds it delivers what is due, until `stop` is called.

    `outbox` gives the outbox, or None while this office has no database yet: verifying alone makes none.
    """

    def __init__(self, outbox: Callable[[], Outbox | None], *, every: float = POLL_SECONDS) -> None:
        super().__init__(daemon=True, name="outbox")
        self._outbox, self._every = outbox, every
        self._stopped = threading.Event()

    def run(self) -> None:
        """Nothing that goes wrong ends it: the orders are on the disk, and the next round tries again."""
        while not self._stopped.wait(self._every):
            try:
                outbox = self._outbox()
                if outbox is not None:
                    outbox.deliver_due()
            except Exception as error:
                _log.warning("Vouchers could not be delivered (%s): %s", type(error).__name__, error)

    def stop(self) -> None:
        """End after the try that is going on."""
        self._stopped.set()


def voucher_order(order: Order) -> VoucherOrder:
    """An order as a shop is asked for it."""
    return VoucherOrder(
        order.voucher,
        order.percent,
        valid_until=order.valid_until,
        quota=order.quota or None,
        item=order.item,
        variation=order.variation,
        pricing=order.pricing,
        tag=order.tag,
        comment=f"{order.comment}, grant {order.redemption_id}",
    )
