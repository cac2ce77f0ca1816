"""The API that redeems: `POST /events/{event}/redemptions`, and what leads to a proof of holding.

Everything is decided in `service`; the pages for people are `web`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from schemas import strict_json, timestamps
from schemas.event_policy import EventPolicy
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.ground import openapi
from verifier.ground.language import ENGLISH
from verifier.ground.pages import problem
from verifier.registration.errors import MailboxError
from verifier.registration.events import HolderCode, MailAgainstOrder, MailboxCode, NameAgainstId, NoProof, Proof
from verifier.registration.reasons import Reason
from verifier.registration.service import MAX_REQUEST_ID, Redemption, Registration
from verifier.verification import reading as badge_reading
from verifier.verification.errors import ReadingError

MAX_REQUEST_BYTES = 1 << 20
RETRY_AFTER_SECONDS = 60
STATUSES = {"granted": 201, "already_redeemed": 409, "refused": 422, "could_not_tell": 503}
_TITLES = {409: "Already redeemed", 422: "Refused", 503: "Could not tell; nothing was granted"}
AT_A_DESK: Mapping[str, type[NameAgainstId] | type[MailAgainstOrder]] = {
    proof.name: proof for proof in (NameAgainstId, MailAgainstOrder)
}
_MEMBERS = ("badge", "holder_code", "mail_code", "exchange", "response_code", "presentation", *AT_A_DESK)
_ANSWERS = openapi.answers(
    {
        200: "Accepted, and worth 0 percent here: there is nothing to redeem.",
        201: "The discount is granted.",
        401: "What only an enrolled desk may say, without its signature.",
        403: "The desk was revoked.",
        404: "There is no such event here.",
        409: "This holder's discount was given before.",
        422: "Refused, or the key was used before for another request.",
        503: "It could not be told, or another machine decides now; nothing was granted.",
    }
)
_EXCHANGE_ANSWERS = openapi.answers(
    {
        200: "How far it is.",
        201: "It is begun.",
        401: "The handle is missing.",
        404: "There is no such event here.",
        410: "There is no such exchange, or its time is over.",
        503: "This office cannot ask wallets.",
    }
)
_REQUEST = openapi.body(
    {
        "application/json": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "badge": {"type": ["string", "object"]},
                "holder_code": openapi.TEXT,
                "mail_code": openapi.TEXT,
                "exchange": openapi.TEXT,
                "response_code": openapi.TEXT,
                "presentation": {"type": ["string", "object"]},
                "name_against_id": {"type": "boolean"},
                "mail_against_order": {"type": "boolean"},
            },
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


_MAIL_ANSWERS = openapi.answers(
    {
        202: "The code is on its way.",
        404: "There is no such event here.",
        409: "This holder's discount was given before.",
        422: "Refused: not this badge's address, too many codes, or the badge gives no discount here.",
        503: "It could not be told; nothing was mailed.",
    }
)
_MAIL_REQUEST = openapi.body(
    {
        "application/json": {
            "type": "object",
            "required": ["badge", "address"],
            "additionalProperties": False,
            "properties": {"badge": {"type": ["string", "object"]}, "address": openapi.TEXT},
        }
    }
)


@dataclass(frozen=True)
class SignedRequest:
    """A request that wants to be an enrolled desk's: the header `Desk-Signature` and what it has to be signed for.

    `event`: whose it must be, or None for whatever the desk's is; `key`: its Idempotency-Key, if it has one.
    """

    signature: str
    method: str
    path: str
    body: bytes
    event: str | None = None
    key: str = ""


@dataclass(frozen=True)
class AtDesk:
    """How desks redeem here. `admit` gives a desk's id, or raises; `only`: nobody else redeems here, and vouchers
    are given later, by the office.
    """

    admit: Callable[[SignedRequest], str]
    only: bool = False


class BadRequestError(Exception):
    """The request to redeem is not what the API expects; one sentence."""


async def signed_request(request: Request, *, event: str | None = None) -> SignedRequest:
    """What a desk signs of a request."""
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    path, query = raw_path.partition(b"?")[0].decode("ascii", errors="replace"), request.url.query
    return SignedRequest(
        request.headers.get("desk-signature", ""),
        request.method,
        f"{path}?{query}" if query else path,
        await request.body(),
        event,
        request.headers.get("idempotency-key", ""),
    )


def router(registration: Registration, *, at_desk: AtDesk | None = None) -> APIRouter:
    """The routes of the API of this room."""
    routes = APIRouter()

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
        signed = await signed_request(request, event=policy.event)
        desk = None
        if at_desk is not None and (signed.signature or at_desk.only or _is_of_desk(signed.body)):
            desk = await run_in_threadpool(at_desk.admit, signed)
            request_id = f"{desk}/{request_id}"  # a key is a desk's own
        try:
            asked = _parsed(signed.body, desk=desk)
            answer = await run_in_threadpool(asked.by, registration, policy=policy, request_id=request_id)
        except (BadRequestError, ReadingError) as error:
            return problem(400, "Bad request", str(error))
        if at_desk is not None and at_desk.only:
            answer = replace(answer, voucher=None)
        return _json(answer)

    @routes.post(
        "/events/{event}/exchanges",
        summary="Begin to ask a wallet for a badge that this event accepts.",
        responses=_EXCHANGE_ANSWERS,
        status_code=201,
    )
    def begin_exchange(event: str) -> Response:
        begun = registration.ask_wallet(registration.event(event))
        body = {
            "exchange": begun.handle,
            "wallet_link": begun.link,
            "request_uri": begun.request_uri,
            "client_id": begun.client_id,
            "nonce": begun.nonce,
            "number": begun.number,
            "expires_at": timestamps.show(begun.expires_at),
        }
        return JSONResponse(body, 201, headers={"Cache-Control": "no-store"})

    @routes.get(
        "/events/{event}/exchanges",
        summary="How far an exchange is; its handle as bearer token.",
        responses=_EXCHANGE_ANSWERS,
        openapi_extra={"parameters": [{"name": "Authorization", "in": "header", "schema": openapi.TEXT}]},
    )
    def exchange_progress(event: str, request: Request) -> Response:
        registration.event(event)
        scheme, _, handle = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not handle.strip():
            response = problem(401, "Unauthorized", "Authorization: Bearer and a handle was expected.")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        progress = registration.wallets.progress(handle.strip())
        body = {
            "stage": progress.stage,
            "number": progress.number,
            "problem": progress.problem,
            "expires_at": timestamps.show(progress.expires_at),
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    @routes.post(
        "/events/{event}/mail-codes",
        summary="Mail a code to the address whose hash a badge carries.",
        responses=_MAIL_ANSWERS,
        openapi_extra=_MAIL_REQUEST,
        status_code=202,
    )
    async def mail_code(event: str, request: Request) -> Response:
        policy = registration.event(event)
        try:
            fields = _members(await request.body(), known=("badge", "address"))
            badge = badge_reading.read(_badge_text(fields).encode())
            address = _text(fields, "address")
            if address is None:
                raise BadRequestError("The member address is missing: the address for the code was expected.")
            offer = await run_in_threadpool(
                registration.mail_code, badge, policy=policy, address=address, language=ENGLISH
            )
        except (BadRequestError, ReadingError) as error:
            return problem(400, "Bad request", str(error))
        except MailboxError as error:
            return problem(422, "Refused", str(error))
        if offer.reason is not Reason.GRANTED:
            return _json(Redemption(policy.event, offer.reason, report=offer.report))
        return JSONResponse({"mailed": True}, 202, headers={"Cache-Control": "no-store"})

    return routes


@dataclass(frozen=True)
class _Badge:
    """A badge with its proof of holding."""

    data: bytes
    proof: Proof

    def by(self, registration: Registration, *, policy: EventPolicy, request_id: str) -> Redemption:
        return registration.redeem(self.data, policy=policy, proof=self.proof, request_id=request_id)


@dataclass(frozen=True)
class _Shown:
    """What a wallet showed in an exchange, or the presentation itself."""

    exchange: str
    response_code: str | None
    presentation: JsonValue

    def by(self, registration: Registration, *, policy: EventPolicy, request_id: str) -> Redemption:
        return registration.redeem_shown(
            self.exchange,
            policy=policy,
            request_id=request_id,
            response_code=self.response_code,
            presentation=self.presentation,
        )


def _is_of_desk(body: bytes) -> bool:
    """Whether a request says what only a desk can say; then it must be one."""
    try:
        fields = strict_json.loads_object(body, max_bytes=MAX_REQUEST_BYTES)
    except StrictJsonError:
        return False
    return any(name in fields for name in AT_A_DESK)


def _parsed(body: bytes, *, desk: str | None = None) -> _Badge | _Shown:
    """The badge (any text form, or an enveloped credential as an object) and the proof in a request, or the
    exchange with a wallet.
    """
    fields = _members(body, known=_MEMBERS)
    compared = next((name for name in AT_A_DESK if name in fields), None)
    if desk is not None or compared is not None:
        matches = fields.get(compared or "")
        if compared is None or fields.keys() != {"badge", compared} or not isinstance(matches, bool):
            listed = " or ".join(AT_A_DESK)
            raise BadRequestError(f"A desk gives the members badge and {listed}, and no others.")
        if desk is None:
            raise BadRequestError(f"The member {compared} is an enrolled desk's: there are none here.")
        return _Badge(_badge_text(fields).encode(), AT_A_DESK[compared](matches))
    texts = {name: _text(fields, name) for name in ("holder_code", "mail_code", "exchange", "response_code")}
    exchange, presentation = texts["exchange"], fields.get("presentation")
    if exchange is not None:
        if "badge" in fields or texts["holder_code"] is not None or texts["mail_code"] is not None:
            raise BadRequestError("The member exchange stands for badge and proof: give it without them.")
        if presentation is not None and not isinstance(presentation, str | dict):
            raise BadRequestError("The member presentation must be an object, or a compact JWT as a text.")
        if (presentation is None) == (texts["response_code"] is None) and presentation is not None:
            raise BadRequestError("The members response_code and presentation exclude each other.")
        return _Shown(exchange, texts["response_code"], presentation)
    if presentation is not None or texts["response_code"] is not None:
        raise BadRequestError("The member exchange is missing: POST /events/…/exchanges begins one.")
    return _Badge(_badge_text(fields).encode(), _proof(texts["holder_code"], texts["mail_code"]))


def _proof(holder_code: str | None, mail_code: str | None) -> Proof:
    if holder_code is not None and mail_code is not None:
        raise BadRequestError("The members holder_code and mail_code exclude each other: one proof is enough.")
    if mail_code is not None:
        return MailboxCode(mail_code)
    return NoProof() if holder_code is None else HolderCode(holder_code)


def _members(body: bytes, *, known: tuple[str, ...]) -> JsonObject:
    if len(body) > MAX_REQUEST_BYTES:
        raise BadRequestError("The request is larger than 1 MiB.")
    try:
        fields = strict_json.loads_object(body, max_bytes=MAX_REQUEST_BYTES)
    except StrictJsonError as error:
        raise BadRequestError(str(error)) from error
    unknown = sorted(fields.keys() - set(known))
    if unknown:
        raise BadRequestError(f"The member {unknown[0][:40]!a} is not known; known are {', '.join(known)}.")
    return fields


def _badge_text(fields: JsonObject) -> str:
    badge = fields.get("badge")
    if isinstance(badge, dict):
        badge = strict_json.dumps(badge)
    if not isinstance(badge, str) or not badge:
        raise BadRequestError("The member badge is missing: a badge's text was expected.")
    return badge


def _text(fields: JsonObject, name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequestError(f"The member {name} must be a text.")
    return value


def _json(answer: Redemption) -> Response:
    body, status = answer.to_json(), STATUSES[answer.result]
    if answer.result == "granted":
        if answer.reason is Reason.NOTHING_TO_REDEEM:
            status = 200  # accepted, and nothing was made
        return JSONResponse(body, status, headers={"Cache-Control": "no-store"})
    response = problem(status, _TITLES[status], answer.sentence, members=body)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
