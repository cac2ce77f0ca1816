"""Proof of holding by mail: a code is sent to the address whose salted hash a badge carries.

Whoever has the badge has salt and hash, and could try addresses against them anyway; so an address that is not
the badge's is called so. Only a code shows that the mailbox is theirs.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from schemas.credential import OpenBadgeCredential
from schemas.event_policy import EventPolicy
from schemas.identity import EMAIL_TYPE, normalised_email
from verifier.ground import mail
from verifier.ground.database import reading, writing
from verifier.ground.language import translated
from verifier.ground.mail import Mail, MailError
from verifier.ground.settings import Settings
from verifier.registration.errors import MailboxError
from verifier.registration.events import Acceptance
from verifier.registration.mailbox import store as mail_codes
from verifier.registration.mailbox.store import Whose
from verifier.registration.store import holder_key

DIGITS: Final = 8
LIVES: Final = timedelta(minutes=15)
MOST_TRIES: Final = 5  # wrong codes, before the ones that were sent are void
MOST_IN_AN_HOUR: Final = 3  # codes for one holder

_SUBJECT = "Your code for %(event)s"
_TEXT = (
    "Your code for %(event)s: %(code)s\n\nType it on the registration page within 15 minutes. It shows that the"
    " badge is yours, so give it to nobody.\n\nIf you did not ask for it, do nothing: without the code nothing is"
    " used up."
)


class Mailbox:
    """The codes of one office. `wake`: sends what was entered, after its transaction."""

    def __init__(
        self,
        settings: Settings,
        *,
        engine: Callable[[], Engine],
        clock: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        self.can_send = settings.mail is not None
        self._engine, self._clock, self._wake = engine, clock, wake

    def send(
        self,
        badge: OpenBadgeCredential,
        *,
        acceptance: Acceptance,
        policy: EventPolicy,
        address: str,
        language: str,
    ) -> None:
        """Mail a code for an accepted badge to its own address.

        Raises:
            MailboxError: no mail is sent here, the address is not the badge's, or too many codes were sent.
            DatabaseError: nothing was entered.
        """
        if not self.can_send:
            raise MailboxError("This office sends no mail: show in another way that the badge is yours.")
        typed = address.strip()
        identities = [i for i in badge.credentialSubject.identities(EMAIL_TYPE) if i.hashed]
        spellings = {typed, normalised_email(typed)}
        if not any(i.matches(text, identity_type=EMAIL_TYPE) for i in identities for text in spellings):
            raise MailboxError("This is not the address that your badge carries: give that one.")
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        values = {"event": policy.event, "code": f"{code[:4]} {code[4:]}"}
        try:
            letter = Mail(typed, translated(_SUBJECT, language) % values, translated(_TEXT, language) % values)
        except MailError as error:
            raise MailboxError(str(error)) from error
        now, whose, salt = self._clock(), _whose(acceptance, policy), secrets.token_hex(16)
        with writing(self._engine()) as connection:
            mail_codes.forget(connection, before=now - timedelta(hours=1))
            if mail_codes.count(connection, whose, since=now - timedelta(hours=1)) >= MOST_IN_AN_HOUR:
                raise MailboxError("Three codes were mailed for this badge within an hour: use the last, or wait.")
            mail_codes.add(
                connection, whose, salt=salt, code_sha256=_digest(salt, code), now=now, expires_at=now + LIVES
            )
            mail.enter(connection, letter, expires_at=now + LIVES, now=now)
        self._wake()

    def find(self, typed: str, *, acceptance: Acceptance, policy: EventPolicy) -> str | None:
        """The hash of the mailed code that was typed; None if it is none of them, which is counted.

        Raises:
            DatabaseError: it could not be counted.
        """
        code, whose = "".join(typed.split()), _whose(acceptance, policy)
        with reading(self._engine()) as connection:
            sent = mail_codes.usable(connection, whose, now=self._clock(), most_tries=MOST_TRIES)
        for salt, expected in sent:
            if hmac.compare_digest(_digest(salt, code), expected):
                return expected
        if sent:
            with writing(self._engine()) as connection:
                mail_codes.count_try(connection, whose)
        return None

    def use(
        self, connection: Connection, code_sha256: str, *, acceptance: Acceptance, policy: EventPolicy
    ) -> bool:
        """Use a code up, in the grant's transaction. False: it was used before."""
        return mail_codes.use(connection, _whose(acceptance, policy), code_sha256=code_sha256)


def _whose(acceptance: Acceptance, policy: EventPolicy) -> Whose:
    """Under one of a person's names, always the same."""
    return policy.event, acceptance.issuer, holder_key(min(acceptance.holders))


def _digest(salt: str, code: str) -> str:
    return hashlib.sha256(f"{salt}{code}".encode()).hexdigest()
