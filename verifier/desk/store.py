"""The links of desks: which secret link opens the desk of which event. Only a link's hash is kept."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Integer, String, Table, insert, select, update

from verifier.ground.database import UtcDateTime, metadata

desk_links = Table(
    "desk_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("event", String(64), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("name", String(80), nullable=False, server_default=""),
    Column("taken_back_at", UtcDateTime, nullable=True),
)


@dataclass(frozen=True)
class DeskLink:
    """A link as it can be listed: its `number` and name, never its secret."""

    number: int
    name: str
    made_at: datetime
    taken_back_at: datetime | None = None


def add_link(connection: Connection, *, token_sha256: str, event: str, name: str = "", now: datetime) -> int:
    """Keep a new link, and give its number."""
    made = connection.execute(
        insert(desk_links)
        .values(token_sha256=token_sha256, event=event, name=name, made_at=now)
        .returning(desk_links.c.id)
    )
    number: int = made.scalar_one()
    return number


def event_of(connection: Connection, *, token_sha256: str) -> str | None:
    """The event whose desk a link opens; none for a link that was taken back."""
    query = select(desk_links.c.event).where(
        desk_links.c.token_sha256 == token_sha256, desk_links.c.taken_back_at.is_(None)
    )
    return connection.execute(query).scalar()


def links_of(connection: Connection, *, event: str) -> tuple[DeskLink, ...]:
    """Every link of an event, newest first."""
    query = (
        select(desk_links.c.id, desk_links.c.name, desk_links.c.made_at, desk_links.c.taken_back_at)
        .where(desk_links.c.event == event)
        .order_by(desk_links.c.id.desc())
    )
    return tuple(DeskLink(*row) for row in connection.execute(query))


def take_back(connection: Connection, *, event: str, number: int, now: datetime) -> bool:
    """Make a link of this event useless; False if there is none of this number, or it is already."""
    taken = connection.execute(
        update(desk_links)
        .where(desk_links.c.id == number, desk_links.c.event == event, desk_links.c.taken_back_at.is_(None))
        .values(taken_back_at=now)
    )
    return taken.rowcount == 1
