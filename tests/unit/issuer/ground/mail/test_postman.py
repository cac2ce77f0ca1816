"""Mails over real SMTP: sent once woken, again after a fault, never in the clear, and forgotten in time."""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from issuer.ground import mail
from issuer.ground.access import MailAccess, MailTls
from issuer.ground.database import open_database, reading, writing
from issuer.ground.mail import Mail, store
from issuer.ground.mail.postman import LEASE, LONGEST_PAUSE, MailOutbox, Postman, Round, pause_after
from issuer.ground.settings import Settings
from tests.integration.test_one_document import certificate
from tests.unit.verifier.ground.mail.mail_server import SENDER, MailServer
from tests.unit.verifier.simulator import Clock

QUARTER = timedelta(minutes=15)


def reached(server: MailServer, tls: MailTls = "none", **more: Any) -> MailAccess:
    """How this office reaches the server."""
    return MailAccess("localhost", server.port, tls, SENDER, **more)


class Office:
    """A database with mails, and the outbox that sends them to `server`."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.server = Clock(), MailServer()
        self.engine = open_database(folder / "issuer.sqlite")
        self.settings = Settings(
            folder, "Example", "https://badges.example.org", folder / "policy.yaml", mail=reached(self.server)
        )

    @property
    def outbox(self) -> MailOutbox:
        return MailOutbox(self.settings, engine=self.engine, clock=self.clock)

    def enter(self, to: str = "ada@example.org", *, text: str = "Your code is 123456.\n") -> None:
        with writing(self.engine) as connection:
            now = self.clock()
            mail.enter(connection, Mail(to, "Your code", text), expires_at=now + QUARTER, now=now)

    def waiting(self) -> list[str]:
        with reading(self.engine) as connection:
            return [row.recipient for row in connection.execute(store.mail_outbox.select())]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.engine.dispose()


def test_a_mail_is_sent_and_forgotten(office: Office) -> None:
    office.enter(text="Grüße: 你好\n.\n")
    with office.server.running():
        assert office.outbox.send_due() == Round(sent=1)
    (sent,) = office.server.mails
    assert (sent["To"], sent["From"], sent["Subject"]) == ("ada@example.org", SENDER, "Your code")
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent.get_content().replace("\r\n", "\n") == "Grüße: 你好\n.\n"
    assert office.waiting() == []


def test_a_server_that_is_down_gets_it_when_it_is_up(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.enter()
    assert office.outbox.send_due() == Round(waiting=1)
    assert office.outbox.send_due() == Round(), "it pauses"
    assert "ada@example.org" not in caplog.text
    office.clock.now += pause_after(1)
    with office.server.running():
        assert office.outbox.send_due() == Round(sent=1)
    assert len(office.server.mails) == 1


def test_pauses_grow_and_end() -> None:
    assert [pause_after(n).total_seconds() for n in (1, 2, 3)] == [4, 8, 16]
    assert pause_after(50) == LONGEST_PAUSE


def test_a_recipient_that_does_not_exist_is_given_up_and_holds_up_nobody(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.server.refusals["gone@example.org"] = "550 no mailbox gone@example.org here"
    for address in ("gone@example.org", "ada@example.org"):
        office.enter(address)
    with office.server.running():
        assert office.outbox.send_due() == Round(sent=1, refused=1)
    assert [sent["To"] for sent in office.server.mails] == ["ada@example.org"]
    assert office.waiting() == []
    assert "gone@example.org" not in caplog.text, "a log keeps no address"
    assert "550" in caplog.text


def test_a_mailbox_that_is_busy_is_tried_again(office: Office) -> None:
    office.server.refusals["ada@example.org"] = "450 greylisted"
    office.enter()
    with office.server.running():
        assert office.outbox.send_due() == Round(waiting=1)
        office.server.refusals.clear()
        office.clock.now += pause_after(1)
        assert office.outbox.send_due() == Round(sent=1)


@pytest.mark.parametrize(("answer", "told"), [("554 spam", Round(refused=1)), ("452 full", Round(waiting=1))])
def test_a_text_that_is_not_taken(office: Office, answer: str, told: Round) -> None:
    office.server.data_answer = answer
    office.enter()
    with office.server.running():
        assert office.outbox.send_due() == told


def test_a_sender_that_is_refused_is_ours_to_mend_and_loses_nothing(office: Office) -> None:
    office.server.sender_answer = "550 we know no such sender"
    for address in ("ada@example.org", "bo@example.org"):
        office.enter(address)
    with office.server.running():
        assert office.outbox.send_due() == Round(waiting=2)
    assert sorted(office.waiting()) == ["ada@example.org", "bo@example.org"]


def test_what_has_expired_is_forgotten_unsent(office: Office) -> None:
    office.enter()
    office.clock.now += QUARTER
    with office.server.running():
        assert office.outbox.send_due() == Round(expired=1)
    assert (office.server.mails, office.waiting()) == ([], [])


def test_it_is_forgotten_also_without_a_mail_server(office: Office) -> None:
    office.enter()
    office.settings = replace(office.settings, mail=None)
    assert office.outbox.send_due() == Round()
    office.clock.now += QUARTER
    assert office.outbox.send_due() == Round(expired=1)
    assert office.waiting() == []


def test_two_workers_do_not_send_the_same_mail(office: Office) -> None:
    for number in range(8):
        office.enter(f"person-{number}@example.org")
    with office.server.running():
        workers = [threading.Thread(target=office.outbox.send_due) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert sorted(sent["To"] for sent in office.server.mails) == [f"person-{n}@example.org" for n in range(8)]


def test_a_worker_that_was_killed_leaves_its_mail_to_the_next_one(office: Office) -> None:
    office.enter()
    with writing(office.engine) as connection:
        (waiting,) = store.due(connection, now=office.clock(), limit=1)
        store.begin_try(connection, waiting.id, seen_attempts=0, next_try_at=office.clock() + LEASE)
    with office.server.running():
        assert office.outbox.send_due() == Round()
        office.clock.now += LEASE
        assert office.outbox.send_due() == Round(sent=1)


# Encryption


@pytest.fixture
def encrypted(office: Office, tmp_path: Path) -> Office:
    """An office whose server wants STARTTLS and a password."""
    (tmp_path / "mail.password").write_text("a password\n")
    access = reached(office.server, "starttls", user="badges", password_file=tmp_path / "mail.password")
    office.settings = replace(office.settings, mail=access)
    return office


def test_starttls_and_a_password(encrypted: Office, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    encrypted.settings = replace(encrypted.settings, ca_file=chain)
    encrypted.enter()
    with encrypted.server.running(certificate=(chain, key)):
        assert encrypted.outbox.send_due() == Round(sent=1)
    assert encrypted.server.logins == [(b"badges", b"a password")]


def test_starttls_with_a_certificate_that_nobody_trusts_is_refused(encrypted: Office, tmp_path: Path) -> None:
    encrypted.enter()
    with encrypted.server.running(certificate=certificate(tmp_path)):
        assert encrypted.outbox.send_due() == Round(waiting=1)
    assert (encrypted.server.logins, encrypted.server.mails) == ([], []), "no password went to a stranger"


def test_a_certificate_of_another_host_is_refused(encrypted: Office, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    access = encrypted.settings.mail
    assert access is not None
    encrypted.settings = replace(encrypted.settings, ca_file=chain, mail=replace(access, host="127.0.0.1"))
    encrypted.enter()
    with encrypted.server.running(certificate=(chain, key)):
        assert encrypted.outbox.send_due() == Round(waiting=1)
    assert encrypted.server.logins == []


def test_a_server_without_starttls_gets_nothing_in_the_clear(encrypted: Office) -> None:
    encrypted.enter()
    with encrypted.server.running():
        assert encrypted.outbox.send_due() == Round(waiting=1)
    assert (encrypted.server.logins, encrypted.server.mails) == ([], [])


def test_tls_from_the_first_byte(office: Office, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    office.settings = replace(office.settings, ca_file=chain, mail=reached(office.server, "tls"))
    office.enter()
    with office.server.running(certificate=(chain, key), at_once=True):
        assert office.outbox.send_due() == Round(sent=1)


def test_a_wrong_password_loses_nothing_and_is_in_no_log(
    encrypted: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain, key = certificate(tmp_path)
    encrypted.settings = replace(encrypted.settings, ca_file=chain)
    (tmp_path / "mail.password").write_text("another secret")
    encrypted.enter()
    with encrypted.server.running(certificate=(chain, key)), caplog.at_level(logging.DEBUG):
        assert encrypted.outbox.send_due() == Round(waiting=1)
    assert "another secret" not in caplog.text
    assert "535" in caplog.text


def test_a_password_file_that_is_gone_loses_nothing(encrypted: Office, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    encrypted.settings = replace(encrypted.settings, ca_file=chain)
    (tmp_path / "mail.password").unlink()
    encrypted.enter()
    with encrypted.server.running(certificate=(chain, key)):
        assert encrypted.outbox.send_due() == Round(waiting=1)


# The worker


def test_a_mail_leaves_at_once_when_the_postman_is_woken(office: Office) -> None:
    postman = Postman(lambda: office.outbox, every=600)
    with office.server.running():
        postman.start()
        time.sleep(0.2)  # its first round found nothing
        office.enter()
        began = time.monotonic()
        postman.wake()
        while not office.server.mails and time.monotonic() - began < 20:
            time.sleep(0.01)
        postman.stop()
        postman.join(20)
    assert len(office.server.mails) == 1
    assert not postman.is_alive()


def test_nothing_that_goes_wrong_ends_the_postman(office: Office) -> None:
    rounds: list[int] = []

    def outbox() -> MailOutbox:
        rounds.append(1)
        if len(rounds) == 1:
            raise OSError("the disk is away")
        return office.outbox

    office.enter()
    postman = Postman(outbox, every=0.01)
    with office.server.running():
        postman.start()
        began = time.monotonic()
        while not office.server.mails and time.monotonic() - began < 20:
            time.sleep(0.01)
        postman.stop()
        postman.join(20)
    assert len(office.server.mails) == 1


def test_the_password_is_in_no_text_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "mail.password").write_text("a secret of ours\n")
    access = MailAccess(
        "mail.example", 587, "starttls", SENDER, user="u", password_file=tmp_path / "mail.password"
    )
    assert access.password() == "a secret of ours"
    assert "a secret of ours" not in repr(access)
