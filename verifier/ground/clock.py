"""The clocks of this office; every room takes one, or a moment, as an argument."""

import time
from datetime import UTC, datetime


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def cpu_clock() -> float:
    """Seconds of CPU that this thread has used: what a document has cost, however busy the machine is."""
    return time.thread_time()
