"""The use cases of coming in: mailed links, sessions and their end, roles given and taken.

Every secret has 256 bits and is kept as a hash. A browser that begins to come in carries a secret of its own
(`browser`); a link from a mail works there, and elsewhere only once its reader confirms that they asked for it.
What a link proves is that somebody reads an address: whose it is, the room of people knows. Who may do what is
`rights`, the provider is asked by `provider`, the door to every page is `door`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine

from issuer.ground import audit, mail
from issuer.ground.database import reading, writing
from issuer.ground.language import IN_ENGLISH, Voice
from issuer.ground.login import store
from issuer.ground.login.errors import (
    LinkError,
    NotAllowedError,
    NotSignedInError,
    RoleError,
    UnconfirmedLinkError,
)
from issuer.ground.login.rights import Right, Role, acting_role
from issuer.ground.login.store import Link
from issuer.ground.mail import Mail
from issuer.ground.pages import moment_in_words
from issuer.ground.settings import Settings
from issuer.ground.tokens import hash_of
from schemas.mail_address import MailAddressError, checked_address

TOKEN_BYTES = 32
LINK_LASTS = timedelta(minutes=15)
LINKS_EACH = 3  # to one address within LINK_LASTS: more would only fill somebody's mailbox
SESSION_LASTS = timedelta(hours=12)
IDLE_LASTS = timedelta(hours=1)
SEEN_EVERY = timedelta(minutes=1)  # not each request writes that the session is being used

Way = Literal["mail", "openid"]
_NO_LINK = "This link was used before, or its 15 minutes are over: ask for another one."


@dataclass(frozen=True)
class Session:
    """A person who is signed in, and their roles. `form_token`: what every form of theirs must bring back."""

    person: str
    roles: frozenset[Role]
    way: str
    made_at: datetime
    form_token: str

    def may(self, right: Right) -> Role | None:
        """In which role they may do this; None if in none."""
        return acting_role(self.roles, right)

    def must(self, right: Right) -> Role:
        """The same. The one place where a role opens a door.

        Raises:
            NotAllowedError: in none.
        """
        role = self.may(right)
        if role is None:
            raise NotAllowedError("Your roles do not allow this: ask the manager of this community.")
        return role


@dataclass(frozen=True)
class LinkLook:
    """What a mailed link is, before it is used. `person`: who adds the address to theirs, or "" to sign in;
    `elsewhere`: another browser asked for it.
    """

    address: str
    person: str
    made_at: datetime
    elsewhere: bool


class Login:
    """How people of one office come in and go out. `wake`: called once a mail was entered and committed."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.engine, self.settings, self.clock, self._wake = engine, settings, clock, wake

    @property
    def by_mail(self) -> bool:
        """Whether links can be mailed."""
        return self.settings.mail is not None

    def ask_for_link(self, address: str, *, browser: str, person: str = "", say: Voice = IN_ENGLISH) -> bool:
        """Mail a link to an address, known or not; False if it was sent enough of them.

        `person`: who adds this address to theirs; empty to sign in with it. `say`: in the language of the page on
        which the link was asked for.
        """
        if not self.by_mail:
            return False
        token, now, address = new_secret(), self.clock(), address.lower()
        with writing(self.engine) as connection:
            store.forget_ended(connection, now=now, seen_before=now - IDLE_LASTS)
            if store.links_since(connection, address=address, since=now - LINK_LASTS) >= LINKS_EACH:
                return False
            link = Link(address, person, hash_of(browser), now, now + LINK_LASTS)
            store.add_link(connection, link, token_sha256=hash_of(token))
            mail.enter(connection, self._letter(link, token, say), expires_at=link.expires_at, now=now)
        self._wake()
        return True

    def look_at_link(self, token: str, *, browser: str) -> LinkLook:
        """What a link is, without using it up: programs that look into mail open every link.

        Raises:
            LinkError: it cannot be used.
        """
        with reading(self.engine) as connection:
            link = store.find_link(connection, token_sha256=hash_of(token), now=self.clock())
        if link is None:
            raise LinkError(_NO_LINK)
        return LinkLook(link.address, link.person, link.made_at, elsewhere=link.browser_sha256 != hash_of(browser))

    def use_link(self, connection: Connection, token: str, *, browser: str, confirmed: bool) -> LinkLook:
        """Use a link up, in the caller's transaction: from here on its address is proved.

        Raises:
            LinkError: it cannot be used.
            UnconfirmedLinkError: another browser asked for it, and nobody confirmed that.
        """
        link = store.find_link(connection, token_sha256=hash_of(token), now=self.clock())
        if link is None:
            raise LinkError(_NO_LINK)
        elsewhere = link.browser_sha256 != hash_of(browser)
        if elsewhere and not link.person and not confirmed:
            raise UnconfirmedLinkError("Tick the box if it was you who asked for this link.")
        if not store.use_link(connection, token_sha256=hash_of(token), now=self.clock()):
            raise LinkError(_NO_LINK)
        return LinkLook(link.address, link.person, link.made_at, elsewhere)

    def begin_session(self, connection: Connection, person: str, *, way: Way, earlier: str) -> str:
        """Begin a session, in the caller's transaction: a secret made now and known to nobody before.

        `earlier`: the session that this browser had, which ends.
        """
        token, now = new_secret(), self.clock()
        store.forget_ended(connection, now=now, seen_before=now - IDLE_LASTS)
        store.end_session(connection, token_sha256=hash_of(earlier))
        store.add_session(
            connection,
            token_sha256=hash_of(token),
            person=person,
            way=way,
            expires_at=now + SESSION_LASTS,
            now=now,
        )
        held = store.roles_of(connection, person=person)
        if held:  # what contributors do with their own record is their own affair
            reason, role = f"by {way}", sorted(held)[0]
            audit.write(connection, actor=person, role=role, act="login.begin", reason=reason, now=now)
        return token

    def session(self, token: str) -> Session:
        """The session of a secret; it is noted that it is being used.

        Raises:
            NotSignedInError: there is none, or it has ended.
        """
        now = self.clock()
        with reading(self.engine) as connection:
            row = store.find_session(connection, token_sha256=hash_of(token)) if token else None
            held = store.roles_of(connection, person=row.person) if row else frozenset()
        if row is None or row.expires_at <= now or row.seen_at + IDLE_LASTS <= now:
            raise NotSignedInError("Please sign in: nobody is signed in here, or not any more.")
        if row.seen_at + SEEN_EVERY <= now:
            with writing(self.engine) as connection:
                store.see_session(connection, row.id, now=now)
        return Session(row.person, frozenset(map(Role, held)), row.way, row.made_at, form_token_of(token))

    def sign_out(self, token: str) -> None:
        """End a session here, whatever the browser keeps."""
        with writing(self.engine) as connection:
            store.end_session(connection, token_sha256=hash_of(token))

    def _letter(self, link: Link, token: str, say: Voice) -> Mail:
        """The link stands under our own address as the settings say it, never under one that a request names."""
        url, name = self.settings.public_url, self.settings.name
        if link.person:
            subject = say("Is this your address?")
            asked = say("Somebody asked to add this address at %(community)s.", community=name)
        else:
            subject = say("Your link to sign in")
            asked = say(
                "Somebody asked to sign in at %(host)s (%(community)s) with this address.",
                host=urlsplit(url).netloc,
                community=name,
            )
        works = say(
            "The link works once, until %(moment)s. Open it in the browser in which you asked.\n"
            "If it was not you, do nothing: without the link nothing happens.",
            moment=moment_in_words(link.expires_at, say),
        )
        kept = say("What we keep about people who contribute, and how to refuse: %(page)s", page=f"{url}/privacy")
        return Mail(link.address, subject, f"{asked}\n\n{url}/sign-in/links/{token}\n\n{works}\n\n{kept}\n")


def end_sessions_of(connection: Connection, person: str) -> int:
    """End every session of a person, in the caller's transaction; how many there were."""
    return store.end_sessions_of(connection, person=person)


def forget(connection: Connection, person: str, *, addresses: Iterable[str]) -> None:
    """Take a person's sessions and roles, and the links to their addresses: they have left."""
    store.end_sessions_of(connection, person=person)
    for address in addresses:
        store.forget_links(connection, address=address)
    for role in store.roles_of(connection, person=person):
        store.remove_role(connection, person=person, role=role)


def roles_of(connection: Connection, person: str) -> frozenset[Role]:
    """The roles that a person holds."""
    return frozenset(map(Role, store.roles_of(connection, person=person)))


def all_roles(engine: Engine) -> tuple[tuple[str, Role, datetime], ...]:
    """(person, role, since when) of everybody who holds one."""
    with reading(engine) as connection:
        return tuple((person, Role(role), since) for person, role, since in store.all_roles(connection))


def give_role(engine: Engine, person: str, role: Role, *, by: str, reason: str, now: datetime) -> None:
    """Let a person hold a role.

    Raises:
        RoleError: they hold it already.
        AuditError: no reason is given.
    """
    with writing(engine) as connection:
        if role in store.roles_of(connection, person=person):
            raise RoleError(f"This person holds the role {role} already.")
        store.add_role(connection, person=person, role=role, now=now)
        _note(connection, person, role, act="role.give", by=by, reason=reason, now=now)


def take_role(engine: Engine, person: str, role: Role, *, by: str, reason: str, now: datetime) -> None:
    """Take a role from a person; it holds at once, and their sessions end.

    Raises:
        RoleError: they do not hold it.
        AuditError: no reason is given.
    """
    with writing(engine) as connection:
        if not store.remove_role(connection, person=person, role=role):
            raise RoleError(f"This person does not hold the role {role}.")
        store.end_sessions_of(connection, person=person)
        _note(connection, person, role, act="role.take", by=by, reason=reason, now=now)


def _note(
    connection: Connection, person: str, role: Role, *, act: str, by: str, reason: str, now: datetime
) -> None:
    audit.write(
        connection, actor=by, role="operator", act=act, person=person, subject=role, reason=reason, now=now
    )


def new_secret() -> str:
    """A secret for a browser or a session: 256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def form_token_of(secret: str) -> str:
    """What a form brings back to show that it came from our page: derived, so that nothing more is kept."""
    return hmac.new(secret.encode(), b"the forms of this browser", hashlib.sha256).hexdigest()


def is_form_token(given: str, *, secret: str) -> bool:
    """Whether a form's token fits the secret of the browser that sent it."""
    return bool(secret) and hmac.compare_digest(given.encode(), form_token_of(secret).encode())


def is_address(text: str) -> bool:
    """Whether a text could be somebody's mail address."""
    try:
        checked_address(text)
    except MailAddressError:
        return False
    return True
