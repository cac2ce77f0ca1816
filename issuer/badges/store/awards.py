"""Awards, and decisions by hand: all SQL on them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    func,
    insert,
    select,
    tuple_,
    update,
)

from issuer.badges.model import Award, HandDecision
from issuer.badges.store.tables import awards, hand_decisions
from issuer.ground.many import among, insert_rows, of_most
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
    connection: Connection,
    *,
    limit: int,
    after: tuple[datetime, str] | None = None,
    until: tuple[datetime, str] | None = None,
) -> list[Award]:
    """The oldest awards for which nothing is intended yet; of those behind the award `after`, up to `until` and
    with it: awards by when they were made and by their ids.
    """
    query = _waiting_behind(select(awards), after).limit(limit)
    if until is not None:
        query = query.where(until >= _IN_ORDER)
    return [award_in(row) for row in connection.execute(query).all()]


def waiting_after(
    connection: Connection, last: tuple[datetime, str] | None, *, count: int
) -> tuple[datetime, str] | None:
    """Of the awards for which nothing is intended, the one so many behind another; None beyond the last."""
    query = _waiting_behind(select(awards.c.made_at, awards.c.id), last).offset(count - 1).limit(1)
    row = connection.execute(query).first()
    return None if row is None else (row.made_at, row.id)


_IN_ORDER = tuple_(awards.c.made_at, awards.c.id)  # compared as one, so that an index finds where it begins


def _waiting_behind(query: Select[Any], after: tuple[datetime, str] | None) -> Select[Any]:
    query = query.where(awards.c.intended.is_(False)).order_by(awards.c.made_at, awards.c.id)
    return query if after is None else query.where(after < _IN_ORDER)


def waiting_among(connection: Connection, award_ids: Collection[str]) -> set[str]:
    """Those of these awards for which nothing is intended yet."""
    chosen = among(awards.c.id, award_ids) & of_most(awards.c.intended.is_(False))
    return set(connection.execute(select(awards.c.id).where(chosen)).scalars())


def count_waiting(connection: Connection) -> int:
    """How many awards there are for which nothing is intended yet."""
    query = select(func.count()).select_from(awards).where(awards.c.intended.is_(False))
    return connection.execute(query).scalar_one()


def forget_reasons(connection: Connection, award_ids: Collection[str]) -> None:
    """What the letters about awards needed is not kept beside them."""
    kept = among(awards.c.id, award_ids) & (awards.c.reasons != "")
    connection.execute(update(awards).where(kept).values(reasons=""))


_COLUMNS = tuple(awards.c)  # looked up once: there are hundreds of thousands of rows


def award_in(row: Row[tuple[object, ...]]) -> Award:
    values = map(row._mapping.__getitem__, _COLUMNS)
    one, person, name, tier, title, first, last, mark, made_at, digest, decision, thanks, reasons, _ = values
    period = _period(first, last)
    return Award(one, person, name, tier, period, mark, made_at, digest, decision, thanks, reasons, title)


@cache  # a programme has one a year
def _period(first: str, last: str) -> BadgePeriod:
    return BadgePeriod(date.fromisoformat(first), date.fromisoformat(last))


def _hand_decision(row: Row[tuple[object, ...]]) -> HandDecision:
    return HandDecision(row.id, row.tier, row.decision, row.reason, row.decided_by, row.approved_by)
