"""The API of desks with keys of their own, the same at an office and at a hub: docs/desk-formats.md.

What it answers to redemptions is `registration.api`. Any origin may ask: a desk's page came from one machine and
asks another, and a signature says who it is, no cookie.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from schemas import strict_json, timestamps
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.desk.errors import BundleError, EnrolmentError, EpochError, NotFoundError, RequestRefusedError
from verifier.desk.formats.journal import MAX_ENTRIES
from verifier.desk.venue.devices import Admitted
from verifier.desk.venue.service import Venue
from verifier.ground.cross_origin import Opening
from verifier.ground.pages import problem
from verifier.ground.plain_http import is_at_hand
from verifier.registration.aftercare import NotReleasableError, UnknownGrantError
from verifier.registration.api import signed_request
from verifier.verification.errors import ReadingError

MAX_REQUEST_BYTES = 8 << 20
MAX_STATEMENTS = 200
_KEEP_NOWHERE = {"Cache-Control": "no-store"}
_STATUS = {"revoked": 403, "not_a_lead": 403, "newer_epoch": 503}
_TITLES = {401: "Not an enrolled desk", 403: "Not allowed", 503: "Another machine decides"}


class _BadRequestError(Exception):
    """The request is not what this API expects; one sentence."""


def router(venue: Venue) -> APIRouter:
    """The routes of this room."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/desk-api/now")
    def now(event: str) -> Response:
        return _json(venue.handover.state(event))

    @routes.get("/desk-api/epochs")
    def epochs(event: str) -> Response:
        return _json({"epochs": [*venue.handover.statements(event)]})

    @routes.post("/desk-api/epochs")
    async def take_in_epochs(request: Request) -> Response:
        try:
            statements = _texts(_members(await request.body()), "epochs", most=MAX_STATEMENTS)
            event = await run_in_threadpool(venue.handover.take_in, statements)
        except _BadRequestError as error:
            return problem(400, "Bad request", str(error))
        except EpochError as error:
            return problem(422, "Refused", str(error))
        return _json(await run_in_threadpool(venue.handover.state, event))

    @routes.post("/desk-api/enrol")
    async def enrol(request: Request) -> Response:
        try:
            members = _members(await request.body())
            secret = members.get("secret")
            if not isinstance(secret, str):
                raise _BadRequestError("The member secret is missing: a text was expected.")
            enrolled = await run_in_threadpool(venue.devices.enrol, secret, members.get("jwk"))
            row = enrolled.row
            bundle = await run_in_threadpool(venue.bundles.newest, row.event, refreshing=True)
        except _BadRequestError as error:
            return problem(400, "Bad request", str(error))
        except EnrolmentError as error:
            return problem(403, "Not enrolled", str(error))
        except BundleError as error:
            return problem(503, "Not possible now", str(error))
        told: JsonObject = {
            "desk": row.desk,
            "name": row.name,
            "event": row.event,
            "rights": [*row.rights.split(",")],
            "cap": row.cap,
            "bundle": bundle,
            "time": timestamps.show(venue.time()),
        }
        return _json(told, 201 if enrolled.is_new else 200)

    @routes.get("/desk-api/bundle")
    async def bundle(request: Request) -> Response:
        admitted = await _admitted(request)
        token = await run_in_threadpool(venue.bundles.newest, admitted.row.event, refreshing=True)
        headers = {"ETag": f'"{hashlib.sha256(token.encode()).hexdigest()[:32]}"', "Cache-Control": "no-cache"}
        if is_at_hand(headers["ETag"], request.headers.get("if-none-match")):
            return Response(status_code=304, headers=headers)
        return Response(token, headers=headers, media_type="application/jose")

    @routes.post("/desk-api/journal")
    async def take_in_journal(request: Request) -> Response:
        admitted = await _admitted(request)
        try:
            members = _members(await request.body())
            entries = _texts(members, "entries", most=MAX_ENTRIES)
            last = members.get("last")
            if last is not None and (isinstance(last, bool) or not isinstance(last, int) or last < 0):
                raise _BadRequestError("The member last is the number of your newest entry, 0 for none.")
        except _BadRequestError as error:
            return problem(400, "Bad request", str(error))
        event = admitted.row.event
        taken = await run_in_threadpool(venue.logbook.take_in, event, entries, by=admitted, last=last)
        return _json(taken.to_json())

    @routes.get("/desk-api/journal")
    async def hand_on_journal(request: Request, after: int = 0) -> Response:
        admitted = await _admitted(request)
        found = await run_in_threadpool(venue.logbook.handed_on, admitted.row.event, after=max(after, 0))
        entries: list[JsonValue] = [{"number": number, "entry": token} for number, token in found]
        return _json({"entries": entries, "next": found[-1][0] if found else after})

    @routes.post("/desk-api/undo")
    async def undo(request: Request) -> Response:
        admitted = await _admitted(request)
        await run_in_threadpool(venue.devices.check_epoch, admitted)
        try:
            members = _members(await request.body())
            said = {name: _text(members, name) for name in ("request_id", "reason", "initials", "desk")}
            if not said["request_id"] or not said["reason"]:
                raise _BadRequestError("The members request_id and reason are missing: both were expected.")
            await run_in_threadpool(
                venue.logbook.undo,
                admitted,
                request_id=said["request_id"],
                reason=said["reason"],
                initials=said["initials"] or "",
                desk=said["desk"],
            )
        except _BadRequestError as error:
            return problem(400, "Bad request", str(error))
        except UnknownGrantError as error:
            return problem(404, "Not found", str(error))
        except NotReleasableError as error:
            return problem(409, "Not possible", str(error))
        return _json({"undone": True})

    @routes.post("/desk-api/lookup")
    async def look_up(request: Request) -> Response:
        admitted = await _admitted(request)
        try:
            code = _text(_members(await request.body()), "code")
            if not code:
                raise _BadRequestError("The member code is missing: a text was expected.")
            badge = await run_in_threadpool(venue.look_up, admitted.row.event, code)
        except _BadRequestError as error:
            return problem(400, "Bad request", str(error))
        except NotFoundError as error:
            return problem(404, "Not found", str(error))
        return _json({"badge": badge})

    @routes.post("/desk-api/look")
    async def look(request: Request) -> Response:
        await _admitted(request)
        try:
            badge = _members(await request.body()).get("badge")
            if not isinstance(badge, str) or not badge:
                raise _BadRequestError("The member badge is missing: a badge's text was expected.")
            found = await run_in_threadpool(venue.judge, badge)
        except _BadRequestError as error:
            return problem(400, "Bad request", str(error))
        except ReadingError as error:
            return problem(422, "No badge", str(error))
        return _json(found)

    async def _admitted(request: Request) -> Admitted:
        return await run_in_threadpool(venue.devices.admit, await signed_request(request))

    return routes


def refused(error: RequestRefusedError) -> Response:
    """The answer to a request that is not one of an enrolled desk, or that a newer epoch forbids."""
    status = _STATUS.get(error.code, 401)
    members: dict[str, Any] = {"code": error.code}
    if error.time is not None:
        members["time"] = timestamps.show(error.time)
    if error.code == "newer_epoch":
        members["reason"] = error.code
    response = problem(status, _TITLES[status], str(error), members=members)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Desk-Signature"
    return response


def _is_asked_by_desks(path: str) -> bool:
    return path.startswith("/desk-api/") or (path.startswith("/events/") and path.endswith("/redemptions"))


# Desks' pages that came from another machine may ask what a desk asks.
OPENING = Opening(
    _is_asked_by_desks,
    methods="GET, POST",
    headers="Content-Type, Desk-Signature, Idempotency-Key, If-None-Match",
    exposed="ETag, Retry-After",
)


def _members(body: bytes) -> JsonObject:
    try:
        return strict_json.loads_object(body, max_bytes=MAX_REQUEST_BYTES)
    except StrictJsonError as error:
        raise _BadRequestError(str(error)) from error


def _texts(members: Mapping[str, JsonValue], name: str, *, most: int) -> list[str]:
    value = members.get(name)
    texts = [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(texts) < len(value):
        raise _BadRequestError(f"The member {name} must be a list of texts.")
    if len(texts) > most:
        raise _BadRequestError(f"At most {most} of {name} are read at a time.")
    return texts


def _text(members: Mapping[str, JsonValue], name: str) -> str | None:
    value = members.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > 200 or not value.isprintable()):
        raise _BadRequestError(f"The member {name} must be a text of at most 200 printable characters.")
    return value if isinstance(value, str) else None


def _json(body: JsonObject, status: int = 200) -> Response:
    return JSONResponse(body, status, headers=_KEEP_NOWHERE)
