"""What whoever looks after the office may ask it: is it there, is it ready, how does it stand.

`/healthz` says that the process answers; `/readyz` that it can do its work; `/metrics` gives numbers for
Prometheus: to this machine, or to whoever has the token. No number is about a person, and no label is unbounded:
an address stands there as the pattern of its route, never with what was in it.
"""

import hmac
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
SECONDS = (0.005, 0.02, 0.1, 0.5, 2, 10)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TOKEN_FILE = "metrics.token"  # noqa: S105 - a file's name
# A proxy on this machine speaks for others: whoever comes through it is not this machine.
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figure:
    """A number at this moment. `labels`: of a few fixed values each."""

    name: str
    says: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Readiness:
    """What the office needs to do its work, by name; each is asked at every look. A sentence comes out of what is
    wrong, and goes to the log only."""

    needs: Mapping[str, Callable[[], object]]

    def missing(self) -> list[str]:
        """The names of what is not there."""
        found = []
        for name, look in self.needs.items():
            try:
                look()
            except Exception as error:
                _log.warning("Not ready, %s (%s): %s", name, type(error).__name__, error)
                found.append(name)
        return found


class Watch:
    """The numbers of one application. `figures`: asked at each look at `/metrics`."""

    def __init__(self, figures: Callable[[], Iterable[Figure]]) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Figures(figures))
        self._requests = Counter(
            "badgewright_http_requests_total", "Answers.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "badgewright_http_seconds", "How long they took.", ("route",), buckets=SECONDS, registry=self.registry
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer. `route`: a pattern such as `/h/{token}`."""
        self._requests.labels(method if method in METHODS else OTHER, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All numbers, as Prometheus reads them."""
        return generate_latest(self.registry)


class Watched:
    """ASGI middleware that counts the answers of everything behind it."""

    def __init__(self, app: ASGIApp, *, watch: Watch) -> None:
        self._app, self._watch = app, watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.monotonic(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", OTHER) or OTHER
            self._watch.answered(scope["method"], route, status, time.monotonic() - begun)


class _Figures(Collector):
    def __init__(self, figures: Callable[[], Iterable[Figure]]) -> None:
        self._figures = figures

    def describe(self) -> Iterator[Metric]:
        """Nothing: the database is not asked before somebody looks."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The numbers of now; where the database cannot be asked, only that."""
        try:
            found = list(self._figures())
        except Exception as error:
            _log.warning("The numbers could not be read (%s): %s", type(error).__name__, error)
            found = []
        families: dict[str, GaugeMetricFamily] = {}
        for one in [*found, Figure("badgewright_numbers_read", "Whether all numbers could be read.", bool(found))]:
            family = families.setdefault(one.name, GaugeMetricFamily(one.name, one.says, labels=tuple(one.labels)))
            family.add_metric(tuple(one.labels.values()), float(one.value))
        yield from families.values()


def router(watch: Watch, *, readiness: Readiness, data: Path) -> APIRouter:
    """The three addresses. A file `metrics.token` in the data folder opens `/metrics` to who brings it."""
    made = APIRouter()

    @made.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    @made.get("/readyz", include_in_schema=False)
    def readyz() -> Response:
        missing = readiness.missing()
        said = {name: "missing" if name in missing else "ok" for name in readiness.needs}
        status = {"status": "not ready" if missing else "ok", "needs": said}
        return JSONResponse(status, 503 if missing else 200, headers={"Cache-Control": "no-store"})

    @made.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        if not _may_read(request, data / TOKEN_FILE):
            return Response("The numbers are for this machine, or for who has the token.\n", 403)
        return Response(watch.text(), media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})

    return made


def _may_read(request: Request, token_file: Path) -> bool:
    try:
        token = token_file.read_text(encoding="utf-8").strip()
    except OSError:
        token = ""
    if token:
        given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
        return hmac.compare_digest(given, token.encode())
    through_proxy = any(name in request.headers for name in FORWARDED)
    return not through_proxy and request.client is not None and _is_loopback(request.client.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
