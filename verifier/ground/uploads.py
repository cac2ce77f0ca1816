"""What a browser or a program sent: one file or text, and the fields beside it, all bounded.

It knows nothing of badges: `verifier.verification.reading` does. Every body is cut off at MAX_BODY_BYTES while
it arrives, whatever its Content-Length says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = (10 << 20) + (64 << 10)  # the largest picture (STANDARDS j1), and the form around it
TOO_LARGE = "More than 10 MiB are not read: a badge is never so large, and a photograph need not be."
MAX_FIELD_BYTES = 1 << 20
MAX_FIELDS = 20
UNBOUNDED_PATHS = frozenset({"/verify/batch"})  # read line by line, and bounded there
_URLENCODED = "application/x-www-form-urlencoded"
_FORMS = ("multipart/form-data", _URLENCODED)
_FIRST_FIELD = re.compile(rb"[A-Za-z_]{1,40}=|\Z")  # no form of a badge begins so


@dataclass(frozen=True)
class Upload:
    """`data`: the file, or the text beside it, or the whole body; `fields`: the other fields of a form."""

    data: bytes
    fields: Mapping[str, str] = field(default_factory=dict)


async def read_upload(request: Request) -> Upload:
    """The file in field `file`, else the text in field `text`, else the raw body.

    Raises:
        HTTPException: 413 for too large a body or field, 400 for a form that cannot be read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _FORMS:
        return Upload(await request.body())
    if kind == _URLENCODED and not _FIRST_FIELD.match(await request.body()):
        return Upload(await request.body())  # `curl --data-binary` says so of anything
    async with request.form(max_files=2, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES) as form:
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        for value in form.getlist("file"):
            if isinstance(value, UploadFile):
                data = await value.read()
                if data:  # browsers send an empty file where none was chosen
                    return Upload(data, fields)
        return Upload(fields.get("text", "").encode(errors="replace"), fields)


def wants_html(request: Request) -> bool:
    """Whether a person's browser asks; programs that say nothing get JSON."""
    return "text/html" in request.headers.get("accept", "").lower()


class BodyLimit:
    """ASGI middleware: a body that grows beyond the limit ends in 413 while it arrives."""

    def __init__(self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0

        if scope["path"] in UNBOUNDED_PATHS:
            await self._app(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise HTTPException(413, TOO_LARGE)
            return message

        await self._app(scope, counted, send)
