"""The desk's page in a real Chromium, with real offices: each thing that can happen to a volunteer."""

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from keys import browser as scripts
from schemas import badge_qr, identity
from tests.real import browser as look
from tests.real.venue import (
    CAP,
    EVENT,
    ISSUER,
    REVOKED_INDEX,
    Device,
    LiveVenue,
    as_code,
    devices,
    film,
    held,
    new_badge,
)
from tests.unit.verifier.simulator import references
from tests.vectors.build import CASES
from verifier.desk.formats import codes, tokens

pytestmark = pytest.mark.real
NAMES = references()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    if look.chromium() is None:
        pytest.skip("no Chromium on this machine")
    if not scripts.is_whole():
        pytest.skip("the pages' packages are not in keys/browser/vendor: ./run fetches them")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture
def venue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveVenue]:
    monkeypatch.setattr("keys.custody.SCRYPT_N", 1 << 10)
    made = LiveVenue(tmp_path / "venue")
    yield made
    made.close()


@pytest.fixture
def device(playwright: Any, tmp_path: Path) -> Iterator[Callable[..., Device]]:
    with devices(playwright, tmp_path) as make:
        yield make


@pytest.fixture
def at_office(venue: LiveVenue, device: Callable[..., Device]) -> Device:
    """A desk while the office decides."""
    desk = device("one")
    desk.start()
    desk.open(venue.enrolment("Door 1", at="office"))
    return desk


@pytest.fixture
def at_hub(venue: LiveVenue, device: Callable[..., Device]) -> Device:
    """A desk at a hub that decides."""
    venue.hand_over()
    desk = device("one")
    desk.start()
    desk.open(venue.enrolment("Door 1", at="hub"))
    return desk


def met(desk: Device, text: str) -> None:
    """The bar at the foot says this before long."""
    desk.page.wait_for_function(
        "(text) => document.getElementById('age').textContent.includes(text)", arg=text, timeout=20_000
    )


def journal(desk: Device) -> list[dict[str, Any]]:
    """What the device has written down."""
    entries: list[dict[str, Any]] = desk.page.evaluate(
        """() => new Promise((resolve) => {
          indexedDB.open("badgewright-desk", 1).onsuccess = ({ target: { result: database } }) => {
            database.transaction("journal").objectStore("journal").getAll().onsuccess = ({ target }) => {
              database.close();
              resolve(target.result.map((entry) => entry.claims));
            };
          };
        })"""
    )
    return entries


def test_a_device_becomes_a_desk_by_its_code_and_the_secret_leaves_the_address(at_office: Device) -> None:
    page = at_office.page
    assert "#" not in page.url
    assert "Door 1" in page.locator("header").inner_text()
    met(at_office, "The office decides")
    assert [entry["kind"] for entry in journal(at_office)] == ["opened"]


def test_the_code_of_a_desk_works_once(venue: LiveVenue, device: Callable[..., Device]) -> None:
    address = venue.enrolment("Door 1", at="office")
    first, second = device("one"), device("two")
    first.start()
    first.open(address)
    second.start()
    second.open(address)
    assert "did not become a desk" in second.page.locator("#welcome-text").inner_text()


def test_a_code_before_the_camera_is_granted_online_and_only_once(
    venue: LiveVenue, device: Callable[..., Device], tmp_path: Path
) -> None:
    code = as_code(new_badge("Grace Hopper"))
    desk = device("one")
    desk.start(camera=film(tmp_path / "film.mjpeg", [*[None] * 20, held(code)]))
    desk.open(venue.enrolment("Door 1", at="office"))
    assert desk.word() == "✓ Grant 50 %"
    assert desk.page.locator("#answer .name").inner_text() == "Grace Hopper"
    desk.press("ID matches: redeem")
    assert desk.word("granted") == "✓ Granted 50 %"
    desk.next()
    assert desk.word() == "→ Ticket queue"
    assert "It was used at this desk" in desk.page.locator("#answer").inner_text()
    granted = [entry for entry in journal(desk) if entry["kind"] == "granted"]
    assert [(entry["ring"], entry["percent"]) for entry in granted] == [(0, 50)]


def test_the_address_form_of_a_code_is_read_and_never_opened(at_office: Device) -> None:
    packed = ISSUER.packed(new_badge())
    assert at_office.type_code(badge_qr.to_url_text(packed, host="elsewhere.example")) == "✓ Grant 50 %"
    assert not [url for url in at_office.watch.requests if "elsewhere" in url]


def test_a_photograph_and_a_file_are_read(at_office: Device, tmp_path: Path) -> None:
    token = new_badge("Phil Photographed")
    held(as_code(token)).save(tmp_path / "photo.png")
    (tmp_path / "badge.jwt").write_text(token)
    for name in ("photo.png", "badge.jwt"):
        at_office.page.locator("#photo").set_input_files(tmp_path / name)
        assert at_office.word() == "✓ Grant 50 %", name
        at_office.press("Ask the lead")
        at_office.next()


def test_a_scanner_that_types_is_a_keyboard(at_office: Device) -> None:
    code = as_code(new_badge())
    at_office.page.locator("#main").focus()
    at_office.page.keyboard.type(code)
    at_office.page.keyboard.press("Enter")
    assert at_office.word() == "✓ Grant 50 %"


def test_a_badge_redeemed_online_is_a_calm_answer_of_its_own(venue: LiveVenue, at_office: Device) -> None:
    token = new_badge()
    assert venue.redeem_online(token).status_code == 201
    assert at_office.type_code(as_code(token)) == "✓ Grant 50 %"  # the bundle does not know it yet
    at_office.press("ID matches: redeem")
    assert at_office.word("ticket_queue") == "→ Ticket queue"
    assert "Nothing is wrong" in at_office.page.locator("#answer").inner_text()
    venue.venue.bundles.make(EVENT)
    met(at_office, "Data of")
    at_office.next()
    at_office.page.get_by_role("link", name="Data").click()
    at_office.press("Update now")
    at_office.page.get_by_text("The data is up to date.").wait_for()
    at_office.page.get_by_role("link", name="Scan", exact=True).click()
    assert at_office.type_code(as_code(token)) == "→ Ticket queue"
    assert "online on February 1" in at_office.page.locator("#answer").inner_text()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"index": REVOKED_INDEX}, "✕ Not valid"),
        ({"starts": "2026-01-01", "ends": "2026-12-31"}, "→ Ticket queue"),
        ({"achievement": "elsewhere"}, "→ Ticket queue"),
        ({"achievement": "recognised"}, "→ Ticket queue"),
        ({"name": None}, "→ Registration page"),
    ],
)
def test_each_refusal_has_its_word(at_office: Device, changes: dict[str, Any], word: str) -> None:
    assert at_office.type_code(as_code(new_badge(**changes))) == word


def test_a_changed_badge_and_what_is_none(at_office: Device) -> None:
    packed = bytearray(ISSUER.packed(new_badge()))
    packed[30] ^= 1
    assert at_office.type_code(badge_qr.to_desk_text(bytes(packed))) == "✕ Not valid"
    at_office.next()
    assert at_office.type_code("hello there") == "✕ No badge"
    at_office.next()
    packed[2] ^= 1
    assert at_office.type_code(badge_qr.to_desk_text(bytes(packed))) == "? Update the bundle"


def test_a_short_code_is_looked_up_over_the_network_and_verified_like_any(
    venue: LiveVenue, at_office: Device
) -> None:
    good, changed = new_badge("Lou Looked-Up"), new_badge()[:-8] + "AAAAAAAA"
    venue.pages = {f"{ISSUER.base}/b/3d8bea45ef2e/": good, f"{ISSUER.base}/b/aaaaaaaaaaaa/": changed}
    assert at_office.type_code("3D8B EA45 ef2e") == "✓ Grant 50 %"
    assert "Lou Looked-Up" in at_office.page.locator("#answer").inner_text()
    at_office.press("ID matches: redeem")
    at_office.word("granted")
    at_office.next()
    assert at_office.type_code("aaaa-aaaa-aaaa") == "✕ Not valid"
    at_office.next()
    assert at_office.type_code("bbbb-bbbb-bbbb") == "→ No badge"
    assert "Ask for its QR code or file" in at_office.page.locator("#answer").inner_text()
    at_office.next()
    assert at_office.type_code(f"https://elsewhere.example/b/{'b' * 12}/") == "→ No badge"
    assert not [url for url in at_office.watch.requests if "elsewhere" in url]


def test_only_the_lead_sees_the_reasons_and_that_is_written_down(at_office: Device) -> None:
    at_office.type_code(as_code(new_badge(index=REVOKED_INDEX)))
    assert "withdrawn" not in at_office.page.locator("#answer").inner_text()
    at_office.press("My lead is here")
    at_office.page.locator("#lead-initials").fill("LL")
    at_office.press("For the lead")
    at_office.page.get_by_text("withdrawn").first.wait_for()
    notes = [entry for entry in journal(at_office) if entry["kind"] == "note"]
    assert [entry["initials"] for entry in notes] == ["LL"]
    assert [entry["reason"] for entry in journal(at_office) if entry["kind"] == "refused"] == ["not_valid"]


def test_the_hub_grants_and_another_desk_is_told_who_did(
    venue: LiveVenue, at_hub: Device, device: Callable[..., Device]
) -> None:
    other = device("two")
    other.start()
    other.open(venue.enrolment("Door 2", at="hub"))
    code = as_code(new_badge())
    met(at_hub, "The hub decides")
    at_hub.type_code(code)
    at_hub.press("ID matches: redeem")
    assert at_hub.word("granted") == "✓ Granted 50 %"
    assert "The office sends the voucher" in at_hub.page.locator("#answer").inner_text()

    other.type_code(code)
    if other.word() == "✓ Grant 50 %":  # the first desk's journal has not come round yet
        other.press("ID matches: redeem")
    assert other.word("ticket_queue") == "→ Ticket queue"


def test_a_desk_that_is_cut_off_grants_provisionally_up_to_its_cap(venue: LiveVenue, at_hub: Device) -> None:
    met(at_hub, "The hub decides")
    venue.stop("hub")
    met(at_hub, "Cut off")
    for number in range(CAP):
        assert at_hub.type_code(as_code(new_badge(f"Person {number}"))) == "◌ Provisional 50 %"
        at_hub.page.locator("#id-name").fill(f"Person {number}")
        at_hub.press("ID matches: grant provisionally")
        at_hub.page.get_by_text("This desk is cut off. Let them in").wait_for()
        at_hub.next()
    assert at_hub.type_code(as_code(new_badge())) == "◌ Ask the lead"
    given = [entry for entry in journal(at_hub) if entry["kind"] == "provisional"]
    assert [(entry["ring"], entry["name"], entry["value"]) for entry in given] == [
        (3, f"Person {number}", 400) for number in range(CAP)
    ]
    at_hub.next()
    venue.start("hub")
    met(at_hub, "The hub decides")
    at_hub.page.wait_for_function(
        "() => !document.getElementById('age').textContent.includes('Waiting to be sent')"
    )
    assert venue.of("hub").logbook.report(EVENT).rings["offline"] == CAP


def test_a_hub_that_dies_while_it_is_asked_gives_nobody_anything_twice(venue: LiveVenue, at_hub: Device) -> None:
    code = as_code(new_badge())
    met(at_hub, "The hub decides")
    at_hub.type_code(code)
    venue.stop("hub")
    at_hub.press("ID matches: redeem")
    assert at_hub.word("provisional") == "◌ Provisional 50 %"
    venue.start("hub")
    at_hub.press("Ask again")
    assert at_hub.word("granted") == "✓ Granted 50 %"
    assert [entry["kind"] for entry in journal(at_hub)] == ["opened", "granted"]


def test_a_browser_that_was_killed_starts_without_any_network_and_remembers(
    venue: LiveVenue, device: Callable[..., Device]
) -> None:
    desk = device("one")
    desk.start()
    address = venue.url("office") + "/desk-app/"
    desk.open(venue.enrolment("Door 1", at="office"))
    desk.page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    desk.page.wait_for_function("() => caches.keys().then((names) => names.length > 0)")
    code = as_code(new_badge())
    desk.type_code(code)
    desk.press("ID matches: redeem")
    desk.word("granted")
    desk.end()

    venue.stop("office")
    desk.start()
    began = time.monotonic()
    desk.open(address)
    ready = time.monotonic() - began
    assert desk.type_code(code) == "→ Ticket queue"
    assert "It was used at this desk" in desk.page.locator("#answer").inner_text()
    desk.next()
    assert desk.type_code(as_code(new_badge())) in {"✓ Grant 50 %", "◌ Provisional 50 %"}
    print(f"cold start without a network: {ready:.2f} s")
    assert ready <= 2


def test_a_wrong_clock_stops_the_desk(venue: LiveVenue, device: Callable[..., Device]) -> None:
    desk = device("one")
    desk.start()
    desk.open(venue.enrolment("Door 1", at="office"))
    desk.end()
    desk.behind = timedelta(hours=3)
    desk.start()
    desk.open(venue.url("office") + "/desk-app/")
    assert desk.type_code(as_code(new_badge())) == "? This clock is wrong"
    met(desk, "This clock is wrong")


def test_a_bundle_that_has_expired_decides_nothing(venue: LiveVenue, device: Callable[..., Device]) -> None:
    desk = device("one")
    desk.start()
    desk.open(venue.enrolment("Door 1", at="office"))
    desk.page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    desk.end()
    venue.stop("office")
    desk.behind = timedelta(days=-30)
    desk.start()
    desk.open(venue.url("office") + "/desk-app/")
    assert desk.type_code(as_code(new_badge())) == "? This desk’s data has expired"
    met(desk, "This desk’s data has expired")


def test_a_camera_that_is_refused_leaves_photograph_and_typing(
    venue: LiveVenue, device: Callable[..., Device]
) -> None:
    desk = device("one")
    desk.start()
    desk.open(venue.enrolment("Door 1", at="office"))
    desk.page.get_by_text(re.compile("camera may not be used|No camera was found")).wait_for()
    assert desk.type_code(as_code(new_badge())) == "✓ Grant 50 %"


def test_a_grant_is_taken_back_with_a_reason_and_can_be_given_again(at_hub: Device) -> None:
    code = as_code(new_badge())
    met(at_hub, "The hub decides")
    at_hub.type_code(code)
    at_hub.press("ID matches: redeem")
    at_hub.word("granted")
    at_hub.next()
    at_hub.page.get_by_role("link", name="What this desk did").click()
    at_hub.press("Take back")
    at_hub.page.locator("#entries form input").fill("VV")
    at_hub.page.locator("#entries form button").click()
    at_hub.page.get_by_text("· Taken back").wait_for()
    at_hub.page.get_by_role("link", name="Scan", exact=True).click()
    at_hub.type_code(code)
    at_hub.press("ID matches: redeem")
    assert at_hub.word("granted") == "✓ Granted 50 %"
    assert [e["kind"] for e in journal(at_hub)] == ["opened", "granted", "undo", "granted"]


def test_a_bundle_is_carried_as_a_file_and_as_codes_in_any_order(
    venue: LiveVenue, at_office: Device, tmp_path: Path
) -> None:
    token = new_badge()
    venue.redeem_online(token)
    venue.stop("office")
    by_codes, by_file = (venue.venue.bundles.make(EVENT) for _ in range(2))
    for text in reversed(codes.write("bundle", [by_codes.token])):
        at_office.page.locator("#tabs [data-view=scan]").click()
        at_office.page.locator("#typed").fill(text)
        at_office.page.locator("#typed-form button").click()
        at_office.page.wait_for_function("() => document.getElementById('data-said').textContent !== ''")
    at_office.page.get_by_text(f"Taken in: bundle {by_codes.content.version}.").wait_for()
    (tmp_path / "newer.bundle").write_text(by_file.token)
    (tmp_path / "older.bundle").write_text(by_codes.token)
    at_office.page.locator("#bundle-file").set_input_files(tmp_path / "newer.bundle")
    at_office.page.get_by_text(f"Taken in: bundle {by_file.content.version}.").wait_for()
    at_office.page.locator("#bundle-file").set_input_files(tmp_path / "older.bundle")
    at_office.page.get_by_text(f"this desk has seen {by_file.content.version}").wait_for()
    at_office.page.locator("#tabs [data-view=scan]").click()
    assert at_office.type_code(as_code(token)) == "→ Ticket queue"


def test_a_journal_leaves_as_codes_and_as_a_file(at_office: Device) -> None:
    at_office.type_code(as_code(new_badge()))
    at_office.press("ID matches: redeem")
    at_office.word("granted")
    at_office.next()
    at_office.page.locator("#tabs [data-view=data]").click()
    at_office.press("Show the journal as codes")
    count = int(at_office.page.locator("#codes p").inner_text().split()[-1])
    texts = []
    for _ in range(count):
        picture = Image.open(io.BytesIO(at_office.page.screenshot()))  # as it stands on the screen
        texts += [code.text for code in zxingcpp.read_barcodes(picture)]
        at_office.press("Next code")
    kind, shown = codes.read(texts)
    with at_office.page.expect_download() as download:
        at_office.page.locator("#export").click()
    saved = Path(download.value.path()).read_text().split()
    assert (kind, list(shown)) == ("journal", saved)
    assert [tokens.unverified(token)["kind"] for token in saved] == ["opened", "granted"]


def test_a_rehearsal_keeps_and_sends_nothing(venue: LiveVenue, at_office: Device) -> None:
    at_office.page.get_by_role("link", name="Data").click()
    at_office.press("Rehearse: nothing is sent or kept")
    at_office.page.get_by_role("link", name="Scan", exact=True).click()
    token = new_badge()
    at_office.type_code(as_code(token))
    at_office.press("ID matches: redeem")
    assert at_office.word("granted") == "✓ Granted 50 %"
    assert "In earnest" in at_office.page.locator("#answer").inner_text()
    assert at_office.page.locator("#rehearsal").is_visible()
    assert [entry["kind"] for entry in journal(at_office)] == ["opened"]
    assert venue.redeem_online(token).status_code == 201


def test_a_lead_gives_the_event_to_another_hub_when_the_first_dies(
    venue: LiveVenue, device: Callable[..., Device]
) -> None:
    lead, other = device("lead"), device("one")
    for desk, rights in ((lead, ("scan", "lead")), (other, ("scan",))):
        desk.start()
        desk.open(venue.enrolment(f"Desk of {len(rights)}", at="office", rights=rights))
    venue.hand_over()
    token = new_badge()
    for desk in (lead, other):
        met(desk, "The hub decides")
    other.type_code(as_code(token))
    other.press("ID matches: redeem")
    other.word("granted")
    other.next()
    spare = venue.of("spare").keys.signer("hub").public.to_jwk()
    venue.bring_bundle("spare")
    venue.start("spare")
    for desk in (lead, other):
        desk.page.wait_for_function(
            "() => !document.getElementById('age').textContent.includes('Waiting to be sent')"
        )
    time.sleep(9)  # two more rounds, so that each desk has the bundle with the lead's key
    venue.stop("hub")
    met(lead, "Cut off")
    lead.page.get_by_role("link", name="Data").click()
    lead.page.locator("#takeover-text").fill(json.dumps({"jwk": spare, "url": venue.url("spare")}))
    lead.page.locator("#takeover-reason").fill("the first one is dead")
    lead.page.locator("#takeover button").click()
    met(lead, "The hub decides")
    met(other, "The hub decides")
    lead.page.get_by_role("link", name="Scan", exact=True).click()
    lead.type_code(as_code(token))  # what the dead hub gave is known by the journals
    if lead.word() == "✓ Grant 50 %":
        lead.press("ID matches: redeem")
    assert lead.word("ticket_queue") == "→ Ticket queue"


def by_order() -> str:
    """A badge without a name, with the hash of a mail address."""
    document = ISSUER.document(reference=next(NAMES), name=None)
    mail = identity.hashed("ada@example.org", identity_type=identity.EMAIL_TYPE, salt="a-salt")
    document["credentialSubject"]["identifier"].append(mail.model_dump(exclude_none=True))
    return ISSUER.token(document)


def granted_screen(desk: Device) -> None:
    desk.type_code(as_code(new_badge("歐陽 思遠")))
    desk.page.locator("#answer .actions .first").click()
    desk.word("granted")


def reasons_screen(desk: Device) -> None:
    desk.type_code(as_code(new_badge(index=REVOKED_INDEX)))
    desk.page.locator("#answer .actions button").nth(1).click()
    desk.page.locator("#lead-initials").fill("LL")
    desk.page.locator("#answer form button").click()
    desk.page.locator("#answer section li").first.wait_for()


def tab_screen(tab: str, shows: str) -> Callable[[Device], object]:
    def opened(desk: Device) -> None:
        desk.page.locator(f"#tabs [data-view={tab}]").click()
        desk.page.locator(shows).first.wait_for()

    return opened


def undo_screen(desk: Device) -> None:
    granted_screen(desk)
    tab_screen("history", "#entries button")(desk)
    desk.page.locator("#entries button").first.click()
    desk.page.locator("#entries form").wait_for()


SCREENS: dict[str, Callable[[Device], object]] = {
    "scan": lambda desk: desk.page.locator("#typed").wait_for(),
    "grant": lambda desk: desk.type_code(as_code(new_badge("Maximiliana Theodora Wolkenstein-Trostburg"))),
    "granted": granted_screen,
    "not valid": lambda desk: desk.type_code(as_code(new_badge(index=REVOKED_INDEX))),
    "reasons": reasons_screen,
    "queue": lambda desk: desk.type_code(as_code(new_badge(achievement="elsewhere"))),
    "no badge": lambda desk: desk.type_code("hello there"),
    "address": lambda desk: desk.type_code(by_order()),
    "undo": undo_screen,
    "history": tab_screen("history", "#entries"),
    "data": tab_screen("data", "#data-state p"),
}


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("size", ["phone", "laptop"])
def test_each_screen_holds(venue: LiveVenue, device: Callable[..., Device], size: str, language: str) -> None:
    desk = device("one")
    desk.start(viewport=look.PHONE if size == "phone" else look.LAPTOP)
    desk.open(venue.enrolment("Door 1", at="office"))
    desk.page.locator("#tabs [data-view=data]").click()
    desk.page.locator("#language").select_option(language)
    for scheme in ("light", "dark"):
        desk.page.emulate_media(color_scheme=scheme)
        for name, open_screen in SCREENS.items():
            desk.page.reload()
            desk.page.wait_for_selector("body[data-ready=yes]")
            desk.page.locator("#tabs [data-view=scan]").click()
            open_screen(desk)
            where = f"{name}, {size}, {language}, {scheme}"
            assert desk.page.evaluate("() => document.documentElement.lang") == language, where
            assert look.overflow(desk.page) == [], where
            assert look.accessibility_faults(desk.page) == [], where
            assert look.small_targets(desk.page) == [], where
            assert look.lost_by_keyboard(desk.page) == [], where
    assert look.twice_the_text(desk.page) == []
    assert desk.watch.complaints == []


@pytest.mark.parametrize("moment", ["at once", "after a moment"])
def test_a_browser_killed_at_any_moment_forgets_no_grant_that_was_shown(
    venue: LiveVenue, device: Callable[..., Device], moment: str
) -> None:
    """kill -9 of every process of the browser, again and again, as soon as "Granted" stands on the screen."""
    desk = device("one")
    desk.start_to_be_killed()
    desk.open(venue.enrolment("Door 1", at="office"))
    codes = []
    for _ in range(4):
        codes.append(as_code(new_badge()))
        assert desk.type_code(codes[-1]) == "✓ Grant 50 %"
        desk.press("ID matches: redeem")
        desk.word("granted")
        if moment == "after a moment":
            time.sleep(0.3)
        desk.kill()
        desk.start_to_be_killed()
        desk.open(venue.url("office") + "/desk-app/")
        assert [entry["kind"] for entry in journal(desk)].count("granted") == len(codes)
    for code in codes:
        assert desk.type_code(code) == "→ Ticket queue"
        desk.next()


def test_nothing_is_asked_of_anybody_else_and_the_console_is_silent(venue: LiveVenue, at_office: Device) -> None:
    at_office.type_code(as_code(new_badge()))
    at_office.press("ID matches: redeem")
    at_office.word("granted")
    at_office.next()
    assert at_office.watch.strangers([venue.url("office"), "blob:"]) == []
    assert at_office.watch.complaints == []


def test_a_file_with_its_proof_inside_is_checked_by_the_hub_and_without_it_needs_the_network(
    venue: LiveVenue, at_hub: Device, tmp_path: Path
) -> None:
    met(at_hub, "The hub decides")
    file = tmp_path / "badge.json"
    for name in ("somebody", "nobody"):
        document = ISSUER.secured(ISSUER.document(reference=next(NAMES)))
        file.write_text(json.dumps(document if name == "somebody" else document | {"name": "Eve"}))
        at_hub.page.locator("#photo").set_input_files(file)
        if name == "nobody":
            assert at_hub.word("not_valid") == "✕ Not valid"
        else:
            assert at_hub.word("grant") == "✓ Grant 50 %"
            at_hub.press("ID matches: redeem")
            assert at_hub.word("granted") == "✓ Granted 50 %"
        at_hub.next()
    venue.stop("hub")
    met(at_hub, "Cut off")
    at_hub.page.locator("#photo").set_input_files(file)
    assert at_hub.word("proof_inside") == "? Needs the network"
    assert "It does not mean that the badge is bad." in at_hub.page.locator("#answer").inner_text()


def test_a_badge_without_a_name_is_compared_with_the_order_and_the_address_stays_nowhere(
    venue: LiveVenue, at_office: Device
) -> None:
    desk, page = at_office, at_office.page
    met(desk, "The office decides")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.post_data or ''}"))
    address = page.get_by_label("Mail address as it stands on the order")

    assert desk.type_code(by_order()) == "✓ Grant 50 %"
    address.fill("somebody@example.org")
    desk.press("Compare, and redeem if it is the same")
    page.get_by_text("This is not the badge’s address.").wait_for()
    assert page.locator("#answer .problem").is_visible()  # not to be overlooked under the large "Grant"
    assert address.input_value() == ""
    address.fill(" Ada@Example.org")
    desk.press("Compare, and redeem if it is the same")
    assert desk.word("granted") == "✓ Granted 50 %"
    desk.next()

    desk.type_code(by_order())
    desk.press("Address differs")
    assert desk.word("address_differs") == "✕ Address differs"
    desk.next()

    venue.stop("office")
    met(desk, "Cut off")
    desk.type_code(by_order())
    address.fill("ada@example.org")
    desk.press("Compare, and redeem if it is the same")
    page.get_by_label("Type the name as it stands on the ID").fill("Ada Example")
    desk.press("Grant provisionally")
    assert desk.word("provisional") == "◌ Provisional 50 %"
    kinds = [(entry["kind"], entry.get("reason")) for entry in journal(desk)[1:]]
    assert kinds == [("granted", None), ("refused", "address_not_confirmed"), ("provisional", None)]
    kept = page.evaluate("async () => JSON.stringify([{ ...localStorage }, document.documentElement.outerHTML])")
    assert "example.org" not in json.dumps(journal(desk)).replace("badges.example.org", "")
    assert "ada@" not in (kept + " ".join(sent)).lower() and "somebody@" not in kept + " ".join(sent)


def test_a_browser_without_ed25519_fetches_what_it_lacks_and_only_then(at_office: Device) -> None:
    """On the page as it is served, under its policy; the second time without a network."""
    page = at_office.page
    page.evaluate(
        """() => {
          const importKey = crypto.subtle.importKey.bind(crypto.subtle);
          crypto.subtle.importKey = async (format, key, how, ...rest) => {
            if (how.name === "Ed25519") throw new DOMException("Unrecognized name.", "NotSupportedError");
            return importKey(format, key, how, ...rest);
          };
        }"""
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    ask = """async ({ token, now, trust }) => {
      const { verify } = await import("/keys/browser/verify.js");
      const published = (documents) => new Map(Object.entries(documents).map(([address, { body, fetched_at }]) =>
        [address, { body: new TextEncoder().encode(body), fetchedAt: Date.parse(fetched_at) }]));
      const known = {
        didDocuments: published(trust.did_documents), statusLists: published(trust.status_lists),
        dictionaries: new Map(), statusAgeLimit: 3600000,
      };
      return (await verify({ token }, { trust: known, now: Date.parse(now) })).outcome;
    }"""

    def outcome(name: str) -> Any:
        return page.evaluate(ask, json.loads((CASES / f"{name}.json").read_text()))

    page.evaluate("() => navigator.serviceWorker.ready")
    assert outcome("valid") == "valid" and "ed25519.js" not in asked
    at_office.context.set_offline(True)
    assert (outcome("valid_ed25519"), outcome("signature_ed25519")) == ("valid", "not_valid")
    at_office.context.set_offline(False)


def test_the_light_and_the_other_camera_are_chosen_on_the_page(
    venue: LiveVenue, device: Callable[..., Device]
) -> None:
    desk = device("one")
    page = desk.start(cameras=2)
    desk.context.add_init_script(
        """
        globalThis.asked = [];
        MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true });
        MediaStreamTrack.prototype.applyConstraints = async ({ advanced }) => { asked.push(advanced[0].torch); };
        """
    )
    desk.open(venue.enrolment("Door 1", at="office"))
    light, other = (page.get_by_role("button", name=name, exact=True) for name in ("Light", "Other camera"))
    for pressed in ("true", "false"):
        light.click()
        page.locator(f"#torch[aria-pressed={pressed}]").wait_for()
    assert page.evaluate("() => asked") == [True, False]

    seen = "() => document.getElementById('video').srcObject?.getVideoTracks()[0].getSettings().deviceId ?? ''"
    first = page.evaluate(seen)
    other.click()
    page.wait_for_function(f"(first) => ![first, ''].includes(({seen})())", arg=first)


def test_each_kind_of_answer_sounds_and_shakes_differently_until_that_is_switched_off(at_office: Device) -> None:
    page = at_office.page
    page.evaluate(
        """() => {
          globalThis.felt = [];
          globalThis.heard = [];
          navigator.vibrate = (pulses) => { felt.push(pulses.join()); };
          const Real = OscillatorNode;
          globalThis.OscillatorNode = class extends Real {
            constructor(context, how) { super(context, how); heard.push(how.frequency); }
          };
        }"""
    )
    badges = [new_badge(), new_badge(index=REVOKED_INDEX), new_badge(achievement="elsewhere")]
    for token in badges:
        at_office.type_code(as_code(token))
        page.get_by_role("link", name="Scan", exact=True).click()
    felt, heard = page.evaluate("() => [felt, heard]")
    assert len(set(felt)) == 3 and heard == [880, 1320, 220, 180, 660]

    page.get_by_role("link", name="Data", exact=True).click()
    at_office.press("Sound")
    page.get_by_role("link", name="Scan", exact=True).click()
    at_office.type_code(as_code(new_badge()))
    assert page.evaluate("() => felt.length") == 3


def test_a_device_deletes_its_journal_when_the_event_file_says_and_never_what_was_not_sent(
    venue: LiveVenue, at_office: Device
) -> None:
    """Long after the event nobody answers any more: what was sent is deleted by the device's own clock."""
    met(at_office, "The office decides")
    at_office.page.wait_for_function("() => !document.getElementById('age').textContent.includes('Waiting')")
    venue.stop("office")
    met(at_office, "Cut off")
    at_office.type_code(as_code(new_badge()))
    at_office.page.get_by_label("Type the name as it stands on the ID").fill("Ada Example")
    at_office.press("ID matches: grant provisionally")
    at_office.word("provisional")

    def days_later(days: int) -> None:
        at_office.end()
        at_office.behind = timedelta(days=-days)
        at_office.start()
        at_office.open(venue.url("office") + "/desk-app/")

    days_later(400)
    at_office.page.wait_for_timeout(5_000)
    assert [entry["kind"] for entry in journal(at_office)] == ["opened", "provisional"], "it was never sent"
    days_later(0)
    venue.start("office")
    met(at_office, "The office decides")
    at_office.page.wait_for_function("() => !document.getElementById('age').textContent.includes('Waiting')")
    venue.stop("office")
    days_later(400)
    at_office.page.get_by_text("this device has deleted what it kept").wait_for()
    assert journal(at_office) == []
