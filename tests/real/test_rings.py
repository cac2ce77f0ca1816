"""A thousand random days at a venue, against the office and the hubs themselves; the figures are printed."""

import json
from dataclasses import asdict

import pytest

from tests.stories import rings

pytestmark = pytest.mark.real
HISTORIES = 1_000


def test_a_thousand_random_days() -> None:
    played = rings.play_all(HISTORIES)
    print(json.dumps(asdict(played)))

    assert played.histories == HISTORIES
    assert played.doubles_exact == 0
    assert played.honest_refused == played.honest_left_waiting == 0
    assert played.unreported == 0
    assert played.most_provisional <= played.bound
    assert played.takeovers > HISTORIES / 10 and played.lost_answers > HISTORIES and played.restarts > HISTORIES
