"""`/team/deliveries`: how the letters about badges stand, a new link for one holder, a private link made anew."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from issuer.badges import service as badges
from issuer.badges.bureau import Bureau
from issuer.badges.model import Badge, BadgeError
from issuer.delivery import claiming, service
from issuer.delivery.claiming import Reach
from issuer.ground import language
from issuer.ground.database import reading
from issuer.ground.login.door import Door, Visitor
from issuer.ground.login.rights import Right
from issuer.ground.login.service import Login
from issuer.notices import service as notices
from issuer.people.frame import Frame
from issuer.people.model import PeopleError

MOST = 100  # badges on the page; the rest is found by its id
LOOKS = {  # how a state is shown: look and mark, so that it is never colour alone
    "claimed": ("pass", "✓"),
    "sent": ("unknown", "→"),
    "waiting": ("unknown", "…"),
    "refused": ("fail", "✕"),
    "given up": ("fail", "✕"),
    "not written": ("unknown", "?"),
}
DONE = {
    "sent": "A new link is on its way. Links that were mailed before work no more.",
    "replaced": "The private link was taken back. The holder comes in by a new claim link, or by signing in.",
}


def router(bureau: Callable[[], Bureau], login: Login, *, door: Door, frame: Frame) -> APIRouter:
    """The routes below `/team/deliveries`."""
    routes = APIRouter(prefix="/team/deliveries", include_in_schema=False)
    Allowed = Annotated[Visitor, Depends(door.allowed(Right.DELIVER_BADGE))]  # noqa: N806 - a type

    @routes.get("")
    def page(request: Request, visitor: Allowed, badge: str = "", done: str = "") -> Response:
        office, say, problem = bureau(), language.voice(request), ""
        shown: list[Reach] = []
        try:
            shown = claiming.reach(office, [badges.find_badge(office.engine, badge)] if badge else waiting(office))
        except BadgeError as error:
            problem = str(error)
        return frame.answer(
            request,
            "team_deliveries.html",
            visitor,
            rows=[
                {
                    "badge": one.badge,
                    "title": service.badge_title(one.badge, say),
                    "delivery": one.delivery,
                    "hindrance": one.hindrance,
                    "state": one.delivery.state if one.delivery else "not written",
                    "look": LOOKS[one.delivery.state if one.delivery else "not written"],
                }
                for one in shown
            ],
            asked=badge,
            most=MOST,
            problem=problem,
            done=DONE.get(done, ""),
        )

    @routes.post("/sent")
    async def send(visitor: Allowed) -> Response:
        def act(office: Bureau, badge: Badge) -> None:
            claiming.resend(
                office,
                badge,
                by=visitor.session.person,
                role=str(visitor.role),
                reason=visitor.fields.get("reason", "").strip(),
                to=visitor.fields.get("to", ""),
                now=login.clock(),
            )

        return await decided(visitor, act, done="sent")

    @routes.post("/replaced")
    async def replace(visitor: Allowed) -> Response:
        def act(office: Bureau, badge: Badge) -> None:
            badges.replace_page(
                office,
                service.holder_of(office, badge).id,
                by=visitor.session.person,
                role=str(visitor.role),
                reason=visitor.fields.get("reason", "").strip(),
                now=login.clock(),
            )

        return await decided(visitor, act, done="replaced")

    async def decided(visitor: Visitor, act: Callable[[Bureau, Badge], None], *, done: str) -> Response:
        def work() -> str:
            office = bureau()
            badge = badges.find_badge(office.engine, visitor.fields.get("badge", ""))
            act(office, badge)
            return badge.short_id

        try:
            short_id = await run_in_threadpool(work)
        except BadgeError as error:
            raise PeopleError(str(error)) from error
        return frame.back_to(f"/team/deliveries?badge={short_id}&done={done}")

    def waiting(office: Bureau) -> list[Badge]:
        """Badges whose newest link nobody used, the oldest letter first; before all, those that did not arrive."""
        with reading(office.engine) as connection:
            found = notices.unclaimed(connection, limit=MOST)
            order = sorted(found, key=lambda one: LOOKS[found[one].state][0] != "fail")
            return [badges.existing(connection, one) for one in order]

    return routes
