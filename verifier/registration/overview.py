"""How an event stands, for its team: what was given, by which badges, what is on its way, and what wants a person.

Numbers only. One grant by its voucher is `aftercare.releasing`.
"""

from dataclasses import dataclass

from sqlalchemy import Engine

from schemas.event_policy import EventPolicy
from verifier.ground.database import reading
from verifier.registration import store
from verifier.registration.aftercare import store as aftercare_store
from verifier.registration.shops import service as shops
from verifier.registration.shops import store as shop_store


@dataclass(frozen=True)
class PairCount:
    """How many discounts one (issuer, achievement) has given, and of how many; None: of the event's capacity."""

    issuer: str
    achievement: str
    percent: int
    granted: int
    at_most: int | None = None


@dataclass(frozen=True)
class Overview:
    """How an event stands. `alarms`: a sentence each for what wants a person."""

    granted: int
    capacity: int
    pairs: tuple[PairCount, ...]
    pending: int
    refused: int
    open_cases: int
    alarms: tuple[str, ...]


def overview(policy: EventPolicy, *, engine: Engine) -> Overview:
    """How an event stands now; no shop is asked.

    Raises:
        DatabaseError: it cannot be read.
    """
    with reading(engine) as connection:
        granted = store.count_granted(connection, event=policy.event)
        counts = store.counts_by_pair(connection, event=policy.event)
        placed = [grant.state for grant in shop_store.grants(connection, event=policy.event)]
        open_cases = aftercare_store.count_open_cases(connection, event=policy.event)
        leaving = aftercare_store.open_withdrawals(connection, event=policy.event)
    refused, pending = placed.count("refused"), placed.count("pending")
    alarms = list(shops.stock_alarms(policy, engine=engine))
    if granted >= policy.capacity:
        alarms.insert(0, f"All discounts ({policy.capacity}) are given: everybody who comes now is refused.")
    elif granted * 10 >= policy.capacity * 9:
        alarms.insert(0, f"{policy.capacity - granted} of {policy.capacity} discounts are left.")
    if refused:
        alarms.append(
            f"Vouchers that the shop refused ({refused}): try it again here, or 'badge-verifier shop push"
            f" {policy.event}'; either says why."
        )
    if any(withdrawal.state == "refused" for withdrawal in leaving):
        alarms.append(
            "The shop refuses to withdraw a voucher: try it again here, or 'badge-verifier shop push"
            f" {policy.event}'; either says why."
        )
    if open_cases:
        alarms.append(f"{open_cases} cases wait for a person: 'badge-verifier cases list {policy.event}'.")
    pairs = [
        PairCount(pair.issuer, pair.achievement, pair.percent, counts.pop((pair.issuer, pair.achievement), 0))
        for pair in policy.accept
    ]
    pairs += [
        PairCount(
            *(pair.issuer, pair.achievement, pair.percent),
            counts.pop((pair.issuer, pair.achievement), 0),
            pair.at_most,
        )
        for pair in policy.foreign
    ]
    return Overview(granted, policy.capacity, tuple(pairs), pending, refused, open_cases, tuple(alarms))
