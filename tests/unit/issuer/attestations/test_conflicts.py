"""Who may not attest: each rule bars by itself, and what is not known bars nobody."""

from dataclasses import dataclass, replace
from datetime import date

import pytest

from issuer.attestations.conflicts import RULES, SAME_AFFILIATION, refusal, sentence_of
from issuer.attestations.model import Delegation, Parties
from issuer.people.model import Affiliation, Person
from issuer.recognition.service import EXAMPLE_POLICY
from schemas import policy
from schemas.policy import Attestors

DAY = date(2026, 6, 1)
ATTESTORS: Attestors = policy.load(EXAMPLE_POLICY.read_bytes(), name="example").attestors


def person(name: str, *, employer: str | None = "unknown", manager: str | None = None) -> Person:
    """`employer` None: known to have none."""
    held = () if employer == "unknown" else (Affiliation(employer, date(2020, 1, 1)),)
    return Person(id=name, name=name.title(), affiliations=held, manager=manager)


ADA, BOB, CY = person("ada", employer="Books"), person("bob", employer="Clouds"), person("cy", employer="Trains")
FINE = Parties(attestor=BOB, subjects=(ADA,), co_organisers=frozenset({"ada"}), other_attestors=(CY,), day=DAY)


@dataclass(frozen=True)
class Case:
    """Parties that one rule bars, and no other."""

    rule: str
    parties: Parties


CASES = [
    Case("self", replace(FINE, subjects=(ADA, BOB))),
    Case("declared_manager_or_report_or_household", replace(FINE, attestor=replace(BOB, manager="ada"))),
    Case("declared_manager_or_report_or_household", replace(FINE, subjects=(replace(ADA, manager="bob"),))),
    Case(
        "declared_manager_or_report_or_household",
        replace(FINE, attestor=replace(BOB, household="mill"), subjects=(replace(ADA, household="mill"),)),
    ),
    Case("co_organiser_of_same_event", replace(FINE, co_organisers=frozenset({"ada", "bob"}))),
    Case(SAME_AFFILIATION, replace(FINE, other_attestors=(CY, person("dee", employer="Clouds")))),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_each_rule_alone_decides(case: Case) -> None:
    assert [name for name, (bars, _) in RULES.items() if bars(case.parties)] == [case.rule]
    assert refusal(case.parties, ATTESTORS) == case.rule
    assert refusal(FINE, ATTESTORS) is None
    assert sentence_of(case.rule)[0].islower()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_rule_that_the_policy_does_not_name_bars_nobody(case: Case) -> None:
    def named(rule: object) -> str:
        return rule if isinstance(rule, str) else SAME_AFFILIATION

    kept = tuple(rule for rule in ATTESTORS.refuse if named(rule) != case.rule)
    assert len(kept) == len(ATTESTORS.refuse) - 1
    assert refusal(case.parties, ATTESTORS.model_copy(update={"refuse": kept})) is None


def test_every_rule_has_a_case() -> None:
    assert {case.rule for case in CASES} == set(RULES)


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ("unknown", "unknown"),
        (None, None),
        ("Clouds", "unknown"),
        ("unknown", "Clouds"),
        ("Clouds", None),
        (None, "Clouds"),
    ],
)
def test_unknown_employer_or_none_bars_nobody(own: str | None, other: str | None) -> None:
    parties = replace(FINE, attestor=person("bob", employer=own), other_attestors=(person("cy", employer=other),))
    assert refusal(parties, ATTESTORS) is None


def test_another_household_or_an_unknown_one_bars_nobody() -> None:
    for own, other in (("mill", "farm"), (None, None), ("mill", None)):
        near = replace(FINE, attestor=replace(BOB, household=own), subjects=(replace(ADA, household=other),))
        assert refusal(near, ATTESTORS) is None


def test_employer_is_that_of_the_day() -> None:
    moved = replace(
        CY, affiliations=(Affiliation("Clouds", date(2020, 1, 1)), Affiliation("Trains", date(2026, 6, 1)))
    )
    assert refusal(replace(FINE, other_attestors=(moved,)), ATTESTORS) is None
    day_before = replace(FINE, other_attestors=(moved,), day=date(2026, 5, 31))
    assert refusal(day_before, ATTESTORS) == SAME_AFFILIATION


def test_attestor_of_the_subject_s_employer_is_not_barred_by_that_alone() -> None:
    assert refusal(replace(FINE, attestor=person("bob", employer="Books")), ATTESTORS) is None


def test_person_without_manager_is_not_everybody_s_report() -> None:
    assert refusal(replace(FINE, attestor=person("bob"), subjects=(person("ada"),)), ATTESTORS) is None


GIVEN = Delegation("bob", frozenset({"talk.given"}), "eu", None, date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("delegation", "kind", "region", "day", "covers"),
    [
        (GIVEN, "talk.given", "eu", DAY, True),
        (GIVEN, "talk.given", "eu", GIVEN.begins, True),
        (GIVEN, "talk.given", "eu", GIVEN.ends, True),
        (GIVEN, "talk.given", "eu", date(2025, 12, 31), False),
        (GIVEN, "talk.given", "eu", date(2027, 1, 1), False),
        (GIVEN, "talk.given", "apac", DAY, False),
        (GIVEN, "talk.given", "*", DAY, False),
        (GIVEN, "event.organised", "eu", DAY, False),
        (replace(GIVEN, revoked=True), "talk.given", "eu", DAY, False),
        (replace(GIVEN, region="*"), "talk.given", "apac", DAY, True),
        (replace(GIVEN, kinds=frozenset()), "talk.given", "eu", DAY, False),
    ],
)
def test_delegation_covers_its_kinds_region_and_days_only(
    delegation: Delegation, kind: str, region: str, day: date, covers: bool
) -> None:
    assert delegation.covers(kind, region=region, day=day) is covers
