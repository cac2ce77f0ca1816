"""The public numbers of recognition: `/transparency`, for people and for programs."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Engine

from issuer.ground import language, pages
from issuer.ground.language import Voice
from issuer.recognition import sentences, service
from issuer.recognition.transparency import NO_TIER
from schemas import strict_json
from schemas.strict_json import JsonObject

KEPT_AN_HOUR = "public, max-age=3600"


def router(engine: Engine, *, community: str) -> APIRouter:
    """`GET /transparency` and `GET /transparency.json`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/transparency")
    def numbers(request: Request) -> Response:
        shown = view(engine, community=community, say=language.voice(request))
        return pages.for_anybody(request, pages.page_for(request, "transparency.html", **shown), kept=KEPT_AN_HOUR)

    @routes.get("/transparency.json")
    def data(request: Request) -> Response:
        made = Response(strict_json.dumps(as_data(engine)), media_type="application/json")
        return pages.for_anybody(request, made, kept=KEPT_AN_HOUR)

    return routes


def as_data(engine: Engine) -> JsonObject:
    """The numbers with their day; nothing before the first night."""
    found = service.public_numbers(engine)
    return {} if found is None else {"day": found[0].isoformat(), **found[1]}


def view(engine: Engine, *, community: str, say: Voice) -> dict[str, Any]:
    """What the page shows, in a language."""
    return {
        "community": community,
        "found": service.public_numbers(engine),
        "kind": lambda name: sentences.kind_name(name, say),
        "tier": lambda name: say(name) if name == NO_TIER else sentences.tier_name(name, say),
        "badge": lambda name: _badge_name(engine, name, say),
        "question": say,
        "plain": str,
    }


def _badge_name(engine: Engine, name: str, say: Voice) -> str:
    """A badge per kind as the newest version of the policy that has it calls it."""
    versions = reversed(service.all_policies(engine).values())
    return next((say(one.catalogue[name].title) for one in versions if name in one.catalogue), name)
