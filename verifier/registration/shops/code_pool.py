"""Codes that a shop made before: read from a CSV file, handed out one a grant, with an alarm when few are left.

Each code has its percentage, since a code in a shop is worth what the shop says and not what we granted. The
rows are in `store`; a code is taken in the grant's own transaction, by `verifier.registration.service`.
"""

import csv
import io

from sqlalchemy import Connection

from verifier.registration.shops import CodePoolError, store
from verifier.registration.shops.store import Stock

MAX_FILE_BYTES = 8 << 20  # 200,000 codes; a pool is for an event
MAX_CODE = 64  # characters, as the ledger keeps a voucher
ALARM_CODES = 20
ALARM_SHARE = 10  # percent of what was imported
_HEADER = ["code", "percent"]


def read_codes(data: bytes, *, name: str) -> tuple[tuple[str, int], ...]:
    """The (code, percent) rows of a CSV file with the header `code,percent`; `name` goes into the error.

    UTF-8 with or without a BOM, commas or semicolons. A row that says the same twice counts once.

    Raises:
        CodePoolError: another header, a code that is empty, too long or not printable, a percentage that is no
            whole number from 1 to 100, or one code with two of them.
    """
    if len(data) > MAX_FILE_BYTES:
        raise CodePoolError(f"{name} has {len(data)} bytes; at most {MAX_FILE_BYTES} are read.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CodePoolError(f"{name} is not UTF-8 at byte {error.start}.") from error
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CodePoolError(f"{name} is no CSV file: {error}.") from error
    if not rows or [cell.strip().lower() for cell in rows[0]] != _HEADER:
        raise CodePoolError(f"{name}: the first line must be 'code,percent'.")
    codes: dict[str, int] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        code, percent = _checked_row(row, place=f"{name}, row {number}")
        if codes.setdefault(code, percent) != percent:
            raise CodePoolError(f"{name}, row {number}: the code {code!a} has two percentages.")
    return tuple(codes.items())


def add(connection: Connection, codes: tuple[tuple[str, int], ...], *, event: str) -> int:
    """Add codes to an event's pool, and say how many were new; those that are in it already change nothing.

    Raises:
        CodePoolError: a code is here for another event or another percentage. Nothing was added.
    """
    known = store.codes_known(connection, (code for code, _ in codes))
    for code, percent in codes:
        if known.get(code, (event, percent)) != (event, percent):
            raise CodePoolError(f"The code {code!a} is in a pool already, for another event or percentage.")
    new = [(code, percent) for code, percent in codes if code not in known]
    store.add_codes(connection, new, event=event)
    return len(new)


def alarm(stock: Stock, *, event: str) -> str | None:
    """One sentence when fewer than 20 codes, or than a tenth, are left; None otherwise."""
    if stock.free >= ALARM_CODES and stock.free * 100 >= stock.total * ALARM_SHARE:
        return None
    return (
        f"The pool of {event} has {stock.free} of {stock.total} codes for {stock.percent} percent left:"
        f" add more with 'badge-verifier shop pool add'."
    )


def _checked_row(row: list[str], *, place: str) -> tuple[str, int]:
    if len(row) != len(_HEADER):
        raise CodePoolError(f"{place} has {len(row)} cells: a code and its percentage were expected.")
    code, percent = row[0].strip(), row[1].strip()
    if not code or len(code) > MAX_CODE or not code.isprintable() or " " in code:
        raise CodePoolError(f"{place}: a code has 1 to {MAX_CODE} printable characters without a space.")
    if not (percent.isascii() and percent.isdigit() and 1 <= int(percent[:4]) <= 100):
        raise CodePoolError(f"{place}: {percent[:20]!a} is no whole percentage from 1 to 100.")
    return code, int(percent)
