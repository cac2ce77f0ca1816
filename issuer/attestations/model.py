"""Statements about what people did, made by people who saw it and hold a delegation. Pure.

A claim says what is to be attested and about whom; an attestation is one delegated person's answer. No import
can make either count: only `issuer.attestations.service` writes answers, from a private link.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from issuer.people.model import Person

MAX_DELEGATION_DAYS_PER_MONTH = 31


class AttestationError(ValueError):
    """A delegation, claim or answer that cannot be taken; one sentence."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """The right of a person to attest some kinds in a region, until a day; given, and revocable."""

    attestor: str
    kinds: frozenset[str]
    region: str
    role: str | None
    begins: date
    ends: date
    revoked: bool = False

    def covers(self, kind: str, *, region: str, day: date) -> bool:
        """Whether it gives the right to attest this kind there on that day. Region `*` is everywhere."""
        here = self.region == "*" or self.region == region
        return not self.revoked and kind in self.kinds and here and self.begins <= day <= self.ends


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be attested: a kind of work, about whom, when and where. `event` ties records together.

    `reason` and `credits` are for kinds that ask for them, such as an award of a panel.
    """

    id: str
    kind: str
    subjects: tuple[str, ...]
    title: str
    happened_at: datetime
    region: str
    event: str | None = None
    reason: str | None = None
    credits: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Attestation:
    """One answer to a claim. `seen` False is a valid answer: it costs nobody anything."""

    claim: str
    attestor: str
    seen: bool
    statements: frozenset[str]
    attendees: int | None
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Parties:
    """The people around one claim, for judging conflicts of interest."""

    attestor: Person
    subjects: tuple[Person, ...]
    co_organisers: frozenset[str]  # of the same event, over all its claims
    other_attestors: tuple[Person, ...]
    day: date
