"""`python -m tests.integration.crashing_server before|after WORD…`: `badge-verifier WORD…`, killed without warning
with its first redemption: before it is committed, or after it is on the disk and before anybody is answered.
"""

import os
import signal
import sys
from typing import Any

from sqlalchemy import Connection, event

from verifier import cli
from verifier.ground import committer, statements
from verifier.registration import store

moment = sys.argv.pop(1)


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if moment == "after":
    setattr(committer, "_settle", die)  # noqa: B010
else:
    write = store.writing_of

    def written(*args: Any, **kwargs: Any) -> list[statements.Call]:
        """The statements of a grant that are about to run, in a transaction that will not be committed."""
        event.listen(Connection, "commit", die)
        return write(*args, **kwargs)

    def sent(self: Any, message: bytes) -> None:
        """The same where a database takes the transaction as one message: without the end of it."""
        self._libpq.exec_(b"BEGIN;" + message)
        die()

    setattr(store, "writing_of", written)  # noqa: B010
    setattr(statements._Lane, "_send", sent)  # noqa: B010
cli.main()
