"""An office's keys and the state of each: which one signs, which ones verifiers still find.

A verifier only ever sees whether a key stands in the DID document: planned, active and retired keys do, a
compromised one does not, since nobody can date a signature. Private halves are in `keys.custody`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from keys.errors import CustodyError
from keys.jwk import PublicKey

# Tokens; Data Integrity documents, and those of others' choice that want ECDSA; status lists; and, of a verifying
# office, what it asks of wallets, desks' trust bundles, who decides about an event, and what a hub says.
KeyUse = Literal["badges", "documents", "documents-p256", "status", "requests", "bundles", "epochs", "hub"]
ISSUER_USES: Final[tuple[KeyUse, ...]] = ("badges", "documents", "documents-p256", "status")
KeyState = Literal["planned", "active", "retired", "compromised"]


@dataclass(frozen=True)
class KeyRecord:
    """One key: `kid` is its full DID URL; `use` what it signs, and nothing else; `since` when it was made."""

    kid: str
    use: KeyUse
    state: KeyState
    public: PublicKey
    since: datetime

    @property
    def name(self) -> str:
        """What stands behind the `#` of its kid."""
        return self.kid.partition("#")[2]


@dataclass(frozen=True)
class KeySet:
    """All keys that an office ever had, in the order they were made."""

    did: str
    records: tuple[KeyRecord, ...]

    def active(self, use: KeyUse) -> KeyRecord:
        """The key that signs for `use` now.

        Raises:
            CustodyError: there is none, or more than one.
        """
        found = [r for r in self.records if r.use == use and r.state == "active"]
        if not found:
            raise CustodyError(f"No key is active for {use}: 'badge-issuer keys rotate --use {use}' makes one.")
        if len(found) > 1:
            raise CustodyError(f"{len(found)} keys are active for {use}; exactly one was expected.")
        return found[0]

    def named(self, text: str) -> KeyRecord:
        """The key with this kid, or with this name behind its `#`.

        Raises:
            CustodyError: there is none.
        """
        for record in self.records:
            if text in {record.kid, record.name}:
                return record
        known = ", ".join(record.name for record in self.records)
        raise CustodyError(f"There is no key {text!r}; there are {known}.")

    def next_name(self, use: KeyUse) -> str:
        """`badges-3`, when there were two keys for badges before; a name is never used twice."""
        return f"{use}-{1 + sum(record.use == use for record in self.records)}"

    def with_states(self, states: Mapping[str, KeyState]) -> "KeySet":
        """The same keys, some (by kid) in another state."""
        records = tuple(replace(r, state=states.get(r.kid, r.state)) for r in self.records)
        return replace(self, records=records)

    def published(self) -> Iterator[KeyRecord]:
        """Every key that verifiers may rely on."""
        return (record for record in self.records if record.state != "compromised")
