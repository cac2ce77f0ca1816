"""Cases in which a badge is to be withdrawn: all SQL on them."""

from datetime import datetime

from sqlalchemy import (
    Connection,
    Row,
    insert,
    select,
    update,
)

from issuer.badges.revocation import Case, Outcome
from issuer.badges.store.tables import revocations


def add_revocation(connection: Connection, case: Case) -> int:
    """Write down a case; returns the number that it gets."""
    values = {
        "badge": case.badge,
        "cause": case.cause,
        "reason": case.reason,
        "needs_two": case.needs_two,
        "opened_by": case.opened_by,
        "opened_at": case.opened_at,
        "ends_at": case.ends_at,
        "suspended_until": case.suspended_until,
    }
    query = insert(revocations).values(values).returning(revocations.c.number)
    return int(connection.execute(query).scalar_one())


def agree_to_revocation(connection: Connection, number: int, *, by: str, now: datetime) -> None:
    chosen = revocations.c.number == number
    connection.execute(update(revocations).where(chosen).values(agreed_by=by, agreed_at=now))


def end_revocation(connection: Connection, number: int, *, outcome: Outcome, now: datetime) -> None:
    chosen = revocations.c.number == number
    connection.execute(update(revocations).where(chosen).values(outcome=outcome, ended_at=now))


def revocation(connection: Connection, number: int) -> Case | None:
    row = connection.execute(select(revocations).where(revocations.c.number == number)).first()
    return _case(row) if row else None


def open_revocations(connection: Connection) -> list[Case]:
    """Cases whose notice runs, oldest first."""
    query = select(revocations).where(revocations.c.outcome.is_(None)).order_by(revocations.c.number)
    return [_case(row) for row in connection.execute(query)]


def all_revocations(connection: Connection) -> list[Case]:
    query = select(revocations).order_by(revocations.c.number.desc())
    return [_case(row) for row in connection.execute(query)]


def _case(row: Row[tuple[object, ...]]) -> Case:
    return Case(
        number=row.number,
        badge=row.badge,
        cause=row.cause,
        reason=row.reason,
        needs_two=row.needs_two,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        ends_at=row.ends_at,
        suspended_until=row.suspended_until,
        agreed_by=row.agreed_by,
        outcome=row.outcome,
        ended_at=row.ended_at,
    )
