"""A ticket shop behind one small face: an order for a voucher, and what a shop makes of it.

Not here: how one kind of shop is spoken to (`pretix`), codes that were made before (`code_pool`), and when an
order is delivered (`verifier.registration.outbox`). A shop that could not be asked and a shop that said no are
two errors, since the first mends itself and the second wants a person.

ShopError
├── ShopUnreachableError   no answer, or one that says "later": the same order again is right
├── ShopRefusedError       a person must look: what was asked for cannot be placed as it is
└── CodePoolError          a file of codes cannot be taken in
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from verifier.registration.errors import RegistrationError
from verifier.registration.shops.pricing import PERCENTAGES, Pricing


class ShopError(RegistrationError):
    """Base of what can go wrong with a shop; one sentence for a person."""


class ShopUnreachableError(ShopError):
    """The shop did not answer, or asked us to come again. The order may have been carried out all the same.

    `retry_after`: the seconds that the shop asked us to wait, if it did.
    """

    def __init__(self, sentence: str, *, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class ShopRefusedError(ShopError):
    """The shop will not do it, however often it is asked: a person must look."""


class CodePoolError(ShopError):
    """A file of codes was refused; the sentence names its line. Nothing of it was taken in."""


@dataclass(frozen=True)
class VoucherOrder:
    """One voucher as a shop shall have it: `percent` off, once, until `valid_until`, for the tickets of `quota` or
    of `item` (and `variation`), written as `pricing` says.

    `tag` gathers our vouchers in the shop; `comment` is for the event's team and names nobody.

    Raises:
        ShopRefusedError: on making one that could be used more than once, gives nothing, or is for any ticket.
            Shops read 0 or no number as "without limit".
    """

    code: str
    percent: int
    valid_until: datetime
    quota: int | None
    tag: str
    comment: str
    uses: int | None = 1
    item: int | None = None
    variation: int | None = None
    pricing: Pricing = PERCENTAGES

    def __post_init__(self) -> None:
        if type(self.uses) is not int or self.uses != 1:
            raise ShopRefusedError(f"A voucher is for exactly one use; {self.uses!r} is never sent to a shop.")
        if not 0 < self.percent <= 100:
            raise ShopRefusedError(f"A voucher gives 1 to 100 percent; {self.percent} is never sent to a shop.")
        if not self.quota and not self.item:
            raise ShopRefusedError(
                "A voucher is for a quota or an item; one for any ticket is never sent to a shop."
            )


@dataclass(frozen=True)
class Placed:
    """The shop made the voucher now."""

    code: str


@dataclass(frozen=True)
class AlreadyThere:
    """The shop has this very voucher from an earlier try."""

    code: str


@dataclass(frozen=True)
class Withdrawn:
    """The shop holds the code as one that buys nothing, so that no order on its way can bring it back to life."""

    code: str


@dataclass(frozen=True)
class UsedThere:
    """An order in the shop was paid for with this voucher, so it cannot be withdrawn."""

    code: str


@dataclass(frozen=True)
class Sale:
    """One ticket that was ordered with a voucher: what it cost, and what the voucher took off. Nobody's name.

    `discount` is None where the shop does not say it; `other_discount`: something else than the voucher lowered
    the price, too.
    """

    voucher: str
    price: Decimal
    discount: Decimal | None
    other_discount: bool = False


@dataclass(frozen=True)
class ShopVoucher:
    """A voucher as the shop holds it. `percent` is None where it takes off something else than a percentage.

    `redeemed`: how often it was used, and counts down when an order is canceled; `discount_given`: what it took
    off in orders that stand; None where the shop does not say.
    """

    code: str
    percent: Decimal | None
    uses: int | None
    tag: str
    redeemed: int = 0
    valid_until: datetime | None = None
    discount_given: Decimal | None = None
    number: int = 0  # the shop's own

    @property
    def is_used(self) -> bool:
        return self.redeemed > 0 or bool(self.discount_given)

    @property
    def is_worthless(self) -> bool:
        return self.percent == 0

    def is_usable(self, *, now: datetime) -> bool:
        """Whether somebody could buy a cheaper ticket with it now."""
        in_time = self.valid_until is None or self.valid_until > now
        return in_time and not self.is_used and not self.is_worthless

    def difference(self, *, percent: int) -> str | None:
        """What is not as it was ordered, as the end of a sentence; None if all is."""
        if self.percent != percent:
            given = "no percentage" if self.percent is None else f"{self.percent.normalize():f} percent"
            return f"gives {given} in the shop, where {percent} percent were granted"
        if self.uses != 1:
            return f"can be used {self.uses} times in the shop, where once was granted"
        return None


class Shop(Protocol):
    """What every shop can do for us."""

    def put(self, order: VoucherOrder) -> Placed | AlreadyThere:
        """Have exactly one voucher of this code in the shop; asked again, it changes nothing.

        Raises:
            ShopUnreachableError: try again later.
            ShopRefusedError: a person must look, as when the code is there with another value.
        """

    def vouchers(self, *, tag: str) -> tuple[ShopVoucher, ...]:
        """Every voucher that the shop holds under a tag.

        Raises:
            ShopUnreachableError, ShopRefusedError: as above.
        """

    def active_codes(self, *, tag: str) -> frozenset[str]:
        """The codes, in capitals, of the vouchers under a tag that could be used now, by the shop's own clock.

        Raises:
            ShopUnreachableError, ShopRefusedError: as above.
        """

    def withdraw(self, order: VoucherOrder) -> Withdrawn | UsedThere:
        """Have the code of this order buy nothing from now on, whether the shop has it, never had it, or is about
        to get it from a request that is still on its way. Asked again, it changes nothing.

        Raises:
            ShopUnreachableError, ShopRefusedError: as above.
        """

    def sales(self, vouchers: Iterable[ShopVoucher]) -> tuple[Sale, ...]:
        """The tickets of orders that stand which were bought with these vouchers.

        Raises:
            ShopUnreachableError, ShopRefusedError: as above; also where our token may not look at orders.
        """

    def currency(self) -> str | None:
        """The currency in which it sells, such as EUR; None if it does not say.

        Raises:
            ShopUnreachableError: try again later.
        """
