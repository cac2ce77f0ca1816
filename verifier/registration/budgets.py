"""The budget factor of an event: fixed with its first discount, and the same for everybody after it.

The event's file says it, and the file may be replaced while an event runs. What was promised to the first holder
is promised to all, so the factor is written down before the first grant, and a file with another one is refused.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Engine

from schemas.event_policy import EventPolicy, EventPolicyError
from verifier.ground.database import reading, writing
from verifier.registration import store

_Fixed = tuple[Decimal, datetime]


class Budgets:
    """The factors of one office's events. `engine`: opened when it is first needed."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        self._known: dict[str, _Fixed] = {}  # what is fixed stays so: read once

    def check(self, policy: EventPolicy) -> None:
        """Refuse a file whose factor is not the one that was fixed; before the first grant any is good.

        Raises:
            EventPolicyError: it is another one.
            DatabaseError: it could not be asked.
        """
        self._hold_to(self._fixed(policy.event), policy)

    def _hold_to(self, fixed: _Fixed | None, policy: EventPolicy) -> None:
        if fixed is not None and fixed[0] != policy.budget.factor:
            raise EventPolicyError(
                f"budget.factor of the event {policy.event} is {policy.budget.factor}, but {fixed[0]} was fixed on"
                f" {fixed[1].date().isoformat()}, before its first discount: put that back."
            )

    def fix(self, policy: EventPolicy, *, now: datetime) -> None:
        """Before a grant: write the factor down if none is, and hold to it.

        Raises:
            EventPolicyError: another one was fixed.
            DatabaseError: it could not be written, so nothing may be granted.
        """
        fixed = self._fixed(policy.event)
        if fixed is None:
            with writing(self._engine()) as connection:
                if store.fixed_budget(connection, policy.event) is None:
                    store.fix_budget(connection, policy.event, factor=policy.budget.factor, now=now)
            fixed = self._fixed(policy.event)
        self._hold_to(fixed, policy)

    def _fixed(self, event: str) -> _Fixed | None:
        known = self._known.get(event)
        if known is None:
            with reading(self._engine()) as connection:
                known = store.fixed_budget(connection, event)
            if known is not None:
                self._known[event] = known  # whoever else read it at the same moment read the same
        return known
