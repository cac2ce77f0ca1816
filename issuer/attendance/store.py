"""Gatherings, who was counted, cards, and lists at the door. No name is kept of anybody who was there.

`visitors` has a hash that is another one for each gathering, so that two gatherings cannot be compared.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from issuer.attendance.model import Gathering
from issuer.ground.database import UtcDateTime, metadata

EVENTS_PER_QUERY = 500

gatherings = Table(
    "gatherings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("event", String(200), nullable=False, unique=True),
    Column("title", String(200), nullable=False),
    Column("region", String(64), nullable=False),
    Column("starts", UtcDateTime, nullable=False),
    Column("ends", UtcDateTime, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("room_hash", String(64), nullable=False, unique=True),  # of the organisers' private link
    Column("turned_away", Integer, nullable=False, default=0),  # came when the declared room was full
)
visitors = Table(
    "visitors",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("gathering", ForeignKey("gatherings.id"), nullable=False),
    Column("visitor", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("gathering", "visitor"),
)
cards = Table(
    "attendance_cards",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("gathering", ForeignKey("gatherings.id"), nullable=False, index=True),
    Column("used_at", UtcDateTime),
)
door_lists = Table(
    "door_lists",
    metadata,
    Column("event", String(200), primary_key=True),
    Column("people", Integer, nullable=False),
    Column("photo", LargeBinary),  # until the attestors have looked
    Column("media_type", String(40)),
    Column("added_at", UtcDateTime, nullable=False),
)


def add(connection: Connection, gathering: Gathering, *, room_hash: str) -> bool:
    """Store a gathering; False if its event has one."""
    if connection.execute(select(gatherings.c.id).where(gatherings.c.event == gathering.event)).first():
        return False
    connection.execute(
        insert(gatherings).values(
            id=gathering.id,
            event=gathering.event,
            title=gathering.title,
            region=gathering.region,
            starts=gathering.starts,
            ends=gathering.ends,
            capacity=gathering.capacity,
            secret=gathering.secret,
            room_hash=room_hash,
            turned_away=0,
        )
    )
    return True


def by_room(connection: Connection, room_hash: str) -> Gathering | None:
    return _gathering(connection, gatherings.c.room_hash == room_hash)


def by_id(connection: Connection, gathering_id: str) -> Gathering | None:
    return _gathering(connection, gatherings.c.id == gathering_id)


def count(connection: Connection, gathering_id: str) -> int:
    """How many were counted."""
    query = select(func.count()).select_from(visitors).where(visitors.c.gathering == gathering_id)
    return connection.execute(query).scalar_one()


def has_visitor(connection: Connection, gathering_id: str, visitor: str) -> bool:
    same = (visitors.c.gathering == gathering_id) & (visitors.c.visitor == visitor)
    return connection.execute(select(visitors.c.id).where(same)).first() is not None


def add_visitor(connection: Connection, gathering_id: str, visitor: str, *, now: datetime) -> None:
    connection.execute(insert(visitors).values(gathering=gathering_id, visitor=visitor, at=now))


def turn_away(connection: Connection, gathering_id: str) -> None:
    """Count somebody who came when the room was full as declared."""
    mine = gatherings.c.id == gathering_id
    connection.execute(update(gatherings).where(mine).values(turned_away=gatherings.c.turned_away + 1))


def overfull(connection: Connection) -> list[tuple[Gathering, int]]:
    """Gatherings that turned people away, with how many."""
    rows = connection.execute(
        select(gatherings.c.id, gatherings.c.turned_away).where(gatherings.c.turned_away > 0)
    )
    found = [(by_id(connection, row.id), row.turned_away) for row in rows.all()]
    return [(gathering, count) for gathering, count in found if gathering is not None]


def add_cards(connection: Connection, gathering_id: str, hashes: Iterable[str]) -> None:
    connection.execute(insert(cards), [{"code_hash": code, "gathering": gathering_id} for code in hashes])


def count_cards(connection: Connection, gathering_id: str) -> int:
    query = select(func.count()).select_from(cards).where(cards.c.gathering == gathering_id)
    return connection.execute(query).scalar_one()


def card(connection: Connection, code_hash: str) -> tuple[str, datetime | None] | None:
    """(gathering, when it was used) of a card."""
    row = connection.execute(
        select(cards.c.gathering, cards.c.used_at).where(cards.c.code_hash == code_hash)
    ).first()
    return (row.gathering, row.used_at) if row else None


def use_card(connection: Connection, code_hash: str, *, now: datetime) -> None:
    connection.execute(update(cards).where(cards.c.code_hash == code_hash).values(used_at=now))


def set_door_list(
    connection: Connection, event: str, *, people: int, photo: bytes, media_type: str, now: datetime
) -> None:
    """Keep an event's list in place of an earlier one."""
    connection.execute(delete(door_lists).where(door_lists.c.event == event))
    connection.execute(
        insert(door_lists).values(event=event, people=people, photo=photo, media_type=media_type, added_at=now)
    )


def photo(connection: Connection, event: str) -> tuple[bytes, str] | None:
    """The photograph of an event's list with its media type, while it is kept."""
    row = connection.execute(
        select(door_lists.c.photo, door_lists.c.media_type).where(door_lists.c.event == event)
    ).first()
    return (row.photo, row.media_type) if row is not None and row.photo is not None else None


def forget_photos(connection: Connection, *, before: datetime, events: Iterable[str] = ()) -> int:
    """Drop photographs of these events, and those that were added before; the numbers stay."""
    old = (door_lists.c.added_at < before) | door_lists.c.event.in_(list(events))
    kept = door_lists.c.photo.is_not(None)
    return connection.execute(update(door_lists).where(old & kept).values(photo=None, media_type=None)).rowcount


def numbers(connection: Connection, events: Sequence[str]) -> dict[str, tuple[int, int | None, int | None]]:
    """For each of these events that has any: how many were counted, are on its list, and fit the room."""
    found: dict[str, tuple[int, int | None, int | None]] = {}
    for at in range(0, len(events), EVENTS_PER_QUERY):
        some = events[at : at + EVENTS_PER_QUERY]
        counted = (
            select(gatherings.c.event, gatherings.c.capacity, func.count(visitors.c.id).label("count"))
            .join(visitors, visitors.c.gathering == gatherings.c.id, isouter=True)
            .where(gatherings.c.event.in_(some))
            .group_by(gatherings.c.event, gatherings.c.capacity)
        )
        found |= {row.event: (row.count, None, row.capacity) for row in connection.execute(counted)}
        listed = select(door_lists.c.event, door_lists.c.people).where(door_lists.c.event.in_(some))
        for row in connection.execute(listed):
            count, _, capacity = found.get(row.event, (0, None, None))
            found[row.event] = count, row.people, capacity
    return found


def _gathering(connection: Connection, condition: object) -> Gathering | None:
    row = connection.execute(select(gatherings).where(condition)).first()  # type: ignore[arg-type]
    if row is None:
        return None
    return Gathering(
        row.id, row.event, row.title, row.region, row.starts, row.ends, row.capacity, bytes(row.secret)
    )
