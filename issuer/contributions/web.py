"""`POST /contributions`: other systems deliver contributions as CloudEvents 1.0 in JSON. `/hooks/…`, `/sources`:
webhooks that knock, and how each source stands.

One event in structured mode (`application/cloudevents+json`) or binary mode (`ce-…` headers, JSON body), or
many in batched mode (`application/cloudevents-batch+json`). The bearer token says for which source of the
policy the sender speaks; nothing in an event can say otherwise. What is wrong comes back as problem details
(RFC 9457). What a contribution must hold is said by `intake`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, BackgroundTasks, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import Engine

from issuer.contributions import collecting, hooks, service
from issuer.contributions.configuration import ConfigurationError, secret_in
from issuer.contributions.health import Health
from issuer.contributions.intake import AttestationRefusedError, IntakeError, from_fields
from issuer.contributions.model import Contribution
from issuer.contributions.sources.face import Source
from issuer.ground import pages
from issuer.ground.outbound import Outbound
from schemas import strict_json, timestamps
from schemas.strict_json import JsonObject, JsonValue

MAX_BODY_BYTES = 1 << 20  # STANDARDS j1: a request body
REMEMBER_DELIVERIES = timedelta(days=90)  # a webhook sent again after that only makes us look
KEPT_A_MINUTE = "public, max-age=60"
MAX_ROUNDS = 5  # after one knock: the next knock, or the night, reads on
EVENT_TYPE = "org.badgewright.contribution.v1"
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
BINARY = "application/json"
MAX_NAME_CHARACTERS = 240  # of an event's id, and of its source: both together are a contribution's id

_ATTRIBUTE = re.compile(r"[a-z0-9]{1,40}", re.ASCII)  # CloudEvents §3.1: lower-case letters and digits
_SOURCE = re.compile(r"[\x21-\x7e]+", re.ASCII)  # a URI-reference: no space, so "source id" has one reading


class ProblemError(Exception):
    """The request is refused; becomes problem details."""

    def __init__(self, status: int, title: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.headers = headers

    def response(self) -> JSONResponse:
        body = {"type": "about:blank", "title": self.title, "status": self.status, "detail": str(self)}
        return JSONResponse(body, self.status, headers=self.headers, media_type="application/problem+json")


@dataclass(frozen=True, slots=True)
class _Refused:
    index: int
    id: str | None
    detail: str


def contributions_router(
    engine: Engine,
    *,
    clock: Callable[[], datetime],
    community: str = "",
    sources: Callable[[], Mapping[str, Source]] = dict,
    outbound: Callable[[Source], Outbound] | None = None,
) -> APIRouter:
    """The routes; `clock` gives the present as an aware datetime, `sources` those that are configured now.

    `outbound`: how a source is asked when a webhook knocked; given by tests.
    """
    router = APIRouter()

    @router.post("/contributions")
    async def deliver(request: Request) -> JSONResponse:
        try:
            source = await run_in_threadpool(_authenticated_source, engine, request)
            mode = _mode(request)
            body = _json(await _body(request))
            if mode == BATCHED:
                return await run_in_threadpool(_deliver_batch, engine, body, source, clock())
            event = _event_of_binary(request, body) if mode == BINARY else body
            return await run_in_threadpool(_deliver_one, engine, event, source, clock())
        except ProblemError as problem:
            return problem.response()

    @router.post("/hooks/{name}")
    async def hook(request: Request, name: str, later: BackgroundTasks) -> JSONResponse:
        """A knock: 202 if the source is read now, 200 if there is nothing to read or it came before."""
        try:
            source = sources().get(name)
            if source is None:
                raise ProblemError(404, "Not Found", "There is no such source.")
            body = await _body(request, at_most=hooks.MAX_BODY_BYTES)
            read = await run_in_threadpool(_knock, engine, source, request.headers, body, clock())
        except ProblemError as problem:
            return problem.response()
        except ConfigurationError as error:
            return ProblemError(503, "Service Unavailable", str(error)).response()
        if read:
            later.add_task(_read_until_quiet, engine, source, clock, outbound)
        return JSONResponse({"read": read}, 202 if read else 200, background=later)

    @router.get("/sources")
    def page(request: Request) -> Response:
        """For people, or for programs that accept JSON."""
        now = clock()
        try:
            health = service.health(engine, sources().values(), now=now)
        except ConfigurationError as error:
            return ProblemError(503, "Service Unavailable", str(error)).response()
        if not _wants_page(request.headers.get("accept", "")):
            return _as_json(request, health, now)
        made = pages.page_for(request, "sources.html", **view(health, community=community, now=now))
        made.headers["Vary"] = "Accept, Accept-Language, Cookie"
        return pages.for_anybody(request, made, kept=KEPT_A_MINUTE)

    @router.get("/sources.json")
    def page_for_programs(request: Request) -> Response:
        """The same as data, for any origin."""
        now = clock()
        try:
            return _as_json(request, service.health(engine, sources().values(), now=now), now)
        except ConfigurationError as error:
            return ProblemError(503, "Service Unavailable", str(error)).response()

    return router


def view(health: Iterable[Health], *, community: str, now: datetime, snapshot: bool = False) -> dict[str, Any]:
    """What the page of sources shows; `snapshot`: in a file, which says of when it is."""
    sources = [(one, _age(one.lag(now))) for one in health]
    return {"community": community, "sources": sources, "now": now, "snapshot": snapshot}


def _wants_page(accept: str) -> bool:
    return "text/html" in accept or ("json" not in accept and "*/*" not in accept and bool(accept))


def _as_json(request: Request, health: list[Health], now: datetime) -> Response:
    made = JSONResponse(as_data(health, now), headers={"Vary": "Accept"})
    return pages.for_anybody(request, made, kept=KEPT_A_MINUTE)


def as_data(health: Iterable[Health], now: datetime) -> dict[str, Any]:
    """The same as data."""
    return {"as_of": timestamps.show(now), "sources": [one.to_json(now) for one in health]}


def _age(lag: timedelta | None) -> tuple[int, str] | None:
    """How long ago, in the largest whole unit."""
    if lag is None:
        return None
    hours = max(0, int(lag.total_seconds() // 3600))
    if hours >= 48:
        return hours // 24, "days"
    return (hours, "hours") if hours else (max(0, int(lag.total_seconds() // 60)), "minutes")


def _knock(engine: Engine, source: Source, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether a genuine, new delivery says that there is something to read."""

    def is_token(token: str) -> bool:
        return service.source_of_token(engine, token, webhook=True) == source.name

    try:
        if source.kind == "gitlab":
            knock = hooks.knock_of_gitlab(headers, body, is_token=is_token)
        else:
            knock = hooks.knock_of(source.kind, headers, body, secret=secret_in(source.webhook_secret_file))
    except hooks.HookError as error:
        title = {400: "Bad Request", 401: "Unauthorized"}.get(error.status, "Not Found")
        raise ProblemError(error.status, title, str(error)) from error
    if not knock.read:
        return False
    return collecting.knock(engine, source, delivery=knock.delivery, forget_after=REMEMBER_DELIVERIES, now=now)


def _read_until_quiet(
    engine: Engine,
    source: Source,
    clock: Callable[[], datetime],
    outbound: Callable[[Source], Outbound] | None,
) -> None:
    """Read a source that was knocked at; once more for those who knocked meanwhile."""
    for _ in range(MAX_ROUNDS):
        done = collecting.run(engine, source, clock=clock, outbound=outbound)
        if done.skipped or done.error or not collecting.is_due(engine, source, now=clock()):
            return


def _deliver_one(engine: Engine, event: JsonValue, source: str, now: datetime) -> JSONResponse:
    """201 if it is new, 200 if it was known."""
    try:
        contribution = _contribution(event, source=source, now=now)
    except AttestationRefusedError as error:
        raise ProblemError(403, "Forbidden", _sentence(error)) from error
    except IntakeError as error:
        raise ProblemError(422, "Unprocessable Content", _sentence(error)) from error
    counts = service.deliver(engine, [contribution], source=source, now=now)
    body = {"stored": counts.stored, "duplicates": counts.duplicates}
    return JSONResponse(body, 201 if counts.stored else 200)


def _deliver_batch(engine: Engine, events: JsonValue, source: str, now: datetime) -> JSONResponse:
    """200 with what became of each event; a bad one does not lose the good ones."""
    if not isinstance(events, list):
        raise ProblemError(400, "Bad Request", "A batch is a JSON array of events (CloudEvents JSON format §4).")
    good: list[Contribution] = []
    refused: list[_Refused] = []
    for index, event in enumerate(events):
        try:
            good.append(_contribution(event, source=source, now=now))
        except IntakeError as error:
            refused.append(_Refused(index, _id_of(event), _sentence(error)))
    counts = service.deliver(engine, good, source=source, now=now)
    body: dict[str, Any] = {
        "stored": counts.stored,
        "duplicates": counts.duplicates,
        "refused": [{"index": r.index, "id": r.id, "detail": r.detail} for r in refused],
    }
    return JSONResponse(body)


def _contribution(event: JsonValue, *, source: str, now: datetime) -> Contribution:
    """The contribution in one event (CloudEvents 1.0 §3).

    Its id is the event's source and id, which together are unique (CloudEvents §3.1.1), so a re-delivery is
    recognised and two senders cannot meet.
    """
    if not isinstance(event, dict):
        raise IntakeError(None, "An event is a JSON object.")
    for name, expected in (("specversion", "1.0"), ("type", EVENT_TYPE)):
        if event.get(name) != expected:
            raise IntakeError(name, f"{expected!r} was expected.")
    for name in event:
        if not _ATTRIBUTE.fullmatch(name) and name != "data_base64":
            raise IntakeError(None, "An attribute's name has lower-case letters and digits only.")
    if "data_base64" in event:
        raise IntakeError("data_base64", "JSON was expected in 'data'.")
    data = event.get("data")
    if not isinstance(data, dict):
        raise IntakeError("data", "an object with 'record' and its facts was expected.")
    for name in ("id", "account", "source"):
        if name in data:
            raise IntakeError(f"data.{name}", "this belongs to the event, or to the sender's token.")
    fields: JsonObject = {
        "happened_at": event.get("time"),
        **data,
        "id": f"{_name(event, 'source', _SOURCE)} {_name(event, 'id', None)}",
        "account": event.get("subject"),
    }
    return _from(fields, source=source, now=now)


def _from(fields: JsonObject, *, source: str, now: datetime) -> Contribution:
    try:
        return from_fields(fields, source=source, now=now)
    except IntakeError as error:
        names = {"account": "subject", "happened_at": "time or data.happened_at", "id": "id"}
        field = names.get(error.field or "", f"data.{error.field}")
        raise type(error)(field, str(error)) from error


def _name(event: JsonObject, attribute: str, pattern: re.Pattern[str] | None) -> str:
    value = event.get(attribute)
    fits = isinstance(value, str) and 0 < len(value) <= MAX_NAME_CHARACTERS
    if not isinstance(value, str) or not fits or (pattern and not pattern.fullmatch(value)):
        raise IntakeError(attribute, f"a text of 1 to {MAX_NAME_CHARACTERS} characters was expected.")
    return value


def _id_of(event: JsonValue) -> str | None:
    name = event.get("id") if isinstance(event, dict) else None
    return name[:MAX_NAME_CHARACTERS] if isinstance(name, str) else None


def _sentence(error: IntakeError) -> str:
    return f"{error.field}: {error}" if error.field else str(error)


def _authenticated_source(engine: Engine, request: Request) -> str:
    """The source for which the bearer token speaks (RFC 6750)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ProblemError(
            401, "Unauthorized", "A bearer token was expected.", headers={"WWW-Authenticate": "Bearer"}
        )
    source = service.source_of_token(engine, token.strip())
    if source is None:
        raise ProblemError(
            401,
            "Unauthorized",
            "This token is not known here.",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    return source


def _mode(request: Request) -> str:
    """STRUCTURED, BATCHED or BINARY, by content type (CloudEvents HTTP binding §3)."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    mode = media_type.strip().lower()
    charset = re.fullmatch(r'\s*(?:charset\s*=\s*"?(?:utf-8|us-ascii)"?)?\s*', parameters, re.IGNORECASE)
    if mode not in (STRUCTURED, BATCHED, BINARY) or not charset:
        expected = f"{STRUCTURED}, {BATCHED} or {BINARY} in UTF-8 was expected."
        raise ProblemError(415, "Unsupported Media Type", expected)
    return mode


async def _body(request: Request, *, at_most: int = MAX_BODY_BYTES) -> bytes:
    """The body, read no further than the limit whatever its length is said to be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > at_most:
            raise ProblemError(413, "Content Too Large", f"At most {at_most} bytes are read.")
    return bytes(body)


def _json(body: bytes) -> JsonValue:
    try:
        return strict_json.loads(body, max_bytes=MAX_BODY_BYTES)
    except strict_json.StrictJsonError as error:
        raise ProblemError(400, "Bad Request", str(error)) from error


def _event_of_binary(request: Request, data: JsonValue) -> JsonObject:
    """The event in binary mode: attributes are headers, percent-encoded (HTTP binding §3.1.3.2)."""
    attributes: JsonObject = {}
    for name, value in request.headers.items():
        if name.startswith("ce-"):
            try:
                attributes[name.removeprefix("ce-")] = unquote(value, errors="strict")
            except UnicodeDecodeError as error:
                raise ProblemError(400, "Bad Request", f"The header {name} is not UTF-8 when decoded.") from error
    if not attributes:
        raise ProblemError(415, "Unsupported Media Type", f"An event was expected: {STRUCTURED}, or ce- headers.")
    return {**attributes, "data": data}
