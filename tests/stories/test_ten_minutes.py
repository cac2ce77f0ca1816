"""The first ten minutes of an integrator and of an event's team, played from the pages that promise them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo.__main__ import EVENT
from tests.real.two_offices import PHOTOGRAPHED, opened

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str) -> list[str]:
    """The shell lines of a page's section "In ten minutes"."""
    section = (DOCS / page).read_text(encoding="utf-8").partition("## In ten minutes")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """A PATH on which `badge-verifier` is the one of this checkout."""
    program = folder / "bin" / "badge-verifier"
    program.parent.mkdir()
    root = DOCS.parent
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from verifier.start import main; main()"
    program.write_text(f"#!{sys.executable}\n{code}\n", encoding="utf-8")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(folder), **more}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_an_integrator_has_a_voucher_in_ten_minutes(tmp_path: Path) -> None:
    setting, lines = blocks("api.md")
    assert {"VERIFIER=", "EVENT=", "BADGE=", "CODE="} <= {word.partition("=")[0] + "=" for word in setting.split()}
    with opened(tmp_path / "offices") as offices:
        (tmp_path / "badge.jwt").write_text(offices.jwt(PHOTOGRAPHED), encoding="utf-8")
        env = environment(
            tmp_path,
            VERIFIER=offices.verifier,
            EVENT=EVENT,
            BADGE="badge.jwt",
            CODE=offices.holders[PHOTOGRAPHED].code,
        )
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", re.sub(r"(?m)(curl .*)$", r"\1; echo", lines)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    verdict, batch, first, again = told
    assert verdict["verdict"] == "valid"
    assert batch["problem"]["status"] == 400
    assert "Valid" in done.stdout, "recomputed from the case file"
    assert (first["result"], again["result"]) == ("granted", "granted")
    assert first["voucher"] == again["voucher"]


def test_an_event_s_team_has_its_event_in_ten_minutes(tmp_path: Path) -> None:
    (lines,) = blocks("registration.md")
    page = (DOCS / "registration.md").read_text(encoding="utf-8")
    file = re.search(r"## The event's file\n\n```yaml\n(.*?)```", page, re.DOTALL)
    assert file
    (tmp_path / "summit.yaml").write_text(file[1], encoding="utf-8")
    *commands, serve = lines.strip().splitlines()
    assert serve.startswith("badge-verifier serve ")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (
        "/desk/" in done.stdout
        and "team@example.org" in (tmp_path / "badgewright-verifier/staff.yaml").read_text()
    )
