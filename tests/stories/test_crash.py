"""`kill -9` at any moment of collect, decide or issue: the same command again ends as if nothing had happened.

A real process is killed at its steps on a real database; nothing is badly lost, doubled, or signed without a
record.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from issuer.badges import service as badges
from issuer.contributions import service as contributions
from issuer.ground import news
from issuer.ground.database import open_database, reading
from keys import jws
from keys.custody import read_keyset
from keys.keyset import ISSUER_USES
from tests.stories.project import commit, make_repository

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("crash.py")
WHO = ("ada", "bob", "cy")
NEVER = 10**9
KILLS = 9  # moments spread over a command's steps, its first and last among them


def issuer(data: Path, *arguments: str, kill_at: int = NEVER) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DRIVER), str(kill_at), *arguments, "--data", str(data), "--json"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def finished(data: Path, *arguments: str) -> int:
    """Run to the end; how many steps it had."""
    done = issuer(data, *arguments)
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout.rsplit("counted ", 1)[1])["step"])


def state(data: Path) -> dict[str, object]:
    """What is recorded, without what is random (ids, times); and that no badge lacks record or signature."""
    engine = open_database(data / "issuer.sqlite")
    with reading(engine) as connection:
        stored = [(c.source, c.id, c.record, str(c.account)) for c in contributions.all_contributions(connection)]
    keyset = read_keyset(data / "keys")
    key = keyset.active("badges").public
    issued = badges.all_badges(engine)
    for badge in issued:
        assert badge.jwt is not None
        jws.verify(badge.jwt, key=key)
        said = badges.read_own(badge.jwt)
        assert said.id == badge.id
        assert said.credentialSubject.holder_references == (badge.reference,)
    assert len({b.revocation for b in issued}) == len(issued)
    assert len({b.id for b in issued}) == len(issued)
    engine.dispose()
    outcome = sorted((b.award.person, b.award.achievement, b.award.period.term, b.standing) for b in issued)
    return {"contributions": stored, "badges": outcome}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an issuer, a repository and people; nothing collected yet."""
    folder = tmp_path_factory.mktemp("crash")
    repository = make_repository(folder / "project")
    for who in WHO:
        for month in range(1, 5):
            commit(repository, who, accepted_by="keeper", month=month, subject=f"{who} {month}")
    people = "name,email,accounts\n" + "".join(f"{w.title()},{w}@books.example,\n" for w in (*WHO, "keeper"))
    (folder / "people.csv").write_text(people)
    assert finished(folder / "issuer", "init", "--public-url", "https://badges.example.org")
    assert finished(folder / "issuer", "collect", "people", str(folder / "people.csv"))
    return folder


def commands(folder: Path) -> list[tuple[str, ...]]:
    return [("collect", "git", str(folder / "project")), ("decide",), ("issue",)]


@pytest.mark.parametrize("killed", ["collect", "decide", "issue"])
def test_a_killed_command_run_again_ends_as_if_nothing_had_happened(
    start: Path, tmp_path: Path, killed: str
) -> None:
    before = tmp_path / "before"
    shutil.copytree(start / "issuer", before)
    following = list(commands(start))
    while following[0][0] != killed:
        finished(before, *following.pop(0))
    clean = tmp_path / "clean"
    shutil.copytree(before, clean)
    steps = finished(clean, *following[0])
    for command in following[1:]:
        finished(clean, *command)
    expected = state(clean)
    moments = {1 + (steps - 1) * number // (KILLS - 1) for number in range(KILLS)}
    for moment in sorted(moments):
        data = tmp_path / f"killed-{moment}"
        shutil.copytree(before, data)
        assert issuer(data, *following[0], kill_at=moment).returncode == -signal.SIGKILL
        for command in following:
            finished(data, *command)
        assert state(data) == expected, f"killed at step {moment} of {steps}"


@pytest.mark.parametrize("command", [("jobs", "--once"), ("nightly",)])
def test_news_whose_handling_was_killed_are_handled_once_more(
    start: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    before, clean = tmp_path / "before", tmp_path / "clean"
    shutil.copytree(start / "issuer", before)
    finished(before, "collect", "git", str(start / "project"))
    shutil.copytree(before, clean)
    steps = finished(clean, *command)
    expected = state(clean)
    assert len(expected["badges"]) == len(WHO)  # type: ignore[arg-type]
    moments = {1 + (steps - 1) * number // (KILLS - 1) for number in range(KILLS)}
    for moment in sorted(moments):
        data = tmp_path / f"killed-{moment}"
        shutil.copytree(before, data)
        assert issuer(data, *command, kill_at=moment).returncode == -signal.SIGKILL
        finished(data, *command)
        assert state(data) == expected, f"killed at step {moment} of {steps}"
        with reading(open_database(data / "issuer.sqlite")) as connection:
            assert news.newest(connection) == 0


def test_signing_anew_after_a_compromise_can_be_resumed(start: Path, tmp_path: Path) -> None:
    before, anew = tmp_path / "before", ("keys", "sign-anew")
    shutil.copytree(start / "issuer", before)
    for command in (*commands(start), ("keys", "compromise", "badges-1")):
        finished(before, *command)
    clean = tmp_path / "clean"
    shutil.copytree(before, clean)
    steps = finished(clean, *anew)
    expected = state(clean)
    for moment in sorted({1 + (steps - 1) * number // 4 for number in range(5)}):
        data = tmp_path / f"killed-{moment}"
        shutil.copytree(before, data)
        assert issuer(data, *anew, kill_at=moment).returncode == -signal.SIGKILL
        finished(data, *anew)
        assert state(data) == expected, f"killed at step {moment} of {steps}"


def test_killed_in_the_middle_of_init_it_can_be_run_again(tmp_path: Path) -> None:
    init = ("init", "--public-url", "https://badges.example.org")
    steps = finished(tmp_path / "clean", *init)
    for moment in sorted({1, steps // 2, steps}):
        data = tmp_path / f"killed-{moment}"
        assert issuer(data, *init, kill_at=moment).returncode == -signal.SIGKILL
        finished(data, *init)
        assert len(read_keyset(data / "keys").records) == len(ISSUER_USES)
