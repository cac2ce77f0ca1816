"""Every page in a real browser: phone, laptop and paper, light and dark, by keyboard, and without scripts."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFilter

from schemas import badge_qr
from tests.real import browser as look
from tests.real.attesting_states import room
from tests.real.page_states import STATES, asked_wallet, paste, redeem
from tests.real.two_offices import (
    BUYER,
    CARRIED,
    HAN,
    LONG,
    NAMED,
    PHOTOGRAPHED,
    PLAIN,
    VISITOR,
    WITHDRAWN,
    TwoOffices,
    opened,
)

pytestmark = pytest.mark.real
LANDING_TO_VOUCHER = 45  # seconds that a holder may need; here nobody reads or types slowly


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


@pytest.fixture
def page(chromium: Any, offices: TwoOffices) -> Iterator[Any]:
    """A fresh phone; afterwards, nothing was asked of anybody else and the console is silent."""
    context = chromium.new_context(viewport=look.PHONE)
    watch = look.Watch().over(context)
    yield context.new_page()
    context.close()
    assert watch.strangers(offices.origins) == []
    assert watch.complaints == []


@pytest.fixture
def plain_page(chromium: Any) -> Iterator[Any]:
    """A phone that runs no scripts."""
    context = chromium.new_context(viewport=look.PHONE, java_script_enabled=False)
    yield context.new_page()
    context.close()


def h1(page: Any) -> str:
    return " ".join(page.locator("h1").inner_text().split())


@pytest.mark.parametrize("state", STATES)
def test_a_page_holds_on_every_screen(page: Any, offices: TwoOffices, state: str) -> None:
    steps, heading = STATES[state]
    steps(page, offices)
    assert h1(page).startswith(heading)
    assert look.wrong_headings(page) == []
    for size in (look.PHONE, look.LAPTOP):
        page.set_viewport_size(size)
        assert look.overflow(page) == []
        assert look.small_targets(page) == []
        assert look.lost_by_keyboard(page) == []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert look.accessibility_faults(page) == []
    assert look.twice_the_text(page) == []
    page.locator("details").evaluate_all("(all) => all.forEach((each) => (each.open = true))")
    assert look.twice_the_text(page) == []
    assert look.accessibility_faults(page) == []


# Paper


@pytest.mark.parametrize(("who", "width"), [(PLAIN, 50), (LONG, 60)])
def test_a_holders_page_prints_its_code_at_true_size_and_no_buttons(
    page: Any, offices: TwoOffices, who: str, width: int
) -> None:
    page.goto(offices.holders[who].page)
    assert f"on paper at least {width // 10} cm wide" in page.locator("figcaption").inner_text()
    page.set_viewport_size(look.PAPER)
    page.emulate_media(media="print", color_scheme="dark")  # paper is white for those who like it dark, too

    shown, printed = look.printed(page, ".qr img")
    assert shown and abs(printed - width) < 0.2
    assert look.overflow(page) == []
    for left_out in ("nav", "button", ".actions", "form", ".skip", ".holder-code"):
        assert not look.printed(page, left_out)[0], left_out
    assert (
        page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    )
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    assert [true for true in look.widths_on_paper(pdf) if abs(true - width) < 0.5]


def test_cards_come_out_of_a_printer_at_true_size_whole_and_readable(page: Any, offices: TwoOffices) -> None:
    """Thirteen cards on A4: each code is 4.5 cm wide or more, none is cut by a page's end, a camera reads all."""
    room(-1)(page, offices)
    page.get_by_text("Cards on paper").click()
    page.get_by_label("How many cards").fill("13")
    page.get_by_role("button", name="Make cards to print").click()
    page.get_by_text("Print this page now").wait_for()
    links = [link.inner_text() for link in page.locator(".cards li small:last-child").all()]
    assert len(set(links)) == 13
    pdf = page.pdf(format="A4", margin=dict.fromkeys(("top", "right", "bottom", "left"), "15mm"))
    assert [width >= 45 for width in look.widths_on_paper(pdf)] == [True] * 13
    assert sorted(look.codes_on_paper(pdf)) == sorted(links)
    context = page.context.browser.new_context(viewport=look.PHONE)
    visitor = context.new_page()
    visitor.goto(look.codes_on_paper(pdf)[0])
    visitor.get_by_role("button", name="I am here").click()
    assert "Counted." in visitor.locator("main").inner_text()
    context.close()


def test_a_voucher_can_be_printed(page: Any, offices: TwoOffices) -> None:
    STATES["register-granted"][0](page, offices)
    if page.locator(".voucher").count():  # given once; the other test may have been first
        page.emulate_media(media="print")
        assert look.printed(page, ".voucher")[0]
        assert not look.printed(page, ".button")[0]


# A holder's way, with a browser


def test_a_holder_saves_the_picture_and_redeems_it_once(page: Any, offices: TwoOffices) -> None:
    page.goto(offices.holders[BUYER].page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the picture").click()
    code = page.locator(".holder-code").inner_text()
    assert download.value.suggested_filename.endswith(".png")

    for answer in ("✓ Granted 50 %", "→ Used already"):
        begins = time.monotonic()
        page.goto(offices.registration)
        page.locator("#file").set_input_files(download.value.path())
        page.get_by_role("button", name="See my discount").click()
        if answer == "✓ Granted 50 %":
            assert h1(page) == "✓ 50 %"
            page.get_by_label("Holder code").fill(code.lower())
            page.get_by_role("button", name="Use my discount now").first.click()
        assert h1(page) == answer
        assert time.monotonic() - begins < LANDING_TO_VOUCHER
    assert page.locator(".answer.calm").count() == 1  # news, no reproach
    assert page.locator(".voucher").count() == 0


def test_a_badge_in_a_wallet_becomes_a_voucher_on_the_same_device(page: Any, offices: TwoOffices) -> None:
    badge = offices.bound(CARRIED)
    begins = time.monotonic()
    page.goto(offices.wallet().show(asked_wallet(page, offices), badge))
    assert h1(page) == "✓ 50 %"
    page.get_by_role("button", name="Use my discount now").click()
    assert h1(page) == "✓ Granted 50 %"
    assert time.monotonic() - begins < LANDING_TO_VOUCHER
    voucher = page.locator(".voucher").inner_text()
    page.reload()  # the browser asks again with the same form
    assert page.locator(".voucher").inner_text() == voucher


def test_a_photograph_of_a_printed_code_becomes_a_voucher(page: Any, offices: TwoOffices, tmp_path: Path) -> None:
    """The code as a camera sees it: turned, on a table, not quite sharp."""
    code = Image.open(offices.file(PHOTOGRAPHED, "qr-png")).convert("L").rotate(6, expand=True, fillcolor=255)
    table = Image.new("RGB", (code.width + 240, code.height + 200), (180, 175, 160))
    table.paste(code.convert("RGB"), (110, 80))
    table.filter(ImageFilter.GaussianBlur(0.8)).save(tmp_path / "photo.jpg")
    begins = time.monotonic()
    page.goto(offices.registration)
    page.locator("#file").set_input_files(tmp_path / "photo.jpg")
    page.get_by_role("button", name="See my discount").click()
    page.get_by_label("Holder code").fill(offices.holders[PHOTOGRAPHED].code)
    page.get_by_role("button", name="Use my discount now").first.click()
    assert h1(page) == "✓ Granted 50 %"
    assert time.monotonic() - begins < LANDING_TO_VOUCHER


def test_a_wallet_on_a_phone_frees_the_page_on_a_laptop(chromium: Any, page: Any, offices: TwoOffices) -> None:
    back = offices.wallet().show(asked_wallet(page, offices), offices.bound(PLAIN))
    page.wait_for_selector(".voucher")  # by itself, with the number
    number = page.locator(".voucher").inner_text()
    phone = chromium.new_context(viewport=look.PHONE).new_page()
    phone.goto(back)
    assert phone.locator(".voucher").inner_text() == number
    phone.get_by_role("button", name=f"Yes, it shows {number}").click()
    phone.context.close()
    page.wait_for_selector("text=Use my discount now")
    assert h1(page) == "✓ 50 %"


def test_a_desk_photographs_compares_and_redeems(page: Any, offices: TwoOffices) -> None:
    page.goto(offices.holders[VISITOR].page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the code").click()
    page.goto(offices.desk)
    page.locator("#file").set_input_files(download.value.path())
    page.get_by_role("button", name="Look").click()
    assert page.locator(".name").inner_text() == "Vera Visitor"
    page.get_by_role("button", name="ID matches: redeem").click()
    assert h1(page) == "✓ Granted 50 %"
    page.get_by_role("link", name="Next person").click()
    page.locator("#file").set_input_files(download.value.path())
    page.get_by_role("button", name="Look").click()
    assert h1(page) == "→ Ticket queue"
    assert "Discount already used" in page.locator(".gives").inner_text()


def test_a_scanned_code_stays_out_of_every_address(page: Any, offices: TwoOffices) -> None:
    digits = scanned_digits(offices, NAMED)
    asked: list[tuple[str, str, str]] = []
    page.on("request", lambda request: asked.append((request.url, page.url, request.post_data or "")))
    page.goto(f"{offices.verifier}/v#{digits}")
    page.wait_for_url("**/verify")

    assert h1(page) == "✓ Valid"
    (sent,) = (body for url, _, body in asked if url.endswith("/verify"))
    assert digits in sent
    assert not [url for url, _, _ in asked if digits[:20] in url.partition("#")[0]]
    shown = [in_the_bar for url, in_the_bar, _ in asked if url.endswith("/verify")]
    assert shown == [f"{offices.verifier}/v"]  # the digits had left the address bar before anything was sent


@pytest.mark.parametrize(
    ("who", "word"), [(NAMED, "✓ Genuine"), (HAN, "✓ Genuine"), (PLAIN, "✓ Genuine"), (WITHDRAWN, "✕ Not valid")]
)
def test_the_issuer_s_page_verifies_a_scanned_code_by_itself(
    page: Any, offices: TwoOffices, who: str, word: str
) -> None:
    digits = scanned_digits(offices, who)
    asked: list[tuple[str, str]] = []
    page.on("request", lambda request: asked.append((request.method, request.url)))
    page.goto(f"{offices.issuer}/v#{digits}")
    page.locator("#scanned .word").wait_for()

    assert h1(page) == word
    assert page.url == f"{offices.issuer}/v"  # the digits left the address bar
    assert {method for method, _ in asked} == {"GET"}
    assert not [url for _, url in asked if digits[:20] in url.partition("#")[0]]
    public = ("/v", "/style.css", "/keys/browser/", "/dictionaries/", "/.well-known/did.json", "/status-lists/")
    assert all(url.removeprefix(offices.issuer).startswith(public) for _, url in asked)
    if who == WITHDRAWN:
        assert "withdrawn" in page.locator("#scanned .answer").inner_text()
    elif who == PLAIN:
        assert "no name in this badge" in page.locator("#scanned dl").inner_text()


def test_the_issuer_s_page_refuses_a_changed_code_and_cannot_tell_of_an_unknown_dictionary(
    page: Any, offices: TwoOffices
) -> None:
    digits = scanned_digits(offices, NAMED)
    packed = bytearray(badge_qr.from_digits(digits))
    packed[20] ^= 1  # in the signature
    page.goto(f"{offices.issuer}/v#{badge_qr.to_digits(bytes(packed))}")
    page.locator("#scanned .word").wait_for()
    assert h1(page) == "✕ Not valid"
    for damaged in (digits[:-40], digits[:-1], "12345"):
        page.goto("about:blank")
        page.goto(f"{offices.issuer}/v#{damaged}")
        page.locator("#scanned .word").wait_for()
        assert h1(page) == "✕ Not valid"
    context = page.context.browser.new_context()  # a 404 for the dictionary stands in the console: meant
    other = context.new_page()
    packed[20] ^= 1
    packed[2] ^= 1
    other.goto(f"{offices.issuer}/v#{badge_qr.to_digits(bytes(packed))}")
    other.locator("#scanned .word").wait_for()
    assert h1(other) == "? Could not tell"
    context.close()


def scanned_digits(offices: TwoOffices, who: str) -> str:
    import zxingcpp
    from PIL import Image

    picture = Image.open(io.BytesIO(offices.file(who, "qr-png").read_bytes()))
    (code,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    return str(code.text.partition("#")[2])


# Without scripts


def test_verifying_needs_no_script(plain_page: Any, offices: TwoOffices) -> None:
    for form in ("png", "svg", "jwt", "json", "qr-png"):
        plain_page.goto(f"{offices.verifier}/verify")
        plain_page.locator("#file").set_input_files(offices.file(HAN, form))
        plain_page.get_by_role("button", name="Verify", exact=True).click()
        assert h1(plain_page) == "✓ Valid", form
    plain_page.goto(f"{offices.verifier}/v#{scanned_digits(offices, HAN)}")
    plain_page.locator("#photo").set_input_files(offices.file(HAN, "qr-png"))
    plain_page.get_by_role("button", name="Verify the photograph").click()
    assert h1(plain_page) == "✓ Valid"


def test_registration_and_desk_need_no_script(plain_page: Any, offices: TwoOffices) -> None:
    redeem(plain_page, offices.registration, badge=offices.jwt(PLAIN), code=offices.holders[HAN].code)
    assert "private badge page" in plain_page.locator(".problem").inner_text()
    back = offices.wallet().show(asked_wallet(plain_page, offices), offices.bound(PLAIN))
    plain_page.get_by_role("link", name="I have shown it").click()
    assert h1(plain_page) == "Is it you?"
    plain_page.goto(back)
    assert h1(plain_page) == "✓ 50 %"
    paste(plain_page, offices.desk, offices.jwt(HAN), "Look")
    plain_page.get_by_role("button", name="Does not match").click()
    assert h1(plain_page) == "✕ Name differs"


def test_choices_and_attestations_need_no_script(plain_page: Any, offices: TwoOffices) -> None:
    plain_page.goto(offices.holders[PLAIN].page)
    for chosen in (True, False):
        plain_page.get_by_label("Anybody may see it").set_checked(chosen)
        plain_page.get_by_role("button", name="Save my choice").click()
        assert "Saved" in plain_page.get_by_role("status").inner_text()
        assert plain_page.get_by_label("Anybody may see it").is_checked() is chosen
    plain_page.goto(offices.new_form("A talk without scripts"))
    plain_page.get_by_label("Open to all").check()
    plain_page.get_by_label("How many people").fill("40")
    plain_page.get_by_role("button", name="I saw it").click()
    assert h1(plain_page) == "Thank you"
