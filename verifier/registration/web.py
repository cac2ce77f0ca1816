"""The registration page of an event, and the API that redeems: `POST /events/{event}/redemptions`.

Everything is decided in `service`. The page carries a request id of its own, so that a second press of the
button is the same request and gets the same voucher.
"""

import secrets
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from schemas import strict_json
from schemas.event_policy import EventPolicy
from schemas.strict_json import StrictJsonError
from verifier.ground import openapi
from verifier.ground.pages import Pages, problem
from verifier.ground.uploads import read_upload
from verifier.registration.events import HolderCode, NoProof, Proof
from verifier.registration.reasons import Reason
from verifier.registration.service import MAX_REQUEST_ID, Redemption, Registration
from verifier.verification.errors import ReadingError

MAX_REQUEST_BYTES = 1 << 20
RETRY_AFTER_SECONDS = 60
_STATUSES = {"granted": 201, "already_redeemed": 409, "refused": 422, "could_not_tell": 503}
_TITLES = {409: "Already redeemed", 422: "Refused", 503: "Could not tell; nothing was granted"}
_TYPED_AGAIN = {Reason.PROOF_NEEDED, Reason.MALFORMED_HOLDER_CODE, Reason.WRONG_HOLDER_CODE}
_MEMBERS = {"badge", "holder_code"}
_ANSWERS = openapi.answers(
    {
        200: "Accepted, and worth 0 percent here: there is nothing to redeem.",
        201: "The discount is granted.",
        404: "There is no such event here.",
        409: "This holder's discount was given before.",
        422: "Refused, or the key was used before for another request.",
        503: "It could not be told; nothing was granted.",
    }
)
_REQUEST = openapi.body(
    {
        "application/json": {
            "type": "object",
            "required": ["badge"],
            "additionalProperties": False,
            "properties": {"badge": {"type": ["string", "object"]}, "holder_code": openapi.TEXT},
        }
    }
) | {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_REQUEST_ID},
        }
    ]
}


class BadRequestError(Exception):
    """The request to redeem is not what the API expects; one sentence."""


def router(registration: Registration) -> APIRouter:
    """The routes of this room."""
    routes = APIRouter()
    pages = Pages(Path(__file__).parent / "templates")

    @routes.get("/events/{event}", include_in_schema=False)
    def page(event: str) -> Response:
        return _form(registration.event(event))

    @routes.post("/events/{event}", include_in_schema=False)
    async def redeem_by_form(event: str, request: Request) -> Response:
        upload = await read_upload(request)
        policy = registration.event(event)
        proof = HolderCode(upload.fields.get("holder_code", ""))
        request_id = upload.fields.get("request_id") or secrets.token_urlsafe(16)
        try:
            answer = await run_in_threadpool(
                registration.redeem, upload.data, policy=policy, proof=proof, request_id=request_id
            )
        except ReadingError as error:
            return _form(policy, problem=str(error), status=400)
        if answer.reason in _TYPED_AGAIN and answer.report is not None:
            return _form(policy, problem=answer.sentence, status=422, badge=answer.report.badge.text)
        status = 200 if answer.reason is Reason.NOTHING_TO_REDEEM else _STATUSES[answer.result]
        return pages.answer("redeemed.html", status=status, policy=policy, answer=answer)

    @routes.post(
        "/events/{event}/redemptions",
        summary="Redeem a badge once; needs an Idempotency-Key.",
        responses=_ANSWERS,
        openapi_extra=_REQUEST,
    )
    async def redeem(event: str, request: Request) -> Response:
        policy = registration.event(event)
        request_id = request.headers.get("idempotency-key", "")
        if not request_id:
            return problem(400, "Bad request", "The header Idempotency-Key is missing: give each request its own.")
        try:
            badge, proof = _parsed(await request.body())
            answer = await run_in_threadpool(
                registration.redeem, badge, policy=policy, proof=proof, request_id=request_id
            )
        except (BadRequestError, ReadingError) as error:
            return problem(400, "Bad request", str(error))
        return _json(answer)

    def _form(policy: EventPolicy, *, problem: str | None = None, status: int = 200, badge: str = "") -> Response:
        return pages.answer(
            "register.html",
            status=status,
            policy=policy,
            problem=problem,
            badge=badge,  # so that only the code has to be typed again
            request_id=secrets.token_urlsafe(16),
            by_code="holder_code" in policy.proof_of_holding.online,
        )

    return routes


def _parsed(body: bytes) -> tuple[bytes, Proof]:
    """The badge (any text form, or an enveloped credential as an object) and the proof in a request."""
    if len(body) > MAX_REQUEST_BYTES:
        raise BadRequestError("The request is larger than 1 MiB.")
    try:
        fields = strict_json.loads_object(body, max_bytes=MAX_REQUEST_BYTES)
    except StrictJsonError as error:
        raise BadRequestError(str(error)) from error
    unknown = sorted(fields.keys() - _MEMBERS)
    if unknown:
        raise BadRequestError(f"The member {unknown[0][:40]!a} is not known; known are badge and holder_code.")
    badge, code = fields.get("badge"), fields.get("holder_code")
    if isinstance(badge, dict):
        badge = strict_json.dumps(badge)
    if not isinstance(badge, str) or not badge:
        raise BadRequestError("The member badge is missing: a badge's text was expected.")
    if code is not None and not isinstance(code, str):
        raise BadRequestError("The member holder_code must be a text.")
    return badge.encode(), NoProof() if code is None else HolderCode(code)


def _json(answer: Redemption) -> Response:
    body, status = answer.to_json(), _STATUSES[answer.result]
    if answer.result == "granted":
        if answer.reason is Reason.NOTHING_TO_REDEEM:
            status = 200  # accepted, and nothing was made
        return JSONResponse(body, status, headers={"Cache-Control": "no-store"})
    response = problem(status, _TITLES[status], answer.sentence, members=body)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
