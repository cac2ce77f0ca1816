"""Everybody decided anew and awarded what they earned, on all processors where there are enough people.

Deciding is work for a processor, and nobody's decision waits for another's. So a large community is decided in
parts, by processes that open the same database by themselves; what they count is added up. A process that dies is
done without: its part is decided here, and who was awarded already is not awarded again (`awarding`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from issuer.badges import awarding
from issuer.ground import processes
from issuer.ground import settings as ground_settings
from issuer.ground.database import open_own_database, reading
from issuer.ground.garbage import rare_collections
from issuer.ground.planner import learn_sizes
from issuer.people import service as people_service
from issuer.people.model import Person
from issuer.people.service import EVERYBODY, Part
from issuer.recognition import service as recognition
from issuer.recognition.decision import Decision
from issuer.recognition.rule_rates import RuleDays
from issuer.recognition.transparency import Tally
from schemas.policy import QualificationPolicy

PART = 2_000  # persons: a second of deciding
WORTH_IT = 3  # parts; to start a process takes as long as half of one
SIGN_EVERY = 100  # persons

Progress = Callable[[int], None]

_own: "tuple[Engine, QualificationPolicy] | None" = None  # of a process of the pool


@dataclass
class Count:
    """What was counted while people were decided."""

    persons: int = 0
    awards: int = 0
    tally: Tally = field(default_factory=Tally)
    rules: RuleDays = field(default_factory=RuleDays)

    def update(self, other: "Count") -> None:
        """What was counted elsewhere, of other persons."""
        self.persons += other.persons
        self.awards += other.awards
        self.tally.update(other.tally)
        self.rules.update(other.rules)

    def passing(
        self, decided: Iterable[tuple[Person, Decision]], progress: Progress | None
    ) -> Iterator[tuple[Person, Decision]]:
        """Decisions as they pass, counted, with a sign of life every so often."""
        for pair in decided:
            self.persons += 1
            self.tally.add(pair[1])
            self.rules.add(pair[1])
            if progress and self.persons % SIGN_EVERY == 0:
                progress(self.persons)
            yield pair


def decide_and_award(
    engine: Engine,
    policy: QualificationPolicy,
    *,
    data: Path | None,
    now: datetime,
    progress: Progress | None = None,
    processors: int | None = None,
) -> Count:
    """Everybody decided as of `now`, and an award for each who earned a better tier or a badge per kind.

    `data`: the folder by which other processes open the same office; without it, it is all done here.
    """
    hands = processes.hands(processors)
    with reading(engine) as connection:
        parts = people_service.parts_of_everybody(connection, size=PART)
    if data is None or len(parts) < WORTH_IT or hands < 2:
        return _decide_part(engine, policy, EVERYBODY, now, progress)
    learn_sizes(engine)
    count = Count()
    executor = processes.executor(hands, _open, data, policy.digest)
    try:
        for part, found in [(part, processes.begun(executor, _decide_here, part, now)) for part in parts]:
            count.update(processes.ended(found) or _decide_part(engine, policy, part, now, None))
            if progress:
                progress(count.persons)
    finally:
        executor.shutdown(cancel_futures=True)
    return count


def _open(data: Path, digest: str) -> None:
    """In a new process: the same version of the policy, from the same database."""
    global _own
    settings = ground_settings.load(data)
    engine = open_own_database(settings)
    _own = engine, recognition.all_policies(engine)[digest]


def _decide_here(part: Part, now: datetime) -> Count:
    assert _own is not None
    return _decide_part(*_own, part, now, None)


def _decide_part(
    engine: Engine, policy: QualificationPolicy, part: Part, now: datetime, progress: Progress | None
) -> Count:
    count = Count()
    with rare_collections():
        decided: Iterable[tuple[Person, Decision]] = recognition.decide_all(engine, policy, as_of=now, part=part)
        if part != EVERYBODY:  # it is small: nobody reads while awards are written, so SQLite's log can begin anew
            decided = list(decided)
        decided = count.passing(decided, progress)
        count.awards = awarding.award_decisions(engine, decided, policy=policy, now=now)
    return count
