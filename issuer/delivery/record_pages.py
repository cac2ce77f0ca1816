"""What a person does with their whole record: find the badge, take everything along, hide it, leave."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from issuer.badges.bureau import Bureau
from issuer.delivery import record, service
from issuer.ground import pages
from issuer.ground.login.door import Door, Visitor
from issuer.ground.login.service import Login
from issuer.people.frame import Frame
from issuer.people.model import PeopleError
from schemas.policy import QualificationPolicy


def router(
    bureau: Callable[[], Bureau],
    login: Login,
    *,
    door: Door,
    frame: Frame,
    policy: Callable[[], QualificationPolicy],
) -> APIRouter:
    """The routes below `/me` that concern more than who somebody is."""
    routes = APIRouter(prefix="/me", include_in_schema=False)
    SignedIn = Annotated[Visitor, Depends(door.signed_in())]  # noqa: N806 - a type

    @routes.get("/badge")
    def badge(visitor: SignedIn) -> Response:
        """The private page that the mailed link opens, too."""
        return frame.back_to(f"/h/{service.come_in(bureau(), visitor.session.person, now=login.clock())}")

    @routes.get("/record.json")
    def export(visitor: SignedIn) -> Response:
        whole = record.export(bureau(), policy(), visitor.session.person, now=login.clock())
        headers = {
            **pages.SECURITY_HEADERS,
            **pages.PRIVATE_HEADERS,
            "Content-Disposition": 'attachment; filename="my-record.json"',
        }
        return JSONResponse(whole, headers=headers)

    @routes.get("/leave")
    def ask(request: Request, visitor: SignedIn) -> Response:
        return frame.answer(request, "leave.html", visitor, word=record.LEAVE)

    @routes.post("/hidden")
    async def hide(visitor: SignedIn) -> Response:
        await run_in_threadpool(record.hide, bureau(), visitor.session.person, now=login.clock())
        return frame.back_to("/me?done=hidden")

    @routes.post("/leave")
    async def leave(request: Request, visitor: SignedIn) -> Response:
        if visitor.fields.get("word", "").strip().lower() != record.LEAVE:
            raise PeopleError("Type the word leave, so that nobody leaves by a slip.")
        await run_in_threadpool(
            record.leave,
            bureau(),
            visitor.session.person,
            withdraw=visitor.fields.get("withdraw") == "yes",
            now=login.clock(),
        )
        response = frame.answer(request, "left.html")
        door.drop_cookie(response, "session")
        return response

    return routes
