"""The issuer's public documents over HTTP, for any origin, with ETag and Cache-Control (DESIGN §3)."""

import re
from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from issuer.badges import documents
from issuer.badges.bureau import Bureau
from issuer.ground import language, pages

# Pages of other rooms that are published as files in each language; the server makes them anew.
_LIVE = re.compile(r"(?P<page>sources|transparency)/index\.(?P<code>[a-z]{2,3})\.html", re.ASCII)

_PREFLIGHT = {  # a browser asks first where a page of another site names a header of its own
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}

BureauNow = Callable[[], Bureau]


def router(bureau: BureauNow, *, clock: Callable[[], datetime]) -> APIRouter:
    """Routes for every path that `documents` knows; the last router of the app, since it takes any path."""
    routes = APIRouter()

    @routes.api_route("/{path:path}", methods=["GET", "OPTIONS"], include_in_schema=False)
    def document(request: Request, path: str) -> Response:
        accept = request.headers.get("accept", "")
        say = language.voice(request)
        found = documents.find(bureau(), f"/{path}", now=clock(), accept=accept, say=say)
        if found is None and path.startswith("b/") and not path.endswith("/"):
            found = documents.find(bureau(), f"/{path}/", now=clock(), say=say)
        if found is None and (live := _LIVE.fullmatch(path)) is not None and live["code"] in language.known():
            return RedirectResponse(f"/{live['page']}?lang={live['code']}")
        if found is None:
            return pages.page_for(request, "nothing.html", status=404, community=bureau().name)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        headers = {"Vary": "Accept", **pages.SECURITY_HEADERS}
        if found.scripted:
            headers["Content-Security-Policy"] = f"{pages.SCRIPTED_POLICY}; frame-ancestors 'none'"
        if found.media_type == documents.HTML:
            headers["Vary"] = "Accept, Accept-Language, Cookie"
        response = Response(found.body, media_type=found.media_type, headers=headers)
        if found.media_type == documents.HTML:
            pages.keep_choice(request, response)
        return pages.for_anybody(request, response, kept=found.cache)

    return routes
