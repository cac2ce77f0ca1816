"""What HTTP asks of every server (RFC 9110): HEAD wherever there is GET, and nothing sent twice to who has it.

Both offices have this file, the same in each: neither may import the other.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def is_at_hand(etag: str, if_none_match: str | None) -> bool:
    """Whether who asks has the document with this ETag already (§13.1.2).

    A cache on the way that packs a document makes its tag weak, and one that keeps several names them all: tags
    are compared without regard to `W/`, each one of the list, and `*` is any.
    """
    named = [one.strip() for one in (if_none_match or "").split(",")]
    return "*" in named or etag.removeprefix("W/") in {one.removeprefix("W/") for one in named}


class HeadToo:
    """ASGI middleware: HEAD is answered as GET is, without the body (§9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        asked = {**scope, "method": "GET"}
        await self._app(asked, receive, without_body)
        if "route" in asked:  # whoever counts answers looks for it in the scope that they gave
            scope["route"] = asked["route"]
