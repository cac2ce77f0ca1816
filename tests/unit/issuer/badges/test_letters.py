"""Whoever gets a badge gets one letter: why, and where their page is; once, whatever is killed and run again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from issuer.badges import awarding, issuance, letters, service, store
from issuer.badges.issuing import intent, signing
from issuer.delivery import record
from issuer.ground.database import reading, writing
from issuer.ground.mail import store as mail_store
from issuer.people import own
from issuer.people import store as people_store
from issuer.recognition import service as recognition
from tests.unit.issuer.office import NOW, Office

NEXT_YEAR = NOW.replace(year=NOW.year + 1, month=1, day=2)


@pytest.fixture
def issuing_database() -> dict[str, str]:
    """On a file: what is said here does not depend on the database."""
    return {}


@pytest.fixture
def told(office: Office) -> Office:
    """An office with a mail server, whose people know what is kept about them."""
    with writing(office.engine) as connection:
        for person in office.people:
            people_store.set_told(connection, person, now=NOW)
    return replace(office, bureau=replace(office.bureau, mails=True))


def award_and_issue(office: Office, *, now: datetime = NOW) -> None:
    decided = recognition.decide_all(office.engine, office.policy, as_of=now)
    awarding.award_decisions(office.engine, decided, policy=office.policy, now=now)
    issuance.issue(office.bureau, now=now)


def mails(office: Office) -> list[Any]:
    with reading(office.engine) as connection:
        return list(connection.execute(mail_store.mail_outbox.select().order_by(mail_store.mail_outbox.c.id)))


def test_a_new_badge_comes_with_one_letter_that_says_why_and_where(told: Office) -> None:
    told.add_changes("ada", count=3)
    award_and_issue(told)
    (letter,) = mails(told)
    assert letter.recipient == "ada@books.example"
    assert letter.subject == "Contributor 2026: thank you, says Example"
    assert "Here is why, 3 lines:" in letter.text
    assert letter.text.count("A merged change: counts 1 credit.") == 3
    token = told.bureau.page_token(told.person("ada@books.example").id)
    assert "\nhttps://badges.example.org/claim/" in letter.text
    assert token not in letter.text  # the private page's address is in no mail
    assert service.person_of_page(told.engine, token) is not None
    assert "Keep it?" in letter.text
    assert "Ada" not in letter.text


def test_a_letter_is_written_in_the_language_of_its_reader(told: Office) -> None:
    told.add_changes("ada", count=3)
    ada = told.person("ada@books.example")
    with writing(told.engine) as connection:
        people_store.set_page_language(connection, ada.id, "fr")
    award_and_issue(told)
    (letter,) = mails(told)
    assert letter.subject == "Contribution 2026 : merci, de la part de Example"
    assert "Voici pourquoi, en 3 lignes :" in letter.text
    assert letter.text.count("Une modification intégrée : compte pour 1 crédit.") == 3
    assert "Le lien fonctionne une fois" in letter.text


def test_what_somebody_chose_goes_before_what_they_read(told: Office) -> None:
    told.add_changes("ada", count=3)
    ada = told.person("ada@books.example")
    with writing(told.engine) as connection:
        people_store.set_page_language(connection, ada.id, "fr")
        own.choose_language(connection, ada.id, "en", now=NOW)
    award_and_issue(told)
    assert "Here is why" in mails(told)[0].text


def test_a_second_run_writes_no_second_letter(told: Office) -> None:
    told.add_changes("ada", count=3)
    award_and_issue(told)
    award_and_issue(told, now=NOW + timedelta(hours=1))
    assert len(mails(told)) == 1


def test_a_choice_of_the_holder_writes_no_letter(told: Office) -> None:
    told.add_changes("ada", count=3)
    award_and_issue(told)
    ada = told.person("ada@books.example")
    (badge,) = service.badges_of(told.engine, ada.id)
    issuance.choose(told.bureau, badge, person=ada, shows_name=True, published=True, now=NOW)
    assert len(mails(told)) == 1


class Killed(BaseException):
    """What a process does not survive."""


@pytest.mark.parametrize("where", ["before the letter", "after the letter"])
def test_badge_and_letter_come_together_or_not_at_all(
    told: Office, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    told.add_changes("ada", count=3)
    write: Callable[..., None] = signing._tell_holders

    def kill(*arguments: Any) -> None:
        if where == "after the letter":
            write(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(signing, "_tell_holders", kill)
        with pytest.raises(Killed):
            award_and_issue(told)
    assert (service.badges_of(told.engine, told.person("ada@books.example").id), mails(told)) == ([], [])
    award_and_issue(told)
    assert len(mails(told)) == 1


def test_the_letter_about_a_better_badge_says_what_it_takes_the_place_of(told: Office) -> None:
    told.add_changes("ada", count=1)
    award_and_issue(told)
    told.add_changes("ada", count=3, start=9)
    award_and_issue(told)
    first, second = mails(told)
    assert "takes the place" not in first.text
    assert "It takes the place of “Recognised 2026”" in second.text


def test_who_still_holds_the_tier_at_the_next_periods_start_is_renewed_and_told_so(told: Office) -> None:
    told.add_changes("ada", count=4)
    award_and_issue(told)
    award_and_issue(told, now=NEXT_YEAR)
    former, renewed = sorted(
        service.badges_of(told.engine, told.person("ada@books.example").id), key=lambda one: one.award.made_at
    )
    assert (former.award.tier, former.award.period.name, former.standing) == ("contributor", "2026", True)
    assert (renewed.award.tier, renewed.award.period.name, renewed.standing) == ("contributor", "2027", True)
    assert former.reference != renewed.reference
    text = mails(told)[-1].text
    assert "“Contributor 2026” is renewed, and you have “Contributor 2027” now." in text
    assert "The former one stays good until 2027-03-31." in text
    award_and_issue(told, now=NEXT_YEAR + timedelta(days=1))
    assert len(mails(told)) == 2


def test_who_holds_the_tier_no_more_is_not_renewed(told: Office) -> None:
    told.add_changes("ada", count=3, start=300)
    award_and_issue(told, now=NOW)
    later = NOW.replace(year=NOW.year + 3)
    award_and_issue(told, now=later)
    assert [
        one.award.period.name for one in service.badges_of(told.engine, told.person("ada@books.example").id)
    ] == ["2026"]


def test_a_decision_by_hand_is_told_with_its_grounds(told: Office) -> None:
    ada, bob = told.person("ada@books.example"), told.person("bob@books.example")
    awarding.award_by_hand(
        told.engine, [ada], tier="contributor", decision="the board", reason="ten\nyears of care", decided_by=bob,
        policy=told.policy, now=NOW,
    )  # fmt: skip
    issuance.issue(told.bureau, now=NOW)
    (letter,) = mails(told)
    assert "Here is why: By decision of the board: ten years of care" in letter.text


def test_nothing_is_written_to_who_was_not_told(told: Office) -> None:
    with writing(told.engine) as connection:
        connection.execute(people_store.persons.update().values(told_at=None))
    told.add_changes("ada", count=3)
    award_and_issue(told)
    assert mails(told) == []


def test_nothing_is_written_to_who_hid_everything_until_they_show_a_badge_again(told: Office) -> None:
    ada = told.person("ada@books.example")
    record.hide(told.bureau, ada.id, now=NOW)
    told.add_changes("ada", count=1)
    award_and_issue(told)
    assert mails(told) == []
    (badge,) = service.badges_of(told.engine, ada.id)
    issuance.choose(told.bureau, badge, person=ada, shows_name=False, published=True, now=NOW)
    told.add_changes("ada", count=3, start=9)
    award_and_issue(told)
    assert [letter.recipient for letter in mails(told)] == ["ada@books.example"]


def test_nothing_is_written_to_who_left_before_the_badge_was_signed(told: Office) -> None:
    told.add_changes("ada", count=3)
    ada = told.person("ada@books.example")
    decided = recognition.decide_all(told.engine, told.policy, as_of=NOW)
    awarding.award_decisions(told.engine, decided, policy=told.policy, now=NOW)
    intent.intend_awards(told.bureau, now=NOW)
    record.leave(told.bureau, ada.id, withdraw=False, now=NOW)
    issuance.issue(told.bureau, now=NOW)
    assert mails(told) == []


def test_what_waits_for_who_leaves_is_not_sent(told: Office) -> None:
    told.add_changes("ada", count=3)
    award_and_issue(told)
    record.leave(told.bureau, told.person("ada@books.example").id, withdraw=False, now=NOW)
    assert mails(told) == []


def test_without_a_mail_server_no_letter_waits(told: Office) -> None:
    told.add_changes("ada", count=3)
    award_and_issue(replace(told, bureau=replace(told.bureau, mails=False)))
    assert mails(told) == []


def test_the_reasons_are_not_kept_once_the_letter_is_written(told: Office) -> None:
    told.add_changes("ada", count=3)
    award_and_issue(told)
    with reading(told.engine) as connection:
        assert list(
            connection.execute(
                store.tables.awards.select().with_only_columns(store.tables.awards.c.reasons)
            ).scalars()
        ) == [""]


def test_an_address_that_takes_no_mail_does_not_keep_the_badge_from_being_signed(told: Office) -> None:
    with writing(told.engine) as connection:
        connection.execute(people_store.persons.update().values(email="nobody at nowhere"))
    told.add_changes("ada", count=3)
    award_and_issue(told)
    (badge,) = service.badges_of(told.engine, told.person("git:ada@books.example").id)
    assert badge.jwt is not None
    assert mails(told) == []


def test_a_long_list_of_reasons_ends_with_how_many_more_there_are(told: Office) -> None:
    told.add_changes("ada", count=30, days_apart=5)
    award_and_issue(told)
    text = mails(told)[-1].text
    lines = int(text.partition("Here is why, ")[2].partition(" ")[0])
    assert letters.MAX_LINES < lines <= 30
    assert f"… and {lines - letters.MAX_LINES} more on your page" in text
