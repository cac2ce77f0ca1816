"""Writers that share a transaction: each gets its own outcome, once it is on the disk, whatever the others do."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from verifier.desk import store
from verifier.ground import committer as ground
from verifier.ground import database
from verifier.ground.committer import Committer
from verifier.ground.database import CommitUnknownError, DatabaseError, open_database, reading, writing


@pytest.fixture
def engine(tmp_path: Path, database: dict[str, Any]) -> Iterator[Engine]:
    engine = open_database(database.get("database_url") or tmp_path / "verifier.sqlite")
    yield engine
    engine.dispose()


class Links:
    """Writes names as desk links; `batches` are what shared a transaction."""

    def __init__(self, engine: Engine, *, touches: Callable[[str], set[str]] = lambda name: {name}) -> None:
        self.engine, self.batches = engine, list[list[str]]()
        self.committer = Committer[str, str](engine, self.carry_out, touches=touches)

    def carry_out(self, connection: Connection, names: Sequence[str]) -> Sequence[str | Exception]:
        self.batches.append(list(names))
        outcomes: list[str | Exception] = []
        for name in names:
            if name.startswith("refused"):
                outcomes.append(ValueError(name))
                continue
            if store.event_of(connection, token_sha256=name) is None:
                store.add_link(connection, token_sha256=name, event="summit", now=datetime.now(UTC))
            if name.startswith("broken"):
                raise RuntimeError(name)
            outcomes.append(name)
        return outcomes

    def together(self, names: Sequence[str]) -> list[str | Exception]:
        """Submit all while another writer has the lock, so that they wait at the same moment."""

        def submitted(name: str) -> str | Exception:
            try:
                return self.committer.submit(name)
            except Exception as error:
                return error

        with ThreadPoolExecutor(len(names)) as pool:
            with writing(self.engine):
                started = [pool.submit(submitted, name) for name in names]
                time.sleep(0.2)
            return [future.result() for future in started]

    def kept(self) -> set[str]:
        with reading(self.engine) as connection:
            return set(connection.execute(text("SELECT token_sha256 FROM desk_links")).scalars())


@pytest.fixture
def links(engine: Engine) -> Links:
    return Links(engine)


def test_those_who_wait_at_once_share_a_transaction(links: Links) -> None:
    names = [f"name-{number}" for number in range(20)]
    assert links.together(names) == names
    assert len(links.batches) <= 2
    assert links.kept() == set(names)


def test_what_one_is_refused_is_its_own(links: Links) -> None:
    told = links.together(["a", "refused", "b"])
    assert [str(outcome) for outcome in told] == ["a", "refused", "b"]
    assert isinstance(told[1], ValueError)
    assert links.kept() == {"a", "b"}


def test_what_one_breaks_is_undone_and_its_own(links: Links) -> None:
    told = links.together(["a", "broken", "b"])
    assert [str(outcome) for outcome in told] == ["a", "broken", "b"]
    assert isinstance(told[1], RuntimeError)
    assert links.kept() == {"a", "b"}
    assert links.committer.submit("c") == "c"


def test_what_touches_the_same_is_never_in_one_transaction(engine: Engine) -> None:
    links = Links(engine, touches=lambda name: {name[0]})
    names = ["a1", "a2", "b1", "a3", "b2"]
    assert links.together(names) == names
    assert all(len({name[0] for name in batch}) == len(batch) for batch in links.batches)
    assert links.kept() == set(names)


def test_nobody_is_answered_before_the_commit(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    seen: list[bool] = []

    @contextmanager
    def slow_to_commit(engine: Engine) -> Iterator[Connection]:
        with writing(engine) as connection:
            yield connection
            time.sleep(0.2)
            seen.append(answered.is_set())

    monkeypatch.setattr(ground, "writing", slow_to_commit)
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(links.committer.submit, f"name-{number}") for number in range(4)]:
            future.add_done_callback(lambda _: answered.set())
    assert seen[0] is False


def test_when_nothing_can_be_written_all_are_told_so(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def full(engine: Engine) -> Iterator[Connection]:
        with writing(engine) as connection:
            yield connection
            raise DatabaseError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(ground, "writing", full)
        told = links.together(["a", "b", "c"])
    assert [str(outcome) for outcome in told] == ["The disk is full."] * 3
    assert len({id(outcome) for outcome in told}) == 3, "each thread raises its own"
    assert links.kept() == set()
    assert links.committer.submit("a") == "a"


@pytest.mark.parametrize("kept", [True, False])
def test_after_a_commit_that_nobody_knows_of_it_is_found_out(
    links: Links, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    faults = [True]

    @contextmanager
    def lost(engine: Engine) -> Iterator[Connection]:
        if not faults:
            with database.writing(engine) as connection:
                yield connection
            return
        faults.clear()
        try:
            with writing(engine) as connection:
                yield connection
                if not kept:
                    raise DatabaseError("gone before")
        except DatabaseError:
            pass
        raise CommitUnknownError()

    monkeypatch.setattr(ground, "writing", lost)
    assert links.committer.submit("a") == "a"
    assert links.kept() == {"a"}


def test_a_database_that_stays_away_after_it_is_not_called_nothing(
    links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def lost(engine: Engine) -> Iterator[Connection]:
        with writing(engine) as connection:
            yield connection
        raise CommitUnknownError()

    monkeypatch.setattr(ground, "FIND_OUT_SECONDS", 0.5)
    monkeypatch.setattr(ground, "writing", lost)
    with pytest.raises(CommitUnknownError):
        links.committer.submit("a")


def test_while_one_transaction_is_written_another_is_made_ready(engine: Engine) -> None:
    """Where a database is another program two lead: nobody's item is lost, doubled, or in the other's batch."""
    begun, go_on = threading.Semaphore(0), threading.Event()
    batches: list[list[str]] = []

    def at_once(_: Engine, names: Sequence[str]) -> Sequence[str]:
        batches.append(list(names))
        begun.release()
        assert go_on.wait(10)
        return [f"done {name}" for name in names]

    def carry_out(connection: Connection, names: Sequence[str]) -> Sequence[str | Exception]:
        raise AssertionError("the short way was enough")

    committer = Committer[str, str](engine, carry_out, touches=lambda name: {name}, at_once=at_once)
    with ThreadPoolExecutor(8) as pool:
        first = [pool.submit(committer.submit, f"first {n}") for n in range(2)]
        assert begun.acquire(timeout=10) and begun.acquire(timeout=10)
        assert len(batches) == 2, "both are on their way at the same moment"
        others = [pool.submit(committer.submit, f"other {n}") for n in range(6)]
        time.sleep(0.1)
        assert len(batches) == 2, "and nobody else before one of them is done"
        go_on.set()
        assert [one.result(10) for one in first] == ["done first 0", "done first 1"]
        assert [one.result(10) for one in others] == [f"done other {n}" for n in range(6)]
    assert sorted(name for batch in batches for name in batch) == sorted(
        [f"first {n}" for n in range(2)] + [f"other {n}" for n in range(6)]
    )
    assert committer.submit("last") == "done last", "whoever led has made room for the next"


def test_of_many_who_touch_the_same_each_gets_an_outcome(engine: Engine) -> None:
    """A leader's own item is always in its own batch, also where somebody before it touches the same."""
    together: list[list[str]] = []

    def at_once(_: Engine, names: Sequence[str]) -> Sequence[str]:
        together.append(list(names))
        time.sleep(0.001)
        return list(names)

    def carry_out(connection: Connection, names: Sequence[str]) -> Sequence[str | Exception]:
        raise AssertionError("the short way was enough")

    committer = Committer[str, str](engine, carry_out, touches=lambda name: {name[0]}, at_once=at_once)
    names = [f"{letter}{number}" for number in range(60) for letter in "aab"]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(committer.submit, names)) == names
    assert sorted(name for batch in together for name in batch) == sorted(names)
    assert all(len({name[0] for name in batch}) == len(batch) for batch in together)
