"""An attestor's sheet in a browser: all that waits for them, answered with one form (POLICY §4, journey 5)."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine
from starlette.datastructures import FormData

from issuer.attestations import sheets
from issuer.attestations.model import AttestationError
from issuer.attestations.sheets import CLAIMS_SHOWN, Said
from issuer.ground import language, pages
from issuer.people.model import Person
from schemas.policy import QualificationPolicy

MAX_FIELDS = CLAIMS_SHOWN * 20


def router(
    engine: Engine,
    *,
    community: str,
    people: Callable[[], Mapping[str, Person]],
    policy: Callable[[], QualificationPolicy],
    kind_name: Callable[[str], str],
    clock: Callable[[], datetime],
) -> APIRouter:
    """`GET` and `POST /sheet/{token}`."""
    routes = APIRouter(prefix="/sheet/{token}", include_in_schema=False)

    def shown(request: Request, token: str, refused: Mapping[str, str], *, status: int = 200) -> HTMLResponse:
        asked = language.of(request)
        sheet = sheets.open_sheet(engine, token, people=people(), policy=policy(), now=clock())
        if sheet is None:
            return pages.page("nothing.html", status=404, private=True, language=asked, community=community)
        return pages.page(
            "sheet.html",
            status=status,
            private=True,
            language=asked,
            community=community,
            sheet=sheet,
            token=token,
            refused=refused,
            kind=kind_name,
        )

    @routes.get("")
    def sheet_page(request: Request, token: str) -> HTMLResponse:
        return shown(request, token, {})

    @routes.post("")
    async def answered(request: Request, token: str) -> HTMLResponse:
        form = await request.form(max_files=0, max_fields=MAX_FIELDS)
        return await run_in_threadpool(take, request, token, form)

    def take(request: Request, token: str, form: FormData) -> HTMLResponse:
        said, refused = _read(form)
        try:
            refused |= sheets.answer_all(engine, token, said, people=people(), policy=policy(), now=clock())
        except AttestationError:
            refused = {}  # the page says that the link leads nowhere
        return shown(request, token, refused, status=422 if refused else 200)

    @routes.get("/list/{claim}")
    def door_list(request: Request, token: str, claim: str) -> Response:
        found = sheets.list_photo(engine, token, claim, people=people(), policy=policy(), now=clock())
        if found is None:
            return pages.page(
                "nothing.html", status=404, private=True, language=language.of(request), community=community
            )
        headers = {**pages.SECURITY_HEADERS, **pages.PRIVATE_HEADERS}
        return Response(found[0], media_type=found[1], headers=headers)

    return routes


def _read(form: FormData) -> tuple[list[Said], dict[str, str]]:
    """What a form says of each claim, and of which it says something that cannot be read."""
    said: list[Said] = []
    refused: dict[str, str] = {}
    for name, value in form.multi_items():
        kind, _, claim = name.partition(".")
        if kind != "seen" or value not in {"yes", "no"}:
            continue
        statements = frozenset(str(one) for one in form.getlist(f"statement.{claim}"))
        number = str(form.get(f"attendees.{claim}") or "").strip()
        if number and not (number.isascii() and number.isdigit() and len(number) <= 7):
            refused[claim] = f"{number[:20]!r} is no number of people."
            continue
        said.append(Said(claim, value == "yes", statements, int(number) if number else None))
    return said, refused
