"""A badge reaches one holder: links that work once, letters whose way is known, links taken back."""

import base64
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from issuer.badges import awarding, issuance
from issuer.badges import service as badges
from issuer.badges.bureau import Bureau
from issuer.badges.model import Badge, BadgeError
from issuer.badges.store.tables import versions
from issuer.delivery import claiming, record
from issuer.ground import audit
from issuer.ground.access import MailAccess
from issuer.ground.audit import AuditError
from issuer.ground.database import reading, writing
from issuer.ground.login.rights import Role
from issuer.ground.mail import store as mail_store
from issuer.ground.mail.postman import MailOutbox
from issuer.notices import service as notices
from issuer.notices import store as notices_store
from issuer.notices.model import LINK_LASTS, UsedLinkError
from issuer.people import store as people_store
from issuer.recognition import service as recognition
from tests.unit.issuer.office import NOW
from tests.unit.issuer.people.community import URL, Browser, Community
from tests.unit.issuer.people.statements import asked_of_the_database

ADA, BOB, STRANGER = "ada@books.example", "bob@books.example", "nobody@else.example"


@pytest.fixture
def community(tmp_path: Path, issuing_database: dict[str, str]) -> Iterator[Community]:
    """An office in which Ada has just got a badge, and a letter about it waits for the mail server."""
    opened = Community(tmp_path, database_url=issuing_database.get("database_url"))
    opened.office = replace(opened.office, bureau=replace(opened.office.bureau, mails=True))
    with writing(opened.engine) as connection:
        for person in opened.office.people:
            people_store.set_told(connection, person, now=NOW)
    opened.office.add_changes("ada", count=3)
    decided = recognition.decide_all(opened.engine, opened.office.policy, as_of=NOW)
    awarding.award_decisions(opened.engine, decided, policy=opened.office.policy, now=NOW)
    issuance.issue(opened.office.bureau, now=NOW)
    yield opened
    opened.engine.dispose()


def bureau(community: Community) -> Bureau:
    return community.office.bureau


def badge(community: Community, who: str = ADA) -> Badge:
    (held,) = badges.badges_of(community.engine, community.person(who).id)
    return held


def newest_claim(community: Community) -> str:
    """The path of the claim link that was mailed last."""
    found = [re.search(rf"{re.escape(URL)}(/claim/\S+)", mail.text) for mail in community.mails()]
    return [one for one in found if one][-1][1]


def state(community: Community) -> str:
    with reading(community.engine) as connection:
        standing = notices.deliveries(connection, [badge(community).id])
    return standing[badge(community).id].state


def landed(community: Community, link: str) -> Browser:
    """A browser that opened a claim link and stands on the page with the button."""
    return landed_in(community.browser(), link)


def landed_in(browser: Browser, link: str) -> Browser:
    answer = browser.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/claim")
    browser.get("/claim")
    return browser


def press(browser: Browser) -> httpx.Response:
    assert browser.page is not None
    known_by = re.search(r'name="known_by" value="([0-9a-f]+)"', browser.page.text)
    return browser.submit("/claim", known_by=known_by[1] if known_by else "")


# One link, one holder


def test_a_letter_carries_a_claim_link_and_no_private_address(community: Community) -> None:
    (letter,) = (mail for mail in community.mails() if mail.recipient == ADA)
    assert re.search(rf"^{re.escape(URL)}/claim/[\w-]{{43}}$", letter.text, re.MULTILINE)
    assert bureau(community).page_token(community.person(ADA).id) not in letter.text
    assert "/h/" not in letter.text and "/b/" not in letter.text
    assert "works once, until 2026-12-22" in letter.text


def test_a_claim_link_opens_the_private_page_once(community: Community) -> None:
    browser = landed(community, newest_claim(community))
    assert "Take my badge" in (browser.page.text if browser.page else "")
    shown = re.search(r'<img src="data:[^,]+,([^"]+)" alt="([^"]+)"', browser.page.text if browser.page else "")
    assert shown and f'aria-label="{shown[2]}"' in base64.b64decode(shown[1]).decode(), "their own picture"
    assert shown[2] == "Contributor, developer, 2026"
    answer = press(browser)
    page = f"/h/{bureau(community).page_token(community.person(ADA).id)}"
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{page}?saved=claimed&badge={badge(community).short_id}"
    assert "Your badge: Contributor 2026" in browser.get(answer.headers["location"]).text
    assert state(community) == "claimed"


def test_a_replayed_link_says_when_it_was_used_and_opens_nothing(community: Community) -> None:
    link = newest_claim(community)
    press(landed(community, link))
    again = landed(community, link).page
    assert again is not None and again.status_code == 410
    assert "This badge was claimed already" in again.text
    assert "22 November 2026, 12:00 (UTC)" in again.text and "Mail me a new link" in again.text
    assert "/h/" not in again.text


def test_a_link_that_ends_while_somebody_reads_the_page_claims_nothing(community: Community) -> None:
    browser = landed(community, newest_claim(community))
    community.clock.now = NOW + LINK_LASTS
    late = press(browser)
    assert late.status_code == 410 and "The time of this link is over" in late.text
    assert state(community) == "waiting"


def test_programs_that_look_into_mail_use_nothing_up(community: Community) -> None:
    link = newest_claim(community)
    for _ in range(3):
        landed(community, link)
        community.browser().get(link)
    assert state(community) == "waiting"
    assert press(landed(community, link)).status_code == 303


def test_of_fifty_who_claim_at_once_one_has_it(community: Community) -> None:
    token = newest_claim(community).removeprefix("/claim/")

    def attempt(_: int) -> str | type[Exception]:
        try:
            return claiming.claim(bureau(community), token, now=NOW)[0]
        except UsedLinkError as error:
            return type(error)

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(attempt, range(50)))
    assert outcomes.count(UsedLinkError) == 49
    assert bureau(community).page_token(community.person(ADA).id) in outcomes


def test_who_comes_second_reads_what_happened_and_how_to_get_a_new_link(community: Community) -> None:
    first, second = (landed(community, newest_claim(community)) for _ in range(2))
    assert press(first).status_code == 303
    late = press(second)
    assert late.status_code == 410
    assert "Somebody opened the private page with this link" in late.text
    assert "make a new private link" in late.text and 'action="/claim/again"' in late.text


def test_the_landing_page_s_own_address_claims_nothing(community: Community) -> None:
    landed(community, newest_claim(community))
    stranger = community.browser()
    seen = stranger.get("/claim")
    assert seen.status_code == 200 and "This page opens no badge by itself" in seen.text
    assert press(stranger).status_code == 200
    assert state(community) == "waiting"
    public = community.browser().get(f"/b/{badge(community).short_id}/")
    assert public.status_code == 404  # and a public badge page is another address again


def test_a_claim_link_is_told_to_nobody_and_kept_by_nobody(community: Community) -> None:
    link = newest_claim(community)
    answer = community.browser().get(link)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    cookie = next(line for line in answer.headers.get_list("set-cookie") if "claim" in line)
    assert "HttpOnly" in cookie and "Secure" in cookie and cookie.startswith("__Host-claim=")
    shown = landed(community, link).page
    assert shown is not None and link.removeprefix("/claim/") not in shown.text
    with reading(community.engine) as connection:  # the letter that waits has it; beside it stands only its hash
        (row,) = connection.execute(notices_store.claim_links.select())
    assert link.removeprefix("/claim/") not in str(row) and ADA not in str(row)


_Nowhere = MailAccess("localhost", 9, "none", "badges@example.org")


def test_a_form_of_another_link_or_site_claims_nothing(community: Community) -> None:
    browser = landed(community, newest_claim(community))
    assert browser.submit("/claim", known_by="0" * 16).status_code == 200
    browser.get("/claim")
    assert browser.submit("/claim", {"Origin": "https://evil.example"}).status_code == 403
    assert state(community) == "waiting"


@pytest.mark.parametrize("guess", ["x", "A" * 43, "A" * 5000, "%00", "é"])
def test_a_guess_leads_to_no_badge_and_says_so(community: Community, guess: str) -> None:
    shown = landed(community, f"/claim/{guess}").page
    assert shown is not None and shown.status_code == 404
    assert "This link leads to no badge" in shown.text


# A new link


def test_an_expired_link_says_so_and_a_new_one_comes_to_the_address(community: Community) -> None:
    link = newest_claim(community)
    community.clock.now = NOW + LINK_LASTS
    browser = landed(community, link)
    assert browser.page is not None and browser.page.status_code == 410
    assert "The time of this link is over" in browser.page.text
    assert "on its way" in browser.submit("/claim/again", address=ADA).text
    assert claiming.answer_requests(bureau(community), now=community.clock()) == 1
    fresh = newest_claim(community)
    assert fresh != link and community.mails()[-1].recipient == ADA
    assert press(landed(community, fresh)).status_code == 303


def test_the_answer_is_the_same_for_every_address_and_so_is_the_work(community: Community) -> None:
    answers, rows = [], []
    for address in (ADA, STRANGER, "dana@books.example"):
        browser = community.browser()
        browser.get("/claim")
        before = len(community.mails())
        answer = browser.submit("/claim/again", address=address)
        answers.append((answer.status_code, answer.text, sorted(answer.headers)))
        rows.append(len(notices.requests(community.engine)))
        assert len(community.mails()) == before  # what differs is done later, by somebody else
    assert answers[0] == answers[1] == answers[2]
    assert rows == [1, 2, 3]
    before = len(community.mails())
    assert claiming.answer_requests(bureau(community), now=NOW) == 1
    assert notices.requests(community.engine) == []  # and no address stays behind
    assert [mail.recipient for mail in community.mails()[before:]] == [ADA]


def test_no_timing_tells_an_address_since_the_request_does_the_same_for_each(community: Community) -> None:
    """Counted, not timed: the same statements in the same order, and no look at who people are."""
    work = []
    press(landed(community, newest_claim(community)))  # Ada has claimed hers
    for address in (ADA, STRANGER, "dana@books.example", ADA.upper(), f"{'x' * 60}@books.example"):
        browser = community.browser()
        browser.get("/claim")
        with asked_of_the_database() as statements:
            assert browser.submit("/claim/again", address=address).status_code == 200
        work.append(statements)
    assert work[0] and all(one == work[0] for one in work)
    assert not [one for one in work[0] if "persons" in one or "accounts" in one or "mail_outbox" in one]


def test_a_mailbox_is_not_filled_with_links(community: Community) -> None:
    for _ in range(6):
        notices.ask_again(community.engine, ADA, language="en", now=NOW)
    claiming.answer_requests(bureau(community), now=NOW)
    to_ada = [mail for mail in community.mails() if mail.recipient == ADA]
    assert len(to_ada) == claiming.LINKS_EACH


def test_a_newer_link_ends_the_one_before(community: Community) -> None:
    link = newest_claim(community)
    notices.ask_again(community.engine, ADA.upper(), language="fr", now=NOW)
    claiming.answer_requests(bureau(community), now=NOW)
    shown = landed(community, link).page
    assert shown is not None and shown.status_code == 410 and "A newer link was mailed" in shown.text
    assert "Voici un nouveau lien" in community.mails()[-1].text
    assert press(landed(community, newest_claim(community))).status_code == 303


def test_who_signs_in_has_their_badge_and_the_link_is_done(community: Community) -> None:
    browser = community.signed_in(ADA)
    assert browser.get("/me/badge").headers["location"].startswith("/h/")
    assert state(community) == "claimed"


# The letter's way


def test_each_state_of_a_letter_is_known(community: Community) -> None:
    assert state(community) == "waiting"
    settings = replace(community.office.settings, mail=_Nowhere)
    outbox = MailOutbox(settings, engine=community.engine, clock=community.clock)
    assert outbox.send_due().waiting == len(community.mails())  # nobody listens there: nothing is lost
    (one,) = claiming.reach(bureau(community), [badge(community)])
    assert one.delivery is not None and (one.delivery.state, one.delivery.attempts) == ("waiting", 1)
    (mail,) = (mail for mail in community.mails() if mail.recipient == ADA)
    for way, expected in (("sent", "sent"), ("refused", "refused")):
        with writing(community.engine) as connection:
            mail_store.remove(connection, mail.id, way=way, now=NOW)  # type: ignore[arg-type]
            (now_so,) = notices.deliveries(connection, [badge(community).id]).values()
            assert (now_so.state, now_so.since) == (expected, NOW)
            connection.rollback()
    community.clock.now = NOW + notices.LETTER_LASTS
    assert notices.matters(community.engine) == []  # whose letter waits is nobody's matter yet
    assert outbox.send_due().expired == 1 and state(community) == "given up"
    (matter,) = notices.matters(community.engine)
    assert (matter.page, matter.since) == ("/team/deliveries", community.clock.now)


def test_a_letter_that_was_lost_with_a_database_waits_for_nothing(community: Community) -> None:
    with writing(community.engine) as connection:
        connection.execute(mail_store.mail_outbox.delete())
    assert state(community) == "given up"


def test_a_mail_server_that_is_down_for_a_day_loses_nothing(community: Community) -> None:
    settings = replace(community.office.settings, mail=_Nowhere)
    outbox, waiting = MailOutbox(settings, engine=community.engine, clock=community.clock), community.mails()
    for _ in range(300):
        community.clock.now += timedelta(minutes=5)
        outbox.send_due()
    assert [mail.reference for mail in community.mails()] == [mail.reference for mail in waiting]
    assert state(community) == "waiting"


def test_a_letter_that_waits_while_its_link_is_replaced_goes_out_with_the_new_one(community: Community) -> None:
    first = newest_claim(community)
    claiming.resend(
        bureau(community), badge(community), by="operator", role="manager", reason="x", to=ADA.upper(), now=NOW
    )
    fresh = newest_claim(community)
    old, new = (mail for mail in community.mails() if mail.recipient.lower() == ADA)
    assert first not in old.text and old.text.count(fresh) == new.text.count(fresh) == 1
    assert press(landed(community, fresh)).status_code == 303


def test_a_letter_that_waits_for_another_address_gets_no_link_of_the_new_one(community: Community) -> None:
    first = newest_claim(community)
    claiming.resend(
        bureau(community), badge(community), by="operator", role="manager", reason="x", to="a@b.example", now=NOW
    )
    fresh = newest_claim(community)
    (old,) = (mail for mail in community.mails() if mail.recipient == ADA and "earned" in mail.text)
    assert first not in old.text and fresh not in old.text
    assert f"{URL}/claim\n" in old.text, "where one asks for a link"


def test_who_was_told_is_not_told_again_when_a_badge_is_signed_anew_after_a_restore(community: Community) -> None:
    (mail,) = (mail for mail in community.mails() if mail.recipient == ADA)
    for way, letters in (("sent", 0), ("lost", 1)):
        with writing(community.engine) as connection:
            if way == "sent":
                mail_store.remove(connection, mail.id, way="sent", now=NOW)
            else:
                connection.execute(mail_store.mail_fates.update().values(way=None))
            connection.execute(versions.delete())
        badges.mend_restored(community.engine, journal=True)
        assert issuance.sign_anew(bureau(community), now=NOW) == 1
        assert len([one for one in community.mails() if one.recipient == ADA]) == letters


def test_a_new_link_goes_where_the_team_says_and_the_badge_stays_as_it_is(community: Community) -> None:
    before = badge(community)
    claiming.resend(
        bureau(community), before, by="operator", role="manager", reason="she moved", to="ada@new.example", now=NOW
    )
    told, elsewhere = community.mails()[-1], community.mails()[-2]
    assert (elsewhere.recipient, told.recipient) == ("ada@new.example", ADA)
    assert "/claim/" in elsewhere.text and "/claim/" not in told.text
    assert "was sent to an address other than this" in told.text
    assert badge(community) == before and community.person(ADA).email == ADA
    (row,) = (row for row in audit.entries(community.engine, last=50) if row.act == "badge.resend")
    assert (row.reason, row.details, row.person) == ("she moved", {"elsewhere": True}, community.person(ADA).id)
    assert "new.example" not in str(row)
    notices.ask_again(community.engine, "ada@new.example", language="en", now=NOW)
    assert claiming.answer_requests(bureau(community), now=NOW) == 1
    assert community.mails()[-1].recipient == "ada@new.example"


def test_nothing_is_sent_again_without_a_reason_a_server_or_an_address(community: Community) -> None:
    arguments = {"by": "operator", "role": "manager", "now": NOW}
    with pytest.raises(AuditError):
        claiming.resend(bureau(community), badge(community), reason="", **arguments)  # type: ignore[arg-type]
    silent = replace(bureau(community), mails=False)
    with pytest.raises(BadgeError, match="no mail server"):
        claiming.resend(silent, badge(community), reason="x", **arguments)  # type: ignore[arg-type]
    assert len([mail for mail in community.mails() if mail.recipient == ADA]) == 1


def test_who_leaves_leaves_no_link_and_no_letter(community: Community) -> None:
    link = newest_claim(community)
    claiming.resend(
        bureau(community), badge(community), by="operator", role="manager", reason="x", to="a@b.example", now=NOW
    )
    record.leave(bureau(community), community.person(ADA).id, withdraw=False, now=NOW)
    assert [mail for mail in community.mails() if mail.recipient in {ADA, "a@b.example"}] == []
    with reading(community.engine) as connection:
        assert connection.execute(notices_store.claim_links.select()).first() is None
    shown = landed(community, link).page
    assert shown is not None and shown.status_code == 404


# The team


def test_a_manager_sees_how_letters_stand_and_sends_again(community: Community) -> None:
    manager = community.with_role(BOB, Role.MANAGER)
    shown = manager.get("/team/deliveries")
    assert "Contributor 2026" in shown.text and "waiting" in shown.text
    short = badge(community).short_id
    answer = manager.done(
        "/team/deliveries/sent", on="/team/deliveries", badge=short, to="", reason="she asked on the phone"
    )
    assert "A new link is on its way" in answer.text
    assert community.mails()[-1].recipient == ADA
    refused = manager.submit("/team/deliveries/sent", badge=short, to="", reason="")
    assert refused.status_code == 400


def test_a_private_link_is_taken_back_by_the_team_and_by_its_holder(community: Community) -> None:
    old = press(landed(community, newest_claim(community))).headers["location"].partition("?")[0]
    manager = community.with_role(BOB, Role.MANAGER)
    short = badge(community).short_id
    manager.done(
        "/team/deliveries/replaced", on="/team/deliveries?badge=" + short, badge=short, reason="lost phone"
    )
    assert community.browser().get(old).status_code == 404
    new = f"/h/{badges.pages(bureau(community))[community.person(ADA).id]}"
    assert new != old and "Your badge" in community.browser().get(new).text
    answer = community.browser()._asked("POST", f"{new}/link", headers={})
    newest = answer.headers["location"].partition("?")[0]
    assert newest not in {old, new}
    assert community.browser().get(new).status_code == 404
    assert "Your badge" in community.browser().get(newest).text
    made = [row for row in audit.entries(community.engine, last=50) if row.act == "page.replace"]
    assert [row.details["generation"] for row in made] == [1, 2]
