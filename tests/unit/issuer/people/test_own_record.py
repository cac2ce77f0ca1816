"""What people do with their own record, each act by its form, as a browser sends it."""

import json
from datetime import date, timedelta

import pytest

from issuer.badges import awarding, issuance
from issuer.badges import service as badges
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.ground import audit, news
from issuer.ground.database import reading, writing
from issuer.ground.login.rights import Role
from issuer.people import own, roster, store
from issuer.people import service as people_service
from issuer.people.model import Account
from issuer.recognition import service as recognition
from tests.unit.issuer.people.community import Browser, Community

ADA, BOB = "ada@books.example", "bob@books.example"


def with_badge(community: Community) -> str:
    """Ada earned a badge; its id."""
    community.office.add_changes("ada", count=4)
    engine, policy, now = community.engine, community.office.policy, community.clock()
    decided = list(recognition.decide_all(engine, policy, as_of=now))
    awarding.award_decisions(engine, decided, policy=policy, now=now)
    issuance.issue(community.office.bureau, now=now)
    (badge,) = badges.badges_of(engine, community.person(ADA).id)
    return badge.id


def badge_says(community: Community, badge_id: str) -> str:
    jwt = badges.badge_by_id(community.engine, badge_id).jwt
    assert jwt is not None
    return badges.read_own(jwt).model_dump_json()


def whole_database(community: Community) -> str:
    """Everything that the database holds, as text: what was erased must not be found in it."""
    connection = community.engine.raw_connection()
    try:
        return "\n".join(connection.driver_connection.iterdump())
    finally:
        connection.close()


def test_a_name_is_changed_without_a_link_to_the_former_one(community: Community) -> None:
    badge_id, browser = with_badge(community), community.signed_in(ADA)
    found = browser.get(browser.get("/me/badge").headers["location"])
    path = f"{found.url.path}/choices"
    short = badges.badge_by_id(community.engine, badge_id).short_id
    browser._asked("POST", path, headers={}, data={"badge": short, "shows_name": "yes"})
    assert "Ada Long" in badge_says(community, badge_id)
    page = browser.done("/me/name", name="  Adele   Short ")
    assert "Adele Short" in page.text and "Your name was changed" in page.text
    assert "Adele Short" in badge_says(community, badge_id)
    assert "Ada Long" not in whole_database(community), "not in a former version of the badge either"
    rows, problems = roster.read_roster(b"name,email,accounts\nAda Long,ada@books.example,\n")
    people_service.add_people(community.engine, rows, now=community.clock(), problems=problems)
    assert community.person(ADA).name == "Adele Short", "no roster changes it back"


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x00b"])
def test_a_name_that_is_none_is_refused(community: Community, name: str) -> None:
    browser = community.signed_in(ADA)
    browser.get("/me")
    answer = browser.submit("/me/name", name=name)
    assert answer.status_code == 422 and "printable characters" in answer.text


def test_an_address_is_added_used_and_the_old_one_dropped(community: Community) -> None:
    browser = community.signed_in(ADA)
    assert "proved to be yours" in community.prove_address(browser, "ada@new.example").text
    browser.done("/me/address", address="ada@new.example")
    assert community.person("mail:ada@new.example").email == "ada@new.example"
    browser.done("/me/accounts/dropped", account=f"mail:{ADA}")
    assert {str(one) for one in community.person("mail:ada@new.example").accounts} == {
        "git:ada@new.example",
        "mail:ada@new.example",
    }
    browser.get("/me")
    assert browser.submit("/me/accounts/dropped", account="mail:ada@new.example").status_code == 422, "locked out"


def test_an_address_that_is_not_proved_gets_no_mail(community: Community) -> None:
    browser = community.signed_in(ADA)
    browser.get("/me")
    assert browser.submit("/me/address", address=BOB).status_code == 422


def test_a_link_that_adds_an_address_is_of_no_use_to_somebody_else(community: Community) -> None:
    """Eve asks for a link to Bob's address; Bob, signed in as himself, follows it: nothing is joined to Eve."""
    eve, bob = community.signed_in("eve@else.example"), community.signed_in(BOB)
    eve.get("/me")
    eve.submit("/me/addresses", address=BOB)
    link = community.newest_link()
    bob.get(link)
    answer = bob.submit(link)
    assert answer.status_code == 400 and "Somebody else asked" in answer.text
    stranger = community.browser()
    stranger.get(link)
    assert stranger.submit(link).status_code == 400
    with reading(community.engine) as connection:
        assert store.offers_of(connection, community.person("mail:eve@else.example").id) == []


def test_an_employer_is_put_on_record_and_what_is_there_is_disputed(community: Community) -> None:
    browser = community.signed_in(ADA)
    browser.done("/me/affiliations", organisation="Libri", since="2026-03-01")
    browser.done("/me/affiliations", nobody="yes", since="2026-09-01")
    assert [(one.organisation, one.since) for one in community.person(ADA).affiliations] == [
        ("Libri", date(2026, 3, 1)),
        (None, date(2026, 9, 1)),
    ]
    browser.get("/me")
    assert browser.submit("/me/affiliations", organisation="Other", since="2026-03-01").status_code == 422
    browser.done("/me/requests", kind="affiliation", about="2026-03-01", reason="I never worked there.")
    (matter,) = [one for one in own.matters(community.engine) if one.kind == "dispute"]
    assert matter.minutes > 0 and matter.default and "Ada" not in matter.title
    manager = community.with_role(BOB, Role.MANAGER)
    assert "I never worked there." in manager.get(matter.page).text
    manager.submit(matter.page, decision="grant", answer="You are right.")
    assert [one.since for one in community.person(ADA).affiliations] == [date(2026, 9, 1)]
    assert "You are right." in browser.get("/me").text
    assert [one for one in own.matters(community.engine) if one.kind == "dispute"] == []


def test_an_account_that_cannot_be_proved_is_granted_or_refused_with_an_answer(community: Community) -> None:
    browser, manager = community.signed_in(ADA), community.with_role(BOB, Role.MANAGER)
    for account in ("zanata:ada", "zanata:other"):
        browser.done("/me/requests", about=account, reason="It was closed in 2019.")
    claims = [one.page for one in own.matters(community.engine) if one.kind == "claim"]
    manager.get(claims[0])
    assert manager.submit(claims[0], decision="grant", answer=" ").status_code == 400, "it wants an answer"
    manager.done(claims[0], on=claims[0], decision="grant", answer="The old team confirms it.")
    manager.done(claims[1], on=claims[1], decision="refuse", answer="That was somebody else.")
    accounts = {str(one) for one in community.person(ADA).accounts}
    assert "zanata:ada" in accounts and "zanata:other" not in accounts
    page = browser.get("/me").text
    assert "That was somebody else." in page and "The old team confirms it." in page
    manager.get(claims[0])
    assert manager.submit(claims[0], decision="refuse", answer="No.").status_code in {403, 422}, "decided once"


def test_nobody_decides_about_themselves(community: Community) -> None:
    manager = community.with_role(ADA, Role.MANAGER)
    manager.done("/me/requests", about="zanata:ada", reason="It is mine.")
    (matter,) = [one for one in own.matters(community.engine) if one.kind == "claim"]
    manager.get(matter.page)
    answer = manager.submit(matter.page, decision="grant", answer="Yes.")
    assert answer.status_code == 422 and "themselves" in answer.text


def test_a_pause_moves_the_window_of_the_decision(community: Community) -> None:
    community.office.add_changes("ada", count=4, start=400)
    policy, browser = community.office.policy, community.signed_in(ADA)

    def credits_now() -> str:
        found, now = community.person(ADA), community.clock()
        return str(recognition.decide_person(community.engine, policy, found, as_of=now).credits)

    before = credits_now()
    browser.done("/me/pauses", begins="2026-01-01", ends="2026-06-01")
    paused = credits_now()
    assert paused != before
    begins = community.person(ADA).pauses[0].begins.isoformat()
    browser.done("/me/pauses/ended", begins=begins)
    assert credits_now() == before
    browser.get("/me")
    assert browser.submit("/me/pauses", begins="2026-06-01", ends="2026-01-01").status_code == 422
    assert browser.submit("/me/pauses/ended", begins="yesterday").status_code in {403, 422}


def test_work_under_an_unclaimed_account_is_found_and_then_counted(community: Community) -> None:
    record = Contribution(
        source="git",
        id="old-1",
        record="change",
        account=Account.parse("git:ada@old.example"),
        happened_at=community.clock() - timedelta(days=9),
        facts=facts_from({"changed_lines": 12, "accepted_by": ["git:bob@books.example"]}),
    )
    contributions.store(community.engine, [record], now=community.clock())
    browser = community.signed_in(ADA)
    assert "1 record waits" in browser.get("/me?account=git:ada@old.example").text
    community.prove_address(browser, "ada@old.example")
    found = community.person(ADA)
    decision = recognition.decide_person(community.engine, community.office.policy, found, as_of=community.clock())
    assert [line.item.id for line in decision.lines] == ["git:old-1"]


def test_who_looked_is_seen_by_the_person_and_a_look_wants_a_reason(community: Community) -> None:
    browser, manager = community.signed_in(ADA), community.with_role(BOB, Role.MANAGER)
    assert "Nobody has looked" in browser.get("/me/looks").text
    manager.get("/team/people")
    answer = manager.submit("/team/people", who=ADA, reason="  ")
    assert answer.status_code == 400 and "Ada Long" not in answer.text
    assert "Nobody has looked" in browser.get("/me/looks").text
    manager.get("/team/people")
    assert "Ada Long" in manager.submit("/team/people", who=ADA, reason="She asked why.").text
    looks = browser.get("/me/looks").text
    assert "Bob Keeper" in looks and "She asked why." in looks
    assert audit.check(community.engine).fault is None
    assert "Ada" not in json.dumps([row.to_json() for row in audit.entries(community.engine)])


def test_everything_is_taken_along_as_one_file(community: Community) -> None:
    badge_id, browser = with_badge(community), community.signed_in(ADA)
    browser.done("/me/affiliations", organisation="Libri", since="2026-03-01")
    answer = browser.get("/me/record.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-record.json"'
    whole = json.loads(answer.content)
    assert whole["person"]["name"] == "Ada Long"
    assert {one["account"] for one in whole["accounts"]} == {f"git:{ADA}", f"mail:{ADA}"}
    assert len(whole["contributions"]) == 4
    (badge,) = whole["badges"]
    assert badge["id"] == badge_id and badge["jwt"]
    assert "Libri" in answer.text and "Bob" not in answer.text, "nobody else's name is in it"


def test_everything_is_hidden(community: Community) -> None:
    badge_id, browser = with_badge(community), community.signed_in(ADA)
    found = badges.badge_by_id(community.engine, badge_id)
    issuance.choose(
        community.office.bureau,
        found,
        person=community.person(ADA),
        shows_name=True,
        hashes_address=True,
        published=True,
        now=community.clock(),
    )
    assert browser.get(f"/b/{found.short_id}/").status_code == 200
    assert "Nothing of yours" in browser.done("/me/hidden", on="/me/leave").text
    assert browser.get(f"/b/{found.short_id}/").status_code == 404
    assert "Ada Long" not in badge_says(community, badge_id) and "emailAddress" not in badge_says(
        community, badge_id
    )


def test_whoever_leaves_leaves_a_status_bit_that_says_nothing(community: Community) -> None:
    badge_id, browser = with_badge(community), community.signed_in(ADA)
    browser.done("/me/affiliations", organisation="Libri", since="2026-03-01")
    person = community.person(ADA).id
    page = browser.get(browser.get("/me/badge").headers["location"]).url.path
    browser.get("/me/leave")
    assert browser.submit("/me/leave", word="stay").status_code == 422
    browser.get("/me/leave")
    assert "erased" in browser.submit("/me/leave", word="leave").text
    assert browser.get("/me").headers["location"] == "/sign-in"
    assert browser.get(page).status_code == 404
    with writing(community.engine) as connection:
        news.done_until(connection, news.newest(connection))  # as the jobs do within a second
    left = whole_database(community)
    for trace in ("Ada Long", "Libri", "git:ada", "ada@books.example", "eyJ"):
        assert trace not in left, trace
    badge = badges.badge_by_id(community.engine, badge_id)
    assert badge.standing, "the badge in her hand goes on verifying"
    assert person in left, "the number stays"


def test_what_somebody_accepted_goes_on_counting_for_its_author_when_they_leave(community: Community) -> None:
    community.office.add_changes("ada", count=4)
    policy, now = community.office.policy, community.clock()
    before = recognition.decide_person(community.engine, policy, community.person(ADA), as_of=now)
    bob = community.signed_in(BOB)
    bob.get("/me/leave")
    bob.submit("/me/leave", word="leave")
    after = recognition.decide_person(community.engine, policy, community.person(ADA), as_of=now)
    assert before.credits == after.credits > 0
    with writing(community.engine) as connection:
        news.done_until(connection, news.newest(connection))
    assert "bob@books" not in whole_database(community) and "Bob Keeper" not in whole_database(community)


def test_whoever_leaves_is_not_recorded_again_until_they_come_back(community: Community) -> None:
    with_badge(community)
    browser = community.signed_in(ADA)
    browser.get("/me/leave")
    browser.submit("/me/leave", word="leave", withdraw="yes")
    assert all(not one.standing for one in badges.all_badges(community.engine))
    community.office.add_changes("ada", count=2, start=1)
    with reading(community.engine) as connection:
        assert list(contributions.contributions_of(connection, [Account.parse(f"git:{ADA}")])) == []
    rows, problems = roster.read_roster(b"name,email,accounts\nAda Long,ada@books.example,\n")
    report = people_service.add_people(community.engine, rows, now=community.clock(), problems=problems)
    assert "asked not to be recorded" in str(report)
    back = community.signed_in(ADA)
    assert "Welcome" in back.get("/me").text
    community.office.add_changes("ada", count=2, start=2, lines=11)
    with reading(community.engine) as connection:
        assert len(list(contributions.contributions_of(connection, [Account.parse(f"git:{ADA}")]))) == 2


def test_nobody_reads_anybody_elses_record(community: Community) -> None:
    with_badge(community)
    other: Browser = community.signed_in("eve@else.example")
    for path in ("/me", "/me/record.json", "/me/looks"):
        text = other.get(path).text
        assert "Ada" not in text and "books.example" not in text
    assert other.get("/team/people").status_code == 403


def test_the_language_of_letters_is_chosen_and_taken_along(community: Community) -> None:
    browser = community.signed_in(ADA)
    page = browser.done("/me/language", language="fr")
    assert "Letters to you are written in this language" in page.text
    assert community.person(ADA).voice.code == "fr"
    assert json.loads(browser.get("/me/record.json").text)["person"]["language"] == "fr"
    browser.get("/me")
    assert browser.submit("/me/language", language="tlh").status_code == 422
    browser.done("/me/language", language="")
    assert community.person(ADA).language is None
