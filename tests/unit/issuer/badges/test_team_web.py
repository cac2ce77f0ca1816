"""Badges withdrawn on the team's page: proposed by one, agreed to by a second, lifted with a reason."""

from datetime import timedelta
from pathlib import Path

import pytest

from issuer.badges import awarding, issuance
from issuer.badges import service as badges
from issuer.badges.model import Badge
from issuer.ground.login.rights import Role
from issuer.jobs import Jobs
from issuer.recognition import service as recognition
from tests.unit.issuer.people.community import Browser, Community

ADA, BOB, CY = "ada@books.example", "bob@books.example", "cy@books.example"
PAGE = "/team/revocations"


@pytest.fixture
def community(tmp_path: Path) -> Community:
    made = Community(tmp_path)
    made.office.add_changes("ada", count=4)
    decided = list(recognition.decide_all(made.engine, made.office.policy, as_of=made.clock()))
    awarding.award_decisions(made.engine, decided, policy=made.office.policy, now=made.clock())
    issuance.issue(made.office.bureau, now=made.clock())
    return made


def badge(community: Community) -> Badge:
    (found,) = badges.badges_of(community.engine, community.person(ADA).id)
    return found


def propose(community: Community, browser: Browser, **changed: str) -> str:
    browser.get(PAGE)
    fields = {"badge": badge(community).short_id, "cause": "fraud", "reason": "Two meetups never were.", **changed}
    answer = browser.submit(PAGE, None, **fields)
    return browser.get(answer.headers["location"]).text if answer.status_code == 303 else answer.text


def test_two_people_withdraw_a_badge_and_its_holder_has_notice(community: Community) -> None:
    manager, panel = community.with_role(BOB, Role.MANAGER), community.with_role(CY, Role.PANEL)
    page = propose(community, manager)
    assert "Case 1: Contributor 2026" in page and "The case is open" in page
    assert "I agree" not in page, "whoever proposed it is one of the two already"
    assert badge(community).state == "suspended"
    assert community.mails()[-1].recipient == ADA and "to be withdrawn" in community.mails()[-1].subject
    assert "A second person decides" in panel.get("/team").text
    assert 'href="/team/revocations"' in panel.get("/team").text
    assert "You are the second of two people" in panel.done(f"{PAGE}/1/agreed", on=PAGE).text
    community.clock.now += timedelta(days=10, minutes=1)
    office = community.office
    Jobs(office.engine, lambda: office.bureau, lambda: office.policy, community.clock).handle_news()
    assert badge(community).state == "revoked"
    assert "Cases that are over" in community.signed_in(BOB).get(PAGE).text


def test_a_case_is_lifted_with_a_reason_that_the_holder_reads(community: Community) -> None:
    manager = community.with_role(BOB, Role.MANAGER)
    propose(community, manager)
    manager.get(PAGE)
    assert manager.submit(f"{PAGE}/1/lifted", reason=" ").status_code == 422
    assert "stands again" in manager.done(f"{PAGE}/1/lifted", on=PAGE, reason="They did take place.").text
    assert badge(community).state == "in force"
    assert "They did take place." in community.mails()[-1].text


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"badge": "000000"}, "names no badge"),
        ({"badge": "x"}, "too short for a badge"),
        ({"cause": "envy"}, "withdraws no badge for"),
        ({"cause": "holder_request"}, "Only its holder asks for this"),
        ({"reason": " "}, "characters why"),
    ],
)
def test_what_cannot_be_proposed_is_said(community: Community, changed: dict[str, str], says: str) -> None:
    assert says in propose(community, community.with_role(BOB, Role.MANAGER), **changed)
    assert badge(community).state == "in force"


def test_nobody_decides_about_their_own_badge_nor_twice(community: Community) -> None:
    assert "Nobody" in propose(community, community.with_role(ADA, Role.MANAGER))
    manager = community.with_role(BOB, Role.MANAGER)
    propose(community, manager)
    assert "runs already" in propose(community, manager)
    manager.get(PAGE)
    assert manager.submit(f"{PAGE}/1/agreed").status_code == 422


def private_page(community: Community) -> str:
    return f"/h/{community.office.bureau.page_token(community.person(ADA).id)}"


def test_a_holder_gives_their_badge_back_and_it_is_withdrawn_at_once(community: Community) -> None:
    browser, page, short = community.browser(), private_page(community), badge(community).short_id
    assert "Give this badge back" in browser.get(page).text
    form = {"badge": short}
    refused = browser._asked("POST", f"{page}/returned", headers={}, data=form)
    assert refused.status_code == 422 and "by a slip" in refused.text
    assert badge(community).state == "in force"
    done = browser._asked("POST", f"{page}/returned", headers={}, data={**form, "sure": "yes"})
    assert done.status_code == 303
    assert badge(community).state == "revoked"
    shown = browser.get(page).text
    assert "This badge was withdrawn" in shown and "Give this badge back" not in shown
    again = browser._asked("POST", f"{page}/returned", headers={}, data={**form, "sure": "yes"})
    assert again.status_code == 422


def test_nobody_gives_back_a_badge_of_somebody_else(community: Community) -> None:
    browser = community.browser()
    forged = browser._asked("POST", "/h/guessed/returned", headers={}, data={"badge": "x", "sure": "yes"})
    assert forged.status_code == 404
    other = browser._asked(
        "POST", f"{private_page(community)}/returned", headers={}, data={"badge": "not-mine", "sure": "yes"}
    )
    assert other.status_code == 422 and badge(community).state == "in force"
