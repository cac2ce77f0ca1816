"""What wallets ask over HTTP (OpenID4VCI 1.0), and the page that a phone's camera opens.

All answers but the page's are JSON and kept by nobody; wallets that run in a browser may ask from any origin. A
request that is refused says why by the standard's code and in one sentence. What a request does is `service`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from issuer.badges.bureau import Bureau
from issuer.ground import language, pages
from issuer.ground.limits import Buckets, RateLimit, client_of
from issuer.wallets import metadata, service
from issuer.wallets.errors import Code, WalletError
from schemas import strict_json
from schemas.strict_json import JsonObject

MAX_BODY_BYTES: Final = 64 * 1024  # a proof with a key and a nonce has about a thousand
MAX_FIELDS: Final = 16
ASKING: Final = RateLimit(per_minute=60, burst=60)  # a wallet asks five times for one badge
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
CROSS_ORIGIN: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "3600",
}
KEPT_BY_NOBODY: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Answer = Callable[[str, JsonObject], JsonObject]


def router(bureau: Callable[[], Bureau], *, clock: Callable[[], datetime]) -> APIRouter:
    """The routes below `/wallet`, and the two documents that wallets look for at well-known places."""
    routes = APIRouter(include_in_schema=False)
    buckets = Buckets(ASKING)

    @routes.get("/.well-known/openid-credential-issuer")
    def issuer_metadata(request: Request) -> Response:
        return _shown(request, metadata.of_issuer(bureau()))

    @routes.get("/.well-known/oauth-authorization-server")
    def server_metadata(request: Request) -> Response:
        return _shown(request, metadata.of_authorization_server(bureau()))

    @routes.get("/wallet/o/{handle}")
    def offer(request: Request, handle: str) -> Response:
        found = service.offer_document(bureau(), handle, now=clock(), say=language.voice(request))
        if found is None:
            return _refused(WalletError("invalid_request", "This offer was taken already, or has ended."), 404)
        return _answered(found)

    @routes.get("/wallet")
    def claim_page(request: Request, credential_offer_uri: str = "") -> Response:
        """What a camera opens. It says how to go on, and is no secret: the code stands on the private page."""
        office = bureau()
        prefix = metadata.offers(office)
        handle = credential_offer_uri.removeprefix(prefix)
        mine = credential_offer_uri.startswith(prefix) and "/" not in handle
        if not mine or service.offer_document(office, handle, now=clock(), say=language.IN_ENGLISH) is None:
            return pages.page_for(request, "offer_ended.html", status=404, private=True, community=office.name)
        link = metadata.wallet_link(credential_offer_uri)
        return pages.page_for(request, "offer.html", private=True, community=office.name, wallet_link=link)

    @routes.post("/wallet/token")
    async def token(request: Request) -> Response:
        async def asked() -> JsonObject:
            form = _fields(await _body(request, FORM, refused="invalid_request"))
            made = await run_in_threadpool(service.take, bureau(), form, now=clock())
            return {"access_token": made.access_token, "token_type": "Bearer", "expires_in": made.lasts}

        return await answer(request, asked)

    @routes.post("/wallet/nonce")
    async def nonce(request: Request) -> Response:
        async def asked() -> JsonObject:
            return {"c_nonce": await run_in_threadpool(service.nonce, bureau(), now=clock())}

        return await answer(request, asked)

    @routes.post("/wallet/credential")
    async def credential(request: Request) -> Response:
        return await answered(request, lambda *one: service.credential(bureau(), *one, now=clock()))

    @routes.post("/wallet/deferred")
    async def deferred(request: Request) -> Response:
        return await answered(request, lambda *one: service.deferred(bureau(), *one, now=clock()))

    @routes.post("/wallet/notification")
    async def notification(request: Request) -> Response:
        def note(token: str, body: JsonObject) -> JsonObject:
            service.note(bureau(), token, body, now=clock())
            return {}

        return await answered(request, note, refused="invalid_notification_request")

    @routes.options("/wallet/{path:path}")
    @routes.options("/.well-known/openid-credential-issuer")
    @routes.options("/.well-known/oauth-authorization-server")
    def preflight() -> Response:
        return Response(status_code=204, headers=CROSS_ORIGIN)

    async def answered(request: Request, act: Answer, *, refused: Code = "invalid_credential_request") -> Response:
        async def asked() -> JsonObject:
            token = _bearer(request)
            body = await _body(request, JSON, refused=refused)
            try:
                read = strict_json.loads_object(body, max_bytes=MAX_BODY_BYTES)
            except strict_json.StrictJsonError as error:
                raise WalletError(refused, f"The body cannot be read: {error}") from error
            return await run_in_threadpool(act, token, read)

        return await answer(request, asked)

    async def answer(request: Request, asked: Callable[[], Any]) -> Response:
        client = client_of(request.scope)
        wait = 0.0 if client is None else buckets.take(client)
        try:
            if wait:
                raise WalletError("slow_down", f"Too many requests: ask again in {int(wait) + 1} seconds.")
            return _answered(await asked())
        except WalletError as error:
            response = _refused(error)
            if wait:
                response.headers["Retry-After"] = str(int(wait) + 1)
            return response

    return routes


def _shown(request: Request, document: JsonObject) -> Response:
    headers = {**CROSS_ORIGIN, "X-Content-Type-Options": "nosniff"}
    made = Response(strict_json.dumps(document), media_type=JSON, headers=headers)
    return pages.for_anybody(request, made, kept="public, max-age=300")


def _answered(document: JsonObject) -> Response:
    headers = {**CROSS_ORIGIN, **KEPT_BY_NOBODY}
    if not document:
        return Response(status_code=204, headers=headers)
    status = 202 if "transaction_id" in document else 200
    return Response(strict_json.dumps(document), status, media_type=JSON, headers=headers)


def _refused(error: WalletError, status: int | None = None) -> Response:
    body = strict_json.dumps({"error": error.code, "error_description": _ascii(str(error))})
    headers = {**CROSS_ORIGIN, **KEPT_BY_NOBODY}
    if error.code == "invalid_token":
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return Response(body, status or error.status, media_type=JSON, headers=headers)


def _ascii(sentence: str) -> str:
    """RFC 6749 §5.2: printable ASCII without quotation marks and backslashes."""
    return "".join(one if " " <= one <= "~" and one not in '"\\' else "'" for one in sentence)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise WalletError("invalid_token", "An access token was expected: Authorization: Bearer …")
    return token.strip()


async def _body(request: Request, media_type: str, *, refused: Code) -> bytes:
    """The body, read no further than the limit whatever its length is said to be."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise WalletError(refused, f"The Content-Type must be {media_type}.")
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MAX_BODY_BYTES:
            raise WalletError(refused, f"At most {MAX_BODY_BYTES} bytes are read.")
    return bytes(read)


def _fields(body: bytes) -> dict[str, str]:
    """The parameters of a token request, each once (RFC 6749 §3.2)."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise WalletError("invalid_request", "The body is no form of at most 16 fields in UTF-8.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise WalletError("invalid_request", "A parameter is given twice.")
    return fields
