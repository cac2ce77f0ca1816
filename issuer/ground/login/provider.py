"""Talking with the OpenID provider: its document and keys, and a code for an ID token.

The provider's address is one of the operator's choice, and so is what its document names. What is believed is
said in `keys.openid`.
"""

import base64
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote_plus, urlsplit

from issuer.ground.access import OpenIdAccess, is_public_address
from issuer.ground.database import writing
from issuer.ground.login import store
from issuer.ground.login.service import IDLE_LASTS, TOKEN_BYTES, Login
from issuer.ground.login.store import Challenge
from issuer.ground.outbound import Outbound, OutboundError
from issuer.ground.tokens import hash_of
from keys import openid
from keys.errors import OpenIdError
from keys.jwk import PublicKey
from keys.openid import Identity, Provider

CALLBACK = "/sign-in/openid/callback"
CHALLENGE_LASTS = timedelta(minutes=10)
ASK_SECONDS = 10.0  # a person waits
MAX_ANSWER_BYTES = 1 << 20
KEPT = timedelta(hours=1)  # the provider's document and keys
ASKED_AGAIN = timedelta(minutes=1)  # for a key that is not known: a made-up kid must not make us ask each time


@dataclass(frozen=True)
class _Kept:
    provider: Provider
    keys: Mapping[str | None, list[PublicKey]]
    had_at: datetime


class OpenId:
    """Logging in at one provider. One for a process: what was fetched is shared and locked."""

    def __init__(self, login: Login, *, access: OpenIdAccess) -> None:
        self._login, self._access, self._clock = login, access, login.clock
        self._outbound = Outbound(
            ca_file=login.settings.ca_file,
            timeout=ASK_SECONDS,
            total_seconds=ASK_SECONDS,
            max_bytes=MAX_ANSWER_BYTES,
        )
        self._kept: _Kept | None = None
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        """The provider's name for a person."""
        return urlsplit(self._access.issuer).netloc

    def begin(self, *, browser: str, person: str = "") -> str:
        """Begin a log-in of this browser: the address to which it goes.

        `person`: who adds this log-in to theirs; empty to sign in with it.

        Raises:
            OpenIdError: the provider could not be asked.
            DatabaseError: the log-in could not be written down.
        """
        provider, now = self._provider().provider, self._clock()
        state, nonce, code_verifier = (secrets.token_urlsafe(TOKEN_BYTES) for _ in range(3))
        with writing(self._login.engine) as connection:
            store.forget_ended(connection, now=now, seen_before=now - IDLE_LASTS)
            store.add_challenge(
                connection,
                Challenge(nonce, code_verifier, person),
                state_sha256=hash_of(state),
                browser_sha256=hash_of(browser),
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

    def finish(self, answer: Mapping[str, str], *, browser: str) -> tuple[Identity, str]:
        """Who has logged in, from what the browser brought back: taken once, and from the browser that began;
        and the person who adds this log-in to theirs, if it was begun for that.

        Raises:
            OpenIdError: the answer does not belong to a log-in of this browser, or is not to be believed.
        """
        with writing(self._login.engine) as connection:
            challenge = store.take_challenge(
                connection,
                state_sha256=hash_of(answer.get("state", "")),
                browser_sha256=hash_of(browser),
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
        if identity.mail is None and kept.provider.userinfo_endpoint and tokens.access_token:
            said = self._asked(kept.provider.userinfo_endpoint, f"Bearer {tokens.access_token}")
            identity = openid.read_userinfo(said, identity=identity)
        return identity, challenge.person

    @property
    def _redirect_uri(self) -> str:
        return f"{self._login.settings.public_url}{CALLBACK}"

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
        if not is_public_address(address):
            raise OpenIdError("The provider's authorization_endpoint is no https address.")

    def _fetched(self, url: str) -> bytes:
        try:
            return self._outbound.get(url)
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
        return self._asked(provider.token_endpoint, authorization, form=form)

    def _asked(self, url: str, authorization: str, *, form: Mapping[str, str] | None = None) -> bytes:
        """What the provider answers to a form, or to a question without one."""
        headers = {"Authorization": authorization} if authorization else {}
        try:
            return (
                self._outbound.get(url, headers=headers)
                if form is None
                else self._outbound.post(url, form=form, headers=headers)
            )
        except OutboundError as error:
            raise OpenIdError(
                "The OpenID provider refused this log-in, or does not answer: begin again."
            ) from error
