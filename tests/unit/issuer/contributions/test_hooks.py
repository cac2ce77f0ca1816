"""Webhooks knock: genuine ones make us read, a repeated one does not, and none is believed for what it tells."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from issuer.contributions import collecting, service
from issuer.contributions.configuration import KINDS
from issuer.contributions.intake import IntakeError
from issuer.contributions.sources.face import Page, Source
from issuer.contributions.web import contributions_router
from issuer.ground.outbound import Outbound

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SECRET = "a-secret-for-tests"
MERGED: dict[str, Any] = {
    "action": "closed",
    "pull_request": {"number": 1, "merged": True, "user": {"login": "eve"}},
}
MERGE_REQUEST = {"object_kind": "merge_request", "object_attributes": {"action": "merge"}}


@pytest.fixture
def issuing_database() -> dict[str, str]:
    """On a file: what is said here does not depend on the database."""
    return {}


class Reading:
    """Counts how often each source was read; nothing is there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        for kind in KINDS.values():
            monkeypatch.setattr(kind, "pages", lambda source, *_, **__: self.pages(source))

    def pages(self, source: Source) -> Iterator[Page]:
        self.read.append(source.name)
        yield Page()


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    return Reading(monkeypatch)


@pytest.fixture
def sources(tmp_path: Path) -> Mapping[str, Source]:
    (tmp_path / "hook").write_text(SECRET + "\n")
    secret = {"webhook_secret_file": str(tmp_path / "hook")}
    found = [
        KINDS["github"].model_validate({"name": "code", "kind": "github", "repository": "a/b", **secret}),
        KINDS["discourse"].model_validate(
            {"name": "forum", "kind": "discourse", "url": "https://f.example", **secret}
        ),
        KINDS["gitlab"].model_validate({"name": "lab", "kind": "gitlab", "project": "a/b"}),
        KINDS["gitlab"].model_validate({"name": "other", "kind": "gitlab", "project": "a/c"}),
        KINDS["github"].model_validate({"name": "bare", "kind": "github", "repository": "a/b"}),
        KINDS["ical"].model_validate({"name": "events", "kind": "ical", "url": "https://c.example/x.ics"}),
    ]
    return {source.name: source for source in found}


@pytest.fixture
def app(database: Engine, sources: Mapping[str, Source]) -> FastAPI:
    made = FastAPI()
    made.include_router(
        contributions_router(database, clock=lambda: NOW, sources=lambda: sources, outbound=lambda _: Outbound())
    )
    return made


def post(app: FastAPI, name: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="https://issuer.example"
        ) as client:
            return await client.post(f"/hooks/{name}", content=body, headers=sent)

    return asyncio.run(ask())


def signed(body: bytes, *, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(body: bytes, *, delivery: str = "d-1", event: str = "pull_request", **changes: str) -> dict[str, str]:
    made = {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": signed(body)}
    return made | {name.replace("_", "-"): value for name, value in changes.items()}


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def test_merged_pull_request_makes_us_read_once(app: FastAPI, reading: Reading, database: Engine) -> None:
    body = as_bytes(MERGED)
    assert post(app, "code", body, github(body)).status_code == 202
    again = post(app, "code", body, github(body))
    assert (again.status_code, again.json(), reading.read) == (200, {"read": False}, ["code"])
    assert service.unclaimed_accounts(database) == {}  # what it tells is not believed


def test_closed_is_not_merged_and_other_events_are_nothing(app: FastAPI, reading: Reading) -> None:
    closed = as_bytes({"action": "closed", "pull_request": {"merged": False, "merged_at": None}})
    assert post(app, "code", closed, github(closed)).status_code == 200
    ping = as_bytes({"zen": "Keep it simple."})
    assert post(app, "code", ping, github(ping, event="ping")).status_code == 200
    assert reading.read == []


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha1=" + "0" * 40,
        "sha256=" + "0" * 64,
        signed(as_bytes(MERGED), secret="another"),
        signed(as_bytes(MERGED)).upper(),
        signed(as_bytes({**MERGED, "action": "opened"})),
        "sha256=ä",
    ],
)
def test_wrong_signature_is_refused_before_anything_is_read(
    app: FastAPI, reading: Reading, signature: str
) -> None:
    body = as_bytes(MERGED)
    headers = {**github(body), "X-Hub-Signature-256": signature}
    assert post(app, "code", body, headers).status_code == 401
    assert post(app, "code", b"{", {**headers}).status_code == 401
    assert reading.read == []


def test_signature_is_of_the_raw_bytes(app: FastAPI, reading: Reading) -> None:
    body = json.dumps(MERGED, indent=3).encode()
    assert post(app, "code", body, github(body)).status_code == 202
    assert post(app, "code", as_bytes(MERGED), github(body, delivery="d-2")).status_code == 401


def test_genuine_body_that_is_no_json_is_refused_in_one_sentence(app: FastAPI, reading: Reading) -> None:
    refused = post(app, "code", b'{"action":', github(b'{"action":'))
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    assert reading.read == []


def test_source_without_a_secret_or_webhook_has_no_door(app: FastAPI, reading: Reading) -> None:
    body = as_bytes(MERGED)
    assert [post(app, name, body, github(body)).status_code for name in ("bare", "events", "none")] == [
        404,
        404,
        404,
    ]


def test_accepted_solution_makes_us_read_the_forum(app: FastAPI, reading: Reading) -> None:
    body = as_bytes({"solved": {"id": 7}})
    headers = {
        "X-Discourse-Event": "accepted_solution",
        "X-Discourse-Event-Id": "31",
        "X-Discourse-Event-Signature": signed(body),
    }
    assert post(app, "forum", body, headers).status_code == 202
    assert post(app, "forum", body, headers).status_code == 200
    assert post(app, "forum", body, {**headers, "X-Discourse-Event-Signature": signed(b"x")}).status_code == 401
    assert reading.read == ["forum"]


def test_gitlab_token_opens_its_own_source_only(app: FastAPI, reading: Reading, database: Engine) -> None:
    token = service.create_token(database, "lab", now=NOW, webhook=True)
    records = service.create_token(database, "lab", now=NOW)
    body = as_bytes(MERGE_REQUEST)
    headers = {"X-Gitlab-Token": token, "Idempotency-Key": "k-1"}
    assert post(app, "lab", body, headers).status_code == 202
    assert post(app, "lab", body, headers).status_code == 200
    assert post(app, "other", body, headers).status_code == 401
    assert post(app, "lab", body, {**headers, "X-Gitlab-Token": records}).status_code == 401
    assert post(app, "lab", body, {"Idempotency-Key": "k-2"}).status_code == 401
    assert service.source_of_token(database, token) is None  # it delivers no records
    (known, *_) = [t for t in service.all_tokens(database) if t.webhook]
    service.revoke_token(database, known.id, now=NOW)
    assert post(app, "lab", body, {**headers, "Idempotency-Key": "k-3"}).status_code == 401
    assert reading.read == ["lab"]


def test_body_beyond_the_limit_is_not_read(app: FastAPI, reading: Reading) -> None:
    body = b" " * (5 * 2**20 + 1)
    assert post(app, "code", body, github(body)).status_code == 413


def test_knock_while_a_run_is_on_is_read_after_it(
    database: Engine, sources: Mapping[str, Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, times = sources["code"], iter(NOW + timedelta(seconds=n) for n in range(100))

    def pages(*_: object, **__: object) -> Iterator[Page]:
        collecting.knock(database, source, delivery="late", forget_after=timedelta(days=9), now=next(times))
        yield Page()

    monkeypatch.setattr(type(source), "pages", pages)
    assert collecting.run(database, source, clock=lambda: next(times), outbound=lambda _: Outbound()).error is None
    assert collecting.is_due(database, source, now=next(times))


def test_token_can_be_taken_back_and_is_listed_without_its_secret(database: Engine) -> None:
    token = service.create_token(database, "launchpad", now=NOW)
    (known,) = service.all_tokens(database)
    assert token not in repr(known)
    assert service.source_of_token(database, token) == "launchpad"
    service.revoke_token(database, known.id, now=NOW)
    assert service.source_of_token(database, token) is None
    assert service.all_tokens(database)[0].revoked_at == NOW
    for wrong in ("", "abc", "ffffffff"):
        with pytest.raises(IntakeError, match="id of no token"):
            service.revoke_token(database, wrong, now=NOW)
