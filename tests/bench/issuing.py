"""What it costs to issue a badge from an award to the stored signature, and whether that stays flat."""

import contextlib
import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from issuer.badges import awarding, issuance
from tests.bench.measuring import Row, row
from tests.unit.issuer.office import NOW, open_office

SIZES = (250, 1_000, 4_000)


def rows() -> Iterator[Row]:
    """One badge's CPU time when so many are issued in one run: intent, dictionary, signature, database."""
    smallest = None
    for size in SIZES:
        each = _microseconds_a_badge(size)
        smallest = smallest or each
        yield row(f"issue a badge, one of {size}", each, "CPU microseconds", baseline=smallest)


def _microseconds_a_badge(size: int) -> float:
    people = "name,email,accounts\n" + "".join(f"Person {n},p{n}@books.example,\n" for n in range(size))
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        office = open_office(Path(folder), people=people)
        persons = list(office.people.values())
        awarding.award_by_hand(
            office.engine, persons, tier="recognised", decision="a bench", reason="to measure",
            decided_by=persons[0], policy=office.policy, now=NOW,
        )  # fmt: skip
        began = time.process_time()
        issued = issuance.issue(office.bureau, now=NOW)
        spent = time.process_time() - began
        assert issued == size
        office.engine.dispose()
    return spent / size * 1e6
