"""The contract over HTTP: JSON in, JSON out, also for whatever is wrong (VCALM; STANDARDS h).

`POST /credentials/issue`, `POST /credentials/status`, `GET` and `DELETE /credentials/{id}`, `POST /status-lists`,
`GET /status-lists/{name}`. All but the last ask for a bearer token of the source `contract`, unless the office was
opened for trying it out on one machine. What a request does is `service`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from sqlalchemy import Engine
from starlette.convertors import Convertor, register_url_convertor

from issuer.badges.bureau import Bureau
from issuer.badges.documents import STATUS
from issuer.contract import requests, service
from issuer.contract.errors import (
    BadRequestError,
    ContractError,
    MethodError,
    NotFoundError,
    TooLargeError,
    UnauthorizedError,
)
from issuer.contributions import service as contributions
from schemas import strict_json
from schemas.contexts import VERIFYING, ContextSet
from schemas.strict_json import JsonObject

MAX_BODY_BYTES: Final = 1 << 20  # STANDARDS j1: a request body
MAX_BODY_DEPTH: Final = strict_json.MAX_DEPTH + 1  # a credential stands one level down
TOKEN_SOURCE: Final = "contract"  # noqa: S105 - for whom a bearer token speaks; no policy may name such a source
JSON, PROBLEM, CREDENTIAL = "application/json", "application/problem+json", "application/vc"
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_JSON_TYPE = re.compile(
    r"application/(?:[a-z0-9.-]+\+)?json\s*(?:;\s*charset\s*=\s*\"?utf-8\"?\s*)?", re.IGNORECASE
)

BureauNow = Callable[[], Bureau]


@dataclass(frozen=True)
class _Answer:
    status: int
    body: JsonObject
    media_type: str = JSON
    headers: Mapping[str, str] | None = None

    def response(self) -> Response:
        content = strict_json.dumps(self.body).encode()
        headers = {"Cache-Control": "no-store", **(self.headers or {})}
        return Response(content, self.status, headers=headers, media_type=self.media_type)


_Action = Callable[[JsonObject], _Answer]


class _ListName(Convertor[str]):
    """The last part of a list's address; the badges' own lists are numbers, and answered by `issuer.badges`."""

    regex = r"(?![0-9]+(\.jwt)?$).+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("contract_list", _ListName())


def router(
    bureau: BureauNow, *, clock: Callable[[], datetime], is_open: bool = False, contexts: ContextSet = VERIFYING
) -> APIRouter:
    """The routes. `is_open`: nobody is asked for a token, for trying it out on one machine; `contexts`: those that
    a credential may use.
    """
    routes = APIRouter()

    async def answer(request: Request, actions: Mapping[str, _Action], *, public: bool = False) -> Response:
        try:
            action = _action(request, actions)
            if is_open:
                _check_no_page_asks(request)
            elif not public:
                await run_in_threadpool(_check_token, bureau().engine, request)
            body = await _body(request) if request.method == "POST" else {}
            return (await run_in_threadpool(action, body)).response()
        except ContractError as error:
            return _Answer(error.status, error.problem(), PROBLEM, error.headers).response()

    @routes.api_route("/credentials", methods=[*_METHODS], include_in_schema=False)
    @routes.api_route("/credentials/{rest:path}", methods=[*_METHODS], include_in_schema=False)
    async def credentials(request: Request, rest: str = "") -> Response:
        known: Mapping[str, Mapping[str, _Action]] = {
            "issue": {"POST": lambda body: _issue(bureau(), body, clock(), contexts)},
            "status": {"POST": lambda body: _set_status(bureau(), body, clock())},
        }
        one: Mapping[str, _Action] = {
            "GET": lambda _: _Answer(200, {"verifiableCredential": service.credential(bureau().engine, rest)}),
            "DELETE": lambda _: _delete(bureau().engine, rest),
        }
        by_id = one if rest and request.method != "POST" else {}
        return await answer(request, known.get(rest, by_id))

    @routes.api_route("/status-lists", methods=[*_METHODS], include_in_schema=False)
    async def lists(request: Request) -> Response:
        return await answer(request, {"POST": lambda body: _make_list(bureau(), body, clock())})

    @routes.api_route("/status-lists/{name:contract_list}", methods=[*_METHODS], include_in_schema=False)
    async def status_list(request: Request, name: str) -> Response:
        accepted = request.headers.get("accept", "")
        return await answer(request, {"GET": lambda _: _show(bureau(), name, accepted, clock())}, public=True)

    return routes


def _issue(bureau: Bureau, body: JsonObject, now: datetime, contexts: ContextSet) -> _Answer:
    secured = service.issue(bureau, requests.read_issue(body), now=now, contexts=contexts)
    return _Answer(201, {"verifiableCredential": secured})


def _set_status(bureau: Bureau, body: JsonObject, now: datetime) -> _Answer:
    service.set_status(bureau, requests.read_status(body), now=now)
    return _Answer(200, {name: body[name] for name in ("credentialId", "credentialStatus", "status")})


def _delete(engine: Engine, credential_id: str) -> _Answer:
    service.delete(engine, credential_id)
    return _Answer(202, {})


def _make_list(bureau: Bureau, body: JsonObject, now: datetime) -> _Answer:
    url = service.make_list(bureau, requests.read_list(body), now=now)
    made = service.list_credential(bureau, url.rpartition("/")[2], now=now)
    return _Answer(201, {"id": url, "verifiableCredential": made}, headers={"Location": url})


def _show(bureau: Bureau, name: str, accepted: str, now: datetime) -> _Answer:
    """A list credential, for any origin: its readers are verifiers everywhere."""
    headers = {"Cache-Control": STATUS, "Access-Control-Allow-Origin": "*", "Vary": "Accept"}
    media_type = CREDENTIAL if CREDENTIAL in accepted else JSON
    return _Answer(200, service.list_credential(bureau, name, now=now), media_type, headers)


def _action(request: Request, actions: Mapping[str, _Action]) -> _Action:
    method = "GET" if request.method == "HEAD" else request.method
    if not actions:
        raise NotFoundError("There is nothing at this address.")
    if method not in actions:
        raise MethodError(tuple(actions))
    return actions[method]


def _check_no_page_asks(request: Request) -> None:
    """Where anybody on the machine may issue, a web page that somebody there looks at may not: browsers say that a
    page asks, and software does not.
    """
    if request.method != "GET" and "origin" in request.headers:
        raise UnauthorizedError("An office that is open on its machine takes nothing from web pages.")


def _check_token(engine: Engine, request: Request) -> None:
    """A bearer token that was made for the contract (RFC 6750 §2.1)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthorizedError(f"A bearer token was expected: 'badge-issuer token {TOKEN_SOURCE}' makes one.")
    if contributions.source_of_token(engine, token.strip()) != TOKEN_SOURCE:
        raise UnauthorizedError("This token does not speak for the contract here.")


async def _body(request: Request) -> JsonObject:
    """The body, read no further than the limit whatever its length is said to be, as one strict JSON object."""
    if not _JSON_TYPE.fullmatch(request.headers.get("content-type", "").strip()):
        raise BadRequestError("The Content-Type must be application/json.", code="PARSING_ERROR")
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MAX_BODY_BYTES:
            raise TooLargeError(f"At most {MAX_BODY_BYTES} bytes are read.")
    try:
        return strict_json.loads_object(bytes(read), max_bytes=MAX_BODY_BYTES, max_depth=MAX_BODY_DEPTH)
    except strict_json.StrictJsonError as error:
        raise BadRequestError(str(error), code="PARSING_ERROR") from error
