"""`python tests/stories/crash.py N ARGUMENTS…`: `badge-issuer ARGUMENTS`, killed without warning at its Nth step.

A step is a statement or a commit on the database, counted just before it is carried out. Prints how many steps
there were, if the command came to its end.
"""

import os
import signal
import sys

from sqlalchemy import Engine, event

from issuer import cli

steps = 0
kill_at = int(sys.argv[1])


def step(*_: object) -> None:
    global steps
    steps += 1
    if steps == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)


event.listen(Engine, "before_cursor_execute", step)
event.listen(Engine, "commit", step)
try:
    cli.main(sys.argv[2:])
except SystemExit as ended:
    print(f"steps {steps}")
    sys.exit(ended.code)
