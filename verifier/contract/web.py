"""The open contract over HTTP: `POST /credentials/verify` and `POST /presentations/verify` (STANDARDS h).

JSON in and JSON out, for every error too. Anybody may ask from anywhere; nothing that arrives is kept, and nothing
is logged about it.
"""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from schemas.strict_json import JsonObject, JsonValue
from verifier.contract import answers, requests
from verifier.contract.requests import RequestError
from verifier.ground import openapi
from verifier.verification.errors import ReadingError
from verifier.verification.service import Verification

_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
}
Answer = tuple[int, JsonObject]
_ANSWERS = openapi.answers({200: "Verified.", 400: "Not verified, or no such request: `problemDetails` says why."})


def _takes(member: str) -> dict[str, Any]:
    """A request's body: what is verified, as a document or a compact JWT, and the options."""
    properties = {member: {"type": ["object", "string"]}, "options": openapi.OBJECT}
    return openapi.body({"application/json": {"type": "object", "required": [member], "properties": properties}})


def router(verification: Verification) -> APIRouter:
    """The routes of this room."""
    routes = APIRouter()

    def verify_credential(body: JsonObject) -> Answer:
        credential, options = requests.credential_in(body)
        report = verification.verify_credential(credential)
        return answers.of_credential(report.verdict, credential=credential, options=options)

    def verify_presentation(body: JsonObject) -> Answer:
        presentation, options = requests.presentation_in(body)
        report = verification.verify_presentation(presentation, expected=options.expected)
        inside = report.presented.document.get("verifiableCredential", [])
        credentials: list[JsonValue] = inside if isinstance(inside, list) else [inside]
        return answers.of_presentation(
            report.verdict, presentation=presentation, credentials=credentials, options=options
        )

    @routes.post(
        "/credentials/verify",
        summary="Verify one verifiable credential.",
        responses=_ANSWERS,
        openapi_extra=_takes("verifiableCredential"),
    )
    async def credentials(request: Request) -> Response:
        return await _answered(request, verify_credential)

    @routes.post(
        "/presentations/verify",
        summary="Verify a presentation and the credentials in it.",
        responses=_ANSWERS,
        openapi_extra=_takes("verifiablePresentation"),
    )
    async def presentations(request: Request) -> Response:
        return await _answered(request, verify_presentation)

    return routes


async def _answered(request: Request, act: Callable[[JsonObject], Answer]) -> Response:
    try:
        body = requests.read_body(await _body(request), content_type=request.headers.get("content-type", ""))
        status, told = await run_in_threadpool(act, body)
    except RequestError as error:
        status, told = answers.of_request_error(error)
    except ReadingError as error:
        status, told = answers.of_request_error(RequestError(str(error)))
    media_type = "application/json" if status == answers.OK else "application/problem+json"
    return JSONResponse(told, status, _HEADERS, media_type=media_type)


async def _body(request: Request) -> bytes:
    """The body, cut off while it arrives.

    Raises:
        HTTPException: 413, it is larger than is read.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > requests.MAX_BODY_BYTES:
            raise HTTPException(413, f"At most {requests.MAX_BODY_BYTES} bytes are read.")
        parts.append(part)
    return b"".join(parts)
