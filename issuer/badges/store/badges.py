"""Badges, their choices and how they stand: all SQL on them."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    case,
    delete,
    func,
    select,
    update,
)

from issuer.badges.model import Badge, BadgeOutline, Purpose, StatusPlace
from issuer.badges.store.awards import award_in
from issuer.badges.store.tables import awards, badge_evidence, badges, status_entries, suspensions, versions
from issuer.badges.store.versions import token_in
from issuer.ground.many import among, insert_rows, of_most
from issuer.recognition.calendar import BadgePeriod

_IS_NO_COPY = of_most(badges.c.copy_of.is_(None))


def add_badges(connection: Connection, made: Sequence[Badge], *, version: int | None) -> None:
    """New badges on the places that they have on the status lists; `version`: the one that stands for each,
    whose letters are written in this transaction, so that what only they need is not kept.
    """
    rows = [
        {
            "id": one.id,
            "award": one.award.id,
            "reference": one.reference,
            "salt": one.salt,
            "current_version": version,
        }
        for one in made
    ]
    places = [
        {"list": place.list, "index": place.index, "badge": one.id, "purpose": purpose}
        for one in made
        for purpose, place in one.places
    ]
    if rows:
        insert_rows(connection, badges, rows)
        insert_rows(connection, status_entries, places)
        theirs = among(awards.c.id, {one.award.id for one in made})
        told: dict[str, object] = {} if version is None else {"reasons": ""}
        connection.execute(update(awards).where(theirs).values(intended=True, **told))


def badges_signed_by(connection: Connection, kids: Sequence[str], *, limit: int) -> list[Badge]:
    """Badges in force whose newest version, signed or only intended, is of one of these keys in either form."""
    mine = (versions.c.badge == badges.c.id) & versions.c.named_copy.is_(False)
    newest = select(func.max(versions.c.version)).where(mine).correlate(badges).scalar_subquery()
    latest = versions.alias()
    query = (
        _badge_query()
        .join(latest, (latest.c.badge == badges.c.id) & (latest.c.version == newest))
        .where((among(latest.c.kid, kids) | among(latest.c.proof_kid, kids)) & badges.c.revoked_at.is_(None))
        .order_by(badges.c.id)
        .limit(limit)
    )
    return [_badge(row) for row in connection.execute(query)]


def badges_without_version(connection: Connection, *, after: str, limit: int) -> list[Badge]:
    """Badges in force, by id, with neither a current version nor an intended one: a restored copy had none."""
    intended = versions.alias()
    waiting = select(intended.c.badge).where((intended.c.badge == badges.c.id) & intended.c.signed_at.is_(None))
    lost = badges.c.current_version.is_(None) & badges.c.revoked_at.is_(None) & ~waiting.correlate(badges).exists()
    query = _badge_query().where(lost & (badges.c.id > after)).order_by(badges.c.id).limit(limit)
    return [_badge(row) for row in connection.execute(query)]


def set_choices(
    connection: Connection,
    badge_id: str,
    *,
    shows_name: bool,
    hashes_address: bool,
    published: bool,
    shows_evidence: bool = False,
) -> None:
    chosen = badges.c.id == badge_id
    values = {"shows_name": shows_name, "hashes_address": hashes_address, "published": published}
    values["shows_evidence"] = shows_evidence
    connection.execute(update(badges).where(chosen).values(values))


def evidence_of(connection: Connection, badge_id: str) -> tuple[str, ...]:
    """The links that a badge's holder wants in it, in their order."""
    query = select(badge_evidence.c.link).where(badge_evidence.c.badge == badge_id)
    return tuple(connection.execute(query.order_by(badge_evidence.c.number)).scalars())


def set_evidence(connection: Connection, badge_id: str, links: Sequence[str]) -> None:
    connection.execute(delete(badge_evidence).where(badge_evidence.c.badge == badge_id))
    if links:
        rows = [{"badge": badge_id, "number": number, "link": link} for number, link in enumerate(links)]
        insert_rows(connection, badge_evidence, rows)


def set_revoked(
    connection: Connection, badge_id: str, *, reason: str, superseded_by: str | None, now: datetime
) -> bool:
    """Withdraw a badge for ever, and wallets' copies of it; False if it was withdrawn already (the first reason
    stands).
    """
    chosen = _with_copies(badge_id) & badges.c.revoked_at.is_(None)
    values = {"revoked_at": now, "revoked_for": reason, "superseded_by": superseded_by}
    return connection.execute(update(badges).where(chosen).values(**values)).rowcount > 0


def set_suspended(connection: Connection, badge_id: str, *, reason: str | None, now: datetime | None) -> bool:
    """Suspend a badge and wallets' copies of it (`now`, with a reason) or lift that (`now` None); False if it was
    so already.
    """
    before = badges.c.suspended_at.is_(None) if now is not None else badges.c.suspended_at.is_not(None)
    chosen = _with_copies(badge_id) & badges.c.revoked_at.is_(None) & before
    values = {"suspended_at": now, "suspended_for": reason}
    return connection.execute(update(badges).where(chosen).values(**values)).rowcount > 0


def _with_copies(badge_id: str) -> ColumnElement[bool]:
    return (badges.c.id == badge_id) | (badges.c.copy_of == badge_id)


def bind(connection: Connection, badge_id: str, *, copy_of: str, subject: str) -> None:
    """Make a badge without a version the copy of another one for a wallet."""
    chosen = badges.c.id == badge_id
    connection.execute(update(badges).where(chosen).values(copy_of=copy_of, subject=subject))


def copies_of(connection: Connection, badge_id: str) -> list[Badge]:
    """The copies of a badge in wallets."""
    query = _badge_query().where(badges.c.copy_of == badge_id).order_by(badges.c.id)
    return [_badge(row) for row in connection.execute(query)]


def badge(connection: Connection, badge_id: str) -> Badge | None:
    row = connection.execute(_badge_query().where(badges.c.id == badge_id)).first()
    return _badge(row) if row else None


def badges_beginning(connection: Connection, beginning: str) -> list[Badge]:
    """At most two badges whose id begins so: enough to know whether the beginning is unique."""
    query = _badge_query().where(badges.c.id.startswith(beginning, autoescape=True)).limit(2)
    return [_badge(row) for row in connection.execute(query)]


def badges_of(connection: Connection, person: str) -> list[Badge]:
    """All badges of one person without wallets' copies, newest award first."""
    theirs = (awards.c.person == person) & _IS_NO_COPY
    query = _badge_query().where(theirs).order_by(awards.c.made_at.desc(), awards.c.id)
    return [_badge(row) for row in connection.execute(query)]


def persons_of_badges(connection: Connection, badge_ids: Collection[str]) -> set[str]:
    """On whom these badges hang, without wallets' copies."""
    query = select(awards.c.person).join(badges, badges.c.award == awards.c.id)
    return set(connection.execute(query.where(among(badges.c.id, badge_ids), _IS_NO_COPY)).scalars())


def outlines_of(connection: Connection, persons: Collection[str]) -> list[BadgeOutline]:
    """All badges of these persons, without wallets' copies, in outline."""
    theirs = among(awards.c.person, persons) & _IS_NO_COPY
    query = select(awards, badges.c.id.label("badge"), badges.c.revoked_at)
    rows = connection.execute(query.join(badges, badges.c.award == awards.c.id).where(theirs)).all()
    return [BadgeOutline(row.badge, award_in(row), row.revoked_at is None) for row in rows]


def all_badges(connection: Connection) -> Iterator[Badge]:
    """Every badge, without wallets' copies."""
    query = _badge_query().where(_IS_NO_COPY).order_by(awards.c.made_at, awards.c.id)
    for row in connection.execute(query):
        yield _badge(row)


def count_holders(connection: Connection, achievement: str) -> int:
    """How many persons have a badge of this achievement that was not withdrawn."""
    standing = badges.c.revoked_at.is_(None) & (awards.c.achievement == achievement)
    query = select(func.count(awards.c.person.distinct())).join(badges, badges.c.award == awards.c.id)
    return connection.execute(query.where(standing)).scalar() or 0


def holders(connection: Connection, achievement: str) -> list[str]:
    """The persons with a badge of this achievement that stands: neither withdrawn nor suspended."""
    standing = badges.c.revoked_at.is_(None) & badges.c.suspended_at.is_(None)
    query = select(awards.c.person).join(badges, badges.c.award == awards.c.id).distinct()
    return list(connection.execute(query.where(standing & (awards.c.achievement == achievement))).scalars())


def holders_per_kind(connection: Connection, period: BadgePeriod) -> list[tuple[str, str]]:
    """(achievement, person) of every badge per kind of a period that was not withdrawn."""
    standing = badges.c.revoked_at.is_(None) & _IS_NO_COPY & (awards.c.tier == "")
    query = (
        select(awards.c.achievement, awards.c.person)
        .join(badges, badges.c.award == awards.c.id)
        .where(standing & (awards.c.period_first == period.first.isoformat()))
    )
    return [(row.achievement, row.person) for row in connection.execute(query)]


def _badge_query() -> Select[tuple[object, ...]]:
    current = (versions.c.badge == badges.c.id) & (versions.c.version == badges.c.current_version)
    return (
        select(
            *(awards, badges, status_entries.c.list, status_entries.c.index),
            *(suspensions.c.list, suspensions.c.index, versions.c.claims, versions.c.jws, versions.c.proof),
        )
        .join(badges, badges.c.award == awards.c.id)
        .join(status_entries, _entry_of(status_entries, "revocation"))
        .outerjoin(suspensions, _entry_of(suspensions, "suspension"))
        .outerjoin(versions, current)
    )


def _entry_of(entries: FromClause, purpose: Purpose) -> ColumnElement[bool]:
    return (entries.c.badge == badges.c.id) & (entries.c.purpose == purpose)


def _badge(row: Row[tuple[object, ...]]) -> Badge:
    fields = row._mapping
    return Badge(
        id=fields[badges.c.id],
        award=award_in(row),
        reference=fields[badges.c.reference],
        revocation=StatusPlace(fields[status_entries.c.list], fields[status_entries.c.index]),
        suspension=_place(fields[suspensions.c.list], fields[suspensions.c.index]),
        salt=fields[badges.c.salt],
        shows_name=fields[badges.c.shows_name],
        shows_evidence=fields[badges.c.shows_evidence],
        hashes_address=fields[badges.c.hashes_address],
        published=fields[badges.c.published],
        revoked_at=fields[badges.c.revoked_at],
        revoked_for=fields[badges.c.revoked_for],
        superseded_by=fields[badges.c.superseded_by],
        suspended_at=fields[badges.c.suspended_at],
        suspended_for=fields[badges.c.suspended_for],
        jwt=token_in(row),
        proof=fields[versions.c.proof],
        copy_of=fields[badges.c.copy_of],
        subject=fields[badges.c.subject],
    )


def _place(list_number: int | None, index: int | None) -> StatusPlace | None:
    return None if list_number is None or index is None else StatusPlace(list_number, index)


def counts(connection: Connection) -> tuple[dict[str, int], int, int]:
    """Badges by state; awards without a badge; versions without a signature."""
    state = case(
        (badges.c.superseded_by.is_not(None), "superseded"),
        (badges.c.revoked_at.is_not(None), "revoked"),
        (badges.c.suspended_at.is_not(None), "suspended"),
        else_="in force",
    )
    found = {str(name): number for name, number in connection.execute(select(state, func.count()).group_by(state))}
    by_state = {name: found.get(name, 0) for name in ("in force", "suspended", "superseded", "revoked")}
    waiting = select(func.count()).select_from(awards).where(awards.c.intended.is_(False))
    unsigned = select(func.count()).select_from(versions).where(versions.c.signed_at.is_(None))
    return by_state, connection.execute(waiting).scalar() or 0, connection.execute(unsigned).scalar() or 0
