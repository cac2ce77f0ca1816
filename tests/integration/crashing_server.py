"""`python -m tests.integration.crashing_server before|after WORD…`: `badge-verifier WORD…`, killed without warning
with its first redemption: before it is committed, or after it is on the disk and before anybody is answered.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, event

from verifier import cli
from verifier.ground import committer
from verifier.registration import store

moment = sys.argv.pop(1)


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if moment == "after":
    setattr(committer, "_settle", die)  # noqa: B010
else:
    write = store.write

    def written(connection: Connection, *, grants: Sequence[Any], answers: Sequence[Any]) -> None:
        write(connection, grants=grants, answers=answers)
        event.listen(connection, "commit", die)

    setattr(store, "write", written)  # noqa: B010
cli.main()
