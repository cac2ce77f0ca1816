"""`POST /verify/receipts`: verify, and keep a receipt; `GET /verify/receipts/{number}`: read it again.

The only way in which verifying leaves anything behind (`/verify` keeps nothing).
"""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from verifier.ground import openapi
from verifier.ground.pages import problem
from verifier.ground.uploads import read_upload
from verifier.receipts.errors import NoRoomError, UnknownReceiptError
from verifier.receipts.service import Receipts
from verifier.verification.errors import ReadingError
from verifier.verification.web import ANY_FORM, ANY_ORIGIN, NOT_KEPT, PARSING_ERROR, agrees_to_link

PATH = "/verify/receipts"


def router(receipts: Receipts) -> APIRouter:
    """The routes of this room."""
    routes = APIRouter()

    @routes.post(
        PATH,
        status_code=201,
        summary="Verify a badge in any form, and keep a receipt of the verdict without the badge.",
        responses=openapi.answers({201: "The receipt; `Location` says where it is read again."}),
        openapi_extra=ANY_FORM,
    )
    async def give(request: Request, follow_link: bool = False) -> Response:
        upload = await read_upload(request)
        agrees = agrees_to_link(upload, follow_link=follow_link)
        try:
            receipt = await run_in_threadpool(receipts.give, upload.data, follow_link=agrees)
        except ReadingError as error:
            return problem(400, "No badge to verify", str(error), kind=PARSING_ERROR)
        except NoRoomError as error:
            return problem(503, "No room", str(error))
        where = {"Location": f"{PATH}/{receipt.number}"}
        return JSONResponse(receipt.to_json(), status_code=201, headers=ANY_ORIGIN | NOT_KEPT | where)

    @routes.get(
        f"{PATH}/{{number}}",
        summary="A receipt that was given.",
        responses=openapi.answers({200: "The receipt."}),
    )
    def show(number: str) -> Response:
        try:
            receipt = receipts.receipt(number)
        except UnknownReceiptError as error:
            return problem(404, "Not found", str(error))
        return JSONResponse(receipt.to_json(), headers=ANY_ORIGIN | NOT_KEPT)

    return routes
