"""The desk's installable page as files: what is served, under which headers, and what a device keeps of it.

The page itself is `app/`; the modules that read and verify badges are `keys.browser`. A device keeps the whole of
it and starts without a network, so every file has one version together: the hash of all of them.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from keys import browser
from schemas import strict_json
from verifier.ground import language
from verifier.ground.pages import STATIC

APP = Path(__file__).parent / "app"
ADDRESS = "/desk-app"
_WORKER = "service-worker.js"
_SENTENCES = "sentences.json"
_TYPES: Mapping[str, str] = {
    **browser.MEDIA_TYPES,
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
# A desk asks whoever decides: the office, or a hub that it learnt of later. Each has its own address.
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self'"
    " data: blob:; media-src 'self' blob:; connect-src 'self' https: http://localhost:* http://127.0.0.1:*;"
    " manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-cache",  # the device's own copy is the service worker's; the network is asked anew
    "Vary": "Accept-Encoding",
}
_NOT_WHOLE = "The packages of this page are not installed here: start the office with ./run, which fetches them."


@dataclass(frozen=True)
class File:
    """One file as it is sent: plain and compressed."""

    body: bytes
    media_type: str
    compressed: bytes


@cache
def files() -> dict[str, File]:
    """Every file of the page by its path at the office, the service worker with what it keeps among them."""
    own = {f"{ADDRESS}/{file.name}": file for file in sorted(APP.iterdir()) if file.suffix in _TYPES}
    read = {
        path: (file.read_bytes(), _TYPES[file.suffix])
        for path, file in (own | browser.files() | {"/static/style.css": STATIC / "style.css"}).items()
    }
    read[f"{ADDRESS}/"] = read.pop(f"{ADDRESS}/index.html")
    read[f"{ADDRESS}/{_SENTENCES}"] = (strict_json.dumps(_sentences()).encode(), _TYPES[".json"])
    body, media_type = read.pop(f"{ADDRESS}/{_WORKER}")
    version = hashlib.sha256(b"\0".join(part for path in sorted(read) for part in (path.encode(), read[path][0])))
    listed = strict_json.dumps(sorted(read))
    first = f'const VERSION = "{version.hexdigest()[:16]}";\nconst FILES = {listed};\n'
    read[f"{ADDRESS}/{_WORKER}"] = (first.encode() + body, media_type)
    return {path: File(data, kind, gzip.compress(data, 9, mtime=0)) for path, (data, kind) in read.items()}


def router() -> APIRouter:
    """The routes of the page's files."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(ADDRESS)
    def at_the_door() -> Response:
        return RedirectResponse(f"{ADDRESS}/", 308)

    @routes.get(f"{ADDRESS}/{{name:path}}")
    @routes.get(f"{browser.ADDRESS}/{{name:path}}")
    def file(request: Request) -> Response:
        if not browser.is_whole():
            return Response(_NOT_WHOLE, 503, media_type="text/plain")
        found = files().get(request.url.path)
        if found is None:
            return Response("There is no such file.", 404, media_type="text/plain")
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers = {**HEADERS, "Content-Encoding": "gzip"}
            return Response(found.compressed, headers=headers, media_type=found.media_type)
        return Response(found.body, headers=dict(HEADERS), media_type=found.media_type)

    return routes


def _sentences() -> dict[str, dict[str, dict[str, str]]]:
    """What each check says when it is not passed, for the lead, by language."""
    return {code: browser.sentences(code) for code in language.known()}
