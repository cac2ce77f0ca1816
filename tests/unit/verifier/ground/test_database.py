"""The migrations make exactly the tables that the rooms use, durably."""

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

import verifier.desk.venue.store
import verifier.ground.audit.store
import verifier.ground.mail.store
import verifier.receipts.store
import verifier.registration.aftercare.store
import verifier.registration.authority.store
import verifier.registration.mailbox.store
import verifier.registration.shops.store
import verifier.registration.store
import verifier.staff.store
import verifier.wallets.store  # noqa: F401 - tables stand on the metadata once their stores are imported
from tests.postgres import PostgresServer
from verifier.desk import store as desks
from verifier.ground import database as ground
from verifier.ground.database import (
    MIGRATION_HEAD,
    CommitUnknownError,
    DatabaseError,
    metadata,
    open_database,
    reading,
    writing,
)
from verifier.ground.settings import Settings

pytestmark = pytest.mark.usefixtures("slow_files")

VERSIONS = Path(ground.__file__).parent / "migrations" / "versions"


@pytest.fixture
def place(tmp_path: Path, database: dict[str, Any]) -> Path | str:
    """A database with the tables of an office, once of each kind."""
    return database.get("database_url") or tmp_path / "verifier.sqlite"


@pytest.fixture
def empty(tmp_path: Path, request: pytest.FixtureRequest, database: dict[str, Any]) -> Path | str:
    """The same, with nothing in it."""
    if "database_url" in database:
        url: str = request.getfixturevalue("postgres").new_database()
        return url
    return tmp_path / "empty.sqlite"


def described(engine: Engine) -> dict[str, object]:
    inspector = inspect(engine)
    tables = [name for name in inspector.get_table_names() if name != "alembic_version"]
    return {
        name: {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)],
            "primary": inspector.get_pk_constraint(name),
            "unique": sorted(inspector.get_unique_constraints(name), key=str),
            "foreign": sorted(inspector.get_foreign_keys(name), key=str),
            "indexes": sorted(inspector.get_indexes(name), key=str),
        }
        for name in tables
    }


def test_the_migrations_give_the_schema_of_the_tables(place: Path | str, empty: Path | str) -> None:
    migrated = open_database(place)
    made = create_engine(f"sqlite:///{empty}" if isinstance(empty, Path) else psycopg_url(empty))
    metadata.create_all(made)

    assert described(migrated) == described(made)
    migrated.dispose()
    made.dispose()


def psycopg_url(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:")


def test_the_head_is_the_newest_migration() -> None:
    assert sorted(file.name for file in VERSIONS.glob("0*.py"))[-1].startswith(MIGRATION_HEAD)


def test_a_commit_is_on_the_disk_before_it_is_answered(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "verifier.sqlite")
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    engine.dispose()


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "verifier.sqlite"
    file.write_bytes(b"not a database, but long enough to look like one" * 100)

    with pytest.raises(DatabaseError, match="cannot be opened"):
        open_database(file)


def test_a_database_of_a_newer_program_is_refused(place: Path | str) -> None:
    engine = open_database(place)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(DatabaseError, match="another version"):
        open_database(place)


def test_two_who_start_at_once_migrate_once(empty: Path | str) -> None:
    starters = [lambda: open_database(empty).dispose()] * 4
    with ThreadPoolExecutor(len(starters)) as pool:
        for started in [pool.submit(start) for start in starters]:
            started.result()
    engine = open_database(empty)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [
            MIGRATION_HEAD
        ]
    engine.dispose()


def test_who_writes_second_waits_and_sees_what_the_first_did(place: Path | str) -> None:
    engine, other = open_database(place), open_database(place)
    started = threading.Event()

    def second() -> list[str]:
        started.set()
        with writing(other) as connection:
            return list(connection.execute(text("SELECT event FROM desk_links")).scalars())

    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            seen = pool.submit(second)
            started.wait()
            time.sleep(0.1)
            desks.add_link(connection, token_sha256="0" * 64, event="summit-2027", now=datetime.now(UTC))
        assert seen.result() == ["summit-2027"]
    engine.dispose()
    other.dispose()


def test_a_reader_has_one_view_while_others_write(place: Path | str) -> None:
    engine = open_database(place)
    count = text("SELECT count(*) FROM desk_links")
    with reading(engine) as view:
        before = view.execute(count).scalar()
        with writing(engine) as connection:
            desks.add_link(connection, token_sha256="0" * 64, event="summit-2027", now=datetime.now(UTC))
        assert view.execute(count).scalar() == before == 0
    engine.dispose()


# PostgreSQL alone


def test_a_commit_is_durable_whatever_the_server_defaults_to(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    postgres.execute(
        "SET synchronous_commit = off; ALTER DATABASE " + url.rpartition("/")[2] + " SET synchronous_commit = off"
    )
    engine = open_database(url)
    with reading(engine) as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
    engine.dispose()


def test_a_password_comes_from_a_file_and_is_told_to_nobody(
    postgres: PostgresServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "password"
    file.write_text("a-secret-word\n")
    url = postgres.new_database()
    engine = open_database(url, password_file=file)
    assert engine.url.password == "a-secret-word"
    engine.dispose()

    with pytest.raises(DatabaseError, match="cannot be read from") as missing:
        open_database(url, password_file=tmp_path / "none")
    nowhere = "postgresql://someone:a-secret-word@127.0.0.1:1/none"
    with pytest.raises(DatabaseError, match=r"The database none at 127\.0\.0\.1 cannot be opened") as refused:
        open_database(nowhere)
    told = str(missing.value) + str(refused.value) + caplog.text + repr(Settings(tmp_path, database_url=nowhere))
    assert "a-secret-word" not in told


@pytest.mark.parametrize("address", ["postgresql://host:port/name", "postgresql://[::1/name"])
def test_an_address_that_is_none_is_one_sentence_that_does_not_repeat_it(address: str) -> None:
    with pytest.raises(DatabaseError, match="database_url is no address") as refused:
        open_database(address)
    assert address not in str(refused.value)


def test_a_connection_that_died_while_it_rested_is_replaced(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    engine = open_database(url)
    with reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    postgres.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.rpartition('/')[2]}'"
    )
    with reading(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_a_connection_lost_within_a_transaction_wrote_nothing(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    engine = open_database(url)
    with pytest.raises(DatabaseError, match="nothing was"), writing(engine) as connection:
        desks.add_link(connection, token_sha256="0" * 64, event="summit-2027", now=datetime.now(UTC))
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        postgres.execute(f"SELECT pg_terminate_backend({pid})")
        connection.execute(text("SELECT 1"))
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM desk_links")).scalar() == 0
    engine.dispose()


def test_a_connection_lost_while_it_confirms_is_not_called_nothing(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    engine = open_database(url)
    with pytest.raises(CommitUnknownError, match="not known"), writing(engine) as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        postgres.execute(f"SELECT pg_terminate_backend({pid})")
        time.sleep(0.2)
    engine.dispose()


@pytest.mark.parametrize("code", ["40001", "40P01", "53100", "53300", "57014", "55P03", "58030"])
def test_what_a_server_cannot_do_now_wrote_nothing_and_works_later(postgres: PostgresServer, code: str) -> None:
    """Serialization failure, deadlock, full disk, too many connections, canceled, lock held, I/O error."""
    url = postgres.new_database()
    engine = open_database(url)
    name = url.rpartition("/")[2]
    postgres.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END $$",
        database=name,
    )
    fails = "CREATE TRIGGER fail BEFORE INSERT ON desk_links EXECUTE FUNCTION fail()"
    postgres.execute(fails, database=name)
    link = functools.partial(desks.add_link, token_sha256="0" * 64, event="summit-2027", now=datetime.now(UTC))
    with pytest.raises(DatabaseError, match="nothing was: not now"), writing(engine) as connection:
        link(connection)
    postgres.execute("DROP TRIGGER fail ON desk_links", database=name)
    with writing(engine) as connection:
        link(connection)
    engine.dispose()
