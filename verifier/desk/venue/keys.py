"""The keys of this office for its desks: one signs bundles, one says who decides, one is that of a hub.

They lie in their own folder, encrypted like all keys, and are made on first use. No issuer's key is within reach.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from keys.custody import KeyStore
from keys.errors import CustodyError
from keys.signer import Signer
from verifier.desk.errors import DeskKeysError
from verifier.ground.settings import Settings, SettingsError

Use = Literal["bundles", "epochs", "hub"]
OWNER = "urn:badgewright:desks"  # stands before the names of these keys; nobody looks it up


class OwnKeys:
    """Opened when they are needed for the first time."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime]) -> None:
        self._settings, self._clock = settings, clock
        self._opened: dict[Use, Signer] = {}
        self._opening = threading.Lock()

    def signer(self, use: Use) -> Signer:
        """Signs with the key for this use.

        Raises:
            DeskKeysError: it cannot be opened or made.
        """
        with self._opening:
            if use not in self._opened:
                self._opened[use] = self._open(use)
            return self._opened[use]

    @property
    def is_hub(self) -> bool:
        """Whether this office has the key of a hub; asking makes none."""
        return (self._settings.desk_keys / "hub-1.key").exists()

    def _open(self, use: Use) -> Signer:
        folder = self._settings.desk_keys
        try:
            passphrase = self._settings.passphrase()
            if not (folder / "keyset.json").exists():
                KeyStore.create(folder, did=OWNER, passphrase=passphrase)
            store = KeyStore(folder, passphrase=passphrase)
            if not any(record.use == use and record.state == "active" for record in store.keyset.records):
                store.add(f"{use}-1", use=use, kind="P-256", state="active", now=self._clock())
            return store.signer(use)
        except (CustodyError, SettingsError, OSError) as error:
            raise DeskKeysError(f"The keys for desks cannot be used: {error}") from error
