"""The form behind an attestor's private link: what is asked, and one answer (PAGES; POLICY §4)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import Engine

from issuer.attestations import service
from issuer.attestations.model import AttestationError
from issuer.ground import language, pages
from issuer.people.model import Person
from schemas.policy import QualificationPolicy


def router(
    engine: Engine,
    *,
    community: str,
    people: Callable[[], Mapping[str, Person]],
    policy: Callable[[], QualificationPolicy],
    kind_name: Callable[[str], str],
    clock: Callable[[], datetime],
) -> APIRouter:
    """`GET` and `POST /attest/{token}`."""
    routes = APIRouter(prefix="/attest/{token}", include_in_schema=False)

    @routes.get("")
    def form(request: Request, token: str) -> HTMLResponse:
        asked = language.of(request)
        invitation = service.open_invitation(engine, token, people=people(), policy=policy())
        if invitation is None:
            return pages.page("nothing.html", status=404, private=True, language=asked, community=community)
        return pages.page(
            "attest.html",
            private=True,
            language=asked,
            community=community,
            invitation=invitation,
            kind=kind_name(invitation.claim.kind),
        )

    @routes.post("")
    def answer(
        request: Request,
        token: str,
        seen: Annotated[str, Form()],
        statement: Annotated[list[str] | None, Form()] = None,
        attendees: Annotated[str, Form()] = "",
    ) -> Response:
        try:
            service.answer(
                engine,
                token,
                seen=_seen(seen),
                statements=frozenset(statement or ()),
                attendees=_attendees(attendees),
                people=people(),
                policy=policy(),
                now=clock(),
            )
        except AttestationError as error:
            return pages.page(
                "refused.html",
                status=422,
                private=True,
                language=language.of(request),
                community=community,
                reason=str(error),
                back=f"/attest/{token}",
            )
        return RedirectResponse(f"/attest/{token}", status_code=303, headers=pages.PRIVATE_HEADERS)

    return routes


def _seen(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise AttestationError("The answer is “I saw it” or “I did not see it”.")
    return text == "yes"


def _attendees(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isascii() or not text.strip().isdigit() or len(text.strip()) > 7:
        raise AttestationError(f"{text!r} is no number of people.")
    return int(text)
