"""What is kept of an event is deleted so many days after its end, as its file says; totals and the audit log stay.

Deleted are its grants with their vouchers, its holders' references, answers, orders, codes, cases and what was
kept of its badges' standing. Counts by achievement, percent and state stay, and no row that was one person's.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine

from schemas.event_policy import EventPolicy
from schemas.strict_json import JsonObject
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import compact, reading, writing
from verifier.registration.aftercare import store
from verifier.registration.aftercare.model import Given, Total, VoucherState

ACTOR = "retention"


@dataclass(frozen=True)
class Forgotten:
    """An event whose details were deleted: how many grants it had, and how many rows went in all."""

    event: str
    grants: int
    rows: int

    def to_json(self) -> JsonObject:
        """For programs."""
        return {"event": self.event, "grants": self.grants, "rows": self.rows}


def run(
    policies: Iterable[EventPolicy], *, engine: Engine, clock: Callable[[], datetime] = system_clock
) -> tuple[Forgotten, ...]:
    """Delete the details of each event whose days are over; what was deleted before changes nothing.

    Raises:
        DatabaseError: nothing was deleted of the event at which it stopped.
    """
    now = clock()
    due = [policy for policy in policies if policy.kept_until <= now]
    forgotten = tuple(found for policy in due if (found := _forget(policy, engine=engine, now=now)) is not None)
    if forgotten:
        compact(engine)  # a deleted row stays readable in its file until it is written anew
    return forgotten


def _forget(policy: EventPolicy, *, engine: Engine, now: datetime) -> Forgotten | None:
    with reading(engine) as connection:
        if not store.is_anything_kept(connection, event=policy.event):
            return None
    with writing(engine) as connection:
        grants = store.grants(connection, event=policy.event)
        gone = store.forget_event(connection, event=policy.event, totals=_totals(grants, now=now))
        rows = sum(gone.values())
        if rows:
            days = policy.retention_days
            audit.write(
                connection,
                actor=ACTOR,
                role="program",
                act="event.forget",
                event=policy.event,
                subject=f"event {policy.event}",
                reason=f"The event's file says that its details are deleted {days} days after its end.",
                now=now,
                details={"grants": len(grants), "rows": rows},
            )
    return Forgotten(policy.event, len(grants), rows) if rows else None


def _totals(grants: Iterable[Given], *, now: datetime) -> list[Total]:
    def alike(given: Given) -> Total:
        shown: VoucherState = "used" if given.seen_used and given.state == "granted" else given.state
        return Total(
            given.event,
            given.issuer,
            given.achievement,
            given.kind,
            given.percent,
            given.policy_digest,
            shown,
            0,
            now,
        )

    return [replace(total, count=count) for total, count in Counter(map(alike, grants)).items()]
