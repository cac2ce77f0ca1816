"""A ticket shop behind one small face: an order for a voucher, and what a shop makes of it.

Not here: how one kind of shop is spoken to (`pretix`), codes that were made before (`code_pool`), and when an
order is delivered (`verifier.registration.outbox`). A shop that could not be asked and a shop that said no are
two errors, since the first mends itself and the second wants a person.

ShopError
├── ShopUnreachableError   no answer, or one that says "later": the same order again is right
├── ShopRefusedError       a person must look: what was asked for cannot be placed as it is
└── CodePoolError          a file of codes cannot be taken in
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from verifier.registration.errors import RegistrationError


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
    """One voucher as a shop shall have it: `percent` off, once, until `valid_until`, for the tickets of `quota`.

    `tag` gathers our vouchers in the shop; `comment` is for the event's team and names nobody.

    Raises:
        ShopRefusedError: on making one that could be used more than once, or gives nothing. Shops read 0 or
            no number as "without limit".
    """

    code: str
    percent: int
    valid_until: datetime
    quota: int
    tag: str
    comment: str
    uses: int | None = 1

    def __post_init__(self) -> None:
        if type(self.uses) is not int or self.uses != 1:
            raise ShopRefusedError(f"A voucher is for exactly one use; {self.uses!r} is never sent to a shop.")
        if not 0 < self.percent <= 100:
            raise ShopRefusedError(f"A voucher gives 1 to 100 percent; {self.percent} is never sent to a shop.")


@dataclass(frozen=True)
class Placed:
    """The shop made the voucher now."""

    code: str


@dataclass(frozen=True)
class AlreadyThere:
    """The shop has this very voucher from an earlier try."""

    code: str


@dataclass(frozen=True)
class ShopVoucher:
    """A voucher as the shop holds it. `percent` is None where it takes off something else than a percentage."""

    code: str
    percent: Decimal | None
    uses: int | None
    tag: str

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
