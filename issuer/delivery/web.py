"""The holder's private pages: badge, downloads, choices, and why. Behind an unguessable link, kept by nobody."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from issuer.badges import issuance
from issuer.badges import service as badges
from issuer.badges.bureau import Bureau
from issuer.badges.model import BadgeError
from issuer.contributions.health import Health
from issuer.delivery import files, service
from issuer.delivery.files import FileForm
from issuer.delivery.service import Holding
from issuer.ground import pages
from issuer.recognition import questions, sentences
from issuer.recognition import service as recognition
from issuer.recognition.question import QuestionError, QuestionKind
from schemas.policy import QualificationPolicy

QUESTION_KINDS: dict[str, QuestionKind] = {"missing": "missing", "dispute": "dispute", "appeal": "appeal"}
SAVED = {
    "name": "Your badge was signed anew; save its files again.",
    "same": "Nothing in the badge itself has changed.",
}


def router(
    bureau: Callable[[], Bureau],
    *,
    policy: Callable[[], QualificationPolicy],
    sources: Callable[[], Sequence[Health]],
    clock: Callable[[], datetime],
) -> APIRouter:
    """Routes below `/h/{token}`, the holder's private link. `sources`: how each source of records stands."""
    routes = APIRouter(prefix="/h/{token}", include_in_schema=False)

    def nothing() -> HTMLResponse:
        return pages.page("nothing.html", status=404, private=True, community=bureau().name)

    @routes.get("")
    def holder(token: str, saved: str = "") -> HTMLResponse:
        office = bureau()
        held = service.holding(office, token)
        if held is None:
            return nothing()
        view = _holder_view(office, held, token, policy(), saved)
        return pages.page("holder.html", private=True, **view)

    @routes.get("/why")
    def why(token: str) -> HTMLResponse:
        office = bureau()
        held = service.holding(office, token)
        if held is None:
            return nothing()
        in_force = policy()
        decision = service.decision_for(office, in_force, held.person, now=clock())
        tier = f"{sentences.tier_name(decision.tier)}, and why" if decision.tier else "No tier yet, and why"
        return pages.page(
            "why.html",
            private=True,
            community=office.name,
            page=f"/h/{token}",
            heading=tier,
            decision=decision,
            credits=sentences.credits_in_words(decision.credits),
            months=sentences.counted(decision.active_months, "active month"),
            quarters=sentences.counted(decision.active_quarters, "active quarter"),
            smallest_change=sentences.smallest_change(decision.smallest_change),
            lines=[service.line_view(line) for line in decision.lines],
            policy_page=f"/policies/{in_force.digest}.html",
            questions=questions.of_person(office.engine, held.person),
            has_badge=held.badge is not None,
            sources=sources(),
        )

    @routes.post("/questions")
    def ask(
        token: str,
        kind: Annotated[str, Form()],
        text: Annotated[str, Form()] = "",
        link: Annotated[str, Form()] = "",
    ) -> Response:
        office = bureau()
        held = service.holding(office, token)
        if held is None or kind not in QUESTION_KINDS:
            return nothing()
        try:
            service.ask(office, held, QUESTION_KINDS[kind], text=text, link=link, policy=policy(), now=clock())
        except QuestionError as error:
            return pages.page(
                "refused.html", status=422, private=True, community=office.name, reason=str(error),
                back=f"/h/{token}/why",
            )  # fmt: skip
        return RedirectResponse(f"/h/{token}/why#questions", status_code=303, headers=pages.PRIVATE_HEADERS)

    @routes.get("/case.json")
    def case(token: str) -> Response:
        office = bureau()
        held = service.holding(office, token)
        if held is None:
            return nothing()
        body = recognition.case_file(office.engine, policy(), held.person, as_of=clock())
        headers = {**pages.SECURITY_HEADERS, **pages.PRIVATE_HEADERS}
        headers["Content-Disposition"] = 'attachment; filename="my-case.json"'
        return Response(body, media_type="application/json", headers=headers)

    @routes.post("/choices")
    def choices(
        token: str,
        badge: Annotated[str, Form()],
        shows_name: Annotated[str, Form()] = "",
        hashes_address: Annotated[str, Form()] = "",
        published: Annotated[str, Form()] = "",
    ) -> Response:
        office = bureau()
        held = service.holding(office, token)
        if held is None:
            return nothing()
        try:
            mine = service.own_badge(held, badge)
            issuance.choose(
                office,
                mine,
                person=held.person,
                shows_name=shows_name == "yes",
                hashes_address=hashes_address == "yes",
                published=published == "yes",
                now=clock(),
            )
        except BadgeError as error:
            return pages.page(
                "refused.html",
                status=422,
                private=True,
                community=office.name,
                reason=str(error),
                back=f"/h/{token}",
            )
        chosen = (shows_name == "yes", hashes_address == "yes")
        saved = "name" if chosen != (mine.shows_name, mine.hashes_address) else "same"
        return RedirectResponse(f"/h/{token}?saved={saved}", status_code=303, headers=pages.PRIVATE_HEADERS)

    @routes.get("/badge/{name}")
    def badge_file(token: str, name: str, show: str = "") -> Response:
        short_id, _, ending = name.rpartition(".")
        forms: dict[str, FileForm] = {"jwt": "jwt", "json": "json", "png": "png", "svg": "svg"}
        return download(token, short_id, forms.get(ending), as_attachment=not show)

    @routes.get("/code/{name}")
    def code_file(token: str, name: str) -> Response:
        short_id, _, ending = name.rpartition(".")
        return download(token, short_id, "qr-png" if ending == "png" else None, as_attachment=False)

    def download(token: str, short_id: str, form: FileForm | None, *, as_attachment: bool) -> Response:
        office = bureau()
        held = service.holding(office, token)
        if held is None or form is None:
            return nothing()
        try:
            mine = service.own_badge(held, short_id)
            body = service.file(office, mine, form)
        except BadgeError:
            return nothing()
        headers = {**pages.SECURITY_HEADERS, **pages.PRIVATE_HEADERS}
        if as_attachment:
            headers["Content-Disposition"] = f'attachment; filename="{files.file_name(mine, form)}"'
        return Response(body, media_type=files.MEDIA_TYPES[form], headers=headers)

    return routes


def _holder_view(
    office: Bureau, held: Holding, token: str, policy: QualificationPolicy, saved: str
) -> dict[str, Any]:
    badge, page = held.badge, f"/h/{token}"
    view: dict[str, Any] = {
        "community": office.name,
        "page": page,
        "person": held.person,
        "badge": badge,
        "did": office.did,
        "saved": SAVED.get(saved, ""),
        "policy_page": f"/policies/{policy.digest}.html",
        "others": [{"title": service.badge_title(other), "badge": other} for other in held.others],
    }
    if badge is None or badge.jwt is None:
        return view
    thanks = badge.award.thanks
    read = badges.read_own(badge.jwt)
    narrative = read.credentialSubject.narrative
    return view | {
        "files": f"{page}/badge/{badge.short_id}",
        "title": f"Your badge: {service.badge_title(badge)}",
        "thanks": f"{narrative}." if narrative else f"For {thanks}." if thanks else "For what you did.",
        "alt": service.badge_alt(badge),
        "valid_until": read.validUntil,
        "public_page": f"/b/{badge.short_id}/",
        "holder_code": office.holder_code(badge.reference),
        "print_mm": service.code_print_mm(office, badge) if badge.standing else None,
    }
