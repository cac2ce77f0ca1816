"""Outgoing HTTP of the issuing office: asks the sources that the community itself configured.

The addresses come from the manager's own command line or settings, never from a credential, so private
addresses are allowed here. Bodies and times are bounded, redirects are not followed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

MAX_BODY_BYTES = 64 << 20  # one page of a review system with details, generously
TIMEOUT_SECONDS = 60.0


class OutboundError(Exception):
    """A source could not be asked, or answered with something else than 200; one sentence for a person."""


@dataclass(frozen=True)
class Outbound:
    """Asks over HTTP. `transport` is given by tests; `headers` go with each request."""

    headers: Mapping[str, str] = field(default_factory=dict)
    transport: httpx.BaseTransport | None = None

    def get(self, url: str, *, parameters: Mapping[str, str | list[str]] | None = None) -> bytes:
        """The body of a GET.

        Raises:
            OutboundError: no answer, another status than 200, or a body beyond MAX_BODY_BYTES.
        """
        try:
            with (
                httpx.Client(transport=self.transport, timeout=TIMEOUT_SECONDS, headers=self.headers) as client,
                client.stream("GET", url, params=parameters) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise OutboundError(f"{response.url} answered {response.status_code}; 200 was expected.")
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_BODY_BYTES:
                        raise OutboundError(f"{response.url} answered with more than {MAX_BODY_BYTES} bytes.")
                return bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OutboundError(f"{url} could not be asked: {type(error).__name__} {error}.") from error
