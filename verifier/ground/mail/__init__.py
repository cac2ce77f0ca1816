"""Mail of this office: what one is, and how it is entered to be sent.

A mail is entered in the caller's own transaction and sent after it, so whoever was promised one gets it whatever
is killed next, and nobody gets one for something that was rolled back. An address is personal data: the row goes
once the mail is sent, or when it has expired. The rows are `store`, one talk with the mail server is `smtp`, and
whoever sends while the server answers is `postman`.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from schemas.mail_address import MailAddressError, checked_address
from verifier.ground.mail import store

MAX_SUBJECT = 200
MAX_TEXT = 20_000  # characters; a code or a link and a few sentences are a few hundred

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class MailError(Exception):
    """No mail can be made of this; one sentence for a person."""


@dataclass(frozen=True)
class Mail:
    """One plain text for one address. It cannot be made with a line break in its head.

    MailError: the address is none, or a part is empty, too long or holds control characters.
    """

    to: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        try:
            checked_address(self.to)
        except MailAddressError as error:
            raise MailError(str(error)) from error
        if not 0 < len(self.subject) <= MAX_SUBJECT or _CONTROL.search(self.subject):
            raise MailError(f"A mail's subject is one line of at most {MAX_SUBJECT} characters.")
        if not 0 < len(self.text) <= MAX_TEXT or _CONTROL_IN_TEXT.search(self.text):
            raise MailError(f"A mail's text has 1 to {MAX_TEXT} characters, and none that steers.")


def enter(connection: Connection, mail: Mail, *, expires_at: datetime, now: datetime) -> None:
    """Write down, in the caller's transaction, that `mail` is to be sent; after the commit, wake the postman.

    `expires_at`: from then on it is not sent any more, and forgotten.
    """
    store.add(
        connection,
        recipient=mail.to,
        subject=mail.subject,
        text=mail.text,
        reference=secrets.token_hex(16),
        expires_at=expires_at,
        now=now,
    )


def count(connection: Connection) -> int:
    """How many mails wait."""
    return store.count(connection)


def oldest(connection: Connection) -> datetime | None:
    """Since when the oldest mail waits; None if none does."""
    return store.oldest(connection)
