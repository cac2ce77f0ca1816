"""Writes `keys/browser/sentences.json`: the sentences of checks that pages say by themselves, of the one table.

`python tests/browser/sentences.py` writes the file; a test fails when it is another than the table's.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))  # so that it also runs as a script from anywhere

from verifier.ground import language  # noqa: E402
from verifier.verification.checks import STORY  # noqa: E402
from verifier.verification.sentences import sentence  # noqa: E402

FILE = HERE.parents[1] / "keys" / "browser" / "sentences.json"


def text() -> str:
    """The file as it must be: by language, check and state."""
    table = {code: {name: _of(name, code) for name in STORY} for code in language.known()}
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"


def _of(name: str, code: str) -> dict[str, str]:
    said = {state: sentence(name, state, voice="holder") for state in ("pass", "fail", "unknown")}
    for_now = sentence(name, "fail", voice="holder", lasting=False)
    if for_now != said["fail"]:
        said["fail_for_now"] = for_now
    return {state: language.translated(words, code) for state, words in said.items()}


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
