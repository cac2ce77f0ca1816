"""What is in a file of SQLite comes into a PostgreSQL row by row as it is, or nothing does; in both offices."""

import logging
import re
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, inspect

import issuer.app
import issuer.backup
import issuer.ground.audit
import issuer.ground.copies
import issuer.ground.database
import issuer.ground.migrations.steps
import issuer.ground.moving
import issuer.ground.settings
import verifier.app
import verifier.backup
import verifier.ground.audit
import verifier.ground.copies
import verifier.ground.database
import verifier.ground.migrations.steps
import verifier.ground.moving
import verifier.ground.settings
from issuer.cli import main as issuer_main
from tests.conftest import every_connection_closed
from tests.integration import every_table
from tests.integration.every_table import Values
from tests.postgres import PostgresServer
from verifier.cli import main as verifier_main

NOW = datetime(2026, 11, 23, 21, tzinfo=UTC)
ROWS = 3
NOT_COPIED = {"alembic_version"}  # the migrations write it
BEGUN_ANEW = {"journal_place"}  # copied, and one number further behind a hash of its own
APPS = (issuer.app, verifier.app)  # with them every room's tables are known


@dataclass
class Moved:
    """An office of one of the two kinds whose every table has rows in a file, backed up."""

    name: str
    folder: Path
    server: PostgresServer

    @property
    def ground(self) -> Any:
        return {"issuer": issuer.ground.database, "verifier": verifier.ground.database}[self.name]

    @property
    def copies(self) -> Any:
        return {"issuer": issuer.ground.copies, "verifier": verifier.ground.copies}[self.name]

    @property
    def moving(self) -> Any:
        return {"issuer": issuer.ground.moving, "verifier": verifier.ground.moving}[self.name]

    @property
    def settings(self) -> Any:
        return {"issuer": issuer.ground.settings, "verifier": verifier.ground.settings}[self.name]

    @property
    def whole(self) -> Any:
        return {"issuer": issuer.backup, "verifier": verifier.backup}[self.name]

    @property
    def data(self) -> Path:
        return self.folder / "old"

    @property
    def file(self) -> Path:
        return self.data / f"{self.name}.sqlite"

    @property
    def backup(self) -> Path:
        return self.folder / "office.backup"

    @property
    def new(self) -> Path:
        return self.folder / "new"

    @property
    def tables(self) -> dict[str, Any]:
        return dict(self.ground.metadata.tables)

    def begin(self) -> None:
        """An office without rows."""
        if self.name == "issuer":
            with pytest.raises(SystemExit, match="0"):
                words = ["--public-url", "https://badges.example.org", "--data", str(self.data)]
                issuer_main(["init", *words])
        else:
            self.ground.open_database(self.file).dispose()

    def fill(self) -> None:
        """Rows in every table; in the audit log good ones, without which no backup is made."""
        audit: Any = {"issuer": issuer.ground.audit, "verifier": verifier.ground.audit}[self.name]
        about = {"person": "somebody"} if self.name == "issuer" else {"event": "an event"}
        with self.ground.unmigrated(self.file) as engine, self.ground.writing(engine) as connection:
            for number in range(ROWS):
                who = {"actor": "operator", "role": "operator", "reason": "a test"}
                audit.write(connection, **who, act=f"tested.{number}", now=NOW, **about)
            every_table.fill(connection, self.ground.metadata, rows=ROWS)
        with closing(sqlite3.connect(self.file)) as connection:
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []

    def sql(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(statement, values)

    def back_up(self) -> None:
        settings = self.settings.load(self.data)
        self.backup.unlink(missing_ok=True)
        if self.name == "verifier":
            self.whole.make(settings, self.backup, now=NOW)
            return
        engine = self.ground.open_own_database(settings)
        self.whole.make(engine, settings, self.backup, now=NOW)
        engine.dispose()

    def restore(self, url: str | None, **more: Any) -> Any:
        return self.whole.restore(self.backup, self.new, database_url=url, **more)

    def type(self, *words: str) -> None:
        """A command of the office, which has to succeed."""
        with pytest.MonkeyPatch.context() as patch, every_connection_closed(), pytest.raises(SystemExit) as ended:
            patch.setattr("sys.argv", [f"badge-{self.name}", *words])
            issuer_main() if self.name == "issuer" else verifier_main()
        assert ended.value.code == 0

    def refused(self, url: str, *, left: bool = False) -> str:
        """What is said; nothing is there afterwards. `left`: the database had something in it before."""
        with pytest.raises((self.ground.DatabaseError, self.settings.SettingsError)) as told:
            self.restore(url)
        said = str(told.value)
        assert said.endswith(".") and "\n" not in said, said
        self.check_nothing(None if left else url)
        return said

    def check_nothing(self, url: str | None) -> None:
        assert sorted(one.name for one in self.folder.iterdir()) == ["office.backup", "old"]
        if url is not None:
            assert things_in(url) == []


def things_in(url: str) -> list[str]:
    """Whatever somebody made in a database."""
    query = """
    SELECT relname::text FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE nspname !~ '^pg_|^information'
    UNION ALL SELECT proname FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace
    WHERE nspname !~ '^pg_|^information'
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information' AND nspname <> 'public'
    """
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute(query)]


@contextmanager
def at(place: Path | str) -> Iterator[Engine]:
    address = f"sqlite:///{place}" if isinstance(place, Path) else place.replace(":", "+psycopg:", 1)
    engine = create_engine(address)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture(params=["issuer", "verifier"])
def office(request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer) -> Moved:
    made = Moved(request.param, tmp_path, postgres)
    made.begin()
    made.fill()
    made.back_up()
    return made


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


def test_each_table_has_the_same_rows_as_in_the_file(office: Moved, url: str) -> None:
    """Beside it the same backup is restored into a file: what a restored office changes, it changes in both."""
    beside, password = office.folder / "beside", office.folder.parent / f"{office.folder.name}.password"
    password.write_text("nobody asks for it\n")
    office.type("restore", str(office.backup), "--data", str(beside))
    where = ("--database-url", url, "--database-password-file", str(password))
    office.type("restore", str(office.backup), "--data", str(office.new), *where)
    with at(beside / office.file.name) as file, at(url) as server:
        assert set(inspect(file).get_table_names()) == {*office.tables, *NOT_COPIED}, "a table of no room"
        assert set(inspect(server).get_table_names()) == {*office.tables, *NOT_COPIED}
        for name, table in office.tables.items():
            there, here = every_table.rows_of(server, table), every_table.rows_of(file, table)
            assert here, f"{name} says nothing: it has no rows"
            if name in BEGUN_ANEW:
                assert (there[0][1], there[0][2]) != (here[0][1], here[0][2])
            else:
                assert there == here, name
    with psycopg.connect(url) as connection:
        query = "SELECT reltuples FROM pg_class WHERE relname = 'audit_log'"
        assert connection.execute(query).fetchone() == (ROWS,), "it plans for what there is"
    assert not (office.new / office.file.name).exists()
    said = office.settings.load(office.new)
    assert (said.database_url, said.database_password_file) == (url, password)
    office.type("audit", "verify", "--data", str(office.new))
    assert sorted(one.name for one in office.folder.iterdir()) == ["beside", "new", "office.backup", "old"]


def test_the_database_is_like_one_that_was_a_postgresql_from_its_first_day(
    office: Moved, url: str, postgres: PostgresServer
) -> None:
    """Types, keys, sequences, triggers, all of them in force: only the rows are others."""
    office.restore(url)
    other = postgres.new_database()
    office.ground.open_database(other).dispose()
    assert described(url) == described(other)
    with psycopg.connect(url) as connection:
        for statement in ("UPDATE audit_log SET reason = 'none'", "DELETE FROM audit_log", "TRUNCATE audit_log"):
            with pytest.raises(psycopg.errors.RaiseException, match="never changed or removed"):
                connection.execute(statement)
            connection.rollback()


def described(url: str) -> list[tuple[Any, ...]]:
    query = """
    SELECT 'column', table_name, column_name, data_type || coalesce(character_maximum_length::text, '')
        || is_nullable || coalesce(column_default, '')
        FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'key', conrelid::regclass::text, conname, pg_get_constraintdef(oid) || convalidated
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger
        WHERE NOT tgisinternal
    UNION ALL SELECT 'internal', tgrelid::regclass::text, count(*)::text, tgenabled::text FROM pg_trigger
        WHERE tgisinternal GROUP BY tgrelid, tgenabled
    UNION ALL SELECT 'table', relname, coalesce(reloptions::text, ''), relkind::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
    ORDER BY 1, 2, 3, 4
    """
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_the_journal_begins_one_further_behind_a_hash_that_no_line_has(tmp_path: Path, url: str) -> None:
    """So that no line of either side is taken for one that continues the other, or is from before it."""
    file = tmp_path / "issuer.sqlite"
    issuer.ground.database.open_database(file, journal=False).dispose()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE journal_place SET number = 41")
        (before,) = connection.execute("SELECT sha256 FROM journal_place").fetchone()
    issuer.ground.copies.move_file(file, url, None)
    with psycopg.connect(url) as server:
        ((number, sha256),) = server.execute("SELECT number, sha256 FROM journal_place").fetchall()
    assert number == 42 and sha256 != before and re.fullmatch("[0-9a-f]{64}", sha256)


def test_numbers_go_on_behind_the_highest_that_there_ever_was(office: Moved, url: str) -> None:
    """Also where its row is gone: an AUTOINCREMENT of SQLite gives no number twice."""
    with closing(sqlite3.connect(office.file)) as file:
        remembered = dict(file.execute("SELECT * FROM sqlite_sequence")) if office.name == "issuer" else {}
    assert office.name == "verifier" or remembered["news"] == ROWS
    if office.name == "issuer":
        office.sql("DELETE FROM news WHERE number = ?", ROWS)
        office.back_up()
    office.restore(url)
    counted = 0
    with psycopg.connect(url) as connection:
        for name, table in office.tables.items():
            column = table.autoincrement_column
            if column is None:
                continue
            counted += 1
            highest = connection.execute(f"SELECT max({column.name}) FROM {name}".encode()).fetchone()
            query = f"SELECT nextval(pg_get_serial_sequence('{name}', '{column.name}'))"
            following = connection.execute(query.encode()).fetchone()
            assert highest and following
            assert following[0] - highest[0] == (2 if name == "news" else 1), name
    assert counted > 3


@pytest.mark.parametrize("name", ["issuer", "verifier"])
def test_whatever_rows_there_are_both_databases_give_the_same(
    name: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    office = Moved(name, tmp_path, postgres)
    office.ground.open_database(tmp_path / "empty.sqlite").dispose()
    filled = postgres.new_database()
    office.ground.open_database(filled).dispose()
    texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
    jsons = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )

    @settings(max_examples=25, deadline=None, phases=[Phase.generate])
    @given(
        st.builds(
            Values,
            texts=st.lists(texts, min_size=1, max_size=12),
            numbers=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=5),
            bytes=st.lists(st.binary(max_size=40), min_size=1, max_size=3),
            jsons=st.lists(jsons, min_size=1, max_size=4),
        ),
        st.integers(1, 4),
    )
    def same(values: Values, rows: int) -> None:
        file = tmp_path / "one.sqlite"
        shutil.copyfile(tmp_path / "empty.sqlite", file)
        with office.ground.unmigrated(file) as engine, office.ground.writing(engine) as connection:
            every_table.fill(connection, office.ground.metadata, rows=rows, values=values)
        with at(filled) as server, server.connect() as connection, at(file) as source:
            for table in BEGUN_ANEW & set(office.tables):
                connection.exec_driver_sql(f"DELETE FROM {table}")
            office.moving.fill(connection, file)
            for table in office.tables.values():
                assert every_table.rows_in(connection, table) == every_table.rows_of(source, table), table.name

    same()


# What cannot be taken along


def first_text(office: Moved) -> tuple[str, str]:
    """A table and a column of it that holds some text."""
    return {"issuer": ("persons", "name"), "verifier": ("redemptions", "event")}[office.name]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("a\0b", r"{column} of {table} has a NUL character in a text \(rowid 2 in the file\), which a PostgreSQL"),
        ("x" * 3_000, r"{column} of {table} is not taken: value too long for type character varying"),
        (b"\x01", r"{column} of {table} holds bytes in a row where text was expected"),
    ],
    ids=["NUL", "too long", "bytes"],
)
def test_a_value_that_a_postgresql_cannot_keep_is_named(
    office: Moved, url: str, value: str | bytes, sentence: str
) -> None:
    table, column = first_text(office)
    office.sql(f"UPDATE {table} SET {column} = ? WHERE rowid = 2", value)
    office.back_up()
    said = office.refused(url)
    assert re.search(sentence.format(table=table, column=column), said), said
    assert said.startswith(f"Nothing was taken along into {url.rpartition('/')[2]} at 127.0.0.1: ")
    assert "xxx" not in said
    office.sql(f"UPDATE {table} SET {column} = 'better' WHERE rowid = 2")
    office.back_up()
    assert office.restore(url).moved, "into the very database that was refused"


def test_a_number_that_is_too_large_and_a_row_that_points_at_nothing_are_refused(office: Moved, url: str) -> None:
    table, column = {"issuer": ("status_lists", "used"), "verifier": ("redemptions", "percent")}[office.name]
    office.sql(f"UPDATE {table} SET {column} = 99999999999 WHERE rowid = 1")
    office.back_up()
    assert f'{column} of {table} is not taken: value "99999999999" is out of range' in office.refused(url)
    office.sql(f"UPDATE {table} SET {column} = 1 WHERE rowid = 1")
    table, column = {"issuer": ("accounts", "person_id"), "verifier": ("shop_orders", "redemption_id")}[
        office.name
    ]
    office.sql(f"UPDATE {table} SET {column} = 77 WHERE rowid = 1")
    office.back_up()
    assert f'{table} is not taken: insert or update on table "{table}" violates foreign key' in office.refused(url)


def test_a_table_or_a_column_of_somebodys_own_is_not_forgotten_silently(office: Moved, url: str) -> None:
    office.sql("CREATE TABLE notes (text TEXT)")
    office.back_up()
    assert "notes is a table of one of the two databases only" in office.refused(url)
    office.sql("DROP TABLE notes")
    table, _ = first_text(office)
    office.sql(f"ALTER TABLE {table} ADD COLUMN remark TEXT")
    office.back_up()
    assert f"remark is a column of {table} in one of the two databases only" in office.refused(url)


# Mistaken uses


def test_a_database_that_does_not_do_is_told_in_a_sentence(
    office: Moved, url: str, postgres: PostgresServer
) -> None:
    postgres.execute("CREATE TABLE somebodys (id int)", database=url.rpartition("/")[2])
    assert "is not empty: a new one was expected" in office.refused(url, left=True)
    assert things_in(url) == ["somebodys"], "and is left as it was"
    assert "database_url is not usable" in office.refused("mysql://root@127.0.0.1/office", left=True)
    assert "Connection refused" in office.refused("postgresql://postgres@127.0.0.1:1/office", left=True)
    gone = url.replace(url.rpartition("/")[2], "nowhere")
    assert 'database "nowhere" does not exist' in office.refused(gone, left=True)
    with something_else() as port:
        address = f"postgresql://postgres@127.0.0.1:{port}/office"
        assert "received invalid response to SSL negotiation" in office.refused(address, left=True)
    other = postgres.new_database()
    name = other.rpartition("/")[2]
    postgres.execute(f"DROP DATABASE {name}")
    postgres.execute(f"CREATE DATABASE {name} ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    assert f"{name} at 127.0.0.1 keeps text as LATIN1: one with UTF8 was expected" in office.refused(other)
    for says, sentence in {
        "PostgreSQL 11.22 on x86_64": " is on PostgreSQL 11.22: 12 or newer was expected.",
        "CockroachDB CCL v23.1.0": " at 127.0.0.1 is not on a PostgreSQL.",
    }.items():
        other = postgres.new_database()
        version = f"FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql AS $$ SELECT '{says}'::text $$"
        postgres.execute(f"CREATE OR REPLACE {version}", database=other.rpartition("/")[2])
        assert office.refused(other).endswith(sentence)
    password = office.folder.parent / "no such file"
    with pytest.raises(office.ground.DatabaseError, match="password cannot be read from"):
        office.restore(url, database_password_file=password)
    office.check_nothing(None)


def test_who_comes_between_the_look_and_the_filling_keeps_what_is_theirs(
    office: Moved, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another office of the same kind began there meanwhile, and has no rows yet."""
    look = office.copies.check_new

    def look_and_wait(*where: Any) -> None:
        look(*where)
        office.ground.open_database(url).dispose()

    monkeypatch.setattr(office.copies, "check_new", look_and_wait)
    assert "is not empty: a new one was expected" in office.refused(url, left=True)
    assert {*office.tables, *NOT_COPIED} <= set(things_in(url))


@contextmanager
def something_else() -> Iterator[int]:
    """A server that is no PostgreSQL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with listening.accept()[0] as connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join()


# What goes wrong in the middle


class Broken(Exception):  # noqa: N818 - of no office
    """Something that nobody foresaw."""


def hang_up(url: str) -> None:
    """Whoever is connected loses the connection, as when a cable is cut."""
    name = url.rpartition("/")[2]
    with psycopg.connect(url.replace(name, "postgres"), autocommit=True) as connection:
        query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        connection.execute(query.encode())


Fault = Callable[[Moved, str, pytest.MonkeyPatch], type[Exception]]


def a_step_fails(of: Callable[[Moved], tuple[ModuleType, str]], *, after: int, cuts: bool) -> Fault:
    """Something is raised, or the connection is cut, when a step was done so many times."""

    def fault(office: Moved, url: str, patch: pytest.MonkeyPatch) -> type[Exception]:
        module, step = of(office)
        real, done = getattr(module, step), iter(range(after))

        def failing(*arguments: Any, **named: Any) -> Any:
            if next(done, None) is None:
                if not cuts:
                    raise Broken
                hang_up(url)
            return real(*arguments, **named)

        patch.setattr(module, step, failing)
        return office.ground.DatabaseError if cuts else Broken

    return fault


def cut_within_a_copy(office: Moved, url: str, patch: pytest.MonkeyPatch) -> type[Exception]:
    """Far more rows than are on the way at a time, and the connection is cut between them."""
    real, tables = office.moving._rows, iter(range(5))

    def rows(source: sqlite3.Connection, table: Any) -> Iterator[tuple[Any, ...]]:
        found = list(real(source, table))
        yield from found
        if next(tables, None) is None:
            hang_up(url)
            for _ in range(200_000):
                yield from found[:1]

    patch.setattr(office.moving, "_rows", rows)
    return office.ground.DatabaseError  # type: ignore[no-any-return]


def cut_at_the_commit(office: Moved, url: str, patch: pytest.MonkeyPatch) -> type[Exception]:
    """Nobody knows whether it was kept: it is taken away."""
    real = Connection.commit

    def commit(self: Connection) -> None:
        if self.dialect.name == "postgresql" and self.get_execution_options().get("writes"):
            patch.setattr(Connection, "commit", real)
            real(self)
            raise office.ground.CommitUnknownError
        real(self)

    patch.setattr(Connection, "commit", commit)
    return office.ground.DatabaseError  # type: ignore[no-any-return]


FAULTS: dict[str, Fault] = {
    "the first table fails": a_step_fails(lambda office: (office.moving, "_copy"), after=0, cuts=False),
    "a table fails": a_step_fails(lambda office: (office.moving, "_copy"), after=9, cuts=False),
    "the last sequence fails": a_step_fails(lambda office: (office.moving, "_count_on"), after=12, cuts=False),
    "the settings are not written": a_step_fails(
        lambda office: (office.settings, "name_database"), after=0, cuts=False
    ),
    "the folder is not put in place": a_step_fails(
        lambda office: (office.whole.os, "replace"), after=0, cuts=False
    ),
    "cut between tables": a_step_fails(lambda office: (office.moving, "_copy"), after=7, cuts=True),
    "cut before a sequence": a_step_fails(lambda office: (office.moving, "_count_on"), after=12, cuts=True),
    "cut within a table": cut_within_a_copy,
    "cut at the commit": cut_at_the_commit,
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_goes_wrong_half_way_leaves_neither_a_folder_nor_tables(
    office: Moved,
    url: str,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with monkeypatch.context() as patch:
        expected = FAULTS[name](office, url, patch)
        with pytest.raises(expected) as told:
            office.restore(url)
    if expected is not Broken:
        said = str(told.value)
        assert said.endswith(".") and "\n" not in said
        assert [one.message for one in caplog.records if one.levelno > logging.INFO] == [], "the sentence alone"
    office.check_nothing(url)
    assert office.restore(url).moved, "into the very database in which it went wrong"


def test_a_long_copy_is_not_ended_by_the_servers_patience(
    office: Moved, url: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, real, slow = url.rpartition("/")[2], office.moving._rows, iter([1.5])
    postgres.execute(f"ALTER DATABASE {name} SET statement_timeout = '1s'")

    def rows(source: sqlite3.Connection, table: Any) -> Iterator[tuple[Any, ...]]:
        time.sleep(next(slow, 0.0))
        yield from real(source, table)

    monkeypatch.setattr(office.moving, "_rows", rows)
    assert office.restore(url).moved


def test_how_far_it_is_is_told(office: Moved, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office.moving, "SHOWN_EVERY", 2)
    told: list[int] = []
    office.restore(url, shown=told.append)
    assert told == sorted(told) and told[0] == 2
    with at(url) as server:
        assert told[-1] == sum(len(every_table.rows_of(server, table)) for table in office.tables.values())
