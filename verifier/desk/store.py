"""The links of desks: which secret link opens the desk of which event. Only a link's hash is kept."""

from datetime import datetime

from sqlalchemy import Column, Connection, Integer, String, Table, insert, select

from verifier.ground.database import UtcDateTime, metadata

desk_links = Table(
    "desk_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("event", String(64), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)


def add_link(connection: Connection, *, token_sha256: str, event: str, now: datetime) -> None:
    """Keep a new link."""
    connection.execute(insert(desk_links).values(token_sha256=token_sha256, event=event, made_at=now))


def event_of(connection: Connection, *, token_sha256: str) -> str | None:
    """The event whose desk a link opens."""
    return connection.execute(select(desk_links.c.event).where(desk_links.c.token_sha256 == token_sha256)).scalar()
