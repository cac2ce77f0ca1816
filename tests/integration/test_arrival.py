"""A record that is delivered over HTTP and completes a tier gives its signed badge within five seconds."""

import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
import uvicorn

from issuer.app import create_app
from issuer.badges import service as badges
from issuer.contributions import service as contributions
from keys import custody
from tests.unit.issuer.office import NOW, open_office

WITHIN_SECONDS = 5


def test_a_delivered_record_gives_its_badge_within_five_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
    office = open_office(tmp_path)
    token = contributions.create_token(office.engine, "launchpad", now=NOW)
    app = create_app(office.settings.data, clock=lambda: NOW, with_jobs=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        began = time.monotonic()
        _deliver(port, token)
        while not badges.all_badges(office.engine) and time.monotonic() - began < WITHIN_SECONDS:
            time.sleep(0.05)
        taken = time.monotonic() - began
        server.should_exit = True
        thread.join(10)
    (badge,) = badges.all_badges(office.engine)
    assert badge.jwt is not None and badge.award.achievement == "recognised"
    assert taken < WITHIN_SECONDS
    office.engine.dispose()


def _deliver(port: int, token: str) -> None:
    event = {
        "specversion": "1.0",
        "type": "org.badgewright.contribution.v1",
        "source": "https://bugs.example",
        "id": "1",
        "time": "2026-11-01T12:00:00Z",
        "subject": "git:ada@books.example",
        "data": {"record": "bug.confirmed", "moved_to": "confirmed", "moved_by": "git:bob@books.example"},
    }
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
    deadline = time.monotonic() + 10
    while True:
        try:
            answer = httpx.post(f"http://127.0.0.1:{port}/contributions", json=event, headers=headers)
            break
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert answer.status_code == 201, answer.text
