"""The server reads its sources by itself, and gives a source back when it ends in the middle."""

import logging
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from issuer.contributions import collecting, service
from issuer.contributions.collector import Collector, StoppedError
from issuer.contributions.configuration import KINDS, ConfigurationError
from issuer.ground.database import open_database, reading
from issuer.ground.outbound import Outbound
from tests.integration.sources_in_miniature import SYSTEMS, Mood, serving

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GITHUB = next(system for system in SYSTEMS if system.kind == "github")


def test_source_is_read_when_it_is_due_and_only_then(tmp_path: Path) -> None:
    engine, mood, now = open_database(tmp_path / "issuer.sqlite"), Mood(), [NOW]
    with serving(GITHUB, mood) as base:
        source = KINDS["github"].model_validate({"name": "code", "kind": "github", **GITHUB.settings(base)})
        collector = Collector(engine, lambda: {"code": source}, clock=lambda: now[0], every=0.05)
        collector.start()
        while collecting.is_due(engine, source, now=NOW):
            time.sleep(0.02)
        asked = len(mood.requests)
        time.sleep(0.3)
        assert len(mood.requests) == asked
        now[0] = NOW + timedelta(hours=25)
        while len(mood.requests) == asked:
            time.sleep(0.02)
        collector.stop()
        collector.join(10)
        assert not collector.is_alive()
    with reading(engine) as connection:
        assert len(list(service.all_contributions(connection))) == len(GITHUB.stored)
    engine.dispose()


def test_run_that_the_end_of_the_server_cut_is_free_at_once(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "issuer.sqlite")
    with serving(GITHUB, Mood()) as base:
        source = KINDS["github"].model_validate({"name": "code", "kind": "github", **GITHUB.settings(base)})
        collector = Collector(engine, lambda: {"code": source}, clock=lambda: NOW, outbound=lambda _: Outbound())
        collector.stop()
        with pytest.raises(StoppedError):
            collector.round()
        done = collecting.run(engine, source, clock=lambda: NOW)
        assert (done.skipped, done.error) == (False, None)
    engine.dispose()


def test_wrong_file_is_told_once_and_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def wrong() -> dict[str, object]:
        raise ConfigurationError("sources.yaml, code: it is wrong.")

    engine = open_database(tmp_path / "issuer.sqlite")
    collector = Collector(engine, wrong, clock=lambda: NOW)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        assert [collector.round(), collector.round()] == [[], []]
    assert caplog.text.count("it is wrong") == 1
    engine.dispose()
