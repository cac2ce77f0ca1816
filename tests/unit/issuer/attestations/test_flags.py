"""Each flag of a policy: raised where its rule says so, and only there; it never blocks a statement."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from issuer.attestations.flags import History, Said, flags_of
from issuer.recognition.service import EXAMPLE_POLICY
from schemas import policy as policy_shape

ATTESTORS = policy_shape.load(EXAMPLE_POLICY.read_bytes(), name="example").attestors
WHEN = datetime(2026, 6, 10, 20, tzinfo=UTC)
SAID = Said("c", "dee", ("ada",), ("Books",), WHEN, WHEN + timedelta(days=1))
USUAL = tuple(
    replace(SAID, claim=f"o{n}", affiliations=(f"Firm {n}",), answered_at=WHEN - timedelta(days=100 + n))
    for n in range(9)
)


def rules(said: Said, history: History) -> set[str]:
    return {flag.rule for flag in flags_of(said, history, ATTESTORS)} - {"drawn"}


def test_an_ordinary_statement_is_not_flagged() -> None:
    assert rules(SAID, History(own=USUAL)) == set()


@pytest.mark.parametrize(("days", "raised"), [(364, True), (366, False)])
def test_two_who_attest_each_other_within_a_year(days: int, raised: bool) -> None:
    back = replace(SAID, attestor="ada", subjects=("dee",), answered_at=SAID.answered_at - timedelta(days=days))
    assert ("reciprocal" in rules(SAID, History(own=USUAL, about=[back]))) == raised


@pytest.mark.parametrize(("before", "raised"), [(39, False), (40, True)])
def test_more_than_forty_in_a_quarter(before: int, raised: bool) -> None:
    own = [replace(SAID, claim=f"q{n}", affiliations=(f"Firm {n}",)) for n in range(before)]
    assert ("many" in rules(SAID, History(own=own))) == raised


@pytest.mark.parametrize(("same", "others", "raised"), [(3, 6, True), (2, 7, False), (5, 3, False)])
def test_over_thirty_percent_to_one_employer_once_there_are_ten(same: int, others: int, raised: bool) -> None:
    own = [replace(one, affiliations=("Books",)) for one in USUAL[:same]] + list(USUAL[same : same + others])
    assert ("one_sided" in rules(SAID, History(own=own))) == raised


def test_one_employers_share_is_no_flag_on_statements_about_others() -> None:
    own = [replace(one, affiliations=("Clouds",)) for one in USUAL]
    assert "one_sided" not in rules(SAID, History(own=own))


@pytest.mark.parametrize(("days", "raised"), [(45, False), (46, True)])
def test_said_late(days: int, raised: bool) -> None:
    said = replace(SAID, answered_at=WHEN + timedelta(days=days))
    assert ("late" in rules(said, History(own=USUAL))) == raised


def test_what_is_not_known_is_a_flag() -> None:
    assert rules(replace(SAID, affiliations=(None,)), History(own=USUAL)) == {"unknown_affiliation"}
    assert rules(SAID, History(own=USUAL, affiliation_known=False)) == {"unknown_affiliation"}


@pytest.mark.parametrize(("before", "raised"), [(4, True), (5, False)])
def test_a_new_attestors_first_five(before: int, raised: bool) -> None:
    assert ("first" in rules(SAID, History(own=USUAL[:before]))) == raised


def test_one_in_twenty_is_drawn_and_always_the_same_ones() -> None:
    history = History(own=USUAL)
    drawn = [
        any(flag.rule == "drawn" for flag in flags_of(replace(SAID, claim=f"c{n}"), history, ATTESTORS))
        for n in range(4000)
    ]
    assert 150 < sum(drawn) < 250
    assert drawn[:50] == [
        any(flag.rule == "drawn" for flag in flags_of(replace(SAID, claim=f"c{n}"), history, ATTESTORS))
        for n in range(50)
    ]


@pytest.mark.parametrize(
    ("people", "usual", "raised"), [(91, (20, 30, 40), True), (90, (20, 30, 40), False), (500, (20, 30), False)]
)
def test_three_times_the_usual_crowd(people: int, usual: tuple[int, ...], raised: bool) -> None:
    history = History(own=USUAL, attendances=usual)
    assert ("crowd" in rules(replace(SAID, attendees=people), history)) == raised


def test_a_reason_names_nobody() -> None:
    said = replace(SAID, affiliations=("Books", None), answered_at=WHEN + timedelta(days=90), attendees=900)
    own = [replace(one, affiliations=("Books",), answered_at=said.answered_at) for one in USUAL * 5]
    history = History(own=own, about=[replace(SAID, attestor="ada")], attendances=(9, 9, 9))
    flags = flags_of(said, history, ATTESTORS)
    raised = {flag.rule for flag in flags}
    assert raised >= {"reciprocal", "many", "one_sided", "late", "unknown_affiliation", "crowd"}
    assert not [flag for flag in flags if "Books" in flag.sentence or "dee" in flag.sentence]
