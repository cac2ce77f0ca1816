"""What a mail may be, and that entering one is a part of the caller's transaction."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from issuer.ground import mail
from issuer.ground.database import reading, writing
from issuer.ground.mail import Mail, MailError, store
from issuer.ground.mail.smtp import composed
from tests.unit.issuer.office import NOW


def test_what_is_no_plain_address_is_refused() -> None:
    for address in ("ada", "Ada <ada@example.org>", "ada@example.org\r\nBcc: eve@example.org"):
        with pytest.raises(MailError, match="no mail address"):
            Mail(address, "Subject", "Text")


@pytest.mark.parametrize(
    "subject",
    ["", "One\r\nBcc: eve@example.org", "One\nTwo", "One\rTwo", "One\u2028Two", "One\x00", "\ud800", "x" * 201],
)
def test_a_subject_is_one_line(subject: str) -> None:
    with pytest.raises(MailError, match="one line"):
        Mail("ada@example.org", subject, "Text")


@pytest.mark.parametrize("text", ["", "bare\rreturn", "\x00", "\x1b[2J", "x" * 20_001])
def test_a_text_holds_no_control_characters(text: str) -> None:
    with pytest.raises(MailError, match="text"):
        Mail("ada@example.org", "Subject", text)


def test_every_character_of_the_world_survives_as_utf_8() -> None:
    text = "Grüße, 你好, שלום 🎉\n.\nA line that is a single dot.\n" + "long " * 400 + "\n"
    message = composed(
        Mail("ada@example.org", "Für dich: 你好", text), sender="b@v.example", reference="r", now=NOW
    )
    assert message["Subject"] == "Für dich: 你好"
    assert message.get_content() == text
    assert message["Message-ID"] == "<r@v.example>"
    assert all(len(line) <= 998 for line in message.as_bytes().split(b"\r\n")), "RFC 5321 §4.5.3.1.6"


def test_a_mail_is_entered_with_its_transaction_or_not_at_all(database: Engine) -> None:
    engine = database
    one = Mail("ada@example.org", "Subject", "Text")
    with pytest.raises(RuntimeError), writing(engine) as connection:
        mail.enter(connection, one, expires_at=NOW + timedelta(minutes=15), now=NOW)
        raise RuntimeError("what was to be told did not happen")
    with reading(engine) as connection:
        assert store.due(connection, now=NOW, limit=9) == ()
    with writing(engine) as connection:
        mail.enter(connection, one, expires_at=NOW + timedelta(minutes=15), now=NOW)
    with reading(engine) as connection:
        assert [waiting.recipient for waiting in store.due(connection, now=NOW, limit=9)] == ["ada@example.org"]
    engine.dispose()
