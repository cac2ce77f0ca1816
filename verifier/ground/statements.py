"""Statements that run for every redemption: each for many rows, and several asked in one go.

While they run, everybody who writes waits. So their rows come as one JSON text, whatever their number, and a
PostgreSQL keeps them prepared and gets them in one message. `AllNew` is a whole transaction in one.
"""

import itertools
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Connection, Dialect, Engine, String, Table, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from verifier.ground.database import (
    SHARED_LOCK,
    CommitUnknownError,
    DatabaseError,
    UtcDateTime,
    reason_of,
    stored_time,
)

Rows = Sequence[Sequence[object]]
_names = itertools.count(1)


class Statement:
    """SQL for rows that come along: `{given}` are they, and `{0}`, `{1}` … the values of each, which are of the
    types of `columns`. Names and types are ours; no value is ever put into the text.
    """

    def __init__(self, sql: str, columns: Sequence[Column[Any]] = ()) -> None:
        self.name = f"office_{next(_names)}"
        self.takes_rows = bool(columns)
        self._sql, self._columns = sql, columns
        self._texts: dict[str, str] = {}

    def text(self, dialect: Dialect) -> str:
        """Its text in a database's own dialect; the rows are its one parameter, if it takes any."""
        if dialect.name not in self._texts:
            given = _given(1) if dialect.name == "postgresql" else "json_each(?) AS given"
            self._texts[dialect.name] = self._sql.format(*_values(self._columns, dialect), given=given)
        return self._texts[dialect.name]


def insertion(table: Table, names: Sequence[str]) -> Statement:
    """Rows of these columns of a table, inserted."""
    values = ", ".join(f"{{{number}}}" for number in range(len(names)))
    sql = f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {values} FROM {{given}}"  # noqa: S608 - our names
    return Statement(sql, _columns(table, names))


def presence(table: Table, key: Sequence[str]) -> Statement:
    """Those of some keys of which a table has a row."""
    values = [f"{{{number}}}" for number in range(len(key))]
    sql = f"SELECT {', '.join(values)} FROM {{given}} WHERE {_is_there(table, key, values)}"  # noqa: S608
    return Statement(sql, _columns(table, key))


Call = tuple[Statement, Rows]  # with the rows that come along


def run_all(connection: Connection, calls: Sequence[Call]) -> list[list[Any]]:
    """Run statements one after the other; the rows of each."""
    dialect = connection.dialect
    if dialect.name == "postgresql":
        return _ask(connection, [_Question.of(*call, dialect) for call in calls])
    driver: Any = connection.connection.driver_connection  # what stands around it takes as long as the statements
    try:
        return [
            driver.execute(statement.text(dialect), (_json(rows),) if statement.takes_rows else ()).fetchall()
            for statement, rows in calls
        ]
    except sqlite3.Error as error:
        raise DBAPIError.instance(None, None, error, Exception, dialect=dialect) from error


class AllNew:
    """For a PostgreSQL: rows of several tables, written if none of some keys has a row yet, and otherwise nothing;
    locked, asked, written and committed in one message. Several are written at the same moment.

    `absent`: tables, each with the columns of a key that is asked for. A unique key of what is written need not be
    asked for, if it is rarely taken: the database finds that, too, at the price of a line in its log. `written`:
    tables, each with columns. Ids of `numbered`, and what refers to them, are counted from 1 here, and become the
    next ones that the database gives: `count_on` for who gives them otherwise.
    """

    def __init__(
        self,
        numbered: Table,
        *,
        absent: Sequence[tuple[Table, Sequence[str]]],
        written: Sequence[tuple[Table, Sequence[str]]],
    ) -> None:
        self._name = f"office_{next(_names)}"
        self._numbered, self._absent, self._written = numbered, absent, written
        self._lanes = WeakKeyDictionary[Engine, list[_Lane]]()
        self._mutex = threading.Lock()

    def write(self, engine: Engine, *, highest: int, absent: Sequence[Rows], written: Sequence[Rows]) -> bool:
        """Whether they were written; not with an id over `highest`, either, so that there are never more rows than
        that. Rows are in the order of `absent` and `written`.

        Raises:
            DatabaseError: nothing was written.
            CommitUnknownError: the server went away meanwhile.
        """
        from psycopg import Error
        from psycopg.errors import DeadlockDetected, UniqueViolation

        lane = self._free_lane(engine)
        try:
            which = tuple(place for place, rows in enumerate(written) if rows)
            name = "_".join(map(str, (self._name, *which)))
            given = _json([highest, *absent, *written])
            return lane.run(name, lambda: self._text(engine.dialect, which), given)
        except (UniqueViolation, DeadlockDetected):  # who looks, one at a time, will see why
            return False
        except Error as error:
            if lane.is_lost:
                raise CommitUnknownError from error
            raise DatabaseError(
                f"The database could not be written, so nothing was: {reason_of(error)}."
            ) from error
        finally:
            self._put_back(engine, lane)

    def _free_lane(self, engine: Engine) -> "_Lane":
        """One that nobody uses, or a new one; they end with the engine.

        Raises:
            DatabaseError: there is no connection to be had.
        """
        if engine not in self._lanes:
            with self._mutex:
                if engine not in self._lanes:
                    self._lanes[engine] = []
                    event.listen(engine, "engine_disposed", self._close_all)
        try:
            return self._lanes[engine].pop()
        except IndexError:
            return _Lane(engine)

    def _put_back(self, engine: Engine, lane: "_Lane") -> None:
        free = self._lanes.get(engine)
        if free is None or lane.is_lost:
            lane.close()
        else:
            free.append(lane)

    def _close_all(self, engine: Engine) -> None:
        for lane in self._lanes.pop(engine, ()):
            lane.close()

    def _text(self, dialect: Dialect, which: Iterable[int]) -> str:
        """What writes to these of the tables: one without rows would take as long as one with a row."""
        first_written = len(self._absent) + 1
        numbered = first_written + [table for table, _ in self._written].index(self._numbered)
        conditions, additions = ["ids[array_upper(ids, 1)] <= CAST($1 ->> 0 AS integer)"], []
        for place, (table, key) in enumerate(self._absent, start=1):
            is_there = _is_there(table, key, _values(_columns(table, key), dialect))
            conditions.append(f"NOT EXISTS (SELECT 1 FROM {_part(place)} WHERE {is_there})")  # noqa: S608
        for number in which:
            table, names = self._written[number]
            columns = _columns(table, names)
            values = [
                f"free.ids[{value}]" if self._is_number(column) else value
                for column, value in zip(columns, _values(columns, dialect), strict=True)
            ]
            rows = f"SELECT {', '.join(values)} FROM free, {_part(first_written + number)}"  # noqa: S608
            into = f"INSERT INTO {table.name} ({', '.join(names)}) {rows}"
            additions.append(f"into_{table.name} AS ({into})")
        following = f"CAST(nextval('{_sequence_of(self._numbered)}') AS integer)"
        counted = f"generate_series(1, jsonb_array_length($1 -> {numbered}))"
        ids = f"SELECT array_agg({following}) AS ids FROM {counted}"  # noqa: S608 - our names
        free = f"free AS (SELECT ids FROM ({ids}) AS numbers WHERE {' AND '.join(conditions)})"  # noqa: S608
        return f"WITH {', '.join([free, *additions])} SELECT 1 FROM free"  # noqa: S608

    def _is_number(self, column: Column[Any]) -> bool:
        return column is self._numbered.c.id or column.references(self._numbered.c.id)


def count_on(connection: Connection, table: Table) -> None:
    """Rows were written with ids that were not the database's: let a PostgreSQL give those after them, for who has
    the write lock alone.
    """
    if connection.dialect.name == "postgresql":
        newest = f"(SELECT max(id) FROM {table.name})"  # noqa: S608 - our names
        connection.exec_driver_sql(f"SELECT setval('{_sequence_of(table)}', {newest})")


class _Lane:
    """A connection for one statement after another, each in a transaction of its own, with the lock that such
    writers share: the driver's bare one, since what makes a connection good for anything takes as long again.
    """

    def __init__(self, engine: Engine) -> None:
        from psycopg.pq import Escaping

        try:
            self._owner = engine.raw_connection()
            self._owner.detach()  # it is not the pool's any more
            driver: Any = self._owner.dbapi_connection
            driver.execute(b"PREPARE shared_lock AS %b" % SHARED_LOCK)
        except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
            raise DatabaseError(
                f"The database could not be written, so nothing was: {reason_of(error)}."
            ) from error
        self._driver, self._libpq = driver, driver.pgconn
        self._quote = Escaping(self._libpq).escape_literal
        self._prepared = set[str]()

    def run(self, name: str, text: Callable[[], str], given: str) -> bool:
        """Whether the statement of this name found a row. Its text is needed once in a connection's life.

        Raises:
            psycopg.Error: it went wrong, or the connection did (`is_lost`).
        """
        from psycopg.errors import error_from_result
        from psycopg.pq import ExecStatus

        if name not in self._prepared:
            self._driver.execute(f"PREPARE {name}(jsonb) AS {text()}".encode())
            self._prepared.add(name)
        result = self._send(b"EXECUTE shared_lock;EXECUTE %b(%b)" % (name.encode(), self._quote(given.encode())))
        if result.status != ExecStatus.TUPLES_OK:
            raise error_from_result(result)
        return bool(result.ntuples)

    def _send(self, message: bytes) -> Any:
        """One message is one transaction."""
        return self._libpq.exec_(message)

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        from psycopg.pq import ConnStatus

        return bool(self._libpq.status != ConnStatus.OK)

    def close(self) -> None:
        self._owner.close()


@dataclass(frozen=True)
class _Question:
    """A statement with its parameters, each to be sent as JSON. Its text is needed once in a connection's life."""

    name: str
    text: Callable[[], str]
    given: Sequence[object]

    @classmethod
    def of(cls, statement: Statement, rows: Rows, dialect: Dialect) -> "_Question":
        return cls(statement.name, lambda: statement.text(dialect), [rows] if statement.takes_rows else [])


def _ask(connection: Connection, questions: Sequence[_Question]) -> list[list[Any]]:
    """The rows of each, out of one message to a PostgreSQL. Each is prepared when a connection first meets it; no
    rollback undoes that.
    """
    from psycopg import Error
    from psycopg.pq import Escaping

    driver: Any = connection.connection.driver_connection
    try:
        _prepare(connection, driver, questions)
        quote = Escaping(driver.pgconn).escape_literal
        asked = []
        for question in questions:
            given = b", ".join(quote(_json(value).encode()) for value in question.given)
            asked.append(b"EXECUTE %b" % question.name.encode() + (b"(%b)" % given if given else b""))
        cursor = driver.execute(b";".join(asked))
        rows = []
        for _ in asked:
            rows.append(cursor.fetchall() if cursor.description else [])
            cursor.nextset()
        return rows
    except Error as error:
        is_lost = connection.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type] # the driver's own
        if is_lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None, None, error, Exception, connection_invalidated=is_lost, dialect=connection.dialect
        ) from error


def _prepare(connection: Connection, driver: Any, questions: Iterable[_Question]) -> None:
    prepared: set[str] = connection.info.setdefault("prepared statements", set())
    for question in questions:
        if question.name not in prepared:
            types = f"({', '.join(['jsonb'] * len(question.given))})" if question.given else ""
            driver.execute(f"PREPARE {question.name}{types} AS {question.text()}".encode())
            prepared.add(question.name)


def _as_stored(value: object) -> str:
    if isinstance(value, datetime):
        return stored_time(value)
    raise TypeError(f"{type(value).__name__} is no value of a row.")


_json = json.JSONEncoder(default=_as_stored, separators=(",", ":")).encode


def _sequence_of(table: Table) -> str:
    """The sequence of a table's ids, as PostgreSQL names those that it makes itself."""
    return f"{table.name}_id_seq"


def _columns(table: Table, names: Iterable[str]) -> list[Column[Any]]:
    return [table.c[name] for name in names]


def _given(place: int) -> str:
    return f"jsonb_array_elements(${place}) AS given"


def _part(place: int) -> str:
    """The rows at a place of the one parameter of `AllNew`."""
    return f"jsonb_array_elements($1 -> {place}) AS given"


def _values(columns: Sequence[Column[Any]], dialect: Dialect) -> list[str]:
    """The values of a given row, as these columns have them."""
    if dialect.name == "postgresql":
        # A text stays as it is: what is cast to a column's length is cut off, and would be taken for another.
        types = ["text" if isinstance(c.type, String | UtcDateTime) else c.type.compile(dialect) for c in columns]
        return [f"CAST(given.value ->> {number} AS {kind})" for number, kind in enumerate(types)]
    return [f"json_extract(given.value, '$[{number}]')" for number in range(len(columns))]


def _is_there(table: Table, key: Sequence[str], values: Sequence[str]) -> str:
    """Whether a table has a row of this key. Each is looked up by itself, in the index that the key has: joined
    with others, PostgreSQL would read through a table whose rows it has not counted yet.
    """
    is_it = " AND ".join(f"{name} = {value}" for name, value in zip(key, values, strict=True))
    return f"(SELECT id FROM {table.name} WHERE {is_it}) IS NOT NULL"  # noqa: S608 - our names
