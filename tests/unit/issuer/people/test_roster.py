"""The roster is read as a manager wrote it, and a draft of it joins nobody by a guess."""

import csv
import io
from datetime import date

import pytest

from issuer.people.model import Account, Affiliation
from issuer.people.roster import draft_roster, read_roster


def test_row_gives_the_accounts_it_lists_and_those_of_its_address() -> None:
    rows, problems = read_roster(
        b"name;email;accounts;affiliation;since;manager;bot;person\n"
        b"Ada  Quin;Ada@Books.example;gerrit:137153 irc:ada;Books;2026-03-01;Wen York;no;p7\n"
    )
    assert problems == ()
    (row,) = rows
    assert (row.name, row.email, row.person, row.manager) == ("Ada Quin", "ada@books.example", "p7", "Wen York")
    assert [str(account) for account in row.accounts] == [
        "mail:ada@books.example",
        "git:ada@books.example",
        "gerrit:137153",
        "irc:ada",
    ]
    assert row.affiliation == Affiliation("Books", date(2026, 3, 1))
    assert row.bot is False


def test_affiliation_none_means_employed_by_nobody() -> None:
    rows, _ = read_roster(b"name,email,accounts,affiliation,since\nAda,a@b.example,,None,2026-01-01\n")
    assert rows[0].affiliation == Affiliation(None, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ("Ada,nobody,,,,,", "email", "is no e-mail address"),
        (",a@b.example,,,,,", "name", "a name of 1 to 200 characters"),
        ("Ada,,,,,,", "accounts", "an e-mail address or an account was expected"),
        ("Ada,a@b.example,ada,,,,", "accounts", "'system:name' was expected"),
        ("Ada,a@b.example,,Books,,,", "since", "the day on which the affiliation began"),
        ("Ada,a@b.example,,Books,1.3.2026,,", "since", "is no day, such as 2026-03-01"),
        ("Ada,a@b.example,,,2026-03-01,,", "affiliation", "an organisation"),
        ("Ada,a@b.example,,,,,maybe", "bot", "yes or no was expected"),
    ],
)
def test_each_bad_field_is_named_with_what_was_expected_and_good_rows_stay(
    row: str, field: str, words: str
) -> None:
    header = "name,email,accounts,affiliation,since,manager,bot"
    rows, problems = read_roster(f"{header}\n{row}\nWen,w@y.example,,,,,\n".encode())
    assert [r.name for r in rows] == ["Wen"]
    assert [(p.line, p.field) for p in problems] == [(2, field)]
    assert words in problems[0].sentence


def test_draft_is_a_roster_with_one_row_for_each_account() -> None:
    accounts = [Account("git", "ada@books.example"), Account("gerrit", "137153"), Account("mail", "ada@b.example")]
    rows, problems = read_roster(draft_roster(accounts).encode())
    assert problems == ()
    assert [row.name for row in rows] == ["ada", "137153", "ada"]
    assert Account("git", "ada@books.example") in rows[0].accounts
    assert [row.email for row in rows] == ["ada@books.example", None, "ada@b.example"]


def test_draft_holds_no_cell_that_a_spreadsheet_would_run() -> None:
    hostile = [Account.of("git", "=cmd|calc@evil.example"), Account.of("git", "+1+1"), Account.of("irc", "@sum")]
    table = list(csv.reader(io.StringIO(draft_roster(hostile))))
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in table for cell in row)


def test_a_household_is_one_word_however_it_is_written() -> None:
    data = b"name,email,accounts,household\nAda,ada@books.example,, The Mill \n"
    data += b"Bob,bob@books.example,,the mill\nCy,cy@books.example,,\n"
    rows, problems = read_roster(data)
    assert [row.household for row in rows] == ["the mill", "the mill", None] and not problems
    long = b"name,email,accounts,household\nAda,ada@books.example,," + b"x" * 101 + b"\n"
    _, (problem,) = read_roster(long)
    assert (problem.line, problem.field) == (2, "household")
