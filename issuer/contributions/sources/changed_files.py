"""The files of a change: which of them a tool wrote, and how many lines people did. Pure.

Size is read from what people write: a lock file of 9,000 lines is not a large change (POLICY §4).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_PATHS = 200  # kept with a contribution; a larger change is an import, and its first paths say what it is
MAX_LINES = 1_000_000_000  # what the model holds

# Files that a tool writes, in any folder, with what writes them. A name ends the path; a folder stands in it.
GENERATED_NAMES = (
    "*.lock",  # dependency resolvers: cargo, poetry, yarn, bundler, composer, uv
    "package-lock.json",  # npm
    "pnpm-lock.yaml",
    "npm-shrinkwrap.json",
    "go.sum",
    "*.min.js",  # minifiers
    "*.min.css",
    "*.map",  # source maps
    "*.po",  # exported by translation platforms; translating is counted where it is done
    "*.pot",
    "*_pb2.py",  # protocol buffers
    "*.pb.go",
    "*.snap",  # recorded test output
    "ChangeLog",  # written at release from the log
    "AUTHORS",
)
GENERATED_FOLDERS = ("vendor", "third_party", "node_modules", "__snapshots__", "dist")


def _glob(name: str) -> str:
    return re.escape(name).replace(r"\*", "[^/]*")


_GENERATED = re.compile(
    rf"(?:^|.*/)(?:(?:{'|'.join(map(_glob, GENERATED_FOLDERS))})/.*|(?:{'|'.join(map(_glob, GENERATED_NAMES))}))",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a change, by its new name. `lines` is added + deleted, or None for a binary file."""

    path: str
    lines: int | None


@dataclass(slots=True)
class ChangedFiles:
    """The sum over a change's files, however many they are."""

    lines: int = 0
    paths: list[str] = field(default_factory=list)
    number: int = 0
    written_by_people: int = 0

    def add(self, file: FileChange) -> None:
        self.number += 1
        if len(self.paths) < MAX_PATHS:
            self.paths.append(file.path)
        if not is_generated(file.path):
            self.written_by_people += 1
            self.lines = min(self.lines + (file.lines or 0), MAX_LINES)

    @property
    def generated_only(self) -> bool:
        """Whether there are files and tools wrote all of them."""
        return self.number > 0 and self.written_by_people == 0


def is_generated(path: str) -> bool:
    """Whether a tool writes the file at this path (slashes, from the top of the repository)."""
    return _GENERATED.fullmatch(path) is not None


def sum_of(files: Sequence[FileChange]) -> ChangedFiles:
    total = ChangedFiles()
    for file in files:
        total.add(file)
    return total


def parse_numstat(text: str) -> FileChange | None:
    """One entry of `git --numstat`: `added TAB deleted TAB path`, with `-` for binary; None if it is none.

    With `-z` a renamed file has an empty path here, and its old and new name follow.
    """
    match = re.fullmatch(r"\n?(\d{1,12}|-)\t(\d{1,12}|-)\t(.*)", text, re.DOTALL | re.ASCII)
    if match is None:
        return None
    added, deleted, path = match.groups()
    return FileChange(path, None if "-" in (added, deleted) else int(added) + int(deleted))
