"""How often one client may ask: a bucket for each address that fills again with time.

This machine itself is not counted: a proxy in front names its client, and without one nobody else is here.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from starlette.types import Scope

MAX_CLIENTS = 10_000  # addresses that are remembered; whoever is forgotten begins with a full bucket


@dataclass(frozen=True)
class RateLimit:
    """`per_minute` requests on average, `burst` at once."""

    per_minute: int
    burst: int


class Buckets:
    """What each client has left. `clock`: seconds that only ever grow."""

    def __init__(self, limit: RateLimit, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one request; 0 if the client had one left, else the seconds until it has one again."""
        now, fills = self._clock(), self._limit.per_minute / 60
        left, since = self._left.pop(client, (float(self._limit.burst), now))
        left = min(float(self._limit.burst), left + (now - since) * fills)
        wait = 0.0 if left >= 1 else (1 - left) / fills
        self._left[client] = (left - 1 if wait == 0 else left, now)
        while len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)
        return wait


def client_of(scope: Scope) -> str | None:
    """Who asks, as it is counted; None for this machine itself, and where nobody says."""
    client = scope.get("client")
    return None if client is None or _is_this_machine(client[0]) else _network_of(client[0])


@lru_cache(maxsize=1024)
def _network_of(address: str) -> str:
    """An IPv4 address, or the /64 to which an IPv6 address belongs: one customer has as many of those as they
    like.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else parsed.exploded[:19]


@lru_cache(maxsize=1024)
def _is_this_machine(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
