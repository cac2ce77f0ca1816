"""Hostile input at the doors of intake: each is refused or tamed, fast, and nothing else is lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest

from issuer.contributions.intake import IntakeError, from_fields
from issuer.contributions.sources.changed_files import is_generated, parse_numstat
from issuer.contributions.sources.commit_message import MAX_PEOPLE_IN_TRAILERS, parse_message
from issuer.contributions.sources.csv_records import read_csv
from issuer.contributions.sources.gerrit import GerritError, read_changes
from issuer.ground.outbound import Outbound
from issuer.ground.rows import TableError
from issuer.people.roster import read_roster
from schemas import strict_json
from schemas.strict_json import JsonValue

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HEADER = b"id,record,account,happened_at,title\n"
GOOD = b"good,talk,git:ada@a.example,2026-03-01T10:00:00Z,A talk\n"
RECORD: dict[str, JsonValue] = {
    "id": "1",
    "record": "talk",
    "account": "git:ada@a.example",
    "happened_at": "2026-03-01T10:00:00Z",
}


@contextmanager
def fast(seconds: float = 3.0) -> Iterator[None]:
    """Far above what it takes, far below what a quadratic reader would."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


@pytest.mark.parametrize(
    "row",
    [
        b'"' * 200_000,
        b'"' + b"x" * 200_000,
        b"a" * 200_000 + b",b,c,d,e",
        b'1,talk,"git:ada@a.example',
        b"1,talk,git:ada@a.example,2026-03-01T10:00:00Z,nul\0",
        b"," * 100_000,
        b"1,talk,git:ada@a.example,2026-13-45T99:99:99Z,x",
        b"1,talk,git:ada@a.example,0000-00-00T00:00:00Z,x",
        b"1,talk,git:ada@a.example\xe2\x80\xae,2026-03-01T10:00:00Z,x",
    ],
)
def test_hostile_row_costs_itself_and_no_neighbour(row: bytes) -> None:
    with fast():
        made, report = read_csv(
            HEADER + GOOD + row + b"\n" + GOOD.replace(b"good", b"last"), source="csv", now=NOW
        )
    assert [c.id for c in made] == ["good", "last"]
    assert {problem.line for problem in report.refused} <= {3}


def test_many_broken_quotes_are_read_in_one_go() -> None:
    with fast(20):
        _, report = read_csv(HEADER + b'1,"talk"x\n' * 20_000 + GOOD, source="csv", now=NOW)
    assert len(report.refused) == 20_000
    with fast(20):
        read_csv(HEADER + b'1,"\n' * 20_000, source="csv", now=NOW)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfei\0d\0,\0",
        b"PK\x03\x04 a spreadsheet, not CSV\n",
        b"\0" * 1000,
        b"id," * 10_000 + b"\n",
        b"<html><body>Sign in</body></html>",
    ],
)
def test_file_that_is_no_table_is_refused_with_one_sentence(data: bytes) -> None:
    for read in (lambda: read_csv(data, source="csv", now=NOW), lambda: read_roster(data)):
        with pytest.raises(TableError) as refused:
            read()
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", "1e999999999"),
        ("quantity", "Infinity"),
        ("quantity", 1e300),
        ("credits", "-1"),
        ("changed_lines", 2**53 - 1),
        ("attendees", 10**10),
        ("title", {"deep": {"deeper": []}}),
        ("paths", [["a"]]),
        ("accepted_by", ["git:" + "x" * 1000]),
        ("account", "git:\u202eada"),
        ("account", "git:" + "a" * 10_000),
        ("id", "\ud800"),
        ("title", "\ud800"),
        ("evidence", "https://x.example/\u202egpj.exe"),
        ("evidence", "https://x.example\\@evil.example/"),
        ("evidence", "data:text/html,<script>"),
        ("happened_at", "2026-02-30T00:00:00Z"),
        ("__class__", "x"),
        ("model_config", "x"),
    ],
)
def test_hostile_field_is_refused_with_one_sentence(field: str, value: JsonValue) -> None:
    with fast(), pytest.raises(IntakeError) as refused:
        from_fields({**RECORD, field: value}, source="csv", now=NOW)
    assert refused.value.field == field
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        "Co-authored-by: " + "a@" * 100_000,
        "Co-authored-by: " + "a" * 200_000,
        "Co-authored-by: " + "<" * 100_000,
        "x-" * 100_000 + ":",
        "Change-Id: " + "I" * 100_000,
        "This reverts commit " + "0" * 100_000,
        "\n" * 200_000,
        ("A" * 40 + ": b\n") * 5_000,
        " \t" * 100_000 + "TrivialFix?",
    ],
)
def test_hostile_commit_message_is_read_fast(body: str) -> None:
    with fast():
        parse_message(f"Subject\n\n{body}\n")


def test_trailers_name_no_more_people_than_a_list_of_people_would() -> None:
    body = "\n".join(f"Co-authored-by: p{n}@x.example" for n in range(5_000))
    assert len(parse_message(f"S\n\n{body}").coauthors) == MAX_PEOPLE_IN_TRAILERS


def test_hostile_paths_are_read_fast() -> None:
    with fast():
        for path in ("a/" * 50_000, "vendor" * 20_000, "." * 100_000, "x.min" * 20_000 + ".js\n"):
            is_generated(path)
            parse_numstat(f"1\t1\t{path}")
        assert parse_numstat("9" * 100_000) is None


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 500_000,
        b'[{"_number":1,"_number":2}]',
        b'[{"_number":' + b"9" * 400 + b"}]",
        b'["\\ud800"]',
        b"[NaN]",
        b"\xff",
    ],
)
def test_hostile_answer_of_a_server_is_refused_with_one_sentence(text: bytes) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b")]}'\n" + text))
    with fast(), pytest.raises(GerritError) as refused:
        list(read_changes(Outbound(transport=transport), "https://review.example", project="x"))
    assert "\n" not in str(refused.value)


def test_server_s_text_cannot_leave_its_field() -> None:
    change = {
        "_number": 1,
        "project": "x",
        "status": "MERGED",
        "subject": "s" * 10_000,
        "submitted": "2026-03-01 00:00:00.000000000",
        "owner": {"_account_id": 1},
        "insertions": 2**53 - 1,
        "deletions": -5,
    }
    body = b")]}'\n" + strict_json.dumps([change]).encode()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    ((made,),) = read_changes(Outbound(transport=transport), "https://review.example", project="x")
    assert len(made.facts.title or "") == 300
    assert made.facts.changed_lines == 1_000_000_000
