"""The pages of one event for its team and finance: how it stands, one grant, its desks, its audit log.

What is shown comes from the services of the rooms below; which role opens which page is said once, at its route.
A voucher's code is as good as money, so it travels in forms and never in an address.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from verifier.desk.errors import UnknownDeskError
from verifier.desk.service import Actor, Desk
from verifier.ground import audit
from verifier.ground.settings import Settings
from verifier.registration.overview import find_grant, overview
from verifier.registration.service import Registration
from verifier.registration.shops import ShopError
from verifier.registration.shops import service as shops
from verifier.registration.shops.service import Comparison
from verifier.staff.door import Door, Visitor
from verifier.staff.frame import StaffPages
from verifier.staff.rights import Right

ROWS_SHOWN = 200


def router(registration: Registration, settings: Settings, *, desk: Desk, door: Door) -> APIRouter:
    """The routes of an event's staff pages."""
    routes = APIRouter(include_in_schema=False)
    pages = StaffPages()

    @routes.get("/staff/events/{event}")
    def event_page(event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.SEE_EVENT))]) -> Response:
        return _event(event, visitor)

    @routes.post("/staff/events/{event}/shop-check")
    async def compare(
        event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.COMPARE_SHOP))]
    ) -> Response:
        return await run_in_threadpool(_compared, event, visitor)

    @routes.post("/staff/events/{event}/grants")
    async def find(event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.FIND_GRANT))]) -> Response:
        return await run_in_threadpool(_grant, event, visitor)

    @routes.get("/staff/events/{event}/desks")
    def desks(event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.SEE_DESKS))]) -> Response:
        return _desks(event, visitor)

    @routes.post("/staff/events/{event}/desks")
    async def open_desk(
        event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.CHANGE_DESKS))]
    ) -> Response:
        path = await run_in_threadpool(
            desk.make_link, event, name=visitor.fields.get("name", "").strip(), by=_actor(visitor)
        )
        return await run_in_threadpool(_desks, event, visitor, f"{settings.public_url or ''}{path}")

    @routes.post("/staff/events/{event}/desks/{number}/taken-back")
    async def take_back(
        event: str, number: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.CHANGE_DESKS))]
    ) -> Response:
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise UnknownDeskError("There is no such desk link.")
        await run_in_threadpool(desk.take_back, event, int(number), by=_actor(visitor))
        return RedirectResponse(f"/staff/events/{event}/desks", 303)

    @routes.get("/staff/events/{event}/audit")
    def audit_log(event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.READ_AUDIT))]) -> Response:
        policy = registration.event(event)
        rows = audit.entries(registration.engine, event=event, last=ROWS_SHOWN)
        chain = audit.check(registration.engine)
        return pages.answer("audit.html", visitor, policy=policy, rows=rows[::-1], chain=chain)

    def _event(event: str, visitor: Visitor, comparison: Comparison | None = None, problem: str = "") -> Response:
        policy = registration.event(event)
        return pages.answer(
            "event.html",
            visitor,
            policy=policy,
            stands=overview(policy, engine=registration.engine),
            comparison=comparison,
            problem=problem,
            may={right.value: visitor.may(right) for right in Right},
        )

    def _compared(event: str, visitor: Visitor) -> Response:
        try:
            found = shops.check(registration.event(event), settings=settings, engine=registration.engine)
        except ShopError as error:
            return _event(event, visitor, problem=str(error))
        return _event(event, visitor, found)

    def _grant(event: str, visitor: Visitor) -> Response:
        policy = registration.event(event)
        grant = find_grant(visitor.fields.get("voucher", ""), event=event, engine=registration.engine)
        return pages.answer("grant.html", visitor, status=200 if grant else 404, policy=policy, grant=grant)

    def _desks(event: str, visitor: Visitor, made: str = "") -> Response:
        return pages.answer(
            "desks.html",
            visitor,
            policy=registration.event(event),
            links=desk.links(event),
            made=made,
            may_change=visitor.may(Right.CHANGE_DESKS),
        )

    return routes


def _actor(visitor: Visitor) -> Actor:
    return Actor(visitor.session.member.id, visitor.role or "", visitor.fields.get("reason", ""))
