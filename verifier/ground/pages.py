"""How pages are made and how they speak: Jinja templates of a room on the common base, dates and ages in words.

Texts in templates stand within `_()`, in English; `language` knows the other languages.

What a page says is its room's affair. Every page carries a policy that lets nothing in from elsewhere and, where
it needs no script, runs none.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, JSONResponse

from verifier.ground import language as language_of_pages

STATIC = Path(__file__).parent / "static"
_BASE = Path(__file__).parent / "templates"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)


class Pages:
    """The pages of one room: its own templates, and the base that all share."""

    def __init__(self, templates: Path) -> None:
        self._folders = [templates, _BASE]
        self._environments = {code: self._environment(code) for code in language_of_pages.known()}

    def answer(
        self,
        template: str,
        *,
        status: int = 200,
        script: bool = False,
        language: str = language_of_pages.ENGLISH,
        **values: Any,
    ) -> HTMLResponse:
        """A page as a response that is not kept anywhere. `script`: whether it may run our own files, which may
        ask us again.
        """
        policy = _POLICY + ("; script-src 'self'; connect-src 'self'" if script else "")
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Vary": "Accept-Language, Cookie",
        }
        page = self._environments[language].get_template(template).render(values)
        return HTMLResponse(page, status, headers)

    def _environment(self, language: str) -> Environment:
        def in_words(text: str) -> str:
            return language_of_pages.translated(text, language)

        environment = Environment(
            loader=FileSystemLoader(self._folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_callables(  # type: ignore[attr-defined]
            in_words, lambda one, many, count: in_words(one if count == 1 else many), newstyle=True
        )
        environment.globals |= {"language": language, "languages": language_of_pages.known()}
        # `| words` is for a text that comes from elsewhere: unlike `_()` it stays escaped.
        environment.filters |= {
            "words": in_words,
            "day": partial(day, in_words=in_words),
            "moment": partial(moment, in_words=in_words),
            "age": partial(age, in_words=in_words),
        }
        return environment


def problem(
    status: int,
    title: str,
    detail: str,
    *,
    kind: str = "about:blank",
    members: Mapping[str, object] | None = None,
) -> JSONResponse:
    """Problem details (RFC 9457); `members` stand beside the standard ones."""
    body = {**(members or {}), "type": kind, "title": title, "status": status, "detail": detail}
    headers = {"Cache-Control": "no-store"}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


InWords = Callable[[str], str]  # from an English word to that of a page's language


def day(when: datetime, in_words: InWords = str) -> str:
    """`3 May 2027`."""
    return f"{when.day} {in_words(_MONTHS[when.month - 1])} {when.year}"


def moment(when: datetime, zone: str = "UTC", in_words: InWords = str) -> str:
    """`3 May 2027, 09:00 (Europe/Paris)`: no time without its zone."""
    local = when.astimezone(ZoneInfo(zone))
    return f"{day(local, in_words)}, {local:%H:%M} ({zone})"


def age(span: timedelta, in_words: InWords = str) -> str:
    """`3 minutes`, in the largest unit that fits."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count = seconds // size
        if count:
            return f"{count} {in_words(unit if count == 1 else unit + 's')}"
    return in_words("a moment")
