"""The tables of persons, their accounts, affiliations and pauses, and all SQL on them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKey,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from issuer.ground.database import UtcDateTime, metadata
from issuer.people.model import Account, Affiliation, Pause, Person, Proof

_T = TypeVar("_T")

IDS_PER_QUERY = 500  # well below the number of values that any database takes in one statement

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


def put_person(connection: Connection, person: Person, *, key: str | None) -> None:
    """Write who somebody is; their accounts, affiliations and pauses are written apart."""
    values = {
        "name": person.name,
        "email": person.email,
        "bot": person.bot,
        "manager": person.manager,
        "household": person.household,
        "key": key,
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
    if rows:
        connection.execute(insert(accounts), rows)


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
    """Everybody, ordered by id."""
    return _persons(connection, None)


def persons_after(connection: Connection, last: str, *, limit: int) -> list[Person]:
    """The next persons by id."""
    query = select(persons.c.id).where(persons.c.id > last).order_by(persons.c.id).limit(limit)
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
    for some in _chunks(sorted(set(wanted))):
        keys = [(account.system, account.name) for account in some]
        where = tuple_(accounts.c.system, accounts.c.name).in_(keys)
        found |= {
            Account(row.system, row.name): row.person_id
            for row in connection.execute(select(accounts).where(where))
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


def ids_beginning(connection: Connection, beginning: str, *, limit: int) -> list[str]:
    """At most `limit` ids that begin so; `beginning` is hexadecimal and so holds no wildcard."""
    where = persons.c.id.startswith(beginning, autoescape=True)
    return list(
        connection.execute(select(persons.c.id).where(where).order_by(persons.c.id).limit(limit)).scalars()
    )


def ids_called(connection: Connection, text: str, *, limit: int) -> list[str]:
    """At most `limit` ids of persons with exactly this name, or this e-mail address in lower case."""
    where = or_(persons.c.name == text, persons.c.email == text.lower())
    return list(
        connection.execute(select(persons.c.id).where(where).order_by(persons.c.id).limit(limit)).scalars()
    )


def _persons(connection: Connection, ids: Sequence[str] | None) -> list[Person]:
    named = select(persons).order_by(persons.c.id)
    owned = select(accounts).order_by(accounts.c.system, accounts.c.name)
    employed = select(affiliations).order_by(affiliations.c.since)
    paused = select(pauses).order_by(pauses.c.begins)
    if ids is not None:
        named = named.where(persons.c.id.in_(ids))
        owned = owned.where(accounts.c.person_id.in_(ids))
        employed = employed.where(affiliations.c.person_id.in_(ids))
        paused = paused.where(pauses.c.person_id.in_(ids))
    accounts_of: dict[str, list[Account]] = defaultdict(list)
    for row in connection.execute(owned):
        accounts_of[row.person_id].append(Account(row.system, row.name))
    affiliations_of: dict[str, list[Affiliation]] = defaultdict(list)
    for row in connection.execute(employed):
        affiliations_of[row.person_id].append(Affiliation(row.organisation, row.since))
    pauses_of: dict[str, list[Pause]] = defaultdict(list)
    for row in connection.execute(paused):
        pauses_of[row.person_id].append(Pause(row.begins, row.ends))
    return [
        Person(
            id=row.id,
            name=row.name,
            email=row.email,
            bot=row.bot,
            accounts=tuple(accounts_of[row.id]),
            affiliations=tuple(affiliations_of[row.id]),
            manager=row.manager,
            household=row.household,
            pauses=tuple(pauses_of[row.id]),
        )
        for row in connection.execute(named)
    ]


def _chunks(items: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(items)
    while some := list(islice(rest, IDS_PER_QUERY)):
        yield some
