"""What people change of their own record: name, address, affiliation, pause, accounts; and what they ask for.

An affiliation that the person does not agree with, and an account that cannot be proved here, are decided by the
manager: they wait as matters. Each change is noted in the audit log, without what was changed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine

from issuer.ground import audit, language, news
from issuer.ground.database import reading
from issuer.ground.matters import Matter
from issuer.people import joining, store
from issuer.people.model import Account, Affiliation, Pause, PeopleError, Person, PersonRequest
from issuer.people.roster import MAX_NAME_CHARACTERS, accounts_of_email
from issuer.people.service import person_by_id

MAX_REASON_CHARACTERS = 1000
MAX_PAUSE = timedelta(days=3 * 366)  # how much of it counts is the policy's affair
DECIDED_IN = timedelta(days=30)
ACCOUNT, AFFILIATION = "account", "affiliation"
UNTOLD_KEY = "untold"


def rename(connection: Connection, person_id: str, name: str, *, now: datetime) -> None:
    """Let a person have this name from now on; the former one is kept nowhere.

    Raises:
        PeopleError: it is empty, too long, or holds control characters.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise PeopleError(f"A name has 1 to {MAX_NAME_CHARACTERS} printable characters.")
    person = _person(connection, person_id)
    joining.put(connection, replace(person, name=name, keeps_own=True))
    for merged in joining.merged_into(connection, person_id):
        joining.put(connection, replace(merged, name=name))
    joining.forget_names(connection, person_id)
    _note(connection, person_id, "person.rename", now=now)


def use_address(connection: Connection, person_id: str, address: str, *, now: datetime) -> None:
    """Let mail go to this address of theirs from now on.

    Raises:
        PeopleError: they have not proved that it is theirs.
    """
    person = _person(connection, person_id)
    if not set(accounts_of_email(address)) & set(person.accounts):
        raise PeopleError("This address is not proved to be yours yet: ask for a link to it first.")
    joining.put(connection, replace(person, email=address, keeps_own=True))
    _note(connection, person_id, "person.use_address", now=now)


def choose_language(connection: Connection, person_id: str, code: str, *, now: datetime) -> None:
    """Let letters to a person be written in this language; an empty one: as they last read a page.

    Raises:
        PeopleError: nothing is written in it here.
    """
    if code and code not in language.known():
        raise PeopleError("Nothing is written in this language here yet.")
    joining.put(connection, replace(_person(connection, person_id), language=code or None))
    _note(connection, person_id, "person.choose_language", now=now)


def drop_account(connection: Connection, person_id: str, account: Account, *, now: datetime) -> None:
    """Take an account off one's record; what was done with it counts for nobody then.

    Raises:
        PeopleError: it is not theirs, or is the last one by which they can come in.
    """
    person = _person(connection, person_id)
    gone = set(accounts_of_email(account.name)) if account.system in {"mail", "git"} else {account}
    left = [other for other in person.accounts if other not in gone]
    if account not in person.accounts:
        raise PeopleError("This account is not on your record.")
    if not any(other.system in {"mail", joining.OPENID} for other in left):
        raise PeopleError("This is the last way in which you can sign in: add another one first.")
    for one in gone:
        store.remove_account(connection, person_id, one)
    news.tell_all(connection, "account", map(str, gone))  # whose work it accepted is decided anew, too
    if person.email is not None and Account.of("mail", person.email) in gone:
        others = [other.name for other in left if other.system == "mail"]
        joining.put(connection, replace(person, email=others[0] if others else None, keeps_own=True))
    _note(connection, person_id, "person.drop_account", now=now)
    joining.tell(connection, person_id)


def set_affiliation(
    connection: Connection, person_id: str, *, since: date, organisation: str | None, now: datetime
) -> None:
    """Say who employs a person from a day on; None: nobody. What another source says of that day is disputed
    instead.

    Raises:
        PeopleError: the organisation's name cannot be taken, or another one is on record for that day.
    """
    if organisation is not None:
        organisation = " ".join(organisation.split())
        if not 0 < len(organisation) <= MAX_NAME_CHARACTERS or not organisation.isprintable():
            raise PeopleError(f"An organisation's name has 1 to {MAX_NAME_CHARACTERS} printable characters.")
    person = _person(connection, person_id)
    if any(known.since == since for known in person.affiliations):
        raise PeopleError("Something is on record from that day on: dispute it, and say what is right.")
    store.put_affiliation(connection, person_id, Affiliation(organisation, since))
    _note(connection, person_id, "person.affiliation", now=now)
    joining.tell(connection, person_id)


def pause(connection: Connection, person_id: str, *, begins: date, ends: date, now: datetime) -> None:
    """Let a time not run for a person's contributions: from a day to another one, both in UTC.

    Raises:
        PeopleError: it ends before it begins, is longer than three years, or lies in the far future.
    """
    if not begins < ends or ends - begins > MAX_PAUSE:
        raise PeopleError("A pause ends after it begins, and has at most three years.")
    if begins > (now + MAX_PAUSE).date():
        raise PeopleError("A pause begins within the next three years.")
    first, last = (datetime.combine(day, datetime.min.time(), UTC) for day in (begins, ends))
    store.put_pause(connection, person_id, Pause(first, last))
    _note(connection, person_id, "person.pause", now=now)
    joining.tell(connection, person_id)


def end_pause(connection: Connection, person_id: str, begins: datetime, *, now: datetime) -> None:
    """Take a pause back, or end it now if it has begun."""
    for known in _person(connection, person_id).pauses:
        if known.begins == begins:
            store.remove_pause(connection, person_id, begins)
            if known.begins < now < known.ends:
                store.put_pause(connection, person_id, Pause(begins, now))
            _note(connection, person_id, "person.end_pause", now=now)
            joining.tell(connection, person_id)


def ask(connection: Connection, person_id: str, *, kind: str, about: str, reason: str, now: datetime) -> int:
    """Ask the manager for an account that cannot be proved, or to correct an affiliation; the request's number.

    Raises:
        PeopleError: no reason, an account that is none, or the same was asked and is not decided yet.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= MAX_REASON_CHARACTERS:
        raise PeopleError(f"A reason of 1 to {MAX_REASON_CHARACTERS} characters was expected.")
    if kind == ACCOUNT:
        about = str(Account.parse(about))
    elif not any(known.since.isoformat() == about for known in _person(connection, person_id).affiliations):
        raise PeopleError("Nothing is on record from that day on.")
    waiting = [one for one in store.requests_of(connection, person_id) if one.decided_at is None]
    if any((one.kind, one.about) == (kind, about) for one in waiting) or len(waiting) >= 20:
        raise PeopleError("You asked this already; the manager has not decided yet.")
    number = store.add_request(connection, kind=kind, person=person_id, about=about, reason=reason, now=now)
    _note(connection, person_id, "person.ask", now=now, subject=f"request {number}")
    return number


def decide(
    connection: Connection, number: int, *, granted: bool, answer: str, by: str, role: str, now: datetime
) -> PersonRequest:
    """What the manager decides about a request; a granted account joins the record, a granted dispute takes the
    affiliation off it: from then on it is unknown, until the person says what is right.

    Raises:
        PeopleError: there is no such request, it was decided, or its account is somebody else's by now.
        AuditError: no answer is given, which is what the person is told.
    """
    request = store.find_request(connection, number)
    if request is None or request.decided_at is not None:
        raise PeopleError(f"There is no request {number} that waits.")
    if request.person == by:
        raise PeopleError("Nobody decides about themselves: another manager was expected.")
    owner = person_by_id(connection, store.roots(connection).get(request.person, request.person))
    if owner is None:
        raise PeopleError("The person who asked has left.")
    if granted and request.kind == ACCOUNT:
        account = Account.parse(request.about)
        if store.owners(connection, [account]):
            raise PeopleError("This account is on a record already: it has to be proved.")
        store.add_accounts(connection, owner.id, [account], proof="manager", now=now)
    elif granted:
        store.remove_affiliation(connection, owner.id, date.fromisoformat(request.about))
    store.decide_request(connection, number, granted=granted, answer=answer, now=now)
    audit.write(
        connection,
        actor=by,
        role=role,
        act=f"request.{'grant' if granted else 'refuse'}",
        reason=answer,
        now=now,
        person=owner.id,
        subject=f"request {number}",
    )
    joining.tell(connection, owner.id)
    return request


def requests_of(connection: Connection, person_id: str) -> list[PersonRequest]:
    """What a person asked for, newest first."""
    return store.requests_of(connection, person_id)


def find_request(connection: Connection, number: int) -> PersonRequest | None:
    """A request by its number."""
    return store.find_request(connection, number)


def matters(engine: Engine) -> list[Matter]:
    """What waits for the manager here: accounts that cannot be proved, affiliations that are disputed, people who
    could not be told what is kept about them.
    """
    with reading(engine) as connection:
        waiting = store.open_requests(connection)
        untold: Sequence[tuple[str, str | None, str | None]] = store.untold(connection)
    found = [
        Matter(
            kind="claim" if one.kind == ACCOUNT else "dispute",
            key=f"people-{one.id}",
            title="Somebody says that an account is theirs, and cannot prove it."
            if one.kind == ACCOUNT
            else "Somebody disputes an affiliation on their record.",
            since=one.opened_at,
            minutes=5,
            default="Nothing is joined." if one.kind == ACCOUNT else "The affiliation stays as it is.",
            page=f"/team/requests/{one.id}",
            due=one.opened_at + DECIDED_IN,
        )
        for one in waiting
    ]
    if untold:
        count = len(untold)
        one = "1 person was not told what is kept about them: nobody could write to them."
        many = f"{count} people were not told what is kept about them: nobody could write to them."
        found.append(
            Matter(
                kind="flag",
                key=UNTOLD_KEY,
                title=one if count == 1 else many,
                since=datetime.min.replace(tzinfo=UTC),
                minutes=2,
                default="They are told when they sign in; the notice is public.",
                page="/privacy",
            )
        )
    return found


def _person(connection: Connection, person_id: str) -> Person:
    person = person_by_id(connection, person_id)
    if person is None:
        raise PeopleError("This record is not here any more.")
    return person


def _note(connection: Connection, person: str, act: str, *, now: datetime, subject: str = "") -> None:
    audit.write(
        connection,
        actor=person,
        role=joining.ROLE,
        act=act,
        reason="their own wish",
        now=now,
        person=person,
        subject=subject,
    )
