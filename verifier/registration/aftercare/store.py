"""The tables of what comes after a grant: withdrawals on their way, cases for a person, totals that stay.

Everything runs in the caller's one transaction. A grant itself and its order are rows of `registration.store` and
`shops.store`; what is done to them after they were made is done here.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from verifier.ground.database import UtcDateTime, metadata
from verifier.registration.aftercare.model import Because, Case, Given, Total
from verifier.registration.mailbox.store import mail_codes
from verifier.registration.shops.store import State, shop_codes, shop_orders
from verifier.registration.store import (
    GrantState,
    Standing,
    count_on,
    grant_standings,
    next_number,
    redemption_answers,
    redemption_holders,
    redemptions,
)

Purpose = Literal["release", "reissue"]
WithdrawalState = Literal["waiting", "refused", "done", "stopped"]
MAX_SENTENCE = 500
MAX_SUBJECT = 250

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("redemption_id", Integer, ForeignKey("redemptions.id"), nullable=False, unique=True),
    Column("event", String(64), nullable=False, index=True),
    Column("purpose", String(16), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("role", String(32), nullable=False),
    Column("why", String(500), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcDateTime, nullable=False, index=True),
    Column("problem", String(MAX_SENTENCE), nullable=True),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False, index=True),
    Column("redemption_id", Integer, nullable=True),
    Column("kind", String(32), nullable=False),
    Column("sentence", String(MAX_SENTENCE), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime, nullable=True),
    Column("closed_by", String(200), nullable=True),
    Column("why", String(500), nullable=True),
    Column("subject", String(MAX_SUBJECT), nullable=False, server_default=""),
    UniqueConstraint("event", "kind", "subject"),
)

event_totals = Table(
    "event_totals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False, index=True),
    Column("issuer", String(500), nullable=False),
    Column("achievement", String(500), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("percent", Integer, nullable=False),
    Column("policy_digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("count", Integer, nullable=False),
    Column("forgotten_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class NewWithdrawal:
    """A row of `withdrawals` that is to be."""

    redemption_id: int
    event: str
    purpose: Purpose
    actor: str
    role: str
    why: str


@dataclass(frozen=True)
class Withdrawal(NewWithdrawal):
    """A row of `withdrawals`; `problem` is the sentence of its last try that failed."""

    id: int
    asked_at: datetime
    state: WithdrawalState
    attempts: int
    next_try_at: datetime
    problem: str | None


# Grants


def find_grant(connection: Connection, *, event: str, voucher: str) -> Given | None:
    """The grant of a voucher; as in a shop, case means nothing."""
    found = _given(
        connection,
        _GIVEN.where(redemptions.c.event == event, func.upper(redemptions.c.voucher) == voucher.upper()),
    )
    return found[0] if found else None


def grant(connection: Connection, number: int) -> Given | None:
    """The grant of a number."""
    found = _given(connection, _GIVEN.where(redemptions.c.id == number))
    return found[0] if found else None


def grants(connection: Connection, *, event: str) -> tuple[Given, ...]:
    """Every grant of an event, in the order in which they were given."""
    return _given(connection, _GIVEN.where(redemptions.c.event == event).order_by(redemptions.c.id))


def set_state(connection: Connection, number: int, *, seen: GrantState, state: GrantState) -> bool:
    """Move a grant from one state to another; False if it is in another one than was seen."""
    moved = connection.execute(
        update(redemptions).where(redemptions.c.id == number, redemptions.c.state == seen).values(state=state)
    )
    return moved.rowcount == 1


def release(connection: Connection, number: int, *, because: Because, now: datetime) -> None:
    """The grant counts for nothing any more, and whoever it was given to is free to redeem again."""
    connection.execute(
        update(redemptions)
        .where(redemptions.c.id == number)
        .values(state="released", released_at=now, released_because=because)
    )
    connection.execute(delete(redemption_holders).where(redemption_holders.c.redemption_id == number))


def move_holders(connection: Connection, *, seen: int, to: int) -> None:
    """The names of one grant's holder are another one's from now on, and free at no moment."""
    connection.execute(
        update(redemption_holders).where(redemption_holders.c.redemption_id == seen).values(redemption_id=to)
    )


def holder_of(connection: Connection, number: int) -> str | None:
    """The first name under which a grant's holder is known, as it is kept."""
    query = (
        select(redemption_holders.c.holder)
        .where(redemption_holders.c.redemption_id == number)
        .order_by(redemption_holders.c.holder)
        .limit(1)
    )
    return connection.execute(query).scalar()


def add_copy(connection: Connection, old: Given, *, voucher: str, generation: int, now: datetime) -> int:
    """The same grant once more with another voucher, in the place of the old one; its number."""
    written = connection.execute(
        insert(redemptions)
        .values(
            id=next_number(),
            event=old.event,
            entitlement=old.entitlement,
            issuer=old.issuer,
            achievement=old.achievement,
            counted=old.counted,
            percent=old.percent,
            proof=old.proof,
            generation=generation,
            voucher=voucher,
            granted_at=now,
            policy_digest=old.policy_digest,
            replaces=old.number,
        )
        .returning(redemptions.c.id)
    )
    number: int = written.scalar_one()
    count_on(connection)
    connection.execute(
        update(grant_standings).where(grant_standings.c.redemption_id == old.number).values(redemption_id=number)
    )
    return number


# Orders, as they are after they were placed


def set_order_state(connection: Connection, number: int, state: State) -> None:
    """What became of a grant's order after it was placed."""
    connection.execute(update(shop_orders).where(shop_orders.c.redemption_id == number).values(state=state))


def note_use(connection: Connection, number: int, *, used: bool) -> None:
    """Whether an order in the shop holds a grant's voucher."""
    connection.execute(update(shop_orders).where(shop_orders.c.redemption_id == number).values(seen_used=used))


# Withdrawals


def ask_withdrawal(connection: Connection, asked: NewWithdrawal, *, now: datetime) -> None:
    """Write down that a voucher is to leave the shop; one that was stopped before is asked for again."""
    row = asdict(asked) | {"asked_at": now, "state": "waiting", "attempts": 0, "next_try_at": now, "problem": None}
    again = connection.execute(
        update(withdrawals).where(withdrawals.c.redemption_id == asked.redemption_id).values(row)
    )
    if again.rowcount == 0:
        connection.execute(insert(withdrawals).values(row))


def withdrawal_of(connection: Connection, number: int) -> Withdrawal | None:
    """The withdrawal of a grant's voucher, if one was ever asked for."""
    found = _withdrawals(connection, select(withdrawals).where(withdrawals.c.redemption_id == number))
    return found[0] if found else None


def due_withdrawals(connection: Connection, *, now: datetime, limit: int) -> tuple[Withdrawal, ...]:
    """Those that wait for the shop and whose pause is over."""
    waiting = (withdrawals.c.state == "waiting") & (withdrawals.c.next_try_at <= now)
    query = select(withdrawals).where(waiting).order_by(withdrawals.c.next_try_at, withdrawals.c.id)
    return _withdrawals(connection, query.limit(limit))


def open_withdrawals(connection: Connection, *, event: str) -> tuple[Withdrawal, ...]:
    """Every one of an event that has not ended, also those that the shop refused."""
    is_open = (withdrawals.c.event == event) & withdrawals.c.state.in_(["waiting", "refused"])
    return _withdrawals(connection, select(withdrawals).where(is_open).order_by(withdrawals.c.id))


def begin_withdrawal(
    connection: Connection, withdrawal_id: int, *, seen_attempts: int, next_try_at: datetime
) -> bool:
    """Take it up: count the try, and keep others away until `next_try_at`. False if somebody else did."""
    taken = connection.execute(
        update(withdrawals)
        .where(
            withdrawals.c.id == withdrawal_id,
            withdrawals.c.state.in_(["waiting", "refused"]),
            withdrawals.c.attempts == seen_attempts,
        )
        .values(attempts=withdrawals.c.attempts + 1, next_try_at=next_try_at)
    )
    return taken.rowcount == 1


def end_withdrawal(
    connection: Connection,
    withdrawal_id: int,
    *,
    state: WithdrawalState,
    problem: str | None,
    next_try_at: datetime,
) -> bool:
    """What became of a try; False if it had ended before: whatever hangs on it was done then."""
    ended = connection.execute(
        update(withdrawals)
        .where(withdrawals.c.id == withdrawal_id, withdrawals.c.state.in_(["waiting", "refused"]))
        .values(state=state, problem=problem[:MAX_SENTENCE] if problem else None, next_try_at=next_try_at)
    )
    return ended.rowcount == 1


# Cases


def open_case(
    connection: Connection,
    *,
    event: str,
    number: int | None,
    kind: str,
    sentence: str,
    now: datetime,
    subject: str | None = None,
) -> int | None:
    """Open a case of this kind for a grant, or about another `subject`; None if it was opened before, closed or
    not.
    """
    named = f"grant {number}" if subject is None else subject[:MAX_SUBJECT]
    same = (cases.c.event == event) & (cases.c.kind == kind) & (cases.c.subject == named)
    if connection.execute(select(cases.c.id).where(same)).scalar() is not None:
        return None
    row = {
        "event": event,
        "redemption_id": number,
        "kind": kind,
        "sentence": sentence[:MAX_SENTENCE],
        "opened_at": now,
        "subject": named,
    }
    opened: int = connection.execute(insert(cases).values(row).returning(cases.c.id)).scalar_one()
    return opened


def listed_cases(connection: Connection, *, event: str, closed: bool) -> tuple[Case, ...]:
    """The cases of an event that are open; with `closed` all of them."""
    query = select(cases).where(cases.c.event == event).order_by(cases.c.id)
    if not closed:
        query = query.where(cases.c.closed_at.is_(None))
    return tuple(Case(*row) for row in connection.execute(query))


def close_case(
    connection: Connection, number: int, *, event: str, actor: str, why: str, now: datetime
) -> Case | None:
    """Close a case; None if the event has no such open one."""
    mine = (cases.c.id == number) & (cases.c.event == event) & cases.c.closed_at.is_(None)
    row = connection.execute(select(cases).where(mine)).one_or_none()
    if row is None:
        return None
    connection.execute(update(cases).where(mine).values(closed_at=now, closed_by=actor, why=why))
    return Case(*row)


def count_open_cases(connection: Connection, *, event: str) -> int:
    """How many cases of an event wait for a person."""
    query = select(func.count()).select_from(cases).where(cases.c.event == event, cases.c.closed_at.is_(None))
    return connection.execute(query).scalar_one()


def standings(connection: Connection, *, event: str) -> list[tuple[int, Standing]]:
    """Where the badges of all grants that stand can be looked up, each with its grant's number."""
    query = (
        select(grant_standings)
        .join(redemptions, redemptions.c.id == grant_standings.c.redemption_id)
        .where(redemptions.c.event == event, redemptions.c.state != "released")
        .order_by(grant_standings.c.id)
    )
    return [
        (
            row.redemption_id,
            Standing(
                row.issuer, row.credential_sha256, row.key_id, row.kind, row.url, row.list_index, row.purpose
            ),
        )
        for row in connection.execute(query)
    ]


# Forgetting


def forget_event(connection: Connection, *, event: str, totals: Iterable[Total]) -> dict[str, int]:
    """Delete all that was kept of an event's grants, and keep these totals; how many rows went, by table."""
    rows = [vars(total) for total in totals]
    if rows:
        connection.execute(insert(event_totals), rows)
    ours = select(redemptions.c.id).where(redemptions.c.event == event)
    gone = {}
    for table, which in (
        (redemption_answers, redemption_answers.c.event == event),
        (redemption_holders, redemption_holders.c.event == event),
        (grant_standings, grant_standings.c.redemption_id.in_(ours)),
        (withdrawals, withdrawals.c.event == event),
        (cases, cases.c.event == event),
        (mail_codes, mail_codes.c.event == event),
        (shop_orders, shop_orders.c.event == event),
        (shop_codes, shop_codes.c.event == event),
        (redemptions, redemptions.c.event == event),
    ):
        gone[table.name] = connection.execute(delete(table).where(which)).rowcount
    return gone


def totals_of(connection: Connection, *, event: str) -> list[Total]:
    """What stays of an event after its details were deleted."""
    columns = [column for column in event_totals.c if column.name != "id"]
    query = select(*columns).where(event_totals.c.event == event).order_by(event_totals.c.id)
    return [Total(*row) for row in connection.execute(query)]


def is_anything_kept(connection: Connection, *, event: str) -> bool:
    """Whether anything but totals is kept of an event."""
    kept = [
        select(table.c.id).where(table.c.event == event).limit(1)
        for table in (redemptions, redemption_answers, shop_codes, cases)
    ]
    return any(connection.execute(query).scalar() is not None for query in kept)


_GIVEN = (
    select(
        redemptions.c.id,
        redemptions.c.event,
        redemptions.c.entitlement,
        redemptions.c.issuer,
        redemptions.c.achievement,
        redemptions.c.counted,
        redemptions.c.percent,
        redemptions.c.proof,
        redemptions.c.generation,
        redemptions.c.voucher,
        redemptions.c.granted_at,
        redemptions.c.policy_digest,
        redemptions.c.state,
        redemptions.c.released_at,
        redemptions.c.released_because,
        redemptions.c.replaces,
        shop_orders.c.state,
        shop_orders.c.valid_until,
        func.coalesce(shop_orders.c.seen_used, False),
        shop_codes.c.id.is_not(None),
    )
    .join(shop_orders, shop_orders.c.redemption_id == redemptions.c.id, isouter=True)
    .join(shop_codes, shop_codes.c.redemption_id == redemptions.c.id, isouter=True)
)


def _given(connection: Connection, query: "Select[tuple[object, ...]]") -> tuple[Given, ...]:
    def given(row: "Row[tuple[object, ...]]") -> Given:
        return Given(*row)  # type: ignore[arg-type, call-arg]

    return tuple(given(row) for row in connection.execute(query))


def _withdrawals(connection: Connection, query: "Select[tuple[object, ...]]") -> tuple[Withdrawal, ...]:
    def withdrawal(row: "Row[tuple[object, ...]]") -> Withdrawal:
        return Withdrawal(**row._mapping)

    return tuple(withdrawal(row) for row in connection.execute(query))
