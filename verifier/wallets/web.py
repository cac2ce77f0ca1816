"""What wallets ask and answer (OpenID4VP 1.0 §5, §8.2), and the DID document by which they know this office.

Pages for people are in `verifier.registration.web`.
"""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from verifier.ground import openapi
from verifier.ground.uploads import read_upload
from verifier.wallets.errors import AnswerRefusedError, UnknownExchangeError, WalletsUnavailableError
from verifier.wallets.service import Wallets

REQUEST_MEDIA_TYPE = "application/oauth-authz-req+jwt"
DID_MEDIA_TYPE = "application/did+json"
_NO_STORE = {"Cache-Control": "no-store"}
_TOLD = {200: "Here it is.", 400: "It was refused.", 404: "There is no such request."}
_ANSWERS = openapi.answers(_TOLD)
_REQUESTS = openapi.answers(_TOLD, kinds=(REQUEST_MEDIA_TYPE,))
_DOCUMENTS = openapi.answers({200: "Here it is.", 404: "This office asks no wallets."}, kinds=(DID_MEDIA_TYPE,))
_FORM = {"application/x-www-form-urlencoded": {"type": "object"}}


def router(wallets: Wallets) -> APIRouter:
    """The routes of this room."""
    routes = APIRouter()

    # The second address is the one of a did:web with a path, behind a proxy that takes the path off.
    @routes.get("/did.json", include_in_schema=False)
    @routes.get("/.well-known/did.json", summary="Who this office is to wallets.", responses=_DOCUMENTS)
    def document() -> Response:
        try:
            made = wallets.client.document()
        except WalletsUnavailableError as error:
            return _refused(404, str(error))
        headers = {"Cache-Control": "public, max-age=300"}
        return JSONResponse(made, headers=headers, media_type=DID_MEDIA_TYPE)

    @routes.get("/wallet/requests/{handle}", summary="The signed request for a wallet.", responses=_REQUESTS)
    def request_object(handle: str) -> Response:
        return _request(handle, wallet_nonce=None)

    @routes.post(
        "/wallet/requests/{handle}",
        summary="The same, with the wallet's nonce in it.",
        responses=_REQUESTS,
        openapi_extra=openapi.body(_FORM, required=False),
    )
    async def request_object_with_nonce(handle: str, request: Request) -> Response:
        fields = (await read_upload(request)).fields
        return await run_in_threadpool(_request, handle, wallet_nonce=fields.get("wallet_nonce"))

    @routes.post(
        "/wallet/answers/{handle}",
        summary="A wallet's answer (direct_post).",
        responses=_ANSWERS,
        openapi_extra=openapi.body(_FORM),
    )
    async def answer(handle: str, request: Request) -> Response:
        fields = (await read_upload(request)).fields
        try:
            redirect_uri = await run_in_threadpool(wallets.receive, handle, fields)
        except UnknownExchangeError as error:
            return _refused(404, str(error))
        except AnswerRefusedError as error:
            return _refused(400, str(error))
        return JSONResponse({"redirect_uri": redirect_uri}, headers=_NO_STORE)

    def _request(handle: str, *, wallet_nonce: str | None) -> Response:
        try:
            token = wallets.request_object(handle, wallet_nonce=wallet_nonce)
        except UnknownExchangeError as error:
            return _refused(404, str(error))
        except AnswerRefusedError as error:
            return _refused(400, str(error))
        except WalletsUnavailableError as error:
            return _refused(503, str(error))
        return Response(token, headers=_NO_STORE, media_type=REQUEST_MEDIA_TYPE)

    return routes


def _refused(status: int, sentence: str) -> Response:
    """An OAuth error (RFC 6749 §5.2), which is what a wallet reads, with the members of problem details beside."""
    error = "server_error" if status >= 500 else "invalid_request"
    body = {
        "error": error,
        "error_description": sentence,
        "type": "about:blank",
        "title": "Refused",
        "status": status,
        "detail": sentence,
    }
    return JSONResponse(body, status, headers=_NO_STORE, media_type="application/problem+json")
