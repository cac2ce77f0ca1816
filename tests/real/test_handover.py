"""The handover drill from a fresh clone: the program is installed as the document says, from the lock, by hash."""

import os
import sys
import time
from pathlib import Path

import pytest

from tests.stories.handover import ROOT, drill, environment_left, lost_office, type_lines

pytestmark = pytest.mark.real
MINUTES = 60.0


def test_from_a_fresh_clone_to_a_badge_that_verifies(tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    (machine / "home").mkdir(parents=True)
    (tmp_path / "before").mkdir()
    lost_office(tmp_path / "before", machine)
    kept = {
        name: os.environ[name] for name in ("PIP_CERT", "SSL_CERT_FILE", "PIP_CONFIG_FILE") if name in os.environ
    }
    path = f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin"
    env = {"PATH": path, "HOME": str(machine / "home"), "LANG": "C.UTF-8", "REPOSITORY": ROOT.as_uri(), **kept}
    said, begun = drill(), time.monotonic()
    for lines in (said.program, said.office, said.works):
        done = type_lines(lines, at=machine, env=env, minutes=MINUTES)
        assert done.returncode == 0, done.stdout + done.stderr
        env = environment_left(machine)
    assert "Valid" in done.stdout
    seconds = time.monotonic() - begun
    print(f"handover from a fresh clone: {seconds:.0f} s of the machine's time")
    assert seconds < 60 * MINUTES
