"""The example community's git repository, made on the spot with `git fast-import`."""

import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tests.demo.community import Commit, Member


def make(folder: Path, commits: Sequence[Commit]) -> None:
    """A bare repository whose branch `main` holds the commits, oldest first."""
    git = ["git", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet", "--bare", str(folder)], check=True, capture_output=True)
    stream = b"".join(_stream(commits))
    import_ = [*git, "-C", str(folder), "fast-import", "--quiet", "--date-format=raw"]
    subprocess.run(import_, input=stream, check=True, capture_output=True)


def _stream(commits: Sequence[Commit]) -> list[bytes]:
    contents = {"README.md": "Teh example\n"}
    first = commits[0]
    parts = [
        _commit(
            1, first.accepted_by, first.accepted_by, first.when, "Begin", None, contents["README.md"], "README.md"
        )
    ]
    mark = 1
    for commit in commits:
        tip, mark = mark, mark + 1
        text = _changed(contents.get(commit.path, ""), commit)
        contents[commit.path] = text
        message = commit.subject + _trailers(commit)
        by = commit.author if commit.merged else commit.accepted_by
        parts.append(_commit(mark, commit.author, by, commit.when, message, tip, text, commit.path))
        if commit.merged:
            branch, mark = mark, mark + 1
            parts.append(_merge(mark, commit, tip, branch, text))
    return parts


def _changed(text: str, commit: Commit) -> str:
    if commit.path == "README.md":
        return text.replace("Teh", "The")  # the one-character commit
    return text + "".join(f"{commit.subject}, line {n}\n" for n in range(commit.lines))


def _trailers(commit: Commit) -> str:
    lines = [f"Co-Authored-By: {m.name} <{m.email}>" for m in commit.coauthors]
    return "\n\n" + "\n".join(lines) if lines else ""


def _commit(
    mark: int,
    author: Member,
    committer: Member,
    when: datetime,
    message: str,
    parent: int | None,
    text: str,
    path: str,
) -> bytes:
    lines = [
        "commit refs/heads/main",
        f"mark :{mark}",
        f"author {_signature(author, when)}",
        f"committer {_signature(committer, when)}",
        _data(message),
        *([f"from :{parent}"] if parent else []),
        f"M 100644 inline {path}",
        _data(text),
    ]
    return ("\n".join(lines) + "\n").encode()


def _merge(mark: int, commit: Commit, tip: int, branch: int, text: str) -> bytes:
    signature = _signature(commit.accepted_by, commit.when)
    lines = [
        "commit refs/heads/main",
        f"mark :{mark}",
        f"author {signature}",
        f"committer {signature}",
        _data(f"Merge: {commit.subject}"),
        f"from :{tip}",
        f"merge :{branch}",
        f"M 100644 inline {commit.path}",  # the tree of a merge starts from its first parent
        _data(text),
    ]
    return ("\n".join(lines) + "\n").encode()


def _signature(member: Member, when: datetime) -> str:
    return f"{member.name} <{member.email}> {int(when.timestamp())} +0000"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"
