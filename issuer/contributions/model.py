"""One thing that somebody did, as a source recorded it. Pure; nothing here judges what it is worth.

A contribution is identified by (source, id) for ever: a replay, a late page or a second delivery of the same
thing changes nothing. Accounts become persons in `issuer.people`; what counts is decided in
`issuer.recognition`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from issuer.people.model import Account
from schemas.strict_yaml import sentence_of

# Statements that only two people who saw it can make (POLICY §4, grade B): no import may assert one.
ATTESTED_ONLY = frozenset({"attested", "attestations", "attestors", "statements"})


class ContributionError(ValueError):
    """A record that cannot be a contribution; one sentence that names the field and what was expected."""


def _account(value: Any) -> Any:
    return Account.parse(value) if isinstance(value, str) else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _exact(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str | float | Decimal):
        raise ValueError(f"{value!r} is no number")
    try:
        return Decimal(str(value))
    except ArithmeticError as error:
        raise ValueError(f"{value!r} is no number") from error


_Account = Annotated[Account, BeforeValidator(_account), PlainSerializer(str)]
_Accounts = Annotated[tuple[_Account, ...], BeforeValidator(_tuple)]
_Words = Annotated[tuple[str, ...], BeforeValidator(_tuple)]
_Quantity = Annotated[
    Decimal, BeforeValidator(_exact), PlainSerializer(str), Field(gt=0, le=10_000_000, allow_inf_nan=False)
]
_Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]


class Facts(BaseModel):
    """What the source says about it; each fact is read by some predicate of the policy, or shown to people.

    Accounts are written `system:name`. Facts that a source cannot know stay absent, and a predicate that
    needs an absent fact does not hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[str, Field(max_length=300)] | None = None
    accepted_by: _Accounts = ()  # who merged, approved, published or accepted it
    owner: _Account | None = None  # of the change that was reviewed
    changed_lines: _Count | None = None  # added + deleted, without generated and binary files
    paths: _Words = ()
    generated_only: bool = False
    labels: _Words = ()
    commit: str | None = None
    reverts: str | None = None  # the commit (or change) that this one takes back
    coauthors: _Count | None = None  # trailers on the change
    vote: str | None = None  # CR+2, CR-2, W+1, approved, changes_requested
    answered_by_new_patch_set: bool = False
    moved_to: str | None = None  # the state to which `moved_by` moved the bug
    moved_by: _Account | None = None
    named_in_merged_change: bool = False
    quantity: _Quantity | None = None
    unit: str | None = None  # of quantity: words
    event: str | None = None  # what ties records and attestations of one event together
    attendees: _Count | None = None
    people: _Count | None = None  # who organised or hosted it together
    listed_present: bool = False
    written_reason: str | None = None
    challenge_answered: bool = False
    credits: _Quantity | None = None  # a panel's own number, under the kind's credits_at_most
    expires_on: date | None = None  # the last day on which it counts at all: an exception is granted to a day


@dataclass(frozen=True, slots=True)
class Contribution:
    """One record. `source` is a name that a policy's `from` may list; `record` says what it is a record of."""

    source: str
    id: str
    record: str
    account: Account
    happened_at: datetime
    facts: Facts
    evidence: str | None = None


def facts_from(fields: Mapping[str, Any]) -> Facts:
    """Facts out of a source's fields.

    Raises:
        ContributionError: an unknown field, a wrong type, or a statement that only attestors can make.
    """
    asserted = sorted(ATTESTED_ONLY & fields.keys())
    if asserted:
        raise ContributionError(
            f"{asserted[0]}: an attestation cannot be imported; only delegated people make it."
        )
    try:
        return Facts.model_validate(dict(fields))
    except ValidationError as error:
        raise ContributionError(f"{sentence_of(error)}") from error
