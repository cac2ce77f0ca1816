"""A server does what comes after a grant by itself, each chore with its own pace, whatever goes wrong."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.unit.verifier.registration.aftercare.offices import EVENT, AfterOffice
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.registration.test_outbox import SHOP
from verifier.ground.settings import Settings
from verifier.registration.aftercare.caretaker import Caretaker, Chore, chores
from verifier.registration.service import Registration


@pytest.fixture
def office(tmp_path: Path) -> Iterator[AfterOffice]:
    office = AfterOffice(tmp_path)
    yield office
    office.registration.engine.dispose()


def doing(registration: Registration) -> dict[str, Callable[[], object]]:
    return {chore.name: chore.do for chore in chores(registration)}


def test_nothing_that_goes_wrong_ends_a_chore() -> None:
    done: list[int] = []

    def chore() -> None:
        done.append(1)
        if len(done) < 3:
            raise RuntimeError("something unexpected")

    caretaker = Caretaker(Chore("a chore", 0.005, 0.0, chore))
    caretaker.start()
    for _ in range(400):
        if len(done) > 4:
            break
        caretaker.join(timeout=0.01)
    caretaker.stop()
    caretaker.join(timeout=5)
    assert len(done) > 4 and not caretaker.is_alive()


def test_every_chore_of_an_office_that_has_events_runs_through(office: AfterOffice, tmp_path: Path) -> None:
    for name, shop in (("one", SHOP), ("two", {"kind": "code_pool"}), ("three", None)):
        file = tmp_path / f"{name}.yaml"
        file.write_bytes(document(event=f"summit-{name}", shop=shop))
        office.registration.add_event(file)
    office.given()
    for name, do in doing(office.registration).items():
        do()
        assert name
    assert office.releasing.find(EVENT, "1").state == "granted"


def test_a_past_event_is_forgotten(office: AfterOffice, tmp_path: Path) -> None:
    file = tmp_path / "summit.yaml"
    office.given()
    redeem = {"opens": datetime(2020, 1, 15, tzinfo=UTC), "closes": datetime(2020, 5, 20, tzinfo=UTC)}
    budget = {"factor": 1.0, "frozen_at": date(2020, 1, 10), "eligible": 412, "expected_take_up": 0.6}
    file.write_bytes(document(redeem=redeem, budget=budget))
    office.registration.add_event(file)
    doing(office.registration)["forgetting past events"]()
    assert office.releasing.grants(EVENT) == ()
    assert office.acts() == ["event.forget"]


def test_before_there_is_a_database_none_is_made(tmp_path: Path) -> None:
    office = AfterOffice(tmp_path / "used")
    registration = Registration(Settings(tmp_path / "new"), verification=office.registration.verification)
    for do in doing(registration).values():
        do()
    assert not (tmp_path / "new").exists()
    office.registration.engine.dispose()
