"""From stored records to decisions, for everybody or for some, today or over past years.

Making items of records is `records`, deciding about them `decision`; the versions of the policy are `versions`.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from issuer.ground.database import reading, writing
from issuer.ground.garbage import rare_collections
from issuer.ground.matters import Matter
from issuer.ground.news import News
from issuer.people.model import Person
from issuer.people.service import EVERYBODY, Part
from issuer.recognition import backtest as backtests
from issuer.recognition import case_file as case_files
from issuer.recognition import records, rule_rates, store, transparency
from issuer.recognition.backtest import Backtest, Case
from issuer.recognition.decision import Decision, Rules, decide
from issuer.recognition.records import Records
from issuer.recognition.rule_rates import RuleDays
from issuer.recognition.transparency import Tally
from issuer.recognition.versions import adopted_at
from issuer.recognition.versions import all_versions as all_policies
from issuer.recognition.versions import in_force as policy_in_force
from schemas.policy import QualificationPolicy
from schemas.strict_json import JsonObject

__all__ = ["adopted_at", "all_policies", "policy_in_force"]  # asked of this room by all others
EXAMPLE_POLICY = Path(__file__).with_name("policy.example.yaml")


def case_file(engine: Engine, policy: QualificationPolicy, person: Person, *, as_of: datetime) -> bytes:
    """One person's decision as a file that anybody can repeat (`case_file.recompute`)."""
    with reading(engine) as connection:
        read = next(records.of_some(connection, [person.id]))
    pauses = read.people.get(person.id, person).pauses
    return case_files.write(read.items.get(person.id, ()), Rules.of(policy), as_of=as_of, pauses=pauses)


def backtest(
    engine: Engine, draft: QualificationPolicy, current: QualificationPolicy, *, first: datetime, last: datetime
) -> Backtest:
    """The draft and the version in force over the records from `first` to `last`, by the end of each month.

    Attestations count from the day of what they attest, whenever they were given.

    Raises:
        BacktestError: the span is empty or too long.
    """
    dates = backtests.month_ends(first, last)
    with reading(engine) as connection:
        cases = (
            Case(person.id, tuple(group.items.get(person.id, ())), person.pauses)
            for group in records.everybody(connection)
            for person in group.people.values()
            if not person.bot
        )
        return backtests.run(cases, current, draft, dates=dates)


def decide_all(
    engine: Engine, policy: QualificationPolicy, *, as_of: datetime, part: Part = EVERYBODY
) -> Iterator[tuple[Person, Decision]]:
    """The decision for everybody who is no machine, or for a part of them, ordered by person id, in one view of
    the database.
    """
    with reading(engine) as connection, rare_collections():
        yield from _decided(records.everybody(connection, part), policy, as_of)


def decide_some(
    engine: Engine, policy: QualificationPolicy, persons: Iterable[str], *, as_of: datetime
) -> Iterator[tuple[Person, Decision]]:
    """The decisions for some persons, by id; costs these persons only."""
    with reading(engine) as connection:
        yield from _decided(records.of_some(connection, persons), policy, as_of)


def decide_person(engine: Engine, policy: QualificationPolicy, person: Person, *, as_of: datetime) -> Decision:
    """The decision for one person, as the records stand now."""
    with reading(engine) as connection:
        read = next(records.of_some(connection, [person.id]))
    known = read.people.get(person.id, person)
    return decide(read.items.get(person.id, ()), Rules.of(policy), as_of=as_of, pauses=known.pauses)


def touched_by(engine: Engine, told: Iterable[News]) -> set[str]:
    """Whose decision the news can change."""
    with reading(engine) as connection:
        return records.touched(connection, told)


def _decided(
    groups: Iterable[Records], policy: QualificationPolicy, as_of: datetime
) -> Iterator[tuple[Person, Decision]]:
    rules = Rules.of(policy)
    for group in groups:
        for person in group.people.values():
            if not person.bot:
                yield person, decide(group.items.get(person.id, ()), rules, as_of=as_of, pauses=person.pauses)


def publish_numbers(engine: Engine, tally: Tally, *, policy: QualificationPolicy, now: datetime) -> None:
    """Keep what everybody may know of a night's decisions, as the policy's `transparency` says."""
    with writing(engine) as connection:
        questions = store.asked_and_answered(connection)
        numbers = transparency.published(tally, questions, smallest=policy.transparency.smallest_cell)
        store.set_public_numbers(connection, now.date(), numbers)


def note_rule_alarms(engine: Engine, days: RuleDays, *, now: datetime) -> None:
    """Keep which rules have fallen silent or burst, by what a night's decisions counted."""
    with writing(engine) as connection:
        store.set_rule_alarms(connection, days.alarms(until=now.date()))


def matters(engine: Engine) -> list[Matter]:
    """Rules that a person of the team should look at, as matters."""
    with reading(engine) as connection:
        return [rule_rates.matter_of(one) for one in store.all_rule_alarms(connection)]


def public_numbers(engine: Engine) -> "tuple[datetime, JsonObject] | None":
    """The numbers that are published, with the day on which they were counted; None before the first."""
    with reading(engine) as connection:
        found = store.newest_public_numbers(connection)
    return None if found is None else (datetime.combine(found[0], datetime.min.time(), UTC), found[1])
