"""The redemptions: one row for each grant, and one for each name under which its holder could come back.

The unique key (event, entitlement, issuer, holder) is what gives a discount once only; everything here runs in
the caller's one transaction. No name, address or badge is kept. Deciding is `events`, the use cases `service`.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
)

from verifier.ground.database import UtcDateTime, metadata

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


def redeemed_holders(
    connection: Connection, *, event: str, entitlement: str, issuer: str, keys: Collection[str]
) -> set[str]:
    """Which of these names, as `holder_key` gives them, the discount was redeemed under."""
    query = select(redemption_holders.c.holder).where(
        redemption_holders.c.event == event,
        redemption_holders.c.entitlement == entitlement,
        redemption_holders.c.issuer == issuer,
        redemption_holders.c.holder.in_(keys),
    )
    return set(connection.execute(query).scalars())


def add_grants(connection: Connection, grants: Sequence[tuple[Grant, Collection[str]]]) -> dict[str, int]:
    """Write grants, each with the names of its holder that it claims; the rows' ids by voucher.

    sqlalchemy.exc.IntegrityError if one of the names was claimed before: the caller asked first, in this same
    transaction, so that cannot happen while the write lock is held.
    """
    if not grants:
        return {}
    connection.execute(insert(redemptions), [vars(grant) for grant, _ in grants])
    query = select(redemptions.c.voucher, redemptions.c.id).where(
        redemptions.c.voucher.in_([grant.voucher for grant, _ in grants])
    )
    ids = {row.voucher: row.id for row in connection.execute(query)}
    connection.execute(
        insert(redemption_holders),
        [
            {
                "redemption_id": ids[grant.voucher],
                "event": grant.event,
                "entitlement": grant.entitlement,
                "issuer": grant.issuer,
                "holder": key,
            }
            for grant, keys in grants
            for key in keys
        ],
    )
    return ids


def add_standings(connection: Connection, standings: Sequence[tuple[int, Standing]]) -> None:
    """Keep where the badges of grants, each named by its row's id, can be looked up again."""
    if standings:
        rows = [{"redemption_id": number} | vars(standing) for number, standing in standings]
        connection.execute(insert(grant_standings), rows)


def add_answers(connection: Connection, answers: Sequence[NewAnswer]) -> None:
    """Keep what request ids were answered."""
    if answers:
        connection.execute(insert(redemption_answers), [vars(answer) for answer in answers])


def find_answers(connection: Connection, *, event: str, request_ids: Collection[str]) -> dict[str, Answer]:
    """What each of these request ids was answered, if it was."""
    query = (
        select(
            redemption_answers.c.request_id,
            redemption_answers.c.fingerprint,
            redemption_answers.c.reason,
            redemptions.c.percent,
            redemptions.c.voucher,
            redemptions.c.state,
        )
        .join(redemptions, redemptions.c.id == redemption_answers.c.redemption_id, isouter=True)
        .where(redemption_answers.c.event == event, redemption_answers.c.request_id.in_(request_ids))
    )
    return {
        row.request_id: Answer(
            row.fingerprint, row.reason, row.percent or 0, row.voucher, row.state in {None, "granted"}
        )
        for row in connection.execute(query)
    }


def counts_by_pair(connection: Connection, *, event: str) -> dict[tuple[str, str], int]:
    """How many discounts each (issuer, achievement) has given, without those that were released."""
    query = (
        select(redemptions.c.issuer, redemptions.c.achievement, func.count())
        .where(redemptions.c.event == event, redemptions.c.state != "released")
        .group_by(redemptions.c.issuer, redemptions.c.achievement)
    )
    return {(issuer, achievement): count for issuer, achievement, count in connection.execute(query)}


def codes_given(connection: Connection, codes: Collection[str]) -> set[str]:
    """Which of these codes were ever given, released or not: none is given twice."""
    query = select(redemptions.c.voucher).where(redemptions.c.voucher.in_(codes))
    return set(connection.execute(query).scalars()) if codes else set()
