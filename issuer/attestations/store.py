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
    delete,
    insert,
    select,
    update,
)

from issuer.attestations.model import Attestation, Claim, Delegation
from issuer.ground.database import UtcDateTime, metadata

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
    connection.execute(insert(claim_subjects), rows)
    return True


def claim(connection: Connection, claim_id: str) -> Claim | None:
    row = connection.execute(select(claims).where(claims.c.id == claim_id)).first()
    return _claim(connection, row) if row else None


def all_claims(connection: Connection) -> Iterator[Claim]:
    for row in connection.execute(select(claims).order_by(claims.c.id)).all():
        yield _claim(connection, row)


def subjects_of_event(connection: Connection, event: str) -> frozenset[str]:
    """Everybody whom any claim of this event is about."""
    joined = select(claim_subjects.c.person).join(claims).where(claims.c.event == event)
    return frozenset(connection.execute(joined).scalars())


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


def attestations_of(connection: Connection, claim_ids: Iterable[str]) -> list[Attestation]:
    """All answers to these claims, in the order in which they came."""
    chosen = attestations.c.claim.in_(list(claim_ids))
    rows = connection.execute(select(attestations).where(chosen).order_by(attestations.c.answered_at))
    return [_attestation(row) for row in rows]


def all_attestations(connection: Connection) -> list[Attestation]:
    return [_attestation(row) for row in connection.execute(select(attestations))]


def _delegation(row: Row[tuple[object, ...]]) -> Delegation:
    begins, ends = row.begins, row.ends
    assert isinstance(begins, date) and isinstance(ends, date)
    kinds = frozenset(json.loads(row.kinds))
    return Delegation(row.attestor, kinds, row.region, row.role, begins, ends, row.revoked)


def _claim(connection: Connection, row: Row[tuple[object, ...]]) -> Claim:
    about = select(claim_subjects.c.person).where(claim_subjects.c.claim == row.id)
    subjects = tuple(sorted(connection.execute(about).scalars()))
    return Claim(
        row.id,
        row.kind,
        subjects,
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
