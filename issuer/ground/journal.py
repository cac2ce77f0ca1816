"""What was written since last night's backup: each transaction as one line of a file that only grows.

A backup is as old as the night it was made in. A line is on the disk before its transaction is committed, so that
backup and journal together forget nothing: no badge, no place on a status list, no withdrawal, no row of the audit
log. A folder holds one file a day; it belongs on another disk or machine (docs/operations.md). A line is
`SHA-256 JSON`; the JSON names the hash of the line before, so a line that was changed, removed or put in between
is found. Whoever holds the journal holds the same personal data as in the database.

Number and hash of the newest line stand in the database, written by the transaction itself. So lines continue each
other wherever they were written: by several processes, on several machines, each into a folder of its own. A line
whose commit never came about is continued by none, and is void; so does a backup know what continues it.

Not in it: texts of letters, sessions and links of login, which have a short life, and the signed versions of
badges, which `issue` makes again from what is. The hooks are set by `database`.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from schemas.strict_json import JsonObject, JsonValue

UNKNOWN = ""  # the hash of the newest line, in a database from before it kept that
BEGINNING = "0" * 64  # what the first line of such a database names as the hash before it
# Bulky or short-lived: what enters there can be made again, or is worthless after a disaster. What leaves there is
# written down nevertheless: whoever was erased stays erased, and a letter that was sent is not sent again.
MADE_AGAIN = frozenset({"badge_versions", "mail_outbox", "login_links", "login_challenges", "sessions"})
LEAST_ROOM = 16 << 20  # bytes: some chunks of badges; the alarm for the disk comes long before
LOCK_SECONDS = 30.0  # as long as a writer waits for another one in the database
_WRITES = re.compile(r"\s*(?P<verb>INSERT INTO|UPDATE|DELETE FROM) \"?(?P<table>\w+)\"?", re.ASCII)
_ONLY_READS = re.compile(
    r"\s*(?:SELECT|PRAGMA|BEGIN|COMMIT|ROLLBACK|EXPLAIN|WITH(?!.*\b(?:INSERT|UPDATE|DELETE)\b))\b", re.DOTALL
)
_PENDING = "badgewright_journal"  # where a connection keeps what its transaction has written
_NAME = re.compile(r"\d{4}-\d{2}-\d{2}(?:\.\d+)?\.jsonl", re.ASCII)  # with a number: of another machine, restored
_BEGINS = re.compile(  # how every line begins, so that most of them need not be read whole
    rb'\{"number":(?P<number>\d+),"at":"[^"]*","version":"[^"]*","previous":"(?P<previous>[0-9a-f]{64})"'
    rb'(?:,"transaction":(?P<transaction>\d+))?'
)
_PRIVATE = 0o600

Parameters = Sequence[Any] | Mapping[str, Any]


class JournalError(Exception):
    """A journal that cannot be written, or is not whole; one sentence."""


@dataclass(frozen=True)
class Place:
    """Where a journal stands: number and hash of its newest line. `sha256` may be `UNKNOWN`."""

    number: int
    sha256: str


@dataclass(frozen=True)
class Line:
    """One transaction: its number, when it was written, under which version of the tables, and what it did.

    `statements`: SQL with the parameters of each time that it was carried out. `sequences`: the numbers that a
    PostgreSQL was to give next, by the names of its sequences. `files`: files of the data folder as they were then
    (encrypted keys), by name.
    """

    number: int
    at: datetime
    version: str
    statements: tuple[tuple[str, tuple[Parameters, ...]], ...]
    sequences: dict[str, int]
    files: dict[str, str]
    sha256: str

    @property
    def place(self) -> Place:
        return Place(self.number, self.sha256)


class Recorder:
    """Writes the journal of one database. `version`: of its tables. Without a `folder` nothing is written down,
    and the database counts all the same: whoever restores with lines from before and after hears what is lacking.

    Raises (all methods):
        JournalError: the file cannot be written; the transaction is not committed then.
    """

    def __init__(self, folder: Path | None, *, version: str) -> None:
        self._folder, self._version = folder, version

    def saw(self, pending: dict[str, Any], statement: str, parameters: Any, *, many: bool) -> None:
        """A statement was carried out in a transaction; `pending` is what its connection keeps until the end."""
        if not _is_kept(statement):
            return
        statements = _kept(pending)["statements"]
        rows = list(parameters) if many else [parameters]
        if statements and statements[-1][0] == statement:
            statements[-1][1].extend(rows)
        else:
            statements.append((statement, rows))

    def will_count(self, pending: dict[str, Any], statement: str, following: Callable[[str], int | None]) -> None:
        """A statement is about to be carried out on a database whose numbers are not part of a transaction.
        `following`: the number that a table's next new row gets, if it gets one; asked once in a transaction.
        """
        found = _WRITES.match(statement)
        if found is None or found["verb"] != "INSERT INTO" or not _is_kept(statement):
            return
        sequences, table = _kept(pending)["sequences"], found["table"]
        if table not in sequences:
            sequences[table] = following(table)

    def forget(self, pending: dict[str, Any]) -> None:
        """The transaction was rolled back, or another one begins: nothing happened."""
        pending.pop(_PENDING, None)

    def write(self, pending: dict[str, Any], stands_at: Callable[[], tuple[Place, int | None]]) -> Place | None:
        """The transaction is about to be committed: put its line on the disk first. Comes out: where the journal
        stands then; None if the transaction wrote nothing that is kept.

        `stands_at`: where it stands in the transaction, and which number the database gave the transaction: of two
        that wrote the same line, the one with the higher number came second.
        """
        kept = pending.pop(_PENDING, None)
        if kept is None or not (kept["statements"] or kept["files"]):
            return None
        place, transaction = stands_at()
        if self._folder is None:
            return Place(place.number + 1, secrets.token_hex(32))
        texts: dict[str, int] = {}  # each statement's text once in a line
        for sql, _ in kept["statements"]:
            texts.setdefault(sql, len(texts))
        sequences = {table: number for table, number in kept["sequences"].items() if number is not None}
        content: JsonObject = {
            "number": place.number + 1,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "version": self._version,
            "previous": place.sha256,
            **({} if transaction is None else {"transaction": transaction}),
            "sql": list(texts),
            "statements": [[texts[sql], _written_rows(rows)] for sql, rows in kept["statements"]],
            **({"sequences": sequences} if sequences else {}),
            "files": kept["files"],
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _alone_in(self._folder):
                return Place(place.number + 1, _append(self._folder, content))
        except OSError as error:
            raise JournalError(f"The journal {self._folder} cannot be written: {error.strerror}.") from error


def keep_files(pending: dict[str, Any], files: dict[str, str]) -> None:
    """Write these files of the data folder down with the transaction of a connection (its `info`)."""
    _kept(pending)["files"].update(files)


def check_room(folder: Path) -> None:
    """Whether the next line would have a place.

    Raises:
        JournalError: the folder cannot be written, or its disk is full.
    """
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise JournalError(f"The journal {folder} cannot be written.")
    if shutil.disk_usage(there).free < LEAST_ROOM:
        raise JournalError(f"The disk of the journal {folder} is full.")


def segments(folder: Path) -> list[Path]:
    """The journal's files, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if _NAME.fullmatch(file.name))


def read(*folders: Path, after: Place) -> Iterator[Line]:
    """The lines of a journal behind a place, in their order, void ones left out. `folders`: of each machine that
    wrote it.

    Raises:
        JournalError: a line was changed, removed or put in between; or the journal does not continue this place.
    """
    for entry in _chain(_index(folders), after):
        with entry.file.open("rb") as stream:
            stream.seek(entry.offset)
            yield _parsed(stream.read(entry.length), entry)


def head(folder: Path) -> Place:
    """Number and hash of the newest line, to be noted elsewhere; the whole folder is checked. Numbers that another
    machine wrote may be missing in it.

    Raises:
        JournalError: it is not whole.
    """
    entries = _index([folder])
    hashes, numbers = {one.sha256 for one in entries}, {one.number for one in entries}
    for one in entries:
        if one.previous not in hashes and one.number - 1 in numbers:
            raise JournalError(f"{one.where}: it does not follow the line before it.")
    newest = max(entries, key=_later, default=None)
    return Place(0, BEGINNING) if newest is None else Place(newest.number, newest.sha256)


@dataclass(frozen=True)
class _Entry:
    """Where a line stands, and how it hangs together with others. `order`: in which its machine wrote them."""

    number: int
    sha256: str
    previous: str
    transaction: int
    file: Path
    count: int
    offset: int
    length: int
    order: int

    @property
    def where(self) -> str:
        return f"{self.file}, line {self.count}"


def _later(entry: _Entry) -> tuple[int, int, int]:
    return entry.number, entry.transaction, entry.order


def _index(folders: Sequence[Path]) -> list[_Entry]:
    """Every whole line, each unchanged, by number."""
    found: list[_Entry] = []
    for file in (one for folder in folders for one in segments(folder)):
        offset = 0
        with file.open("rb") as stream:
            for count, raw in enumerate(stream, start=1):
                if not raw.endswith(b"\n"):
                    break  # its transaction never came about
                digest, _, body = raw[:-1].partition(b" ")
                if _digest(body).encode() != digest:
                    raise JournalError(f"{file}, line {count}: it was changed after it was written.")
                begins = _BEGINS.match(body)
                if begins is None:
                    raise JournalError(f"{file}, line {count}: it is no line of a journal.")
                number, previous = int(begins["number"]), begins["previous"].decode()
                place = (file, count, offset + len(digest) + 1, len(body), len(found))
                found.append(_Entry(number, digest.decode(), previous, int(begins["transaction"] or 0), *place))
                offset += len(raw)
    return sorted(found, key=_later)


def _chain(entries: list[_Entry], after: Place) -> list[_Entry]:
    """The lines that continue a place, one the other. A line that none continues, beside another one, is void: its
    transaction was not committed.
    """
    following: dict[str, list[_Entry]] = {}
    for one in entries:
        following.setdefault(one.previous, []).append(one)
    chain: list[_Entry] = []
    some = following.get(after.sha256, []) if after.sha256 != UNKNOWN else _first(entries, after.number)
    while some:
        continued = [one for one in some if one.sha256 in following]
        if len(continued) > 1:
            raise JournalError(
                f"The journal goes on from number {some[0].number - 1} in two ways: the database was set back to"
                " an earlier state since. A backup made after that was expected."
            )
        one = continued[0] if continued else some[-1]
        if chain and chain[-1].number == one.number:  # as lines were continued before: over a void one
            chain.pop()
        chain.append(one)
        some = following.get(one.sha256, [])
    _check_nothing_left(entries, chain, after)
    return chain


def _first(entries: list[_Entry], number: int) -> list[_Entry]:
    """What comes behind a number, for a backup that knows no hash."""
    hashes = {one.sha256: one for one in entries}
    found = [one for one in entries if one.number == number + 1]
    return [one for one in found if one.previous not in hashes or hashes[one.previous].number <= number]


def _check_nothing_left(entries: list[_Entry], chain: list[_Entry], after: Place) -> None:
    """Every line is behind the place, or hangs together with one that is, or belongs to what was before it."""
    told = {one.sha256 for one in chain} | {one.sha256 for one in entries if one.number <= after.number}
    last = chain[-1].number if chain else after.number
    begins = chain[0].previous if chain and after.sha256 == UNKNOWN else after.sha256
    for one in entries:
        if one.sha256 in told:
            continue
        if one.previous in told or one.previous == begins:
            told.add(one.sha256)  # void, or of what was before the database was set back
        elif one.number > last + 1:
            raise JournalError(
                f"The journal lacks what was written between number {last} and number {one.number}: the files of"
                " those days, and of each machine that wrote, were expected beside the others."
            )
        elif chain:
            raise JournalError(f"{one.where}: it does not follow the line before it.")
        else:
            raise JournalError(f"{one.where}: it does not continue this backup. Is it another office's journal?")


def _parsed(body: bytes, entry: _Entry) -> Line:
    """A line. Our own text: plain JSON, of any length."""
    try:
        said: Any = json.loads(body.decode("utf-8", "surrogatepass"))
        statements = tuple(
            (said["sql"][text], tuple(_read_row(row) for row in rows)) for text, rows in said["statements"]
        )
        at = datetime.fromisoformat(said["at"])
        sequences, files = dict(said.get("sequences", {})), dict(said["files"])
        return Line(entry.number, at, said["version"], statements, sequences, files, entry.sha256)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise JournalError(f"{entry.where}: it is no line of a journal.") from error


def _append(folder: Path, content: JsonObject) -> str:
    """Write a line, and wait for the disk; its hash."""
    files = segments(folder)
    today = folder / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
    newest = max([today, *files[-1:]])  # a clock that was set back begins no earlier file
    for file in files[-1:]:
        _cut_torn_end(file)
    if content["previous"] == UNKNOWN:
        content["previous"] = _newest_hash(files) or BEGINNING
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    sha256 = _digest(body)
    descriptor = os.open(newest, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _PRIVATE)
    with os.fdopen(descriptor, "ab") as stream:
        stream.write(sha256.encode() + b" " + body + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    if newest not in files:  # the name of a new file is on the disk, too
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return sha256


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Nobody else appends here meanwhile: also not somebody who lost the database's own lock without knowing."""
    descriptor, end = os.open(folder, os.O_RDONLY), time.monotonic() + LOCK_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise JournalError(f"The journal {folder} is held by another process.") from error
                time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def _kept(pending: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = pending.setdefault(_PENDING, {"statements": [], "sequences": {}, "files": {}})
    return kept


@lru_cache(maxsize=256)
def _is_kept(statement: str) -> bool:
    """Whatever neither only reads nor is made again is written down: better once too often."""
    found = _WRITES.match(statement)
    if found is None:
        return _ONLY_READS.match(statement) is None
    return found["verb"] == "DELETE FROM" or found["table"] not in MADE_AGAIN


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _cut_torn_end(file: Path) -> None:
    """Take away the beginning of a line whose transaction never came about."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        stream.seek(max(0, size - 1))
        if stream.read(1) in {b"\n", b""}:
            return
    _, whole = _last_line(file)
    os.truncate(file, whole)


def _newest_hash(files: Sequence[Path]) -> str | None:
    for file in reversed(files):
        last, _ = _last_line(file)
        if last:
            return last[:64].decode()
    return None


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
    return [
        {name: _written(one) for name, one in row.items()}
        if isinstance(row, Mapping)
        else [_written(one) for one in row]
        for row in rows
    ]


def _written(value: Any) -> JsonValue:
    """A parameter as JSON has it: what JSON has no word for is wrapped, all else is as it is."""
    wrapper = type(value).__name__  # psycopg's own, which is imported only where there is a PostgreSQL
    if wrapper == "Binary":
        value = value.obj
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, bytes | memoryview):
        return {"base64": b64encode(bytes(value)).decode()}
    if isinstance(value, list):
        return [_written(one) for one in value]
    if isinstance(value, date) and not isinstance(value, datetime):
        return {"date": value.isoformat()}
    if wrapper == "Json":
        return {"json": value.obj}
    raise JournalError(f"A {wrapper} cannot be written into the journal.")


def _read_row(row: Any) -> Parameters:
    if isinstance(row, dict):
        return {name: _read(one) for name, one in row.items()}
    return [_read(one) for one in row]


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(one) for one in value]
    if not isinstance(value, dict):
        return value
    ((kind, said),) = value.items()
    if kind == "base64":
        return b64decode(said)
    if kind == "date":
        return date.fromisoformat(said)
    if kind == "json":
        from psycopg.types.json import Json  # of a PostgreSQL, whose package is there then

        return Json(said)
    raise ValueError(kind)
