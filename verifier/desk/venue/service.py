"""The desks of an office or a hub, put together: its keys, bundles, devices, journals, and who decides."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from schemas.strict_json import JsonObject
from verifier.desk.formats import tokens
from verifier.desk.venue import judging, lookup, store
from verifier.desk.venue.bundles import Bundles
from verifier.desk.venue.devices import Devices
from verifier.desk.venue.handover import Handover
from verifier.desk.venue.keys import OwnKeys
from verifier.desk.venue.logbook import Logbook
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.registration import authority
from verifier.registration.api import SignedRequest
from verifier.registration.service import Registration


@dataclass(frozen=True)
class WorstCase:
    """How much an event may lose to people who get a discount twice at desks that are cut off."""

    event: str
    desks: int
    cap_in_all: int
    value_each: int

    @property
    def at_most(self) -> int:
        return self.cap_in_all * self.value_each


class Venue:
    """One for an office. Nothing is opened or made before it is asked for."""

    def __init__(self, registration: Registration, *, clock: Callable[[], datetime] = system_clock) -> None:
        self.registration, self._clock = registration, clock
        self.keys = OwnKeys(registration.settings, clock=clock)
        self.bundles = Bundles(registration, keys=self.keys, clock=clock)
        self.devices = Devices(registration, clock=clock)
        self.logbook = Logbook(registration, own=lambda event: self.handover.own(event), clock=clock)
        self.handover = Handover(
            registration, keys=self.keys, bundles=self.bundles, logbook=self.logbook, clock=clock
        )

    def time(self) -> datetime:
        """What time it is here."""
        return self._clock()

    def look_up(self, event_id: str, code: str) -> str:
        """The token of the badge behind a lookup code or short code, not verified.

        Raises:
            NotFoundError: it leads to none that can be had from here.
        """
        policy = self.registration.event(event_id)
        return lookup.badge_behind(code, policy=policy, verification=self.registration.verification)

    def judge(self, badge: str) -> JsonObject:
        """What this machine finds about a badge that a desk's page cannot check; nothing is redeemed.

        Raises:
            ReadingError: the text is no badge.
        """
        return judging.told(self.registration.verification.verify(badge.encode()))

    def pin(self, event_id: str) -> str:
        """The fingerprint of the key that signs an event's bundles, which a new desk is told."""
        with reading(self.registration.engine) as connection:
            kept = store.bundle_of(connection, event_id)
        return kept.pinned if kept is not None else tokens.fingerprint(self.keys.signer("bundles").public)

    def is_hub(self, event_id: str) -> bool:
        """Whether this machine is a hub of the event: the desks that a spare would have to hear are known at the
        office only.
        """
        return self.handover.own(event_id) != authority.ONLINE

    def enrolment_address(self, event_id: str, secret: str, *, base: str) -> str:
        """What a new device opens, shown as a code. The secret stands behind the #, so that no server logs it."""
        return f"{base.rstrip('/')}/desk-app/#enrol={secret}&event={event_id}&key={self.pin(event_id)}"

    def worst_case(self, event_id: str, *, desks: int | None = None) -> WorstCase:
        """What discounts that are given when cut off can cost at most. `desks`: how many there will be, each with
        the cap of the event's file; without it, those that are enrolled now with their own.

        Raises:
            UnknownEventError: there is no such event.
        """
        policy = self.registration.event(event_id)
        at_desk = policy.provisional_at_desk
        active = [row for row in self.devices.listed(event_id) if row.state == "active"]
        caps = sum(row.cap for row in active)
        if at_desk is None:
            return WorstCase(policy.event, len(active) if desks is None else desks, 0, 0)
        if desks is not None:
            return WorstCase(policy.event, desks, desks * at_desk.per_desk, at_desk.value_each)
        return WorstCase(policy.event, len(active), caps, at_desk.value_each)

    def acknowledge(self, event_id: str, worst: WorstCase, *, who: str) -> None:
        """Write down that somebody agrees to a worst case.

        Raises:
            AuditError: nobody is named.
        """
        with writing(self.registration.engine) as connection:
            audit.write(
                connection,
                actor=who,
                role="organiser",
                act="desk.worst_case",
                event=event_id,
                subject=f"at most {worst.at_most}",
                reason=f"{worst.desks} desks, {worst.cap_in_all} discounts of {worst.value_each} when cut off",
                now=self._clock(),
                details={"at_most": worst.at_most},
            )

    def admit(self, request: SignedRequest) -> str:
        """The id of the desk that asks to redeem.

        Raises:
            RequestRefusedError: it is none, or saw an epoch that is not known here.
        """
        admitted = self.devices.admit(request)
        self.devices.check_epoch(admitted)
        return admitted.row.desk
