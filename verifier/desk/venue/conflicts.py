"""What the merge of journals leaves to a person: one case for each discount that was given twice, for each desk
that gave more than its cap, and for two entries of one number in a journal.

A case takes nothing from anybody. Whoever decides says why, and that stands in the audit log with desks, times and
values. The same journals again open nothing; what a person decided at a hub is decided at the office, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection

from schemas import timestamps
from schemas.event_policy import EventPolicy
from verifier.desk.merge import Conflict, Given, Tally
from verifier.desk.venue import command, store
from verifier.desk.venue.store import DeviceRow
from verifier.registration import authority
from verifier.registration.aftercare import cases
from verifier.registration.aftercare.model import Case

GIVEN_TWICE: Final = "given_twice"
OVER_THE_CAP: Final = "over_the_cap"
FORKED: Final = "journal_forked"
ACTOR = "the desks' journals"

Kind = Literal["given_twice", "over_the_cap", "journal_forked"]


@dataclass(frozen=True)
class Matter:
    """Something for a person. `subject`: the same whenever it is found again; `grant`: of this office's ledger."""

    kind: Kind
    subject: str
    sentence: str
    grant: int | None = None


def recount(connection: Connection, policy: EventPolicy, *, now: datetime) -> Tally:
    """Work out anew who got the discount elsewhere, have the ledger know it, and open a case for each conflict
    that has none yet.
    """
    tally = command.recount(connection, policy)
    devices = store.devices_of(connection, policy.event)
    grants = {
        command.request_of(grant): grant.number for grant in authority.grants(connection, event=policy.event)
    }
    for matter in matters(tally, devices, grants=grants):
        cases.open_found(
            connection,
            event=policy.event,
            kind=matter.kind,
            subject=matter.subject,
            sentence=matter.sentence,
            grant=matter.grant,
            actor=ACTOR,
            now=now,
        )
    return tally


def matters(
    tally: Tally, devices: Iterable[DeviceRow], *, grants: Mapping[tuple[str, str], int]
) -> tuple[Matter, ...]:
    """All that a person has to look at in a tally. `grants`: this office's own, by (desk, request id)."""
    listed = tuple(devices)
    names = {row.desk: row.name for row in listed}
    twice = [
        Matter(GIVEN_TWICE, subject_of(conflict), told(conflict, names=names), _grant_of(conflict, grants))
        for conflict in tally.conflicts
    ]
    over = [
        Matter(OVER_THE_CAP, desk, f"{names.get(desk, desk)} gave {more} more than its cap when it was cut off.")
        for desk, more in over_the_cap(tally, listed).items()
    ]
    forked = [
        Matter(
            FORKED,
            f"{span.desk}/{seq}",
            f"{names.get(span.desk, span.desk)}: there are two entries {seq}: its device was copied, or forged.",
        )
        for span in tally.spans
        for seq in span.forks
    ]
    return (*twice, *over, *forked)


def over_the_cap(tally: Tally, devices: Iterable[DeviceRow]) -> dict[str, int]:
    """How many more than it may each desk gave when it was cut off; those that were undone were given, too."""
    caps = {row.desk: row.cap for row in devices}
    given: dict[str, int] = {}
    all_given = (*tally.standing, *(conflict.second for conflict in tally.conflicts), *tally.undone)
    for one in all_given:
        if one.kind == "provisional" and one.desk in caps:
            given[one.desk] = given.get(one.desk, 0) + 1
    return {desk: count - caps[desk] for desk, count in sorted(given.items()) if count > caps[desk]}


def subject_of(conflict: Conflict) -> str:
    """By what a conflict is known: the request of the discount that was one too many."""
    return "/".join(conflict.second.request)


def told(conflict: Conflict, *, names: Mapping[str, str]) -> str:
    """A conflict in one sentence, with both desks, times and values."""
    first = "online, before" if conflict.first is None else _said(conflict.first, names)
    return f"Twice: first {first}; then {_said(conflict.second, names)}"


def found_before(connection: Connection, event: str) -> dict[tuple[str, str], Case]:
    """The cases of desks that were opened before, by kind and subject."""
    listed = cases.in_transaction(connection, event)
    return {(case.kind, case.subject): case for case in listed if case.kind in {GIVEN_TWICE, OVER_THE_CAP, FORKED}}


def _said(given: Given, names: Mapping[str, str]) -> str:
    value = f", worth {given.value}" if given.value is not None else ""
    desk = names.get(given.desk, given.desk) or "online"
    return f"{desk} at {timestamps.show(given.at)} ({given.kind}, {given.percent} %{value})"


def _grant_of(conflict: Conflict, grants: Mapping[tuple[str, str], int]) -> int | None:
    """The grant to be taken back here, if a person decides so: the second one where it is here, else the first."""
    second = grants.get(conflict.second.request)
    return second if second is not None or conflict.first is None else grants.get(conflict.first.request)
