"""A draft of the policy over real history: who would gain, who would lose, and by which clause. Pure.

Both versions decide at the same dates. A tier once awarded stays for its period, so what counts is the best tier
that somebody reached in the span. What single clauses do is found in two ways: the draft without each of its
clauses in turn says whom that clause keeps out; the draft with each of its changes undone in turn says whom that
change alone costs their tier. Each is tried for those on whom it bears, and nobody else. Of the badges per kind
it says who would have earned one at some of the dates, by each version; they cost nothing, since they buy nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import BaseModel

from issuer.people.model import Pause
from issuer.recognition import merits, predicates
from issuer.recognition.calendar import months_before
from issuer.recognition.decision import CAPPED, Decision, Rules, decide
from issuer.recognition.item import Item
from schemas.policy import Kind, Predicate, QualificationPolicy
from schemas.strict_json import JsonObject, JsonValue

UNKNOWN_REGION = "not known"
NO_KIND = "nothing counted"


class BacktestError(ValueError):
    """A backtest that cannot be made; one sentence."""


@dataclass(frozen=True, slots=True)
class Case:
    """One person's history, as the decision sees it."""

    person: str
    items: tuple[Item, ...]
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody whose best tier would be another. `kind`: what weighed most for them; `clauses`: each of these
    alone cost them their tier."""

    person: str
    before: str | None
    after: str | None
    kind: str
    region: str
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadgeMove:
    """Somebody who would earn a badge per kind that they would not, or would not one that they would."""

    person: str
    badge: str
    gains: bool
    region: str


@dataclass(frozen=True)
class Backtest:
    """What came out. `tiers`: for each date, how many hold each tier before and after; `clauses`: by clause, how
    many would hold a better tier under the draft without it, and how many of those who lose it alone cost;
    `badges`: for each badge of either catalogue, how many earn it before and after."""

    before: tuple[str, str, str]
    after: tuple[str, str, str]
    dates: tuple[datetime, ...]
    people: int
    tiers: tuple[Mapping[str, tuple[int, int]], ...]
    best: Mapping[str, tuple[int, int]]
    gains: tuple[Move, ...]
    losses: tuple[Move, ...]
    clauses: Mapping[str, tuple[int, int]]
    badges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    badge_moves: tuple[BadgeMove, ...] = ()
    badge_titles: Mapping[str, str] = field(default_factory=dict)

    def counted(self, moves: Iterable[Move], by: Callable[[Move], str]) -> dict[str, int]:
        """How many moves there are for each kind, region, or pair of tiers; the most first."""
        counts = Counter(map(by, moves))
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


@dataclass
class _Tally:
    tiers: list[Counter[tuple[str, int]]]
    best: Counter[tuple[str, int]] = field(default_factory=Counter)
    gains: list[Move] = field(default_factory=list)
    losses: list[Move] = field(default_factory=list)
    kept_out: Counter[str] = field(default_factory=Counter)
    cost: Counter[str] = field(default_factory=Counter)
    badges: Counter[tuple[str, int]] = field(default_factory=Counter)
    badge_moves: list[BadgeMove] = field(default_factory=list)
    people: int = 0


def month_ends(first: datetime, last: datetime) -> tuple[datetime, ...]:
    """The last moments of each UTC month from `first` to `last`, which is the last date itself.

    Raises:
        BacktestError: the span is empty, or longer than ten years.
    """
    if last <= first:
        raise BacktestError("A backtest begins before it ends.")
    begin = first.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ends: list[datetime] = []
    for number in range(1, 122):
        end = months_before(begin, -number)
        if end >= last:
            return (*ends, last)
        ends.append(end)
    raise BacktestError("A backtest spans at most ten years.")


def run(
    cases: Iterable[Case], current: QualificationPolicy, draft: QualificationPolicy, *, dates: Sequence[datetime]
) -> Backtest:
    """Both versions over everybody, one person at a time; costs as much as so many decisions."""
    old, new = Rules.of(current), Rules.of(draft)
    tally = _Tally([Counter() for _ in dates])
    without, undone = _without_each_clause(draft), _with_each_change_undone(current, draft)
    for case in cases:
        tally.people += 1
        _try_case(case, old, new, without, undone, dates, tally)
    names = list(dict.fromkeys(tier.id for policy in (current, draft) for tier in policy.tiers))
    titles = {name: rule.title for policy in (current, draft) for name, rule in policy.catalogue.items()}
    return Backtest(
        before=old.identity,
        after=new.identity,
        dates=tuple(dates),
        people=tally.people,
        tiers=tuple({name: (count[name, 0], count[name, 1]) for name in names} for count in tally.tiers),
        best={name: (tally.best[name, 0], tally.best[name, 1]) for name in names},
        gains=tuple(tally.gains),
        losses=tuple(tally.losses),
        clauses={
            clause: (count, tally.cost[clause])
            for clause, count in sorted(
                {name: tally.kept_out[name] for name in (*tally.kept_out, *tally.cost)}.items(),
                key=lambda pair: (-tally.cost[pair[0]], -pair[1], pair[0]),
            )
        },
        badges={badge: (tally.badges[badge, 0], tally.badges[badge, 1]) for badge in titles},
        badge_moves=tuple(tally.badge_moves),
        badge_titles=titles,
    )


def _try_case(
    case: Case,
    old: Rules,
    new: Rules,
    without: Mapping[str, "_Clause"],
    undone: Mapping[str, Rules],
    dates: Sequence[datetime],
    tally: _Tally,
) -> None:
    if not case.items:
        return
    before = [decide(case.items, old, as_of=date, pauses=case.pauses) for date in dates]
    after = [decide(case.items, new, as_of=date, pauses=case.pauses) for date in dates]
    for count, one, two in zip(tally.tiers, before, after, strict=True):
        count.update((d.tier, side) for side, d in enumerate((one, two)) if d.tier)
    _try_badges(case, before, after, tally)
    best = _best(before, old.policy), _best(after, new.policy)
    tally.best.update((d.tier, side) for side, d in enumerate(best) if d.tier)
    was, will = _height(best[0].tier, old.policy, new.policy), _height(best[1].tier, new.policy, old.policy)
    lost = will < was
    blamed = []
    for name, clause in without.items():
        if any(clause.bears_on(d) for d in after) and _reached(case, clause.rules, old.policy, dates) > will:
            tally.kept_out[name] += 1
    for name, rules in undone.items() if lost else ():
        if _reached(case, rules, old.policy, dates) >= was:
            tally.cost[name] += 1
            blamed.append(name)
    if was != will:
        weighed = best[0] if lost else best[1]
        move = Move(case.person, best[0].tier, best[1].tier, _main_kind(weighed), _region(case), tuple(blamed))
        (tally.losses if lost else tally.gains).append(move)


def _try_badges(case: Case, before: Sequence[Decision], after: Sequence[Decision], tally: _Tally) -> None:
    """Which badges per kind somebody earned at one of the dates, by each version."""
    earned = [_badges_of(decisions) for decisions in (before, after)]
    tally.badges.update((badge, side) for side, badges in enumerate(earned) for badge in badges)
    for badge in sorted(earned[0] ^ earned[1]):
        tally.badge_moves.append(BadgeMove(case.person, badge, badge in earned[1], _region(case)))


def _badges_of(decisions: Iterable[Decision]) -> set[str]:
    """A draft badge is counted as if it were awarded: that is what its author wants to know. One whose last day
    was over is not.
    """
    return {
        merit.badge
        for decision in decisions
        for merit in merits.earned(decision)
        if merit.rule.until is None or decision.as_of.date() <= merit.rule.until
    }


def _reached(case: Case, rules: Rules, other: QualificationPolicy, dates: Sequence[datetime]) -> Decimal:
    """How high somebody comes under other rules."""
    tried = [decide(case.items, rules, as_of=date, pauses=case.pauses) for date in dates]
    return _height(_best(tried, rules.policy).tier, rules.policy, other)


def _with_each_change_undone(current: QualificationPolicy, draft: QualificationPolicy) -> dict[str, Rules]:
    """The draft with each of its differences from the version in force taken back in turn."""
    made: dict[str, QualificationPolicy] = {}
    for name, before in current.kinds.items():
        after = draft.kinds.get(name)
        if after is None:
            made[f"{name}: no longer a kind"] = _with_kind(draft, name, before)
            continue
        for number, predicate in enumerate(after.when):
            if predicate not in before.when:
                old = [p for p in before.when if p.name == predicate.name]
                when = (*after.when[:number], *old, *after.when[number + 1 :])
                made[f"{name}: {predicate}"] = _with_kind(draft, name, after.model_copy(update={"when": when}))
        for part in _differing(before, after, except_for={"when"}):
            undone = after.model_copy(update={part: getattr(before, part)})
            made[f"{name}: {part} {getattr(after, part)}"] = _with_kind(draft, name, undone)
    tiers = {tier.id: tier for tier in current.tiers}
    for number, tier in enumerate(draft.tiers):
        for part in _differing(tiers[tier.id], tier) if tier.id in tiers else ():
            as_before = tier.model_copy(update={part: getattr(tiers[tier.id], part)})
            changed = (*draft.tiers[:number], as_before, *draft.tiers[number + 1 :])
            made[f"{tier.id}: {part} {getattr(tier, part)}"] = draft.model_copy(update={"tiers": changed})
    for part in _differing(current.window, draft.window):
        window = draft.window.model_copy(update={part: getattr(current.window, part)})
        made[f"window: {part} {getattr(draft.window, part)}"] = draft.model_copy(update={"window": window})
    for part in ("active_month_min_credits", "grades"):
        if getattr(current, part) != getattr(draft, part):
            made[part] = draft.model_copy(update={part: getattr(current, part)})
    return {name: Rules.of(policy) for name, policy in made.items()}


def _differing(before: BaseModel, after: BaseModel, *, except_for: Collection[str] = ()) -> list[str]:
    fields = type(after).model_fields
    return [name for name in fields if name not in except_for and getattr(before, name) != getattr(after, name)]


@dataclass(frozen=True, slots=True)
class _Clause:
    """The draft without one clause, and on whom that clause bears."""

    rules: Rules
    bears_on: Callable[[Decision], bool]


def _without_each_clause(draft: QualificationPolicy) -> dict[str, _Clause]:
    """The draft without each of its clauses in turn: conditions, caps, second attestations, a tier's months."""
    made: dict[str, _Clause] = {}
    for name, kind in draft.kinds.items():
        if not kind.scores:
            continue
        for number, predicate in enumerate(kind.when):
            rest = (*kind.when[:number], *kind.when[number + 1 :])
            rules = Rules.of(_with_kind(draft, name, kind.model_copy(update={"when": rest})))
            made[f"{name}: {predicate}"] = _Clause(rules, _failing(draft.record_of(name), predicate))
        if kind.cap is not None:
            rules = Rules.of(_with_kind(draft, name, kind.model_copy(update={"cap": Decimal(1000)})))
            made[f"{name}: cap {kind.cap}"] = _Clause(rules, _at_cap(name, kind))
        if kind.grade == "B" and (kind.attestations or 2) > 1:
            one = {"attestations": 1, "attestor_role": kind.attestor_role}
            rules = Rules.of(_with_kind(draft, name, kind.model_copy(update=one)))
            made[f"{name}: a second attestation"] = _Clause(rules, _waiting(draft.record_of(name)))
    for number, tier in enumerate(draft.tiers):
        for asked in ("active_months_min", "active_quarters_min"):
            least = getattr(tier, asked)
            if least > (0 if asked == "active_months_min" else 1):
                tiers = (*draft.tiers[:number], tier.model_copy(update={asked: 0}), *draft.tiers[number + 1 :])
                rules = Rules.of(draft.model_copy(update={"tiers": tiers}))
                made[f"{tier.id}: {asked} {least}"] = _Clause(rules, _enough_credits(tier.min_credits))
    return made


def _with_kind(draft: QualificationPolicy, name: str, kind: Kind) -> QualificationPolicy:
    return draft.model_copy(update={"kinds": {**draft.kinds, name: kind}})


def _failing(record: str, predicate: Predicate) -> Callable[[Decision], bool]:
    """It fails for some record that the kind could take; of statements, perhaps too few people made them."""
    attested = predicate.name == "attested"
    return lambda decision: any(
        line.weight and line.item.record == record and (attested or not predicates.holds(predicate, line.item))
        for line in decision.lines
    )


def _waiting(record: str) -> Callable[[Decision], bool]:
    return lambda decision: any(
        line.weight and line.item.record == record and not line.counted for line in decision.lines
    )


def _at_cap(kind: str, rule: Kind) -> Callable[[Decision], bool]:
    def bears(decision: Decision) -> bool:
        lines = [line for line in decision.lines if line.kind == kind]
        return any(line.clause == CAPPED for line in lines) or sum(line.credits for line in lines) == rule.cap

    return bears


def _enough_credits(least: Decimal) -> Callable[[Decision], bool]:
    return lambda decision: decision.credits >= least


def _best(decisions: Sequence[Decision], policy: QualificationPolicy) -> Decision:
    places = {tier.id: place for place, tier in enumerate(policy.tiers)}
    return min(decisions, key=lambda d: places.get(d.tier or "", len(places)))


def _height(tier: str | None, policy: QualificationPolicy, other: QualificationPolicy) -> Decimal:
    """A tier's height, comparable between two versions: its place among the shared names from below."""
    if tier is None:
        return Decimal(-1)
    shared = [t.id for t in policy.tiers if t.id in {o.id for o in other.tiers}]
    if tier in shared:
        return Decimal(len(shared) - shared.index(tier))
    below = [t.id for t in policy.tiers[[t.id for t in policy.tiers].index(tier) :] if t.id in shared]
    return Decimal(len(shared) - shared.index(below[0])) + Decimal("0.5") if below else Decimal("0.5")


def _main_kind(decision: Decision) -> str:
    weights: dict[str, Decimal] = defaultdict(Decimal)
    for line in decision.lines:
        if line.counted and line.kind:
            weights[line.kind] += line.credits
    return max(sorted(weights), key=lambda kind: weights[kind], default=NO_KIND)


def _region(case: Case) -> str:
    """Where somebody's attested work was; records of systems know no place."""
    regions = Counter(item.region for item in case.items if item.region not in {None, "*"})
    return min(regions, key=lambda r: (-regions[r], r or ""), default=None) or UNKNOWN_REGION


@dataclass(frozen=True, slots=True)
class Cost:
    """What the discounts of an event come to, before and after: in full tickets, and in money at a price."""

    event: str
    tickets: tuple[Decimal, Decimal]
    money: tuple[Decimal, Decimal] | None


def cost(
    result: Backtest, *, event: str, percents: Mapping[str, int], take_up: Decimal, price: Decimal | None = None
) -> Cost:
    """Discounts of an event that accepts tiers at these percents, if so many of those who may take them do."""
    sums = [
        sum((Decimal(percents.get(tier, 0)) * counts[side] for tier, counts in result.best.items()), Decimal(0))
        for side in (0, 1)
    ]
    before, after = (total * take_up / 100 for total in sums)
    return Cost(event, (before, after), None if price is None else (before * price, after * price))


def to_json(result: Backtest, *, smallest_cell: int = 0, people: bool = False) -> JsonObject:
    """The result for programs and pages. Counts below `smallest_cell` become None, for pages that all may read;
    `people`: with each person's reference, for those with the right to see it."""

    def shown(count: int) -> int | None:
        return count if count >= smallest_cell or count == 0 else None

    def table(moves: Iterable[Move], by: Callable[[Move], str]) -> JsonObject:
        return {name: shown(count) for name, count in result.counted(moves, by).items()}

    def move(one: Move) -> JsonObject:
        return {
            "person": one.person,
            "before": one.before,
            "after": one.after,
            "kind": one.kind,
            "region": one.region,
            "clauses": [*one.clauses],
        }

    months: list[JsonValue] = [
        {
            "date": date.isoformat(),
            "tiers": {name: [shown(one), shown(two)] for name, (one, two) in counts.items()},
        }
        for date, counts in zip(result.dates, result.tiers, strict=True)
    ]
    made: JsonObject = {
        "before": dict(zip(("id", "version", "sha256"), result.before, strict=True)),
        "after": dict(zip(("id", "version", "sha256"), result.after, strict=True)),
        "people": result.people,
        "best": {name: [shown(one), shown(two)] for name, (one, two) in result.best.items()},
        "months": months,
        "clauses": {name: [shown(out), shown(lost)] for name, (out, lost) in result.clauses.items()},
    }
    made["badges"] = {
        badge: {
            "title": result.badge_titles[badge],
            "people": [shown(one) for one in counts],
            **{
                name: _by_region([m for m in result.badge_moves if m.badge == badge and m.gains is gains], shown)
                for name, gains in (("gains", True), ("losses", False))
            },
        }
        for badge, counts in result.badges.items()
    }
    if people:
        made["badge_moves"] = [
            {"person": one.person, "badge": one.badge, "gains": one.gains, "region": one.region}
            for one in result.badge_moves
        ]
    for name, moves in (("gains", result.gains), ("losses", result.losses)):
        made[name] = {
            "people": shown(len(moves)),
            "by_tiers": table(moves, lambda m: f"{m.before or 'none'} -> {m.after or 'none'}"),
            "by_kind": table(moves, lambda m: m.kind),
            "by_region": table(moves, lambda m: m.region),
            **({"list": [move(one) for one in moves]} if people else {}),
        }
    return made


def _by_region(moves: Sequence[BadgeMove], shown: Callable[[int], int | None]) -> JsonObject:
    regions = Counter(move.region for move in moves)
    ordered = sorted(regions.items(), key=lambda pair: (-pair[1], pair[0]))
    return {"people": shown(len(moves)), "by_region": {name: shown(count) for name, count in ordered}}
