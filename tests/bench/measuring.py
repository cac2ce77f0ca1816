"""One row of a benchmark, and the two clocks: CPU seconds of one run, CPU microseconds of one of many.

Machines differ and are seldom idle, so what tells something is a ratio within one run: `ratio` is `value` divided
by `baseline`, the bare need that stands beside it.
"""

import gc
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

ENOUGH_SECONDS = 0.25  # of CPU for one measurement: long beside the clock's step, short beside anybody's patience
BATCHES = 3  # the best of them counts: what disturbs a measurement only ever makes it longer


@dataclass(frozen=True, slots=True)
class Row:
    """One result. `baseline` is in the same unit as `value`; None where there is nothing to compare with."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    baseline: float | None = None

    def line(self) -> str:
        """The row as one line of JSON."""
        return json.dumps(asdict(self))


def row(name: str, value: float, unit: str, *, baseline: float | None = None) -> Row:
    """A row with its ratio, rounded to what a measurement is worth."""
    ratio = None if baseline is None else _rounded(value / baseline)
    return Row(name, _rounded(value), unit, ratio, None if baseline is None else _rounded(baseline))


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process for one run, with no debt of garbage from before."""
    gc.collect()
    begins = time.process_time()
    work()
    return time.process_time() - begins


def microseconds(work: Callable[[], object]) -> float:
    """CPU microseconds for one of many runs, of the best batch."""
    once = max(seconds(work), 1e-6)
    times = max(1, round(ENOUGH_SECONDS / once))

    def batch() -> None:
        for _ in range(times):
            work()

    return min(seconds(batch) for _ in range(BATCHES)) / times * 1e6


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")
