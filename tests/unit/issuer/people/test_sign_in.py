"""Coming in by a mailed link, going out, and what a strange form, link or client gets."""

from datetime import timedelta

import pytest

from issuer.ground.login.rights import Role
from tests.unit.issuer.people.community import URL, Community
from tests.unit.issuer.people.statements import asked_of_the_database

ADA = "ada@books.example"


def test_a_mailed_link_signs_in_once(community: Community) -> None:
    browser = community.signed_in(ADA)
    assert "Ada Long" in browser.get("/me").text
    link = community.newest_link()
    assert browser.get(link).status_code == 400
    assert "used before" in browser.get(link).text


def test_opening_a_link_does_not_use_it_up(community: Community) -> None:
    browser = community.browser()
    community.asked(ADA, browser)
    link = community.newest_link()
    assert [community.browser().get(link).status_code for _ in range(3)] == [200, 200, 200]
    browser.get(link)
    assert browser.submit(link).headers["location"] == "/me"


def test_a_link_is_over_after_a_quarter_of_an_hour(community: Community) -> None:
    browser = community.browser()
    community.asked(ADA, browser)
    link = community.newest_link()
    browser.get(link)
    community.clock.now += timedelta(minutes=15)
    assert browser.submit(link).status_code == 400


def test_a_link_in_another_browser_asks_whether_it_was_you(community: Community) -> None:
    community.asked(ADA, community.browser())
    link, other = community.newest_link(), community.browser()
    assert "another browser" in other.get(link).text
    assert other.submit(link).status_code == 400
    assert other.submit(link, confirmed="asked").headers["location"] == "/me"


def test_the_answer_is_the_same_whether_an_address_is_known(community: Community) -> None:
    known = community.asked(ADA, community.browser())
    unknown = community.asked("nobody@else.example", community.browser())
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)


def test_no_timing_tells_it_either_since_the_request_does_the_same_for_each(community: Community) -> None:
    work = []
    for address in (ADA, "nobody@else.example", ADA.upper()):
        browser = community.browser()
        browser.get("/sign-in")
        with asked_of_the_database() as statements:
            assert browser.submit("/sign-in", address=address).status_code == 200
        work.append(statements)
    assert work[0] and work[0] == work[1] == work[2]
    assert not [one for one in work[0] if "persons" in one or "accounts" in one]


def test_whoever_is_unknown_gets_a_record_of_their_own_and_was_told(community: Community) -> None:
    browser = community.browser()
    assert "What is kept about you" in browser.get("/sign-in").text
    browser = community.signed_in("new@else.example")
    assert "Welcome" in browser.get("/me").text
    person = community.person("mail:new@else.example")
    assert person.told_at == community.clock()
    assert {str(account) for account in person.accounts} == {"mail:new@else.example", "git:new@else.example"}


def test_an_address_gets_no_more_than_three_links_in_a_quarter(community: Community) -> None:
    for _ in range(5):
        community.asked(ADA, community.browser())
    assert len(community.mails()) == 3


def test_a_client_that_asks_too_often_waits(community: Community) -> None:
    browser = community.browser(address="192.0.2.7")
    statuses = [community.asked(f"a{n}@x.example", browser).status_code for n in range(12)]
    assert statuses[-1] == 429


def test_a_form_from_another_site_does_nothing(community: Community) -> None:
    browser = community.signed_in(ADA)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        browser.get("/me")
        assert browser.submit("/me/name", headers, name="Eve").status_code == 403
    browser.get("/me")
    assert browser.submit("/me/name", form_token="0" * 64, name="Eve").status_code == 403
    assert community.person(ADA).name == "Ada Long"


def test_a_session_ends_when_it_is_not_used_and_when_one_signs_out(community: Community) -> None:
    browser = community.signed_in(ADA)
    kept = dict(browser.cookies)
    community.clock.now += timedelta(minutes=59)
    assert browser.get("/me").status_code == 200
    browser.submit("/sign-out")
    browser.cookies = kept
    assert browser.get("/me").headers["location"] == "/sign-in", "ended here, whatever the browser keeps"
    browser = community.signed_in(ADA)
    community.clock.now += timedelta(hours=1)
    assert browser.get("/me").headers["location"] == "/sign-in"


def test_cookies_are_kept_from_scripts_and_other_sites(community: Community) -> None:
    browser = community.browser()
    community.asked(ADA, browser)
    link = community.newest_link()
    browser.get(link)
    lines = browser.submit(link).headers.get_list("set-cookie")
    (session,) = [line for line in lines if line.startswith("__Host-session=")]
    assert all(word in session for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"))


@pytest.mark.parametrize("path", ["/sign-in", "/privacy", "/me", "/me/leave", "/me/looks"])
def test_pages_run_no_script_and_are_kept_by_nobody(community: Community, path: str) -> None:
    answer = community.signed_in(ADA).get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text and " style=" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_pages_speak_french_when_they_are_asked_to(community: Community) -> None:
    browser = community.signed_in(ADA)
    assert "Votre fiche" in browser.get("/me", **{"Accept-Language": "fr-CA,fr;q=0.9"}).text
    assert "Votre fiche" in browser.get("/me?lang=fr").text
    assert "Votre fiche" in browser.get("/me").text, "the choice is kept"


def test_a_role_that_is_taken_ends_the_session(community: Community) -> None:
    from issuer.ground.login import service as login

    browser = community.with_role(ADA, Role.MANAGER)
    assert browser.get("/team").status_code == 200
    person = community.person(ADA).id
    login.take_role(
        community.engine, person, Role.MANAGER, by="operator", reason="term over", now=community.clock()
    )
    assert browser.get("/team").headers["location"] == "/sign-in"
    assert community.signed_in(ADA).get("/team").status_code == 403


def test_links_stand_under_our_own_address(community: Community) -> None:
    browser = community.browser()
    browser.get("/sign-in")
    browser.submit("/sign-in", {"Host": "evil.example"}, address=ADA)
    assert all(URL in mail.text and "evil" not in mail.text for mail in community.mails())


def test_the_mailed_link_speaks_the_language_of_the_page_on_which_it_was_asked_for(community: Community) -> None:
    browser = community.browser()
    browser.get("/sign-in?lang=fr")
    browser.submit("/sign-in", address=ADA)
    mail = community.mails()[-1]
    assert mail.subject == "Votre lien de connexion" and "Le lien sert une fois" in mail.text
    assert "Somebody" not in mail.text
