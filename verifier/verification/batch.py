"""Many badges in one request: a line in, a line out, while the next one is still on its way (NDJSON).

Documents that badges share are had once, by the resolver. One bad line spoils no other: its answer says what is
wrong. Memory holds one line and one answer, however many there are.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from starlette.concurrency import run_in_threadpool

from schemas import strict_json
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.verification.errors import ReadingError
from verifier.verification.report import Report

MAX_LINE_BYTES: Final = 1 << 20  # as one badge by itself may have
MAX_BATCH_BYTES: Final = 256 << 20
LINES_AT_ONCE: Final = 64  # judged in one go of a worker thread: short enough to answer soon
_MEMBERS: Final = frozenset({"id", "badge"})

Verify = Callable[[bytes], Report]


class BatchError(ValueError):
    """The batch breaks off here; one sentence."""


async def answers(chunks: AsyncIterator[bytes], *, verify: Verify, full: bool) -> AsyncIterator[bytes]:
    """A line of JSON for each line of the batch, in its order: the line's number, its `id` if it has one, and the
    verdict (`full`: with every check), or a problem.
    """
    lines, number = _Lines(), 0
    try:
        async for chunk in chunks:
            for waiting in lines.complete(chunk):
                yield await run_in_threadpool(_judged, waiting, number, verify, full)
                number += len(waiting)
        last = lines.rest()
        if last:
            yield await run_in_threadpool(_judged, last, number, verify, full)
    except BatchError as error:
        yield _line({"line": number + 1, "problem": {"title": "Broken off", "status": 413, "detail": str(error)}})


def answer(line: bytes, *, number: int, verify: Verify, full: bool) -> JsonObject:
    """The answer to one line: a badge's text as a JSON string, or an object with `badge` and perhaps `id`."""
    told: JsonObject = {"line": number}
    try:
        value = strict_json.loads(line, max_bytes=MAX_LINE_BYTES)
        badge: JsonValue = value
        if isinstance(value, dict) and "badge" in value:
            told |= {"id": value["id"]} if "id" in value else {}
            if value.keys() - _MEMBERS:
                raise ReadingError("A line has the members badge and id only.")
            badge = value["badge"]
        text = badge if isinstance(badge, str) else strict_json.dumps(badge) if isinstance(badge, dict) else None
        if text is None:
            raise ReadingError("A line is a badge's text as a JSON string, or an object with a member badge.")
        report = verify(text.encode())
    except (StrictJsonError, ReadingError) as error:
        return {**told, "problem": {"title": "No badge to verify", "status": 400, "detail": str(error)}}
    return {**told, **(report.to_json() if full else _brief(report))}


def _brief(report: Report) -> JsonObject:
    verdict, said = report.verdict, report.verdict.statement
    deciding = verdict.deciding
    return {
        "verdict": verdict.outcome.value,
        "check": deciding.id if deciding else None,
        "sentence": deciding.sentence if deciding else None,
        "issuer": said.issuer if said else None,
        "achievement": said.achievement if said else None,
        "trusted_by": list(report.trusted_by),
    }


def _judged(lines: list[bytes], before: int, verify: Verify, full: bool) -> bytes:
    made = (answer(line, number=before + place, verify=verify, full=full) for place, line in enumerate(lines, 1))
    return b"".join(map(_line, made))


def _line(value: JsonObject) -> bytes:
    return strict_json.dumps(value).encode() + b"\n"


@dataclass
class _Lines:
    """Chunks as they arrive, cut into lines."""

    _pieces: list[bytes] = field(default_factory=list)
    _waiting: int = 0
    _total: int = 0

    def complete(self, chunk: bytes) -> Iterator[list[bytes]]:
        """The lines that end in this chunk, a few at a time.

        Raises:
            BatchError: a line, or the whole, is longer than is read.
        """
        self._total += len(chunk)
        if self._total > MAX_BATCH_BYTES:
            raise BatchError(f"A batch has at most {MAX_BATCH_BYTES} bytes.")
        *ended, rest = chunk.split(b"\n")
        if ended:
            ended[0] = b"".join([*self._pieces, ended[0]])
            self._pieces, self._waiting = [], 0
            lines = [line for line in (line.strip() for line in ended) if line]
            for start in range(0, len(lines), LINES_AT_ONCE):
                yield lines[start : start + LINES_AT_ONCE]
        self._pieces.append(rest)
        self._waiting += len(rest)
        if self._waiting > MAX_LINE_BYTES:
            raise BatchError(f"A line has at most {MAX_LINE_BYTES} bytes.")

    def rest(self) -> list[bytes]:
        """The last line, if it has no end."""
        line = b"".join(self._pieces).strip()
        return [line] if line else []
