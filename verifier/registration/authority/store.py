"""One row for each event about which somebody else decides, or did; the salts of its hashes; what others gave."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    String,
    Table,
    UniqueConstraint,
    delete,
    insert,
    select,
)

from schemas import base64url
from verifier.ground.database import UtcDateTime, metadata
from verifier.ground.statements import Statement, run_all

event_authority = Table(
    "event_authority",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False, unique=True),
    Column("epoch", Integer, nullable=False),
    Column("statement_hash", String(43), nullable=False),
    Column("holder", String(64), nullable=False),
    Column("is_here", Boolean, nullable=False),
    Column("is_open", Boolean, nullable=False),  # false: this office decides once it has heard every desk
    Column("since", UtcDateTime, nullable=False),
)

claim_salts = Table(
    "claim_salts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False, unique=True),
    Column("salt", String(43), nullable=False),
)

claims_elsewhere = Table(
    "claims_elsewhere",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False),
    Column("hash", String(43), nullable=False),
    UniqueConstraint("event", "hash"),
)


@dataclass(frozen=True)
class Standing:
    """How authority over an event stands: the newest epoch that is known, and whether it is held here."""

    event: str
    epoch: int
    statement_hash: str
    holder: str
    is_here: bool
    is_open: bool
    since: datetime


def any_standing(connection: Connection) -> bool:
    """Whether it was ever handed over who decides about an event; asked for every redemption."""
    return bool(run_all(connection, [(_ANY, ())])[0])


def standings(connection: Connection, events: Iterable[str]) -> dict[str, Standing]:
    """The rows of these events."""
    columns = [event_authority.c[name] for name in Standing.__dataclass_fields__]
    query = select(*columns).where(event_authority.c.event.in_(list(events)))
    return {row.event: Standing(*row) for row in connection.execute(query)}


def set_standing(connection: Connection, standing: Standing) -> None:
    """Put this row in the place of the event's earlier one."""
    connection.execute(delete(event_authority).where(event_authority.c.event == standing.event))
    connection.execute(insert(event_authority).values(**vars(standing)))


def salt_of(connection: Connection, *, event: str) -> bytes | None:
    """The event's salt, if it has one."""
    text = connection.execute(select(claim_salts.c.salt).where(claim_salts.c.event == event)).scalar()
    return None if text is None else base64url.decode(text)


def keep_salt(connection: Connection, *, event: str, salt: bytes) -> None:
    """Keep the event's salt in the place of an earlier one."""
    connection.execute(delete(claim_salts).where(claim_salts.c.event == event))
    connection.execute(insert(claim_salts).values(event=event, salt=base64url.encode(salt)))


def any_given(connection: Connection, *, event: str, hashes: Collection[str]) -> bool:
    """Whether any of these holders got the event's discount elsewhere."""
    query = select(claims_elsewhere.c.id).where(
        claims_elsewhere.c.event == event, claims_elsewhere.c.hash.in_(list(hashes))
    )
    return connection.execute(query.limit(1)).first() is not None


def given(connection: Connection, *, event: str) -> frozenset[str]:
    """Every holder who got the event's discount elsewhere."""
    query = select(claims_elsewhere.c.hash).where(claims_elsewhere.c.event == event)
    return frozenset(connection.execute(query).scalars())


def replace_given(connection: Connection, *, event: str, hashes: Collection[str]) -> None:
    """Make these the event's holders elsewhere; only what differs is written."""
    before = given(connection, event=event)
    gone, new = before - set(hashes), set(hashes) - before
    for found in gone:
        connection.execute(
            delete(claims_elsewhere).where(claims_elsewhere.c.event == event, claims_elsewhere.c.hash == found)
        )
    if new:
        connection.execute(insert(claims_elsewhere), [{"event": event, "hash": found} for found in sorted(new)])


def forget(connection: Connection, *, event: str) -> int:
    """Delete the event's hashes and their salt."""
    rows = connection.execute(delete(claims_elsewhere).where(claims_elsewhere.c.event == event)).rowcount
    return rows + connection.execute(delete(claim_salts).where(claim_salts.c.event == event)).rowcount


_ANY = Statement("SELECT id FROM event_authority LIMIT 1")
