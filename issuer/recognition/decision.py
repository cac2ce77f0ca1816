"""Who is in which tier, and why: the definition of POLICY §4 as one pure function.

At a date: (1) an item's credits are its kind's, pro rata, times a weight by age; (2) per kind, newest first,
until the cap on the weighted sum is full, the item that crosses it counting in part; (3) a UTC month is active
when its unweighted, capped credits reach the policy's minimum, a quarter when one of its months is; (4) the
tier is the highest whose three numbers hold. The order in which items arrive does not matter. The words for
people are in `sentences`; making items from stored records is `service`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from itertools import chain, combinations, islice
from typing import NamedTuple

from issuer.people.model import Pause
from issuer.recognition import predicates
from issuer.recognition.calendar import window_start
from issuer.recognition.item import Attested, Item
from schemas.policy import Kind, Predicate, QualificationPolicy, Tier

ZERO = Decimal(0)
HALF = Decimal("0.5")
ONE = Decimal(1)
MILLIONTH = Decimal("0.000001")

# Clauses that are not predicates. Each is the reason of a line that does not count.
COUNTED = "counted"
CAPPED = "cap"
TOO_OLD = "window"
IN_THE_FUTURE = "after_the_date"
NO_KIND = "no_such_kind"
WRONG_SOURCE = "from"
SELF_CLAIM = "grade_c"
NEEDS_ATTESTATION = "grade_b"
NO_QUANTITY = "quantity"
OVER_CREDITS = "credits_at_most"
OWN_STATEMENT = "attest_own_event_earns"
NO_CREDITS = "no_credits"
EXPIRED = "expires_on"
ENGINE = "1"  # rises when the same items under the same rules would give another decision
MAX_SETS_TRIED = 4_000  # sets of waiting items tried out for the smallest change: seconds at most, on one page


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one item. `credits` is what it adds, after weight and cap; `clause` is why (or why not).

    `predicate` is the condition that failed, where `clause` names one; `missing` how many attestations lack.
    """

    item: Item
    kind: str | None
    clause: str
    credits: Decimal = ZERO
    weight: Decimal = ZERO
    predicate: Predicate | None = None
    missing: int = 0

    @property
    def counted(self) -> bool:
        return self.credits > 0


@dataclass(frozen=True, slots=True)
class Shortage:
    """What the next tier still needs: by credits, active months and active quarters."""

    tier: str
    credits: Decimal
    months: int
    quarters: int


@dataclass(frozen=True, slots=True)
class SmallestChange:
    """The smallest change that would alter the outcome: these waiting items attested, or so much more work.

    `waiting`: of all sets of waiting items that would do, the one that needs fewest attestations; or none.
    """

    tier: str
    waiting: tuple[Item, ...]
    shortage: Shortage


@dataclass(frozen=True)
class Decision:
    """The outcome for one person at one date under one version of the policy."""

    tier: str | None
    credits: Decimal
    active_months: int
    active_quarters: int
    lines: tuple[Line, ...]
    as_of: datetime
    rules: "Rules" = field(compare=False, repr=False)
    windows: tuple[datetime, datetime] = field(compare=False, repr=False)
    policy: tuple[str, str, str]  # id, version, SHA-256

    @cached_property
    def smallest_change(self) -> SmallestChange | None:
        """What would alter the outcome with least; None for whoever has the highest tier. Found when asked for."""
        return _smallest_change(self)


@dataclass(frozen=True)
class Rules:
    """A policy made ready for many decisions: its kinds by the records they take."""

    policy: QualificationPolicy
    by_record: Mapping[str, Sequence[tuple[str, Kind]]] = field(default_factory=dict)

    @classmethod
    def of(cls, policy: QualificationPolicy) -> "Rules":
        by_record: dict[str, list[tuple[str, Kind]]] = defaultdict(list)
        for name, kind in policy.kinds.items():
            by_record[policy.record_of(name)].append((name, kind))
        return cls(policy, by_record)

    @cached_property
    def badges_of_kind(self) -> Mapping[str, frozenset[str]]:
        """The badges per kind towards which each kind of contribution counts."""
        found: dict[str, set[str]] = defaultdict(set)
        for name, badge in self.policy.catalogue.items():
            for kind in badge.kinds:
                found[kind].add(name)
        for kind, rule in self.policy.kinds.items():
            if rule.achievement in self.policy.catalogue:
                found[kind].add(rule.achievement)
        return {kind: frozenset(names) for kind, names in found.items()}

    @cached_property
    def identity(self) -> tuple[str, str, str]:
        """The policy's id, version and digest, as a decision cites them."""
        return self.policy.id, self.policy.version, self.policy.digest


class _Judged(NamedTuple):  # made several times for each item, and so a tuple: half the time of a frozen class
    """An item under the kind that suits it best, before weight and cap."""

    item: Item
    kind: str | None
    clause: str
    credits: Decimal = ZERO
    predicate: Predicate | None = None
    missing: int = 0
    held: int = 0


def decide(items: Iterable[Item], rules: Rules, *, as_of: datetime, pauses: tuple[Pause, ...] = ()) -> Decision:
    """The tier of one person at `as_of` (aware), with a line for each of their items, newest first."""
    as_of = as_of.astimezone(UTC)  # months are UTC's, wherever the question is asked
    ordered = sorted(items, key=lambda item: (-item.happened_at.timestamp(), item.id))
    windows = _windows(rules.policy, as_of, pauses)
    lines = _lines(ordered, rules, as_of, windows)
    outcome = _outcome(lines, rules)
    tier = _tier(outcome, rules.policy.tiers)
    return Decision(
        tier=tier.id if tier else None,
        credits=outcome[0],
        active_months=outcome[1],
        active_quarters=outcome[2],
        lines=tuple(lines),
        as_of=as_of,
        rules=rules,
        windows=windows,
        policy=rules.identity,
    )


def _windows(policy: QualificationPolicy, as_of: datetime, pauses: tuple[Pause, ...]) -> tuple[datetime, datetime]:
    """Since when items count in full, and since when in half."""
    window, most = policy.window, policy.window.pause_max_months
    both = window.full_weight_months + window.half_weight_months
    return (
        window_start(as_of, window.full_weight_months, pauses=pauses, pause_max_months=most),
        window_start(as_of, both, pauses=pauses, pause_max_months=most),
    )


def _lines(items: Sequence[Item], rules: Rules, as_of: datetime, windows: tuple[datetime, datetime]) -> list[Line]:
    room = {name: kind.cap for name, kind in rules.policy.kinds.items() if kind.cap is not None}
    lines = []
    for item in items:
        judged = _judge(item, rules)
        weight = _weight(item.happened_at, as_of, windows)
        clause, counts, ends = judged.clause, ZERO, item.facts.expires_on
        if ends is not None and as_of.date() > ends:
            clause = EXPIRED
        elif clause == COUNTED and not weight:
            clause = IN_THE_FUTURE if item.happened_at > as_of else TOO_OLD
        elif clause == COUNTED and judged.kind is not None:
            counts = min(judged.credits * weight, room[judged.kind])
            room[judged.kind] -= counts
            clause = COUNTED if counts else CAPPED
        line = Line(item, judged.kind, clause, counts, weight, judged.predicate, judged.missing)
        lines.append(line)
    return lines


def _weight(happened_at: datetime, as_of: datetime, windows: tuple[datetime, datetime]) -> Decimal:
    full, half = windows
    if happened_at > as_of or happened_at < half:
        return ZERO
    return ONE if happened_at >= full else HALF


def _judge(item: Item, rules: Rules) -> _Judged:
    """The item under the kind that gives most; of those that give nothing, the one that came closest.

    An item counts once. Where two kinds give the same, the later one in the policy, which refines the earlier.
    """
    best = _Judged(item, None, NO_KIND, held=-1)
    for name, kind in rules.by_record.get(item.record, ()):
        judged = _judge_as(item, name, kind, rules.policy)
        if (judged.credits, judged.held) >= (best.credits, best.held):
            best = judged
    return best


def _judge_as(item: Item, name: str, kind: Kind, policy: QualificationPolicy) -> _Judged:
    """The item as one of this kind: counted, or the first clause that it fails."""
    if kind.grade == "C":
        return _Judged(item, name, SELF_CLAIM)
    if kind.sources is not None and item.source not in kind.sources:
        return _Judged(item, name, WRONG_SOURCE)
    if kind.grade == "B":
        if item.attested_by_oneself and not policy.attestors.attest_own_event_earns:
            return _Judged(item, name, OWN_STATEMENT)
        missing, unaffirmed = _missing_attestations(item, kind, policy)
        if unaffirmed:
            return _Judged(item, name, unaffirmed.name, predicate=unaffirmed, missing=missing, held=1)
        if missing:
            return _Judged(item, name, NEEDS_ATTESTATION, missing=missing)
    for held, predicate in enumerate(kind.when, start=1):
        if not predicates.holds(predicate, item):
            return _Judged(item, name, predicate.name, predicate=predicate, held=held)
    return _worth(item, name, kind)


def _worth(item: Item, name: str, kind: Kind) -> _Judged:
    held = len(kind.when) + 1
    if kind.credits_at_most is not None:
        given = item.facts.credits
        if given is None or given > kind.credits_at_most:
            return _Judged(item, name, OVER_CREDITS, held=held)
        return _Judged(item, name, COUNTED, credits=given, held=held)
    worth = kind.credits or ZERO
    if kind.per is not None:
        (unit, size), quantity = next(iter(kind.per.items())), item.facts.quantity
        if quantity is None or item.facts.unit not in {None, unit}:
            return _Judged(item, name, NO_QUANTITY, held=held)
        worth = worth * quantity / size
    return _Judged(item, name, COUNTED if worth else NO_CREDITS, credits=worth, held=held)


def _missing_attestations(item: Item, kind: Kind, policy: QualificationPolicy) -> tuple[int, Predicate | None]:
    """How many more attestations a grade-B item needs; and the statements, if those are what lacks."""
    standing = [a for a in item.attestations if kind.attestor_role in {None, a.role}]
    needed = _needed(item, kind, policy)
    for predicate in kind.when:
        if predicate.name == "attested" and isinstance(predicate.parameter, tuple):
            affirming = _affirming(standing, predicate.parameter)
            if len(standing) >= needed > len(affirming):
                return needed - len(affirming), predicate
            standing = affirming
    return max(0, needed - len(standing)), None


def _needed(item: Item, kind: Kind, policy: QualificationPolicy) -> int:
    if kind.attestations is not None:
        return kind.attestations
    ways = policy.grades.B.any_of
    return min(
        (way.attestations for way in ways if way.and_record_of_grade is None or item.has_record_of_event),
        default=max(way.attestations for way in ways),
    )


def _affirming(attestations: list[Attested], statements: tuple[str, ...]) -> list[Attested]:
    return [a for a in attestations if a.statements.issuperset(statements)]


def _outcome(lines: Iterable[Line], rules: Rules) -> tuple[Decimal, int, int]:
    """(credits, active months, active quarters) of lines that were weighted and capped."""
    total, months = ZERO, defaultdict[tuple[int, int], Decimal](Decimal)
    for line in lines:
        if line.credits:
            total += line.credits
            when = line.item.happened_at.astimezone(UTC)
            months[when.year, when.month] += line.credits / line.weight
    least = rules.policy.active_month_min_credits
    active = {month for month, earned in months.items() if settled(earned) >= least}
    return settled(total), len(active), len({(year, (month - 1) // 3) for year, month in active})


def settled(total: Decimal) -> Decimal:
    """A sum without the dust of division: nine thirds are three credits, not 2.999…7."""
    rounded = total.quantize(MILLIONTH)
    return total if rounded == total else rounded


def _tier(outcome: tuple[Decimal, int, int], tiers: tuple[Tier, ...]) -> Tier | None:
    return next((tier for tier in tiers if not any(_lacks(outcome, tier))), None)


def _lacks(outcome: tuple[Decimal, int, int], tier: Tier) -> tuple[Decimal, int, int]:
    total, months, quarters = outcome
    return (
        max(ZERO, tier.min_credits - total),
        max(0, tier.active_months_min - months),
        max(0, tier.active_quarters_min - quarters),
    )


def _smallest_change(decision: Decision) -> SmallestChange | None:
    tiers = decision.rules.policy.tiers
    place = next((n for n, tier in enumerate(tiers) if tier.id == decision.tier), len(tiers))
    if place == 0:
        return None
    following = tiers[place - 1]
    outcome = decision.credits, decision.active_months, decision.active_quarters
    shortage = Shortage(following.id, *_lacks(outcome, following))
    waiting = [line for line in decision.lines if line.clause == NEEDS_ATTESTATION and line.weight]
    for some in islice(_sets_by_cost(waiting), MAX_SETS_TRIED if _would_do(decision, waiting, following) else 0):
        reached = _tier(_outcome_with(decision, some), tiers)
        if reached and tiers.index(reached) < place:
            return SmallestChange(reached.id, tuple(line.item for line in some), shortage)
    return SmallestChange(following.id, (), shortage)


def _would_do(decision: Decision, waiting: Sequence[Line], following: Tier) -> bool:
    """Whether all of them together give the credits: more of them never give less, so otherwise none will do."""
    return bool(waiting) and _outcome_with(decision, waiting)[0] >= following.min_credits


def _sets_by_cost(waiting: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    """Every set of waiting lines, those first that need fewest attestations; ties newest first."""
    cheapest_first = [(sum(line.missing for line in some), some) for some in _small_sets(waiting)]
    yield from (some for _, some in sorted(cheapest_first, key=lambda pair: pair[0]))


def _small_sets(waiting: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    every = chain.from_iterable(combinations(waiting, size) for size in range(1, len(waiting) + 1))
    return islice(every, MAX_SETS_TRIED)


def _outcome_with(decision: Decision, attested: Iterable[Line]) -> tuple[Decimal, int, int]:
    """(credits, active months, active quarters), if these waiting lines had the attestations that they lack."""
    missing = {line.item.id: line.missing for line in attested}
    items = [
        _as_if_attested(line.item, decision.rules, missing[line.item.id]) if line.item.id in missing else line.item
        for line in decision.lines
    ]
    return _outcome(_lines(items, decision.rules, decision.as_of, decision.windows), decision.rules)


def _as_if_attested(item: Item, rules: Rules, times: int) -> Item:
    """The item with more attestations, by people of the role asked for who affirm what must be affirmed.

    How many came is as others saw it, or, where nobody said, as many as are asked for.
    """
    kind = rules.policy.kinds[next(name for name, kind in rules.by_record[item.record] if kind.grade == "B")]
    affirmed = [p.parameter for p in kind.when if p.name == "attested" and isinstance(p.parameter, tuple)]
    came = [p.parameter for p in kind.when if p.name == "attendees_at_least" and isinstance(p.parameter, int)]
    attendees = max(came, default=None) if item.attendees is None else item.attendees
    one_more = Attested("", kind.attestor_role, frozenset().union(*affirmed), attendees)
    return replace(item, attestations=(*item.attestations, *[one_more] * times))
