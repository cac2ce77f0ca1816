"""The tables of offers and of nonces that were used, and all SQL on them. Of secrets, only hashes stand there."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from issuer.ground.database import UtcDateTime, metadata
from issuer.wallets.model import MAX_WRONG_GUESSES, Event, Offer

offers = Table(
    "wallet_offers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("badge", ForeignKey("badges.id"), nullable=False, index=True),
    Column("handle_hash", String(64), nullable=False, unique=True),
    Column("code_hash", String(64), nullable=False, unique=True),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("wrong_guesses", Integer, nullable=False),
    Column("token_hash", String(64), unique=True),
    Column("token_expires_at", UtcDateTime),
    Column("subject", Text),
    Column("copy", ForeignKey("badges.id")),
    Column("event", String(32)),
    Column("event_at", UtcDateTime),
)
used_nonces = Table(
    "wallet_nonces",
    metadata,
    Column("nonce_hash", String(64), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)


def add_offer(
    connection: Connection, offer: Offer, *, handle_hash: str, code_hash: str, forget_before: datetime
) -> None:
    """Keep a new offer; those of the same badge that nobody took end now, and old ones are forgotten."""
    untaken = offers.c.token_hash.is_(None)
    connection.execute(
        update(offers)
        .where(untaken & (offers.c.badge == offer.badge) & (offers.c.expires_at > offer.made_at))
        .values(expires_at=offer.made_at)
    )
    connection.execute(delete(offers).where(untaken & (offers.c.expires_at < forget_before)))
    connection.execute(
        insert(offers).values(
            id=offer.id,
            badge=offer.badge,
            handle_hash=handle_hash,
            code_hash=code_hash,
            made_at=offer.made_at,
            expires_at=offer.expires_at,
            wrong_guesses=0,
        )
    )


def offer_of_handle(connection: Connection, handle_hash: str) -> Offer | None:
    return _found(connection, offers.c.handle_hash == handle_hash)


def offer_of_code(connection: Connection, code_hash: str) -> Offer | None:
    return _found(connection, offers.c.code_hash == code_hash)


def offer_of_token(connection: Connection, token_hash: str) -> Offer | None:
    return _found(connection, offers.c.token_hash == token_hash)


def offers_of(connection: Connection, badge_id: str) -> list[Offer]:
    """The offers of a badge that were taken, newest first."""
    query = select(offers).where((offers.c.badge == badge_id) & offers.c.token_hash.is_not(None))
    return [_offer(row) for row in connection.execute(query.order_by(offers.c.made_at.desc()))]


def count_guess(connection: Connection, offer_id: str) -> bool:
    """Count a guess of the transaction code before it is looked at; False if there were too many already."""
    chosen = (offers.c.id == offer_id) & (offers.c.wrong_guesses < MAX_WRONG_GUESSES)
    values = {"wrong_guesses": offers.c.wrong_guesses + 1}
    return connection.execute(update(offers).where(chosen).values(values)).rowcount == 1


def take(connection: Connection, offer_id: str, *, token_hash: str, token_expires_at: datetime) -> bool:
    """Exchange an offer's code for a token, once: False for whoever comes second. The guess that was right is none
    of the wrong ones.
    """
    chosen = (offers.c.id == offer_id) & offers.c.token_hash.is_(None)
    values = {
        "token_hash": token_hash,
        "token_expires_at": token_expires_at,
        "wrong_guesses": offers.c.wrong_guesses - 1,
    }
    return connection.execute(update(offers).where(chosen).values(values)).rowcount == 1


def bind(connection: Connection, offer_id: str, subject: str) -> bool:
    """Bind an offer to the first key that is proved for it; False for another one."""
    free = offers.c.subject.is_(None) | (offers.c.subject == subject)
    chosen = (offers.c.id == offer_id) & free
    return connection.execute(update(offers).where(chosen).values(subject=subject)).rowcount == 1


def set_copy(connection: Connection, offer_id: str, copy: str) -> None:
    connection.execute(update(offers).where(offers.c.id == offer_id).values(copy=copy))


def note_event(connection: Connection, offer_id: str, event: Event, *, now: datetime) -> None:
    connection.execute(update(offers).where(offers.c.id == offer_id).values(event=event, event_at=now))


def use_nonce(connection: Connection, nonce_hash: str, *, expires_at: datetime, now: datetime) -> bool:
    """Use a nonce up; False if it was used before. Those that have expired are forgotten."""
    connection.execute(delete(used_nonces).where(used_nonces.c.expires_at < now))
    known = select(used_nonces.c.nonce_hash).where(used_nonces.c.nonce_hash == nonce_hash)
    if connection.execute(known).first() is not None:
        return False
    connection.execute(insert(used_nonces).values(nonce_hash=nonce_hash, expires_at=expires_at))
    return True


def forget(connection: Connection, badge_ids: Sequence[str]) -> None:
    """Erase what wallets were offered of these badges."""
    connection.execute(delete(offers).where(offers.c.badge.in_(badge_ids)))


def _found(connection: Connection, chosen: object) -> Offer | None:
    row = connection.execute(select(offers).where(chosen)).first()  # type: ignore[arg-type]
    return _offer(row) if row else None


def _offer(row: Row[tuple[object, ...]]) -> Offer:
    return Offer(
        id=row.id,
        badge=row.badge,
        made_at=row.made_at,
        expires_at=row.expires_at,
        wrong_guesses=row.wrong_guesses,
        token_expires_at=row.token_expires_at,
        subject=row.subject,
        copy=row.copy,
        event=row.event,
    )
