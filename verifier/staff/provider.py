"""Talking with the OpenID provider: its document and keys, and a code for an ID token.

The provider's address is one of the operator's choice; all that its document names is asked through the guard of
`verifier.ground.outbound` all the same. What is believed is said in `keys.openid`.
"""

import base64
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote_plus, urlencode, urlsplit

from keys import openid
from keys.errors import OpenIdError
from keys.jwk import PublicKey
from keys.openid import Identity, Provider
from verifier.ground.clock import system_clock
from verifier.ground.database import writing
from verifier.ground.outbound import GuardedClient, OutboundError, ServiceClient
from verifier.ground.settings import OpenIdAccess, Settings, SettingsError, checked_public_url
from verifier.registration.service import Registration
from verifier.staff import store
from verifier.staff.service import IDLE_LASTS, TOKEN_BYTES, hashed
from verifier.staff.store import Challenge

CALLBACK = "/staff/openid/callback"
CHALLENGE_LASTS = timedelta(minutes=10)
KEPT = timedelta(hours=1)  # the provider's document and keys
ASKED_AGAIN = timedelta(minutes=1)  # for a key that is not known: a made-up kid must not make us ask each time


@dataclass(frozen=True)
class _Kept:
    provider: Provider
    keys: Mapping[str | None, list[PublicKey]]
    had_at: datetime


class OpenId:
    """Logging in at one provider. One for a process: what was fetched is shared and locked."""

    def __init__(
        self,
        registration: Registration,
        settings: Settings,
        *,
        access: OpenIdAccess,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self._registration, self._settings, self._access, self._clock = registration, settings, access, clock
        self._client = GuardedClient(settings.exempt_hosts, settings.ca_file)
        self._kept: _Kept | None = None
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        """The provider's name for a person."""
        return urlsplit(self._access.issuer).netloc

    def begin(self, *, browser: str) -> str:
        """Begin a log-in of this browser: the address to which it goes.

        Raises:
            OpenIdError: the provider could not be asked.
            DatabaseError: the log-in could not be written down.
        """
        provider, now = self._provider().provider, self._clock()
        state, nonce, code_verifier = (secrets.token_urlsafe(TOKEN_BYTES) for _ in range(3))
        with writing(self._registration.engine) as connection:
            store.forget_ended(connection, now=now, seen_before=now - IDLE_LASTS)
            store.add_challenge(
                connection,
                Challenge(nonce, code_verifier),
                state_sha256=hashed(state),
                browser_sha256=hashed(browser),
                expires_at=now + CHALLENGE_LASTS,
            )
        return openid.authorization_url(
            provider,
            client_id=self._access.client_id,
            redirect_uri=self._redirect_uri,
            state=state,
            nonce=nonce,
            code_verifier=code_verifier,
        )

    def finish(self, answer: Mapping[str, str], *, browser: str, is_listed: Callable[[str], bool]) -> Identity:
        """Who has logged in, from what the browser brought back: taken once, and from the browser that began.

        `is_listed`: whether a subject is known; else the provider is asked for a verified address, if it has one.

        Raises:
            OpenIdError: the answer does not belong to a log-in of this browser, or is not to be believed.
        """
        with writing(self._registration.engine) as connection:
            challenge = store.take_challenge(
                connection,
                state_sha256=hashed(answer.get("state", "")),
                browser_sha256=hashed(browser),
                now=self._clock(),
            )
        if challenge is None:
            raise OpenIdError("This log-in was not begun in this browser, or took too long: begin again.")
        kept = self._provider()
        code = openid.check_response(answer, provider=kept.provider)
        tokens = openid.read_token_response(self._redeem(code, challenge.code_verifier, provider=kept.provider))
        identity = openid.check_id_token(
            tokens.id_token,
            key=self._key(tokens.id_token, kept),
            expected_issuer=self._access.issuer,
            client_id=self._access.client_id,
            expected_nonce=challenge.nonce,
            now=self._clock(),
        )
        wanted = identity.mail is None and not is_listed(identity.subject)
        if wanted and kept.provider.userinfo_endpoint and tokens.access_token:
            said = self._asked(kept.provider.userinfo_endpoint, f"Bearer {tokens.access_token}")
            return openid.read_userinfo(said, identity=identity)
        return identity

    @property
    def _redirect_uri(self) -> str:
        return f"{self._settings.public_url}{CALLBACK}"

    def _key(self, token: str, kept: _Kept) -> PublicKey:
        """The key that signed; keys change, so one that is not known is looked for once more."""
        key = openid.key_of(token, keys=kept.keys)
        if key is None and kept.had_at + ASKED_AGAIN <= self._clock():
            key = openid.key_of(token, keys=self._provider(anew=True).keys)
        if key is None:
            raise OpenIdError("The ID token is signed by a key that is not the provider's.")
        return key

    def _provider(self, *, anew: bool = False) -> _Kept:
        with self._lock:
            now = self._clock()
            if self._kept is None or anew or self._kept.had_at + KEPT <= now:
                well_known = self._access.issuer.rstrip("/") + "/.well-known/openid-configuration"
                provider = openid.read_discovery(self._fetched(well_known), expected_issuer=self._access.issuer)
                self._check_public(provider.authorization_endpoint)
                self._kept = _Kept(provider, openid.read_keys(self._fetched(provider.jwks_uri)), now)
            return self._kept

    def _check_public(self, address: str) -> None:
        """A browser is sent there with what a log-in hangs on: https, or this machine."""
        try:
            checked_public_url(urlsplit(address)._replace(query="").geturl())
        except SettingsError as error:
            raise OpenIdError("The provider's authorization_endpoint is no https address.") from error

    def _fetched(self, url: str) -> bytes:
        try:
            return self._client.fetch(url).body
        except OutboundError as error:
            raise OpenIdError(f"The OpenID provider could not be asked: {error}") from error

    def _redeem(self, code: str, code_verifier: str, *, provider: Provider) -> bytes:
        """The token endpoint's answer (OpenID Connect Core §3.1.3.1, RFC 7636 §4.5)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": code_verifier,
        }
        try:
            secret = self._access.client_secret()
        except (OSError, ValueError) as error:
            raise OpenIdError("The client's secret for the OpenID provider cannot be read.") from error
        authorization = ""
        if provider.secret_in_header:
            pair = f"{quote_plus(self._access.client_id)}:{quote_plus(secret)}"  # RFC 6749 §2.3.1
            authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": self._access.client_id, "client_secret": secret}
        return self._asked(provider.token_endpoint, authorization, body=urlencode(form).encode())

    def _asked(self, url: str, authorization: str, *, body: bytes | None = None) -> bytes:
        """What the provider answers to a form, or to a question without one."""
        parts = urlsplit(url)
        service = ServiceClient(
            f"{parts.scheme}://{parts.netloc}", authorization, self._settings.exempt_hosts, self._settings.ca_file
        )
        path = parts._replace(scheme="", netloc="").geturl()
        try:
            reply = service.ask(path, body=body, content_type="application/x-www-form-urlencoded")
        except OutboundError as error:
            raise OpenIdError(f"The OpenID provider could not be asked: {error}") from error
        if reply.status != 200:
            raise OpenIdError(f"The OpenID provider refused this log-in ({reply.status}): begin again.")
        return reply.body
