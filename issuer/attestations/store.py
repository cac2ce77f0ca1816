"""The tables of delegations, claims, invitations and answers, and all SQL on them."""

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from issuer.attestations.model import Attestation, Claim, Delegation
from issuer.ground.database import UtcDateTime, metadata
from issuer.ground.many import among, insert_rows

KEYS_PER_QUERY = 500  # so many answers are in memory at a time

delegations = Table(
    "delegations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("attestor", ForeignKey("persons.id"), nullable=False, index=True),
    Column("kinds", Text, nullable=False),
    Column("region", String(64), nullable=False),
    Column("role", String(64)),
    Column("begins", Date, nullable=False),
    Column("ends", Date, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
)
claims = Table(
    "claims",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
    Column("region", String(64), nullable=False),
    Column("event", String(200), index=True),
    Column("reason", Text),
    Column("credits", String(40)),  # a decimal number as text: exact on every database
    Column("opened_at", UtcDateTime, nullable=False),
)
claim_subjects = Table(
    "claim_subjects",
    metadata,
    Column("claim", ForeignKey("claims.id"), primary_key=True),
    Column("person", ForeignKey("persons.id"), primary_key=True, index=True),
)
invitations = Table(
    "invitations",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("claim", ForeignKey("claims.id"), nullable=False),
    Column("attestor", ForeignKey("persons.id"), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)
attestations = Table(
    "attestations",
    metadata,
    Column("claim", ForeignKey("claims.id"), primary_key=True),
    Column("attestor", ForeignKey("persons.id"), primary_key=True),
    Column("seen", Boolean, nullable=False),
    Column("statements", Text, nullable=False),
    Column("attendees", Integer),
    Column("answered_at", UtcDateTime, nullable=False),
    Column("found_false", Boolean, nullable=False, default=False),  # by people who looked; it counts no more
)
sheet_links = Table(
    "sheet_links",
    metadata,
    Column("attestor", ForeignKey("persons.id"), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("ends", UtcDateTime, nullable=False),
)
attestation_flags = Table(
    "attestation_flags",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("claim", ForeignKey("claims.id"), nullable=False),
    Column("attestor", ForeignKey("persons.id"), nullable=False, index=True),
    Column("rule", String(32), nullable=False),
    Column("sentence", String(300), nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("outcome", String(16)),  # fine or false, once somebody has looked
    UniqueConstraint("claim", "attestor", "rule"),
)


def add_delegation(connection: Connection, delegation: Delegation) -> None:
    connection.execute(
        insert(delegations).values(
            attestor=delegation.attestor,
            kinds=json.dumps(sorted(delegation.kinds)),
            region=delegation.region,
            role=delegation.role,
            begins=delegation.begins,
            ends=delegation.ends,
            revoked=delegation.revoked,
        )
    )


def revoke_delegations(connection: Connection, attestor: str) -> int:
    """End every right that somebody holds; how many that were."""
    held = (delegations.c.attestor == attestor) & delegations.c.revoked.is_(False)
    return connection.execute(update(delegations).where(held).values(revoked=True)).rowcount


def delegations_of(connection: Connection, attestor: str) -> list[Delegation]:
    rows = connection.execute(select(delegations).where(delegations.c.attestor == attestor))
    return [_delegation(row) for row in rows]


def all_delegations(connection: Connection) -> list[Delegation]:
    return [_delegation(row) for row in connection.execute(select(delegations).order_by(delegations.c.id))]


def add_claim(connection: Connection, claim: Claim, *, now: datetime) -> bool:
    """Store a claim; False if it was there already."""
    if connection.execute(select(claims.c.id).where(claims.c.id == claim.id)).first():
        return False
    connection.execute(
        insert(claims).values(
            id=claim.id,
            kind=claim.kind,
            title=claim.title,
            happened_at=claim.happened_at,
            region=claim.region,
            event=claim.event,
            reason=claim.reason,
            credits=None if claim.credits is None else str(claim.credits),
            opened_at=now,
        )
    )
    rows = [{"claim": claim.id, "person": person} for person in claim.subjects]
    insert_rows(connection, claim_subjects, rows)
    return True


def claim(connection: Connection, claim_id: str) -> Claim | None:
    found = _claims(connection, [claim_id])
    return found[0] if found else None


def all_claims(connection: Connection) -> Iterator[Claim]:
    for some in _chunks(connection.execute(select(claims.c.id)).scalars()):
        yield from _claims(connection, some)


def claims_around(connection: Connection, persons: Iterable[str]) -> list[Claim]:
    """Every claim about these persons, and every other claim of the events that those are of."""
    mine: set[str] = set()
    for some in _chunks(persons):
        mine |= set(
            connection.execute(
                select(claim_subjects.c.claim).where(among(claim_subjects.c.person, some))
            ).scalars()
        )
    events: set[str] = set()
    for some in _chunks(mine):
        named = among(claims.c.id, some) & claims.c.event.is_not(None)
        events |= set(connection.execute(select(claims.c.event).where(named)).scalars())
    for some in _chunks(events):
        mine |= set(connection.execute(select(claims.c.id).where(among(claims.c.event, some))).scalars())
    return [claim for some in _chunks(mine) for claim in _claims(connection, some)]


def subjects_around(connection: Connection, claim_id: str) -> frozenset[str]:
    """Everybody whom a claim is about, or another one of its event."""
    event = connection.execute(select(claims.c.event).where(claims.c.id == claim_id)).scalar()
    about = select(claim_subjects.c.person).where(claim_subjects.c.claim == claim_id)
    own = frozenset(connection.execute(about).scalars())
    return own | subjects_of_events(connection, [event]).get(event, frozenset()) if event else own


def subjects_attested_by(connection: Connection, attestor: str) -> frozenset[str]:
    """Everybody about whom somebody attested anything."""
    joined = select(claim_subjects.c.person).join(attestations, attestations.c.claim == claim_subjects.c.claim)
    return frozenset(connection.execute(joined.where(attestations.c.attestor == attestor)).scalars())


def subjects_of_events(connection: Connection, events: Iterable[str]) -> dict[str, frozenset[str]]:
    """For each of these events everybody whom any claim of it is about."""
    found: dict[str, set[str]] = {}
    for some in _chunks(sorted(events)):
        joined = select(claims.c.event, claim_subjects.c.person).join(claims).where(among(claims.c.event, some))
        for event, person in connection.execute(joined):
            found.setdefault(event, set()).add(person)
    return {event: frozenset(persons) for event, persons in found.items()}


def replace_invitation(
    connection: Connection, *, token_hash: str, claim_id: str, attestor: str, now: datetime
) -> None:
    """A new link for this claim and attestor; an older one stops working."""
    same = (invitations.c.claim == claim_id) & (invitations.c.attestor == attestor)
    connection.execute(delete(invitations).where(same))
    connection.execute(
        insert(invitations).values(token_hash=token_hash, claim=claim_id, attestor=attestor, made_at=now)
    )


def invitation(connection: Connection, token_hash: str) -> tuple[str, str] | None:
    """(claim id, attestor) of a link, by its hash."""
    row = connection.execute(
        select(invitations.c.claim, invitations.c.attestor).where(invitations.c.token_hash == token_hash)
    ).first()
    return (row.claim, row.attestor) if row else None


def add_attestation(connection: Connection, attestation: Attestation) -> None:
    connection.execute(
        insert(attestations).values(
            claim=attestation.claim,
            attestor=attestation.attestor,
            seen=attestation.seen,
            statements=json.dumps(sorted(attestation.statements)),
            attendees=attestation.attendees,
            answered_at=attestation.answered_at,
        )
    )


def attestations_of(
    connection: Connection, claim_ids: Iterable[str], *, standing: bool = False
) -> list[Attestation]:
    """All answers to these claims, in the order in which they came; `standing`: without those found false."""
    found: list[Attestation] = []
    for some in _chunks(claim_ids):
        query = select(attestations).where(among(attestations.c.claim, some))
        if standing:
            query = query.where(attestations.c.found_false.is_(False))
        rows = connection.execute(query.order_by(attestations.c.answered_at))
        found += [_attestation(row) for row in rows]
    return found


def attestations_by(connection: Connection, attestors: Iterable[str]) -> list[Attestation]:
    """What these people said that they saw, the oldest first."""
    chosen = among(attestations.c.attestor, attestors) & attestations.c.seen
    rows = connection.execute(select(attestations).where(chosen).order_by(attestations.c.answered_at))
    return [_attestation(row) for row in rows]


def claims_by_id(connection: Connection, ids: Iterable[str]) -> dict[str, Claim]:
    return {claim.id: claim for some in _chunks(ids) for claim in _claims(connection, some)}


def recent_claims(connection: Connection, *, since: datetime) -> list[Claim]:
    """Claims of what happened since then, the oldest first."""
    query = select(claims.c.id).where(claims.c.happened_at >= since)
    found = claims_by_id(connection, connection.execute(query).scalars().all()).values()
    return sorted(found, key=lambda claim: (claim.happened_at, claim.id))


def events_of_region(connection: Connection, region: str) -> list[str]:
    """The events of a region about which anything was claimed."""
    query = select(claims.c.event).where(claims.c.region == region, claims.c.event.is_not(None)).distinct()
    return [str(event) for event in connection.execute(query).scalars()]


def find_false(connection: Connection, claim_id: str, attestor: str) -> None:
    """From now on this statement counts for nothing."""
    mine = (attestations.c.claim == claim_id) & (attestations.c.attestor == attestor)
    connection.execute(update(attestations).where(mine).values(found_false=True))


def replace_sheet_link(connection: Connection, *, token_hash: str, attestor: str, ends: datetime) -> None:
    connection.execute(delete(sheet_links).where(sheet_links.c.attestor == attestor))
    connection.execute(insert(sheet_links).values(token_hash=token_hash, attestor=attestor, ends=ends))


def sheet_link(connection: Connection, token_hash: str) -> tuple[str, datetime] | None:
    """(attestor, when it ends) of an attestor's link, by its hash."""
    row = connection.execute(select(sheet_links).where(sheet_links.c.token_hash == token_hash)).first()
    return (row.attestor, row.ends) if row else None


def add_flag(
    connection: Connection, *, claim: str, attestor: str, rule: str, sentence: str, now: datetime
) -> None:
    """Raise a flag; one that was raised before stays as it is."""
    same = (attestation_flags.c.claim == claim) & (attestation_flags.c.attestor == attestor)
    known = select(attestation_flags.c.id).where(same & (attestation_flags.c.rule == rule))
    if connection.execute(known).first() is None:
        connection.execute(
            insert(attestation_flags).values(
                claim=claim, attestor=attestor, rule=rule, sentence=sentence, raised_at=now
            )
        )


def open_flags(
    connection: Connection, *, attestor: str | None = None
) -> list[tuple[str, str, str, str, datetime]]:
    """(claim, attestor, rule, sentence, raised at) of every flag that nobody has looked at."""
    query = select(attestation_flags).where(attestation_flags.c.outcome.is_(None))
    if attestor is not None:
        query = query.where(attestation_flags.c.attestor == attestor)
    rows = connection.execute(query.order_by(attestation_flags.c.id))
    return [(row.claim, row.attestor, row.rule, row.sentence, row.raised_at) for row in rows]


def settle_flags(connection: Connection, claim: str, attestor: str, outcome: str) -> int:
    """Note what whoever looked found; how many flags of the statement that settles."""
    same = (attestation_flags.c.claim == claim) & (attestation_flags.c.attestor == attestor)
    is_open = attestation_flags.c.outcome.is_(None)
    return connection.execute(update(attestation_flags).where(same & is_open).values(outcome=outcome)).rowcount


def delegations_held_by(connection: Connection, attestors: Iterable[str]) -> list[Delegation]:
    found = []
    for some in _chunks(attestors):
        chosen = among(delegations.c.attestor, some)
        rows = connection.execute(select(delegations).where(chosen).order_by(delegations.c.id))
        found += [_delegation(row) for row in rows]
    return found


def _claims(connection: Connection, ids: list[str]) -> list[Claim]:
    """Claims with these ids, with their subjects in one query."""
    subjects: dict[str, list[str]] = {}
    for row in connection.execute(select(claim_subjects).where(among(claim_subjects.c.claim, ids))):
        subjects.setdefault(row.claim, []).append(row.person)
    rows = connection.execute(select(claims).where(among(claims.c.id, ids)).order_by(claims.c.id))
    return [_claim(row, subjects.get(row.id, ())) for row in rows]


def _chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), KEYS_PER_QUERY):
        yield ordered[start : start + KEYS_PER_QUERY]


def forget_person(connection: Connection, person: str) -> None:
    """Erase the claims about a person alone, the person from the others, and their delegations and invitations."""
    about = list(
        connection.execute(select(claim_subjects.c.claim).where(claim_subjects.c.person == person)).scalars()
    )
    connection.execute(delete(claim_subjects).where(claim_subjects.c.person == person))
    for one in about:
        left = select(claim_subjects.c.person).where(claim_subjects.c.claim == one)
        if connection.execute(left).first() is None:
            for table in (invitations, attestations, attestation_flags):
                connection.execute(delete(table).where(table.c.claim == one))
            connection.execute(delete(claims).where(claims.c.id == one))
    for table in (invitations, sheet_links, attestation_flags):
        connection.execute(delete(table).where(table.c.attestor == person))
    connection.execute(delete(delegations).where(delegations.c.attestor == person))


def _delegation(row: Row[tuple[object, ...]]) -> Delegation:
    begins, ends = row.begins, row.ends
    assert isinstance(begins, date) and isinstance(ends, date)
    kinds = frozenset(json.loads(row.kinds))
    return Delegation(row.attestor, kinds, row.region, row.role, begins, ends, row.revoked)


def _claim(row: Row[tuple[object, ...]], subjects: Iterable[str]) -> Claim:
    return Claim(
        row.id,
        row.kind,
        tuple(sorted(subjects)),
        row.title,
        row.happened_at,
        row.region,
        row.event,
        row.reason,
        None if row.credits is None else Decimal(row.credits),
    )


def _attestation(row: Row[tuple[object, ...]]) -> Attestation:
    statements = frozenset(json.loads(row.statements))
    return Attestation(row.claim, row.attestor, row.seen, statements, row.attendees, row.answered_at)
