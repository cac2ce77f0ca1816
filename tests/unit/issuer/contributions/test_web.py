"""Other systems deliver by CloudEvents: authenticated, idempotent, and one bad event loses no good one."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from issuer.contributions import service
from issuer.contributions.model import Contribution
from issuer.contributions.web import BATCHED, MAX_BODY_BYTES, STRUCTURED, contributions_router
from issuer.ground.database import reading

NOW = datetime(2026, 5, 1, tzinfo=UTC)
Send = Callable[..., httpx.Response]


@pytest.fixture
def issuing_database() -> dict[str, str]:
    """On a file: what is said here does not depend on the database."""
    return {}


def event(name: str = "7", **changes: Any) -> dict[str, Any]:
    whole = {
        "specversion": "1.0",
        "id": name,
        "source": "https://bugs.example/",
        "type": "org.badgewright.contribution.v1",
        "time": "2026-04-30T10:00:00Z",
        "subject": "launchpad:ada",
        "data": {"record": "bug.confirmed", "moved_to": "confirmed", "moved_by": "launchpad:wen"},
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not ...}


@pytest.fixture
def send(database: Engine) -> Send:
    token = service.create_token(database, "launchpad", now=NOW)
    app = FastAPI()
    app.include_router(contributions_router(database, clock=lambda: NOW))

    def post(body: Any, *, media_type: str = STRUCTURED, **headers: str) -> httpx.Response:
        named = {"content-type": media_type, "authorization": f"Bearer {token}"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="https://issuer.example") as client:
                return await client.post("/contributions", content=content, headers=named)

        return asyncio.run(ask())

    return post


def stored(engine: Engine) -> list[Contribution]:
    with reading(engine) as connection:
        return list(service.all_contributions(connection))


def problem(response: httpx.Response, status: int) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (response.status_code, body["status"]) == (status, status)
    return str(body["detail"])


def test_event_is_stored_once_under_the_source_of_its_token(database: Engine, send: Send) -> None:
    first = send(event())
    assert (first.status_code, first.json()) == (201, {"stored": 1, "duplicates": 0})
    again = send(event(data={"record": "bug.confirmed", "title": "Changed"}))
    assert (again.status_code, again.json()) == (200, {"stored": 0, "duplicates": 1})
    (only,) = stored(database)
    assert (only.source, only.id, str(only.account)) == ("launchpad", "https://bugs.example/ 7", "launchpad:ada")
    assert only.happened_at == datetime(2026, 4, 30, 10, tzinfo=UTC)
    assert only.facts.moved_to == "confirmed"


def test_same_event_id_from_another_event_source_is_another_contribution(database: Engine, send: Send) -> None:
    send(event())
    assert send(event(source="https://other.example/")).status_code == 201
    assert len(stored(database)) == 2


def test_time_in_the_data_is_when_it_happened(database: Engine, send: Send) -> None:
    data = {"record": "bug.confirmed", "happened_at": "2026-04-01T00:00:00Z"}
    assert send(event(time=..., data=data)).status_code == 201
    assert stored(database)[0].happened_at == datetime(2026, 4, 1, tzinfo=UTC)


def test_binary_mode_takes_attributes_from_percent_encoded_headers(database: Engine, send: Send) -> None:
    whole = event(subject="launchpad:zo%C3%A9%20b")
    headers = {f"ce_{name}": value for name, value in whole.items() if name != "data"}
    response = send(whole["data"], media_type="application/json; charset=UTF-8", **headers)
    assert response.status_code == 201
    assert str(stored(database)[0].account) == "launchpad:zoé b"


def test_batch_stores_every_good_event_and_names_the_others(database: Engine, send: Send) -> None:
    batch = [event("1"), event("2", subject="ada"), "no event", event("1"), event("3"), event("4", data={})]
    response = send(batch, media_type=BATCHED)
    assert response.status_code == 200
    body = response.json()
    assert (body["stored"], body["duplicates"]) == (2, 1)
    assert [(r["index"], r["id"]) for r in body["refused"]] == [(1, "2"), (2, None), (5, "4")]
    assert body["refused"][0]["detail"].startswith("subject: 'ada' is no account")
    assert body["refused"][2]["detail"].startswith("data.record: the name of a record")
    assert len(stored(database)) == 2
    assert send([], media_type=BATCHED).json() == {"stored": 0, "duplicates": 0, "refused": []}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"specversion": "0.3"}, "specversion: '1.0' was expected"),
        ({"type": "com.example.other"}, "type: 'org.badgewright.contribution.v1' was expected"),
        ({"id": ""}, "id: a text of 1 to 240"),
        ({"id": 7}, "id: a text of 1 to 240"),
        ({"source": "two words"}, "source: a text"),
        ({"source": ...}, "source: a text"),
        ({"subject": ...}, "subject: "),
        ({"time": "yesterday"}, "time or data.happened_at: 'yesterday' is no date"),
        ({"time": "2026-06-30T10:00:00Z"}, "lies in the future"),
        ({"data": ...}, "data: an object"),
        ({"data": []}, "data: an object"),
        ({"data": {"record": "x", "account": "git:a"}}, "data.account: this belongs to the event"),
        ({"data": {"record": "x", "source": "git"}}, "data.source: this belongs to the event, or to the sender"),
        ({"data": {"record": "x", "colour": "red"}}, "data.colour: this field is not known here"),
        ({"data": {"record": "x", "changed_lines": "9"}}, "data.changed_lines: "),
        ({"data_base64": "e30="}, "data_base64: JSON was expected"),
        ({"Extension": "x"}, "lower-case letters and digits"),
    ],
)
def test_bad_event_is_refused_with_the_attribute_named(
    database: Engine, send: Send, changes: dict[str, Any], words: str
) -> None:
    assert words in problem(send(event(**changes)), 422)
    assert stored(database) == []


def test_extension_attributes_are_tolerated(send: Send) -> None:
    assert send(event(traceparent="00-1", partitionkey="p", datacontenttype="application/json")).status_code == 201


def test_no_token_may_assert_an_attestation(database: Engine, send: Send) -> None:
    data = {"record": "talk.given", "attested": ["community_event"]}
    assert "only delegated people" in problem(send(event(data=data)), 403)
    assert "only delegated people" in send([event(data=data)], media_type=BATCHED).json()["refused"][0]["detail"]
    assert stored(database) == []


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer ", "Bearer wrong", "Bearer \u00e9"])
def test_sender_without_a_known_token_is_refused_before_the_body_is_read(send: Send, header: str) -> None:
    response = send(b"not even JSON", authorization=header.encode("latin-1"))
    assert problem(response, 401)
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "", "application/cloudevents+xml", f"{STRUCTURED}; charset=latin-1"]
)
def test_other_media_types_are_refused(send: Send, media_type: str) -> None:
    assert "was expected" in problem(send(event(), media_type=media_type), 415)


def test_plain_json_without_event_headers_is_refused(send: Send) -> None:
    assert "ce- headers" in problem(send(event(), media_type="application/json"), 415)


@pytest.mark.parametrize("body", [b"", b"{", b'{"id":1,"id":2}', b"\xff", b'{"a":NaN}', b"[" * 100_000])
def test_body_that_is_no_strict_json_is_refused(send: Send, body: bytes) -> None:
    assert problem(send(body), 400)


def test_batch_that_is_no_array_is_refused(send: Send) -> None:
    assert "JSON array" in problem(send(event(), media_type=BATCHED), 400)


def test_body_beyond_the_limit_is_refused(send: Send) -> None:
    assert problem(send(b" " * (MAX_BODY_BYTES + 1)), 413)
    assert send(json.dumps(event()).encode().ljust(MAX_BODY_BYTES)).status_code == 201
