"""The qualification policy's shape: the examples load, and nothing in the file can be decoration."""

import base64
import hashlib
import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.policy import MAX_COUNT, PREDICATES, PolicyError, Predicate, QualificationPolicy, load

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "issuer" / "recognition" / "policy.example.yaml").read_text(encoding="utf-8")


NUMBER_AT = re.compile(r"(\w+): ([0-9.]+)")


def loaded(text: str) -> QualificationPolicy:
    return load(text.encode(), name="policy.yaml")


def edited(old: str, new: str) -> str:
    """The example with one place changed."""
    assert EXAMPLE.count(old) == 1, f"{old!r} stands {EXAMPLE.count(old)} times in the example"
    return EXAMPLE.replace(old, new)


def with_kind(kind: str) -> str:
    """The example with one more kind: `name: {…}`."""
    return edited("\nattestors:\n", f"\n  {kind}\nattestors:\n")


def refused(text: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence) as caught:
        loaded(text)
    assert str(caught.value).startswith("policy.yaml: ") and "\n" not in str(caught.value)


# --- what loads ------------------------------------------------------------------------------------------


def test_our_example_loads_with_exact_numbers() -> None:
    policy = loaded(EXAMPLE)
    assert [(tier.id, tier.min_credits) for tier in policy.tiers] == [
        ("sustained", 12),
        ("contributor", 3),
        ("recognised", Decimal("0.1")),
    ]
    assert policy.kinds["change.merged"].when[3] == Predicate("changed_lines_over", 2)
    assert policy.kinds["change.trivial"].credits == Decimal("0.25")
    assert [support.attestations for support in policy.grades.B.any_of] == [2, 1]


def test_proposal_of_the_community_loads_and_ours_differs_where_it_says(shared: Path) -> None:
    proposal = load((shared / "policy.example.yaml").read_bytes(), name="policy.example.yaml")
    ours = loaded(EXAMPLE)
    other = {name for name in ours.kinds if ours.kinds[name] != proposal.kinds.get(name)}
    assert other == {"ops.knowledge"}
    assert proposal.tiers == ours.tiers and proposal.attestors == ours.attestors


def test_digest_and_sri_are_of_the_document_s_bytes() -> None:
    policy = loaded(EXAMPLE)
    assert policy.digest == hashlib.sha256(EXAMPLE.encode()).hexdigest()
    assert policy.sri == "sha384-" + base64.b64encode(hashlib.sha384(EXAMPLE.encode()).digest()).decode()
    assert loaded(EXAMPLE + "\n# a remark").digest != policy.digest


def test_policy_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        loaded(EXAMPLE).version = "2.0.0"  # type: ignore[misc]


def test_period_may_begin_in_any_month() -> None:
    assert loaded(edited("starts: 2026-01-01", "starts: 2026-07-01")).period.starts.month == 7


def test_kinds_of_another_community_load() -> None:
    policy = loaded(
        with_kind('garden.tree: {grade: A, from: [csv], credits: 0.125, cap: 3, when: [{labelled: "oak"}]}')
    )
    assert policy.kinds["garden.tree"].scores and policy.record_of("garden.tree") == "garden.tree"


# --- unknown and missing fields --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("unit_hours: 4", "surprise"),
        ("period: {", "period.surprise"),
        ("window: {", "window.surprise"),
        ("  - {id: sustained, ", "tiers.0.surprise"),
        ("  A: {", "grades.A.surprise"),
        ("  B: {", "grades.B.surprise"),
        ("  C: {", "grades.C.surprise"),
        ("  change.merged:      {", "kinds.change.merged.surprise"),
        ("  delegation: {", "attestors.delegation.surprise"),
        ("  audit: {", "attestors.audit.surprise"),
        ("attendance_code: {", "attendance_code.surprise"),
        ("awarding: {", "awarding.surprise"),
        ("  small:    {", "governance.small.surprise"),
        ("  standard: {", "governance.standard.surprise"),
        ("panel: {size", "governance.standard.panel.surprise"),
        ("  holder_request:  {", "revocation.holder_request.surprise"),
        ("transparency: {", "transparency.surprise"),
    ],
)
def test_unknown_field_is_named_at_every_level(place: str, path: str) -> None:
    head, brace, tail = place.rpartition("{")
    new = f"{head}{brace}surprise: 1, {tail}" if brace else f"{place}\nsurprise: 1"
    refused(edited(place, new), rf"{path}: this field is not known here")


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("version: 1.0.0\n", "version"),
        ("unit_hours: 4", "unit_hours"),
        ("active_month_min_credits: 0.5", "active_month_min_credits"),
        (", months: 12", "period.months"),
        (", time_zone: UTC", "window.time_zone"),
        ("full_weight_months: 12, ", "window.full_weight_months"),
        ("id: sustained,   ", "tiers.0.id"),
        (", waiting_days: 0", "awarding.waiting_days"),
        (", secret_bits_at_least: 80", "attendance_code.secret_bits_at_least"),
        ("by: community_manager, ", "attestors.delegation.by"),
    ],
)
def test_missing_field_is_named(place: str, path: str) -> None:
    refused(edited(place, ""), rf"{path}: this field is missing")


# --- numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        "unit_hours: 4",
        ", months: 12}",
        "full_weight_months: 12",
        "active_month_min_credits: 0.5",
        "min_credits: 12",
        "secret_bits_at_least: 80",
        "period_seconds: 60",
        "months_at_most: 12",
        "smallest_cell: 10",
        "appeal_days: 21",
        "random_share: 0.05",
        "more_than_per_quarter: 40",
        "credits: 1, per: {words: 200}",
        "per: {words: 200",
        "credits_at_most: 6",
        "cap: 24",
        "people_at_most: 3",
        "attendees_at_least: 10}, {attested",
        "coauthors_at_most: 3",
    ],
)
@pytest.mark.parametrize("number", ["-1", "10000000000", "true", "'3'", "0.0000001", ".inf", "null"])
def test_number_out_of_range_or_no_number_is_refused_by_its_name(place: str, number: str) -> None:
    name, old = NUMBER_AT.findall(place)[0]
    text = edited(place, place.replace(f"{name}: {old}", f"{name}: {number}", 1))
    refused(text, "not a finite number" if number == ".inf" else name)


@pytest.mark.parametrize(
    "place",
    [
        "unit_hours: 4",
        ", months: 12}",
        "full_weight_months: 12",
        "active_month_min_credits: 0.5",
        "min_credits: 12",
        "per: {words: 200",
        "credits_at_most: 6",
        "cap: 24",
        "people_at_most: 3",
        "coauthors_at_most: 3",
        "smallest_cell: 10",
        "random_share: 0.05",
    ],
)
def test_limit_of_zero_is_no_limit_and_refused(place: str) -> None:
    name, old = NUMBER_AT.findall(place)[0]
    refused(edited(place, place.replace(f"{name}: {old}", f"{name}: 0", 1)), name)


@pytest.mark.parametrize("name", [name for name, kind in PREDICATES.items() if kind == "count"])
def test_limit_of_a_predicate_is_bounded_both_ways(name: str) -> None:
    def limited(number: object) -> str:
        return with_kind(f"x: {{grade: A, from: [csv], credits: 1, cap: 1, when: [{{{name}: {number}}}]}}")

    for good in (1, MAX_COUNT):
        assert loaded(limited(good)).kinds["x"].when == (Predicate(name, good),)
    for wrong in (0, -1, MAX_COUNT + 1, 1.5, "true", "many", [1]):
        refused(limited(wrong), "a whole number from 1 to 100000 was expected")


# --- kinds and predicates --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("x: {grade: A, from: [csv], credits: 1}", "a kind that scores needs a cap"),
        ("x: {grade: B, credits_at_most: 1}", "a kind that scores needs a cap"),
        ("x: {grade: A, from: [csv], credits: 0, cap: 3}", "gives 0 credits has no use for a cap"),
        ("x: {grade: A, from: [csv], cap: 3}", "either credits or credits_at_most"),
        (
            "x: {grade: A, from: [csv], credits: 1, credits_at_most: 1, cap: 3}",
            "either credits or credits_at_most",
        ),
        ("x: {grade: A, credits: 1, cap: 3}", "of grade A says from which sources"),
        ("x: {grade: A, from: [], credits: 1, cap: 3}", "of grade A says from which sources"),
        ("x: {grade: B, from: [csv], credits: 1, cap: 3}", "of grade B takes no records"),
        ("x: {grade: C, credits: 1, cap: 3}", r"of grade C \(a self-claim\) never scores"),
        ("x: {grade: D, credits: 0}", "x.grade"),
        ("x: {grade: B, attestations: 1, credits: 1, cap: 3}", "also says attestor_role"),
        ("x: {grade: A, from: [csv], credits: 1, per: {}, cap: 3}", "x.per"),
        ("x: {grade: A, from: [csv], credits: 1, per: {words: 1, pages: 1}, cap: 3}", "x.per"),
        ("x: {grade: A, from: csv, credits: 1, cap: 3}", "x.from"),
        ("x: {grade: A, from: [csv], credits: 1, cap: 3, when: accepted_by_another}", "x.when"),
        ("x: {grade: A, from: [git], credits: 1, cap: 3}", "git, which never call a record 'x'"),
        (
            "story.told: {grade: A, from: [gerrit, github], credits: 1, cap: 3}",
            "which never call a record 'story.told'",
        ),
        ("x: {grade: A, from: [git], record: survey, credits: 1, cap: 3}", "which never call a record 'survey'"),
    ],
)
def test_kind_that_would_count_nothing_or_too_much_is_refused(kind: str, sentence: str) -> None:
    refused(with_kind(kind), sentence)


def test_kind_of_its_own_over_changes_says_which_records() -> None:
    policy = loaded(with_kind("docs.change: {grade: A, from: [git], record: change, credits: 1, cap: 3}"))
    assert policy.record_of("docs.change") == "change"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("accepted_by_anyone", "'accepted_by_anyone' is not known; known are accepted_by_another, "),
        ("Accepted_by_another", "is not known"),
        ("changed_lines_over", "needs its parameter, as in 'changed_lines_over: …'"),
        ("attested", "needs its parameter"),
        ("{changed_lines_over: }", "has an empty parameter"),
        ("{changed_lines_over: two}", "a whole number from 1"),
        ("{accepted_by_another: true}", "no parameter was expected"),
        ("{accepted_by_another: }", "has an empty parameter"),
        ("{labelled: [trivial]}", "a word was expected"),
        ("{labelled: ''}", "a word was expected"),
        ("{path_matches: runbooks}", "a list of words was expected"),
        ("{path_matches: []}", "a list of words was expected"),
        ("{attested: [1]}", "a list of words was expected"),
        ("{vote_in: ['']}", "a list of words was expected"),
        ("{unheard_of: 1}", "'unheard_of' is not known"),
        ("{labelled: a, people_at_most: 1}", "is no predicate"),
        ("7", "is no predicate"),
        ("[accepted_by_another]", "is no predicate"),
        ("{any_of: accepted_by_another}", "any_of needs a list of at least two"),
        ("{any_of: [accepted_by_another]}", "any_of needs a list of at least two"),
        ("{any_of: [accepted_by_another, nonsense]}", "'nonsense' is not known"),
        ("any_of", "any_of needs a list"),
    ],
)
def test_predicate_that_is_not_whole_is_refused(written: str, sentence: str) -> None:
    refused(with_kind(f"x: {{grade: A, from: [csv], credits: 1, cap: 1, when: [{written}]}}"), sentence)


# --- what must fit together ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("min_credits: 12,", "min_credits: 2,", "tiers are listed from the highest down"),
        ("min_credits: 12,", "min_credits: 3,", "tiers are listed from the highest down"),
        ("id: contributor", "id: sustained", "two tiers have the same id"),
        ("id: contributor", "id: Contributor", "tiers.1.id"),
        ("starts: 2026-01-01", "starts: 2026-01-02", "begins on the first day of a month"),
        ("starts: 2026-01-01", "starts: 2026-01-01T00:00:00Z", "period.starts"),
        ("starts: 2026-01-01", "starts: '2026-01-01'", "period.starts"),
        ("starts: 2026-01-01", "starts: 2026-02-30", "line 7: .* no date that exists"),
        ("starts: 2026-01-01", "starts: 2026-01-01T00:00:00", "has no time zone"),
        ("time_zone: UTC", "time_zone: Europe/Paris", "window.time_zone"),
        ("id: community-recognition", "id: Community Recognition", "id: "),
        ("version: 1.0.0\n", "version: 1.0\n", "version: "),
        ("version: 1.0.0\n", "version: latest\n", "version: "),
        ("C: {credits: 0}", "C: {credits: 1}", "grades.C.credits"),
        ("record: fetched_by_issuer", "record: imported", "grades.A.record"),
        (
            "{any_of: [{attestations: 2}, {attestations: 1, and_record_of_grade: A}]}",
            "{any_of: []}",
            "grades.B.any_of",
        ),
        ("{attestations: 2}, ", "{attestations: 0}, ", "grades.B.any_of"),
        (
            "{second_attestor: same_affiliation}",
            "{second_attestor: same_town}",
            r"attestors\.refuse\.3\.second_attestor: ",
        ),
        ("[self, ", "[myself, ", r"attestors\.refuse\.0: it must be 'self'"),
        (
            "    - unknown_affiliation",
            "    - unknown_face",
            r"attestors\.flag\.4: it must be 'unknown_affiliation'",
        ),
        (
            "    - unknown_affiliation",
            "    - {seen_at_night: 3}",
            r"attestors\.flag\.4: this flag is not known here",
        ),
        ("    - unknown_affiliation", "    - 7", r"attestors\.flag\.4: "),
        (
            "{more_than_per_quarter: 40}",
            "{more_than_per_quarter: 40, x: 1}",
            r"flag\.1\.x: this field is not known",
        ),
        (", from_statements: 10", "", r"attestors\.flag\.2\.from_statements: this field is missing"),
        ("id: community-recognition", "id: a\nid: b", "line 5: the field 'id' is given twice"),
    ],
)
def test_part_that_does_not_fit_is_refused(old: str, new: str, sentence: str) -> None:
    refused(edited(old, new), sentence)


@pytest.mark.parametrize("text", ["", "[]", "kinds", "a: {", "\0", EXAMPLE[: len(EXAMPLE) // 2]])
def test_document_that_is_no_policy_is_refused_in_one_sentence(text: str) -> None:
    refused(text, ".")


def test_without_tiers_or_kinds_there_is_no_policy() -> None:
    before, _, rest = EXAMPLE.partition("\ntiers:")
    refused(f"{before}\ntiers: []\ngrades:{rest.partition('grades:')[2]}", "tiers: ")
    before, _, rest = EXAMPLE.partition("\nkinds:")
    refused(f"{before}\nkinds: {{}}\nattestors:{rest.partition('attestors:')[2]}", "kinds: ")


def test_predicates_read_as_they_are_written() -> None:
    kind = loaded(EXAMPLE).kinds["change.trivial"]
    assert [str(predicate) for predicate in kind.when] == [
        "accepted_by_another",
        "author_is_person",
        "not_reverted",
        "changed_lines_at_most: 2 or labelled: trivial",
    ]


# --- the catalogue ---------------------------------------------------------------------------------------


def with_badge(badge: str) -> str:
    """The example with one more badge per kind: `name: {…}`."""
    return edited("\ncatalogue: ", f"\ncatalogue:\n  {badge}\n #").replace("\n #", "\n  # ")


def test_a_badge_per_kind_loads_with_its_defaults() -> None:
    policy = loaded(with_badge("baker: {title: Baker, kinds: [talk.given]}"))
    baker = policy.catalogue["baker"]
    assert (baker.items_needed, baker.min_credits, baker.state, baker.until) == (1, None, "active", None)
    assert policy.catalogue["translator"].min_credits == Decimal("1.5")


def test_a_policy_without_a_catalogue_loads(shared: Path) -> None:
    old = load((shared / "policy.example.yaml").read_bytes(), name="policy.example.yaml")
    assert old.catalogue == {}
    assert old.kinds["deployment.operated"].achievement == "operator"


@pytest.mark.parametrize(
    ("badge", "sentence"),
    [
        ("Baker: {title: Baker, kinds: [talk.given]}", "catalogue"),
        (
            "recognised: {title: Baker, kinds: [talk.given]}",
            "'recognised', which is the name of another achievement",
        ),
        ("by-decision: {title: Baker, kinds: [talk.given]}", "the name of another achievement"),
        ("baker: {title: Mentor, kinds: [talk.given]}", "the badges 'baker' and 'mentor' have the same title"),
        ("baker: {title: Baker}", "the badge 'baker' names no kinds, and no kind gives it"),
        (
            "baker: {title: Baker, kinds: [bread.baked]}",
            "counts the kind 'bread.baked', which the policy does not",
        ),
        ("baker: {title: Baker, kinds: [survey.completed]}", "a self-claim .grade C., which earns no badge"),
        (
            "baker: {title: Baker, kinds: [talk.given], min_credits: 7}",
            "asks for 7 credits, and its kinds give at",
        ),
        ("baker: {title: Baker, kinds: [talk.given, talk.given]}", "kinds names one of them twice"),
        ("baker: {title: Baker, items_at_least: 2}", "none is named"),
        ("baker: {title: ' Baker', kinds: [talk.given]}", "a title is one line of printable characters"),
        ("baker: {title: Baker, kinds: [talk.given], items_at_least: 0}", "items_at_least"),
        ("baker: {title: Baker, kinds: [talk.given], state: withdrawn}", "state"),
        ("baker: {title: Baker, kinds: [talk.given], colour: red}", "colour"),
        ("baker: {title: Baker, kinds: [talk.given], until: tomorrow}", "until"),
        ("baker: {title: Baker, kinds: [talk.given], when: [baked]}", "'baked' is not known"),
        ("baker: {kinds: [talk.given]}", "title"),
    ],
)
def test_a_badge_that_is_not_in_order_is_refused_with_one_sentence(badge: str, sentence: str) -> None:
    refused(with_badge(badge), sentence)


def test_a_kind_gives_only_a_badge_that_the_catalogue_has() -> None:
    refused(
        edited("achievement: operator", "achievement: captain"),
        "the kind 'deployment.operated' gives 'captain', which the catalogue does not have",
    )
