"""`python tests/stories/crash.py N ARGUMENTS…`: `badge-issuer ARGUMENTS`, killed without warning at its Nth step.

A step is a statement or a commit on the database, counted just before it is carried out. With `line N`, it is
killed when the Nth line of the journal is on the disk, and its transaction is not committed yet. Prints how many
there were, if the command came to its end. With QUICK_KEYS set, the office's keys are those of a test.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from issuer import cli
from issuer.ground import journal
from keys import custody

counted = {"step": 0, "line": 0}
kind, _, number = sys.argv[1].rpartition(" ")
kill_at = {kind or "step": int(number)}


def count(what: str) -> None:
    counted[what] += 1
    if counted[what] == kill_at.get(what):
        os.kill(os.getpid(), signal.SIGKILL)


if "QUICK_KEYS" in os.environ:
    custody.SCRYPT_N = 1 << 10
append = journal._append


def append_and_count(folder: Path, content: Any) -> str:
    sha256 = append(folder, content)
    count("line")
    return sha256


journal._append = append_and_count
event.listen(Engine, "before_cursor_execute", lambda *_: count("step"))
event.listen(Engine, "commit", lambda *_: count("step"))
try:
    cli.main(sys.argv[2:])
except SystemExit as ended:
    print("counted", json.dumps(counted))
    sys.exit(ended.code)
