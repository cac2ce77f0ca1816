"""A real git repository for stories, made commit by commit."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path


def git(folder: Path, *arguments: str, **environment: str) -> str:
    """Run git in a folder with a clean configuration; what it prints."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **environment}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", *arguments],
        cwd=folder, env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def make_repository(folder: Path) -> Path:
    """An empty repository."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    return folder


def commit(
    repository: Path, who: str, *, accepted_by: str, month: int, subject: str, lines: int = 10, file: str = ""
) -> None:
    """A change of `who` (at books.example) that `accepted_by` committed, so many months ago."""
    path = repository / (file or f"{who}.txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        stream.writelines(f"{subject}, line {n}\n" for n in range(lines))
    when = (datetime.now(UTC) - timedelta(days=30 * month - 15)).isoformat(timespec="seconds")
    git(repository, "add", "--all")
    git(
        repository, "commit", "--quiet", "--message", subject,
        GIT_AUTHOR_NAME=who.title(), GIT_AUTHOR_EMAIL=f"{who}@books.example", GIT_AUTHOR_DATE=when,
        GIT_COMMITTER_NAME=accepted_by.title(), GIT_COMMITTER_EMAIL=f"{accepted_by}@books.example",
        GIT_COMMITTER_DATE=when,
    )  # fmt: skip
