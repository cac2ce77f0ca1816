"""`POST /verify` for a badge like one that was judged before: answered where it arrives, on no other thread.

Most of what a server does for a small request is bookkeeping. A token that is sent as it is, and whose verdict
needs nothing that is not at hand, is answered here in front of all that; everything else goes on untouched, and
gets the same answer there. A test holds both together.
"""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verifier.ground.versions import PREFIX
from verifier.verification.service import Verification

MAX_BYTES = 64 << 10  # of a body that is looked at here; a badge has 4,000
PATHS = frozenset({"/verify", f"{PREFIX}/verify"})


class AtOnce:
    """ASGI middleware in front of an office. `headers`: those of a verdict as JSON."""

    def __init__(self, app: ASGIApp, *, verification: Verification, headers: Iterable[tuple[str, str]]) -> None:
        self._app, self._verification = app, verification
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["path"] in PATHS and scope["method"] == "POST"
        if not asked or not _is_raw(scope):
            await self._app(scope, receive, send)
            return
        received = [await receive()]
        body = received[0].get("body", b"")
        while received[-1].get("more_body", False) and len(body) <= MAX_BYTES:
            received.append(await receive())
            body += received[-1].get("body", b"")
        if len(body) <= MAX_BYTES and body.isascii():
            told = self._verification.tell_at_once(body.decode("ascii").strip())
            if told is not None:
                await self._answer(told, send)
                return
        await self._app(scope, _again(received, receive), send)

    async def _answer(self, body: bytes, send: Send) -> None:
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*self._headers, length]})
        await send({"type": "http.response.body", "body": body})


def _is_raw(scope: Scope) -> bool:
    """Whether a program sent a badge as it is, and wants JSON."""
    for name, value in scope["headers"]:
        if name == b"content-type" and value.lower().startswith(b"multipart/"):
            return False
        if name == b"accept" and b"text/html" in value.lower():
            return False
    return True


def _again(received: list[Message], receive: Receive) -> Receive:
    """What was received, once more, and then what follows."""
    left = iter(received)

    async def again() -> Message:
        return next(left, None) or await receive()

    return again
