"""What stands outside of this office and is named in its settings: the mail server, the OpenID provider.

Their secrets lie in files of their own, read anew each time.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from keys.token import TokenAccess
from schemas.mail_address import MailAddressError, checked_address

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MAIL_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]+")
_SYSTEM = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)  # as in an account
_MAIL_TLS = ("starttls", "tls", "none")

MailTls = Literal["starttls", "tls", "none"]


class AccessError(Exception):
    """A field cannot be used; the text is one sentence that names it."""


@dataclass(frozen=True)
class MailAccess:
    """The mail server that takes this office's mails, and the address from which they come.

    `tls`: "starttls" or "tls" from the first byte; "none" only for a server on this machine. `user` and
    `password_file` come together, or neither.
    """

    host: str
    port: int
    tls: MailTls
    sender: str
    user: str | None = None
    password_file: Path | None = None

    def password(self) -> str:
        """The password, read anew each time: it may be changed while the office runs.

        Raises:
            OSError: the file cannot be read.
        """
        return "" if self.password_file is None else self.password_file.read_text(encoding="utf-8").strip()


@dataclass(frozen=True)
class OpenIdAccess:
    """The OpenID provider at which people log in, and what this office is there."""

    issuer: str
    client_id: str
    client_secret_file: Path

    def client_secret(self) -> str:
        """The secret, read anew each time.

        Raises:
            OSError: the file cannot be read.
        """
        return self.client_secret_file.read_text(encoding="utf-8").strip()


def read_mail(value: Any, data: Path) -> MailAccess | None:
    """The field `mail`. Nothing leaves this machine unencrypted: there is a link in most mails.

    Raises:
        AccessError: it cannot be used as it stands.
    """
    if value is None:
        return None
    needed, known = {"host", "port", "tls", "sender"}, {"host", "port", "tls", "sender", "user", "password_file"}
    if not isinstance(value, dict) or not needed <= value.keys() <= known:
        raise AccessError(
            "the field 'mail' must hold host, port, tls and sender, and may hold user and password_file."
        )
    texts = {name: text for name, text in value.items() if name != "port"}
    for name, text in texts.items():
        if not isinstance(text, str) or not text or not text.isprintable():
            raise AccessError(f"the field 'mail.{name}' must be a text.")
    host, port, tls, sender = value["host"], value["port"], value["tls"], value["sender"]
    if not _MAIL_HOST.fullmatch(host):
        raise AccessError(
            f"mail.host {host[:100]!r} is not usable: a host name such as mail.example.org was expected."
        )
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise AccessError("the field 'mail.port' must be a port, such as 587.")
    if tls not in _MAIL_TLS:
        raise AccessError(f"mail.tls {tls[:20]!r} is not known: {', '.join(_MAIL_TLS)} were expected.")
    if tls == "none" and host not in LOOPBACK:
        raise AccessError("mail.tls 'none' is for a server on this machine only; starttls or tls was expected.")
    try:
        checked_address(sender)
    except MailAddressError as error:
        raise AccessError(f"mail.sender: {error}") from error
    if ("user" in value) != ("password_file" in value):
        raise AccessError("mail.user and mail.password_file belong together.")
    password_file = data / value["password_file"] if "password_file" in value else None
    return MailAccess(host, port, tls, sender, user=value.get("user"), password_file=password_file)


def read_openid(value: Any, data: Path) -> OpenIdAccess | None:
    """The field `oidc`.

    Raises:
        AccessError: it cannot be used as it stands.
    """
    if value is None:
        return None
    names = ("issuer", "client_id", "client_secret_file")
    if not isinstance(value, dict) or value.keys() != set(names):
        raise AccessError("the field 'oidc' must hold issuer, client_id and client_secret_file.")
    for name in names:
        text = value[name]
        if not isinstance(text, str) or not text or not (text.isascii() and text.isprintable()):
            raise AccessError(f"the field 'oidc.{name}' must be a text.")
    issuer = value["issuer"]
    if not is_public_address(issuer):
        raise AccessError(f"oidc.issuer {issuer[:100]!r} is not usable: https://a.host.name was expected.")
    return OpenIdAccess(issuer, value["client_id"], data / value["client_secret_file"])


def is_public_address(url: str) -> bool:
    """Whether a browser may be sent there with a secret: https with a host name, or http on this machine."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    good = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return good and bool(parts.hostname) and not parts.username and not parts.fragment and port != 0


def read_profiles(value: Any) -> dict[str, str]:
    """The field `profiles`: `github: https://github.com/{name}`. The host is always the operator's choice.

    Raises:
        AccessError: it cannot be used as it stands.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AccessError("the field 'profiles' must hold, for each system, an address with {name} in it.")
    for system, address in value.items():
        host = urlsplit(address).netloc if isinstance(address, str) else ""
        usable = isinstance(address, str) and is_public_address(address) and address.count("{name}") == 1
        if not _SYSTEM.fullmatch(system) or not usable or "{" in host or "{" in address.replace("{name}", ""):
            raise AccessError(
                f"profiles.{system[:40]} is not usable: a system's name and"
                " https://a.host.name/{name} were expected."
            )
    return dict(value)


def read_token(value: Any, data: Path) -> TokenAccess | None:
    """The PKCS#11 token of the settings: `{module, label, pin_file}`.

    Raises:
        AccessError: a field is missing, unknown, or no text.
    """
    if value is None:
        return None
    names = {"module", "label", "pin_file"}
    if (
        not isinstance(value, dict)
        or set(value) != names
        or not all(isinstance(one, str) for one in value.values())
    ):
        raise AccessError("token must hold module, label and pin_file, all of them text.")
    return TokenAccess(Path(value["module"]), value["label"], data / value["pin_file"])
