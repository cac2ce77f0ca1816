"""Awards, and decisions by hand: all SQL on them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from functools import cache

from sqlalchemy import (
    Connection,
    Row,
    func,
    insert,
    select,
    update,
)

from issuer.badges.model import Award, HandDecision
from issuer.badges.store.tables import awards, hand_decisions
from issuer.ground.many import among, insert_rows
from issuer.recognition.calendar import BadgePeriod


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
    return [
        award_in(row) for row in connection.execute(select(awards).where(awards.c.hand_decision == decision_id))
    ]


def awards_of(connection: Connection, person: str, period: BadgePeriod) -> list[Award]:
    chosen = (awards.c.person == person) & (awards.c.period_first == period.first.isoformat())
    return [award_in(row) for row in connection.execute(select(awards).where(chosen)).all()]


def awards_of_some(connection: Connection, persons: Sequence[str], period: BadgePeriod) -> list[Award]:
    chosen = among(awards.c.person, persons) & (awards.c.period_first == period.first.isoformat())
    return [award_in(row) for row in connection.execute(select(awards).where(chosen)).all()]


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
    insert_rows(connection, awards, rows)


def awards_without_badge(
    connection: Connection, *, limit: int, after: tuple[datetime, str] | None = None
) -> list[Award]:
    """The oldest awards for which nothing is intended yet; `after`: those behind an award, by when it was made and
    by its id.
    """
    query = select(awards).where(awards.c.intended.is_(False)).order_by(awards.c.made_at, awards.c.id).limit(limit)
    if after is not None:
        made_at, award_id = after
        later = (awards.c.made_at > made_at) | (awards.c.id > award_id)
        query = query.where(awards.c.made_at >= made_at, later)  # the first is what the index can look up
    return [award_in(row) for row in connection.execute(query).all()]


def waiting_among(connection: Connection, award_ids: Collection[str]) -> set[str]:
    """Those of these awards for which nothing is intended yet."""
    chosen = among(awards.c.id, award_ids) & awards.c.intended.is_(False)
    return set(connection.execute(select(awards.c.id).where(chosen)).scalars())


def count_waiting(connection: Connection) -> int:
    """How many awards there are for which nothing is intended yet."""
    query = select(func.count()).select_from(awards).where(awards.c.intended.is_(False))
    return connection.execute(query).scalar_one()


def forget_reasons(connection: Connection, award_ids: Collection[str]) -> None:
    """What the letters about awards needed is not kept beside them."""
    kept = among(awards.c.id, award_ids) & (awards.c.reasons != "")
    connection.execute(update(awards).where(kept).values(reasons=""))


def award_in(row: Row[tuple[object, ...]]) -> Award:
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


def _hand_decision(row: Row[tuple[object, ...]]) -> HandDecision:
    return HandDecision(row.id, row.tier, row.decision, row.reason, row.decided_by, row.approved_by)
