"""`python -m tests.integration.crashing_server before|after WORD…`: `badge-verifier WORD…`, killed without warning
with its first redemption: before it is committed, or after it is on the disk and before anybody is answered.
"""

import os
import signal
import sys
from typing import Any

from sqlalchemy import Connection, Engine, event

from verifier import cli
from verifier.ground import committer, statements
from verifier.registration import store

moment = sys.argv.pop(1)


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if moment == "after":
    setattr(committer, "_settle", die)  # noqa: B010
else:
    write, all_new = store.writing_of, statements.AllNew.write

    def written(*args: Any, **kwargs: Any) -> list[statements.Call]:
        """The statements of a grant that are about to run, in a transaction that will not be committed."""
        event.listen(Connection, "commit", die)
        return write(*args, **kwargs)

    def sent(self: statements.AllNew, engine: Engine, **what: Any) -> bool:
        """The same where a database takes the transaction as one message: without the end of it."""
        ask = statements._ask

        def ask_and_die(*args: Any, end: object, **more: Any) -> None:
            ask(*args, **more)
            die(end)

        setattr(statements, "_ask", ask_and_die)  # noqa: B010
        return all_new(self, engine, **what)

    setattr(store, "writing_of", written)  # noqa: B010
    setattr(statements.AllNew, "write", sent)  # noqa: B010
cli.main()
