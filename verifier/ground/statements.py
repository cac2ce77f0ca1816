"""Statements that run for every redemption: each for many rows, and several asked in one go.

While they run, everybody who writes waits. So their rows come as one JSON text, whatever their number, and a
PostgreSQL keeps them prepared and gets them in one message. `AllNew` is a whole transaction in one.
"""

import itertools
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Connection, Dialect, Engine, String, Table, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from verifier.ground.database import (
    LOCK,
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
    results = [
        connection.exec_driver_sql(statement.text(dialect), (_json(rows),) if statement.takes_rows else ())
        for statement, rows in calls
    ]
    return [list(result) if result.returns_rows else [] for result in results]


class AllNew:
    """For a PostgreSQL: rows of several tables, written if none of some keys has a row yet, and otherwise nothing;
    locked, asked, written and committed in one message.

    `absent`: tables, each with the columns of a key. `written`: tables, each with columns. New ids of `numbered`,
    and what refers to them, are counted from 1 here: the newest id is added when they are written.
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

    def write(
        self, engine: Engine, *, newest_at_most: int, absent: Sequence[Rows], written: Sequence[Rows]
    ) -> bool:
        """Whether they were written; not with a newest id over this one, either. Rows are in the order of `absent`
        and `written`.

        Raises:
            DatabaseError: nothing was written.
            CommitUnknownError: the server went away meanwhile.
        """
        from psycopg import Error
        from psycopg.errors import UniqueViolation

        lane = self._free_lane(engine)
        try:
            return lane.run(_json([newest_at_most, *absent, *written]))
        except UniqueViolation:  # written past the lock: who looks will see it
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
            return _Lane(engine, name=self._name, text=self._text(engine.dialect))

    def _put_back(self, engine: Engine, lane: "_Lane") -> None:
        free = self._lanes.get(engine)
        if free is None or lane.is_lost:
            lane.close()
        else:
            free.append(lane)

    def _close_all(self, engine: Engine) -> None:
        for lane in self._lanes.pop(engine, ()):
            lane.close()

    def _text(self, dialect: Dialect) -> str:
        conditions, additions, places = ["newest <= CAST($1 ->> 0 AS integer)"], [], itertools.count(1)
        for table, key in self._absent:
            is_there = _is_there(table, key, _values(_columns(table, key), dialect))
            conditions.append(f"NOT EXISTS (SELECT 1 FROM {_part(next(places))} WHERE {is_there})")  # noqa: S608
        for table, names in self._written:
            columns = _columns(table, names)
            values = [
                f"free.newest + {value}" if self._is_number(column) else value
                for column, value in zip(columns, _values(columns, dialect), strict=True)
            ]
            rows = f"SELECT {', '.join(values)} FROM free, {_part(next(places))}"  # noqa: S608
            into = f"INSERT INTO {table.name} ({', '.join(names)}) {rows}"
            additions.append(f"into_{table.name} AS ({into})")
        newest = f"SELECT coalesce(max(id), 0) AS newest FROM {self._numbered.name}"  # noqa: S608
        free = f"free AS (SELECT newest FROM ({newest}) AS numbered WHERE {' AND '.join(conditions)})"  # noqa: S608
        return f"WITH {', '.join([free, *additions])} SELECT newest FROM free"  # noqa: S608

    def _is_number(self, column: Column[Any]) -> bool:
        return column is self._numbered.c.id or column.references(self._numbered.c.id)


class _Lane:
    """A connection for one statement after another, each with the write lock in a transaction of its own: the
    driver's bare one, since what makes a connection good for anything takes as long as the rest.
    """

    def __init__(self, engine: Engine, *, name: str, text: str) -> None:
        from psycopg.pq import Escaping

        try:
            self._owner = engine.raw_connection()
            self._owner.detach()  # it is not the pool's any more
            driver: Any = self._owner.dbapi_connection
            driver.execute(b"PREPARE write_lock AS %b" % LOCK)
            driver.execute(f"PREPARE {name}(jsonb) AS {text}".encode())
        except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
            raise DatabaseError(
                f"The database could not be written, so nothing was: {reason_of(error)}."
            ) from error
        self._libpq: Any = driver.pgconn
        self._quote = Escaping(self._libpq).escape_literal
        self._begins = b"EXECUTE write_lock;EXECUTE %b(" % name.encode()  # one message is one transaction

    def run(self, given: str) -> bool:
        """Whether the statement found a row.

        Raises:
            psycopg.Error: it went wrong, or the connection did (`is_lost`).
        """
        from psycopg.errors import error_from_result
        from psycopg.pq import ExecStatus

        result = self._libpq.exec_(b"%b%b)" % (self._begins, self._quote(given.encode())))
        if result.status != ExecStatus.TUPLES_OK:
            raise error_from_result(result)
        return bool(result.ntuples)

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
