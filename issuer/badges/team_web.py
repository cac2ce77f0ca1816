"""Where the team withdraws badges by the policy's table: one person proposes, a second agrees, or it is lifted."""

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from issuer.badges import catalogue, revocation, revocations, service
from issuer.badges.bureau import Bureau
from issuer.badges.model import BadgeError
from issuer.badges.revocation import Case
from issuer.ground import language
from issuer.ground.database import reading
from issuer.ground.login.door import Door, Visitor
from issuer.ground.login.rights import Right
from issuer.ground.login.service import Login
from issuer.people.frame import Frame
from issuer.people.model import PeopleError, Person
from issuer.people.service import person_by_id
from schemas.policy import QualificationPolicy

DONE = {
    "open": "The case is open. What the policy says of notice and suspension holds from now on.",
    "agree": "You are the second of two people. The badge is withdrawn when its notice has run out.",
    "lift": "The case is over: the badge stands again, and its holder is told why.",
}


def router(
    bureau: Callable[[], Bureau],
    login: Login,
    *,
    door: Door,
    frame: Frame,
    policy: Callable[[], QualificationPolicy],
) -> APIRouter:
    """`/team/revocations`."""
    routes = APIRouter(prefix="/team/revocations", include_in_schema=False)
    Allowed = Annotated[Visitor, Depends(door.allowed(Right.WITHDRAW_BADGE))]  # noqa: N806 - a type

    @routes.get("")
    def page(request: Request, visitor: Allowed, done: str = "") -> Response:
        office, say = bureau(), language.voice(request)
        found = revocations.cases(office.engine)
        titles = {
            case.badge: f"{catalogue.title(badge.award, say)} {badge.award.period.name}"
            for case in found
            for badge in [service.badge_by_id(office.engine, case.badge)]
        }
        causes = {
            cause: _with_capital(revocation.in_words(cause, say))
            for cause, rule in policy().revocation.items()
            if rule.by != "holder" and not rule.reissue
        }
        return frame.answer(
            request,
            "team_revocations.html",
            visitor,
            running=[case for case in found if case.outcome is None],
            ended=[case for case in found if case.outcome is not None],
            titles=titles,
            causes=causes,
            most=revocation.MAX_REASON,
            cause_in_words=lambda cause: _with_capital(revocation.in_words(cause, say)),
            me=visitor.session.person,
            done=DONE.get(done, ""),
        )

    @routes.post("")
    async def propose(visitor: Allowed) -> Response:
        def act(office: Bureau, by: Person, fields: Mapping[str, str]) -> Case:
            badge = service.find_badge(office.engine, fields.get("badge", ""))
            cause, reason = fields.get("cause", ""), fields.get("reason", "")
            return revocations.open_case(office, badge, cause=cause, reason=reason, by=by, now=login.clock())

        return await decided(visitor, act, done="open")

    @routes.post("/{number}/agreed")
    async def agree(number: int, visitor: Allowed) -> Response:
        def act(office: Bureau, by: Person, _: Mapping[str, str]) -> Case:
            return revocations.agree(office, number, by=by, now=login.clock())

        return await decided(visitor, act, done="agree")

    @routes.post("/{number}/lifted")
    async def lift(number: int, visitor: Allowed) -> Response:
        def act(office: Bureau, by: Person, fields: Mapping[str, str]) -> Case:
            return revocations.lift(office, number, reason=fields.get("reason", ""), by=by, now=login.clock())

        return await decided(visitor, act, done="lift")

    async def decided(
        visitor: Visitor, act: Callable[[Bureau, Person, Mapping[str, str]], Case], *, done: str
    ) -> Response:
        def work() -> None:
            office = bureau()
            with reading(office.engine) as connection:
                by = person_by_id(connection, visitor.session.person)
            if by is None:
                raise PeopleError("This record is not here any more.")
            act(office, by, visitor.fields)

        try:
            await run_in_threadpool(work)
        except BadgeError as error:
            raise PeopleError(str(error)) from error
        return frame.back_to(f"/team/revocations?done={done}")

    return routes


def _with_capital(clause: str) -> str:
    return clause[:1].upper() + clause[1:]
