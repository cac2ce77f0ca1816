"""A program in JavaScript that others' libraries make, asked over its standard input.

Needs node and npm; the packages are pinned by hash in `javascript/package-lock.json` and installed without running
any script of theirs.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "javascript"


class Peer:
    """One process that answers one JSON question a line with one JSON answer."""

    def __init__(self, script: Path) -> None:
        command = [str(shutil.which("node")), str(script)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=10)


def installed(folder: Path) -> Path:
    """The scripts with their packages in a folder of their own; skips where node and npm are not here."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not here")
    for file in HERE.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder
