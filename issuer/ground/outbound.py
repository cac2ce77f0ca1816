"""Outgoing HTTP of the issuing office: asks the sources that the community itself configured.

The addresses come from the manager's own command line or settings, never from a credential, so private
addresses are allowed here. Bodies and times are bounded, redirects are not followed.
"""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

MAX_BODY_BYTES = 64 << 20  # one page of a review system with details, generously
TIMEOUT_SECONDS = 60.0


class OutboundError(Exception):
    """A source could not be asked, or answered with something else than 200; one sentence for a person."""


@dataclass(frozen=True)
class Outbound:
    """Asks over HTTP. `transport` is given by tests; `headers` go with each request; `ca_file`: certificates that
    are believed instead of the system's; `total_seconds`: when an answer that drips is given up.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    transport: httpx.BaseTransport | None = None
    ca_file: Path | None = None
    timeout: float = TIMEOUT_SECONDS
    max_bytes: int = MAX_BODY_BYTES
    total_seconds: float | None = None

    def get(
        self,
        url: str,
        *,
        parameters: Mapping[str, str | list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a GET.

        Raises:
            OutboundError: no answer, another status than 200, or a body beyond `max_bytes`.
        """
        return self._ask("GET", url, params=parameters, headers=headers)

    def post(self, url: str, *, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> bytes:
        """The body of the answer to a form.

        Raises:
            OutboundError: as for `get`.
        """
        return self._ask("POST", url, data=form, headers=headers)

    def _ask(self, method: str, url: str, **content: Any) -> bytes:
        ends = time.monotonic() + (self.total_seconds or float("inf"))
        try:
            verify = True if self.ca_file is None else ssl.create_default_context(cafile=str(self.ca_file))
            with (
                httpx.Client(
                    transport=self.transport, timeout=self.timeout, headers=self.headers, verify=verify
                ) as client,
                client.stream(method, url, **content) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise OutboundError(f"{response.url} answered {response.status_code}; 200 was expected.")
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > self.max_bytes:
                        raise OutboundError(f"{response.url} answered with more than {self.max_bytes} bytes.")
                    if time.monotonic() > ends:
                        raise OutboundError(f"{response.url} gave no whole answer in {self.total_seconds} s.")
                return bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise OutboundError(f"{url} could not be asked: {type(error).__name__} {error}.") from error
