"""Rows in every table of an office, made from what the tables say of themselves: a table that is added tomorrow
has some, too. Nothing in them makes sense; each value only fits its column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    cast,
    insert,
    select,
    type_coerce,
)
from sqlalchemy.types import NullType

# What COPY, SQL, JSON and people who write them have a meaning for.
ODD = (
    "",
    " both ends ",
    "\\N",
    "\\.",
    "NULL",
    "a\tb\nc\rd\\e\x0bf\x08",
    "\x01\x1f\x7f\x80\u2028\ufeff",
    '\'; DROP TABLE badges; -- "%s" %(name)s :name ?',
    '{"json": "\\u0000 \\ud83c"}',
    "Zoë Ünïcøde Ω 漢字 🦉 e\u0301 \u202eright to left",
    "0",
    "true",
    "2026-11-23",
)


@dataclass(frozen=True)
class Values:
    """What is put in. Each is taken in turn, so that columns differ."""

    texts: Sequence[str] = ODD
    numbers: Sequence[int] = (0, 1, -1, 2**31 - 1, -(2**31))
    bytes: Sequence[bytes] = (b"", bytes(range(256)), b"\\x00", b"\\N\n")
    jsons: Sequence[Any] = ({}, [], None, "", 0.1, {"a": [None, True, 10**18, 1e300, "\x00 \\ \ud800 ü"]})


def fill(connection: Connection, metadata: MetaData, *, rows: int, values: Values | None = None) -> None:
    """Put so many rows into every table that is empty; the first has nothing where nothing may be."""
    for table in metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is None:
            made = _rows(table, rows, values or Values())
            connection.execute(insert(table), made)


def rows_of(engine: Engine, table: Table) -> list[tuple[Any, ...]]:
    """Everything in a table, as it is stored: JSON letter by letter, unless it is a number alone."""
    with engine.connect() as connection:
        return rows_in(connection, table)


def rows_in(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    """The same, as a transaction sees it."""
    is_json = [isinstance(one.type, JSON) for one in table.columns]
    asked = [
        one
        if not json
        else cast(one, Text)
        if connection.dialect.name == "postgresql"
        else type_coerce(one, NullType())
        for one, json in zip(table.columns, is_json, strict=True)
    ]
    found = [
        tuple(_as_number(value) if json else value for value, json in zip(row, is_json, strict=True))
        for row in connection.execute(select(*asked))
    ]
    return sorted(found, key=repr)


def _as_number(said: str | float | None) -> str | float | None:
    """JSON that is a number alone by its value: SQLite keeps no more of it."""
    try:
        return None if said is None else float(said)
    except ValueError:
        return said


def _rows(table: Table, count: int, values: Values) -> list[dict[str, Any]]:
    keys = _keys(table)
    return [
        {
            column.name: _value(column, number, turn, values, is_key=column in keys, count=count)
            for turn, column in enumerate(table.columns, start=number)
        }
        for number in range(count)
    ]


def _keys(table: Table) -> set[Column[Any]]:
    """The columns in which no two rows may be alike."""
    keys = {column for column in table.columns if column.unique}
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            keys |= set(constraint.columns)
    return keys | {column for index in table.indexes if index.unique for column in index.columns}


def _value(column: Column[Any], number: int, turn: int, values: Values, *, is_key: bool, count: int) -> Any:
    """One for the row of this number: of a key like no other, of a pointer what the row pointed at has."""
    turn = number if is_key else turn
    if column.nullable and number == 0:
        return None
    pointed_at = next((key.column for key in column.foreign_keys), None)
    if pointed_at is not None:
        own = pointed_at.table is column.table  # then at the next row, which is not there yet
        number = (number + own) % count
        return _value(pointed_at, number, number, values, is_key=True, count=count)
    kind = column.type
    if isinstance(kind, TypeDecorator):
        return datetime(1999, 12, 31, 23, 59, 59, 999_999 - turn, tzinfo=UTC) + timedelta(days=365 * number)
    if isinstance(kind, String):
        text = values.texts[turn % len(values.texts)]
        return (f"{number}{text}" if is_key else text)[: kind.length or None]
    if isinstance(kind, Boolean):
        return turn % 2 == 0
    if isinstance(kind, Integer):
        return number + 1 if is_key else values.numbers[turn % len(values.numbers)]
    if isinstance(kind, Date):
        return date(1582, 1, 1) + timedelta(days=turn)
    if isinstance(kind, LargeBinary):
        return values.bytes[turn % len(values.bytes)]
    assert isinstance(kind, JSON), f"{column} is of a kind that this does not know: {kind}"
    return values.jsons[turn % len(values.jsons)]
