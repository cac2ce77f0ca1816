"""How long deciding takes, by itself and from the database, and whether its cost grows linearly."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, Facts
from issuer.ground.database import open_database
from issuer.people import service as people
from issuer.people.model import Account
from issuer.people.roster import read_roster
from issuer.recognition import service
from issuer.recognition.decision import Rules, decide
from issuer.recognition.item import Item
from issuer.recognition.service import EXAMPLE_POLICY
from schemas import policy
from tests.bench.measuring import Row, row, seconds

AS_OF = datetime(2026, 12, 15, tzinfo=UTC)
SIZES = (25_000, 50_000, 100_000)
CONTRIBUTIONS_EACH = 10  # of one person: 100,000 of 10,000 people


def rows() -> Iterator[Row]:
    """Decisions over prepared items at three sizes, then the largest of them from stored records."""
    rules = Rules.of(policy.load(EXAMPLE_POLICY.read_bytes(), name="example"))
    first: float | None = None
    for size in SIZES:
        community = [_items(person) for person in range(size // CONTRIBUTIONS_EACH)]
        taken = min(seconds(partial(_decide_everybody, community, rules)) for _ in range(2))
        each = taken / size * 1e6
        first = first or each
        yield row(f"decide {size} contributions", taken, "CPU seconds")
        yield row(f"decide, one of {size} contributions", each, "CPU microseconds", baseline=first)
    yield from _stored_rows(SIZES[-1], prepared=taken)


def _decide_everybody(community: Sequence[Sequence[Item]], rules: Rules) -> None:
    for items in community:
        decide(items, rules, as_of=AS_OF)


def _stored_rows(size: int, *, prepared: float) -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        engine = open_database(Path(folder) / "bench.sqlite")
        amount = size // CONTRIBUTIONS_EACH
        roster = "name,email,accounts\n" + "".join(f"Person {n},p{n}@bench.example,\n" for n in range(amount))
        people.add_people(engine, read_roster(roster.encode())[0], now=AS_OF)
        stored = (contribution(person, number) for person in range(amount) for number in range(CONTRIBUTIONS_EACH))
        taken = seconds(lambda: contributions.store(engine, stored, now=AS_OF))
        yield row(f"store {size} contributions", taken, "CPU seconds")
        rules = service.policy_in_force(engine, EXAMPLE_POLICY, now=AS_OF)
        taken = seconds(lambda: sum(1 for _ in service.decide_all(engine, rules, as_of=AS_OF)))
        yield row(f"decide {size} contributions from the database", taken, "CPU seconds", baseline=prepared)
        engine.dispose()


def _happened(person: int, number: int) -> datetime:
    return AS_OF - timedelta(days=(person * 31 + number * 67) % 760, seconds=number)


def _facts(person: int, number: int) -> Facts:
    """Mostly merged changes of all sizes; every seventh was accepted by nobody, every ninth is a runbook."""
    commit = hashlib.sha256(f"{person} {number}".encode()).hexdigest()[:40]
    other = Account("git", f"p{person + 1 if person % 2 == 0 else person - 1}@bench.example")
    return Facts(
        title="A change",
        commit=commit,
        accepted_by=() if number % 7 == 6 else (other,),
        changed_lines=1 + (person + number) % 60,
        paths=("runbooks/disk.md",) if number % 9 == 8 else ("source/module.py",),
    )


def contribution(person: int, number: int) -> Contribution:
    facts, author = _facts(person, number), Account("git", f"p{person}@bench.example")
    return Contribution("git", f"{person}-{number}", "change", author, _happened(person, number), facts)


def _items(person: int) -> list[Item]:
    made = []
    for number in range(CONTRIBUTIONS_EACH):
        facts = _facts(person, number)
        acceptors = frozenset(account.name for account in facts.accepted_by)
        when = _happened(person, number)
        made.append(Item(f"{person}-{number}", "change", "git", when, facts, acceptors=acceptors))
    return made
