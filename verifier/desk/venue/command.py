"""Who decides about an event, kept and acted on: handing over, handing back, taking over, hearing the desks.

Whether a statement is good is `formats.epochs`. Everything that changes who decides is one transaction with all
that it rests on; the ledger asks the outcome within each grant's own transaction (`registration.authority`).
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from schemas.event_policy import EventPolicy
from verifier.desk import merge
from verifier.desk.errors import EpochError
from verifier.desk.formats import tokens
from verifier.desk.formats.epochs import Chain, Signatories
from verifier.desk.merge import Given, Tally
from verifier.desk.venue import store
from verifier.registration import authority
from verifier.registration.authority import ONLINE

HUB_PROOF = "hub"  # how the office's ledger names what a hub granted
SETTLED = "given elsewhere"  # the fingerprint of a request that another machine answered
OFFLINE_PROOF = "offline"  # and what a desk gave when it was cut off


def chain_of(connection: Connection, event: str) -> Chain:
    """The statements of an event, each of which was checked when it came."""
    return Chain(event).followed_by(store.statements_of(connection, event), signatories=None)


def take_in(
    connection: Connection,
    event: str,
    statement_tokens: Iterable[str],
    *,
    signatories: Signatories,
    own: str,
    now: datetime,
) -> Chain:
    """Keep the statements that are new, and stand by the newest. `own`: `online`, or the fingerprint of this hub's
    key.

    Raises:
        EpochError: one does not follow, or is not signed by whom it may be; none was kept.
    """
    before = chain_of(connection, event)
    known = {step.hash for step in (*before.steps, *before.rivals)}
    chain = before.followed_by(statement_tokens, signatories=signatories)
    for step in (*chain.steps, *chain.rivals):
        if step.hash not in known:
            store.add_statement(connection, event=event, epoch=step.said.epoch, hashed=step.hash, token=step.token)
    if chain != before:
        stand_by(connection, chain, own=own, now=now)
    return chain


def stand_by(connection: Connection, chain: Chain, *, own: str, now: datetime) -> None:
    """Write down who decides now. After a takeover, and where a hub's file is still to come, its holder waits."""
    newest = chain.newest
    if newest is None:
        return
    is_here = chain.holder == own
    waits = newest.is_takeover or (newest.said.holder == ONLINE)
    found = authority.standing(connection, chain.event)
    was_open = found is not None and found.statement_hash == newest.hash and found.is_open
    authority.set_standing(
        connection,
        authority.Standing(
            chain.event,
            newest.said.epoch,
            newest.hash,
            chain.holder,
            is_here,
            is_here and (was_open or not waits),
            now,
        ),
    )


def missing_desks(connection: Connection, event: str, *, epoch: int) -> tuple[str, ...]:
    """The active desks that have not shown yet that they saw this epoch, with their whole journal."""
    heard = store.roll_of(connection, event=event, epoch=epoch)
    rows = store.devices_of(connection, event)
    return tuple(row.desk for row in rows if row.state == "active" and row.desk not in heard)


def hear(connection: Connection, event: str, *, desk: str, epoch: int, now: datetime) -> None:
    """A desk whose whole journal is here, and that asks under the newest epoch, has been heard; the last desk that
    was missing ends the wait after a takeover.
    """
    found = authority.standing(connection, event)
    if found is None or found.epoch != epoch or not found.is_here or found.is_open:
        return
    store.answer_roll(connection, event=event, epoch=epoch, desk=desk)
    open_if_all_heard(connection, event, now=now)


def open_if_all_heard(connection: Connection, event: str, *, now: datetime) -> bool:
    """Whether the wait after a takeover is over: then whoever holds the newest epoch grants."""
    found = authority.standing(connection, event)
    if found is None or not found.is_here or found.is_open:
        return found is not None and found.is_here
    chain = chain_of(connection, event)
    if chain.newest is None or not chain.newest.is_takeover or missing_desks(connection, event, epoch=found.epoch):
        return False
    open_now(connection, event, now=now)
    return True


def open_now(connection: Connection, event: str, *, now: datetime) -> None:
    """Grant from now on, as the holder of the newest epoch."""
    found = authority.standing(connection, event)
    if found is None or not found.is_here:
        raise EpochError(f"This machine does not hold the newest epoch of {event}.")
    values = vars(found) | {"is_open": True, "since": now}
    authority.set_standing(connection, authority.Standing(**values))


def tally_of(connection: Connection, policy: EventPolicy) -> Tally:
    """What the journals that are here come to, beside this office's own ledger and the bundle that it took in."""
    event = policy.event
    return merge.tally(
        (token for _, token in store.entry_tokens(connection, event)),
        known=known_here(connection, policy),
        before=redeemed_before(connection, event),
        answered=(_request(text) for text in authority.requests_granted(connection, event=event)),
    )


def redeemed_before(connection: Connection, event: str) -> frozenset[str]:
    """Who redeemed before this machine decided, as the bundle says that it took in."""
    kept = store.bundle_of(connection, event)
    if kept is None or not kept.is_imported:
        return frozenset()
    claims = tokens.unverified(kept.token)["claims"]
    days = claims.get("days") if isinstance(claims, dict) else None
    return frozenset(days) if isinstance(days, dict) else frozenset()


def known_here(connection: Connection, policy: EventPolicy) -> tuple[Given, ...]:
    """What this office's own ledger says of an event's grants."""
    salt = authority.known_salt(connection, event=policy.event)
    kept = store.bundle_of(connection, policy.event)
    is_hub = kept is not None and kept.is_imported
    at_desk = policy.provisional_at_desk
    value = None if at_desk is None else at_desk.value_each
    found = []
    for grant in authority.grants(connection, event=policy.event):
        desk, request_id = request_of(grant)
        from_hub = is_hub or grant.proof == HUB_PROOF
        found.append(
            Given(
                source="offline" if grant.proof == OFFLINE_PROOF else "hub" if from_hub else "online",
                at=grant.granted_at,
                desk=desk,
                seq=0,
                request_id=request_id,
                holders=authority.hashes_of(grant, salt=salt),
                issuer=grant.issuer,
                achievement=grant.achievement,
                percent=grant.percent,
                value=value if grant.proof == OFFLINE_PROOF else None,
                kind="provisional" if grant.proof == OFFLINE_PROOF else "granted",
            )
        )
    return tuple(found)


def recount(connection: Connection, policy: EventPolicy) -> Tally:
    """Work out anew who got the discount elsewhere, and have the ledger know it."""
    found = tally_of(connection, policy)
    elsewhere = set(redeemed_before(connection, policy.event))
    in_clear = {  # whom the ledger knows by name, it finds by itself
        request_of(grant)
        for grant in authority.grants(connection, event=policy.event)
        if not any(name.holder.startswith(authority.BY_HASH) for name in grant.names)
    }
    for given in found.standing:
        if given.request not in in_clear:
            elsewhere |= given.holders
    authority.note_given(connection, event=policy.event, hashes=elsewhere)
    return found


def request_id_of(desk: str, key: str) -> str:
    """The id under which a desk's request stands in a ledger: a key is a desk's own."""
    return f"{desk}/{key}"


def request_of(grant: authority.Kept) -> tuple[str, str]:
    """(desk, request id) of a grant; one that no desk asked for has an empty desk."""
    return _request(grant.request_id or f"grant {grant.number}")


def _request(text: str) -> tuple[str, str]:
    desk, _, key = text.partition("/")
    return (desk, key) if key else ("", text)
