"""The desk's page, behind a link that is its key: photograph a code, one large answer, compare, redeem.

It works on any phone's browser without a script and keeps nothing there: the badge travels from page to page as
its own text, and is verified anew each time. What is said is `service`.
"""

import secrets
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from schemas.event_policy import EventPolicy
from verifier.desk.service import Desk, DeskAnswer
from verifier.ground import language
from verifier.ground.pages import Pages
from verifier.ground.uploads import read_upload
from verifier.verification.errors import ReadingError


def router(desk: Desk) -> APIRouter:
    """The routes of this room."""
    routes = APIRouter(include_in_schema=False)
    pages = Pages(Path(__file__).parent / "templates")

    @routes.get("/desk/{token}")
    def scan(token: str, request: Request) -> Response:
        response = _scan(token, desk.policy_of(token), request)
        language.keep_choice(request, response)
        return response

    @routes.post("/desk/{token}")
    async def look(token: str, request: Request) -> Response:
        policy = await run_in_threadpool(desk.policy_of, token)
        upload = await read_upload(request)
        try:
            answer = await run_in_threadpool(desk.look, upload.data, policy=policy)
        except ReadingError as error:
            return _scan(token, policy, request, problem=str(error), status=400)
        return _answer(token, policy, request, answer)

    @routes.post("/desk/{token}/redemptions")
    async def redeem(token: str, request: Request) -> Response:
        policy = await run_in_threadpool(desk.policy_of, token)
        upload = await read_upload(request)
        matches = upload.fields.get("matches") == "yes"
        request_id = upload.fields.get("request_id") or secrets.token_urlsafe(16)
        try:
            answer = await run_in_threadpool(
                desk.redeem, upload.data, policy=policy, matches=matches, request_id=request_id
            )
        except ReadingError as error:
            return _scan(token, policy, request, problem=str(error), status=400)
        return _answer(token, policy, request, answer)

    def _scan(
        token: str, policy: EventPolicy, request: Request, *, problem: str | None = None, status: int = 200
    ) -> Response:
        code = language.of(request)
        return pages.answer("scan.html", status=status, language=code, token=token, policy=policy, problem=problem)

    def _answer(token: str, policy: EventPolicy, request: Request, answer: DeskAnswer) -> Response:
        return pages.answer(
            "answer.html",
            language=language.of(request),
            token=token,
            policy=policy,
            answer=answer,
            badge=answer.report.badge.text if answer.report else "",
            request_id=secrets.token_urlsafe(16),
        )

    return routes
