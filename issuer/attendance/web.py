"""Pages of attendance: the screen in the room, and what whoever scans it or has a card sees (POLICY §4)."""

import base64
import io
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from issuer.attendance import service
from issuer.attendance.model import AttendanceError, Gathering
from issuer.ground import language, pages
from issuer.ground.login.door import Door, Visitor
from issuer.ground.login.errors import NotSignedInError
from issuer.ground.login.service import Login
from issuer.people.frame import Frame
from issuer.people.web import asking_limit
from schemas.policy import AttendanceCode

VISITOR = "visitor"  # the cookie by which one browser counts once
VISITOR_DAYS = 30
MAX_CARDS_AT_ONCE = 200
LOOK_AGAIN_SECONDS = 15  # how often the screen shows the new number


def router(
    engine: Engine,
    *,
    community: str,
    public_url: str,
    rule: Callable[[], AttendanceCode],
    login: Login,
    door: Door,
    frame: Frame,
    clock: Callable[[], datetime],
) -> APIRouter:
    """`/gatherings` and `/room/{token}` for organisers, `/here/…` and `/card/…` for whoever is there."""
    routes = APIRouter(include_in_schema=False)
    limited = asking_limit()
    SignedIn = Annotated[Visitor, Depends(door.signed_in())]  # noqa: N806 - a type

    def page(request: Request, template: str, *, status: int = 200, **context: object) -> HTMLResponse:
        return pages.page(
            template,
            status=status,
            private=True,
            language=language.of(request),
            community=community,
            **context,
        )

    def nothing(request: Request) -> HTMLResponse:
        return page(request, "nothing.html", status=404)

    def visitor_of(request: Request) -> Visitor | None:
        try:
            return Visitor(login.session(door.cookie(request, "session")), None)
        except NotSignedInError:
            return None

    def here(
        request: Request,
        gathering: Gathering,
        *,
        answer: str | None = None,
        status: int = 200,
        visitor: Visitor | None = None,
        recorded: bool = False,
    ) -> HTMLResponse:
        return frame.answer(
            request,
            "here.html",
            visitor,
            gathering=gathering,
            answer=answer,
            status=status,
            recorded=recorded,
        )

    def organise(
        request: Request, visitor: Visitor, *, problem: str = "", given: dict[str, str] | None = None
    ) -> HTMLResponse:
        return frame.answer(
            request,
            "organise.html",
            visitor,
            status=422 if problem else 200,
            problem=problem,
            given={"title": "", "capacity": "", "begins": "0", "at": "", "hours": "3", "region": ""}
            | (given or {}),
        )

    @routes.get("/gatherings")
    def gatherings(request: Request, visitor: SignedIn) -> Response:
        return organise(request, visitor)

    @routes.post("/gatherings")
    async def declared(request: Request, visitor: SignedIn) -> Response:
        limited(request)
        try:
            token = await run_in_threadpool(_declare, engine, visitor, clock())
        except AttendanceError as error:
            return organise(request, visitor, problem=str(error), given=dict(visitor.fields))
        return frame.back_to(f"/room/{token}")

    @routes.get("/room/{token}")
    def room(request: Request, token: str) -> HTMLResponse:
        found = service.room(engine, token, rule=rule(), now=clock())
        if found is None:
            return nothing(request)
        return page(request, "room.html", room=found, token=token)

    @routes.get("/room/{token}/screen")
    def screen(request: Request, token: str) -> HTMLResponse:
        """What a projector shows: it asks for itself again, since the code is soon an old one."""
        found = service.room(engine, token, rule=rule(), now=clock())
        if found is None:
            return nothing(request)
        link = f"{public_url}/here/{found.gathering.id}/{found.code}" if found.code else None
        response = page(
            request,
            "screen.html",
            room=found,
            link=link,
            picture=_qr(link) if link else None,
            period=rule().period_seconds,
        )
        if found.when != "closed":
            response.headers["Refresh"] = str(min(found.seconds_left + 1, LOOK_AGAIN_SECONDS))
        return response

    @routes.post("/room/{token}/cards")
    def cards(request: Request, token: str, number: Annotated[str, Form()]) -> HTMLResponse:
        found = service.room(engine, token, rule=rule(), now=clock())
        if found is None:
            return nothing(request)
        try:
            codes = service.make_cards(engine, token, _number(number, most=MAX_CARDS_AT_ONCE)) or []
        except AttendanceError as error:
            return page(request, "refused.html", status=422, reason=str(error), back=f"/room/{token}")
        return page(
            request, "cards.html", gathering=found.gathering, cards=_cards(codes, public_url), closes=found.closes
        )

    @routes.post("/room/{token}/list")
    def door_list(request: Request, token: str, people: Annotated[str, Form()], photo: UploadFile) -> HTMLResponse:
        found = service.room(engine, token, rule=rule(), now=clock())
        if found is None:
            return nothing(request)
        try:
            service.add_door_list(
                engine,
                found.gathering.event,
                people=_number(people, most=service.MAX_CAPACITY),
                photo=photo.file.read(service.MAX_PHOTO_BYTES + 1),
                now=clock(),
            )
        except AttendanceError as error:
            return page(request, "refused.html", status=422, reason=str(error), back=f"/room/{token}")
        return page(request, "listed.html", gathering=found.gathering, people=int(people))

    @routes.get("/here/{gathering_id}/{code}")
    def scanned(request: Request, gathering_id: str, code: str) -> HTMLResponse:
        found = service.scanned(engine, gathering_id, code[:64], rule=rule(), now=clock())
        if found is None:
            return nothing(request)
        gathering, answer = found
        status = _STATUS[answer] if answer else 200
        return here(request, gathering, answer=answer, status=status, visitor=visitor_of(request))

    @routes.post("/here/{gathering_id}/{code}")
    def counted(request: Request, gathering_id: str, code: str) -> Response:
        visitor = request.cookies.get(VISITOR) or secrets.token_urlsafe(16)
        answer = service.attend(engine, gathering_id, code[:64], visitor=visitor[:64], rule=rule(), now=clock())
        gathering = service.gathering_of(engine, gathering_id)
        if answer is None or gathering is None:
            return nothing(request)
        return known_again(here(request, gathering, answer=answer, status=_STATUS[answer]), visitor)

    @routes.post("/here/{gathering_id}/{code}/recorded")
    async def recorded(request: Request, visitor: SignedIn, gathering_id: str, code: str) -> Response:
        browser = (request.cookies.get(VISITOR) or secrets.token_urlsafe(16))[:64]
        answer = await run_in_threadpool(
            service.attend_by_name,
            engine,
            gathering_id,
            code[:64],
            visitor.session.person,
            visitor=browser,
            rule=rule(),
            now=clock(),
        )
        gathering = service.gathering_of(engine, gathering_id)
        if answer is None or gathering is None:
            return nothing(request)
        there = answer in {"counted", "counted_before"}
        response = here(request, gathering, answer=answer, status=_STATUS[answer], visitor=visitor, recorded=there)
        return known_again(response, browser)

    def known_again(response: Response, visitor: str) -> Response:
        """The browser keeps a random word, so that it is counted once."""
        response.set_cookie(
            VISITOR,
            visitor,
            max_age=VISITOR_DAYS * 86_400,
            path="/here",
            httponly=True,
            samesite="lax",
            secure=public_url.startswith("https:"),
        )
        return response

    @routes.get("/card/{code}")
    def card(request: Request, code: str) -> HTMLResponse:
        gathering = service.card_of(engine, code[:64])
        return nothing(request) if gathering is None else here(request, gathering)

    @routes.post("/card/{code}")
    def card_used(request: Request, code: str) -> HTMLResponse:
        used = service.use_card(engine, code[:64], rule=rule(), now=clock())
        if used is None:
            return nothing(request)
        return here(request, used[0], answer=used[1], status=_STATUS[used[1]])

    return routes


def _declare(engine: Engine, visitor: Visitor, now: datetime) -> str:
    """The secret of the link to the room that somebody asks for."""
    fields = visitor.fields
    begins = fields.get("begins", "0")
    if begins == "at":
        try:
            starts = datetime.fromisoformat(fields.get("at", "")).replace(tzinfo=UTC)
        except ValueError as error:
            raise AttendanceError("A time such as 2026-06-10 18:00 was expected.") from error
        if starts <= now:
            raise AttendanceError(
                "A gathering is declared before it starts; for one that is over there is the list at the door."
            )
    else:
        starts = now + timedelta(minutes=_number(begins, most=10_000) if begins != "0" else 0)
    _, token = service.declare_own(
        engine,
        visitor.session.person,
        title=fields.get("title", ""),
        region=fields.get("region", "")[:64],
        starts=starts,
        hours=_number(fields.get("hours", "3"), most=service.MAX_HOURS),
        capacity=_number(fields.get("capacity", ""), most=service.MAX_CAPACITY),
        now=now,
    )
    return token


_STATUS: dict[str, int] = {
    "counted": 200,
    "counted_before": 200,
    "full": 409,
    "before": 409,
    "closed": 410,
    "stale": 410,
}


def _cards(codes: Sequence[str], public_url: str) -> list[tuple[str, str]]:
    """Each card as its picture and the words to type."""
    return [(_qr(f"{public_url}/card/{code}"), f"{public_url}/card/{code}") for code in codes]


def _qr(text: str) -> str:
    """A QR code as the address of a picture that stands in the page itself."""
    import qrcode

    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=8, border=4)
    code.add_data(text)
    code.make(fit=True)
    stream = io.BytesIO()
    code.make_image().save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def _number(text: str, *, most: int) -> int:
    given = text.strip()
    if not given.isascii() or not given.isdigit() or len(given) > 6 or not 0 < int(given) <= most:
        raise AttendanceError(f"{text[:20]!r} is no number of people from 1 to {most}.")
    return int(given)
