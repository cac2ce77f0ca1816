"""The issuing office as a web application: intake, attestations, holders' pages, public documents.

`create_app(data)` opens a data folder once; requests share its keys and database.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI

from issuer.attestations import web as attestations_web
from issuer.badges import web as badges_web
from issuer.badges.bureau import Bureau, open_bureau
from issuer.contributions import web as contributions_web
from issuer.delivery import service as delivery
from issuer.delivery import web as delivery_web
from issuer.ground import settings as ground_settings
from issuer.ground.database import open_database
from issuer.recognition import sentences
from issuer.recognition import service as recognition
from schemas.policy import QualificationPolicy


def now_in_utc() -> datetime:
    """The clock of the office."""
    return datetime.now(UTC)


def create_app(data: Path, *, clock: Callable[[], datetime] = now_in_utc) -> FastAPI:
    """The application on one data folder.

    Raises:
        SettingsError, DatabaseError, CustodyError, PolicyError: the folder is not in order.
    """
    settings = ground_settings.load(data)
    engine = open_database(settings.database)
    bureau = open_bureau(engine, settings)
    recognition.policy_in_force(engine, settings.policy, now=clock())

    def office() -> Bureau:
        return bureau

    def policy() -> QualificationPolicy:
        return recognition.policy_in_force(engine, settings.policy, now=clock())

    app = FastAPI(title="Badgewright issuer", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
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
    app.include_router(badges_web.router(office, clock=clock))
    return app
