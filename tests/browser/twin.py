"""Asks the browser's modules, run by Node, what they make of something: see `ask.mjs`."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
VENDOR = HERE.parents[1] / "keys" / "browser" / "vendor"


class Twin:
    """One Node process that answers question by question."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, question: str, given: object) -> dict[str, Any]:
        """`{"answer": …}`, or `{"refused": sentence}`."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({question: given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser's modules stopped with an error: see above"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def asked(*options: str) -> Iterator[Twin]:
    """The modules, ready for questions; the test is skipped by name where there is no Node. `options`: as
    `ask.mjs` takes them.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    if not VENDOR.is_dir():
        pytest.skip("the pages' packages are not in keys/browser/vendor: ./run fetches them")
    command = [node, str(HERE / "ask.mjs"), *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield Twin(process)
        finally:
            assert process.stdin
            process.stdin.close()
