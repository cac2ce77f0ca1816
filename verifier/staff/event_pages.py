"""The pages of one event for its team and finance: how it stands, one grant, cases, money, desks, audit log.

What is shown comes from the services of the rooms below; which role opens which page is said once, at its route.
A voucher's code is as good as money, so it travels in forms and never in an address.
"""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from verifier.desk import pictures
from verifier.desk.errors import EnrolmentError
from verifier.desk.service import Actor, Desk
from verifier.desk.venue import told
from verifier.desk.venue.service import Venue
from verifier.ground import audit
from verifier.ground.audit import AuditError
from verifier.ground.database import writing
from verifier.ground.settings import Settings, checked_public_url
from verifier.registration.aftercare import NotReleasableError, UnknownGrantError, cases, finance
from verifier.registration.aftercare.releasing import Outcome, Releasing
from verifier.registration.outbox import Outbox
from verifier.registration.overview import overview
from verifier.registration.service import Registration
from verifier.registration.shops import ShopError
from verifier.registration.shops import service as shops
from verifier.registration.shops.service import Comparison
from verifier.staff.door import Door, Visitor
from verifier.staff.errors import NotAllowedError
from verifier.staff.frame import ROWS_SHOWN, StaffPages
from verifier.staff.rights import Right

Act = Callable[..., Outcome]  # of `Releasing`: release or reissue


def router(
    registration: Registration,
    settings: Settings,
    *,
    releasing: Releasing,
    desk: Desk,
    venue: Venue,
    door: Door,
    clock: Callable[[], datetime],
) -> APIRouter:
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

    @routes.post("/staff/events/{event}/shop-push")
    async def push(event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.PUSH_SHOP))]) -> Response:
        return await run_in_threadpool(_pushed, event, visitor)

    @routes.post("/staff/events/{event}/grants")
    async def find(event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.FIND_GRANT))]) -> Response:
        return await run_in_threadpool(_grant, event, visitor, visitor.fields.get("voucher", ""))

    @routes.post("/staff/events/{event}/grants/{grant}/released")
    async def release(
        event: str, grant: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.RELEASE))]
    ) -> Response:
        return await run_in_threadpool(_acted, releasing.release, event, grant, visitor)

    @routes.post("/staff/events/{event}/grants/{grant}/reissued")
    async def reissue(
        event: str, grant: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.RELEASE))]
    ) -> Response:
        return await run_in_threadpool(_acted, releasing.reissue, event, grant, visitor)

    @routes.get("/staff/events/{event}/cases")
    def list_cases(event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.SEE_CASES))]) -> Response:
        return pages.answer(
            "cases.html",
            visitor,
            policy=registration.event(event),
            cases=cases.listed(event, engine=registration.engine, closed=True),
            may_close=visitor.may(Right.CLOSE_CASE),
        )

    @routes.post("/staff/events/{event}/cases/{number}/closed")
    async def close_case(
        event: str, number: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.CLOSE_CASE))]
    ) -> Response:
        by = _actor(visitor)
        await run_in_threadpool(
            cases.close,
            registration.event(event).event,
            _number(number),
            actor=by.actor,
            role=by.role,
            why=by.reason,
            engine=registration.engine,
            clock=clock,
        )
        return RedirectResponse(f"/staff/events/{event}/cases", 303)

    @routes.post("/staff/events/{event}/finance")
    async def money(event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.SEE_MONEY))]) -> Response:
        return await run_in_threadpool(_money, event, visitor, as_file=False)

    @routes.post("/staff/events/{event}/finance.csv")
    async def money_as_file(
        event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.SEE_MONEY))]
    ) -> Response:
        return await run_in_threadpool(_money, event, visitor, as_file=True)

    @routes.post("/staff/events/{event}/sample")
    async def sample(event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.SEE_MONEY))]) -> Response:
        return await run_in_threadpool(_sample, event, visitor)

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
        await run_in_threadpool(desk.take_back, event, _number(number), by=_actor(visitor))
        return RedirectResponse(f"/staff/events/{event}/desks", 303)

    @routes.post("/staff/events/{event}/devices")
    async def enrol_device(
        event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.CHANGE_DESKS))]
    ) -> Response:
        return await run_in_threadpool(_enrolment, event, visitor)

    @routes.post("/staff/events/{event}/devices/{device}/revoked")
    async def revoke_device(
        event: str, device: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.CHANGE_DESKS))]
    ) -> Response:
        await run_in_threadpool(venue.devices.revoke, event, device, by=_actor(visitor))
        return RedirectResponse(f"/staff/events/{event}/desks", 303)

    @routes.get("/staff/events/{event}/audit")
    def audit_log(event: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.READ_AUDIT))]) -> Response:
        policy = registration.event(event)
        rows = audit.entries(registration.engine, event=event, last=ROWS_SHOWN)
        chain = audit.check(registration.engine)
        return pages.answer("audit.html", visitor, policy=policy, rows=rows[::-1], chain=chain, most=ROWS_SHOWN)

    def _event(
        event: str,
        visitor: Visitor,
        comparison: Comparison | None = None,
        *,
        problem: str = "",
        pushed: tuple[str, ...] = (),
        was_pushed: bool = False,
    ) -> Response:
        policy = registration.event(event)
        return pages.answer(
            "event.html",
            visitor,
            policy=policy,
            stands=overview(policy, engine=registration.engine),
            comparison=comparison,
            problem=problem,
            pushed=pushed,
            was_pushed=was_pushed,
            may={right.value: visitor.may(right) for right in Right},
        )

    def _compared(event: str, visitor: Visitor) -> Response:
        try:
            found = shops.check(registration.event(event), settings=settings, engine=registration.engine)
        except ShopError as error:
            return _event(event, visitor, problem=str(error))
        return _event(event, visitor, found)

    def _pushed(event: str, visitor: Visitor) -> Response:
        """Vouchers and withdrawals that the shop does not have yet, tried now, the refused ones too."""
        policy = registration.event(event)
        # First what is to leave the shop: a code that takes another one's place is due only then.
        withdrawn = releasing.push(policy.event)
        delivery = Outbox(settings, engine=registration.engine, clock=clock).push(policy.event)
        return _event(event, visitor, pushed=(*delivery.problems, *withdrawn.problems), was_pushed=True)

    def _grant(event: str, visitor: Visitor, reference: str, problem: str = "") -> Response:
        policy = registration.event(event)
        try:
            grant = releasing.find(event, "".join(reference.split()))
        except UnknownGrantError:
            grant = None
        return pages.answer(
            "grant.html",
            visitor,
            status=404 if grant is None else 400 if problem else 200,
            policy=policy,
            grant=grant,
            problem=problem,
            may_release=visitor.may(Right.RELEASE),
        )

    def _acted(act: Act, event: str, grant: str, visitor: Visitor) -> Response:
        policy, by = registration.event(event), _actor(visitor)
        by_hand = visitor.fields.get("withdrawn_in_shop") == "yes"
        try:
            outcome = act(event, grant, actor=by.actor, role=by.role, why=by.reason, withdrawn_in_shop=by_hand)
        except (NotReleasableError, AuditError) as error:
            return _grant(event, visitor, grant, str(error).replace(" (--withdrawn-in-shop)", ""))
        return pages.answer("released.html", visitor, policy=policy, outcome=outcome)

    def _money(event: str, visitor: Visitor, *, as_file: bool) -> Response:
        """The report, or a file of it; that it was looked at is written down, since it tells what was paid."""
        policy, by = registration.event(event), _actor(visitor)
        try:
            report = finance.report(policy, settings=settings, engine=registration.engine, clock=clock)
        except ShopError as error:
            return _event(event, visitor, problem=str(error))
        with writing(registration.engine) as connection:
            audit.write(
                connection,
                actor=by.actor,
                role=by.role,
                act="finance.report",
                event=event,
                reason="downloaded" if as_file else "looked at",
                now=clock(),
            )
        if not as_file:
            return pages.answer("finance.html", visitor, policy=policy, report=report)
        headers = {
            "Content-Disposition": f'attachment; filename="{policy.event}-finance.csv"',
            "Cache-Control": "no-store",
        }
        return Response(report.to_csv(), headers=headers, media_type="text/csv; charset=utf-8")

    def _sample(event: str, visitor: Visitor) -> Response:
        policy, by = registration.event(event), _actor(visitor)
        drawn = finance.sample(
            policy.event,
            count=_number(visitor.fields.get("count", "")),
            seed=visitor.fields.get("seed", "").strip(),
            actor=by.actor,
            role=by.role,
            why=by.reason,
            engine=registration.engine,
            clock=clock,
        )
        return pages.answer("sample.html", visitor, policy=policy, drawn=drawn)

    def _enrolment(event: str, visitor: Visitor) -> Response:
        """The code that makes one device a desk, shown once. Only a lead makes a lead's."""
        fields = visitor.fields
        as_lead = fields.get("lead") == "yes"
        if as_lead and not visitor.may(Right.RELEASE):
            raise NotAllowedError("Only a lead makes a lead's device.")
        if settings.public_url is None and not fields.get("url"):
            raise EnrolmentError("The device must know whom to ask: give the hub's address.")
        secret = venue.devices.make_enrolment(
            event,
            name=fields.get("name", "").strip(),
            rights=("scan", "lead") if as_lead else ("scan",),
            by=_actor(visitor),
        )
        base = checked_public_url(fields.get("url", "").strip() or settings.public_url or "")
        return _desks(event, visitor, code=venue.enrolment_address(event, secret, base=base))

    def _desks(event: str, visitor: Visitor, made: str = "", *, code: str = "") -> Response:
        return pages.answer(
            "desks.html",
            visitor,
            policy=registration.event(event),
            links=desk.links(event),
            made=made,
            code=code,
            picture=_as_image(pictures.draw(code)) if code else "",
            devices=venue.devices.listed(event),
            report=tuple(told.lines(venue.logbook.report(event))),
            may_lead=visitor.may(Right.RELEASE),
            may_change=visitor.may(Right.CHANGE_DESKS),
        )

    return routes


def _as_image(svg: str) -> str:
    """A drawing as the address of an image, which a page may show that runs nothing."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _number(text: str) -> int:
    """The number of a case or a link in an address; one that nothing has where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _actor(visitor: Visitor) -> Actor:
    return Actor(visitor.session.member.id, visitor.role or "", visitor.fields.get("reason", ""))
