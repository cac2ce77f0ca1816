"""Badges per kind of work: which of the catalogue somebody has earned, and what each other one still lacks. Pure.

It reads the lines of a decision that was made, so one pass over the records gives tier and badges. What counts
is what the policy takes and somebody accepted, in the time that counts in full; also beyond a kind's cap, which
bounds credits and does not undo the deed. Whether a badge is awarded at all is the catalogue's state, in
`issuer.badges`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from issuer.recognition import predicates
from issuer.recognition.decision import (
    CAPPED,
    COUNTED,
    NEEDS_ATTESTATION,
    NO_CREDITS,
    ONE,
    ZERO,
    Decision,
    Line,
    settled,
)
from schemas.policy import BadgeRule, QualificationPolicy

_DONE = frozenset({COUNTED, CAPPED, NO_CREDITS})  # clauses of what the policy takes, whatever credits it gave


@dataclass(frozen=True, slots=True)
class Merit:
    """How somebody stands towards one badge. `lines`: what counts towards it; `waiting`: what would, attested.

    `items` and `credits`: how much is still needed of both; `alone`: whether one thing earns it by itself.
    """

    badge: str
    rule: BadgeRule
    lines: tuple[Line, ...]
    waiting: tuple[Line, ...]
    items: int
    credits: Decimal
    alone: bool

    @property
    def earned(self) -> bool:
        return self.alone or not (self.items or self.credits)


def merits(decision: Decision) -> tuple[Merit, ...]:
    """Every badge of the catalogue, in its order, as one person stands towards it."""
    policy = decision.rules.policy
    return tuple(_merit(name, rule, policy, decision.lines) for name, rule in policy.catalogue.items())


def earned(decision: Decision) -> tuple[Merit, ...]:
    """The badges that somebody has earned; looks only at those of which they did any work."""
    policy = decision.rules.policy
    if not policy.catalogue:
        return ()
    by_kind = decision.rules.badges_of_kind
    near = {name for line in decision.lines if line.clause in _DONE for name in by_kind.get(line.kind or "", ())}
    if not near:
        return ()
    found = (_merit(n, rule, policy, decision.lines) for n, rule in policy.catalogue.items() if n in near)
    return tuple(merit for merit in found if merit.earned)


def _merit(name: str, rule: BadgeRule, policy: QualificationPolicy, lines: Iterable[Line]) -> Merit:
    alone, lasting, waiting = list[Line](), list[Line](), list[Line]()
    for line in lines:
        if line.weight != ONE or line.kind is None:
            continue
        by_itself = policy.kinds[line.kind].achievement == name
        if not by_itself and not _belongs(line, rule):
            continue
        if line.clause in _DONE:
            (alone if by_itself else lasting).append(line)
        elif line.clause == NEEDS_ATTESTATION:
            waiting.append(line)
    credit = settled(sum((line.credits for line in lasting), ZERO))
    return Merit(
        badge=name,
        rule=rule,
        lines=(*alone, *lasting),
        waiting=tuple(waiting),
        items=max(0, rule.items_needed - len(lasting)),
        credits=max(ZERO, (rule.min_credits or ZERO) - credit),
        alone=bool(alone),
    )


def _belongs(line: Line, rule: BadgeRule) -> bool:
    return line.kind in rule.kinds and all(predicates.holds(one, line.item) for one in rule.when)


def regions(lines: Sequence[Line]) -> frozenset[str]:
    """Where it was done, as far as that is known."""
    return frozenset(region for line in lines if (region := line.item.region) is not None and region != "*")
