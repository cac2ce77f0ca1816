"""Who did what, when and why: a log to which rows are only added, each one chained to the one before it.

A row carries the SHA-256 of its own content and of the row before, so that a row which was changed, removed or
put in between is found by `check`. Whoever can write the database file can also write a whole new chain: that
is found only by comparing with a number and hash that were noted elsewhere. Rows are written in the transaction
of the act itself: there is no act without its row. A row names people by their reference only, never by name or
address, so that it may stay when they leave. The table is `store`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from issuer.ground.audit import store
from issuer.ground.audit.store import MAX_TEXT, Row
from issuer.ground.database import reading
from schemas import jcs, strict_json, timestamps
from schemas.strict_json import JsonObject

BEGINNING = "0" * 64  # what the first row names as the hash before it
MAX_DETAILS = 4_000  # characters of JSON; an audit names things and does not keep them


class AuditError(Exception):
    """A row that cannot be written: an act without a reason, or a text that is too long."""


@dataclass(frozen=True)
class Entry:
    """One row: who (`actor`, in which `role`) did what (`act`) to what (`subject`), and why (`reason`).

    `actor`: the id of a person, or a part of this program. `act`: dotted words such as `person.look`.
    `person`: the id of whoever it is about, or nothing; they may read these rows. `subject`: such as `claim 17`.
    """

    number: int
    at: datetime
    actor: str
    role: str
    act: str
    person: str
    subject: str
    reason: str
    details: JsonObject
    sha256: str

    def to_json(self) -> JsonObject:
        """The row for programs."""
        return {
            "number": self.number,
            "at": timestamps.show(self.at),
            "actor": self.actor,
            "role": self.role,
            "act": self.act,
            "person": self.person,
            "subject": self.subject,
            "reason": self.reason,
            "details": self.details,
            "sha256": self.sha256,
        }


@dataclass(frozen=True)
class Chain:
    """What `check` found: how many rows hold together, the last one's hash, and the first fault in a sentence."""

    rows: int
    head: str
    fault: str | None = None


def write(
    connection: Connection,
    *,
    actor: str,
    role: str,
    act: str,
    reason: str,
    now: datetime,
    person: str = "",
    subject: str = "",
    details: Mapping[str, str | int | bool | None] | None = None,
) -> int:
    """Add a row in the caller's transaction, and give its number.

    Raises:
        AuditError: nobody acts, no act or reason is said, or a text is too long. The caller's act does not happen.
    """
    for name, value in {"actor": actor, "role": role, "act": act, "reason": reason}.items():
        if not value.strip():
            raise AuditError(f"The audit log wants to know the {name}: it is empty.")
    texts = {"actor": actor, "role": role, "act": act, "person": person, "subject": subject, "reason": reason}
    for name, value in texts.items():
        if len(value) > MAX_TEXT[name] or not value.replace("\n", " ").isprintable():
            raise AuditError(f"The {name} for the audit log has at most {MAX_TEXT[name]} printable characters.")
    said = jcs.canonicalise(dict(details or {})).decode()
    if len(said) > MAX_DETAILS:
        raise AuditError(f"The details for the audit log have at most {MAX_DETAILS} characters.")
    last = store.last_row(connection)
    number, previous = (1, BEGINNING) if last is None else (last.number + 1, last.sha256)
    row = Row(number, now, actor, role, act, person, subject, reason, said, previous, "")
    store.add(connection, row, sha256=_digest(row))
    return number


def entries(engine: Engine, *, person: str | None = None, last: int = 100) -> tuple[Entry, ...]:
    """The newest rows, oldest of them first; about one person, or of all.

    Raises:
        DatabaseError: the log cannot be read.
    """
    with reading(engine) as connection:
        return tuple(map(_entry, store.last_rows(connection, person=person, count=last)))


def check(engine: Engine, *, noted: tuple[int, str] | None = None) -> Chain:
    """Whether every row is as it was written and none is missing; with `noted`, a number and the hash that it had
    then, also whether the log is still the one from which they were noted.

    Raises:
        DatabaseError: the log cannot be read.
    """
    number, head = 0, BEGINNING
    with reading(engine) as connection:
        rows = store.all_rows(connection)
        while True:
            try:
                row = next(rows, None)
            except ValueError:  # its time is none any more
                return Chain(number, head, f"Row {number + 1}, or one after it, cannot be read.")
            if row is None:
                break
            fault = _fault(row, number=number + 1, previous=head)
            if fault is not None:
                return Chain(number, head, fault)
            number, head = row.number, row.sha256
            if noted is not None and noted[0] == number and noted[1] != head:
                return Chain(
                    number, head, f"Row {number} had another hash when it was noted: the log was replaced."
                )
    if noted is not None and noted[0] > number:
        return Chain(
            number, head, f"The log ends with row {number}, and row {noted[0]} was noted: rows are missing."
        )
    return Chain(number, head)


def _fault(row: Row, *, number: int, previous: str) -> str | None:
    if row.number != number:
        return f"Row {number} is missing: row {row.number} follows."
    if row.previous != previous:
        return f"Row {number} does not follow the row before it."
    return None if _digest(row) == row.sha256 else f"Row {number} was changed after it was written."


def _digest(row: Row) -> str:
    """SHA-256 over the hash before and everything that the row says (RFC 8785 gives its one text)."""
    said: JsonObject = {
        "number": row.number,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),  # as it will be read again
        "actor": row.actor,
        "role": row.role,
        "act": row.act,
        "person": row.person,
        "subject": row.subject,
        "reason": row.reason,
        "details": row.details,
    }
    return hashlib.sha256(row.previous.encode() + jcs.canonicalise(said)).hexdigest()


def _entry(row: Row) -> Entry:
    return Entry(
        row.number,
        row.at,
        row.actor,
        row.role,
        row.act,
        row.person,
        row.subject,
        row.reason,
        strict_json.loads_object(row.details),
        row.sha256,
    )
