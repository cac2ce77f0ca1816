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
from verifier.desk.errors import DeskError, UnknownDeskError
from verifier.desk.store import DeskLink
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.registration import reasons
from verifier.registration.events import NameAgainstId
from verifier.registration.reasons import Reason
from verifier.registration.service import Redemption, Registration
from verifier.verification.report import Report

TOKEN_BYTES = 24  # 192 bits: whoever has the link has the desk, so nobody may guess one

MAX_NAME = 80

Kind = Literal["grant", "granted", "not_valid", "ask_the_lead", "ticket_queue", "no_discount"]

_KINDS: dict[Reason, Kind] = {
    Reason.GRANTED: "grant",
    Reason.NOTHING_TO_REDEEM: "no_discount",
    Reason.ALREADY_REDEEMED: "ticket_queue",
    Reason.NOT_ACCEPTED_HERE: "no_discount",
    Reason.OTHER_PERIOD: "no_discount",
    Reason.NOT_VALID: "not_valid",
    Reason.NAME_NOT_CONFIRMED: "not_valid",
    Reason.ADDRESS_NOT_CONFIRMED: "not_valid",
}


@dataclass(frozen=True)
class Actor:
    """Who does something to a desk, in which role, and why."""

    actor: str
    role: str
    reason: str = ""


AT_THE_COMMAND_LINE = Actor("command line", "operator")


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

    def make_link(self, event_id: str, *, name: str = "", by: Actor = AT_THE_COMMAND_LINE) -> str:
        """A new secret link for the desk of an event, as a path such as `/desk/…`; shown once, kept as a hash.

        `name`: by which people know the desk, so that they can take the right link back.

        Raises:
            UnknownEventError: there is no such event.
            DeskError: the name is too long.
        """
        policy, now = self._registration.event(event_id), self._clock()
        if len(name) > MAX_NAME or not (name.isprintable() or name == ""):
            raise DeskError(f"A desk's name has at most {MAX_NAME} printable characters.")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with writing(self._registration.engine) as connection:
            number = store.add_link(
                connection, token_sha256=_hashed(token), event=policy.event, name=name, now=now
            )
            audit.write(
                connection,
                actor=by.actor,
                role=by.role,
                act="desk_link.make",
                event=policy.event,
                subject=f"desk link {number}",
                reason=by.reason or "a desk opens",
                now=now,
            )
        return f"/desk/{token}"

    def links(self, event_id: str) -> tuple[DeskLink, ...]:
        """Every link that was made for the desks of an event, newest first.

        Raises:
            UnknownEventError: there is no such event.
        """
        policy = self._registration.event(event_id)
        with reading(self._registration.engine) as connection:
            return store.links_of(connection, event=policy.event)

    def take_back(self, event_id: str, number: int, *, by: Actor) -> None:
        """Make a desk's link useless from now on; what was redeemed there stays.

        Raises:
            UnknownEventError: there is no such event.
            UnknownDeskError: this event has no such link, or it was taken back before.
            AuditError: no reason is given.
        """
        policy, now = self._registration.event(event_id), self._clock()
        with writing(self._registration.engine) as connection:
            if not store.take_back(connection, event=policy.event, number=number, now=now):
                raise UnknownDeskError(f"There is no desk link {number} that could be taken back.")
            audit.write(
                connection,
                actor=by.actor,
                role=by.role,
                act="desk_link.take_back",
                event=policy.event,
                subject=f"desk link {number}",
                reason=by.reason,
                now=now,
            )

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
