"""Journals and typed names go when the event's file says, and everything else of desks after that."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.verifier.desk.venue.test_hub import EVENT, Venues
from tests.unit.verifier.simulator import REFERENCE
from verifier.desk.venue import forgetting
from verifier.ground import audit


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Venues]:
    monkeypatch.setattr("keys.custody.SCRYPT_N", 1 << 10)
    made = Venues(tmp_path)
    yield made
    made.close()


def run(world: Venues) -> list[tuple[int, bool]]:
    found = forgetting.run(world.registration.events(), registration=world.registration, clock=world.clock)
    return [(one.entries, one.rows > one.entries) for one in found]


def test_journals_go_first_and_then_the_rest(world: Venues) -> None:
    policy = world.registration.event(EVENT)
    one = world.desk("Door 1")
    one.grant_provisionally(REFERENCE, "one")
    one.send(world.office)
    database = world.settings.data / "verifier.sqlite"
    assert (
        one.entries[0].encode() in database.read_bytes() + (database.parent / "verifier.sqlite-wal").read_bytes()
    )

    world.clock.now = policy.journals_kept_until - timedelta(seconds=1)
    assert run(world) == []
    world.clock.now = policy.journals_kept_until
    assert run(world) == [(1, False)]
    assert run(world) == []
    assert one.entries[0].encode() not in database.read_bytes()
    assert [row.desk for row in world.venue.devices.listed(EVENT)] == [one.id]

    world.clock.now = policy.kept_until
    assert run(world) == [(0, True)]
    assert run(world) == []
    assert world.venue.devices.listed(EVENT) == ()
    acts = [entry.act for entry in audit.entries(world.registration.engine, event=EVENT)]
    assert acts.count("desks.forget") == 2


def test_the_event_s_file_says_when(world: Venues) -> None:
    policy = world.registration.event(EVENT)

    assert policy.journals_kept_until == policy.redeem.closes + timedelta(days=30)
    assert policy.journals_kept_until < policy.kept_until
