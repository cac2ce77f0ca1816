"""Status lists and the places on them: all SQL on them."""

from collections.abc import Collection

from sqlalchemy import (
    Connection,
    func,
    insert,
    select,
    update,
)

from issuer.badges.model import Purpose
from issuer.badges.store.tables import badges, status_entries, status_lists
from issuer.ground.many import among


def newest_status_list(connection: Connection, purpose: Purpose) -> tuple[int, int] | None:
    """(number, how many places are used) of the newest list for this purpose, if there is one."""
    chosen = status_lists.c.purpose == purpose
    query = select(status_lists).where(chosen).order_by(status_lists.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    return (row.number, row.used) if row else None


def newest_number(connection: Connection) -> int:
    """The highest number of a list for whatever purpose; 0 before the first."""
    return connection.execute(select(func.max(status_lists.c.number))).scalar() or 0


def add_status_list(connection: Connection, number: int, purpose: Purpose) -> None:
    """A new list for one purpose, under a number that no other list has."""
    connection.execute(insert(status_lists).values(number=number, used=0, purpose=purpose))


def purpose_of_status_list(connection: Connection, number: int) -> Purpose | None:
    return connection.execute(select(status_lists.c.purpose).where(status_lists.c.number == number)).scalar()


def taken_indexes(connection: Connection, list_number: int, indexes: Collection[int]) -> set[int]:
    """Which of these places of a list are taken."""
    chosen = (status_entries.c.list == list_number) & among(status_entries.c.index, indexes)
    return set(connection.execute(select(status_entries.c.index).where(chosen)).scalars())


def use_places(connection: Connection, list_number: int, count: int) -> None:
    """Count so many places of a list as used."""
    chosen = status_lists.c.number == list_number
    connection.execute(update(status_lists).where(chosen).values(used=status_lists.c.used + count))


def status_list_numbers(connection: Connection) -> list[int]:
    query = select(status_lists.c.number).order_by(status_lists.c.number)
    return list(connection.execute(query).scalars())


def set_indexes(connection: Connection, list_number: int, *, purpose: Purpose) -> list[int]:
    """The places of a list whose bits are set: of badges that are withdrawn, or suspended."""
    since = badges.c.revoked_at if purpose == "revocation" else badges.c.suspended_at
    query = (
        select(status_entries.c.index)
        .join(badges, badges.c.id == status_entries.c.badge)
        .where((status_entries.c.list == list_number) & since.is_not(None))
    )
    return list(connection.execute(query).scalars())


def close_status_lists(connection: Connection, *, used: int, numbers_left_out: int) -> None:
    """Let no list that there is be given another badge, and no list be made under one of the next numbers."""
    newest = newest_number(connection)
    connection.execute(update(status_lists).where(status_lists.c.used < used).values(used=used))
    last = {"number": newest + numbers_left_out, "used": used, "purpose": "revocation"}
    connection.execute(insert(status_lists).values(last))
