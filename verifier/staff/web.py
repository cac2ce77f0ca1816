"""The pages by which staff come in and go out: sign in, the link from the mail, the OpenID provider, sign out.

The answer to an address is the same whether it is known or not, and is sent before anybody looks. A mailed link
shows a button, since programs open links before people do; pressing it signs in. The events' pages are
`event_pages`.
"""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from keys.errors import OpenIdError
from verifier.ground import audit
from verifier.ground.database import DatabaseError
from verifier.ground.limits import Buckets, client_of
from verifier.ground.settings import RateLimit
from verifier.registration.service import Registration
from verifier.staff.door import Browser, Door, Visitor
from verifier.staff.errors import RosterError, TooOftenError, UnconfirmedLinkError
from verifier.staff.frame import ROWS_SHOWN, StaffPages
from verifier.staff.provider import CALLBACK, OpenId
from verifier.staff.rights import Right
from verifier.staff.service import SignIn, form_token_of, is_address, new_secret

ASKING = RateLimit(per_minute=5, burst=10)  # of one client: to come in takes one or two
ELSEWHERE = "asked"  # the value of the box that confirms a link in another browser

_log = logging.getLogger(__name__)


def router(sign_in: SignIn, *, openid: OpenId | None, registration: Registration, door: Door) -> APIRouter:
    """The routes by which staff come in, and the list of their events."""
    routes = APIRouter(include_in_schema=False)
    pages = StaffPages()
    buckets = Buckets(ASKING)

    def limited(request: Request) -> None:
        client = client_of(request.scope)
        if client is not None and (wait := buckets.take(client)) > 0:
            raise TooOftenError(f"Try again in {int(wait) + 1} s: so many at once are not answered.")

    @routes.get("/staff/sign-in")
    def form(browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        return _form(browser)

    @routes.post("/staff/sign-in")
    async def ask(request: Request, browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        limited(request)
        address = browser.fields.get("address", "").strip()
        if not is_address(address):
            return _form(
                browser, problem="This is no mail address: name@host.example was expected.", given=address
            )
        response = pages.answer("sent.html")
        # After the answer, so that its time does not tell either whether the address is known.
        response.background = BackgroundTask(_mail_link, sign_in, address, browser=browser.secret)
        return response

    @routes.get("/staff/links/{token}")
    def look(token: str, browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        return _link(token, browser)

    @routes.post("/staff/links/{token}")
    async def follow(token: str, browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        try:
            session = await run_in_threadpool(
                sign_in.sign_in_by_link,
                token,
                browser=browser.secret,
                confirmed=browser.fields.get("confirmed") == ELSEWHERE,
                earlier=browser.session_token,
            )
        except UnconfirmedLinkError as error:
            return await run_in_threadpool(_link, token, browser, str(error))
        return _came_in(session)

    @routes.get("/staff/openid")
    def begin(request: Request, browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        limited(request)
        if openid is None:
            raise OpenIdError("There is no OpenID provider here: ask for a link by mail.")
        secret = browser.secret or new_secret()
        response = RedirectResponse(openid.begin(browser=secret), 303)
        door.set_cookie(response, "browser", secret)
        return response

    @routes.get(CALLBACK)
    def finish(request: Request, browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        if openid is None:
            raise OpenIdError("There is no OpenID provider here: ask for a link by mail.")
        answer = dict(request.query_params)
        if len(answer) != len(request.query_params.multi_items()):  # twice the same: two readers, two answers
            raise OpenIdError("The OpenID provider's answer says something twice.")
        identity = openid.finish(answer, browser=browser.secret, is_listed=sign_in.is_listed)
        return _came_in(sign_in.sign_in_by_openid(identity, earlier=browser.session_token))

    @routes.post("/staff/sign-out")
    async def sign_out(request: Request, _visitor: Annotated[Visitor, Depends(door.signed_in())]) -> Response:
        await run_in_threadpool(sign_in.sign_out, door.cookie(request, "session"))
        response = RedirectResponse("/staff/sign-in", 303)
        door.drop_cookie(response, "session")
        return response

    @routes.get("/staff")
    def home(visitor: Annotated[Visitor, Depends(door.signed_in())]) -> Response:
        member = visitor.session.member
        mine = [policy for policy in registration.events() if member.roles_at(policy.event)]
        roles = {policy.event: sorted(member.roles_at(policy.event)) for policy in mine}
        return pages.answer(
            "home.html",
            visitor,
            events=mine,
            roles=roles,
            sees_staff=visitor.may(Right.SEE_STAFF),
            reads_audit=visitor.may(Right.READ_AUDIT),
        )

    @routes.get("/staff/audit")
    def audit_log(visitor: Annotated[Visitor, Depends(door.allowed(Right.READ_AUDIT))]) -> Response:
        rows = audit.entries(registration.engine, last=ROWS_SHOWN)
        chain = audit.check(registration.engine)
        return pages.answer("audit.html", visitor, policy=None, rows=rows[::-1], chain=chain, most=ROWS_SHOWN)

    @routes.get("/staff/people")
    def people(visitor: Annotated[Visitor, Depends(door.allowed(Right.SEE_STAFF))]) -> Response:
        return pages.answer(
            "people.html",
            visitor,
            members=sign_in.roster.members,
            seen=sign_in.signed_in(),
            ends_sessions=visitor.may(Right.END_SESSIONS),
        )

    @routes.post("/staff/people/{member}/sessions")
    async def end_sessions(
        member: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.END_SESSIONS))]
    ) -> Response:
        await run_in_threadpool(
            sign_in.end_sessions,
            member,
            by=visitor.session.member.id,
            role=visitor.role or "",
            reason=visitor.fields.get("reason", ""),
        )
        return RedirectResponse("/staff/people", 303)

    def _form(browser: Browser, *, problem: str | None = None, given: str = "") -> Response:
        secret = browser.secret or new_secret()
        response = pages.answer(
            "sign_in.html",
            status=200 if problem is None else 400,
            problem=problem,
            given=given,
            by_mail=sign_in.by_mail,
            provider=None if openid is None else openid.host,
            form_token=form_token_of(secret),
        )
        door.set_cookie(response, "browser", secret)
        return response

    def _link(token: str, browser: Browser, problem: str | None = None) -> Response:
        look = sign_in.look_at_link(token, browser=browser.secret)
        secret = browser.secret or new_secret()
        response = pages.answer(
            "link.html",
            status=200 if problem is None else 400,
            problem=problem,
            token=token,
            look=look,
            elsewhere_value=ELSEWHERE,
            form_token=form_token_of(secret),
        )
        door.set_cookie(response, "browser", secret)
        return response

    def _came_in(session: str) -> Response:
        response = RedirectResponse("/staff", 303)
        response.headers["Cache-Control"] = "no-store"
        door.set_cookie(response, "session", session)
        door.drop_cookie(response, "browser")
        return response

    return routes


def _mail_link(sign_in: SignIn, address: str, *, browser: str) -> None:
    """Nobody hears any more what goes wrong here, so the log does; it learns no address."""
    try:
        sign_in.ask_for_link(address, browser=browser)
    except (RosterError, DatabaseError) as error:
        _log.warning("A link to sign in could not be mailed: %s", error)
