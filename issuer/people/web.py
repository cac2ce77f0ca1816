"""The pages by which people come in and go out, and the public notice of what is kept about them.

The answer to an address is the same whether it is known or not. A mailed link shows a button, since programs open
links before people do; pressing it signs in. One's own record is `own_pages`, what the team sees is `team_pages`.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from issuer.ground import language
from issuer.ground.database import writing
from issuer.ground.limits import Buckets, RateLimit, client_of
from issuer.ground.login.door import Browser, Door, Visitor
from issuer.ground.login.errors import LinkError, NotSignedInError, TooOftenError, UnconfirmedLinkError
from issuer.ground.login.provider import CALLBACK, OpenId
from issuer.ground.login.service import Login, form_token_of, is_address, new_secret
from issuer.people import joining
from issuer.people.frame import Frame
from issuer.people.roster import accounts_of_email
from keys.errors import OpenIdError

ASKING = RateLimit(per_minute=5, burst=10)  # of one client: to come in takes one or two
ELSEWHERE = "asked"  # the value of the box that confirms a link in another browser
NO_PROVIDER = "There is no OpenID provider here: ask for a link by mail."


def asking_limit() -> Callable[[Request], None]:
    """What stands before each page that mails somebody or asks the provider.

    The function raises TooOftenError.
    """
    buckets = Buckets(ASKING)

    def limited(request: Request) -> None:
        client = client_of(request.scope)
        if client is not None and (wait := buckets.take(client)) > 0:
            raise TooOftenError(f"Try again in {int(wait) + 1} s: so many at once are not answered.")

    return limited


def router(login: Login, *, openid: OpenId | None, door: Door, frame: Frame) -> APIRouter:
    """The routes by which people come in."""
    routes = APIRouter(include_in_schema=False)
    limited = asking_limit()

    @routes.get("/privacy")
    def privacy(request: Request) -> Response:
        return frame.answer(request, "privacy.html", email=login.settings.email)

    @routes.get("/sign-in")
    def form(request: Request, browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        return _form(request, browser)

    @routes.post("/sign-in")
    async def ask(request: Request, browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        limited(request)
        address = browser.fields.get("address", "").strip()
        if not is_address(address):
            problem = "This is no mail address: name@host.example was expected."
            return _form(request, browser, problem=problem, given=address)
        await run_in_threadpool(login.ask_for_link, address, browser=browser.secret, say=language.voice(request))
        return frame.answer(request, "sent.html", back="/sign-in")

    @routes.get("/sign-in/links/{token}")
    def look(request: Request, token: str, browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        return _link(request, token, browser)

    @routes.post("/sign-in/links/{token}")
    async def follow(
        request: Request, token: str, browser: Annotated[Browser, Depends(door.anybody())]
    ) -> Response:
        confirmed = browser.fields.get("confirmed") == ELSEWHERE
        try:
            came, session = await run_in_threadpool(_use, token, browser, confirmed)
        except UnconfirmedLinkError as error:
            return await run_in_threadpool(_link, request, token, browser, str(error))
        return _came_in(session) if came else frame.back_to("/me?done=address")

    @routes.get("/sign-in/openid")
    def begin(request: Request, browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        limited(request)
        return _to_provider(browser, person="")

    @routes.get("/me/openid")
    def begin_to_add(
        request: Request,
        visitor: Annotated[Visitor, Depends(door.signed_in())],
        browser: Annotated[Browser, Depends(door.anybody())],
    ) -> Response:
        limited(request)
        return _to_provider(browser, person=visitor.session.person)

    @routes.get(CALLBACK)
    def finish(request: Request, browser: Annotated[Browser, Depends(door.anybody())]) -> Response:
        if openid is None:
            raise OpenIdError(NO_PROVIDER)
        answer = dict(request.query_params)
        if len(answer) != len(request.query_params.multi_items()):  # twice the same: two readers, two answers
            raise OpenIdError("The OpenID provider's answer says something twice.")
        identity, adding = openid.finish(answer, browser=browser.secret)
        account, now = joining.openid_account(openid.host, identity.subject), login.clock()
        with writing(login.engine) as connection:
            if adding:
                _check_is(adding, browser)
                joining.prove(connection, adding, [account], proof="login", now=now)
                if identity.mail is not None:
                    joining.suggest(connection, adding, identity.mail, now=now)
                return frame.back_to("/me?done=account")
            person = joining.person_of_login(connection, [account], proof="login", email=None, now=now)
            if identity.mail is not None:
                joining.suggest(connection, person, identity.mail, now=now)
            return _came_in(login.begin_session(connection, person, way="openid", earlier=browser.session_token))

    @routes.post("/sign-out")
    async def sign_out(request: Request, _visitor: Annotated[Visitor, Depends(door.signed_in())]) -> Response:
        await run_in_threadpool(login.sign_out, door.cookie(request, "session"))
        response = frame.back_to("/sign-in")
        door.drop_cookie(response, "session")
        return response

    def _form(request: Request, browser: Browser, *, problem: str | None = None, given: str = "") -> Response:
        secret = browser.secret or new_secret()
        response = frame.answer(
            request,
            "sign_in.html",
            status=200 if problem is None else 400,
            problem=problem,
            given=given,
            by_mail=login.by_mail,
            provider=None if openid is None else openid.host,
            form_token=form_token_of(secret),
        )
        door.set_cookie(response, "browser", secret)
        return response

    def _link(request: Request, token: str, browser: Browser, problem: str | None = None) -> Response:
        look = login.look_at_link(token, browser=browser.secret)
        secret = browser.secret or new_secret()
        response = frame.answer(
            request,
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

    def _use(token: str, browser: Browser, confirmed: bool) -> tuple[bool, str]:
        """Whether somebody comes in by a link, and their session; else an address was added to a record."""
        now = login.clock()
        with writing(login.engine) as connection:
            link = login.use_link(connection, token, browser=browser.secret, confirmed=confirmed)
            if link.person:
                _check_is(link.person, browser)
                joining.prove_address(connection, link.person, link.address, now=now)
                return False, ""
            person = joining.person_of_login(
                connection,
                accounts_of_email(link.address),
                proof="mailbox",
                email=link.address,
                now=now,
            )
            return True, login.begin_session(connection, person, way="mail", earlier=browser.session_token)

    def _check_is(person: str, browser: Browser) -> None:
        """What is added to a record is added by its own person, and by nobody who was sent a link to click."""
        try:
            signed_in = login.session(browser.session_token).person
        except NotSignedInError as error:
            raise LinkError("Sign in first, in the browser in which you asked for this.") from error
        if signed_in != person:
            raise LinkError("Somebody else asked for this: it adds to their record, and not to yours.")

    def _to_provider(browser: Browser, *, person: str) -> Response:
        if openid is None:
            raise OpenIdError(NO_PROVIDER)
        secret = browser.secret or new_secret()
        response = RedirectResponse(openid.begin(browser=secret, person=person), 303)
        door.set_cookie(response, "browser", secret)
        return response

    def _came_in(session: str) -> Response:
        response = frame.back_to("/me")
        door.set_cookie(response, "session", session)
        door.drop_cookie(response, "browser")
        return response

    return routes
