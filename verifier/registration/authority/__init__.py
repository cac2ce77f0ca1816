"""Who decides about an event's discounts now, and what others gave for it: what the ledger asks before it grants.

An event without a row here is decided by this office alone, and nothing else was ever given. Once authority was
handed to a machine at the venue (or came from the office to this one), the row says whether it is here, and what
was given elsewhere is known by salted hashes. Who may hand it over is `verifier.desk`; the tables are `store`.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection

from schemas import base64url
from verifier.registration import store as redemption_store
from verifier.registration.authority import store
from verifier.registration.authority.store import Standing
from verifier.registration.store import HolderName, Kept, RequestName

ONLINE: Final = "online"
BY_HASH: Final = "claim:"  # a holder of whom only the hash is known, as the ledger keeps it
SALT_BYTES: Final = 16
_HASH_BYTES: Final = 16  # 2^64 tries until two holders meet by chance; short enough to carry some thousand

__all__ = ["BY_HASH", "ONLINE", "Decider", "Kept", "Objection", "Standing"]

Decider = Literal["here", "venue", "online", "waiting"]


@dataclass(frozen=True)
class Objection:
    """Why none of an event's discounts is granted here now, or (`taken`) none to this holder."""

    decider: Decider
    taken: bool = False


def decider(connection: Connection, event: str) -> Decider:
    """Who decides about an event now, as far as this office knows. `waiting`: this one, but not yet."""
    return _decider(store.standings(connection, [event]).get(event))


def standing(connection: Connection, event: str) -> Standing | None:
    """The newest epoch of an event, if there was any."""
    return store.standings(connection, [event]).get(event)


def objections(
    connection: Connection, claims: Sequence[tuple[str, Collection[HolderName]]]
) -> list[Objection | None]:
    """For each (event, names of a holder): what is in the way of a grant here, if anything is."""
    if not store.any_standing(connection):
        return [None] * len(claims)
    standings = store.standings(connection, {event for event, _ in claims})
    return [_objection(connection, standings.get(event), names) for event, names in claims]


def _objection(connection: Connection, found: Standing | None, names: Collection[HolderName]) -> Objection | None:
    if found is None:
        return None
    decides = _decider(found)
    if decides != "here":
        return Objection(decides)
    salt = store.salt_of(connection, event=found.event)
    hashes = [] if salt is None else [hash_of(name, salt=salt) for name in names]
    taken = store.any_given(connection, event=found.event, hashes=hashes)
    return Objection("here", taken=True) if taken else None


def hash_of(name: HolderName, *, salt: bytes) -> str:
    """How a holder is named between office, hub and desks (docs/desk-formats.md, Claims)."""
    message = b"".join(len(data).to_bytes(4, "big") + data for data in (text.encode() for text in name))
    return base64url.encode(hashlib.sha256(salt + message).digest()[:_HASH_BYTES])


def grants(connection: Connection, *, event: str) -> tuple[Kept, ...]:
    """Every grant of an event in this office's own ledger that stands."""
    return redemption_store.grants_kept(connection, event=event)


def requests_granted(connection: Connection, *, event: str) -> list[str]:
    """Every request of an event that was answered here with a grant, whether it stands or not."""
    return redemption_store.requests_granted(connection, event=event)


def grant_of_request(connection: Connection, *, event: str, request_id: str) -> int | None:
    """The number of the grant with which a request was answered here."""
    return redemption_store.grant_of_request(connection, RequestName(event, request_id))


def hashes_of(kept: Kept, *, salt: bytes) -> frozenset[str]:
    """The hashes of a grant's holder; one that came from elsewhere is known by them only."""
    return frozenset(
        name.holder.removeprefix(BY_HASH) if name.holder.startswith(BY_HASH) else hash_of(name, salt=salt)
        for name in kept.names
    )


def salt_for(connection: Connection, *, event: str) -> bytes:
    """The salt of an event's hashes; made on first use."""
    found = store.salt_of(connection, event=event)
    if found is None:
        found = secrets.token_bytes(SALT_BYTES)
        store.keep_salt(connection, event=event, salt=found)
    return found


def known_salt(connection: Connection, *, event: str) -> bytes:
    """The same for whoever only reads; empty as long as nobody was told of a holder."""
    return store.salt_of(connection, event=event) or b""


def take_salt(connection: Connection, *, event: str, salt: bytes) -> None:
    """Name holders as the office does from which a bundle came."""
    store.keep_salt(connection, event=event, salt=salt)


def hashes_given(connection: Connection, *, event: str) -> dict[str, datetime | None]:
    """When each holder got the event's discount, by their hash; None where it was given elsewhere."""
    salt = salt_for(connection, event=event)
    own = {
        hash_of(name, salt=salt): granted_at
        for name, granted_at in redemption_store.names_redeemed(connection, event=event)
        if not name.holder.startswith(BY_HASH)
    }
    return dict.fromkeys(store.given(connection, event=event)) | own


def note_given(connection: Connection, *, event: str, hashes: Iterable[str]) -> None:
    """What others gave for an event is exactly this."""
    store.replace_given(connection, event=event, hashes=frozenset(hashes))


def set_standing(connection: Connection, standing: Standing) -> None:
    """From now on authority over the event stands as this epoch says."""
    store.set_standing(connection, standing)


def forget(connection: Connection, *, event: str) -> int:
    """Delete what is known of an event's holders here; who decides stays. How many rows went."""
    return store.forget(connection, event=event)


def _decider(found: Standing | None) -> Decider:
    if found is None:
        return "here"
    if not found.is_here:
        return "online" if found.holder == ONLINE else "venue"
    return "here" if found.is_open else "waiting"
