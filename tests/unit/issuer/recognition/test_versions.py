"""A version's life: nothing is in force before its comments are over and two people approved it; none changes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from issuer.ground import audit
from issuer.people import service as people
from issuer.people.model import Person
from issuer.people.roster import read_roster
from issuer.recognition import life, versions
from issuer.recognition.life import Proposal
from issuer.recognition.service import EXAMPLE_POLICY
from schemas.policy import PolicyError

NOW = datetime(2026, 9, 1, tzinfo=UTC)
SECOND = EXAMPLE_POLICY.read_bytes().replace(b"\nversion: 1.0.0", b"\nversion: 1.1.0")
MANY = 9  # holders of the highest tier: from here on the standard profile


@pytest.fixture
def who(database: Engine) -> Mapping[str, Person]:
    rows = read_roster(b"name,email,accounts\nAda,ada@a.example,\nBob,bob@b.example,\nCy,cy@c.example,\n")[0]
    people.add_people(database, rows, now=NOW)
    versions.in_force(database, EXAMPLE_POLICY, now=NOW)
    return {person.name: person for person in people.people_by_id(database).values()}


def proposed(database: Engine, who: Mapping[str, Person], data: bytes = SECOND) -> Proposal:
    return versions.propose(database, data, name="draft", why="too strict", by=who["Ada"], now=NOW)


def opened(database: Engine, who: Mapping[str, Person], *, top_holders: int = 0) -> tuple[Proposal, datetime]:
    proposal = proposed(database, who)
    until = versions.open_comments(
        database, proposal, by=who["Ada"], top_holders=top_holders, backtest="{}", now=NOW
    )
    return proposal, until


def version_in_force(database: Engine) -> str:
    return versions.in_force(database, Path("nowhere"), now=NOW).version


@pytest.mark.parametrize(("top_holders", "days"), [(0, 7), (MANY - 1, 7), (MANY, 21)])
def test_comments_stay_open_as_long_as_the_profile_in_force_says(
    database: Engine, who: Mapping[str, Person], top_holders: int, days: int
) -> None:
    _, until = opened(database, who, top_holders=top_holders)
    assert until == NOW + timedelta(days=days)


def test_a_version_comes_in_force_after_comments_and_two_approvals(
    database: Engine, who: Mapping[str, Person]
) -> None:
    proposal, until = opened(database, who)
    assert versions.approve(database, proposal, by=who["Ada"], reason="yes", now=NOW) == 1
    assert versions.approve(database, proposal, by=who["Bob"], reason="yes", now=NOW) == 2
    with pytest.raises(PolicyError, match="can be put in force once its time for comments is over"):
        versions.adopt(database, proposal, by=who["Cy"], reason="done", now=until - timedelta(seconds=1))
    assert version_in_force(database) == "1.0.0"
    versions.adopt(database, proposal, by=who["Cy"], reason="done", now=until)
    assert version_in_force(database) == "1.1.0"
    kept = versions.all_versions(database)
    assert [policy.version for policy in kept.values()] == ["1.0.0", "1.1.0"]
    states = [p.state(now=until, in_force=list(kept)[-1]) for p in versions.proposals(database)]
    assert states == ["in force"]
    acts = [entry.act for entry in audit.entries(database)]
    assert acts == ["policy.propose", "policy.open", "policy.approve", "policy.approve", "policy.adopt"]


def test_one_person_is_not_two(database: Engine, who: Mapping[str, Person]) -> None:
    proposal, until = opened(database, who)
    versions.approve(database, proposal, by=who["Ada"], reason="yes", now=NOW)
    with pytest.raises(PolicyError, match=r"approved Version 1\.1\.0 before; 2 different people must"):
        versions.approve(database, proposal, by=who["Ada"], reason="yes", now=NOW)
    with pytest.raises(PolicyError, match="has 1 of 2 approvals"):
        versions.adopt(database, proposal, by=who["Bob"], reason="done", now=until)


def test_a_draft_is_opened_before_anybody_approves_it(database: Engine, who: Mapping[str, Person]) -> None:
    with pytest.raises(PolicyError, match="is a draft: open it for comments first"):
        versions.approve(database, proposed(database, who), by=who["Bob"], reason="yes", now=NOW)


def test_another_text_needs_another_version(database: Engine, who: Mapping[str, Person]) -> None:
    first = proposed(database, who)
    assert proposed(database, who) == first
    with pytest.raises(PolicyError, match=r"version 1.1.0 of community-recognition stands for another text"):
        proposed(database, who, SECOND + b"\n# a remark\n")
    with pytest.raises(PolicyError, match=r"version 1.0.0 of community-recognition stands for another text"):
        proposed(database, who, EXAMPLE_POLICY.read_bytes() + b"\n# a remark\n")


def test_what_was_withdrawn_stays_to_be_read_and_comes_into_no_force(
    database: Engine, who: Mapping[str, Person]
) -> None:
    proposal, until = opened(database, who)
    versions.withdraw(database, proposal, by=who["Ada"], reason="a better idea", now=NOW)
    with pytest.raises(PolicyError, match="was withdrawn on 2026-09-01"):
        versions.adopt(database, proposal, by=who["Bob"], reason="done", now=until)
    assert versions.proposals(database)[0].document == SECOND


def test_a_version_that_waits_for_approvals_is_a_matter(database: Engine, who: Mapping[str, Person]) -> None:
    proposal, until = opened(database, who)
    assert versions.matters(database, now=NOW) == []
    (matter,) = versions.matters(database, now=until)
    assert (matter.kind, matter.key, matter.minutes) == ("approval", proposal.digest, versions.APPROVAL_MINUTES)
    assert matter.title == "Version 1.1.0 of the policy: comments are over, 0 of 2 approvals."


def test_the_profile_is_small_until_nine_hold_the_highest_tier() -> None:
    from tests.unit.issuer.recognition.contributions import example

    assert life.profile(example(), top_holders=MANY - 1) == "small"
    assert life.profile(example(), top_holders=MANY) == "standard"
