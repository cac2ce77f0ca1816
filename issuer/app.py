"""The issuing office as a web application: intake, attestations, holders' pages, public documents, the contract.

`create_app(data)` opens a data folder once; requests share its keys and database.
"""

import logging
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from issuer import figures, inbox
from issuer.attendance import web as attendance_web
from issuer.attestations import sheet_web
from issuer.attestations import team_web as attestations_team
from issuer.attestations import web as attestations_web
from issuer.attestations.model import AttestationError
from issuer.badges import issuance
from issuer.badges import service as badges_service
from issuer.badges import team_web as badges_team
from issuer.badges import web as badges_web
from issuer.badges.bureau import Bureau, open_bureau, renamed
from issuer.contract import web as contract_web
from issuer.contributions import configuration
from issuer.contributions import health as contributions_health
from issuer.contributions import service as contributions
from issuer.contributions import web as contributions_web
from issuer.contributions.collector import Collector
from issuer.delivery import claim_pages, record, record_pages, wallet_pages
from issuer.delivery import service as delivery
from issuer.delivery import team_pages as deliveries_pages
from issuer.delivery import web as delivery_web
from issuer.ground import contexts as ground_contexts
from issuer.ground import journal, news
from issuer.ground import settings as ground_settings
from issuer.ground import watch as watching
from issuer.ground.audit import AuditError
from issuer.ground.database import DatabaseError, check_writable, open_own_database, reading
from issuer.ground.login.door import Door
from issuer.ground.login.errors import (
    ForgedFormError,
    LinkError,
    NotAllowedError,
    NotSignedInError,
    TooOftenError,
)
from issuer.ground.login.provider import OpenId
from issuer.ground.login.service import Login
from issuer.ground.mail import MailError
from issuer.ground.mail.postman import MailOutbox, Postman
from issuer.ground.matters import Matter
from issuer.ground.outbound import Outbound
from issuer.ground.plain_http import HeadToo
from issuer.ground.watch import Readiness, Watch, Watched
from issuer.jobs import Jobs
from issuer.people import own_pages, team_pages
from issuer.people import web as people_web
from issuer.people.frame import Frame
from issuer.people.model import PeopleError
from issuer.queue import worker_for
from issuer.recognition import life, sentences
from issuer.recognition import policy_web as recognition_policy
from issuer.recognition import public_web as recognition_public
from issuer.recognition import service as recognition
from issuer.recognition import team_web as recognition_team
from issuer.wallets import web as wallets_web
from keys.did import did_of_web_address
from keys.errors import OpenIdError
from schemas.policy import QualificationPolicy

STOP_SECONDS = 10.0  # how long a stopping server waits for the badge that is being signed
PROFILE_SECONDS = 10.0  # a person waits for a public profile to be read
NO_DATABASE = "The database cannot be used now, so nothing was done. Try again in a minute."
MAX_PROFILE_BYTES = 4 << 20  # a profile page of a big forge has half a megabyte


_log = logging.getLogger(__name__)


def now_in_utc() -> datetime:
    """The clock of the office."""
    return datetime.now(UTC)


def create_app(
    data: Path,
    *,
    clock: Callable[[], datetime] = now_in_utc,
    public_url: str | None = None,
    open_issue: bool = False,
    offline_dir: Path | None = None,
    with_jobs: bool = False,
) -> FastAPI:
    """The application on one data folder.

    `public_url`: another public address than the folder's, for this run; the issuer's DID follows it.
    `open_issue`: the contract asks nobody for a token; for trying it out on one machine.
    `with_jobs`: while it answers, news is handled in the background, as `serve` does it.
    `offline_dir`: a folder that stands for the network; its `contexts.json` may name more JSON-LD contexts.

    Raises:
        SettingsError, DatabaseError, CustodyError, PolicyError: the folder is not in order.
        KeyFormatError: the other address can have no DID.
        ContextsFolderError: the folder's contexts cannot be used.
    """
    settings = ground_settings.load(data)
    if public_url is not None:
        settings = replace(settings, public_url=ground_settings.checked_public_url(public_url))
    engine = open_own_database(settings)
    bureau = open_bureau(engine, settings)
    if public_url is not None:
        bureau = renamed(bureau, did=did_of_web_address(settings.public_url))
    contexts = ground_contexts.known_with(offline_dir)
    recognition.policy_in_force(engine, settings.policy, now=clock())

    def office() -> Bureau:
        return bureau

    def policy() -> QualificationPolicy:
        return recognition.policy_in_force(engine, settings.policy, now=clock())

    postman = Postman(lambda: MailOutbox(settings, engine=engine, clock=clock))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        worker = worker_for(Jobs(engine, office, policy, clock))
        collector = Collector(engine, lambda: configuration.load(data), clock=clock)
        if with_jobs:
            worker.start()
            collector.start()
            postman.start()
        yield
        if with_jobs:
            postman.stop()
            worker.stop()
            collector.stop()
            await run_in_threadpool(worker.join, STOP_SECONDS)
            await run_in_threadpool(collector.join, STOP_SECONDS)

    app = FastAPI(
        title="Badgewright issuer",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
    )
    weakref.finalize(app, engine.dispose)  # an application that nobody holds any more leaves no connection open
    login = Login(engine, settings, clock=clock, wake=postman.wake)
    _add_people(app, login, bureau=office, policy=policy)
    app.include_router(
        contributions_web.contributions_router(
            engine,
            clock=clock,
            community=settings.name,
            sources=lambda: configuration.load(data),
        )
    )
    app.include_router(
        attestations_web.router(
            engine,
            community=settings.name,
            people=lambda: delivery.people(bureau),
            policy=policy,
            kind_name=sentences.kind_name,
            clock=clock,
        )
    )
    app.include_router(
        sheet_web.router(
            engine,
            community=settings.name,
            people=lambda: delivery.people(bureau),
            policy=policy,
            kind_name=sentences.kind_name,
            clock=clock,
        )
    )
    app.include_router(recognition_public.router(engine, community=settings.name))
    app.include_router(
        delivery_web.router(
            office,
            policy=policy,
            sources=lambda: contributions.health(engine, configuration.load(data).values(), now=clock()),
            clock=clock,
        )
    )
    app.include_router(contract_web.router(office, clock=clock, is_open=open_issue, contexts=contexts))
    app.include_router(wallet_pages.router(office, clock=clock))
    app.include_router(wallets_web.router(office, clock=clock))
    watch = Watch(lambda: figures.all_figures(engine, settings, now=clock()))
    app.include_router(watching.router(watch, readiness=_readiness(bureau, settings.journal), data=data))
    app.include_router(badges_web.router(office, clock=clock))
    app.add_middleware(HeadToo)
    app.add_middleware(Watched, watch=watch)
    return app


def _readiness(bureau: Bureau, journal_folder: Path | None) -> Readiness:
    """What this office needs: a database and a journal that can be written, and a signing key that signs."""

    def database() -> None:
        with reading(bureau.engine) as connection:
            news.newest(connection)
        check_writable(bureau.engine)

    def written_down() -> None:
        if journal_folder is not None:
            journal.check_room(journal_folder)

    def keys() -> None:
        bureau.status_signer.sign(b"Are you there?")

    return Readiness({"database": database, "journal": written_down, "keys": keys})


def _add_people(
    app: FastAPI, login: Login, *, bureau: Callable[[], Bureau], policy: Callable[[], QualificationPolicy]
) -> None:
    """The pages on which people come in, keep their own record, and, with a role, look at others'."""
    settings, door, frame = login.settings, Door(login), Frame(login.settings.name)
    openid = None if settings.oidc is None else OpenId(login, access=settings.oidc)
    outbound = Outbound(
        ca_file=settings.ca_file,
        timeout=PROFILE_SECONDS,
        total_seconds=PROFILE_SECONDS,
        max_bytes=MAX_PROFILE_BYTES,
    )

    def renamed(person: str) -> None:
        record.sign_with_new_name(bureau(), person, now=login.clock())

    def rejoined(persons: Sequence[str]) -> None:
        issuance.settle(bureau(), persons, now=login.clock())

    def matters() -> list[Matter]:
        now = login.clock()
        try:
            sources = configuration.load(settings.data).values()
        except configuration.ConfigurationError as error:
            wrong = contributions_health.matter_of_file(error, now=now)
            return [wrong, *inbox.all_matters(login.engine, sources=(), now=now)]
        return inbox.all_matters(login.engine, sources=sources, now=now)

    app.include_router(people_web.router(login, openid=openid, door=door, frame=frame))
    app.include_router(
        own_pages.router(
            login,
            provider=None if openid is None else openid.host,
            door=door,
            frame=frame,
            outbound=outbound,
            waiting=lambda account: contributions.waiting_for(login.engine, account),
            renamed=renamed,
            rejoined=rejoined,
        )
    )
    app.include_router(
        attendance_web.router(
            login.engine,
            community=settings.name,
            public_url=settings.public_url,
            rule=lambda: policy().attendance_code,
            login=login,
            door=door,
            frame=frame,
            clock=login.clock,
        )
    )
    app.include_router(claim_pages.router(bureau, login, door=door, frame=frame))
    app.include_router(deliveries_pages.router(bureau, login, door=door, frame=frame))
    app.include_router(record_pages.router(bureau, login, door=door, frame=frame, policy=policy))
    app.include_router(team_pages.router(login, door=door, frame=frame, matters=matters))
    app.include_router(recognition_team.router(login, door=door, frame=frame))

    def top_holders(rules: QualificationPolicy) -> int:
        return badges_service.holders_of(login.engine, rules.tiers[life.TOP_TIER].id)

    app.include_router(
        recognition_policy.router(login, door=door, frame=frame, policy=policy, top_holders=top_holders)
    )
    app.include_router(badges_team.router(bureau, login, door=door, frame=frame, policy=policy))
    app.include_router(
        attestations_team.router(login, door=door, frame=frame, people=lambda: delivery.people(bureau()))
    )
    _tell_errors(app, frame)


def _tell_errors(app: FastAPI, frame: Frame) -> None:
    """The one place where an error of these pages becomes an answer: one sentence, and the way back."""

    def told(request: Request, error: Exception, *, status: int) -> Response:
        path = request.url.path
        back = path if request.method == "GET" else "/team" if path.startswith("/team") else "/me"
        back = "/sign-in" if path.startswith("/sign-in") else "/" if request.method == "GET" else back
        return frame.answer(request, "refused.html", status=status, reason=str(error), back=back)

    def known(status: int) -> Callable[[Request, Exception], Response]:
        return lambda request, error: told(request, error, status=status)

    def not_signed_in(request: Request, error: Exception) -> Response:
        return frame.back_to("/sign-in") if request.method == "GET" else told(request, error, status=401)

    def no_database(request: Request, error: Exception) -> Response:
        _log.warning("%s", error)  # what a database says names hosts and users: for operators only
        if "text/html" in request.headers.get("accept", ""):
            return told(request, Exception(NO_DATABASE), status=503)
        body = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": NO_DATABASE}
        return JSONResponse(body, 503, {"Retry-After": "10"}, media_type="application/problem+json")

    app.add_exception_handler(DatabaseError, no_database)
    app.add_exception_handler(NotSignedInError, not_signed_in)
    app.add_exception_handler(NotAllowedError, known(403))
    app.add_exception_handler(ForgedFormError, known(403))
    app.add_exception_handler(TooOftenError, known(429))
    for error in (LinkError, OpenIdError, AuditError, MailError):
        app.add_exception_handler(error, known(400))
    for wrong in (PeopleError, AttestationError):
        app.add_exception_handler(wrong, known(422))
