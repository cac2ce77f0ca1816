"""What belongs to a holder and to no single badge: references, the private page, whether they hid everything."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import (
    Connection,
    delete,
    insert,
    select,
    update,
)

from issuer.badges.store.tables import (
    awards,
    badge_evidence,
    badges,
    holder_pages,
    quiet_holders,
    references,
    revocations,
    versions,
)
from issuer.ground.many import among, insert_rows
from issuer.recognition.calendar import BadgePeriod


def references_of(connection: Connection, persons: Collection[str]) -> dict[tuple[str, str, str], str]:
    """Every reference of these persons, by (person, first day of the period, purpose)."""
    rows = connection.execute(select(references).where(among(references.c.person, persons))).all()
    return {(row.person, row.period_first, row.purpose): row.reference for row in rows}


def reference_of(connection: Connection, person: str, period: BadgePeriod, purpose: str) -> str | None:
    chosen = (
        (references.c.person == person)
        & (references.c.period_first == period.first.isoformat())
        & (references.c.purpose == purpose)
    )
    return connection.execute(select(references.c.reference).where(chosen)).scalar()


def add_references(connection: Connection, made: Mapping[tuple[str, str, str], str]) -> None:
    """New references by (person, first day of the period, purpose)."""
    rows = [
        {"person": person, "period_first": first, "purpose": purpose, "reference": reference}
        for (person, first, purpose), reference in made.items()
    ]
    insert_rows(connection, references, rows)


def persons_with_page(connection: Connection, persons: Collection[str]) -> set[str]:
    """Which of these have a private page."""
    chosen = among(holder_pages.c.person, persons)
    return set(connection.execute(select(holder_pages.c.person).where(chosen)).scalars())


def add_holder_pages(connection: Connection, hashes: Mapping[str, str]) -> None:
    """Private pages of persons who had none, with the hash of each page's secret."""
    if hashes:
        rows = [{"person": person, "token_hash": token_hash} for person, token_hash in hashes.items()]
        insert_rows(connection, holder_pages, rows)


def set_holder_page(connection: Connection, person: str, *, token_hash: str) -> None:
    """A private page for whoever has none."""
    if not persons_with_page(connection, [person]):
        add_holder_pages(connection, {person: token_hash})


def page_generation(connection: Connection, person: str) -> int | None:
    """How often a person's private link was replaced; None for somebody who has none yet."""
    query = select(holder_pages.c.generation).where(holder_pages.c.person == person)
    return connection.execute(query).scalar()


def page_generations(connection: Connection) -> dict[str, int]:
    """The same for everybody who has one."""
    query = select(holder_pages.c.person, holder_pages.c.generation)
    return {row.person: row.generation for row in connection.execute(query)}


def replace_page(connection: Connection, person: str, *, token_hash: str, generation: int) -> None:
    """Let another private link lead to a person; the former one leads nowhere."""
    chosen = holder_pages.c.person == person
    values = {"token_hash": token_hash, "generation": generation}
    connection.execute(update(holder_pages).where(chosen).values(values))


def quiet_among(connection: Connection, persons: Collection[str]) -> set[str]:
    """Which of these hid everything."""
    chosen = among(quiet_holders.c.person, persons)
    return set(connection.execute(select(quiet_holders.c.person).where(chosen)).scalars())


def set_quiet(connection: Connection, person: str, *, quiet: bool) -> None:
    """Note that somebody hid everything, or shows something again."""
    known = is_quiet(connection, [person])
    if quiet and not known:
        connection.execute(insert(quiet_holders).values(person=person))
    elif known and not quiet:
        connection.execute(delete(quiet_holders).where(quiet_holders.c.person == person))


def is_quiet(connection: Connection, persons: Sequence[str]) -> bool:
    """Whether somebody, under any of their ids, hid everything."""
    query = select(quiet_holders.c.person).where(among(quiet_holders.c.person, persons)).limit(1)
    return connection.execute(query).first() is not None


def forget_pages(connection: Connection, person: str) -> None:
    """Let no private link lead to a person any more."""
    connection.execute(delete(holder_pages).where(holder_pages.c.person == person))


def forget_holder(connection: Connection, person: str) -> None:
    """Leave of a person's badges their numbers, their dates and their places on status lists."""
    forget_pages(connection, person)
    set_quiet(connection, person, quiet=False)
    connection.execute(delete(references).where(references.c.person == person))
    waiting = (awards.c.person == person) & awards.c.intended.is_(False)
    connection.execute(delete(awards).where(waiting))
    connection.execute(update(awards).where(awards.c.person == person).values(thanks="", reasons=""))
    theirs = select(badges.c.id).join(awards, awards.c.id == badges.c.award).where(awards.c.person == person)
    connection.execute(delete(versions).where(versions.c.badge.in_(theirs)))
    connection.execute(delete(badge_evidence).where(badge_evidence.c.badge.in_(theirs)))
    connection.execute(update(revocations).where(revocations.c.badge.in_(theirs)).values(reason=""))
    nothing = {
        "shows_name": False,
        "hashes_address": False,
        "published": False,
        "current_version": None,
        "subject": None,
        "shows_evidence": False,
    }
    connection.execute(update(badges).where(badges.c.id.in_(theirs)).values(nothing))


def person_of_page(connection: Connection, token_hash: str) -> str | None:
    query = select(holder_pages.c.person).where(holder_pages.c.token_hash == token_hash)
    return connection.execute(query).scalar()
