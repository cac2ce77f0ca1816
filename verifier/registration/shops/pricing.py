"""A percentage as a shop writes it: as one, as an amount that is taken off, or as the price that is left.

What was granted is always a percentage. An event's file may say that its shop is to hold an amount instead, and
then says the full price, since an amount of a price that is not known means nothing. Cents are rounded as pretix
does it.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

PriceMode = Literal["percent", "subtract", "set"]
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Pricing:
    """How an event's vouchers are written; `price` is the full one, and not needed for a percentage."""

    mode: PriceMode = "percent"
    price: Decimal | None = None

    def value(self, percent: int) -> Decimal:
        """What a voucher of this percentage says in its mode."""
        if self.mode == "percent" or self.price is None:
            return Decimal(percent).quantize(_CENT)
        left = _left(self.price, percent)
        return left if self.mode == "set" else self.price.quantize(_CENT) - left

    def percent(self, mode: object, value: Decimal) -> Decimal | None:
        """The percentage of a voucher that says `value` in some mode; None if it gives none that can be told."""
        if mode == "percent":
            return value
        price = self.price
        if price is None or mode not in {"subtract", "set"}:
            return None
        left = value if mode == "set" else price - value
        return next((Decimal(percent) for percent in range(101) if _left(price, percent) == left), None)


PERCENTAGES = Pricing()


def _left(price: Decimal, percent: int) -> Decimal:
    return (price * (100 - percent) / 100).quantize(_CENT, rounding=ROUND_HALF_UP)
