"""The verifying office's settings: an optional file in its data folder, and the only reader of the environment.

`DIR/verifier.yaml` may say where the office is public, where trusted documents lie, and which addresses its
guard lets through although they are private. All of it has a safe default, so verifying needs no folder at
all. BADGEWRIGHT_VERIFIER_DATA names the folder. What an event accepts is not a setting: `registration`.
"""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml

from schemas import strict_yaml
from schemas.mail_address import MailAddressError, checked_address

SETTINGS_FILE = "verifier.yaml"
PASSPHRASE_FILE = "passphrase"  # noqa: S105 - a file's name; beside the data only until somebody moves it
_KNOWN = (
    "public_url",
    "exempt_hosts",
    "ca_file",
    "offline_dir",
    "contexts_dir",
    "trusted_issuers",
    "rate_limit",
    "shops",
    "mail",
    "database_url",
    "database_password_file",
    "oidc",
)
_HOST_AND_PORT = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]):[1-9][0-9]{0,4}")
_SHOP_URL = re.compile(r"https://[a-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~-]+)*")
_MAIL_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]+")
_MAIL_TLS = ("starttls", "tls", "none")
_DATABASE_URL = re.compile(r"postgresql(?:\+psycopg)?://[^\s]+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


MailTls = Literal["starttls", "tls", "none"]


class SettingsError(Exception):
    """The settings are wrong; the text is one sentence that names the file and the field."""


@dataclass(frozen=True)
class RateLimit:
    """`per_minute` requests on average, `burst` at once."""

    per_minute: int = 300
    burst: int = 100


@dataclass(frozen=True)
class ShopAccess:
    """A ticket shop's address, and the file that holds the token which this office was given for it."""

    url: str
    token_file: Path


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
    """The OpenID provider at which staff log in, and what this office is there."""

    issuer: str
    client_id: str
    client_secret_file: Path

    def client_secret(self) -> str:
        """The secret, read anew each time.

        Raises:
            OSError: the file cannot be read.
        """
        return self.client_secret_file.read_text(encoding="utf-8").strip()


@dataclass(frozen=True)
class Settings:
    """How one verifying office stands in the world.

    `exempt_hosts`: exact `host:port` that the guard may find at a private address (empty by default);
    `offline_dir`: a folder in which an issuer's `publish` put its documents, asked instead of the network;
    `contexts_dir`: a folder with JSON-LD contexts that are known besides the bundled ones, pinned by hash;
    `trusted_issuers`: the DIDs on each named list; `trusted_lists`: the addresses of lists that others publish.
    Trust is shown and used to find dictionaries, and buys nothing: what is accepted is each event's policy.
    `rate_limit`: how often one client may ask over a network.
    `shops`: the ticket shops for which there is a token, by address; which one is an event's, its policy says.
    `mail`: without it no mail is sent, and what needs one is not offered.
    `database_url`: a PostgreSQL instead of the file `database`; `database_password_file` is its user's.
    `oidc`: where staff log in, besides by mailed links.
    """

    data: Path
    public_url: str | None = None
    exempt_hosts: frozenset[str] = frozenset()
    ca_file: Path | None = None
    offline_dir: Path | None = None
    contexts_dir: Path | None = None
    trusted_issuers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trusted_lists: Mapping[str, str] = field(default_factory=dict)
    rate_limit: RateLimit = RateLimit()
    shops: Mapping[str, ShopAccess] = field(default_factory=dict)
    mail: MailAccess | None = None
    database_url: str | None = field(default=None, repr=False)  # it may hold a password
    database_password_file: Path | None = None
    oidc: OpenIdAccess | None = None

    @property
    def database(self) -> Path | str:
        """Where redemptions are kept: a file of SQLite, or the address of a PostgreSQL."""
        return self.database_url or self.data / "verifier.sqlite"

    @property
    def has_database(self) -> bool:
        """Whether there is one to look into: an office that only verified has made no file."""
        return isinstance(self.database, str) or self.database.exists()

    @property
    def events(self) -> Path:
        return self.data / "events"

    @property
    def archives(self) -> Path:
        """The final archives of programmes that have ended."""
        return self.data / "archives"

    @property
    def staff(self) -> Path:
        return self.data / "staff.yaml"

    @property
    def voucher_secret(self) -> Path:
        return self.data / "voucher.secret"

    @property
    def keys(self) -> Path:
        return self.data / "keys"

    @property
    def desk_keys(self) -> Path:
        """The keys for desks: bundles and epochs of an office, or that of a hub."""
        return self.data / "desk-keys"

    def passphrase(self) -> str:
        """What opens this office's keys: BADGEWRIGHT_VERIFIER_PASSPHRASE, the file that
        BADGEWRIGHT_VERIFIER_PASSPHRASE_FILE names, or the file in the data folder, made on first use.

        Raises:
            SettingsError: the file cannot be read or made.
        """
        given = os.environ.get("BADGEWRIGHT_VERIFIER_PASSPHRASE")
        if given:
            return given
        named = os.environ.get("BADGEWRIGHT_VERIFIER_PASSPHRASE_FILE")
        file = Path(named) if named else self.data / PASSPHRASE_FILE
        try:
            folders = (self.keys, self.desk_keys)
            if not named and not file.exists() and not any((f / "keyset.json").exists() for f in folders):
                self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
                descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                    stream.write(secrets.token_urlsafe(32) + "\n")
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"The key passphrase cannot be read from {file}: set BADGEWRIGHT_VERIFIER_PASSPHRASE or"
                " BADGEWRIGHT_VERIFIER_PASSPHRASE_FILE."
            ) from error


def default_data_folder() -> Path:
    """BADGEWRIGHT_VERIFIER_DATA, or `badgewright-verifier` in the current folder."""
    return Path(os.environ.get("BADGEWRIGHT_VERIFIER_DATA") or "badgewright-verifier")


def load(data: Path) -> Settings:
    """The settings of a data folder; the folder and the file may be absent, nothing is made.

    Raises:
        SettingsError: the file is no YAML, or a field is unknown or of the wrong kind.
    """
    file = data / SETTINGS_FILE
    try:
        fields = strict_yaml.loads(file.read_bytes())
    except FileNotFoundError:
        return Settings(data)
    except strict_yaml.StrictYamlError as error:
        raise SettingsError(f"{file}: {error}") from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.") from error
    unknown = sorted(fields.keys() - set(_KNOWN))
    if unknown:
        raise SettingsError(f"{file}: the field {unknown[0]!r} is not known; known are {', '.join(_KNOWN)}.")
    try:
        public_url = _text(fields, "public_url")
        return Settings(
            data,
            public_url=None if public_url is None else checked_public_url(public_url),
            exempt_hosts=checked_exempt_hosts(_texts(fields.get("exempt_hosts"), "exempt_hosts")),
            ca_file=_path(fields, "ca_file", data),
            offline_dir=_path(fields, "offline_dir", data),
            contexts_dir=_path(fields, "contexts_dir", data),
            trusted_issuers=_lists_of_issuers(fields.get("trusted_issuers")),
            trusted_lists=_addresses_of_lists(fields.get("trusted_issuers")),
            rate_limit=_rate_limit(fields.get("rate_limit")),
            shops=_shops(fields.get("shops"), data),
            mail=_mail(fields.get("mail"), data),
            database_url=_database_url(fields),
            database_password_file=_path(fields, "database_password_file", data),
            oidc=_oidc(fields.get("oidc"), data),
        )
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from error


def checked_public_url(url: str) -> str:
    """`url` without its last slash: https with a host name, or http on this machine.

    Raises:
        SettingsError: any other address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"public_url {url!r} is no address: {error}.") from error
    good = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not good or not parts.hostname or parts.query or parts.fragment or parts.username or port == 0:
        raise SettingsError(f"public_url {url!r} is not usable: https://a.host.name was expected.")
    return url.rstrip("/")


def checked_exempt_hosts(hosts: tuple[str, ...]) -> frozenset[str]:
    """`hosts` as the guard compares them.

    Raises:
        SettingsError: one is not an exact `host:port`; patterns and whole networks are never exempt.
    """
    for host in hosts:
        if not _HOST_AND_PORT.fullmatch(host) or int(host.rpartition(":")[2]) > 65535:
            raise SettingsError(f"the exempt host {host!r} is not an exact host:port, such as localhost:8001.")
    return frozenset(hosts)


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise SettingsError(f"the field {name!r} must be a text.")
    return value


def _texts(value: Any, name: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(f"the field {name!r} must be a list of texts.")
    return tuple(value)


def _path(fields: Mapping[str, Any], name: str, data: Path) -> Path | None:
    value = _text(fields, name)
    return None if value is None else data / value  # an absolute path stays as it is


def _rate_limit(value: Any) -> RateLimit:
    if value is None:
        return RateLimit()
    if not isinstance(value, dict) or not value.keys() <= {"per_minute", "burst"}:
        raise SettingsError("the field 'rate_limit' must hold per_minute and burst.")
    for name, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise SettingsError(f"the field 'rate_limit.{name}' must be a whole number of 1 or more.")
    return RateLimit(**value)


def _addresses_of_lists(value: Any) -> dict[str, str]:
    """Those of the named lists that others publish."""
    published = {name: entry for name, entry in (value or {}).items() if isinstance(entry, dict)}
    for name, entry in published.items():
        url = entry.get("url")
        if entry.keys() != {"url"} or not isinstance(url, str) or not url.startswith("https://"):
            raise SettingsError(f"trusted_issuers.{name} must hold url, an https address, and nothing else.")
    return {name: entry["url"] for name, entry in published.items()}


def _lists_of_issuers(value: Any) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError("the field 'trusted_issuers' must hold named lists of DIDs.")
    own = {name: issuers for name, issuers in value.items() if not isinstance(issuers, dict)}
    lists = {name: _texts(issuers, f"trusted_issuers.{name}") for name, issuers in own.items()}
    for name, issuers in lists.items():
        for issuer in issuers:
            if not issuer.startswith("did:"):
                raise SettingsError(f"trusted_issuers.{name} lists {issuer!r}, which is no DID.")
    return lists


def checked_database_url(url: str) -> str:
    """The address of a PostgreSQL. No error repeats it: it may hold a password.

    Raises:
        SettingsError: it is none.
    """
    if not _DATABASE_URL.fullmatch(url):
        raise SettingsError("database_url is not usable: postgresql://user@host/name was expected.")
    return url


def name_database(data: Path, url: str, password_file: Path | None) -> None:
    """Let the settings of a folder name another PostgreSQL; all else in the file stays as it is."""
    file = data / SETTINGS_FILE
    fields = {**(strict_yaml.loads(file.read_bytes()) if file.exists() else {}), "database_url": url}
    fields.pop("database_password_file", None)
    if password_file is not None:
        fields["database_password_file"] = str(password_file.absolute())
    file.write_text(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _database_url(fields: Mapping[str, Any]) -> str | None:
    """The address of a PostgreSQL. No error repeats it: it may hold a password."""
    url = _text(fields, "database_url")
    if url is not None:
        return checked_database_url(url)
    if fields.get("database_password_file") is not None:
        raise SettingsError(
            "database_password_file stands without a database_url: both were expected, or neither."
        )
    return None


def _shops(value: Any, data: Path) -> dict[str, ShopAccess]:
    """Named shops, by their address: a token goes to the address beside which it stands, and to no other."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError("the field 'shops' must hold named shops with url and token_file.")
    shops: dict[str, ShopAccess] = {}
    for name, entry in value.items():
        if not isinstance(entry, dict) or entry.keys() != {"url", "token_file"}:
            raise SettingsError(f"shops.{name} must hold url and token_file.")
        if not all(isinstance(text, str) and text for text in entry.values()):
            raise SettingsError(f"shops.{name} must hold url and token_file as texts.")
        url = entry["url"].rstrip("/")
        if not _SHOP_URL.fullmatch(url):
            raise SettingsError(f"shops.{name}.url {url[:100]!r} is not usable: https://a.host.name was expected.")
        if url in shops:
            raise SettingsError(f"shops.{name} has the address of another shop: one token for each was expected.")
        shops[url] = ShopAccess(url, data / entry["token_file"])
    return shops


def _mail(value: Any, data: Path) -> MailAccess | None:
    """The mail server. Nothing leaves this machine unencrypted: there is a code or a link in every mail."""
    if value is None:
        return None
    needed, known = {"host", "port", "tls", "sender"}, {"host", "port", "tls", "sender", "user", "password_file"}
    if not isinstance(value, dict) or not needed <= value.keys() <= known:
        raise SettingsError(
            "the field 'mail' must hold host, port, tls and sender, and may hold user and password_file."
        )
    texts = {name: text for name, text in value.items() if name != "port"}
    for name, text in texts.items():
        if not isinstance(text, str) or not text or not text.isprintable():
            raise SettingsError(f"the field 'mail.{name}' must be a text.")
    host, port, tls, sender = value["host"], value["port"], value["tls"], value["sender"]
    if not _MAIL_HOST.fullmatch(host):
        raise SettingsError(
            f"mail.host {host[:100]!r} is not usable: a host name such as mail.example.org was expected."
        )
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise SettingsError("the field 'mail.port' must be a port, such as 587.")
    if tls not in _MAIL_TLS:
        raise SettingsError(f"mail.tls {tls[:20]!r} is not known: {', '.join(_MAIL_TLS)} were expected.")
    if tls == "none" and host not in _LOOPBACK:
        raise SettingsError("mail.tls 'none' is for a server on this machine only; starttls or tls was expected.")
    try:
        checked_address(sender)
    except MailAddressError as error:
        raise SettingsError(f"mail.sender: {error}") from error
    if ("user" in value) != ("password_file" in value):
        raise SettingsError("mail.user and mail.password_file belong together.")
    password_file = data / value["password_file"] if "password_file" in value else None
    return MailAccess(host, port, tls, sender, user=value.get("user"), password_file=password_file)


def _oidc(value: Any, data: Path) -> OpenIdAccess | None:
    if value is None:
        return None
    names = ("issuer", "client_id", "client_secret_file")
    if not isinstance(value, dict) or value.keys() != set(names):
        raise SettingsError("the field 'oidc' must hold issuer, client_id and client_secret_file.")
    for name in names:
        text = value[name]
        if not isinstance(text, str) or not text or not (text.isascii() and text.isprintable()):
            raise SettingsError(f"the field 'oidc.{name}' must be a text.")
    issuer = value["issuer"]
    try:
        checked_public_url(issuer)
    except SettingsError as error:
        raise SettingsError(
            f"oidc.issuer {issuer[:100]!r} is not usable: https://a.host.name was expected."
        ) from error
    return OpenIdAccess(issuer, value["client_id"], data / value["client_secret_file"])


def is_passphrase(file: Path, data: Path) -> bool:
    """Whether a file is the one with the passphrase, wherever the environment says that it lies."""
    named = Path(os.environ.get("BADGEWRIGHT_VERIFIER_PASSPHRASE_FILE") or data / PASSPHRASE_FILE)
    return file.absolute() == named.absolute() or file.name == PASSPHRASE_FILE
