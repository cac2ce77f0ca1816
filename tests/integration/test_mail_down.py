"""The mail server is down for a day while badges are issued: afterwards each holder has had one letter."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from issuer.badges import awarding, issuance
from issuer.ground.access import MailAccess
from issuer.ground.database import writing
from issuer.ground.mail.postman import MailOutbox
from issuer.people import store as people_tables
from issuer.recognition import service as recognition
from tests.unit.issuer.office import NOW, open_office
from tests.unit.verifier.ground.mail.mail_server import SENDER, MailServer


def test_a_mail_server_that_is_down_for_a_day_loses_nothing(
    tmp_path: Path, issuing_database: dict[str, str]
) -> None:
    office, server, moved = open_office(tmp_path, **issuing_database), MailServer(), [NOW]
    access = MailAccess("localhost", server.port, "none", SENDER)
    bureau = replace(office.bureau, mails=True)
    with writing(office.engine) as connection:
        connection.execute(update(people_tables.persons).values(told_at=NOW))
    for who in ("ada", "cy", "dana"):
        office.add_changes(who, count=3)
    decided = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decided, policy=office.policy, now=NOW)
    assert issuance.issue(bureau, now=NOW) == 3
    outbox = MailOutbox(replace(office.settings, mail=access), engine=office.engine, clock=lambda: moved[0])
    tries = 0
    for _ in range(24 * 60 // 5):
        told = outbox.send_due()
        assert told.sent == told.refused == told.expired == 0
        tries += told.waiting
        moved[0] += timedelta(minutes=5)
    assert tries > 3 * 24, "it was tried all day"
    with server.running():
        assert outbox.send_due().sent == 3
        moved[0] += timedelta(days=1)
        assert outbox.send_due().sent == 0
    assert sorted(str(mail["To"]) for mail in server.mails) == [
        "ada@books.example",
        "cy@books.example",
        "dana@books.example",
    ]
    office.engine.dispose()
