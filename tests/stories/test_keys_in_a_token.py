"""The road with keys that never leave a PKCS#11 token: a real SoftHSM2, real commands, a stranger who verifies.

Each command is a process of its own, since a module of PKCS#11 is initialised once in a process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.softhsm import PIN, SoftToken, make_token
from tests.stories.project import commit, make_repository

pytestmark = pytest.mark.fetched
SCRIPTS = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]


class Programme:
    """An issuer with a repository, whose keys are in a token."""

    def __init__(self, folder: Path, token: SoftToken) -> None:
        self.folder, self.token = folder, token
        self.repository = make_repository(folder / "project")
        rows = "".join(f"{who.title()},{who}@books.example,\n" for who in ("ada", "bob", "keeper"))
        (folder / "people.csv").write_text("name,email,accounts\n" + rows)
        self.issuer("init", "--public-url", "https://badges.example.org", *token.options)
        self.issuer("collect", "people", str(folder / "people.csv"))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from issuer.cli import main; main()", *arguments]
        env = {**os.environ, **self.token.environment, "PYTHONPATH": str(ROOT)}
        given = [*command, "--data", str(self.folder / "issuer"), "--json"]
        return subprocess.run(given, env=env, capture_output=True, text=True, check=False)

    def issuer(self, *arguments: str) -> Any:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def recognise(self, who: str) -> str:
        commit(self.repository, who, accepted_by="keeper", month=1, subject=f"Work of {who}")
        self.issuer("collect", "git", str(self.repository))
        self.issuer("nightly")
        return str(next(one["badge"] for one in self.issuer("list")["badges"] if one["holder"] == who.title()))

    def verdict(self, badge: str, form: str) -> str:
        """A stranger's, from what is published now."""
        file = self.folder / f"badge.{form}"
        self.issuer("export", badge, "--as", form, "-o", str(file))
        self.issuer("publish", str(self.folder / "site"))
        command = [str(SCRIPTS / "badge-verifier"), "verify", str(file), "--json"]
        done = subprocess.run(
            [*command, "--offline-dir", str(self.folder / "site")], capture_output=True, check=False
        )
        return str(json.loads(done.stdout)["verdict"])


def test_from_a_contribution_to_a_verdict_with_keys_that_never_leave_the_token(tmp_path: Path) -> None:
    programme = Programme(tmp_path, make_token(tmp_path / "hsm"))
    ada = programme.recognise("ada")
    assert [programme.verdict(ada, form) for form in ("jwt", "json", "png")] == ["valid"] * 3

    keys = {file.name: json.loads(file.read_text()) for file in (tmp_path / "issuer" / "keys").glob("*.key")}
    assert len(keys) == 4
    assert all(set(key) == {"kind", "token", "id"} for key in keys.values())  # nothing sealed on the disk
    assert {key["kind"] for key in keys.values()} == {"P-256", "Ed25519"}

    programme.issuer("keys", "plan")
    programme.issuer("keys", "rotate")
    bob = programme.recognise("bob")
    assert [programme.verdict(one, "jwt") for one in (ada, bob)] == ["valid"] * 2
    programme.issuer("keys", "compromise", "badges-1")
    assert programme.verdict(ada, "jwt") == "not_valid"
    assert programme.issuer("keys", "sign-anew")["signed"] == 1
    assert programme.verdict(ada, "jwt") == "valid"
    refused = programme.run("keys", "plan", "--kind", "RSA")
    assert refused.returncode == 1 and "P-256 or Ed25519" in refused.stderr


def test_a_wrong_pin_another_label_and_a_missing_module_are_said_without_the_pin(tmp_path: Path) -> None:
    token = make_token(tmp_path / "hsm")
    programme = Programme(tmp_path, token)
    settings = tmp_path / "issuer" / "issuer.yaml"
    whole = settings.read_text()

    def refusal(old: str, new: str) -> str:
        settings.write_text(whole.replace(old, new))
        done = programme.run("keys", "rotate")
        assert done.returncode == 1 and PIN not in done.stdout + done.stderr and "Traceback" not in done.stderr
        return done.stderr

    assert "knows no single token" in refusal("label: badges", "label: others")
    assert "cannot be used" in refusal("libsofthsm2.so", "libnothing.so")
    assert "cannot be read" in refusal("token.pin", "none.pin")
    token.pin_file.write_text("000000")
    assert "does not open the token" in refusal("", "")
    token.pin_file.write_text(PIN)
    settings.write_text(whole[: whole.index("token:")])
    done = programme.run("publish", str(tmp_path / "site"))
    assert done.returncode == 1 and "which the settings do not name" in done.stderr


def test_keys_move_from_the_disk_into_a_token_by_rotation(tmp_path: Path) -> None:
    token = make_token(tmp_path / "hsm")
    programme = Programme(tmp_path, SoftToken(token.module, token.label, token.pin_file, token.environment))
    settings = tmp_path / "issuer" / "issuer.yaml"
    with_token = settings.read_text()
    settings.write_text(with_token[: with_token.index("token:")])
    for use in ("badges", "documents", "documents-p256", "status"):
        programme.issuer("keys", "rotate", "--use", use)  # back onto the disk
    ada = programme.recognise("ada")
    settings.write_text(with_token)
    for use in ("badges", "documents", "documents-p256", "status"):
        programme.issuer("keys", "rotate", "--use", use)
    bob = programme.recognise("bob")
    assert [programme.verdict(one, "json") for one in (ada, bob)] == ["valid"] * 2
