"""A grant and a case as values: what other rooms and pages see of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from verifier.registration.shops.store import State
from verifier.registration.store import GrantState

Because = Literal["staff", "reissued", "expired", "canceled"]
VoucherState = Literal["granted", "placed", "used", "expired", "releasing", "released"]


@dataclass(frozen=True)
class Given:
    """A grant as it stands. `number` names it to people; `order_state`: None where no shop was told of it.

    `seen_used`: whether the shop said, when it was last asked, that an order holds its voucher.
    """

    number: int
    event: str
    entitlement: str
    issuer: str
    achievement: str
    counted: bool
    percent: int
    proof: str
    generation: int
    voucher: str
    granted_at: datetime
    policy_digest: str
    state: GrantState
    released_at: datetime | None
    released_because: Because | None
    replaces: int | None
    order_state: State | None
    valid_until: datetime | None
    seen_used: bool
    is_pooled: bool

    @property
    def kind(self) -> str:
        """In which list of the event's file its badge stands."""
        return "foreign" if self.counted else "accept"


@dataclass(frozen=True)
class Case:
    """Something that a person must look at; it takes nothing away by itself.

    `redemption_id`: the grant of this office that it is about, if there is one; `subject`: what it is about, the
    same however often it is found again.
    """

    number: int
    event: str
    redemption_id: int | None
    kind: str
    sentence: str
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    why: str | None
    subject: str


@dataclass(frozen=True)
class Total:
    """How many grants of one kind an event gave; it stays when the grants themselves are deleted."""

    event: str
    issuer: str
    achievement: str
    kind: str
    percent: int
    policy_digest: str
    state: VoucherState
    count: int
    forgotten_at: datetime
