"""A process that stores contributions is killed at any moment; running it again ends as if nothing had been."""

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from issuer.contributions import service
from issuer.contributions.model import Contribution
from issuer.ground.database import open_database, reading

ROOT = Path(__file__).resolve().parents[2]
ROWS = 5000
KILLS = 5

# What `badge-issuer collect csv` does, without the rest of the command line; it says when it begins to write.
COLLECT = """
import sys
from pathlib import Path
from issuer.contributions import service
from issuer.contributions.sources.csv_records import read_csv
from issuer.ground.database import open_database
from schemas import timestamps

now = timestamps.parse("2026-05-01T00:00:00Z")
contributions, report = read_csv(Path(sys.argv[1]).read_bytes(), source="csv_of_record", now=now)
assert not report.refused, report
engine = open_database(Path(sys.argv[2]))
print("begins", flush=True)
print(service.store(engine, contributions, now=now).stored)
"""


def table(file: Path) -> None:
    began = datetime(2025, 1, 1, tzinfo=UTC)
    rows = ["id,record,account,happened_at,title,quantity,unit"]
    for number in range(ROWS):
        when = (began + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.append(
            f"t{number},translation.approved,weblate:p{number % 83},{when},Words {number},{number + 1},words"
        )
    file.write_text("\n".join(rows), encoding="utf-8")


def stored(database: Path) -> list[Contribution]:
    engine = open_database(database)
    with reading(engine) as connection:
        found = list(service.all_contributions(connection))
    engine.dispose()
    return found


def collect(source: Path, database: Path, *, kill_after: float | None = None) -> float:
    """Run a collection in a process of its own; how many seconds it wrote before it ended, or was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", COLLECT, str(source), str(database)], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begins\n"
        began = time.monotonic()
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        process.stdout.read()
        process.wait()
    assert process.returncode in ((0,) if kill_after is None else (0, -signal.SIGKILL))
    return time.monotonic() - began


def test_killed_collection_is_completed_by_running_it_again(tmp_path: Path) -> None:
    source, database = tmp_path / "words.csv", tmp_path / "killed.sqlite"
    table(source)
    seconds = collect(source, tmp_path / "whole.sqlite")
    whole = stored(tmp_path / "whole.sqlite")
    assert len(whole) == ROWS
    moments = random.Random(2026)
    left_behind = []
    for _ in range(KILLS):
        collect(source, database, kill_after=moments.uniform(0, seconds / KILLS))
        left_behind.append(len(stored(database)))
    assert all(number % service.CHUNK == 0 for number in left_behind)
    assert min(left_behind) < ROWS  # at least one of them was killed with work to do
    collect(source, database)
    assert stored(database) == whole
