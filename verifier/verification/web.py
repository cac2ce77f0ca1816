"""The verify page and the open API: `GET /verify`, `POST /verify`, and `/v`, to which the codes on paper lead.

One POST answers people with a page and programs with JSON. A badge that is not valid is an answer (200), not an
error; only what is no badge at all is a problem (4xx). Nothing that arrives is stored.
"""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from verifier.ground import language, openapi
from verifier.ground.pages import Pages, problem
from verifier.ground.uploads import Upload, read_upload, wants_html
from verifier.verification import batch, case_file
from verifier.verification.errors import ReadingError
from verifier.verification.service import Verification

PARSING_ERROR = "https://www.w3.org/TR/vc-data-model#PARSING_ERROR"
EXPOSED = "Location, Retry-After"  # what pages of other sites may read of an answer's headers
ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": EXPOSED,
    "Vary": "Accept, Accept-Language, Cookie",
}
NOT_KEPT = {"Cache-Control": "no-store"}
_NDJSON = "application/x-ndjson"
ANY_FORM = openapi.body(
    {
        "application/vc+jwt": openapi.TEXT,
        "application/json": openapi.OBJECT,
        "application/octet-stream": openapi.FILE,
        "multipart/form-data": {
            "type": "object",
            "properties": {"file": openapi.FILE, "text": openapi.TEXT},
        },
    }
)
_VERDICT = "The verdict, whatever it is."
HEADERS = ANY_ORIGIN | NOT_KEPT | {"Content-Type": "application/json"}  # of a verdict as JSON


class _WhileItArrives(StreamingResponse):
    """An answer that is written while the request is still being read."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await self.stream_response(send)  # the usual one waits for the client to leave, and so eats what it sends


def agrees_to_link(upload: Upload, *, follow_link: bool) -> bool:
    """Whether a caller agrees that the page behind a link is opened: in the address, or in the form."""
    return follow_link or upload.fields.get("follow_link") == "yes"


def router(verification: Verification) -> APIRouter:
    """The routes of this room."""
    routes = APIRouter()
    pages = Pages(Path(__file__).parent / "templates")

    @routes.get("/", include_in_schema=False)
    def home() -> Response:
        return RedirectResponse("/verify", status_code=307)

    @routes.get("/verify", summary="The page that verifies.", response_class=HTMLResponse)
    def ask(request: Request) -> Response:
        response = pages.answer("verify.html", language=language.of(request), problem=None)
        language.keep_choice(request, response)
        return response

    @routes.get("/v", include_in_schema=False)
    def scanned(request: Request) -> Response:
        return pages.answer("scanned.html", script=True, language=language.of(request))

    @routes.post(
        "/verify",
        summary="Verify a badge in any form: raw body, field `file`, or field `text`.",
        responses=openapi.answers({200: _VERDICT}, kinds=("application/json", "text/html")),
        openapi_extra=ANY_FORM,
    )
    async def verify(request: Request, follow_link: bool = False) -> Response:
        response = await _answer(request, follow_link=follow_link)
        response.headers.update(ANY_ORIGIN)
        return response

    @routes.post(
        "/verify/batch",
        summary="Verify many badges: NDJSON in, NDJSON out, line by line.",
        response_class=_WhileItArrives,
        responses=openapi.answers({200: "One answer for each line, in its order."}, kinds=(_NDJSON,)),
        openapi_extra=openapi.body({_NDJSON: openapi.TEXT, "text/plain": openapi.TEXT}, required=False),
    )
    async def batch_(request: Request, full: bool = False) -> Response:
        made = batch.answers(request.stream(), verify=verification.verify, full=full)
        return _WhileItArrives(made, media_type=_NDJSON, headers=ANY_ORIGIN | NOT_KEPT)

    @routes.post(
        "/verify/case",
        summary="The case file of a badge, from which its verdict can be recomputed.",
        responses=openapi.answers({200: "The case file."}),
        openapi_extra=ANY_FORM,
    )
    async def case(request: Request, follow_link: bool = False) -> Response:
        upload = await read_upload(request)
        agrees = agrees_to_link(upload, follow_link=follow_link)
        try:
            report = await run_in_threadpool(verification.verify, upload.data, follow_link=agrees)
        except ReadingError as error:
            return problem(400, "No badge to verify", str(error), kind=PARSING_ERROR)
        attached = {"Content-Disposition": 'attachment; filename="case.json"'}
        return JSONResponse(case_file.write(report), headers=ANY_ORIGIN | NOT_KEPT | attached)

    async def _answer(request: Request, *, follow_link: bool) -> Response:
        upload, html = await read_upload(request), wants_html(request)
        agrees = agrees_to_link(upload, follow_link=follow_link)
        try:
            report = await run_in_threadpool(verification.verify, upload.data, follow_link=agrees)
        except ReadingError as error:
            if html:
                return pages.answer("verify.html", status=400, language=language.of(request), problem=str(error))
            return problem(400, "No badge to verify", str(error), kind=PARSING_ERROR)
        if html:
            return pages.answer(
                "verdict.html", language=language.of(request), report=report, verdict=report.verdict
            )
        return Response(report.to_text(), headers=NOT_KEPT, media_type="application/json")

    return routes
