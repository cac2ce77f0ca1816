"""Coming in by a mailed link and going out again, over HTTP in process; and the ways in that must stay shut."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.unit.verifier.staff.office import ROSTER, Browser, StaffOffice
from verifier.ground import audit
from verifier.ground.database import reading
from verifier.staff.service import IDLE_LASTS, LINK_LASTS, LINKS_EACH, SESSION_LASTS

SESSION = "__Host-staff-session"


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Iterator[StaffOffice]:
    office = StaffOffice(tmp_path, **database)
    yield office
    office.close()


def is_in(browser: Browser) -> bool:
    return browser.get("/staff").status_code == 200


def test_a_link_signs_in_and_a_press_of_the_button_signs_out(office: StaffOffice) -> None:
    browser = office.signed_in("lead")
    assert "You are signed in as staff-2" in browser.get("/staff").text
    kept = dict(browser.cookies)
    assert browser.submit("/staff/sign-out").headers["location"] == "/staff/sign-in"
    assert SESSION not in browser.cookies
    browser.cookies = kept  # a browser that kept its cookie all the same
    assert not is_in(browser)
    assert office.woken == 1, "a mail with a link leaves at once"


def test_cookies_are_kept_from_scripts_other_hosts_and_the_clear(office: StaffOffice) -> None:
    browser = office.signed_in("lead")
    for line in browser.get("/staff/sign-in").headers.get_list("set-cookie"):
        assert line.startswith("__Host-staff-")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(re.split(r"; ", line)[1:])
        assert "Domain" not in line
    assert len(browser.cookies[SESSION]) >= 43, "256 bits"


def test_plain_http_on_this_machine_has_no_host_cookie(tmp_path: Path) -> None:
    office = StaffOffice(tmp_path, public_url="http://localhost:8002")
    browser = office.browser()
    line = browser.get("/staff/sign-in").headers["set-cookie"]
    assert line.startswith("staff-browser=") and "Secure" not in line and "HttpOnly" in line


def test_whether_an_address_is_known_cannot_be_told_from_the_answer(office: StaffOffice) -> None:
    known, unknown = (office.asked(address, office.browser()) for address in ("lead@example.org", "x@example.org"))
    assert known.status_code == unknown.status_code == 200
    assert known.text == unknown.text
    names = [sorted(answer.headers.keys()) for answer in (known, unknown)]
    assert names[0] == names[1]
    assert [mail.recipient for mail in office.mails()] == ["lead@example.org"]


def test_the_address_is_looked_up_after_the_answer_was_sent(
    office: StaffOffice, caplog: pytest.LogCaptureFixture
) -> None:
    """So that its time does not tell whether the address is known: even a broken list changes nothing."""
    office.settings.staff.write_text("staff: nobody\n")
    assert office.asked("lead@example.org", office.browser()).status_code == 200
    assert "could not be mailed: staff.yaml" in caplog.text and "lead@example.org" not in caplog.text


def test_upper_and_lower_case_are_one_address_and_the_mail_goes_to_the_listed_one(office: StaffOffice) -> None:
    office.asked("EVERYWHERE@example.ORG", office.browser())
    assert [mail.recipient for mail in office.mails()] == ["Everywhere@Example.org"]


@pytest.mark.parametrize("address", ["", "lead", "lead@example.org\r\nBcc: eve@example.org", "<lead@example.org>"])
def test_what_is_no_address_is_said_so(office: StaffOffice, address: str) -> None:
    answer = office.asked(address, office.browser())
    assert answer.status_code == 400 and "no mail address" in answer.text
    assert office.mails() == []


def test_the_link_stands_under_our_own_address_whatever_host_was_asked(office: StaffOffice) -> None:
    browser = office.browser()
    browser.get("/staff/sign-in")
    browser.submit(
        "/staff/sign-in", {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}, address="lead@example.org"
    )
    assert "evil.example" not in office.mails()[0].text
    assert "https://verify.example/staff/links/" in office.mails()[0].text


def test_a_program_that_opens_the_link_first_uses_nothing_up(office: StaffOffice) -> None:
    browser = office.browser()
    office.asked("lead@example.org", browser)
    for _ in range(3):
        assert office.browser().get(office.newest_link()).status_code == 200
    browser.get(office.newest_link())
    assert browser.submit(office.newest_link()).status_code == 303
    assert is_in(browser)


def test_a_link_works_once(office: StaffOffice) -> None:
    office.signed_in("lead")
    link, again = office.newest_link(), office.browser()
    assert again.get(link).status_code == 400
    again.get("/staff/sign-in")
    assert again.submit(link, confirmed="asked").status_code == 400
    assert not is_in(again)


def test_two_presses_at_once_make_one_session(office: StaffOffice) -> None:
    browser = office.browser()
    office.asked("lead@example.org", browser)
    link = office.newest_link()
    browser.get(link)
    others = [Browser(browser.client, cookies=dict(browser.cookies), page=browser.page) for _ in range(6)]
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda b=other: answers.append(b.submit(link).status_code)) for other in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 400, 400, 400, 400, 400]


def test_a_link_ends_after_a_quarter_of_an_hour(office: StaffOffice) -> None:
    browser = office.browser()
    office.asked("lead@example.org", browser)
    browser.get(office.newest_link())
    office.clock.now += LINK_LASTS
    assert browser.submit(office.newest_link()).status_code == 400


def test_in_another_browser_a_link_wants_to_be_confirmed(office: StaffOffice) -> None:
    office.asked("lead@example.org", office.browser())
    other = office.browser()
    assert "in another browser" in other.get(office.newest_link()).text
    refused = other.submit(office.newest_link())
    assert refused.status_code == 400 and "Tick the box" in refused.text
    assert not is_in(other)
    other.get(office.newest_link())
    assert other.submit(office.newest_link(), confirmed="asked").status_code == 303
    assert is_in(other)


def test_a_guessed_link_is_none(office: StaffOffice) -> None:
    assert office.browser().get("/staff/links/" + "A" * 43).status_code == 400


def test_neither_link_nor_session_stands_in_the_database(office: StaffOffice) -> None:
    browser = office.signed_in("lead")
    secrets = [browser.cookies[SESSION], *re.findall(r"/staff/links/(\S+)", office.mails()[0].text)]
    with reading(office.registration.engine) as connection:
        for table in ("staff_links", "staff_sessions", "audit_log"):
            rows = str(connection.execute(text(f"SELECT * FROM {table}")).all())
            assert not [secret for secret in secrets if secret in rows]
            assert "example.org" not in rows, "who it was is an id"


def test_one_address_gets_a_few_links_and_no_more(office: StaffOffice) -> None:
    answers = {office.asked("lead@example.org", office.browser()).text for _ in range(LINKS_EACH + 2)}
    assert len(answers) == 1
    assert len(office.mails()) == LINKS_EACH
    office.clock.now += LINK_LASTS
    office.asked("lead@example.org", office.browser())
    assert len(office.mails()) == LINKS_EACH + 1


def test_one_client_asks_a_few_times_and_then_waits(office: StaffOffice) -> None:
    browser = office.browser(address="198.51.100.7")
    answers = [office.asked(f"somebody-{n}@example.org", browser).status_code for n in range(12)]
    assert answers == [200] * 10 + [429] * 2
    assert office.asked("lead@example.org", office.browser(address="198.51.100.8")).status_code == 200


# Sessions


def test_a_session_ends_after_an_hour_without_use(office: StaffOffice) -> None:
    browser = office.signed_in("lead")
    for _ in range(3):
        office.clock.now += IDLE_LASTS - timedelta(minutes=1)
        assert is_in(browser)
    office.clock.now += IDLE_LASTS + timedelta(minutes=1)
    assert not is_in(browser)


def test_a_session_ends_after_half_a_day_however_much_it_is_used(office: StaffOffice) -> None:
    browser = office.signed_in("lead")
    began = office.clock.now
    while office.clock.now - began < SESSION_LASTS - timedelta(minutes=30):
        assert is_in(browser)
        office.clock.now += timedelta(minutes=30)
    office.clock.now = began + SESSION_LASTS - timedelta(minutes=1)
    assert is_in(browser)
    office.clock.now = began + SESSION_LASTS
    assert not is_in(browser)


def test_signing_in_makes_a_new_session_and_ends_the_one_before(office: StaffOffice) -> None:
    browser = office.signed_in("lead")
    first = browser.cookies[SESSION]
    browser.cookies["__Host-staff-browser"] = "planted"
    office.asked("finance@example.org", browser)
    browser.get(office.newest_link())
    browser.submit(office.newest_link())
    assert browser.cookies[SESSION] not in {first, "planted"}
    assert not is_in(Browser(browser.client, cookies={SESSION: first}))


def test_a_planted_session_is_none(office: StaffOffice) -> None:
    browser = office.browser()
    browser.cookies[SESSION] = "A" * 43
    assert browser.get("/staff").headers["location"] == "/staff/sign-in"


def test_whoever_is_taken_off_the_list_is_out_at_once(office: StaffOffice) -> None:
    browser = office.signed_in("lead")
    office.settings.staff.write_text(
        ROSTER.replace(
            "{id: staff-2, mail: lead@example.org, roles: {summit-2027: [lead]}}", "{id: staff-2, removed: true}"
        )
    )
    assert not is_in(browser)


def test_an_admin_ends_somebody_s_sessions_with_a_reason(office: StaffOffice) -> None:
    lead, admin = office.signed_in("lead"), office.signed_in("everywhere")
    admin.get("/staff/people")
    assert admin.submit("/staff/people/staff-2/sessions", reason="").status_code == 400
    admin.get("/staff/people")
    assert admin.submit("/staff/people/staff-2/sessions", reason="lost laptop").status_code == 303
    assert not is_in(lead)
    last = audit.entries(office.registration.engine)[-1]
    assert (last.actor, last.role, last.act, last.subject) == ("staff-7", "admin", "staff.end_sessions", "staff-2")
    assert last.reason == "lost laptop"


def test_a_sign_in_stands_in_the_audit_log_by_id(office: StaffOffice) -> None:
    office.signed_in("lead")
    (row,) = audit.entries(office.registration.engine)
    assert (row.actor, row.act, row.reason) == ("staff-2", "staff.sign_in", "by mail")


def test_a_program_that_is_not_signed_in_gets_401(office: StaffOffice) -> None:
    answer = office.browser().client.get("/staff")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


# Forms


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": ""},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": ""},
        {"Origin": "http://verify.example", "Sec-Fetch-Site": ""},
        {"Origin": "https://verify.example.evil.example", "Sec-Fetch-Site": ""},
        {"Origin": "", "Sec-Fetch-Site": "same-site"},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_of_another_site_is_refused_even_with_the_right_token(
    office: StaffOffice, headers: dict[str, str]
) -> None:
    browser = office.signed_in("lead")
    browser.get("/staff")
    assert browser.submit("/staff/sign-out", headers).status_code == 403
    assert is_in(browser)


@pytest.mark.parametrize("token", ["", "0" * 64, "ä"])
def test_a_form_without_its_token_is_refused_even_from_our_own_site(office: StaffOffice, token: str) -> None:
    browser = office.signed_in("lead")
    browser.get("/staff")
    assert browser.submit("/staff/sign-out", form_token=token).status_code == 403
    assert is_in(browser)


def test_the_token_of_one_browser_does_not_fit_another(office: StaffOffice) -> None:
    mine, theirs = office.signed_in("lead"), office.signed_in("finance")
    mine.get("/staff")
    theirs.page = mine.page
    assert theirs.submit("/staff/sign-out").status_code == 403


def test_a_form_from_a_browser_that_says_nothing_of_its_site_needs_the_token_alone(office: StaffOffice) -> None:
    browser = office.signed_in("lead")
    browser.get("/staff")
    assert browser.submit("/staff/sign-out", {"Origin": "", "Sec-Fetch-Site": ""}).status_code == 303


def test_asking_for_a_link_needs_our_form_too(office: StaffOffice) -> None:
    browser = office.browser()
    browser.get("/staff/sign-in")
    assert browser.submit("/staff/sign-in", form_token="", address="lead@example.org").status_code == 403
    assert office.mails() == []


def test_without_a_mail_server_and_a_provider_the_page_says_so(tmp_path: Path) -> None:
    office = StaffOffice(tmp_path, mail=None)
    page = office.browser().get("/staff/sign-in").text
    assert "Nobody can sign in here yet" in page and "<form" not in page


def test_without_a_public_address_no_link_is_mailed(tmp_path: Path) -> None:
    """A link would have to stand under an address that the request names, which may be anybody's."""
    office = StaffOffice(tmp_path, public_url=None)
    assert "<form" not in office.browser().get("/staff/sign-in").text
