"""A minute is enough: what the issue promises of attestors and organisers, played like a person on a phone.

Chromium does every act; a person's pace is added to what the machine took: how long one reads a page, finds and
taps something, and types a character. The figures are printed (`pytest -s`).
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from issuer.attestations import sheets
from issuer.people.service import find_person
from tests.real import browser as look
from tests.real.attesting_states import NOW, claim, delegate
from tests.real.people_states import come_in, inside
from tests.real.two_offices import HAN, LONG, NAMED, NAMES, PLAIN, TwoOffices, opened

pytestmark = pytest.mark.real
READS_A_PAGE, TAPS, TYPES_A_CHARACTER = 3.0, 1.5, 0.25  # seconds: a phone in one hand, by somebody new to the page
A_MINUTE = 60.0
NUMBER = 2  # digits of how many came


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoOffices]:
    if look.chromium() is None:
        pytest.skip("no Chromium on this machine")
    with opened(tmp_path_factory.mktemp("offices")) as both:
        yield both


@pytest.fixture(scope="module")
def chromium(offices: TwoOffices) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=look.chromium(), args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Hand:
    """A person with a phone: does what they do, and keeps the time that it takes them."""

    page: Any
    human: float = 0.0
    taps: int = 0
    pages: int = 0
    characters: int = 0
    began: float = 0.0

    def opens(self, address: str) -> None:
        self.began = self.began or time.monotonic()
        self.page.goto(address)
        self._reads()

    def taps_on(self, target: Any, *, leads_on: bool = False) -> None:
        target.click()  # which waits until it can be seen and pressed
        self.human += TAPS
        self.taps += 1
        if leads_on:
            self._reads()

    def types(self, target: Any, text: str) -> None:
        self.taps_on(target)
        target.press_sequentially(text)
        self.human += TYPES_A_CHARACTER * len(text)
        self.characters += len(text)

    def _reads(self) -> None:
        self.page.wait_for_load_state()
        self.human += READS_A_PAGE
        self.pages += 1

    def seconds(self, what: str) -> float:
        """How long it took altogether; said for whoever reads the log."""
        machine = time.monotonic() - self.began
        whole = self.human + machine
        print(
            f"\n{what}: {whole:.1f} s ({self.taps} taps, {self.characters} characters, {self.pages} pages;"
            f" {machine:.1f} s of it the machine's)"
        )
        return whole


@pytest.fixture
def hand(chromium: Any) -> Iterator[Hand]:
    context = chromium.new_context(viewport=look.PHONE, has_touch=True, is_mobile=True)
    yield Hand(context.new_page())
    context.close()


def waiting_events(o: TwoOffices, count: int) -> str:
    """The link that is mailed to an attestor for whom so many events wait, at their first time."""
    region = f"region {uuid.uuid4()}"[:60]
    with inside(o) as (engine, _):
        for who in (LONG, NAMED):
            delegate(engine, who, region)
        for number in range(count):
            claim(engine, region, number, PLAIN, HAN)
        return f"{o.issuer}/sheet/{sheets.make_link(engine, find_person(engine, NAMES[LONG]), now=NOW)}"


def attests_one(hand: Hand, card: Any) -> None:
    """Everything that a meetup asks: seen, three statements, how many came."""
    hand.taps_on(card.get_by_text("I saw it", exact=True))
    for box in card.get_by_role("checkbox").all():
        hand.taps_on(box)
    hand.types(card.get_by_role("spinbutton"), "42"[:NUMBER])


def test_a_first_attestation_takes_at_most_a_minute_from_the_mailed_link(hand: Hand, offices: TwoOffices) -> None:
    hand.opens(waiting_events(offices, 1))
    attests_one(hand, hand.page.locator("section.card").first)
    hand.taps_on(hand.page.get_by_role("button", name="Send what I saw"), leads_on=True)
    assert hand.page.get_by_text("You said: I saw it.").count() == 1
    assert hand.seconds("a first attestation") <= A_MINUTE


def test_an_invitation_of_its_own_takes_at_most_a_minute(hand: Hand, offices: TwoOffices) -> None:
    link = offices.new_form(f"Meetup about a minute {uuid.uuid4()}")
    hand.opens(link)
    for box in hand.page.get_by_role("checkbox").all():
        hand.taps_on(box)
    hand.types(hand.page.get_by_role("spinbutton"), "42")
    hand.taps_on(hand.page.get_by_role("button", name="I saw it", exact=True), leads_on=True)
    assert "Thank you" in hand.page.locator("h1").inner_text()
    assert hand.seconds("an invitation") <= A_MINUTE


def test_five_events_in_one_go_take_at_most_a_minute(hand: Hand, offices: TwoOffices) -> None:
    hand.opens(waiting_events(offices, 5))
    waiting = hand.page.locator("section.card").filter(has=hand.page.get_by_role("radio")).all()
    before = hand.page.get_by_text("You said: I saw it.").count()
    for card in waiting:
        attests_one(hand, card)
    hand.taps_on(hand.page.get_by_role("button", name="Send what I saw"), leads_on=True)
    assert len(waiting) == 5
    assert hand.page.get_by_text("You said: I saw it.").count() == before + 5
    assert hand.seconds("five events in one go") <= A_MINUTE


def test_event_code_on_the_screen_done_takes_at_most_a_minute(
    hand: Hand, chromium: Any, offices: TwoOffices
) -> None:
    come_in(hand.page, offices, NAMED)
    hand.opens(f"{offices.issuer}/gatherings")
    hand.types(hand.page.get_by_label("What is it?"), "Meetup in Paris, June")
    hand.types(hand.page.get_by_label("How many people does the room hold?"), "100")
    hand.taps_on(hand.page.get_by_role("button", name="To the room’s page"), leads_on=True)
    hand.taps_on(hand.page.get_by_role("link", name="Show the code on the screen"), leads_on=True)
    shown = hand.page.locator("img.code")
    shown.wait_for()

    context = chromium.new_context(viewport=look.PHONE, has_touch=True, is_mobile=True)
    visitor = Hand(context.new_page(), began=time.monotonic())
    visitor.human += TAPS  # takes the phone out and points it at the screen
    visitor.opens(look.codes_on(hand.page)[0])
    visitor.taps_on(visitor.page.get_by_role("button", name="I am here"), leads_on=True)
    assert "Counted." in visitor.page.locator("main").inner_text()
    visitor.seconds("a visitor scans the code and is counted")
    context.close()
    hand.human += visitor.human
    assert hand.seconds("event, code on the screen, first visitor counted") <= A_MINUTE
