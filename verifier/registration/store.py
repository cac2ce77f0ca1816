"""The redemptions: one row for each grant, and one for each name under which its holder could come back.

The unique key (event, entitlement, issuer, holder) is what gives a discount once only; everything here runs in
the caller's one transaction. No name, address or badge is kept. Deciding is `events`, the use cases `service`.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple, get_args

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    ScalarSelect,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
)

from verifier.ground import statements
from verifier.ground.database import UtcDateTime, metadata
from verifier.ground.statements import Call, Rows, Statement, insertion, presence, run_all

# `releasing`: its voucher is on its way out of the shop; `released`: it counts for nothing any more.
GrantState = Literal["granted", "releasing", "released"]

redemptions = Table(
    "redemptions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False, index=True),
    Column("entitlement", String(64), nullable=False),
    Column("issuer", String(500), nullable=False),
    Column("achievement", String(500), nullable=False),
    Column("counted", Boolean, nullable=False),  # of a pair with a limit of its own
    Column("percent", Integer, nullable=False),
    Column("proof", String(32), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("voucher", String(64), nullable=False, unique=True),
    Column("granted_at", UtcDateTime, nullable=False),
    Column("policy_digest", String(64), nullable=False, server_default=""),  # of the file that granted it
    Column("state", String(16), nullable=False, server_default="granted"),
    Column("released_at", UtcDateTime, nullable=True),
    Column("released_because", String(16), nullable=True),
    Column("replaces", Integer, nullable=True),  # the grant in whose place this one was given
)

redemption_holders = Table(
    "redemption_holders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("redemption_id", Integer, ForeignKey("redemptions.id"), nullable=False, index=True),
    Column("event", String(64), nullable=False),
    Column("entitlement", String(64), nullable=False),
    Column("issuer", String(500), nullable=False),
    Column("holder", String(100), nullable=False),
    UniqueConstraint("event", "entitlement", "issuer", "holder"),
)

redemption_answers = Table(
    "redemption_answers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False),
    Column("request_id", String(200), nullable=False),
    Column("fingerprint", String(64), nullable=False),  # of the request: another one under this id is refused
    Column("reason", String(32), nullable=False),
    Column("redemption_id", Integer, ForeignKey("redemptions.id"), nullable=True),
    Column("answered_at", UtcDateTime, nullable=False),
    UniqueConstraint("event", "request_id"),
)

event_budgets = Table(
    "event_budgets",
    metadata,
    Column("event", String(64), primary_key=True),
    Column("factor", String(20), nullable=False),
    Column("fixed_at", UtcDateTime, nullable=False),
)
grant_standings = Table(
    "grant_standings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("redemption_id", Integer, ForeignKey("redemptions.id"), nullable=False, index=True),
    Column("issuer", String(500), nullable=False),
    Column("credential_sha256", String(64), nullable=False),
    Column("key_id", String(500), nullable=False),
    Column("kind", String(50), nullable=False),  # of the status entry; empty: it has none
    Column("url", String(500), nullable=False),
    Column("list_index", String(20), nullable=False),
    Column("purpose", String(50), nullable=False),
)


@dataclass(frozen=True)
class Standing:
    """Where a badge that was redeemed can be looked up again: its issuer's key, and one place in one list."""

    issuer: str
    credential_sha256: str
    key_id: str
    kind: str = ""
    url: str = ""
    list_index: str = ""
    purpose: str = ""


class HolderName(NamedTuple):
    """A name of a holder, as `holder_key` gives it, and within what it is one holder."""

    event: str
    entitlement: str
    issuer: str
    holder: str


class RequestName(NamedTuple):
    """A request id, which is an event's."""

    event: str
    request_id: str


@dataclass(frozen=True)
class Grant:
    """A row of `redemptions` that is to be, or is."""

    event: str
    entitlement: str
    issuer: str
    achievement: str
    counted: bool
    percent: int
    proof: str
    voucher: str
    granted_at: datetime
    generation: int = 1
    policy_digest: str = ""


@dataclass(frozen=True)
class NewGrant:
    """A grant with its number, with every name of its holder, and where its badge can be looked up again. Who has
    the write lock alone gives the numbers, each one more than the newest, and says so by `count_on`.
    """

    id: int
    grant: Grant
    names: Sequence[HolderName]
    standings: Sequence[Standing] = ()


@dataclass(frozen=True)
class NewAnswer:
    """A row of `redemption_answers` that is to be."""

    event: str
    request_id: str
    fingerprint: str
    reason: str
    redemption_id: int | None
    answered_at: datetime


@dataclass(frozen=True)
class Answer:
    """What a request id was answered; `percent` and `voucher` only where something was granted.

    `stands`: False where what was granted has been released since, or is about to be.
    """

    fingerprint: str
    reason: str
    percent: int = 0
    voucher: str | None = None
    stands: bool = True


@dataclass(frozen=True)
class Known:
    """What was there before some claims: earlier answers, names under which the discount was redeemed, vouchers
    that were ever given, and the number of the newest grant. There are never more grants than that.
    """

    answers: Mapping[RequestName, Answer]
    redeemed: AbstractSet[HolderName]
    given: AbstractSet[str]
    newest: int


def holder_key(reference: str) -> str:
    """A holder's name as it is kept. Random pseudonyms and keys stay as they are; anything else, such as a foreign
    badge's `mailto:`, is personal data and only its SHA-256 is kept; so is what some database cannot hold.
    """
    printable = reference.isprintable() and len(reference) <= 100
    pseudonym = printable and reference.startswith(("urn:uuid:", "did:"))
    return reference if pseudonym else "sha256:" + hashlib.sha256(reference.encode()).hexdigest()


def earlier_redemption(
    connection: Connection, *, event: str, entitlement: str, issuer: str, holders: Iterable[str]
) -> datetime | None:
    """When the discount was redeemed under any of these names, if it was."""
    keys = [holder_key(holder) for holder in holders]
    query = (
        select(redemptions.c.granted_at)
        .join(redemption_holders, redemption_holders.c.redemption_id == redemptions.c.id)
        .where(
            redemption_holders.c.event == event,
            redemption_holders.c.entitlement == entitlement,
            redemption_holders.c.issuer == issuer,
            redemption_holders.c.holder.in_(keys),
        )
        .order_by(redemptions.c.granted_at)
        .limit(1)
    )
    return connection.execute(query).scalar()


@dataclass(frozen=True)
class Kept:
    """A grant that stands, with every name of its holder and the request that it answered."""

    number: int
    issuer: str
    achievement: str
    percent: int
    proof: str
    granted_at: datetime
    request_id: str
    names: tuple[HolderName, ...]


def grants_kept(connection: Connection, *, event: str) -> tuple[Kept, ...]:
    """Every grant of an event that was not released, oldest first."""
    names: dict[int, list[HolderName]] = {}
    columns = [redemption_holders.c[name] for name in HolderName._fields]
    for number, *name in connection.execute(
        select(redemption_holders.c.redemption_id, *columns).where(redemption_holders.c.event == event)
    ):
        names.setdefault(number, []).append(HolderName(*name))
    asked = select(redemption_answers.c.redemption_id, func.min(redemption_answers.c.request_id)).where(
        redemption_answers.c.event == event, redemption_answers.c.redemption_id.is_not(None)
    )
    requests = {row[0]: row[1] for row in connection.execute(asked.group_by(redemption_answers.c.redemption_id))}
    given = ("id", "issuer", "achievement", "percent", "proof", "granted_at")
    query = (
        select(*(redemptions.c[name] for name in given))
        .where(redemptions.c.event == event, redemptions.c.state != "released")
        .order_by(redemptions.c.id)
    )
    return tuple(
        Kept(*row, requests.get(row.id, ""), tuple(sorted(names.get(row.id, ()))))  # type: ignore[call-arg]
        for row in connection.execute(query)
    )


def requests_granted(connection: Connection, *, event: str) -> list[str]:
    """Every request of an event that was answered with a grant, whether it stands or not."""
    query = select(redemption_answers.c.request_id).where(
        redemption_answers.c.event == event, redemption_answers.c.redemption_id.is_not(None)
    )
    return list(connection.execute(query).scalars())


def grant_of_request(connection: Connection, request: RequestName) -> int | None:
    """The number of the grant that a request was answered with."""
    query = select(redemption_answers.c.redemption_id).where(
        redemption_answers.c.event == request.event, redemption_answers.c.request_id == request.request_id
    )
    return connection.execute(query).scalar()


def lists_seen(connection: Connection, *, event: str) -> dict[str, list[str]]:
    """The status lists that badges named which were redeemed at an event, by issuer."""
    query = (
        select(grant_standings.c.issuer, grant_standings.c.url)
        .join(redemptions, grant_standings.c.redemption_id == redemptions.c.id)
        .where(redemptions.c.event == event, grant_standings.c.url != "")
        .distinct()
    )
    found: dict[str, list[str]] = {}
    for issuer, url in connection.execute(query):
        found.setdefault(issuer, []).append(url)
    return found


def names_redeemed(connection: Connection, *, event: str) -> list[tuple[HolderName, datetime]]:
    """Every name under which the event's discount was redeemed and was not released since, and when it was."""
    columns = [redemption_holders.c[name] for name in HolderName._fields]
    query = (
        select(*columns, redemptions.c.granted_at)
        .join(redemptions, redemption_holders.c.redemption_id == redemptions.c.id)
        .where(redemption_holders.c.event == event)
    )
    return [(HolderName(*name), granted_at) for *name, granted_at in connection.execute(query)]


def count_granted(connection: Connection, *, event: str) -> int:
    """How many discounts the event has given, without those that were released."""
    query = (
        select(func.count())
        .select_from(redemptions)
        .where(redemptions.c.event == event, redemptions.c.state != "released")
    )
    return connection.execute(query).scalar_one()


def count_of_pair(connection: Connection, *, event: str, issuer: str, achievement: str) -> int:
    """How many of them for this (issuer, achievement), where it has a limit of its own."""
    query = (
        select(func.count())
        .select_from(redemptions)
        .where(
            redemptions.c.event == event,
            redemptions.c.issuer == issuer,
            redemptions.c.achievement == achievement,
            redemptions.c.counted,
            redemptions.c.state != "released",
        )
    )
    return connection.execute(query).scalar_one()


def look(
    connection: Connection,
    *,
    requests: Sequence[RequestName],
    names: Sequence[HolderName],
    codes: Sequence[str] = (),
) -> Known:
    """What is known of these requests, these names, and these vouchers."""
    (newest,), answered, redeemed, given = run_all(
        connection,
        [(_NEWEST, ()), (_ANSWERED, requests), (_REDEEMED, names), (_GIVEN, [(code,) for code in codes])],
    )
    return Known(
        _answers_to(connection, [RequestName(*row) for row in answered]),
        {HolderName(*row) for row in redeemed},
        {row[0] for row in given},
        newest[0] or 0,
    )


def _answers_to(connection: Connection, requests: Sequence[RequestName]) -> dict[RequestName, Answer]:
    found = {request: answer_to(connection, request) for request in requests}
    return {request: answer for request, answer in found.items() if answer is not None}


def answer_to(connection: Connection, request: RequestName) -> Answer | None:
    """What a request was answered, if it was."""
    query = (
        select(
            redemption_answers.c.fingerprint,
            redemption_answers.c.reason,
            redemptions.c.percent,
            redemptions.c.voucher,
            redemptions.c.state,
        )
        .join(redemptions, redemptions.c.id == redemption_answers.c.redemption_id, isouter=True)
        .where(redemption_answers.c.event == request.event, redemption_answers.c.request_id == request.request_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    stands = row.state in {None, "granted"}
    return Answer(row.fingerprint, row.reason, row.percent or 0, row.voucher, stands)


def writing_of(*, grants: Sequence[NewGrant], answers: Sequence[NewAnswer]) -> list[Call]:
    """What writes grants, each with the names of its holder that it claims, and what requests are answered.

    It ends with sqlalchemy.exc.IntegrityError if one of the names was claimed before: who looked first, in this
    same transaction, never meets that while the write lock is held.
    """
    rows: list[Rows] = [
        [(new.id, *_values(new.grant)) for new in grants],
        [(new.id, *name) for new in grants for name in new.names],
        [(new.id, *_values(place)) for new in grants for place in new.standings],
        [_values(answer) for answer in answers],
    ]
    return list(zip(_ADD, rows, strict=True))


def counts_by_pair(connection: Connection, *, event: str) -> dict[tuple[str, str], int]:
    """How many discounts each (issuer, achievement) has given, without those that were released."""
    query = (
        select(redemptions.c.issuer, redemptions.c.achievement, func.count())
        .where(redemptions.c.event == event, redemptions.c.state != "released")
        .group_by(redemptions.c.issuer, redemptions.c.achievement)
    )
    return {(issuer, achievement): count for issuer, achievement, count in connection.execute(query)}


def codes_given(connection: Connection, codes: Sequence[str]) -> set[str]:
    """Which of these codes were ever given, released or not: none is given twice."""
    (rows,) = run_all(connection, [(_GIVEN, [(code,) for code in codes])])
    return {row[0] for row in rows}


def next_number() -> "ScalarSelect[int]":
    """The number of the next grant, for who has the write lock alone, and says so by `count_on`."""
    return select(func.coalesce(func.max(redemptions.c.id), 0) + 1).scalar_subquery()


def count_on(connection: Connection) -> None:
    """Grants were written after the newest: the next ones come after them."""
    statements.count_on(connection, redemptions)


def _columns(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _values(row: object) -> tuple[object, ...]:
    return tuple(vars(row).values())


_NEWEST = Statement("SELECT max(id) FROM redemptions")
NAME: tuple[Table, Sequence[str]] = redemption_holders, HolderName._fields  # the key of a holder's name
WRITTEN: Sequence[tuple[Table, Sequence[str]]] = (  # as `writing_of` writes them
    (redemptions, ("id", *_columns(Grant))),
    (redemption_holders, ("redemption_id", *HolderName._fields)),
    (grant_standings, ("redemption_id", *_columns(Standing))),
    (redemption_answers, _columns(NewAnswer)),
)
_ANSWERED, _REDEEMED = presence(redemption_answers, RequestName._fields), presence(*NAME)
_GIVEN = presence(redemptions, ["voucher"])
_ADD = [insertion(*rows) for rows in WRITTEN]


def counts_by_state(connection: Connection) -> dict[str, int]:
    """How many discounts there are in each state, of all events."""
    query = select(redemptions.c.state, func.count()).group_by(redemptions.c.state)
    found = {str(state): number for state, number in connection.execute(query)}
    return {state: found.get(state, 0) for state in get_args(GrantState)}


def fixed_budget(connection: Connection, event: str) -> tuple[Decimal, datetime] | None:
    """The budget factor of an event, and when it was fixed."""
    row = connection.execute(select(event_budgets).where(event_budgets.c.event == event)).first()
    return None if row is None else (Decimal(row.factor), row.fixed_at)


def fix_budget(connection: Connection, event: str, *, factor: Decimal, now: datetime) -> None:
    connection.execute(insert(event_budgets).values(event=event, factor=str(factor), fixed_at=now))
