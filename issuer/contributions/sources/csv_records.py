"""Contributions from a CSV file: what other systems export, and what a manager records by hand. Pure.

The columns are `intake.FIELDS`; lists are separated by semicolons or spaces. Nothing is inferred from a row:
who accepted it stands in `accepted_by`, or nobody did.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from issuer.contributions.intake import FIELDS, REQUIRED_FIELDS, IntakeError, checked_source, from_fields
from issuer.contributions.model import Contribution
from issuer.ground.rows import RowProblem, RowReport, read_table, shorten
from schemas.strict_json import JsonValue

LISTS = frozenset({"accepted_by", "paths", "labels"})
COUNTS = frozenset({"changed_lines", "coauthors", "attendees", "people"})
YES_OR_NO = frozenset(
    {
        "generated_only",
        "answered_by_new_patch_set",
        "named_in_merged_change",
        "listed_present",
        "challenge_answered",
    }
)
_SPELLED = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def read_csv(data: bytes, *, source: str, now: datetime) -> tuple[list[Contribution], RowReport]:
    """The contributions in a CSV file whose header names its columns, and a report on the rows refused.

    `source` is the name under which a policy takes them. An id that stands in two rows with different words is
    refused the second time; the same row twice is left to the store, which keeps it once.

    Raises:
        issuer.ground.rows.TableError: the table as a whole cannot be read.
        IntakeError: `source` is no source's name.
    """
    checked_source(source)
    table = read_table(data, required=REQUIRED_FIELDS, known=FIELDS)
    good: dict[str, tuple[int, Contribution]] = {}
    repeated: list[Contribution] = []
    refused = list(table.problems)
    for row in table.rows:
        try:
            contribution = from_fields(_typed(row.cells), source=source, now=now)
            line, first = good.setdefault(contribution.id, (row.line, contribution))
            if first != contribution:
                raise IntakeError("id", f"line {line} has the same id with other words.")
            if line != row.line:
                repeated.append(contribution)
        except IntakeError as error:
            refused.append(RowProblem(row.line, error.field, str(error)))
    contributions = [contribution for _, contribution in good.values()] + repeated
    return contributions, RowReport.of(refused)


def _typed(cells: Mapping[str, str]) -> dict[str, JsonValue]:
    """Cells as the JSON values that the same fields would have in a CloudEvent."""
    return {name: _value(name, cell) for name, cell in cells.items()}


def _value(name: str, cell: str) -> JsonValue:
    if name in LISTS:
        parts = cell.split(";") if ";" in cell else cell.split()
        return [part.strip() for part in parts if part.strip()]
    if name in COUNTS:
        if not re.fullmatch(r"\d{1,10}", cell, re.ASCII):
            raise IntakeError(name, f"{shorten(cell)} was given; a whole number was expected.")
        return int(cell)
    if name in YES_OR_NO:
        if cell.lower() not in _SPELLED:
            raise IntakeError(name, f"{shorten(cell)} was given; yes or no was expected.")
        return _SPELLED[cell.lower()]
    return cell
