"""The audit log: only added to, in the act's own transaction, and whatever else is done to it is found."""

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from issuer.ground import audit
from issuer.ground.audit import AuditError
from issuer.ground.database import open_database, writing

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIELDS: dict[str, Any] = {
    "actor": "0123",
    "role": "manager",
    "act": "person.look",
    "person": "ab12",
    "subject": "claim 17",
    "reason": "They asked why.",
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(tmp_path / "issuer.sqlite")
    yield engine
    engine.dispose()


def write(engine: Engine, **changes: Any) -> int:
    with writing(engine) as connection:
        return audit.write(connection, **(FIELDS | {"now": NOW} | changes))


def tamper(engine: Engine, *statements: str) -> None:
    """Change the file as somebody would who has it, with the triggers out of the way."""
    connection = sqlite3.connect(str(engine.url.database))
    with connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_an_empty_log_is_whole(engine: Engine) -> None:
    assert audit.check(engine) == audit.Chain(0, audit.BEGINNING)
    assert audit.entries(engine) == ()


def test_a_row_is_told_as_it_was_written(engine: Engine) -> None:
    assert [write(engine), write(engine, person="other", details={"percent": 50, "ok": True})] == [1, 2]
    first, second = audit.entries(engine)
    assert (first.number, first.at, first.actor, first.role) == (1, NOW, "0123", "manager")
    assert (first.act, first.person, first.subject) == ("person.look", "ab12", "claim 17")
    assert (first.reason, first.details) == ("They asked why.", {})
    assert second.details == {"percent": 50, "ok": True}
    assert [entry.number for entry in audit.entries(engine, person="other")] == [2]
    assert [entry.number for entry in audit.entries(engine, last=1)] == [2]
    assert audit.check(engine) == audit.Chain(2, second.sha256)


def test_an_act_that_is_rolled_back_leaves_no_row(engine: Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:
        audit.write(connection, **FIELDS, now=NOW)
        raise RuntimeError
    assert write(engine) == 1
    assert audit.check(engine).fault is None


@pytest.mark.parametrize("name", ["actor", "role", "act", "reason"])
def test_a_row_without_a_person_an_act_or_a_reason_is_refused(engine: Engine, name: str) -> None:
    with pytest.raises(AuditError, match=name):
        write(engine, **{name: "  "})
    assert audit.check(engine).rows == 0


@pytest.mark.parametrize("change", [{"reason": "x" * 501}, {"subject": "a\x00b"}, {"details": {"a": "x" * 4000}}])
def test_what_does_not_fit_is_refused_and_never_cut(engine: Engine, change: dict[str, Any]) -> None:
    with pytest.raises(AuditError, match="at most"):
        write(engine, **change)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET reason = 'Another one.' WHERE number = 2",
        "DELETE FROM audit_log WHERE number = 2",
        "INSERT OR REPLACE INTO audit_log SELECT number, at, 'other', role, act, person, subject, reason, details,"
        " previous, sha256 FROM audit_log WHERE number = 2",
        "INSERT INTO audit_log SELECT 0, at, actor, role, act, person, subject, reason, details, 'a', 'b'"
        " FROM audit_log WHERE number = 1",
    ],
)
def test_the_database_itself_refuses_to_change_or_remove_a_row(engine: Engine, statement: str) -> None:
    for _ in range(3):
        write(engine)
    with pytest.raises(IntegrityError, match="audit log"), writing(engine) as connection:
        connection.execute(text(statement))
    assert audit.check(engine).rows == 3


COLUMNS = ["at", "actor", "role", "act", "person", "subject", "reason", "details", "previous", "sha256"]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_row_that_was_changed_behind_the_triggers_is_found(engine: Engine, column: str) -> None:
    for _ in range(3):
        write(engine)
    new = {"at": "2027-02-01T09:00:01.000000+00:00", "details": '{"a":1}'}.get(column, "f" * 64)
    tamper(engine, f"UPDATE audit_log SET {column} = '{new}' WHERE number = 2")
    found = audit.check(engine)
    assert found.fault is not None and "Row 2" in found.fault
    assert found.rows == 1


def test_a_row_that_cannot_be_read_any_more_is_a_fault_and_no_crash(engine: Engine) -> None:
    write(engine)
    tamper(engine, "UPDATE audit_log SET at = 'yesterday'")
    assert "cannot be read" in (audit.check(engine).fault or "")


def test_a_row_that_was_removed_is_found(engine: Engine) -> None:
    for _ in range(3):
        write(engine)
    tamper(engine, "DELETE FROM audit_log WHERE number = 2")
    assert audit.check(engine).fault == "Row 2 is missing: row 3 follows."
    tamper(engine, "UPDATE audit_log SET number = 2 WHERE number = 3")
    assert audit.check(engine).fault == "Row 2 does not follow the row before it."


def test_an_end_that_was_cut_off_and_a_new_chain_are_found_by_what_was_noted(engine: Engine) -> None:
    for _ in range(3):
        write(engine)
    noted = (3, audit.check(engine).head)
    assert audit.check(engine, noted=noted).fault is None
    tamper(engine, "DELETE FROM audit_log WHERE number = 3")
    assert audit.check(engine).fault is None, "the chain alone cannot know"
    fault = audit.check(engine, noted=noted).fault
    assert fault is not None and "rows are missing" in fault
    write(engine, reason="Another one.")
    fault = audit.check(engine, noted=noted).fault
    assert fault is not None and "the log was replaced" in fault


def test_many_writers_make_one_chain(engine: Engine) -> None:
    threads = [threading.Thread(target=lambda: [write(engine) for _ in range(10)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (audit.check(engine).rows, audit.check(engine).fault) == (80, None)


def test_a_log_of_more_than_one_helping_is_read_whole(engine: Engine) -> None:
    with writing(engine) as connection:
        for _ in range(2_003):
            audit.write(connection, **FIELDS, now=NOW)
    assert audit.check(engine).rows == 2_003


def test_a_time_of_any_zone_is_the_same_moment_when_it_is_checked(engine: Engine) -> None:
    write(engine, now=NOW.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert audit.check(engine).fault is None
    assert audit.entries(engine)[0].at == NOW
