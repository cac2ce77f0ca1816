"""An example community, the same for the same moment: made by a seeded generator, belonging to nobody.

Its constants are facts measured on three public repositories, 2022 to 2026 (560 author-years): how many changes
a person makes in a year, and how large they are. A test compares them with the measured data.
"""

import csv
import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

SEED = "an example community"

# Changes per author and year: (least, most) and the share of authors.
CHANGES_A_YEAR = (
    ((1, 1), 0.534),
    ((2, 2), 0.141),
    ((3, 4), 0.121),
    ((5, 9), 0.096),
    ((10, 19), 0.059),
    ((20, 49), 0.030),
    ((50, 60), 0.018),
)
# Lines of an author's only change: quantiles.
LINES_OF_A_CHANGE = ((0.05, 2), (0.10, 2), (0.25, 6), (0.50, 15), (0.75, 80), (0.90, 241))
CODE_AUTHORS = 200
TRANSLATORS = 35
HELPERS = 30
MAINTAINERS = 6
MAX_DEMO_LINES = 120  # the few very large changes tell nothing more, and a demo should be quick

_FIRST = "Ada Bo Cy Dana Eli Fay Gus Hana Ivo Jun Kai Lea Mio Noa Oda Pia Quy Rui Sol Taj Uma Vic Wen Xia Yan Zoe"
_LAST = (
    "Abel Baur Cole Dorn Egan Faro Gale Hale Ivey Jude Kern Lund Moss Nash Orr Park Quin Rowe Sato Tran Ueda Vega"
)


@dataclass(frozen=True)
class Member:
    """Somebody in the example. `accounts` beside those that their address gives."""

    name: str
    email: str
    accounts: tuple[str, ...] = ()
    affiliation: str = ""


@dataclass(frozen=True)
class Commit:
    """A change in the example's repository; `merged_by` makes it a branch of its own with a merge."""

    author: Member
    accepted_by: Member
    when: datetime
    subject: str
    path: str
    lines: int
    coauthors: tuple[Member, ...] = ()
    merged: bool = False


@dataclass(frozen=True)
class Meeting:
    """Something that two people are asked to attest."""

    kind: str
    about: Member
    title: str
    when: datetime
    attestors: tuple[Member, ...]
    statements: tuple[str, ...]
    attendees: int | None
    event: str


@dataclass
class Community:
    """All that the demo feeds into the issuing office."""

    now: datetime
    organiser: Member
    operator: Member
    one_commit: Member
    steady: Member
    reviewer: Member
    translator: Member
    ambassador: Member
    second_ambassador: Member
    manager: Member
    survey_only: Member
    ring: tuple[Member, ...]
    members: list[Member] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    records: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    bug_events: list[dict[str, Any]] = field(default_factory=list)
    meetings: list[Meeting] = field(default_factory=list)

    def people_csv(self) -> str:
        """The roster as a manager would keep it."""
        rows = [
            {
                "name": m.name,
                "email": m.email,
                "accounts": " ".join(m.accounts),
                "affiliation": m.affiliation,
                "since": "2020-01-01" if m.affiliation else "",
            }
            for m in self.members
        ]
        return to_csv(rows)


def to_csv(rows: Sequence[dict[str, str]]) -> str:
    """Rows as CSV; the columns are all names that any row has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def make(now: datetime) -> Community:
    """The example community as it stands at `now` (aware)."""
    chance = random.Random(SEED)
    community = _cast(now.astimezone(UTC))
    maintainers = [_member(f"Maintainer {name}", "upstream.example") for name in _FIRST.split()[:MAINTAINERS]]
    community.members += maintainers
    _tell_the_named(community, maintainers, chance)
    _add_others(community, maintainers, chance)
    community.commits.sort(key=lambda commit: (commit.when, commit.subject))
    return community


def _cast(now: datetime) -> Community:
    community = Community(
        now=now,
        organiser=_member("Odile Meetup", "paris.example", affiliation="Seine Hosting"),
        operator=_member("Otto Operator", "cloud.example", ("launchpad:otto", "discourse:otto"), "Cloud Nine"),
        one_commit=_member("Dev One", "books.example"),
        steady=_member("Stella Steady", "books.example"),
        reviewer=_member("Rita Reviewer", "books.example", ("gerrit:1001",)),
        translator=_member("Tuan Translator", "words.example", ("weblate:tuan",)),
        ambassador=_member("Amélie Ambassador", "lyon.example", affiliation="Alpine Cloud"),
        second_ambassador=_member("Bram Ambassador", "brussels.example", affiliation="Lowlands Net"),
        manager=_member("Mara Manager", "community.example"),
        survey_only=_member("Sam Survey", "forms.example", ("survey:sam",)),
        ring=tuple(_member(f"Ring {name}", "ring.example") for name in ("Alpha", "Beta", "Gamma", "Delta", "Eps")),
    )
    named = (getattr(community, each.name) for each in fields(community))
    community.members = [member for member in named if isinstance(member, Member)] + list(community.ring)
    return community


def _tell_the_named(community: Community, maintainers: Sequence[Member], chance: random.Random) -> None:
    """What the people with a story did; the rest is in `_add_others`."""
    ago = _days_before(community.now)
    keeper = maintainers[0]
    commits, records = community.commits, community.records
    commits.append(Commit(community.one_commit, keeper, ago(40), "Fix a typo", "README.md", 1, merged=True))
    commits.append(
        Commit(community.operator, keeper, ago(65), "Runbook: a node that fills up", "runbooks/full-node.md", 60)
    )
    commits += [
        Commit(
            community.steady,
            maintainers[i % MAINTAINERS],
            ago(12 + 21 * i),
            f"Steady step {i}",
            "src/steady.py",
            9,
        )
        for i in range(17)
    ]
    commits.append(
        Commit(
            community.ring[0], keeper, ago(30), "Everybody helped", "src/ring.py", 8, coauthors=community.ring[1:]
        )
    )
    for i in range(4):
        bug = {
            "specversion": "1.0",
            "id": f"bug-{3100 + i}-confirmed",
            "source": "https://bugs.example/api",
            "type": "org.badgewright.contribution.v1",
            "time": ago(20 + 30 * i).isoformat(),
            "subject": "launchpad:otto",
            "data": {
                "record": "bug.confirmed",
                "title": f"Bug {3100 + i}: it stops under load",
                "moved_to": "confirmed",
                "moved_by": f"git:{keeper.email}",
            },
        }
        community.bug_events.append(bug)
    records["discourse"] = [
        _record(
            f"answer-{i}", "support.answer_accepted", "discourse:otto", ago(25 + 28 * i),
            title=f"How to move a database ({i})", accepted_by=f"mail:{community.organiser.email}",
        )
        for i in range(4)
    ]  # fmt: skip
    records["gerrit"] = [
        _record(
            f"review-{i}", "review", "gerrit:1001", ago(10 + 3 * i),
            title=f"Review of change {9000 + i}", vote=chance.choice(("CR+2", "CR-2", "W+1")),
            owner=f"git:{chance.choice(maintainers).email}",
        )
        for i in range(60)
    ]  # fmt: skip
    records["weblate"] = [
        _words(f"words-tuan-{i}", "weblate:tuan", ago(22 + 31 * i), 300, keeper) for i in range(3)
    ]
    records["csv_of_record"] = [
        {**_record("survey-1", "survey.completed", "survey:sam", ago(60)), "title": "Annual survey"}
    ]
    community.meetings = [*_meetups(community, ago), *_quarters(community, ago)]


def _meetups(community: Community, ago: "Ago") -> list[Meeting]:
    attestors = (community.ambassador, community.second_ambassador)
    affirmed = ("open_to_all", "vendor_neutral", "code_of_conduct")
    subjects = ("Upgrades without tears", "Storage night", "Who watches the watchers", "Tea and telemetry")
    return [
        Meeting(
            "event.organised", community.organiser, f"Meetup Paris {i + 1}: {subjects[i % 4]}", ago(15 + 29 * i),
            attestors, affirmed, 74 + 3 * i, f"meetup-paris-{i + 1}",
        )
        for i in range(12)
    ]  # fmt: skip


def _quarters(community: Community, ago: "Ago") -> list[Meeting]:
    return [
        Meeting(
            "ambassador.quarter", community.ambassador, f"Ambassador for Lyon, quarter {i + 1}", ago(30 + 92 * i),
            (community.manager,), (), None, f"ambassador-lyon-{i + 1}",
        )
        for i in range(2)
    ]  # fmt: skip


def _add_others(community: Community, maintainers: Sequence[Member], chance: random.Random) -> None:
    """A few hundred more, drawn from the measured distributions."""
    ago = _days_before(community.now)
    names = _names(chance)
    for number in range(CODE_AUTHORS):
        author = _member(next(names), "people.example")
        community.members.append(author)
        (least, most), _ = _drawn(CHANGES_A_YEAR, chance)
        for change in range(chance.randint(least, most)):
            when = ago(chance.uniform(1, 364))
            lines = min(MAX_DEMO_LINES, _quantile(LINES_OF_A_CHANGE, chance))
            commit = Commit(
                author,
                chance.choice(maintainers),
                when,
                f"Change {number}.{change}",
                f"src/part_{number}.py",
                lines,
            )
            community.commits.append(commit)
    for number in range(TRANSLATORS):
        translator = _member(next(names), "people.example", (f"weblate:t{number}",))
        community.members.append(translator)
        for month in range(chance.randint(1, 6)):
            words = chance.choice((60, 120, 250, 400))
            when = ago(10 + 31 * month)
            record = _words(f"words-{number}-{month}", f"weblate:t{number}", when, words, maintainers[1])
            community.records["weblate"].append(record)
    for number in range(HELPERS):
        helper = _member(next(names), "people.example", (f"discourse:h{number}",), "Somewhere Else")
        community.members.append(helper)
        for answer in range(chance.randint(1, 12)):
            record = _record(
                f"answer-{number}-{answer}", "support.answer_accepted", f"discourse:h{number}",
                ago(chance.uniform(1, 364)), title=f"An answer ({number}.{answer})",
                accepted_by=f"mail:{community.organiser.email}",
            )  # fmt: skip
            community.records["discourse"].append(record)


class Ago:
    """Moments before now, on the second."""

    def __init__(self, now: datetime) -> None:
        self._now = now.replace(microsecond=0)

    def __call__(self, days: float) -> datetime:
        return (self._now - timedelta(days=days)).replace(microsecond=0)


def _days_before(now: datetime) -> Ago:
    return Ago(now)


def _member(name: str, host: str, accounts: tuple[str, ...] = (), affiliation: str = "") -> Member:
    local = name.lower().replace(" ", ".").encode("ascii", "ignore").decode()
    return Member(name, f"{local}@{host}", accounts, affiliation)


def _record(number: str, record: str, account: str, when: datetime, **facts: str) -> dict[str, str]:
    return {"id": number, "record": record, "account": account, "happened_at": when.isoformat(), **facts}


def _words(number: str, account: str, when: datetime, words: int, approver: Member) -> dict[str, str]:
    facts = {"quantity": str(words), "unit": "words", "title": f"{words} words approved"}
    return _record(number, "translation.approved", account, when, accepted_by=f"mail:{approver.email}", **facts)


def _names(chance: random.Random) -> Iterator[str]:
    pairs = [f"{first} {last}" for first in _FIRST.split() for last in _LAST.split()]
    chance.shuffle(pairs)
    yield from pairs


def _drawn(shares: Sequence[tuple[Any, float]], chance: random.Random) -> tuple[Any, float]:
    point = chance.uniform(0, sum(share for _, share in shares))
    for entry in shares:
        point -= entry[1]
        if point <= 0:
            return entry
    return shares[-1]


def _quantile(quantiles: Sequence[tuple[float, int]], chance: random.Random) -> int:
    """A value between the quantiles around a random point, in a straight line."""
    point = chance.uniform(quantiles[0][0], quantiles[-1][0])
    for (low, small), (high, large) in pairwise(quantiles):
        if point <= high:
            return round(small + (large - small) * (point - low) / (high - low))
    return quantiles[-1][1]
