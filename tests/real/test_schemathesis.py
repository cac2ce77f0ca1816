"""What the verifier's `/openapi.json` says is what the server does, whatever schemathesis sends it.

That a request of the right form is always accepted is the one check left out: a random text is of the form of a
badge, and is none.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo.offices import free_ports, serving
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import DocumentsInMemory, IssuerSimulator
from verifier.app import create_app
from verifier.ground.settings import RateLimit, Settings

pytestmark = pytest.mark.real

REQUESTS = 100  # for each route


def test_the_verifier_does_what_it_describes(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "summit-2027.yaml").write_bytes(document())
    (tmp_path / "schemathesis.toml").write_text('[parameters]\nevent = "summit-2027"\n')
    port, _ = free_ports()
    limit = RateLimit(per_minute=1_000_000, burst=1_000_000)
    settings = Settings(tmp_path, rate_limit=limit, public_url=f"http://localhost:{port}")
    source = DocumentsInMemory.of([IssuerSimulator()])

    with serving(lambda: create_app(settings, source=source), port):
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                "run",
                f"http://localhost:{port}/openapi.json",
                f"--max-examples={REQUESTS}",
                "--exclude-checks=positive_data_acceptance",
                "--generation-database=:memory:",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    described = sum(len(path) for path in create_app(settings, source=source).openapi()["paths"].values())
    assert f"Tested: {described}" in done.stdout and described >= 16, done.stdout[-6_000:]
    assert done.stdout.count(f"{described} passed") == 2, "as it is described, and at random"
