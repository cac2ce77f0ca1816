"""Where published documents come from: a folder that an issuer's `publish` wrote, or the guarded client.

In the folder each document lies at `<host>/<path>`, a port written as `%3A`, a path that ends in a slash as
`index.json`. A folder answers for the whole network: what it does not hold is not asked elsewhere.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from schemas.contexts import DIRECTORY_INDEX, VERIFYING, ContextSet, ContextSetError
from verifier.ground.outbound import MAX_BODY_BYTES, Document, ForbiddenAddressError, GuardedClient, OutboundError
from verifier.ground.settings import Settings, SettingsError

_SEGMENT = re.compile(r"[A-Za-z0-9._~-]{1,200}")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
INDEX_FILE = "index.json"
MAX_CONTEXT_BYTES = 1 << 20


class DocumentSource(Protocol):
    """Answers an address with a document."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Hosts (with `:port`) whose documents are at hand without asking anybody."""
        ...

    def fetch(self, url: str, *, max_bytes: int = MAX_BODY_BYTES) -> Document:
        """The document, or an OutboundError that says in one sentence why there is none."""
        ...


@dataclass(frozen=True)
class OfflineFolder:
    """Documents as files; nothing is ever asked over a network."""

    folder: Path

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that have a folder here."""
        if not self.folder.is_dir():
            return ()
        return tuple(sorted(entry.name.replace("%3A", ":") for entry in self.folder.iterdir() if entry.is_dir()))

    def fetch(self, url: str, *, max_bytes: int = MAX_BODY_BYTES) -> Document:
        """The file that stands for `url`.

        Raises:
            ForbiddenAddressError: an address that no file can stand for, or that leads out of the folder.
            OutboundError: there is no such file, or it is too long.
        """
        file = self.folder.joinpath(*_file_of(url))
        try:
            if not file.resolve().is_relative_to(self.folder.resolve()):  # a link that leads out
                raise ForbiddenAddressError(f"{url} leads out of the folder {self.folder}.")
            if not file.is_file():
                raise OutboundError(f"{url} is not in the folder {self.folder}.")
            with file.open("rb") as stream:
                body = stream.read(max_bytes + 1)
        except OSError as error:
            raise OutboundError(f"{url} cannot be read from the folder {self.folder}.") from error
        if len(body) > max_bytes:
            raise OutboundError(f"{url} has more than {max_bytes} bytes in the folder {self.folder}.")
        return Document(body)


class NoSource:
    """Answers nothing: for a machine that has what it needs and asks nobody."""

    hosts: tuple[str, ...] = ()

    def fetch(self, url: str, *, max_bytes: int = MAX_BODY_BYTES) -> Document:
        """Nothing.

        Raises:
            OutboundError: always.
        """
        raise OutboundError(f"{url} is not asked for here: this machine asks nobody.")


def document_source(settings: Settings) -> DocumentSource:
    """The folder that the settings name, or else the guarded client."""
    if settings.offline_dir is not None:
        return OfflineFolder(settings.offline_dir)
    return GuardedClient(exempt_hosts=settings.exempt_hosts, ca_file=settings.ca_file)


def page_opener(source: DocumentSource) -> "Callable[..., Document] | None":
    """What opens web pages, where documents come over a network; a folder has none."""
    return source.fetch if isinstance(source, GuardedClient) else None


def context_set(settings: Settings) -> ContextSet:
    """The JSON-LD contexts that are known: those of the standards, and an operator's own from a folder.

    Raises:
        SettingsError: the folder cannot be read, or what is in it is not what was pinned.
    """
    folder = settings.contexts_dir
    if folder is None and settings.offline_dir is not None and (settings.offline_dir / DIRECTORY_INDEX).is_file():
        folder = settings.offline_dir  # it stands for all that is known of the world
    if folder is None:
        return VERIFYING
    try:
        return VERIFYING.with_directory(
            _context_file(folder / DIRECTORY_INDEX),
            read=lambda name: _context_file(folder / name),
            name=str(folder),
        )
    except ContextSetError as error:
        raise SettingsError(f"contexts_dir {folder}: {error}") from error


def _context_file(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_CONTEXT_BYTES)
    except OSError as error:
        raise SettingsError(f"The context file {file} cannot be read: {error.strerror}.") from error


def _file_of(url: str) -> tuple[str, ...]:
    """The path below the folder for an address.

    Only plain segments are taken and nothing is decoded, so that no spelling of `..` leads anywhere.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ForbiddenAddressError(f"{url[:200]!a} is no address.") from error
    host, (root, *segments) = (parts.hostname or "").lower(), parts.path.split("/")
    if segments and segments[-1] == "":
        segments[-1] = INDEX_FILE
    plain = all(_SEGMENT.fullmatch(segment) and segment not in {".", ".."} for segment in segments)
    extras = parts.query or parts.fragment or parts.username is not None or parts.scheme not in {"http", "https"}
    if extras or root or not segments or not plain or not _HOST.fullmatch(host) or ".." in host:
        raise ForbiddenAddressError(f"{url[:200]!a} is not the address of a published document.")
    usual = {"http": 80, "https": 443}[parts.scheme]
    return (host if port in {None, usual} else f"{host}%3A{port}", *segments)
