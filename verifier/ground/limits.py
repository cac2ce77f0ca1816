"""How often one client may ask: a bucket for each address that fills again with time; beyond it, 429 and when to
return.

For whoever asks over a network. This machine itself is not counted: a proxy in front names its client, and without
one nobody else is here. What is asked is not looked at.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from verifier.ground import language
from verifier.ground.headers import Headers
from verifier.ground.pages import Pages, problem
from verifier.ground.settings import RateLimit
from verifier.ground.uploads import wants_html

MAX_CLIENTS = 10_000  # addresses that are remembered; whoever is forgotten begins with a full bucket
TITLE = "Too many requests"
LATER = "So many at once are not answered. Wait a minute, go back and try again: nothing was used up."
COUNTED_METHODS = frozenset({"POST"})  # pages and public documents cost nothing worth counting


class Buckets:
    """What each client has left. `clock`: seconds that only ever grow."""

    def __init__(self, limit: RateLimit, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one request; 0 if the client had one left, else the seconds until it has one again."""
        now, fills = self._clock(), self._limit.per_minute / 60
        left, since = self._left.pop(client, (float(self._limit.burst), now))
        left = min(float(self._limit.burst), left + (now - since) * fills)
        wait = 0.0 if left >= 1 else (1 - left) / fills
        self._left[client] = (left - 1 if wait == 0 else left, now)
        while len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)
        return wait


class FairUse:
    """ASGI middleware: answers 429 with `Retry-After` to a client that asks too often."""

    def __init__(self, app: ASGIApp, *, buckets: Buckets) -> None:
        self._app, self._buckets = app, buckets
        self._pages = Pages(Path(__file__).parent / "templates")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = scope["type"] == "http" and scope["method"] in COUNTED_METHODS
        client = client_of(scope) if counted else None
        if client is None:
            await self._app(scope, receive, send)
            return
        wait = self._buckets.take(client)
        if wait == 0:
            await self._app(scope, receive, send)
            return
        seconds = math.ceil(wait)
        response = self._refused(Request(scope), seconds)
        response.headers["Retry-After"] = str(seconds)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        await Headers(response)(scope, receive, send)

    def _refused(self, request: Request, seconds: int) -> Response:
        """A page for a person's browser, as with every other error; many share one address at a venue."""
        if not wants_html(request):
            return problem(429, TITLE, f"Ask again in {seconds} s: so many at once are not answered.")
        return self._pages.answer(
            "error.html",
            status=429,
            language=language.of(request),
            title=TITLE,
            detail=LATER,
            staff=request.url.path.startswith("/staff"),
        )


def client_of(scope: Scope) -> str | None:
    """Who asks, as it is counted; None for this machine itself, and where nobody says."""
    client = scope.get("client")
    return None if client is None or _is_this_machine(client[0]) else _network_of(client[0])


@lru_cache(maxsize=1024)
def _network_of(address: str) -> str:
    """An IPv4 address, or the /64 to which an IPv6 address belongs: one customer has as many of those as they
    like.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else parsed.exploded[:19]


@lru_cache(maxsize=1024)
def _is_this_machine(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
