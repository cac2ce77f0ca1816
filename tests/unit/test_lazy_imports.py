"""The tools for one document start at once: they import no more than their work needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas import strict_json
from tests.unit.verifier.simulator import IssuerSimulator

HEAVY = (
    "pydantic",
    "typer",
    "fastapi",
    "sqlalchemy",
    "PIL",
    "httpcore",
    "httpx",
    "jinja2",
    "defusedxml",
    "qrcode",
)
ONLY_FOR_OTHERS = (*HEAVY, "xml.parsers.expat", "schemas.baking", "verifier.verification.presentations")
SAYS_WHAT_IT_IMPORTED = "import sys; from verifier.start import main\ntry: main()\nfinally: print(*sys.modules)"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    issuer = IssuerSimulator()
    document = {name: value for name, value in issuer.document().items() if name != "credentialStatus"}
    document |= {"validFrom": "2026-01-01T00:00:00Z", "validUntil": "2126-01-01T00:00:00Z"}
    texts = {
        "badge.jwt": issuer.token(document),
        "badge.json": strict_json.dumps(issuer.secured(document)),
        "key.jwk": strict_json.dumps(issuer.signer.public.to_jwk()),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: tmp_path / name for name in texts}


def imported(*arguments: str) -> set[str]:
    """The modules of a process that verified a document and found it good."""
    command = [sys.executable, "-c", SAYS_WHAT_IT_IMPORTED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # exit code 0: it is valid
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("name", ["badge.jwt", "badge.json"])
def test_the_short_way_imports_no_framework(files: dict[str, Path], name: str) -> None:
    found = imported("verify", str(files[name]), "--key", str(files["key.jwk"]), "--json")
    assert "verifier.verification.checks" in found
    assert not found.intersection(ONLY_FOR_OTHERS)


def test_a_token_needs_nothing_of_proofs_in_documents(files: dict[str, Path]) -> None:
    found = imported("verify", str(files["badge.jwt"]), "--key", str(files["key.jwk"]))
    assert not found.intersection({"keys.data_integrity", "keys.selective_disclosure", "schemas.rdfc"})
