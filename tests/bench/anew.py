"""Everybody decided anew from the database: CPU seconds, peak memory, and what one arriving contribution costs.

`./run bench anew` takes as many contributions as anybody waits for; `python -m tests.bench.anew 1000000` takes a
million of 50,000 people. Each size is decided in a process of its own, so that its peak memory is its own; the
baseline of a row is the same for a quarter of the size, so a ratio of 1 says: flat.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from sqlalchemy import insert

from issuer.contributions import service as contributions
from issuer.contributions import store as contribution_tables
from issuer.contributions.links import links_of
from issuer.contributions.model import Contribution
from issuer.ground import news
from issuer.ground.database import open_database, reading, writing
from issuer.people import store as people_tables
from issuer.people.model import Account
from issuer.recognition import service
from issuer.recognition.service import EXAMPLE_POLICY
from tests.bench.deciding import AS_OF, contribution
from tests.bench.measuring import Row, row, seconds

CONTRIBUTIONS = 200_000
EACH = 20  # of one person: a million of 50,000 people
ROWS_AT_A_TIME = 5_000
ARRIVALS = 20

_Thing = TypeVar("_Thing")


def rows(amount: int = CONTRIBUTIONS) -> Iterator[Row]:
    """The whole community beside a quarter of it."""
    quarter, whole = _measured(amount // 4), _measured(amount)
    people = amount // EACH
    yield row(f"decide anew {amount} contributions of {people} people", whole["seconds"], "CPU seconds")
    yield row("the same, one contribution", whole["each"], "CPU microseconds", baseline=quarter["each"])
    yield row("the same, peak memory", whole["memory"], "MiB", baseline=quarter["memory"])
    yield row(
        f"decide whom one arriving of {amount} touches",
        whole["arriving"],
        "CPU milliseconds",
        baseline=quarter["arriving"],
    )


def _measured(amount: int) -> dict[str, float]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "anew.sqlite"
        _fill(file, amount)
        command = [sys.executable, "-m", "tests.bench.anew", "--decide", str(file), str(amount)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _fill(file: Path, amount: int) -> None:
    """People and contributions as they stand in the tables, without the way there, which `deciding` measures."""
    engine = open_database(file)
    people = range(amount // EACH)
    numbered = ((person, number) for person in people for number in range(EACH))
    with writing(engine) as connection:
        for some in _parts(people):
            connection.execute(insert(people_tables.persons), [_person(n) for n in some])
            connection.execute(insert(people_tables.accounts), [_account(n) for n in some])
    for chunk in _parts(numbered):
        made = [contribution(person, number) for person, number in chunk]
        with writing(engine) as connection:
            connection.execute(insert(contribution_tables.contributions), [_stored(one) for one in made])
            connection.execute(insert(contribution_tables.links), [link for one in made for link in _links(one)])
    engine.dispose()


def _parts(things: Iterable[_Thing]) -> Iterator[list[_Thing]]:
    rest = iter(things)
    while part := list(islice(rest, ROWS_AT_A_TIME)):
        yield part


def _person(number: int) -> dict[str, object]:
    return {"id": f"{number:032x}", "name": f"Person {number}", "bot": False, "keeps_own": False}


def _account(number: int) -> dict[str, object]:
    name = f"p{number}@bench.example"
    return {
        "system": "git",
        "name": name,
        "person_id": f"{number:032x}",
        "proof": "mailbox",
        "proved_at": AS_OF,
    }


def _stored(one: Contribution) -> dict[str, object]:
    return {
        "source": one.source,
        "id": one.id,
        "record": one.record,
        "system": one.account.system,
        "name": one.account.name,
        "happened_at": one.happened_at,
        "facts": one.facts.model_dump(mode="json", exclude_defaults=True),
        "received_at": AS_OF,
    }


def _links(one: Contribution) -> list[dict[str, object]]:
    return [{"kind": k, "target": target, "source": one.source, "id": one.id} for k, target in links_of(one)]


def _decide(file: Path, amount: int) -> dict[str, float]:
    """What the process of one size measures."""
    engine = open_database(file)
    rules = service.policy_in_force(engine, EXAMPLE_POLICY, now=AS_OF)
    taken = seconds(lambda: sum(1 for _ in service.decide_all(engine, rules, as_of=AS_OF)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def arrive(number: int) -> None:
        author = Account("git", f"p{number * 37 % (amount // EACH)}@bench.example")
        old = contribution(0, 0)
        new = Contribution("git", f"new-{number}", "change", author, AS_OF - timedelta(days=1), old.facts)
        contributions.store(engine, [new], now=AS_OF)
        with reading(engine) as connection:
            told = news.waiting(connection, limit=100)
        touched = service.touched_by(engine, told)
        decided = list(service.decide_some(engine, rules, touched, as_of=AS_OF))
        assert len(decided) == 1, "one record is one person's"
        with writing(engine) as connection:
            news.done(connection, [item.number for item in told])

    arrive(ARRIVALS)
    arriving = min(seconds(partial(arrive, number)) for number in range(ARRIVALS))
    engine.dispose()
    return {"seconds": taken, "each": taken / amount * 1e6, "memory": memory, "arriving": arriving * 1e3}


def main(words: list[str]) -> int:
    """`AMOUNT` measures that many; `--decide FILE AMOUNT` is the process of one size."""
    if words[:1] == ["--decide"]:
        print(json.dumps(_decide(Path(words[1]), int(words[2]))))
        return 0
    for made in rows(int(words[0]) if words else CONTRIBUTIONS):
        print(made.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
