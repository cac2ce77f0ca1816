"""A thousand random days at a venue, against the office and the hubs themselves; the figures are printed."""

import json
from dataclasses import asdict

import pytest

from tests.stories import rings

pytestmark = pytest.mark.real
HISTORIES = 1_000
OVER_HTTP = 40


@pytest.mark.parametrize(
    ("histories", "machine"), [(HISTORIES, rings.Machine), (OVER_HTTP, rings.HttpMachine)], ids=["hubs", "http"]
)
def test_a_thousand_random_days(histories: int, machine: type[rings.Machine]) -> None:
    played = rings.play_all(histories, machine=machine)
    print(json.dumps(asdict(played)))

    assert played.histories == histories
    assert played.doubles_exact == 0
    assert played.honest_refused == played.honest_left_waiting == 0
    assert played.unreported == 0
    assert played.most_provisional <= played.bound
    assert played.takeovers > histories / 10 and played.lost_answers > histories and played.restarts > histories
