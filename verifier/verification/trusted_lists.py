"""Named lists of trusted issuers: of this office's own, and published by others under an address.

Each list that holds an issuer vouches for it by name; a list that could not be asked is said to be so, since its
silence says nothing. Trust is shown and buys nothing: what is accepted is each event's policy.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas import strict_json
from schemas.strict_json import JsonValue, StrictJsonError
from verifier.ground.clock import system_clock
from verifier.ground.documents import DocumentSource
from verifier.ground.outbound import OutboundError

KEPT: Final = timedelta(hours=1)
PAUSE: Final = timedelta(minutes=1)  # after a list could not be asked: nobody waits for it at every badge
MAX_LIST_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Vouching:
    """What the lists say of an issuer: the names of those that hold it, and of those that could not be asked."""

    names: tuple[str, ...] = ()
    not_asked: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Kept:
    issuers: frozenset[str] | None  # None: it could not be asked
    until: datetime


class TrustedLists:
    """The lists of one office: `own` by their DIDs, `published` by their addresses."""

    def __init__(
        self,
        own: Mapping[str, tuple[str, ...]],
        published: Mapping[str, str],
        *,
        source: DocumentSource,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self._own = {name: frozenset(issuers) for name, issuers in own.items()}
        self._published, self._source, self._clock = dict(published), source, clock
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def look_up(self, issuer: str) -> Vouching:
        """What the lists say; one that was not asked lately is asked."""
        for url in self._published.values():
            if self._now(url) is None:
                self._ask(url)
        return self._vouching(issuer)

    def at_hand(self, issuer: str) -> Vouching | None:
        """The same without asking anybody; None if a list would have to be asked."""
        if any(self._now(url) is None for url in self._published.values()):
            return None
        return self._vouching(issuer)

    def issuers(self) -> tuple[str, ...]:
        """Every issuer on a list, as far as they are at hand."""
        lists = list(self._own.values())
        for url in self._published.values():
            kept = self._now(url)
            if kept is not None and kept.issuers is not None:
                lists.append(kept.issuers)
        return tuple(sorted({issuer for issuers in lists for issuer in issuers}))

    def _vouching(self, issuer: str) -> Vouching:
        names = [name for name, issuers in self._own.items() if issuer in issuers]
        not_asked = []
        for name, url in self._published.items():
            kept = self._kept.get(url)
            if kept is None or kept.issuers is None:
                not_asked.append(name)
            elif issuer in kept.issuers:
                names.append(name)
        return Vouching(tuple(names), tuple(not_asked))

    def _now(self, url: str) -> _Kept | None:
        kept = self._kept.get(url)
        return kept if kept is not None and self._clock() < kept.until else None

    def _ask(self, url: str) -> None:
        now = self._clock()
        try:
            body = self._source.fetch(url, max_bytes=MAX_LIST_BYTES).body
            made = _Kept(_issuers_in(strict_json.loads(body, max_bytes=MAX_LIST_BYTES)), now + KEPT)
        except (OutboundError, StrictJsonError, ValueError):
            made = _Kept(None, now + PAUSE)
        with self._lock:
            self._kept[url] = made


def _issuers_in(document: JsonValue) -> frozenset[str]:
    """The DIDs of a published list: an array, an object whose `issuers` is one, or the members of `registry`.

    ValueError: it is none of these.
    """
    listed: JsonValue = document
    if isinstance(document, dict):
        listed = document.get("issuers", document.get("registry"))
    if isinstance(listed, dict):
        listed = [*listed]
    found = [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []
    if not isinstance(listed, list) or len(found) != len(listed) or not all(d.startswith("did:") for d in found):
        raise ValueError("a list of DIDs was expected")
    return frozenset(found)
