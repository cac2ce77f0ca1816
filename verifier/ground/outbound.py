"""Outgoing HTTP of the verifying office: one guarded client for addresses that strangers chose.

Every address in a badge (its issuer's DID, its status list) is an attacker's until proved otherwise, and this
client runs inside somebody's network. So (STANDARDS j1, j2): https only; the name is resolved once, every
address it gives is checked, and the connection goes to the very address that was checked; no redirects, no
cookies, no credentials, no proxy; all of it within one deadline and one size. `documents` puts a folder
of files in its place. `ServiceClient` stands behind the same guard, and asks the one service for which this
office was given a token.
"""

import ipaddress
import logging
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore

from verifier.ground.clock import system_clock

TOTAL_SECONDS = 5.0  # name, connection, TLS and body together: a drip of one byte a second ends here too
MAX_BODY_BYTES = 1 << 20
SERVICE_SECONDS = 10.0  # a shop that writes an order takes longer than a file that is fetched
MAX_RETRY_AFTER = 999_999  # seconds; who asks for more is asked again by our own rules
CLOCK_MINUTES = 5  # less may be the way; an hour is a zone or a lost battery
MAX_AT_A_TIME = 16  # a crowd of bad badges must not make us a crowd of connections
ACCEPT = "application/did+json, application/vc+jwt, application/json, application/octet-stream;q=0.9, */*;q=0.5"
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_SIXTO4 = ipaddress.ip_network("2002::/16")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_log = logging.getLogger(__name__)

Resolve = Callable[[str, int], Iterable[str]]


class OutboundError(Exception):
    """A document could not be had from its address; one sentence for a person."""


class ForbiddenAddressError(OutboundError):
    """The guard refused the address: not https, or a host inside some network."""


@dataclass(frozen=True)
class Document:
    """What an address answered: `content_type` in lower case without parameters, or "" if it said none."""

    body: bytes
    content_type: str = ""


def resolve_name(host: str, port: int) -> tuple[str, ...]:
    """All addresses of a host name, by the system's resolver.

    Raises:
        OutboundError: the name is not known.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OutboundError(f"The host {host} is not known.") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, also when IPv6 hides an IPv4 address in it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or (ip.sixtofour if ip in _SIXTO4 else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    refused = (ip.is_loopback, ip.is_private, ip.is_link_local, ip.is_multicast, ip.is_reserved, ip.is_unspecified)
    return ip.is_global and not any(refused)


@dataclass(frozen=True)
class GuardedClient:
    """Fetches documents from addresses that cannot be trusted.

    `exempt_hosts` are exact `host:port` that may be private; those on this machine are asked over plain http.
    `resolve` and `total_seconds` are given by tests.
    """

    exempt_hosts: frozenset[str] = frozenset()
    ca_file: Path | None = None
    resolve: Resolve = resolve_name
    total_seconds: float = TOTAL_SECONDS
    _turns: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MAX_AT_A_TIME), repr=False, compare=False
    )

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts whose documents are here already: none, all are asked."""
        return ()

    def fetch(
        self, url: str, *, max_bytes: int = MAX_BODY_BYTES, accept: str = ACCEPT, pages: bool = False
    ) -> Document:
        """The document at `url`, at most `max_bytes` long.

        `accept`: the media types that are asked for; `pages`: whether a web page is an answer, too.

        Raises:
            ForbiddenAddressError: the guard refused the address before anything was sent.
            OutboundError: no answer in time, another status than 200, a web page, or too long a body.
        """
        parts, exempt = _checked_url(url, exempt_hosts=self.exempt_hosts)
        deadline = _Deadline(self.total_seconds)
        if not self._turns.acquire(timeout=self.total_seconds):
            raise OutboundError(f"{url} could not be asked: too many others are being asked.")
        try:
            backend = _CheckedNetwork(deadline, resolve=self.resolve, exempt=exempt)
            with httpcore.ConnectionPool(
                ssl_context=_tls(self.ca_file), network_backend=backend, max_connections=1, retries=0
            ) as pool:
                answer = _ask(pool, url=url, parts=parts, max_bytes=max_bytes, deadline=deadline, accept=accept)
            if not pages and answer.content_type in _PAGES:
                raise OutboundError(f"{url} answered with a web page; a document was expected.")
            return answer
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise OutboundError(f"{url} could not be asked: {_cause(error)}.") from error
        finally:
            self._turns.release()


@dataclass(frozen=True)
class Reply:
    """What a service answered, whatever its status. `retry_after`: the seconds it asked us to wait, if it did."""

    status: int
    body: bytes
    retry_after: int | None = None


@dataclass(frozen=True)
class ServiceClient:
    """Asks one configured service for JSON, with the token that this office was given for it.

    `url` is the service's address from the settings: what is asked is always below it, and no redirect leads
    the token anywhere else. `authorization` is the whole header's value and never shown; empty where the token
    travels in the body. The rest is as in `GuardedClient`.
    """

    url: str
    authorization: str = field(repr=False)
    exempt_hosts: frozenset[str] = frozenset()
    ca_file: Path | None = None
    resolve: Resolve = resolve_name
    total_seconds: float = SERVICE_SECONDS

    def ask(
        self,
        path: str,
        *,
        body: bytes | None = None,
        method: str | None = None,
        content_type: str = "application/json",
    ) -> Reply:
        """The answer to GET, or with a `body` to POST, of `path` (from a slash on) below the service; `method`
        where another one is meant.

        Raises:
            ForbiddenAddressError: the guard refused the address before anything was sent.
            OutboundError: no whole answer in time, or too long a one; unless it was a GET it may have been carried
                out.
        """
        verb = method or ("GET" if body is None else "POST")
        url = self.url.rstrip("/") + path
        parts, exempt = _checked_url(url, exempt_hosts=self.exempt_hosts)
        deadline = _Deadline(self.total_seconds)
        headers = [(b"Host", parts.netloc.encode())]
        if self.authorization:
            headers.append((b"Authorization", self.authorization.encode("ascii")))
        headers += [(b"Accept", b"application/json"), (b"Accept-Encoding", b"identity")]
        headers += [(b"User-Agent", b"badgewright-verifier")]
        if body is not None:
            headers.append((b"Content-Type", content_type.encode("ascii")))
        try:
            backend = _CheckedNetwork(deadline, resolve=self.resolve, exempt=exempt)
            with (
                httpcore.ConnectionPool(
                    ssl_context=_tls(self.ca_file), network_backend=backend, max_connections=1, retries=0
                ) as pool,
                pool.stream(verb, parts.geturl(), headers=headers, content=body) as response,
            ):
                whole = _body_of(response, url=url, max_bytes=MAX_BODY_BYTES, deadline=deadline)
                _compare_clocks(response, host=parts.netloc)
                return Reply(response.status, whole, _retry_after(response))
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise OutboundError(f"{self.url} could not be asked: {_cause(error)}.") from error


def _checked_url(url: str, *, exempt_hosts: frozenset[str]) -> tuple[SplitResult, bool]:
    """The address to ask, and whether its host is exempt; a loopback exemption is turned into plain http."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ForbiddenAddressError(f"{url[:200]!a} is no address.") from error
    host = (parts.hostname or "").lower()
    printable = url.isascii() and url.isprintable() and " " not in url
    if not printable or not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise ForbiddenAddressError(f"{url[:200]!a} is no plain address of a document.")
    shown = f"[{host}]" if ":" in host else host
    if port is None:
        port = 80 if parts.scheme == "http" else 443
    exempt = f"{shown}:{port}" in exempt_hosts
    if exempt and _is_this_machine(host) and parts.scheme in {"http", "https"}:
        return parts._replace(scheme="http", netloc=f"{shown}:{port}"), True
    if parts.scheme != "https":
        raise ForbiddenAddressError(f"{url[:200]!a} is not asked: only https addresses are.")
    return parts._replace(netloc=shown if port == 443 else f"{shown}:{port}"), exempt


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise OutboundError(f"The file of certificates {ca_file} cannot be read.") from error


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ask(
    pool: httpcore.ConnectionPool,
    *,
    url: str,
    parts: SplitResult,
    max_bytes: int,
    deadline: "_Deadline",
    accept: str,
) -> Document:
    headers = [(b"Host", parts.netloc.encode()), (b"Accept", accept.encode())]
    headers.append((b"User-Agent", b"badgewright-verifier"))
    with pool.stream("GET", parts.geturl(), headers=[*headers, (b"Accept-Encoding", b"identity")]) as response:
        _compare_clocks(response, host=parts.netloc)
        if response.status != 200:
            raise OutboundError(f"{url} answered {response.status}; 200 was expected.")
        content_type = _header(response.headers, b"content-type").partition(";")[0].strip().lower()
        if _header(response.headers, b"content-encoding").strip().lower() not in {"", "identity"}:
            raise OutboundError(f"{url} answered compressed, which was not asked for.")
        return Document(_body_of(response, url=url, max_bytes=max_bytes, deadline=deadline), content_type)


def _body_of(response: httpcore.Response, *, url: str, max_bytes: int, deadline: "_Deadline") -> bytes:
    body = bytearray()
    for chunk in response.iter_stream():
        deadline.remaining()
        body += chunk
        if len(body) > max_bytes:
            raise OutboundError(f"{url} answered with more than {max_bytes} bytes.")
    return bytes(body)


def _retry_after(response: httpcore.Response) -> int | None:
    """The seconds that the service asks us to wait (RFC 9110 §10.2.3). Where it says until when, that is counted
    by its own clock, if it shows it.
    """
    text = _header(response.headers, b"retry-after").strip()
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= 6 else None
    until = _moment(text)
    if until is None:
        return None
    seconds = (until - (_moment(_header(response.headers, b"date")) or system_clock())).total_seconds()
    return int(min(max(seconds, 0), MAX_RETRY_AFTER))


def _compare_clocks(response: httpcore.Response, *, host: str) -> None:
    """Say so if the other side's clock is not ours: times in badges and lists mean nothing by a wrong one."""
    theirs, age = _moment(_header(response.headers, b"date")), _header(response.headers, b"age").strip()
    if theirs is None:
        return
    in_cache = int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0  # RFC 9111 §5.1
    minutes = round(abs((system_clock() - theirs).total_seconds() - in_cache) / 60)
    if minutes >= CLOCK_MINUTES:
        _log.warning("The clock here or that of %s is wrong: they differ by %d minutes.", host, minutes)


def _moment(text: str) -> datetime | None:
    """An HTTP date (RFC 9110 §5.6.7), if it is one."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _header(headers: list[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")


def _cause(error: Exception) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return "no whole answer came in time"
    text = " ".join(str(error).split()).rstrip(".")
    return text[:200] or type(error).__name__


class _Deadline:
    """One moment at which everything ends."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, more than zero; httpcore.ReadTimeout when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("no whole answer came in time")
        return left


class _CheckedNetwork(httpcore.NetworkBackend):
    """Opens connections to checked addresses only. Host header and TLS name stay those of the URL."""

    def __init__(self, deadline: _Deadline, *, resolve: Resolve, exempt: bool) -> None:
        self._deadline, self._resolve, self._exempt = deadline, resolve, exempt
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        addresses = self._resolved(host, port)
        for address in addresses:  # one bad address is enough: it would be the one taken the next time
            if not self._exempt and not is_public(address):
                raise ForbiddenAddressError(f"The host {host} is at {address}, inside some network: not asked.")
        problem: Exception | None = None
        for address in addresses:
            try:
                stream = self._system.connect_tcp(address, port, timeout=self._deadline.remaining())
                return _TimedStream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem or httpcore.ConnectError(f"the host {host} has no address")

    def _resolved(self, host: str, port: int) -> tuple[str, ...]:
        """The system's resolver knows no timeout, so it works in a thread that may be left behind."""
        answer: queue.SimpleQueue[tuple[str, ...] | Exception] = queue.SimpleQueue()

        def work() -> None:
            try:
                answer.put(tuple(self._resolve(host, port)))
            except Exception as error:
                answer.put(error)

        threading.Thread(target=work, daemon=True, name="resolve").start()
        try:
            found = answer.get(timeout=self._deadline.remaining())
        except queue.Empty:
            raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from None
        if isinstance(found, Exception):
            raise found
        return found


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no single read, write or handshake outlasts the common deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=self._deadline.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=self._deadline.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.remaining()
        return _TimedStream(
            self._stream.start_tls(ssl_context, server_hostname=server_hostname, timeout=left), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
