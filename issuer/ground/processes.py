"""More processes of the same program, for work that would keep all processors busy. Each ends with the one that
started it, whatever ends that.
"""

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
Result = TypeVar("Result")

MOST_HANDS = 8

_log = logging.getLogger(__name__)


def hands(processors: int | None = None) -> int:
    """How many processes work at a time: as many as there are processors, within bounds."""
    return min(processors or os.cpu_count() or 1, MOST_HANDS)


def executor(count: int, begin: Callable[..., None], *arguments: Any) -> ProcessPoolExecutor:
    """So many processes, in each of which `begin(*arguments)` runs first; both go there by pickle."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, initializer=_begin, initargs=(begin, arguments))


def begun(
    executor: ProcessPoolExecutor, work: Callable[P, Result], *given: P.args, **named: P.kwargs
) -> "Future[Result] | None":
    """Work handed to one of them; None if they are dead."""
    try:
        return executor.submit(work, *given, **named)
    except BrokenProcessPool:
        return None


def ended(begun: "Future[Result] | None") -> Result | None:
    """What came out, once it has; None if a process died, so that it is to be done without them.

    Raises:
        Exception: what the work raised.
    """
    try:
        return None if begun is None else begun.result()
    except BrokenProcessPool:
        _log.warning("A process beside this one has died; what it had to do is done without it.")
        return None


def _begin(begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()
    begin(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)  # it was killed; nobody waits for what is done here, and nothing here is half stored
