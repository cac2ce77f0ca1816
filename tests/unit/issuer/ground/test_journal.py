"""A journal holds each transaction once, in its order, on the disk before it is committed; changes are found."""

import errno
import itertools
import os
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

import issuer.badges.store
import issuer.contributions.store
import issuer.notices.store
import issuer.wallets.store  # noqa: F401 - their tables belong to the metadata
from issuer.ground import journal, news
from issuer.ground.copies import replay
from issuer.ground.database import (
    MIGRATION_HEAD,
    DatabaseError,
    metadata,
    open_database,
    place_statement,
    reading,
    sequence_of,
    version_of,
    writing,
)
from issuer.ground.journal import BEGINNING, MADE_AGAIN, UNKNOWN, JournalError, Line, Place, Recorder
from tests.postgres import PostgresServer

START = Place(0, BEGINNING)
NewDatabase = Callable[[], Path | str]


@pytest.fixture
def new_database(tmp_path: Path, request: pytest.FixtureRequest, issuing_database: dict[str, str]) -> NewDatabase:
    """Databases of one kind that begin alike, as a backup and what it is of."""
    numbers = itertools.count()

    def new_file() -> Path:
        file = tmp_path / str(next(numbers)) / "issuer.sqlite"
        open_database(file, journal=False).dispose()
        return file

    if "database_url" not in issuing_database:
        return new_file
    server: PostgresServer = request.getfixturevalue("postgres")
    like: str = request.getfixturevalue("empty_issuing_office")
    return lambda: server.new_database(like=like)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def place(new_database: NewDatabase) -> Path | str:
    return new_database()


@pytest.fixture
def engine(place: Path | str, folder: Path) -> Iterator[Engine]:
    made = open_database(place, journal=folder)
    yield made
    made.dispose()


def tell(engine: Engine, subject: str) -> None:
    with writing(engine) as connection:
        news.tell(connection, "person", subject)


def told(place: Path | str) -> list[tuple[int, str]]:
    """All news, with its numbers."""
    engine = open_database(place, journal=False)
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT number, subject FROM news ORDER BY number")).all()
    engine.dispose()
    return [(row[0], row[1]) for row in rows]


def lines(folder: Path, *, after: int = 0) -> list[Line]:
    return list(journal.read(folder, after=Place(after, UNKNOWN)))


def subjects(folder: Path) -> list[Any]:
    rows = [line.statements[0][1][0] for line in lines(folder)]
    return [list(row.values() if isinstance(row, dict) else row)[-1] for row in rows]


def note(recorder: Recorder, statement: str, parameters: Any, *, after: Place = START, number: int = 1) -> Place:
    """A transaction with one statement; `number`: which the database gave it."""
    pending: dict[str, Any] = {}
    recorder.saw(pending, statement, parameters, many=False)
    place = recorder.write(pending, lambda: (after, number))
    assert place is not None
    return place


def test_each_transaction_is_a_line_with_the_next_number(engine: Engine, folder: Path) -> None:
    for subject in ("ada", "bob"):
        tell(engine, subject)
    assert [line.number for line in lines(folder)] == [1, 2]
    assert subjects(folder) == ["ada", "bob"]
    assert journal.head(folder) == lines(folder)[-1].place
    assert [line.number for line in lines(folder, after=1)] == [2]
    with reading(engine) as connection:
        stands = connection.execute(text("SELECT number, sha256 FROM journal_place")).one()
    assert Place(*stands) == journal.head(folder), "the database says itself where its journal stands"


def test_what_was_rolled_back_or_only_read_is_no_line(engine: Engine, folder: Path) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:
        news.tell(connection, "person", "ada")
        raise RuntimeError
    with writing(engine) as connection:
        connection.execute(text("WITH one AS (SELECT 1) SELECT * FROM one"))
    tell(engine, "bob")
    assert subjects(folder) == ["bob"]


def test_two_processes_write_one_chain(engine: Engine, place: Path | str, folder: Path) -> None:
    other = open_database(place, journal=folder)
    for number in range(6):
        tell(engine if number % 2 else other, str(number))
    other.dispose()
    assert [line.number for line in lines(folder)] == [1, 2, 3, 4, 5, 6]


def test_a_copy_and_its_journal_give_the_same_rows(
    engine: Engine, place: Path | str, folder: Path, new_database: NewDatabase
) -> None:
    """Also the same numbers, though a transaction that was rolled back used some up."""
    for number in range(5):
        tell(engine, str(number))
        with pytest.raises(RuntimeError), writing(engine) as connection:
            news.tell(connection, "person", "nobody")
            raise RuntimeError
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM news WHERE number = :n"), {"n": told(place)[2][0]})
    fresh = new_database()
    done = replay(fresh, [folder])
    assert (done.transactions, done.files) == (6, {}) and done.until is not None
    assert told(fresh) == told(place)
    assert replay(fresh, [folder]).transactions == 0  # nothing is done twice
    going_on = open_database(fresh, journal=folder)
    tell(going_on, "and on")
    going_on.dispose()
    assert journal.head(folder).number == 7


def test_machines_that_wrote_in_turn_each_have_a_part(
    engine: Engine, place: Path | str, folder: Path, tmp_path: Path, new_database: NewDatabase
) -> None:
    elsewhere = tmp_path / "another machine's"
    other = open_database(place, journal=elsewhere)
    for number in range(6):
        tell(other if number in {1, 2, 5} else engine, str(number))
    other.dispose()
    assert (journal.head(folder).number, journal.head(elsewhere).number) == (5, 6)
    fresh = new_database()
    with pytest.raises(JournalError, match="lacks what was written between number 1 and number 4"):
        replay(fresh, [folder])
    assert replay(fresh, [folder, elsewhere]).transactions == 6
    assert told(fresh) == told(place)


def test_a_copy_from_before_a_migration_is_migrated_where_its_journal_was(
    engine: Engine, folder: Path, new_database: NewDatabase
) -> None:
    """As long as its journal continues it: a PostgreSQL from before it had one, is not continued by any."""
    tell(engine, "ada")
    before = new_database()
    old = open_database(before, journal=False)
    config = Config()
    config.set_main_option("script_location", "issuer:ground/migrations")
    with writing(old) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0024")
    old.dispose()
    if isinstance(before, str):
        with pytest.raises(JournalError, match="does not continue this backup"):
            replay(before, [folder])
        return
    assert replay(before, [folder]).transactions == 1
    engine = open_database(before, journal=False)
    with reading(engine) as connection:
        assert version_of(connection) == MIGRATION_HEAD
    engine.dispose()


def test_a_journal_of_another_program_is_refused(new_database: NewDatabase, folder: Path) -> None:
    place = new_database()
    engine = open_database(place, journal=False)
    with reading(engine) as connection:
        begins = Place(*connection.execute(text("SELECT number, sha256 FROM journal_place")).one())
    engine.dispose()
    note(Recorder(folder, version="9999"), "DELETE FROM news", (), after=begins)
    with pytest.raises(JournalError, match="tables of version 9999"):
        replay(place, [folder])


def test_a_journal_of_another_office_is_refused_though_its_numbers_fit(
    engine: Engine, folder: Path, new_database: NewDatabase
) -> None:
    tell(engine, "ada")
    other = new_database()
    another = open_database(other, journal=False)
    with writing(another) as connection:
        connection.exec_driver_sql(place_statement(Place(0, "f" * 64)))  # as a migration begins it
    another.dispose()
    with pytest.raises(JournalError, match="Is it another office's journal"):
        replay(other, [folder])


def test_what_was_written_while_no_journal_was_kept_is_known_to_be_lacking(
    engine: Engine, place: Path | str, folder: Path, new_database: NewDatabase
) -> None:
    """Also if only one of several machines kept none."""
    tell(engine, "ada")
    without = open_database(place, journal=None)
    tell(without, "bob")
    without.dispose()
    tell(engine, "cy")
    assert journal.head(folder).number == 3
    with pytest.raises(JournalError, match="lacks what was written between number 1 and number 3"):
        replay(new_database(), [folder])


def test_a_line_whose_transaction_never_came_about_is_void(folder: Path) -> None:
    """Also if it is written late, by who had lost the database's lock and did not know."""
    recorder = Recorder(folder, version="1")
    first = note(recorder, "UPDATE a SET b = 1", (), number=7)
    note(recorder, "UPDATE a SET b = 2", (), after=first, number=8)
    third = note(recorder, "UPDATE a SET b = 3", (), after=first, number=9)
    assert [line.statements[0][0][-1] for line in lines(folder)] == ["1", "3"], "the later one, if none goes on"
    note(recorder, "UPDATE a SET b = 4", (), after=third, number=12)
    note(recorder, "UPDATE a SET b = 5", (), after=third, number=11)
    assert [line.statements[0][0][-1] for line in lines(folder)] == ["1", "3", "4"]


def test_a_database_that_was_set_back_is_told_in_one_history_or_in_none(folder: Path) -> None:
    recorder = Recorder(folder, version="1")
    places = [START]
    for _ in range(4):
        places.append(note(recorder, "UPDATE a SET b = 1", (), after=places[-1]))
    set_back = note(recorder, "UPDATE a SET b = 2", (), after=places[1])
    newer = note(recorder, "UPDATE a SET b = 3", (), after=set_back)
    with pytest.raises(JournalError, match="goes on from number 1 in two ways"):
        lines(folder)
    assert [line.place for line in journal.read(folder, after=set_back)] == [newer]


def test_what_was_written_before_the_database_knew_hashes_is_read(folder: Path) -> None:
    """Then a line named the one that stands before it, void or not."""
    recorder, pending = Recorder(folder, version="1"), dict[str, Any]()
    for number, statement in ((0, "a"), (1, "void"), (1, "b"), (2, "c")):
        recorder.saw(pending, f"UPDATE {statement} SET b = 1", (), many=False)
        recorder.write(pending, lambda number=number: (Place(number, UNKNOWN), None))  # type: ignore[misc]
    assert [line.statements[0][0].split()[1] for line in lines(folder)] == ["a", "b", "c"]
    assert [line.number for line in lines(folder, after=2)] == [3]


def test_a_line_that_was_forged_or_is_missing_is_found(engine: Engine, folder: Path) -> None:
    for number in range(4):
        tell(engine, str(number))
    (file,) = journal.segments(folder)
    whole = file.read_bytes().splitlines(keepends=True)

    def said(content: list[bytes]) -> str:
        file.write_bytes(b"".join(content))
        with pytest.raises(JournalError) as refused:
            lines(folder)
        return str(refused.value)

    forged = whole[1][65:-1].replace(b'"1"', b'"9"')
    assert "was changed" in said([whole[0], whole[1][:65] + forged + b"\n", *whole[2:]])
    digest = journal._digest(forged).encode()
    assert "line 3: it does not follow" in said([whole[0], digest + b" " + forged + b"\n", *whole[2:]])
    with pytest.raises(JournalError, match="line 3: it does not follow"):
        journal.head(folder)
    assert "lacks what was written between number 1 and number 3" in said([whole[0], *whole[2:]])
    assert "lacks what was written between number 0 and number 2" in said(whole[1:])
    assert "is no line of a journal" in said([journal._digest(b"{}").encode() + b" {}\n"])


def test_the_beginning_of_a_line_is_passed_over_and_taken_away(engine: Engine, folder: Path) -> None:
    tell(engine, "ada")
    (file,) = journal.segments(folder)
    with file.open("ab") as stream:
        stream.write(b"the beginning of a line")
    assert subjects(folder) == ["ada"]
    tell(engine, "bob")
    assert subjects(folder) == ["ada", "bob"] and b"the beginning" not in file.read_bytes()


def test_with_a_full_disk_nothing_is_written_and_with_room_again_all_goes_on(
    engine: Engine, place: Path | str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    tell(engine, "ada")
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        for _ in range(2):
            with pytest.raises(
                DatabaseError, match=r"Nothing was written: The journal .* No space left on device"
            ):
                tell(engine, "bob")
    tell(engine, "cy")
    assert [subject for _, subject in told(place)] == ["ada", "cy"]
    assert subjects(folder) == ["ada", "cy"]


@pytest.mark.parametrize("moment", ["within", "before the line", "before the commit"])
def test_a_connection_that_is_lost_is_told_and_none_is_left_behind(
    postgres: PostgresServer, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """However often: a pool has twenty."""
    place = postgres.new_database()
    engine = open_database(place, journal=folder)
    write = Recorder.write

    def lose(connection: Any) -> None:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        postgres.execute(f"SELECT pg_terminate_backend({pid})")
        end = time.monotonic() + 10
        alive = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}"
        with psycopg.connect(postgres.url(), autocommit=True) as other:
            while other.execute(alive.encode()).fetchone() != (0,):
                assert time.monotonic() < end
                time.sleep(0.01)

    for _ in range(3):
        with (
            monkeypatch.context() as patch,
            pytest.raises(DatabaseError, match="could not be written, so nothing"),
            writing(engine) as connection,
        ):
            news.tell(connection, "person", "ada")
            if moment == "before the commit":

                def write_and_lose(self: Recorder, *what: Any, on: Any = connection) -> Place | None:
                    written = write(self, *what)
                    lose(on)
                    return written

                patch.setattr(Recorder, "write", write_and_lose)
            else:
                lose(connection)
            if moment == "within":
                news.tell(connection, "person", "bob")
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    tell(engine, "cy")
    assert [subject for _, subject in told(place)] == ["cy"]
    assert subjects(folder) == ["cy"]
    engine.dispose()


def test_who_cannot_write_the_journal_lets_the_next_one_write(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LOCK_SECONDS", 0.05)
    folder.mkdir()
    with journal._alone_in(folder), pytest.raises(DatabaseError, match="is held by another process"):
        tell(engine, "ada")
    tell(engine, "bob")
    assert subjects(folder) == ["bob"]


def test_the_text_of_a_letter_and_a_session_are_not_kept_and_their_end_is(folder: Path) -> None:
    recorder, pending = Recorder(folder, version="1"), dict[str, object]()
    recorder.saw(pending, "INSERT INTO mail_outbox (text) VALUES (?)", ("secret",), many=False)
    recorder.saw(pending, "UPDATE sessions SET token=?", ("secret",), many=False)
    assert recorder.write(pending, lambda: (START, None)) is None
    note(recorder, "DELETE FROM mail_outbox WHERE id = ?", (3,))
    (line,) = lines(folder)
    assert line.statements == (("DELETE FROM mail_outbox WHERE id = ?", ([3],)),)


def test_nothing_points_at_what_is_not_kept() -> None:
    """A PostgreSQL would refuse to do the journal again without it."""
    pointing = [key for table in metadata.tables.values() for key in table.foreign_keys]
    assert [key for key in pointing if key.column.table.name in MADE_AGAIN] == []


def test_sequences_have_the_names_that_postgresql_gives_them(postgres: PostgresServer) -> None:
    engine = open_database(postgres.new_database(), journal=False)
    counted = [table for table in metadata.tables.values() if table.autoincrement_column is not None]
    assert len(counted) > 10
    with reading(engine) as connection:
        for table in counted:
            assert table.autoincrement_column is not None
            column = table.autoincrement_column.name
            asked = text("SELECT pg_get_serial_sequence(:table, :column)")
            found = connection.execute(asked, {"table": table.name, "column": column}).scalar_one()
            assert found == f"public.{sequence_of(table.name, column)}"
    engine.dispose()


def test_odd_values_come_back_as_they_were(folder: Path) -> None:
    from psycopg import Binary
    from psycopg.types.json import Json

    recorder = Recorder(folder, version="1")
    values = [
        b"\x00\xff",
        memoryview(b"m"),
        'naïve\n\u2028"',
        None,
        True,
        1.5,
        2**62,
        ["a", "b"],
        date(2026, 2, 1),
    ]
    first = note(recorder, "INSERT INTO a VALUES (?)", values)
    note(recorder, "INSERT INTO a VALUES (%(x)s)", {"x": Binary(b"b"), "y": Json({"a": [1]})}, after=first)
    positional, named = lines(folder)
    assert positional.statements[0][1][0] == [b"\x00\xff", b"m", *values[2:]]
    row = named.statements[0][1][0]
    assert isinstance(row, dict) and row["x"] == b"b" and row["y"].obj == {"a": [1]}


def test_a_write_of_an_unknown_form_is_kept_and_an_unknown_value_is_refused(folder: Path) -> None:
    recorder = Recorder(folder, version="1")
    statement = "WITH some AS (SELECT 1) UPDATE badges SET salt = ?"
    place = note(recorder, statement, ("x",))
    (line,) = lines(folder)
    assert line.statements == ((statement, (["x"],)),)
    with pytest.raises(JournalError, match="A complex cannot be written"):
        note(recorder, "UPDATE badges SET salt = ?", (1j,), after=place)


def test_a_clock_that_was_set_back_begins_no_earlier_file(engine: Engine, folder: Path) -> None:
    tell(engine, "ada")
    (file,) = journal.segments(folder)
    file.rename(file.with_name("2999-01-01.jsonl"))
    tell(engine, "bob")
    assert [one.name for one in journal.segments(folder)] == ["2999-01-01.jsonl"]
    assert len(lines(folder)) == 2
