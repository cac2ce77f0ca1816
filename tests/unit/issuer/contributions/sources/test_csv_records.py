"""Contributions in CSV: every column is typed, every bad row is named, every good row is kept."""

from datetime import UTC, datetime

import pytest

from issuer.contributions.intake import FIELDS, IntakeError
from issuer.contributions.model import Facts
from issuer.contributions.sources.csv_records import COUNTS, LISTS, YES_OR_NO, read_csv
from issuer.ground.rows import TableError
from issuer.people.model import Account

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HEADER = "id,record,account,happened_at"
ROW = "{},talk,mail:ada@a.example,2026-03-01T10:00:00Z"


def test_columns_become_facts_of_their_kind() -> None:
    data = (
        f"{HEADER},accepted_by,paths,quantity,unit,attendees,listed_present,evidence\n"
        f"{ROW.format(1)},git:wen@y.example irc:cy,a b.md;c.md,600,words,12,yes,https://x.example/1\n"
    )
    (made,), report = read_csv(data.encode(), source="csv_of_record", now=NOW)
    assert report.refused == ()
    assert made.source == "csv_of_record"
    assert made.facts == Facts.model_validate(
        {
            "accepted_by": ["git:wen@y.example", "irc:cy"],
            "paths": ["a b.md", "c.md"],
            "quantity": 600,
            "unit": "words",
            "attendees": 12,
            "listed_present": True,
        }
    )
    assert made.evidence == "https://x.example/1"


def test_every_fact_that_is_no_text_has_its_way_of_being_read() -> None:
    others = {name: field.annotation for name, field in Facts.model_fields.items()}
    assert {name for name, field in Facts.model_fields.items() if field.default == ()} == LISTS
    assert {name for name, field in Facts.model_fields.items() if field.default is False} == YES_OR_NO
    assert {name for name, kind in others.items() if "int" in str(kind) and "Decimal" not in str(kind)} == COUNTS


def test_bad_rows_are_named_and_good_ones_kept() -> None:
    data = "\n".join(
        [
            f"{HEADER},attendees,listed_present",
            f"{ROW.format(1)},ten,",
            f"{ROW.format(2)},,maybe",
            "3,talk,ada,2026-03-01T10:00:00Z,,",
            "4,talk,mail:ada@a.example,1.3.2026,,",
            ",talk,mail:ada@a.example,2026-03-01T10:00:00Z,,",
            f"{ROW.format(6)},12,no",
        ]
    )
    made, report = read_csv(data.encode(), source="csv", now=NOW)
    assert [c.id for c in made] == ["6"]
    assert [(p.line, p.field) for p in report.refused] == [
        (2, "attendees"),
        (3, "listed_present"),
        (4, "account"),
        (5, "happened_at"),
        (6, "id"),
    ]
    assert "line 2, attendees: 'ten' was given; a whole number was expected." in str(report)


def test_same_id_with_other_words_is_refused_and_the_same_row_again_is_left_to_the_store() -> None:
    other = ROW.format(1).replace("ada@", "wen@")
    data = "\n".join([HEADER, ROW.format(1), other, ROW.format(1)])
    made, report = read_csv(data.encode(), source="csv", now=NOW)
    assert [c.account for c in made] == [Account("mail", "ada@a.example")] * 2
    assert [str(p) for p in report.refused] == ["line 3, id: line 2 has the same id with other words."]


def test_table_without_header_shows_the_line_that_was_expected() -> None:
    with pytest.raises(TableError, match=HEADER):
        read_csv(ROW.format(1).encode(), source="csv", now=NOW)


@pytest.mark.parametrize("column", ["attested", "statements", "accepted_By_mail"])
def test_column_that_is_no_fact_is_refused_at_the_header(column: str) -> None:
    assert column not in FIELDS
    with pytest.raises(TableError, match="is not known here"):
        read_csv(f"{HEADER},{column}\n".encode(), source="csv", now=NOW)


@pytest.mark.parametrize("source", ["", "Git", "a b", "x" * 41])
def test_source_that_no_policy_could_name_is_refused(source: str) -> None:
    with pytest.raises(IntakeError, match="is no source's name"):
        read_csv(f"{HEADER}\n".encode(), source=source, now=NOW)
