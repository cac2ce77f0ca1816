"""The tables of contributions and of the tokens that may deliver them, and all SQL on them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Index,
    PrimaryKeyConstraint,
    Row,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    tuple_,
)

from issuer.contributions.links import LinkKind, links_of
from issuer.contributions.model import Contribution, Facts
from issuer.ground.database import UtcDateTime, metadata
from issuer.people.model import Account

KEYS_PER_QUERY = 500  # well below the number of values that any database takes in one statement
ROWS_PER_FETCH = 1000  # held in memory at a time while everything is read

contributions = Table(
    "contributions",
    metadata,
    Column("source", String(40), nullable=False),
    Column("id", String(500), nullable=False),
    Column("record", String(64), nullable=False),
    Column("system", String(40), nullable=False),
    Column("name", String(320), nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("evidence", String(2000)),
    Column("received_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("source", "id"),
    Index("ix_contributions_account", "system", "name"),
)
links = Table(
    "contribution_links",
    metadata,
    Column("kind", String(16), nullable=False),
    Column("target", String(600), nullable=False),
    Column("source", String(40), nullable=False),
    Column("id", String(500), nullable=False),
    PrimaryKeyConstraint("kind", "target", "source", "id"),
    sqlite_with_rowid=False,
)
tokens = Table(
    "tokens",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("source", String(40), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)


def add_new(connection: Connection, delivered: Sequence[Contribution], *, now: datetime) -> list[Contribution]:
    """Write those whose (source, id) is not known yet, and say which they were.

    What is known already stays as it is, and of two equal keys in one delivery the first is written. Two
    writers at once: SQLite makes the second one wait; elsewhere the primary key makes its transaction fail,
    and running it again finds the rows.
    """
    fresh = {(c.source, c.id): c for c in reversed(delivered)}
    known = select(contributions.c.source, contributions.c.id).where(
        tuple_(contributions.c.source, contributions.c.id).in_(list(fresh))
    )
    for row in connection.execute(known):
        del fresh[row.source, row.id]
    if fresh:
        connection.execute(insert(contributions), [_values(c, now) for c in reversed(fresh.values())])
        pointing = [
            {"kind": kind, "target": target, "source": c.source, "id": c.id}
            for c in fresh.values()
            for kind, target in links_of(c)
        ]
        if pointing:
            connection.execute(insert(links), pointing)
    return list(reversed(fresh.values()))


def all_contributions(connection: Connection) -> Iterator[Contribution]:
    """Everything, a few rows in memory at a time, ordered by source and id."""
    yield from _read(connection, select(contributions))


def contributions_of(connection: Connection, accounts: Iterable[Account]) -> Iterator[Contribution]:
    """All by these accounts, ordered by source and id for each few hundred accounts."""
    keys = sorted({(account.system, account.name) for account in accounts})
    for start in range(0, len(keys), KEYS_PER_QUERY):
        some = keys[start : start + KEYS_PER_QUERY]
        yield from _read(
            connection, select(contributions).where(tuple_(contributions.c.system, contributions.c.name).in_(some))
        )


def by_keys(connection: Connection, keys: Iterable[tuple[str, str]]) -> Iterator[Contribution]:
    """Those with these (source, id)."""
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), KEYS_PER_QUERY):
        some = ordered[start : start + KEYS_PER_QUERY]
        yield from _read(
            connection, select(contributions).where(tuple_(contributions.c.source, contributions.c.id).in_(some))
        )


def pointing_at(connection: Connection, kind: LinkKind, targets: Iterable[str]) -> set[tuple[str, str]]:
    """(source, id) of the records that point at any of these."""
    ordered, found = sorted(set(targets)), set[tuple[str, str]]()
    for start in range(0, len(ordered), KEYS_PER_QUERY):
        chosen = (links.c.kind == kind) & links.c.target.in_(ordered[start : start + KEYS_PER_QUERY])
        found |= {
            (row.source, row.id) for row in connection.execute(select(links.c.source, links.c.id).where(chosen))
        }
    return found


def all_pointing(connection: Connection, kind: LinkKind) -> set[tuple[str, str]]:
    """(source, id) of every record that has a link of this kind."""
    rows = connection.execute(select(links.c.source, links.c.id).where(links.c.kind == kind))
    return {(row.source, row.id) for row in rows}


def commits_beginning(connection: Connection, beginning: str) -> list[str]:
    """At most two commits that begin so: enough to know whether a beginning means one."""
    within = (links.c.target >= beginning) & (links.c.target < beginning + "g")  # "g" follows every hex digit
    query = select(links.c.target).where((links.c.kind == "commit") & within).distinct()
    return list(connection.execute(query.order_by(links.c.target).limit(2)).scalars())


def authors_pointing_at(connection: Connection, target: str) -> set[Account]:
    """Under which accounts the records stand that name an account."""
    joined = links.join(
        contributions, (links.c.source == contributions.c.source) & (links.c.id == contributions.c.id)
    )
    chosen = (links.c.kind == "names") & (links.c.target == target)
    query = select(contributions.c.system, contributions.c.name).select_from(joined).where(chosen).distinct()
    return {Account(row.system, row.name) for row in connection.execute(query)}


def count_of(connection: Connection, account: Account) -> int:
    """How many records an account has."""
    mine = (contributions.c.system == account.system) & (contributions.c.name == account.name)
    return connection.execute(select(func.count()).select_from(contributions).where(mine)).scalar_one()


def delete_of(connection: Connection, account: Account) -> None:
    """Erase the records of an account, and what they point at."""
    mine = (contributions.c.system == account.system) & (contributions.c.name == account.name)
    keys = connection.execute(select(contributions.c.source, contributions.c.id).where(mine)).all()
    for row in keys:
        connection.execute(delete(links).where(links.c.source == row.source, links.c.id == row.id))
    connection.execute(delete(contributions).where(mine))


def add_token(connection: Connection, *, sha256: str, source: str, now: datetime) -> None:
    connection.execute(insert(tokens).values(sha256=sha256, source=source, created_at=now))


def all_tokens(connection: Connection) -> list[tuple[str, str]]:
    """Each token's SHA-256 in hexadecimal, with the source for which it speaks."""
    return [(row.sha256, row.source) for row in connection.execute(select(tokens))]


def _values(contribution: Contribution, now: datetime) -> dict[str, object]:
    return {
        "source": contribution.source,
        "id": contribution.id,
        "record": contribution.record,
        "system": contribution.account.system,
        "name": contribution.account.name,
        "happened_at": contribution.happened_at,
        "facts": contribution.facts.model_dump(mode="json", exclude_defaults=True),
        "evidence": contribution.evidence,
        "received_at": now,
    }


def _read(connection: Connection, query: Select[tuple[object, ...]]) -> Iterator[Contribution]:
    ordered = query.order_by(contributions.c.source, contributions.c.id)
    with connection.execute(ordered, execution_options={"yield_per": ROWS_PER_FETCH}) as rows:
        yield from map(_contribution, rows)


def _contribution(row: Row[tuple[object, ...]]) -> Contribution:
    return Contribution(
        source=row.source,
        id=row.id,
        record=row.record,
        account=Account(row.system, row.name),
        happened_at=row.happened_at,
        facts=Facts.model_validate(row.facts),
        evidence=row.evidence,
    )
