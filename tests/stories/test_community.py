"""The example community: the same for the same moment, and drawn from what was measured."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.demo import community
from tests.demo.community import CHANGES_A_YEAR, LINES_OF_A_CHANGE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SINCE = 2022


def measured(shared: Path) -> list[dict[str, str]]:
    rows = []
    for file in sorted((shared / "domain" / "distribution").glob("*.author-year.csv")):
        with file.open() as stream:
            rows += [row for row in csv.DictReader(stream) if int(row["year"]) >= SINCE]
    return rows


def test_changes_a_year_are_the_measured_shares(shared: Path) -> None:
    commits = [int(row["commits"]) for row in measured(shared)]
    last = CHANGES_A_YEAR[-1][0][0]
    for (least, most), share in CHANGES_A_YEAR:
        found = sum(least <= c <= (most if least != last else 10**6) for c in commits) / len(commits)
        assert found == pytest.approx(share, abs=0.0006)


def test_lines_of_a_change_are_the_measured_quantiles(shared: Path) -> None:
    lines = sorted(int(row["max_lines"]) for row in measured(shared) if row["commits"] == "1")
    assert [(q, lines[int(len(lines) * q)]) for q, _ in LINES_OF_A_CHANGE] == list(LINES_OF_A_CHANGE)


def test_the_community_is_the_same_for_the_same_moment() -> None:
    first, second = community.make(NOW), community.make(NOW)
    assert first.people_csv() == second.people_csv()
    assert (first.commits, first.records, first.meetings) == (second.commits, second.records, second.meetings)


@pytest.mark.parametrize("days", [0, 39, 100, 365])
def test_the_named_people_keep_their_story_on_any_day(days: int) -> None:
    made = community.make(NOW + timedelta(days=days))
    meetups = [m for m in made.meetings if m.kind == "event.organised"]
    assert len(meetups) == 12 and {m.about for m in meetups} == {made.organiser}
    assert not [c for c in made.commits if c.author == made.organiser]
    assert [c.lines for c in made.commits if c.author == made.one_commit] == [1]
    assert len(made.bug_events) == 4
    (stuffed,) = (c for c in made.commits if len(c.coauthors) > 3)
    assert set(stuffed.coauthors) == set(made.ring[1:])
    assert len(made.members) > 250 and len({m.email for m in made.members}) == len(made.members)
    assert all(c.when < made.now for c in made.commits)
