"""One talk with the mail server (RFC 5321): encrypted as the settings say, with no way back to plain text.

The server is one of the operator's choice and may stand inside their network. Nothing here waits longer than
STEP_SECONDS for one answer.
"""

import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType

from issuer.ground.access import MailAccess
from issuer.ground.mail import Mail

STEP_SECONDS = 10.0


class DeliveryError(Exception):
    """A mail was not taken. The sentence names no address of a recipient, so that it can be logged.

    ├── ServerError     the server could not be talked to, or takes nothing from us: the rest waits, too
    ├── LaterError      it does not take this mail now
    └── RefusedError    it will never take this mail
    """


class ServerError(DeliveryError):
    """No connection, no encryption, a wrong password, or a sender that it does not know."""


class LaterError(DeliveryError):
    """The recipient's mailbox is busy or full, or the server wants to be asked again (4xx)."""


class RefusedError(DeliveryError):
    """There is no such recipient, or the server takes no such mail (5xx)."""


class Talk:
    """A connection on which mails are handed over one by one; a context manager.

    Raises, on entering:
        ServerError: as its name says.
    """

    def __init__(self, access: MailAccess, *, ca_file: Path | None = None) -> None:
        self._access, self._ca_file = access, ca_file
        self._server: smtplib.SMTP | None = None

    def __enter__(self) -> "Talk":
        try:
            self._server = self._connected()
            if self._access.user is not None:
                self._server.login(self._access.user, self._access.password())
        except smtplib.SMTPResponseException as error:
            self._close()
            raise ServerError(f"The mail server {self._access.host} answered {error.smtp_code}.") from error
        except (OSError, ValueError, smtplib.SMTPException) as error:  # ssl.SSLError is an OSError
            self._close()
            raise ServerError(
                f"The mail server {self._access.host} could not be used: {_cause(error)}."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def hand_over(self, mail: Mail, *, reference: str, now: datetime) -> None:
        """Give the server one mail; when this returns, the server answers for it.

        Raises:
            DeliveryError: one of the three; after a ServerError the connection is of no more use.
        """
        assert self._server is not None
        message = composed(mail, sender=self._access.sender, reference=reference, now=now)
        try:
            self._server.send_message(message, from_addr=self._access.sender, to_addrs=[mail.to])
        except smtplib.SMTPRecipientsRefused as error:
            ((code, _text),) = error.recipients.values()
            raise _for_code(code, "recipient") from error
        except smtplib.SMTPDataError as error:
            raise _for_code(error.smtp_code, "mail") from error
        except smtplib.SMTPSenderRefused as error:
            raise ServerError(f"The mail server refused our sender ({error.smtp_code}).") from error
        except (OSError, smtplib.SMTPException) as error:
            raise ServerError(f"The mail server broke off: {_cause(error)}.") from error

    def _connected(self) -> smtplib.SMTP:
        access, name = self._access, self._access.sender.partition("@")[2]
        if access.tls == "tls":
            return smtplib.SMTP_SSL(
                access.host, access.port, local_hostname=name, timeout=STEP_SECONDS, context=self._tls()
            )
        server = smtplib.SMTP(access.host, access.port, local_hostname=name, timeout=STEP_SECONDS)
        if access.tls == "starttls":
            try:
                server.starttls(context=self._tls())  # raises where the server offers none: never in the clear
            except Exception:
                server.close()
                raise
        return server

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=None if self._ca_file is None else str(self._ca_file))

    def _close(self) -> None:
        if self._server is None:
            return
        try:
            self._server.quit()
        except (OSError, smtplib.SMTPException):
            self._server.close()
        self._server = None


def composed(mail: Mail, *, sender: str, reference: str, now: datetime) -> EmailMessage:
    """The message as it travels: UTF-8 plain text, marked as sent by a machine (RFC 3834)."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, mail.to, mail.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{reference}@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, charset="utf-8")
    return message


def _for_code(code: int, what: str) -> DeliveryError:
    if 500 <= code < 600:
        return RefusedError(f"The mail server refused the {what} for good ({code}).")
    return LaterError(f"The mail server does not take the {what} now ({code}).")


def _cause(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text[:200] or type(error).__name__
