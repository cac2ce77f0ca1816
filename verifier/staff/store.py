"""Sessions, mailed links and log-ins under way. Of every secret only its hash is kept, and nothing for long."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Integer, String, Table, delete, func, insert, select, update

from verifier.ground.database import UtcDateTime, metadata

staff_links = Table(
    "staff_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("member", String(20), nullable=False, index=True),
    Column("browser_sha256", String(64), nullable=False),  # that asked for it
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime, nullable=True),
)

staff_challenges = Table(
    "staff_challenges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state_sha256", String(64), nullable=False, unique=True),
    Column("browser_sha256", String(64), nullable=False),
    Column("nonce", String(64), nullable=False),
    Column("code_verifier", String(128), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("member", String(20), nullable=False, index=True),
    Column("way", String(16), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)


@dataclass(frozen=True)
class Link:
    """A mailed link that was not used and has not ended."""

    member: str
    browser_sha256: str
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Challenge:
    """What a log-in at the OpenID provider was begun with."""

    nonce: str
    code_verifier: str


@dataclass(frozen=True)
class SessionRow:
    """A row of `staff_sessions`."""

    id: int
    member: str
    way: str
    made_at: datetime
    seen_at: datetime
    expires_at: datetime


# Links


def add_link(
    connection: Connection,
    *,
    token_sha256: str,
    member: str,
    browser_sha256: str,
    expires_at: datetime,
    now: datetime,
) -> None:
    """Keep a new link."""
    connection.execute(
        insert(staff_links).values(
            token_sha256=token_sha256,
            member=member,
            browser_sha256=browser_sha256,
            made_at=now,
            expires_at=expires_at,
        )
    )


def links_since(connection: Connection, *, member: str, since: datetime) -> int:
    """How many links somebody was sent, used or not."""
    query = (
        select(func.count())
        .select_from(staff_links)
        .where(staff_links.c.member == member, staff_links.c.made_at > since)
    )
    return connection.execute(query).scalar_one()


def find_link(connection: Connection, *, token_sha256: str, now: datetime) -> Link | None:
    """A link that can still be used."""
    query = select(
        staff_links.c.member, staff_links.c.browser_sha256, staff_links.c.made_at, staff_links.c.expires_at
    ).where(
        staff_links.c.token_sha256 == token_sha256, staff_links.c.used_at.is_(None), staff_links.c.expires_at > now
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Link(*row)


def use_link(connection: Connection, *, token_sha256: str, now: datetime) -> bool:
    """Use a link up; False if somebody did before, or it has ended."""
    used = connection.execute(
        update(staff_links)
        .where(
            staff_links.c.token_sha256 == token_sha256,
            staff_links.c.used_at.is_(None),
            staff_links.c.expires_at > now,
        )
        .values(used_at=now)
    )
    return used.rowcount == 1


# Log-ins at the provider


def add_challenge(
    connection: Connection, challenge: Challenge, *, state_sha256: str, browser_sha256: str, expires_at: datetime
) -> None:
    """Keep what a log-in was begun with, until its answer comes."""
    connection.execute(
        insert(staff_challenges).values(
            state_sha256=state_sha256,
            browser_sha256=browser_sha256,
            nonce=challenge.nonce,
            code_verifier=challenge.code_verifier,
            expires_at=expires_at,
        )
    )


def take_challenge(
    connection: Connection, *, state_sha256: str, browser_sha256: str, now: datetime
) -> Challenge | None:
    """What the answer with this state belongs to, once only, and only for the browser that began."""
    taken = connection.execute(
        delete(staff_challenges)
        .where(
            staff_challenges.c.state_sha256 == state_sha256,
            staff_challenges.c.browser_sha256 == browser_sha256,
            staff_challenges.c.expires_at > now,
        )
        .returning(staff_challenges.c.nonce, staff_challenges.c.code_verifier)
    ).one_or_none()
    return None if taken is None else Challenge(*taken)


# Sessions


def add_session(
    connection: Connection, *, token_sha256: str, member: str, way: str, expires_at: datetime, now: datetime
) -> None:
    """Keep a new session."""
    connection.execute(
        insert(staff_sessions).values(
            token_sha256=token_sha256,
            member=member,
            way=way,
            made_at=now,
            seen_at=now,
            expires_at=expires_at,
        )
    )


def find_session(connection: Connection, *, token_sha256: str) -> SessionRow | None:
    """A session, whether it still holds or not."""
    rows = _sessions(connection, staff_sessions.c.token_sha256 == token_sha256)
    return rows[0] if rows else None


def sessions_since(connection: Connection, *, seen_since: datetime, now: datetime) -> tuple[SessionRow, ...]:
    """The sessions that hold, newest first."""
    return _sessions(connection, staff_sessions.c.seen_at > seen_since, staff_sessions.c.expires_at > now)


def see_session(connection: Connection, session_id: int, *, now: datetime) -> None:
    """Note that a session is being used."""
    connection.execute(update(staff_sessions).where(staff_sessions.c.id == session_id).values(seen_at=now))


def end_session(connection: Connection, *, token_sha256: str) -> bool:
    """End a session; False if there was none."""
    gone = connection.execute(delete(staff_sessions).where(staff_sessions.c.token_sha256 == token_sha256))
    return gone.rowcount > 0


def end_sessions_of(connection: Connection, *, member: str) -> int:
    """End every session of a member, and make their links useless."""
    connection.execute(delete(staff_links).where(staff_links.c.member == member, staff_links.c.used_at.is_(None)))
    return connection.execute(delete(staff_sessions).where(staff_sessions.c.member == member)).rowcount


def forget_ended(connection: Connection, *, now: datetime, seen_before: datetime) -> None:
    """Delete what can be used no more."""
    connection.execute(delete(staff_links).where(staff_links.c.expires_at <= now))
    connection.execute(delete(staff_challenges).where(staff_challenges.c.expires_at <= now))
    ended = (staff_sessions.c.expires_at <= now) | (staff_sessions.c.seen_at <= seen_before)
    connection.execute(delete(staff_sessions).where(ended))


def _sessions(connection: Connection, *conditions: object) -> tuple[SessionRow, ...]:
    query = select(
        staff_sessions.c.id,
        staff_sessions.c.member,
        staff_sessions.c.way,
        staff_sessions.c.made_at,
        staff_sessions.c.seen_at,
        staff_sessions.c.expires_at,
    ).order_by(staff_sessions.c.id.desc())
    return tuple(SessionRow(*row) for row in connection.execute(query.where(*conditions)))  # type: ignore[arg-type]
