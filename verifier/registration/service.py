"""The use cases of registration: events, and redeeming a badge exactly once.

The order is: look the request id up, verify, decide (`events`), and then in one durable transaction ask again
and claim (`store`). Nothing is answered before it is on the disk. What other rooms call; pages are `web`.
"""

import hashlib
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, Engine

from schemas import event_policy, strict_json
from schemas.event_policy import EventPolicy, EventPolicyError
from schemas.strict_json import JsonObject, JsonValue
from verifier.ground.clock import system_clock
from verifier.ground.database import open_database, reading
from verifier.ground.settings import Settings
from verifier.registration import authority, outbox, reasons, standings, store
from verifier.registration.budgets import Budgets
from verifier.registration.errors import MailboxError, RegistrationError, UnknownEventError
from verifier.registration.events import (
    Acceptance,
    MailboxCode,
    NameAgainstId,
    Proof,
    ProofToCome,
    WalletKey,
    decide_acceptance,
    ways_to_prove,
)
from verifier.registration.ledger import WHO_DECIDES, Claim, Ledger, Outcome, Use, repeated
from verifier.registration.mailbox import Mailbox
from verifier.registration.outbox import Placement
from verifier.registration.reasons import Reason
from verifier.verification import reading as badge_reading
from verifier.verification.reading import ReadBadge
from verifier.verification.report import Report
from verifier.verification.service import Verification
from verifier.verification.verdict import Outcome as Found
from verifier.wallets.service import Begun, Wallets

Result = Literal["granted", "already_redeemed", "refused", "could_not_tell"]
MAX_REQUEST_ID = 200  # characters; a UUID has 36

_RESULTS: dict[Reason, Result] = {
    Reason.GRANTED: "granted",
    Reason.NOTHING_TO_REDEEM: "granted",
    Reason.ALREADY_REDEEMED: "already_redeemed",
    Reason.COULD_NOT_TELL: "could_not_tell",
    Reason.HELD_FOR_A_PERSON: "could_not_tell",
    Reason.VENUE_DECIDES: "could_not_tell",
    Reason.ONLINE_DECIDES: "could_not_tell",
    Reason.WAITING_FOR_DESKS: "could_not_tell",
}


@dataclass(frozen=True)
class Redemption:
    """The answer to a request to redeem. `report` is absent where the answer is a replay of an earlier one.

    `shop`: whether the ticket shop has the voucher yet; None where the event connects no shop.
    """

    event: str
    reason: Reason
    percent: int = 0
    voucher: str | None = None
    shop: Placement | None = None
    report: Report | None = None

    @property
    def result(self) -> Result:
        """One of four words; every other reason is a refusal."""
        return _RESULTS.get(self.reason, "refused")

    @property
    def sentence(self) -> str:
        """The reason in words for the holder; for a badge that is not valid, what is wrong with it."""
        deciding = self.report.verdict.deciding if self.report else None
        if self.reason is Reason.NOT_VALID and deciding is not None:
            return deciding.sentence
        return reasons.sentence(self.reason)

    def to_json(self) -> JsonObject:
        """The answer as the API and `--json` tell it."""
        return {
            "result": self.result,
            "event": self.event,
            "reason": self.reason.value,
            "sentence": self.sentence,
            "percent": self.percent,
            "voucher": self.voucher,
            "shop": self.shop,
            "verdict": self.report.to_json() if self.report else None,
        }


@dataclass(frozen=True)
class Outlook:
    """What a desk would answer, with nothing redeemed yet: the decision as if the name were confirmed, and when
    the discount was used before, if it was.
    """

    report: Report
    acceptance: Acceptance
    redeemed_at: datetime | None = None


@dataclass(frozen=True)
class Offer(Outlook):
    """The same online; `ways`: the proofs of holding by which this badge can be redeemed here now."""

    ways: tuple[str, ...] = ()

    @property
    def reason(self) -> Reason:
        """What is told: of a discount that would be given, whether it was used before."""
        used = self.acceptance.reason is Reason.GRANTED and self.redeemed_at is not None
        return Reason.ALREADY_REDEEMED if used else self.acceptance.reason


class Registration:
    """The events of one office and their redemptions.

    `wake_postman`: to be called after a transaction that entered a mail was committed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        verification: Verification,
        clock: Callable[[], datetime] = system_clock,
        wake_postman: Callable[[], None] = lambda: None,
    ) -> None:
        self.verification, self.wake_postman = verification, wake_postman
        self.wallets = Wallets(settings, verification=verification, engine=lambda: self.engine, clock=clock)
        self.mailbox = Mailbox(settings, engine=lambda: self.engine, clock=clock, wake=wake_postman)
        self._settings, self._clock = settings, clock
        self._budgets = Budgets(lambda: self.engine)
        self._engine: Engine | None = None
        self._ledger: Ledger | None = None
        self._opening = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The database, opened (and made) on first use: a verify-only office has none."""
        with self._opening:
            if self._engine is None:
                self._engine = open_database(
                    self._settings.database, password_file=self._settings.database_password_file
                )
            return self._engine

    @property
    def ledger(self) -> Ledger:
        """The grants; one ledger for all threads, so that their claims can share a transaction."""
        engine = self.engine
        with self._opening:
            if self._ledger is None:
                self._ledger = Ledger(self._settings, engine=engine)
            return self._ledger

    def event(self, event_id: str) -> EventPolicy:
        """The policy of a registered event.

        Raises:
            UnknownEventError: there is none of this id.
            EventPolicyError: its file was changed into something that is refused, as another budget factor is once
                the first discount was given.
            DatabaseError: it could not be asked which factor that is.
        """
        for file in self._event_files():
            if file.stem == event_id:
                policy = _load(file)
                if self._settings.has_database:
                    self._budgets.check(policy)
                return policy
        raise UnknownEventError(f"There is no event {event_id[:80]!a} here.")

    def redeem(self, data: bytes, *, policy: EventPolicy, proof: Proof, request_id: str) -> Redemption:
        """Redeem the badge in `data` at an event; a request id that was answered gets the same answer again.

        Raises:
            ReadingError: there is no badge in `data`.
            RequestIdReusedError: the id was used before for another request.
            RegistrationError: the request id is empty or too long, or the voucher secret is gone.
            DatabaseError: nothing was granted, since nothing could be written.
        """
        _check_request_id(request_id)
        fingerprint = _fingerprint(data, proof)
        earlier = self._earlier(policy, request_id=request_id, fingerprint=fingerprint)
        if earlier is not None:
            return earlier
        return self._decide(
            badge_reading.read(data), policy=policy, proof=proof, request_id=request_id, fingerprint=fingerprint
        )

    def redeem_shown(
        self,
        handle: str,
        *,
        policy: EventPolicy,
        request_id: str,
        response_code: str | None = None,
        presentation: "JsonValue" = None,
    ) -> Redemption:
        """Redeem what a wallet showed in the exchange with this browser's handle, or what is presented here with
        a signature for that exchange; else as `redeem`.

        Raises:
            UnknownExchangeError: there is nothing to redeem under this handle (any more).
            AnswerRefusedError: the presentation is not for this exchange.
            RequestIdReusedError, RegistrationError, DatabaseError: as `redeem`.
        """
        _check_request_id(request_id)
        shown_here = strict_json.dumps([handle, response_code, presentation]).encode()
        fingerprint = hashlib.sha256(b"wallet" + shown_here).hexdigest()
        earlier = self._earlier(policy, request_id=request_id, fingerprint=fingerprint)
        if earlier is not None:
            return earlier
        if presentation is None:
            shown = self.wallets.open(handle, subject=policy.event, response_code=response_code)
        else:
            shown = self.wallets.take(handle, subject=policy.event, presentation=presentation)
        return self._decide(
            shown.badge,
            policy=policy,
            proof=WalletKey(shown.holder),
            request_id=request_id,
            fingerprint=fingerprint,
            use=lambda connection: self.wallets.use(connection, shown),
        )

    def _earlier(self, policy: EventPolicy, *, request_id: str, fingerprint: str) -> Redemption | None:
        with reading(self.engine) as connection:
            return _earlier_answer(connection, event=policy.event, request_id=request_id, fingerprint=fingerprint)

    def _decide(
        self,
        badge: ReadBadge,
        *,
        policy: EventPolicy,
        proof: Proof,
        request_id: str,
        fingerprint: str,
        use: "Use | None" = None,
    ) -> Redemption:
        report = self.verification.verify_badge(badge)
        now = self._clock()
        if isinstance(proof, MailboxCode):
            due = _accepted(report, policy=policy, now=now, proof=ProofToCome())
            found = None
            if due.reason is Reason.GRANTED:
                found = self.mailbox.find(proof.code, acceptance=due, policy=policy)
            if found is not None:
                proof = replace(proof, arrived=True)
                use = partial(self._use_mail_code, found, acceptance=due, policy=policy)
        acceptance = _accepted(report, policy=policy, now=now, proof=proof)
        if acceptance.reason is not Reason.GRANTED:
            # Nothing is claimed: a copy of somebody's badge must not be able to use anything up.
            return Redemption(policy.event, acceptance.reason, report=report)
        return self._claim(
            acceptance,
            policy=policy,
            proof=proof,
            request_id=request_id,
            fingerprint=fingerprint,
            report=report,
            now=now,
            use=use,
        )

    def ask_wallet(self, policy: EventPolicy) -> Begun:
        """Begin to ask a wallet for one of the badges that an event accepts.

        Raises:
            RegistrationError: the event does not take a wallet's key as proof.
            WalletsUnavailableError: this office cannot ask wallets.
            DatabaseError: nothing was begun.
        """
        if "wallet_key" not in policy.proof_of_holding.online:
            raise RegistrationError(f"The event {policy.event} does not take a wallet's key as proof.")
        accepted = (entry.achievement for entry in (*policy.accept, *policy.foreign))
        return self.wallets.begin(policy.event, achievements=accepted, return_to=f"/events/{policy.event}/wallet")

    def offer(self, badge: ReadBadge, *, policy: EventPolicy) -> Offer:
        """What redeeming online would give if whoever has the badge shows that it is theirs; nothing is redeemed.

        Raises:
            DatabaseError: it could not be asked whether it was redeemed.
        """
        report = self.verification.verify_badge(badge)
        acceptance = _accepted(report, policy=policy, now=self._clock(), proof=ProofToCome())
        ways: tuple[str, ...] = ()
        if acceptance.reason is Reason.GRANTED:
            possible = ways_to_prove(report.verdict.require(), policy=policy)
            here = {
                "holder_code": True,
                "mailbox": self.mailbox.can_send,
                "wallet_key": self.asks_wallets(policy),
            }
            ways = tuple(way for way in possible if here[way])
        redeemed_at = self._redeemed_at(acceptance, policy=policy)
        elsewhere = self.decided_elsewhere(policy) if acceptance.reason is Reason.GRANTED else None
        if elsewhere is not None and redeemed_at is None:
            return Offer(report, replace(acceptance, reason=elsewhere))
        return Offer(report, acceptance, redeemed_at, ways)

    def decided_elsewhere(self, policy: EventPolicy) -> Reason | None:
        """Why no discount of an event is granted here now, although it could be: another machine decides."""
        with reading(self.engine) as connection:
            return WHO_DECIDES.get(authority.decider(connection, policy.event))

    def offer_shown(self, handle: str, *, policy: EventPolicy, response_code: str | None) -> Offer:
        """The same for what a wallet showed, whose key is the proof.

        Raises:
            UnknownExchangeError: nothing was shown under this handle (any more).
            DatabaseError: as above.
        """
        shown = self.wallets.open(handle, subject=policy.event, response_code=response_code)
        return self.offer(shown.badge, policy=policy)

    def asks_wallets(self, policy: EventPolicy) -> bool:
        """Whether a holder may show a badge from a wallet here."""
        return "wallet_key" in policy.proof_of_holding.online and self._settings.public_url is not None

    def mail_code(self, badge: ReadBadge, *, policy: EventPolicy, address: str, language: str) -> Offer:
        """Mail a code to the address whose hash a badge carries, if the event takes it as proof and there is
        something left to redeem: the offer then.

        Raises:
            MailboxError: no code was mailed, and why.
            DatabaseError: nothing was entered.
        """
        offer = self.offer(badge, policy=policy)
        if offer.reason is Reason.GRANTED:
            if "mailbox" not in policy.proof_of_holding.online:
                raise MailboxError("This event does not take a mailed code.")
            self.mailbox.send(
                offer.report.verdict.require(),
                acceptance=offer.acceptance,
                policy=policy,
                address=address,
                language=language,
            )
        return offer

    def _use_mail_code(
        self, code_sha256: str, connection: Connection, *, acceptance: Acceptance, policy: EventPolicy
    ) -> bool:
        return self.mailbox.use(connection, code_sha256, acceptance=acceptance, policy=policy)

    def _redeemed_at(self, acceptance: Acceptance, *, policy: EventPolicy) -> datetime | None:
        with reading(self.engine) as connection:
            return store.earlier_redemption(
                connection,
                event=policy.event,
                entitlement=policy.entitlement,
                issuer=acceptance.issuer,
                holders=acceptance.holders,
            )

    def look(self, data: bytes, *, policy: EventPolicy) -> Outlook:
        """What redeeming at a desk would give if the name matches the ID; nothing is redeemed.

        Raises:
            ReadingError: there is no badge in `data`.
        """
        report = self.verification.verify(data)
        acceptance = _accepted(report, policy=policy, now=self._clock(), proof=NameAgainstId(matches=True))
        redeemed_at = self._redeemed_at(acceptance, policy=policy)
        elsewhere = self.decided_elsewhere(policy) if acceptance.reason is Reason.GRANTED else None
        if elsewhere is not None and redeemed_at is None:
            return Outlook(report, replace(acceptance, reason=elsewhere))
        return Outlook(report, acceptance, redeemed_at)

    def add_event(self, file: Path) -> EventPolicy:
        """Register an event: its file is checked and copied under its id. Adding the same bytes again is harmless.

        Raises:
            EventPolicyError: the policy is refused.
            RegistrationError: the file cannot be read or kept, or another policy of this event is in force.
        """
        data, policy = _bytes_of(file), _load(file)
        if self._settings.has_database:
            self._budgets.check(policy)
        kept = self._settings.events / f"{policy.event}.yaml"
        try:
            if kept.exists() and kept.read_bytes() != data:
                raise RegistrationError(
                    f"The event {policy.event} has another policy already ({kept}): what was published to holders"
                    " is not replaced; remove that file first if you mean it."
                )
            kept.parent.mkdir(parents=True, exist_ok=True)
            draft = kept.with_name(f".{kept.name}.{secrets.token_hex(4)}")
            draft.write_bytes(data)
            draft.replace(kept)
        except OSError as error:
            raise RegistrationError(f"The event cannot be kept at {kept}: {error.strerror}.") from error
        return policy

    def events(self) -> tuple[EventPolicy, ...]:
        """Every registered event whose file is accepted; one that is refused now is left out."""
        found = []
        for file in self._event_files():
            with suppress(EventPolicyError, RegistrationError):
                found.append(_load(file))
        return tuple(found)

    @property
    def settings(self) -> Settings:
        """The office's settings."""
        return self._settings

    def known_issuers(self) -> tuple[str, ...]:
        """Every issuer whose badges some event accepts; a file that is refused names none."""
        issuers: list[str] = []
        for file in self._event_files():
            with suppress(EventPolicyError, RegistrationError):
                policy = _load(file)
                issuers += [entry.issuer for entry in (*policy.accept, *policy.foreign)]
        return tuple(dict.fromkeys(issuers))

    def _event_files(self) -> list[Path]:
        return sorted(self._settings.events.glob("*.yaml")) if self._settings.events.is_dir() else []

    def _claim(
        self,
        acceptance: Acceptance,
        *,
        policy: EventPolicy,
        proof: Proof,
        request_id: str,
        fingerprint: str,
        report: Report,
        now: datetime,
        use: "Use | None",
    ) -> Redemption:
        """The discount, if it is still there."""
        outcome = self.ledger.claim(
            Claim(
                policy,
                acceptance,
                proof.name,
                request_id=request_id,
                fingerprint=fingerprint,
                now=now,
                use=use,
                standings=standings.of(report),
            )
        )
        return _told(outcome, event=policy.event, report=None if outcome.is_repeated else report)


def _accepted(report: Report, *, policy: EventPolicy, now: datetime, proof: Proof | ProofToCome) -> Acceptance:
    """What an event says to a badge by its report. One that is good as of an archive's day gives no discount:
    nobody could withdraw it any more, and whoever has its issuer's host now is not asked.
    """
    if report.as_of is not None and report.verdict.outcome is Found.VALID:
        return Acceptance(Reason.NOT_ACCEPTED_HERE)
    return decide_acceptance(report.verdict, policy=policy, now=now, proof=proof)


def _check_request_id(request_id: str) -> None:
    if not 0 < len(request_id) <= MAX_REQUEST_ID or not request_id.isprintable():
        raise RegistrationError(f"A request id has 1 to {MAX_REQUEST_ID} printable characters.")


def load_event_file(file: Path) -> EventPolicy:
    """An event's policy from any file, registered or not.

    Raises:
        EventPolicyError: the policy is refused.
        RegistrationError: the file cannot be read.
    """
    return _load(file)


def _load(file: Path) -> EventPolicy:
    return event_policy.load(_bytes_of(file), name=file.name)


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RegistrationError(f"The event file {file} cannot be read: {error.strerror}.") from error


def _fingerprint(data: bytes, proof: Proof) -> str:
    """What makes two requests the same: the badge's bytes and the proof, length-prefixed."""
    shown = repr(proof).encode()
    return hashlib.sha256(len(data).to_bytes(8, "big") + data + shown).hexdigest()


def _earlier_answer(connection: Connection, *, event: str, request_id: str, fingerprint: str) -> Redemption | None:
    """What this request was answered before; `shop` as it is now, which only gets better."""
    request = store.RequestName(event, request_id)
    answer = store.answer_to(connection, request)
    if answer is None:
        return None
    shop = outbox.placement_of(connection, voucher=answer.voucher)
    return _told(repeated(answer, fingerprint=fingerprint, shop=shop), event=event)


def _told(outcome: Outcome, *, event: str, report: Report | None = None) -> Redemption:
    return Redemption(event, outcome.reason, outcome.percent, outcome.voucher, outcome.shop, report)
