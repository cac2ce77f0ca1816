"""Persons and the accounts under which sources know them. Pure.

An account belongs to a person only by a proof; how it was proved is kept beside it. Two accounts that look
alike are two accounts: nothing is ever joined by a guess.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from issuer.ground.language import ENGLISH, Voice

MAX_ACCOUNT_CHARACTERS = 320  # the longest e-mail address, 254, and room for a system's name
_SYSTEM = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)

Proof = Literal["manager", "mailbox", "login", "challenge"]


class PeopleError(ValueError):
    """A person or account that cannot be taken as given; one sentence."""


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """A name in one system: `git:ada@books.example`, `gerrit:137153`. E-mail addresses are lower-cased."""

    system: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Account":
        """`system:name`.

        Raises:
            PeopleError: no colon, a system that is not lower-case letters, an empty or over-long name.
        """
        system, separator, name = text.strip().partition(":")
        return cls.of(system, name) if separator else cls._refuse(text)

    @classmethod
    def of(cls, system: str, name: str) -> "Account":
        """The account `name` in `system`, in its one spelling.

        Raises:
            PeopleError: as for `parse`.
        """
        name = name.strip()
        if "@" in name:
            name = name.lower()
        printable = name.isprintable() and 0 < len(name) <= MAX_ACCOUNT_CHARACTERS
        if not _SYSTEM.fullmatch(system) or not printable:
            cls._refuse(f"{system}:{name}")
        return cls(system, name)

    @staticmethod
    def _refuse(text: str) -> "Account":
        raise PeopleError(f"{text!r} is no account: 'system:name' was expected, as in git:ada@books.example.")

    def __str__(self) -> str:
        return f"{self.system}:{self.name}"

    @property
    def sha256(self) -> str:
        """What is kept of an account whose person refused to be recorded: enough to know it again."""
        return hashlib.sha256(str(self).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Affiliation:
    """Who employed a person from a day on; `organisation` None means: nobody. Unknown is no record at all."""

    organisation: str | None
    since: date


@dataclass(frozen=True, slots=True)
class Pause:
    """A time that does not run for a person's contributions: from (included) to (excluded)."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody known to the community. `id` is random; `name` and `email` are for reaching them, never signed
    unless they want it. `bot` marks accounts of machines, which earn and accept nothing."""

    id: str
    name: str
    email: str | None = None
    bot: bool = False
    accounts: tuple[Account, ...] = ()
    affiliations: tuple[Affiliation, ...] = ()
    manager: str | None = None  # the id of their declared manager, for conflicts of interest
    household: str | None = None  # any word that those who live together share, for the same
    pauses: tuple[Pause, ...] = ()
    told_at: datetime | None = None  # when they were told what is kept about them
    keeps_own: bool = False  # they changed their name or address themselves: no roster changes it any more
    merged_into: str | None = None  # the id of the person as whom they are known now
    left_at: datetime | None = None  # they left: nothing but the id is kept
    language: str | None = None  # in which they want letters, if they said so
    page_language: str | None = None  # in which they last read a page

    @property
    def voice(self) -> Voice:
        """Who writes to them: in the language that they chose, else as they last read here, else English."""
        return Voice(self.language or self.page_language or ENGLISH)

    def affiliation_at(self, day: date) -> Affiliation | None:
        """The affiliation that held on a day, or None if it is unknown."""
        known = [a for a in self.affiliations if a.since <= day]
        return max(known, key=lambda a: a.since) if known else None


@dataclass(frozen=True, slots=True)
class Merge:
    """Two persons who became one: `gone` is known as `kept` since then. `moved`: JSON, what came along."""

    id: int
    kept: str
    gone: str
    made_at: datetime
    moved: str


@dataclass(frozen=True, slots=True)
class PersonRequest:
    """What a person asks the manager to decide. `kind`: "account" (one that cannot be proved) or "affiliation"
    (one that they dispute); `about`: the account, or the day from which the affiliation is said to hold.
    """

    id: int
    kind: str
    person: str
    about: str
    reason: str
    opened_at: datetime
    decided_at: datetime | None
    granted: bool | None
    answer: str | None
