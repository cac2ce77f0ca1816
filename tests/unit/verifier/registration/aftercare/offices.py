"""An office whose vouchers are in a shop in memory, with all that is done to a discount after it was given."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from schemas.event_policy import EventPolicy
from tests.unit.verifier.registration.test_outbox import Office
from verifier.ground import audit
from verifier.ground.audit import Entry
from verifier.ground.database import writing
from verifier.registration import authority
from verifier.registration.aftercare import finance, sweep
from verifier.registration.aftercare.finance import FinanceReport
from verifier.registration.aftercare.releasing import Outcome, Releasing
from verifier.registration.aftercare.sweep import Swept
from verifier.registration.service import Redemption

EVENT = "summit-2027"
HOLDER = "urn:uuid:00000000-0000-4000-8000-00000000000a"


class AfterOffice(Office):
    """`given`: a discount, placed in the shop."""

    def __init__(self, folder: Path, *, by: EventPolicy | None = None, **settings: Any) -> None:
        super().__init__(folder, by=by, **settings)
        self.releasing = Releasing(self.registration, clock=self.clock, connect=lambda _: self.shop)

    def given(self, *, reference: str = HOLDER, request_id: str | None = None) -> str:
        redemption = self.redeem(reference=reference, request_id=request_id)
        assert redemption.result == "granted"
        self.outbox.deliver_due()
        return str(redemption.voucher)

    def again(self, *, request_id: str, reference: str = HOLDER) -> Redemption:
        return self.redeem(reference=reference, request_id=request_id)

    def release(self, voucher: str, *, why: str = "Lost.", by_hand: bool = False) -> Outcome:
        return self.releasing.release(EVENT, voucher, actor="staff:1", why=why, withdrawn_in_shop=by_hand)

    def reissue(self, voucher: str, *, why: str = "Lost.", by_hand: bool = False) -> Outcome:
        return self.releasing.reissue(EVENT, voucher, actor="staff:1", why=why, withdrawn_in_shop=by_hand)

    def end(self, voucher: str) -> None:
        """Its end in the shop was a day and a second ago; the issuer's lists are fresh all the same."""
        order = self.shop.orders[voucher]
        ended = self.clock.now - timedelta(days=1, seconds=1)
        self.shop.orders[voucher] = replace(order, valid_until=ended)

    def decides(self, holder: str) -> None:
        """From now on this one decides about the event: `online`, or a hub."""
        here = holder == authority.ONLINE
        standing = authority.Standing(EVENT, 1, "", holder, here, here, self.clock.now)
        with writing(self.registration.engine) as connection:
            authority.set_standing(connection, standing)

    def usable(self) -> list[str]:
        """The vouchers that would make a ticket cheaper now."""
        return [v.code for v in self.shop.vouchers(tag="recognition") if v.is_usable(now=self.clock.now)]

    def sync(self) -> Swept:
        engine = self.registration.engine
        return sweep.sync(self.policy, settings=self.settings, engine=engine, clock=self.clock, shop=self.shop)

    def report(self) -> FinanceReport:
        engine = self.registration.engine
        return finance.report(self.policy, settings=self.settings, engine=engine, clock=self.clock, shop=self.shop)

    def audit(self) -> list[Entry]:
        assert audit.check(self.registration.engine).fault is None
        return list(audit.entries(self.registration.engine))

    def acts(self) -> list[str]:
        return [entry.act for entry in self.audit()]
