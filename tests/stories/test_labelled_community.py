"""A labelled community, half of whose good work no system has: both kinds of error are counted, and each refusal's
page leads to the act that mends it. The same in words: `python -m tests.labelled`."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from issuer.ground.matters import Matter
from issuer.inbox import all_matters
from tests.labelled.community import CHEATS, HONEST, make
from tests.labelled.deciding import Count, Play, folder_office
from tests.unit.issuer.office import NOW

flagged: list[Matter] = []  # what stood in the inbox before the team looked
SIZE = 1_000
NEVER = (
    "self-acceptor",
    "sock-puppet",
    "bot-approved",
    "reverted",
    "plus-one",
    "survey-filler",
    "lines-said",
    "self-claimer",
    "co-organiser",
    "colleague",
    "household",
    "typo-farmer",
)


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    office = folder_office(tmp_path_factory.mktemp("labelled"))
    play = Play(office, make(NOW, size=SIZE))
    play.arrive()
    yield play
    office.engine.dispose()


@pytest.fixture(scope="module")
def steps(play: Play) -> list[Count]:
    """The whole story, counted after each step, and printed."""
    counts = [play.count("From records alone")]
    play.attest_all()
    counts.append(play.count("Once those who saw it were asked"))
    flagged.extend(all_matters(play.office.engine, sources=(), now=NOW))
    for member in play.refused():
        play.follow_page(member)
    play.look_at_flags()
    counts.append(play.count("In the end"))
    print("\n".join(count.line() for count in counts))
    return counts


def test_it_is_the_same_for_the_same_seed_and_half_of_its_good_work_is_hidden() -> None:
    made = make(NOW)
    assert made == make(NOW) and made != make(NOW, seed=6)
    assert len(made.members) == 1_000
    assert Decimal("0.45") < made.hidden_share() < Decimal("0.55")
    assert {member.group for member in made.members} >= {*HONEST, *CHEATS}


def test_records_alone_refuse_exactly_those_whose_work_is_hidden(play: Play, steps: list[Count]) -> None:
    before = steps[0]
    hidden = {member.group for member in play.made.members if member.hidden and not member.cheat}
    assert set(before.refused) == hidden
    assert sum(before.refused.values()) == sum(m.group in hidden for m in play.made.members)
    assert not before.admitted


def test_nobody_is_admitted_by_what_is_no_work(steps: list[Count]) -> None:
    for count in steps:
        assert not set(count.admitted) & set(NEVER), count.line()


def test_attestations_mend_most_refusals(steps: list[Count]) -> None:
    before, after = (sum(count.refused.values()) for count in steps[:2])
    assert 0 < after < before * 0.25


def test_the_page_of_each_who_is_still_refused_leads_to_the_act_that_mends_it(
    play: Play, steps: list[Count]
) -> None:
    assert play.unled == []
    assert play.followed == sum(steps[1].refused.values()) > play.asked > 0  # some began with “this is missing”
    assert not steps[2].refused


def test_a_ring_of_delegated_friends_gets_in_flagged_and_out_when_somebody_looks(steps: list[Count]) -> None:
    """No rule can know that a meetup was invented: it is admitted, counted as such, and waits in the inbox."""
    assert set(steps[1].admitted) == {"ring"}
    assert [matter for matter in flagged if matter.kind == "flag"]
    assert not steps[2].admitted


def test_also_without_a_bulk_of_answers_the_page_leads_there(tmp_path: Path) -> None:
    """From the first day on: tier by tier, each page names what is to be attested next."""
    play = Play(folder_office(tmp_path), make(NOW, size=40, seed=7))
    play.arrive()
    refused = play.refused()
    assert {member.group for member in refused} >= {"organiser", "speaker", "mentor", "chair", "ambassador"}
    for member in refused:
        assert play.follow_page(member), member.key
    assert not play.refused()
    play.office.engine.dispose()
