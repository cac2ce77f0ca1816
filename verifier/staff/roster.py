"""The list of staff, `staff.yaml` in the data folder: who may log in, how they are known, and their roles.

A member is known by a mail address, by the subject that the OpenID provider calls them, or both. What is logged
is the member's id, which is never given to somebody else: of whoever is removed only the id stays. The file is
read anew at each request, so a removal holds at once.
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from schemas import strict_yaml
from schemas.mail_address import MailAddressError, checked_address
from verifier.staff.errors import RosterError
from verifier.staff.rights import Role

EVERY_EVENT = "every_event"  # no event's id has an underscore
MAX_MEMBERS = 500
MAX_SUBJECT = 255  # OpenID Connect Core §2
_ID = re.compile(r"staff-[1-9][0-9]{0,5}")
_EVENT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_FIELDS = frozenset({"id", "mail", "subject", "roles", "removed"})
_HEAD = """\
# Who may log in as staff, and their roles at each event (or at every_event):
# event_team, lead, finance, auditor, admin.
# Also written by `badge-verifier staff add` and `staff remove`. An id is never given to somebody else.
"""


@dataclass(frozen=True)
class Member:
    """One person. `roles`: by the event's id, or EVERY_EVENT; of a removed member nothing but the id is left."""

    id: str
    mail: str | None = None
    subject: str | None = None
    roles: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    removed: bool = False

    def roles_at(self, event: str | None) -> frozenset[Role]:
        """Their roles at an event; with None, those that they have at every event."""
        everywhere = self.roles.get(EVERY_EVENT, frozenset())
        return everywhere if event is None else everywhere | self.roles.get(event, frozenset())


@dataclass(frozen=True)
class Roster:
    """Everybody who may log in, and the ids of those who may not any more."""

    members: tuple[Member, ...] = ()

    @property
    def active(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if not member.removed)

    def by_id(self, member_id: str) -> Member | None:
        return next((member for member in self.active if member.id == member_id), None)

    def by_mail(self, address: str) -> Member | None:
        """Whoever has this address; upper and lower case are one, as people type it."""
        wanted = address.casefold()
        return next((m for m in self.active if m.mail is not None and m.mail.casefold() == wanted), None)

    def by_subject(self, subject: str) -> Member | None:
        return next((member for member in self.active if member.subject == subject), None)


def load(file: Path) -> Roster:
    """The roster of an office; without a file it is empty.

    Raises:
        RosterError: the file cannot be read, or says something that is not expected.
    """
    try:
        return parse(file.read_bytes(), name=file.name)
    except FileNotFoundError:
        return Roster()
    except OSError as error:
        raise RosterError(f"{file.name} cannot be read: {error.strerror}.") from error


@lru_cache(maxsize=8)
def parse(data: bytes, *, name: str) -> Roster:
    """The roster in a file's bytes.

    Raises:
        RosterError: a sentence that names the member and the field.
    """
    try:
        fields = strict_yaml.loads(data)
    except strict_yaml.StrictYamlError as error:
        raise RosterError(f"{name}: {error}") from error
    listed = fields.get("staff")
    if fields.keys() != {"staff"} or not isinstance(listed, list) or len(listed) > MAX_MEMBERS:
        raise RosterError(f"{name}: one field 'staff' was expected, a list of at most {MAX_MEMBERS} members.")
    members: list[Member] = []
    for number, entry in enumerate(listed, start=1):
        try:
            members.append(_member(entry))
        except RosterError as error:
            raise RosterError(f"{name}: member {number}: {error}") from error
    _refuse_twins(members, name=name)
    return Roster(tuple(members))


def add(
    file: Path, *, mail: str | None, subject: str | None, roles: Mapping[str, frozenset[Role]]
) -> tuple[Member, bool]:
    """Add a member, or give one who is known by this address or subject these roles instead; False: known before.

    Raises:
        RosterError: the roster or the new member is refused, or the file cannot be written.
    """
    roster = load(file)
    known = (roster.by_subject(subject) if subject else None) or (roster.by_mail(mail) if mail else None)
    if known is not None:
        member = replace(known, roles=roles, mail=mail or known.mail, subject=subject or known.subject)
        members = tuple(member if other.id == known.id else other for other in roster.members)
    else:
        newest = max((int(other.id.removeprefix("staff-")) for other in roster.members), default=0)
        member = Member(f"staff-{newest + 1}", mail, subject, roles)
        members = (*roster.members, member)
    _write(file, Roster(members))
    return member, known is None


def remove(file: Path, member_id: str) -> Member:
    """Take a member off: only the id stays, so that it is never given to somebody else.

    Raises:
        RosterError: there is no such member, or the file cannot be written.
    """
    roster = load(file)
    member = roster.by_id(member_id)
    if member is None:
        raise RosterError(f"There is no member {member_id[:40]!a}: an id such as staff-3 was expected.")
    gone = Member(member.id, removed=True)
    _write(file, Roster(tuple(gone if other.id == member.id else other for other in roster.members)))
    return member


def parse_roles(given: str) -> tuple[str, frozenset[Role]]:
    """`EVENT:role,role` as a person types it; `every_event` stands for all.

    Raises:
        RosterError: no event, or a role that is not known.
    """
    event, _, names = given.partition(":")
    return _event(event), _roles(names.split(","), event=event)


def _member(entry: Any) -> Member:
    if not isinstance(entry, dict) or not entry.keys() <= _FIELDS:
        raise RosterError("the fields id, mail, subject and roles were expected, and no other.")
    member_id = entry.get("id")
    if not isinstance(member_id, str) or not _ID.fullmatch(member_id):
        raise RosterError("the id must be staff- and a number, such as staff-3.")
    if "removed" in entry:
        if entry != {"id": member_id, "removed": True}:
            raise RosterError("a removed member has an id and 'removed: true', and nothing else.")
        return Member(member_id, removed=True)
    mail, subject = entry.get("mail"), entry.get("subject")
    if mail is None and subject is None:
        raise RosterError("a mail address or a subject was expected: nobody could log in with neither.")
    if mail is not None:
        try:
            mail = checked_address(mail if isinstance(mail, str) else "")
        except MailAddressError as error:
            raise RosterError(f"mail: {error}") from error
    if subject is not None and not _is_subject(subject):
        raise RosterError("the subject must be the text of at most 255 ASCII characters that the provider gives.")
    roles = entry.get("roles")
    if not isinstance(roles, dict) or not roles:
        raise RosterError("the roles must name events, or every_event, each with a list of roles.")
    return Member(
        member_id,
        mail,
        subject,
        MappingProxyType({_event(event): _roles(names, event=event) for event, names in roles.items()}),
    )


def _is_subject(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_SUBJECT and value.isascii() and value.isprintable()


def _event(event: str) -> str:
    if event != EVERY_EVENT and not _EVENT.fullmatch(event):
        raise RosterError(f"{event[:80]!a} is no event: an event's id or {EVERY_EVENT} was expected.")
    return event


def _roles(names: Any, *, event: str) -> frozenset[Role]:
    known = {role.value for role in Role}
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n in known for n in names):
        raise RosterError(f"the roles at {event} must be some of {', '.join(sorted(known))}.")
    return frozenset(map(Role, names))


def _refuse_twins(members: list[Member], *, name: str) -> None:
    """An id, address or subject that two members have would make one of them the other."""
    for what, values in {
        "id": [member.id for member in members],
        "mail": [member.mail.casefold() for member in members if member.mail],
        "subject": [member.subject for member in members if member.subject],
    }.items():
        twins = {value for value in values if values.count(value) > 1}
        if twins:
            raise RosterError(f"{name}: two members have the {what} {sorted(twins)[0]!a}.")


def _write(file: Path, roster: Roster) -> None:
    """The whole file anew, readable by its owner only: there are addresses in it."""
    text = _HEAD + "staff:\n" + "".join(f"  - {_line(member)}\n" for member in roster.members)
    if not roster.members:
        text = _HEAD + "staff: []\n"
    parse(text.encode(), name=file.name)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise RosterError(f"{file} cannot be written: {error.strerror}.") from error


def _line(member: Member) -> str:
    """A member in YAML's flow style; JSON's texts are YAML's."""
    if member.removed:
        return f"{{id: {member.id}, removed: true}}"
    parts = [f"id: {member.id}"]
    parts += [f"{name}: {json.dumps(value)}" for name in ("mail", "subject") if (value := getattr(member, name))]
    held = ", ".join(f"{event}: [{', '.join(sorted(roles))}]" for event, roles in member.roles.items())
    return "{" + ", ".join([*parts, f"roles: {{{held}}}"]) + "}"
