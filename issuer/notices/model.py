"""Claim links and what became of the letters that carry them. Pure.

A claim link opens its holder's private page once. It is neither that page's address nor the badge's public one, so
that neither can be taken for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from issuer.ground.mail import Mail

LINK_LASTS = timedelta(days=30)  # two weeks in which a letter may wait for a mail server, and time to read it

State = Literal["not written", "waiting", "sent", "refused", "given up", "claimed"]


class ClaimError(Exception):
    """A claim link that opens nothing. `when`: since when, if there is such a moment.

    ├── NoSuchLinkError     there is none, or its holder has left
    ├── UsedLinkError       somebody opened the page with it
    ├── ReplacedLinkError   a newer one was mailed
    └── ExpiredLinkError    its time is over
    """

    def __init__(self, sentence: str, *, when: datetime | None = None) -> None:
        super().__init__(sentence)
        self.when = when


class NoSuchLinkError(ClaimError):
    """There is no such link, or its holder has left."""


class UsedLinkError(ClaimError):
    """Somebody opened the page with it already."""


class ReplacedLinkError(ClaimError):
    """A newer link for the same badge was mailed."""


class ExpiredLinkError(ClaimError):
    """Its time is over."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A letter about a badge to its holder, and the secret of the claim link in it. `address_sha256`: the keyed
    hash of the address that it goes to.
    """

    letter: Mail
    token: str
    badge: str
    person: str
    address_sha256: str


@dataclass(frozen=True, slots=True)
class ClaimLink:
    """One link for one badge of one person. `replaced_at`: a newer one was mailed then."""

    badge: str
    person: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the newest letter about a badge stands. `since`: when it came to this; `elsewhere`: it went to another
    address than its holder's own; `attempts`: how often a mail server was tried, while it waits.
    """

    state: State
    since: datetime | None = None
    attempts: int = 0
    elsewhere: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody typed an address and wants a new link. `language`: of the page on which they did."""

    number: int
    address: str
    language: str
    asked_at: datetime
