"""The holder's private pages: badge, downloads, choices, and why. Behind an unguessable link, kept by nobody."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from issuer.badges import achievements, issuance
from issuer.badges import service as badges
from issuer.badges.bureau import Bureau
from issuer.badges.model import BadgeError
from issuer.contributions.health import Health
from issuer.delivery import files, service
from issuer.delivery.files import FileForm
from issuer.delivery.service import Holding
from issuer.ground import language, pages
from issuer.ground.language import Voice
from issuer.people import service as people
from issuer.recognition import questions, sentences
from issuer.recognition import service as recognition
from issuer.recognition.question import QuestionError, QuestionKind
from schemas.policy import QualificationPolicy

QUESTION_KINDS: dict[str, QuestionKind] = {"missing": "missing", "dispute": "dispute", "appeal": "appeal"}
NAMED_FORMS: dict[str, FileForm] = {one: one for one in ("pdf", "png", "zip")}
SAVED = {
    "name": "Your badge was signed anew; save its files again.",
    "same": "Nothing in the badge itself has changed.",
    "claimed": "The badge is in your hand. Keep the address of this page: it is your private link.",
    "link": "This page has a new address: keep it. The former one leads nowhere.",
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

    def nothing(request: Request) -> HTMLResponse:
        return pages.page_for(request, "nothing.html", status=404, private=True, community=bureau().name)

    def refused(request: Request, error: Exception, back: str) -> HTMLResponse:
        return pages.page_for(
            request,
            "refused.html",
            status=422,
            private=True,
            community=bureau().name,
            reason=str(error),
            back=back,
        )

    @routes.get("")
    def holder(request: Request, token: str, saved: str = "", badge: str = "") -> HTMLResponse:
        office = bureau()
        held = service.holding(office, token, front=badge)
        if held is None:
            return nothing(request)
        people.note_reader(office.engine, held.person, language.asked_for(request))
        view = _holder_view(office, held, token, policy(), saved, language.voice(request))
        return pages.page_for(request, "holder.html", private=True, **view)

    @routes.get("/why")
    def why(request: Request, token: str) -> HTMLResponse:
        office = bureau()
        held = service.holding(office, token)
        if held is None:
            return nothing(request)
        in_force, say = policy(), language.voice(request)
        people.note_reader(office.engine, held.person, language.asked_for(request))
        decision = service.decision_for(office, in_force, held.person, now=clock())
        tier = sentences.tier_name(decision.tier, say) if decision.tier else say("No tier yet")
        return pages.page_for(
            request,
            "why.html",
            private=True,
            community=office.name,
            page=f"/h/{token}",
            heading=say("%(tier)s, and why", tier=tier),
            decision=decision,
            credits=sentences.credits_in_words(decision.credits, say),
            months=sentences.active_months(decision.active_months, say),
            quarters=sentences.active_quarters(decision.active_quarters, say),
            smallest_change=sentences.smallest_change(decision.smallest_change, say),
            lines=[service.line_view(line, say) for line in decision.lines],
            merits=service.merit_views(decision, achievements.entries(office.engine, now=clock()), say),
            policy_page=f"/policies/{in_force.digest}.html",
            questions=questions.of_person(office.engine, held.person),
            has_badge=held.badge is not None,
            sources=sources(),
        )

    @routes.post("/questions")
    def ask(
        request: Request,
        token: str,
        kind: Annotated[str, Form()],
        text: Annotated[str, Form()] = "",
        link: Annotated[str, Form()] = "",
    ) -> Response:
        office = bureau()
        held = service.holding(office, token)
        if held is None or kind not in QUESTION_KINDS:
            return nothing(request)
        try:
            service.ask(office, held, QUESTION_KINDS[kind], text=text, link=link, policy=policy(), now=clock())
        except QuestionError as error:
            return refused(request, error, f"/h/{token}/why")
        return RedirectResponse(f"/h/{token}/why#questions", status_code=303, headers=pages.PRIVATE_HEADERS)

    @routes.get("/case.json")
    def case(request: Request, token: str) -> Response:
        office = bureau()
        held = service.holding(office, token)
        if held is None:
            return nothing(request)
        body = recognition.case_file(office.engine, policy(), held.person, as_of=clock())
        headers = {**pages.SECURITY_HEADERS, **pages.PRIVATE_HEADERS}
        headers["Content-Disposition"] = 'attachment; filename="my-case.json"'
        return Response(body, media_type="application/json", headers=headers)

    @routes.post("/choices")
    def choices(
        request: Request,
        token: str,
        badge: Annotated[str, Form()],
        shows_name: Annotated[str, Form()] = "",
        hashes_address: Annotated[str, Form()] = "",
        shows_evidence: Annotated[str, Form()] = "",
        published: Annotated[str, Form()] = "",
    ) -> Response:
        office = bureau()
        held = service.holding(office, token)
        if held is None:
            return nothing(request)
        try:
            mine = service.own_badge(held, badge)
            evidence = service.evidence_links(office, mine, held.person) if shows_evidence == "yes" else ()
            chosen = issuance.choose(
                office,
                mine,
                person=held.person,
                shows_name=shows_name == "yes",
                hashes_address=hashes_address == "yes",
                evidence=evidence,
                published=published == "yes",
                now=clock(),
            )
        except BadgeError as error:
            return refused(request, error, f"/h/{token}")
        saved = "name" if chosen.jwt != mine.jwt else "same"
        shown = f"/h/{token}?saved={saved}&badge={mine.short_id}"
        return RedirectResponse(shown, status_code=303, headers=pages.PRIVATE_HEADERS)

    @routes.post("/named")
    def named(
        request: Request, token: str, badge: Annotated[str, Form()], form: Annotated[str, Form()] = "pdf"
    ) -> Response:
        """A copy with the holder's name, as a file; the badge itself stays as it is."""
        office = bureau()
        held = service.holding(office, token)
        if held is None or form not in NAMED_FORMS:
            return nothing(request)
        try:
            mine = service.own_badge(held, badge)
            copy = issuance.named_copy(office, mine, person=held.person, now=clock())
            body = service.file(office, copy, NAMED_FORMS[form], language.voice(request))
        except BadgeError as error:
            return refused(request, error, f"/h/{token}")
        name = files.file_name(copy, NAMED_FORMS[form], named=True)
        headers = {**pages.SECURITY_HEADERS, **pages.PRIVATE_HEADERS}
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return Response(body, media_type=files.MEDIA_TYPES[NAMED_FORMS[form]], headers=headers)

    @routes.post("/returned")
    def give_back(
        request: Request, token: str, badge: Annotated[str, Form()], sure: Annotated[str, Form()] = ""
    ) -> Response:
        office = bureau()
        held = service.holding(office, token)
        if held is None:
            return nothing(request)
        try:
            service.give_back(office, held, badge, sure=sure == "yes", now=clock())
        except BadgeError as error:
            return refused(request, error, f"/h/{token}")
        return RedirectResponse(f"/h/{token}", status_code=303, headers=pages.PRIVATE_HEADERS)

    @routes.post("/link")
    def new_link(request: Request, token: str) -> Response:
        office = bureau()
        held = service.holding(office, token)
        if held is None:
            return nothing(request)
        made = service.replace_link(office, held, now=clock())
        return RedirectResponse(f"/h/{made}?saved=link", status_code=303, headers=pages.PRIVATE_HEADERS)

    @routes.get("/badge/{name}")
    def badge_file(request: Request, token: str, name: str, show: str = "") -> Response:
        short_id, _, ending = name.rpartition(".")
        forms: dict[str, FileForm] = {one: one for one in ("jwt", "json", "png", "svg", "pdf", "zip")}
        return download(request, token, short_id, forms.get(ending), as_attachment=not show)

    @routes.get("/code/{name}")
    def code_file(request: Request, token: str, name: str) -> Response:
        short_id, _, ending = name.rpartition(".")
        return download(request, token, short_id, "qr-png" if ending == "png" else None, as_attachment=False)

    @routes.get("/lookup/{name}")
    def lookup_file(request: Request, token: str, name: str) -> Response:
        office = bureau()
        held = service.holding(office, token)
        try:
            mine = None if held is None else service.own_badge(held, name.removesuffix(".png"))
        except BadgeError:
            mine = None
        body = None if mine is None else service.lookup_code(office, mine)
        if body is None:
            return nothing(request)
        return Response(body, media_type="image/png", headers={**pages.SECURITY_HEADERS, **pages.PRIVATE_HEADERS})

    def download(
        request: Request, token: str, short_id: str, form: FileForm | None, *, as_attachment: bool
    ) -> Response:
        office = bureau()
        held = service.holding(office, token)
        if held is None or form is None:
            return nothing(request)
        try:
            mine = service.own_badge(held, short_id)
            body = service.file(office, mine, form, language.voice(request))
        except BadgeError:
            return nothing(request)
        headers = {**pages.SECURITY_HEADERS, **pages.PRIVATE_HEADERS}
        if as_attachment:
            headers["Content-Disposition"] = f'attachment; filename="{files.file_name(mine, form)}"'
        return Response(body, media_type=files.MEDIA_TYPES[form], headers=headers)

    return routes


def _holder_view(
    office: Bureau, held: Holding, token: str, policy: QualificationPolicy, saved: str, say: Voice
) -> dict[str, Any]:
    badge, page = held.badge, f"/h/{token}"
    view: dict[str, Any] = {
        "community": office.name,
        "page": page,
        "person": held.person,
        "badge": badge,
        "did": office.did,
        "saved": say(SAVED[saved]) if saved in SAVED else "",
        "chose": saved in {"name", "same"},
        "policy_page": f"/policies/{policy.digest}.html",
        "others": [{"title": service.badge_title(other, say), "badge": other} for other in held.earlier],
        "per_kind": [
            {
                "title": service.badge_title(one, say),
                "thanks": sentences.thanks_again(one.award.thanks, say),
                "address": f"{page}?badge={one.short_id}",
                "picture": f"{page}/badge/{one.short_id}.svg?show=1",
                "alt": service.badge_alt(one, say),
            }
            for one in held.per_kind
        ],
    }
    if badge is None or badge.jwt is None:
        return view
    read = badges.read_own(badge.jwt)
    is_public = badge.published and badge.state == "in force"
    return view | {
        "files": f"{page}/badge/{badge.short_id}",
        "title": say("Your badge: %(title)s", title=service.badge_title(badge, say)),
        "thanks": files.thanks(badge, say),
        "alt": service.badge_alt(badge, say),
        "valid_until": read.validUntil,
        "evidence": service.evidence_links(office, badge, held.person) if badge.standing else (),
        "evidence_inside": len(read.evidence or ()),
        "public_page": f"/b/{badge.short_id}/",
        "short_code": badges.short_code(badge),
        "embed": files.embed(badge, host=office.host, say=say) if is_public else "",
        "linkedin": files.linkedin(badge, host=office.host, say=say) if is_public else "",
        "holder_code": office.holder_code(badge.reference),
        "can_return": service.may_be_given_back(office, badge),
        "print_mm": service.code_print_mm(office, badge) if badge.standing else None,
    }
