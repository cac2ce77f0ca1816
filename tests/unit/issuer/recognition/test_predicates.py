"""Every predicate that a policy can name: one case in which it alone decides, and its sentence."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from issuer.recognition.item import ATTESTATION_SOURCE, Attested, Item
from issuer.recognition.predicates import CONDITIONS, holds, sentence_of
from issuer.recognition.sentences import why
from schemas.policy import PREDICATES, Predicate
from tests.unit.issuer.recognition.contributions import decided, facts, item, policy_of

BARE = item("x", "work", source="feed", acceptors=frozenset())
SEEN = (Attested("wen", None, frozenset({"visited"})), Attested("cy", None, frozenset({"visited"})))


@dataclass(frozen=True)
class Case:
    """A condition as the policy writes it, an item for which it holds, and the one fact that is flipped."""

    written: str
    good: Item
    bad: Item
    attested: bool = False

    @property
    def name(self) -> str:
        return self.written.strip("{").partition(":")[0]


def fact(written: str, good: dict[str, Any], bad: dict[str, Any]) -> Case:
    return Case(written, replace(BARE, facts=facts(**good)), replace(BARE, facts=facts(**bad)))


def member(written: str, name: str, good: Any, bad: Any, **also: Any) -> Case:
    both = replace(BARE, **also)
    return Case(written, replace(both, **{name: good}), replace(both, **{name: bad}))


ANOTHER = frozenset({"wen"})
NOBODY: frozenset[str] = frozenset()
CASES = [
    member("accepted_by_another", "acceptors", ANOTHER, NOBODY),
    member("approved_by_another", "acceptors", ANOTHER, NOBODY),
    member("accepted_by_asker", "acceptors", ANOTHER, NOBODY),
    member("author_is_person", "by_machine", False, True),
    member("not_own_change", "own_change", False, True),
    member("not_own_change", "own_change", False, None),
    member("not_reverted", "reverted", False, True),
    fact("{changed_lines_over: 2}", {"changed_lines": 3}, {"changed_lines": 2}),
    fact("{changed_lines_over: 2}", {"changed_lines": 3}, {}),
    fact("{changed_lines_at_most: 2}", {"changed_lines": 2}, {"changed_lines": 3}),
    fact("{changed_lines_at_most: 2}", {"changed_lines": 0}, {}),
    fact("not_generated_only", {"generated_only": False}, {"generated_only": True}),
    fact(
        '{path_matches: ["runbooks/**"]}', {"paths": ["a.py", "runbooks/x/y.md"]}, {"paths": ["old/runbooks/y.md"]}
    ),
    fact("{labelled: trivial}", {"labels": ["trivial"]}, {"labels": ["Trivial"]}),
    member("coauthor_proved_address", "record", "coauthorship", "change"),
    fact("{coauthors_at_most: 3}", {"coauthors": 3}, {"coauthors": 4}),
    fact("{coauthors_at_most: 3}", {"coauthors": 1}, {}),
    fact("{vote_in: [CR+2, W+1]}", {"vote": "W+1"}, {"vote": "CR+1"}),
    fact("{vote_in: [CR+2, W+1]}", {"vote": "W+1"}, {}),
    fact("comment_then_new_patch_set", {"answered_by_new_patch_set": True}, {}),
    member("{moved_by_another_to: [triaged]}", "moved_by_another", True, False, facts=facts(moved_to="triaged")),
    Case(
        "{moved_by_another_to: [triaged]}",
        replace(BARE, moved_by_another=True, facts=facts(moved_to="triaged")),
        replace(BARE, moved_by_another=True, facts=facts(moved_to="invalid")),
    ),
    fact("named_as_reporter_in_merged_change", {"named_in_merged_change": True}, {}),
    fact("listed_present", {"listed_present": True}, {}),
    fact("written_reason", {"written_reason": "Kept the mirrors alive"}, {"written_reason": " \n"}),
    fact("challenge_answered", {"challenge_answered": True}, {}),
    fact("{attendees_at_least: 10}", {"attendees": 10}, {"attendees": 9}),
    fact("{attendees_at_least: 10}", {"attendees": 10}, {}),
    fact("{people_at_most: 3}", {"people": 3}, {"people": 4}),
    fact("{people_at_most: 3}", {"people": 1}, {}),
    member(
        "{attested: [visited]}",
        "attestations",
        SEEN,
        (replace(SEEN[0], statements=NOBODY), SEEN[1]),
        source=ATTESTATION_SOURCE,
    ),
    member("other_affiliation", "other_affiliation", True, False),
    member("other_affiliation", "other_affiliation", True, None),
]


def kinds_for(case: Case, record: str) -> str:
    """One scoring kind with this one condition; statements of people make it a kind of grade B."""
    if case.name == "attested":
        return f"{record}: {{grade: B, credits: 1, cap: 5, when: [{case.written}]}}"
    return f"{record}: {{grade: A, from: [feed], credits: 1, cap: 5, when: [{case.written}]}}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_predicate_alone_decides_and_its_name_is_the_reason(case: Case) -> None:
    policy = policy_of(kinds_for(case, "work"))
    if case.name == "coauthor_proved_address":  # the record itself is the fact: a kind for each
        policy = policy_of(kinds_for(case, "coauthorship") + "\n" + kinds_for(case, "change"))
    good, bad = case.good, case.bad
    yes, no = decided([good], policy), decided([bad], policy)
    assert (yes.tier, yes.lines[0].clause) == ("one", "counted")
    assert (no.tier, no.lines[0].clause) == (None, case.name)
    assert no.lines[0].predicate is not None
    assert sentence_of(no.lines[0].predicate) in why(no.lines[0])


def test_every_predicate_has_a_case_a_condition_and_a_place_in_the_schema() -> None:
    assert {case.name for case in CASES} == set(CONDITIONS) == set(PREDICATES)


PARAMETERS = {"none": None, "count": 7, "word": "easy", "words": ("first_one", "second", "third")}


@pytest.mark.parametrize("name", sorted(PREDICATES))
def test_every_sentence_is_made_with_its_parameter(name: str) -> None:
    sentence = sentence_of(Predicate(name, PARAMETERS[PREDICATES[name]]))
    shown = {"none": "", "count": "7", "word": "“easy”", "words": "first one, second or third"}
    assert shown[PREDICATES[name]] in sentence
    assert "{}" not in sentence and not sentence.endswith(".") and sentence[0].islower()


def test_any_of_holds_with_one_alternative_and_reads_as_either() -> None:
    either = Predicate("any_of", alternatives=(Predicate("author_is_person"), Predicate("listed_present")))
    assert holds(either, BARE)
    assert not holds(either, replace(BARE, by_machine=True))
    assert sentence_of(either) == (
        "either its author is a person, not a machine or the minutes list the person as present"
    )


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("runbooks/**", "runbooks/a.md", True),
        ("runbooks/**", "runbooks/a/b/c.md", True),
        ("runbooks/**", "runbooks", False),
        ("runbooks/**", "xrunbooks/a.md", False),
        ("**/runbooks/*", "runbooks/a.md", True),
        ("**/runbooks/*", "deep/er/runbooks/a.md", True),
        ("**/runbooks/*", "runbooks/a/b.md", False),
        ("*.md", "a.md", True),
        ("*.md", "a/b.md", False),
        ("a?.md", "ab.md", True),
        ("a?.md", "a/.md", False),
        ("a+(b).md", "a+(b).md", True),
        ("a.md", "axmd", False),
        ("runbooks/**", "runbooks/line\nbreak.md", True),
    ],
)
def test_globs_cross_folders_only_with_two_stars(glob: str, path: str, matches: bool) -> None:
    assert holds(Predicate("path_matches", (glob,)), replace(BARE, facts=facts(paths=[path]))) is matches


def test_attendance_is_the_least_that_any_attestor_saw() -> None:
    saw = (Attested("wen", None, attendees=40), Attested("cy", None, attendees=8), Attested("ada", None))
    assert replace(BARE, source=ATTESTATION_SOURCE, attestations=saw).attendees == 8
    assert replace(BARE, source=ATTESTATION_SOURCE, facts=facts(attendees=99), attestations=saw).attendees == 8
    assert replace(BARE, source="attendance", facts=facts(attendees=99), attestations=saw).attendees == 99
    assert BARE.attendees is None
