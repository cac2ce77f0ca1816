"""Pages: one template environment over all rooms, and the headers that every page goes out with.

Each room keeps its templates in its own `templates` folder; `layout.html` here is around them all. Texts in
templates stand within `_()`, in English; `language` knows the other languages. Nothing is loaded from elsewhere,
and no script runs where a page does not name one.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from issuer.ground import language as language_of_pages
from issuer.ground.plain_http import is_at_hand

OFFICE = Path(__file__).resolve().parent.parent
STYLESHEET = Path(__file__).resolve().parent / "static" / "style.css"
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# For a page that verifies a badge by itself: our own scripts, and public documents of any issuer. It stands in the
# page as well, since a web host that serves published files sends no such header.
SCRIPTED_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self' https:; style-src 'self'; img-src 'self' data:;"
    " form-action 'self'; base-uri 'none'"
)
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag"}
_OF_A_BODY = ("content-length", "content-type")
PRIVATE_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
LANGUAGE_LASTS = 365 * 86_400  # seconds; what somebody chose is kept by their browser
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


def day_in_words(moment: datetime, in_words: Callable[[str], str] = str) -> str:
    """`3 May 2026`."""
    return f"{moment.day} {in_words(_MONTHS[moment.month - 1])} {moment.year}"


def moment_in_words(moment: datetime, in_words: Callable[[str], str] = str) -> str:
    """`3 May 2026, 09:00 (UTC)`: no time without its zone."""
    return f"{day_in_words(moment.astimezone(UTC), in_words)}, {moment.astimezone(UTC):%H:%M} (UTC)"


def address_in(path: str, code: str) -> str:
    """Where a public page lies in a language, on the server and among published files.

    In French `/policies/1.fr.html` beside `/policies/1.html`, and `/index.fr.html` beside `/`.
    """
    if code == language_of_pages.ENGLISH:
        return path
    if path.endswith(".html"):
        return f"{path.removesuffix('.html')}.{code}.html"
    return f"{path.rstrip('/')}/index.{code}.html"


@lru_cache(maxsize=16)
def _environment(code: str) -> Environment:
    def in_words(text: str) -> str:
        return language_of_pages.translated(text, code)

    folders = sorted(folder for folder in OFFICE.glob("*/templates"))
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        in_words,
        lambda one, many, count: in_words(one if language_of_pages.is_one(count, code) else many),
        newstyle=True,
    )
    environment.globals["at"] = partial(address_in, code=code)
    environment.globals |= {"language": code, "languages": language_of_pages.known(), "can_switch": True}
    # `| words` is for a text that comes from elsewhere: unlike `_()` it stays escaped.
    environment.filters |= {
        "words": partial(language_of_pages.said_again, language=code),
        "day": partial(day_in_words, in_words=in_words),
        "moment": partial(moment_in_words, in_words=in_words),
    }
    return environment


def render(template: str, *, language: str = language_of_pages.ENGLISH, **context: Any) -> str:
    """A template filled in; a name that it uses and nobody gave is an error."""
    return _environment(language).get_template(template).render(**context)


def page(
    template: str,
    *,
    status: int = 200,
    private: bool = False,
    language: str = language_of_pages.ENGLISH,
    **context: Any,
) -> HTMLResponse:
    """A page as a response; `private` ones are kept by nobody on the way."""
    headers: Mapping[str, str] = {**SECURITY_HEADERS, **(PRIVATE_HEADERS if private else {})}
    return HTMLResponse(render(template, language=language, **context), status_code=status, headers=dict(headers))


def page_for(
    request: Request, template: str, *, status: int = 200, private: bool = False, **context: Any
) -> HTMLResponse:
    """The same in the language that its reader asked for; one that they chose on the page is kept in a cookie."""
    context.setdefault("can_switch", request.method == "GET")  # the answer to a form has no address of its own
    response = page(template, status=status, private=private, language=language_of_pages.of(request), **context)
    response.headers["Vary"] = "Accept-Language, Cookie"
    keep_choice(request, response)
    return response


def for_anybody(request: Request, made: Response, *, kept: str) -> Response:
    """A finished answer that anybody may read from anywhere, or 304 for who has it already (RFC 9110 §15.4.5).
    `kept`: its Cache-Control.
    """
    made.headers.update({**ANY_ORIGIN, "X-Content-Type-Options": "nosniff"})
    made.headers.update({"Cache-Control": kept, "ETag": etag_of(bytes(made.body))})
    if not is_at_hand(made.headers["ETag"], request.headers.get("if-none-match")):
        return made
    headers = {name: value for name, value in made.headers.items() if name not in _OF_A_BODY}
    return Response(status_code=304, headers=headers)


def etag_of(body: bytes) -> str:
    """The mark by which a client that has a document knows that it is the same one."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def keep_choice(request: Request, response: Response) -> None:
    """Let the browser remember the language that its user chose by `?lang=`."""
    chosen = request.query_params.get("lang")
    if chosen is not None and chosen in language_of_pages.known():
        response.set_cookie(
            language_of_pages.COOKIE, chosen, max_age=LANGUAGE_LASTS, httponly=True, samesite="lax"
        )
