"""Rules and reasons in words: made from the rule itself, so that they cannot drift apart."""

from dataclasses import replace
from decimal import Decimal

import pytest

from issuer.recognition import decision as d
from issuer.recognition import sentences
from schemas.policy import QualificationPolicy
from tests.unit.issuer.recognition.contributions import (
    attested,
    change,
    decided,
    example,
    facts,
    item,
    meetup,
    months_ago,
    policy_of,
    runbook,
    survey,
    talk,
)


def rule_of(policy: QualificationPolicy) -> str:
    """The sentence of the one kind, `work`."""
    return sentences.kind_in_words("work", policy.kinds["work"], grades=policy.grades)


@pytest.mark.parametrize("kind", sorted(example().kinds))
def test_every_kind_of_the_example_has_a_name_and_a_sentence(kind: str) -> None:
    assert kind in sentences.KINDS
    sentence = sentences.kind_in_words(kind, example().kinds[kind], grades=example().grades)
    assert sentence.startswith(sentences.kind_name(kind)) and sentence.endswith(".")
    assert "{" not in sentence and "_" not in sentence


def test_no_name_is_kept_for_a_kind_that_the_example_does_not_have() -> None:
    assert set(sentences.KINDS) == set(example().kinds)


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        ("{changed_lines_over: 2}", "{changed_lines_over: 3}"),
        ("{path_matches: [a/**]}", "{path_matches: [b/**]}"),
        ("{attested: [open_to_all]}", "{attested: [code_of_conduct]}"),
        ("{labelled: easy}", "{labelled: hard}"),
        ("accepted_by_another", "author_is_person"),
        ("{any_of: [not_reverted, listed_present]}", "{any_of: [not_reverted, written_reason]}"),
    ],
)
def test_changing_a_condition_changes_its_sentence(written: str, changed: str) -> None:
    one, other = (
        rule_of(policy_of(f"work: {{grade: B, credits: 1, cap: 2, when: [{w}]}}")) for w in (written, changed)
    )
    assert one != other


NUMBERS = [
    "work: {grade: B, credits: 1, cap: 2, when: []}",
    "work: {grade: B, credits: 1.5, cap: 2, when: []}",
    "work: {grade: B, credits: 1, cap: 3, when: []}",
    "work: {grade: B, credits: 1, per: {words: 9}, cap: 2, when: []}",
    "work: {grade: B, credits_at_most: 1, cap: 2, when: []}",
    "work: {grade: B, credits: 0, when: []}",
    "work: {grade: B, credits: 1, cap: 2, attestor_role: chair, attestations: 1, when: []}",
    "work: {grade: B, credits: 1, cap: 2, attestor_role: chair, attestations: 2, when: []}",
    "work: {grade: A, from: [feed], credits: 1, cap: 2, when: []}",
]


def test_every_number_of_a_kind_is_in_its_sentence() -> None:
    said = [rule_of(policy_of(text)) for text in NUMBERS]
    assert len(set(said)) == len(NUMBERS)


def test_who_must_attest_is_said_by_the_policy_itself() -> None:
    assert rule_of(policy_of("work: {grade: B, credits: 1, cap: 2}")) == (
        "Work gives 1 credit, at most 2 in all, when 2 people who saw it affirmed it"
        " or 1 person who saw it affirmed it and a fetched record of the event names it."
    )
    chaired = "work: {grade: B, attestor_role: group_chair, attestations: 2, credits: 1, cap: 2}"
    assert rule_of(policy_of(chaired)) == (
        "Work gives 1 credit, at most 2 in all, when 2 people acting as group chair affirmed it."
    )


def test_policy_in_words_tells_tiers_window_and_every_kind() -> None:
    told = sentences.policy_in_words(example())
    assert told[:5] == [
        "Sustained contributor needs 12 credits, 3 active months, in 3 quarters.",
        "Contributor needs 3 credits, 2 active months.",
        "Recognised needs 0.1 credits.",
        "What happened within 12 months counts in full, in the 12 months before those in half,"
        " earlier not at all.",
        "A month is active with at least 0.5 credits in it.",
    ]
    assert len(told) == 5 + len(example().kinds)
    assert sentences.kind_in_words(
        "translation.approved", example().kinds["translation.approved"], grades=example().grades
    ) == ("Approved translation gives 1 credit per 200 words, at most 12 in all, when another person approved it.")


def test_why_says_one_sentence_for_every_clause() -> None:
    items = [
        change("counted"),
        change("old", when=months_ago(13)),
        change("older", when=months_ago(30)),
        change("ahead", when=months_ago(-1)),
        item("poem", "poem"),
        item("elsewhere", "change", source="csv"),
        survey("survey"),
        talk("waiting", voices=1),
        talk("waiting-for-two", voices=0),
        item("no-words", "translation.approved", source="weblate"),
        replace(change("exception"), facts=facts(changed_lines=9, expires_on="2020-01-01")),
        attested("panel", "panel.award", role="review_panel", facts=facts(written_reason="x")),
        replace(meetup("own"), attested_by_oneself=True),
        item("attended", "event.attended", source="attendance"),
        replace(change("nobody"), acceptors=frozenset()),
        *(runbook(f"r{n}") for n in range(7)),
    ]
    decision = decided(items)
    said = {line.item.id: sentences.why(line) for line in decision.lines}
    assert {line.clause for line in decision.lines} >= {
        d.COUNTED,
        d.CAPPED,
        d.TOO_OLD,
        d.IN_THE_FUTURE,
        d.NO_KIND,
        d.WRONG_SOURCE,
        d.SELF_CLAIM,
        d.NEEDS_ATTESTATION,
        d.NO_QUANTITY,
        d.OVER_CREDITS,
        d.OWN_STATEMENT,
        d.NO_CREDITS,
        d.EXPIRED,
    }
    assert said["counted"] == "A merged change: counts 1 credit."
    assert (
        said["old"]
        == "A merged change: counts 0.5 credits. It lies before the time that counts in full, so it counts half."
    )
    assert said["waiting"] == "Waiting: one more person who saw it must attest it."
    assert said["waiting-for-two"] == "Waiting: 2 more people who saw it must attest it."
    assert said["nobody"] == "Not counted, since this does not hold: another person accepted it."
    assert all(text.endswith(".") and "{" not in text for text in said.values())


def test_smallest_change_in_words() -> None:
    assert sentences.smallest_change(None) == "This is the highest tier: no change would raise it."
    none = decided([]).smallest_change
    assert sentences.smallest_change(none) == "For recognised, still needed: 0.1 credits."
    some = decided([change("a", when=months_ago(2))]).smallest_change
    assert sentences.smallest_change(some) == "For contributor, still needed: 2 credits, 1 more active month."
    waiting = decided(
        [change("a", when=months_ago(2)), meetup("Lyon", when=months_ago(4), voices=1)]
    ).smallest_change
    assert sentences.smallest_change(waiting) == (
        "If one more person attests “Meetup Lyon”, the tier is contributor."
    )


def test_thanks_names_the_three_kinds_in_which_most_was_done() -> None:
    items = [
        *(change(f"c{n}", when=months_ago(n)) for n in range(4)),
        *(runbook(f"r{n}", when=months_ago(n)) for n in range(2)),
        talk("t"),
        survey("s"),
        change("typo", lines=1),
    ]
    assert sentences.thanks(decided(items)) == "4 merged changes, 2 runbooks, a small fix"
    assert sentences.thanks(decided([])) == ""


def test_kinds_of_another_community_are_named_from_their_own_words() -> None:
    assert sentences.kind_name("garden.tree_planted") == "Garden: tree planted"
    trees = policy_of("garden.tree_planted: {grade: A, from: [feed], credits: 1, cap: 9, when: []}")
    planted = [item(f"t{n}", "garden.tree_planted", source="feed") for n in range(2)]
    assert sentences.thanks(decided(planted, trees)) == "2 × garden: tree planted"
    assert sentences.tier_name("gold_star") == "Gold star"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1", "1"),
        ("1.50", "1.5"),
        ("0.25", "0.25"),
        ("1.665", "1.66"),
        ("100", "100"),
        ("0", "0"),
        ("10.00", "10"),
    ],
)
def test_numbers_have_at_most_two_decimals_and_no_tail(value: str, shown: str) -> None:
    assert sentences.number(Decimal(value)) == shown
