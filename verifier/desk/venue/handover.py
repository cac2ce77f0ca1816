"""Handing an event over to a hub and back: the acts of people, each one transaction, and what travels with them.

The statements and who may sign them are `formats.epochs`; how they are kept is `command`. What a hub hands back is
one file: a statement that covers the rest, what the hub granted, and every journal.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy import Connection

from keys.jwk import PublicKey
from schemas import base64url, strict_json, timestamps
from schemas.event_policy import EventPolicy
from schemas.strict_json import JsonObject, JsonValue
from schemas.strict_yaml import as_tuple, sentence_of
from verifier.desk.errors import EpochError, TokenError
from verifier.desk.formats import epochs, tokens
from verifier.desk.formats.bundle import Device, Moment
from verifier.desk.formats.epochs import Chain, Signatories
from verifier.desk.service import AT_THE_COMMAND_LINE, Actor
from verifier.desk.venue import command, conflicts, store
from verifier.desk.venue.bundles import Bundles, device_of, put_devices, signatories_of
from verifier.desk.venue.keys import OwnKeys
from verifier.desk.venue.logbook import Logbook
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.registration import authority
from verifier.registration.aftercare import cases
from verifier.registration.authority import ONLINE
from verifier.registration.events import Acceptance
from verifier.registration.ledger import Claim
from verifier.registration.reasons import Reason
from verifier.registration.service import Registration

GRANTS_A_TOKEN = 200


class _HubGrant(BaseModel):
    """What a hub granted, with the names of its holder as ledgers keep them."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    request_id: str = Field(min_length=1, max_length=200)
    issuer: str
    achievement: str
    holders: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    percent: int = Field(ge=1, le=100)
    granted_at: Moment


class _HubCase(BaseModel):
    """What a person decided at a hub about something that the journals left to one."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    kind: conflicts.Kind
    subject: str = Field(min_length=1, max_length=250)
    by: str = Field(min_length=1, max_length=200)
    why: str = Field(min_length=1, max_length=500)


class _HubGrants(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    layout: Literal[1]
    event: str
    grants: Annotated[tuple[_HubGrant, ...], BeforeValidator(as_tuple)] = ()
    desks: Annotated[tuple[Device, ...], BeforeValidator(as_tuple)] = ()
    cases: Annotated[tuple[_HubCase, ...], BeforeValidator(as_tuple)] = ()


@dataclass(frozen=True)
class Imported:
    """What came back from a hub: how many grants, how many of them new here, how many entries of journals."""

    event: str
    grants: int
    new_grants: int
    entries: int
    conflicts: int

    def to_json(self) -> JsonObject:
        """For programs."""
        return {**vars(self)}


class Handover:
    """Who decides about the events of one office or hub."""

    def __init__(
        self,
        registration: Registration,
        *,
        keys: OwnKeys,
        bundles: Bundles,
        logbook: Logbook,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self._registration, self._keys, self._bundles, self._logbook = registration, keys, bundles, logbook
        self._clock = clock

    def own(self, event_id: str) -> str:
        """As whom this machine holds an epoch of an event: `online`, or the fingerprint of its key as a hub."""
        with reading(self._registration.engine) as connection:
            return self._own(connection, event_id)

    def state(self, event_id: str) -> JsonObject:
        """What anybody may know: what time it is here, and who decides.

        Raises:
            UnknownEventError: there is no such event.
        """
        policy, now = self._registration.event(event_id), self._clock()
        with reading(self._registration.engine) as connection:
            chain = command.chain_of(connection, policy.event)
            kept = store.bundle_of(connection, policy.event)
            decides = authority.decider(connection, policy.event)
            missing: tuple[str, ...] = ()
            if decides == "waiting" and chain.newest is not None:
                missing = command.missing_desks(connection, policy.event, epoch=chain.epoch)
        return {
            "time": timestamps.show(now),
            "event": policy.event,
            "version": kept.version if kept else 0,
            "epoch": chain.epoch,
            "epoch_hash": chain.newest.hash if chain.newest else None,
            "holder": chain.holder,
            "decides": decides == "here",
            "waiting_for": [*missing],
        }

    def statements(self, event_id: str) -> tuple[str, ...]:
        """Every statement that is known here, those of a fork too.

        Raises:
            UnknownEventError: there is no such event.
        """
        policy = self._registration.event(event_id)
        with reading(self._registration.engine) as connection:
            return store.statements_of(connection, policy.event)

    def take_in(self, statement_tokens: Iterable[str]) -> str:
        """Keep statements that somebody carried here, and stand by the newest: the event of which they are.

        Raises:
            EpochError: one does not follow, or is not signed by whom it may be; none was kept.
            UnknownEventError: there is no such event here.
        """
        listed = list(statement_tokens)
        events = {epochs.read(token).event for token in listed}
        if len(events) != 1:
            raise EpochError("Statements of one event were expected.")
        policy, now = self._registration.event(events.pop()), self._clock()
        with writing(self._registration.engine) as connection:
            command.take_in(
                connection,
                policy.event,
                listed,
                signatories=self._signatories(connection, policy.event),
                own=self._own(connection, policy.event),
                now=now,
            )
            command.open_if_all_heard(connection, policy.event, now=now)
        return policy.event

    def hand_over(self, event_id: str, hub: PublicKey, *, url: str, by: Actor = AT_THE_COMMAND_LINE) -> str:
        """From this moment on the hub decides: nothing of this event is granted here until it hands back. The
        statement; the next bundle carries it, with everything that was redeemed until now.

        Raises:
            EpochError: this office does not decide about the event now.
            UnknownEventError, DeskKeysError, DatabaseError: nothing was handed over.
        """

        def check(connection: Connection, chain: Chain) -> None:
            if authority.decider(connection, chain.event) != "here":
                raise EpochError(f"This office does not decide about {chain.event} now, so it hands nothing over.")

        return self._say(event_id, hub, url=url, act="hub.hand_over", by=by, check=check)

    def take_over(self, event_id: str, hub: PublicKey | None, *, url: str = "", by: Actor) -> str:
        """Give the event to another hub, or (None) back to this office, without the hub that decides now: it died,
        or is out of reach. Whoever gets it grants once it has heard every desk.

        Raises:
            EpochError: no hub decides.
            UnknownEventError, DeskKeysError, DatabaseError: nothing was changed.
            AuditError: no reason is given.
        """

        def check(_connection: Connection, chain: Chain) -> None:
            if chain.newest is None or (chain.holder == ONLINE and not chain.is_forked):
                raise EpochError(f"No hub decides about {chain.event}: 'hub hand-over' gives it to one.")

        return self._say(event_id, hub, url=url, act="hub.take_over", by=by, check=check)

    def hand_back(self, event_id: str, *, by: Actor = AT_THE_COMMAND_LINE) -> str:
        """On a hub: grant nothing from now on, and give the file that the office takes in. Asked again, the same
        file.

        Raises:
            EpochError: this hub does not decide about the event now.
            UnknownEventError, DeskKeysError, DatabaseError: nothing was handed back.
        """
        policy, signer, now = self._registration.event(event_id), self._keys.signer("hub"), self._clock()
        with writing(self._registration.engine) as connection:
            chain = command.chain_of(connection, policy.event)
            newest = chain.newest
            if newest is not None and newest.said.covers is not None and not newest.is_takeover:
                return self._kept_file(policy.event, newest.token)
            own = tokens.fingerprint(signer.public)
            if chain.holder != own or authority.decider(connection, policy.event) != "here":
                raise EpochError(
                    f"This machine does not decide about {policy.event} now, so it hands nothing back."
                )
            rest = self._rest(connection, policy)
            statement = epochs.write(
                chain,
                holder=None,
                at=now,
                signer=signer.named(own),
                covers=base64url.encode(hashlib.sha256(rest.encode()).digest()),
                reason=by.reason,
            )
            text = f"{statement}\n{rest}"
            draft = _write_whole(self._file(policy.event, ".draft"), text)
            command.take_in(
                connection,
                policy.event,
                [statement],
                signatories=self._signatories(connection, policy.event),
                own=own,
                now=now,
            )
            self._note(connection, policy.event, "hub.hand_back", by=by, now=now, epoch=chain.epoch + 1)
        draft.replace(self._file(policy.event))
        return text

    def take_back(self, text: str, *, by: Actor = AT_THE_COMMAND_LINE) -> Imported:
        """At the office: take in what a hub hands back, and decide again. However often: nothing is entered twice.

        Raises:
            EpochError: the file is not what the hub signed, or does not follow.
            UnknownEventError, DatabaseError, VoucherSecretError: it can be taken in again.
        """
        statement, _, rest = text.partition("\n")
        said = epochs.read(statement)
        if said.covers is None or base64url.encode(hashlib.sha256(rest.encode()).digest()) != said.covers:
            raise EpochError("The file is not what the hub handed back: a part is missing or was changed.")
        policy, now = self._registration.event(said.event), self._clock()
        lines = [line for line in rest.split("\n") if line]
        with writing(self._registration.engine) as connection:
            chain = command.take_in(
                connection,
                policy.event,
                [statement],
                signatories=self._signatories(connection, policy.event),
                own=ONLINE,
                now=now,
            )
            before = next(step for step in (*chain.steps, *chain.rivals) if step.hash == said.previous)
            assert before.said.jwk is not None  # nobody else hands back
            handed = _read_grants(lines, hub=tokens.key_of({**before.said.jwk}), event=policy.event)
            put_devices(connection, policy.event, handed.desks, now=now)
            answered = set(authority.requests_granted(connection, event=policy.event))
        for grant in handed.grants:
            self._registration.ledger.claim(_claim(grant, policy=policy))
        journals = [line for line in lines if tokens.typ_of(line) == tokens.JOURNAL]
        taken = self._logbook.take_in(policy.event, journals)
        self._logbook.settle(policy)
        new = sum(grant.request_id not in answered for grant in handed.grants)
        with writing(self._registration.engine) as connection:
            tally = conflicts.recount(connection, policy, now=now)
            for decided in handed.cases:
                cases.decided_elsewhere(
                    connection,
                    event=policy.event,
                    kind=decided.kind,
                    subject=decided.subject,
                    by=decided.by,
                    why=decided.why,
                    now=now,
                )
            standing = authority.standing(connection, policy.event)
            if standing is not None and standing.is_here and not standing.is_open:
                command.open_now(connection, policy.event, now=now)
                self._note(connection, policy.event, "hub.take_back", by=by, now=now, epoch=said.epoch)
        return Imported(policy.event, len(handed.grants), new, taken.new, len(tally.conflicts))

    def _say(
        self,
        event_id: str,
        hub: PublicKey | None,
        *,
        url: str,
        act: str,
        by: Actor,
        check: Callable[[Connection, Chain], None],
    ) -> str:
        policy, signer, now = self._registration.event(event_id), self._keys.signer("epochs"), self._clock()
        with writing(self._registration.engine) as connection:
            if self._own(connection, policy.event) != ONLINE:
                raise EpochError(f"The event {policy.event} is another office's: it says who decides.")
            chain = command.chain_of(connection, policy.event)
            check(connection, chain)
            statement = epochs.write(chain, holder=hub, url=url, at=now, signer=signer, reason=by.reason)
            command.take_in(
                connection,
                policy.event,
                [statement],
                signatories=self._signatories(connection, policy.event),
                own=ONLINE,
                now=now,
            )
            self._note(connection, policy.event, act, by=by, now=now, epoch=chain.epoch + 1)
            command.open_if_all_heard(connection, policy.event, now=now)
        return statement

    def _note(self, connection: Connection, event: str, act: str, *, by: Actor, now: datetime, epoch: int) -> None:
        audit.write(
            connection,
            actor=by.actor,
            role=by.role,
            act=act,
            event=event,
            subject=f"epoch {epoch}",
            reason=by.reason or "who decides about the event changes",
            now=now,
        )

    def _own(self, connection: Connection, event_id: str) -> str:
        kept = store.bundle_of(connection, event_id)
        if kept is None or not kept.is_imported:
            return ONLINE
        return tokens.fingerprint(self._keys.signer("hub").public)

    def _signatories(self, connection: Connection, event_id: str) -> Signatories:
        kept = store.bundle_of(connection, event_id)
        if kept is not None and kept.is_imported:
            return signatories_of(
                connection, event_id, office=self._bundles.opened_from(kept).content.made_by.epoch_key
            )
        return signatories_of(connection, event_id, office=self._keys.signer("epochs").public)

    def _rest(self, connection: Connection, policy: EventPolicy) -> str:
        """What follows the statement in the file: grants, each token signed by the hub, and every journal."""
        kept = authority.grants(connection, event=policy.event)
        listed: list[JsonValue] = [
            {
                "request_id": grant.request_id or f"grant {grant.number}",
                "issuer": grant.issuer,
                "achievement": grant.achievement,
                "holders": [*sorted({name.holder for name in grant.names})],
                "percent": grant.percent,
                "granted_at": grant.granted_at.isoformat(),
            }
            for grant in kept
        ]
        desks: list[JsonValue] = [
            strict_json.loads_object(strict_json.dumps(device_of(row).model_dump(mode="json")))
            for row in store.devices_of(connection, policy.event)
        ]
        decided: list[JsonValue] = [
            {"kind": case.kind, "subject": case.subject, "by": case.closed_by, "why": case.why}
            for case in conflicts.found_before(connection, policy.event).values()
            if case.closed_at is not None
        ]
        signer = self._keys.signer("hub")
        parts = [listed[at : at + GRANTS_A_TOKEN] for at in range(0, len(listed), GRANTS_A_TOKEN)] or [[]]
        first: JsonObject = {"desks": desks, "cases": decided}
        lines = [
            tokens.sign(
                {"layout": 1, "event": policy.event, "grants": part, **(first if number == 0 else {})},
                typ=tokens.GRANTS,
                signer=signer,
            )
            for number, part in enumerate(parts)
        ]
        lines += [token for _, token in store.entry_tokens(connection, policy.event)]
        return "".join(line + "\n" for line in lines)

    def _file(self, event: str, ending: str = "") -> Path:
        return self._registration.settings.data / f"hand-back-{event}.jsonl{ending}"

    def _kept_file(self, event: str, statement: str) -> str:
        """The file that was written when this hub handed back."""
        for file in (self._file(event), self._file(event, ".draft")):
            if file.exists() and (text := file.read_text(encoding="utf-8")).startswith(statement + "\n"):
                return text
        raise EpochError(f"This hub handed {event} back before, and the file {self._file(event)} is gone.")


def _write_whole(file: Path, text: str) -> Path:
    """The file, on the disk before anything rests on it."""
    try:
        with file.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise EpochError(f"{file} cannot be written, so nothing was handed back: {error.strerror}.") from error
    return file


def _read_grants(lines: Iterable[str], *, hub: PublicKey, event: str) -> _HubGrants:
    grants: list[_HubGrant] = []
    desks: list[Device] = []
    decided: list[_HubCase] = []
    for line in lines:
        try:
            if tokens.typ_of(line) != tokens.GRANTS:
                continue
            part = _HubGrants.model_validate(tokens.verified(line, typ=tokens.GRANTS, key=hub))
        except TokenError as error:
            raise EpochError(f"The file holds grants that the hub did not sign: {error}") from error
        except ValidationError as error:
            raise EpochError(f"The file holds grants that cannot be read: {sentence_of(error)}") from error
        if part.event != event:
            raise EpochError(f"The file holds grants of another event than {event}.")
        grants += part.grants
        desks += part.desks
        decided += part.cases
    return _HubGrants(layout=1, event=event, grants=tuple(grants), desks=tuple(desks), cases=tuple(decided))


def _claim(grant: _HubGrant, *, policy: EventPolicy) -> Claim:
    return Claim(
        policy,
        Acceptance(
            Reason.GRANTED,
            percent=grant.percent,
            issuer=grant.issuer,
            achievement=grant.achievement,
            holders=grant.holders,
        ),
        command.HUB_PROOF,
        request_id=grant.request_id,
        fingerprint=command.SETTLED,
        now=grant.granted_at,
        keys=grant.holders,
        is_settled=True,
    )
