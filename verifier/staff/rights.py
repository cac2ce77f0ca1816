"""Who may do what: the one table, and the one question to it.

A role is held at one event, or at every event of this office. Whatever is not in the table is allowed to nobody.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    """What somebody is at an event."""

    EVENT_TEAM = "event_team"
    LEAD = "lead"
    FINANCE = "finance"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Right(StrEnum):
    """What can be done."""

    SEE_EVENT = "see_event"
    FIND_GRANT = "find_grant"
    RELEASE = "release"
    SEE_CASES = "see_cases"
    CLOSE_CASE = "close_case"
    SEE_MONEY = "see_money"
    COMPARE_SHOP = "compare_shop"
    PUSH_SHOP = "push_shop"
    SEE_DESKS = "see_desks"
    CHANGE_DESKS = "change_desks"
    READ_AUDIT = "read_audit"
    SEE_STAFF = "see_staff"
    END_SESSIONS = "end_sessions"


# In each row the role that the audit log names comes first.
WHO_MAY: Mapping[Right, tuple[Role, ...]] = {
    Right.SEE_EVENT: (Role.EVENT_TEAM, Role.LEAD, Role.FINANCE, Role.AUDITOR, Role.ADMIN),
    Right.FIND_GRANT: (Role.EVENT_TEAM, Role.LEAD, Role.FINANCE, Role.AUDITOR),
    Right.RELEASE: (Role.LEAD,),
    Right.SEE_CASES: (Role.EVENT_TEAM, Role.LEAD, Role.AUDITOR),
    Right.CLOSE_CASE: (Role.LEAD,),
    Right.SEE_MONEY: (Role.FINANCE, Role.AUDITOR),
    Right.COMPARE_SHOP: (Role.EVENT_TEAM, Role.LEAD, Role.FINANCE, Role.ADMIN),
    Right.PUSH_SHOP: (Role.EVENT_TEAM, Role.LEAD),
    Right.SEE_DESKS: (Role.EVENT_TEAM, Role.LEAD, Role.AUDITOR, Role.ADMIN),
    Right.CHANGE_DESKS: (Role.EVENT_TEAM, Role.LEAD, Role.ADMIN),
    Right.READ_AUDIT: (Role.AUDITOR, Role.ADMIN),
    Right.SEE_STAFF: (Role.ADMIN, Role.AUDITOR),
    Right.END_SESSIONS: (Role.ADMIN,),
}


def acting_role(roles: Iterable[Role], right: Right) -> Role | None:
    """In which of their roles somebody may do this; None if in none."""
    held = frozenset(roles)
    return next((role for role in WHO_MAY.get(right, ()) if role in held), None)
