"""News is handled for those whom it touches and for nobody else; what a run leaves is what a full run would."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from issuer.badges import service as badges
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.ground import news
from issuer.ground.database import reading
from issuer.jobs import Done, Jobs
from issuer.people import service as people
from issuer.people.model import Account
from issuer.people.roster import read_roster
from issuer.recognition import service as recognition
from tests.unit.issuer.office import NOW, Office, open_office


@pytest.fixture
def office(tmp_path: Path, issuing_database: dict[str, str]) -> Iterator[Office]:
    made = open_office(tmp_path, **issuing_database)
    yield made
    made.engine.dispose()


def jobs(office: Office) -> Jobs:
    return Jobs(office.engine, lambda: office.bureau, lambda: office.policy, lambda: NOW)


def tiers(office: Office) -> dict[str, str]:
    return {
        office.people[b.award.person].name: b.award.achievement
        for b in badges.all_badges(office.engine)
        if b.standing and b.jwt
    }


def store(office: Office, *made: Contribution) -> None:
    contributions.store(office.engine, made, now=NOW)


def change(name: str, who: str, *, by: str = "git:bob@books.example", **facts: object) -> Contribution:
    when = NOW - timedelta(days=9)
    told = facts_from({"changed_lines": 9, "accepted_by": [by], **facts})
    return Contribution("git", name, "change", Account.parse(f"git:{who}"), when, told)


def names(office: Office, ids: set[str]) -> set[str]:
    return {office.people[person].name for person in ids}


def touched(office: Office) -> set[str]:
    with reading(office.engine) as connection:
        told = news.waiting(connection, limit=1_000)
    return names(office, recognition.touched_by(office.engine, told))


def test_a_record_that_completes_a_tier_gives_its_signed_badge(office: Office) -> None:
    office.add_changes("ada", count=2)
    jobs(office).handle_news()
    assert tiers(office) == {"Ada Long": "recognised"}
    office.add_changes("ada", count=1, start=9)
    assert jobs(office).handle_news() == Done(news=1, persons=1, awards=1, signed=1)
    assert tiers(office) == {"Ada Long": "contributor"}


def test_the_first_night_of_a_period_renews_who_still_holds_the_tier_once(office: Office) -> None:
    office.add_changes("ada", count=4)
    office.add_changes("cy", count=1, start=700)

    def night(when: datetime) -> Done:
        return Jobs(office.engine, lambda: office.bureau, lambda: office.policy, lambda: when).nightly()

    assert night(datetime(2026, 12, 20, tzinfo=UTC)).awards == 2
    first = datetime(2027, 1, 1, tzinfo=UTC)
    assert [night(first).awards, night(first).awards, night(first + timedelta(days=1)).awards] == [1, 0, 0]
    held = {(office.people[b.award.person].name, b.award.period.name) for b in badges.all_badges(office.engine)}
    assert held == {("Ada Long", "2026"), ("Ada Long", "2027"), ("Cy Chair", "2026")}
    assert all(badge.standing for badge in badges.all_badges(office.engine)), "last year's stays good"


def test_news_is_handled_once(office: Office) -> None:
    office.add_changes("ada", count=3)
    jobs(office).handle_news()
    assert jobs(office).handle_news() == Done()


def test_a_record_touches_its_own_person_only(office: Office) -> None:
    for who in ("ada", "cy", "dana"):
        office.add_changes(who, count=2)
    jobs(office).handle_news()
    office.add_changes("cy", count=1, start=6)
    assert touched(office) == {"Cy Chair"}


def test_whoever_proves_an_account_brings_those_whose_work_it_accepted(office: Office) -> None:
    store(office, *(change(str(n), "ada@books.example", by="gerrit:7") for n in range(2)))
    jobs(office).handle_news()
    assert tiers(office) == {}
    rows, problems = read_roster(b"name,email,accounts\nEve,eve@books.example,gerrit:7\n")
    people.add_people(office.engine, rows, now=NOW, problems=problems)
    assert touched(office) == {"Eve", "Ada Long"}
    jobs(office).handle_news()
    assert tiers(office) == {"Ada Long": "recognised"}


def test_a_revert_touches_whose_change_it_takes_back_and_whose_it_brings_back(office: Office) -> None:
    commits = [f"{n}" * 40 for n in (1, 2, 3)]
    store(office, change("1", "ada@books.example", commit=commits[0]))
    store(office, change("2", "cy@books.example", commit=commits[1], reverts=commits[0][:9]))
    jobs(office).handle_news()
    store(office, change("3", "dana@books.example", commit=commits[2], reverts=commits[1]))
    assert touched(office) == {"Ada Long", "Cy Chair", "Dana Desk"}


def test_one_persons_decision_is_the_one_among_all(office: Office) -> None:
    commits = [f"{n}" * 40 for n in (1, 2, 3, 4)]
    store(office, change("a", "ada@books.example", commit=commits[0]))
    store(office, change("b", "cy@books.example", commit=commits[1], reverts=commits[0][:7]))
    store(office, change("c", "dana@books.example", commit=commits[2], reverts=commits[1][:12]))
    store(office, change("d", "ada@books.example", commit=commits[3], reverts=commits[2]))
    everybody = dict(recognition.decide_all(office.engine, office.policy, as_of=NOW))
    assert any(not line.counted for d in everybody.values() for line in d.lines)
    for person, decision in everybody.items():
        alone = recognition.decide_person(office.engine, office.policy, person, as_of=NOW)
        assert alone == decision, person.name


@pytest.mark.parametrize("issuing_database", ["sqlite"], indirect=True)
def test_an_arriving_record_costs_its_person_only(office: Office) -> None:
    """The number of statements and of rows read does not grow with the community."""

    def cost() -> int:
        counted = 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        event.listen(office.engine, "before_cursor_execute", count)
        jobs(office).handle_news()
        event.remove(office.engine, "before_cursor_execute", count)
        return counted

    office.add_changes("ada", count=3)
    jobs(office).handle_news()
    office.add_changes("ada", count=1, start=50)
    small = cost()
    crowd = "name,email,accounts\n" + "".join(f"P{n},p{n}@books.example,\n" for n in range(600))
    people.add_people(office.engine, read_roster(crowd.encode())[0], now=NOW)
    store(office, *(change(f"p{n}", f"p{n}@books.example") for n in range(600)))
    jobs(office).handle_news()
    office.add_changes("ada", count=1, start=80)
    assert cost() == small


def test_a_night_does_everything_that_was_told_before(office: Office) -> None:
    office.add_changes("ada", count=3)
    done = jobs(office).nightly()
    assert (done.persons, done.awards, done.signed) == (4, 1, 1)
    assert jobs(office).handle_news() == Done()
    assert jobs(office).nightly() == Done(persons=4)
