"""A rule that falls silent or bursts waits for a person, also when its source is as lively as ever."""

from datetime import date, timedelta

import pytest

from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.inbox import all_matters
from issuer.jobs import Jobs
from issuer.people.model import Account
from issuer.recognition import rule_rates
from tests.unit.issuer.office import NOW, Office

TODAY = NOW.date()
DAYS = 300


def deliver(office: Office, *days_ago: int, accepted: bool = True, each: int = 1) -> None:
    """Changes of Ada on these days; one that nobody is said to have accepted is a record all the same."""
    accepted_by = {"accepted_by": ["git:bob@books.example"]} if accepted else {}
    made = [
        Contribution(
            source="git",
            id=f"{ago}-{number}-{accepted}",
            record="change",
            account=Account.parse("git:ada@books.example"),
            happened_at=NOW - timedelta(days=ago, hours=1),
            facts=facts_from({"changed_lines": 20, **accepted_by}),
        )
        for ago in days_ago
        for number in range(each)
    ]
    contributions.store(office.engine, made, now=NOW)


def alarms(office: Office) -> list[tuple[str, str]]:
    """(kind of the policy, what is unusual) of each alarm that waits after tonight's run."""
    Jobs(office.engine, lambda: office.bureau, lambda: office.policy, lambda: NOW).nightly()
    found = all_matters(office.engine, sources=(), now=NOW)
    return [(key.split(":")[1], key.split(":")[2]) for key in (m.key for m in found) if key.startswith("rule:")]


def test_a_rule_that_holds_as_ever_raises_nothing(office: Office) -> None:
    deliver(office, *range(1, DAYS, 2))
    assert alarms(office) == []


def test_a_rule_that_fell_silent_waits_though_its_source_goes_on(office: Office) -> None:
    deliver(office, *range(30, DAYS, 2))
    deliver(office, *range(1, 30, 2), accepted=False)  # a field has moved: nobody is said to have accepted them
    assert alarms(office) == [("change.merged", "silent")]
    (matter,) = [m for m in all_matters(office.engine, sources=(), now=NOW) if m.key.startswith("rule:")]
    assert "change.merged has held for nothing for 30 days" in matter.title
    assert matter.minutes and matter.default


def test_a_rule_that_bursts_waits_though_its_cap_was_full_long_ago(office: Office) -> None:
    deliver(office, *range(8, DAYS, 2))
    deliver(office, *range(1, 8), each=5)
    assert alarms(office) == [("change.merged", "burst")]


def test_an_alarm_goes_when_the_rule_holds_again(office: Office) -> None:
    deliver(office, *range(30, DAYS, 2))
    assert alarms(office) == [("change.merged", "silent")]
    deliver(office, *range(1, 30, 2))
    assert alarms(office) == []


@pytest.mark.parametrize("kinds", [1, 3])
def test_each_rule_is_measured_by_its_own_history(kinds: int) -> None:
    lively = {TODAY - timedelta(days=ago): 1 for ago in range(1, DAYS, 2)}
    silent = {day: number for day, number in lively.items() if day < TODAY - timedelta(days=40)}
    seldom = {TODAY - timedelta(days=ago): 1 for ago in range(20, DAYS, 30)}
    days: dict[str, dict[date, int]] = {"a": lively, "b": silent, "c": seldom}
    found = rule_rates.alarms_of(dict(list(days.items())[-kinds:]), until=TODAY)
    assert [one.kind for one in found] == [kind for kind in list(days)[-kinds:] if kind == "b"]
