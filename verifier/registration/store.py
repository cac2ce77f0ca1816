"""The redemptions: one row for each grant, and one for each name under which its holder could come back.

The unique key (event, entitlement, issuer, holder) is what gives a discount once only; everything here runs in
the caller's one transaction. No name, address or badge is kept. Deciding is `events`, the use cases `service`.
"""

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import (
    Boolean,
    Column,
    CompoundSelect,
    Connection,
    ForeignKey,
    Integer,
    ScalarSelect,
    Select,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    func,
    insert,
    select,
    union_all,
)

from verifier.ground.database import Call, Statement, UtcDateTime, metadata, run_all, stored_time

MAX_ROWS = 64  # of one statement: SQLite takes at most 500 queries in one, and 32,766 values
Row = TypeVar("Row")

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
    the write lock gives the numbers, each one more than the newest.
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
    """What was there before some claims: earlier answers, names under which the discount was redeemed, and the
    number of the newest grant. There are never more grants than that.
    """

    answers: Mapping[RequestName, Answer]
    redeemed: AbstractSet[HolderName]
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


def look(connection: Connection, *, requests: Sequence[RequestName], names: Sequence[HolderName]) -> Known:
    """What is known of these requests and these names."""
    calls: list[Call] = [(_NEWEST, {})]
    calls += [(_find_answers(len(some)), _flat(RequestName._fields, some)) for some in _some(requests)]
    calls += [(_redeemed_holders(len(some)), _flat(HolderName._fields, some)) for some in _some(names)]
    ((newest,),), *found = run_all(connection, calls)
    rows: list[tuple[Any, ...]] = [row for some in found for row in some]
    return Known(
        {RequestName(*row[:2]): _answer(*row[2:]) for row in rows if len(row) > len(HolderName._fields)},
        {HolderName(*row) for row in rows if len(row) == len(HolderName._fields)},
        newest or 0,
    )


def _answer(fingerprint: str, reason: str, percent: int | None, voucher: str | None, state: str | None) -> Answer:
    return Answer(fingerprint, reason, percent or 0, voucher, state in {None, "granted"})


def write(connection: Connection, *, grants: Sequence[NewGrant], answers: Sequence[NewAnswer]) -> None:
    """Write grants, each with the names of its holder that it claims, and what requests are answered.

    sqlalchemy.exc.IntegrityError if one of the names was claimed before: the caller looked first, in this same
    transaction, so that cannot happen while the write lock is held.
    """
    claimed = [(new.id, *name) for new in grants for name in new.names]
    standings = [(new.id, *_values(place)) for new in grants for place in new.standings]
    run_all(
        connection,
        [
            *_add(redemptions, ("id", *_columns(Grant)), [(new.id, *_values(new.grant)) for new in grants]),
            *_add(redemption_holders, ("redemption_id", *HolderName._fields), claimed),
            *_add(grant_standings, ("redemption_id", *_columns(Standing)), standings),
            *_add(redemption_answers, _columns(NewAnswer), [_values(answer) for answer in answers]),
        ],
    )


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
    calls = [(_codes_given(len(some)), _flat(["voucher"], [(code,) for code in some])) for some in _some(codes)]
    return {row[0] for rows in run_all(connection, calls) for row in rows}


def next_number() -> "ScalarSelect[int]":
    """The number of the next grant, for who has the write lock."""
    return select(func.coalesce(func.max(redemptions.c.id), 0) + 1).scalar_subquery()


# Statements of a redemption. While one runs everybody waits, so each is for many rows, found by their whole keys.


def _add(table: Table, columns: tuple[str, ...], rows: Sequence[Sequence[object]]) -> list[Call]:
    """Statements that insert rows."""
    return [(_insert(table, columns, len(some)), _flat(columns, some)) for some in _some(rows)]


def _columns(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _values(row: object) -> tuple[object, ...]:
    return tuple(vars(row).values())


def _flat(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, object]:
    """The values of rows by column and number of the row, as the statements below name them."""
    return {
        f"{column}_{number}": stored_time(value) if isinstance(value, datetime) else value
        for number, row in enumerate(rows)
        for column, value in zip(columns, row, strict=True)
    }


def _some(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """All of them, as many at a time as a statement can take."""
    return (rows[at : at + MAX_ROWS] for at in range(0, len(rows), MAX_ROWS))


@functools.cache
def _insert(table: Table, columns: tuple[str, ...], count: int) -> Statement:
    rows: list[dict[str, Any]] = [{name: bindparam(f"{name}_{n}") for name in columns} for n in range(count)]
    return Statement(insert(table).values(rows))


@functools.cache
def _redeemed_holders(count: int) -> Statement:
    columns: list[Column[str]] = [redemption_holders.c[name] for name in HolderName._fields]
    return Statement(_for_each(select(*columns), columns, count))


@functools.cache
def _codes_given(count: int) -> Statement:
    return Statement(_for_each(select(redemptions.c.voucher), [redemptions.c.voucher], count))


@functools.cache
def _find_answers(count: int) -> Statement:
    columns: list[Column[str]] = [redemption_answers.c[name] for name in RequestName._fields]
    query = select(
        *columns,
        redemption_answers.c.fingerprint,
        redemption_answers.c.reason,
        redemptions.c.percent,
        redemptions.c.voucher,
        redemptions.c.state,
    ).join(redemptions, redemptions.c.id == redemption_answers.c.redemption_id, isouter=True)
    return Statement(_for_each(query, columns, count))


def _for_each(
    query: "Select[*tuple[Any, ...]]", columns: Sequence[Column[str]], count: int
) -> "CompoundSelect[*tuple[Any, ...]]":
    """The rows of `count` keys, each asked for by all of its columns. One condition for all keys would be shorter,
    and make PostgreSQL read through an event whose table it has not counted yet.
    """
    return union_all(
        *(query.where(*(column == bindparam(f"{column.name}_{n}") for column in columns)) for n in range(count))
    )


_NEWEST = Statement(select(func.max(redemptions.c.id)))
