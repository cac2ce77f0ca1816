"""Days at a venue, as random as they come, against the office and the hubs themselves over real files of SQLite.

Six desks, 800 people who come once and 12 who try three desks each. A quarter redeemed online before. Desks lose
their way to the hub and find it again, answers get lost, hubs are started anew, and some die for good, so that a
lead takes over. What each desk did is what its page would do: the rules are `verifier.desk.rings`.

`python -m tests.stories.rings NUMBER` plays so many days, one seed each, and prints one JSON line with what came
out. With `--http` each desk asks its hub's whole application, by requests as its page signs them.
"""

import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.unit.verifier.client import AppClient
from tests.unit.verifier.desk.desks import DeskSimulator
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, IssuerSimulator, references
from verifier import app as apps
from verifier.desk import rings
from verifier.desk.formats import journal
from verifier.desk.formats.bundle import Provisional
from verifier.desk.venue.devices import Admitted
from verifier.desk.venue.service import Venue
from verifier.desk.venue.store import DeviceRow
from verifier.ground.documents import NoSource
from verifier.ground.settings import Settings
from verifier.registration.events import HolderCode, NameAgainstId
from verifier.registration.reasons import Reason
from verifier.registration.service import Registration
from verifier.verification.service import Verification

EVENT = "summit-2027"
DESKS, HONEST, CHEATING, TRIES = 6, 800, 12, 3
ONLINE = 200  # of the honest ones; and four of the others redeemed online as well
CAP = 20
ISSUER = IssuerSimulator()
CODE = HolderCode("")


@dataclass
class Outcome:
    """What came out of some days. `doubles`: discounts given beyond the first to one holder, by the rings of the
    two.
    """

    histories: int = 0
    doubles_exact: int = 0  # both in rings 0 and 1
    doubles_provisional: int = 0
    most_provisional: int = 0  # of one day
    bound: int = DESKS * CAP
    honest_refused: int = 0
    honest_left_waiting: int = 0
    unreported: int = 0
    wrongful_attempts: int = 0
    granted: int = 0
    provisional: int = 0
    takeovers: int = 0
    restarts: int = 0
    lost_answers: int = 0
    seconds: float = 0.0

    def add(self, other: "Outcome") -> None:
        for name, value in asdict(other).items():
            if name == "most_provisional":
                self.most_provisional = max(self.most_provisional, value)
            elif name != "bound":
                setattr(self, name, getattr(self, name) + value)


@dataclass
class Person:
    """Somebody with a badge. `shown`: (desk, ring) of every discount that they were shown as given."""

    reference: str
    is_honest: bool
    is_online: bool = False
    shown: list[tuple[str, int]] = field(default_factory=list)
    refused: bool = False


@cache
def people() -> tuple[str, ...]:
    return tuple(reference for reference, _ in zip(references(), range(HONEST + CHEATING), strict=False))


@cache
def token(reference: str) -> bytes:
    return ISSUER.token(ISSUER.document(reference=reference, code=None)).encode()


def office_at(folder: Path, clock: Clock) -> Registration:
    documents = DocumentsInMemory.of([ISSUER])
    documents.documents[f"{ISSUER.base}/status-lists/"] = json.dumps({"status_lists": [ISSUER.list_url]}).encode()
    settings = Settings(folder / "office", public_url="https://office.example")
    return Registration(settings, verification=Verification(documents, clock=clock), clock=clock)


class Machine:
    """A machine that is, or can be, a hub; `stop` and `start` lose nothing but what was in memory."""

    def __init__(self, folder: Path, name: str, clock: Clock) -> None:
        self.folder, self.name, self.clock = folder, name, clock
        self.url = f"https://{name}.example"
        self.is_dead = False
        self.epoch = 1
        self.start()

    def learn(self, desk: "Desk") -> None:
        """Statements that a desk carries here."""
        self.venue.handover.take_in([step.token for step in desk.chain.steps])
        self.epoch = desk.chain.epoch

    def redeem(self, desk: "Desk", reference: str, *, request: str) -> Reason:
        """What is answered to a desk whose volunteer compared the name."""
        answer = self.registration.redeem(
            token(reference),
            policy=self.registration.event(EVENT),
            proof=NameAgainstId(matches=True),
            request_id=f"{desk.id}/{request}",
        )
        return answer.reason

    def take_in(self, desk: "Desk", entries: list[str]) -> int:
        """A desk sends entries: up to which number its journal is whole here."""
        taken = self.venue.logbook.take_in(EVENT, entries, by=desk.admitted(), last=len(desk.entries))
        assert not taken.refused
        return next((span.upto for span in taken.spans if span.desk == desk.id), 0)

    def handed_on(self, desk: "Desk", *, after: int) -> Sequence[tuple[int, str]]:
        """What others entered."""
        return self.venue.logbook.handed_on(EVENT, after=after)

    def start(self) -> None:
        def carried() -> Any:
            return self.venue.bundles.opened(EVENT).carried

        verification = Verification(NoSource(), clock=self.clock, carried=carried)
        self.registration = Registration(
            Settings(self.folder / self.name), verification=verification, clock=self.clock
        )
        self.venue = Venue(self.registration, clock=self.clock)

    def stop(self) -> None:
        self.registration.engine.dispose()


class HttpMachine(Machine):
    """The same behind its whole application: a desk signs what it asks, and reads what its page reads."""

    def start(self) -> None:
        app = apps.create_hub_app(Settings(self.folder / self.name), event=EVENT, clock=self.clock)
        self.registration, self.venue = app.state.registration, app.state.venue
        self.client = AppClient(app)

    def learn(self, desk: "Desk") -> None:
        statements = {"epochs": [step.token for step in desk.chain.steps]}
        answer = self.client.post("/desk-api/epochs", json=statements)
        assert answer.status_code == 200, answer.text
        self.epoch = answer.json()["epoch"]

    def redeem(self, desk: "Desk", reference: str, *, request: str) -> Reason:
        answer = DeskSimulator.redeem(desk, self.client, token(reference).decode(), request_id=request)
        assert answer.status_code in {201, 409, 422, 503}, answer.text
        return Reason(answer.json()["reason"])

    def take_in(self, desk: "Desk", entries: list[str]) -> int:
        answer = desk.ask(
            self.client, "POST", "/desk-api/journal", json={"entries": entries, "last": len(desk.entries)}
        )
        assert answer.status_code == 200 and answer.json()["refused"] == [], answer.text
        upto: int = answer.json()["has"].get(desk.id, {"upto": 0})["upto"]
        return upto

    def handed_on(self, desk: "Desk", *, after: int) -> Sequence[tuple[int, str]]:
        answer = desk.ask(self.client, "GET", f"/desk-api/journal?after={after}")
        assert answer.status_code == 200, answer.text
        return [(found["number"], found["entry"]) for found in answer.json()["entries"]]


class Desk(DeskSimulator):
    """A desk as the page behaves."""

    row: DeviceRow
    is_cut_off = False
    known: tuple[int, frozenset[str]] = (0, frozenset())
    others: dict[str, int]
    pending: dict[str, str]  # holder -> the request that is under way
    after: dict[str, int]
    sent: dict[str, int]

    def prepare(self, row: DeviceRow) -> None:
        self.row, self.signer = row, self.signer.named(row.desk)
        self.others, self.pending, self.after, self.sent = {}, {}, {}, {}
        self.cap = row.cap
        self.requests = 0

    def admitted(self) -> Admitted:
        return Admitted(self.row, self.chain.epoch)

    def knows(self, reference: str) -> bool:
        size = len(self.entries) + len(self.others)
        if size != self.known[0]:
            listed = [journal.read(entry) for entry in (*self.entries, *self.others)]
            self.known = size, rings.holders_known(listed)
        return self.hash_of(reference) in self.known[1]

    def request_for(self, reference: str) -> str:
        if reference not in self.pending:
            self.requests += 1
            self.pending[reference] = f"request-{self.requests}"
        return self.pending[reference]


class Day:
    """One history."""

    def __init__(self, folder: Path, seed: int, *, machine: type[Machine] = Machine) -> None:
        self.folder, self.chance, self.clock = folder, random.Random(seed), Clock()
        self.clock.pass_by(hours=1)
        self.outcome = Outcome(histories=1)
        self.office = office_at(folder, self.clock)
        self.venue = Venue(self.office, clock=self.clock)
        self.machines = [machine(folder, name, self.clock) for name in ("hub", "spare", "third")]
        self.people = [
            Person(reference, number < HONEST, is_online=number < ONLINE or number >= HONEST + CHEATING - 4)
            for number, reference in enumerate(people())
        ]
        rows = sorted(self.venue.devices.listed(EVENT), key=lambda row: "lead" not in row.rights)
        self.desks = [Desk(row.name, clock=self.clock) for row in rows]
        bundle = self.machines[0].venue.bundles.opened(EVENT)
        for desk, row in zip(self.desks, rows, strict=True):
            desk.prepare(row)
            desk.salt = bundle.salt
            desk.follow([*bundle.content.epochs])
        self.before = frozenset(bundle.content.claims.days)
        self.allowed = Provisional(cap=CAP, value=400)

    def play(self) -> Outcome:
        began = time.monotonic()
        visits = self.visits()
        while visits:
            self.something_happens()
            person, desk = visits.pop()
            self.clock.pass_by(seconds=5)
            if not self.visit(person, desk):
                visits.insert(0, (person, desk))  # they wait, and come again
                self.clock.pass_by(seconds=20)
                if self.chance.random() < 0.05:
                    self.everybody_meets()
        self.close()
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    def visits(self) -> "list[tuple[Person, Desk]]":
        found: list[tuple[Person, Desk]] = []
        for person in self.people:
            if person.is_honest and not person.is_online:
                found.append((person, self.chance.choice(self.desks)))
            elif not person.is_honest:
                found += [(person, desk) for desk in self.chance.sample(self.desks, TRIES)]
        self.chance.shuffle(found)
        return found

    # What happens by itself

    def something_happens(self) -> None:
        chance = self.chance.random()
        desk = self.chance.choice(self.desks)
        if chance < 0.01:
            desk.is_cut_off = True
        elif chance < 0.06:
            desk.is_cut_off = False
        elif chance < 0.065:
            machine = self.holder_of(desk)
            if machine is not None and not machine.is_dead:
                machine.stop()
                machine.start()
                self.outcome.restarts += 1
        elif chance < 0.0665 and self.outcome.takeovers < len(self.machines) - 1:
            self.take_over()
        elif chance < 0.10:
            self.meet(desk)

    def take_over(self) -> None:
        """A lead signs the next epoch for the next machine; the old one is dead, or only out of sight."""
        lead = self.desks[0]
        old = self.holder_of(lead)
        position = self.machines.index(old) if old is not None else 0
        if position + 1 >= len(self.machines):
            return
        spare = self.machines[position + 1]
        assert old is not None
        old.is_dead = self.chance.random() < 0.5
        statement = lead.take_over(spare.venue.keys.signer("hub").public, url=spare.url)
        lead.follow([statement])
        spare.learn(lead)
        self.outcome.takeovers += 1

    def holder_of(self, desk: Desk) -> Machine | None:
        ask = rings.ring_now(desk.chain, reached=True, office="office").ask
        return next((machine for machine in self.machines if machine.url == ask), None)

    # What a desk does

    def meet(self, desk: Desk) -> None:
        """It learns who decides, sends its journal, and hears what others gave."""
        if desk.is_cut_off:
            return
        for other in self.desks:  # statements travel from desk to desk by whoever both reach
            if not other.is_cut_off and other.chain.epoch > desk.chain.epoch:
                desk.follow([step.token for step in other.chain.steps])
        machine = self.holder_of(desk)
        if machine is None or machine.is_dead:
            return
        if machine.epoch < desk.chain.epoch:
            machine.learn(desk)
        sent = desk.sent.get(machine.name, 0)
        desk.sent[machine.name] = machine.take_in(desk, desk.entries[sent:])
        after = desk.after.get(machine.name, 0)
        while found := machine.handed_on(desk, after=after):
            after = found[-1][0]
            desk.others |= {entry: 0 for _, entry in found if journal.desk_of(entry) != desk.id}
        desk.after[machine.name] = after

    def everybody_meets(self) -> None:
        for desk in self.desks:
            self.meet(desk)

    def visit(self, person: Person, desk: Desk) -> bool:
        """Whether it is settled; otherwise the person waits at this desk."""
        if not person.is_honest and (person.shown or person.is_online):
            self.outcome.wrongful_attempts += 1
        if desk.hash_of(person.reference) in self.before or desk.knows(person.reference):
            return self.turned_away(person)
        machine = self.holder_of(desk)
        reached = not desk.is_cut_off and machine is not None and not machine.is_dead
        if reached and machine is not None:
            settled = self.ask(person, desk, machine)
            if settled is not None:
                return settled
        left = rings.provisional_left(self.allowed, desk.cap, [journal.read(entry) for entry in desk.entries])
        if reached or not rings.may_grant_provisionally(left, is_foreign=False):
            return False
        desk.grant_provisionally(person.reference, desk.request_for(person.reference))
        del desk.pending[person.reference]
        person.shown.append((desk.id, rings.CUT_OFF))
        self.outcome.provisional += 1
        return True

    def ask(self, person: Person, desk: Desk, machine: Machine) -> bool | None:
        """What the hub's answer settles; None where it was lost and the desk is cut off by that."""
        if self.chance.random() < 0.05:
            self.meet(desk)
        before = desk.chain
        if machine.epoch < desk.chain.epoch:
            machine.learn(desk)
        request = desk.request_for(person.reference)
        reason = machine.redeem(desk, person.reference, request=request)
        if self.chance.random() < 0.01:
            self.outcome.lost_answers += 1
            desk.is_cut_off = True
            return None
        if desk.chain != before:
            return False
        if reason in {Reason.WAITING_FOR_DESKS, Reason.VENUE_DECIDES, Reason.ONLINE_DECIDES}:
            self.meet(desk)
            return False
        del desk.pending[person.reference]
        if reason is Reason.ALREADY_REDEEMED:
            return self.turned_away(person)
        assert reason is Reason.GRANTED, reason
        desk.grant(person.reference, request)
        person.shown.append((desk.id, rings.HUB))
        self.outcome.granted += 1
        return True

    def turned_away(self, person: Person) -> bool:
        if person.is_honest and not person.shown and not person.is_online:
            self.outcome.honest_refused += 1
        return True

    # The evening

    def close(self) -> None:
        for desk in self.desks:
            desk.is_cut_off = False
        for _ in range(3):
            self.everybody_meets()
        holder = self.holder_of(self.desks[0])
        assert holder is not None
        told = self.conflicts_at(holder)
        for person in self.people:
            given = [0] * person.is_online + [ring for _, ring in person.shown]
            exact = sum(ring in {rings.OFFICE, rings.HUB} for ring in given)
            self.outcome.doubles_exact += max(exact - 1, 0)
            extra = max(len(given) - 1, 0)
            self.outcome.doubles_provisional += extra - max(exact - 1, 0)
            self.outcome.most_provisional += extra
            self.outcome.unreported += max(extra - told[self.desks[0].hash_of(person.reference)], 0)
            if person.is_honest and not given:
                self.outcome.honest_left_waiting += 1
        for machine in self.machines:
            machine.stop()
        self.office.engine.dispose()

    def conflicts_at(self, holder: Machine) -> Counter[str]:
        """How many conflicts the report tells of each holder."""
        report = holder.venue.logbook.report(EVENT)
        return Counter(name for conflict in report.tally.conflicts for name in conflict.second.holders)


def prepare(folder: Path) -> None:
    """An office that handed over to a hub, with two spares and six desks; a quarter has redeemed online."""
    clock = Clock()
    office = office_at(folder, clock)
    venue = Venue(office, clock=clock)
    file = folder / "event.yaml"
    file.write_bytes(document(provisional_at_desk={"per_desk": CAP, "value_each": 400}, capacity=10_000))
    office.add_event(file)
    for number in range(DESKS):
        secret = venue.devices.make_enrolment(EVENT, name=f"Door {number}", rights=("lead",) if not number else ())
        assert venue.devices.enrol(secret, Desk(f"Door {number}", clock=clock).signer.public.to_jwk()).is_new
    listed = people()
    for number, reference in enumerate((*listed[:ONLINE], *listed[-4:])):
        answer = office.redeem(
            token(reference),
            policy=office.event(EVENT),
            proof=NameAgainstId(matches=True),
            request_id=f"online-{number}",
        )
        assert answer.reason is Reason.GRANTED
    machines = [Machine(folder, name, clock) for name in ("hub", "spare", "third")]
    venue.handover.hand_over(EVENT, machines[0].venue.keys.signer("hub").public, url=machines[0].url)
    made = venue.bundles.make(EVENT)
    for machine in machines:
        machine.venue.bundles.take_in(made.token, pinned=made.pinned)
        machine.venue.keys.signer("hub")
        machine.stop()
    office.engine.dispose()


@contextmanager
def prepared() -> Iterator[Path]:
    """A folder from which each day begins; in memory where this machine has such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        prepare(Path(folder))
        yield Path(folder)


def play(beginning: Path, seeds: range, machine: type[Machine] = Machine) -> Outcome:
    """One day for each seed, with hubs of this kind."""
    outcome = Outcome()
    for seed in seeds:
        with tempfile.TemporaryDirectory(dir=beginning.parent) as folder:
            day = Path(folder) / "day"
            shutil.copytree(beginning, day)
            outcome.add(Day(day, seed, machine=machine).play())
    return outcome


def play_all(histories: int, *, workers: int = 2, machine: type[Machine] = Machine) -> Outcome:
    """As many days, on several processes."""
    outcome = Outcome()
    with prepared() as beginning:
        parts = [range(first, min(first + 10, histories)) for first in range(0, histories, 10)]
        with ProcessPoolExecutor(workers) as pool:
            for part in pool.map(play, [beginning] * len(parts), parts, [machine] * len(parts)):
                outcome.add(part)
    return outcome


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:] if argument != "--http"]
    played = play_all(*(numbers or [20]), machine=HttpMachine if "--http" in sys.argv else Machine)
    print(json.dumps(asdict(played) | {"seconds": round(played.seconds, 1)}))
