"""The labelled community decided by the real services: wrongly refused and wrongly admitted, at each step.

`python -m tests.labelled` prints it for 1,000. The steps: records alone; everybody asked what they saw; then each
person who is still refused follows what their own page tells them, and the team looks at what is flagged.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import event

from issuer.attestations import review
from issuer.attestations import service as attestations
from issuer.attestations.model import AttestationError, Claim, Delegation
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.people import roster
from issuer.people import service as people_service
from issuer.people.model import Account, Person
from issuer.recognition import questions, sentences
from issuer.recognition import service as recognition
from issuer.recognition.decision import Decision
from tests.labelled.community import MAINTAINERS, ROLES, Deed, Made, Member, taken_back
from tests.unit.issuer.office import Office, open_office

ROUNDS = 6  # of following one's own page: tier by tier, and once to ask for what is missing
RANKS: Mapping[str | None, int] = {None: 0, "recognised": 1, "contributor": 2, "sustained": 3}


@dataclass(frozen=True)
class Count:
    """Who is not where their label says, by group, after one step."""

    step: str
    refused: Mapping[str, int]
    admitted: Mapping[str, int]

    def line(self) -> str:
        """One line for people."""
        refused, admitted = sum(self.refused.values()), sum(self.admitted.values())
        who_refused, who_admitted = _named(self.refused), _named(self.admitted)
        return f"{self.step}: {refused} wrongly refused{who_refused}, {admitted} wrongly admitted{who_admitted}."


def _named(groups: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{number} {group}' for group, number in sorted(groups.items()))})" if groups else ""


@dataclass
class Play:
    """An office into which the community came, and what is known about it."""

    office: Office
    made: Made
    people: Mapping[str, Person] = field(default_factory=dict)  # by id
    persons: dict[str, Person] = field(default_factory=dict)  # by the key of the member
    claims: dict[tuple[str, str], Claim] = field(default_factory=dict)  # by the key and the event
    unled: list[str] = field(default_factory=list)  # who was refused, and whose page led nowhere
    asked: int = 0  # questions that were asked on the page
    followed: int = 0  # people who reached their tier by following their page

    @property
    def now(self) -> datetime:
        return self.made.now

    def arrive(self) -> None:
        """People and records come in, rights are given, and most of those who organised something say so."""
        rows, problems = roster.read_roster(self.made.people_csv().encode())
        report = people_service.add_people(self.office.engine, rows, now=self.now, problems=problems)
        assert not report.refused, report.refused[:3]
        self.people = people_service.people_by_id(self.office.engine)
        by_name = {person.name: person for person in self.people.values()}
        self.persons = {member.key: by_name[member.key] for member in self.made.members}
        contributions.store(self.office.engine, self._records(), now=self.now)
        for region, keys in self.made.attestors.items():
            for key in keys:
                self._delegate(key, region, None)
        for role, key in self.made.in_roles.items():
            self._delegate(key, "*", role)
        for member in self.made.members:
            if member.swaps_with:
                self._delegate(member.key, member.region, None)
            if member.claimed:
                self.open_claims(member)

    def _records(self) -> Iterable[Contribution]:
        for member in self.made.members:
            for number, deed in enumerate(member.deeds):
                if deed.record:
                    source, facts = deed.record
                    account = Account.parse(member.account)
                    told = facts_from({"title": f"Deed {number}", **facts})
                    yield Contribution(source, f"{member.key}-{number}", deed.kind, account, deed.when, told)
            for number, commit in enumerate(taken_back(member)):
                told = facts_from({"reverts": commit, "accepted_by": [MAINTAINERS[0]], "changed_lines": 20})
                when, account = self.now - timedelta(days=3), Account.parse(MAINTAINERS[1])
                yield Contribution("gerrit", f"undo-{member.key}-{number}", "change", account, when, told)

    def _delegate(self, key: str, region: str, role: str | None) -> None:
        policy, today = self.office.policy, self.now.date()
        kinds = frozenset(
            name
            for name, kind in policy.kinds.items()
            if kind.grade == "B" and (kind.attestor_role == role if role else kind.attestor_role is None)
        )
        right = Delegation(self.persons[key].id, kinds, region, role, today, today + timedelta(days=300))
        attestations.delegate(self.office.engine, right, policy=policy)

    def open_claims(self, member: Member) -> None:
        """Say what of somebody's work is to be attested."""
        for deed in member.deeds:
            if deed.record is None and deed.event:
                self.claims[member.key, deed.event] = attestations.open_claim(
                    self.office.engine,
                    kind=deed.kind,
                    subjects=[self.persons[member.key]],
                    title=f"{deed.kind} on {deed.when:%d %B}",
                    happened_at=deed.when,
                    region=member.region,
                    event=deed.event,
                    policy=self.office.policy,
                    now=self.now,
                )

    def attest_all(self) -> None:
        """Those who saw something say so; those who saw nothing say that; and cheats say what helps them."""
        for member in self.made.members:
            for deed in member.deeds:
                if (member.key, deed.event or "") not in self.claims:
                    continue
                if member.swaps_with:
                    for other in member.swaps_with:
                        self.answer(member, deed, other, seen=True)
                for place, seer in enumerate(self.seers(member, deed)):
                    if not (deed.seen_by_one and place):
                        self.answer(member, deed, seer, seen=deed.true and not member.cheat)

    def seers(self, member: Member, deed: Deed) -> Sequence[str]:
        """Who saw a deed: whoever holds the role that its kind asks for, or two of the region."""
        if deed.kind in ROLES:
            return [self.made.in_roles[ROLES[deed.kind]]]
        keys = self.made.attestors[member.region]
        first = deed.when.toordinal() % len(keys)
        return [keys[first], keys[(first + 1) % len(keys)]]

    def answer(self, member: Member, deed: Deed, attestor: str, *, seen: bool) -> None:
        """One answer; a refusal by the rules is an answer, too."""
        policy, claim = self.office.policy, self.claims[member.key, deed.event or ""]
        offered = attestations.statements_of(claim.kind, policy)
        try:
            attestations.answer_claim(
                self.office.engine,
                claim.id,
                self.persons[attestor],
                seen=seen,
                statements=frozenset(offered if seen else ()),
                attendees=25 if seen else None,
                people=self.people,
                policy=policy,
                now=self.now,
            )
        except AttestationError:
            assert member.cheat, "no rule bars those who honestly saw it"

    def decided(self) -> dict[str, Decision]:
        """Everybody's decision by the key of the member, from the database."""
        found = {
            person.name: decision
            for person, decision in recognition.decide_all(self.office.engine, self.office.policy, as_of=self.now)
        }
        return {key: found[key] for key in self.persons}

    def count(self, step: str) -> Count:
        """Everybody's decision beside their label."""
        refused, admitted = Counter[str](), Counter[str]()
        decided = self.decided()
        for member in self.made.members:
            found, deserved = RANKS[decided[member.key].tier], RANKS[member.deserves]
            refused[member.group] += found < deserved
            admitted[member.group] += found > deserved
        return Count(step, +refused, +admitted)

    def refused(self) -> list[Member]:
        """Who has less than they deserve."""
        decided = self.decided()
        return [m for m in self.made.members if RANKS[decided[m.key].tier] < RANKS[m.deserves]]

    def follow_page(self, member: Member) -> bool:
        """Do what somebody's own page says, until they have what they deserve; whether it led there."""
        for _ in range(ROUNDS):
            decision = recognition.decide_person(
                self.office.engine, self.office.policy, self.persons[member.key], as_of=self.now
            )
            if RANKS[decision.tier] >= RANKS[member.deserves]:
                self.followed += 1
                return True
            if not self._act(member, decision):
                break
        self.unled.append(member.key)
        return False

    def _act(self, member: Member, decision: Decision) -> bool:
        """The act that the page names: those who saw it attest, or a word that something is missing."""
        change = decision.smallest_change
        assert change is not None
        if change.waiting:
            sentence = sentences.smallest_change(change)
            for item in change.waiting:
                assert str(item.facts.title) in sentence and "attest" in sentence
                deed = next(deed for deed in member.deeds if deed.event == item.facts.event)
                for seer in self.seers(member, deed):
                    self.answer(member, deed, seer, seen=True)
            return True
        if not member.hidden or any((member.key, deed.event or "") in self.claims for deed in member.deeds):
            return False
        asked = questions.ask(
            self.office.engine,
            self.persons[member.key],
            "missing",
            text="Work that many saw",
            policy=self.office.policy,
            profile="small",
            now=self.now,
        )
        self.asked += 1
        manager = self.persons[self.made.in_roles["community_manager"]]
        questions.answer(
            self.office.engine,
            asked.id,
            by=manager,
            role="manager",
            granted=True,
            text="It is to be attested now.",
            now=self.now,
        )
        self.open_claims(member)
        return True

    def look_at_flags(self) -> tuple[int, int]:
        """The team looks at every statement that is flagged: how many that were, and how many of them false."""
        claim_of = {claim.id: key for key, claim in self.claims.items()}
        members = {member.key: member for member in self.made.members}
        looked = false = 0
        manager = self.persons[self.made.in_roles["community_manager"]].id
        while waiting := review.matters(self.office.engine):
            for matter in waiting:
                attestor = matter.key.removeprefix("attestor ")
                for flagged in review.flagged(self.office.engine, attestor):
                    looked += 1
                    key, event = claim_of[flagged.claim.id]
                    found_false = not next(d.true for d in members[key].deeds if d.event == event)
                    false += found_false
                    review.settle(
                        self.office.engine,
                        claim=flagged.claim.id,
                        attestor=attestor,
                        found_false=found_false,
                        by=manager if attestor != manager else self.persons[self.made.in_roles["committee"]].id,
                        role="manager",
                        reason="looked",
                        now=self.now,
                    )
        return looked, false


def report(play: Play) -> list[str]:
    """All steps, and a line for each."""
    play.arrive()
    people, hidden = len(play.made.members), play.made.hidden_share()
    lines = [f"{people} people; {hidden:.0%} of the good work, by half days, is in no system."]
    lines.append(play.count("From records alone").line())
    play.attest_all()
    lines.append(play.count("Once those who saw it were asked").line())
    waiting = play.refused()
    for member in waiting:
        play.follow_page(member)
    lines.append(
        f"Of these {len(waiting)} refused, {play.followed} came to their tier by what their page told them"
        f" ({play.asked} began with “this is missing”); {len(play.unled)} pages led nowhere."
    )
    looked, false = play.look_at_flags()
    lines.append(f"The team looked at {looked} flagged statements; {false} were false.")
    lines.append(play.count("In the end").line())
    return lines


def folder_office(folder: Path) -> Office:
    """An office that does not wait for the disk."""
    office = open_office(folder, people="name,email,accounts\n")
    office.engine.dispose()
    event.listen(office.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    return office
