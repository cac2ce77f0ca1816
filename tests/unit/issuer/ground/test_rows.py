"""Tables as spreadsheets write them are read row by row, and a bad row costs only itself."""

import pytest

from issuer.ground.rows import RowProblem, RowReport, TableError, read_table


def rows(data: bytes) -> list[tuple[int, dict[str, str]]]:
    table = read_table(data, required=("id", "name"), known=("id", "name", "note"))
    assert table.problems == ()
    return [(row.line, dict(row.cells)) for row in table.rows]


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_any_delimiter_line_end_and_mark_is_read(delimiter: bytes, end: bytes, mark: bytes) -> None:
    data = mark + end.join([delimiter.join([b"ID", b"name"]), delimiter.join([b"1", "Noé".encode()]), b""])
    assert rows(data) == [(2, {"id": "1", "name": "Noé"})]


def test_quoted_delimiters_and_line_breaks_stay_in_their_cell_and_lines_are_counted() -> None:
    data = b'id,name\n1,"York, Wen"\n\n2,"two\nlines"\n3,"say ""hi"""\n'
    assert rows(data) == [
        (2, {"id": "1", "name": "York, Wen"}),
        (4, {"id": "2", "name": "two\nlines"}),
        (6, {"id": "3", "name": 'say "hi"'}),
    ]


def test_empty_cells_are_left_out_and_others_stripped() -> None:
    assert rows(b"id,name,note\n 1 ,Ada,\n,, \n") == [(2, {"id": "1", "name": "Ada"})]


def test_row_with_too_many_cells_is_a_problem_with_its_line() -> None:
    table = read_table(b"id,name\n1,York, Wen\n2,Ada\n", required=("id",), known=("id", "name"))
    assert [row.line for row in table.rows] == [3]
    assert table.problems == (RowProblem(2, None, "2 cells were expected, and there are 3: is a quote missing?"),)


def test_quote_that_nobody_closed_costs_its_own_row_only() -> None:
    table = read_table(b'id,name\n1,"Ada\n2,Bob\n3,"Cy, the 3rd"\n', required=("id",), known=("id", "name"))
    assert [row.cells["id"] for row in table.rows] == ["2", "3"]
    assert [problem.line for problem in table.problems] == [2]


def test_missing_header_shows_the_line_that_was_expected() -> None:
    with pytest.raises(TableError, match="its first line must name the columns, such as: id;name"):
        rows(b"1;Ada\n2;Bob\n")
    with pytest.raises(TableError, match="no header"):
        rows(b"")


def test_missing_unknown_and_repeated_columns_are_named() -> None:
    with pytest.raises(TableError, match="no column 'name'"):
        rows(b"id,note\n")
    with pytest.raises(TableError, match="Column 3 of the header, 'colour', is not known here"):
        rows(b"id,name,colour\n")
    with pytest.raises(TableError, match="'id' twice"):
        rows(b"id,name,ID\n")


def test_other_encodings_are_refused_with_the_line() -> None:
    with pytest.raises(TableError, match="Line 3 is not UTF-8"):
        rows("id,name\n1,Ada\n2,Noé\n".encode("latin-1"))


def test_report_reads_as_text_and_as_json() -> None:
    report = RowReport(refused=(RowProblem(7, "name", "a name was expected."),)).with_counts(
        stored=2, duplicates=1
    )
    assert str(report) == "2 stored, 1 known already, 1 refused\nline 7, name: a name was expected."
    assert report.to_json() == {
        "stored": 2,
        "duplicates": 1,
        "refused": [{"line": 7, "field": "name", "sentence": "a name was expected."}],
    }
