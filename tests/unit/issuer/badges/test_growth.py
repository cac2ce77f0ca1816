"""What a badge costs in a file of SQLite does not hang on how many there are: counted in the steps of SQLite's own
machine. A statement that reads a whole table takes some for each of its rows.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from issuer.badges import deciding, service
from issuer.badges.issuing import hands
from issuer.badges.issuing.drafting import EVERY_AWARD
from issuer.badges.issuing.places import Places
from issuer.ground.database import reading
from issuer.people import service as people_service
from tests.bench.issuing import fill
from tests.unit.issuer.office import NOW, Office, open_office

CHUNK = 20
FEW, MANY = 4 * CHUNK, 30 * CHUNK  # people
AT_A_TIME = 10  # steps


@pytest.fixture
def offices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Office, Office]]:
    """One of few people and one of many; a chunk of each have their badge, and all others wait for it."""
    monkeypatch.setattr(hands, "CHUNK", CHUNK)
    opened = tuple(open_office(tmp_path / name, people="name,email,accounts\n") for name in ("few", "many"))
    for office, people in zip(opened, (FEW, MANY), strict=True):
        fill(office, people)
        deciding.decide_and_award(office.engine, office.policy, data=None, now=NOW)
        issue_chunk(office)  # with what only the first badge needs: status lists, a dictionary
    yield opened[0], opened[1]
    for office in opened:
        office.engine.dispose()


def issue_chunk(office: Office) -> None:
    count = next(hands.issue_stretch(office.bureau, Places(), EVERY_AWARD, now=NOW))
    assert count.kept == CHUNK


def steps(office: Office, act: Callable[[], object]) -> int:
    """How many SQLite takes meanwhile."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += AT_A_TIME
        return 0

    def watch(connection: Any, _record: object) -> None:
        connection.set_progress_handler(count, AT_A_TIME)

    office.engine.dispose()  # what is opened next is watched
    event.listen(office.engine, "connect", watch)
    act()
    event.remove(office.engine, "connect", watch)
    office.engine.dispose()
    return taken


def test_a_chunk_costs_the_same_whoever_waits_and_whatever_was_issued(offices: tuple[Office, Office]) -> None:
    few, many = offices
    alone = steps(few, lambda: issue_chunk(few))
    assert steps(many, lambda: issue_chunk(many)) < 1.1 * alone, "many people, many of whom wait"
    for _ in range((MANY - 3 * CHUNK) // CHUNK):
        issue_chunk(many)
    assert steps(many, lambda: issue_chunk(many)) < 1.1 * alone, "many badges"


def test_what_one_person_holds_is_found_among_many(offices: tuple[Office, Office]) -> None:
    few, many = offices
    for _ in range((MANY - 2 * CHUNK) // CHUNK):
        issue_chunk(many)
    (first,) = service.badges_of(few.engine, f"{0:032x}")

    def look(office: Office) -> None:
        (found,) = service.badges_of(office.engine, first.award.person)
        assert found.jwt

    assert steps(many, lambda: look(many)) < 1.1 * steps(few, lambda: look(few))


def test_a_person_is_found_among_many_by_name_or_address(offices: tuple[Office, Office]) -> None:
    few, many = offices

    def look(office: Office) -> None:
        assert office.person("Person 7").id == f"{7:032x}"
        with reading(office.engine) as connection:
            assert people_service.owners_of_address(connection, "nobody@books.example") == []

    assert steps(many, lambda: look(many)) < 1.1 * steps(few, lambda: look(few))
