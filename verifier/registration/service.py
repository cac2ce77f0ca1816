"""The use cases of registration: events, and redeeming a badge exactly once.

The order is: look the request id up, verify, decide (`events`), and then in one durable transaction ask again
and claim (`store`). Nothing is answered before it is on the disk. What other rooms call; pages are `web`.
"""

import hashlib
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, Engine

from schemas import event_policy
from schemas.event_policy import EventPolicy, EventPolicyError
from schemas.strict_json import JsonObject
from verifier.ground.clock import system_clock
from verifier.ground.database import open_database, reading
from verifier.ground.settings import Settings
from verifier.registration import outbox, reasons, store
from verifier.registration.errors import RegistrationError, UnknownEventError
from verifier.registration.events import Acceptance, NameAgainstId, Proof, decide_acceptance
from verifier.registration.ledger import Claim, Ledger, Outcome, repeated
from verifier.registration.outbox import Placement
from verifier.registration.reasons import Reason
from verifier.verification import reading as badge_reading
from verifier.verification.report import Report
from verifier.verification.service import Verification

Result = Literal["granted", "already_redeemed", "refused", "could_not_tell"]
MAX_REQUEST_ID = 200  # characters; a UUID has 36

_RESULTS: dict[Reason, Result] = {
    Reason.GRANTED: "granted",
    Reason.NOTHING_TO_REDEEM: "granted",
    Reason.ALREADY_REDEEMED: "already_redeemed",
    Reason.COULD_NOT_TELL: "could_not_tell",
    Reason.HELD_FOR_A_PERSON: "could_not_tell",
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
        self._settings, self._clock = settings, clock
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
            EventPolicyError: its file was changed into something that is refused.
        """
        for file in self._event_files():
            if file.stem == event_id:
                return _load(file)
        raise UnknownEventError(f"There is no event {event_id[:80]!a} here.")

    def redeem(self, data: bytes, *, policy: EventPolicy, proof: Proof, request_id: str) -> Redemption:
        """Redeem the badge in `data` at an event; a request id that was answered gets the same answer again.

        Raises:
            ReadingError: there is no badge in `data`.
            RequestIdReusedError: the id was used before for another request.
            RegistrationError: the request id is empty or too long, or the voucher secret is gone.
            DatabaseError: nothing was granted, since nothing could be written.
        """
        if not 0 < len(request_id) <= MAX_REQUEST_ID or not request_id.isprintable():
            raise RegistrationError(f"A request id has 1 to {MAX_REQUEST_ID} printable characters.")
        fingerprint = _fingerprint(data, proof)
        with reading(self.engine) as connection:
            earlier = _earlier_answer(
                connection, event=policy.event, request_id=request_id, fingerprint=fingerprint
            )
        if earlier is not None:
            return earlier
        badge = badge_reading.read(data)
        report = self.verification.verify_badge(badge)
        now = self._clock()
        acceptance = decide_acceptance(report.verdict, policy=policy, now=now, proof=proof)
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
        )

    def look(self, data: bytes, *, policy: EventPolicy) -> Outlook:
        """What redeeming at a desk would give if the name matches the ID; nothing is redeemed.

        Raises:
            ReadingError: there is no badge in `data`.
        """
        report = self.verification.verify(data)
        acceptance = decide_acceptance(
            report.verdict, policy=policy, now=self._clock(), proof=NameAgainstId(matches=True)
        )
        with reading(self.engine) as connection:
            redeemed_at = store.earlier_redemption(
                connection,
                event=policy.event,
                entitlement=policy.entitlement,
                issuer=acceptance.issuer,
                holders=acceptance.holders,
            )
        return Outlook(report, acceptance, redeemed_at)

    def add_event(self, file: Path) -> EventPolicy:
        """Register an event: its file is checked and copied under its id. Adding the same bytes again is harmless.

        Raises:
            EventPolicyError: the policy is refused.
            RegistrationError: the file cannot be read or kept, or another policy of this event is in force.
        """
        data, policy = _bytes_of(file), _load(file)
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
    ) -> Redemption:
        """The discount, if it is still there."""
        outcome = self.ledger.claim(
            Claim(policy, acceptance, proof.name, request_id=request_id, fingerprint=fingerprint, now=now)
        )
        return _told(outcome, event=policy.event, report=None if outcome.is_repeated else report)


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
    answer = store.find_answers(connection, event=event, request_ids=[request_id]).get(request_id)
    if answer is None:
        return None
    shop = outbox.placement_of(connection, voucher=answer.voucher)
    return _told(repeated(answer, fingerprint=fingerprint, shop=shop), event=event)


def _told(outcome: Outcome, *, event: str, report: Report | None = None) -> Redemption:
    return Redemption(event, outcome.reason, outcome.percent, outcome.voucher, outcome.shop, report)
