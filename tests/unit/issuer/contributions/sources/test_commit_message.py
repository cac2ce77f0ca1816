"""Trailers are read in the irregular forms in which people write them; machines' help is nobody."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from issuer.contributions.sources.changed_files import FileChange, parse_numstat
from issuer.contributions.sources.commit_message import CommitMessage, Named, parse_message


@pytest.mark.parametrize(
    ("line", "people"),
    [
        ("Co-authored-by: Ada Quin <Ada@Books.example>", [("Ada Quin", "ada@books.example")]),
        ("CO-AUTHORED-BY:ada@b.example", [("", "ada@b.example")]),
        ("co-Authored-By:   Ada Quin ada@b.example  ", [("Ada Quin", "ada@b.example")]),
        ("Co-authored-by: Ada Quin (ada@b.example)", [("Ada Quin", "ada@b.example")]),
        ("Co-authored-by: Ada <a@b.example>, Wen <w@y.example>", [("Ada", "a@b.example"), ("Wen", "w@y.example")]),
        (
            "Co-authored-by: Ada <a@b.example> and Wen w@y.example",
            [("Ada", "a@b.example"), ("Wen", "w@y.example")],
        ),
        ("Co-authored-by: Ada Quin", []),
        ("Co-authored-by: <>", []),
        ("Co-authored-by:", []),
        ("Assisted-By: Ada <a@b.example>", []),
        ("> Co-authored-by: Ada <a@b.example>", []),
        ("    Co-authored-by: Ada <a@b.example>", []),
        ("Thanks to Co-authored-by: Ada <a@b.example>", []),
    ],
)
def test_coauthors_are_those_with_an_address(line: str, people: list[tuple[str, str]]) -> None:
    message = parse_message(f"Subject\n\nBody.\n\n{line}\n")
    assert list(message.coauthors) == [Named(*one) for one in people]


def test_trailers_are_found_before_blank_lines_and_counted_once() -> None:
    coauthors = "Co-authored-by: A <a@b.example>\n\nCo-authored-by: A2 <A@b.example>"
    text = f"S\n\n{coauthors}\nReviewed-by: R <r@b.example>\n\nend"
    message = parse_message(text)
    assert message.coauthors == (Named("A", "a@b.example"),)
    assert message.reviewers == (Named("R", "r@b.example"),)


def test_trailer_in_the_subject_is_a_subject() -> None:
    assert parse_message("Co-authored-by: Ada <a@b.example>").coauthors == ()


def test_last_well_formed_change_id_counts() -> None:
    first, second = "I" + "a" * 40, "I" + "b" * 40
    assert parse_message(f"S\n\nChange-Id: {first}\n\nChange-Id: {second}\n").change_id == second
    assert parse_message(f"S\n\nChange-Id: {first}x\n").change_id is None
    assert parse_message("S\n\nChange-Id: me\n").change_id is None


def test_subject_is_the_first_paragraph_in_one_line() -> None:
    assert parse_message("\n\nA long\r\n  title\r\n\r\nBody").subject == "A long title"
    assert parse_message("").subject == ""


def test_revert_names_what_it_takes_back() -> None:
    sha = "0b38ea0daf6d7cf862332da85bc32462ff5c36ea"
    assert parse_message(f'Revert "x"\n\nThis reverts commit {sha}.').reverts == sha
    merge = f'Revert "x"\n\nThis reverts commit {sha}, reversing\nchanges made to {"1" * 40}.'
    assert parse_message(merge).reverts == sha
    assert parse_message("Revert something\n\nIt reverts commit 1234567.").reverts is None


@pytest.mark.parametrize(
    ("text", "trivial"),
    [
        ("S\n\nTrivialFix\n", True),
        ("S\n\nTrivial-Fix: yes\n", True),
        ("[TrivialFix] S", True),
        ("S\n\ntrivialfix", True),
        ("S\n\nThis is not a TrivialFix at all.\n", False),
        ("Fix trivial things", False),
    ],
)
def test_trivial_is_what_calls_itself_so(text: str, trivial: bool) -> None:
    assert parse_message(text).trivial is trivial


@dataclass
class Logged:
    """One commit of the published logs."""

    author: str
    message: CommitMessage
    files: list[FileChange]


def published(log: Path) -> list[Logged]:
    """The commits of a log: headers, an indented message, numstat lines."""
    commits = []
    for block in re.split(r"^commit [0-9a-f]{40}\n", log.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        lines = block.splitlines()
        author = next(line for line in lines if line.startswith("Author: "))
        body = "\n".join(line[4:] for line in lines if line.startswith("    ") or not line)
        files = [file for line in lines if (file := parse_numstat(line))]
        commits.append(Logged(author.partition("<")[2].strip(">"), parse_message(body), files))
    return commits


def test_published_log_of_120_commits_is_read(shared: Path) -> None:
    commits = published(shared / "domain" / "pseudo" / "git" / "kolla-ansible-2016-120commits.log")
    assert len(commits) == 120
    assert all(commit.files and commit.message.subject for commit in commits)
    assert sum(commit.message.trivial for commit in commits) == 9
    assert sum(commit.message.reverts is not None for commit in commits) == 3
    assert sum(commit.message.change_id is not None for commit in commits) == 120
    assert sum(len(commit.message.coauthors) for commit in commits) == 5


def test_published_log_of_coauthored_commits_is_read(shared: Path) -> None:
    commits = published(shared / "domain" / "pseudo" / "git" / "kolla-ansible-coauthored-20.log")
    assert len(commits) == 20
    assert sum(len(commit.message.coauthors) for commit in commits) == 26
    assert Named("Ivo Ivey 583", "u1599d8@org247.example") in [n for c in commits for n in c.message.coauthors]
    assert all(commit.message.coauthors for commit in commits)
