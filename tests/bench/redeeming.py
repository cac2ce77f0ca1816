"""Eight writers at once: redemptions of the ledger, beside plain programs that write durably, too.

Ours and theirs take turns in one run, a second each, and the sums are compared. Measured is a claim, from being
accepted to being on the disk and answered; verifying is apart. A plain writer of SQLite has a connection of its
own with synchronous=FULL and waits for the lock as SQLite does; per redemption it asks what the ledger asks and
writes three of the rows that the ledger writes. A plain writer of PostgreSQL asks nothing: in one row it does one
`INSERT … ON CONFLICT DO NOTHING` per transaction, in the other row one for each of these three.
"""

import itertools
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.measuring import Row, row
from tests.postgres import PostgresServer, binaries
from tests.unit.verifier.registration.policies import policy
from verifier.ground.database import open_database
from verifier.ground.settings import Settings
from verifier.registration.events import Acceptance
from verifier.registration.ledger import Claim, Ledger
from verifier.registration.reasons import Reason
from verifier.registration.store import Standing

WRITERS = 8
TURNS = 4
TURN_SECONDS = 1.0
ISSUER = "did:web:badges.example.org"
ACHIEVEMENT = "https://badges.example.org/achievements/contributor"
POLICY = policy(capacity=1_000_000)
NOW = datetime(2027, 2, 1, 9, 0, tzinfo=UTC)
STORED_NOW = "2027-02-01T09:00:00.000000+00:00"
ASKED = (
    "SELECT fingerprint, reason FROM redemption_answers WHERE event = ? AND request_id = ?",
    "SELECT 1 FROM redemption_holders"
    " WHERE event = ? AND issuer = ? AND holder = ? AND entitlement = 'ticket-discount'",
    "SELECT count(*) FROM redemptions WHERE event = ?",
)

Work = Callable[[int], None]  # one redemption, of this number


@dataclass
class Tally:
    """How much one side did in its turns, and the longest that anybody waited for one."""

    done: int = 0
    seconds: float = 0.0
    worst: float = 0.0
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def rate(self) -> float:
        return self.done / self.seconds

    def turn(self, works: Iterable[Work]) -> None:
        """All writers work side by side for a while. Who waits at its end is waited for."""
        begins = time.monotonic()
        threads = [threading.Thread(target=self._write, args=(work, begins + TURN_SECONDS)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.seconds += time.monotonic() - begins

    def _write(self, work: Work, end: float) -> None:
        done, worst, now = 0, 0.0, time.monotonic()
        while now < end:
            work(next(self.numbers))
            before, now = now, time.monotonic()
            done, worst = done + 1, max(worst, now - before)
        self.done, self.worst = self.done + done, max(self.worst, worst)


def rows() -> Iterator[Row]:
    """SQLite, then PostgreSQL where this machine has one; and whether one badge wins once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ledger(folder, folder / "ours.sqlite") as ours, plain_files(folder / "theirs.sqlite") as theirs:
            yield from _compared("SQLite", ours, {"a plain writer": theirs})
        yield _winners("SQLite", folder, folder / "one.sqlite")
    found = binaries()
    if found is None:
        return
    server = PostgresServer(found, durable=True)
    try:
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            folder = Path(name)
            ours = stack.enter_context(ledger(folder, server.new_database()))
            one = stack.enter_context(plain_inserts(server.new_database(), all_rows=False))
            three = stack.enter_context(plain_inserts(server.new_database(), all_rows=True))
            yield from _compared(
                "PostgreSQL",
                ours,
                {"one INSERT … ON CONFLICT": one, "the same rows by INSERT … ON CONFLICT": three},
            )
            yield _winners("PostgreSQL", folder, server.new_database())
    finally:
        server.stop()


def _compared(database: str, ours: list[Work], theirs: dict[str, list[Work]]) -> Iterator[Row]:
    redeemed, plain = Tally(), {beside: Tally() for beside in theirs}
    for _ in range(TURNS):
        redeemed.turn(ours)
        for beside, tally in plain.items():
            tally.turn(theirs[beside])
    name = f"redeem, {WRITERS} writers, {database} durable"
    for beside, tally in plain.items():
        yield row(f"{name}, beside {beside}", redeemed.rate, "redemptions/s", baseline=tally.rate)
        yield row(f"{name}, worst wait, beside {beside}", redeemed.worst * 1000, "ms", baseline=tally.worst * 1000)


def _winners(database: str, folder: Path, place: Path | str) -> Row:
    """Of eight writers who redeem one badge for a while, how many were granted it."""
    won: list[int] = []
    engine = open_database(place)
    kept = Ledger(Settings(folder), engine=engine)

    def redeem(number: int) -> None:
        if kept.claim(claim(1, request=number)).reason is Reason.GRANTED:
            won.append(number)

    Tally().turn([redeem] * WRITERS)
    engine.dispose()
    return row(f"redeem one badge, {WRITERS} writers, {database}: winners", len(won), "winners", baseline=1)


@contextmanager
def ledger(folder: Path, place: Path | str) -> Iterator[list[Work]]:
    """The ledger, as one process has it: one for all its threads."""
    engine = open_database(place)
    kept = Ledger(Settings(folder), engine=engine)

    def redeem(number: int) -> None:
        assert kept.claim(claim(number)).reason is Reason.GRANTED

    yield [redeem] * WRITERS
    engine.dispose()


def claim(number: int, *, request: int | None = None) -> Claim:
    """A claim of the holder of this number."""
    acceptance = Acceptance(
        Reason.GRANTED, issuer=ISSUER, achievement=ACHIEVEMENT, percent=50, holders=(reference(number),)
    )
    request_id = f"request-{number if request is None else request}"
    standing = Standing(ISSUER, "0" * 64, f"{ISSUER}#badges-1")
    return Claim(
        POLICY,
        acceptance,
        "holder_code",
        request_id=request_id,
        fingerprint="f" * 64,
        now=NOW,
        standings=(standing,),
    )


def reference(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


@contextmanager
def plain_files(file: Path) -> Iterator[list[Work]]:
    open_database(file).dispose()  # the same tables
    connections = [
        sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False) for _ in range(WRITERS)
    ]
    for connection in connections:
        connection.execute("PRAGMA synchronous=FULL")
    yield [_plain_redemption(connection) for connection in connections]
    for connection in connections:
        connection.close()


def _plain_redemption(connection: sqlite3.Connection) -> Work:
    def redeem(number: int) -> None:
        holder, request = reference(number), f"request-{number}"
        connection.execute("BEGIN IMMEDIATE")
        for asked, values in zip(
            ASKED, ((POLICY.event, request), (POLICY.event, ISSUER, holder), (POLICY.event,)), strict=True
        ):
            connection.execute(asked, values).fetchone()
        made = connection.execute(
            "INSERT INTO redemptions"
            " (event, entitlement, issuer, achievement, counted, percent, proof, generation, voucher, granted_at)"
            " VALUES (?, 'ticket-discount', ?, ?, 0, 50, 'holder_code', 1, ?, ?)",
            (POLICY.event, ISSUER, ACHIEVEMENT, f"VOUCHER-{number}", STORED_NOW),
        )
        connection.execute(
            "INSERT INTO redemption_holders (redemption_id, event, entitlement, issuer, holder)"
            " VALUES (?, ?, 'ticket-discount', ?, ?)",
            (made.lastrowid, POLICY.event, ISSUER, holder),
        )
        connection.execute(
            "INSERT INTO redemption_answers (event, request_id, fingerprint, reason, redemption_id, answered_at)"
            " VALUES (?, ?, ?, 'granted', ?, ?)",
            (POLICY.event, request, "f" * 64, made.lastrowid, STORED_NOW),
        )
        connection.execute("COMMIT")

    return redeem


@contextmanager
def plain_inserts(url: str, *, all_rows: bool) -> Iterator[list[Work]]:
    open_database(url).dispose()
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE TABLE plain (id serial PRIMARY KEY, event text, holder text, UNIQUE (event, holder))"
        )
    connections = [psycopg.connect(url) for _ in range(WRITERS)]
    yield [(_three_inserts if all_rows else _one_insert)(connection) for connection in connections]
    for connection in connections:
        connection.close()


def _one_insert(connection: "psycopg.Connection[tuple[Any, ...]]") -> Work:
    statement = "INSERT INTO plain (event, holder) VALUES (%s, %s) ON CONFLICT DO NOTHING"

    def insert(number: int) -> None:
        connection.execute(statement, (POLICY.event, reference(number)))
        connection.commit()

    return insert


def _three_inserts(connection: "psycopg.Connection[tuple[Any, ...]]") -> Work:
    def insert(number: int) -> None:
        made = connection.execute(
            "INSERT INTO redemptions"
            " (event, entitlement, issuer, achievement, counted, percent, proof, generation, voucher, granted_at)"
            " VALUES (%s, 'ticket-discount', %s, %s, false, 50, 'holder_code', 1, %s, %s)"
            " ON CONFLICT DO NOTHING RETURNING id",
            (POLICY.event, ISSUER, ACHIEVEMENT, f"VOUCHER-{number}", STORED_NOW),
        ).fetchone()
        assert made is not None
        connection.execute(
            "INSERT INTO redemption_holders (redemption_id, event, entitlement, issuer, holder)"
            " VALUES (%s, %s, 'ticket-discount', %s, %s) ON CONFLICT DO NOTHING",
            (made[0], POLICY.event, ISSUER, reference(number)),
        )
        connection.execute(
            "INSERT INTO redemption_answers (event, request_id, fingerprint, reason, redemption_id, answered_at)"
            " VALUES (%s, %s, %s, 'granted', %s, %s) ON CONFLICT DO NOTHING",
            (POLICY.event, f"request-{number}", "f" * 64, made[0], STORED_NOW),
        )
        connection.commit()

    return insert
