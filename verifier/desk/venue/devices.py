"""Desks with keys of their own: enrolled by a secret that works once, admitted by a signature, revoked by a
person.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from keys.jwk import PublicKey
from schemas import base64url, strict_json, timestamps
from verifier.desk.errors import EnrolmentError, RequestRefusedError, TokenError, UnknownDeskError
from verifier.desk.formats import tokens
from verifier.desk.formats.bundle import Right
from verifier.desk.service import AT_THE_COMMAND_LINE, MAX_NAME, Actor
from verifier.desk.venue import command, store
from verifier.desk.venue.store import DeviceRow, EnrolmentRow
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.registration.api import SignedRequest
from verifier.registration.service import Registration

SECRET_BYTES: Final = 24
ENROLMENT_LASTS: Final = timedelta(hours=1)
MAX_ENROLMENT: Final = timedelta(days=30)
CLOCKS_DIFFER: Final = timedelta(minutes=5)
MAX_JTI: Final = 64
DEFAULT_CAP: Final = 20
MAX_CAP: Final = 1000


@dataclass(frozen=True)
class Enrolled:
    """A device that is a desk now. `is_new`: False where the same device asked again."""

    row: DeviceRow
    is_new: bool


@dataclass(frozen=True)
class Admitted:
    """Whose request it is, and the newest epoch that this desk has seen."""

    row: DeviceRow
    epoch: int

    @property
    def rights(self) -> frozenset[str]:
        return frozenset(self.row.rights.split(","))


class Devices:
    """The devices of one office or hub."""

    def __init__(self, registration: Registration, *, clock: Callable[[], datetime] = system_clock) -> None:
        self._registration, self._clock = registration, clock

    def make_enrolment(
        self,
        event_id: str,
        *,
        name: str,
        rights: tuple[Right, ...] = ("scan",),
        cap: int | None = None,
        lasting: timedelta = ENROLMENT_LASTS,
        by: Actor = AT_THE_COMMAND_LINE,
    ) -> str:
        """The secret with which one device becomes a desk of an event; shown once, kept as a hash.

        Raises:
            UnknownEventError: there is no such event.
            EnrolmentError: the name, the cap or the time is none.
        """
        policy, now = self._registration.event(event_id), self._clock()
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise EnrolmentError(f"A desk has a name of 1 to {MAX_NAME} printable characters.")
        at_desk = policy.provisional_at_desk
        allowed = (at_desk.per_desk if at_desk else 0) if cap is None else cap
        if not 0 <= allowed <= MAX_CAP:
            raise EnrolmentError(f"A desk may give 0 to {MAX_CAP} discounts when it is cut off.")
        if at_desk is None and allowed:
            raise EnrolmentError("The event's file allows no discounts when cut off (provisional_at_desk).")
        if not timedelta(0) < lasting <= MAX_ENROLMENT:
            raise EnrolmentError(f"An enrolment is good for up to {MAX_ENROLMENT.days} days.")
        secret = secrets.token_urlsafe(SECRET_BYTES)
        row = EnrolmentRow(
            _hashed(secret), policy.event, name, ",".join(dict.fromkeys(("scan", *rights))), allowed, now + lasting
        )
        with writing(self._registration.engine) as connection:
            store.add_enrolment(connection, row)
            audit.write(
                connection,
                actor=by.actor,
                role=by.role,
                act="desk.enrolment",
                event=policy.event,
                subject=f"desk {name}",
                reason=by.reason or "a device is to be a desk",
                now=now,
                details={"rights": row.rights, "cap": allowed},
            )
        return secret

    def enrol(self, secret: str, jwk: object) -> Enrolled:
        """Make a device a desk by its secret and its public key.

        Raises:
            EnrolmentError: the secret is unknown, used by another device, or its time is over; or it is no key.
        """
        now = self._clock()
        try:
            key = tokens.key_of(jwk)  # type: ignore[arg-type] # it says what it is not
        except TokenError as error:
            raise EnrolmentError(f"The device's key cannot be used: {error}") from error
        text = strict_json.dumps(key.to_jwk())
        with writing(self._registration.engine) as connection:
            found = store.enrolment_of(connection, _hashed(secret))
            if found is None:
                raise EnrolmentError("No enrolment has this secret: ask the lead for a new code.")
            if found.desk is not None:
                used = next(row for row in store.devices_of(connection, found.event) if row.desk == found.desk)
                if used.jwk == text:
                    return Enrolled(used, is_new=False)
                raise EnrolmentError("This code was used by another device: ask the lead for a new one.")
            if found.expires_at <= now:
                raise EnrolmentError("The time of this code is over: ask the lead for a new one.")
            desk = f"desk-{secrets.token_hex(5)}"
            row = DeviceRow(found.event, desk, found.name, text, found.rights, found.cap, "active", now)
            store.put_device(connection, row)
            store.use_enrolment(connection, found.secret_sha256, desk=desk)
            audit.write(
                connection,
                actor=f"desk {found.name}",
                role="device",
                act="desk.enrol",
                event=found.event,
                subject=f"desk {desk}",
                reason="it showed the secret of an enrolment",
                now=now,
                details={"key": tokens.fingerprint(key)},
            )
        return Enrolled(row, is_new=True)

    def admit(self, request: SignedRequest) -> Admitted:
        """Whose request this is, once its signature, its time and its newness were found good.

        Raises:
            RequestRefusedError: it is no enrolled desk's, with the code that says why.
            DatabaseError: it could not be written down that it was seen.
        """
        if not request.signature:
            raise RequestRefusedError(
                "The header Desk-Signature is missing: only an enrolled desk may ask this.",
                code="signature_missing",
            )
        now = self._clock()
        with reading(self._registration.engine) as connection:
            row, claims = self._claims(connection, request)
        self._check(claims, request, row=row, now=now)
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
            raise _wrong("its claim jti is missing")
        with writing(self._registration.engine) as connection:
            known = store.request_key_of(connection, event=row.event, desk=row.desk, jti=jti)
            if known is None:
                store.forget_requests(connection, before=now - 3 * CLOCKS_DIFFER)
                store.add_request(
                    connection, event=row.event, desk=row.desk, jti=jti, request_key=request.key, now=now
                )
            elif not request.key or known != request.key:
                raise RequestRefusedError(
                    "This request was made before: each has a jti of its own.", code="replayed"
                )
        epoch = claims.get("epoch", 0)
        if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < 0:
            raise _wrong("its claim epoch is no number")
        return Admitted(row, epoch)

    def check_epoch(self, admitted: Admitted) -> None:
        """Refuse to decide for a desk that saw a newer epoch than this machine.

        Raises:
            RequestRefusedError: it did.
        """
        with reading(self._registration.engine) as connection:
            chain = command.chain_of(connection, admitted.row.event)
        if admitted.epoch > chain.epoch:
            raise RequestRefusedError(
                f"This desk has seen epoch {admitted.epoch}, and this machine knows {chain.epoch}: nothing was"
                " granted. Send the newer statement, and ask whom it names.",
                code="newer_epoch",
            )

    def listed(self, event_id: str) -> tuple[DeviceRow, ...]:
        """Every device of an event.

        Raises:
            UnknownEventError: there is no such event.
        """
        policy = self._registration.event(event_id)
        with reading(self._registration.engine) as connection:
            return store.devices_of(connection, policy.event)

    def revoke(self, event_id: str, desk: str, *, by: Actor) -> None:
        """From now on this device is no desk any more; what it wrote down before still counts. After a takeover
        nobody waits for it any longer, which is the one step that is not exact.

        Raises:
            UnknownEventError, UnknownDeskError: there is none such.
            AuditError: no reason is given.
        """
        policy, now = self._registration.event(event_id), self._clock()
        with writing(self._registration.engine) as connection:
            if not store.revoke_device(connection, event=policy.event, desk=desk, now=now):
                raise UnknownDeskError(f"There is no active desk {desk[:64]!a} that could be revoked.")
            audit.write(
                connection,
                actor=by.actor,
                role=by.role,
                act="desk.revoke",
                event=policy.event,
                subject=f"desk {desk}",
                reason=by.reason,
                now=now,
            )
            command.open_if_all_heard(connection, policy.event, now=now)

    def _claims(
        self, connection: Connection, request: SignedRequest
    ) -> "tuple[DeviceRow, strict_json.JsonObject]":
        try:
            desk = tokens.key_id(request.signature)
            event = str(tokens.unverified(request.signature).get("event"))
            row = next((row for row in store.devices_of(connection, event) if row.desk == desk), None)
            if row is None or (request.event is not None and request.event != event):
                raise RequestRefusedError("No desk of this event has this id: enrol it.", code="unknown_desk")
            if row.state == "revoked":
                raise RequestRefusedError("This desk was revoked: ask the lead.", code="revoked")
            return row, tokens.verified(request.signature, typ=tokens.REQUEST, key=_key(row))
        except TokenError as error:
            raise RequestRefusedError(
                f"The header Desk-Signature is not good: {error}", code="signature_wrong"
            ) from error

    def _check(
        self, claims: "strict_json.JsonObject", request: SignedRequest, *, row: DeviceRow, now: datetime
    ) -> None:
        wanted = {
            "desk": row.desk,
            "method": request.method,
            "path": request.path,
            "body": base64url.encode(hashlib.sha256(request.body).digest()),
        }
        for name, value in wanted.items():
            if claims.get(name) != value:
                raise _wrong(f"its claim {name} is not that of this request")
        try:
            at = timestamps.from_numeric_date(claims.get("iat"))
        except timestamps.TimestampError as error:
            raise _wrong("its claim iat is no time") from error
        if abs(now - at) > CLOCKS_DIFFER:
            raise RequestRefusedError(
                f"The desk's clock says {timestamps.show(at)}, and here it is {timestamps.show(now)}: set the"
                " clock.",
                code="clock",
                time=now,
            )


def _wrong(what: str) -> RequestRefusedError:
    return RequestRefusedError(f"The header Desk-Signature is not good: {what}.", code="signature_wrong")


def _key(row: DeviceRow) -> PublicKey:
    return tokens.key_of(strict_json.loads_object(row.jwk))


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
