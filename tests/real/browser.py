"""Chromium as a judge: what a page asks for and complains of, and what can be measured on it.

Each function returns the faults that it found, as words; an empty list is a pass. What must hold for which page
is said in `test_pages`.
"""

import io
import re
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PHONE, LAPTOP = {"width": 390, "height": 800}, {"width": 1100, "height": 800}
PAPER = {"width": 680, "height": 1000}  # A4 less margins of 15 mm, in CSS pixels
PIXELS_A_MM = 96 / 25.4
LEAST_TARGET = 44  # CSS pixels; PAGES asks for 46 in buttons
TWICE_THE_TEXT = "34px"  # the root's font size is 17 px


def chromium() -> str | None:
    """Where the system's Chromium is, or None."""
    known = (shutil.which("chromium"), shutil.which("chromium-browser"), "/usr/bin/chromium")
    return next((path for path in known if path and Path(path).exists()), None)


@dataclass
class Watch:
    """What happened in a browser context: every request, and every complaint of the console."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def over(self, context: Any) -> "Watch":
        """Begin to watch a context and the pages that it opens."""
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        return self

    def _heard(self, message: Any) -> None:
        # A page that answers 404 or 409 is itself "a resource that failed to load": meant, and no fault.
        own_status = message.text.startswith("Failed to load") and message.location["url"] == message.page.url
        if message.type in {"error", "warning"} and not own_status:
            self.complaints.append(message.text)

    def strangers(self, origins: Sequence[str]) -> list[str]:
        """Requests to anywhere else than these origins."""
        home = {urlsplit(origin)[:2] for origin in origins}
        return [url for url in self.requests if urlsplit(url)[:2] not in home and not url.startswith("data:")]


def codes_on(page: Any) -> list[str]:
    """What the QR codes say that a camera sees on this page."""
    import zxingcpp
    from PIL import Image

    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    return [code.text for code in found]


def codes_on_paper(pdf: bytes, *, dots_an_inch: int = 150) -> list[str]:
    """What the QR codes on printed pages say; what is cut by a page's end says nothing."""
    import pypdfium2
    import zxingcpp

    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    with pypdfium2.PdfDocument(pdf) as document:
        pictures = [sheet.render(scale=dots_an_inch / 72).to_pil() for sheet in document]
    return [code.text for picture in pictures for code in zxingcpp.read_barcodes(picture, formats=formats)]


def overflow(page: Any) -> list[str]:
    """What makes a page wider than its window, unless it stands in a box that scrolls by itself."""
    found = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.querySelectorAll("body *")]
                .filter((each) => each.getBoundingClientRect().right > width + 0.5 && !each.closest(".scroll"))
                .map((each) => `${each.tagName}.${each.className}`);
        }"""
    )
    return [str(each) for each in found]


def wrong_headings(page: Any) -> list[str]:
    """One h1, which is first; no level is left out on the way down."""
    levels = page.evaluate('() => [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((h) => +h.tagName[1])')
    faults = [] if levels[:1] == [1] and levels.count(1) == 1 else [f"headings {levels}"]
    return faults + [f"h{a} is followed by h{b}" for a, b in pairwise(levels) if b > a + 1]


def small_targets(page: Any) -> list[str]:
    """What is pressed and lower than a finger. Links within a sentence are excused (WCAG 2.2, 2.5.8)."""
    found = page.evaluate(
        """(least) => [...document.querySelectorAll("a, button, summary, select, textarea, input")]
            .filter((each) => each.type !== "hidden")
            .filter((each) => each.checkVisibility() && getComputedStyle(each).display !== "inline")
            .map((each) => [each, (each.closest("label") ?? each).getBoundingClientRect()])
            .filter(([each, box]) => box.height < least && !each.matches(".skip"))
            .map(([each, box]) => `${each.outerHTML.slice(0, 60)} is ${box.height} px high`)""",
        LEAST_TARGET,
    )
    return [str(each) for each in found]


def _press_tab(page: Any) -> None:
    """To the next stop: the day, month and so on of one date field are parts of one."""
    where = "() => [document.activeElement.dataset.stop, /^date/.test(document.activeElement.type)]"
    before, _ = page.evaluate(where)
    page.keyboard.press("Tab")
    after, is_date = page.evaluate(where)
    while is_date and after == before:
        page.keyboard.press("Tab")
        after, is_date = page.evaluate(where)


def lost_by_keyboard(page: Any) -> list[str]:
    """Walk through by Tab: everything that can be pressed comes, in reading order, with a focus that is seen."""
    page.evaluate(
        """() => {
            const able = "a[href], button, summary, select, textarea, input:not([type=hidden]), [tabindex='0']";
            // Radio buttons of one name are one stop, at the chosen one; the arrow keys go on from there.
            const all = [...document.querySelectorAll(able)].filter((each) => each.checkVisibility()
                && !(each.type === "radio" && !each.checked));
            all.forEach((each, at) => (each.dataset.stop = at));
            document.body.tabIndex = -1;
            document.body.focus(); // so that the walk begins at the top, also the second time
            document.body.removeAttribute("tabindex");
            window.scrollTo(0, 0);
        }"""
    )
    expected = page.evaluate('() => document.querySelectorAll("[data-stop]").length')
    reached, faults, lowest = [], [], -1.0
    for _ in range(expected):
        _press_tab(page)
        stop, top, seen, what = page.evaluate(
            """() => {
                const at = document.activeElement, look = getComputedStyle(at), box = at.getBoundingClientRect();
                const seen = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2
                    && box.right > 0 && box.bottom > 0 && box.top < innerHeight;
                return [+(at.dataset.stop ?? -1), box.bottom + scrollY, seen, at.outerHTML.slice(0, 60)];
            }"""
        )
        reached.append(stop)
        faults += [] if seen else [f"the focus is not seen on {what}"]
        if stop > 0:  # the skip link lies over the page
            faults += [] if top > lowest else [f"{what} stands above what came before it"]
            lowest = page.evaluate("() => document.activeElement.getBoundingClientRect().top + scrollY")
    if reached != list(range(expected)):
        faults.append(f"Tab reaches {reached} of {expected}")
    return faults


def accessibility_faults(page: Any) -> list[str]:
    """What axe finds."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{fault['id']}: {node['html'][:120]}" for fault in found for node in fault["nodes"]]


def twice_the_text(page: Any) -> list[str]:
    """What overflows on a phone when the text is twice as large."""
    page.set_viewport_size(PHONE)
    page.evaluate("(size) => (document.documentElement.style.fontSize = size)", TWICE_THE_TEXT)
    faults = overflow(page)
    page.evaluate('() => (document.documentElement.style.fontSize = "")')
    return faults


def widths_on_paper(pdf: bytes) -> list[float]:
    """The widths in mm of the bitmaps in a PDF that Chromium made: its scale (0.24), times each one's own."""
    drawn = re.compile(rb"([0-9.]+) 0 0 -[0-9.]+ [0-9.]+ [0-9.]+ cm\s[^q]*?/X[0-9]+ Do")
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    packed = [stream for stream in streams if stream.startswith(b"x")]  # zlib's first byte
    texts = [zlib.decompressobj().decompress(stream) for stream in packed]
    return [float(width) * 0.24 * 25.4 / 72 for text in texts for width in drawn.findall(text)]


def printed(page: Any, selector: str) -> tuple[bool, float]:
    """(whether it is printed, its width in mm) of the first element that a selector names."""
    box = page.locator(selector).first.bounding_box()
    return box is not None, box["width"] / PIXELS_A_MM if box else 0.0
