"""The headers that every answer of this office carries, and how long its own files are kept."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address of a desk is its key
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
}
_KEPT_AN_HOUR = (b"cache-control", b"public, max-age=3600")
_RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class Headers:
    """ASGI middleware: adds each header that an answer does not have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = [*_RAW, _KEPT_AN_HOUR] if scope["path"].startswith("/static/") else _RAW

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in wanted if one[0] not in given)]
            await send(message)

        await self._app(scope, receive, completed)
