"""The door to every staff page: who asks, from which page their form came, and whether a role lets them in.

Cookies are named `__Host-…` where we are at https, so that no neighbouring host can plant one; both hold a secret
of 256 bits. A form must come from our own origin (where the browser says which) and bring back the token that
only our page in this browser could know.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from verifier.ground.settings import Settings
from verifier.ground.uploads import MAX_FIELDS
from verifier.staff.errors import ForgedFormError
from verifier.staff.rights import Right, Role
from verifier.staff.service import Session, SignIn, is_form_token

FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field
BROWSER_LASTS = 3600  # seconds; longer than a link or a log-in takes
SESSION_LASTS = 12 * 3600
MAX_FIELD_BYTES = 4096

CookieName = Literal["session", "browser"]


@dataclass(frozen=True)
class Visitor:
    """Somebody who was let in: `role` is the one that opened this door, `fields` what their form says."""

    session: Session
    role: Role | None
    event: str | None
    fields: Mapping[str, str] = field(default_factory=dict)

    def may(self, right: Right) -> bool:
        """Whether a page should offer something; the door of its route asks again."""
        return self.session.may(right, event=self.event) is not None


@dataclass(frozen=True)
class Browser:
    """A browser in which nobody need be signed in. `secret` is empty where it has none yet."""

    secret: str
    session_token: str
    fields: Mapping[str, str] = field(default_factory=dict)


class Door:
    """The door of one office."""

    def __init__(self, sign_in: SignIn, settings: Settings) -> None:
        self._sign_in, self._settings = sign_in, settings
        self._secure = (settings.public_url or "").startswith("https://")

    def allowed(self, right: Right) -> Callable[[Request], Awaitable[Visitor]]:
        """For a route: only who has this right at the event in its address, or for the office where it names none.

        The route raises NotSignedInError, NotAllowedError, ForgedFormError.
        """

        async def let_in(request: Request) -> Visitor:
            visitor = await self._visitor(request)
            role = visitor.session.must(right, event=visitor.event)
            return Visitor(visitor.session, role, visitor.event, visitor.fields)

        let_in.right = right  # type: ignore[attr-defined] # so that a test can walk every route
        return let_in

    def signed_in(self) -> Callable[[Request], Awaitable[Visitor]]:
        """For a route: anybody of the staff who is signed in."""

        async def let_in(request: Request) -> Visitor:
            return await self._visitor(request)

        let_in.right = None  # type: ignore[attr-defined]
        return let_in

    def anybody(self) -> Callable[[Request], Awaitable[Browser]]:
        """For a route by which people come in: nobody need be signed in; a form must be ours all the same."""

        async def let_in(request: Request) -> Browser:
            secret = self.cookie(request, "browser")
            fields = await self._fields(request, secret=secret)
            return Browser(secret, self.cookie(request, "session"), fields)

        return let_in

    def cookie(self, request: Request, name: CookieName) -> str:
        """What a browser's cookie holds, or nothing."""
        return request.cookies.get(self.cookie_name(name), "")[:200]

    def cookie_name(self, name: CookieName) -> str:
        """A browser keeps `__Host-` only where Secure may stand: plain http on this machine has another name."""
        return f"__Host-staff-{name}" if self._secure else f"staff-{name}"

    def set_cookie(self, response: Response, name: CookieName, value: str) -> None:
        """Give the browser a secret that no script reads and no other site sends, except by a plain link to us."""
        response.set_cookie(
            self.cookie_name(name),
            value,
            max_age=SESSION_LASTS if name == "session" else BROWSER_LASTS,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def drop_cookie(self, response: Response, name: CookieName) -> None:
        """Take it away again."""
        response.delete_cookie(
            self.cookie_name(name), path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    async def _visitor(self, request: Request) -> Visitor:
        token = self.cookie(request, "session")
        session = await run_in_threadpool(self._sign_in.session, token)
        fields = await self._fields(request, secret=token)
        if any("\0" in text for text in (*request.path_params.values(), *fields.values())):
            raise HTTPException(400, "No text here has the character NUL.")  # a PostgreSQL refuses to look for it
        return Visitor(session, None, request.path_params.get("event"), fields)

    async def _fields(self, request: Request, *, secret: str) -> Mapping[str, str]:
        """The fields of a form that was sent from our own page; none for a request that changes nothing."""
        if request.method in {"GET", "HEAD"}:
            return {}
        self._check_origin(request)
        async with request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES) as form:
            fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        if not is_form_token(fields.get(FORM_TOKEN, ""), secret=secret):
            raise ForgedFormError("This form was not sent from our page in this browser: open the page again.")
        return fields

    def _check_origin(self, request: Request) -> None:
        """Where the browser says from which site a form came, it must be ours (RFC 6454 §7, Fetch Metadata)."""
        ours = urlsplit(self._settings.public_url or f"{request.url.scheme}://{request.headers.get('host', '')}")
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
        if site not in {"same-origin", "none"} or origin not in {None, f"{ours.scheme}://{ours.netloc}"}:
            raise ForgedFormError("This form was sent from another site: open the page again at our own address.")
