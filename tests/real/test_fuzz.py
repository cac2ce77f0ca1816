"""Raw bytes for every reader, guided by coverage (atheris): about a minute in all, in `./run real` only.

What each reader must do is `tests/fuzz/targets.py`. Atheris takes over its process and ends it, so each target has
a process of its own and begins with seeds that are good. Where this Python has no atheris, it is skipped by name.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.seeds import readers
from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 2  # for each target, and as much to start it
MAX_BYTES = 8192
PROGRAM = """
import sys
import atheris
with atheris.instrument_imports(include=["schemas", "keys", "verifier"]):
    from tests.fuzz.targets import TARGETS
atheris.Setup(sys.argv, TARGETS["{name}"])
atheris.Fuzz()
"""


@pytest.mark.parametrize("name", TARGETS)
def test_no_bytes_stop_a_reader(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("no atheris for this Python")
    corpus, found = tmp_path / "corpus", tmp_path / "found"
    corpus.mkdir()
    found.mkdir()
    (corpus / "good").write_bytes(readers()[name])
    options = [f"-max_total_time={SECONDS}", f"-max_len={MAX_BYTES}", "-timeout=2", "-rss_limit_mb=2048"]
    program = PROGRAM.format(name=name)
    done = subprocess.run(
        [sys.executable, "-c", program, *options, f"-artifact_prefix={found}/", str(corpus)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    left = {file.name: file.read_bytes()[:200] for file in found.iterdir()}
    assert done.returncode == 0 and not left, (left, done.stderr[-3_000:])
