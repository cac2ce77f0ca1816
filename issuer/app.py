"""The issuing office as a web application: intake, attestations, holders' pages, public documents, the contract.

`create_app(data)` opens a data folder once; requests share its keys and database.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from issuer.attestations import web as attestations_web
from issuer.badges import web as badges_web
from issuer.badges.bureau import Bureau, open_bureau
from issuer.contract import web as contract_web
from issuer.contributions import web as contributions_web
from issuer.delivery import service as delivery
from issuer.delivery import web as delivery_web
from issuer.ground import contexts as ground_contexts
from issuer.ground import settings as ground_settings
from issuer.ground.database import open_database
from issuer.jobs import Jobs, Worker
from issuer.recognition import sentences
from issuer.recognition import service as recognition
from keys.did import did_of_web_address
from keys.keyset import KeySet
from schemas.policy import QualificationPolicy

STOP_SECONDS = 10.0  # how long a stopping server waits for the badge that is being signed


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
    engine = open_database(settings.database)
    bureau = open_bureau(engine, settings)
    if public_url is not None:
        bureau = _renamed(bureau, did=did_of_web_address(settings.public_url))
    contexts = ground_contexts.known_with(offline_dir)
    recognition.policy_in_force(engine, settings.policy, now=clock())

    def office() -> Bureau:
        return bureau

    def policy() -> QualificationPolicy:
        return recognition.policy_in_force(engine, settings.policy, now=clock())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        worker = Worker(Jobs(engine, office, policy, clock))
        if with_jobs:
            worker.start()
        yield
        if with_jobs:
            worker.stop()
            await run_in_threadpool(worker.join, STOP_SECONDS)

    app = FastAPI(
        title="Badgewright issuer",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
    )
    app.include_router(contributions_web.contributions_router(engine, clock=clock))
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
    app.include_router(delivery_web.router(office, policy=policy, clock=clock))
    app.include_router(contract_web.router(office, clock=clock, is_open=open_issue, contexts=contexts))
    app.include_router(badges_web.router(office, clock=clock))
    return app


def _renamed(bureau: Bureau, *, did: str) -> Bureau:
    """The same keys under another DID, in memory only: at the other address nobody would look for the first."""
    records = tuple(replace(record, kid=f"{did}#{record.name}") for record in bureau.keyset.records)
    for signer in (bureau.signer, bureau.document_signer, bureau.status_signer):
        signer.kid = f"{did}#{signer.kid.partition('#')[2]}"
    return replace(bureau, keyset=KeySet(did, records))
