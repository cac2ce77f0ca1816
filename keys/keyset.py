"""An issuer's keys and the state of each: which one signs, which ones verifiers still find.

A verifier only ever sees whether a key stands in the DID document: planned, active and retired keys do, a
compromised one does not, since nobody can date a signature. Private halves are in `keys.custody`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from keys.errors import CustodyError
from keys.jwk import PublicKey

KeyUse = Literal["badges", "status"]
KeyState = Literal["planned", "active", "retired", "compromised"]


@dataclass(frozen=True)
class KeyRecord:
    """One key: `kid` is its full DID URL; `use` what it signs, and nothing else; `since` when it was made."""

    kid: str
    use: KeyUse
    state: KeyState
    public: PublicKey
    since: datetime


@dataclass(frozen=True)
class KeySet:
    """All keys that an issuer ever had, in the order they were made."""

    did: str
    records: tuple[KeyRecord, ...]

    def active(self, use: KeyUse) -> KeyRecord:
        """The key that signs for `use` now.

        Raises:
            CustodyError: there is none, or more than one.
        """
        found = [r for r in self.records if r.use == use and r.state == "active"]
        if len(found) != 1:
            raise CustodyError(f"{len(found)} keys are active for {use}; exactly one was expected.")
        return found[0]

    def published(self) -> Iterator[tuple[str, PublicKey]]:
        """(kid, key) of every key that verifiers may rely on."""
        return ((r.kid, r.public) for r in self.records if r.state != "compromised")
