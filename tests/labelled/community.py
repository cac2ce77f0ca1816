"""A labelled community of 1,000: who did what, and which tier that deserves, by construction. Seeded, and pure.

Half of the good work, by half days, stands in no system: it is known only to those who saw it. Labels follow from
the tables below and never from the engine. A *cheat* is somebody whose deeds look like work and are none.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

REGIONS = ("africa", "americas", "asia", "europe")
ATTESTORS_OF_A_REGION = 4
MAINTAINERS = ("git:maintainer0@made.example", "git:maintainer1@made.example")
ROBOT = "gerrit:robot"
ROLES: Mapping[str, str] = {
    "mentoring.completed": "programme_coordinator",
    "group.chaired": "committee",
    "ambassador.quarter": "community_manager",
}
NOT_CLAIMED = 10  # of a hundred people with hidden work, nobody has even opened a claim
SEEN_BY_ONE = 3  # of a hundred hidden deeds, only one of those who saw it answers


@dataclass(frozen=True)
class Deed:
    """One thing that somebody did, or says that they did. `record` is (source, facts), where a system has it.

    `half_days`: what it is worth to others in truth. `true`: it took place as it is told.
    """

    kind: str
    when: datetime
    half_days: Decimal = Decimal(0)
    record: tuple[str, Mapping[str, Any]] | None = None
    event: str | None = None
    true: bool = True
    seen_by_one: bool = False


@dataclass(frozen=True)
class Member:
    """A person of the community. `deserves`: the tier, by construction. `swaps_with`: whoever attests for them
    though they saw nothing.
    """

    key: str
    group: str
    deserves: str | None
    region: str
    employer: str | None
    deeds: tuple[Deed, ...] = ()
    cheat: bool = False
    claimed: bool = True
    household: str | None = None
    other_account: str | None = None
    swaps_with: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return f"{self.key}@made.example"

    @property
    def account(self) -> str:
        return f"git:{self.email}"

    @property
    def hidden(self) -> bool:
        """Whether some of their deeds stand in no system."""
        return any(deed.record is None for deed in self.deeds)


@dataclass(frozen=True)
class Made:
    """The community at a date."""

    members: tuple[Member, ...]
    now: datetime
    attestors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by region
    in_roles: Mapping[str, str] = field(default_factory=dict)  # by role

    def hidden_share(self) -> Decimal:
        """How much of the good work no system of record has."""
        good = [deed for member in self.members if not member.cheat for deed in member.deeds]
        hidden = sum(deed.half_days for deed in good if deed.record is None)
        return hidden / sum((deed.half_days for deed in good), Decimal(0))

    def people_csv(self) -> str:
        """The community's roster. An employer is known of four people in five."""
        lines = ["name,email,accounts,person,affiliation,since,household,bot"]
        for one in self.members:
            since = "2015-01-01" if one.employer else ""
            accounts = " ".join(account for account in (one.other_account,) if account)
            lines.append(
                f"{one.key},{one.email},{accounts},{one.key},{one.employer or ''},{since},{one.household or ''},"
            )
        lines += [f"maintainer{n},maintainer{n}@made.example,,,Foundry {n},2015-01-01,," for n in (0, 1)]
        return "\n".join([*lines, f"robot,,{ROBOT},,,,,yes"]) + "\n"


def make(now: datetime, *, size: int = 1_000, seed: int = 5) -> Made:
    """The community at that moment: the same for the same size and seed."""
    chance = random.Random(seed)
    members: list[Member] = []
    for group, (of_a_thousand, deserves, deeds) in HONEST.items():
        for number in range(_scaled(of_a_thousand, size)):
            key, region = f"{group}{number}", chance.choice(REGIONS)
            made = tuple(_sometimes_seen_by_one(chance, deed) for deed in deeds(key, now))
            claimed = chance.randrange(100) >= NOT_CLAIMED
            members.append(Member(key, group, deserves, region, _employer(chance), made, claimed=claimed))
    for group, (of_a_thousand, deserves, cheats) in CHEATS.items():
        for number in range(_scaled(of_a_thousand, size)):
            members.extend(cheats(f"{group}{number}", group, deserves, chance.choice(REGIONS), now))
    attestors = {region: tuple(f"seer-{region}{n}" for n in range(ATTESTORS_OF_A_REGION)) for region in REGIONS}
    for region, keys in attestors.items():
        members += [Member(key, "seer", None, region, f"Seers {key}") for key in keys]
    in_roles = {role: f"office-{role}" for role in ROLES.values()}
    members += [Member(key, "office", None, REGIONS[0], f"Office {key}") for key in in_roles.values()]
    missing = range(size - len(members))
    members += [Member(f"onlooker{n}", "onlooker", None, chance.choice(REGIONS), None) for n in missing]
    return Made(tuple(members), now, attestors, in_roles)


def _scaled(of_a_thousand: int, size: int) -> int:
    return max(1, round(of_a_thousand * size / 1_000))


def _employer(chance: random.Random) -> str:
    return f"Firm {chance.randrange(60)}" if chance.random() < 0.8 else ""


def _sometimes_seen_by_one(chance: random.Random, deed: Deed) -> Deed:
    one = chance.randrange(100) < SEEN_BY_ONE
    hidden = Deed(deed.kind, deed.when, deed.half_days, None, deed.event, deed.true, one)
    return deed if deed.record else hidden


# --- honest work --------------------------------------------------------------------------------------------

Deeds = Callable[[str, datetime], Iterator[Deed]]


def _recorded(
    kind: str, source: str, *, times: int, worth: str, apart: int = 35, first: int = 15, **facts: Any
) -> Deeds:
    """The same kind of recorded deed several times, `apart` days from one to the next."""

    def deeds(key: str, now: datetime) -> Iterator[Deed]:
        for number in range(times):
            told = {name: value(key) if callable(value) else value for name, value in facts.items()}
            when = now - timedelta(days=first + apart * number)
            yield Deed(kind, when, Decimal(worth), (source, {"accepted_by": [MAINTAINERS[number % 2]], **told}))

    return deeds


def _seen(kind: str, *, times: int, worth: str, apart: int, first: int = 15) -> Deeds:
    """Deeds that no system records, each at an event of its own."""

    def deeds(key: str, now: datetime) -> Iterator[Deed]:
        for number in range(times):
            when = now - timedelta(days=first + apart * number)
            yield Deed(kind, when, Decimal(worth), event=f"{kind}-{key}-{number}")

    return deeds


def _together(*several: Deeds) -> Deeds:
    return lambda key, now: (deed for deeds in several for deed in deeds(key, now))


_BUGS = _recorded(
    "bug.confirmed", "launchpad", times=4, worth="0.5", moved_to="confirmed", moved_by=MAINTAINERS[0]
)
_RUNBOOK = _recorded("change", "git", times=1, worth="1", first=50, changed_lines=40, paths=["runbooks/disk.md"])

HONEST: Mapping[str, tuple[int, str | None, Deeds]] = {  # of a thousand people; the tier that it deserves; deeds
    "developer": (60, "sustained", _recorded("change", "git", times=14, worth="1", apart=24, changed_lines=30)),
    "fixer": (120, "contributor", _recorded("change", "git", times=4, worth="1", changed_lines=12)),
    "newcomer": (150, "recognised", _recorded("change", "git", times=1, worth="0.25", changed_lines=1)),
    "operator": (
        40,
        "contributor",
        _together(
            _BUGS,
            _RUNBOOK,
            _recorded("bug.fix_adopted", "launchpad", times=1, worth="1", first=80, named_in_merged_change=True),
        ),
    ),
    "translator": (
        40,
        "contributor",
        _recorded("translation.approved", "weblate", times=3, worth="1.5", quantity=300, unit="words"),
    ),
    "burst": (10, "recognised", _recorded("change", "git", times=12, worth="1", apart=0, changed_lines=20)),
    "reviewer": (
        20,
        "contributor",
        _recorded("review", "gerrit", times=40, worth="0.1", apart=2, owner=MAINTAINERS[0], vote="CR+2"),
    ),
    "organiser": (30, "sustained", _seen("event.organised", times=8, worth="2", apart=40)),
    "host": (50, "contributor", _seen("event.organised", times=3, worth="2", apart=60)),
    "speaker": (60, "contributor", _seen("talk.given", times=3, worth="1.5", apart=45)),
    "moderator": (30, "contributor", _seen("session.moderated", times=3, worth="1.5", apart=50)),
    "mentor": (30, "contributor", _seen("mentoring.completed", times=2, worth="4", apart=60)),
    "chair": (
        20,
        "contributor",
        _together(
            _seen("group.chaired", times=1, worth="6", apart=0),
            _seen("talk.given", times=1, worth="1.5", apart=0, first=75),
        ),
    ),
    "ambassador": (20, "sustained", _seen("ambassador.quarter", times=4, worth="3", apart=90, first=20)),
}


# --- cheats -------------------------------------------------------------------------------------------------

Cheats = Callable[[str, str, str | None, str, datetime], Iterator[Member]]


def _alone(deeds: Deeds) -> Cheats:
    """One cheat with these deeds."""

    def cheats(key: str, group: str, deserves: str | None, region: str, now: datetime) -> Iterator[Member]:
        other = f"gerrit:{key}-other"
        made = tuple(deeds(key, now))
        yield Member(key, group, deserves, region, f"Sham {key}", made, cheat=True, other_account=other)

    return cheats


def _swapping(people: int, *, employer: str = "", household: bool = False, same_event: bool = False) -> Cheats:
    """So many people who attest each other's meetups, which nobody else saw and which never took place."""

    def cheats(key: str, group: str, deserves: str | None, region: str, now: datetime) -> Iterator[Member]:
        keys = [f"{key}-{number}" for number in range(people)]
        for number, one in enumerate(keys):
            place = key if same_event else one
            deeds = tuple(
                Deed("event.organised", now - timedelta(days=20 + 40 * n), event=f"sham-{place}-{n}", true=False)
                for n in range(3)
            )
            yield Member(
                one,
                group,
                deserves,
                region,
                f"{employer} {key}" if employer else f"Sham {one}",
                deeds,
                cheat=True,
                household=key if household else None,
                swaps_with=tuple(keys[:number] + keys[number + 1 :]),
            )

    return cheats


def _reverted(key: str, now: datetime) -> Iterator[Deed]:
    """Changes that somebody accepted and a maintainer took back."""
    for number in range(3):
        facts = {"accepted_by": [MAINTAINERS[0]], "changed_lines": 20}
        when = now - timedelta(days=20 + 35 * number)
        yield Deed("change", when, record=("gerrit", facts | {"commit": _commit(key, number)}), true=False)


def _commit(key: str, number: int) -> str:
    return random.Random(f"{key} {number}").randbytes(20).hex()


def taken_back(member: Member) -> list[str]:
    """The commits of a member that a maintainer takes back."""
    named = [deed.record[1].get("commit") for deed in member.deeds if deed.record]
    return [str(commit) for commit in named if commit] if member.group == "reverted" else []


CHEATS: Mapping[str, tuple[int, str | None, Cheats]] = {  # of a thousand people, how many such groups
    "typo-farmer": (
        20,
        "recognised",
        _alone(_recorded("change", "git", times=15, worth="0", apart=20, changed_lines=1)),
    ),
    "self-acceptor": (
        15,
        None,
        _alone(
            _recorded(
                "change",
                "git",
                times=6,
                worth="0",
                changed_lines=30,
                accepted_by=lambda key: [f"gerrit:{key}-other", f"git:{key}@made.example"],
            )
        ),
    ),
    "sock-puppet": (
        15,
        None,
        _alone(
            _recorded(
                "change",
                "git",
                times=6,
                worth="0",
                changed_lines=30,
                accepted_by=lambda key: [f"gerrit:{key}-sock"],
            )
        ),
    ),
    "bot-approved": (
        15,
        None,
        _alone(_recorded("change", "gerrit", times=6, worth="0", changed_lines=30, accepted_by=[ROBOT])),
    ),
    "reverted": (10, None, _alone(_reverted)),
    "plus-one": (
        15,
        None,
        _alone(_recorded("review", "gerrit", times=9, worth="0", apart=10, owner=MAINTAINERS[0], vote="CR+1")),
    ),
    "survey-filler": (60, None, _alone(_recorded("survey.completed", "csv_of_record", times=4, worth="0"))),
    "lines-said": (
        40,
        None,
        _alone(_recorded("group.worked", "meetbot", times=12, worth="0", apart=7, listed_present=True)),
    ),
    "self-claimer": (10, None, _alone(_seen("talk.given", times=4, worth="0", apart=40))),
    "co-organiser": (5, None, _swapping(3, same_event=True)),
    "colleague": (2, None, _swapping(3, employer="Colluders")),
    "household": (2, None, _swapping(3, household=True)),
    "ring": (2, None, _swapping(3)),
}
