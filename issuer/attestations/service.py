"""What people attest: giving the right, opening a claim, inviting, and taking an answer once.

The only place that writes attestations, always for one delegated person behind one private link. What an
attestation is worth is decided in `issuer.recognition`.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, Engine

from issuer.attendance import service as attendance
from issuer.attendance.model import Counted
from issuer.attestations import review, store
from issuer.attestations.eligibility import Eligibility
from issuer.attestations.model import (
    MAX_DELEGATION_DAYS_PER_MONTH,
    Attestation,
    AttestationError,
    Claim,
    Delegation,
)
from issuer.ground import news
from issuer.ground.database import reading, writing
from issuer.ground.tokens import hash_of
from issuer.people import service as people_service
from issuer.people.model import Person
from schemas.policy import Predicate, QualificationPolicy

TOKEN_BYTES = 24  # 192 bits: nobody guesses a private link
MAX_TITLE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Invitation:
    """A private link opened: what is asked of whom, and the answer if it was given already."""

    claim: Claim
    attestor: Person
    subjects: tuple[Person, ...]
    statements: tuple[str, ...]
    asks_attendees: bool
    answer: Attestation | None


@dataclass(frozen=True, slots=True)
class AttestedClaim:
    """A claim with what those who saw it said, each with the role of their delegation; `counted`: how many were at
    its event, where attendance was taken.
    """

    claim: Claim
    answers: tuple[tuple[Attestation, str | None], ...]
    counted: Counted | None = None


def delegate(engine: Engine, delegation: Delegation, *, policy: QualificationPolicy) -> None:
    """Give somebody the right to attest.

    Raises:
        AttestationError: a kind that nobody attests, or longer than the policy allows.
    """
    attested = {name for name, kind in policy.kinds.items() if kind.grade == "B"}
    unknown = sorted(delegation.kinds - attested)
    if unknown or not delegation.kinds:
        named, known = ", ".join(unknown) or "No kind", ", ".join(sorted(attested))
        raise AttestationError(f"{named} is nothing to attest; the policy has {known}.")
    months = policy.attestors.delegation.months_at_most
    if (
        not delegation.begins
        < delegation.ends
        <= delegation.begins + timedelta(days=months * MAX_DELEGATION_DAYS_PER_MONTH)
    ):
        raise AttestationError(f"A delegation lasts from 1 day to {months} months.")
    with writing(engine) as connection:
        if delegation not in store.delegations_of(connection, delegation.attestor):
            store.add_delegation(connection, delegation)


def end_delegations(engine: Engine, attestor: Person) -> int:
    """Take the right to attest from somebody, from now on; what they said before stays what it was.

    Returns how many delegations ended.
    """
    with writing(engine) as connection:
        return store.revoke_delegations(connection, attestor.id)


def open_claim(
    engine: Engine,
    *,
    kind: str,
    subjects: Sequence[Person],
    title: str,
    happened_at: datetime,
    region: str,
    event: str | None,
    policy: QualificationPolicy,
    now: datetime,
    reason: str | None = None,
    worth: Decimal | None = None,
) -> Claim:
    """Say what is to be attested. The same words again are the same claim.

    `worth`: the credits, for kinds whose credits a panel sets under the policy's `credits_at_most`.

    Raises:
        AttestationError: not a kind of grade B, nobody it is about, no title, a date in the future, or credits
            missing, out of bounds, or given to a kind that has its own.
    """
    if kind not in policy.kinds or policy.kinds[kind].grade != "B":
        raise AttestationError(f"{kind!r} is no kind of grade B in this policy, so nobody attests it.")
    if not subjects:
        raise AttestationError("A claim is about at least one person.")
    if not 0 < len(title.strip()) <= MAX_TITLE_CHARACTERS:
        raise AttestationError(f"A claim's title has 1 to {MAX_TITLE_CHARACTERS} characters.")
    if happened_at > now:
        raise AttestationError(f"{happened_at:%Y-%m-%d} lies in the future; what was seen is attested.")
    _check_worth(kind, worth, most=policy.kinds[kind].credits_at_most)
    persons = tuple(sorted({person.id for person in subjects}))
    words = "\0".join([kind, event or title.strip(), happened_at.astimezone(UTC).isoformat(), *persons])
    claim_id = hashlib.sha256(words.encode()).hexdigest()[:32]
    claim = Claim(claim_id, kind, persons, title.strip(), happened_at, region, event, reason, worth)
    with writing(engine) as connection:
        if store.add_claim(connection, claim, now=now):
            news.tell(connection, "claim", claim.id)
    return claim


def _check_worth(kind: str, worth: Decimal | None, *, most: Decimal | None) -> None:
    if most is None and worth is not None:
        raise AttestationError(f"The policy says how many credits {kind} gives; a claim cannot.")
    if most is not None and (worth is None or not worth.is_finite() or not 0 < worth <= most):
        raise AttestationError(f"A claim of {kind} says its credits: more than 0, at most {most}.")


def invite(
    engine: Engine,
    claim: Claim,
    *,
    attestor: Person,
    people: Mapping[str, Person],
    policy: QualificationPolicy,
    now: datetime,
) -> str:
    """The secret of a private link on which this person answers this claim; an earlier one stops working.

    Raises:
        AttestationError: no delegation covers it, or a rule of the policy bars this person, with the reason.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with writing(engine) as connection:
        _check_may_attest(connection, claim, attestor, people, policy, now.date())
        store.replace_invitation(
            connection, token_hash=hash_of(token), claim_id=claim.id, attestor=attestor.id, now=now
        )
    return token


def open_invitation(
    engine: Engine, token: str, *, people: Mapping[str, Person], policy: QualificationPolicy
) -> Invitation | None:
    """What a private link asks, or None for a link that leads nowhere."""
    with reading(engine) as connection:
        claim, attestor_id = _find(connection, token)
        if claim is None:
            return None
        answers = store.attestations_of(connection, [claim.id])
    return Invitation(
        claim=claim,
        attestor=people[attestor_id],
        subjects=tuple(people[subject] for subject in claim.subjects),
        statements=statements_of(claim.kind, policy),
        asks_attendees=asks_attendees(claim.kind, policy),
        answer=next((answer for answer in answers if answer.attestor == attestor_id), None),
    )


def answer(
    engine: Engine,
    token: str,
    *,
    seen: bool,
    statements: frozenset[str],
    attendees: int | None,
    people: Mapping[str, Person],
    policy: QualificationPolicy,
    now: datetime,
) -> Attestation:
    """Take one answer; the first one stands, so a form sent twice changes nothing.

    Raises:
        AttestationError: a link that leads nowhere, a right that has ended, a rule that bars this person, or an
            answer that the form does not offer.
    """
    with reading(engine) as connection:
        claim, attestor_id = _find(connection, token)
    if claim is None:
        raise AttestationError("This link leads nowhere: ask whoever sent it for a new one.")
    return answer_claim(
        engine,
        claim.id,
        people[attestor_id],
        seen=seen,
        statements=statements,
        attendees=attendees,
        people=people,
        policy=policy,
        now=now,
    )


def answer_claim(
    engine: Engine,
    claim_id: str,
    attestor: Person,
    *,
    seen: bool,
    statements: frozenset[str],
    attendees: int | None,
    people: Mapping[str, Person],
    policy: QualificationPolicy,
    now: datetime,
) -> Attestation:
    """Take somebody's answer, who came by a private link of theirs; the first one stands.

    Raises:
        AttestationError: there is no such claim, a right has ended, a rule bars this person, or the form does not
            offer such an answer.
    """
    with writing(engine) as connection:
        claim = store.claim(connection, claim_id)
        if claim is None:
            raise AttestationError("What was to be attested is not there any more.")
        given = [a for a in store.attestations_of(connection, [claim.id]) if a.attestor == attestor.id]
        if given:
            return given[0]
        offered = set(statements_of(claim.kind, policy))
        if not statements <= offered or (attendees is not None and not 0 <= attendees <= 1_000_000):
            raise AttestationError("The answer holds something that the form does not offer.")
        if seen:
            _check_may_attest(connection, claim, attestor, people, policy, now.date())
        made = Attestation(claim.id, attestor.id, seen, statements, attendees if seen else None, now)
        if seen:
            review.raise_flags(connection, claim, made, people=people, policy=policy)
        store.add_attestation(connection, made)
        news.tell(connection, "claim", claim.id)
        return made


def statements_of(kind: str, policy: QualificationPolicy) -> tuple[str, ...]:
    """What attestors of this kind are asked to affirm."""
    return _statements(policy.kinds[kind].when)


def asks_attendees(kind: str, policy: QualificationPolicy) -> bool:
    """Whether they are asked how many people were there."""
    return any(predicate.name == "attendees_at_least" for predicate in policy.kinds[kind].when)


def photo_of(connection: Connection, event: str) -> tuple[bytes, str] | None:
    """The photograph of an event's list at the door, while it is kept."""
    return attendance.photo_of(connection, event)


def attested_claims(connection: Connection, *, around: Iterable[str]) -> list[AttestedClaim]:
    """Every claim about these persons, or of an event of theirs, with the answers of those who saw it.

    Whoever was merged into another is that other here: two who turn out to be one speak once, and nobody speaks
    about themselves.
    """
    known_as, persons = people_service.known_as(connection), frozenset(around)
    former = {gone for gone, kept in known_as.items() if kept in persons}
    claims = [_as_known(claim, known_as) for claim in store.claims_around(connection, persons | former)]
    subjects = {claim.id: claim.subjects for claim in claims}
    answers: dict[str, list[Attestation]] = {}
    attestors: set[str] = set()
    for given in store.attestations_of(connection, subjects, standing=True):
        attestors.add(given.attestor)
        attestation = replace(given, attestor=known_as.get(given.attestor, given.attestor))
        heard = answers.setdefault(attestation.claim, [])
        twice = any(other.attestor == attestation.attestor for other in heard)
        if attestation.seen and not twice and attestation.attestor not in subjects[attestation.claim]:
            heard.append(attestation)
    counted = attendance.counted(connection, [claim.event for claim in claims if claim.event])
    delegations: dict[str, list[Delegation]] = {}
    for delegation in store.delegations_held_by(connection, attestors):
        attestor = known_as.get(delegation.attestor, delegation.attestor)
        delegations.setdefault(attestor, []).append(delegation)
    return [
        AttestedClaim(
            claim,
            tuple(
                (a, _role(delegations.get(a.attestor, ()), claim, a.answered_at.date()))
                for a in answers.get(claim.id, ())
            ),
            counted.get(claim.event or ""),
        )
        for claim in claims
    ]


def _as_known(claim: Claim, known_as: Mapping[str, str]) -> Claim:
    return replace(claim, subjects=tuple(dict.fromkeys(known_as.get(one, one) for one in claim.subjects)))


def touched_by(connection: Connection, claim: str) -> frozenset[str]:
    """Whose standing a claim, or an answer to it, can change: all whom any claim of its event is about."""
    return _all_as_known(connection, store.subjects_around(connection, claim))


def touched_by_event(connection: Connection, event: str) -> frozenset[str]:
    """Whose standing the number of people at an event can change."""
    return _all_as_known(connection, store.subjects_of_events(connection, [event]).get(event, ()))


def touched_by_attestor(connection: Connection, person: str) -> frozenset[str]:
    """Whose standing hangs on who this attestor is."""
    ids = people_service.ids_of(connection, person)
    found = (subject for one in ids for subject in store.subjects_attested_by(connection, one))
    return _all_as_known(connection, found)


def _all_as_known(connection: Connection, persons: Iterable[str]) -> frozenset[str]:
    known_as = people_service.known_as(connection)
    return frozenset(known_as.get(person, person) for person in persons)


def forget(connection: Connection, persons: Iterable[str]) -> None:
    """Erase what was claimed about these persons, and their right to attest, in the transaction of their leaving.

    What they attested about others stays, as the word of a number.
    """
    for person in persons:
        store.forget_person(connection, person)


def _role(delegations: Sequence[Delegation], claim: Claim, day: date) -> str | None:
    """In which role somebody spoke that day.

    A right that was ended later held then: ending it rechecks earlier statements and does not undo them (POLICY
    §4). It speaks only where no standing one does, so that nobody answers in a role that they had lost.
    """
    standing = [d for d in delegations if d.covers(claim.kind, region=claim.region, day=day)]
    ended = [replace(d, revoked=False) for d in delegations if d.revoked]
    once = [d for d in ended if d.covers(claim.kind, region=claim.region, day=day)]
    return next((d.role for d in standing or once if d.role), None)


def eligibility(
    connection: Connection,
    claims: Iterable[Claim],
    people: Mapping[str, Person],
    policy: QualificationPolicy,
    today: date,
) -> Eligibility:
    """Who may attest these claims today; the tables are read once for all of them."""
    asked = list(claims)
    answers: dict[str, list[Attestation]] = {}
    for one in store.attestations_of(connection, [claim.id for claim in asked]):
        answers.setdefault(one.claim, []).append(one)
    organisers = store.subjects_of_events(connection, {claim.event for claim in asked if claim.event})
    return Eligibility(people, policy, today, store.all_delegations(connection), answers, organisers)


def _check_may_attest(
    connection: Connection,
    claim: Claim,
    attestor: Person,
    people: Mapping[str, Person],
    policy: QualificationPolicy,
    today: date,
) -> None:
    refused = eligibility(connection, [claim], people, policy, today).why_not(claim, attestor)
    if refused is not None:
        raise AttestationError(refused.sentence)


def _find(connection: Connection, token: str) -> tuple[Claim | None, str]:
    found = store.invitation(connection, hash_of(token))
    return (store.claim(connection, found[0]), found[1]) if found else (None, "")


def _statements(when: Sequence[Predicate]) -> tuple[str, ...]:
    """Every statement that the kind's predicates ask attestors to affirm."""
    offered: list[str] = []
    for predicate in when:
        if predicate.name == "attested" and isinstance(predicate.parameter, tuple):
            offered += predicate.parameter
        offered += _statements(predicate.alternatives)
    return tuple(dict.fromkeys(offered))
