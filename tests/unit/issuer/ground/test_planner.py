"""A PostgreSQL is told of tables that have grown, once; SQLite needs none of it."""

from pathlib import Path

import pytest
from sqlalchemy import event, text

from issuer.ground.database import DatabaseError, plainly, reading
from issuer.ground.planner import learn_sizes
from issuer.people import service as people_service
from issuer.people.roster import read_roster
from tests.postgres import PostgresServer
from tests.unit.issuer.office import NOW, Office, open_office


@pytest.fixture
def office(tmp_path: Path, postgres: PostgresServer) -> Office:
    office = open_office(tmp_path, database_url=postgres.new_database())
    rows, problems = read_roster(
        ("name,email,accounts\n" + "".join(f"Person {n},p{n}@books.example,\n" for n in range(3000))).encode()
    )
    people_service.add_people(office.engine, rows, now=NOW, problems=problems)
    return office


def looked_at(office: Office) -> dict[str, tuple[float, int]]:
    """By table: how many rows the planner thinks that it has, and how often somebody had it looked at."""
    asked = text("SELECT relname, reltuples, analyze_count FROM pg_class JOIN pg_stat_user_tables USING (relname)")
    with reading(office.engine) as connection:
        return {name: (rows, times) for name, rows, times in connection.execute(asked)}


def test_tables_that_have_grown_are_looked_at_and_others_are_not(office: Office) -> None:
    learn_sizes(office.engine)
    learn_sizes(office.engine)
    found = looked_at(office)
    rows, times = found["persons"]
    assert (rows == pytest.approx(3000, rel=0.2), times) == (True, 1), "once, since it has not grown meanwhile"
    assert found["badges"][1] == 0, "what is empty is not looked at"
    office.engine.dispose()


def test_a_file_is_left_alone(file_office: Office) -> None:
    said: list[str] = []
    event.listen(file_office.engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))
    learn_sizes(file_office.engine)
    assert said == []


def test_a_database_that_is_gone_is_one_sentence(office: Office) -> None:
    with pytest.raises(DatabaseError, match="could not be asked"), plainly(office.engine) as connection:
        connection.cursor().execute("SELECT nothing_of_the_kind()")
    office.engine.dispose()
