"""Which addresses pages of other sites may ask, and what their browsers are told before (Fetch standard, CORS).

Every answer there says so, errors of the framework among them: a page that could not read why it was refused would
call it "the network". No cookie is ever let in.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LASTS = "86400"  # seconds; how long a browser need not ask again


@dataclass(frozen=True)
class Opening:
    """What is open: the addresses, and the methods and headers that may be used; `exposed` are read there."""

    is_open: Callable[[str], bool]
    methods: str
    headers: str
    exposed: str


class AnyOrigin:
    """ASGI middleware: answers for the addresses of one opening what a browser has to hear."""

    def __init__(self, app: ASGIApp, *, opening: Opening) -> None:
        self._app, self._is_open = app, opening.is_open
        self._told = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": opening.exposed}
        self._preflight = self._told | {
            "Access-Control-Allow-Methods": opening.methods,
            "Access-Control-Allow-Headers": opening.headers,
            "Access-Control-Max-Age": LASTS,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=self._preflight)(scope, receive, send)
            return

        async def opened(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._told)
            await send(message)

        await self._app(scope, receive, opened)
