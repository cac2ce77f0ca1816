"""How often Python looks for circles among its objects, while there are very many and no circles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def rare_collections() -> Iterator[None]:
    """The records of a whole community are many small objects and no circles: to look for circles among them as
    often as Python does costs a fifth of the time and finds none.
    """
    before = gc.get_threshold()
    gc.set_threshold(50_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
