"""Who we are to a wallet: a DID of this office's public address, its document, and the key that signs requests.

The key is this office's own, in its own folder; no issuer's key is within reach. It is made on first use.
"""

import threading
from collections.abc import Callable
from datetime import datetime

from keys import did, jws
from keys.custody import KeyStore
from keys.errors import CustodyError, KeyFormatError
from keys.keyset import KeySet
from keys.signer import Signer
from schemas import strict_json
from schemas.strict_json import JsonObject
from verifier.ground.settings import Settings, SettingsError
from verifier.wallets.errors import WalletsUnavailableError

PREFIX = "decentralized_identifier:"  # OpenID4VP 1.0 §5.9.3
REQUEST_TYP = "oauth-authz-req+jwt"  # RFC 9101 §10.8


class WalletClient:
    """This office as a client of wallets. Nothing is opened or made before it is asked for."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime]) -> None:
        self._settings, self._clock = settings, clock
        self._opening = threading.Lock()
        self._opened: tuple[KeySet, Signer] | None = None

    @property
    def base_url(self) -> str:
        """The public address, without a slash at its end.

        Raises:
            WalletsUnavailableError: none is set.
        """
        if self._settings.public_url is None:
            raise WalletsUnavailableError(
                "Wallets cannot be asked: give this office its address with --public-url or public_url."
            )
        return self._settings.public_url

    @property
    def did(self) -> str:
        """The did:web of the public address.

        Raises:
            WalletsUnavailableError: there is no address, or it has none (did:web knows no IP addresses).
        """
        try:
            return did.did_of_web_address(self.base_url)
        except KeyFormatError as error:
            raise WalletsUnavailableError(f"Wallets cannot be asked: {error}") from error

    @property
    def client_id(self) -> str:
        """The whole string that a wallet signs as audience, its prefix included (§14.8)."""
        return PREFIX + self.did

    def sign(self, request: JsonObject) -> str:
        """A request object as compact JWS (§5, RFC 9101).

        Raises:
            WalletsUnavailableError: the key cannot be opened.
        """
        return jws.sign(strict_json.dumps(request).encode(), signer=self._keys()[1], typ=REQUEST_TYP)

    def document(self) -> JsonObject:
        """The DID document under which wallets find the key.

        Raises:
            WalletsUnavailableError: as above.
        """
        keyset, _ = self._keys()
        made = did.build_document(keyset.did, keys=[(key.kid, key.public) for key in keyset.published()])
        return made | {"authentication": made["assertionMethod"]}  # wallets look in the one or in the other

    def _keys(self) -> tuple[KeySet, Signer]:
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> tuple[KeySet, Signer]:
        folder, own = self._settings.keys, self.did
        try:
            passphrase = self._settings.passphrase()
            if not (folder / "keyset.json").exists():
                store = KeyStore.create(folder, did=own, passphrase=passphrase)
                store.add("requests-1", use="requests", kind="P-256", state="active", now=self._clock())
            store = KeyStore(folder, passphrase=passphrase)
            if store.keyset.did != own:
                raise WalletsUnavailableError(
                    f"The keys in {folder} were made for {store.keyset.did}, and this office is {own} now:"
                    " move that folder away, and new ones are made."
                )
            return store.keyset, store.signer("requests")
        except (CustodyError, SettingsError, OSError) as error:
            raise WalletsUnavailableError(f"Wallets cannot be asked: {error}") from error
