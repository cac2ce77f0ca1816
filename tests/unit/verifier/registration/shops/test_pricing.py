"""A percentage as a shop writes it, and back: no cent is lost on the way."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from verifier.registration.shops.pricing import PERCENTAGES, PriceMode, Pricing

PRICES = st.decimals(min_value=1, max_value=1_000_000, places=2)


@given(PRICES, st.integers(min_value=1, max_value=100), st.sampled_from(["percent", "subtract", "set"]))
def test_what_is_written_is_read_as_the_percentage_it_was(price: Decimal, percent: int, mode: PriceMode) -> None:
    pricing = Pricing(mode, None if mode == "percent" else price)
    assert pricing.percent(mode, pricing.value(percent)) == percent


@given(PRICES, st.integers(min_value=0, max_value=100))
def test_what_is_taken_off_and_what_is_left_are_the_price(price: Decimal, percent: int) -> None:
    assert Pricing("subtract", price).value(percent) + Pricing("set", price).value(percent) == price


def test_an_amount_without_a_price_is_no_percentage() -> None:
    assert PERCENTAGES.percent("subtract", Decimal("50.00")) is None
    assert Pricing("set", Decimal(100)).percent("none", Decimal("50.00")) is None
    assert Pricing("set", Decimal(100)).percent("set", Decimal("49.99")) is None
