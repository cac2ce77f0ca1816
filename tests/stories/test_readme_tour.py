"""README's tour, command by command: a manager with a repository and people holds a verified first badge."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stories.project import commit, make_repository

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sys.executable).parent


def tour() -> list[str]:
    """The commands of README's first shell block, without comments."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block
    lines = [line.split("  #")[0].strip() for line in block[1].splitlines()]
    return [line for line in lines if line and not line.startswith("export PATH")]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder beside a project in which Ada did four changes and Kim merged them."""
    project = make_repository(tmp_path / "our-project")
    for month in range(1, 5):
        commit(project, "somebody", accepted_by="kim", month=month, subject=f"Step {month}")
    folder = tmp_path / "office"
    folder.mkdir()
    return folder


def shell(command: str, folder: Path) -> str:
    env = {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_tour_ends_with_a_verified_badge(place: Path) -> None:
    badge_id, printed = "", ""
    for command in tour():
        here = command.replace("somebody@example.org", "somebody@books.example")
        printed = shell(here.replace("3f2a91", badge_id) if badge_id else here, place)
        if "list unclaimed" in command:
            drafted = (place / "people.csv").read_text()
            assert "somebody@books.example" in drafted and "kim@books.example" in drafted
        if "badge-issuer list" in command and "issue &&" in command:
            badge_id = re.search(r"^([0-9a-f]{8})-", printed, re.MULTILINE)[1]  # type: ignore[index]
        if "decide" in command:
            assert "Contributor" in printed
        if "explain" in command:
            assert "✓" in printed
    assert printed.startswith("✓ Valid")
    assert (place / "badge.png").read_bytes().startswith(b"\x89PNG")


def test_the_tour_twice_changes_nothing(place: Path) -> None:
    commands = [c for c in tour() if not re.search(r"init|explain|export|verify", c)]
    first_init = next(c for c in tour() if "init" in c)
    shell(first_init, place)
    for command in commands:
        shell(command, place)
    before = shell("badge-issuer list", place)
    for command in commands:
        if "unclaimed" not in command:
            shell(command, place)
    assert shell("badge-issuer list", place) == before
