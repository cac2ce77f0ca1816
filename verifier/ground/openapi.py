"""What `/openapi.json` says of a route beside its summary: the bodies that it takes, and each answer it may give.

Every route reads its own body, strictly and bounded, so nothing can be derived from its signature.
"""

from collections.abc import Mapping
from typing import Any

Described = dict[int | str, dict[str, Any]]

OBJECT: Mapping[str, Any] = {"type": "object"}
TEXT: Mapping[str, Any] = {"type": "string"}
FILE: Mapping[str, Any] = {"type": "string", "format": "binary"}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def answers(told: Mapping[int, str], *, kinds: tuple[str, ...] = ("application/json",)) -> Described:
    """The answers of a route, for `responses=`: those in `told` by their status code, and problem details else.

    `kinds`: the media types of those below 400.
    """
    made: Described = {
        status: {
            "description": description,
            "content": {kind: {} for kind in kinds} if status < 400 else _problem_content(),
        }
        for status, description in told.items()
    }
    made["default"] = {"description": "Problem details (RFC 9457).", "content": _problem_content()}
    return made


def body(schemas: Mapping[str, Mapping[str, Any]], *, required: bool = True) -> dict[str, Any]:
    """What a route takes, for `openapi_extra=`: a JSON Schema for each media type."""
    content = {kind: {"schema": dict(schema)} for kind, schema in schemas.items()}
    return {"requestBody": {"required": required, "content": content}}


def _problem_content() -> dict[str, Any]:
    return {"application/problem+json": {"schema": _PROBLEM}}
