"""The states of achievements: all SQL on them."""

from sqlalchemy import (
    Connection,
    insert,
    select,
)

from issuer.badges.state import State, StateChange
from issuer.badges.store.tables import achievement_states


def add_state(connection: Connection, achievement: str, change: StateChange, *, by: str) -> None:
    """Write down a change of an achievement's state; those before stay."""
    values = {"achievement": achievement, "state": str(change.state), "reason": change.reason}
    connection.execute(insert(achievement_states).values(**values, decided_by=by, decided_at=change.at))


def states(connection: Connection) -> dict[str, list[StateChange]]:
    """Every change of each achievement's state, oldest first."""
    found: dict[str, list[StateChange]] = {}
    for row in connection.execute(select(achievement_states).order_by(achievement_states.c.number)):
        change = StateChange(State(row.state), row.reason, row.decided_at)
        found.setdefault(row.achievement, []).append(change)
    return found
