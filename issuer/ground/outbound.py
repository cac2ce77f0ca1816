"""Outgoing HTTP of the issuing office: asks the sources that the community itself configured.

The addresses come from the manager's own command line or settings, never from a credential, so private
addresses are allowed here. Bodies and times are bounded, redirects are not followed. A source that asks for
patience (429, a used-up rate limit) is a `WaitError` that says until when.
"""

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

MAX_BODY_BYTES = 64 << 20  # one page of a review system with details, generously
TIMEOUT_SECONDS = 60.0  # without a byte
WHOLE_ANSWER_SECONDS = 180.0  # a server that sends a byte a minute would otherwise hold a run for ever
PATIENCE = timedelta(minutes=1)  # where a server says "too many" and not how long
MAX_PATIENCE = timedelta(hours=24)  # a header must not silence a source for years
_TOO_MANY, _UNAVAILABLE, _FORBIDDEN = 429, 503, 403


class OutboundError(Exception):
    """A source could not be asked, or answered with something else than 200; one sentence for a person."""


class WaitError(OutboundError):
    """A source asks not to be asked again before `until`."""

    def __init__(self, sentence: str, *, until: datetime) -> None:
        super().__init__(sentence)
        self.until = until


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source answered. `unchanged`: 304 to the ETag that was sent along, and the body is empty."""

    url: str
    body: bytes
    headers: Mapping[str, str]  # names in lower case
    unchanged: bool = False


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """The authorities that are believed; reading them takes longer than most answers."""
    return httpx.create_ssl_context()


def _now_in_utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Outbound:
    """Asks over HTTP. `headers` go with each request; `ca_file`: certificates that are believed instead of the
    system's; `total_seconds`: when an answer that drips is given up; `transport` and `clock` are given by tests.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    transport: httpx.BaseTransport | None = None
    ca_file: Path | None = None
    timeout: float = TIMEOUT_SECONDS
    max_bytes: int = MAX_BODY_BYTES
    total_seconds: float | None = WHOLE_ANSWER_SECONDS
    clock: Callable[[], datetime] = _now_in_utc

    def get(
        self,
        url: str,
        *,
        parameters: Mapping[str, str | list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a GET.

        Raises:
            OutboundError: as for `ask`.
        """
        return self._ask("GET", url, params=parameters, headers=headers).body

    def post(self, url: str, *, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> bytes:
        """The body of the answer to a form.

        Raises:
            OutboundError: as for `ask`.
        """
        return self._ask("POST", url, data=form, headers=headers).body

    def ask(
        self, url: str, *, parameters: Mapping[str, str | list[str]] | None = None, etag: str | None = None
    ) -> Answer:
        """The answer to a GET; with `etag`, a conditional one (RFC 9110 §13.1.2).

        Raises:
            WaitError: the source limits how often it is asked (RFC 6585 §4; GitHub's and GitLab's headers).
            OutboundError: no answer, another status than 200, or a body beyond the bounds of size and time.
        """
        conditional = {"If-None-Match": etag} if etag else None
        return self._ask("GET", url, params=parameters, headers=conditional)

    def _ask(self, method: str, url: str, **content: Any) -> Answer:
        """An answer of 200; or of 304, which none gives who was not asked with an ETag (RFC 9110 §15.4.5)."""
        ends = time.monotonic() + (self.total_seconds or float("inf"))
        etag = (content.get("headers") or {}).get("If-None-Match")
        try:
            verify = _trusted() if self.ca_file is None else ssl.create_default_context(cafile=str(self.ca_file))
            with (
                httpx.Client(
                    transport=self.transport, timeout=self.timeout, headers=self.headers, verify=verify
                ) as client,
                client.stream(method, url, **content) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers.items()}
                if response.status_code == httpx.codes.NOT_MODIFIED and etag:
                    return Answer(str(response.url), b"", headers, unchanged=True)
                if response.status_code != httpx.codes.OK:
                    raise self._refused(response.status_code, headers, str(response.url))
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > self.max_bytes:
                        raise OutboundError(f"{response.url} answered with more than {self.max_bytes} bytes.")
                    if time.monotonic() > ends:
                        raise OutboundError(f"{response.url} gave no whole answer in {self.total_seconds} s.")
                return Answer(str(response.url), bytes(body), headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise OutboundError(f"{url} could not be asked: {type(error).__name__} {error}.") from error

    def _refused(self, status: int, headers: Mapping[str, str], url: str) -> OutboundError:
        """The error for a status other than 200. GitHub says 403 where a limit is used up, others 429 or 503."""
        used_up = headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining")) == "0"
        limited = status == _TOO_MANY or (
            status in {_FORBIDDEN, _UNAVAILABLE} and (used_up or "retry-after" in headers)
        )
        if not limited:
            more = f" (it points to {headers['location']})" if "location" in headers else ""
            return OutboundError(f"{url} answered {status}{more}; 200 was expected.")
        now = self.clock()
        asked = _until(headers, now)
        until = min(asked, now + MAX_PATIENCE) if asked and asked > now else now + PATIENCE
        return WaitError(f"{url} answered {status}: asked too often, again from {_minute(until)}.", until=until)


def _until(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When a server wants to be asked again: Retry-After (RFC 9110 §10.2.3), else the reset of its limit."""
    after = headers.get("retry-after", "").strip()
    try:
        if after.isascii() and after.isdigit():
            return now + timedelta(seconds=min(int(after), int(MAX_PATIENCE.total_seconds())))
        if after:
            moment = parsedate_to_datetime(after)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        reset = headers.get("x-ratelimit-reset", headers.get("ratelimit-reset", ""))
        return datetime.fromtimestamp(int(reset), UTC) if reset else None
    except (ValueError, OverflowError, OSError):
        return None


def _minute(moment: datetime) -> str:
    """Rounded up, so that nobody who keeps to it comes too early."""
    return f"{moment + timedelta(seconds=59):%Y-%m-%d %H:%M} UTC"
