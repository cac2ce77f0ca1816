"""The verifying office as one web application: its rooms put together, and errors told in one place.

Errors become problem details for programs and a page with one sentence for people; no traceback reaches either.
Run it with `badge-verifier serve`.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Match, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from keys.errors import OpenIdError
from schemas.event_policy import EventPolicyError
from verifier.contract import web as contract_web
from verifier.desk import page as desk_page
from verifier.desk import web as desk_web
from verifier.desk.errors import (
    BundleError,
    DeskError,
    DeskKeysError,
    EnrolmentError,
    EpochError,
    RequestRefusedError,
    UnknownDeskError,
)
from verifier.desk.service import Desk
from verifier.desk.venue import web as venue_web
from verifier.desk.venue.service import Venue
from verifier.ground import language, mail
from verifier.ground import watch as watching
from verifier.ground.audit import AuditError
from verifier.ground.clock import system_clock
from verifier.ground.cross_origin import AnyOrigin, Opening
from verifier.ground.database import CommitUnknownError, DatabaseError, check_writable, reading
from verifier.ground.documents import DocumentSource, NoSource, context_set, document_source, page_opener
from verifier.ground.headers import HEADERS, Headers
from verifier.ground.limits import TITLE, Buckets, FairUse
from verifier.ground.pages import STATIC, Pages, problem
from verifier.ground.plain_http import HeadToo
from verifier.ground.settings import Settings, SettingsError
from verifier.ground.uploads import BodyLimit, wants_html
from verifier.ground.versions import Versions
from verifier.ground.watch import Watch, Watched
from verifier.receipts import web as receipts_web
from verifier.receipts.service import Receipts
from verifier.registration import api as registration_api
from verifier.registration import figures
from verifier.registration import web as registration_web
from verifier.registration.aftercare import UnknownCaseError, UnknownGrantError
from verifier.registration.aftercare.releasing import Releasing
from verifier.registration.errors import (
    RegistrationError,
    RequestIdReusedError,
    UnknownEventError,
    VoucherSecretError,
)
from verifier.registration.service import Registration
from verifier.staff import event_pages
from verifier.staff import web as staff_web
from verifier.staff.door import Door
from verifier.staff.errors import (
    ForgedFormError,
    LinkError,
    NotAllowedError,
    NotSignedInError,
    RosterError,
    TooOftenError,
)
from verifier.staff.provider import OpenId
from verifier.staff.service import SignIn
from verifier.verification import web as verification_web
from verifier.verification.archives import Shelf
from verifier.verification.at_once import AtOnce
from verifier.verification.service import Verification
from verifier.verification.share_link import OpenPage
from verifier.verification.trust import TrustBundle
from verifier.wallets import web as wallets_web
from verifier.wallets.errors import AnswerRefusedError, UnknownExchangeError, WalletsUnavailableError

_PUBLIC_PATHS = {
    *("/verify", "/credentials/verify", "/presentations/verify", "/receipts"),
    *("/.well-known/did.json", "/did.json", "/openapi.json"),
}
_log = logging.getLogger(__name__)
_NO_DATABASE = "The database cannot be used now, so nothing was granted. Ask again, with the same request id."
_BROKEN = "Something here is broken; nothing was granted. Its operators have the details."
_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible",
    413: "Too large",
    422: "Refused",
    429: TITLE,
}
_NOT_NOW = "Not possible now"
_PUBLIC = Opening(  # what anybody may ask from anywhere: verdicts and their receipts, and what wallets ask
    lambda path: path in _PUBLIC_PATHS or path.startswith(("/verify/", "/receipts/", "/wallet/")),
    methods="GET, POST, OPTIONS",
    headers="Accept, Authorization, Content-Type",
    exposed=verification_web.EXPOSED,
)
_NOT_IN = "You are not signed in"


class Office(FastAPI):
    """An application with something in front of all that a framework does. `front`: where a request arrives."""

    front: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.front or self.whole)(scope, receive, send)

    async def whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application behind what stands in front."""
        await super().__call__(scope, receive, send)


def create_app(
    settings: Settings,
    *,
    source: DocumentSource | None = None,
    clock: Callable[[], datetime] = system_clock,
    wake_postman: Callable[[], None] = lambda: None,
    open_page: OpenPage | None = None,
) -> FastAPI:
    """The application of one office. `source`, `clock` and `open_page` are given by tests.

    `wake_postman` is called when a mail was entered and committed.
    """
    documents = source or document_source(settings)
    app = Office(title="Badgewright verifier", version="1", docs_url=None, redoc_url=None)
    archives = Shelf(settings.archives)
    _ = archives.archives  # one that cannot be used is said now, and not to whoever asks first
    registration = Registration(
        settings,
        verification=Verification(
            documents,
            open_page=open_page or page_opener(documents),
            trusted_issuers=settings.trusted_issuers,
            trusted_lists=settings.trusted_lists,
            known_issuers=lambda: registration.known_issuers(),
            clock=clock,
            contexts=context_set(settings),
            archives=archives,
        ),
        clock=clock,
        wake_postman=wake_postman,
    )
    app.state.registration = registration  # whoever made the application may close its database
    app.include_router(verification_web.router(registration.verification))
    receipts = Receipts(registration.verification, engine=lambda: registration.engine, clock=clock)
    app.include_router(receipts_web.router(receipts))
    app.include_router(contract_web.router(registration.verification))
    app.include_router(wallets_web.router(registration.wallets))
    venue = Venue(registration, clock=clock)
    at_desk = registration_api.AtDesk(venue.admit)
    app.include_router(registration_api.router(registration, at_desk=at_desk))
    app.include_router(venue_web.router(venue))
    secure = (settings.public_url or "").startswith("https://")
    app.include_router(registration_web.router(registration, secure=secure))
    desk = Desk(registration, clock=clock)
    app.include_router(desk_web.router(desk))
    app.include_router(desk_page.router())
    _open_to_staff(app, settings, registration=registration, desk=desk, venue=venue, clock=clock)
    watch = _add_watch(app, registration, settings, clock)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(BodyLimit)
    app.add_middleware(AnyOrigin, opening=venue_web.OPENING)
    app.add_middleware(AnyOrigin, opening=_PUBLIC)
    app.add_middleware(Headers)
    app.add_middleware(Versions)
    app.add_middleware(HeadToo)
    quick = HEADERS | verification_web.HEADERS
    at_once = AtOnce(app.whole, verification=registration.verification, headers=quick.items())
    app.front = Watched(FairUse(at_once, buckets=Buckets(settings.rate_limit)), watch=watch)
    _tell_errors(app)
    return app


def _add_watch(
    app: FastAPI, registration: Registration, settings: Settings, clock: Callable[[], datetime]
) -> Watch:
    """What whoever looks after the office may ask it."""

    def engine() -> Engine | None:
        return registration.engine if settings.has_database else None

    def database() -> None:
        if (opened := engine()) is not None:
            with reading(opened) as connection:
                mail.count(connection)
            check_writable(opened)

    watch = Watch(lambda: figures.all_figures(engine(), settings, now=clock()))
    readiness = watching.Readiness({"database": database})
    app.include_router(watching.router(watch, readiness=readiness, data=settings.data))
    return watch


def create_hub_app(settings: Settings, *, event: str, clock: Callable[[], datetime] = system_clock) -> FastAPI:
    """The application of a hub: the same office for one event, with the trust of its bundle, for enrolled desks
    only.

    Raises:
        BundleError: no bundle of this event was taken in.
        UnknownEventError: there is no such event here.
    """
    app = Office(title="Badgewright hub", version="1", docs_url=None, redoc_url=None, openapi_url=None)

    def carried() -> TrustBundle:
        return venue.bundles.opened(event).carried

    registration = Registration(
        settings,
        verification=Verification(NoSource(), clock=clock, contexts=context_set(settings), carried=carried),
        clock=clock,
    )
    venue = Venue(registration, clock=clock)
    registration.event(event)
    venue.bundles.opened(event)
    app.state.registration, app.state.venue = registration, venue
    at_desk = registration_api.AtDesk(venue.admit, only=True)
    app.include_router(registration_api.router(registration, at_desk=at_desk))
    app.include_router(venue_web.router(venue))
    app.include_router(desk_page.router())
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(BodyLimit)
    app.add_middleware(AnyOrigin, opening=venue_web.OPENING)
    app.add_middleware(Headers)
    app.add_middleware(Versions)
    app.add_middleware(HeadToo)
    app.front = FairUse(app.whole, buckets=Buckets(settings.rate_limit))
    _tell_errors(app)
    return app


def _open_to_staff(
    app: FastAPI,
    settings: Settings,
    *,
    registration: Registration,
    desk: Desk,
    venue: Venue,
    clock: Callable[[], datetime],
) -> None:
    """The pages of the event's team and finance."""
    sign_in = SignIn(registration, settings, clock=clock)
    openid = None
    if settings.oidc is not None and settings.public_url is not None:
        openid = OpenId(registration, settings, access=settings.oidc, clock=clock)
    door = Door(sign_in, settings)
    app.include_router(staff_web.router(sign_in, openid=openid, registration=registration, door=door))
    releasing = Releasing(registration, clock=clock)
    app.include_router(
        event_pages.router(
            registration, settings, releasing=releasing, desk=desk, venue=venue, door=door, clock=clock
        )
    )


def _methods_at(request: Request) -> list[str]:
    """Every method that the path of a request knows, by whichever routes (RFC 9110 §15.5.6); OPTIONS only answers
    another site's browser.
    """
    found = (route for route in _single(request.app.routes) if route.matches(request.scope)[0] is Match.PARTIAL)
    methods = {method for route in found for method in route.methods or ()} - {"OPTIONS"}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def _single(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    """The routes, and those of the routers among them."""
    for route in routes:
        included = getattr(route, "original_router", None)  # how FastAPI keeps a router that was included
        if included is not None:
            yield from _single(included.routes)
        elif isinstance(route, Route):
            yield route


def _tell_errors(app: FastAPI) -> None:
    """The one place where an error becomes an answer."""
    pages = Pages(Path(__file__).parent / "ground" / "templates")

    def told(request: Request, status: int, detail: str, title: str | None = None) -> Response:
        title = title or _TITLES.get(status, _NOT_NOW if status >= 500 else "Refused")
        if wants_html(request):
            return pages.answer(
                "error.html",
                status=status,
                language=language.of(request),
                title=title,
                detail=detail,
                staff=request.url.path.startswith("/staff"),
            )
        return problem(status, title, detail)

    def known(status: int, title: str | None = None) -> Callable[[Request, Exception], Response]:
        return lambda request, error: told(request, status, str(error), title)

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = "There is no such page." if error.status_code == 404 else str(error.detail)
        response = told(request, error.status_code, detail)
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(_methods_at(request))
        return response

    def not_signed_in(request: Request, error: Exception) -> Response:
        if request.method == "GET" and wants_html(request):
            return RedirectResponse("/staff/sign-in", 303)
        return told(request, 401, str(error))

    def misread(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        return told(request, 400, f"The parameter {first['loc'][-1]} of the address is wrong: {first['msg']}.")

    def no_database(request: Request, error: Exception) -> Response:
        _log.warning("%s", error)  # what a server of databases says names hosts and users: for operators only
        detail = str(error) if isinstance(error, CommitUnknownError) else _NO_DATABASE
        response = told(request, 503, detail)
        response.headers["Retry-After"] = "5"
        return response

    def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestRefusedError)
        return venue_web.refused(error)

    def unexpected(request: Request, _error: Exception) -> Response:
        return told(request, 500, _BROKEN)

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, misread)
    app.add_exception_handler(UnknownEventError, known(404))
    app.add_exception_handler(UnknownDeskError, known(404))
    app.add_exception_handler(DeskError, known(400))
    app.add_exception_handler(RequestRefusedError, refused)
    app.add_exception_handler(BundleError, known(503))
    app.add_exception_handler(EpochError, known(422))
    app.add_exception_handler(EnrolmentError, known(400))
    app.add_exception_handler(DeskKeysError, known(503))
    app.add_exception_handler(SettingsError, known(400))
    app.add_exception_handler(UnknownGrantError, known(404))
    app.add_exception_handler(UnknownCaseError, known(404))
    app.add_exception_handler(RequestIdReusedError, known(422))
    app.add_exception_handler(UnknownExchangeError, known(410))
    app.add_exception_handler(AnswerRefusedError, known(422))
    app.add_exception_handler(WalletsUnavailableError, known(503))
    app.add_exception_handler(RegistrationError, known(400))
    app.add_exception_handler(VoucherSecretError, known(503))
    app.add_exception_handler(EventPolicyError, known(503))
    app.add_exception_handler(DatabaseError, no_database)
    app.add_exception_handler(NotSignedInError, not_signed_in)
    app.add_exception_handler(NotAllowedError, known(403))
    app.add_exception_handler(ForgedFormError, known(403))
    app.add_exception_handler(TooOftenError, known(429))
    app.add_exception_handler(LinkError, known(400, _NOT_IN))
    app.add_exception_handler(OpenIdError, known(400, _NOT_IN))
    app.add_exception_handler(RosterError, known(503))
    app.add_exception_handler(AuditError, known(400))
    app.add_exception_handler(Exception, unexpected)
