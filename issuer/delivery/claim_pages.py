"""`/claim`: where a mailed claim link leads, and where a new one is asked for.

Opening the link uses nothing up, since programs that look into mail open every link: it only leads on to `/claim`,
whose address is no secret and opens nothing for anybody else, and the button there claims. The link's secret waits
in a cookie meanwhile, so that it stands in no address that is copied, kept in a history, or told to another site.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from issuer.badges.bureau import Bureau
from issuer.delivery import claiming, service
from issuer.ground import language
from issuer.ground.login.door import Browser, Door
from issuer.ground.login.service import Login, form_token_of, is_address, new_secret
from issuer.ground.tokens import hash_of
from issuer.notices import service as notices
from issuer.notices.model import ClaimError, ExpiredLinkError, NoSuchLinkError, ReplacedLinkError, UsedLinkError
from issuer.people.frame import Frame
from issuer.people.web import asking_limit

MAX_TOKEN = 100  # characters; ours have 43
NO_LINK = "Your badge is behind the link in your mail"
SAID = {  # why a link opens nothing: the page's heading
    UsedLinkError: "This badge was claimed already",
    ReplacedLinkError: "A newer link was mailed",
    ExpiredLinkError: "The time of this link is over",
    NoSuchLinkError: "This link leads to no badge",
}


def router(bureau: Callable[[], Bureau], login: Login, *, door: Door, frame: Frame) -> APIRouter:
    """The routes below `/claim`."""
    routes = APIRouter(prefix="/claim", include_in_schema=False)
    limited = asking_limit()
    Anybody = Annotated[Browser, Depends(door.anybody())]  # noqa: N806 - a type

    @routes.get("/{token}")
    def opened(token: str) -> Response:
        response = frame.back_to("/claim")
        response.headers["Referrer-Policy"] = "no-referrer"
        door.set_cookie(response, "claim", token[:MAX_TOKEN])
        return response

    @routes.get("")
    def landing(request: Request, browser: Anybody) -> Response:
        return _landing(request, browser)

    @routes.post("")
    async def claim(request: Request, browser: Anybody) -> Response:
        return await run_in_threadpool(_claim, request, browser)

    @routes.post("/again")
    async def ask(request: Request, browser: Anybody) -> Response:
        limited(request)
        address = browser.fields.get("address", "").strip()
        if not is_address(address):
            problem = "This is no mail address: name@host.example was expected."
            return _over(request, browser, None, problem=problem, given=address)
        code = language.of(request)
        await run_in_threadpool(notices.ask_again, login.engine, address, language=code, now=login.clock())
        return frame.answer(request, "claim_asked.html", back="/claim")

    def _landing(request: Request, browser: Browser) -> Response:
        token = door.cookie(request, "claim")
        if not token:
            return _over(request, browser, None)
        try:
            link, badge = claiming.look(bureau(), token, now=login.clock())
        except ClaimError as error:
            return _over(request, browser, error)
        say, secret = language.voice(request), browser.secret or new_secret()
        response = frame.answer(
            request,
            "claim.html",
            title=service.badge_title(badge, say),
            alt=service.badge_alt(badge, say),
            art=service.badge_picture(badge),
            link=link,
            known_by=_known_by(token),
            form_token=form_token_of(secret),
        )
        door.set_cookie(response, "browser", secret)
        return response

    def _claim(request: Request, browser: Browser) -> Response:
        token = door.cookie(request, "claim")
        if not token or browser.fields.get("known_by") != _known_by(token):  # two links in two tabs of one browser
            return _over(request, browser, None)
        try:
            page, link = claiming.claim(bureau(), token, now=login.clock())
        except ClaimError as error:
            return _over(request, browser, error)
        response = frame.back_to(f"/h/{page}?saved=claimed&badge={link.badge.removeprefix('urn:uuid:')}")
        response.headers["Referrer-Policy"] = "no-referrer"
        door.drop_cookie(response, "claim")
        return response

    def _over(
        request: Request,
        browser: Browser,
        error: ClaimError | None,
        *,
        problem: str | None = None,
        given: str = "",
    ) -> Response:
        """No link, or one that opens nothing: what happened, and how to get a new one."""
        secret = browser.secret or new_secret()
        response = frame.answer(
            request,
            "claim_over.html",
            status=400 if problem else 200 if error is None else 404 if type(error) is NoSuchLinkError else 410,
            heading=NO_LINK if error is None else SAID[type(error)],
            over=error,
            used=isinstance(error, UsedLinkError),
            replaced=isinstance(error, ReplacedLinkError),
            expired=isinstance(error, ExpiredLinkError),
            problem=problem,
            given=given,
            by_mail=login.by_mail,
            form_token=form_token_of(secret),
        )
        door.set_cookie(response, "browser", secret)
        return response

    return routes


def _known_by(token: str) -> str:
    """By what a page and its form know which link they are about, without its secret."""
    return hash_of(f"known by {token}")[:16]
