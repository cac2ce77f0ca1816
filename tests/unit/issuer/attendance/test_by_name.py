"""Attendance of people who are signed in: on their record if they say so, once, and counted by the policy."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from issuer.attendance import model, service
from issuer.contributions import service as contributions
from issuer.ground import audit
from issuer.ground.database import reading
from issuer.recognition import service as recognition
from schemas import policy as policy_shape
from tests.unit.issuer.people.community import Browser, Community

ADA = "ada@books.example"


@pytest.fixture
def community(tmp_path: Path) -> Community:
    return Community(tmp_path)


def gathering(community: Community) -> model.Gathering:
    """One that begins in five minutes, when the clock is moved to."""
    starts = community.clock() + timedelta(minutes=5)
    made, _ = service.declare(
        community.engine,
        event="paris-6",
        title="Meetup in Paris",
        region="eu",
        starts=starts,
        ends=starts + timedelta(hours=3),
        capacity=3,
        now=community.clock(),
    )
    community.clock.now = starts + timedelta(minutes=1)
    return made


def scanned(community: Community, made: model.Gathering) -> str:
    rule = community.office.policy.attendance_code
    return f"/here/{made.id}/{model.code_at(made, community.clock(), rule)}"


def records(community: Community) -> list[tuple[str, str, str | None]]:
    with reading(community.engine) as connection:
        return [(c.record, str(c.account), c.facts.event) for c in contributions.all_contributions(connection)]


def counted(community: Community) -> int:
    with reading(community.engine) as connection:
        return service.counted(connection, ["paris-6"])["paris-6"].proved


def tap(browser: Browser, path: str, button: str) -> str:
    page = browser.get(path).text
    assert button in page
    answer = browser.submit(path if button.endswith("without my name") else f"{path}/recorded")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_who_is_signed_in_and_says_so_has_it_on_their_record_once(community: Community) -> None:
    browser, made = community.signed_in(ADA), gathering(community)
    page = tap(browser, scanned(community, made), "I am here: put it on my record")
    assert "Counted." in page and "on your record, too" in page
    community.clock.now += timedelta(minutes=3)
    assert "Counted already." in tap(browser, scanned(community, made), "I am here: put it on my record")
    assert records(community) == [("event.attended", f"mail:{ADA}", "paris-6")]
    assert counted(community) == 1


def test_a_second_phone_of_the_same_person_adds_no_second_record(community: Community) -> None:
    made = gathering(community)
    for _ in range(2):
        tap(community.signed_in(ADA), scanned(community, made), "I am here: put it on my record")
    assert len(records(community)) == 1


def test_who_taps_without_their_name_is_counted_and_recorded_nowhere(community: Community) -> None:
    browser, made = community.signed_in(ADA), gathering(community)
    page = tap(browser, scanned(community, made), "I am here, without my name")
    assert "Counted." in page and "record, too" not in page
    assert records(community) == []
    assert counted(community) == 1


def test_who_is_not_signed_in_is_offered_no_record(community: Community) -> None:
    browser, made = community.browser(), gathering(community)
    assert "my record" not in browser.get(scanned(community, made)).text
    assert browser.submit(f"{scanned(community, made)}/recorded").status_code == 401
    assert (records(community), counted(community)) == ([], 0)


@pytest.mark.parametrize("minutes", [10, 60 * 6])
def test_an_old_code_and_a_closed_room_record_nothing_even_for_who_was_counted(
    community: Community, minutes: int
) -> None:
    browser, made = community.signed_in(ADA), gathering(community)
    old = scanned(community, made)
    tap(browser, old, "I am here, without my name")
    browser.get(old)
    community.clock.now += timedelta(minutes=minutes)
    assert browser.submit(f"{old}/recorded").status_code in {401, 410}
    assert records(community) == []


def test_a_form_of_another_site_puts_nothing_on_a_record(community: Community) -> None:
    browser, made = community.signed_in(ADA), gathering(community)
    browser.get(scanned(community, made))
    forged = browser.submit(f"{scanned(community, made)}/recorded", {"Origin": "https://elsewhere.example"})
    assert forged.status_code == 403
    assert (records(community), counted(community)) == ([], 0)


def test_attending_counts_as_the_policy_says(community: Community) -> None:
    browser, made = community.signed_in(ADA), gathering(community)
    tap(browser, scanned(community, made), "I am here: put it on my record")
    ada, now = community.person(ADA), community.clock()
    (line,) = recognition.decide_person(community.engine, community.office.policy, ada, as_of=now).lines
    assert (line.kind, line.clause) == ("event.attended", "no_credits")
    text = community.office.policy.document.decode()
    told = "event.attended:     {grade: A, from: [attendance], credits: 0}"
    assert told in text
    generous = policy_shape.load(
        text.replace(told, told.replace("credits: 0", "credits: 0.1, cap: 1, when: []")).encode(), name="generous"
    )
    decision = recognition.decide_person(community.engine, generous, ada, as_of=now)
    assert decision.tier == "recognised"


def test_an_organiser_declares_an_event_and_shows_its_code(community: Community) -> None:
    browser = community.signed_in(ADA)
    browser.get("/gatherings")
    answer = browser.submit("/gatherings", title="Rencontre à Paris", capacity="80", begins="0", hours="3")
    assert answer.status_code == 303
    room = answer.headers["location"]
    community.clock.now += timedelta(seconds=1)
    page = browser.get(room).text
    assert re.search(r"<code>rencontre-à-paris-[0-9-]+-[0-9a-f]{4}</code>", page)
    assert "Scan the code with your phone" in browser.get(f"{room}/screen").text
    (row,) = [row for row in audit.entries(community.engine) if row.act == "gathering.declare"]
    assert row.actor == community.person(ADA).id


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"capacity": "0"}, "no number of people"),
        ({"capacity": "many"}, "no number of people"),
        ({"title": ""}, "has an event and a title"),
        ({"begins": "at", "at": "soon"}, "A time such as"),
        ({"begins": "at", "at": "2001-01-01T10:00"}, "declared before it starts"),
        ({"hours": "169"}, "no number of people"),
    ],
)
def test_what_cannot_be_declared_is_said_on_the_form(
    community: Community, fields: dict[str, str], says: str
) -> None:
    browser = community.signed_in(ADA)
    browser.get("/gatherings")
    whole = {"title": "Meetup", "capacity": "80", "begins": "0", "hours": "3", **fields}
    answer = browser.submit("/gatherings", None, **whole)
    assert answer.status_code == 422
    assert says in answer.text and f'value="{whole["title"]}"' in answer.text
