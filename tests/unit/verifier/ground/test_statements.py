"""Statements for many rows: what is given comes back as it was, and a whole transaction is written or nothing."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from tests.postgres import PostgresServer
from verifier.ground.database import (
    SHARED_LOCK,
    CommitUnknownError,
    DatabaseError,
    open_database,
    reading,
    writing,
)
from verifier.ground.statements import Statement, run_all
from verifier.registration import store
from verifier.registration.shops import store as shop_store
from verifier.registration.store import Grant, HolderName, NewAnswer, NewGrant, RequestName, Standing

AT = datetime(2027, 2, 1, 9, 0, tzinfo=UTC)
AWKWARD = """it's "100 %" \\ {0} $1 :x ?; -- Ø 漢 🎫"""


@pytest.fixture
def engine(tmp_path: Path, database: dict[str, Any]) -> Iterator[Engine]:
    engine = open_database(database.get("database_url") or tmp_path / "verifier.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def server(postgres: PostgresServer, empty_office: str) -> Iterator[Engine]:
    """The one that takes a transaction as one message."""
    url = postgres.new_database(like=empty_office)
    engine = open_database(url)
    yield engine
    engine.dispose()
    postgres.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


def grant(number: int, *, holder: str = "", voucher: str = "", issuer: str = "did:web:a") -> NewGrant:
    row = Grant("summit", "ticket-discount", issuer, "a", False, 50, "holder_code", voucher or f"V-{number}", AT)
    name = HolderName("summit", "ticket-discount", issuer, holder or f"urn:uuid:{number}")
    return NewGrant(number, row, [name], [Standing(issuer, "0" * 64, "key")])


def answer(number: int, *, request: str = "") -> NewAnswer:
    return NewAnswer("summit", request or f"request-{number}", "f" * 64, "granted", number, AT)


def add(engine: Engine, *grants: NewGrant, at_most: int = 1000, request: str = "") -> bool:
    """Whether they were granted, each under a request of its own number unless one is given."""
    return shop_store.grant_all(
        engine,
        grants=[replace(new, id=number) for number, new in enumerate(grants, start=1)],
        answers=[
            replace(answer(new.id, request=request), redemption_id=number)
            for number, new in enumerate(grants, start=1)
        ],
        orders=[],
        at_most=at_most,
        now=AT,
    )


def granted(engine: Engine) -> list[tuple[int, str]]:
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(text("SELECT id, voucher FROM redemptions ORDER BY id"))]


def test_values_come_back_as_they_were_given(engine: Engine) -> None:
    row = replace(grant(1).grant, voucher=AWKWARD, counted=True, achievement=AWKWARD)
    with writing(engine) as connection:
        run_all(connection, store.writing_of(grants=[NewGrant(1, row, [])], answers=[]))
        known = store.look(connection, requests=[], names=[], codes=[AWKWARD, "another"])
        kept = connection.execute(store.redemptions.select()).one()
    assert known.given == {AWKWARD}
    assert (kept.achievement, kept.counted, kept.percent, kept.granted_at) == (AWKWARD, True, 50, AT)
    assert (kept.released_at, kept.state) == (None, "granted")


def test_only_whole_keys_are_found(engine: Engine) -> None:
    name = grant(1).names[0]
    with writing(engine) as connection:
        run_all(connection, store.writing_of(grants=[grant(1)], answers=[answer(1)]))
        known = store.look(
            connection,
            requests=[RequestName("summit", "request-1"), RequestName("other", "request-1")],
            names=[name, name._replace(issuer="did:web:b"), name._replace(event="other")],
        )
    assert known.redeemed == {name}
    assert set(known.answers) == {RequestName("summit", "request-1")}
    assert known.newest == 1


def test_a_statement_that_fails_undoes_the_transaction_and_can_be_run_again(engine: Engine) -> None:
    calls = store.writing_of(grants=[grant(1)], answers=[])
    with pytest.raises(IntegrityError), writing(engine) as connection:
        run_all(connection, [*calls, *calls])
    with writing(engine) as connection:
        run_all(connection, calls)
    assert granted(engine) == [(1, "V-1")]


def test_what_is_all_new_is_written_after_the_newest(server: Engine) -> None:
    assert add(server, grant(1), grant(2))
    assert add(server, grant(1, holder="urn:uuid:7", voucher="V-7"), request="request-7")
    assert granted(server) == [(1, "V-1"), (2, "V-2"), (3, "V-7")]
    with reading(server) as connection:
        request = RequestName("summit", "request-7")
        assert store.answer_to(connection, request) == store.Answer("f" * 64, "granted", 50, "V-7")


@pytest.mark.parametrize(
    ("new", "request_id"),
    [
        (grant(1, voucher="V-7"), "request-7"),
        (grant(1, holder="urn:uuid:7"), "request-7"),
        (grant(1, holder="urn:uuid:7", voucher="V-7"), "request-1"),
    ],
    ids=["the holder's name", "the voucher", "the request"],
)
def test_where_one_key_is_known_nothing_is_written(server: Engine, new: NewGrant, request_id: str) -> None:
    assert add(server, grant(1))
    beside = grant(2, holder="urn:uuid:8", voucher="V-8")

    assert not shop_store.grant_all(
        server,
        grants=[new, beside],
        answers=[answer(1, request=request_id), answer(2, request="request-8")],
        orders=[],
        at_most=1000,
        now=AT,
    )
    assert granted(server) == [(1, "V-1")]


def test_what_others_are_writing_is_not_waited_for(server: Engine) -> None:
    """Their rows are not in each other's way, so they wait for the disk side by side."""
    with begun(server, SHARED_LOCK):
        assert add(server, grant(1))


def test_nothing_is_written_beside_a_writer_who_has_the_lock_alone(server: Engine) -> None:
    with ThreadPoolExecutor(1) as threads:
        with writing(server) as connection:
            added = threads.submit(add, server, grant(1))
            wait_for_who_waits(connection)
            assert not added.done()
            run_all(connection, store.writing_of(grants=[grant(1)], answers=[]))
            store.count_on(connection)
        assert not added.result()
    assert granted(server) == [(1, "V-1")]


def test_a_writer_who_wants_the_lock_alone_waits_until_nobody_shares_it(server: Engine) -> None:
    def write() -> list[object]:
        with writing(server) as connection:
            return list(connection.execute(text("SELECT voucher FROM redemptions")).scalars())

    with ThreadPoolExecutor(1) as threads:
        with begun(server, SHARED_LOCK) as connection:
            found = threads.submit(write)
            wait_for_who_waits(connection)
            run_all(connection, store.writing_of(grants=[grant(1)], answers=[]))
        assert found.result() == ["V-1"]


@pytest.mark.parametrize("comes_about", [True, False])
def test_of_two_who_write_one_name_at_the_same_moment_one_does(server: Engine, comes_about: bool) -> None:
    with ThreadPoolExecutor(1) as threads:
        with begun(server, SHARED_LOCK) as connection:
            run_all(connection, store.writing_of(grants=[replace(grant(1), id=900)], answers=[]))
            added = threads.submit(add, server, grant(1, voucher="V-2"), grant(3))
            wait_for_who_waits(connection)
            if not comes_about:
                connection.rollback()
        assert added.result() is not comes_about
    assert [voucher for _, voucher in granted(server)] == (["V-1"] if comes_about else ["V-2", "V-3"])


def test_two_who_wait_for_each_other_are_looked_at_again(server: Engine) -> None:
    """One of the two is undone by the database, whichever it is, and told that it wrote nothing."""
    first, second = grant(1), grant(2)
    with ThreadPoolExecutor(1) as threads, begun(server, SHARED_LOCK) as connection:
        run_all(connection, store.writing_of(grants=[replace(second, id=900)], answers=[]))
        added = threads.submit(add, server, grant(1, voucher="V-3"), grant(2, voucher="V-4"))
        wait_for_who_waits(connection)
        try:
            run_all(connection, store.writing_of(grants=[replace(first, id=901)], answers=[]))
            connection.commit()
            wrote = True
        except OperationalError as error:
            assert "deadlock" in str(error)
            connection.rollback()
            wrote = False
        assert added.result() is not wrote
    assert [voucher for _, voucher in granted(server)] == (["V-2", "V-1"] if wrote else ["V-3", "V-4"])


def test_who_is_refused_uses_no_numbers_up(server: Engine) -> None:
    """However often a badge is tried again, the numbers stay as many as there were grants."""
    assert add(server, grant(1))
    assert not any(add(server, grant(1, voucher=f"V-{n}"), request=f"request-{n}") for n in range(2, 9))
    assert add(server, grant(9))
    assert granted(server) == [(1, "V-1"), (2, "V-9")]


def test_numbers_that_were_given_otherwise_are_not_given_again(server: Engine) -> None:
    with writing(server) as connection:
        run_all(connection, store.writing_of(grants=[replace(grant(1), id=41)], answers=[]))
        store.count_on(connection)
    assert add(server, grant(2), grant(3))
    assert granted(server) == [(41, "V-1"), (42, "V-2"), (43, "V-3")]


def test_where_that_was_not_said_nothing_is_written(server: Engine) -> None:
    """As in a database of an earlier program; who looks then says it."""
    with writing(server) as connection:
        run_all(connection, store.writing_of(grants=[grant(1)], answers=[]))
    assert not add(server, grant(2))
    assert granted(server) == [(1, "V-1")]


def test_another_issuers_holder_of_the_same_name_is_not_in_the_way(server: Engine) -> None:
    assert add(server, grant(1))
    assert add(server, grant(1, issuer="did:web:b", voucher="V-2"), request="request-2")


def test_with_too_many_before_nothing_is_written(server: Engine) -> None:
    assert add(server, grant(1), at_most=1)
    assert not add(server, grant(2), at_most=1)
    assert granted(server) == [(1, "V-1")]


def test_rows_that_clash_among_themselves_are_not_written(server: Engine) -> None:
    """The unique keys are the second line; who is told False looks again."""
    assert not add(server, grant(1), grant(2, holder="urn:uuid:1"))
    assert granted(server) == []
    assert add(server, grant(1))


def test_a_value_that_does_not_fit_is_refused_in_one_sentence(server: Engine) -> None:
    with pytest.raises(DatabaseError, match="nothing was"):
        add(server, grant(1, voucher="V" * 100))
    assert add(server, grant(1))


def test_a_server_that_went_away_meanwhile_is_not_said_to_have_written_nothing(server: Engine) -> None:
    assert add(server, grant(1))

    cut_off(server)
    with pytest.raises(CommitUnknownError):
        add(server, grant(2))
    assert add(server, grant(2)), "by a new connection"


def test_a_database_that_cannot_be_reached_has_written_nothing(server: Engine) -> None:
    def refuse(*_: object) -> None:
        raise psycopg.OperationalError("connection refused")

    server.dispose()
    event.listen(server, "do_connect", refuse)
    with pytest.raises(DatabaseError, match="nothing was: connection refused") as refused:
        add(server, grant(1))
    assert not isinstance(refused.value, CommitUnknownError)
    event.remove(server, "do_connect", refuse)
    assert add(server, grant(1))


def test_its_connections_end_with_the_engine(server: Engine) -> None:
    assert add(server, grant(1))
    other = create_engine(server.url, connect_args={"autocommit": True})
    server.dispose()
    assert sessions(other) == []
    assert add(server, grant(2)), "and a new one is made for who asks again"
    server.dispose()
    assert sessions(other) == []
    other.dispose()


def test_two_at_a_time_have_a_connection_each_and_one_after_the_other_the_same(server: Engine) -> None:
    """Nobody waits for the other's connection, and nobody is written twice: the lock is the database's."""
    with ThreadPoolExecutor(2) as threads:
        for start in range(1, 40, 2):
            new = {n: grant(1, holder=f"urn:uuid:{n}", voucher=f"V-{n}") for n in (start, start + 1)}
            both = [threads.submit(add, server, one, request=f"request-{n}") for n, one in new.items()]
            assert all(one.result() for one in both)
    assert [number for number, _ in granted(server)] == list(range(1, 41))


def cut_off(server: Engine) -> None:
    """End every session in this database, as a server does that is restarted."""
    other = create_engine(server.url, connect_args={"autocommit": True})
    with other.connect() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                 " AND pid <> pg_backend_pid()")
        )  # fmt: skip
    other.dispose()


@contextmanager
def begun(server: Engine, lock: bytes) -> Iterator[Connection]:
    """A transaction of somebody else, with a lock; committed in the end."""
    other = create_engine(server.url)
    with other.connect() as connection:
        connection.exec_driver_sql(lock.decode())
        yield connection
        connection.commit()
    other.dispose()


def wait_for_who_waits(connection: Connection) -> None:
    """Until somebody waits for a lock in this database."""
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    end = time.monotonic() + 10
    while not connection.execute(asked).scalar_one():
        assert time.monotonic() < end, "nobody waits"
        connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
        time.sleep(0.02)


def sessions(other: Engine) -> list[int]:
    """Who else has a connection to this database, once who is leaving has left."""
    asked = text(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    end = time.monotonic() + 10
    with other.connect() as connection:
        while (found := list(connection.execute(asked).scalars())) and time.monotonic() < end:
            time.sleep(0.02)
    return found


def test_an_unknown_kind_of_value_is_a_mistake_of_ours(engine: Engine) -> None:
    statement = Statement("SELECT {0} FROM {given}", [store.redemptions.c.voucher])
    with writing(engine) as connection, pytest.raises(TypeError, match="no value of a row"):
        run_all(connection, [(statement, [(object(),)])])
