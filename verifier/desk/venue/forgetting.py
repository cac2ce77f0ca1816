"""What is kept of an event's desks is deleted when its file says: journals with the names in them, then all the
rest.

The statements of who decided and the audit log stay. Discounts themselves are forgotten by `aftercare.retention`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.event_policy import EventPolicy
from schemas.strict_json import JsonObject
from verifier.desk.venue import command, store
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import compact, reading, writing
from verifier.registration import authority
from verifier.registration.aftercare import retention
from verifier.registration.aftercare.caretaker import Chore
from verifier.registration.service import Registration

ACTOR = "retention"


@dataclass(frozen=True)
class ForgottenDesks:
    """How many entries of journals, and how many rows in all, went of an event."""

    event: str
    entries: int
    rows: int

    def to_json(self) -> JsonObject:
        """For programs."""
        return {"event": self.event, "entries": self.entries, "rows": self.rows}


def run(
    policies: Iterable[EventPolicy], *, registration: Registration, clock: Callable[[], datetime] = system_clock
) -> tuple[ForgottenDesks, ...]:
    """Delete what is over of each event's desks; what was deleted before changes nothing.

    Raises:
        DatabaseError: nothing was deleted of the event at which it stopped.
    """
    found = (_forget(policy, registration=registration, clock=clock) for policy in policies)
    forgotten = tuple(one for one in found if one is not None)
    if forgotten:
        compact(registration.engine)  # a deleted row stays readable in its file until it is written anew
    return forgotten


def chore(registration: Registration) -> Chore:
    """The same for a server, once a day."""

    def forget_all() -> None:
        if registration.settings.has_database:
            run(registration.events(), registration=registration)

    return Chore("forgetting past events' desks", 86_400, 310, forget_all)


def hub_chores(registration: Registration) -> tuple[Chore, ...]:
    """What a hub does without a person: forget."""

    def forget_grants() -> None:
        retention.run(registration.events(), engine=registration.engine)

    return (chore(registration), Chore("forgetting past events", 86_400, 300, forget_grants))


def _forget(
    policy: EventPolicy, *, registration: Registration, clock: Callable[[], datetime]
) -> ForgottenDesks | None:
    now = clock()
    if now < policy.journals_kept_until:
        return None
    event, all_of_it = policy.event, now >= policy.kept_until
    with reading(registration.engine) as connection:
        entries = store.count_entries(connection, event)
        if not entries and not (all_of_it and event in store.events_kept(connection)):
            return None
    with writing(registration.engine) as connection:
        tally = command.tally_of(connection, policy)
        rows = store.forget_journals(connection, event)
        if all_of_it:
            rows += store.forget_event(connection, event) + authority.forget(connection, event=event)
        audit.write(
            connection,
            actor=ACTOR,
            role="program",
            act="desks.forget",
            event=event,
            subject=f"event {event}",
            reason="The event's file says when desks' journals and all other details are deleted.",
            now=now,
            details={"entries": entries, "rows": rows, "conflicts": len(tally.conflicts)},
        )
    return ForgottenDesks(event, entries, rows)
