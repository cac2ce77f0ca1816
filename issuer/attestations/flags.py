"""What people should look at in a statement: one function for each rule of a policy's `attestors.flag` and
`attestors.audit` (POLICY §4).

A flag is shown to people with its reason. It never blocks a statement, and never decides anything. Pure.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from schemas.policy import Attestors, LateFlag, QuarterFlag, ReciprocalFlag, ShareFlag

DAYS_OF_A_MONTH = 30.44
EVENTS_FOR_A_MEDIAN = 3
NOTED_ONLY = frozenset({"unknown_affiliation"})  # shown beside a statement; nobody is asked to come and look


@dataclass(frozen=True, slots=True)
class Said:
    """One statement as the rules look at it. `affiliations`: of those it is about, on that day; None: unknown."""

    claim: str
    attestor: str
    subjects: tuple[str, ...]
    affiliations: tuple[str | None, ...]
    happened_at: datetime
    answered_at: datetime
    attendees: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What was said before. `own`: by the same attestor; `about`: by those whom the statement is about, about the
    attestor; `attendances`: numbers of other events of the region; `affiliation_known`: the attestor's.
    """

    own: Sequence[Said] = ()
    about: Sequence[Said] = ()
    attendances: Sequence[int] = ()
    affiliation_known: bool = True


@dataclass(frozen=True, slots=True)
class Flag:
    """A rule that a statement meets, and the reason in a sentence without names."""

    rule: str
    sentence: str


def flags_of(said: Said, history: History, attestors: Attestors) -> list[Flag]:
    """Every flag that the policy raises for a statement."""
    found: list[Flag] = []
    for rule in attestors.flag:
        match rule:
            case ReciprocalFlag():
                found += _reciprocal(said, history, months=rule.reciprocal_within_months)
            case QuarterFlag():
                found += _many(said, history, most=rule.more_than_per_quarter)
            case ShareFlag():
                share = float(rule.share_to_one_affiliation_over)
                found += _one_sided(said, history, share=share, least=rule.from_statements)
            case LateFlag():
                found += _late(said, days=rule.later_than_days_after_event)
            case _:
                found += _unknown(said, history)
    return [*found, *_audit(said, history, attestors)]


def _reciprocal(said: Said, history: History, *, months: int) -> Iterator[Flag]:
    since = said.answered_at - timedelta(days=months * DAYS_OF_A_MONTH)
    if any(other.answered_at >= since for other in history.about):
        yield Flag("reciprocal", f"Each attested the other's work within {months} months.")


def _many(said: Said, history: History, *, most: int) -> Iterator[Flag]:
    quarter = _quarter(said.answered_at.date())
    count = 1 + sum(_quarter(other.answered_at.date()) == quarter for other in history.own)
    if count > most:
        yield Flag("many", f"The attestor's statement number {count} in this quarter; {most} are usual.")


def _one_sided(said: Said, history: History, *, share: float, least: int) -> Iterator[Flag]:
    statements = [*history.own, said]
    if len(statements) < least:
        return
    known = Counter(name for one in statements for name in {*one.affiliations} if name is not None)
    for name, count in known.most_common(1):
        if name in said.affiliations and count > share * len(statements):
            percent = round(100 * count / len(statements))
            yield Flag(
                "one_sided", f"{percent} percent of the attestor's statements are about people of one employer."
            )


def _late(said: Said, *, days: int) -> Iterator[Flag]:
    after = (said.answered_at - said.happened_at).days
    if after > days:
        yield Flag("late", f"It was said {after} days after the event; {days} are usual.")


def _unknown(said: Said, history: History) -> Iterator[Flag]:
    if None in said.affiliations or not history.affiliation_known:
        yield Flag("unknown_affiliation", "Whom somebody works for was not known on that day.")


def _audit(said: Said, history: History, attestors: Attestors) -> Iterator[Flag]:
    rule = attestors.audit
    if len(history.own) < rule.first_of_new_attestor:
        number = len(history.own) + 1
        yield Flag("first", f"Statement {number} of the first {rule.first_of_new_attestor} of a new attestor.")
    elif _drawn(said) < rule.random_share:
        yield Flag("drawn", "Drawn at random, as some of all statements are.")
    if said.attendees is not None and len(history.attendances) >= EVENTS_FOR_A_MEDIAN:
        usual = median(history.attendances)
        if said.attendees > float(rule.attendance_over_times_median) * usual:
            yield Flag("crowd", f"{said.attendees} people came; at other events of the region it was {usual:g}.")


def _drawn(said: Said) -> float:
    """A number from 0 to 1 that nobody chooses, and that comes out the same for whoever looks again."""
    digest = hashlib.sha256(f"{said.claim}\0{said.attestor}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def _quarter(day: date) -> tuple[int, int]:
    return day.year, (day.month - 1) // 3
