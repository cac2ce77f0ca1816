"""Links, log-ins under way, sessions and roles. Of every secret only its hash is kept, and nothing for long."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from issuer.ground.database import UtcDateTime, metadata

# A person is named by their id here; who that is, the room of people knows.
login_links = Table(
    "login_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("address", String(254), nullable=False, index=True),
    Column("person", String(32), nullable=False),  # who proves the address as one more of theirs; "" to sign in
    Column("browser_sha256", String(64), nullable=False),  # that asked for it
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime, nullable=True),
)
login_challenges = Table(
    "login_challenges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state_sha256", String(64), nullable=False, unique=True),
    Column("browser_sha256", String(64), nullable=False),
    Column("nonce", String(64), nullable=False),
    Column("code_verifier", String(128), nullable=False),
    Column("person", String(32), nullable=False),  # as of a link
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("person", String(32), nullable=False, index=True),
    Column("way", String(16), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
roles = Table(
    "roles",
    metadata,
    Column("person", String(32), nullable=False),
    Column("role", String(20), nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("person", "role"),
)


@dataclass(frozen=True)
class Link:
    """A mailed link that was not used and has not ended."""

    address: str
    person: str
    browser_sha256: str
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Challenge:
    """What a log-in at the OpenID provider was begun with."""

    nonce: str
    code_verifier: str
    person: str


@dataclass(frozen=True)
class SessionRow:
    """A row of `sessions`."""

    id: int
    person: str
    way: str
    made_at: datetime
    seen_at: datetime
    expires_at: datetime


# Links


def add_link(connection: Connection, link: Link, *, token_sha256: str) -> None:
    """Keep a new link."""
    connection.execute(insert(login_links).values(token_sha256=token_sha256, **vars(link)))


def links_since(connection: Connection, *, address: str, since: datetime) -> int:
    """How many links an address was sent, used or not."""
    query = select(func.count()).select_from(login_links)
    return connection.execute(
        query.where(login_links.c.address == address, login_links.c.made_at > since)
    ).scalar_one()


def find_link(connection: Connection, *, token_sha256: str, now: datetime) -> Link | None:
    """A link that can still be used."""
    query = select(
        login_links.c.address,
        login_links.c.person,
        login_links.c.browser_sha256,
        login_links.c.made_at,
        login_links.c.expires_at,
    ).where(
        login_links.c.token_sha256 == token_sha256, login_links.c.used_at.is_(None), login_links.c.expires_at > now
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Link(*row)


def use_link(connection: Connection, *, token_sha256: str, now: datetime) -> bool:
    """Use a link up; False if somebody did before, or it has ended."""
    unused = (login_links.c.used_at.is_(None), login_links.c.expires_at > now)
    used = connection.execute(
        update(login_links).where(login_links.c.token_sha256 == token_sha256, *unused).values(used_at=now)
    )
    return used.rowcount == 1


def forget_links(connection: Connection, *, address: str) -> None:
    """Delete every link that was mailed to an address."""
    connection.execute(delete(login_links).where(login_links.c.address == address))


# Log-ins at the provider


def add_challenge(
    connection: Connection, challenge: Challenge, *, state_sha256: str, browser_sha256: str, expires_at: datetime
) -> None:
    """Keep what a log-in was begun with, until its answer comes."""
    connection.execute(
        insert(login_challenges).values(
            state_sha256=state_sha256, browser_sha256=browser_sha256, expires_at=expires_at, **vars(challenge)
        )
    )


def take_challenge(
    connection: Connection, *, state_sha256: str, browser_sha256: str, now: datetime
) -> Challenge | None:
    """What the answer with this state belongs to, once only, and only for the browser that began."""
    taken = connection.execute(
        delete(login_challenges)
        .where(
            login_challenges.c.state_sha256 == state_sha256,
            login_challenges.c.browser_sha256 == browser_sha256,
            login_challenges.c.expires_at > now,
        )
        .returning(login_challenges.c.nonce, login_challenges.c.code_verifier, login_challenges.c.person)
    ).one_or_none()
    return None if taken is None else Challenge(*taken)


# Sessions


def add_session(
    connection: Connection, *, token_sha256: str, person: str, way: str, expires_at: datetime, now: datetime
) -> None:
    """Keep a new session."""
    connection.execute(
        insert(sessions).values(
            token_sha256=token_sha256, person=person, way=way, made_at=now, seen_at=now, expires_at=expires_at
        )
    )


def find_session(connection: Connection, *, token_sha256: str) -> SessionRow | None:
    """A session, whether it still holds or not."""
    query = select(
        sessions.c.id,
        sessions.c.person,
        sessions.c.way,
        sessions.c.made_at,
        sessions.c.seen_at,
        sessions.c.expires_at,
    )
    row = connection.execute(query.where(sessions.c.token_sha256 == token_sha256)).one_or_none()
    return None if row is None else SessionRow(*row)


def see_session(connection: Connection, session_id: int, *, now: datetime) -> None:
    """Note that a session is being used."""
    connection.execute(update(sessions).where(sessions.c.id == session_id).values(seen_at=now))


def end_session(connection: Connection, *, token_sha256: str) -> None:
    """End a session, if there is one."""
    connection.execute(delete(sessions).where(sessions.c.token_sha256 == token_sha256))


def end_sessions_of(connection: Connection, *, person: str) -> int:
    """End every session of a person; how many there were."""
    return connection.execute(delete(sessions).where(sessions.c.person == person)).rowcount


def forget_ended(connection: Connection, *, now: datetime, seen_before: datetime) -> None:
    """Delete what can be used no more; with a link goes the address that it was mailed to."""
    connection.execute(delete(login_links).where(login_links.c.expires_at <= now))
    connection.execute(delete(login_challenges).where(login_challenges.c.expires_at <= now))
    connection.execute(
        delete(sessions).where(or_(sessions.c.expires_at <= now, sessions.c.seen_at <= seen_before))
    )


# Roles


def roles_of(connection: Connection, *, person: str) -> frozenset[str]:
    """The roles that a person holds."""
    return frozenset(connection.execute(select(roles.c.role).where(roles.c.person == person)).scalars())


def all_roles(connection: Connection) -> tuple[tuple[str, str, datetime], ...]:
    """(person, role, since when) of everybody who holds one."""
    query = select(roles.c.person, roles.c.role, roles.c.given_at).order_by(roles.c.role, roles.c.given_at)
    return tuple((row.person, row.role, row.given_at) for row in connection.execute(query))


def add_role(connection: Connection, *, person: str, role: str, now: datetime) -> None:
    """Give a role that the person does not hold."""
    connection.execute(insert(roles).values(person=person, role=role, given_at=now))


def remove_role(connection: Connection, *, person: str, role: str) -> bool:
    """Take a role; False if it was not held."""
    return connection.execute(delete(roles).where(roles.c.person == person, roles.c.role == role)).rowcount == 1
