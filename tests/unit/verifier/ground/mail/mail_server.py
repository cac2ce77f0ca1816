"""A mail server over real SMTP, on this machine, that can misbehave on purpose. It keeps what it was given."""

import email
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from verifier.ground.settings import MailAccess, MailTls

SENDER = "badges@verify.example"


class MailServer:
    """What came in, in `mails`; `refusals` maps a recipient's address to the answer that it gets."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Any] = []
        self.refusals: dict[str, str] = {}
        self.data_answer: str | None = None
        self.sender_answer: str | None = None
        self.logins: list[tuple[bytes, bytes]] = []
        self.password = b"a password"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.sender_answer:
            return self.sender_answer
        envelope.mail_from, envelope.mail_options = address, options
        return "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data_answer:
            return self.data_answer
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.envelopes.append(envelope)
        self.mails.append(message)
        return "250 OK"

    def access(self, tls: MailTls = "none", **more: Any) -> MailAccess:
        """How this office reaches it."""
        return MailAccess("localhost", self.port, tls, SENDER, **more)

    @contextmanager
    def running(self, *, certificate: tuple[Path, Path] | None = None, at_once: bool = False) -> Iterator[None]:
        """Answer while the block runs. With a certificate STARTTLS and a login are required, or TLS `at_once`."""
        context = None
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
        options: dict[str, Any] = {}
        if context is not None and not at_once:
            options = {"tls_context": context, "require_starttls": True}
            options |= {"authenticator": self._authenticate, "auth_required": True}
        controller = _Controller(
            self,
            hostname="localhost",
            port=self.port,
            ssl_context=context if at_once else None,
            ident="a mail server for tests",
            **options,
        )
        controller.start()
        try:
            yield
        finally:
            controller.stop()

    def _authenticate(
        self, _server: SMTP, _session: Any, _envelope: Any, _mechanism: str, login: Any
    ) -> AuthResult:
        self.logins.append((login.login, login.password))
        return AuthResult(success=login.password == self.password, handled=False)


class _Controller(Controller):
    """aiosmtpd asks itself once whether it is there, with 1 s of patience; a busy machine needs more."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, ready_timeout=20.0, **named)
