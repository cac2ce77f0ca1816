"""Mail of this office: what one is, and how it is entered to be sent.

A mail is entered in the caller's own transaction and sent after it, so whoever was promised one gets it whatever
is killed next, and nobody gets one for something that was rolled back. An address is personal data: the row goes
once the mail is sent, or when it has expired; what became of it stays, without an address, if somebody asks. The
rows are `store`, one talk with the mail server is `smtp`, and whoever sends while the server answers is `postman`.
"""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from issuer.ground.mail import store
from issuer.ground.mail.store import Fate as Fate
from schemas.mail_address import MailAddressError, checked_address

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


def enter(
    connection: Connection, mail: Mail, *, expires_at: datetime, now: datetime, followed: bool = False
) -> str:
    """Write down, in the caller's transaction, that `mail` is to be sent; after the commit, wake the postman.

    `expires_at`: from then on it is not sent any more, and forgotten. `followed`: `fates` tells what became of it.
    Comes out: its reference, which also stands in its Message-ID.
    """
    (reference,) = enter_all(connection, [mail], expires_at=expires_at, now=now, followed=followed)
    return reference


def enter_all(
    connection: Connection, mails: Sequence[Mail], *, expires_at: datetime, now: datetime, followed: bool = False
) -> list[str]:
    """The same for several mails; their references in their order."""
    references = [secrets.token_hex(16) for _ in mails]
    rows = [
        {"recipient": mail.to, "subject": mail.subject, "text": mail.text, "reference": reference}
        for mail, reference in zip(mails, references, strict=True)
    ]
    store.add_all(connection, rows, expires_at=expires_at, now=now)
    if followed:
        store.follow(connection, references)
    return references


def fates(connection: Connection, references: Iterable[str]) -> Mapping[str, Fate]:
    """What became of mails that were followed, by their references."""
    return store.fates(connection, references)


def take_back(connection: Connection, references: Iterable[str]) -> None:
    """Send none of these mails any more, if they still wait, and keep nothing about them."""
    store.take_back(connection, references)


def change_waiting(
    connection: Connection, references: Iterable[str], what: re.Pattern[str], *, to: str, theirs: str, others: str
) -> None:
    """Put something else in the place of `what` in mails that still wait: `theirs` in those `to` this address,
    `others` in all others.
    """
    for one in store.waiting_among(connection, references):
        instead = theirs if one.recipient.lower() == to.lower() else others
        store.set_text(connection, one.id, instead.join(what.split(one.text)))


def forget(connection: Connection, address: str) -> None:
    """Send nothing more of what waits for an address: its person has left."""
    store.remove_to(connection, address)


def count(connection: Connection) -> int:
    """How many mails wait."""
    return store.count(connection)


def oldest(connection: Connection) -> datetime | None:
    """Since when the oldest mail waits; None if none does."""
    return store.oldest(connection)
