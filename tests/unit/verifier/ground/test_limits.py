"""Fair use: each client has its own bucket, and is told when to come back."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from verifier.ground import limits
from verifier.ground.limits import Buckets, FairUse
from verifier.ground.settings import RateLimit


class Seconds:
    """A clock that stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_client_has_its_burst_and_then_its_share() -> None:
    clock = Seconds()
    buckets = Buckets(RateLimit(per_minute=60, burst=3), clock=clock)

    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 1]
    assert buckets.take("b") == 0  # nobody pays for another
    clock.now = 0.5
    assert buckets.take("a") == pytest.approx(0.5)
    clock.now = 1
    assert (buckets.take("a"), buckets.take("a")) == (0, 1)
    clock.now = 1000
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 1]  # never more than a burst is saved up


def test_only_so_many_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CLIENTS", 2)
    buckets = Buckets(RateLimit(per_minute=1, burst=1), clock=Seconds())
    assert [buckets.take(name) for name in "abc"] == [0, 0, 0]
    assert buckets.take("c") > 0
    assert buckets.take("a") == 0  # forgotten, so it begins anew


def asked(client: str, *, times: int, method: str = "POST", **headers: str) -> list[httpx.Response]:
    async def answer(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("answered")

    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    fair = FairUse(app, buckets=Buckets(RateLimit(per_minute=60, burst=2), clock=Seconds()))
    transport = httpx.ASGITransport(fair, client=(client, 4711))

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="https://verify.example") as one:
            return [await one.request(method, "/", headers=headers) for _ in range(times)]

    return asyncio.run(ask())


def test_whoever_asks_too_often_is_told_when_to_come_back() -> None:
    answers = asked("203.0.113.7", times=3)
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "1"
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert answers[2].json()["status"] == 429


def test_a_person_s_browser_gets_a_page_in_its_language() -> None:
    """Many behind one address at a venue: who presses a button there must not read JSON."""
    *_, refused = asked("203.0.113.7", times=3, **{"Accept": "text/html", "Accept-Language": "fr"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.headers["content-type"].startswith("text/html") and '<html lang="fr">' in refused.text
    assert "Trop de demandes" in refused.text and "réessayez" in refused.text


def test_reading_pages_is_not_counted_nor_is_this_machine() -> None:
    assert {answer.status_code for answer in asked("203.0.113.7", times=5, method="GET")} == {200}
    assert {answer.status_code for answer in asked("127.0.0.1", times=5)} == {200}
    assert {answer.status_code for answer in asked("::1", times=5)} == {200}


def test_the_addresses_of_one_ipv6_network_share_a_bucket() -> None:
    assert limits._network_of("2001:db8::1") == limits._network_of("2001:db8::ffff")
    assert limits._network_of("2001:db8:0:1::1") != limits._network_of("2001:db8::1")
