"""A newcomer's first command: from a fresh clone, with an empty home and nothing but python3, pip and git."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.real
MINUTES = 15


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("newcomer") / "badgewright"
    subprocess.run(["git", "clone", "--quiet", ROOT.as_uri(), str(folder)], check=True)
    return folder


def typed(clone: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`./run …` as somebody types it who has an empty home and a plain PATH."""
    python_folder = Path(sys.base_prefix) / "bin"
    kept = {name: os.environ[name] for name in ("PIP_CERT", "SSL_CERT_FILE") if name in os.environ}
    env = {"HOME": str(cwd), "PATH": f"{python_folder}:/usr/bin:/bin", **kept}
    command = [str(clone / "run"), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=60 * MINUTES
    )


def test_the_demo_is_the_first_command_and_the_second(clone: Path, tmp_path: Path) -> None:
    for _ in range(2):
        done = typed(clone, "demo", "--once", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        facts = json.loads(done.stdout.splitlines()[-1])
        assert facts["redeem_second"] == "already_redeemed"
    assert facts["seconds"] < 60


def test_the_tests_run_from_anywhere(clone: Path, tmp_path: Path) -> None:
    done = typed(clone, "test", "-q", "tests/unit/schemas", cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-2000:]


def test_nothing_is_left_in_the_checkout(clone: Path) -> None:
    status = subprocess.run(["git", "status", "--short"], cwd=clone, capture_output=True, text=True, check=True)
    assert status.stdout == ""
