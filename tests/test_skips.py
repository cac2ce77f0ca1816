"""A skipped test is never silent: in CI, one that no line of allowed-skips.txt covers fails the run."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, unexpected_skips

SKIPS = """
import pytest

def test_skips():
    pytest.skip("not today")

def test_passes():
    pass
"""


def test_only_skips_outside_the_list_are_surprises() -> None:
    allowed = "# why\ntests/real/  # needs a browser\ntests/a.py::test_b\n"
    skipped = ["tests/real/test_pages.py::test_x", "tests/a.py::test_b", "tests/a.py::test_c"]
    assert unexpected_skips(skipped, allowed=allowed) == ["tests/a.py::test_c"]
    assert unexpected_skips(["tests/a.py::test_c"], allowed="# nothing\n\n") == ["tests/a.py::test_c"]


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_ci_fails_on_a_surprise_and_a_developer_is_told(tmp_path: Path, ci: str, code: int) -> None:
    (tmp_path / "test_it.py").write_text(SKIPS)
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", str(tmp_path)]
    env = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout
    assert "not today" in done.stdout
    assert ("not in tests/allowed-skips.txt" in done.stdout) == bool(ci)


def test_tests_stay_on_this_machine() -> None:
    with socket.socket() as outside, pytest.raises(AssertionError, match="stay on this machine"):
        outside.connect(("192.0.2.1", 443))
