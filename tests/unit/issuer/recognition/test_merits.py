"""Badges per kind come out of a decision that was made: what counts towards each, and what still lacks."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from issuer.recognition import merits, sentences
from issuer.recognition.decision import Decision
from issuer.recognition.item import Item
from issuer.recognition.merits import Merit
from schemas import policy as policy_shape
from schemas.policy import QualificationPolicy
from tests.unit.issuer.recognition.contributions import (
    attested,
    bug,
    change,
    days_ago,
    decided,
    example,
    facts,
    meetup,
    months_ago,
    review,
    runbook,
    survey,
    talk,
    words,
)


def with_catalogue(catalogue: str) -> QualificationPolicy:
    """The example with another catalogue, of lines without indent."""
    text = example().document.decode()
    before, _, rest = text.partition("\ncatalogue:")
    indented = "\n".join(f"  {line}" for line in catalogue.splitlines())
    document = f"{before}\ncatalogue:\n{indented}\n\ngrades:{rest.partition(chr(10) + 'grades:')[2]}"
    document = document.replace("achievement: operator, ", "")
    return policy_shape.load(document.encode(), name="a policy of a test")


def earned(items: list[Item], rules: QualificationPolicy | None = None) -> list[str]:
    return [merit.badge for merit in merits.earned(decided(items, rules))]


def merit_of(decision: Decision, badge: str) -> Merit:
    return next(merit for merit in merits.merits(decision) if merit.badge == badge)


def test_an_operator_without_commits_is_an_operator() -> None:
    assert earned([*(bug(f"b{n}") for n in range(4)), runbook("r")]) == ["operator"]


def test_running_a_deployment_gives_the_badge_by_itself_and_no_credits() -> None:
    ran = attested("d", "deployment.operated", statements=frozenset({"visited"}))
    decision = decided([ran])
    assert (decision.tier, decision.credits) == (None, Decimal(0))
    assert [merit.badge for merit in merits.earned(decision)] == ["operator"]
    assert sentences.thanks_for(merit_of(decision, "operator")) == "running a deployment"


def test_nobody_is_an_operator_by_saying_so() -> None:
    said = attested("d", "deployment.operated", voices=0)
    assert earned([said, survey("s")]) == []


def test_words_are_counted_by_credits_and_not_by_records() -> None:
    assert earned([words("w", "299")]) == []
    assert earned([words("w", "150"), words("x", "150")]) == ["translator"]


def test_what_is_older_than_the_time_that_counts_in_full_counts_for_no_badge() -> None:
    assert earned([meetup("m", when=months_ago(12))]) == ["organiser"]
    assert earned([meetup("m", when=months_ago(13))]) == []
    assert earned([meetup("m", when=days_ago(-2))]) == []


def test_a_cap_bounds_credits_and_does_not_undo_the_deed() -> None:
    rules = with_catalogue("host: {title: Host, kinds: [event.hosted_ops_meetup], items_at_least: 2}")
    hosted = [attested(f"h{n}", "event.hosted_ops_meetup", attendees=20) for n in range(2)]
    decision = decided(hosted, rules)
    assert decision.credits == 6
    assert [merit.badge for merit in merits.earned(decision)] == ["host"]


def test_predicates_of_a_badge_hold_of_each_thing_besides_those_of_its_kind() -> None:
    rules = with_catalogue(
        "docs: {title: Writer, kinds: [change.merged], when: [{path_matches: ['docs/**']}], items_at_least: 2}"
    )
    other = [change("a"), change("b"), change("c", paths=["docs/a.md"])]
    assert earned(other, rules) == []
    assert earned([*other, change("d", paths=["docs/b.md"])], rules) == ["docs"]


def test_what_lacks_is_said_in_words() -> None:
    decision = decided([bug("b"), talk("t"), talk("waits", voices=1)])
    assert sentences.missing_for(merit_of(decision, "speaker"), example()) == (
        "Still needed besides: a talk given or a session moderated."
        " Waiting for somebody who saw it: “A talk given”."
    )
    assert sentences.missing_for(merit_of(decision, "operator"), example()) == (
        "Still needed besides: 2.5 credits of accepted operations knowledge, a bug that others confirmed, a bug"
        " whose fix was adopted, an answer that helped or an operators' meetup hosted; or a deployment operated."
    )
    assert sentences.missing_for(merit_of(decision, "reviewer"), example()) == (
        "Still needed: 20 times a review that decided."
    )
    assert sentences.missing_for(merit_of(decided([meetup("m")]), "organiser"), example()) == ""


def test_thanks_name_the_work_in_words_and_the_place_where_it_is_one() -> None:
    twelve = [replace(meetup(f"m{n}", when=days_ago(20 * n + 1)), region="paris") for n in range(12)]
    assert (
        sentences.thanks_for(merit_of(decided(twelve), "organiser")) == "twelve events for the community in Paris"
    )
    two_places = [twelve[0], replace(twelve[1], region="eu")]
    assert sentences.thanks_for(merit_of(decided(two_places), "organiser")) == "two events for the community"
    assert sentences.region_name("eu") == "EU"
    assert sentences.region_name("Île-de-France") == "Île-de-France"


def test_every_number_of_a_badge_is_in_its_sentence() -> None:
    said = {
        sentences.badge_in_words("one", with_catalogue(f"one: {{title: One, {rule}}}"))
        for rule in (
            "kinds: [talk.given]",
            "kinds: [talk.given], items_at_least: 2",
            "kinds: [talk.given], min_credits: 2",
            "kinds: [talk.given], min_credits: 2, items_at_least: 2",
            "kinds: [talk.given, session.moderated]",
            "kinds: [talk.given], when: [{people_at_most: 2}]",
            "kinds: [talk.given], until: 2026-12-31",
        )
    }
    assert len(said) == 7
    assert all(sentence.startswith("One needs ") for sentence in said)


def test_what_is_earned_is_what_is_shown_as_earned_whatever_the_order() -> None:
    chance = Random(7)
    pool = [
        *(meetup(f"m{n}", when=days_ago(33 * n + 3)) for n in range(3)),
        *(bug(f"b{n}", when=days_ago(40 * n + 1)) for n in range(9)),
        *(review(f"v{n}", when=days_ago(n)) for n in range(30)),
        *(words(f"w{n}", "120", when=days_ago(100 * n + 1)) for n in range(6)),
        *(talk(f"t{n}", when=days_ago(150 * n + 1), voices=n) for n in range(4)),
    ]
    seen = set()
    for _ in range(60):
        some = chance.sample(pool, chance.randrange(len(pool)))
        decision = decided(some)
        quick = tuple(merit.badge for merit in merits.earned(decision))
        assert quick == tuple(merit.badge for merit in merits.merits(decision) if merit.earned)
        assert quick == tuple(merit.badge for merit in merits.earned(decided(some[::-1])))
        seen.add(quick)
    assert len(seen) > 5


@pytest.mark.parametrize("more", range(3))
def test_more_work_never_takes_a_badge_away(more: int) -> None:
    chance = Random(more)
    items: list[Item] = []
    held: set[str] = set()
    for number in range(40):
        when = days_ago(chance.randrange(360))
        items.append(chance.choice([bug, meetup, talk, review, runbook])(f"i{number}", when=when))
        now_held = set(earned(items))
        assert held <= now_held
        held = now_held
    assert held


def test_credits_still_needed_are_exact() -> None:
    merit = merit_of(decided([words("w", "100")]), "translator")
    assert (merit.items, merit.credits, merit.earned) == (0, Decimal(1), False)
    assert merit.lines[0].item.facts == facts(quantity="100", unit="words")
