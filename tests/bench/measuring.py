"""One row of a benchmark, and the two clocks: CPU seconds of one run, CPU microseconds of one of many.

Machines differ and are seldom idle, so what tells something is a ratio within one run: `ratio` is `value` divided
by `baseline`, the bare need that stands beside it.
"""

import gc
import json
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

ENOUGH_SECONDS = 0.25  # of CPU for one measurement: long beside the clock's step, short beside anybody's patience
TURNS = 80  # of two works that are measured side by side: short ones, so that some are not disturbed
TURN_SECONDS = 0.012
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


def side_by_side(work: Callable[[], object], bare: Callable[[], object]) -> tuple[float, float]:
    """CPU microseconds for one run of each, measured in turns: what disturbs the machine disturbs both."""
    both = (work, bare)
    times = [max(1, round(TURN_SECONDS / max(seconds(run), 1e-6))) for run in both]
    best = [float("inf"), float("inf")]
    gc.collect()
    for _ in range(TURNS):
        for which, (run, often) in enumerate(zip(both, times, strict=True)):
            begins = time.process_time()
            for _ in range(often):
                run()
            best[which] = min(best[which], (time.process_time() - begins) / often)
    return best[0] * 1e6, best[1] * 1e6


def against(name: str, work: Callable[[], object], bare: Callable[[], object]) -> Row:
    """A row in CPU microseconds whose baseline is the bare need, measured beside it."""
    value, baseline = side_by_side(work, bare)
    return row(name, value, "CPU microseconds", baseline=baseline)


def cold(command: Sequence[str], *, often: int = 7) -> float:
    """CPU milliseconds of a program from its start to its end, its children's too; the best of several starts."""
    return min(_child_seconds(command) for _ in range(often)) * 1e3


def _child_seconds(command: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")
