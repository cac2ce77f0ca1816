"""The use cases of signing in: a mailed link, a log-in at the OpenID provider, a session, and its end.

Every secret has 256 bits and is kept as a hash. A browser that begins to sign in carries a secret of its own
(`browser`); a link from a mail works there, and elsewhere only once its reader confirms that they asked for it.
Who may do what is `rights`, the list of staff `roster`, the provider is asked by `provider`,
the pages are `web`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection

from keys.openid import Identity
from schemas.mail_address import MailAddressError, checked_address
from verifier.ground import audit, mail
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.ground.mail import Mail
from verifier.ground.pages import moment
from verifier.ground.settings import Settings
from verifier.registration.service import Registration
from verifier.staff import roster, store
from verifier.staff.errors import LinkError, NotAllowedError, NotSignedInError, UnconfirmedLinkError
from verifier.staff.rights import Right, Role, acting_role
from verifier.staff.roster import Member, Roster

TOKEN_BYTES = 32
LINK_LASTS = timedelta(minutes=15)
LINKS_EACH = 3  # within LINK_LASTS: more would only fill somebody's mailbox
SESSION_LASTS = timedelta(hours=12)
IDLE_LASTS = timedelta(hours=1)
SEEN_EVERY = timedelta(minutes=1)  # not each request writes that the session is being used

Way = Literal["mail", "openid"]
_NO_LINK = "This link was used before, or its 15 minutes are over: ask for another one."


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in. `form_token`: what every form of theirs must bring back."""

    member: Member
    way: str
    made_at: datetime
    form_token: str

    def may(self, right: Right, *, event: str | None = None) -> Role | None:
        """In which role they may do this, at an event or (with None) for the whole office; None if in none."""
        return acting_role(self.member.roles_at(event), right)

    def must(self, right: Right, *, event: str | None = None) -> Role:
        """The same. The one place where a role opens a door.

        Raises:
            NotAllowedError: in none.
        """
        role = self.may(right, event=event)
        if role is None:
            raise NotAllowedError("Your roles do not allow this: ask whoever keeps the list of staff.")
        return role


@dataclass(frozen=True)
class LinkLook:
    """What a mailed link is, before it is used. `elsewhere`: another browser asked for it."""

    member: Member
    made_at: datetime
    elsewhere: bool


class SignIn:
    """How staff of one office get in and out."""

    def __init__(
        self, registration: Registration, settings: Settings, *, clock: Callable[[], datetime] = system_clock
    ) -> None:
        self._registration, self._settings, self._clock = registration, settings, clock

    @property
    def by_mail(self) -> bool:
        """Whether links can be mailed: there is a mail server, and an address at which we are."""
        return self._settings.mail is not None and self._settings.public_url is not None

    @property
    def roster(self) -> Roster:
        """The list of staff as it is now.

        Raises:
            RosterError: it cannot be read.
        """
        return roster.load(self._settings.staff)

    def is_listed(self, subject: str) -> bool:
        """Whether somebody on the list is known by this subject."""
        return self.roster.by_subject(subject) is not None

    def ask_for_link(self, address: str, *, browser: str) -> None:
        """Mail a link to whoever of the staff has this address. Nothing tells the caller whether anybody has.

        Raises:
            RosterError, DatabaseError: the list or the database is out of reach.
        """
        member = self.roster.by_mail(address) if self.by_mail else None
        if member is None or member.mail is None:
            return
        token, now = new_secret(), self._clock()
        with writing(self._registration.engine) as connection:
            store.forget_ended(connection, now=now, seen_before=now - IDLE_LASTS)
            if store.links_since(connection, member=member.id, since=now - LINK_LASTS) >= LINKS_EACH:
                return
            store.add_link(
                connection,
                token_sha256=hashed(token),
                member=member.id,
                browser_sha256=hashed(browser),
                expires_at=now + LINK_LASTS,
                now=now,
            )
            mail.enter(connection, self._letter(member.mail, token, now=now), expires_at=now + LINK_LASTS, now=now)
        self._registration.wake_postman()

    def look_at_link(self, token: str, *, browser: str) -> LinkLook:
        """What a link is; looking uses nothing up, since programs look at links before people do.

        Raises:
            LinkError: it cannot be used.
        """
        with reading(self._registration.engine) as connection:
            link = store.find_link(connection, token_sha256=hashed(token), now=self._clock())
        member = None if link is None else self.roster.by_id(link.member)
        if link is None or member is None or member.mail is None:
            raise LinkError(_NO_LINK)
        return LinkLook(member, link.made_at, elsewhere=link.browser_sha256 != hashed(browser))

    def sign_in_by_link(self, token: str, *, browser: str, confirmed: bool, earlier: str) -> str:
        """Use a link up, and begin a session: its secret. `earlier`: the one that this browser had, which ends.

        Raises:
            LinkError: the link cannot be used.
            UnconfirmedLinkError: another browser asked for it, and nobody confirmed that.
        """
        look = self.look_at_link(token, browser=browser)
        if look.elsewhere and not confirmed:
            raise UnconfirmedLinkError("Tick the box if it was you who asked for this link.")
        with writing(self._registration.engine) as connection:
            if not store.use_link(connection, token_sha256=hashed(token), now=self._clock()):
                raise LinkError(_NO_LINK)  # somebody was quicker by a moment
            return self._begin_session(connection, look.member, way="mail", earlier=earlier)

    def sign_in_by_openid(self, identity: Identity, *, earlier: str) -> str:
        """Begin a session for whom the OpenID provider named: its secret.

        Raises:
            NotAllowedError: they are not on the list of staff.
        """
        listed = self.roster
        member = listed.by_subject(identity.subject)
        if member is None and identity.mail is not None:
            member = listed.by_mail(identity.mail)
            if member is not None and member.subject is not None:
                member = None  # known under another subject: an address can be given to somebody else
        if member is None:
            raise NotAllowedError("You are not on the list of staff here: ask whoever keeps it.")
        with writing(self._registration.engine) as connection:
            return self._begin_session(connection, member, way="openid", earlier=earlier)

    def session(self, token: str) -> Session:
        """The session of a secret; it is noted that it is being used.

        Raises:
            NotSignedInError: there is none, it has ended, or its member was removed.
        """
        now, row = self._clock(), None
        if token and self._settings.has_database:
            with reading(self._registration.engine) as connection:
                row = store.find_session(connection, token_sha256=hashed(token))
        if row is None or row.expires_at <= now or row.seen_at + IDLE_LASTS <= now:
            raise NotSignedInError("Please sign in: nobody is signed in here, or not any more.")
        member = self.roster.by_id(row.member)
        if member is None:
            raise NotSignedInError("Please sign in: you are not on the list of staff any more.")
        if row.seen_at + SEEN_EVERY <= now:
            with writing(self._registration.engine) as connection:
                store.see_session(connection, row.id, now=now)
        return Session(member, row.way, row.made_at, form_token_of(token))

    def sign_out(self, token: str) -> None:
        """End a session here, whatever the browser keeps."""
        with writing(self._registration.engine) as connection:
            store.end_session(connection, token_sha256=hashed(token))

    def end_sessions(self, member_id: str, *, by: str, role: str, reason: str) -> int:
        """End every session of a member; how many there were.

        Raises:
            AuditError: no reason is given.
        """
        now = self._clock()
        with writing(self._registration.engine) as connection:
            ended = store.end_sessions_of(connection, member=member_id)
            audit.write(
                connection,
                actor=by,
                role=role,
                act="staff.end_sessions",
                subject=member_id,
                reason=reason,
                now=now,
                details={"ended": ended},
            )
        return ended

    def signed_in(self) -> dict[str, datetime]:
        """When each member who is signed in was last seen."""
        now = self._clock()
        with reading(self._registration.engine) as connection:
            rows = store.sessions_since(connection, seen_since=now - IDLE_LASTS, now=now)
        seen: dict[str, datetime] = {}
        for row in rows:
            seen[row.member] = max(row.seen_at, seen.get(row.member, row.seen_at))
        return seen

    def _begin_session(self, connection: Connection, member: Member, *, way: Way, earlier: str) -> str:
        """A secret made now and known to nobody before, whatever the browser brought along."""
        token, now = new_secret(), self._clock()
        store.forget_ended(connection, now=now, seen_before=now - IDLE_LASTS)
        store.end_session(connection, token_sha256=hashed(earlier))
        store.add_session(
            connection,
            token_sha256=hashed(token),
            member=member.id,
            way=way,
            expires_at=now + SESSION_LASTS,
            now=now,
        )
        audit.write(connection, actor=member.id, role="staff", act="staff.sign_in", reason=f"by {way}", now=now)
        return token

    def _letter(self, address: str, token: str, *, now: datetime) -> Mail:
        """The link stands under our own address as the settings say it, never under one that a request names."""
        url = self._settings.public_url or ""
        text = (
            f"Somebody asked to sign in to the staff pages of {urlsplit(url).netloc} with this address.\n\n"
            f"{url}/staff/links/{token}\n\n"
            f"The link works once, until {moment(now + LINK_LASTS)}. Open it in the browser in which you asked.\n"
            "If it was not you, do nothing: without the link nobody gets in.\n"
        )
        return Mail(address, "Your link to sign in", text)


def new_secret() -> str:
    """A secret for a browser or a session: 256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def form_token_of(secret: str) -> str:
    """What a form brings back to show that it came from our page: derived, so that nothing more is kept."""
    return hmac.new(secret.encode(), b"the forms of this browser", hashlib.sha256).hexdigest()


def is_form_token(given: str, *, secret: str) -> bool:
    """Whether a form's token fits the secret of the browser that sent it."""
    return bool(secret) and hmac.compare_digest(given.encode(), form_token_of(secret).encode())


def hashed(token: str) -> str:
    """What is kept of a secret: it has 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_address(text: str) -> bool:
    """Whether a text could be somebody's mail address."""
    try:
        checked_address(text)
    except MailAddressError:
        return False
    return True
