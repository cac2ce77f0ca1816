"""Every migration goes forward and back, on both databases, with a row in each table."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Connection, Integer, Table, inspect, text

from tests.unit.verifier.ground.test_database import described
from tests.unit.verifier.registration.test_service import ISSUER, Office
from verifier.cli import main
from verifier.ground.database import (
    DatabaseError,
    UtcDateTime,
    metadata,
    open_database,
    reading,
    unmigrated,
    writing,
)
from verifier.ground.migrations import steps

pytestmark = pytest.mark.usefixtures("slow_files")


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Office:
    """An office that gave a discount and took it back, and has something of everything else."""
    opened = Office(tmp_path, **database)
    assert opened.redeem(ISSUER.token(), request_id="the first").result == "granted"
    with writing(opened.registration.engine) as connection:
        for table in metadata.sorted_tables:
            if connection.execute(table.select()).first() is None:
                connection.execute(table.insert().values(_a_row(table)))
    opened.registration.engine.dispose()
    return opened


def _a_row(table: Table) -> dict[str, Any]:
    """Something in each column that may not be left out."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if isinstance(column.type, Boolean):
            row[column.name] = True
        elif isinstance(column.type, Integer):
            row[column.name] = 1
        elif not column.nullable:
            row[column.name] = "x" if not isinstance(column.type, UtcDateTime) else _A_TIME
    return row


_A_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def _counts(connection: Connection) -> dict[str, int]:
    names = inspect(connection).get_table_names()
    return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}


def test_all_revisions_go_back_one_by_one_and_forward_again_and_no_row_is_lost_that_has_a_place(
    office: Office,
) -> None:
    place, revisions = office.settings.database, steps.revisions()
    assert [one.number for one in revisions] == [f"{n:04}" for n in range(1, len(revisions) + 1)]
    engine = open_database(place)
    tables = described(engine)
    with reading(engine) as connection:
        before = _counts(connection)
    assert min(before.values()) > 0 and len(before) > 25
    engine.dispose()
    for one in reversed(revisions[:-1]):
        steps.downgrade(place, to=one.number)
        assert steps.version(place) == one.number
        with unmigrated(place) as older, reading(older) as connection:
            left = _counts(connection)
        assert left.items() <= before.items(), f"at {one.number} rows are missing"
    assert {"redemptions", "redemption_holders", "redemption_answers", "desk_links"} <= left.keys()
    engine = open_database(place)
    assert described(engine) == tables
    engine.dispose()
    again = Office(office.settings.data, database_url=office.settings.database_url)
    assert again.redeem(ISSUER.token()).result == "already_redeemed", "each discount is still given once"
    assert again.redeem(ISSUER.token(), request_id="the first").voucher is not None
    again.registration.engine.dispose()


def test_a_desk_link_that_was_taken_back_does_not_come_back(office: Office) -> None:
    engine = open_database(office.settings.database)
    with writing(engine) as connection:
        connection.execute(text("UPDATE desk_links SET taken_back_at = '2026-01-01'"))
    engine.dispose()
    steps.downgrade(office.settings.database, to="0005")
    with unmigrated(office.settings.database) as older, reading(older) as connection:
        assert _counts(connection)["desk_links"] == 0


def test_cases_that_an_older_program_cannot_hold_are_taken_out(office: Office) -> None:
    engine = open_database(office.settings.database)
    with writing(engine) as connection:
        for number, grant in ((2, "1"), (3, "NULL")):  # a second of a kind for one grant; one of a desk
            connection.execute(
                text(
                    "INSERT INTO cases (id, event, redemption_id, kind, sentence, opened_at, subject)"
                    f" SELECT {number}, event, {grant}, kind, sentence, opened_at, 'subject {number}' FROM cases"
                    " WHERE id = 1"
                )
            )
    engine.dispose()
    steps.downgrade(office.settings.database, to="0009")
    with unmigrated(office.settings.database) as older, reading(older) as connection:
        assert connection.execute(text("SELECT id FROM cases")).scalars().all() == [1]
    assert [one.number for one in steps.upgrade(office.settings.database)][:1] == ["0010"]


def test_a_revision_that_there_is_none_of_is_one_sentence(office: Office) -> None:
    place = office.settings.database
    with pytest.raises(DatabaseError, match="There is no revision '0999'"):
        steps.downgrade(place, to="0999")
    with pytest.raises(DatabaseError, match="is at revision"):
        steps.downgrade(place, to=steps.revisions()[-1].number)
    assert steps.upgrade(place) == []


def test_the_command_says_what_is_lost_before_it_goes_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str) -> str:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["badge-verifier", "database", *words, "--data", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return f"{ended.value.code} {said.out}{said.err}"

    assert "There is no database in" in run("show") and not list(tmp_path.iterdir())
    opened = Office(tmp_path)
    opened.redeem(ISSUER.token())
    opened.registration.engine.dispose()
    head, before = steps.revisions()[-1], steps.revisions()[-2]
    assert f"→  {head.number}" in run("show")
    refused = run("downgrade", before.number)
    assert refused.startswith("3") and f"{head.number} {head.what}" in refused and "--yes" in refused
    assert f"Taken back: {head.number}" in run("downgrade", before.number, "--yes")
    assert f"→  {before.number}" in run("show"), "looking does not bring it forward"
    assert f"Brought: {head.number}" in run("upgrade")
    assert "newest revision already" in run("upgrade")
    assert f'"at":"{head.number}"' in run("show", "--json")
