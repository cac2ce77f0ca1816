"""A draft over real history: gains and losses, the clause that alone cost people their tier, and what it costs."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from issuer.recognition import backtest, backtest_page, plot
from issuer.recognition.backtest import Backtest, BacktestError, Case
from issuer.recognition.decision import Rules, decide
from issuer.recognition.item import Item
from issuer.recognition.service import EXAMPLE_POLICY
from schemas import policy
from schemas.policy import QualificationPolicy
from tests.unit.issuer.recognition.contributions import change, days_ago, example, meetup, talk, words

TO = datetime(2026, 12, 15, 12, tzinfo=UTC)
FROM = datetime(2025, 12, 15, tzinfo=UTC)


EASIER = "min_credits: 9, active_months_min: 2, active_quarters_min: 1"


def changed(*swaps: tuple[str, str]) -> QualificationPolicy:
    text = EXAMPLE_POLICY.read_text()
    for old, new in (("\nversion: 1.0.0", "\nversion: 2.0.0"), *swaps):
        assert old in text, old
        text = text.replace(old, new, 1)
    return policy.load(text.encode(), name="a draft")


def small_changes(name: str, *, lines: int, count: int = 4) -> Case:
    return Case(name, tuple(change(f"{name}{n}", when=days_ago(10 + 31 * n), lines=lines) for n in range(count)))


def community() -> list[Case]:
    return [
        *(small_changes(f"three{n}", lines=4) for n in range(12)),
        *(small_changes(f"many{n}", lines=40) for n in range(5)),
        Case("translator", (words("w1", "300", when=days_ago(20)), words("w2", "300", when=days_ago(60)))),
        Case("organiser", tuple(meetup(f"m{n}", when=days_ago(10 + 31 * n)) for n in range(4))),
        Case("speaker", (talk("t", when=days_ago(30)),)),
        Case("nobody", ()),
    ]


def run(draft: QualificationPolicy, cases: list[Case] | None = None) -> Backtest:
    dates = backtest.month_ends(FROM, TO)
    return backtest.run(cases or community(), example(), draft, dates=dates)


def test_who_loses_is_found_with_the_clause_that_alone_cost_them() -> None:
    result = run(changed(("{changed_lines_over: 2}, not_gen", "{changed_lines_over: 5}, not_gen")))
    assert {m.person for m in result.losses} == {f"three{n}" for n in range(12)}
    assert result.gains == ()
    assert result.clauses["change.merged: changed_lines_over: 5"] == (12, 12)
    assert all(m.clauses == ("change.merged: changed_lines_over: 5",) for m in result.losses)
    assert result.best["contributor"] == (19, 7)
    assert result.counted(result.losses, lambda m: m.kind) == {"change.merged": 12}


def test_who_gains_is_found() -> None:
    result = run(
        changed(
            ("credits: 1, per: {words: 200}", "credits: 3, per: {words: 200}"),
            ("min_credits: 12, active_months_min: 3, active_quarters_min: 3", EASIER),
        )
    )
    (gain,) = result.gains
    assert (gain.person, gain.before, gain.after) == ("translator", "contributor", "sustained")
    assert (gain.kind, result.losses) == ("translation.approved", ())


def test_the_same_rules_move_nobody() -> None:
    result = run(changed())
    assert (result.gains, result.losses) == ((), ())
    assert all(before == after for month in result.tiers for before, after in month.values())


def test_a_clause_is_tried_on_everybody_on_whom_it_bears() -> None:
    """What the quick way finds is what trying each clause on everybody finds."""
    draft = changed(("{changed_lines_over: 2}, not_gen", "{changed_lines_over: 5}, not_gen"))
    cases, dates = community(), backtest.month_ends(FROM, TO)
    result = run(draft, cases)
    places = {tier.id: place for place, tier in enumerate(draft.tiers)}

    def best(items: tuple[Item, ...], rules: Rules) -> int:
        return min(places.get(decide(items, rules, as_of=date).tier or "", len(places)) for date in dates)

    for name, clause in backtest._without_each_clause(draft).items():
        better = sum(best(c.items, clause.rules) < best(c.items, Rules.of(draft)) for c in cases)
        assert result.clauses.get(name, (0, 0))[0] == better, name


def test_of_two_changes_that_each_cost_it_neither_is_alone_to_blame() -> None:
    result = run(
        changed(
            ("{changed_lines_over: 2}, not_gen", "{changed_lines_over: 5}, not_gen"),
            ("{id: contributor, min_credits: 3,", "{id: contributor, min_credits: 5,"),
        ),
        [small_changes("both", lines=4), small_changes("few", lines=40)],
    )
    assert {m.person: m.clauses for m in result.losses} == {
        "both": (),
        "few": ("contributor: min_credits 5",),
    }


def test_a_renamed_tier_is_compared_by_its_height() -> None:
    result = run(changed(("id: contributor,", "id: doer,")))
    assert not [m for m in (*result.gains, *result.losses) if {m.before, m.after} - {"contributor", "doer"}]


def test_the_cost_is_what_the_event_gives() -> None:
    result = run(changed(("{changed_lines_over: 2}, not_gen", "{changed_lines_over: 5}, not_gen")))
    cost = backtest.cost(
        result, event="summit", percents={"contributor": 50, "sustained": 100}, take_up=Decimal("0.5"),
        price=Decimal(400),
    )  # fmt: skip
    assert cost.tickets == (Decimal("4.75"), Decimal("1.75"))
    assert cost.money == (Decimal(1900), Decimal(700))


def test_the_dates_are_the_ends_of_months() -> None:
    dates = backtest.month_ends(datetime(2025, 11, 20, tzinfo=UTC), datetime(2026, 2, 10, tzinfo=UTC))
    assert [f"{date:%Y-%m-%d}" for date in dates] == ["2025-12-01", "2026-01-01", "2026-02-01", "2026-02-10"]
    assert all(one < two for one, two in pairwise(dates))
    with pytest.raises(BacktestError, match="begins before it ends"):
        backtest.month_ends(TO, FROM)
    with pytest.raises(BacktestError, match="at most ten years"):
        backtest.month_ends(datetime(2000, 1, 1, tzinfo=UTC), TO)


def test_the_page_holds_small_numbers_back_and_names_nobody() -> None:
    result = run(changed(("{changed_lines_over: 2}, not_gen", "{changed_lines_over: 5}, not_gen")))
    report = backtest.to_json(result, smallest_cell=10)
    page = backtest_page.page(report, community="Example")
    assert "three0" not in page and "organiser" not in page
    assert "a few" in page
    assert page.count("<svg") == 4 and page.count("<title>") == 5
    assert "style=" not in page and "<script" not in page


def test_a_drawing_says_what_it_shows_and_escapes_names() -> None:
    drawn = plot.bars("What <it> costs", "How & why", {"a<b": 3})
    assert "<title>What &lt;it&gt; costs</title>" in drawn and "a&lt;b" in drawn
    assert plot.lines("Empty", "nothing", [], {}).endswith("</svg>")


def test_badges_per_kind_say_who_would_earn_or_lose_one_by_region() -> None:
    """The draft asks translators for more, and has a badge that nobody could get before."""
    draft = changed(
        ("kinds: [translation.approved], min_credits: 1.5", "kinds: [translation.approved], min_credits: 9"),
        ("catalogue:", "catalogue:\n  planner: {title: Planner, kinds: [event.organised], state: draft}"),
    )
    meetups = tuple(replace(meetup(f"m{n}", when=days_ago(10 + 31 * n)), region="europe/fr") for n in range(4))
    result = run(draft, [*community()[:-3], Case("organiser", meetups)])
    assert result.badges["translator"] == (1, 0) and result.badges["planner"] == (0, 1)
    assert result.badges["organiser"] == (1, 1)
    moved = {(one.person, one.badge, one.gains, one.region) for one in result.badge_moves}
    region = "europe/fr"
    assert moved == {
        ("translator", "translator", False, backtest.UNKNOWN_REGION),
        ("organiser", "planner", True, region),
    }
    assert (result.gains, result.losses) == ((), ()), "tiers are as before"

    told = backtest.to_json(result)
    badges = told["badges"]
    assert isinstance(badges, dict) and badges["translator"] == {
        "title": "Translator",
        "people": [1, 0],
        "gains": {"people": 0, "by_region": {}},
        "losses": {"people": 1, "by_region": {"not known": 1}},
    }
    page = backtest_page.page(told, community="Example")
    assert "Planner</th><td>0</td><td>1</td>" in page
    assert f"Planner</th><td>1 ({region} 1)</td><td>0</td>" in page
    public = backtest.to_json(result, smallest_cell=10)
    assert "badge_moves" not in public
    assert "<td>a few (not known a few)</td>" in backtest_page.page(public, community="Example")
    named = backtest.to_json(result, people=True)["badge_moves"]
    assert isinstance(named, list) and len(named) == 2


def test_a_badge_whose_last_day_was_over_is_earned_by_nobody() -> None:
    draft = changed(
        ("kinds: [translation.approved], min_credits: 1.5", "kinds: [translation.approved], until: 2025-12-01")
    )
    assert run(draft).badges["translator"] == (1, 0)
