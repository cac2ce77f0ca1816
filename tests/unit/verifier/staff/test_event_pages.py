"""What staff see of an event and do there: numbers, a grant by its voucher, desks, the audit log."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier.simulator import HOLDER_CODE, references
from tests.unit.verifier.staff.office import EVENT, ISSUER, StaffOffice
from verifier.ground import audit
from verifier.registration.events import HolderCode

PAGE = f"/staff/events/{EVENT}"


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Iterator[StaffOffice]:
    office = StaffOffice(tmp_path, **database)
    yield office
    office.close()


def granted(office: StaffOffice) -> str:
    """A discount given to somebody; its voucher."""
    reference = next(references())
    answer = office.registration.redeem(
        ISSUER.token(ISSUER.document(reference=reference)).encode(),
        policy=office.registration.event(EVENT),
        proof=HolderCode(HOLDER_CODE),
        request_id="one",
    )
    assert answer.voucher is not None
    return answer.voucher


def test_the_page_of_an_event_counts(office: StaffOffice) -> None:
    granted(office)
    page = office.signed_in("event_team").get(PAGE).text
    assert "1 of 400 discounts are given" in page
    assert re.search(r'<span class="state">1</span> <span class="said">contributor', page)
    assert re.search(r'<span class="state">0 of 2</span> <span class="said">speaker', page)


def test_an_event_that_is_full_says_so(tmp_path: Path) -> None:
    office = StaffOffice(tmp_path)
    file = office.settings.events / f"{EVENT}.yaml"
    file.write_text(file.read_text().replace("capacity: 400", "capacity: 1"))
    browser = office.signed_in("event_team")
    assert "discounts are given:" not in browser.get(PAGE).text
    granted(office)
    assert "All discounts (1) are given" in browser.get(PAGE).text


@pytest.mark.parametrize("typed", [str.lower, str.upper, lambda voucher: f"  {voucher} "])
def test_a_grant_is_found_by_its_voucher_however_it_is_typed(office: StaffOffice, typed: object) -> None:
    voucher = granted(office)
    browser = office.signed_in("finance")
    browser.get(PAGE)
    found = browser.submit(f"{PAGE}/grants", voucher=typed(voucher))  # type: ignore[operator]
    assert found.status_code == 200 and voucher in found.text and "holder code" in found.text


@pytest.mark.parametrize("typed", ["", "NONE", "%", "x" * 65, "' OR 1=1 --", "<script>alert(1)</script>"])
def test_another_voucher_finds_nothing(office: StaffOffice, typed: str) -> None:
    granted(office)
    browser = office.signed_in("finance")
    browser.get(PAGE)
    answer = browser.submit(f"{PAGE}/grants", voucher=typed)
    assert answer.status_code == 404 and "No such voucher" in answer.text and "<script" not in answer.text


def test_a_voucher_of_another_event_is_not_found_here(office: StaffOffice) -> None:
    voucher = granted(office)
    browser = office.signed_in("stranger")
    browser.get("/staff/events/meetup-2027")
    assert browser.submit("/staff/events/meetup-2027/grants", voucher=voucher).status_code == 404


def test_a_shop_that_is_not_there_is_a_sentence(office: StaffOffice) -> None:
    browser = office.signed_in("finance")
    browser.get(PAGE)
    answer = browser.submit(f"{PAGE}/shop-check")
    assert answer.status_code == 200 and "connected to no shop" in answer.text


def test_a_desk_link_is_made_works_and_is_taken_back(office: StaffOffice) -> None:
    browser = office.signed_in("event_team")
    browser.get(f"{PAGE}/desks")
    made = browser.submit(f"{PAGE}/desks", name="left entrance")
    link = re.search(r"https://verify\.example(/desk/[\w-]+)", made.text)
    assert link and "left entrance" in made.text
    assert browser.client.get(link[1]).status_code == 200
    assert link[1] not in browser.get(f"{PAGE}/desks").text, "shown once"

    assert browser.submit(f"{PAGE}/desks/1/taken-back", reason="").status_code == 400
    assert browser.client.get(link[1]).status_code == 200, "no act without its reason"
    browser.get(f"{PAGE}/desks")
    assert browser.submit(f"{PAGE}/desks/1/taken-back", reason="a lost phone").status_code == 303
    assert browser.client.get(link[1]).status_code == 404
    assert browser.client.post(link[1], data={"text": "x"}).status_code == 404
    assert "Taken back on" in browser.get(f"{PAGE}/desks").text
    acts = [
        (row.actor, row.role, row.act, row.subject, row.reason)
        for row in audit.entries(office.registration.engine, event=EVENT)
    ]
    assert acts == [
        ("staff-1", "event_team", "desk_link.make", "desk link 1", "a desk opens"),
        ("staff-1", "event_team", "desk_link.take_back", "desk link 1", "a lost phone"),
    ]


@pytest.mark.parametrize("name", ["n" * 81, "left\nentrance", "left\0entrance"])
def test_a_desk_s_name_that_cannot_be_kept_is_said(office: StaffOffice, name: str) -> None:
    browser = office.signed_in("event_team")
    browser.get(f"{PAGE}/desks")
    answer = browser.submit(f"{PAGE}/desks", name=name)
    assert answer.status_code == 400 and "something here is broken" not in answer.text.lower()
    assert f"{PAGE}/desks/1/taken-back" not in browser.get(f"{PAGE}/desks").text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (f"{PAGE}/grants", {"voucher": "4MH2F\0"}),
        (f"{PAGE}/grants/%00/released", {"reason": "a test"}),
        (f"{PAGE}/devices/%00/revoked", {"reason": "a test"}),
        ("/staff/people/%00/sessions", {"reason": "a test"}),
    ],
)
def test_what_no_database_looks_for_is_refused_and_breaks_nothing(
    office: StaffOffice, path: str, fields: Any
) -> None:
    browser = office.signed_in("everywhere" if "people" in path else "lead")
    browser.get("/staff/people" if "people" in path else PAGE)
    assert browser.submit(path, **fields).status_code == 400


@pytest.mark.parametrize("number", ["1", "2", "0", "-1", "9" * 30, "one", "1.0"])
def test_a_desk_link_of_another_event_or_none_is_not_taken_back(office: StaffOffice, number: str) -> None:
    other = office.signed_in("stranger")
    other.get("/staff/events/meetup-2027/desks")
    other.submit("/staff/events/meetup-2027/desks", name="theirs")
    browser = office.signed_in("lead")
    browser.get(f"{PAGE}/desks")
    assert browser.submit(f"{PAGE}/desks/{number}/taken-back", reason="a test").status_code == 404
    assert "Taken back" not in other.get("/staff/events/meetup-2027/desks").text


def test_markup_in_a_name_or_a_reason_is_text(office: StaffOffice) -> None:
    browser = office.signed_in("lead")
    browser.get(f"{PAGE}/desks")
    browser.submit(f"{PAGE}/desks", name="<b>bold</b>", reason="<i>why</i>")
    assert "<b>bold" not in browser.get(f"{PAGE}/desks").text
    assert "<i>why" not in office.signed_in("auditor").get(f"{PAGE}/audit").text


def test_an_auditor_reads_who_did_what_and_that_the_log_holds(office: StaffOffice) -> None:
    browser = office.signed_in("lead")
    browser.get(f"{PAGE}/desks")
    browser.submit(f"{PAGE}/desks", name="left")
    page = office.signed_in("auditor").get(f"{PAGE}/audit").text
    assert "made a desk link (desk link 1): a desk opens" in page and "staff-2, lead" in page
    assert "The log holds together" in page
    assert "@example.org" not in page


def test_an_auditor_of_all_events_reads_sign_ins_too(office: StaffOffice) -> None:
    lead = office.signed_in("lead")
    lead.get(f"{PAGE}/desks")
    lead.submit(f"{PAGE}/desks", name="left")
    page = office.signed_in("everywhere").get("/staff/audit").text
    assert "staff-2, staff</span>" in page and "signed in: by mail" in page
    assert f"(UTC), {EVENT}" in page and "@example.org" not in page
    assert "signed in" not in office.signed_in("auditor").get(f"{PAGE}/audit").text


def test_every_page_is_kept_nowhere_and_runs_no_script(office: StaffOffice) -> None:
    browser = office.signed_in("everywhere")
    for path in (
        "/staff",
        "/staff/people",
        "/staff/audit",
        PAGE,
        f"{PAGE}/desks",
        f"{PAGE}/audit",
        "/staff/sign-in",
    ):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["referrer-policy"] == "same-origin", "no-referrer would hide the origin of a form"
        assert "<script" not in answer.text


# Devices


def test_a_device_is_enrolled_by_a_code_that_is_shown_once(office: StaffOffice) -> None:
    browser = office.signed_in("event_team")
    browser.get(f"{PAGE}/desks")
    made = browser.submit(f"{PAGE}/devices", name="Door 1", url="https://hub.example")

    assert re.search(
        r"https://hub\.example/desk-app/#enrol=[\w-]{32}&amp;event=summit-2027&amp;key=[\w-]{43}", made.text
    )
    assert 'src="data:image/svg+xml;base64,' in made.text
    assert "#enrol=" not in browser.get(f"{PAGE}/desks").text


def test_only_a_lead_makes_a_lead_s_device(office: StaffOffice) -> None:
    for role, status in (("event_team", 403), ("lead", 200)):
        browser = office.signed_in(role)
        browser.get(f"{PAGE}/desks")
        answer = browser.submit(f"{PAGE}/devices", name="Lead", url="https://hub.example", lead="yes")
        assert answer.status_code == status


def test_the_page_of_desks_says_how_they_stand(office: StaffOffice) -> None:
    page = office.signed_in("auditor").get(f"{PAGE}/desks").text

    assert "Epoch 0: online decides." in page
    assert "Nothing wants a person." in page
    assert "Enrol a device" not in page
