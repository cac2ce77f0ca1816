"""The catalogue as it stands: every badge per kind with its rule and state, and the changes of state.

The rules are the policy's; what has become of each badge is decided by the team, and stands in the audit log.
What the states mean is `state`, what an achievement says `catalogue`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from issuer.badges import state, store
from issuer.badges.model import BadgeError
from issuer.badges.state import Standing, State, StateChange
from issuer.ground import audit
from issuer.ground.database import reading, writing
from issuer.people import service as people_service
from issuer.people.model import Person
from issuer.recognition import service as recognition
from issuer.recognition.calendar import BadgePeriod
from schemas.policy import BadgeRule, QualificationPolicy


@dataclass(frozen=True, slots=True)
class Entry:
    """One badge of the catalogue. `policy`: the newest version that has it, by which its words are made."""

    name: str
    rule: BadgeRule
    policy: QualificationPolicy
    standing: Standing
    changes: tuple[StateChange, ...] = ()

    @property
    def state(self) -> State:
        return self.standing.state


def entries(engine: Engine, *, now: datetime) -> list[Entry]:
    """Every badge of the policy in force, in its order; then those that only former versions have."""
    versions = list(recognition.all_policies(engine).values())
    with reading(engine) as connection:
        changes = store.states.states(connection)
    if not versions:
        return []
    current, found, adopted = versions[-1], dict[str, Entry](), recognition.adopted_at(engine)
    for name, rule in current.catalogue.items():
        mine = changes.get(name, [])
        found[name] = Entry(name, rule, current, state.standing(rule, mine, now=now), tuple(mine))
    for number in range(len(versions) - 2, -1, -1):
        former, dropped = versions[number], versions[number + 1]
        for name, rule in former.catalogue.items():
            if name not in found and _was_public(rule, changes.get(name, ())):
                reason = f"The policy has no such badge since version {dropped.version}."
                gone = Standing(State.WITHDRAWN, reason, adopted.get(dropped.digest))
                found[name] = Entry(name, rule, former, gone, tuple(changes.get(name, ())))
    return list(found.values())


def public_entries(engine: Engine, *, now: datetime) -> list[Entry]:
    """The same without what the team only prepares."""
    return [entry for entry in entries(engine, now=now) if entry.standing.is_public]


def find(engine: Engine, name: str, *, now: datetime) -> Entry:
    """A badge of the catalogue by its id.

    Raises:
        BadgeError: there is none.
    """
    known = {entry.name: entry for entry in entries(engine, now=now)}
    if name not in known:
        have = f"it has {', '.join(known)}" if known else "the policy names no badges per kind"
        raise BadgeError(f"The catalogue has no badge {name!r}; {have}.")
    return known[name]


def active(connection: Connection, policy: QualificationPolicy, *, now: datetime) -> frozenset[str]:
    """The badges per kind that are awarded now."""
    if not policy.catalogue:
        return frozenset()
    changes = store.states.states(connection)
    return frozenset(
        name
        for name, rule in policy.catalogue.items()
        if state.standing(rule, changes.get(name, ()), now=now).state is State.ACTIVE
    )


def set_state(
    engine: Engine, name: str, after: State, *, reason: str, by: Person, role: str, now: datetime
) -> Entry:
    """Give a badge of the catalogue another state; the badges that people hold stay as they are.

    Raises:
        BadgeError: no such badge in the policy in force, no reason or too long a one, or this state may not
        follow.
    """
    said = " ".join(reason.split())
    if not 0 < len(said) <= state.MAX_REASON or not said.isprintable():
        raise BadgeError(f"Say in 1 to {state.MAX_REASON} characters why: everybody reads it on the badge's page.")
    entry = find(engine, name, now=now)
    if entry.policy.digest != list(recognition.all_policies(engine))[-1]:
        raise BadgeError(f"The policy in force has no badge {name!r} any more; its state cannot be changed.")
    with writing(engine) as connection:
        changes = store.states.states(connection).get(name, [])
        before = state.standing(entry.rule, changes, now=now)
        state.check_change(name, entry.rule, before, after, now=now)
        store.states.add_state(connection, name, StateChange(after, said, now), by=by.id)
        audit.write(
            connection, actor=by.id, role=role, act="catalogue.state", reason=said, now=now,
            subject=f"achievement {name}", details={"from": str(before.state), "to": str(after)},
        )  # fmt: skip
    return find(engine, name, now=now)


def holders(engine: Engine, period: BadgePeriod) -> Mapping[str, int]:
    """How many people hold each badge per kind of a period; somebody with two records is one."""
    with reading(engine) as connection:
        known_as = people_service.known_as(connection)
        rows = store.badges.holders_per_kind(connection, period)
    people: dict[str, set[str]] = {}
    for achievement, person in rows:
        people.setdefault(achievement, set()).add(known_as.get(person, person))
    return {achievement: len(found) for achievement, found in people.items()}


def _was_public(rule: BadgeRule, changes: "tuple[StateChange, ...] | list[StateChange]") -> bool:
    return State(rule.state) is not State.DRAFT or any(change.state is not State.DRAFT for change in changes)
