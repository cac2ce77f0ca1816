"""The issuing office's settings: one file in its data folder, and the only reader of the environment.

`DIR/issuer.yaml` says who issues and where documents are public. The environment gives what should not lie
beside the data: BADGEWRIGHT_DATA (the folder), BADGEWRIGHT_PASSPHRASE or BADGEWRIGHT_PASSPHRASE_FILE.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from issuer.ground.access import (
    LOOPBACK,
    AccessError,
    MailAccess,
    OpenIdAccess,
    read_mail,
    read_openid,
    read_profiles,
    read_token,
)
from keys.token import TokenAccess
from schemas import strict_yaml

SETTINGS_FILE = "issuer.yaml"
PASSPHRASE_FILE = "passphrase"  # noqa: S105 - a file's name; beside the data only until somebody moves it: `init` says so
JOURNAL_FOLDER = "journal"
NO_JOURNAL = "none"
_TEXTS = {"name", "public_url", "policy", "email"}
_PLACES = {"ca_file", "database_url", "database_password_file", "journal"}
_KNOWN = _TEXTS | _PLACES | {"mail", "oidc", "profiles", "token"}
_DATABASE_URL = re.compile(r"postgres(?:ql)?://\S+")


class SettingsError(Exception):
    """The data folder or its settings are missing or wrong; the text is one sentence for a person."""


@dataclass(frozen=True)
class Settings:
    """What one issuer is. `public_url` has no slash at its end; `policy` is the policy in force.

    `mail`: without it no mail is sent, and what needs one is not offered. `oidc`: where people log in, besides by
    mailed links. `ca_file`: certificates that those two are checked by, instead of the system's. `profiles`: for
    each system whose accounts are proved by a public profile, the page's address with `{name}` in it.
    `database_url`: a PostgreSQL instead of the file in the folder; `database_password_file` is its user's.
    `token`: the PKCS#11 token in which keys are made, instead of on the disk. `journal`: the folder of what was
    written since the last backup; None if none is kept.
    """

    data: Path
    name: str
    public_url: str
    policy: Path
    email: str | None = None
    mail: MailAccess | None = None
    oidc: OpenIdAccess | None = None
    ca_file: Path | None = None
    profiles: Mapping[str, str] = field(default_factory=dict)
    database_url: str | None = field(default=None, repr=False)  # it may hold a password
    database_password_file: Path | None = None
    token: TokenAccess | None = None
    journal: Path | None = None

    @property
    def database(self) -> Path | str:
        """Where everything is kept: a file of SQLite, or the address of a PostgreSQL."""
        return self.database_url or self.data / "issuer.sqlite"

    @property
    def keys(self) -> Path:
        return self.data / "keys"


def default_data_folder() -> Path:
    """BADGEWRIGHT_DATA, or `badgewright-issuer` in the current folder."""
    return Path(os.environ.get("BADGEWRIGHT_DATA") or "badgewright-issuer")


def load(data: Path) -> Settings:
    """The settings of a data folder that `badge-issuer init` made.

    Raises:
        SettingsError: no such folder, a field that is missing, unknown or of the wrong kind.
    """
    file = data / SETTINGS_FILE
    try:
        fields = strict_yaml.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise SettingsError(f"{data} is no issuer's data folder: run 'badge-issuer init' first.") from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.") from error
    except strict_yaml.StrictYamlError as error:
        raise SettingsError(f"{file}: {error}") from error
    unknown = sorted(fields.keys() - _KNOWN)
    if unknown:
        raise SettingsError(f"{file} has the unknown field {unknown[0]!r}; known are {', '.join(sorted(_KNOWN))}.")
    missing = sorted({"name", "public_url", "policy"} - fields.keys())
    if missing:
        raise SettingsError(f"{file} lacks the field {missing[0]!r}.")
    if not all(isinstance(fields[name], str) for name in fields.keys() & (_TEXTS | _PLACES)):
        raise SettingsError(f"{file} must hold fields with text: name, public_url, policy.")
    try:
        return Settings(
            data=data,
            name=fields["name"],
            public_url=checked_public_url(fields["public_url"]),
            policy=data / fields["policy"],
            email=fields.get("email"),
            mail=read_mail(fields.get("mail"), data),
            oidc=read_openid(fields.get("oidc"), data),
            ca_file=_file(fields, "ca_file", data),
            profiles=read_profiles(fields.get("profiles")),
            database_url=_database_url(fields),
            database_password_file=_file(fields, "database_password_file", data),
            token=read_token(fields.get("token"), data),
            journal=_journal(fields, data),
        )
    except AccessError as error:
        raise SettingsError(f"{file}: {error}") from error


def save(settings: Settings) -> None:
    """Write `DIR/issuer.yaml`; the policy's path is kept relative to the folder."""
    password_file, own_journal = settings.database_password_file, settings.data / JOURNAL_FOLDER
    fields = {
        "name": settings.name,
        "public_url": settings.public_url,
        "policy": settings.policy.relative_to(settings.data).as_posix(),
        **({"email": settings.email} if settings.email else {}),
        **({"database_url": settings.database_url} if settings.database_url else {}),
        **({"database_password_file": str(password_file)} if password_file else {}),
        **({"token": _written(settings.token)} if settings.token else {}),
        **({"journal": str(settings.journal or NO_JOURNAL)} if settings.journal != own_journal else {}),
    }
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)
    (settings.data / SETTINGS_FILE).write_text(text, encoding="utf-8")


def name_database(data: Path, url: str, password_file: Path | None) -> None:
    """Let the settings of a folder name another PostgreSQL; all else in the file stays as it is."""
    file = data / SETTINGS_FILE
    fields = {**strict_yaml.loads(file.read_bytes()), "database_url": url}
    fields.pop("database_password_file", None)
    if password_file is not None:
        fields["database_password_file"] = str(password_file.absolute())
    file.write_text(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True), encoding="utf-8")


def keep_journal_here(data: Path) -> None:
    """Let a folder keep its journal in itself, if it was elsewhere; all else in its settings stays as it is."""
    file = data / SETTINGS_FILE
    fields = strict_yaml.loads(file.read_bytes())
    if fields.get("journal", NO_JOURNAL) != NO_JOURNAL:
        del fields["journal"]
        file.write_text(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _written(token: TokenAccess) -> dict[str, str]:
    return {"module": str(token.module), "label": token.label, "pin_file": str(token.pin_file)}


def checked_database_url(url: str) -> str:
    """The address of a PostgreSQL. No error repeats it: it may hold a password.

    Raises:
        SettingsError: it is none.
    """
    if not _DATABASE_URL.fullmatch(url):
        raise SettingsError("database_url is not usable: postgresql://user@host/name was expected.")
    return url


def _database_url(fields: Mapping[str, Any]) -> str | None:
    if "database_url" in fields:
        return checked_database_url(fields["database_url"])
    if "database_password_file" in fields:
        raise SettingsError(
            "database_password_file stands without a database_url: both were expected, or neither."
        )
    return None


def _journal(fields: Mapping[str, Any], data: Path) -> Path | None:
    named = fields.get("journal", JOURNAL_FOLDER)
    return None if named == NO_JOURNAL else data / named  # an absolute path stays as it is


def _file(fields: Mapping[str, Any], name: str, data: Path) -> Path | None:
    return data / fields[name] if name in fields else None  # an absolute path stays as it is


def checked_public_url(url: str) -> str:
    """`url` without its last slash, if it is https with a host name, or http on this machine.

    Raises:
        SettingsError: any other address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"The public address {url!r} is no address: {error}.") from error
    good = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    more = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if not good or not parts.hostname or more or port == 0:
        raise SettingsError(
            f"The public address {url!r} is not usable: https://a.host.name, nothing behind it, was"
            " expected (http only for localhost)."
        )
    return url.rstrip("/")


def make_passphrase(data: Path, text: str) -> Path | None:
    """Keep `text` as the passphrase of a new folder, unless the environment gives one; returns the file made."""
    if os.environ.get("BADGEWRIGHT_PASSPHRASE") or os.environ.get("BADGEWRIGHT_PASSPHRASE_FILE"):
        return None
    file = data / PASSPHRASE_FILE
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
    return file


def passphrase(data: Path) -> str:
    """What opens the key store: BADGEWRIGHT_PASSPHRASE, the file it names, or the file in the folder.

    Raises:
        SettingsError: none of the three is there, or the file cannot be read.
    """
    given = os.environ.get("BADGEWRIGHT_PASSPHRASE")
    if given:
        return given
    file = Path(os.environ.get("BADGEWRIGHT_PASSPHRASE_FILE") or data / PASSPHRASE_FILE)
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The key passphrase cannot be read from {file}: set BADGEWRIGHT_PASSPHRASE or"
            " BADGEWRIGHT_PASSPHRASE_FILE."
        ) from error


def is_passphrase(file: Path, data: Path) -> bool:
    """Whether a file is the one with the passphrase, wherever the environment says that it lies."""
    named = Path(os.environ.get("BADGEWRIGHT_PASSPHRASE_FILE") or data / PASSPHRASE_FILE)
    return file.absolute() == named.absolute() or file.name == PASSPHRASE_FILE
