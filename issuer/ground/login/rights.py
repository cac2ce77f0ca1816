"""Who may do what: the one table, and the one question to it.

Whoever is signed in without a role sees their own record, and nothing of anybody else's. Whatever is not in the
table is allowed to nobody.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    """What somebody is in the community's programme."""

    MANAGER = "manager"
    ATTESTOR = "attestor"
    PANEL = "panel"
    AUDITOR = "auditor"


class Right(StrEnum):
    """What can be done besides looking at one's own record."""

    SEE_INBOX = "see_inbox"
    LOOK_AT_PERSON = "look_at_person"
    DECIDE_CLAIM = "decide_claim"
    DECIDE_DISPUTE = "decide_dispute"
    WITHDRAW_BADGE = "withdraw_badge"
    DELIVER_BADGE = "deliver_badge"
    CHANGE_POLICY = "change_policy"
    APPROVE_POLICY = "approve_policy"
    SEE_SOURCES = "see_sources"
    ATTEST = "attest"
    READ_AUDIT = "read_audit"
    SEE_ROLES = "see_roles"
    END_SESSIONS = "end_sessions"


# In each row the role that the audit log names comes first.
WHO_MAY: Mapping[Right, tuple[Role, ...]] = {
    Right.SEE_INBOX: (Role.MANAGER, Role.PANEL, Role.AUDITOR),
    Right.LOOK_AT_PERSON: (Role.MANAGER, Role.PANEL, Role.AUDITOR),
    Right.DECIDE_CLAIM: (Role.MANAGER,),
    Right.DECIDE_DISPUTE: (Role.MANAGER, Role.PANEL),
    Right.WITHDRAW_BADGE: (Role.MANAGER, Role.PANEL),
    Right.DELIVER_BADGE: (Role.MANAGER,),
    Right.CHANGE_POLICY: (Role.MANAGER,),
    Right.APPROVE_POLICY: (Role.MANAGER, Role.PANEL),
    Right.SEE_SOURCES: (Role.MANAGER, Role.AUDITOR),
    Right.ATTEST: (Role.ATTESTOR,),
    Right.READ_AUDIT: (Role.AUDITOR, Role.MANAGER),
    Right.SEE_ROLES: (Role.MANAGER, Role.AUDITOR),
    Right.END_SESSIONS: (Role.MANAGER,),
}


def acting_role(roles: Iterable[Role], right: Right) -> Role | None:
    """In which of their roles somebody may do this; None if in none."""
    held = frozenset(roles)
    return next((role for role in WHO_MAY.get(right, ()) if role in held), None)
