"""Trust bundles of this office: made from what is published and what was redeemed, or taken in from another
office.

What a bundle is and when it is refused is `formats.bundle`; the keys are `keys`.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import Connection

from keys.jwk import PublicKey
from schemas import base64url, strict_json
from schemas.event_policy import EventPolicy
from schemas.strict_json import StrictJsonError
from verifier.desk.errors import BundleError
from verifier.desk.formats import bundle as formats
from verifier.desk.formats import tokens
from verifier.desk.formats.bundle import (
    BundledClaims,
    Content,
    DeskBundle,
    DeskEvent,
    Device,
    HubPlace,
    MadeBy,
    Seen,
)
from verifier.desk.formats.epochs import Chain, Signatories
from verifier.desk.venue import command, conflicts, store
from verifier.desk.venue.keys import OwnKeys
from verifier.desk.venue.store import DeviceRow, KeptBundle
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.registration import authority, standings
from verifier.registration.service import Registration

FRESH = timedelta(minutes=10)  # a bundle that is fetched is not older than this, where this office makes it


class Bundles:
    """The bundles of one office's events."""

    def __init__(
        self, registration: Registration, *, keys: OwnKeys, clock: Callable[[], datetime] = system_clock
    ) -> None:
        self._registration, self._keys, self._clock = registration, keys, clock
        self._opened: dict[str, DeskBundle] = {}

    def make(self, event_id: str, *, lists: Iterable[str] = ()) -> DeskBundle:
        """A new bundle of an event. `lists`: addresses of status lists that no index names.

        Raises:
            UnknownEventError: there is no such event.
            BundleError: this office has the event from another one, which makes its bundles.
            DeskKeysError, DatabaseError: it could not be signed or kept.
        """
        policy, signer = self._registration.event(event_id), self._keys.signer("bundles")
        epoch_key = self._keys.signer("epochs").public
        pairs = (*policy.accept, *policy.foreign)
        issuers = tuple(dict.fromkeys(entry.issuer for entry in pairs))
        with reading(self._registration.engine) as connection:
            named = standings.lists_seen(connection, event=policy.event)
        for issuer in issuers:
            named.setdefault(issuer, []).extend(lists)
        achievements = {entry.achievement for entry in pairs}
        trust = self._registration.verification.gather(issuers, lists=named, achievements=achievements)
        names = {achievement: self._name_of(achievement) for achievement in achievements}
        now = self._clock()
        with writing(self._registration.engine) as connection:
            before = store.bundle_of(connection, policy.event)
            if before is not None and before.is_imported:
                raise BundleError(
                    f"The event {policy.event} came here with a bundle of another office: it makes them."
                )
            chain = command.chain_of(connection, policy.event)
            content = Content(
                version=1 if before is None else before.version + 1,
                as_of=now,
                expires=now + timedelta(hours=policy.desk.bundle_hours),
                made_by=MadeBy(
                    name=self._registration.settings.public_url or "an office without an address",
                    jwk=signer.public.to_jwk(),
                    epoch_jwk=epoch_key.to_jwk(),
                ),
                event=DeskEvent.of(policy, names=names),
                claims=_claims(connection, policy),
                desks=tuple(device_of(row) for row in store.devices_of(connection, policy.event)),
                hub=_hub(chain),
                epochs=tuple(step.token for step in chain.steps),
                **formats.fields_of(trust),
            )
            made = formats.sign(content, signer=signer)
            store.keep_bundle(connection, _kept(made, is_imported=False, now=now))
        return made

    def newest(self, event_id: str, *, refreshing: bool = False) -> str:
        """The newest bundle of an event as it travels. `refreshing`: a new one is made where this office makes
        them and the newest is not fresh.

        Raises:
            BundleError: there is none yet.
        """
        with reading(self._registration.engine) as connection:
            kept = store.bundle_of(connection, event_id)
        stale = kept is None or (not kept.is_imported and kept.made_at + FRESH < self._clock())
        if refreshing and stale:
            return self.make(event_id).token
        if kept is None:
            raise BundleError(f"There is no bundle of the event {event_id[:80]!a} here yet.")
        return kept.token

    def take_in(self, token: str, *, pinned: str | None) -> DeskBundle:
        """Take in a bundle of another office: its event is decided here by what it says, once an epoch gives this
        machine authority.

        `pinned`: the fingerprint of that office's bundle key, wanted for the first bundle of an event.

        Raises:
            BundleError: it is refused, or nothing was pinned, or the event is this office's own.
            EpochError: its statements do not fit those that are known here.
            DatabaseError: nothing was kept.
        """
        now = self._clock()
        event_id = read_event(token)
        with writing(self._registration.engine) as connection:
            before = store.bundle_of(connection, event_id)
            own = any(policy.event == event_id for policy in self._registration.events())
            if (before is None and own) or (before is not None and not before.is_imported):
                raise BundleError(
                    f"The event {event_id} is this office's own: a hub has a data folder for itself."
                )
            if before is None and pinned is None:
                raise BundleError(
                    "The first bundle of an event needs the fingerprint of its office's key (--key): 'bundle show'"
                    " prints it there."
                )
            if before is not None and pinned is not None and pinned != before.pinned:
                raise BundleError(f"The key {before.pinned} was pinned for {event_id} before, and not {pinned}.")
            known = None if before is None else Seen(before.version, before.payload_sha256)
            taken = formats.read(token, pinned=before.pinned if before else pinned, now=now, seen=known)
            policy = taken.event.policy()
            store.keep_bundle(connection, _kept(taken, is_imported=True, now=now))
            authority.take_salt(connection, event=event_id, salt=taken.salt)
            put_devices(connection, event_id, taken.content.desks, now=now)
            command.take_in(
                connection,
                event_id,
                taken.content.epochs,
                signatories=signatories_of(connection, event_id, office=taken.content.made_by.epoch_key),
                own=tokens.fingerprint(self._keys.signer("hub").public),
                now=now,
            )
            if authority.standing(connection, event_id) is None:  # nobody handed over to this machine yet
                elsewhere = authority.Standing(event_id, 0, "", authority.ONLINE, False, False, now)
                authority.set_standing(connection, elsewhere)
            conflicts.recount(connection, policy, now=now)
            audit.write(
                connection,
                actor="command line",
                role="operator",
                act="bundle.import",
                event=event_id,
                subject=f"bundle {taken.content.version}",
                reason="a bundle was taken in",
                now=now,
            )
            _write_event(self._registration.settings.events / f"{event_id}.yaml", taken)
        return taken

    def opened(self, event_id: str) -> DeskBundle:
        """The bundle that was taken in, for whoever decides by it. That its time is over does not make it another
        one: what it says about a badge is then unknown by itself.

        Raises:
            BundleError: there is none, or it is not what was taken in.
        """
        with reading(self._registration.engine) as connection:
            kept = store.bundle_of(connection, event_id)
        if kept is None:
            raise BundleError(
                f"There is no bundle of the event {event_id[:80]!a} here: 'bundle import' takes one in."
            )
        return self.opened_from(kept)

    def opened_from(self, kept: KeptBundle) -> DeskBundle:
        """A bundle that was taken in before, read once."""
        found = self._opened.get(kept.event)
        if found is None or found.payload_sha256 != kept.payload_sha256:
            content = Content.model_validate(tokens.unverified(kept.token))
            found = DeskBundle(content, kept.token, kept.payload_sha256, kept.pinned)
            self._opened[kept.event] = found
        return found

    def _name_of(self, achievement: str) -> str:
        """How an achievement is called, as it says itself; empty where it does not."""
        document = self._registration.verification.document(achievement)
        try:
            name = strict_json.loads_object(document).get("name") if document is not None else None
        except StrictJsonError:
            return ""
        return name[:200] if isinstance(name, str) else ""


def read_event(token: str) -> str:
    """Of which event a bundle is, before anybody knows whether it is good.

    Raises:
        BundleError: it is no bundle.
    """
    return formats.read_event(token.strip())


def signatories_of(connection: Connection, event: str, *, office: PublicKey) -> Signatories:
    """Whose statements are believed about an event: the office's epoch key, and the active leads' desks."""
    leads = {
        row.desk: tokens.key_of(strict_json.loads_object(row.jwk))
        for row in store.devices_of(connection, event)
        if row.state == "active" and "lead" in row.rights.split(",")
    }
    return Signatories(office, leads)


def _claims(connection: Connection, policy: EventPolicy) -> BundledClaims:
    zone = ZoneInfo(policy.time_zone)
    given = authority.hashes_given(connection, event=policy.event)
    days = {name: "" if when is None else when.astimezone(zone).date().isoformat() for name, when in given.items()}
    salt = authority.salt_for(connection, event=policy.event)
    return BundledClaims(salt=base64url.encode(salt), days=dict(sorted(days.items())))


def device_of(row: DeviceRow) -> Device:
    """A device as bundles carry it."""
    jwk: Mapping[str, object] = strict_json.loads_object(row.jwk)
    return Device(
        id=row.desk,
        name=row.name,
        jwk={name: str(value) for name, value in jwk.items()},
        state=row.state,
        rights=tuple(right for right in ("scan", "lead") if right in row.rights.split(",")),
        cap=row.cap,
    )


def put_devices(connection: Connection, event: str, devices: Iterable[Device], *, now: datetime) -> None:
    """Know these desks as another office or hub does; one that was revoked here stays so."""
    here: Mapping[str, DeviceRow] = {row.desk: row for row in store.devices_of(connection, event)}
    for device in devices:
        known = here.get(device.id)
        if known is not None and known.state == "revoked":
            continue
        row = DeviceRow(
            event,
            device.id,
            device.name[:80],
            strict_json.dumps(device.key.to_jwk()),
            ",".join(device.rights),
            device.cap,
            device.state,
            now if known is None else known.enrolled_at,
            None if device.state == "active" else now,
        )
        if known is None or known.jwk == row.jwk:  # a desk's key never changes
            store.put_device(connection, row)


def _hub(chain: Chain) -> HubPlace | None:
    newest = chain.newest
    if newest is None or newest.said.jwk is None or chain.is_forked:
        return None
    return HubPlace(jwk=newest.said.jwk, url=newest.said.url or "", epoch=newest.said.epoch)


def _kept(bundle: DeskBundle, *, is_imported: bool, now: datetime) -> KeptBundle:
    return KeptBundle(
        bundle.event.id,
        bundle.content.version,
        bundle.payload_sha256,
        bundle.token,
        bundle.pinned,
        is_imported,
        now,
    )


def _write_event(file: Path, taken: DeskBundle) -> None:
    """The event's file of a hub, as its bundle says it: whole or not at all, before the bundle counts."""
    document = taken.event.policy().model_dump(mode="python", exclude_none=True)
    text = "# Taken in with a trust bundle; not to be edited.\n" + yaml.safe_dump(
        _plain(document), sort_keys=False, allow_unicode=True
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise BundleError(f"The event cannot be kept at {file}: {error.strerror}.") from error


def _plain(value: object) -> object:
    """Values as YAML has them: tuples are lists, a Decimal is its number."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(entry) for entry in value]
    return value if isinstance(value, int | str | datetime) or hasattr(value, "isoformat") else int(str(value))
