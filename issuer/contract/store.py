"""The tables of what was issued over the contract and of the status lists made for it, and all SQL on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from issuer.ground.database import UtcDateTime, metadata

credentials = Table(
    "contract_credentials",
    metadata,
    Column("id", Text, primary_key=True),
    Column("document", Text),  # JSON; None once it was deleted
    Column("issued_at", UtcDateTime, nullable=False),
)
lists = Table(
    "contract_status_lists",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)
bits = Table(
    "contract_status_bits",  # those that are set
    metadata,
    Column("list", ForeignKey("contract_status_lists.name"), primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("set_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept under an id: the JSON of a credential, or None where it was deleted."""

    document: str | None


def keep_credential(connection: Connection, credential_id: str, *, document: str, now: datetime) -> None:
    """Keep a credential; a newer one with the same id takes its place."""
    values = {"document": document, "issued_at": now}
    known = connection.execute(update(credentials).where(credentials.c.id == credential_id).values(values))
    if known.rowcount == 0:
        connection.execute(insert(credentials).values(id=credential_id, **values))


def credential(connection: Connection, credential_id: str) -> Kept | None:
    row = connection.execute(select(credentials.c.document).where(credentials.c.id == credential_id)).first()
    return Kept(row.document) if row else None


def forget_credential(connection: Connection, credential_id: str) -> None:
    """Nothing of it stays but that there was one."""
    connection.execute(credentials.update().where(credentials.c.id == credential_id).values(document=None))


def add_list(connection: Connection, name: str, *, purpose: str, now: datetime) -> None:
    connection.execute(insert(lists).values(name=name, purpose=purpose, made_at=now))


def purpose_of_list(connection: Connection, name: str) -> str | None:
    """The purpose of a list, None if there is no such list."""
    return connection.execute(select(lists.c.purpose).where(lists.c.name == name)).scalar()


def list_names(connection: Connection) -> list[str]:
    return list(connection.execute(select(lists.c.name).order_by(lists.c.made_at, lists.c.name)).scalars())


def is_set(connection: Connection, name: str, index: int) -> bool:
    chosen = (bits.c.list == name) & (bits.c.index == index)
    return bool(connection.execute(select(func.count()).where(chosen)).scalar())


def set_bit(connection: Connection, name: str, index: int, *, now: datetime) -> None:
    """Set a bit; one that is set stays as it was."""
    if not is_set(connection, name, index):
        connection.execute(insert(bits).values(list=name, index=index, set_at=now))


def clear_bit(connection: Connection, name: str, index: int) -> None:
    connection.execute(delete(bits).where((bits.c.list == name) & (bits.c.index == index)))


def set_indexes(connection: Connection, name: str) -> Iterable[int]:
    """Every index of a list whose bit is set."""
    return connection.execute(select(bits.c.index).where(bits.c.list == name)).scalars()
