"""The exchanges with wallets that are going on: one row each, gone soon after its time.

Handles are kept as hashes. What a wallet showed is sealed to the browser that asked (`sealing`), so the rows hold
nothing that could be read from a copy of the database. Everything runs in the caller's transaction.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Integer, String, Table, Text, delete, insert, select, update

from verifier.ground.database import UtcDateTime, metadata

wallet_exchanges = Table(
    "wallet_exchanges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("wallet_sha256", String(64), nullable=False, unique=True),
    Column("browser_sha256", String(64), nullable=False, unique=True),
    Column("browser_key", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("return_to", String(300), nullable=False),
    Column("achievements", Text, nullable=False),
    Column("nonce", String(64), nullable=False),
    Column("state", String(64), nullable=False),
    Column("number", String(8), nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
    Column("problem", String(300), nullable=True),
    Column("response_sha256", String(64), nullable=True, unique=True),
    Column("sealed", Text, nullable=True),
    Column("answered_at", UtcDateTime, nullable=True),
    Column("confirmed_at", UtcDateTime, nullable=True),
    Column("used_at", UtcDateTime, nullable=True),
)


@dataclass(frozen=True)
class NewExchange:
    """An exchange that is to be. `subject`: what it is for; `return_to`: the path to which a wallet sends the
    browser back; `number`: what both screens show if the wallet is on another device.
    """

    wallet_sha256: str
    browser_sha256: str
    browser_key: str
    subject: str
    return_to: str
    achievements: str
    nonce: str
    state: str
    number: str
    begun_at: datetime
    expires_at: datetime
    tries: int = 0


@dataclass(frozen=True)
class Exchange(NewExchange):
    """An exchange as it stands."""

    id: int = 0
    problem: str | None = None
    response_sha256: str | None = None
    sealed: str | None = None
    answered_at: datetime | None = None
    confirmed_at: datetime | None = None
    used_at: datetime | None = None


def add(connection: Connection, exchange: NewExchange) -> None:
    """Write a new exchange."""
    connection.execute(insert(wallet_exchanges).values(asdict(exchange)))


def by_wallet(connection: Connection, digest: str) -> Exchange | None:
    """The exchange of this wallet-side handle."""
    return _one(connection, wallet_exchanges.c.wallet_sha256 == digest)


def by_browser(connection: Connection, digest: str) -> Exchange | None:
    """The exchange of this browser-side handle."""
    return _one(connection, wallet_exchanges.c.browser_sha256 == digest)


def by_response(connection: Connection, digest: str) -> Exchange | None:
    """The exchange whose wallet was given this response code."""
    return _one(connection, wallet_exchanges.c.response_sha256 == digest)


def note_problem(connection: Connection, exchange_id: int, problem: str) -> None:
    """An answer was refused: count it, and say why to whoever waits."""
    connection.execute(
        update(wallet_exchanges)
        .where(wallet_exchanges.c.id == exchange_id)
        .values(tries=wallet_exchanges.c.tries + 1, problem=problem[:300])
    )


def answer(
    connection: Connection,
    exchange_id: int,
    *,
    response_sha256: str | None,
    sealed: str | None,
    problem: str | None,
    now: datetime,
) -> bool:
    """Keep the answer, unless there is one. `sealed` is None where the wallet itself said no. False: too late."""
    changed = connection.execute(
        update(wallet_exchanges)
        .where(wallet_exchanges.c.id == exchange_id, wallet_exchanges.c.answered_at.is_(None))
        .values(response_sha256=response_sha256, sealed=sealed, problem=problem, answered_at=now)
    )
    return changed.rowcount == 1


def confirm(connection: Connection, exchange_id: int, *, now: datetime) -> None:
    """Somebody at the wallet's device confirmed that the other screen is theirs."""
    connection.execute(
        update(wallet_exchanges)
        .where(wallet_exchanges.c.id == exchange_id, wallet_exchanges.c.confirmed_at.is_(None))
        .values(confirmed_at=now)
    )


def use(connection: Connection, exchange_id: int, *, now: datetime) -> bool:
    """Use it up, and forget what was shown. False: it was used before."""
    changed = connection.execute(
        update(wallet_exchanges)
        .where(wallet_exchanges.c.id == exchange_id, wallet_exchanges.c.used_at.is_(None))
        .values(used_at=now, sealed=None)
    )
    return changed.rowcount == 1


def forget(connection: Connection, *, before: datetime) -> None:
    """Delete every exchange whose time was over before."""
    connection.execute(delete(wallet_exchanges).where(wallet_exchanges.c.expires_at < before))


def _one(connection: Connection, condition: "object") -> Exchange | None:
    row = connection.execute(select(wallet_exchanges).where(condition)).one_or_none()  # type: ignore[arg-type]
    return None if row is None else Exchange(**row._mapping)
