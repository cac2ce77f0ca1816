"""A simulated year: what the manager's inbox costs, and whether organisers get what they earned by themselves.

A community of 150 here, with one region; `python -m tests.labelled.year` plays it for 1,000 holders.
"""

from pathlib import Path

import pytest

from keys import custody
from tests.labelled.deciding import folder_office
from tests.labelled.year import BUDGET, WEEKS, Simulation, Year

HOLDERS = 150


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    folder: Path = tmp_path_factory.mktemp("year")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
        office = folder_office(folder)
        played = Simulation(office, holders=HOLDERS, seed=5).run()
    office.engine.dispose()
    print("\n".join(played.lines()))
    return played


def test_the_inbox_costs_two_hours_a_week_at_most(year: Year) -> None:
    """Each week here; and on average with as much more as a thousand holders make."""
    assert len(year.minutes) == WEEKS
    assert 0 < max(year.minutes) <= BUDGET
    assert sum(year.minutes) / WEEKS * 1_000 / HOLDERS <= BUDGET
    assert set(year.by_kind) == {"alarm", "claim", "flag"}


def test_organisers_reach_their_tier_without_an_act_of_the_team(year: Year) -> None:
    assert year.earned >= 5
    assert year.reached >= 0.95 * year.earned
    assert year.statements >= 2 * year.events
