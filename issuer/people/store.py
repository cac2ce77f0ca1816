"""The tables of persons, their accounts, affiliations and pauses, and all SQL on them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    or_,
    select,
    update,
)

from issuer.ground.database import UtcDateTime, by_first, metadata
from issuer.ground.many import among, insert_rows, of_most
from issuer.people.model import Account, Affiliation, Merge, Pause, Person, PersonRequest, Proof

_T = TypeVar("_T")

IDS_PER_QUERY = 500  # so many answers are in memory at a time

persons = Table(
    "persons",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False, index=True),
    Column("email", String(320), index=True),
    Column("bot", Boolean, nullable=False),
    Column("manager", ForeignKey("persons.id")),
    Column("household", String(100)),
    Column("key", String(100), unique=True),  # what the community's own roster calls them, if it does
    Column("told_at", UtcDateTime),
    Column("keeps_own", Boolean, nullable=False),
    Column("merged_into", ForeignKey("persons.id"), index=True),
    Column("left_at", UtcDateTime),
    Column("language", String(10)),  # as they chose it for letters
    Column("page_language", String(10)),  # as they last read a page
)
accounts = Table(
    "accounts",
    metadata,
    Column("system", String(40), nullable=False),
    Column("name", String(320), nullable=False),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("proof", String(20), nullable=False),
    Column("proved_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("system", "name"),
)
affiliations = Table(
    "affiliations",
    metadata,
    Column("person_id", ForeignKey("persons.id"), nullable=False),
    Column("since", Date, nullable=False),
    Column("organisation", String(200)),
    PrimaryKeyConstraint("person_id", "since"),
)
pauses = Table(
    "pauses",
    metadata,
    Column("person_id", ForeignKey("persons.id"), nullable=False),
    Column("begins", UtcDateTime, nullable=False),
    Column("ends", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("person_id", "begins"),
)
merges = Table(
    "merges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kept", ForeignKey("persons.id"), nullable=False, index=True),
    Column("gone", ForeignKey("persons.id"), nullable=False, index=True),
    Column("made_at", UtcDateTime, nullable=False),
    Column("moved", Text, nullable=False),  # JSON: which accounts, affiliations and pauses came along
    Column("undone_at", UtcDateTime),
)
merge_offers = Table(  # both are proved to be the same person's; nothing happens until that person says so
    "merge_offers",
    metadata,
    Column("person", ForeignKey("persons.id"), primary_key=True),
    Column("other", ForeignKey("persons.id"), primary_key=True),
    Column("accounts", Text, nullable=False),  # JSON: those of the other one that were proved
    Column("made_at", UtcDateTime, nullable=False),
)
profile_texts = Table(
    "profile_texts",
    metadata,
    Column("person", ForeignKey("persons.id"), primary_key=True),
    Column("system", String(40), primary_key=True),
    Column("name", String(320), primary_key=True),
    Column("text", String(200), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)
requests = Table(  # what the manager decides: an account that cannot be proved, an affiliation that is disputed
    "person_requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False, index=True),
    Column("about", String(400), nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("granted", Boolean),
    Column("answer", Text),
)
refusals = Table(
    "refusals",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
)


def put_person(connection: Connection, person: Person, *, key: str | None) -> None:
    """Write who somebody is; their accounts, affiliations and pauses are written apart."""
    values = {
        "name": person.name,
        "email": person.email,
        "bot": person.bot,
        "manager": person.manager,
        "household": person.household,
        "key": key,
        "told_at": person.told_at,
        "keeps_own": person.keeps_own,
        "merged_into": person.merged_into,
        "left_at": person.left_at,
        "language": person.language,
        "page_language": person.page_language,
    }
    changed = connection.execute(update(persons).where(persons.c.id == person.id).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(persons).values(id=person.id, **values))


def add_accounts(
    connection: Connection, person_id: str, new: Iterable[Account], *, proof: Proof, now: datetime
) -> None:
    """Give accounts that nobody owns to a person."""
    rows = [
        {
            "system": account.system,
            "name": account.name,
            "person_id": person_id,
            "proof": proof,
            "proved_at": now,
        }
        for account in new
    ]
    insert_rows(connection, accounts, rows)


def put_affiliation(connection: Connection, person_id: str, affiliation: Affiliation) -> None:
    """Write one affiliation; another one of the same day is corrected by it."""
    same_day = (affiliations.c.person_id == person_id) & (affiliations.c.since == affiliation.since)
    connection.execute(delete(affiliations).where(same_day))
    connection.execute(
        insert(affiliations).values(
            person_id=person_id, since=affiliation.since, organisation=affiliation.organisation
        )
    )


def put_pause(connection: Connection, person_id: str, pause: Pause) -> None:
    """Write one pause; another one that begins at the same moment is corrected by it."""
    same = (pauses.c.person_id == person_id) & (pauses.c.begins == pause.begins)
    connection.execute(delete(pauses).where(same))
    connection.execute(insert(pauses).values(person_id=person_id, begins=pause.begins, ends=pause.ends))


def all_persons(connection: Connection) -> list[Person]:
    """Everybody who is known as themselves, ordered by id; not who was merged into another, or left."""
    return [person for person in _persons(connection, None) if person.merged_into is None and not person.left_at]


def every_person(connection: Connection) -> list[Person]:
    """Every person that there ever was, ordered by id."""
    return _persons(connection, None)


def id_after(connection: Connection, last: str, *, count: int) -> str | None:
    """The id of the person so many behind an id; None if there are not so many."""
    query = select(persons.c.id).where(persons.c.id > last).order_by(persons.c.id).offset(count - 1).limit(1)
    return connection.execute(query).scalar()


def persons_after(connection: Connection, last: str, *, limit: int, until: str | None = None) -> list[Person]:
    """The next persons by id, up to one of them."""
    query = select(persons.c.id).where(persons.c.id > last).order_by(persons.c.id).limit(limit)
    if until is not None:
        query = query.where(persons.c.id <= until)
    ids = list(connection.execute(query).scalars())
    return _persons(connection, ids) if ids else []


def persons_of(connection: Connection, ids: Iterable[str]) -> list[Person]:
    """Those with these ids, ordered by id."""
    found: list[Person] = []
    for some in _chunks(sorted(set(ids))):
        found += _persons(connection, some)
    return found


def owners(connection: Connection, wanted: Iterable[Account]) -> dict[Account, str]:
    """The ids of the persons who own these accounts; accounts that nobody owns are left out."""
    found: dict[Account, str] = {}
    for system, names in by_first(((account.system, account.name) for account in wanted), size=IDS_PER_QUERY):
        named = (accounts.c.system == system) & among(accounts.c.name, names)
        found |= {
            Account(row.system, row.name): row.person_id
            for row in connection.execute(select(accounts).where(named))
        }
    return found


def all_owners(connection: Connection) -> dict[Account, str]:
    """Every account that somebody owns, with the owner's id."""
    rows = connection.execute(select(accounts).order_by(accounts.c.system, accounts.c.name))
    return {Account(row.system, row.name): row.person_id for row in rows}


def all_keys(connection: Connection) -> dict[str, str]:
    """The roster's own keys, with the ids of the persons they stand for."""
    rows = connection.execute(select(persons.c.key, persons.c.id).where(persons.c.key.is_not(None)))
    return {row.key: row.id for row in rows}


_IS_PRESENT = of_most(persons.c.merged_into.is_(None) & persons.c.left_at.is_(None))


def ids_beginning(connection: Connection, beginning: str, *, limit: int) -> list[str]:
    """At most `limit` ids that begin so; `beginning` is hexadecimal and so holds no wildcard."""
    begins = persons.c.id.startswith(beginning, autoescape=True)
    query = select(persons.c.id).where(begins & _IS_PRESENT).order_by(persons.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def ids_called(connection: Connection, text: str, *, limit: int) -> list[str]:
    """At most `limit` ids of persons with exactly this name, or this e-mail address in lower case."""
    called = or_(persons.c.name == text, persons.c.email == text.lower())
    query = select(persons.c.id).where(called & _IS_PRESENT).order_by(persons.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def ids_with_email(connection: Connection, email: str) -> list[str]:
    """Who is written to at this address, which is in lower case."""
    query = select(persons.c.id).where((persons.c.email == email) & _IS_PRESENT).order_by(persons.c.id)
    return list(connection.execute(query).scalars())


def outlines_of(connection: Connection, ids: Iterable[str]) -> list[Person]:
    """Persons with these ids, without their accounts, affiliations and pauses."""
    return [
        _person(row)
        for some in _chunks(sorted(set(ids)))
        for row in connection.execute(select(persons).where(among(persons.c.id, some))).all()
    ]


def roots(connection: Connection) -> dict[str, str]:
    """Who was merged into whom: for each id that is not used any more, the one as whom they are known now."""
    by_index = persons.c.merged_into > ""  # for `IS NOT NULL` SQLite uses none, and reads everybody
    query = select(persons.c.id, persons.c.merged_into).where(by_index)
    into = {row.id: row.merged_into for row in connection.execute(query)}
    return {gone: _root(gone, into) for gone in into}


def _root(person_id: str, into: dict[str, str]) -> str:
    while person_id in into:
        person_id = into[person_id]
    return person_id


def set_merged_into(connection: Connection, gone: str, kept: str | None) -> None:
    """Let a person be known as another one, or as themselves again."""
    connection.execute(update(persons).where(persons.c.id == gone).values(merged_into=kept))


def proofs_of(connection: Connection, person_id: str) -> list[tuple[Account, Proof, datetime]]:
    """Each account of a person, how it was proved, and when."""
    query = select(accounts).where(accounts.c.person_id == person_id).order_by(accounts.c.system, accounts.c.name)
    return [(Account(row.system, row.name), row.proof, row.proved_at) for row in connection.execute(query)]


def move_accounts(connection: Connection, moved: Iterable[Account], *, to: str) -> None:
    """Give accounts to another person, with the proof that they have."""
    for account in moved:
        mine = (accounts.c.system == account.system) & (accounts.c.name == account.name)
        connection.execute(update(accounts).where(mine).values(person_id=to))


def remove_account(connection: Connection, person_id: str, account: Account) -> bool:
    """Take an account from its owner; False if it is not theirs."""
    mine = (accounts.c.system == account.system) & (accounts.c.name == account.name)
    return connection.execute(delete(accounts).where(mine, accounts.c.person_id == person_id)).rowcount == 1


def remove_affiliation(connection: Connection, person_id: str, since: date) -> None:
    """Take an affiliation off somebody's record."""
    same_day = (affiliations.c.person_id == person_id) & (affiliations.c.since == since)
    connection.execute(delete(affiliations).where(same_day))


def remove_pause(connection: Connection, person_id: str, begins: datetime) -> None:
    """Take a pause off somebody's record."""
    connection.execute(delete(pauses).where(pauses.c.person_id == person_id, pauses.c.begins == begins))


def forget_person(connection: Connection, person_id: str, *, now: datetime) -> None:
    """Leave nothing of a person but the id, which badges and the audit log name."""
    connection.execute(update(persons).where(persons.c.manager == person_id).values(manager=None))
    for table in (accounts, affiliations, pauses):
        connection.execute(delete(table).where(table.c.person_id == person_id))
    for table in (profile_texts, merge_offers, requests):
        connection.execute(delete(table).where(table.c.person == person_id))
    connection.execute(delete(merge_offers).where(merge_offers.c.other == person_id))
    mine = or_(merges.c.kept == person_id, merges.c.gone == person_id)
    connection.execute(update(merges).where(mine).values(moved="{}", undone_at=now))
    kept_no_more = ("email", "manager", "household", "key", "language", "page_language")
    nothing = {"name": "", **dict.fromkeys(kept_no_more), "left_at": now}
    connection.execute(update(persons).where(persons.c.id == person_id).values(nothing))


def untold(connection: Connection) -> list[tuple[str, str | None, str | None]]:
    """(id, address, language) of those who were not told what is kept about them."""
    query = select(persons.c.id, persons.c.email, persons.c.language, persons.c.page_language).where(
        persons.c.told_at.is_(None),
        persons.c.merged_into.is_(None),
        persons.c.left_at.is_(None),
        persons.c.bot.is_(False),
    )
    rows = connection.execute(query.order_by(persons.c.id))
    return [(row.id, row.email, row.language or row.page_language) for row in rows]


def set_told(connection: Connection, person_id: str, *, now: datetime) -> None:
    """Note that somebody was told, if they were not before."""
    connection.execute(
        update(persons).where(persons.c.id == person_id, persons.c.told_at.is_(None)).values(told_at=now)
    )


# Merges


def add_merge(connection: Connection, *, kept: str, gone: str, moved: str, now: datetime) -> int:
    """Keep what a merge did; its number."""
    made = connection.execute(insert(merges).values(kept=kept, gone=gone, moved=moved, made_at=now))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def merges_of(connection: Connection, person_id: str) -> list[Merge]:
    """The merges into a person that were not undone, oldest first."""
    query = select(merges).where(merges.c.kept == person_id, merges.c.undone_at.is_(None)).order_by(merges.c.id)
    return [Merge(row.id, row.kept, row.gone, row.made_at, row.moved) for row in connection.execute(query)]


def merges_onward(connection: Connection, person_id: str) -> list[Merge]:
    """The merges by which a person became another, and that one the next, in their order."""
    found: list[Merge] = []
    while True:
        query = select(merges).where(merges.c.gone == person_id, merges.c.undone_at.is_(None))
        row = connection.execute(query).one_or_none()
        if row is None:
            return found
        found.append(Merge(row.id, row.kept, row.gone, row.made_at, row.moved))
        person_id = row.kept


def find_merge(connection: Connection, number: int) -> Merge | None:
    """A merge that was not undone."""
    query = select(merges).where(merges.c.id == number, merges.c.undone_at.is_(None))
    row = connection.execute(query).one_or_none()
    return None if row is None else Merge(row.id, row.kept, row.gone, row.made_at, row.moved)


def undo_merge(connection: Connection, number: int, *, now: datetime) -> None:
    """Note that a merge was undone."""
    connection.execute(update(merges).where(merges.c.id == number).values(undone_at=now))


def set_moved(connection: Connection, number: int, *, moved: str) -> None:
    """Correct what a merge is said to have moved."""
    connection.execute(update(merges).where(merges.c.id == number).values(moved=moved))


def put_offer(connection: Connection, *, person: str, other: str, accounts: str, now: datetime) -> None:
    """Keep which accounts show that two persons may be one (JSON)."""
    drop_offer(connection, person=person, other=other)
    connection.execute(insert(merge_offers).values(person=person, other=other, accounts=accounts, made_at=now))


def drop_offer(connection: Connection, *, person: str, other: str) -> bool:
    """Take an offer away; False if there is none."""
    mine = (merge_offers.c.person == person) & (merge_offers.c.other == other)
    return connection.execute(delete(merge_offers).where(mine)).rowcount == 1


def offers_of(connection: Connection, person_id: str) -> list[tuple[str, str]]:
    """(the other person, the accounts that were proved, as JSON) of each offer that waits for somebody."""
    query = select(merge_offers).where(merge_offers.c.person == person_id).order_by(merge_offers.c.made_at)
    return [(row.other, row.accounts) for row in connection.execute(query)]


def set_page_language(connection: Connection, person_id: str, code: str) -> None:
    """Note in which language a person reads."""
    connection.execute(update(persons).where(persons.c.id == person_id).values(page_language=code))


# Texts in public profiles


def put_profile_text(connection: Connection, *, person: str, account: Account, text: str, now: datetime) -> None:
    """Keep the text that somebody is to show at an account's public profile."""
    connection.execute(delete(profile_texts).where(*_of(person, account)))
    values = {"person": person, "system": account.system, "name": account.name, "text": text, "made_at": now}
    connection.execute(insert(profile_texts).values(values))


def profile_text(connection: Connection, *, person: str, account: Account) -> tuple[str, datetime] | None:
    """The text that somebody is to show there, and since when."""
    row = connection.execute(select(profile_texts).where(*_of(person, account))).one_or_none()
    return None if row is None else (row.text, row.made_at)


def profile_texts_of(connection: Connection, person: str) -> list[tuple[Account, str]]:
    """Every text that somebody is to show, and where."""
    query = select(profile_texts).where(profile_texts.c.person == person).order_by(profile_texts.c.made_at)
    return [(Account(row.system, row.name), row.text) for row in connection.execute(query)]


def drop_profile_text(connection: Connection, *, person: str, account: Account) -> None:
    """The text is of no more use."""
    connection.execute(delete(profile_texts).where(*_of(person, account)))


def _of(person: str, account: Account) -> tuple[ColumnElement[bool], ...]:
    return (
        profile_texts.c.person == person,
        profile_texts.c.system == account.system,
        profile_texts.c.name == account.name,
    )


# What the manager decides


def add_request(connection: Connection, *, kind: str, person: str, about: str, reason: str, now: datetime) -> int:
    """Keep a request; its number."""
    values = {"kind": kind, "person": person, "about": about, "reason": reason, "opened_at": now}
    made = connection.execute(insert(requests).values(values))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def open_requests(connection: Connection) -> list[PersonRequest]:
    """The requests that nobody has decided, oldest first."""
    query = select(requests).where(requests.c.decided_at.is_(None)).order_by(requests.c.id)
    return [PersonRequest(**row._mapping) for row in connection.execute(query)]


def requests_of(connection: Connection, person: str) -> list[PersonRequest]:
    """Every request of one person, newest first."""
    query = select(requests).where(requests.c.person == person).order_by(requests.c.id.desc())
    return [PersonRequest(**row._mapping) for row in connection.execute(query)]


def find_request(connection: Connection, number: int) -> PersonRequest | None:
    """A request, decided or not."""
    row = connection.execute(select(requests).where(requests.c.id == number)).one_or_none()
    return None if row is None else PersonRequest(**row._mapping)


def decide_request(connection: Connection, number: int, *, granted: bool, answer: str, now: datetime) -> None:
    """Note what was decided."""
    values = {"granted": granted, "answer": answer, "decided_at": now}
    connection.execute(update(requests).where(requests.c.id == number).values(values))


# Refusals


def refuse(connection: Connection, refused: Iterable[Account], *, now: datetime) -> None:
    """Keep that nothing of these accounts is to be recorded; of each only its hash."""
    for digest in {account.sha256 for account in refused}:
        connection.execute(delete(refusals).where(refusals.c.sha256 == digest))
        connection.execute(insert(refusals).values(sha256=digest, since=now))


def take_refusal_back(connection: Connection, account: Account) -> None:
    """Somebody wants to be recorded again."""
    connection.execute(delete(refusals).where(refusals.c.sha256 == account.sha256))


def all_refusals(connection: Connection) -> frozenset[str]:
    """The hashes of all accounts of which nothing is recorded."""
    return frozenset(connection.execute(select(refusals.c.sha256)).scalars())


def _persons(connection: Connection, ids: Sequence[str] | None) -> list[Person]:
    named = select(persons).order_by(persons.c.id)
    owned = select(accounts).order_by(accounts.c.system, accounts.c.name)
    employed = select(affiliations).order_by(affiliations.c.since)
    paused = select(pauses).order_by(pauses.c.begins)
    if ids is not None:
        named = named.where(among(persons.c.id, ids))
        owned = owned.where(among(accounts.c.person_id, ids))
        employed = employed.where(among(affiliations.c.person_id, ids))
        paused = paused.where(among(pauses.c.person_id, ids))
    accounts_of: dict[str, list[Account]] = defaultdict(list)
    for row in connection.execute(owned).all():
        accounts_of[row.person_id].append(Account(row.system, row.name))
    affiliations_of: dict[str, list[Affiliation]] = defaultdict(list)
    for row in connection.execute(employed):
        affiliations_of[row.person_id].append(Affiliation(row.organisation, row.since))
    pauses_of: dict[str, list[Pause]] = defaultdict(list)
    for row in connection.execute(paused):
        pauses_of[row.person_id].append(Pause(row.begins, row.ends))
    return [
        _person(
            row,
            accounts=tuple(accounts_of.get(row.id, ())),
            affiliations=tuple(affiliations_of.get(row.id, ())),
            pauses=tuple(pauses_of.get(row.id, ())),
        )
        for row in connection.execute(named).all()
    ]


def _person(
    row: Row[tuple[object, ...]],
    *,
    accounts: tuple[Account, ...] = (),
    affiliations: tuple[Affiliation, ...] = (),
    pauses: tuple[Pause, ...] = (),
) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        bot=row.bot,
        manager=row.manager,
        household=row.household,
        told_at=row.told_at,
        keeps_own=row.keeps_own,
        merged_into=row.merged_into,
        left_at=row.left_at,
        language=row.language,
        page_language=row.page_language,
        accounts=accounts,
        affiliations=affiliations,
        pauses=pauses,
    )


def _chunks(items: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(items)
    while some := list(islice(rest, IDS_PER_QUERY)):
        yield some
