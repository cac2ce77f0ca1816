"""The issuer's public documents over HTTP, for any origin, with ETag and Cache-Control (DESIGN §3)."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, Request, Response

from issuer.badges import documents
from issuer.badges.bureau import Bureau
from issuer.ground import pages

BureauNow = Callable[[], Bureau]


def router(bureau: BureauNow, *, clock: Callable[[], datetime]) -> APIRouter:
    """Routes for every path that `documents` knows; the last router of the app, since it takes any path."""
    routes = APIRouter()

    @routes.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    def document(request: Request, path: str) -> Response:
        accept = request.headers.get("accept", "")
        found = documents.find(bureau(), f"/{path}", now=clock(), accept=accept)
        if found is None and path.startswith("b/") and not path.endswith("/"):
            found = documents.find(bureau(), f"/{path}/", now=clock())
        if found is None:
            return pages.page("nothing.html", status=404, community=bureau().name)
        headers = {
            "ETag": found.etag,
            "Cache-Control": found.cache,
            "Access-Control-Allow-Origin": "*",
            "Vary": "Accept",
            **pages.SECURITY_HEADERS,
        }
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        return Response(found.body, media_type=found.media_type, headers=headers)

    return routes
