"""An event's policy: which badges its registration accepts, what each gives, and how holding is proved.

Strictly loaded like the qualification policy. Its owner is the event, not the community that issues badges.
Deciding by it is `verifier.registration.events`.
"""

import hashlib
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    ValidationError,
    model_validator,
)

from schemas import strict_yaml
from schemas.strict_yaml import as_decimal, as_tuple

OnlineProof = Literal["wallet_key", "mailbox", "holder_code"]
DeskProof = Literal["name_against_id", "mail_against_order", "rotating_code"]


class EventPolicyError(ValueError):
    """An event's policy was refused; one sentence that names the document, the field and what was expected."""


def _zone(value: Any) -> Any:
    try:
        return ZoneInfo(value).key
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValueError(f"{value!r} is no time zone such as Europe/Paris") from error


def _instant(value: Any) -> Any:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{value} is no point in time with a zone, as in 2027-01-15T09:00:00+01:00")
    return value


_Instant = Annotated[datetime, BeforeValidator(_instant)]
_Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
_Count = Annotated[int, Field(strict=True, gt=0, le=1_000_000)]
_Share = Annotated[Decimal, BeforeValidator(as_decimal), Field(gt=0, le=1, decimal_places=6)]
_Price = Annotated[Decimal, BeforeValidator(as_decimal), Field(ge=1, le=1_000_000, decimal_places=2)]
_Name = Annotated[str, Field(min_length=1, max_length=500)]
_Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
_ShopSlug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$")]  # becomes a part of an address
_ShopUrl = Annotated[str, Field(pattern=r"^https://[a-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*/?$", max_length=300)]

# Where a holder's voucher goes into the basket by itself; {voucher} stands for its code.
_ShopLink = Annotated[str, Field(pattern=r"^https://[^\s{}]+\{voucher\}[^\s{}]*$", max_length=500)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Opening(_Part):
    opens: _Instant
    closes: _Instant

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("it closes before it opens")
        return self


class AcceptedPeriod(_Part):
    """Badges of this one period of this policy are accepted, so that one person has one holder reference."""

    policy: _Slug
    starts: Annotated[date, Field(strict=True)]


class Accepted(_Part):
    """A badge that is accepted, by the pair (issuer, achievement), and the percent that it gives."""

    issuer: _Name
    achievement: _Name
    percent: _Percent


class Foreign(Accepted):
    """Another community's badge, accepted on purpose; at most so many in all."""

    at_most: _Count


class ProofOfHolding(_Part):
    online: Annotated[tuple[OnlineProof, ...], BeforeValidator(as_tuple)] = ()
    desk: Annotated[tuple[DeskProof, ...], BeforeValidator(as_tuple)] = ()


class Budget(_Part):
    """One factor for all discounts, computed and published before the first grant, never changed after."""

    factor: _Share
    frozen_at: Annotated[date, Field(strict=True)]
    eligible: _Count
    expected_take_up: _Share


class VoucherRule(_Part):
    uses: Annotated[int, Field(strict=True, ge=1, le=1)]
    valid_days: Annotated[int, Field(strict=True, ge=1, le=730)]
    on_expiry_or_refund: Literal["release"]


class PretixShop(_Part):
    """A pretix into which vouchers are put, all under one tag of their own, for the tickets of one quota or item
    (and of one of its variations).

    `url` as in the office's settings, which hold the token; without it nothing is put there. `price_mode`: how a
    voucher says what it gives: a percentage, or the amount that it takes off (`subtract`) or leaves (`set`) of
    the full `price`.
    """

    kind: Literal["pretix"]
    organizer: _ShopSlug
    event: _ShopSlug
    quota: _Count = 0  # of these three, 0 is one that the file does not name
    item: _Count = 0
    variation: _Count = 0
    price_mode: Literal["percent", "subtract", "set"] = "percent"
    price: _Price | None = None
    tag: _Name
    url: _ShopUrl = ""
    link: _ShopLink = ""

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if bool(self.quota) == bool(self.item):
            raise ValueError("a quota or an item was expected, and not both")
        if self.variation and not self.item:
            raise ValueError("a variation is one of an item: item was expected beside it")
        if (self.price_mode == "percent") != (self.price is None):
            raise ValueError("a price belongs to the price modes subtract and set, and these need one")
        return self


class CodePool(_Part):
    """Codes that stand in a shop already, handed out one by one. The four fields say where, and only to people."""

    kind: Literal["code_pool"]
    organizer: _Name = ""
    event: _Name = ""
    quota: _Count | None = None
    tag: _Name = ""
    link: _ShopLink = ""


def _kind_of_shop(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return "one-of-pools" if kind == "code_pool" else "one-of-shops"


Shop = Annotated[
    Annotated[PretixShop, Tag("one-of-shops")] | Annotated[CodePool, Tag("one-of-pools")],
    Discriminator(_kind_of_shop),
]


class ProvisionalAtDesk(_Part):
    per_desk: _Count
    value_each: _Count


class DeskRules(_Part):
    """How old a desk's knowledge may be, and how long what it wrote down is kept.

    `status_age_hours`: a status list had longer ago than this says nothing; `bundle_hours`: a trust bundle is good
    for so long; `journal_days`: journals and typed names are deleted so many days after the event.
    """

    status_age_hours: Annotated[int, Field(strict=True, ge=1, le=720)] = 72
    bundle_hours: Annotated[int, Field(strict=True, ge=1, le=720)] = 96
    journal_days: Annotated[int, Field(strict=True, ge=1, le=3_650)] = 30


class EventPolicy(_Part):
    """What one event accepts and gives. `unknown`: what a check that could not be made means here."""

    event: _Slug
    time_zone: Annotated[str, BeforeValidator(_zone)]
    redeem: Opening
    ends: Annotated[date, Field(strict=True)] | None = None
    period: AcceptedPeriod
    entitlement: _Slug
    accept: Annotated[tuple[Accepted, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    foreign: Annotated[tuple[Foreign, ...], BeforeValidator(as_tuple)] = ()
    proof_of_holding: ProofOfHolding = ProofOfHolding()
    unknown: Literal["refuse", "hold_for_a_person"]
    budget: Budget
    capacity: _Count
    voucher: VoucherRule
    shop: Shop | None = None
    provisional_at_desk: ProvisionalAtDesk | None = None
    desk: DeskRules = DeskRules()
    retention_days: Annotated[int, Field(strict=True, ge=1, le=3_650)] = 90

    _digest: str = PrivateAttr("")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the document from which it was loaded, in hex."""
        return self._digest

    @property
    def kept_until(self) -> datetime:
        """When its details are deleted: so many days after its last day in its own zone, or after redeeming
        closed, where it names none or redeeming goes on for longer.
        """
        return self._over + timedelta(days=self.retention_days)

    @property
    def journals_kept_until(self) -> datetime:
        """When the desks' journals are deleted, with the names in them: never later than everything else."""
        return min(self._over + timedelta(days=self.desk.journal_days), self.kept_until)

    @property
    def _over(self) -> datetime:
        last = self.redeem.closes
        if self.ends is not None:
            midnight = datetime.combine(self.ends + timedelta(days=1), time(), ZoneInfo(self.time_zone))
            last = max(last, midnight)
        return last

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        gives = any(entry.percent for entry in (*self.accept, *self.foreign))
        if gives and not (self.proof_of_holding.online or self.proof_of_holding.desk):
            raise ValueError("proof_of_holding lists no proof, but badges here give more than 0 percent")
        pairs = [(entry.issuer, entry.achievement) for entry in (*self.accept, *self.foreign)]
        if len(set(pairs)) != len(pairs):
            raise ValueError("an (issuer, achievement) pair is listed twice")
        if self.budget.frozen_at > self.redeem.opens.date():
            raise ValueError("the budget factor is frozen before redeeming opens")
        return self


@lru_cache(maxsize=64)  # an office asks for its event's file at each request; reading YAML takes milliseconds
def load(data: bytes, *, name: str) -> EventPolicy:
    """An event's policy from the bytes of its YAML document; `name` (a file) goes into the error.

    Raises:
        EventPolicyError: an unknown or missing field, a time without a zone, a limit of 0 or less, a discount
            without proof of holding.
    """
    try:
        fields = strict_yaml.loads(data)
    except strict_yaml.StrictYamlError as error:
        raise EventPolicyError(f"{name}: {error}") from error
    return from_fields(fields, digest=hashlib.sha256(data).hexdigest(), name=name)


def from_fields(fields: dict[str, Any], *, digest: str, name: str) -> EventPolicy:
    """The same from the fields of a document that was read elsewhere, and its digest.

    Raises:
        EventPolicyError: as `load`.
    """
    try:
        policy = EventPolicy.model_validate(fields)
    except ValidationError as error:
        raise EventPolicyError(f"{name}: {strict_yaml.sentence_of(error)}") from error
    policy._digest = digest
    return policy
