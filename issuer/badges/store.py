"""The tables of awards, badges, versions and status entries, and all SQL on them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    true,
    update,
)

from issuer.badges.garments import Dressed
from issuer.badges.model import Award, Badge, BadgeOutline, HandDecision, Intent, Purpose, StatusPlace
from issuer.badges.revocation import Case, Outcome
from issuer.badges.state import State, StateChange
from issuer.ground.database import UtcDateTime, metadata
from issuer.recognition.calendar import BadgePeriod

hand_decisions = Table(
    "hand_decisions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tier", String(40), nullable=False),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", ForeignKey("persons.id"), nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("approved_by", ForeignKey("persons.id")),
    Column("approved_at", UtcDateTime),
)
awards = Table(
    "awards",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("achievement", String(64), nullable=False),
    Column("tier", String(40), nullable=False),  # empty for a badge per kind
    Column("title", Text, nullable=False),
    Column("period_first", String(10), nullable=False),
    Column("period_last", String(10), nullable=False),
    Column("mark", String(40), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("policy_digest", String(64), nullable=False),
    Column("hand_decision", ForeignKey("hand_decisions.id"), index=True),
    Column("thanks", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("intended", Boolean, nullable=False, default=False),  # whether it has a badge, signed or not yet
    UniqueConstraint("person", "achievement", "period_first"),
    Index("ix_awards_waiting", "intended", "made_at", "id"),
)
references = Table(
    "holder_references",
    metadata,
    Column("person", ForeignKey("persons.id"), primary_key=True),
    Column("period_first", String(10), primary_key=True),
    Column("purpose", String(64), primary_key=True),
    Column("reference", String(45), nullable=False, unique=True),
)
badges = Table(
    "badges",
    metadata,
    Column("id", String(45), primary_key=True),
    Column("award", ForeignKey("awards.id"), nullable=False, index=True),  # several, if persons were merged
    Column("reference", String(45), nullable=False),
    Column("salt", String(64), nullable=False),
    Column("shows_name", Boolean, nullable=False, default=False),
    Column("hashes_address", Boolean, nullable=False, default=False),
    Column("shows_evidence", Boolean, nullable=False, default=False),
    Column("published", Boolean, nullable=False, default=False),
    Column("revoked_at", UtcDateTime),
    Column("revoked_for", Text),
    Column("suspended_at", UtcDateTime),
    Column("suspended_for", Text),
    Column("superseded_by", ForeignKey("badges.id")),
    Column("current_version", Integer),  # the newest signed one
    Column("copy_of", ForeignKey("badges.id")),  # of a wallet's copy: the badge that it stands and falls with
    Column("subject", Text),  # and the wallet's DID
    UniqueConstraint("copy_of", "subject"),
)
badge_evidence = Table(  # links to what counted, in the badges of those who want them there
    "badge_evidence",
    metadata,
    Column("badge", ForeignKey("badges.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("link", Text, nullable=False),
)
status_lists = Table(
    "status_lists",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("used", Integer, nullable=False),
    Column("purpose", String(16), nullable=False),
)
status_entries = Table(
    "status_entries",
    metadata,
    Column("list", Integer, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("badge", ForeignKey("badges.id"), nullable=False),
    Column("purpose", String(16), nullable=False),
    UniqueConstraint("badge", "purpose"),
)
suspensions = status_entries.alias("suspensions")
versions = Table(
    "badge_versions",
    metadata,
    Column("badge", ForeignKey("badges.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("claims", Text, nullable=False),
    Column("kid", Text, nullable=False),
    Column("prepared_at", UtcDateTime, nullable=False),
    Column("jwt", Text),
    Column("signed_at", UtcDateTime),
    Column("proof", Text),  # JSON: what secures the same claims as a document
    Column("proof_kid", Text),
    Column("named_copy", Boolean, nullable=False, default=False),  # with the name, beside the version that stands
    Index("ix_badge_versions_unsigned", "signed_at", "prepared_at"),
)
holder_pages = Table(
    "holder_pages",
    metadata,
    Column("person", ForeignKey("persons.id"), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("generation", Integer, nullable=False, default=0),  # how often the link was replaced
)
quiet_holders = Table(  # who hid everything: no letter tells them of badges, until they show one again
    "quiet_holders",
    metadata,
    Column("person", ForeignKey("persons.id"), primary_key=True),
)
revocations = Table(
    "revocations",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("badge", ForeignKey("badges.id"), nullable=False, index=True),
    Column("cause", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("needs_two", Boolean, nullable=False),
    Column("opened_by", ForeignKey("persons.id"), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("suspended_until", UtcDateTime),
    Column("agreed_by", ForeignKey("persons.id")),
    Column("agreed_at", UtcDateTime),
    Column("outcome", String(16), index=True),
    Column("ended_at", UtcDateTime),
)
achievement_states = Table(
    "achievement_states",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("achievement", String(64), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", ForeignKey("persons.id"), nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
)
dictionaries = Table(
    "dictionaries",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("achievement", Text, nullable=False),
    Column("kid", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)


def add_hand_decision(connection: Connection, decision: HandDecision, *, now: datetime) -> None:
    connection.execute(
        insert(hand_decisions).values(
            id=decision.id,
            tier=decision.tier,
            decision=decision.decision,
            reason=decision.reason,
            decided_by=decision.decided_by,
            decided_at=now,
        )
    )


def hand_decision(connection: Connection, decision_id: str) -> HandDecision | None:
    row = connection.execute(select(hand_decisions).where(hand_decisions.c.id == decision_id)).first()
    return _hand_decision(row) if row else None


def all_hand_decisions(connection: Connection) -> list[HandDecision]:
    return [_hand_decision(row) for row in connection.execute(select(hand_decisions))]


def approve_hand_decision(connection: Connection, decision_id: str, *, by: str, now: datetime) -> None:
    chosen = hand_decisions.c.id == decision_id
    connection.execute(update(hand_decisions).where(chosen).values(approved_by=by, approved_at=now))


def awards_of_decision(connection: Connection, decision_id: str) -> list[Award]:
    return [_award(row) for row in connection.execute(select(awards).where(awards.c.hand_decision == decision_id))]


def awards_of(connection: Connection, person: str, period: BadgePeriod) -> list[Award]:
    chosen = (awards.c.person == person) & (awards.c.period_first == period.first.isoformat())
    return [_award(row) for row in connection.execute(select(awards).where(chosen)).all()]


def awards_of_some(connection: Connection, persons: Sequence[str], period: BadgePeriod) -> list[Award]:
    """Of so many persons as one statement takes."""
    chosen = awards.c.person.in_(persons) & (awards.c.period_first == period.first.isoformat())
    return [_award(row) for row in connection.execute(select(awards).where(chosen)).all()]


def periods(connection: Connection) -> list[BadgePeriod]:
    """The periods of all awards, in their order."""
    query = select(awards.c.period_first, awards.c.period_last).distinct().order_by(awards.c.period_first)
    return [
        BadgePeriod(date.fromisoformat(row.period_first), date.fromisoformat(row.period_last))
        for row in connection.execute(query)
    ]


def add_awards(connection: Connection, made: Sequence[Award]) -> None:
    rows = [
        {
            "id": award.id,
            "person": award.person,
            "achievement": award.achievement,
            "tier": award.tier,
            "period_first": award.period.first.isoformat(),
            "period_last": award.period.last.isoformat(),
            "mark": award.mark,
            "made_at": award.made_at,
            "policy_digest": award.policy_digest,
            "hand_decision": award.hand_decision,
            "thanks": award.thanks,
            "reasons": award.reasons,
            "title": award.title,
        }
        for award in made
    ]
    if rows:
        connection.execute(insert(awards), rows)


def awards_without_badge(connection: Connection, *, limit: int) -> list[Award]:
    """The oldest awards for which nothing is intended yet."""
    waiting = awards.c.intended.is_(False)
    query = select(awards).where(waiting).order_by(awards.c.made_at, awards.c.id).limit(limit)
    return [_award(row) for row in connection.execute(query).all()]


def count_waiting(connection: Connection) -> int:
    """How many awards there are for which nothing is intended yet."""
    query = select(func.count()).select_from(awards).where(awards.c.intended.is_(False))
    return connection.execute(query).scalar_one()


def references_of(connection: Connection, persons: Collection[str]) -> dict[tuple[str, str, str], str]:
    """Every reference of so many persons as one statement takes, by (person, first day of the period, purpose)."""
    rows = connection.execute(select(references).where(references.c.person.in_(persons))).all()
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
    if rows:
        connection.execute(insert(references), rows)


def add_badges(connection: Connection, made: Sequence[Badge]) -> None:
    """New badges without a version, on the places that they have on the status lists."""
    rows = [{"id": one.id, "award": one.award.id, "reference": one.reference, "salt": one.salt} for one in made]
    places = [
        {"list": place.list, "index": place.index, "badge": one.id, "purpose": purpose}
        for one in made
        for purpose, place in (("revocation", one.revocation), ("suspension", one.suspension))
        if place is not None
    ]
    if rows:
        connection.execute(insert(badges), rows)
        connection.execute(insert(status_entries), places)
        theirs = awards.c.id.in_({one.award.id for one in made})
        connection.execute(update(awards).where(theirs).values(intended=True))


def newest_status_list(connection: Connection, purpose: Purpose) -> tuple[int, int] | None:
    """(number, how many places are used) of the newest list for this purpose, if there is one."""
    chosen = status_lists.c.purpose == purpose
    query = select(status_lists).where(chosen).order_by(status_lists.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    return (row.number, row.used) if row else None


def add_status_list(connection: Connection, purpose: Purpose) -> int:
    """A new list for one purpose; returns its number, which no other list has."""
    number = (connection.execute(select(func.max(status_lists.c.number))).scalar() or 0) + 1
    connection.execute(insert(status_lists).values(number=number, used=0, purpose=purpose))
    return number


def purpose_of_status_list(connection: Connection, number: int) -> Purpose | None:
    return connection.execute(select(status_lists.c.purpose).where(status_lists.c.number == number)).scalar()


def taken_indexes(connection: Connection, list_number: int, indexes: Collection[int]) -> set[int]:
    """Which of these places of a list are taken."""
    chosen = (status_entries.c.list == list_number) & status_entries.c.index.in_(indexes)
    return set(connection.execute(select(status_entries.c.index).where(chosen)).scalars())


def use_places(connection: Connection, list_number: int, count: int) -> None:
    """Count so many places of a list as used."""
    chosen = status_lists.c.number == list_number
    connection.execute(update(status_lists).where(chosen).values(used=status_lists.c.used + count))


def status_list_numbers(connection: Connection) -> list[int]:
    query = select(status_lists.c.number).order_by(status_lists.c.number)
    return list(connection.execute(query).scalars())


def set_indexes(connection: Connection, list_number: int, *, purpose: Purpose) -> list[int]:
    """The places of a list whose bits are set: of badges that are withdrawn, or suspended."""
    since = badges.c.revoked_at if purpose == "revocation" else badges.c.suspended_at
    query = (
        select(status_entries.c.index)
        .join(badges, badges.c.id == status_entries.c.badge)
        .where((status_entries.c.list == list_number) & since.is_not(None))
    )
    return list(connection.execute(query).scalars())


def add_versions(connection: Connection, intents: Sequence[Intent], *, now: datetime) -> None:
    """Store the intents of new versions."""
    connection.execute(insert(versions), [{**intent._asdict(), "prepared_at": now} for intent in intents])


def unsigned_versions(
    connection: Connection, *, limit: int, only: Sequence[str] = (), before: datetime | None = None
) -> list[Intent]:
    """Unsigned intents (`only` of these badges, or from before then), oldest first."""
    query = (
        select(versions.c.badge, versions.c.version, versions.c.claims, versions.c.kid, versions.c.named_copy)
        .where(versions.c.signed_at.is_(None), versions.c.badge.in_(only) if only else true())
        .where(true() if before is None else versions.c.prepared_at < before)
        .order_by(versions.c.prepared_at, versions.c.badge, versions.c.version)
        .limit(limit)
    )
    return [Intent(*row) for row in connection.execute(query)]


def unsigned_among(connection: Connection, badge_ids: Collection[str]) -> set[tuple[str, int]]:
    """(badge, version) of the intents of these badges that carry no signature yet."""
    chosen = versions.c.badge.in_(badge_ids) & versions.c.signed_at.is_(None)
    rows = connection.execute(select(versions.c.badge, versions.c.version).where(chosen)).all()
    return {(row.badge, row.version) for row in rows}


def badges_signed_by(connection: Connection, kids: Sequence[str], *, limit: int) -> list[Badge]:
    """Badges in force whose newest version, signed or only intended, is of one of these keys in either form."""
    mine = (versions.c.badge == badges.c.id) & versions.c.named_copy.is_(False)
    newest = select(func.max(versions.c.version)).where(mine).correlate(badges).scalar_subquery()
    latest = versions.alias()
    query = (
        _badge_query()
        .join(latest, (latest.c.badge == badges.c.id) & (latest.c.version == newest))
        .where((latest.c.kid.in_(list(kids)) | latest.c.proof_kid.in_(list(kids))) & badges.c.revoked_at.is_(None))
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


def forget_lost_versions(connection: Connection) -> int:
    """Let no badge point at a version that is not there any more; of how many badges one was."""
    named = (versions.c.badge == badges.c.id) & (versions.c.version == badges.c.current_version)
    lost = badges.c.current_version.is_not(None) & ~select(versions.c.badge).where(named).exists()
    return connection.execute(update(badges).where(lost).values(current_version=None)).rowcount


def close_status_lists(connection: Connection, *, used: int, numbers_left_out: int) -> None:
    """Let no list that there is be given another badge, and no list be made under one of the next numbers."""
    newest = connection.execute(select(func.max(status_lists.c.number))).scalar() or 0
    connection.execute(update(status_lists).where(status_lists.c.used < used).values(used=used))
    last = {"number": newest + numbers_left_out, "used": used, "purpose": "revocation"}
    connection.execute(insert(status_lists).values(last))


def set_signatures(
    connection: Connection,
    signed: Sequence[tuple[Intent, Dressed]],
    *,
    kid: str,
    proof_kid: str,
    now: datetime,
) -> None:
    """Keep both garments of versions that had none, each as the newest of its badge."""
    if not signed:
        return
    version = (versions.c.badge == bindparam("of")) & (versions.c.version == bindparam("number"))
    older = badges.c.current_version.is_(None) | (badges.c.current_version < bindparam("number"))
    garments: dict[str, Any] = {"jwt": bindparam("token"), "proof": bindparam("secured")}
    connection.execute(
        update(versions).where(version).values(kid=kid, proof_kid=proof_kid, signed_at=now, **garments),
        [
            {"of": intent.badge, "number": intent.version, "token": made.jwt, "secured": made.proof}
            for intent, made in signed
        ],
    )
    newest = [
        {"of": intent.badge, "number": intent.version}
        for intent, _ in sorted(signed, key=_version)
        if not intent.named_copy
    ]
    if newest:
        stands = update(badges).where(badges.c.id == bindparam("of"), older)
        connection.execute(stands.values(current_version=bindparam("number")), newest)


def _version(signed: tuple[Intent, Dressed]) -> int:
    return signed[0].version


def newest_version(connection: Connection, badge_id: str) -> tuple[int, datetime] | None:
    """The number of a badge's newest version, signed or not, and from when it is valid."""
    mine = select(versions.c.version, versions.c.prepared_at).where(versions.c.badge == badge_id)
    row = connection.execute(mine.order_by(versions.c.version.desc()).limit(1)).first()
    return (row.version, row.prepared_at) if row else None


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
        connection.execute(insert(badge_evidence), rows)


def named_copy(connection: Connection, badge_id: str, *, kid: str, proof_kid: str) -> tuple[str, str] | None:
    """(token, proof) of the copy with the name that these keys signed since the badge's present version."""
    query = (
        select(versions.c.jwt, versions.c.proof)
        .join(badges, badges.c.id == versions.c.badge)
        .where(versions.c.badge == badge_id, versions.c.named_copy, versions.c.signed_at.is_not(None))
        .where(versions.c.version > badges.c.current_version)
        .where(versions.c.kid == kid, versions.c.proof_kid == proof_kid)
        .order_by(versions.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else (row.jwt, row.proof)


def forget_named_copies(connection: Connection, kids: Sequence[str]) -> None:
    """Erase the copies with a name that these keys signed: each is made anew when its holder asks for it."""
    signed_by = versions.c.kid.in_(kids) | versions.c.proof_kid.in_(kids)
    connection.execute(delete(versions).where(versions.c.named_copy & signed_by))


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


def add_state(connection: Connection, achievement: str, change: StateChange, *, by: str) -> None:
    """Write down a change of an achievement's state; those before stay."""
    values = {"achievement": achievement, "state": str(change.state), "reason": change.reason}
    connection.execute(insert(achievement_states).values(**values, decided_by=by, decided_at=change.at))


def states(connection: Connection) -> dict[str, list[StateChange]]:
    """Every change of each achievement's state, oldest first."""
    found: dict[str, list[StateChange]] = {}
    for row in connection.execute(select(achievement_states).order_by(achievement_states.c.number)):
        change = StateChange(State(row.state), row.reason, row.decided_at)
        found.setdefault(row.achievement, []).append(change)
    return found


def add_revocation(connection: Connection, case: Case) -> int:
    """Write down a case; returns the number that it gets."""
    values = {
        "badge": case.badge,
        "cause": case.cause,
        "reason": case.reason,
        "needs_two": case.needs_two,
        "opened_by": case.opened_by,
        "opened_at": case.opened_at,
        "ends_at": case.ends_at,
        "suspended_until": case.suspended_until,
    }
    query = insert(revocations).values(values).returning(revocations.c.number)
    return int(connection.execute(query).scalar_one())


def agree_to_revocation(connection: Connection, number: int, *, by: str, now: datetime) -> None:
    chosen = revocations.c.number == number
    connection.execute(update(revocations).where(chosen).values(agreed_by=by, agreed_at=now))


def end_revocation(connection: Connection, number: int, *, outcome: Outcome, now: datetime) -> None:
    chosen = revocations.c.number == number
    connection.execute(update(revocations).where(chosen).values(outcome=outcome, ended_at=now))


def revocation(connection: Connection, number: int) -> Case | None:
    row = connection.execute(select(revocations).where(revocations.c.number == number)).first()
    return _case(row) if row else None


def open_revocations(connection: Connection) -> list[Case]:
    """Cases whose notice runs, oldest first."""
    query = select(revocations).where(revocations.c.outcome.is_(None)).order_by(revocations.c.number)
    return [_case(row) for row in connection.execute(query)]


def all_revocations(connection: Connection) -> list[Case]:
    query = select(revocations).order_by(revocations.c.number.desc())
    return [_case(row) for row in connection.execute(query)]


def badge(connection: Connection, badge_id: str) -> Badge | None:
    row = connection.execute(_badge_query().where(badges.c.id == badge_id)).first()
    return _badge(row) if row else None


def badges_beginning(connection: Connection, beginning: str) -> list[Badge]:
    """At most two badges whose id begins so: enough to know whether the beginning is unique."""
    query = _badge_query().where(badges.c.id.startswith(beginning, autoescape=True)).limit(2)
    return [_badge(row) for row in connection.execute(query)]


def badges_of(connection: Connection, person: str) -> list[Badge]:
    """All badges of one person without wallets' copies, newest award first."""
    theirs = (awards.c.person == person) & badges.c.copy_of.is_(None)
    query = _badge_query().where(theirs).order_by(awards.c.made_at.desc(), awards.c.id)
    return [_badge(row) for row in connection.execute(query)]


def persons_of_badges(connection: Connection, badge_ids: Collection[str]) -> set[str]:
    """On whom these badges hang, without wallets' copies."""
    query = select(awards.c.person).join(badges, badges.c.award == awards.c.id)
    return set(connection.execute(query.where(badges.c.id.in_(badge_ids), badges.c.copy_of.is_(None))).scalars())


def outlines_of(connection: Connection, persons: Collection[str]) -> list[BadgeOutline]:
    """All badges of so many persons as one statement takes, without wallets' copies, in outline."""
    theirs = awards.c.person.in_(persons) & badges.c.copy_of.is_(None)
    query = select(awards, badges.c.id.label("badge"), badges.c.revoked_at)
    rows = connection.execute(query.join(badges, badges.c.award == awards.c.id).where(theirs)).all()
    return [BadgeOutline(row.badge, _award(row), row.revoked_at is None) for row in rows]


def all_badges(connection: Connection) -> Iterator[Badge]:
    """Every badge, without wallets' copies."""
    query = _badge_query().where(badges.c.copy_of.is_(None)).order_by(awards.c.made_at, awards.c.id)
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
    standing = badges.c.revoked_at.is_(None) & badges.c.copy_of.is_(None) & (awards.c.tier == "")
    query = (
        select(awards.c.achievement, awards.c.person)
        .join(badges, badges.c.award == awards.c.id)
        .where(standing & (awards.c.period_first == period.first.isoformat()))
    )
    return [(row.achievement, row.person) for row in connection.execute(query)]


def persons_with_page(connection: Connection, persons: Collection[str]) -> set[str]:
    """Which of these have a private page."""
    chosen = holder_pages.c.person.in_(persons)
    return set(connection.execute(select(holder_pages.c.person).where(chosen)).scalars())


def add_holder_pages(connection: Connection, hashes: Mapping[str, str]) -> None:
    """Private pages of persons who had none, with the hash of each page's secret."""
    if hashes:
        rows = [{"person": person, "token_hash": token_hash} for person, token_hash in hashes.items()]
        connection.execute(insert(holder_pages), rows)


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


def forget_reasons(connection: Connection, award_ids: Collection[str]) -> None:
    """What the letters about awards needed is not kept beside them."""
    kept = awards.c.id.in_(award_ids) & (awards.c.reasons != "")
    connection.execute(update(awards).where(kept).values(reasons=""))


def quiet_among(connection: Connection, persons: Collection[str]) -> set[str]:
    """Which of these hid everything."""
    chosen = quiet_holders.c.person.in_(persons)
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
    query = select(quiet_holders.c.person).where(quiet_holders.c.person.in_(persons)).limit(1)
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


def forget_former_versions(connection: Connection, person: str) -> None:
    """Erase what a person's badges said before their present version, and their copies with a name."""
    theirs = (
        select(badges.c.id, badges.c.current_version)
        .join(awards, awards.c.id == badges.c.award)
        .where(awards.c.person == person, badges.c.current_version.is_not(None))
    )
    for row in connection.execute(theirs).all():
        former = (versions.c.version < row.current_version) | versions.c.named_copy
        connection.execute(delete(versions).where((versions.c.badge == row.id) & former))


def person_of_page(connection: Connection, token_hash: str) -> str | None:
    query = select(holder_pages.c.person).where(holder_pages.c.token_hash == token_hash)
    return connection.execute(query).scalar()


def add_dictionary(
    connection: Connection,
    *,
    dictionary_id: str,
    sha256: str,
    achievement: str,
    kid: str,
    file: str,
    now: datetime,
) -> None:
    connection.execute(
        insert(dictionaries).values(
            id=dictionary_id, sha256=sha256, achievement=achievement, kid=kid, file=file, made_at=now
        )
    )


def has_dictionary(connection: Connection, dictionary_id: str) -> bool:
    chosen = dictionaries.c.id == dictionary_id
    return connection.execute(select(dictionaries.c.id).where(chosen)).first() is not None


def all_dictionaries(connection: Connection) -> list[Row[tuple[object, ...]]]:
    return list(connection.execute(select(dictionaries).order_by(dictionaries.c.made_at, dictionaries.c.id)))


def _badge_query() -> Select[tuple[object, ...]]:
    current = (versions.c.badge == badges.c.id) & (versions.c.version == badges.c.current_version)
    return (
        select(
            *(awards, badges, status_entries.c.list, status_entries.c.index),
            *(suspensions.c.list, suspensions.c.index, versions.c.jwt, versions.c.proof),
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
        award=_award(row),
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
        jwt=fields[versions.c.jwt],
        proof=fields[versions.c.proof],
        copy_of=fields[badges.c.copy_of],
        subject=fields[badges.c.subject],
    )


def _place(list_number: int | None, index: int | None) -> StatusPlace | None:
    return None if list_number is None or index is None else StatusPlace(list_number, index)


def _award(row: Row[tuple[object, ...]]) -> Award:
    fields = row._mapping
    return Award(
        id=fields[awards.c.id],
        person=fields[awards.c.person],
        achievement=fields[awards.c.achievement],
        tier=fields[awards.c.tier],
        period=_period(fields[awards.c.period_first], fields[awards.c.period_last]),
        mark=fields[awards.c.mark],
        made_at=fields[awards.c.made_at],
        policy_digest=fields[awards.c.policy_digest],
        hand_decision=fields[awards.c.hand_decision],
        thanks=fields[awards.c.thanks],
        reasons=fields[awards.c.reasons],
        title=fields[awards.c.title],
    )


@cache  # a programme has one a year
def _period(first: str, last: str) -> BadgePeriod:
    return BadgePeriod(date.fromisoformat(first), date.fromisoformat(last))


def _case(row: Row[tuple[object, ...]]) -> Case:
    return Case(
        number=row.number,
        badge=row.badge,
        cause=row.cause,
        reason=row.reason,
        needs_two=row.needs_two,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        ends_at=row.ends_at,
        suspended_until=row.suspended_until,
        agreed_by=row.agreed_by,
        outcome=row.outcome,
        ended_at=row.ended_at,
    )


def _hand_decision(row: Row[tuple[object, ...]]) -> HandDecision:
    return HandDecision(row.id, row.tier, row.decision, row.reason, row.decided_by, row.approved_by)


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
