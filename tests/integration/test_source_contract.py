"""Every source over real HTTP, each against a server in miniature (`sources_in_miniature`): whatever goes wrong,
nothing is lost, nothing is doubled, and the public page says so."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from issuer.contributions import collecting, service
from issuer.contributions.configuration import KINDS
from issuer.contributions.sources.face import Source
from issuer.contributions.web import contributions_router
from issuer.ground.database import open_database, reading
from issuer.ground.outbound import Outbound
from tests.integration.sources_in_miniature import SYSTEMS, Miniature, Mood, Reply, serving

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FAULTS: dict[str, tuple[str, Any]] = {
    "internal error": ("unreachable", lambda reply: (500, {}, b"Internal server error")),
    "a web page": ("wrong", lambda reply: (200, {}, b"<!doctype html><title>Log in</title>")),
    "half an answer": ("unreachable", lambda reply: (200, {"Content-Length": str(len(reply[2]))}, reply[2][:-9])),
    "half that looks whole": ("wrong", lambda reply: (200, dict(reply[1]), reply[2][: len(reply[2]) // 2])),
    "gone elsewhere": ("unreachable", lambda reply: (302, {"Location": "https://login.example/"}, b"")),
    "too many": ("wait", lambda reply: (429, {"Retry-After": "3600"}, b"")),
    "a limit used up": (
        "wait",
        lambda reply: (
            403,
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 900)},
            b"{}",
        ),
    ),
    "a secondary limit": ("wait", lambda reply: (403, {"Retry-After": "60"}, b"{}")),
}


@cache
def _empty_office() -> bytes:
    with TemporaryDirectory() as folder:
        open_database(Path(folder) / "issuer.sqlite").dispose()
        return (Path(folder) / "issuer.sqlite").read_bytes()


def empty(file: Path) -> Path:
    """A new office's database, copied: migrations cost more than the whole of a run."""
    file.write_bytes(_empty_office())
    return file


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(empty(tmp_path / "issuer.sqlite"))
    yield engine
    engine.dispose()


@pytest.fixture(params=SYSTEMS, ids=lambda system: system.kind)
def system(request: pytest.FixtureRequest) -> Miniature:
    found = request.param
    assert isinstance(found, Miniature)
    return found


class Clock:
    """The present, as the test says."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def configured(system: Miniature, base: str) -> Source:
    kind = KINDS[system.kind]
    return kind.model_validate(
        {"name": "tried", "kind": system.kind, "since": "2025-06-01", **system.settings(base)}
    )


def collect(
    engine: Engine, source: Source, clock: Clock, *, seconds: float = 20, again: bool = False
) -> collecting.Run:
    return collecting.run(
        engine, source, clock=clock, outbound=lambda _: Outbound(clock=clock, total_seconds=seconds), again=again
    )


def stored(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return [c.id for c in service.all_contributions(connection)]


def wanted(system: Miniature, base: str) -> list[str]:
    return sorted(name.replace("{host}", urlsplit(base).netloc) for name in system.stored)


def page_of(engine: Engine, source: Source, clock: Clock) -> tuple[dict[str, Any], str]:
    """What the public page says of the source: as data, and for people."""
    app = FastAPI()
    app.include_router(
        contributions_router(engine, clock=clock, community="C", sources=lambda: {source.name: source})
    )

    async def ask() -> tuple[Any, str]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="https://issuer.example"
        ) as client:
            data, page = (
                await client.get("/sources.json"),
                await client.get("/sources", headers={"Accept": "text/html"}),
            )
            return data.json(), page.text

    data, html = asyncio.run(ask())
    (entry,) = data["sources"]
    return entry, html


def test_every_kind_of_source_has_its_miniature() -> None:
    assert {system.kind for system in SYSTEMS} | {"git"} == set(KINDS)


def test_all_is_taken_in_once_however_often_it_is_read(database: Engine, system: Miniature) -> None:
    clock = Clock()
    with serving(system, Mood()) as base:
        source = configured(system, base)
        first = collect(database, source, clock)
        assert first.error is None
        assert stored(database) == wanted(system, base)
        second, third = collect(database, source, clock), collect(database, source, clock)
        assert (second.stored, second.error, third.stored, third.error) == (0, None, 0, None)
        assert stored(database) == wanted(system, base)
        entry, html = page_of(database, source, clock)
        assert entry["last_success"] == "2026-05-01T12:00:00Z"
        assert (entry["fault"], entry["records"], entry["lag_seconds"]) == (None, len(system.stored), 0)
        assert "1 May 2026, 12:00 (UTC)" in html
        assert not re.search(r"ada|grace|ines", html.lower().replace("lines", ""))


def test_lists_that_come_the_other_way_round_lose_nothing(database: Engine, system: Miniature) -> None:
    with serving(system, Mood(reverse=True)) as base:
        assert collect(database, configured(system, base), Clock()).error is None
        assert stored(database) == wanted(system, base)


@pytest.mark.parametrize("fault", FAULTS)
def test_whichever_request_goes_wrong_the_next_run_has_all(tmp_path: Path, system: Miniature, fault: str) -> None:
    expected, make = FAULTS[fault]
    clock = Clock()
    counting = Mood()
    with serving(system, counting) as base:
        engine = open_database(empty(tmp_path / "counting.sqlite"))
        collect(engine, configured(system, base), clock)
        engine.dispose()
    asked = len(counting.requests)
    for wrong in sorted({*range(0, asked, max(1, asked // 5)), asked - 1}):
        mood = Mood(lambda number, reply, wrong=wrong: make(reply) if number == wrong else None)  # type: ignore[misc]
        engine = open_database(empty(tmp_path / f"{wrong}.sqlite"))
        with serving(system, mood) as base:
            source = configured(system, base)
            run = collect(engine, source, clock)
            entry, html = page_of(engine, source, clock)
            assert set(stored(engine)) <= set(wanted(system, base))
            if run.error is None:  # half of a file that cannot be told from a whole one but by its last row
                assert expected == "wrong" and run.refused and entry["refused"] > 0
            else:
                assert run.until is not None and run.until > clock.now
                assert "\n" not in run.error
                assert entry["fault"] in {expected, "wrong"}
                assert "again from" in html
                clock.now = run.until
            mood.spoil = lambda number, reply: None
            assert collect(engine, source, clock, again=True).error is None
            assert stored(engine) == wanted(system, base)
            assert page_of(engine, source, clock)[0]["fault"] is None
        engine.dispose()


def test_429_for_an_hour_delays_and_is_not_pressed(database: Engine, system: Miniature) -> None:
    clock = Clock()

    def busy(number: int, reply: Reply) -> Reply | None:
        left = NOW + timedelta(hours=1) - clock.now
        return (429, {"Retry-After": str(int(left.total_seconds()))}, b"") if left > timedelta() else None

    mood = Mood(busy)
    with serving(system, mood) as base:
        source = configured(system, base)
        for minute in range(0, 60, 5):
            clock.now = NOW + timedelta(minutes=minute)
            run = collect(database, source, clock)
            assert run.until == NOW + timedelta(hours=1)
            assert run.skipped == (minute > 0)
            assert not collecting.is_due(database, source, now=clock.now)
        assert len(mood.requests) == 1
        entry, html = page_of(database, source, clock)
        assert (entry["fault"], entry["again_from"]) == ("wait", "2026-05-01T13:00:00Z")
        assert "be patient" in html
        clock.now = NOW + timedelta(hours=1)
        assert collecting.is_due(database, source, now=clock.now)
        assert collect(database, source, clock).error is None
        assert stored(database) == wanted(system, base)
        assert page_of(database, source, clock)[0]["fault"] is None


def test_answer_that_drips_for_ever_is_given_up(database: Engine, system: Miniature) -> None:
    clock, mood = Clock(), Mood(seconds=0.05)
    long = b" " * 4000
    mood.spoil = lambda number, reply: (reply[0], reply[1], reply[2] + long)
    with serving(system, mood) as base:
        source = configured(system, base)
        run = collect(database, source, clock, seconds=0.3)
        assert run.error is not None and "gave no whole answer in 0.3 s" in run.error
        assert page_of(database, source, clock)[0]["fault"] == "unreachable"
        mood.seconds, mood.spoil = 0.0, lambda number, reply: None
        assert collect(database, source, clock, again=True).error is None
        assert stored(database) == wanted(system, base)


def test_run_that_was_killed_between_two_pages_goes_on(database: Engine, system: Miniature) -> None:
    clock = Clock()

    class Killed(BaseException):
        pass

    def kill(_: int) -> None:
        raise Killed

    with serving(system, Mood()) as base:
        source = configured(system, base)
        for _ in range(30):  # each run is killed after its first page; some go on from there, some begin anew
            with pytest.raises(Killed):
                collecting.run(database, source, clock=clock, outbound=lambda _: Outbound(clock=clock), show=kill)
            assert set(stored(database)) <= set(wanted(system, base))
        assert collect(database, source, clock).error is None
        assert stored(database) == wanted(system, base)


def test_what_is_unchanged_is_not_sent_again(database: Engine, system: Miniature) -> None:
    if not system.has_etag:
        return
    clock, mood = Clock(), Mood()
    with serving(system, mood) as base:
        source = configured(system, base)
        for _ in range(3):
            assert collect(database, source, clock).error is None
        before = len(mood.requests)
        assert collect(database, source, clock).error is None
        assert mood.statuses[before:] == [304]
        assert stored(database) == wanted(system, base)


def test_two_runs_of_one_source_do_not_meet(database: Engine, system: Miniature) -> None:
    clock, second = Clock(), []

    def meanwhile(_: int) -> None:
        second.append(collect(database, source, clock))

    with serving(system, Mood()) as base:
        source = configured(system, base)
        collecting.run(database, source, clock=clock, outbound=lambda _: Outbound(clock=clock), show=meanwhile)
    assert second and all(run.skipped for run in second)


def test_server_that_is_off_is_told_and_tried_again_ever_more_rarely(database: Engine, system: Miniature) -> None:
    clock = Clock()
    with serving(system, Mood()) as base:
        source = configured(system, base)
    waits = []
    for _ in range(9):
        run = collect(database, source, clock)
        assert run.error is not None and "could not be asked" in run.error and run.until is not None
        waits.append((run.until - clock.now).total_seconds() / 60)
        clock.now = run.until
    assert waits == [5, 10, 20, 40, 80, 160, 320, 360, 360]
    (matter,) = service.matters(database, [source], now=clock.now)
    assert (matter.kind, matter.page) == ("alarm", "/sources")
