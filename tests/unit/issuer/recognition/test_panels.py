"""A panel is drawn by lot, as different as the policy asks, without those who are near; anybody can draw it
again.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import Engine

from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.ground import audit
from issuer.people import service as people
from issuer.people.model import Account, Person
from issuer.people.roster import read_roster
from issuer.recognition import lot, panels, questions
from issuer.recognition.lot import Bench, Candidate
from issuer.recognition.question import Question, QuestionError
from schemas.policy import Panel
from tests.unit.issuer.recognition.contributions import example

NOW = datetime(2026, 9, 1, tzinfo=UTC)
RULE = Panel(size=3, by_lot_from="sustained", kinds_at_least=2, affiliations_at_least=3)


def candidates(amount: int, *, kinds: int = 3, firms: int = 5) -> list[Candidate]:
    return [Candidate(f"p{n:03}", f"kind{n % kinds}", f"firm{n % firms}") for n in range(amount)]


def test_the_same_seed_gives_the_same_panel_in_whatever_order_people_are_listed() -> None:
    listed = candidates(40)
    drawn = lot.draw(listed, RULE, seed="a")
    assert drawn == lot.draw(Random(3).sample(listed, 40), RULE, seed="a")
    assert drawn != lot.draw(listed, RULE, seed="b")


@pytest.mark.parametrize("seed", [str(n) for n in range(50)])
def test_a_panel_is_of_as_many_kinds_and_firms_as_the_policy_asks(seed: str) -> None:
    drawn = lot.draw(candidates(30, kinds=2, firms=3), RULE, seed=seed)
    assert len({one.person for one in drawn}) == 3
    assert len({one.kind for one in drawn}) >= 2 and len({one.affiliation for one in drawn}) == 3


def test_nobody_is_drawn_always_or_never() -> None:
    counts = Counter(one.person for n in range(600) for one in lot.draw(candidates(15), RULE, seed=str(n)))
    assert len(counts) == 15
    assert min(counts.values()) > 60 and max(counts.values()) < 200, "each has 120 places of 1,800 to expect"


@pytest.mark.parametrize(
    "few",
    [
        candidates(2),
        candidates(30, kinds=1),
        candidates(30, firms=2),
        [Candidate(f"p{n}", "x", None) for n in range(9)],
    ],
    ids=["two people", "one kind", "two firms", "unknown firms"],
)
def test_where_no_such_panel_can_be_it_says_so(few: list[Candidate]) -> None:
    with pytest.raises(QuestionError, match="No panel of 3 can be drawn from"):
        lot.draw(few, RULE, seed="a")


def test_a_large_community_in_which_almost_all_are_alike_is_drawn_from_quickly() -> None:
    alike = [Candidate(f"p{n:05}", "change", "firm") for n in range(20_000)]
    drawn = lot.draw([*alike, Candidate("q", "event", "a"), Candidate("r", "event", "b")], RULE, seed="s")
    assert {one.person for one in drawn} >= {"q", "r"}


def test_whoever_withdraws_is_replaced_and_the_others_stay() -> None:
    listed = candidates(20)
    drawn = lot.draw(listed, RULE, seed="a")
    left = [one for one in listed if one != drawn[0]]
    after = lot.draw(left, RULE, seed="a", staying=drawn[1:])
    assert set(drawn[1:]) < set(after) and drawn[0] not in after and len(after) == 3


# --- with records ----------------------------------------------------------------------------------------

WHO = ("asker", "near", "boss", "home", "spoke", "odd", "ann", "ben", "cat", "dan")


@pytest.fixture
def who(database: Engine) -> Mapping[str, Person]:
    """Ten people: of the asker's firm, their manager, their household, who accepted their work, and others."""
    firms = {"asker": "Firm", "near": "Firm"} | {one: f"Firm of {one}" for one in WHO[2:]}
    rows = ["name,email,accounts,affiliation,since,manager,household"]
    rows += [
        f"{one},{one}@x.example,,{firms[one]},2020-01-01,"
        f"{'boss@x.example' if one == 'asker' else ''},{'h' if one in {'asker', 'home'} else ''}"
        for one in WHO
    ]
    report = people.add_people(database, read_roster("\n".join(rows).encode())[0], now=NOW)
    assert not report.refused
    for number, one in enumerate(WHO):
        record = "change" if number % 2 else "translation.approved"
        facts = {"changed_lines": 9, "quantity": "400", "unit": "words"}
        accepted = "spoke" if one == "asker" else "asker"
        said = facts_from({**facts, "accepted_by": [f"git:{accepted}@x.example"]})
        source = "git" if record == "change" else "weblate"
        when, account = NOW - timedelta(days=9), Account("git", f"{one}@x.example")
        contributions.store(database, [Contribution(source, one, record, account, when, said)], now=NOW)
    return {person.name: person for person in people.people_by_id(database).values()}


def asked(database: Engine, person: Person) -> Question:
    return questions.ask(
        database, person, "dispute", text="My talk", link="", policy=example(), profile="standard", decided_at=NOW,
        now=NOW,
    )  # fmt: skip


def convened(database: Engine, who: Mapping[str, Person], number: int) -> Bench:
    everybody = [person.id for person in who.values()]
    return panels.convene(
        database, number, among=everybody, policy=example(), by=who["odd"], role="manager", now=NOW
    )


def test_nobody_who_is_near_can_be_drawn(database: Engine, who: Mapping[str, Person]) -> None:
    names = {person.id: name for name, person in who.items()}
    bench = convened(database, who, asked(database, who["asker"]).id)
    assert {names[one.person] for one in bench.candidates} == {"odd", "ann", "ben", "cat", "dan"}
    assert len(bench.sitting) == 3


def test_it_is_drawn_once_and_the_log_has_what_it_takes_to_draw_it_again(
    database: Engine, who: Mapping[str, Person]
) -> None:
    number = asked(database, who["asker"]).id
    bench = convened(database, who, number)
    assert convened(database, who, number) == bench
    (row,) = [one for one in audit.entries(database, last=50) if one.act == "panel.draw"]
    assert row.details["seed"] == bench.seed and row.details["candidates"] == len(bench.candidates)
    assert set(str(row.details["members"]).split()) == set(bench.sitting)
    assert sorted(panels.drawn_again(bench, example())) == sorted(bench.sitting)


def test_most_of_the_panel_decide_and_nobody_else(database: Engine, who: Mapping[str, Person]) -> None:
    number = asked(database, who["asker"]).id
    bench = convened(database, who, number)
    by_id = {person.id: person for person in who.values()}
    first, second, third = (by_id[one] for one in bench.sitting)

    def decide(by: Person, granted: bool) -> Question:
        return questions.answer(database, number, by=by, role="panel", granted=granted, text="We looked.", now=NOW)

    with pytest.raises(QuestionError, match="only its members decide it"):
        decide(who["boss"], True)
    assert decide(first, True).answered_at is None
    with pytest.raises(QuestionError, match="has decided already"):
        decide(first, False)
    assert decide(second, False).answered_at is None
    done = decide(third, True)
    assert (done.granted, done.answered_by) == (True, third.id)


def test_a_member_who_withdraws_makes_place_for_the_next(database: Engine, who: Mapping[str, Person]) -> None:
    number = asked(database, who["asker"]).id
    bench = convened(database, who, number)
    by_id = {person.id: person for person in who.values()}
    gone, stays, _ = bench.sitting
    after = panels.withdraw(
        database, number, member=by_id[gone], reason="We worked together", policy=example(), now=NOW
    )
    assert gone in after.withdrawn and len(after.sitting) == 3 and set(bench.sitting) - {gone} < set(after.sitting)
    with pytest.raises(QuestionError, match="does not sit on the panel"):
        panels.withdraw(database, number, member=by_id[gone], reason="again", policy=example(), now=NOW)
    questions.answer(database, number, by=by_id[stays], role="panel", granted=True, text="Yes.", now=NOW)
    with pytest.raises(QuestionError, match="does not withdraw any more"):
        panels.withdraw(database, number, member=by_id[stays], reason="late", policy=example(), now=NOW)


def test_nobody_draws_the_panel_that_decides_about_themselves(database: Engine, who: Mapping[str, Person]) -> None:
    number = asked(database, who["asker"]).id
    everybody = [person.id for person in who.values()]
    with pytest.raises(QuestionError, match="decides about themselves"):
        panels.convene(
            database, number, among=everybody, policy=example(), by=who["asker"], role="manager", now=NOW
        )
    with pytest.raises(QuestionError, match="There is no question 99 that waits"):
        convened(database, who, 99)
