"""Tables that people make with a spreadsheet: CSV bytes in, rows with their line numbers out; and the report
on rows that every reader of them gives back.

Takes what spreadsheets write: a byte order mark or none; commas, semicolons or tabs; any line ends; quoted
commas and line breaks; empty lines. A broken row is a problem with its line, and never costs the rows around
it. What the columns mean is the affair of the room that reads them.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

MAX_TABLE_BYTES = 64 << 20  # a quarter of a million rows; more comes in several files
DELIMITERS = ",;\t"
_REPEATED_CHARACTERS = 60  # a cell is somebody else's text; a sentence repeats only its beginning


class TableError(ValueError):
    """The table as a whole cannot be read; one sentence."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line on which it begins (the header is line 1) and its cells that are not empty."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why one row was refused: where it begins, which column (if one is to blame), and what was expected."""

    line: int
    field: str | None
    sentence: str

    def __str__(self) -> str:
        return (
            f"line {self.line}, {self.field}: {self.sentence}"
            if self.field
            else f"line {self.line}: {self.sentence}"
        )


@dataclass(frozen=True, slots=True)
class RowReport:
    """What became of the rows of one delivery. A duplicate was known already, and nothing changed."""

    stored: int = 0
    duplicates: int = 0
    refused: tuple[RowProblem, ...] = ()

    @classmethod
    def of(cls, problems: Iterable[RowProblem], *, stored: int = 0, duplicates: int = 0) -> "RowReport":
        """A report with its problems in the order of their lines."""
        return cls(stored, duplicates, tuple(sorted(problems, key=lambda problem: problem.line)))

    def with_counts(self, *, stored: int, duplicates: int) -> "RowReport":
        """This report once its good rows were handed to the store."""
        return replace(self, stored=stored, duplicates=duplicates)

    def __str__(self) -> str:
        """For a terminal: one line of counts, and one for each refused row."""
        counts = f"{self.stored} stored, {self.duplicates} known already, {len(self.refused)} refused"
        return "\n".join([counts, *map(str, self.refused)])

    def to_json(self) -> dict[str, Any]:
        """`{"stored", "duplicates", "refused": [{"line", "field", "sentence"}]}`."""
        return {
            "stored": self.stored,
            "duplicates": self.duplicates,
            "refused": [{"line": p.line, "field": p.field, "sentence": p.sentence} for p in self.refused],
        }


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that could be read, and the problems of those that could not."""

    rows: tuple[Row, ...]
    problems: tuple[RowProblem, ...]


def read_table(data: bytes, *, required: Sequence[str], known: Iterable[str]) -> Table:
    """The rows of a CSV file whose first line names its columns.

    `required` columns must be there, in any order; `known` are all that may be. Names are compared in lower
    case. Cells come stripped of surrounding spaces; empty cells and empty lines are left out.

    Raises:
        TableError: too large, not UTF-8 (with the line), no header (with the line that was expected), a
            column that is unknown or named twice.
    """
    if len(data) > MAX_TABLE_BYTES:
        raise TableError(f"The table has {len(data)} bytes; at most {MAX_TABLE_BYTES} are read.")
    text = _decode(data)
    lines = list(io.StringIO(text, newline=""))
    delimiter = _delimiter(lines[0]) if lines else ","
    records = _records(lines, delimiter)
    columns = _header(next(records, None), required=required, known=frozenset(known), delimiter=delimiter)
    rows: list[Row] = []
    problems: list[RowProblem] = []
    for record in records:
        if isinstance(record, RowProblem):
            problems.append(record)
        elif len(record.cells) > len(columns):
            sentence = (
                f"{len(columns)} cells were expected, and there are {len(record.cells)}: is a quote missing?"
            )
            problems.append(RowProblem(record.line, None, sentence))
        else:
            cells = {name: cell for name, cell in zip(columns, record.cells, strict=False) if cell}
            rows.append(Row(record.line, cells))
    return Table(tuple(rows), tuple(problems))


def shorten(text: str) -> str:
    """A cell's text as a sentence may repeat it: quoted, on one line, cut."""
    return repr(text if len(text) <= _REPEATED_CHARACTERS else text[:_REPEATED_CHARACTERS] + "…")


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    cells: tuple[str, ...]


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TableError(f"Line {line} is not UTF-8: save the table as 'CSV UTF-8'.") from error


def _delimiter(first_line: str) -> str:
    return max(DELIMITERS, key=first_line.count)


def _records(lines: Sequence[str], delimiter: str) -> Iterator[_Record | RowProblem]:
    """Each record with the line on which it begins. After a broken one, reading goes on in the line below it.

    So a quote that nobody closed costs its own row, not the rest of the file that it would swallow.
    """
    start = 0
    while start < len(lines):
        rest = (lines[number] for number in range(start, len(lines)))  # a slice would copy them for each error
        reader = csv.reader(rest, delimiter=delimiter, strict=True)
        begins = start
        try:
            for cells in reader:
                stripped = tuple(cell.strip() for cell in cells)
                if any(stripped):
                    yield _Record(begins + 1, stripped)
                begins = start + reader.line_num
            return
        except csv.Error as error:
            yield RowProblem(begins + 1, None, f"The row cannot be read: {error}.")
            start = begins + 1


def _header(
    record: _Record | RowProblem | None, *, required: Sequence[str], known: frozenset[str], delimiter: str
) -> tuple[str, ...]:
    wanted = f"its first line must name the columns, such as: {delimiter.join(required)}"
    if not isinstance(record, _Record):
        raise TableError(f"The table has no header: {wanted}")
    columns = tuple(name.lower() for name in record.cells)
    missing = [name for name in required if name not in columns]
    if len(missing) == len(required):
        raise TableError(f"The table has no header: {wanted}")
    if missing:
        raise TableError(f"The table has no column {missing[0]!r}: {wanted}")
    for position, name in enumerate(columns):
        if name not in known:
            raise TableError(
                f"Column {position + 1} of the header, {shorten(name)}, is not known here;"
                f" known are {', '.join(sorted(known))}."
            )
        if name in columns[:position]:
            raise TableError(f"The header names the column {name!r} twice.")
    return columns
