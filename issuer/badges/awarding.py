"""Who is awarded what: by the policy's decisions, or by hand. Signing what was awarded is `issuance`.

An award is made once per person, achievement and period, and a tier once awarded is never taken back inside
its period by a later count (POLICY §4).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from uuid import uuid4

from sqlalchemy import Connection, Engine

from issuer.badges import catalogue, letters, store
from issuer.badges.model import BY_DECISION, Award, BadgeError, HandDecision
from issuer.ground.database import reading, writing
from issuer.people import service as people_service
from issuer.people.model import Person
from issuer.recognition import sentences
from issuer.recognition.calendar import BadgePeriod, period_at
from issuer.recognition.decision import Decision
from schemas.policy import QualificationPolicy

CHUNK = 200  # persons looked at, and awards made, per transaction


def award_decisions(
    engine: Engine,
    decisions: Iterable[tuple[Person, Decision]],
    *,
    policy: QualificationPolicy,
    now: datetime,
) -> int:
    """One award for each person whose tier is better than any they have in this period; returns how many.

    A tier once awarded is never taken back inside its period by a later count (POLICY §4).
    """
    made, rest = 0, iter(decisions)
    while chunk := list(islice(rest, CHUNK)):
        earned = [(person, decision) for person, decision in chunk if decision.tier and not person.bot]
        made += _award_chunk(engine, earned, policy, now)
    return made


def _award_chunk(
    engine: Engine, earned: Sequence[tuple[Person, Decision]], policy: QualificationPolicy, now: datetime
) -> int:
    """Awards made meanwhile by another run are left alone: one per person, achievement and period."""
    period = period_at(now, policy.period)
    with reading(engine) as connection:
        best = _best_of(connection, [p.id for p, _ in earned], period, policy)
    better = [(p, d) for p, d in earned if _outranks(d.tier, best.get(p.id), policy)]
    if not better:
        return 0
    with writing(engine) as connection:
        best = _best_of(connection, [p.id for p, _ in better], period, policy)
        still = [(p, d) for p, d in better if _outranks(d.tier, best.get(p.id), policy)]
        for person, decision in still:
            assert decision.tier is not None
            award = _new_award(person.id, decision.tier, decision.tier, period, _mark(decision), policy, now)
            reasons = letters.reasons_of(decision, person.voice)
            said = replace(award, thanks=sentences.thanks(decision), reasons=reasons)
            store.add_award(connection, said)
    return len(still)


def _outranks(tier: str | None, best: int | None, policy: QualificationPolicy) -> bool:
    place = _place(tier, policy)
    return place is not None and (best is None or place < best)


def award_by_hand(
    engine: Engine,
    persons: Sequence[Person],
    *,
    tier: str,
    decision: str,
    reason: str,
    decided_by: Person,
    policy: QualificationPolicy,
    now: datetime,
) -> HandDecision:
    """Recognise people by a decision of staff. Until somebody else approves it, it buys nothing.

    The same decision given again is the same decision.

    Raises:
        BadgeError: an unknown tier, no grounds, or nobody to recognise.
    """
    if _place(tier, policy) is None:
        raise BadgeError(f"The policy has no tier {tier!r}; it has {', '.join(t.id for t in policy.tiers)}.")
    if not decision.strip() or not reason.strip() or not persons:
        raise BadgeError("An award by hand says by which decision, for what reason, and whom it recognises.")
    period = period_at(now, policy.period)
    words = "\0".join([tier, decision, reason, period.term, *sorted(p.id for p in persons)])
    made = HandDecision(
        hashlib.sha256(words.encode()).hexdigest()[:12], tier, decision.strip(), reason.strip(), decided_by.id
    )
    with writing(engine) as connection:
        if store.hand_decision(connection, made.id) is None:
            store.add_hand_decision(connection, made, now=now)
        for person in persons:
            if not any(a.achievement == BY_DECISION for a in store.awards_of(connection, person.id, period)):
                mark = catalogue.COMMUNITY_MARK
                award = _new_award(person.id, BY_DECISION, tier, period, mark, policy, now, decision=made.id)
                store.add_award(connection, award)
    return made


def approve(engine: Engine, decision_id: str, *, by: Person, policy: QualificationPolicy, now: datetime) -> int:
    """A second person approves a decision: its tier is awarded to those who have none as good; returns how many.

    Raises:
        BadgeError: no such decision, or the approver is the one who decided, or is recognised by it.
    """
    with writing(engine) as connection:
        decision = store.hand_decision(connection, decision_id)
        if decision is None:
            raise BadgeError(f"There is no decision {decision_id!r} to approve.")
        recognised = store.awards_of_decision(connection, decision_id)
        involved = {decision.decided_by, *(award.person for award in recognised)}
        if involved & set(people_service.ids_of(connection, by.id)):
            raise BadgeError("A decision is approved by somebody who neither made it nor is recognised by it.")
        if decision.approved_by is None:
            store.approve_hand_decision(connection, decision_id, by=by.id, now=now)
        place, made = _place(decision.tier, policy), 0
        for award in recognised:
            holder = people_service.persons_behind(connection, {award.person})[award.person]
            ids = people_service.ids_of(connection, holder.id)
            held = [other for person in ids for other in store.awards_of(connection, person, award.period)]
            best = _best_tiers(held, policy, known_as=dict.fromkeys(ids, award.person))
            if place is not None and place < best.get(award.person, len(policy.tiers)):
                granted = _new_award(
                    award.person, decision.tier, decision.tier, award.period, award.mark, policy, now,
                    decision=decision.id,
                )  # fmt: skip
                store.add_award(connection, granted)
                made += 1
        return made


def hand_decisions(engine: Engine) -> list[HandDecision]:
    """All decisions by hand, approved or not."""
    with reading(engine) as connection:
        return store.all_hand_decisions(connection)


def _place(tier: str | None, policy: QualificationPolicy) -> int | None:
    """A tier's place in the policy: 0 is the highest."""
    return next((place for place, known in enumerate(policy.tiers) if known.id == tier), None)


def rank(award: Award, policy: QualificationPolicy) -> int:
    """What an award outranks: tiers by their place, a decision that nobody approved below them all."""
    place = None if award.achievement == BY_DECISION else _place(award.tier, policy)
    return len(policy.tiers) if place is None else place


def _new_award(
    person: str,
    name: str,
    tier: str,
    period: BadgePeriod,
    mark: str,
    policy: QualificationPolicy,
    now: datetime,
    *,
    decision: str | None = None,
) -> Award:
    return Award(uuid4().hex, person, name, tier, period, mark, now, policy.digest, decision)


def _best_of(
    connection: Connection, persons: Iterable[str], period: BadgePeriod, policy: QualificationPolicy
) -> dict[str, int]:
    """Each of these persons' best tier in a period; what was awarded to somebody before they were merged into
    another is that other's.
    """
    known_as, wanted = people_service.known_as(connection), set(persons)
    former = [gone for gone, kept in known_as.items() if kept in wanted]
    return _best_tiers(store.awards_of_some(connection, [*wanted, *former], period), policy, known_as=known_as)


def _best_tiers(
    awards: Iterable[Award], policy: QualificationPolicy, *, known_as: Mapping[str, str]
) -> dict[str, int]:
    best: dict[str, int] = {}
    for award in awards:
        person = known_as.get(award.person, award.person)
        best[person] = min(rank(award, policy), best.get(person, len(policy.tiers)))
    return best


def _mark(decision: Decision) -> str:
    """The kind of work that weighed most, for the picture."""
    weights: dict[str, float] = {}
    for line in decision.lines:
        if line.counted and line.kind:
            mark = catalogue.mark_of(line.kind)
            weights[mark] = weights.get(mark, 0.0) + float(line.credits)
    return max(sorted(weights), key=lambda mark: weights[mark], default=catalogue.COMMUNITY_MARK)
