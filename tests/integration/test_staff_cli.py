"""Staff from a terminal, and the whole way in: a server that runs, a mail that leaves at once, a link."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.demo.offices import free_ports
from tests.integration.test_verifier_cli import ROOT, Desk
from tests.unit.verifier.ground.mail.mail_server import SENDER, MailServer

EVENT = "summit-2027"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_staff_are_added_listed_and_removed(desk: Desk) -> None:
    added = desk.type("staff", "add", "--mail", "ada@example.org", "--roles", f"{EVENT}:lead,finance", "--json")
    assert json.loads(added.stdout) == {"id": "staff-1", "new": True}
    everywhere = ("--roles", "every_event:auditor")
    assert "staff-2 is on the list" in desk.type("staff", "add", "--subject", "2482", *everywhere).stdout
    assert (
        "staff-1 has these roles now" in desk.type("staff", "add", "--mail", "ADA@example.org", *everywhere).stdout
    )
    listed = [json.loads(line) for line in desk.type("staff", "list", "--json").stdout.splitlines()]
    assert [(one["id"], one["subject"], one["roles"]) for one in listed] == [
        ("staff-1", None, {"every_event": ["auditor"]}),
        ("staff-2", "2482", {"every_event": ["auditor"]}),
    ]
    assert desk.type("staff", "remove", "staff-2").returncode == 0
    assert desk.type("staff", "list").stdout.splitlines() == ["staff-1  ADA@example.org", "  every_event: auditor"]


@pytest.mark.parametrize(
    "words",
    [
        ("add", "--roles", "summit-2027:lead"),
        ("add", "--mail", "ada", "--roles", "summit-2027:lead"),
        ("add", "--mail", "ada@example.org", "--roles", "summit-2027:boss"),
        ("add", "--mail", "ada@example.org", "--roles", "lead"),
        ("add", "--mail", "ada@example.org", "--roles", "a:lead", "--roles", "a:finance"),
        ("remove", "staff-9"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(desk: Desk, words: tuple[str, ...]) -> None:
    done = desk.type("staff", *words)
    assert done.returncode == 3 and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert not (desk.folder / "badgewright-verifier").exists()


def test_desk_links_are_listed_by_number_and_taken_back_with_a_reason(desk: Desk) -> None:
    desk.type("event", "add", "event.yaml")
    link = desk.type("desk", "link", EVENT, "--name", "left entrance").stdout.strip()
    desk.type("desk", "link", EVENT)
    listed = desk.type("desk", "list", EVENT)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["2", "1"]
    assert link.rpartition("/")[2] not in listed.stdout, "a link is shown once"
    assert desk.type("desk", "take-back", EVENT, "1").returncode == 3, "a reason is wanted"
    assert desk.type("desk", "take-back", EVENT, "1", "--reason", "a lost phone").returncode == 0
    assert desk.type("desk", "take-back", EVENT, "1", "--reason", "again").returncode == 3
    (new, old) = json.loads(desk.type("desk", "list", EVENT, "--json").stdout)["links"]
    assert new["taken_back_at"] is None and old["taken_back_at"] is not None and old["name"] == "left entrance"
    log = desk.type("audit", "list", "--event", EVENT).stdout
    assert "desk_link.take_back" in log and "a lost phone" in log


def test_a_member_of_staff_signs_in_at_a_server_that_runs(desk: Desk) -> None:
    mails = MailServer()
    port, _ = free_ports()
    url = f"http://localhost:{port}"
    desk.type("event", "add", "event.yaml")
    desk.type("staff", "add", "--mail", "ada@example.org", "--roles", f"{EVENT}:lead")
    mail = {"host": "localhost", "port": mails.port, "tls": "none", "sender": SENDER}
    desk.put("badgewright-verifier/verifier.yaml", json.dumps({"public_url": url, "mail": mail}))
    with mails.running():
        server = subprocess.Popen(
            [sys.executable, "-c", "from verifier.cli import main; main()", "serve", "--port", str(port)],
            cwd=desk.folder,
            env={"PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        try:
            with httpx.Client(base_url=url, timeout=20, headers={"Accept": "text/html"}) as browser:
                page = _when_up(browser)
                asked = browser.post("/staff/sign-in", data={**_token(page), "address": "ada@example.org"})
                began = time.monotonic()
                assert "Look into your mail" in asked.text
                while not mails.mails and time.monotonic() - began < 20:
                    time.sleep(0.02)
                link = re.search(r"http\S+/staff/links/\S+", mails.mails[0].get_content())
                assert link
                pressed = browser.post(link[0], data=_token(browser.get(link[0])))
                assert pressed.status_code == 303
                assert "signed in as staff-1" in browser.get("/staff").text
                assert "0 of 400 discounts" in browser.get(f"/staff/events/{EVENT}").text
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


def _token(page: httpx.Response) -> dict[str, str]:
    found = re.search(r'name="form_token" value="(\w+)"', page.text)
    assert found, page.text
    return {"form_token": found[1]}


def _when_up(browser: httpx.Client) -> httpx.Response:
    end = time.monotonic() + 30
    while True:
        try:
            return browser.get("/staff/sign-in")
        except httpx.ConnectError:
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.1)
