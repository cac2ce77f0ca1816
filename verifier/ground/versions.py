"""The API's version: every route as it stands today is version 1, and answers under `/api/v1` as well.

Whoever builds on it names the version; a later one that changes what a route means gets another prefix, and this
one stays. The bare paths are those of the standards' contracts and of people's pages.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/api/v1"


class Versions:
    """ASGI middleware: takes the prefix off."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX + "/"):
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(PREFIX)
        bare = {**scope, "path": path, "raw_path": path.encode("utf-8", errors="replace")}
        await self._app(bare, receive, send)
        if "route" in bare:  # whoever counts answers looks for it in the scope that they gave
            scope["route"] = bare["route"]
