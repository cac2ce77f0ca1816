"""The tables of claim links and of who asked for a new one, and all SQL on them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from issuer.ground.database import UtcDateTime, metadata
from issuer.ground.many import among, insert_rows
from issuer.notices.model import ClaimLink, Request

claim_links = Table(
    "claim_links",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("badge", ForeignKey("badges.id"), nullable=False, index=True),
    Column("person", ForeignKey("persons.id"), nullable=False, index=True),
    Column("mail", String(32), nullable=False),  # the reference of the letter that carries it
    Column("address_sha256", String(64), nullable=False, index=True),  # keyed: nobody can try addresses on it
    Column("elsewhere", Boolean, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("replaced_at", UtcDateTime),
)
claim_requests = Table(  # written for every address that somebody types, known or not; gone once it was looked at
    "claim_requests",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("address", String(254), nullable=False),
    Column("language", String(8), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class Current:
    """The newest link of a badge."""

    link: ClaimLink
    mail: str
    elsewhere: bool


def add_links(
    connection: Connection,
    links: Sequence[Mapping[str, str]],
    *,
    elsewhere: bool,
    expires_at: datetime,
    now: datetime,
) -> None:
    """New links, of each its token_sha256, badge, person, mail and address_sha256; those of the same badges that
    nobody used are replaced by them.
    """
    if not links:
        return
    open_ones = _open_links([link["badge"] for link in links])
    connection.execute(update(claim_links).where(open_ones).values(replaced_at=now))
    rest = {"elsewhere": elsewhere, "made_at": now, "expires_at": expires_at}
    insert_rows(connection, claim_links, [{**link, **rest} for link in links])


def letters_of_open_links(connection: Connection, badges: Sequence[str]) -> dict[str, list[str]]:
    """The references of the letters whose links nobody used and none replaced, by badge."""
    found: dict[str, list[str]] = {}
    query = select(claim_links.c.badge, claim_links.c.mail).where(_open_links(badges))
    for badge, reference in connection.execute(query):
        found.setdefault(badge, []).append(reference)
    return found


def _open_links(badges: Sequence[str]) -> ColumnElement[bool]:
    theirs = among(claim_links.c.badge, badges)
    return theirs & claim_links.c.used_at.is_(None) & claim_links.c.replaced_at.is_(None)


def link(connection: Connection, token_sha256: str) -> ClaimLink | None:
    row = connection.execute(select(claim_links).where(claim_links.c.token_sha256 == token_sha256)).first()
    return _link(row) if row else None


def use_link(connection: Connection, token_sha256: str, *, now: datetime) -> bool:
    """Use a link up. True for exactly one of all who try."""
    good = (
        (claim_links.c.token_sha256 == token_sha256)
        & claim_links.c.used_at.is_(None)
        & claim_links.c.replaced_at.is_(None)
        & (claim_links.c.expires_at > now)
    )
    return connection.execute(update(claim_links).where(good).values(used_at=now)).rowcount == 1


def use_all(connection: Connection, persons: Sequence[str], *, now: datetime) -> None:
    """Use up all links of a person: they came to their page by another way."""
    theirs = (
        among(claim_links.c.person, persons)
        & claim_links.c.used_at.is_(None)
        & claim_links.c.replaced_at.is_(None)
    )
    connection.execute(update(claim_links).where(theirs).values(used_at=now))


def newest_links(connection: Connection, badges: Sequence[str]) -> Iterator[Current]:
    """The newest link of each of these badges."""
    newest = select(func.max(claim_links.c.number)).where(among(claim_links.c.badge, badges))
    query = select(claim_links).where(claim_links.c.number.in_(newest.group_by(claim_links.c.badge)))
    for row in connection.execute(query):
        yield Current(_link(row), row.mail, row.elsewhere)


def unclaimed(connection: Connection, *, limit: int) -> Iterator[Current]:
    """The links that nobody used and none replaced, the oldest first."""
    chosen = claim_links.c.used_at.is_(None) & claim_links.c.replaced_at.is_(None)
    query = select(claim_links).where(chosen).order_by(claim_links.c.number).limit(limit)
    for row in connection.execute(query):
        yield Current(_link(row), row.mail, row.elsewhere)


def links_since(connection: Connection, address_sha256: str, *, since: datetime) -> int:
    """How many links were mailed to an address since then."""
    chosen = (claim_links.c.address_sha256 == address_sha256) & (claim_links.c.made_at > since)
    return connection.execute(select(func.count()).select_from(claim_links).where(chosen)).scalar() or 0


def persons_written_at(connection: Connection, address_sha256: str) -> list[str]:
    """Whose letters went to an address."""
    query = select(claim_links.c.person).where(claim_links.c.address_sha256 == address_sha256).distinct()
    return list(connection.execute(query.order_by(claim_links.c.person)).scalars())


def forget(connection: Connection, persons: Iterable[str]) -> list[str]:
    """Erase all links of persons; the references of their letters come out."""
    theirs = claim_links.c.person.in_(list(persons))
    mails = list(connection.execute(select(claim_links.c.mail).where(theirs)).scalars())
    connection.execute(delete(claim_links).where(theirs))
    return mails


def forget_requests(connection: Connection, address: str) -> None:
    connection.execute(delete(claim_requests).where(claim_requests.c.address == address))


def add_request(connection: Connection, address: str, *, language: str, now: datetime) -> None:
    connection.execute(insert(claim_requests).values(address=address, language=language, asked_at=now))


def requests(connection: Connection, *, limit: int) -> list[Request]:
    """Who waits for a new link, in their order."""
    query = select(claim_requests).order_by(claim_requests.c.number).limit(limit)
    return [Request(**row._mapping) for row in connection.execute(query)]


def take_request(connection: Connection, number: int) -> bool:
    """Strike a request off; False if somebody else did."""
    return connection.execute(delete(claim_requests).where(claim_requests.c.number == number)).rowcount == 1


def _link(row: Row[tuple[object, ...]]) -> ClaimLink:
    fields = row._mapping
    return ClaimLink(
        badge=fields[claim_links.c.badge],
        person=fields[claim_links.c.person],
        made_at=fields[claim_links.c.made_at],
        expires_at=fields[claim_links.c.expires_at],
        used_at=fields[claim_links.c.used_at],
        replaced_at=fields[claim_links.c.replaced_at],
    )
