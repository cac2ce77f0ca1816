"""A simulated year of 1,000 holders: meetups are held and attested, sources are read, somebody keeps the inbox.

`python -m tests.labelled.year` prints what the inbox costs in each week by its own estimates, and how many of the
organisers who earned a tier have it without anybody of the team having acted. The manager empties the inbox once a
week; the week's cost is what stands in it then.
"""

import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import ClassVar

from issuer.attestations import review, sheets
from issuer.attestations import service as attestations
from issuer.attestations.model import Delegation
from issuer.badges import service as badges
from issuer.contributions import collecting
from issuer.contributions.model import Contribution, facts_from
from issuer.contributions.sources.face import Cursor, Page, Source, SourceError
from issuer.ground.database import writing
from issuer.ground.matters import Matter
from issuer.ground.outbound import Outbound
from issuer.inbox import all_matters, minutes
from issuer.jobs import Jobs
from issuer.people import own, roster
from issuer.people import service as people_service
from issuer.people.model import Account
from issuer.recognition import questions
from tests.labelled.community import MAINTAINERS, REGIONS
from tests.labelled.deciding import RANKS, folder_office
from tests.unit.issuer.office import Office

BEGINS = datetime(2026, 1, 1, 9, tzinfo=UTC)
WEEKS = 52
BUDGET = 120  # minutes a week, as the issue says
ORGANISERS = 60  # of 1,000 holders
ATTESTORS_OF_A_REGION = 4
EVENTS_A_YEAR = (2, 12)  # of one organiser, from the quietest to the busiest
NOT_SEEN = 0.04  # of the answers: "I did not see it"
NO_ANSWER = 0.15  # of the letters wait until the next one
SHEET_EVERY = 4  # weeks
LAST_ANSWERS = 12  # weeks after the year, in which its last meetups are answered
QUESTIONS_A_YEAR = 120  # of 1,000 holders: something is missing, or is disputed
REQUESTS_A_YEAR = 60  # accounts that cannot be proved
DOWN = (20, 21, 33)  # the weeks in which a source cannot be read
OPEN = frozenset({"open_to_all", "vendor_neutral", "code_of_conduct"})


class Steady(Source):
    """A source that has some records each week, except while it is down."""

    KIND: ClassVar[str] = "git"
    holders: int
    without: int  # the first of them, who organise and write no code
    down: bool = False

    def pages(self, outbound: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """What happened since the cursor's week."""
        if self.down:
            raise SourceError("The server answered 503.")
        last = int(cursor.get("week", "-1"))
        week = (now - BEGINS).days // 7
        found = [one for missed in range(last + 1, week + 1) for one in self._records(missed)]
        yield Page(tuple(found), cursor={"week": str(week)})

    def _records(self, week: int) -> Iterator[Contribution]:
        """Each of the others has a change accepted every eighth week."""
        for number in range(self.without + week % 8, self.holders, 8):
            facts = facts_from({"changed_lines": 12, "accepted_by": [MAINTAINERS[number % 2]]})
            account = Account("git", f"holder{number}@made.example")
            when = BEGINS + timedelta(weeks=week, hours=-5)
            yield Contribution("git", f"{number}-{week}", "change", account, when, facts)


@dataclass(frozen=True)
class Year:
    """What came out: the inbox's minutes week by week, by kind over the year, and organisers by whether their
    tier came by itself.
    """

    minutes: Sequence[int]
    by_kind: Mapping[str, int]
    earned: int
    reached: int
    events: int
    statements: int

    def lines(self) -> list[str]:
        """What came out, for people."""
        over, fullest = sum(week > BUDGET for week in self.minutes), max(self.minutes)
        share = 100 * self.reached / self.earned
        kinds = ", ".join(f"{kind} {spent}" for kind, spent in sorted(self.by_kind.items()))
        return [
            f"{self.events} meetups, {self.statements} statements in {len(self.minutes)} weeks.",
            f"The inbox costs {mean(self.minutes):.0f} minutes a week on average, {fullest} in the fullest week;"
            f" {over} weeks over {BUDGET}.",
            f"Minutes by kind: {kinds}.",
            f"{self.reached} of {self.earned} organisers who earned a tier have it without a staff act"
            f" ({share:.1f} %).",
        ]


class Simulation:
    """The year, week by week, through the office's services."""

    def __init__(self, office: Office, *, holders: int, seed: int) -> None:
        self.office, self.holders, self.chance = office, holders, random.Random(seed)
        self.now = BEGINS
        self.jobs = Jobs(office.engine, lambda: office.bureau, lambda: office.policy, lambda: self.now)
        self.regions = REGIONS[: max(1, round(len(REGIONS) * holders / 1_000))]
        self.organisers = [f"holder{n}" for n in range(max(3, ORGANISERS * holders // 1_000))]
        self.attestors = [f"seer{n}" for n in range(ATTESTORS_OF_A_REGION * len(self.regions))]
        self.held: dict[str, list[datetime]] = {name: [] for name in self.organisers}
        self.statements = 0
        people_service.add_people(office.engine, roster.read_roster(self._people_csv().encode())[0], now=self.now)
        self.people = people_service.people_by_id(office.engine)
        self.persons = {person.name: person for person in self.people.values()}
        for number, name in enumerate(self.attestors):
            region = self.regions[number % len(self.regions)]
            begins = self.now.date() - timedelta(days=1)
            right = Delegation(
                self.persons[name].id,
                frozenset({"event.organised"}),
                region,
                None,
                begins,
                begins + timedelta(days=366),
            )
            attestations.delegate(office.engine, right, policy=office.policy)
        self.plan = {name: self._plan() for name in self.organisers}

    def _people_csv(self) -> str:
        lines = ["name,email,accounts,affiliation,since"]
        firms = [self.chance.randrange(60) for _ in range(self.holders)]
        lines += [f"holder{n},holder{n}@made.example,,Firm {firm},2020-01-01" for n, firm in enumerate(firms)]
        lines += [f"{name},{name}@seers.example,,Seers {name},2020-01-01" for name in [*self.attestors, "manager"]]
        lines += [f"maintainer{n},maintainer{n}@made.example,,," for n in (0, 1)]
        return "\n".join(lines) + "\n"

    def _plan(self) -> set[int]:
        """The weeks in which somebody holds a meetup."""
        times = self.chance.randint(*EVENTS_A_YEAR)
        first = self.chance.randrange(WEEKS // times)
        weeks = {first + number * WEEKS // times for number in range(times)}
        return {week for week in weeks if week < WEEKS}

    def run(self) -> Year:
        """The whole year, and the weeks in which its last meetups are answered."""
        spent: list[int] = []
        by_kind: Counter[str] = Counter()
        for week in range(WEEKS + LAST_ANSWERS):
            self.now = BEGINS + timedelta(weeks=week)
            source = Steady(
                name="code",
                kind="git",
                every_hours=24,
                holders=self.holders,
                without=len(self.organisers),
                down=week in DOWN,
            )
            collecting.run(self.office.engine, source, clock=lambda: self.now, outbound=_nobody, again=True)
            if week < WEEKS:
                self._hold(week)
                self._ask_the_team()
            self._answer_sheets(week)
            self.jobs.handle_news()
            waiting = all_matters(self.office.engine, sources=[source], now=self.now)
            if week < WEEKS:
                spent.append(minutes(waiting))
                for matter in waiting:
                    by_kind[matter.kind] += matter.minutes
            self._empty(waiting)
        earned = {name: tier for name in self.organisers if (tier := self._earned(name))}
        reached = sum(RANKS[self._tier(name)] >= RANKS[tier] for name, tier in earned.items())
        events = sum(len(held) for held in self.held.values())
        return Year(spent, by_kind, len(earned), reached, events, self.statements)

    def _hold(self, week: int) -> None:
        """This week's meetups; who holds one says so."""
        for number, name in enumerate(self.organisers):
            if week in self.plan[name]:
                when = self.now - timedelta(days=self.chance.randint(1, 6))
                self.held[name].append(when)
                attestations.open_claim(
                    self.office.engine,
                    kind="event.organised",
                    subjects=[self.persons[name]],
                    title=f"Meetup {week}",
                    happened_at=when,
                    region=self.regions[number % len(self.regions)],
                    event=f"{name}-{week}",
                    policy=self.office.policy,
                    now=self.now,
                )

    def _answer_sheets(self, week: int) -> None:
        """Every fourth week an attestor gets a letter; now and then it waits for the next one."""
        policy = self.office.policy
        for number, name in enumerate(self.attestors):
            if week % SHEET_EVERY != number // len(self.regions) % SHEET_EVERY or self.chance.random() < NO_ANSWER:
                continue
            token = sheets.make_link(self.office.engine, self.persons[name], now=self.now)
            sheet = sheets.open_sheet(self.office.engine, token, people=self.people, policy=policy, now=self.now)
            assert sheet is not None
            said = [self._said(line.claim.id) for line in sheet.waiting]
            self.statements += len(said)
            refused = sheets.answer_all(
                self.office.engine, token, said, people=self.people, policy=policy, now=self.now
            )
            assert not refused

    def _said(self, claim: str) -> sheets.Said:
        if self.chance.random() < NOT_SEEN:
            return sheets.Said(claim, False, frozenset(), None)
        return sheets.Said(claim, True, OPEN, 12 + int(self.chance.expovariate(1 / 15)))

    def _ask_the_team(self) -> None:
        """Some holders, none of the organisers, miss something, dispute an employer, or name an account."""
        others = [f"holder{n}" for n in range(len(self.organisers), self.holders)]
        for _ in range(self._often(QUESTIONS_A_YEAR)):
            questions.ask(
                self.office.engine,
                self.persons[self.chance.choice(others)],
                "missing",
                text="My talk is missing.",
                policy=self.office.policy,
                profile="small",
                now=self.now,
            )
        for number in range(self._often(REQUESTS_A_YEAR)):
            with writing(self.office.engine) as connection:
                own.ask(
                    connection,
                    self.persons[self.chance.choice(others)].id,
                    kind="account",
                    about=f"weblate:w{self.now:%j}-{number}",
                    reason="It closed.",
                    now=self.now,
                )

    def _often(self, a_year: int) -> int:
        share = a_year * self.holders / 1_000 / WEEKS
        return int(share) + (self.chance.random() < share % 1)

    def _empty(self, waiting: Sequence[Matter]) -> None:
        """The manager decides all that waits; an alarm ends when its source does better."""
        engine, manager = self.office.engine, self.persons["manager"]
        for matter in waiting:
            if matter.key.startswith("attestor "):
                attestor = matter.key.removeprefix("attestor ")
                for flagged in review.flagged(engine, attestor):
                    review.settle(
                        engine,
                        claim=flagged.claim.id,
                        attestor=attestor,
                        found_false=False,
                        by=manager.id,
                        role="manager",
                        reason="as it should be",
                        now=self.now,
                    )
            elif matter.key.startswith("question-"):
                number = int(matter.key.removeprefix("question-"))
                questions.answer(
                    engine, number, by=manager, role="manager", granted=True, text="It is asked for.", now=self.now
                )
            elif matter.key.startswith("people-"):
                with writing(engine) as connection:
                    own.decide(
                        connection,
                        int(matter.key.removeprefix("people-")),
                        granted=False,
                        answer="No proof.",
                        by=manager.id,
                        role="manager",
                        now=self.now,
                    )

    def _earned(self, name: str) -> str | None:
        """The tier that somebody's meetups deserve: two credits each; twelve in three quarters, or three in two
        months.
        """
        held = self.held[name]
        months = {(when.year, when.month) for when in held}
        quarters = {(year, (month - 1) // 3) for year, month in months}
        if len(held) >= 6 and len(months) >= 3 and len(quarters) >= 3:
            return "sustained"
        return "contributor" if len(held) >= 2 and len(months) >= 2 else None

    def _tier(self, name: str) -> str | None:
        held = badges.badges_of(self.office.engine, self.persons[name].id)
        tiers = [badge.award.achievement for badge in held if badge.standing]
        return max((tier for tier in tiers if tier in RANKS), key=lambda tier: RANKS[tier], default=None)


def _nobody(source: Source) -> Outbound:
    return Outbound()


def main(words: list[str]) -> int:
    """The year of so many holders, printed."""
    with TemporaryDirectory() as folder:
        office = folder_office(Path(folder))
        print("\n".join(Simulation(office, holders=int(words[0]) if words else 1_000, seed=5).run().lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
