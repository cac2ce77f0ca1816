"""A venue on loopback for the desk's page in a real browser: office, hub, spare, and devices with a fake camera.

The offices' clock and the browser's run together, shifted to the days of the simulated issuer. A device is a
browser profile of its own, so that what it keeps outlives its browser.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from schemas import badge_qr, strict_json
from tests.browser import frames
from tests.demo.offices import free_ports, serving
from tests.real.browser import PHONE, Watch, chromium
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import (
    HOLDER_CODE,
    NOW,
    DocumentsInMemory,
    IssuerSimulator,
    references,
)
from verifier import app as apps
from verifier.desk.venue.service import Venue
from verifier.ground.documents import NoSource
from verifier.ground.outbound import Document, OutboundError
from verifier.ground.settings import Settings
from verifier.registration.service import Registration
from verifier.verification.service import Verification

EVENT = "summit-2027"
ISSUER = IssuerSimulator(revoked={7})
REVOKED_INDEX = 7
CAP = 3
PROOFS = {"online": ["wallet_key", "holder_code"], "desk": ["name_against_id", "mail_against_order"]}
EASY = 0.62  # of the frame's height: a code held well before the camera
SHIFT_THE_CLOCK = """(milliseconds) => {
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...given) { given.length ? super(...given) : super(Real.now() + milliseconds); }
    static now() { return Real.now() + milliseconds; }
  };
}"""
_STARTED = time.monotonic()
_names = references()


def clock() -> datetime:
    """The time of the offices: the simulator's, and it passes."""
    return NOW + timedelta(seconds=time.monotonic() - _STARTED)


def new_badge(name: str | None = "Ada Example", **changes: Any) -> str:
    """A signed badge of somebody new, as a token."""
    return ISSUER.token(ISSUER.document(reference=next(_names), name=name, **changes))


def as_code(token: str) -> str:
    """The text of a badge's code for desks."""
    return badge_qr.to_desk_text(ISSUER.packed(token))


class LiveVenue:
    """The machines of one event."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.documents = DocumentsInMemory.of([ISSUER])
        self.pages: dict[str, str] = {}
        self.documents.documents[f"{ISSUER.base}/status-lists/"] = strict_json.dumps(
            {"status_lists": [ISSUER.list_url]}
        ).encode()
        made = ISSUER.dictionary()
        listed = {"id": made.id, "sha256": made.sha256, "kid": ISSUER.signer.kid, "size": len(made.file)}
        self.documents.documents[f"{ISSUER.base}/dictionaries/"] = strict_json.dumps(
            {"dictionaries": [listed]}
        ).encode()
        self.ports = dict(zip(("office", "hub"), free_ports(), strict=True))
        self._running: dict[str, contextlib.ExitStack] = {}
        settings = self.settings("office")
        self.registration = Registration(
            settings, verification=Verification(self.documents, clock=clock), clock=clock
        )
        self.venue = Venue(self.registration, clock=clock)
        file = folder / "summit.yaml"
        file.write_bytes(
            document(provisional_at_desk={"per_desk": CAP, "value_each": 400}, proof_of_holding=PROOFS)
        )
        self.registration.add_event(file)
        self.start("office")

    def url(self, machine: str) -> str:
        """Where a machine answers."""
        return f"http://localhost:{self.port(machine)}"

    def port(self, machine: str) -> int:
        while machine not in self.ports:
            port = free_ports()[1]
            if port not in self.ports.values():
                self.ports[machine] = port
        return self.ports[machine]

    def settings(self, machine: str) -> Settings:
        return Settings(self.folder / machine, public_url=self.url(machine))

    def start(self, machine: str) -> None:
        """Let a machine answer, with all that it kept."""

        def made() -> Any:
            if machine == "office":
                return apps.create_app(
                    self.settings("office"), source=self.documents, clock=clock, open_page=self.open_page
                )
            return apps.create_hub_app(self.settings(machine), event=EVENT, clock=clock)

        stack = contextlib.ExitStack()
        stack.enter_context(serving(made, self.port(machine)))
        self._running[machine] = stack

    def open_page(self, url: str, *, max_bytes: int, accept: str, pages: bool) -> Document:
        """What issuers show publicly."""
        if url not in self.pages:
            raise OutboundError(f"{url} does not answer.")
        return Document(self.pages[url].encode(), "application/vc+jwt")

    def stop(self, machine: str) -> None:
        """It answers nobody any more."""
        self._running.pop(machine).close()

    def of(self, machine: str) -> Venue:
        """What a hub's own commands do."""
        registration = Registration(
            self.settings(machine), verification=Verification(NoSource(), clock=clock), clock=clock
        )
        return Venue(registration, clock=clock)

    def bring_bundle(self, machine: str) -> None:
        """Make a bundle and carry it to a hub."""
        made = self.venue.bundles.make(EVENT)
        self.of(machine).bundles.take_in(made.token, pinned=made.pinned)

    def hand_over(self, machine: str = "hub") -> None:
        """The hub decides from now on, and runs."""
        key = self.of(machine).keys.signer("hub").public
        self.venue.handover.hand_over(EVENT, key, url=self.url(machine))
        self.bring_bundle(machine)
        self.start(machine)

    def enrolment(self, name: str, *, at: str, rights: Any = ("scan",), cap: int | None = None) -> str:
        """The address in a new desk's code."""
        made_at = self.venue if at == "office" else self.of(at)
        secret = made_at.devices.make_enrolment(EVENT, name=name, rights=rights, cap=cap)
        return f"{self.url(at)}/desk-app/#enrol={secret}&event={EVENT}&key={self.venue.pin(EVENT)}"

    def redeem_online(self, token: str) -> httpx.Response:
        """At the registration page's API."""
        return httpx.post(
            f"{self.url('office')}/events/{EVENT}/redemptions",
            json={"badge": token, "holder_code": HOLDER_CODE},
            headers={"Idempotency-Key": token[-20:]},
        )

    def close(self) -> None:
        for machine in list(self._running):
            self.stop(machine)
        self.registration.engine.dispose()


def film(path: Path, pictures: Sequence[Image.Image | None], *, times: int = 6) -> Path:
    """A film for the fake camera: each picture for some frames, None for an empty table."""
    empty = Image.new("L", (frames.WIDTH, frames.HEIGHT), 190)
    path.write_bytes(b"".join(frames.jpeg(picture or empty) for picture in pictures for _ in range(times)))
    return path


def held(text: str, *, fill: float = EASY, seed: int = 1) -> Image.Image:
    """A code as the camera sees it in a desk's light."""
    return frames.seen(frames.code(text)[0], fill=fill, seed=seed)


class Device:
    """One phone or laptop at a desk: a browser profile, started and ended."""

    def __init__(self, playwright: Any, profile: Path, *, behind: timedelta = timedelta()) -> None:
        self.playwright, self.profile = playwright, profile
        self.behind = behind
        self.context: Any = None
        self.page: Any = None
        self.watch = Watch()
        self.process: subprocess.Popen[bytes] | None = None
        self.connected: Any = None

    def start(
        self, *, camera: Path | None = None, cameras: int = 0, allowed: bool = True, viewport: Any = None
    ) -> Any:
        """Its browser, with what the camera sees; or with so many cameras that show what the browser draws."""
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        if camera is not None:
            arguments += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}"]
        if cameras:
            arguments += [f"--use-fake-device-for-media-stream=device-count={cameras}"]
        allowed = allowed and (camera is not None or cameras > 0)
        if allowed:
            arguments += ["--use-fake-ui-for-media-stream"]
        self.context = self.playwright.chromium.launch_persistent_context(
            str(self.profile),
            executable_path=chromium(),
            headless=True,
            args=arguments,
            viewport=viewport or PHONE,
            permissions=["camera"] if allowed else [],
        )
        self.context.add_init_script(f"({SHIFT_THE_CLOCK})({self._offset()})")
        self.watch.over(self.context)
        self.page = self.context.pages[0] if self.context.pages else self.context.new_page()
        return self.page

    def start_to_be_killed(self) -> Any:
        """The same as a process of our own, so that it can be killed as a power cut would."""
        port_file = self.profile / "DevToolsActivePort"
        port_file.unlink(missing_ok=True)
        command = [str(chromium()), "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run"]
        command += [f"--user-data-dir={self.profile}", "--remote-debugging-port=0", "about:blank"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + 30
        while not port_file.is_file() or not port_file.read_text().split():
            assert time.monotonic() < deadline, "the browser did not start"
            time.sleep(0.05)
        port = port_file.read_text().split()[0]
        self.connected = self.playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        self.context = self.connected.contexts[0]
        self.context.add_init_script(f"({SHIFT_THE_CLOCK})({self._offset()})")
        self.page = self.context.new_page()
        return self.page

    def kill(self) -> None:
        """kill -9 of the browser and all its processes."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        with contextlib.suppress(Exception):  # it is dead: what hung on it says so
            self.connected.close()
        self.context = None
        for lock in self.profile.glob("Singleton*"):
            lock.unlink(missing_ok=True)

    def _offset(self) -> float:
        return (clock() - datetime.now(UTC) - self.behind) / timedelta(milliseconds=1)

    def open(self, address: str) -> Any:
        """Go to an address and wait until the desk is there."""
        self.page.goto(address)
        self.page.wait_for_selector("body[data-ready=yes]")
        return self.page

    def type_code(self, text: str) -> str:
        """A code by hand; what is answered, in its large word."""
        self.page.locator("#typed").fill(text)
        self.page.locator("#typed-form button").click()
        return self.word()

    def word(self, kind: str | None = None) -> str:
        """The large word of the answer that is shown."""
        selector = "#answer .word" if kind is None else f"#answer[data-kind={kind}] .word"
        self.page.locator(selector).wait_for()
        return " ".join(self.page.locator(selector).inner_text().split())

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def next(self) -> None:
        self.press("Next person")
        self.page.locator("#scan").wait_for()

    def end(self) -> None:
        """Close the browser; what it kept stays."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if self.context is not None:
            self.context.close()
            self.context = None


@contextlib.contextmanager
def devices(playwright: Any, folder: Path) -> Iterator[Callable[..., Device]]:
    """Makes devices, and ends all of them."""
    made: list[Device] = []

    def device(name: str, **how: Any) -> Device:
        made.append(Device(playwright, folder / f"profile-{name}", **how))
        return made[-1]

    try:
        yield device
    finally:
        for one in made:
            one.end()
