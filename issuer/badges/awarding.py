"""Who is awarded what: by the policy's decisions, or by hand. Signing what was awarded is `issuance`.

An award is made once per person, achievement and period, and a tier once awarded is never taken back inside
its period by a later count (POLICY §4).
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, Engine

from issuer.badges import achievements, catalogue, letters, store
from issuer.badges.model import BY_DECISION, Award, BadgeError, HandDecision
from issuer.ground.database import reading, writing
from issuer.ground.ids import new_ids
from issuer.people import service as people_service
from issuer.people.model import Person
from issuer.recognition import merits, sentences
from issuer.recognition.calendar import BadgePeriod, period_at
from issuer.recognition.decision import Decision
from issuer.recognition.merits import Merit
from schemas.policy import QualificationPolicy

CHUNK = 500  # persons looked at, and awards made, per transaction


def award_decisions(
    engine: Engine,
    decisions: Iterable[tuple[Person, Decision]],
    *,
    policy: QualificationPolicy,
    now: datetime,
) -> int:
    """An award for each person whose tier is better than any they have in this period, and one for each badge
    per kind that they have earned and do not have; returns how many.

    What was awarded is never taken back inside its period by a later count (POLICY §4).
    """
    made, rest = 0, iter(decisions)
    while chunk := list(islice(rest, CHUNK)):
        people = [_Earned(p, d, merits.earned(d)) for p, d in chunk if not p.bot]
        made += _award_chunk(engine, [one for one in people if one.decision.tier or one.merits], policy, now)
    return made


@dataclass(frozen=True, slots=True)
class _Earned:
    """What one person's decision gives them: a tier, and badges per kind."""

    person: Person
    decision: Decision
    merits: tuple[Merit, ...]


def _award_chunk(engine: Engine, people: Sequence[_Earned], policy: QualificationPolicy, now: datetime) -> int:
    """Awards made meanwhile by another run are left alone: one per person, achievement and period. They are
    written out before the lock is taken, and what is missing is asked again under it.
    """
    period = period_at(now, policy.period)
    with reading(engine) as connection:
        missing = _missing(connection, people, period, policy, now)
    if not missing:
        return 0
    made = {
        _key(one, merit): _award_of_tier(one, period, policy, now)
        if merit is None
        else _award_per_kind(one.person, merit, period, policy, now)
        for one, merit in missing
    }
    with writing(engine) as connection:
        still = {_key(*pair) for pair in _missing(connection, people, period, policy, now)}
        kept = [award for key, award in made.items() if key in still]
        store.awards.add_awards(connection, kept)
    return len(kept)


def _key(one: _Earned, merit: Merit | None) -> tuple[str, str | None]:
    return one.person.id, None if merit is None else merit.badge


def _missing(
    connection: Connection,
    people: Sequence[_Earned],
    period: BadgePeriod,
    policy: QualificationPolicy,
    now: datetime,
) -> list[tuple[_Earned, Merit | None]]:
    """What these people have earned and were not awarded in this period, under any of their ids: their tier
    (None), and badges per kind.
    """
    found, active = list[tuple[_Earned, Merit | None]](), achievements.active(connection, policy, now=now)
    held = _held(connection, [one.person.id for one in people], period)
    for one in people:
        mine = held.get(one.person.id, [])
        best = min((rank(award, policy) for award in mine if not award.is_per_kind), default=None)
        if one.decision.tier is not None and _outranks(one.decision.tier, best, policy):
            found.append((one, None))
        have = {award.achievement for award in mine}
        found += [(one, merit) for merit in one.merits if merit.badge in active and merit.badge not in have]
    return found


def _award_of_tier(one: _Earned, period: BadgePeriod, policy: QualificationPolicy, now: datetime) -> Award:
    tier = str(one.decision.tier)
    thanks, reasons = sentences.thanks(one.decision), letters.reasons_of(one.decision, one.person.voice)
    return _new_award(
        one.person.id, tier, tier, period, _mark(one.decision), policy, now, thanks=thanks, reasons=reasons
    )


def _award_per_kind(
    person: Person, merit: Merit, period: BadgePeriod, policy: QualificationPolicy, now: datetime
) -> Award:
    mark = catalogue.mark_of_badge(merit.badge, policy)
    thanks, reasons = sentences.thanks_for(merit), letters.reasons_for(merit, person.voice)
    return _new_award(
        person.id,
        merit.badge,
        "",
        period,
        mark,
        policy,
        now,
        thanks=thanks,
        reasons=reasons,
        title=merit.rule.title,
    )


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
        if store.awards.hand_decision(connection, made.id) is None:
            store.awards.add_hand_decision(connection, made, now=now)
        mark, wanted = catalogue.COMMUNITY_MARK, list(dict.fromkeys(person.id for person in persons))
        for start in range(0, len(wanted), CHUNK):
            some = wanted[start : start + CHUNK]
            have = {
                award.person
                for award in store.awards.awards_of_some(connection, some, period)
                if award.achievement == BY_DECISION
            }
            fresh = [
                _new_award(one, BY_DECISION, tier, period, mark, policy, now, decision=made.id)
                for one in some
                if one not in have
            ]
            store.awards.add_awards(connection, fresh)
    return made


def approve(engine: Engine, decision_id: str, *, by: Person, policy: QualificationPolicy, now: datetime) -> int:
    """A second person approves a decision: its tier is awarded to those who have none as good; returns how many.

    Raises:
        BadgeError: no such decision, or the approver is the one who decided, or is recognised by it.
    """
    with writing(engine) as connection:
        decision = store.awards.hand_decision(connection, decision_id)
        if decision is None:
            raise BadgeError(f"There is no decision {decision_id!r} to approve.")
        recognised = store.awards.awards_of_decision(connection, decision_id)
        involved = {decision.decided_by, *(award.person for award in recognised)}
        if involved & set(people_service.ids_of(connection, by.id)):
            raise BadgeError("A decision is approved by somebody who neither made it nor is recognised by it.")
        if decision.approved_by is None:
            store.awards.approve_hand_decision(connection, decision_id, by=by.id, now=now)
        place, made = _place(decision.tier, policy), 0
        for award in recognised:
            holder = people_service.persons_behind(connection, {award.person})[award.person]
            ids = people_service.ids_of(connection, holder.id)
            held = [other for person in ids for other in store.awards.awards_of(connection, person, award.period)]
            best = min((rank(one, policy) for one in held if not one.is_per_kind), default=len(policy.tiers))
            if place is not None and place < best:
                granted = _new_award(
                    award.person, decision.tier, decision.tier, award.period, award.mark, policy, now,
                    decision=decision.id,
                )  # fmt: skip
                store.awards.add_awards(connection, [granted])
                made += 1
        return made


def hand_decisions(engine: Engine) -> list[HandDecision]:
    """All decisions by hand, approved or not."""
    with reading(engine) as connection:
        return store.awards.all_hand_decisions(connection)


def _place(tier: str | None, policy: QualificationPolicy) -> int | None:
    """A tier's place in the policy: 0 is the highest."""
    return next((place for place, known in enumerate(policy.tiers) if known.id == tier), None)


def rank(award: Award, policy: QualificationPolicy) -> int:
    """What an award of a tier outranks: tiers by their place, a decision that nobody approved below them all."""
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
    thanks: str = "",
    reasons: str = "",
    title: str = "",
) -> Award:
    number = new_ids(1, now=now)[0].hex
    return Award(number, person, name, tier, period, mark, now, policy.digest, decision, thanks, reasons, title)


def _held(connection: Connection, persons: Iterable[str], period: BadgePeriod) -> Mapping[str, list[Award]]:
    """Each of these persons' awards in a period; what was awarded to somebody before they were merged into
    another is that other's.
    """
    known_as, wanted = people_service.known_as(connection), set(persons)
    former = [gone for gone, kept in known_as.items() if kept in wanted]
    held: dict[str, list[Award]] = defaultdict(list)
    for award in store.awards.awards_of_some(connection, [*wanted, *former], period):
        held[known_as.get(award.person, award.person)].append(award)
    return held


def _mark(decision: Decision) -> str:
    """The kind of work that weighed most, for the picture."""
    weights: dict[str, float] = {}
    for line in decision.lines:
        if line.counted and line.kind:
            mark = catalogue.mark_of(line.kind)
            weights[mark] = weights.get(mark, 0.0) + float(line.credits)
    return max(sorted(weights), key=lambda mark: weights[mark], default=catalogue.COMMUNITY_MARK)
