"""Some random days at a venue; `tests/real/test_rings.py` plays a thousand of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories import rings


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("rings") / "beginning"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("keys.custody.SCRYPT_N", 1 << 10)
        rings.prepare(folder)
        yield folder


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_day_gives_each_holder_one_discount_or_tells(beginning: Path, seed: int) -> None:
    day = rings.play(beginning, range(seed, seed + 1))

    assert_good(day)


def test_a_random_day_over_http_comes_to_the_same(beginning: Path) -> None:
    """Each desk asks its hub's whole application, with the header that its page signs."""
    over_http = rings.play(beginning, range(3, 4), rings.HttpMachine)
    in_process = rings.play(beginning, range(3, 4))

    assert_good(over_http)
    assert (over_http.granted, over_http.provisional) == (in_process.granted, in_process.provisional)


def assert_good(day: rings.Outcome) -> None:
    assert day.doubles_exact == 0
    assert day.honest_refused == day.honest_left_waiting == 0
    assert day.unreported == 0
    assert day.most_provisional <= day.bound
    assert day.granted > 300 and day.provisional > 10 and day.wrongful_attempts > 20
