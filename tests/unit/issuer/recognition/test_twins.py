"""The same change read through git and through its review system counts once, whatever came first."""

import itertools
from datetime import UTC, datetime

from issuer.contributions.model import facts_from
from issuer.recognition.item import Item
from issuer.recognition.twins import without_twins

WHEN = datetime(2026, 5, 1, tzinfo=UTC)
COMMIT = "09ec6bc1f8af8b512f8ce7551c82effe022e6dfc"


def item(number: str, *, commit: str | None, acceptors: int = 1, record: str = "change") -> Item:
    people = frozenset(f"p{n}" for n in range(acceptors))
    return Item(number, record, number.split(":")[0], WHEN, facts_from({"commit": commit}), acceptors=people)


def test_of_twins_the_one_with_more_acceptors_stays() -> None:
    git, gerrit = item("git:1", commit=COMMIT), item("gerrit:7", commit=COMMIT, acceptors=2)
    for order in itertools.permutations([git, gerrit]):
        assert without_twins(order) == [gerrit]


def test_a_commit_cut_short_is_the_same_commit() -> None:
    assert len(without_twins([item("git:1", commit=COMMIT), item("gerrit:7", commit=COMMIT[:12].upper())])) == 1


def test_other_records_of_one_commit_are_no_twins() -> None:
    change, review = item("git:1", commit=COMMIT), item("gerrit:r", commit=COMMIT, record="review")
    assert len(without_twins([change, review])) == 2


def test_records_without_a_commit_stay_as_they_are() -> None:
    talks = [item(f"csv:{n}", commit=None, record="talk.given") for n in range(3)]
    assert sorted(i.id for i in without_twins(talks)) == ["csv:0", "csv:1", "csv:2"]
