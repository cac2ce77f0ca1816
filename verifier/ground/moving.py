"""What stands in a file of SQLite, taken along into a PostgreSQL: each row as it is, in the caller's transaction.

The server's tables are those of a new office, empty. Which there are, and in which order foreign keys let them be
filled, the server says itself: a table that is added tomorrow is taken along, and what only the file has is
refused and not forgotten. Values go as the file has them, by COPY: JSON, days and moments are text there, and stay
that text letter by letter. Nothing is switched off meanwhile: what a table refuses, it refuses here.
"""

import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, Date, Integer, LargeBinary, String, inspect, text
from sqlalchemy.types import TypeEngine

Shown = Callable[[int], None]

SHOWN_EVERY = 5_000  # rows
LEFT_OUT = frozenset({"alembic_version"})  # each database's own: the migrations have written it
# What a file gives for a column of each kind: of JSON it keeps a number as one. COPY reads all of it as text: 1 is
# true, and a day is a day.
_KINDS: tuple[tuple[type[TypeEngine[Any]], tuple[type, ...]], ...] = (
    (LargeBinary, (bytes,)),
    (Integer, (int,)),
    (Boolean, (int,)),
    (Date, (str,)),
    (JSON, (str, int, float)),
    (String, (str,)),
)
_WORDS = {bytes: "bytes", int: "a number", float: "a fraction", str: "text", NoneType: "nothing"}
_PLACE = re.compile(r"COPY \w+, line \d+, column (\w+)")  # as the server says where in a COPY it was
_NO_LIMITS = """
SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN ('statement_timeout', 'transaction_timeout')
"""


class MovingError(Exception):
    """Something in the file that a PostgreSQL cannot take as it is, or a server that went away; in some words."""


@dataclass(frozen=True)
class _Table:
    """A table at the server. `kinds`: what the file may hold in each column. `counted`: the one whose numbers the
    server gives.
    """

    name: str
    columns: tuple[str, ...]
    kinds: tuple[tuple[type, ...], ...]
    counted: str | None

    @property
    def quoted(self) -> str:
        return f'"{self.name}"'

    @property
    def listed(self) -> str:
        return ", ".join(f'"{name}"' for name in self.columns)


def fill(connection: Connection, file: Path, *, shown: Shown | None = None) -> int:
    """Fill the empty tables of a PostgreSQL with what a file of the same version has; how many rows there are.
    Numbers that the server gives go on behind the highest that the file ever gave. `shown` hears now and then how
    many rows are there.

    Raises:
        MovingError: it cannot all be taken along as it is.
    """
    connection.execute(text(_NO_LIMITS))
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # of a server that goes away the error tells
    done = 0
    try:
        with closing(sqlite3.connect(file)) as source:
            source.execute("BEGIN")  # one state of it all
            tables = _tables(connection, source)
            for table in tables:
                done += _copy(connection, source, table, before=done, shown=shown)
                _count_on(connection, source, table)
    except sqlite3.Error as error:
        raise MovingError(f"the file {file.name} cannot be read: {_one_line(error)}") from error
    connection.exec_driver_sql(f"ANALYZE {', '.join(table.quoted for table in tables)}")  # else it plans for none
    return done


def _tables(connection: Connection, source: sqlite3.Connection) -> list[_Table]:
    """The server's tables, each behind those that it points at."""
    server = inspect(connection)
    names = [name for name, _ in server.get_sorted_table_and_fkc_names() if name and name not in LEFT_OUT]
    theirs = server.get_multi_columns()
    ours = _tables_of_file(source)
    only_one_has = sorted(ours.keys() ^ set(names))
    if only_one_has:
        raise MovingError(f"{only_one_has[0]} is a table of one of the two databases only")
    found = []
    for name in names:
        columns = theirs[None, name]
        other = sorted({one["name"] for one in columns} ^ ours[name])
        if other:
            raise MovingError(f"{other[0]} is a column of {name} in one of the two databases only")
        counted = [one["name"] for one in columns if str(one["default"]).startswith("nextval(")]
        found.append(
            _Table(
                name,
                tuple(one["name"] for one in columns),
                tuple(_kinds(one["type"]) for one in columns),
                counted[0] if counted else None,
            )
        )
    return found


def _tables_of_file(source: sqlite3.Connection) -> dict[str, set[str]]:
    """The file's tables, with the names of their columns; SQLite's own are not among them."""
    query = (
        "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c"
        " WHERE t.type = 'table' AND substr(t.name, 1, 7) <> 'sqlite_'"
    )
    found: dict[str, set[str]] = {}
    for table, column in source.execute(query):
        if table not in LEFT_OUT:
            found.setdefault(table, set()).add(column)
    return found


def _kinds(of: TypeEngine[Any]) -> tuple[type, ...]:
    return next(kinds for type_, kinds in _KINDS if isinstance(of, type_))


def _copy(
    connection: Connection, source: sqlite3.Connection, table: _Table, *, before: int, shown: Shown | None
) -> int:
    """All rows of a table; how many. One COPY, so that rows may point at others of their table."""
    from psycopg import DataError, Error

    driver: Any = connection.connection.driver_connection
    given = 0
    try:
        with driver.cursor() as cursor:
            with cursor.copy(f"COPY {table.quoted} ({table.listed}) FROM STDIN") as copy:
                for given, row in enumerate(_rows(source, table), start=1):
                    copy.write_row(row)
                    if shown and given % SHOWN_EVERY == 0:
                        shown(before + given)
            taken: int = cursor.rowcount
    except Error as error:
        if driver.closed:
            connection.invalidate(error)
            raise MovingError(f"the database went away while {table.name} was filled") from error
        hidden = _hidden_end(source, table) if isinstance(error, DataError) else None
        raise MovingError(hidden or _refusal(error, table)) from error
    if taken != given:
        raise MovingError(f"{table.name} has {given} rows in the file, and {taken} came to be in the database")
    if shown and given:
        shown(before + given)
    return given


def _rows(source: sqlite3.Connection, table: _Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table, each value of its column's kind: SQLite would keep anything anywhere."""
    allowed = tuple((*kinds, NoneType) for kinds in table.kinds)
    for row in source.execute(f"SELECT {table.listed} FROM {table.quoted}"):  # noqa: S608 - names of our tables
        if not all(map(isinstance, row, allowed)):
            at = next(n for n, value in enumerate(row) if not isinstance(value, allowed[n]))
            raise MovingError(
                f"{table.columns[at]} of {table.name} holds {_WORDS[type(row[at])]} in a row where"
                f" {_WORDS[allowed[at][0]]} was expected"
            )
        yield row


def _hidden_end(source: sqlite3.Connection, table: _Table) -> str | None:
    """Where a text has a NUL character in it: SQLite keeps it, and a PostgreSQL has no place for it."""
    for column, kinds in zip(table.columns, table.kinds, strict=True):
        if str not in kinds:
            continue
        query = f"SELECT rowid FROM {table.quoted} WHERE instr(CAST(\"{column}\" AS BLOB), x'00')"  # noqa: S608
        found = source.execute(query).fetchone()
        if found is not None:
            return (
                f"{column} of {table.name} has a NUL character in a text (rowid {found[0]} in the file), which a"
                " PostgreSQL cannot keep"
            )
    return None


def _refusal(error: Any, table: _Table) -> str:
    """What a server said of a row, with the column if it names one, without the row."""
    place = _PLACE.match(error.diag.context or "")
    where = f"{place[1]} of {table.name}" if place else table.name
    return f"{where} is not taken: {_one_line(error.diag.message_primary or error)}"


def _count_on(connection: Connection, source: sqlite3.Connection, table: _Table) -> None:
    """Let the server give numbers behind the highest that there is, or that SQLite remembers to have given."""
    if table.counted is None:
        return
    query = f'SELECT coalesce(max("{table.counted}"), 0) FROM {table.quoted}'  # noqa: S608 - names of our tables
    numbers = [source.execute(query).fetchone()[0]]
    if source.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        remembered = source.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,))
        numbers += [seq for (seq,) in remembered]
    if max(numbers) > 0:
        setting = text("SELECT setval(pg_get_serial_sequence(:name, :column), :number)")
        given = {"name": table.quoted, "column": table.counted, "number": max(numbers)}
        connection.execute(setting, given)


def _one_line(said: object) -> str:
    return " ".join(str(said).split()).rstrip(".")[:300]
