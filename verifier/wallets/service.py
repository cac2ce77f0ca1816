"""The use cases of asking a wallet: begin, hand out the request, take the answer, and open it for who asked.

Two handles: the browser's is a random secret; the wallet's, in the address of the request, is its hash, from which
nobody comes back to the first. An answer opens only with the browser's handle and, besides, either the one-time
code that its wallet was given to come back with, or a confirmation at the wallet's own screen (OpenID4VP 1.0
§8.2, §13.3, §14.2).
What is worth something by it is decided above, in `verifier.registration`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import quote, urlencode

from sqlalchemy import Connection, Engine

from keys import sealing
from keys.errors import SealError
from schemas import base64url, strict_json
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.ground.settings import Settings
from verifier.verification import reading as badge_reading
from verifier.verification.errors import ReadingError
from verifier.verification.presentations import Expected
from verifier.verification.reading import ReadBadge
from verifier.verification.service import PresentationReport, Verification, content_of
from verifier.verification.verdict import State
from verifier.wallets import query, store
from verifier.wallets.client import WalletClient
from verifier.wallets.errors import AnswerRefusedError, UnknownExchangeError
from verifier.wallets.store import Exchange, NewExchange

TO_ANSWER: Final = timedelta(minutes=5)  # for a request and its nonce (STANDARDS j1)
TO_USE: Final = timedelta(minutes=15)  # from the beginning until what was shown is forgotten
MAX_TRIES: Final = 5  # answers that are refused, before the request is
MAX_ANSWER_BYTES: Final = 1 << 20
MAX_WALLET_NONCE: Final = 512  # characters that a wallet may have echoed
HANDLE_BYTES: Final = 32
NONCE_BYTES: Final = 24
AUDIENCE: Final = "https://self-issued.me/v2"  # static discovery (§5.8)
_GONE = "This request to a wallet is not known here, or its time is over: begin again."

Stage = Literal["waiting", "to_confirm", "ready", "declined", "used"]


@dataclass(frozen=True)
class Begun:
    """A new exchange. `handle`: the browser's secret; `link`: what opens a wallet on this device, and as a code on
    another one; `number`: what both screens then show; a program may also sign for `client_id` and `nonce` itself.
    """

    handle: str
    link: str
    request_uri: str
    client_id: str
    nonce: str
    number: str
    expires_at: datetime


@dataclass(frozen=True)
class Progress:
    """How far an exchange is: `waiting` for the wallet; `to_confirm` at the wallet's screen, or by coming back
    with its code; `ready` to be opened; `declined` by the wallet; `used`. `problem`: why an answer was refused.
    """

    stage: Stage
    number: str
    expires_at: datetime
    problem: str | None = None


@dataclass(frozen=True)
class Shown:
    """A badge with the proof that whoever shows it holds its key. `holder`: the DID that signed, which is the
    badge's own subject; that the badge is good is not said here.
    """

    exchange_id: int
    badge: ReadBadge
    holder: str


class Wallets:
    """The exchanges of one office. `engine`: opens its database, when it is first needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        verification: Verification,
        engine: Callable[[], Engine],
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self.client = WalletClient(settings, clock=clock)
        self._verification, self._engine, self._clock = verification, engine, clock

    def begin(self, subject: str, *, achievements: Iterable[str], return_to: str) -> Begun:
        """Begin an exchange about `subject`, for a badge of one of these achievements.

        `return_to`: the path here to which the wallet sends the browser back.

        Raises:
            WalletsUnavailableError: this office has no address for wallets.
            DatabaseError: it could not be written down.
        """
        client_id = self.client.client_id
        handle = secrets.token_urlsafe(HANDLE_BYTES)
        now = self._clock()
        exchange = NewExchange(
            wallet_sha256=_digest(_wallet_handle(handle)),
            browser_sha256=_digest(handle),
            browser_key=sealing.public_key(handle),
            subject=subject,
            return_to=return_to,
            achievements=strict_json.dumps([*sorted(set(achievements))]),
            nonce=secrets.token_urlsafe(NONCE_BYTES),
            state=secrets.token_urlsafe(NONCE_BYTES),
            number=f"{secrets.randbelow(900) + 100}",
            begun_at=now,
            expires_at=now + TO_USE,
        )
        with writing(self._engine()) as connection:
            store.forget(connection, before=now)
            store.add(connection, exchange)
        return Begun(
            handle,
            link=self.link(handle),
            request_uri=self._request_uri(handle),
            client_id=client_id,
            nonce=exchange.nonce,
            number=exchange.number,
            expires_at=now + TO_ANSWER,
        )

    def link(self, handle: str) -> str:
        """What opens a wallet on this device for the exchange with this browser's handle."""
        asked = {"client_id": self.client.client_id, "request_uri": self._request_uri(handle)}
        return f"openid4vp://?{urlencode(asked, quote_via=quote)}"

    def request_object(self, wallet: str, *, wallet_nonce: str | None = None) -> str:
        """The signed request for a wallet (§5); the same one as often as it is asked for.

        Raises:
            UnknownExchangeError: no request has this handle, or it was answered, or its time is over.
            AnswerRefusedError: the wallet's nonce is too long.
            WalletsUnavailableError: the key cannot be opened.
        """
        exchange = self._of_wallet(wallet)
        if wallet_nonce is not None and not 0 < len(wallet_nonce) <= MAX_WALLET_NONCE:
            raise AnswerRefusedError(f"wallet_nonce must have 1 to {MAX_WALLET_NONCE} characters.")
        request: JsonObject = {
            "aud": AUDIENCE,
            "client_id": self.client.client_id,
            "response_type": "vp_token",
            "response_mode": "direct_post",
            "response_uri": f"{self.client.base_url}/wallet/answers/{wallet}",
            "nonce": exchange.nonce,
            "state": exchange.state,
            "dcql_query": query.query_for(_achievements(exchange)),
            "client_metadata": {"vp_formats_supported": query.formats_supported()},
            "iat": int(exchange.begun_at.timestamp()),
            "exp": int((exchange.begun_at + TO_ANSWER).timestamp()),
        }
        if wallet_nonce is not None:
            request["wallet_nonce"] = wallet_nonce
        return self.client.sign(request)

    def receive(self, wallet: str, fields: Mapping[str, str]) -> str:
        """Take a wallet's answer (`direct_post`, §8.2): where it sends the browser, with a code to use once.

        Raises:
            UnknownExchangeError: as above; a request is answered once only.
            AnswerRefusedError: it is not the answer to this request; the wallet may try again a few times.
            DatabaseError: nothing was written.
        """
        exchange = self._of_wallet(wallet)
        try:
            shown = self._read_answer(fields, exchange=exchange)
        except (AnswerRefusedError, ReadingError) as error:
            with writing(self._engine()) as connection:
                store.note_problem(connection, exchange.id, str(error))
            raise AnswerRefusedError(str(error)) from error
        code = secrets.token_urlsafe(HANDLE_BYTES)
        with writing(self._engine()) as connection:
            kept = store.answer(
                connection,
                exchange.id,
                response_sha256=_digest(code),
                sealed=None if shown is None else sealing.seal(shown, key=exchange.browser_key),
                problem=None if shown is not None else _declined(fields),
                now=self._clock(),
            )
        if not kept:  # two answers at the same moment
            raise UnknownExchangeError(_GONE)
        return f"{self.client.base_url}{exchange.return_to}?{urlencode({'response_code': code})}"

    def progress(self, handle: str) -> Progress:
        """How far the exchange with this browser's handle is.

        Raises:
            UnknownExchangeError: there is none, or its time is over.
        """
        exchange = self._of_browser(handle)
        return Progress(
            _stage(exchange, now=self._clock()), exchange.number, exchange.expires_at, exchange.problem
        )

    def is_of(self, handle: str, *, response_code: str) -> bool:
        """Whether a wallet's code came back to the browser that asked, and not to another one.

        Raises:
            UnknownExchangeError: no exchange has this handle, or its time is over.
        """
        return _matches(response_code, self._of_browser(handle))

    def number_of(self, response_code: str) -> tuple[str, str]:
        """For the wallet's own screen: what the exchange is about, and the number that the other one shows.

        Raises:
            UnknownExchangeError: no exchange has this code, its time is over, or its wallet showed nothing.
        """
        exchange = self._to_confirm(response_code)
        return exchange.subject, exchange.number

    def confirm(self, response_code: str) -> None:
        """Whoever holds the wallet says that the other screen, which shows the number, is theirs.

        Raises:
            UnknownExchangeError: as above.
            DatabaseError: nothing was written.
        """
        exchange = self._to_confirm(response_code)
        with writing(self._engine()) as connection:
            store.confirm(connection, exchange.id, now=self._clock())

    def open(self, handle: str, *, subject: str, response_code: str | None = None) -> Shown:
        """What the wallet showed, for the browser that asked.

        `response_code`: as the wallet brought it back; without it the wallet's screen must have confirmed.

        Raises:
            UnknownExchangeError: nothing was shown for this handle, the code is another one, or it is over.
        """
        exchange = self._of_browser(handle)
        came_back = response_code is not None and _matches(response_code, exchange)
        if exchange.subject != subject or exchange.sealed is None or not (came_back or exchange.confirmed_at):
            raise UnknownExchangeError(_GONE)
        try:
            kept = strict_json.loads_object(sealing.unseal(exchange.sealed, secret=handle))
        except SealError as error:
            raise UnknownExchangeError(_GONE) from error
        holder = kept["holder"]
        assert isinstance(holder, str)
        return Shown(exchange.id, badge_reading.read_secured(kept["badge"]), holder)

    def take(self, handle: str, *, subject: str, presentation: JsonValue) -> Shown:
        """What a program presents by itself: signed for the `client_id` and `nonce` of its exchange.

        Raises:
            UnknownExchangeError: no exchange has this handle, or its time is over, or its wallet answered.
            AnswerRefusedError: it is not the answer to this request.
        """
        exchange = self._of_browser(handle)
        self._check_open(exchange)
        if exchange.subject != subject:
            raise UnknownExchangeError(_GONE)
        try:
            credential, holder = self._verified(presentation, exchange=exchange)
        except ReadingError as error:
            raise AnswerRefusedError(str(error)) from error
        return Shown(exchange.id, badge_reading.read_secured(credential), holder)

    def use(self, connection: Connection, shown: Shown) -> bool:
        """Use an exchange up, in the caller's transaction. False: it was used before."""
        return store.use(connection, shown.exchange_id, now=self._clock())

    def _read_answer(self, fields: Mapping[str, str], *, exchange: Exchange) -> bytes | None:
        """What is kept of an answer; None where the wallet says that it shows nothing."""
        if not hmac.compare_digest(fields.get("state", "").encode(), exchange.state.encode()):
            raise AnswerRefusedError("state is not the one of the request.")
        if "error" in fields:
            return None
        if "vp_token" not in fields:
            raise AnswerRefusedError("vp_token is missing: response_mode direct_post was asked for.")
        try:
            vp_token = strict_json.loads(fields["vp_token"].encode(), max_bytes=MAX_ANSWER_BYTES)
        except (StrictJsonError, UnicodeEncodeError) as error:
            raise AnswerRefusedError(f"vp_token cannot be read: {error}") from error
        credential, holder = self._verified(query.presentation_in(vp_token), exchange=exchange)
        return strict_json.dumps({"badge": credential, "holder": holder}).encode()

    def _verified(self, presentation: JsonValue, *, exchange: Exchange) -> tuple[JsonValue, str]:
        """The one credential in a presentation, and its holder, who signed for us and for this request (§8.6)."""
        report = self._verification.verify_presentation(
            presentation, expected=Expected(challenge=exchange.nonce, domain=self.client.client_id)
        )
        holder = report.verdict.holder
        if holder is None:
            raise AnswerRefusedError(_why_not(report))
        if len(report.presented.credentials) != 1:
            raise AnswerRefusedError("The presentation must hold exactly one badge.")
        if report.verdict.credentials[0].outline is None:
            raise AnswerRefusedError("The badge in the presentation cannot be read.")
        content = content_of(report.presented.credentials[0])
        query.check_given(content, achievements=_achievements(exchange))
        subject = content.get("credentialSubject")
        if not isinstance(subject, dict) or subject.get("id") != holder:
            raise AnswerRefusedError(
                "The badge is not bound to the key that signed the presentation: its owner's wallet must show it."
            )
        badge = report.presented.credentials[0]
        return badge.token or strict_json.loads(badge.text.encode()), holder

    def _request_uri(self, handle: str) -> str:
        return f"{self.client.base_url}/wallet/requests/{_wallet_handle(handle)}"

    def _of_wallet(self, wallet: str) -> Exchange:
        with reading(self._engine()) as connection:
            exchange = store.by_wallet(connection, _digest(wallet))
        if exchange is None:
            raise UnknownExchangeError(_GONE)
        self._check_open(exchange)
        return exchange

    def _check_open(self, exchange: Exchange) -> None:
        """It may still be answered."""
        late = self._clock() >= exchange.begun_at + TO_ANSWER
        if late or exchange.answered_at is not None or exchange.used_at is not None:
            raise UnknownExchangeError(_GONE)
        if exchange.tries >= MAX_TRIES:
            raise UnknownExchangeError("Too many answers to this request were refused: begin again.")

    def _of_browser(self, handle: str) -> Exchange:
        with reading(self._engine()) as connection:
            return self._in_time(store.by_browser(connection, _digest(handle)))

    def _to_confirm(self, code: str) -> Exchange:
        with reading(self._engine()) as connection:
            exchange = self._in_time(store.by_response(connection, _digest(code)))
        if exchange.sealed is None and exchange.confirmed_at is None:  # declined, or used where it came back
            raise UnknownExchangeError(exchange.problem or _GONE)
        return exchange

    def _in_time(self, exchange: Exchange | None) -> Exchange:
        if exchange is None or self._clock() >= exchange.expires_at:
            raise UnknownExchangeError(_GONE)
        return exchange


def _stage(exchange: Exchange, *, now: datetime) -> Stage:
    if exchange.used_at is not None:
        return "used"
    if exchange.answered_at is None:
        given_up = exchange.tries >= MAX_TRIES or now >= exchange.begun_at + TO_ANSWER
        return "declined" if given_up else "waiting"
    if exchange.sealed is None:
        return "declined"
    return "to_confirm" if exchange.confirmed_at is None else "ready"


def _matches(response_code: str, exchange: Exchange) -> bool:
    return hmac.compare_digest(_digest(response_code), exchange.response_sha256 or "")


def _achievements(exchange: Exchange) -> tuple[str, ...]:
    listed = strict_json.loads(exchange.achievements.encode())
    assert isinstance(listed, list)
    return tuple(str(achievement) for achievement in listed)


def _why_not(report: PresentationReport) -> str:
    """The first check that does not show who presents, in words."""
    if "proof" not in report.presented.document and report.presented.token is None:
        return "Nobody signed the presentation: the wallet has to sign it with the key of the badge."
    told = next((check for check in report.verdict.checks if check.state is not State.PASS), None)
    if told is None:
        return "The presentation does not show who presents it."
    return told.evidence or told.sentence


def _declined(fields: Mapping[str, str]) -> str:
    said = "".join(c for c in fields.get("error", "") if c.isalnum() or c == "_")[:40]
    return f"The wallet showed no badge ({said})."


def _wallet_handle(handle: str) -> str:
    """What the wallet gets to know of a browser's handle."""
    return base64url.encode(hashlib.sha256(b"badgewright wallet handle\0" + handle.encode()).digest())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
