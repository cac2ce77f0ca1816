"""More processes for much work: none outlives the one that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from issuer.ground import processes
from tests.conftest import ROOT

PROGRAM = """
import os, time
from issuer.ground import processes

if __name__ == "__main__":
    pool = processes.executor(2, print)
    for _ in range(2):
        pool.submit(time.sleep, 600)
    while len(pool._processes) < 2:
        time.sleep(0.01)
    print(*pool._processes, flush=True)
    time.sleep(600)
"""


def test_as_many_as_there_are_processors_within_bounds() -> None:
    assert [processes.hands(count) for count in (1, 2, 100)] == [1, 2, processes.MOST_HANDS]
    assert processes.hands() >= 1


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks Linux which processes there are")
def test_each_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, tmp_path / "program.py"], stdout=subprocess.PIPE, env=env, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = next(line for line in parent.stdout if line.strip()).split()
        time.sleep(1.0)  # at work, or on the way there
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 20
    while left := [pid for pid in pids if _is_there(pid)]:
        assert time.monotonic() < end, f"{left} outlived their parent"
        time.sleep(0.05)
    assert len(pids) == 2


def _is_there(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
