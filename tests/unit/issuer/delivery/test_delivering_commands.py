"""`deliveries`, `resend`, `new-link`: whether badges arrived, by command; and claims on each database."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from issuer.badges import awarding, issuance
from issuer.badges import service as badges
from issuer.cli import main
from issuer.delivery import claiming
from issuer.ground.database import reading, writing
from issuer.ground.login import service as login
from issuer.ground.login.rights import Role
from issuer.ground.mail import store as mail_store
from issuer.notices.model import UsedLinkError
from issuer.people import store as people_store
from issuer.recognition import service as recognition
from tests.unit.issuer.office import NOW, Office
from tests.unit.issuer.people.community import MAIL

ADA, BOB = "ada@books.example", "bob@books.example"


def issued(office: Office) -> Office:
    """The office with a mail server, and a badge of Ada's about which she was written to."""
    with writing(office.engine) as connection:
        for person in office.people:
            people_store.set_told(connection, person, now=NOW)
    mailing = replace(office, bureau=replace(office.bureau, mails=True))
    mailing.add_changes("ada", count=3)
    decided = recognition.decide_all(mailing.engine, mailing.policy, as_of=NOW)
    awarding.award_decisions(mailing.engine, decided, policy=mailing.policy, now=NOW)
    issuance.issue(mailing.bureau, now=NOW)
    return mailing


def newest_token(office: Office) -> str:
    with reading(office.engine) as connection:
        query = mail_store.mail_outbox.select().order_by(mail_store.mail_outbox.c.id)
        letters = [row.text for row in connection.execute(query)]
    text = [text for text in letters if "/claim/" in text][-1]
    return str(text.partition("/claim/")[2].split()[0])


def test_of_many_who_claim_at_once_one_has_it_on_each_database(office: Office) -> None:
    mailing = issued(office)
    token = newest_token(mailing)

    def attempt(_: int) -> str | type[Exception]:
        try:
            return claiming.claim(mailing.bureau, token, now=NOW)[0]
        except UsedLinkError as error:
            return type(error)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, range(20)))
    assert outcomes.count(UsedLinkError) == 19
    assert badges.pages(mailing.bureau)[office.person(ADA).id] in outcomes


def test_the_commands_show_send_and_take_back(file_office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    mailing, data = issued(file_office), file_office.settings.data
    settings = data / "issuer.yaml"
    settings.write_text(yaml.safe_dump({**yaml.safe_load(settings.read_text()), "mail": MAIL}))
    bob = file_office.person(BOB).id
    login.give_role(file_office.engine, bob, Role.MANAGER, by="operator", reason="a test", now=NOW)
    short = badges.badges_of(file_office.engine, file_office.person(ADA).id)[0].short_id

    (row,) = command(capsys, data, "deliveries")["deliveries"]
    assert (row["badge"], row["state"], row["hindrance"]) == (short, "waiting", "")
    sent = command(capsys, data, "resend", short, "--to", "a@b.example", "--by", BOB, "--reason", "she moved")
    assert sent["to"] == "a@b.example"
    (row,) = command(capsys, data, "deliveries")["deliveries"]
    assert row["elsewhere"] is True
    before = badges.pages(mailing.bureau)[file_office.person(ADA).id]
    made = command(capsys, data, "new-link", ADA, "--by", BOB, "--reason", "lost phone")["private_page"]
    assert made.startswith("https://badges.example.org/h/") and not made.endswith(before)
    assert badges.person_of_page(file_office.engine, before) is None
    listed = command(capsys, data, "list")["badges"]
    assert [one["private_page"] for one in listed] == [made]
    claiming.claim(mailing.bureau, newest_token(mailing), now=NOW)
    assert command(capsys, data, "deliveries")["deliveries"] == []
    assert command(capsys, data, "deliveries", "--all")["deliveries"][0]["state"] == "claimed"


def test_only_who_may_sends_again(file_office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    issued(file_office)
    short = badges.badges_of(file_office.engine, file_office.person(ADA).id)[0].short_id
    with pytest.raises(SystemExit) as ended:
        main(["resend", short, "--by", ADA, "--reason", "x", "--data", str(file_office.settings.data)])
    assert ended.value.code == 1
    assert "only a manager may do this" in capsys.readouterr().err


def command(capsys: pytest.CaptureFixture[str], data: Path, *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--json", "--data", str(data)])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    made: dict[str, Any] = json.loads(printed.out)
    return made
