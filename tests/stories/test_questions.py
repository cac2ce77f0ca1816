"""A decision that somebody finds wrong: asked on the why page, answered out of the inbox, appealed, and decided by
somebody else. Played over HTTP (POLICY §4, disputes).
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from issuer.badges import awarding, issuance
from issuer.ground.login.rights import Role
from issuer.recognition import service as recognition
from keys import custody
from tests.unit.issuer.people.community import Browser, Community


@pytest.fixture
def community(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Community]:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
    community = Community(tmp_path)
    office = community.office
    office.add_changes("ada", count=4)
    decided = recognition.decide_all(office.engine, office.policy, as_of=community.clock())
    awarding.award_decisions(office.engine, decided, policy=office.policy, now=community.clock())
    issuance.issue(office.bureau, now=community.clock())
    yield community
    office.engine.dispose()


def why(community: Community) -> str:
    office = community.office
    return f"/h/{office.bureau.page_token(office.person('ada@books.example').id)}/why"


def ask(community: Community, kind: str, text: str) -> str:
    browser = community.browser()
    path = why(community)
    answer = browser.client.request("POST", path.replace("/why", "/questions"), data={"kind": kind, "text": text})
    assert answer.status_code == 303, answer.text
    return browser.get(path).text


def answer(community: Community, team: Browser, number: int, decision: str, text: str) -> int:
    assert f"/team/questions/{number}" in team.get("/team").text
    assert team.get(f"/team/questions/{number}").status_code == 200
    return team.submit(f"/team/questions/{number}", decision=decision, answer=text).status_code


def test_dispute_and_appeal(community: Community) -> None:
    shown = ask(community, "dispute", "My talk in Lyon is not counted.")
    assert "To be answered by" in shown
    manager = community.with_role("cy@books.example", Role.MANAGER)
    page = manager.get("/team/questions/1").text
    assert "My talk in Lyon is not counted." in page and "A decision that is disputed" in page
    assert answer(community, manager, 1, "refuse", "Nobody attested it yet.") == 303
    after = community.browser().get(why(community)).text
    assert "Nobody attested it yet." in after and "I appeal" in after

    ask(community, "appeal", "Two people were there.")
    assert answer(community, manager, 2, "grant", "I looked again") == 422, "not by who answered before"
    panel = community.with_role("dana@books.example", Role.PANEL)
    assert answer(community, panel, 2, "grant", "Bea and Cy will attest it.") == 303
    assert "Bea and Cy will attest it." in community.browser().get(why(community)).text
    audit = manager.get("/team/audit").text
    assert "question.refuse" in audit and "question.grant" in audit and "Ada Long" not in audit


def test_a_dispute_that_comes_too_late_is_told_when_it_ended(community: Community) -> None:
    community.clock.now += timedelta(days=31)
    path = why(community).replace("/why", "/questions")
    late = community.browser().client.request("POST", path, data={"kind": "dispute", "text": "Too late?"})
    assert late.status_code == 422
    assert "within 30 days" in late.text


def test_an_answer_wants_reasons_and_a_decision(community: Community) -> None:
    ask(community, "missing", "My runbook is missing.")
    manager = community.with_role("cy@books.example", Role.MANAGER)
    assert answer(community, manager, 1, "grant", " ") == 422
    assert answer(community, manager, 1, "perhaps", "Well") == 422
    assert manager.get("/team/questions/99").status_code == 422
    assert answer(community, manager, 1, "grant", "It is collected now.") == 303
    assert "/team/questions/1" not in manager.get("/team").text
    assert "It is collected now." in manager.get("/team/questions/1").text
