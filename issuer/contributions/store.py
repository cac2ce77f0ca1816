"""The tables of contributions, of their sources and of the tokens that may deliver them; all SQL on them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from issuer.contributions.links import LinkKind, links_of
from issuer.contributions.model import Contribution, Facts
from issuer.ground.database import UtcDateTime, by_first, metadata
from issuer.ground.many import among, insert_rows
from issuer.people.model import Account

KEYS_PER_QUERY = 500  # so many answers are in memory at a time
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
    Column("webhook", Boolean, nullable=False),
    Column("revoked_at", UtcDateTime),
)
source_states = Table(
    "source_states",
    metadata,
    Column("name", String(48), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("cursor", JSON, nullable=False),
    Column("tried_at", UtcDateTime),
    Column("succeeded_at", UtcDateTime),
    Column("newest", UtcDateTime),
    Column("not_before", UtcDateTime),
    Column("fault", String(16)),
    Column("error", String(1000)),
    Column("failures", Integer, nullable=False),
    Column("stored", Integer, nullable=False),
    Column("refused", JSON, nullable=False),
    Column("lease", String(32)),
    Column("lease_until", UtcDateTime),
    Column("knocked_at", UtcDateTime),
)
source_days = Table(
    "source_days",
    metadata,
    Column("name", String(48), nullable=False),
    Column("record", String(64), nullable=False),
    Column("day", String(10), nullable=False),
    Column("number", Integer, nullable=False),
    PrimaryKeyConstraint("name", "record", "day"),
)
source_deliveries = Table(
    "source_deliveries",
    metadata,
    Column("name", String(48), nullable=False),
    Column("delivery", String(64), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("name", "delivery"),
)


def add_new(connection: Connection, delivered: Sequence[Contribution], *, now: datetime) -> list[Contribution]:
    """Write those whose (source, id) is not known yet, and say which they were.

    What is known already stays as it is, and of two equal keys in one delivery the first is written. Two
    writers at once: SQLite makes the second one wait; elsewhere the primary key makes its transaction fail,
    and running it again finds the rows.
    """
    fresh = {(c.source, c.id): c for c in reversed(delivered)}
    for source, ids in by_first(fresh, size=KEYS_PER_QUERY):
        named = (contributions.c.source == source) & among(contributions.c.id, ids)
        for known in connection.execute(select(contributions.c.id).where(named)).scalars().all():
            del fresh[source, known]
    if fresh:
        insert_rows(connection, contributions, [_values(c, now) for c in reversed(fresh.values())])
        pointing = [
            {"kind": kind, "target": target, "source": c.source, "id": c.id}
            for c in fresh.values()
            for kind, target in links_of(c)
        ]
        insert_rows(connection, links, pointing)
    return list(reversed(fresh.values()))


def all_contributions(connection: Connection) -> Iterator[Contribution]:
    """Everything, a few rows in memory at a time, ordered by source and id."""
    yield from _read(connection, select(contributions))


def contributions_of(connection: Connection, accounts: Iterable[Account]) -> Iterator[Contribution]:
    """All by these accounts, ordered by source and id for each few hundred accounts."""
    for system, names in by_first(((a.system, a.name) for a in accounts), size=KEYS_PER_QUERY):
        theirs = (contributions.c.system == system) & among(contributions.c.name, names)
        yield from _read(connection, select(contributions).where(theirs))


def by_keys(connection: Connection, keys: Iterable[tuple[str, str]]) -> Iterator[Contribution]:
    """Those with these (source, id)."""
    for source, ids in by_first(keys, size=KEYS_PER_QUERY):
        named = (contributions.c.source == source) & among(contributions.c.id, ids)
        yield from _read(connection, select(contributions).where(named))


def pointing_at(connection: Connection, kind: LinkKind, targets: Iterable[str]) -> set[tuple[str, str]]:
    """(source, id) of the records that point at any of these."""
    ordered, found = sorted(set(targets)), set[tuple[str, str]]()
    for start in range(0, len(ordered), KEYS_PER_QUERY):
        chosen = (links.c.kind == kind) & among(links.c.target, ordered[start : start + KEYS_PER_QUERY])
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


def correct(connection: Connection, contribution: Contribution) -> None:
    """Write what a known record says, and points at, anew."""
    mine = (contributions.c.source == contribution.source) & (contributions.c.id == contribution.id)
    facts = contribution.facts.model_dump(mode="json", exclude_defaults=True)
    connection.execute(update(contributions).where(mine).values(facts=facts))
    connection.execute(delete(links).where(links.c.source == contribution.source, links.c.id == contribution.id))
    pointing = [
        {"kind": kind, "target": target, "source": contribution.source, "id": contribution.id}
        for kind, target in links_of(contribution)
    ]
    if pointing:
        connection.execute(insert(links), pointing)


def delete_of(connection: Connection, account: Account) -> None:
    """Erase the records of an account, and what they point at."""
    mine = (contributions.c.system == account.system) & (contributions.c.name == account.name)
    keys = connection.execute(select(contributions.c.source, contributions.c.id).where(mine)).all()
    for row in keys:
        connection.execute(delete(links).where(links.c.source == row.source, links.c.id == row.id))
    connection.execute(delete(contributions).where(mine))


def add_token(connection: Connection, *, sha256: str, source: str, webhook: bool, now: datetime) -> None:
    connection.execute(insert(tokens).values(sha256=sha256, source=source, webhook=webhook, created_at=now))


def standing_tokens(connection: Connection, *, webhook: bool) -> list[tuple[str, str]]:
    """Each token's SHA-256 in hexadecimal, with the source for which it speaks; of those that were not revoked."""
    standing = select(tokens).where(tokens.c.revoked_at.is_(None), tokens.c.webhook == webhook)
    return [(row.sha256, row.source) for row in connection.execute(standing)]


def all_tokens(connection: Connection) -> list[Row[tuple[object, ...]]]:
    """Every token that there ever was, in the order in which they were made."""
    return list(connection.execute(select(tokens).order_by(tokens.c.created_at, tokens.c.sha256)))


def revoke_token(connection: Connection, *, sha256: str, now: datetime) -> None:
    standing = tokens.c.revoked_at.is_(None)
    connection.execute(update(tokens).where(tokens.c.sha256 == sha256, standing).values(revoked_at=now))


def state_of(connection: Connection, name: str) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(source_states).where(source_states.c.name == name)).one_or_none()


def all_states(connection: Connection) -> dict[str, Row[tuple[object, ...]]]:
    return {row.name: row for row in connection.execute(select(source_states).order_by(source_states.c.name))}


def set_state(connection: Connection, name: str, **values: object) -> None:
    """Change some columns of a source's state; the first time, `kind` must be among them."""
    changed = connection.execute(update(source_states).where(source_states.c.name == name).values(**values))
    if changed.rowcount == 0:
        fresh: dict[str, object] = {"cursor": {}, "failures": 0, "stored": 0, "refused": []}
        connection.execute(insert(source_states).values(**{**fresh, "name": name, **values}))


def add_to_days(connection: Connection, name: str, numbers: Mapping[tuple[str, str], int]) -> None:
    """Add to how many records of each (record, day) a source has given."""
    for (record, day), number in sorted(numbers.items()):
        key = (source_days.c.name == name, source_days.c.record == record, source_days.c.day == day)
        changed = connection.execute(update(source_days).where(*key).values(number=source_days.c.number + number))
        if changed.rowcount == 0:
            connection.execute(insert(source_days).values(name=name, record=record, day=day, number=number))


def days_since(connection: Connection, day: str) -> list[tuple[str, str, str, int]]:
    """(name, record, day, number) of each source from a day on."""
    found = select(source_days).where(source_days.c.day >= day)
    return [(row.name, row.record, row.day, row.number) for row in connection.execute(found)]


def add_delivery(connection: Connection, *, name: str, delivery: str, now: datetime, forget: datetime) -> bool:
    """Whether a webhook's delivery is new; those from before `forget` are forgotten."""
    connection.execute(delete(source_deliveries).where(source_deliveries.c.received_at < forget))
    key = (source_deliveries.c.name == name, source_deliveries.c.delivery == delivery)
    if connection.execute(select(source_deliveries).where(*key)).first() is not None:
        return False
    connection.execute(insert(source_deliveries).values(name=name, delivery=delivery, received_at=now))
    return True


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
