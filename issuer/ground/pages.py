"""Pages: one template environment over all rooms, and the headers that every page goes out with.

Each room keeps its templates in its own `templates` folder; `layout.html` here is around them all. Nothing is
loaded from elsewhere, and no script runs where a page does not name one.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

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
PRIVATE_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


def day_in_words(moment: datetime) -> str:
    """`3 May 2026`."""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    folders = sorted(folder for folder in OFFICE.glob("*/templates"))
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["day"] = day_in_words
    return environment


def render(template: str, **context: Any) -> str:
    """A template filled in; a name that it uses and nobody gave is an error."""
    return _environment().get_template(template).render(**context)


def page(template: str, *, status: int = 200, private: bool = False, **context: Any) -> HTMLResponse:
    """A page as a response; `private` ones are kept by nobody on the way."""
    headers: Mapping[str, str] = {**SECURITY_HEADERS, **(PRIVATE_HEADERS if private else {})}
    return HTMLResponse(render(template, **context), status_code=status, headers=dict(headers))
