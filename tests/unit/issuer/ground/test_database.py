"""The database: migrations give the tables of the stores, both ways, and nothing is half written."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

import issuer.attestations.store
import issuer.badges.store
import issuer.contract.store
import issuer.contributions.store
import issuer.ground.audit.store
import issuer.ground.login.store
import issuer.ground.mail.store
import issuer.ground.news.store
import issuer.notices.store
import issuer.people.store
import issuer.recognition.store
import issuer.wallets.store  # noqa: F401 - their tables belong to the metadata
from issuer.ground import database as ground
from issuer.ground import news
from issuer.ground import settings as ground_settings
from issuer.ground.database import (
    MIGRATION_HEAD,
    CommitUnknownError,
    DatabaseError,
    UtcDateTime,
    metadata,
    open_database,
    reading,
    writing,
)
from tests.postgres import PostgresServer

pytestmark = pytest.mark.usefixtures("slow_files")


def same_type(_context: object, _inspected: object, _column: object, found: object, ours: object) -> bool | None:
    """Our instant is text of a fixed length to the database."""
    return False if isinstance(ours, UtcDateTime) and getattr(found, "length", 0) == 32 else None


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": same_type})
        return list(compare_metadata(context, metadata))


@pytest.fixture
def place(tmp_path: Path, issuing_database: dict[str, str]) -> Path | str:
    """A database with the tables of an office, once of each kind."""
    return issuing_database.get("database_url") or tmp_path / "issuer.sqlite"


@pytest.fixture
def empty(tmp_path: Path, request: pytest.FixtureRequest, issuing_database: dict[str, str]) -> Path | str:
    """The same, with nothing in it."""
    if "database_url" in issuing_database:
        url: str = request.getfixturevalue("postgres").new_database()
        return url
    return tmp_path / "empty.sqlite"


def test_migrations_give_the_tables_of_the_stores(place: Path | str) -> None:
    engine = open_database(place)
    assert differences(engine) == []
    engine.dispose()


def test_the_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "issuer:ground/migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == MIGRATION_HEAD


def test_migrations_go_back_to_nothing(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "issuer.sqlite", journal=False)
    config = Config()
    config.set_main_option("script_location", "issuer:ground/migrations")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    engine.dispose()
    with sqlite3.connect(tmp_path / "issuer.sqlite") as plain:
        left = {name for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    plain.close()
    left -= {"sqlite_sequence"}  # SQLite's own
    assert left <= {"alembic_version"}


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "issuer.sqlite").write_text("these are no pages of a database" * 100)
    with pytest.raises(DatabaseError, match=r"cannot be opened"):
        open_database(tmp_path / "issuer.sqlite")


def test_a_newer_database_is_refused(place: Path | str) -> None:
    engine = open_database(place)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(DatabaseError, match="another version"):
        open_database(place)


def test_a_time_without_a_zone_is_not_stored() -> None:
    column = UtcDateTime()
    with pytest.raises(ValueError, match="without a zone"):
        column.process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type]  # noqa: DTZ001
    assert column.process_bind_param(datetime(2026, 1, 1, tzinfo=UTC), None) == "2026-01-01T00:00:00.000000+00:00"  # type: ignore[arg-type]


def test_two_who_start_at_once_migrate_once(empty: Path | str) -> None:
    starters = [lambda: open_database(empty).dispose()] * 4
    with ThreadPoolExecutor(len(starters)) as pool:
        for started in [pool.submit(start) for start in starters]:
            started.result()
    engine = open_database(empty)
    with reading(engine) as connection:
        versions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    assert versions == [MIGRATION_HEAD]
    engine.dispose()


def test_who_writes_second_waits_and_sees_what_the_first_did(place: Path | str) -> None:
    engine, other = open_database(place), open_database(place)
    began, seen = threading.Event(), []

    def second() -> None:
        began.wait()
        with writing(other) as connection:
            seen.extend(news.waiting(connection, limit=9))

    thread = threading.Thread(target=second)
    thread.start()
    with writing(engine) as connection:
        began.set()
        time.sleep(0.2)
        news.tell(connection, "person", "ada")
    thread.join()
    assert [item.subject for item in seen] == ["ada"]
    engine.dispose()
    other.dispose()


def test_a_long_look_at_everything_is_one_state_and_keeps_no_writer_waiting(place: Path | str) -> None:
    engine = open_database(place)
    with reading(engine) as looking:
        assert news.newest(looking) == 0
        with writing(engine) as connection:
            news.tell(connection, "person", "ada")
        assert news.newest(looking) == 0
    with reading(engine) as looking:
        assert news.newest(looking) == 1
    engine.dispose()


def test_what_the_log_took_while_somebody_looked_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = 200_000
    monkeypatch.setattr(ground, "_LONG_LOG", long)
    engine = open_database(tmp_path / "issuer.sqlite")
    log = tmp_path / "issuer.sqlite-wal"

    def write(number: int) -> None:
        with writing(engine) as connection:
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 30_000, "as patient as before"
            columns = "id, sha256, achievement, kid, file, made_at"
            insert = text(f"INSERT INTO dictionaries ({columns}) VALUES (:id, 1, 1, 1, :file, :now)")
            connection.execute(insert, {"id": f"{number}", "file": "x" * 20_000, "now": "2026-11-02"})

    count = text("SELECT count(*) FROM dictionaries")
    with reading(engine) as looking:
        assert looking.execute(count).scalar() == 0
        for number in range(20):
            write(number)
        assert log.stat().st_size > long, "nobody waits for who looks, and nothing is taken from them"
        assert looking.execute(count).scalar() == 0
    write(20)
    assert log.stat().st_size == 0
    with reading(engine) as connection:
        assert connection.execute(count).scalar() == 21
    engine.dispose()


def test_numbers_of_news_are_never_given_twice(place: Path | str) -> None:
    engine = open_database(place)
    for expected in (1, 2):
        with writing(engine) as connection:
            news.tell(connection, "person", "ada")
            assert news.newest(connection) == expected
            news.done_until(connection, expected)
    engine.dispose()


def test_a_connection_lost_within_a_transaction_wrote_nothing_and_the_next_one_works(
    postgres: PostgresServer,
) -> None:
    engine = open_database(postgres.new_database())
    with pytest.raises(DatabaseError, match="nothing was"), writing(engine) as connection:
        news.tell(connection, "person", "ada")
        postgres.execute(f"SELECT pg_terminate_backend({connection.scalar(text('SELECT pg_backend_pid()'))})")
        connection.execute(text("SELECT 1"))
    with reading(engine) as connection:
        assert news.waiting(connection, limit=9) == []
    engine.dispose()


def test_a_connection_lost_while_it_confirms_is_not_called_nothing(postgres: PostgresServer) -> None:
    engine = open_database(postgres.new_database())
    with pytest.raises(CommitUnknownError, match="not known"), writing(engine) as connection:
        postgres.execute(f"SELECT pg_terminate_backend({connection.scalar(text('SELECT pg_backend_pid()'))})")
        time.sleep(0.2)
    engine.dispose()


def test_a_writer_that_hangs_loses_the_lock(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = ground._BEGIN_WRITING
    assert "idle_in_transaction_session_timeout = '60s'" in patient
    engine = open_database(postgres.new_database())
    monkeypatch.setattr(ground, "_BEGIN_WRITING", patient.replace("'60s'", "'500ms'"))
    with pytest.raises(DatabaseError, match="nothing was"), writing(engine) as connection:
        time.sleep(1.5)
        news.tell(connection, "person", "ada")
    with writing(engine) as connection:
        assert news.newest(connection) == 0
    engine.dispose()


def test_a_password_comes_from_its_file_and_is_told_to_nobody(tmp_path: Path, postgres: PostgresServer) -> None:
    url, file = postgres.new_database(), tmp_path / "database.password"
    file.write_text("secret words\n")
    engine = open_database(url, password_file=file)
    assert engine.url.password == "secret words"
    assert "secret words" not in repr(engine)
    engine.dispose()
    with pytest.raises(DatabaseError, match="cannot be read from"):
        open_database(url, password_file=tmp_path / "none")
    with pytest.raises(DatabaseError, match="database_url is no address") as refused:
        open_database("postgresql://ada:secret@:x/")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"database_url": "mysql://db.example.org/badges"}, "postgresql://user@host/name was expected"),
        ({"database_password_file": "p"}, "without a database_url"),
        ({"database_url": 5}, "fields with text"),
    ],
)
def test_a_setting_that_names_no_database_is_one_sentence(
    tmp_path: Path, fields: dict[str, object], said: str
) -> None:
    known = {"name": "Example", "public_url": "https://badges.example.org", "policy": "policy.yaml"}
    (tmp_path / "issuer.yaml").write_text(yaml.safe_dump(known | fields))
    with pytest.raises(ground_settings.SettingsError, match=said):
        ground_settings.load(tmp_path)


def test_settings_of_a_database_are_read_as_they_were_saved(tmp_path: Path) -> None:
    url = "postgresql://badges@db.example.org/badges"
    made = ground_settings.Settings(
        tmp_path,
        "Example",
        "https://badges.example.org",
        tmp_path / "policy.yaml",
        database_url=url,
        database_password_file=tmp_path / "database.password",
        journal=tmp_path / "journal",
    )
    ground_settings.save(made)
    found = ground_settings.load(tmp_path)
    assert found == made and found.database == url
    assert url not in repr(found)
