"""A disk that is full stops a run with one sentence; once there is room, it goes on where it was."""

from typing import Any

import pytest
from sqlalchemy import event

from issuer.badges import awarding, issuance, service
from issuer.ground.database import DatabaseError, reading
from issuer.recognition import service as recognition
from tests.unit.issuer.office import NOW, Office


def test_on_a_full_disk_nothing_is_half_done_and_it_goes_on_by_itself(file_office: Office) -> None:
    office = file_office
    for who in ("ada", "cy", "dana"):
        office.add_changes(who, count=3)
    decided = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decided, policy=office.policy, now=NOW)
    with reading(office.engine) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def full(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(office.engine, "connect", full)
    office.engine.dispose()
    with pytest.raises(DatabaseError, match=r"could not be written, so nothing was: database or disk is full\."):
        issuance.issue(office.bureau, now=NOW)
    assert service.all_badges(office.engine) == []

    event.remove(office.engine, "connect", full)
    office.engine.dispose()
    assert issuance.issue(office.bureau, now=NOW) == 3
    assert all(badge.jwt for badge in service.all_badges(office.engine))
