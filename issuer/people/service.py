"""What other rooms ask of this one: who somebody is, whose an account is, and adding people from a roster.

A use case takes the Engine and owns its transaction. A view that others read together with their own records
takes the Connection of their transaction.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from issuer.ground import mail, news
from issuer.ground.database import reading, writing
from issuer.ground.language import ENGLISH, Voice
from issuer.ground.mail import Mail, MailError
from issuer.ground.rows import RowProblem, RowReport
from issuer.people import store
from issuer.people.model import Account, Affiliation, Pause, PeopleError, Person, Proof
from issuer.people.roster import RosterError, RosterRow, accounts_of_email

ID_BYTES = 16
MAILBOX = "mail"  # the system of accounts that are mailboxes
NOTICE_LASTS = timedelta(days=7)  # a mail server may be down for days
SHORTEST_ID_BEGINNING = 6  # of 32 hexadecimal digits: as short as people type, long enough to be seldom shared
_HEXADECIMAL = frozenset("0123456789abcdef")


def add_people(
    engine: Engine,
    rows: Sequence[RosterRow],
    *,
    now: datetime,
    problems: Iterable[RowProblem] = (),
    notice: Callable[[str, Voice], Mail] | None = None,
) -> RowReport:
    """Take the rows of a roster; each names a person anew or again, and vouches for their accounts.

    The same person is recognised by the roster's key, else by the e-mail address, else by an account and the
    same name. A row that names an account of somebody else is refused whole, and so is one whose manager
    cannot be found. `problems` are those that reading the roster met; they go into the report. `notice`: the
    mail that tells an address what is kept about its person, entered in the same transaction.

    Comes out: `stored` counts people who are new or changed, `duplicates` rows that said nothing new.
    """
    with writing(engine) as connection:
        directory = _Directory.load(connection)
        refused: list[RowProblem] = list(problems)
        counts = {True: 0, False: 0}
        later: list[tuple[RosterRow, RosterError]] = []
        waiting, progress = list(rows), True
        while waiting and progress:  # a manager may stand further down than those they manage
            later = []
            for row in waiting:
                try:
                    counts[directory.take(connection, row, now=now)] += 1
                except _UnknownManagerError as error:
                    later.append((row, error))
                except RosterError as error:
                    refused.append(RowProblem(row.line, error.field, str(error)))
            progress = len(later) < len(waiting)
            waiting = [row for row, _ in later]
        refused += [RowProblem(row.line, error.field, str(error)) for row, error in later]
        if notice is not None:
            tell_the_untold(connection, notice, now=now)
    return RowReport.of(refused, stored=counts[True], duplicates=counts[False])


def tell_the_untold(connection: Connection, notice: Callable[[str, Voice], Mail], *, now: datetime) -> int:
    """Enter a notice for everybody who has an address and was not told what is kept about them; how many."""
    told = 0
    for person_id, address, code in store.untold(connection):
        if address is None:
            continue
        try:
            mail.enter(connection, notice(address, Voice(code or ENGLISH)), expires_at=now + NOTICE_LASTS, now=now)
        except MailError:  # an address that no mail server takes: the manager is asked to tell them
            continue
        store.set_told(connection, person_id, now=now)
        told += 1
    return told


def note_reader(engine: Engine, person: Person, code: str | None) -> None:
    """Note in which language a person just read a page of theirs; None: their client did not say."""
    if code is not None and code != person.page_language:
        with writing(engine) as connection:
            store.set_page_language(connection, person.id, code)


def add_pause(engine: Engine, person_id: str, pause: Pause) -> None:
    """Record a time that does not run for a person's contributions.

    Raises:
        PeopleError: nobody has this id, a time without a zone, or an end that is not after the beginning.
    """
    if pause.begins.tzinfo is None or pause.ends.tzinfo is None or pause.ends <= pause.begins:
        raise PeopleError("A pause begins and ends at times with a zone, and ends after it begins.")
    with writing(engine) as connection:
        if not store.persons_of(connection, [person_id]):
            raise PeopleError(f"Nobody has the id {person_id!r}.")
        store.put_pause(connection, person_id, pause)
        news.tell(connection, "person", person_id)


def find_person(engine: Engine, text: str) -> Person:
    """The one person whom a text names: an id or its unique beginning (6 digits or more), an account as
    `system:name`, an e-mail address, or a name exactly as it stands.

    Raises:
        PeopleError: nobody, or more than one.
    """
    wanted = text.strip()
    with reading(engine) as connection:
        named = store.persons_of(connection, _ids_named(connection, wanted))
    found = [person for person in named if is_present(person)]
    if not found:
        raise PeopleError(
            f"Nobody is known as {wanted!r}: an id, an account such as git:ada@books.example, an e-mail address"
            " or a name was expected."
        )
    if len(found) > 1:
        raise PeopleError(
            f"{wanted!r} names more than one person ({_some_ids(found)}): say which by id, account or e-mail."
        )
    return found[0]


def all_people(connection: Connection) -> list[Person]:
    """Everybody, ordered by id."""
    return store.all_persons(connection)


def some_people(connection: Connection, ids: Iterable[str]) -> list[Person]:
    """Those with these ids who are known as themselves, ordered by id."""
    return [person for person in store.persons_of(connection, ids) if is_present(person)]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of everybody: those behind one id, up to another; without the second, up to the end."""

    after: str = ""
    until: str | None = None


EVERYBODY = Part()


def parts_of_everybody(connection: Connection, *, size: int) -> list[Part]:
    """Everybody in parts of so many persons, each person in one of them."""
    parts, last = [], ""
    while (until := store.id_after(connection, last, count=size)) is not None:
        parts.append(Part(last, until))
        last = until
    return [*parts, Part(last)]


def people_in_groups(connection: Connection, *, size: int, part: Part = EVERYBODY) -> Iterator[list[Person]]:
    """Everybody by id, or a part of them, so many at a time: what a run over a large community holds in memory."""
    last = part.after
    while group := store.persons_after(connection, last, limit=size, until=part.until):
        if present := [person for person in group if is_present(person)]:
            yield present
        last = group[-1].id


def is_present(person: Person) -> bool:
    """Whether somebody is known as themselves: not merged into another, and not gone."""
    return person.merged_into is None and person.left_at is None


def people_by_id(engine: Engine) -> dict[str, Person]:
    """Every person that there ever was by id, in one view of the database; an id that was merged into another
    gives the person as whom they are known now.
    """
    with reading(engine) as connection:
        people = {person.id: person for person in store.every_person(connection)}
        return people | {gone: people[kept] for gone, kept in store.roots(connection).items()}


def persons_behind(connection: Connection, ids: Iterable[str]) -> dict[str, Person]:
    """For each of these ids the person as whom they are known now; also of those who left."""
    known_as, wanted = store.roots(connection), set(ids)
    found = {p.id: p for p in store.persons_of(connection, {known_as.get(one, one) for one in wanted})}
    return {one: found[known_as.get(one, one)] for one in wanted}


@dataclass(frozen=True)
class Holders:
    """Who is behind some ids. `people`: by each id the person as whom they are known now, without their accounts,
    affiliations and pauses; `ids`: by each id every one that this person has or had, the present one first, since
    badges hang on the one that earned them.
    """

    people: Mapping[str, Person]
    ids: Mapping[str, tuple[str, ...]]


def holders_behind(connection: Connection, ids: Iterable[str]) -> Holders:
    """The persons behind many ids, also of those who left, with all their ids; who was merged is read once."""
    known, wanted = store.roots(connection), set(ids)
    former: dict[str, list[str]] = {}
    for gone, kept in known.items():
        former.setdefault(kept, []).append(gone)
    now = {one: known.get(one, one) for one in wanted}
    found = {person.id: person for person in store.outlines_of(connection, now.values())}
    mine = {one: (one, *sorted(former.get(one, ()))) for one in found}
    people = {one: found[kept] for one, kept in now.items()}
    return Holders(people | found, {one: mine[kept] for one, kept in now.items()} | mine)


def known_as(connection: Connection) -> Mapping[str, str]:
    """For each id that is not used any more, the id of the person as whom they are known now."""
    return store.roots(connection)


def ids_of(connection: Connection, person_id: str) -> tuple[str, ...]:
    """Every id that a person has or had, the present one first: badges hang on the one that earned them."""
    return (person_id, *sorted(gone for gone, kept in store.roots(connection).items() if kept == person_id))


def person_by_id(connection: Connection, person_id: str) -> Person | None:
    """A person who is known as themselves; None for an id that is nobody's, or of somebody who left."""
    found = store.persons_of(connection, [person_id])
    return next((person for person in found if is_present(person)), None)


def proofs_of(connection: Connection, person_id: str) -> list[tuple[Account, Proof, datetime]]:
    """Each account of a person, how it was proved, and when."""
    return store.proofs_of(connection, person_id)


def refused_accounts(connection: Connection, accounts: Iterable[Account]) -> frozenset[Account]:
    """Those of these accounts of which nothing is to be recorded: their person refused, or left."""
    refusals = store.all_refusals(connection)
    return frozenset(account for account in accounts if account.sha256 in refusals) if refusals else frozenset()


def all_accounts(connection: Connection) -> dict[Account, str]:
    """Every account that somebody has proved, with that person's id."""
    return store.all_owners(connection)


def owners_of(connection: Connection, accounts: Iterable[Account]) -> Mapping[Account, Person]:
    """Whose these accounts are; an account that nobody has proved is left out."""
    owners = store.owners(connection, accounts)
    people = {person.id: person for person in store.persons_of(connection, owners.values())}
    return {account: people[owner] for account, owner in owners.items()}


def owners_of_address(connection: Connection, address: str) -> list[str]:
    """The ids of those to whom mail for this address is mail for them: it is theirs, or they proved it."""
    wanted = address.strip().lower()
    found = set(store.ids_with_email(connection, wanted))
    with suppress(PeopleError):
        found |= {person.id for person in owners_of(connection, [Account.of(MAILBOX, wanted)]).values()}
    return sorted(found)


class _UnknownManagerError(RosterError):
    """The manager whom a row names is not known, or not known yet."""


@dataclass
class _Directory:
    """Who is known while a roster is taken: read once, kept in step with what each row writes."""

    people: dict[str, Person]
    owners: dict[Account, str]
    keys: dict[str, str]
    key_of: dict[str, str]
    called: dict[str, set[str]]
    refused: frozenset[str]

    @classmethod
    def load(cls, connection: Connection) -> "_Directory":
        people = {person.id: person for person in store.all_persons(connection)}
        known = store.roots(connection)
        written = store.all_keys(connection)
        keys = {key: known.get(owner, owner) for key, owner in written.items()}
        called: dict[str, set[str]] = {}
        for person in people.values():
            called.setdefault(person.name, set()).add(person.id)
        key_of = {owner: key for key, owner in written.items()}
        refused = store.all_refusals(connection)
        return cls(people, store.all_owners(connection), keys, key_of, called, refused)

    def take(self, connection: Connection, row: RosterRow, *, now: datetime) -> bool:
        """Write what a row says; whether it said anything new.

        Raises:
            RosterError: the row is refused, and nothing of it was written.
        """
        known = self._recognise(row)
        self._check_refused(row)
        self._check_accounts(row, known)
        key = self._checked_key(row, known)
        manager = self._manager(row, known)
        before = known or Person(id=secrets.token_hex(ID_BYTES), name="")
        new_accounts = [account for account in row.accounts if account not in self.owners]
        after = replace(
            before,
            name=before.name if before.keeps_own else row.name,
            email=before.email if before.keeps_own else row.email or before.email,
            bot=row.bot,
            manager=manager or before.manager,
            household=row.household or before.household,
            accounts=(*before.accounts, *new_accounts),
            affiliations=_with_affiliation(before, row),
        )
        if after == before and (key is None or key in self.keys):
            return False
        store.put_person(connection, after, key=key or self.key_of.get(after.id))
        store.add_accounts(connection, after.id, new_accounts, proof="manager", now=now)
        if row.affiliation is not None and row.affiliation not in before.affiliations:
            store.put_affiliation(connection, after.id, row.affiliation)
        news.tell_all(connection, "account", map(str, new_accounts))
        news.tell_all(connection, "person", [known.id] if known is not None else [])
        self._learn(before, after, new_accounts, key)
        return True

    def _learn(self, before: Person, after: Person, new_accounts: Iterable[Account], key: str | None) -> None:
        self.people[after.id] = after
        self.owners |= dict.fromkeys(new_accounts, after.id)
        self.called.get(before.name, set()).discard(after.id)
        self.called.setdefault(after.name, set()).add(after.id)
        if key is not None:
            self.keys[key] = after.id
            self.key_of[after.id] = key

    def _recognise(self, row: RosterRow) -> Person | None:
        if row.person is not None:
            by_key = self.people.get(self.keys.get(row.person, row.person))
            if by_key is not None:
                return by_key
        owned = {account: self.owners[account] for account in row.accounts if account in self.owners}
        if row.email is not None:
            for account in accounts_of_email(row.email):
                if account in owned:
                    return self.people[owned[account]]
        # An account alone is not enough: a row for Bob that names Ada's account must not rename Ada.
        same_name = [owner for owner in owned.values() if self.people[owner].name == row.name]
        return self.people[same_name[0]] if same_name else None

    def _check_refused(self, row: RosterRow) -> None:
        for account in row.accounts:
            if account.sha256 in self.refused:
                raise RosterError("accounts", f"the person of {account} asked not to be recorded.")

    def _check_accounts(self, row: RosterRow, known: Person | None) -> None:
        for account in row.accounts:
            owner = self.owners.get(account)
            if owner is not None and (known is None or owner != known.id):
                raise RosterError("accounts", f"{account} belongs to {self.people[owner].name} already.")

    def _checked_key(self, row: RosterRow, known: Person | None) -> str | None:
        """The key to write; None if the row gives none, or gives our own id."""
        if row.person is None or (known is not None and known.id in {row.person, self.keys.get(row.person)}):
            return None
        given = self.key_of.get(known.id) if known is not None else None
        if given is not None and given != row.person:
            raise RosterError("person", f"{row.name} has the key {given!r} already.")
        return row.person

    def _manager(self, row: RosterRow, known: Person | None) -> str | None:
        if row.manager is None:
            return None
        found = self._named(row.manager)
        if not found:
            raise _UnknownManagerError("manager", f"nobody is known as {row.manager!r}.")
        if len(found) > 1:
            raise RosterError("manager", f"{row.manager!r} names more than one person.")
        if known is not None and found == {known.id}:
            raise RosterError("manager", "nobody is their own manager.")
        return found.pop()

    def _named(self, text: str) -> set[str]:
        """The ids of those whom a text names by key, id, account, e-mail address or exact name."""
        if text in self.keys:
            return {self.keys[text]}
        if text in self.people:
            return {text}
        try:
            account = Account.parse(text) if ":" in text else Account.of("mail", text)
        except PeopleError:
            account = None
        if account in self.owners:
            return {self.owners[account]}
        return set(self.called.get(text, ()))


def _with_affiliation(before: Person, row: RosterRow) -> tuple[Affiliation, ...]:
    if row.affiliation is None:
        return before.affiliations
    others = [a for a in before.affiliations if a.since != row.affiliation.since]
    return tuple(sorted([*others, row.affiliation], key=lambda a: a.since))


def _ids_named(connection: Connection, text: str) -> list[str]:
    """The ids that a text may mean, at most a few; the first way of naming that finds anybody decides."""
    if SHORTEST_ID_BEGINNING <= len(text) <= 2 * ID_BYTES and set(text.lower()) <= _HEXADECIMAL:
        found = store.ids_beginning(connection, text.lower(), limit=3)
        if found:
            return found
    try:
        account = Account.parse(text) if ":" in text else Account.of("mail", text)
    except PeopleError:
        account = None
    if account is not None:
        owner = store.owners(connection, [account])
        if owner:
            return list(owner.values())
    return store.ids_called(connection, text, limit=3)


def _some_ids(people: Sequence[Person]) -> str:
    return ", ".join(f"{person.name} {person.id[:8]}" for person in people)
