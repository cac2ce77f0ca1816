"""Once only at a venue: random days against office and hubs themselves, and what a desk's bundle weighs."""

from collections.abc import Iterator

from tests.bench.measuring import Row, row
from tests.stories import rings
from tests.unit.verifier.simulator import Clock

HISTORIES = 20  # a thousand of them are `tests/real/test_rings.py`


def rows() -> Iterator[Row]:
    """Discounts given twice, by rings; honest people who were refused; conflicts that nobody was told."""
    played = rings.play_all(HISTORIES)
    yield row("venue_days", played.histories, "days")
    yield row("venue_doubles_rings_0_and_1", played.doubles_exact, "discounts")
    yield row("venue_doubles_ring_3_of_a_day", played.most_provisional, "discounts", baseline=played.bound)
    yield row("venue_wrongful_attempts", played.wrongful_attempts, "attempts")
    yield row("venue_honest_refused", played.honest_refused + played.honest_left_waiting, "people")
    yield row("venue_conflicts_not_told", played.unreported, "conflicts")
    yield row("venue_takeovers", played.takeovers, "takeovers")
    yield row("venue_day", played.seconds / played.histories, "s")
    with rings.prepared() as folder:
        hub = rings.Machine(folder, "hub", Clock())
        yield row("venue_bundle", len(hub.venue.bundles.newest(rings.EVENT)), "bytes")
        hub.stop()
