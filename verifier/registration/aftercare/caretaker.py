"""What a server does without a person: withdraw vouchers, sweep the shop, look at badges again, forget events.

Each is one chore with its own pace and its own thread, so that a slow shop holds up nothing else. All of it can be
done by a person as well: `badge-verifier shop push`, `shop sync`, `cases check`, `retention run`.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from schemas.event_policy import PretixShop
from verifier.registration.aftercare import cases, retention, sweep
from verifier.registration.aftercare.releasing import Releasing
from verifier.registration.service import Registration
from verifier.registration.shops import ShopError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chore:
    """Something to be done every so many seconds, for the first time after `first`."""

    name: str
    every: float
    first: float
    do: Callable[[], object]


class Caretaker(threading.Thread):
    """One chore, done again and again until `stop` is called; nothing that goes wrong ends it."""

    def __init__(self, chore: Chore) -> None:
        super().__init__(daemon=True, name=chore.name)
        self._chore = chore
        self._stopped = threading.Event()

    def run(self) -> None:
        """What fails is logged, and the next time tries again."""
        pause = self._chore.first
        while not self._stopped.wait(pause):
            pause = self._chore.every
            try:
                self._chore.do()
            except Exception as error:
                _log.warning("%s failed (%s): %s", self._chore.name, type(error).__name__, error)

    def stop(self) -> None:
        """End after what is being done."""
        self._stopped.set()


def chores(registration: Registration) -> tuple[Chore, ...]:
    """All chores of an office. Before its database is made there is nothing to do."""
    releasing = Releasing(registration)

    def if_there(do: Callable[[], object]) -> Callable[[], object]:
        return lambda: do() if registration.settings.has_database else None

    def sweep_all() -> None:
        for policy in registration.events():
            if isinstance(policy.shop, PretixShop) and policy.shop.url:
                try:
                    swept = sweep.sync(policy, settings=registration.settings, engine=registration.engine)
                except ShopError as error:
                    _log.warning("The shop of %s could not be swept: %s", policy.event, error)
                    continue
                if swept.problems:
                    command = f"badge-verifier shop sync {policy.event}"
                    _log.warning("%d vouchers want a person: '%s' names them.", len(swept.problems), command)

    def look_at_all() -> None:
        for policy in registration.events():
            looked = cases.check(policy.event, verification=registration.verification, engine=registration.engine)
            if looked.opened:
                _log.warning(
                    "%d cases were opened: 'badge-verifier cases list %s'.", len(looked.opened), policy.event
                )

    def forget_all() -> None:
        retention.run(registration.events(), engine=registration.engine)

    return (
        Chore("withdrawing vouchers", 3, 3, if_there(releasing.deliver_due)),
        Chore("sweeping the shops", 900, 60, if_there(sweep_all)),
        Chore("looking at badges again", 3_600, 120, if_there(look_at_all)),
        Chore("forgetting past events", 86_400, 300, if_there(forget_all)),
    )
