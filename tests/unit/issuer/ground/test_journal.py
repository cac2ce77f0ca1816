"""A journal holds each transaction once, in its order, on the disk before it is committed; changes are found."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from issuer.ground import journal, news
from issuer.ground.database import MIGRATION_HEAD, check_database, open_database, replay, writing
from issuer.ground.journal import JournalError, Recorder


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(tmp_path / "issuer.sqlite")
    yield made
    made.dispose()


def tell(engine: Engine, subject: str) -> None:
    with writing(engine) as connection:
        news.tell(connection, "person", subject)


def test_each_transaction_is_a_line_with_the_next_number(engine: Engine, tmp_path: Path) -> None:
    for subject in ("ada", "bob"):
        tell(engine, subject)
    lines = list(journal.read(tmp_path / "journal"))
    assert [line.number for line in lines] == [1, 2]
    assert [line.statements[0][1][0][-1] for line in lines] == ["ada", "bob"]
    assert journal.head(tmp_path / "journal") == (2, lines[-1].sha256)
    assert [line.number for line in journal.read(tmp_path / "journal", after=1)] == [2]


def test_what_was_rolled_back_or_only_read_is_no_line(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:
        news.tell(connection, "person", "ada")
        raise RuntimeError
    with writing(engine) as connection:
        connection.execute(text("WITH some AS (SELECT 1) SELECT * FROM some"))
    tell(engine, "bob")
    (line,) = journal.read(tmp_path / "journal")
    assert line.statements[0][1] == (["person", "bob"],)


def test_two_processes_write_one_chain(engine: Engine, tmp_path: Path) -> None:
    other = open_database(tmp_path / "issuer.sqlite")
    for number in range(6):
        tell(engine if number % 2 else other, str(number))
    other.dispose()
    assert [line.number for line in journal.read(tmp_path / "journal")] == [1, 2, 3, 4, 5, 6]


def test_a_copy_and_its_journal_give_the_same_rows(engine: Engine, tmp_path: Path) -> None:
    for number in range(5):
        tell(engine, str(number))
    fresh = tmp_path / "fresh" / "issuer.sqlite"
    open_database(fresh, journal=False).dispose()
    done, until, files = replay(fresh, tmp_path / "journal")
    assert done == 5 and until is not None and files == {}
    restored = open_database(fresh, journal=False)
    with engine.connect() as here, restored.connect() as there:
        query = text("SELECT number, kind, subject FROM news ORDER BY number")
        assert here.execute(query).all() == there.execute(query).all()
    restored.dispose()
    assert replay(fresh, tmp_path / "journal")[0] == 0  # nothing is done twice


def test_a_copy_from_before_a_migration_is_migrated_where_its_journal_was(engine: Engine, tmp_path: Path) -> None:
    tell(engine, "ada")
    before = tmp_path / "before" / "issuer.sqlite"
    old = open_database(before, journal=False)
    config = Config()
    config.set_main_option("script_location", "issuer:ground/migrations")
    with writing(old) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "-1")
    old.dispose()
    assert check_database(before)[1] < MIGRATION_HEAD
    assert replay(before, tmp_path / "journal")[0] == 1
    assert check_database(before) == (1, MIGRATION_HEAD)


def test_a_journal_of_another_program_is_refused(engine: Engine, tmp_path: Path) -> None:
    recorder, pending = Recorder(tmp_path / "other", version="9999"), dict[str, object]()
    recorder.saw(pending, "DELETE FROM news", (), many=False)
    recorder.write(pending, number=1)
    with pytest.raises(JournalError, match="tables of version 9999"):
        replay(tmp_path / "issuer.sqlite", tmp_path / "other")


def test_the_text_of_a_letter_and_a_session_are_not_kept_and_their_end_is(tmp_path: Path) -> None:
    recorder, pending = Recorder(tmp_path / "journal", version="1"), dict[str, object]()
    recorder.saw(pending, "INSERT INTO mail_outbox (text) VALUES (?)", ("secret",), many=False)
    recorder.saw(pending, "UPDATE sessions SET token=?", ("secret",), many=False)
    assert not recorder.write(pending, number=1)
    recorder.saw(pending, "DELETE FROM mail_outbox WHERE id = ?", (3,), many=False)
    assert recorder.write(pending, number=1)
    (line,) = journal.read(tmp_path / "journal")
    assert line.statements == (("DELETE FROM mail_outbox WHERE id = ?", ([3],)),)


def test_bytes_and_odd_texts_come_back_as_they_were(tmp_path: Path) -> None:
    recorder, pending = Recorder(tmp_path / "journal", version="1"), dict[str, object]()
    values = [b"\x00\xff", memoryview(b"m"), 'naïve\n\u2028"', None, True, 1.5, 2**62]
    recorder.saw(pending, "INSERT INTO a VALUES (?)", values, many=False)
    recorder.write(pending, number=1)
    (line,) = journal.read(tmp_path / "journal")
    assert line.statements[0][1][0] == [b"\x00\xff", b"m", 'naïve\n\u2028"', None, True, 1.5, 2**62]


def test_a_write_of_an_unknown_form_is_kept_and_one_with_names_is_refused(tmp_path: Path) -> None:
    recorder, pending = Recorder(tmp_path / "journal", version="1"), dict[str, object]()
    statement = "WITH some AS (SELECT 1) UPDATE badges SET salt = ?"
    recorder.saw(pending, statement, ("x",), many=False)
    recorder.write(pending, number=1)
    (line,) = journal.read(tmp_path / "journal")
    assert line.statements == ((statement, (["x"],)),)
    with pytest.raises(JournalError, match="named values"):
        recorder.saw(pending, "UPDATE badges SET salt = :salt", {"salt": "x"}, many=False)


def test_a_clock_that_was_set_back_begins_no_earlier_file(engine: Engine, tmp_path: Path) -> None:
    tell(engine, "ada")
    (file,) = journal.segments(tmp_path / "journal")
    file.rename(file.with_name("2999-01-01.jsonl"))
    tell(engine, "bob")
    assert [one.name for one in journal.segments(tmp_path / "journal")] == ["2999-01-01.jsonl"]
    assert len(list(journal.read(tmp_path / "journal"))) == 2
