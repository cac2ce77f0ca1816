"""The definition of POLICY §4 in four steps, its worked cases, and the balance of honest people and cheats."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuer.contributions.model import Facts
from issuer.people.model import Pause
from issuer.recognition.calendar import months_before
from issuer.recognition.decision import Decision, Rules, Shortage, decide
from issuer.recognition.item import ATTESTATION_SOURCE, Attested, Item
from issuer.recognition.service import EXAMPLE_POLICY
from schemas.policy import QualificationPolicy
from tests.unit.issuer.recognition.contributions import (
    AS_OF,
    OPEN,
    attested,
    bug,
    change,
    credit,
    days_ago,
    decided,
    example,
    facts,
    item,
    line_of,
    load,
    meetup,
    months_ago,
    policy_of,
    review,
    runbook,
    session,
    story,
    support_reply,
    survey,
    talk,
    words,
)

TICK = timedelta(microseconds=1)
YEAR_AGO = months_before(AS_OF, 12)
TWO_YEARS_AGO = months_before(AS_OF, 24)


def month(number: int, day: int = 5) -> datetime:
    """A day of a month of the year that AS_OF lies in."""
    return datetime(2026, number, day, 12, tzinfo=UTC)


@pytest.fixture(params=["ours", "shared"])
def policy(request: pytest.FixtureRequest) -> QualificationPolicy:
    """The example policy: the one that the package brings, and the community's proposal beside the checkout."""
    if request.param == "ours":
        return load(EXAMPLE_POLICY)
    folder: Path = request.getfixturevalue("shared")
    return load(folder / "policy.example.yaml")


# --- the worked cases of POLICY §4 -----------------------------------------------------------------------


def test_twelve_monthly_meetups_are_24_credits_and_sustained(policy: QualificationPolicy) -> None:
    decision = decided([meetup(f"m{n}", when=month(n)) for n in range(1, 13)], policy)
    assert (decision.credits, decision.tier) == (credit(24), "sustained")
    assert (decision.active_months, decision.active_quarters) == (12, 4)
    assert decision.smallest_change is None


def test_four_meetups_in_four_months_are_8_credits_and_contributor(policy: QualificationPolicy) -> None:
    decision = decided([meetup(f"m{n}", when=month(n)) for n in (3, 4, 5, 6)], policy)
    assert (decision.credits, decision.tier) == (credit(8), "contributor")


def operator() -> list[Item]:
    return [
        *(bug(f"bug-{n}", when=month(n)) for n in (3, 4, 4, 5)),
        runbook("runbook", when=month(4)),
        *(support_reply(f"reply-{n}", when=month(n, 9 + n)) for n in (3, 4, 5, 5)),
    ]


def distinct(items: list[Item]) -> list[Item]:
    return [replace(one, id=f"{number}-{one.id}") for number, one in enumerate(items)]


def test_operator_of_three_months_has_4_credits_and_is_contributor(policy: QualificationPolicy) -> None:
    decision = decided(distinct(operator()), policy)
    assert (decision.credits, decision.tier) == (credit(4), "contributor")
    assert decision.active_months == 3


def test_operator_with_talks_sessions_and_an_article_has_12_credits_and_is_sustained(
    policy: QualificationPolicy,
) -> None:
    more = [
        talk("talk-1", when=month(2)),
        talk("talk-2", when=month(8)),
        session("session-1", when=month(2)),
        session("session-2", when=month(8)),
        story("article", when=month(9)),
    ]
    decision = decided(distinct([*operator(), *more]), policy)
    assert (decision.credits, decision.tier) == (credit(12), "sustained")
    assert decision.active_quarters == 3


def test_600_approved_words_over_two_months_are_3_credits_and_contributor(policy: QualificationPolicy) -> None:
    decision = decided([words("a", "300", when=month(6)), words("b", "300", when=month(7))], policy)
    assert (decision.credits, decision.tier) == (credit(3), "contributor")


def test_one_typo_is_recognised(policy: QualificationPolicy) -> None:
    decision = decided([change("typo", lines=1)], policy)
    assert (decision.credits, decision.tier) == (credit("0.25"), "recognised")


def test_ten_typos_are_1_credit_and_recognised(policy: QualificationPolicy) -> None:
    decision = decided([change(f"typo-{n}", lines=2, when=month(n)) for n in range(1, 11)], policy)
    assert (decision.credits, decision.tier) == (credit(1), "recognised")


def test_nine_bare_plus_ones_are_nothing(policy: QualificationPolicy) -> None:
    decision = decided([review(f"r{n}", vote="CR+1") for n in range(9)], policy)
    assert (decision.credits, decision.tier) == (credit(0), None)
    assert {line.clause for line in decision.lines} == {"any_of"}


def test_twelve_changes_in_one_month_are_recognised_only(policy: QualificationPolicy) -> None:
    decision = decided([change(f"c{n}", when=month(6, n + 1)) for n in range(12)], policy)
    assert (decision.credits, decision.active_months, decision.tier) == (credit(12), 1, "recognised")


def test_one_talk_of_13_months_ago_is_three_quarters_of_a_credit_and_recognised(
    policy: QualificationPolicy,
) -> None:
    decision = decided([talk("talk", when=months_before(AS_OF, 13))], policy)
    assert (decision.credits, decision.tier) == (credit("0.75"), "recognised")


def test_survey_only_is_nothing(policy: QualificationPolicy) -> None:
    decision = decided([survey(f"s{n}") for n in range(50)], policy)
    assert (decision.tier, decision.credits) == (None, credit(0))
    assert {line.clause for line in decision.lines} == {"grade_c"}


# --- step 1: credits, quantity, weight -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "weight"),
    [
        (AS_OF + TICK, "0"),
        (AS_OF, "1"),
        (YEAR_AGO, "1"),
        (YEAR_AGO - TICK, "0.5"),
        (TWO_YEARS_AGO, "0.5"),
        (TWO_YEARS_AGO - TICK, "0"),
    ],
)
def test_weight_changes_exactly_at_the_edges_of_the_windows(when: datetime, weight: str) -> None:
    line = decided([change("c", when=when)]).lines[0]
    assert (line.weight, line.credits) == (credit(weight), credit(weight))


def test_clause_says_whether_it_lies_ahead_or_too_far_behind() -> None:
    decision = decided([change("ahead", when=AS_OF + TICK), change("behind", when=TWO_YEARS_AGO - TICK)])
    assert line_of(decision, "ahead").clause == "after_the_date"
    assert line_of(decision, "behind").clause == "window"
    assert decision.tier is None


def test_window_is_of_utc_wherever_the_question_is_asked() -> None:
    end_of_month = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    there = end_of_month.astimezone(timezone(timedelta(hours=14)))  # the 1st of March there
    edge = change("edge", when=datetime(2025, 3, 1, tzinfo=UTC) - timedelta(hours=1))
    assert decided([edge], as_of=there) == decided([edge], as_of=end_of_month)


def test_quantity_counts_pro_rata() -> None:
    assert decided([words("w", "333")]).credits == credit("1.665")


def test_quantity_that_is_missing_or_of_another_unit_counts_nothing() -> None:
    pages = item("p", "translation.approved", source="weblate", facts=facts(quantity="9", unit="pages"))
    none = item("n", "translation.approved", source="weblate")
    decision = decided([pages, none])
    assert {line.clause for line in decision.lines} == {"quantity"}


def test_thirds_add_up_to_a_whole() -> None:
    thirds = policy_of(
        "translation.approved: {grade: A, from: [weblate], credits: 1, per: {words: 300}, cap: 9, when: []}",
        tier_credits="3",
    )
    decision = decided([words(f"w{n}", "100") for n in range(9)], thirds)
    assert (decision.credits, decision.tier) == (credit(3), "one")


def test_a_pause_moves_both_windows_back_by_its_length() -> None:
    pause = Pause(days_ago(100), days_ago(40))
    full, half = YEAR_AGO - timedelta(days=60), TWO_YEARS_AGO - timedelta(days=60)
    weights = [
        decided([change("c", when=when)], pauses=(pause,)).lines[0].weight
        for when in (full, full - TICK, half, half - TICK)
    ]
    assert weights == [1, credit("0.5"), credit("0.5"), 0]


def test_a_pause_moves_the_window_by_no_more_than_the_policy_allows() -> None:
    pause = Pause(days_ago(900), days_ago(1))
    latest = months_before(AS_OF, 24)  # 12 months of window and 12 of pause
    assert decided([change("c", when=latest)], pauses=(pause,)).lines[0].weight == 1
    assert decided([change("c", when=latest - TICK)], pauses=(pause,)).lines[0].weight == credit("0.5")


def test_pauses_that_overlap_count_their_days_once() -> None:
    apart = (Pause(days_ago(100), days_ago(70)), Pause(days_ago(70), days_ago(40)))
    overlapping = (
        Pause(days_ago(100), days_ago(50)),
        Pause(days_ago(80), days_ago(40)),
        Pause(days_ago(60), days_ago(55)),
    )
    for when in (YEAR_AGO - timedelta(days=60), YEAR_AGO - timedelta(days=60) - TICK):
        one, other = (decided([change("c", when=when)], pauses=pauses).lines[0] for pauses in (apart, overlapping))
        assert one == other


def test_pauses_before_the_window_and_after_the_date_change_nothing() -> None:
    outside = (Pause(AS_OF + timedelta(days=1), AS_OF + timedelta(days=90)), Pause(days_ago(2000), days_ago(1900)))
    assert decided([change("c", when=YEAR_AGO - TICK)], pauses=outside).lines[0].weight == credit("0.5")


def test_pause_that_the_moved_window_reaches_moves_it_on() -> None:
    near, far = (
        Pause(days_ago(60), days_ago(30)),
        Pause(YEAR_AGO - timedelta(days=20), YEAR_AGO - timedelta(days=10)),
    )
    edge = YEAR_AGO - timedelta(days=40)
    assert decided([change("c", when=edge)], pauses=(far, near)).lines[0].weight == 1
    assert decided([change("c", when=edge - TICK)], pauses=(far, near)).lines[0].weight == credit("0.5")


# --- step 2: caps ----------------------------------------------------------------------------------------


def test_item_that_crosses_the_cap_counts_in_part_and_later_ones_not_at_all() -> None:
    capped = policy_of("story.published: {grade: A, from: [feed], credits: 2, cap: 5, when: []}")
    decision = decided([story(f"s{n}", when=days_ago(n)) for n in range(1, 6)], capped)
    assert [line.credits for line in decision.lines] == [2, 2, 1, 0, 0]
    assert [line.clause for line in decision.lines] == ["counted", "counted", "counted", "cap", "cap"]
    assert decision.credits == 5


def test_cap_is_on_the_weighted_sum() -> None:
    capped = policy_of("story.published: {grade: A, from: [feed], credits: 2, cap: 5, when: []}")
    old = months_before(AS_OF, 15)
    decision = decided([story(f"s{n}", when=old - timedelta(days=n)) for n in range(6)], capped)
    assert [line.credits for line in decision.lines] == [1, 1, 1, 1, 1, 0]


def test_newest_items_fill_the_cap_and_ties_are_taken_by_id() -> None:
    capped = policy_of("story.published: {grade: A, from: [feed], credits: 2, cap: 2, when: []}")
    decision = decided([story("b"), story("a"), story("older", when=days_ago(11))], capped)
    assert [(line.item.id, line.clause) for line in decision.lines] == [
        ("a", "counted"),
        ("b", "cap"),
        ("older", "cap"),
    ]


def test_caps_of_two_kinds_do_not_touch_each_other() -> None:
    items = [change(f"t{n}", lines=1, when=days_ago(n + 1)) for n in range(8)] + [change("c", when=days_ago(300))]
    assert decided(items).credits == 2


# --- step 3: active months and quarters ------------------------------------------------------------------


def test_month_is_active_by_unweighted_credits() -> None:
    old = months_before(AS_OF, 15)
    half = item(
        "b", "bug.confirmed", source="launchpad", when=old, facts=facts(moved_to="triaged"), moved_by_another=True
    )
    decision = decided([half])
    assert (decision.credits, decision.active_months) == (credit("0.25"), 1)


def test_month_is_active_only_from_the_policy_s_minimum_on() -> None:
    assert decided([change("t", lines=1)]).active_months == 0
    assert decided([change("t", lines=1), change("u", lines=1)]).active_months == 1


def test_capped_items_make_no_month_active() -> None:
    capped = policy_of("story.published: {grade: A, from: [feed], credits: 2, cap: 4, when: []}")
    decision = decided([story(f"s{n}", when=month(n)) for n in range(1, 9)], capped)
    assert (decision.credits, decision.active_months) == (credit(4), 2)


def test_part_of_a_crossing_item_makes_a_month_active_only_if_it_suffices() -> None:
    for cap, months in (("2.5", 2), ("2.4", 1)):
        capped = policy_of(f"story.published: {{grade: A, from: [feed], credits: 2, cap: {cap}, when: []}}")
        assert decided([story("a", when=month(8)), story("b", when=month(7))], capped).active_months == months


def test_months_and_quarters_are_of_utc() -> None:
    late = datetime(2026, 4, 1, 1, tzinfo=timezone(timedelta(hours=2)))  # still March in UTC
    both = decided([change("a", when=late), change("b", when=datetime(2026, 3, 3, tzinfo=UTC))])
    assert (both.active_months, both.active_quarters) == (1, 1)


def test_three_months_of_one_quarter_are_one_active_quarter() -> None:
    decision = decided([change(f"c{n}", when=month(n)) for n in (4, 5, 6)])
    assert (decision.active_months, decision.active_quarters) == (3, 1)


def test_same_quarter_of_two_years_is_two_quarters() -> None:
    decision = decided([change("a", when=month(2)), change("b", when=month(2).replace(year=2025))])
    assert decision.active_quarters == 2


# --- step 4: the tier ------------------------------------------------------------------------------------


def spread(count: int, months: list[int]) -> list[Item]:
    """So many credits by merged changes, over these months in turn."""
    return [change(f"c{n}", when=month(months[n % len(months)], 1 + n)) for n in range(count)]


@pytest.mark.parametrize(
    ("items", "tier"),
    [
        (spread(12, [2, 5, 8]), "sustained"),
        (spread(11, [2, 5, 8]), "contributor"),  # credits lack
        (spread(12, [2, 8]), "contributor"),  # a month and a quarter lack
        (spread(12, [4, 5, 6]), "contributor"),  # quarters lack
        (spread(3, [2, 3]), "contributor"),
        (spread(2, [2, 3]), "recognised"),
        (spread(3, [2]), "recognised"),
    ],
)
def test_tier_needs_all_three_numbers(items: list[Item], tier: str) -> None:
    assert decided(items).tier == tier


def test_nobody_without_items_has_a_tier() -> None:
    decision = decided([])
    assert (decision.tier, decision.credits, decision.lines) == (None, credit(0), ())


def test_decision_cites_the_policy_by_id_version_and_digest() -> None:
    assert decided([]).policy == (example().id, example().version, example().digest)


# --- which kind, and why not -----------------------------------------------------------------------------


def test_record_that_no_kind_takes_is_said_so() -> None:
    assert decided([item("x", "poem")]).lines[0].clause == "no_such_kind"


def test_record_from_another_source_is_said_so() -> None:
    line = decided([item("x", "translation.approved", source="csv", facts=facts(quantity="900"))]).lines[0]
    assert (line.clause, line.kind) == ("from", "translation.approved")


def test_change_from_a_source_of_other_records_counts_nothing() -> None:
    assert decided([item("x", "change", source="csv", facts=facts(changed_lines=90))]).credits == 0


def test_item_counts_once_under_its_best_kind() -> None:
    labelled = change("c", lines=30, labels=["trivial"])
    assert (line := decided([labelled]).lines[0]).kind == "change.merged" and line.credits == 1


def test_of_two_kinds_of_equal_worth_the_finer_one_counts() -> None:
    decision = decided([runbook("r")])
    assert (decision.lines[0].kind, decision.credits) == ("ops.knowledge", credit(1))


def test_runbook_of_two_lines_is_trivial_and_no_operations_knowledge() -> None:
    decision = decided([runbook("r", lines=2)])
    assert (decision.lines[0].kind, decision.credits) == ("change.trivial", credit("0.25"))


def test_change_that_nobody_accepted_names_the_missing_acceptance() -> None:
    line = decided([replace(change("c"), acceptors=frozenset())]).lines[0]
    assert line.clause == "accepted_by_another"


def test_change_with_one_fault_is_told_by_the_kind_that_it_nearly_was() -> None:
    line = decided([replace(change("c"), reverted=True)]).lines[0]
    assert line.clause == "not_reverted"


def test_kind_without_credits_is_recorded_and_gives_nothing() -> None:
    attended = item("x", "event.attended", source="attendance")
    assert decided([attended]).lines[0].clause == "no_credits"


# --- grade B ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("voices", "missing"), [(0, 2), (1, 1)])
def test_grade_b_waits_for_two_attestations(voices: int, missing: int) -> None:
    line = decided([talk("t", voices=voices)]).lines[0]
    assert (line.clause, line.missing, line.credits) == ("grade_b", missing, credit(0))


def test_two_attestations_count() -> None:
    assert decided([talk("t", voices=2)]).credits == credit("1.5")


def test_one_attestation_with_a_record_of_the_event_counts_and_a_record_alone_does_not() -> None:
    assert decided([replace(talk("t", voices=1), has_record_of_event=True)]).credits == credit("1.5")
    alone = decided([replace(talk("t", voices=0), has_record_of_event=True)]).lines[0]
    assert (alone.clause, alone.missing) == ("grade_b", 1)


def test_imported_record_of_an_attested_kind_never_counts_by_itself() -> None:
    imported = item("x", "event.organised", source="csv", facts=facts(people=1, attendees=500))
    assert decided([imported]).lines[0].clause == "grade_b"


def test_kind_with_an_attestor_role_hears_only_that_role() -> None:
    chair = attested("g", "group.chaired", voices=1, role="committee")
    assert decided([chair]).credits == 6
    other = attested("g", "group.chaired", voices=5, role="group_chair")
    assert (decided([other]).lines[0].clause, decided([other]).lines[0].missing) == ("grade_b", 1)
    assert decided([attested("g", "group.chaired", voices=5)]).credits == 0


def test_attestations_that_do_not_affirm_what_is_asked_are_not_enough() -> None:
    some = OPEN - {"vendor_neutral"}
    held = attested("m", "event.organised", statements=some, attendees=30)
    line = decided([held]).lines[0]
    assert (line.clause, line.missing) == ("attested", 2)


def test_two_must_affirm_not_one_of_two() -> None:
    held = meetup("m")
    one = replace(held, attestations=(held.attestations[0], replace(held.attestations[1], statements=frozenset())))
    assert (decided([one]).lines[0].clause, decided([one]).lines[0].missing) == ("attested", 1)


def test_statements_are_not_put_together_from_several_people() -> None:
    halves = (
        Attested("wen", None, frozenset({"open_to_all", "vendor_neutral"}), 30),
        Attested("cy", None, OPEN, 30),
    )
    assert decided([replace(meetup("m"), attestations=halves)]).credits == 0


def test_whoever_attests_an_event_earns_nothing_from_it() -> None:
    line = decided([replace(meetup("m"), attested_by_oneself=True)]).lines[0]
    assert (line.clause, line.credits) == ("attest_own_event_earns", credit(0))


def panel(amount: str | None, *, voices: int = 2, reason: str | None = "Kept the mirrors alive") -> Item:
    given = Facts.model_validate({"credits": amount, "written_reason": reason})
    return attested("p", "panel.award", voices=voices, role="review_panel", facts=given)


@pytest.mark.parametrize(
    ("award", "amount", "clause"),
    [
        (panel("6"), "6", "counted"),
        (panel("0.5"), "0.5", "counted"),
        (panel("6.01"), "0", "credits_at_most"),
        (panel(None), "0", "credits_at_most"),
        (panel("3", voices=1), "0", "grade_b"),
        (panel("3", reason=None), "0", "written_reason"),
    ],
)
def test_panel_gives_what_it_says_up_to_the_policy_s_limit(award: Item, amount: str, clause: str) -> None:
    line = decided([award]).lines[0]
    assert (line.credits, line.clause) == (credit(amount), clause)


# --- the smallest change ---------------------------------------------------------------------------------


def test_smallest_change_from_nothing_is_the_lowest_tier() -> None:
    change_needed = decided([]).smallest_change
    assert change_needed is not None
    assert (change_needed.tier, change_needed.waiting) == ("recognised", ())
    assert change_needed.shortage == Shortage("recognised", credit("0.1"), 0, 0)


def test_smallest_change_names_what_the_next_tier_lacks() -> None:
    change_needed = decided(spread(12, [5, 6])).smallest_change
    assert change_needed is not None
    assert change_needed.shortage == Shortage("sustained", Decimal(0), 1, 2)


def test_smallest_change_is_one_more_attestation_where_that_is_enough() -> None:
    waiting = meetup("waiting", when=month(7), voices=1)
    decision = decided([change("c", when=month(6)), waiting])
    assert decision.tier == "recognised"
    assert decision.smallest_change is not None
    assert (decision.smallest_change.tier, decision.smallest_change.waiting) == ("contributor", (waiting,))
    attested_now = replace(waiting, attestations=meetup("m").attestations)
    assert decided([change("c", when=month(6)), attested_now]).tier == "contributor"


def test_waiting_item_that_would_not_alter_the_tier_is_not_the_smallest_change() -> None:
    decision = decided([change("c", when=month(6)), talk("waiting", when=month(7), voices=1)])
    assert decision.smallest_change is not None and not decision.smallest_change.waiting


def test_waiting_item_that_lies_too_far_back_is_not_the_smallest_change() -> None:
    decision = decided([talk("waiting", when=TWO_YEARS_AGO - TICK, voices=1)])
    assert decision.smallest_change is not None and not decision.smallest_change.waiting


def test_waiting_item_of_a_role_asks_for_that_role() -> None:
    waiting = attested("g", "group.chaired", when=month(7), voices=0)
    decision = decided([change("c", when=month(6)), waiting])
    assert decision.smallest_change is not None
    assert (decision.smallest_change.tier, decision.smallest_change.waiting) == ("contributor", (waiting,))


# --- order, and numbers without end ----------------------------------------------------------------------

MADE: list[Callable[[str, datetime], Item]] = [
    lambda name, when: change(name, when=when),
    lambda name, when: change(name, when=when, lines=1),
    lambda name, when: runbook(name, when=when),
    lambda name, when: bug(name, when=when),
    lambda name, when: talk(name, when=when),
    lambda name, when: talk(name, when=when, voices=1),
    lambda name, when: words(name, "333", when=when),
    lambda name, when: review(name, when=when),
    lambda name, when: meetup(name, when=when),
]
ITEMS = st.lists(st.tuples(st.sampled_from(MADE), st.integers(-20, 800)), max_size=40).map(
    lambda drawn: [make(f"i{number}", days_ago(days)) for number, (make, days) in enumerate(drawn)]
)


@settings(max_examples=60, deadline=None)
@given(items=ITEMS, data=st.data())
def test_any_order_of_arrival_gives_the_identical_decision(items: list[Item], data: st.DataObject) -> None:
    assert decided(data.draw(st.permutations(items))) == decided(items)


@settings(max_examples=60, deadline=None)
@given(items=ITEMS)
def test_lines_add_up_and_no_kind_exceeds_its_cap(items: list[Item]) -> None:
    decision = decided(items)
    assert decision.credits == sum((line.credits for line in decision.lines), Decimal(0))
    assert len(decision.lines) == len(items)
    for name, kind in example().kinds.items():
        total = sum((line.credits for line in decision.lines if line.kind == name), Decimal(0))
        assert total <= (kind.cap or 0)


@settings(max_examples=40, deadline=None)
@given(days=st.lists(st.integers(0, 720), min_size=1, max_size=120), paths=st.booleans())
def test_one_character_changes_alone_are_never_more_than_recognised(days: list[int], paths: bool) -> None:
    make = runbook if paths else change
    assert decided([make(f"c{n}", when=days_ago(d), lines=2) for n, d in enumerate(days)]).tier == "recognised"


@settings(max_examples=40, deadline=None)
@given(items=ITEMS, day=st.integers(0, 300))
def test_one_more_accepted_contribution_never_lowers_a_tier(items: list[Item], day: int) -> None:
    tiers = [None, *(tier.id for tier in reversed(example().tiers))]
    before, after = decided(items), decided([*items, story("zz-one-more", when=days_ago(day))])
    assert tiers.index(after.tier) >= tiers.index(before.tier)


# --- honest people and cheats, counted both ways ---------------------------------------------------------


HONEST: dict[str, tuple[list[Item], str]] = {
    "a first typo": ([change("c", lines=1)], "recognised"),
    "three fixes over two months": (spread(3, [5, 6]), "contributor"),
    "a runbook among real fixes": ([runbook("r", when=month(5)), *spread(2, [6])], "contributor"),
    "two meetups and a talk": (
        [meetup("a", when=month(5)), meetup("b", when=month(6)), talk("t", when=month(6))],
        "contributor",
    ),
    "a meetup of exactly ten, three organisers": ([meetup("a", people=3, attendees=10)], "recognised"),
    "a translator of three hundred words a month": (
        [words("a", "300", when=month(5)), words("b", "300", when=month(6))],
        "contributor",
    ),
    "a reviewer of thirty changes in two months": (
        [review(f"r{n}", when=month(5 + n % 2, 1 + n // 2)) for n in range(30)],
        "contributor",
    ),
    "a year of quiet work, a change a month": (
        [change(f"c{n}", when=month(n)) for n in range(1, 13)],
        "sustained",
    ),
    "an ambassador for a year": (
        [
            attested(f"q{n}", "ambassador.quarter", when=month(n), voices=1, role="community_manager")
            for n in (2, 5, 8, 11)
        ],
        "sustained",
    ),
    "a co-author of real changes": (
        [
            item(f"c{n}", "coauthorship", when=month(5 + n % 2, 2 + n), facts=facts(coauthors=2, changed_lines=50))
            for n in range(6)
        ],
        "contributor",
    ),
}
CHEATS: dict[str, list[Item]] = {
    "a hundred surveys": [survey(f"s{n}") for n in range(100)],
    "merging one's own changes": [replace(c, acceptors=frozenset()) for c in spread(12, [2, 5, 8])],
    "a hundred bare +1": [review(f"r{n}", vote="CR+1", when=month(1 + n % 12)) for n in range(100)],
    "reviews of one's own changes": [
        replace(review(f"r{n}", when=month(1 + n % 12)), own_change=True) for n in range(60)
    ],
    "co-authors by the dozen": [
        item(f"c{n}", "coauthorship", when=month(1 + n % 12), facts=facts(coauthors=12, changed_lines=50))
        for n in range(24)
    ],
    "generated files": [
        item(f"c{n}", "change", when=month(1 + n % 12), facts=facts(changed_lines=9000, generated_only=True))
        for n in range(12)
    ],
    "a bot's commits": [replace(c, by_machine=True) for c in spread(12, [2, 5, 8])],
    "changes that were taken back": [replace(c, reverted=True) for c in spread(12, [2, 5, 8])],
    "answers to one's colleagues": [
        replace(support_reply(f"a{n}", when=month(1 + n % 12)), other_affiliation=False) for n in range(40)
    ],
    "a table of invented events": [
        item(f"e{n}", "event.organised", source="csv", when=month(n), facts=facts(people=1, attendees=300))
        for n in range(1, 13)
    ],
    "meetups that one friend saw": [meetup(f"m{n}", when=month(n), voices=1) for n in range(1, 13)],
    "meetups of nine": [meetup(f"m{n}", when=month(n), attendees=9) for n in range(1, 13)],
    "meetups with ten organisers": [meetup(f"m{n}", when=month(n), people=10) for n in range(1, 13)],
    "meetups that one attests oneself": [
        replace(meetup(f"m{n}", when=month(n)), attested_by_oneself=True) for n in range(1, 13)
    ],
    "bugs that one moves oneself": [
        replace(bug(f"b{n}", when=month(n)), moved_by_another=False) for n in range(1, 13)
    ],
    "work of next year": [change(f"c{n}", when=AS_OF + timedelta(days=30 * n)) for n in range(1, 13)],
    "operating a deployment, said by oneself": [
        item(f"d{n}", "deployment.operated", source=ATTESTATION_SOURCE, when=month(n)) for n in range(1, 13)
    ],
}
POCKET_MONEY: dict[str, list[Item]] = {  # thanked, and worth no discount
    "a hundred typos": [change(f"c{n}", lines=2, when=month(1 + n % 12)) for n in range(100)],
    "typos in runbooks": [runbook(f"c{n}", lines=2, when=month(1 + n % 12)) for n in range(100)],
    "big changes in one weekend": [change(f"c{n}", when=month(11, 28)) for n in range(30)],
    "one talk told of for years": [talk("t", when=months_before(AS_OF, 23))],
}
DISCOUNTED = {"contributor", "sustained"}


def test_no_honest_person_is_refused_and_no_cheat_is_admitted() -> None:
    wrongly_refused = [name for name, (items, tier) in HONEST.items() if decided(items).tier != tier]
    wrongly_admitted = [name for name, items in CHEATS.items() if decided(items).tier is not None]
    wrongly_paid = [name for name, items in POCKET_MONEY.items() if decided(items).tier in DISCOUNTED]
    assert (wrongly_refused, wrongly_admitted, wrongly_paid) == ([], [], [])


def test_rules_made_once_decide_as_rules_made_each_time() -> None:
    rules = Rules.of(example())
    decisions: list[Decision] = [decide(items, rules, as_of=AS_OF) for items in CHEATS.values()]
    assert decisions == [decided(items) for items in CHEATS.values()]


# --- the smallest change is the smallest -------------------------------------------------------------------


waiting_items = st.lists(
    st.tuples(
        st.sampled_from(["talk.given", "session.moderated", "event.organised"]),
        st.integers(0, 2),
        st.integers(0, 26),
    ),
    max_size=5,
)


@given(made=waiting_items, done=st.lists(st.integers(0, 26), max_size=4))
@settings(max_examples=150, deadline=None)
def test_the_smallest_change_is_the_one_that_trying_everything_finds(
    made: list[tuple[str, int, int]], done: list[int]
) -> None:
    statements = OPEN | {"community_event"}
    waiting = [
        attested(f"w{number}", kind, when=months_ago(month), voices=voices, statements=statements, attendees=30)
        for number, (kind, voices, month) in enumerate(made)
    ]
    items = [*waiting, *(change(f"c{n}", when=months_ago(month)) for n, month in enumerate(done))]
    before = decided(items)
    found = before.smallest_change
    ids = [tier.id for tier in example().tiers]
    place = ids.index(before.tier) if before.tier else len(ids)
    best: int | None = None
    for size in range(1, len(waiting) + 1):
        for some in combinations(range(len(waiting)), size):
            cost = sum(max(0, 2 - made[n][1]) for n in some)
            full = [
                attested(f"w{n}", made[n][0], when=months_ago(made[n][2]), statements=statements, attendees=30)
                if n in some
                else item
                for n, item in enumerate(waiting)
            ]
            tier = decided([*full, *items[len(waiting) :]]).tier
            if tier and ids.index(tier) < place and cost and (best is None or cost < best):
                best = cost
    if found is None:
        assert place == 0
    elif best is None:
        assert not found.waiting
    else:
        needed = {f"w{n}": max(0, 2 - voices) for n, (_, voices, _) in enumerate(made)}
        assert sum(needed[item.id] for item in found.waiting) == best
