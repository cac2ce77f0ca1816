"""`POST /contributions`: other systems deliver contributions as CloudEvents 1.0 in JSON.

One event in structured mode (`application/cloudevents+json`) or binary mode (`ce-…` headers, JSON body), or
many in batched mode (`application/cloudevents-batch+json`). The bearer token says for which source of the
policy the sender speaks; nothing in an event can say otherwise. What is wrong comes back as problem details
(RFC 9457). What a contribution must hold is said by `intake`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import Engine

from issuer.contributions import service
from issuer.contributions.intake import AttestationRefusedError, IntakeError, from_fields
from issuer.contributions.model import Contribution
from schemas import strict_json
from schemas.strict_json import JsonObject, JsonValue

MAX_BODY_BYTES = 1 << 20  # STANDARDS j1: a request body
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


def contributions_router(engine: Engine, *, clock: Callable[[], datetime]) -> APIRouter:
    """The route; `clock` gives the present as an aware datetime."""
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

    return router


def _deliver_one(engine: Engine, event: JsonValue, source: str, now: datetime) -> JSONResponse:
    """201 if it is new, 200 if it was known."""
    try:
        contribution = _contribution(event, source=source, now=now)
    except AttestationRefusedError as error:
        raise ProblemError(403, "Forbidden", _sentence(error)) from error
    except IntakeError as error:
        raise ProblemError(422, "Unprocessable Content", _sentence(error)) from error
    counts = service.store(engine, [contribution], now=now)
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
    counts = service.store(engine, good, now=now)
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


async def _body(request: Request) -> bytes:
    """The body, read no further than the limit whatever its length is said to be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ProblemError(413, "Content Too Large", f"At most {MAX_BODY_BYTES} bytes are read.")
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
