"""The codes that were mailed: one row each, by event and holder, for a quarter of an hour.

No address and no code is kept: the code as a salted hash, the holder by the same key as a redemption. Everything
runs in the caller's transaction. When one is sent stands in the package.
"""

from datetime import datetime

from sqlalchemy import Column, Connection, Integer, String, Table, delete, func, insert, select, update

from verifier.ground.database import UtcDateTime, metadata

mail_codes = Table(
    "mail_codes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(64), nullable=False),
    Column("issuer", String(500), nullable=False),
    Column("holder", String(100), nullable=False, index=True),
    Column("salt", String(32), nullable=False),
    Column("code_sha256", String(64), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

Whose = tuple[str, str, str]  # event, issuer, holder


def count(connection: Connection, whose: Whose, *, since: datetime) -> int:
    """How many codes were made for this holder since a moment."""
    query = select(func.count()).where(_is_of(whose), mail_codes.c.made_at >= since)
    return connection.execute(query).scalar_one()


def add(
    connection: Connection, whose: Whose, *, salt: str, code_sha256: str, now: datetime, expires_at: datetime
) -> None:
    """Keep a new code."""
    event, issuer, holder = whose
    connection.execute(
        insert(mail_codes).values(
            event=event,
            issuer=issuer,
            holder=holder,
            salt=salt,
            code_sha256=code_sha256,
            tries=0,
            made_at=now,
            expires_at=expires_at,
        )
    )


def usable(connection: Connection, whose: Whose, *, now: datetime, most_tries: int) -> list[tuple[str, str]]:
    """(salt, hash) of each code that may still be typed."""
    query = select(mail_codes.c.salt, mail_codes.c.code_sha256).where(
        _is_of(whose), mail_codes.c.expires_at > now, mail_codes.c.tries < most_tries
    )
    return [(row.salt, row.code_sha256) for row in connection.execute(query)]


def count_try(connection: Connection, whose: Whose) -> None:
    """A code was typed that is none of them."""
    connection.execute(update(mail_codes).where(_is_of(whose)).values(tries=mail_codes.c.tries + 1))


def use(connection: Connection, whose: Whose, *, code_sha256: str) -> bool:
    """Use a code up. False: it was used before."""
    used = connection.execute(delete(mail_codes).where(_is_of(whose), mail_codes.c.code_sha256 == code_sha256))
    return used.rowcount > 0


def forget(connection: Connection, *, before: datetime) -> None:
    """Delete every code that was made before."""
    connection.execute(delete(mail_codes).where(mail_codes.c.made_at < before))


def _is_of(whose: Whose):  # type: ignore[no-untyped-def]  # a condition of SQLAlchemy's
    event, issuer, holder = whose
    return (mail_codes.c.event == event) & (mail_codes.c.issuer == issuer) & (mail_codes.c.holder == holder)
