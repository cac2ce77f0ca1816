"""The verifying office's settings: an optional file in its data folder, and the only reader of the environment.

`DIR/verifier.yaml` may say where the office is public, where trusted documents lie, and which addresses its
guard lets through although they are private. All of it has a safe default, so verifying needs no folder at
all. BADGEWRIGHT_VERIFIER_DATA names the folder. What an event accepts is not a setting: `registration`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from schemas import strict_yaml

SETTINGS_FILE = "verifier.yaml"
_KNOWN = (
    "public_url",
    "exempt_hosts",
    "ca_file",
    "offline_dir",
    "contexts_dir",
    "trusted_issuers",
    "rate_limit",
    "shops",
)
_HOST_AND_PORT = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]):[1-9][0-9]{0,4}")
_SHOP_URL = re.compile(r"https://[a-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~-]+)*")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


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
class Settings:
    """How one verifying office stands in the world.

    `exempt_hosts`: exact `host:port` that the guard may find at a private address (empty by default);
    `offline_dir`: a folder in which an issuer's `publish` put its documents, asked instead of the network;
    `contexts_dir`: a folder with JSON-LD contexts that are known besides the bundled ones, pinned by hash;
    `trusted_issuers`: the DIDs on each named list. Trust is shown and used to find dictionaries, and buys
    nothing: what is accepted is each event's policy. `rate_limit`: how often one client may ask over a network.
    `shops`: the ticket shops for which there is a token, by address; which one is an event's, its policy says.
    """

    data: Path
    public_url: str | None = None
    exempt_hosts: frozenset[str] = frozenset()
    ca_file: Path | None = None
    offline_dir: Path | None = None
    contexts_dir: Path | None = None
    trusted_issuers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rate_limit: RateLimit = RateLimit()
    shops: Mapping[str, ShopAccess] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.data / "verifier.sqlite"

    @property
    def events(self) -> Path:
        return self.data / "events"

    @property
    def voucher_secret(self) -> Path:
        return self.data / "voucher.secret"


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
            rate_limit=_rate_limit(fields.get("rate_limit")),
            shops=_shops(fields.get("shops"), data),
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


def _lists_of_issuers(value: Any) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError("the field 'trusted_issuers' must hold named lists of DIDs.")
    lists = {name: _texts(issuers, f"trusted_issuers.{name}") for name, issuers in value.items()}
    for name, issuers in lists.items():
        for issuer in issuers:
            if not issuer.startswith("did:"):
                raise SettingsError(f"trusted_issuers.{name} lists {issuer!r}, which is no DID.")
    return lists


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
