"""Statements that people should look at: flags raised with the statement, looked at by the team, and what a false
one leads to (POLICY §4).

A flag waits in one matter for each attestor. Looking at it either settles it, or finds the statement false: then
it counts no more, the right to attest ends, and twelve months of the attestor's other statements are to be looked
at again. Nobody's standing is taken by that alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from issuer.attendance import service as attendance
from issuer.attestations import store
from issuer.attestations.flags import NOTED_ONLY, History, Said, flags_of
from issuer.attestations.model import Attestation, AttestationError, Claim
from issuer.ground import audit, news
from issuer.ground.database import reading, writing
from issuer.ground.matters import Matter
from issuer.people.model import Person
from schemas.policy import QualificationPolicy

RECHECKED_FOR = timedelta(days=365)
RECHECK = "recheck"
MINUTES_FOR_ONE = 1  # and one for the attestor
MAX_MINUTES = 20  # more is done another day


@dataclass(frozen=True, slots=True)
class Flagged:
    """One statement that wants a look, with the reasons."""

    claim: Claim
    statement: Attestation
    reasons: tuple[str, ...]
    raised_at: datetime


def raise_flags(
    connection: Connection,
    claim: Claim,
    made: Attestation,
    *,
    people: Mapping[str, Person],
    policy: QualificationPolicy,
) -> None:
    """Raise what the policy's rules find in a statement, in the transaction in which it is taken."""
    said, history = _said(connection, claim, made, people), _history(connection, claim, made, people)
    for flag in flags_of(said, history, policy.attestors):
        store.add_flag(
            connection,
            claim=claim.id,
            attestor=made.attestor,
            rule=flag.rule,
            sentence=flag.sentence,
            now=made.answered_at,
        )


def flagged(engine: Engine, attestor: str) -> list[Flagged]:
    """The statements of one attestor at which somebody should look."""
    with reading(engine) as connection:
        waiting = store.open_flags(connection, attestor=attestor)
        known = store.claims_by_id(connection, {row[0] for row in waiting})
        given = {a.claim: a for a in store.attestations_of(connection, known) if a.attestor == attestor}
    found: list[Flagged] = []
    for claim_id in dict.fromkeys(row[0] for row in waiting):
        mine = [row for row in waiting if row[0] == claim_id]
        if claim_id in given and any(rule not in NOTED_ONLY for _, _, rule, _, _ in mine):
            reasons = tuple(sentence for _, _, _, sentence, _ in mine)
            found.append(Flagged(known[claim_id], given[claim_id], reasons, min(row[4] for row in mine)))
    return found


def settle(
    engine: Engine, *, claim: str, attestor: str, found_false: bool, by: str, role: str, reason: str, now: datetime
) -> int:
    """Note that somebody looked at a flagged statement, and what they found; how many other statements are to be
    looked at again.

    Raises:
        AttestationError: whoever looks is whom it is about, or there is nothing to look at.
        AuditError: no reason is given.
    """
    with writing(engine) as connection:
        known = store.claims_by_id(connection, [claim]).get(claim)
        if known is None or not store.settle_flags(
            connection, claim, attestor, "false" if found_false else "fine"
        ):
            raise AttestationError("No flag of this statement waits any more.")
        if by == attestor or by in known.subjects:
            raise AttestationError("Nobody judges a statement of their own, or one about themselves.")
        audit.write(
            connection,
            actor=by,
            role=role,
            act="attestation.found_false" if found_false else "attestation.looked_at",
            reason=reason,
            now=now,
            person=attestor,
            subject=f"claim {claim}",
        )
        if not found_false:
            return 0
        store.find_false(connection, claim, attestor)
        store.revoke_delegations(connection, attestor)
        news.tell(connection, "claim", claim)
        return _recheck(connection, attestor, besides=claim, now=now)


def matters(engine: Engine) -> list[Matter]:
    """One for each attestor some of whose statements want a look."""
    with reading(engine) as connection:
        rows = [row for row in store.open_flags(connection) if row[2] not in NOTED_ONLY]
    by_attestor: dict[str, list[tuple[str, str, str, str, datetime]]] = {}
    for row in rows:
        by_attestor.setdefault(row[1], []).append(row)
    return [_matter(attestor, waiting) for attestor, waiting in by_attestor.items()]


def _matter(attestor: str, waiting: Sequence[tuple[str, str, str, str, datetime]]) -> Matter:
    count = len({claim for claim, *_ in waiting})
    one, many = "1 statement of an attestor wants a look.", f"{count} statements of an attestor want a look."
    return Matter(
        kind="flag",
        key=f"attestor {attestor}",
        title=one if count == 1 else many,
        since=min(row[4] for row in waiting),
        minutes=min(1 + MINUTES_FOR_ONE * count, MAX_MINUTES),
        default="The statements stand: a flag never blocks one.",
        page=f"/team/attestors/{attestor}",
    )


def _recheck(connection: Connection, attestor: str, *, besides: str, now: datetime) -> int:
    lately = [a for a in store.attestations_by(connection, [attestor]) if a.answered_at >= now - RECHECKED_FOR]
    others = [statement for statement in lately if statement.claim != besides]
    for statement in others:
        store.add_flag(
            connection,
            claim=statement.claim,
            attestor=attestor,
            rule=RECHECK,
            sentence="Another statement of this attestor was found false.",
            now=now,
        )
    return len(others)


def _said(connection: Connection, claim: Claim, made: Attestation, people: Mapping[str, Person]) -> Said:
    counted = attendance.counted(connection, [claim.event] if claim.event else [])
    proved = max((known.proved for known in counted.values()), default=0)
    return replace(_earlier(claim, made, people), attendees=max(proved, made.attendees or 0) or None)


def _history(connection: Connection, claim: Claim, made: Attestation, people: Mapping[str, Person]) -> History:
    own = store.attestations_by(connection, [made.attestor])
    about = store.attestations_by(connection, claim.subjects)
    claims = store.claims_by_id(connection, {statement.claim for statement in (*own, *about)})
    others = [event for event in store.events_of_region(connection, claim.region) if event != claim.event]
    numbers = [counted.proved for counted in attendance.counted(connection, others).values() if counted.proved]
    attestor = people.get(made.attestor)
    day = claim.happened_at.astimezone(UTC).date()
    return History(
        own=[_earlier(claims[one.claim], one, people) for one in own if one.claim in claims],
        about=[
            _earlier(claims[one.claim], one, people)
            for one in about
            if one.claim in claims and made.attestor in claims[one.claim].subjects
        ],
        attendances=numbers,
        affiliation_known=attestor is not None and attestor.affiliation_at(day) is not None,
    )


def _earlier(claim: Claim, made: Attestation, people: Mapping[str, Person]) -> Said:
    day = claim.happened_at.astimezone(UTC).date()
    known = [people[subject].affiliation_at(day) for subject in claim.subjects if subject in people]
    names = tuple(None if one is None else one.organisation or "nobody" for one in known)
    return Said(
        claim.id, made.attestor, claim.subjects, names, claim.happened_at, made.answered_at, made.attendees
    )
