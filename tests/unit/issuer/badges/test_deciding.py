"""Everybody decided by several processes: the same awards and the same numbers as by one."""

import contextlib
import os
import signal
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import chain
from typing import Any

import pytest
from sqlalchemy import Engine

from issuer.badges import awarding, deciding, store
from issuer.badges.deciding import Count
from issuer.ground import journal, processes
from issuer.ground.database import plainly, reading
from issuer.people import service as people_service
from issuer.people.model import Person
from issuer.people.service import Part
from issuer.recognition.decision import Decision
from tests.unit.issuer.office import NOW, Office


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts so small that they are worth it."""
    monkeypatch.setattr(deciding, "PART", 1)
    monkeypatch.setattr(deciding, "WORTH_IT", 1)


def decided(office: Office, *, processors: int) -> Count:
    return deciding.decide_and_award(
        office.engine, office.policy, data=office.settings.data, now=NOW, processors=processors
    )


def numbers(count: Count) -> object:
    return count.persons, vars(count.tally), vars(count.rules)


def awards(office: Office) -> list[tuple[str, str]]:
    with reading(office.engine) as connection:
        found = store.awards.awards_without_badge(connection, limit=99)
    return sorted((award.person, award.achievement) for award in found)


def test_parts_have_each_person_once(office: Office) -> None:
    with reading(office.engine) as connection:
        everybody = [one.id for group in people_service.people_in_groups(connection, size=9) for one in group]
        for size in (1, 2, 3, 4, 5):
            parts = people_service.parts_of_everybody(connection, size=size)
            groups = [g for part in parts for g in people_service.people_in_groups(connection, size=1, part=part)]
            assert [one.id for group in groups for one in group] == everybody
            assert parts[0].after == "" and parts[-1].until is None
    assert len(everybody) == 4


def test_several_processes_award_and_count_the_same_as_one(office: Office, everywhere: None) -> None:
    office.add_changes("ada", count=3)
    office.add_changes("dana", count=4)
    several = decided(office, processors=2)
    assert several.awards == 2 and several.persons == 4
    made = awards(office)
    alone = decided(office, processors=1)
    assert alone.awards == 0, "nobody is awarded twice"
    assert numbers(alone) == numbers(several)
    assert awards(office) == made and len(made) == 2


def test_what_the_others_award_is_in_the_journal(office: Office, everywhere: None) -> None:
    office.add_changes("ada", count=3)
    assert decided(office, processors=2).awards == 1
    files = journal.segments(office.settings.data / "journal")
    assert any("INSERT INTO awards" in file.read_text() for file in files)


def test_what_a_process_that_died_had_to_do_is_done_without_it(
    office: Office, everywhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add_changes("ada", count=3)
    submit = ProcessPoolExecutor.submit

    def killed(self: ProcessPoolExecutor, *arguments: Any) -> Any:
        begun = submit(self, *arguments)
        for pid in list(self._processes):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return begun

    monkeypatch.setattr(ProcessPoolExecutor, "submit", killed)
    count = decided(office, processors=2)
    assert (count.persons, count.awards) == (4, 1)
    assert len(awards(office)) == 1


def test_few_people_are_decided_in_this_process(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(processes, "executor", none)
    shown: list[int] = []
    monkeypatch.setattr(deciding, "SIGN_EVERY", 2)
    count = deciding.decide_and_award(
        office.engine, office.policy, data=office.settings.data, now=NOW, progress=shown.append, processors=8
    )
    assert (count.persons, shown) == (4, [2, 4])


def test_progress_is_shown_part_by_part(office: Office, everywhere: None) -> None:
    shown: list[int] = []
    deciding.decide_and_award(
        office.engine, office.policy, data=office.settings.data, now=NOW, progress=shown.append, processors=2
    )
    assert shown == [1, 2, 3, 4, 4]


def test_a_part_ends_with_its_last_person(office: Office) -> None:
    with reading(office.engine) as connection:
        ids = [one.id for group in people_service.people_in_groups(connection, size=9) for one in group]
        part = Part(ids[0], ids[2])
        found = [
            one.id for group in people_service.people_in_groups(connection, size=9, part=part) for one in group
        ]
    assert found == ids[1:3]


def test_nobody_reads_while_a_part_is_awarded(file_office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    file_office.add_changes("ada", count=3)
    award, begun_anew = awarding.award_decisions, list[bool]()

    def award_decisions(engine: Engine, decided: Iterable[tuple[Person, Decision]], **named: Any) -> int:
        seen = iter(decided)
        first = next(seen)
        with plainly(engine) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA busy_timeout=0")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            row = cursor.fetchone()
            begun_anew.append(row is not None and row[0] == 0)
            cursor.execute("PRAGMA busy_timeout=30000")
        return award(engine, chain([first], seen), **named)

    monkeypatch.setattr(awarding, "award_decisions", award_decisions)
    count = deciding._decide_part(file_office.engine, file_office.policy, Part(until="~"), NOW, None)
    assert (count.persons, count.awards, begun_anew) == (4, 1, [True])
