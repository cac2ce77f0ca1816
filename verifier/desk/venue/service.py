"""The desks of an office or a hub, put together: its keys, bundles, devices, journals, and who decides."""

from collections.abc import Callable
from datetime import datetime

from verifier.desk.venue.bundles import Bundles
from verifier.desk.venue.keys import OwnKeys
from verifier.ground.clock import system_clock
from verifier.registration.service import Registration


class Venue:
    """One for an office. Nothing is opened or made before it is asked for."""

    def __init__(self, registration: Registration, *, clock: Callable[[], datetime] = system_clock) -> None:
        self.registration = registration
        self.keys = OwnKeys(registration.settings, clock=clock)
        self.bundles = Bundles(registration, keys=self.keys, clock=clock)
