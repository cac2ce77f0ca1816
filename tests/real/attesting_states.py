"""The pages of attendance and of attestors, in their states."""

import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from issuer.attendance import model, service
from issuer.attestations import service as attestations
from issuer.attestations import sheets
from issuer.attestations.model import Delegation
from issuer.ground.login.rights import Role
from issuer.people.service import find_person, people_by_id
from issuer.recognition import questions
from issuer.recognition import service as recognition
from issuer.recognition.service import EXAMPLE_POLICY
from issuer.recognition.transparency import Tally
from schemas import policy as policy_shape
from tests.real.people_states import come_in, inside
from tests.real.two_offices import HAN, LONG, NAMED, NAMES, PLAIN, SMALL, TwoOffices

Opener = Callable[[Any, TwoOffices], Any]
NOW = datetime.now(UTC)
POLICY = policy_shape.load(EXAMPLE_POLICY.read_bytes(), name="example")
TITLE = "Community meetup about upgrades without tears, third of its kind"
REGION = "a region of these tests"


def gathering(engine: Engine, *, begins: float, capacity: int = 80) -> tuple[model.Gathering, str]:
    """A gathering of three hours that begins in so many hours from now."""
    starts = NOW + timedelta(hours=begins)
    return service.declare(
        engine,
        event=f"meetup-{uuid.uuid4()}",
        title=TITLE,
        region=REGION,
        starts=starts,
        ends=starts + timedelta(hours=3),
        capacity=capacity,
        now=starts - timedelta(days=1),
    )


def room(begins: float, path: str = "") -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        with inside(o) as (engine, _):
            _, token = gathering(engine, begins=begins)
        page.goto(f"{o.issuer}/room/{token}{path}")

    return opener


def cards(page: Any, o: TwoOffices) -> None:
    room(-1)(page, o)
    page.get_by_text("Cards on paper").click()
    page.get_by_label("How many cards").fill("5")
    page.get_by_role("button", name="Make cards to print").click()


def here(*, begins: float = -1, press: bool = True, others: int = 0, capacity: int = 80, late: int = 0) -> Opener:
    """What whoever scanned the code sees: `late` seconds after it was shown."""

    def opener(page: Any, o: TwoOffices) -> None:
        rule = POLICY.attendance_code
        with inside(o) as (engine, _):
            made, _ = gathering(engine, begins=begins, capacity=capacity)
            now = datetime.now(UTC)
            code = model.code_at(made, now - timedelta(seconds=late), rule)
            for number in range(others):
                service.attend(engine, made.id, code, visitor=f"another {number}", rule=rule, now=now)
        page.goto(f"{o.issuer}/here/{made.id}/{code}")
        if press:
            page.get_by_role("button", name="I am here").click()

    return opener


def sheet(*, answered: bool = False, nothing: bool = False) -> Opener:
    """Five events that wait for one attestor, one of them their own."""

    def opener(page: Any, o: TwoOffices) -> None:
        region = f"region {uuid.uuid4()}"[:60]
        with inside(o) as (engine, _):
            attestor = find_person(engine, NAMES[LONG])
            for who in (LONG, NAMED):
                delegate(engine, who, region)
            for number in range(0 if nothing else 4):
                claim(engine, region, number, PLAIN, HAN)
            if not nothing:
                claim(engine, region, 9, LONG, PLAIN)
            token = sheets.make_link(engine, attestor, now=NOW)
        page.goto(f"{o.issuer}/sheet/{token}")
        if answered:
            page.locator("input[type=radio][value=yes]").first.check()
            page.locator("input[type=number]").first.fill("40")
            page.get_by_role("button", name="Send what I saw").click()

    return opener


def delegate(engine: Engine, who: str, region: str) -> None:
    person = find_person(engine, NAMES[who]).id
    kinds = frozenset({"event.organised"})
    given = Delegation(person, kinds, region, None, NOW.date(), NOW.date() + timedelta(days=300))
    attestations.delegate(engine, given, policy=POLICY)


def claim(engine: Engine, region: str, number: int, *about: str) -> str:
    made = attestations.open_claim(
        engine,
        kind="event.organised",
        subjects=[find_person(engine, NAMES[who]) for who in about],
        title=f"{TITLE}, evening {number} in {region[-6:]}",
        happened_at=NOW - timedelta(days=number + 1),
        region=region,
        event=f"{region} {number}",
        policy=POLICY,
        now=NOW,
    )
    return made.id


def flagged(page: Any, o: TwoOffices) -> None:
    """A manager looks at an attestor's first statements."""
    region = f"region {uuid.uuid4()}"[:60]
    with inside(o) as (engine, _):
        delegate(engine, HAN, region)
        attestor = find_person(engine, NAMES[HAN])
        for number in range(2):
            attestations.answer_claim(
                engine,
                claim(engine, region, number, PLAIN),
                attestor,
                seen=True,
                statements=frozenset(),
                attendees=30,
                people=people_by_id(engine),
                policy=POLICY,
                now=datetime.now(UTC),
            )
    come_in(page, o, SMALL, Role.MANAGER)
    page.goto(f"{o.issuer}/team/attestors/{attestor.id}")


def numbers(page: Any, o: TwoOffices) -> None:
    with inside(o) as (engine, _):
        tally = Tally(
            Counter({"contributor": 240, "sustained": 31, "recognised": 4}), Counter({"change.merged": 99})
        )
        recognition.publish_numbers(engine, tally, policy=POLICY, now=NOW)
    page.goto(f"{o.issuer}/transparency")


def question(page: Any, o: TwoOffices) -> None:
    with inside(o) as (engine, _):
        asked = questions.ask(
            engine,
            find_person(engine, NAMES[LONG]),
            "missing",
            text=f"A talk in Lyon, and a workshop on the day after it, number {uuid.uuid4()}",
            link="https://talks.example.org/a-very-long-address/of-a-talk/in-lyon/2026/summer",
            policy=POLICY,
            profile="standard",
            now=NOW,
        )
    come_in(page, o, SMALL, Role.MANAGER)
    page.goto(f"{o.issuer}/team/questions/{asked.id}")


def saying(opener: Opener, text: str) -> Opener:
    """The same, once the page says this."""

    def opened(page: Any, o: TwoOffices) -> None:
        opener(page, o)
        page.get_by_text(text).first.wait_for()

    return opened


ATTESTING_STATES: dict[str, tuple[Opener, str]] = {
    "room": (saying(room(-1), "This link is yours, as organisers"), TITLE),
    "screen-open": (saying(room(-1, "/screen"), "Scan the code with your phone"), TITLE),
    "screen-before": (saying(room(20, "/screen"), "The code appears here then"), TITLE),
    "screen-closed": (saying(room(-8, "/screen"), "Counting ended on"), TITLE),
    "room-cards": (saying(cards, "Print this page now"), TITLE),
    "here": (saying(here(press=False), "One tap, and you are counted"), TITLE),
    "here-counted": (saying(here(), "Thank you for being here"), TITLE),
    "here-full": (saying(here(capacity=1, others=1), "The room is full"), TITLE),
    "here-before": (saying(here(begins=20, press=False), "It has not begun"), TITLE),
    "here-closed": (saying(here(begins=-8, press=False), "Counting is over"), TITLE),
    "here-stale": (saying(here(press=False, late=600), "This code is an old one"), TITLE),
    "sheet": (saying(sheet(), "These people can: "), "What did you see?"),
    "sheet-answered": (saying(sheet(answered=True), "You said: I saw it."), "What did you see?"),
    "sheet-empty": (sheet(nothing=True), "What did you see?"),
    "transparency": (saying(numbers, "Small numbers are held back"), "Who is recognised, in numbers"),
    "team-question": (saying(question, "A talk in Lyon"), "Work that is missing"),
    "team-attestor": (saying(flagged, "A flag is a reason to look"), "Statements to look at"),
}
