"""The use cases of a desk: open its link, look at a badge, redeem it with the name compared.

Everything is asked of `registration` and told in a volunteer's words: one large word, and what to do next. The
page is `web`; desks without a network come later and will stand beside this module.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from schemas.event_policy import EventPolicy
from verifier.desk import store
from verifier.desk.errors import UnknownDeskError
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.registration import reasons
from verifier.registration.events import NameAgainstId
from verifier.registration.reasons import Reason
from verifier.registration.service import Redemption, Registration
from verifier.verification.report import Report

TOKEN_BYTES = 24  # 192 bits: whoever has the link has the desk, so nobody may guess one

Kind = Literal["grant", "granted", "not_valid", "ask_the_lead", "ticket_queue", "no_discount"]

_KINDS: dict[Reason, Kind] = {
    Reason.GRANTED: "grant",
    Reason.NOTHING_TO_REDEEM: "no_discount",
    Reason.ALREADY_REDEEMED: "ticket_queue",
    Reason.NOT_ACCEPTED_HERE: "no_discount",
    Reason.OTHER_PERIOD: "no_discount",
    Reason.NOT_VALID: "not_valid",
    Reason.NAME_NOT_CONFIRMED: "not_valid",
}


@dataclass(frozen=True)
class DeskAnswer:
    """What a volunteer sees. `what_to_do` is for them, `why` for the lead; `name` is to be compared with an ID.

    `age`: how old the oldest document is on which the answer rests.
    """

    kind: Kind
    reason: Reason
    what_to_do: str
    why: str
    percent: int = 0
    achievement: str = ""
    name: str | None = None
    voucher: str | None = None
    redeemed_at: datetime | None = None
    report: Report | None = None

    @property
    def age(self) -> timedelta | None:
        checks = self.report.verdict.checks if self.report else ()
        return max((check.age for check in checks if check.age is not None), default=None)


class Desk:
    """The desks of one office."""

    def __init__(self, registration: Registration, *, clock: Callable[[], datetime] = system_clock) -> None:
        self._registration, self._clock = registration, clock

    def make_link(self, event_id: str) -> str:
        """A new secret link for the desk of an event, as a path such as `/desk/…`; shown once, kept as a hash.

        Raises:
            UnknownEventError: there is no such event.
        """
        policy = self._registration.event(event_id)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with writing(self._registration.engine) as connection:
            store.add_link(connection, token_sha256=_hashed(token), event=policy.event, now=self._clock())
        return f"/desk/{token}"

    def policy_of(self, token: str) -> EventPolicy:
        """The policy of the event whose desk this link opens.

        Raises:
            UnknownDeskError: no desk has this link.
            UnknownEventError: its event is gone.
        """
        with reading(self._registration.engine) as connection:
            event_id = store.event_of(connection, token_sha256=_hashed(token))
        if event_id is None:
            raise UnknownDeskError("No desk has this link: ask the event's team for a new one.")
        return self._registration.event(event_id)

    def look(self, data: bytes, *, policy: EventPolicy) -> DeskAnswer:
        """What the desk says to a badge before anything is redeemed.

        Raises:
            ReadingError: there is no badge in `data`.
        """
        outlook = self._registration.look(data, policy=policy)
        reason = outlook.acceptance.reason
        if outlook.redeemed_at is not None:
            reason = Reason.ALREADY_REDEEMED
        return _answer(
            reason,
            report=outlook.report,
            percent=outlook.acceptance.percent,
            redeemed_at=outlook.redeemed_at,
        )

    def redeem(self, data: bytes, *, policy: EventPolicy, matches: bool, request_id: str) -> DeskAnswer:
        """Redeem a badge whose name was compared with an ID.

        Raises:
            ReadingError, RequestIdReusedError, RegistrationError, DatabaseError: as `Registration.redeem`.
        """
        redemption = self._registration.redeem(
            data, policy=policy, proof=NameAgainstId(matches), request_id=request_id
        )
        return _redeemed(redemption)


def _redeemed(redemption: Redemption) -> DeskAnswer:
    answer = _answer(redemption.reason, report=redemption.report, percent=redemption.percent)
    if redemption.reason is not Reason.GRANTED:
        return answer
    return DeskAnswer(
        "granted",
        Reason.GRANTED,
        reasons.sentence(Reason.GRANTED, voice="desk"),
        answer.why,
        percent=redemption.percent,
        achievement=answer.achievement,
        name=answer.name,
        voucher=redemption.voucher,
        report=redemption.report,
    )


def _answer(
    reason: Reason, *, report: Report | None, percent: int, redeemed_at: datetime | None = None
) -> DeskAnswer:
    verdict = report.verdict if report else None
    deciding = verdict.deciding if verdict is not None else None
    what_to_do, why = reasons.sentence(reason, voice="desk"), reasons.sentence(reason)
    if deciding is not None and reason in {Reason.NOT_VALID, Reason.COULD_NOT_TELL, Reason.HELD_FOR_A_PERSON}:
        what_to_do, why = deciding.sentence_for("desk"), deciding.sentence
    said = verdict.statement if verdict is not None else None
    return DeskAnswer(
        _KINDS.get(reason, "ask_the_lead"),
        reason,
        what_to_do,
        why,
        percent=percent,
        achievement=said.achievement_name if said else "",
        name=said.name if said else None,
        redeemed_at=redeemed_at,
        report=report,
    )


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
