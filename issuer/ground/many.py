"""Many values in one statement: a list of them, or rows, as one parameter each.

The statement's text is then the same for one value and for five hundred, so it is compiled once, and no database
reads five hundred placeholders. SQLite takes a list as JSON, PostgreSQL as an array; PostgreSQL takes rows as JSON
too, and SQLite one by one, which for a library in the same process is as quick.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    ColumnElement,
    Connection,
    Date,
    Dialect,
    FromClause,
    Integer,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import TypeEngine

Rows = Sequence[Mapping[str, Any]]


def among(of: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a column of texts or whole numbers has one of these values; as many as you like."""
    kind = _Numbers if isinstance(of.type, Integer) else _Texts
    return _Among(of, bindparam(None, list(values), type_=kind(), unique=True))


def of_most(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """A condition that most rows meet, where others say which few are meant. SQLite takes whatever an index finds
    for rare, also that a column is empty, and would read all these rows; so no index is asked for this.
    """
    return _OfMost(condition)


def insert_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Write new rows, all with the same columns; what they leave out is the column's default, or nothing."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), rows)
        return
    whole = _with_defaults(table, rows)
    given = _recordset(connection, table, whole)
    names = list(whole[0])
    connection.execute(insert(table).from_select(names, select(*(given.c[name] for name in names)), False))


def copy_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """As `insert_rows`, for rows of several kilobytes each: PostgreSQL takes them by COPY, and parses no JSON.

    The journal does not see them: for tables only that it leaves out.

    Raises:
        sqlalchemy.exc.DBAPIError: as a statement raises it.
    """
    if not rows or connection.dialect.name == "sqlite":
        return insert_rows(connection, table, rows)
    from psycopg import Error

    whole = _with_defaults(table, rows)
    binds = _bind_processors(connection, table, whole[0])
    driver: Any = connection.connection.driver_connection
    into = f"COPY {table.name} ({', '.join(whole[0])}) FROM STDIN"
    try:
        with driver.cursor() as cursor, cursor.copy(into) as copy:
            for row in whole:
                copy.write_row([_bound(value, binds.get(name)) for name, value in row.items()])
    except Error as error:
        raise DBAPIError.instance(into, None, error, Error, dialect=connection.dialect) from error


def update_rows(
    connection: Connection, table: Table, rows: Rows, *, key: Sequence[str], grows: str | None = None
) -> None:
    """Change the rows that these name by their `key`, each at most once. `grows`: a number that no row gets back:
    those are left alone whose own is as high.
    """
    if not rows:
        return
    names = [name for name in rows[0] if name not in key]
    if connection.dialect.name == "sqlite":
        new: Mapping[str, ColumnElement[Any]] = {name: bindparam(f"new_{name}") for name in rows[0]}
        given = [{f"new_{name}": value for name, value in row.items()} for row in rows]
        connection.execute(_changed(table, new, key, grows).values({name: new[name] for name in names}), given)
    else:
        new = dict(_recordset(connection, table, rows).c)
        connection.execute(_changed(table, new, key, grows).values({name: new[name] for name in names}))


def _changed(table: Table, new: Mapping[str, ColumnElement[Any]], key: Sequence[str], grows: str | None) -> Any:
    statement = update(table).where(*(table.c[name] == new[name] for name in key))
    if grows is None:
        return statement
    return statement.where(table.c[grows].is_(None) | (table.c[grows] < new[grows]))


def _recordset(connection: Connection, table: Table, rows: Rows) -> FromClause:
    """Rows as a table in a statement: JSON, in which the server finds the columns by their names."""
    binds = _bind_processors(connection, table, rows[0])
    if binds:
        rows = [{**row, **{name: bind(row[name]) for name, bind in binds.items()}} for row in rows]
    content = json.dumps([dict(row) for row in rows], ensure_ascii=False, default=_day)
    columns = [column(name, _plain(table.c[name].type)) for name in rows[0]]
    parameter = bindparam(None, content, type_=Text(), unique=True)
    return func.json_to_recordset(cast(parameter, JSON)).table_valued(*columns).render_derived(with_types=True)


def _with_defaults(table: Table, rows: Rows) -> Rows:
    defaults = {
        one.name: one.default.arg for one in table.columns if isinstance(one.default, ScalarElementColumnDefault)
    }
    return [{**defaults, **row} for row in rows] if defaults else rows


def _bind_processors(
    connection: Connection, table: Table, names: Iterable[str]
) -> dict[str, Callable[[Any], Any]]:
    """What makes a value of ours one of the database's, for the columns where that is something."""
    ways = {name: table.c[name].type.dialect_impl(connection.dialect) for name in names}
    binds = {
        name: way.bind_processor(connection.dialect) for name, way in ways.items() if not isinstance(way, JSON)
    }
    return {name: bind for name, bind in binds.items() if bind is not None}


def _bound(value: object, bind: "Callable[[Any], Any] | None") -> object:
    return value if bind is None else bind(value)


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind if isinstance(kind, (Integer, Boolean, Date, JSON)) else Text()


def _day(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a row.")


class _List(TypeDecorator[Any]):
    """A list as one value."""

    impl = Text
    cache_ok = True
    item: type[TypeEngine[Any]]

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.item))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return json.dumps(value, ensure_ascii=False) if dialect.name == "sqlite" else value


class _Texts(_List):
    cache_ok = True
    item = Text


class _Numbers(_List):
    cache_ok = True
    item = Integer


class _Among(FunctionElement[bool]):
    type = Boolean()
    name = "among"
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """As it is: SQLAlchemy would write `= 1` behind it, and SQLite would use no index."""
        return self


@compiles(_Among)
def _as_array(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    of, values = (compiler.process(one, **how) for one in element.clauses)
    return f"{of} = ANY ({values})"


@compiles(_Among, "sqlite")
def _as_json(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    of, values = (compiler.process(one, **how) for one in element.clauses)
    return f"{of} IN (SELECT value FROM json_each({values}))"  # noqa: S608 (both are the compiler's own words)


class _OfMost(FunctionElement[bool]):
    type = Boolean()
    name = "of_most"
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """As it is, as `_Among`."""
        return self


@compiles(_OfMost)
def _as_it_is(element: _OfMost, compiler: SQLCompiler, **how: Any) -> str:
    (condition,) = element.clauses
    return f"({compiler.process(condition, **how)})"


@compiles(_OfMost, "sqlite")
def _without_index(element: _OfMost, compiler: SQLCompiler, **how: Any) -> str:
    """The sign changes nothing of a truth value, and is no term that an index answers."""
    (condition,) = element.clauses
    return f"+({compiler.process(condition, **how)})"
