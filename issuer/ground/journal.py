"""What was written since last night's backup: each transaction as one line of a file that only grows.

A backup is as old as the night it was made in. A line is on the disk before its transaction is committed, so that
backup and journal together forget nothing: no badge, no place on a status list, no withdrawal, no row of the audit
log. `DATA/journal/` holds one file a day; it belongs on another disk or machine (docs/operations.md). A line is
`SHA-256 JSON`; the JSON names the hash of the line before, so a line that was changed, removed or put in between
is found. Whoever holds the journal holds the same personal data as in the database.

The database counts its own transactions, in the transaction itself. A line whose commit never came about is
followed by another one of the same number, and is void: that is how a crash in between shows.

Not in it: texts of letters, sessions and links of login, which have a short life, and the signed versions of
badges, which `issue` makes again from what is. The hooks are set by `database`.
"""

import hashlib
import json
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.strict_json import JsonObject, JsonValue

BEGINNING = "0" * 64  # what the first line of an office names as the hash before it
# Bulky or short-lived: what enters there can be made again, or is worthless after a disaster. What leaves there is
# written down nevertheless: whoever was erased stays erased, and a letter that was sent is not sent again.
MADE_AGAIN = frozenset({"badge_versions", "mail_outbox", "login_links", "login_challenges", "sessions"})
_WRITES = re.compile(r"\s*(?P<verb>INSERT INTO|UPDATE|DELETE FROM) \"?(?P<table>\w+)\"?", re.ASCII)
_ONLY_READS = re.compile(
    r"\s*(?:SELECT|PRAGMA|BEGIN|COMMIT|ROLLBACK|EXPLAIN|WITH(?!.*\b(?:INSERT|UPDATE|DELETE)\b))\b", re.DOTALL
)
_PENDING = "badgewright_journal"  # where a connection keeps what its transaction has written
_NAME = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl", re.ASCII)
_PRIVATE = 0o600

Parameters = Sequence[Any]


class JournalError(Exception):
    """A journal that cannot be written, or is not whole; one sentence."""


@dataclass(frozen=True)
class Line:
    """One transaction: its number, when it was written, under which version of the tables, and what it did.

    `statements`: SQL with the parameters of each time that it was carried out. `files`: files of the data folder
    as they were then (encrypted keys), by name.
    """

    number: int
    at: datetime
    version: str
    statements: tuple[tuple[str, tuple[Parameters, ...]], ...]
    files: dict[str, str]
    sha256: str


class Recorder:
    """Writes the journal of one database. `version`: of its tables.

    Raises (all methods):
        JournalError: the file cannot be written; the transaction is not committed then.
    """

    def __init__(self, folder: Path, *, version: str) -> None:
        self._folder, self._version = folder, version

    def saw(self, pending: dict[str, Any], statement: str, parameters: Any, *, many: bool) -> None:
        """A statement was carried out in a transaction; `pending` is what its connection keeps until the end."""
        found = _WRITES.match(statement)
        if found is None and _ONLY_READS.match(statement):
            return  # whatever is of neither form is written down: better once too often
        if found is not None and found["verb"] != "DELETE FROM" and found["table"] in MADE_AGAIN:
            return
        if isinstance(parameters, dict) or (many and isinstance(next(iter(parameters), ()), dict)):
            raise JournalError("A statement with named values cannot stand in the journal: write '?' in it.")
        kept = pending.setdefault(_PENDING, {"statements": [], "files": {}})
        rows = [list(row) for row in parameters] if many else [list(parameters)]
        if kept["statements"] and kept["statements"][-1][0] == statement:
            kept["statements"][-1][1].extend(rows)
        else:
            kept["statements"].append((statement, rows))

    def forget(self, pending: dict[str, Any]) -> None:
        """The transaction was rolled back: nothing happened."""
        pending.pop(_PENDING, None)

    def write(self, pending: dict[str, Any], *, number: int) -> bool:
        """The transaction is about to be committed as this number: put its line on the disk first. False if it
        wrote nothing that is kept.
        """
        kept = pending.pop(_PENDING, None)
        if kept is None:
            return False
        texts: dict[str, int] = {}  # each statement's text once in a line
        for sql, _ in kept["statements"]:
            texts.setdefault(sql, len(texts))
        content: JsonObject = {
            "number": number,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "version": self._version,
            "previous": "",
            "sql": list(texts),
            "statements": [[texts[sql], _written_rows(rows)] for sql, rows in kept["statements"]],
            "files": kept["files"],
        }
        try:
            self._append(content)
        except OSError as error:
            raise JournalError(f"The journal {self._folder} cannot be written: {error.strerror}.") from error
        return True

    def _append(self, content: JsonObject) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        files = segments(self._folder)
        today = self._folder / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
        newest = max([today, *files[-1:]])  # a clock that was set back begins no earlier file
        last = b""
        for file in reversed(files):
            last, whole = _last_line(file)
            if whole != file.stat().st_size:  # the beginning of a line whose transaction never came about
                os.truncate(file, whole)
            if last:
                break
        content["previous"] = last[:64].decode() or BEGINNING
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        descriptor = os.open(newest, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _PRIVATE)
        with os.fdopen(descriptor, "ab") as stream:
            stream.write(_digest(body).encode() + b" " + body + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        if newest not in files:  # the name of a new file is on the disk, too
            descriptor = os.open(self._folder, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)


def keep_files(pending: dict[str, Any], files: dict[str, str]) -> None:
    """Write these files of the data folder down with the transaction of a connection (its `info`)."""
    pending.setdefault(_PENDING, {"statements": [], "files": {}})["files"].update(files)


def segments(folder: Path) -> list[Path]:
    """The journal's files, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if _NAME.fullmatch(file.name))


def read(folder: Path, *, after: int = 0) -> Iterator[Line]:
    """The lines of a journal behind a number, in their order, void ones left out.

    Raises:
        JournalError: a line was changed, removed or put in between; or lines between `after` and the first one
            that is there are missing.
    """
    waiting: Line | None = None
    for line in _whole_lines(segments(folder)):
        if waiting is not None and line.number > waiting.number:
            _check_follows(waiting, after)
            if waiting.number > after:
                yield waiting
                after = waiting.number
        waiting = line
    if waiting is not None:
        _check_follows(waiting, after)
        if waiting.number > after:
            yield waiting


def head(folder: Path) -> tuple[int, str]:
    """Number and hash of the newest line, to be noted elsewhere; the whole journal is checked.

    Raises:
        JournalError: it is not whole.
    """
    number, sha256 = 0, BEGINNING
    for line in _whole_lines(segments(folder)):
        number, sha256 = line.number, line.sha256
    return number, sha256


def _check_follows(line: Line, after: int) -> None:
    if line.number > after + 1:
        raise JournalError(
            f"The journal lacks what was written between number {after} and number {line.number}: the"
            " files of those"
            " days were expected beside the others."
        )


def _whole_lines(files: Iterable[Path]) -> Iterator[Line]:
    previous: str | None = None  # older files may have been put away
    for file in files:
        with file.open("rb") as stream:
            for count, raw in enumerate(stream, start=1):
                if not raw.endswith(b"\n"):
                    break  # its transaction never came about
                digest, _, body = raw[:-1].partition(b" ")
                if _digest(body) != digest.decode("ascii", "replace"):
                    raise JournalError(f"{file}, line {count}: it was changed after it was written.")
                line, said = _parsed(body, sha256=digest.decode(), where=f"{file}, line {count}")
                if previous is not None and said != previous:
                    raise JournalError(f"{file}, line {count}: it does not follow the line before it.")
                previous = line.sha256
                yield line


def _parsed(body: bytes, *, sha256: str, where: str) -> tuple[Line, str]:
    """A line, and the hash that it says the line before it has. Our own text: plain JSON, of any length."""
    try:
        said: Any = json.loads(body.decode("utf-8", "surrogatepass"))
        statements = tuple(
            (said["sql"][text], tuple([_read(one) for one in row] for row in rows))
            for text, rows in said["statements"]
        )
        at = datetime.fromisoformat(said["at"])
        line = Line(said["number"], at, said["version"], statements, dict(said["files"]), sha256)
        return line, said["previous"]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise JournalError(f"{where}: it is no line of a journal.") from error


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _last_line(file: Path) -> tuple[bytes, int]:
    """The last whole line of a file, and how many bytes whole lines take."""
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        window, tail = 1 << 16, b""
        while True:
            start = max(0, size - window)
            stream.seek(start)
            tail = stream.read(size - start)
            end = tail.rfind(b"\n")
            begin = tail.rfind(b"\n", 0, end) if end >= 0 else -1
            if start == 0 or begin >= 0:
                break
            window *= 4
    if end < 0:
        return b"", 0
    return tail[begin + 1 : end], start + end + 1


def _written_rows(rows: Sequence[Parameters]) -> list[JsonValue]:
    return [[_written(one) for one in row] for row in rows]


def _written(value: Any) -> JsonValue:
    """A parameter as JSON has it: bytes wrapped, all else as it is."""
    if isinstance(value, bytes | memoryview):
        return {"base64": b64encode(bytes(value)).decode()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise JournalError(f"A {type(value).__name__} cannot be written into the journal.")


def _read(value: Any) -> Any:
    return b64decode(value["base64"]) if isinstance(value, dict) else value
