"""Gerrit over real HTTP on this machine: a server in miniature answers as the published records do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine

from issuer.contributions import service
from issuer.contributions.sources.gerrit import GerritError, read_changes
from issuer.ground.database import open_database, reading
from issuer.ground.outbound import Outbound
from schemas import timestamps

NOW = timestamps.parse("2026-05-01T00:00:00Z")
Answer = Callable[[dict[str, list[str]]], tuple[int, bytes]]


@contextmanager
def contract_server(answer: Answer) -> Iterator[str]:
    """Stands in for a Gerrit server: says what `answer` makes of a question's parameters. It is no Gerrit."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, body = answer(parse_qs(parts.query)) if parts.path == "/changes/" else (404, b"Not found")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(tmp_path / "issuer.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def pages(shared: Path) -> list[bytes]:
    return [(shared / "domain" / "gerrit" / f"test_changes_page{n}.response").read_bytes() for n in (1, 2, 3)]


def collect(engine: Engine, base: str) -> service.Counts:
    total = service.Counts()
    for page in read_changes(Outbound(), base, project="openstack/cinder", page_size=1):
        total += service.store(engine, page, now=NOW)
    return total


def test_published_pages_give_one_merged_change_once(database: Engine, pages: list[bytes]) -> None:
    with contract_server(lambda asked: (200, pages[int(asked["S"][0])])) as base:
        assert collect(database, base) == service.Counts(stored=3)
        assert collect(database, base) == service.Counts(duplicates=3)
    with reading(database) as connection:
        stored = list(service.all_contributions(connection))
    assert [(c.record, str(c.account)) for c in stored] == [
        ("change", "gerrit:122761"),
        ("review", "gerrit:132138"),
        ("review", "gerrit:180766"),
    ]
    assert [account.name for account in stored[0].facts.accepted_by] == ["132138", "180766"]


def test_run_that_a_failing_page_stopped_is_completed_by_the_next(database: Engine, pages: list[bytes]) -> None:
    reordered = [pages[2].replace(b'"_number": 604103', b'"_number": 604103, "_more_changes": true'), pages[2]]
    reordered[1] = reordered[1].replace(b"604103", b"604104")
    broken = True

    def answer(asked: dict[str, list[str]]) -> tuple[int, bytes]:
        start = int(asked["S"][0])
        return (500, b"Internal server error") if broken and start else (200, reordered[start])

    with contract_server(answer) as base:
        with pytest.raises(GerritError, match="answered 500; 200 was expected"):
            collect(database, base)
        broken = False
        assert collect(database, base) == service.Counts(stored=3, duplicates=3)
        assert collect(database, base) == service.Counts(duplicates=6)


def test_wrong_address_and_server_that_is_off_are_said_in_one_sentence(database: Engine) -> None:
    with (
        contract_server(lambda _: (200, b")]}'\n[]")) as base,
        pytest.raises(GerritError, match="answered 404"),
    ):
        collect(database, f"{base}/elsewhere")
    with pytest.raises(GerritError, match="could not be asked") as refused:
        collect(database, base)
    assert "\n" not in str(refused.value)
