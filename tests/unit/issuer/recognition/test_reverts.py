"""A change that was taken back counts no longer, one that was brought back counts again."""

import hashlib
from datetime import UTC, datetime

import pytest

from issuer.contributions.model import Contribution, Facts
from issuer.people.model import Account
from issuer.recognition.reverts import name_of, taken_back

ADA = Account("git", "ada@books.example")
WHEN = datetime(2026, 5, 1, tzinfo=UTC)


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:40]


def commit(name: str, *, reverts: str | None = None, record: str = "change", suffix: str = "") -> Contribution:
    return Contribution("git", sha(name) + suffix, record, ADA, WHEN, Facts(commit=sha(name), reverts=reverts))


def numbered(source: str, number: str, *, reverts: str | None = None) -> Contribution:
    return Contribution(source, number, "change", ADA, WHEN, Facts(reverts=reverts))


def gone(*stored: Contribution) -> list[bool]:
    names = taken_back(stored)
    return [name_of(one) in names for one in stored]


def test_revert_takes_back() -> None:
    assert gone(commit("a"), commit("b", reverts=sha("a"))) == [True, False]


def test_revert_of_a_revert_brings_back() -> None:
    stored = [commit("a"), commit("b", reverts=sha("a")), commit("c", reverts=sha("b"))]
    assert gone(*stored) == [False, True, False]
    assert gone(*reversed(stored)) == [False, True, False]


def test_third_revert_takes_back_again() -> None:
    stored = [
        commit("a"),
        commit("b", reverts=sha("a")),
        commit("c", reverts=sha("b")),
        commit("d", reverts=sha("c")),
    ]
    assert gone(*stored) == [True, False, True, False]


def test_change_that_was_taken_back_twice_needs_both_undone() -> None:
    twice = [commit("a"), commit("b", reverts=sha("a")), commit("c", reverts=sha("a"))]
    assert gone(*twice, commit("d", reverts=sha("b"))) == [True, True, False, False]
    assert gone(*twice, commit("d", reverts=sha("b")), commit("e", reverts=sha("c"))) == [
        False,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("length", [7, 10, 12, 40])
def test_revert_may_name_the_commit_cut(length: int) -> None:
    assert gone(commit("a"), commit("b", reverts=sha("a")[:length].upper())) == [True, False]


def test_cut_name_of_two_commits_takes_back_neither() -> None:
    one, other = (
        Contribution("git", s, "change", ADA, WHEN, Facts(commit=s))
        for s in ("ab" * 5 + "0" * 30, "ab" * 5 + "1" * 30)
    )
    assert gone(one, other, commit("c", reverts="ab" * 4)) == [False, False, False]


def test_revert_of_a_merge_takes_back_all_that_it_brought() -> None:
    stored = [
        commit("a"),
        commit("b"),
        commit("r", reverts="0" * 40),
        commit("r", reverts=sha("a"), record="revert", suffix=":reverts:a"),
        commit("r", reverts=sha("b"), record="revert", suffix=":reverts:b"),
    ]
    assert gone(*stored)[:2] == [True, True]


def test_commit_is_the_same_in_two_sources() -> None:
    reviewed = Contribution("gerrit", "books~7", "change", ADA, WHEN, Facts(commit=sha("a")))
    assert gone(reviewed, commit("b", reverts=sha("a"))) == [True, False]


def test_change_named_by_its_id_is_of_the_same_source() -> None:
    stored = [numbered("gerrit", "7"), numbered("github", "7"), numbered("gerrit", "8", reverts="7")]
    assert gone(*stored) == [True, False, False]


def test_long_ids_that_begin_alike_are_told_apart() -> None:
    stored = [numbered("gerrit", f"foundation/project~{n}") for n in (101, 102)]
    assert gone(*stored, numbered("gerrit", "foundation/project~103", reverts="foundation/project~101")) == [
        True,
        False,
        False,
    ]


def test_revert_of_what_nobody_recorded_takes_back_nothing() -> None:
    assert gone(commit("a"), commit("b", reverts=sha("z")), commit("c", reverts="the last one")) == [False] * 3


def test_circle_of_reverts_takes_back_nothing() -> None:
    assert gone(commit("a", reverts=sha("b")), commit("b", reverts=sha("a"))) == [False, False]
    assert gone(commit("a", reverts=sha("a"))) == [False]


def test_long_chain_is_settled() -> None:
    chain = [commit("0"), *(commit(str(n), reverts=sha(str(n - 1))) for n in range(1, 5000))]
    fates = gone(*chain)
    assert fates[-1] is False and fates[-2] is True and fates[0] is True
