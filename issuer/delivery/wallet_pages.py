"""The holder's page about wallets: an offer of one badge, and which wallets have it. Behind the private link.

The offer is made by a button, never by opening a page, and its six digits stand here only: the page is the other
channel, which whoever gets hold of the offer's link does not see.
"""

from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from issuer.badges import service as badges
from issuer.badges.bureau import Bureau
from issuer.badges.model import Badge, BadgeError
from issuer.delivery import codes, service
from issuer.ground import language, pages
from issuer.ground.language import Voice
from issuer.people.model import Person
from issuer.wallets import service as wallets
from issuer.wallets.errors import OfferError
from issuer.wallets.model import MadeOffer

LOST = "its holder does not have that wallet any more"
WHAT_BECAME = {
    "credential_accepted": "the wallet says that it keeps it",
    "credential_failure": "the wallet says that it could not keep it",
    "credential_deleted": "the wallet says that it was deleted there",
}


def router(bureau: Callable[[], Bureau], *, clock: Callable[[], datetime]) -> APIRouter:
    """Routes below `/h/{token}/wallet/{badge}`."""
    routes = APIRouter(prefix="/h/{token}/wallet/{short_id}", include_in_schema=False)

    def find(token: str, short_id: str) -> tuple[Person, Badge] | None:
        held = service.holding(bureau(), token)
        try:
            return None if held is None else (held.person, service.own_badge(held, short_id))
        except BadgeError:
            return None

    def nothing(request: Request) -> HTMLResponse:
        return pages.page_for(request, "nothing.html", status=404, private=True, community=bureau().name)

    def shown(
        request: Request, token: str, badge: Badge, *, made: MadeOffer | None = None, problem: str = ""
    ) -> HTMLResponse:
        office, page, say = bureau(), f"/h/{token}", language.voice(request)
        return pages.page_for(
            request,
            "wallet.html",
            status=422 if problem else 200,
            private=True,
            community=office.name,
            page=page,
            back=f"{page}?badge={badge.short_id}",
            badge=badge,
            title=service.badge_title(badge, say),
            problem=problem,
            offer=_offer_view(made),
            taken=_taken(office, badge, say),
        )

    @routes.get("")
    def wallet(request: Request, token: str, short_id: str) -> HTMLResponse:
        found = find(token, short_id)
        return nothing(request) if found is None else shown(request, token, found[1])

    @routes.post("")
    def make_offer(request: Request, token: str, short_id: str) -> HTMLResponse:
        found = find(token, short_id)
        if found is None:
            return nothing(request)
        try:
            made = wallets.offer(bureau(), found[1], now=clock())
        except OfferError as error:
            return shown(request, token, found[1], problem=str(error))
        return shown(request, token, found[1], made=made)

    @routes.post("/withdrawn")
    def withdraw(request: Request, token: str, short_id: str, lost: Annotated[str, Form()]) -> Response:
        """The wallet is lost: its copy ends, and the badge stands."""
        found = find(token, short_id)
        mine = [] if found is None else badges.copies_of(bureau().engine, found[1])
        gone = next((one for one in mine if one.short_id == lost), None)
        if found is None or gone is None:
            return nothing(request)
        badges.revoke(bureau().engine, gone, reason=LOST, now=clock(), by=found[0].id)
        there = f"/h/{token}/wallet/{short_id}"
        return RedirectResponse(there, status_code=303, headers=pages.PRIVATE_HEADERS)

    return routes


def _offer_view(made: MadeOffer | None) -> dict[str, object] | None:
    """Two codes: one that any camera opens, which wallets that scan by themselves take as well, and one for those
    that take nothing but their own kind of link.
    """
    if made is None:
        return None
    return {
        "wallet_link": made.wallet_link,
        "digits": made.transaction_code,
        "expires_at": made.expires_at,
        "code": _picture(made.claim_page),
        "code_for_wallets": _picture(made.wallet_link),
    }


def _picture(link: str) -> str:
    return f"data:image/png;base64,{b64encode(codes.offer_png(link)).decode()}"


def _taken(office: Bureau, badge: Badge, say: Voice) -> list[dict[str, object]]:
    return [
        {
            "when": one.offer.made_at,
            "copy_id": one.copy.short_id if one.copy is not None and one.copy.standing else "",
            "wallet": one.copy.subject if one.copy is not None and one.copy.subject else "",
            "state": say(one.copy.state) if one.copy is not None else say("it has not asked for the badge yet"),
            "became": say(WHAT_BECAME[one.offer.event]) if one.offer.event else "",
        }
        for one in wallets.taken(office, badge)
    ]
