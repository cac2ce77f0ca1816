"""The registration pages of an event: what a badge gives, how its holder shows that it is theirs, the voucher.

Everything is decided in `service`; programs redeem through `api`. A page that can redeem carries a request id of
its own, so that a second press of the button is the same request and gets the same voucher. The handle of an
exchange with a wallet stays in a cookie of the browser that began it.
"""

import base64
import io
import secrets
from pathlib import Path

import qrcode
import qrcode.image.svg
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse

from schemas.event_policy import EventPolicy
from verifier.ground import language
from verifier.ground.pages import Pages
from verifier.ground.uploads import read_upload, wants_html
from verifier.registration import reasons, vouchers
from verifier.registration.api import STATUSES
from verifier.registration.errors import MailboxError
from verifier.registration.events import HolderCode, MailboxCode, Proof
from verifier.registration.reasons import Reason
from verifier.registration.service import Offer, Redemption, Registration
from verifier.verification import reading as badge_reading
from verifier.verification.errors import ReadingError
from verifier.wallets.errors import UnknownExchangeError

COOKIE_SECONDS = 15 * 60
_TYPED_AGAIN = {
    Reason.PROOF_NEEDED,
    Reason.MALFORMED_HOLDER_CODE,
    Reason.WRONG_HOLDER_CODE,
    Reason.WRONG_MAIL_CODE,
}


def router(registration: Registration, *, secure: bool) -> APIRouter:
    """The routes of this room's pages. `secure`: whether people reach them by https."""
    routes = APIRouter()
    pages = Pages(Path(__file__).parent / "templates")
    cookie = "__Host-exchange" if secure else "exchange"

    @routes.get("/events/{event}", include_in_schema=False)
    def page(event: str, request: Request) -> Response:
        response = _landing(request, registration.event(event))
        language.keep_choice(request, response, secure=secure)
        return response

    @routes.post("/events/{event}", include_in_schema=False)
    async def see_offer(event: str, request: Request) -> Response:
        upload = await read_upload(request)
        policy = registration.event(event)
        try:
            badge = await run_in_threadpool(badge_reading.read, upload.data)
            offer = await run_in_threadpool(registration.offer, badge, policy=policy)
        except ReadingError as error:
            return _landing(request, policy, problem=str(error), status=400)
        return _offered(request, policy, offer)

    @routes.post("/events/{event}/mail", include_in_schema=False)
    async def mail_code(event: str, request: Request) -> Response:
        upload = await read_upload(request)
        policy, address = registration.event(event), upload.fields.get("address", "")
        try:
            badge = await run_in_threadpool(badge_reading.read, upload.data)
            offer = await run_in_threadpool(
                registration.mail_code, badge, policy=policy, address=address, language=language.of(request)
            )
        except ReadingError as error:
            return _landing(request, policy, problem=str(error), status=400)
        except MailboxError as error:
            offer = await run_in_threadpool(registration.offer, badge, policy=policy)
            return _offered(request, policy, offer, problem=str(error), address=address, status=422)
        return _offered(request, policy, offer, mailed=True, address=address)

    @routes.post("/events/{event}/redeem", include_in_schema=False)
    async def redeem(event: str, request: Request) -> Response:
        upload = await read_upload(request)
        policy, fields = registration.event(event), upload.fields
        request_id = fields.get("request_id") or secrets.token_urlsafe(16)
        if "response_code" in fields:
            return await run_in_threadpool(
                _redeem_shown, request, policy, code=fields["response_code"] or None, request_id=request_id
            )
        proof: Proof = HolderCode(fields.get("holder_code", ""))
        if fields.get("mail_code"):
            proof = MailboxCode(fields["mail_code"])
        try:
            answer = await run_in_threadpool(
                registration.redeem, upload.data, policy=policy, proof=proof, request_id=request_id
            )
        except ReadingError as error:
            return _landing(request, policy, problem=str(error), status=400)
        if answer.reason in _TYPED_AGAIN and answer.report is not None:
            offer = await run_in_threadpool(registration.offer, answer.report.badge, policy=policy)
            return _offered(
                request,
                policy,
                offer,
                problem=answer.sentence,
                status=422,
                mailed=isinstance(proof, MailboxCode),
                address=fields.get("address", ""),
            )
        return _redeemed(request, policy, answer)

    @routes.post("/events/{event}/wallet", include_in_schema=False)
    def ask_wallet(event: str) -> Response:
        begun = registration.ask_wallet(registration.event(event))
        response = RedirectResponse(f"/events/{event}/wallet", 303)
        response.set_cookie(
            cookie,
            begun.handle,
            max_age=COOKIE_SECONDS,
            path="/",
            httponly=True,
            secure=secure,
            samesite="lax",  # a wallet sends its browser back from another site
        )
        return response

    @routes.get("/events/{event}/wallet", include_in_schema=False)
    def wallet(event: str, request: Request) -> Response:
        policy = registration.event(event)
        handle, code = request.cookies.get(cookie), request.query_params.get("response_code")
        if handle is not None and code is None and not wants_html(request):
            return _progress(handle)
        try:
            # A phone that began by itself may be the wallet of another screen, too: that one's code is confirmed.
            if handle is not None and (code is None or registration.wallets.is_of(handle, response_code=code)):
                return _waiting(request, policy, handle=handle, code=code)
        except UnknownExchangeError:
            if code is None:
                raise
        if code is None:
            return RedirectResponse(f"/events/{event}", 303)
        _, number = registration.wallets.number_of(code)
        return pages.answer(
            "confirm.html", language=language.of(request), policy=policy, number=number, response_code=code
        )

    @routes.post("/events/{event}/wallet/confirm", include_in_schema=False)
    async def confirm(event: str, request: Request) -> Response:
        policy, fields = registration.event(event), (await read_upload(request)).fields
        await run_in_threadpool(registration.wallets.confirm, fields.get("response_code", ""))
        return pages.answer("confirmed.html", language=language.of(request), policy=policy)

    def _landing(
        request: Request, policy: EventPolicy, *, problem: str | None = None, status: int = 200
    ) -> Response:
        elsewhere = registration.decided_elsewhere(policy) if registration.settings.has_database else None
        return pages.answer(
            "register.html",
            status=status,
            language=language.of(request),
            policy=policy,
            problem=problem,
            by_wallet=registration.asks_wallets(policy),
            elsewhere=None if elsewhere is None else reasons.sentence(elsewhere),
        )

    def _offered(
        request: Request,
        policy: EventPolicy,
        offer: Offer,
        *,
        status: int = 200,
        problem: str | None = None,
        mailed: bool = False,
        address: str = "",
        response_code: str | None = None,
    ) -> Response:
        if offer.reason is not Reason.GRANTED:
            return _redeemed(request, policy, Redemption(policy.event, offer.reason, report=offer.report))
        return pages.answer(
            "offer.html",
            status=status,
            language=language.of(request),
            policy=policy,
            offer=offer,
            badge=offer.report.badge.text,
            request_id=secrets.token_urlsafe(16),
            problem=problem,
            mailed=mailed,
            address=address,
            shown=response_code is not None,
            response_code=response_code or "",
        )

    def _redeemed(request: Request, policy: EventPolicy, answer: Redemption) -> Response:
        status = 200 if answer.reason is Reason.NOTHING_TO_REDEEM else STATUSES[answer.result]
        return pages.answer(
            "redeemed.html",
            status=status,
            language=language.of(request),
            policy=policy,
            answer=answer,
            shop_link=vouchers.shop_link(policy, answer.voucher),
        )

    def _waiting(request: Request, policy: EventPolicy, *, handle: str, code: str | None) -> Response:
        """The page of the browser that asked a wallet."""
        progress = registration.wallets.progress(handle)
        came_back = code is not None and progress.stage in {"to_confirm", "ready"}
        if came_back or progress.stage == "ready":
            offer = registration.offer_shown(handle, policy=policy, response_code=code)
            return _offered(request, policy, offer, response_code=code or "")
        link = registration.wallets.link(handle)
        return pages.answer(
            "wallet.html",
            script=progress.stage in {"waiting", "to_confirm"},
            language=language.of(request),
            policy=policy,
            progress=progress,
            link=link,
            code=_drawn(link),
        )

    def _progress(handle: str) -> Response:
        progress = registration.wallets.progress(handle)
        return JSONResponse({"stage": progress.stage}, headers={"Cache-Control": "no-store"})

    def _redeem_shown(request: Request, policy: EventPolicy, *, code: str | None, request_id: str) -> Response:
        handle = request.cookies.get(cookie, "")
        answer = registration.redeem_shown(handle, policy=policy, request_id=request_id, response_code=code)
        return _redeemed(request, policy, answer)

    return routes


def _drawn(link: str) -> str:
    """A link as a QR code: the address of a picture that is the picture itself."""
    drawing = io.BytesIO()
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4)
    code.add_data(link)
    code.make_image(image_factory=qrcode.image.svg.SvgPathImage).save(drawing)
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.getvalue()).decode("ascii")
