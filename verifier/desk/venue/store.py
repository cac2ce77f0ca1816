"""The tables of desks with keys of their own. Signed texts are kept as they came; what they say is `formats`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from verifier.ground.database import UtcDateTime, metadata

DeviceState = Literal["active", "revoked"]

desk_bundles = Table(
    "desk_bundles",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("payload_sha256", String(43), nullable=False),
    Column("token", Text, nullable=False),
    Column("pinned", String(43), nullable=False),
    Column("is_imported", Boolean, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)

desk_devices = Table(
    "desk_devices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False),
    Column("desk", String(64), nullable=False),
    Column("name", String(80), nullable=False),
    Column("jwk", String(500), nullable=False),
    Column("rights", String(32), nullable=False),
    Column("cap", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("enrolled_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime, nullable=True),
    UniqueConstraint("event", "desk"),
)

desk_enrolments = Table(
    "desk_enrolments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("secret_sha256", String(64), nullable=False, unique=True),
    Column("event", String(64), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("rights", String(32), nullable=False),
    Column("cap", Integer, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("desk", String(64), nullable=True),  # which it became; none: it was not used yet
)

desk_requests = Table(
    "desk_requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False),
    Column("desk", String(64), nullable=False),
    Column("jti", String(64), nullable=False),
    Column("request_key", String(200), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    UniqueConstraint("event", "desk", "jti"),
)

desk_entries = Table(
    "desk_entries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False),
    Column("desk", String(64), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("hash", String(43), nullable=False),
    Column("token", Text, nullable=False),
    Column("taken_in_at", UtcDateTime, nullable=False),
    UniqueConstraint("event", "desk", "seq", "hash"),
)

epoch_statements = Table(
    "epoch_statements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("hash", String(43), nullable=False),
    Column("token", Text, nullable=False),
    UniqueConstraint("event", "hash"),
)

desk_roll = Table(
    "desk_roll",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("desk", String(64), nullable=False),
    UniqueConstraint("event", "epoch", "desk"),
)


@dataclass(frozen=True)
class KeptBundle:
    """The newest bundle of an event. `pinned`: the fingerprint of the key that signs it; `is_imported`: it came
    from another office.
    """

    event: str
    version: int
    payload_sha256: str
    token: str
    pinned: str
    is_imported: bool
    made_at: datetime


@dataclass(frozen=True)
class DeviceRow:
    """A device; `jwk` as JSON text, `rights` joined by commas."""

    event: str
    desk: str
    name: str
    jwk: str
    rights: str
    cap: int
    state: DeviceState
    enrolled_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class EnrolmentRow:
    """What a secret, kept as its hash, is good for; `desk`: the device that used it."""

    secret_sha256: str
    event: str
    name: str
    rights: str
    cap: int
    expires_at: datetime
    desk: str | None = None


# Bundles


def bundle_of(connection: Connection, event: str) -> KeptBundle | None:
    """The newest bundle of an event."""
    columns = [desk_bundles.c[name] for name in KeptBundle.__dataclass_fields__]
    row = connection.execute(select(*columns).where(desk_bundles.c.event == event)).one_or_none()
    return None if row is None else KeptBundle(*row)


def keep_bundle(connection: Connection, bundle: KeptBundle) -> None:
    """Put a bundle in the place of the event's earlier one."""
    connection.execute(delete(desk_bundles).where(desk_bundles.c.event == bundle.event))
    connection.execute(insert(desk_bundles).values(**vars(bundle)))


# Devices


def add_enrolment(connection: Connection, row: EnrolmentRow) -> None:
    """Keep what a secret is good for."""
    connection.execute(insert(desk_enrolments).values(**vars(row)))


def enrolment_of(connection: Connection, secret_sha256: str) -> EnrolmentRow | None:
    """What a secret is good for, if anything."""
    columns = [desk_enrolments.c[name] for name in EnrolmentRow.__dataclass_fields__]
    row = connection.execute(
        select(*columns).where(desk_enrolments.c.secret_sha256 == secret_sha256)
    ).one_or_none()
    return None if row is None else EnrolmentRow(*row)


def use_enrolment(connection: Connection, secret_sha256: str, *, desk: str) -> None:
    """The secret became this device."""
    connection.execute(
        update(desk_enrolments).where(desk_enrolments.c.secret_sha256 == secret_sha256).values(desk=desk)
    )


def put_device(connection: Connection, device: DeviceRow) -> None:
    """Put a device in the place of the one with its id."""
    same = (desk_devices.c.event == device.event, desk_devices.c.desk == device.desk)
    connection.execute(delete(desk_devices).where(*same))
    connection.execute(insert(desk_devices).values(**vars(device)))


def devices_of(connection: Connection, event: str) -> tuple[DeviceRow, ...]:
    """Every device of an event, in the order of their enrolment."""
    columns = [desk_devices.c[name] for name in DeviceRow.__dataclass_fields__]
    query = (
        select(*columns)
        .where(desk_devices.c.event == event)
        .order_by(desk_devices.c.enrolled_at, desk_devices.c.desk)
    )
    return tuple(DeviceRow(*row) for row in connection.execute(query))


def events_of_device(connection: Connection, desk: str) -> tuple[str, ...]:
    """The events of which a device with this id is."""
    query = select(desk_devices.c.event).where(desk_devices.c.desk == desk)
    return tuple(connection.execute(query).scalars())


def revoke_device(connection: Connection, *, event: str, desk: str, now: datetime) -> bool:
    """From now on the device is none; False if there is no active one of this id."""
    done = connection.execute(
        update(desk_devices)
        .where(desk_devices.c.event == event, desk_devices.c.desk == desk, desk_devices.c.state == "active")
        .values(state="revoked", revoked_at=now)
    )
    return done.rowcount == 1


# Requests


def request_key_of(connection: Connection, *, event: str, desk: str, jti: str) -> str | None:
    """The idempotency key with which a desk's request was seen before; None if it was not."""
    query = select(desk_requests.c.request_key).where(
        desk_requests.c.event == event, desk_requests.c.desk == desk, desk_requests.c.jti == jti
    )
    return connection.execute(query).scalar()


def add_request(
    connection: Connection, *, event: str, desk: str, jti: str, request_key: str, now: datetime
) -> None:
    """A desk's request was seen."""
    connection.execute(
        insert(desk_requests).values(event=event, desk=desk, jti=jti, request_key=request_key, at=now)
    )


def forget_requests(connection: Connection, *, before: datetime) -> None:
    """Requests that are too old to be believed again need not be known."""
    connection.execute(delete(desk_requests).where(desk_requests.c.at < before))


# Journals


def entries_known(connection: Connection, event: str) -> dict[tuple[str, int, str], int]:
    """(desk, seq, hash) of every entry, with its number."""
    query = select(desk_entries.c.desk, desk_entries.c.seq, desk_entries.c.hash, desk_entries.c.id).where(
        desk_entries.c.event == event
    )
    return {(desk, seq, hashed): number for desk, seq, hashed, number in connection.execute(query)}


def add_entries(
    connection: Connection, event: str, entries: Iterable[tuple[str, int, str, str]], *, now: datetime
) -> None:
    """Keep entries: (desk, seq, hash, token), none of which is here."""
    rows = [
        {"event": event, "desk": desk, "seq": seq, "hash": hashed, "token": token, "taken_in_at": now}
        for desk, seq, hashed, token in entries
    ]
    if rows:
        connection.execute(insert(desk_entries), rows)


def entry_tokens(
    connection: Connection, event: str, *, after: int = 0, limit: int | None = None
) -> tuple[tuple[int, str], ...]:
    """The entries of an event with their numbers, as they came."""
    query = (
        select(desk_entries.c.id, desk_entries.c.token)
        .where(desk_entries.c.event == event, desk_entries.c.id > after)
        .order_by(desk_entries.c.id)
        .limit(limit)
    )
    return tuple((number, token) for number, token in connection.execute(query))


# Epochs


def statements_of(connection: Connection, event: str) -> tuple[str, ...]:
    """The statements of an event, oldest first."""
    query = (
        select(epoch_statements.c.token)
        .where(epoch_statements.c.event == event)
        .order_by(epoch_statements.c.epoch, epoch_statements.c.id)
    )
    return tuple(connection.execute(query).scalars())


def add_statement(connection: Connection, *, event: str, epoch: int, hashed: str, token: str) -> None:
    """Keep a statement that is not here."""
    connection.execute(insert(epoch_statements).values(event=event, epoch=epoch, hash=hashed, token=token))


def answer_roll(connection: Connection, *, event: str, epoch: int, desk: str) -> None:
    """A desk has shown that it saw an epoch, and has sent its whole journal."""
    if desk not in roll_of(connection, event=event, epoch=epoch):
        connection.execute(insert(desk_roll).values(event=event, epoch=epoch, desk=desk))


def roll_of(connection: Connection, *, event: str, epoch: int) -> frozenset[str]:
    """The desks that have done so."""
    query = select(desk_roll.c.desk).where(desk_roll.c.event == event, desk_roll.c.epoch == epoch)
    return frozenset(connection.execute(query).scalars())


# Forgetting


def forget_journals(connection: Connection, event: str) -> int:
    """Delete an event's journals; how many entries went."""
    return connection.execute(delete(desk_entries).where(desk_entries.c.event == event)).rowcount


def forget_event(connection: Connection, event: str) -> int:
    """Delete all else of an event's desks but the statements of who decided; how many rows went."""
    tables = (desk_bundles, desk_devices, desk_enrolments, desk_requests, desk_roll, desk_entries)
    return sum(connection.execute(delete(table).where(table.c.event == event)).rowcount for table in tables)


def events_kept(connection: Connection) -> frozenset[str]:
    """Every event of which something is kept here."""
    found: set[str] = set()
    for table in (desk_bundles, desk_devices, desk_entries):
        found |= set(connection.execute(select(table.c.event).distinct()).scalars())
    return frozenset(found)


def count_entries(connection: Connection, event: str) -> int:
    """How many entries are kept of an event."""
    query = select(func.count()).select_from(desk_entries).where(desk_entries.c.event == event)
    return connection.execute(query).scalar_one()
