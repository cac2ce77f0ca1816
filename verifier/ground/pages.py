"""How pages are made and how they speak: Jinja templates of a room on the common base, dates and ages in words.

What a page says is its room's affair. Every page carries a policy that lets nothing in from elsewhere and, where
it needs no script, runs none.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, JSONResponse

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
        self._environment = Environment(
            loader=FileSystemLoader([templates, _BASE]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"day": day, "moment": moment, "age": age}

    def answer(self, template: str, *, status: int = 200, script: bool = False, **values: Any) -> HTMLResponse:
        """A page as a response that is not kept anywhere. `script`: whether it may run our own files."""
        policy = _POLICY + ("; script-src 'self'" if script else "")
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
        return HTMLResponse(self._environment.get_template(template).render(values), status, headers)


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


def day(when: datetime) -> str:
    """`3 May 2027`."""
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def moment(when: datetime, zone: str = "UTC") -> str:
    """`3 May 2027, 09:00 (Europe/Paris)`: no time without its zone."""
    local = when.astimezone(ZoneInfo(zone))
    return f"{day(local)}, {local:%H:%M} ({zone})"


def age(span: timedelta) -> str:
    """`3 minutes`, in the largest unit that fits."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count = seconds // size
        if count:
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "a moment"
