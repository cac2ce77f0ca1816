"""Ids of rows that come by the hundred thousand: random, and in the order of the calls that made them.

Keys that are random from their first bit change a page of every index for each row, more of them the more rows
there are: the hundred thousandth badge would cost more than the first. These grow at an index's end.
"""

import os
import threading
from datetime import datetime
from uuid import UUID

_RANDOM_BITS = 62
_lock = threading.Lock()
_last = 0  # milliseconds and the twelve bits behind them, of the newest call of this process


def new_ids(count: int, *, now: datetime) -> list[UUID]:
    """So many new ids, of version 7 (RFC 9562 §5.7): 48 bits of milliseconds and 12 that count the calls of one
    moment, the same for all ids of a call; then 62 random ones. So within a call their order says nothing.
    """
    global _last
    with _lock:
        _last = max(_last + 1, int(now.timestamp() * 1000) << 12)
        moment, call = _last >> 12, _last & 0xFFF
    head = (moment << 80) | (7 << 76) | (call << 64) | (0b10 << _RANDOM_BITS)
    return [UUID(int=head | int.from_bytes(os.urandom(8)) >> 64 - _RANDOM_BITS) for _ in range(count)]
