"""The rules' life on pages: proposed, opened, commented on, approved by two, put in force; each by who may."""

from datetime import timedelta
from pathlib import Path

import pytest

from issuer.delivery import record
from issuer.ground import audit
from issuer.ground.login.rights import Role
from issuer.recognition import life, versions
from tests.unit.issuer.people.community import Browser, Community

ADA, BOB, CY = "ada@books.example", "bob@books.example", "cy@books.example"
PAGE, TALK = "/team/policies", "/me/policies"


@pytest.fixture
def community(tmp_path: Path) -> Community:
    return Community(tmp_path)


def changed(community: Community, version: str = "1.1.0") -> str:
    text = community.office.policy.document.decode()
    return text.replace("version: 1.0.0", f"version: {version}").replace("min_credits: 3,", "min_credits: 2,")


def propose(community: Community, browser: Browser, **given: str) -> str:
    """Sends the form as browsers send a text of several lines; the page that follows."""
    browser.get(PAGE)
    fields = {"document": changed(community).replace("\n", "\r\n"), "why": "Two fixes and a talk", **given}
    answer = browser.submit(PAGE, None, **fields)
    return browser.get(answer.headers["location"]).text if answer.status_code == 303 else answer.text


def only(community: Community) -> life.Proposal:
    (found,) = versions.proposals(community.engine)
    return found


def test_a_version_goes_its_whole_way_on_pages(community: Community) -> None:
    manager, panel = community.with_role(BOB, Role.MANAGER), community.with_role(CY, Role.PANEL)
    assert 'href="/team/policies"' in panel.get("/team").text
    assert "No version was proposed yet" in manager.get(PAGE).text
    assert "The version is a draft." in propose(community, manager)
    at = f"{PAGE}/{only(community).digest}"
    assert "I approve it" not in panel.get(PAGE).text and "Open it for comments" not in panel.get(PAGE).text
    assert "The version is open for comments" in manager.done(f"{at}/opened", on=PAGE).text
    assert only(community).backtest is not None

    ada = community.signed_in(ADA)
    assert "Two fixes and a talk" in ada.get(TALK).text
    said = ada.done(f"{TALK}/{only(community).digest}/comments", on=TALK, text="What of <b>translators</b>?").text
    assert "Your comment stands beside the version." in said and "What of &lt;b&gt;translators" in said
    assert "Ada" not in manager.get(PAGE).text and "What of &lt;b&gt;" in manager.get(PAGE).text

    assert "Your approval is noted." in manager.done(f"{at}/approved", on=PAGE).text
    assert "I approve it" not in manager.get(PAGE).text
    panel.done(f"{at}/approved", on=PAGE)
    assert "Put it in force" not in manager.get(PAGE).text
    early = manager.submit(f"{at}/adopted")
    assert early.status_code == 422 and "once its time for comments is over" in early.text
    community.clock.now += timedelta(days=8)
    manager, panel = community.signed_in(BOB), community.signed_in(CY)
    assert "Put it in force" not in panel.get(PAGE).text
    assert "Nothing is discussed now" not in community.signed_in(ADA).get(TALK).text
    assert "Version 1.1.0 is in force." in manager.done(f"{at}/adopted", on=PAGE).text
    assert "min_credits: 2," in community.office.settings.policy.read_text()
    acts = [
        (row.act, row.role) for row in audit.entries(community.engine, last=50) if row.act.startswith("policy.")
    ]
    assert sorted(acts) == [
        ("policy.adopt", "manager"),
        ("policy.approve", "manager"),
        ("policy.approve", "panel"),
        ("policy.open", "manager"),
        ("policy.propose", "manager"),
    ]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"document": "id: x"}, "The policy: "),
        ({"why": " "}, "A proposal says why"),
        ({"document": "id: [\n"}, "The policy: line"),
    ],
)
def test_what_cannot_be_a_version_is_refused_with_one_sentence(
    community: Community, given: dict[str, str], sentence: str
) -> None:
    manager = community.with_role(BOB, Role.MANAGER)
    assert sentence in propose(community, manager, **given)
    assert versions.proposals(community.engine) == []


def test_a_version_is_given_up_with_a_reason(community: Community) -> None:
    manager = community.with_role(BOB, Role.MANAGER)
    propose(community, manager)
    at = f"{PAGE}/{only(community).digest}/withdrawn"
    manager.get(PAGE)
    assert "Say why the version is withdrawn." in manager.submit(at, None, reason=" ").text
    assert "Its text stays to be read." in manager.done(at, on=PAGE, reason="Too early").text
    assert only(community).withdrawn_at is not None


def test_comments_are_for_the_time_of_comments_and_are_erased_with_who_leaves(community: Community) -> None:
    manager, ada = community.with_role(BOB, Role.MANAGER), community.signed_in(ADA)
    propose(community, manager)
    at = f"{TALK}/{only(community).digest}/comments"
    ada.get("/me")
    assert "is not open for comments" in ada.submit(at, None, text="Early").text
    manager.done(f"{PAGE}/{only(community).digest}/opened", on=PAGE)
    ada.get(TALK)
    assert "A comment has 1 to 2000 characters." in ada.submit(at, None, text="x" * 2001).text
    ada.done(at, on=TALK, text="In time")
    assert [one.text for one in versions.comments(community.engine, only(community))] == ["In time"]
    record.leave(community.office.bureau, community.person(ADA).id, withdraw=False, now=community.clock())
    assert versions.comments(community.engine, only(community)) == []
    bob = manager
    community.clock.now += timedelta(days=8)
    bob = community.signed_in(BOB)
    bob.get("/me")
    assert "is not open for comments" in bob.submit(at, None, text="Late").text


def test_one_person_does_not_flood_a_version(community: Community) -> None:
    manager = community.with_role(BOB, Role.MANAGER)
    propose(community, manager)
    manager.done(f"{PAGE}/{only(community).digest}/opened", on=PAGE)
    by = community.person(BOB)
    for number in range(life.MAX_COMMENTS):
        versions.comment(community.engine, only(community), text=f"{number}", by=by, now=community.clock())
    manager.get(TALK)
    answer = manager.submit(f"{TALK}/{only(community).digest}/comments", None, text="More")
    assert answer.status_code == 422 and "20 things of version 1.1.0 already" in answer.text
