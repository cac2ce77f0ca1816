"""How long a volunteer waits: from the first frame that shows a code to the answer, in a real Chromium.

A fake camera plays a film of an empty table and then a code in a desk's light; the page is watched from outside:
reading, unpacking, verifying, deciding and drawing are in it. And how long the page needs from a cold start
without a network.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from keys import browser
from tests.bench.measuring import Row, row
from tests.real.browser import chromium
from tests.real.venue import Device, LiveVenue, as_code, devices, film, held, new_badge

FILMS = 3
SCANS = 8  # of each
EMPTY = 21  # pictures of the empty table, of six frames each: longer than the same code is ignored
COLD_STARTS = 5
WATCH = """() => {
  const video = document.getElementById("video"), answer = document.getElementById("answer");
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
  const drawing = canvas.getContext("2d", { willReadFrequently: true });
  let began = null;
  globalThis.waited = [];
  const sample = () => {
    if (video.videoWidth > 0 && answer.hidden) {
      drawing.drawImage(video, 0, 0, 64, 36);
      const pixels = drawing.getImageData(22, 8, 20, 20).data;
      const dark = pixels.filter((value, at) => at % 4 === 0 && value < 120).length;
      began = dark > 25 ? (began ?? performance.now()) : null;
    }
    video.requestVideoFrameCallback(sample);
  };
  video.requestVideoFrameCallback(sample);
  new MutationObserver(() => {
    if (began === null) return;
    const took = performance.now() - began;
    began = null;
    setTimeout(() => {
      globalThis.waited.push([took, Number(document.body.dataset.verified)]);
      answer.querySelector(".actions button:last-child").click();
      setTimeout(() => answer.querySelector(".actions .first")?.click(), 50);
    }, 150);
  }).observe(answer, { childList: true });
}"""


def rows() -> Iterator[Row]:
    """Nothing where there is no Chromium, or no Playwright to drive it."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return
    if chromium() is None or not browser.is_whole():
        return
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        venue = LiveVenue(Path(folder) / "venue")
        try:
            yield from _scans(playwright, venue, Path(folder))
            yield from _cold_starts(playwright, venue, Path(folder))
        finally:
            venue.close()


def _scans(playwright: object, venue: LiveVenue, folder: Path) -> Iterator[Row]:
    waited: list[tuple[float, float]] = []
    with devices(playwright, folder) as device:
        for number in range(FILMS):
            code = held(as_code(new_badge(f"Person {number}")), seed=number)
            desk = device(f"scans-{number}")
            desk.start(camera=film(folder / f"{number}.mjpeg", [*[None] * EMPTY, *[code] * 10]))
            desk.open(venue.enrolment(f"Door {number}", at="office"))
            desk.page.evaluate(WATCH)
            deadline = time.monotonic() + 12 * SCANS
            while len(desk.page.evaluate("() => waited")) < SCANS and time.monotonic() < deadline:
                desk.page.wait_for_timeout(250)
            waited += [tuple(each) for each in desk.page.evaluate("() => waited")]
            desk.end()
    times = sorted(took for took, _ in waited)
    verified = sorted(spent for _, spent in waited)
    yield row("scans that were timed", len(times), "scans")
    yield row("first frame with a code to the answer, median", statistics.median(times), "milliseconds")
    yield row("first frame with a code to the answer, 95 %", times[round(len(times) * 0.95) - 1], "milliseconds")
    yield row("verifying a badge in the page, median", statistics.median(verified), "milliseconds")
    yield row("verifying a badge in the page, 95 %", verified[round(len(verified) * 0.95) - 1], "milliseconds")
    yield row("verifying a badge in the page, worst", verified[-1], "milliseconds")


def _cold_starts(playwright: object, venue: LiveVenue, folder: Path) -> Iterator[Row]:
    desk = Device(playwright, folder / "profile-cold")
    desk.start()
    desk.open(venue.enrolment("Cold", at="office"))
    desk.page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    desk.page.wait_for_function("() => caches.keys().then((names) => names.length > 0)")
    desk.page.wait_for_timeout(1_000)
    desk.end()
    venue.stop("office")
    spent = []
    for _ in range(COLD_STARTS):
        desk.start()
        began = time.monotonic()
        desk.open(venue.url("office") + "/desk-app/")
        spent.append((time.monotonic() - began) * 1000)
        desk.end()
    yield row(
        "the desk ready from a cold start without a network, median", statistics.median(spent), "milliseconds"
    )
    yield row("the desk ready from a cold start without a network, worst", max(spent), "milliseconds")
