"""`python -m tests.bench [WORD …]`: every row as one line of JSON; with words, only groups whose name begins so.

Nothing here fails for being slow: numbers are read by people, and compared within one run.
"""

import sys
from collections.abc import Callable, Iterable, Mapping

from tests.bench import (
    anew,
    codes,
    deciding,
    documents,
    issuing,
    moving,
    publishing,
    redeeming,
    rings,
    scanning,
    serving,
    signing,
    starting,
    verifying,
)
from tests.bench.measuring import Row

GROUPS: Mapping[str, Callable[[], Iterable[Row]]] = {
    "deciding": deciding.rows,
    "anew": anew.rows,
    "signing": signing.rows,
    "issuing": issuing.rows,
    "moving": moving.rows,
    "verifying": verifying.rows,
    "documents": documents.rows,
    "publishing": publishing.rows,
    "starting": starting.rows,
    "codes": codes.rows,
    "scanning": scanning.rows,
    "redeeming": redeeming.rows,
    "rings": rings.rows,
    "serving": serving.rows,
}


def main(words: list[str]) -> int:
    """Run the groups asked for, or all; 3 for a word that names none."""
    chosen = [name for name in GROUPS if not words or any(name.startswith(word) for word in words)]
    if not chosen:
        print(
            f"There is no benchmark called {' '.join(words)}: {', '.join(GROUPS)} were expected.", file=sys.stderr
        )
        return 3
    for name in chosen:
        for made in GROUPS[name]():
            print(made.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
