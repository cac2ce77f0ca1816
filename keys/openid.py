"""OpenID Connect Core 1.0, code flow with PKCE: what is asked, and what of the answer is believed. No network.

The ID token comes straight from the provider over TLS, and its signature is checked all the same, by the strict
reader of `keys.jws`: the key's type decides the algorithm, so `none` and HMAC are none. Each office does its own
fetching.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from keys import jwk, jws
from keys.errors import KeyFormatError, OpenIdError, SignatureError
from keys.jwk import ALGORITHMS, PublicKey
from schemas import base64url, strict_json, timestamps
from schemas.mail_address import MailAddressError, checked_address
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError

ACCEPTED_ALGORITHMS = frozenset({"RS256", "ES256", "ES384", "EdDSA", "Ed25519"})
ACCEPTED_TYP = frozenset({"JWT"})  # or absent: an access token or a log-out token is no ID token
IGNORED_HEADER = frozenset({"x5t", "x5t#S256"})  # a certificate's thumbprint beside the kid (some big providers)
SKEW = timedelta(seconds=60)
MAX_AGE = timedelta(minutes=10)  # a token for this very log-in was made a moment ago
MAX_KEYS = 50


@dataclass(frozen=True)
class Provider:
    """What the provider says of itself (OpenID Connect Discovery 1.0 §3), as far as it is used here.

    `secret_in_header`: it takes the client's secret as HTTP Basic, else in the form. `names_itself`: its answers
    say who they are from (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    secret_in_header: bool = True
    names_itself: bool = False


@dataclass(frozen=True)
class Identity:
    """Who the provider says has logged in. `mail` only if it says that it verified the address."""

    subject: str
    mail: str | None = None


@dataclass(frozen=True)
class Tokens:
    """What a code was changed for. The access token opens the provider's `userinfo`, and is kept nowhere."""

    id_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)


def read_discovery(data: bytes, *, expected_issuer: str) -> Provider:
    """The provider's own document.

    Raises:
        OpenIdError: it is of another issuer (§4.3), or lacks something.
    """
    said = _object(data, what="The provider's discovery document")
    if said.get("issuer") != expected_issuer:
        raise OpenIdError(
            f"The provider calls itself {str(said.get('issuer'))[:100]!a}; {expected_issuer} was expected."
        )
    methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if not isinstance(methods, list) or not {"client_secret_basic", "client_secret_post"} & set(map(str, methods)):
        raise OpenIdError("The provider takes no client secret: client_secret_basic was expected.")
    return Provider(
        expected_issuer,
        _address(said, "authorization_endpoint"),
        _address(said, "token_endpoint"),
        _address(said, "jwks_uri"),
        userinfo_endpoint=_address(said, "userinfo_endpoint") if "userinfo_endpoint" in said else None,
        secret_in_header="client_secret_basic" in methods,
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
    )


def read_keys(data: bytes) -> dict[str | None, list[PublicKey]]:
    """The provider's keys for signatures, by their `kid`; a key of a kind that we do not use is left out.

    Raises:
        OpenIdError: this is no JWK set.
    """
    listed = _object(data, what="The provider's key set").get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise OpenIdError(f"The provider's key set has no list of at most {MAX_KEYS} keys.")
    keys: dict[str | None, list[PublicKey]] = {}
    for entry in listed:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        kid = entry.get("kid")
        try:
            key = jwk.from_jwk(entry)
        except KeyFormatError:
            continue
        keys.setdefault(kid if isinstance(kid, str) else None, []).append(key)
    return keys


def code_challenge(code_verifier: str) -> str:
    """S256 of RFC 7636 §4.2."""
    return base64url.encode(hashlib.sha256(code_verifier.encode()).digest())


def authorization_url(
    provider: Provider, *, client_id: str, redirect_uri: str, state: str, nonce: str, code_verifier: str
) -> str:
    """Where the browser goes to log in (OpenID Connect Core §3.1.2.1)."""
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": "openid email",
        "state": state,
        "nonce": nonce,
        "code_challenge": code_challenge(code_verifier),
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(provider.authorization_endpoint).query else "?"
    return f"{provider.authorization_endpoint}{joint}{urlencode(asked)}"


def check_response(answer: Mapping[str, str], *, provider: Provider) -> str:
    """The code in what the browser brought back, which must be from this provider (RFC 9207 §2.4).

    Raises:
        OpenIdError: it is from another, says an error, or has no code.
    """
    if ("iss" in answer or provider.names_itself) and answer.get("iss") != provider.issuer:
        raise OpenIdError("The answer is not from the OpenID provider at which the log-in began.")
    if "error" in answer:
        raise OpenIdError("The OpenID provider did not log you in. Try again, or ask for a link by mail.")
    if not answer.get("code"):
        raise OpenIdError("The OpenID provider's answer has no code.")
    return answer["code"]


def read_token_response(data: bytes) -> Tokens:
    """The token endpoint's answer (§3.1.3.3).

    Raises:
        OpenIdError: there is none.
    """
    said = _object(data, what="The provider's answer")
    token, access = said.get("id_token"), said.get("access_token")
    if not isinstance(token, str) or str(said.get("token_type", "")).lower() != "bearer":
        raise OpenIdError("The provider's answer has no ID token.")
    usable = isinstance(access, str) and access.isascii() and access.isprintable() and " " not in access
    return Tokens(token, str(access) if usable else None)


def read_userinfo(data: bytes, *, identity: Identity) -> Identity:
    """`identity` with the verified address that the provider's other answer has (§5.3.2).

    Raises:
        OpenIdError: it is about somebody else.
    """
    claims = _object(data, what="The provider's answer")
    if claims.get("sub") != identity.subject:
        raise OpenIdError("The provider's second answer is about somebody else.")
    return Identity(identity.subject, _verified_mail(claims))


def key_of(token: str, *, keys: Mapping[str | None, list[PublicKey]]) -> PublicKey | None:
    """The one key that the token's header names and whose algorithm it says; None if there is none.

    Raises:
        OpenIdError: the header cannot be read, or names an algorithm that is not accepted.
    """
    header = _parsed(token).header
    if header.alg not in ACCEPTED_ALGORITHMS:
        raise OpenIdError(f"The ID token says alg {header.alg[:20]!a}, which is not accepted.")
    named = keys.get(header.kid, []) if header.kid is not None else [k for some in keys.values() for k in some]
    fitting = [key for key in named if header.alg in ALGORITHMS[key.kind]]
    return fitting[0] if len(fitting) == 1 else None


def check_id_token(
    token: str, *, key: PublicKey, expected_issuer: str, client_id: str, expected_nonce: str, now: datetime
) -> Identity:
    """Who an ID token is about, once each step of §3.1.3.7 was passed.

    Raises:
        OpenIdError: a step that was not; nothing of the token is believed.
    """
    parsed = _parsed(token)
    try:
        jws.check_signature(parsed, key=key, accepted_typ=ACCEPTED_TYP)
        claims = _object(parsed.payload, what="The ID token")
        if claims.get("iss") != expected_issuer:
            raise OpenIdError("The ID token is of another issuer.")
        _check_audience(claims, client_id=client_id)
        _check_times(claims, now=now)
    except SignatureError as error:
        raise OpenIdError(f"The ID token is not to be believed: {error}") from error
    if claims.get("nonce") != expected_nonce:
        raise OpenIdError("The ID token was made for another log-in.")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise OpenIdError("The ID token names nobody.")
    return Identity(subject, _verified_mail(claims))


def _parsed(token: str) -> jws.ParsedJws:
    try:
        return jws.parse(token, ignored=IGNORED_HEADER)
    except SignatureError as error:
        raise OpenIdError(f"The ID token cannot be read: {error}") from error


def _check_audience(claims: JsonObject, *, client_id: str) -> None:
    """The token is for us, and if for others too, then it says that it was made for us."""
    audience = claims.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    if client_id not in listed:
        raise OpenIdError("The ID token is for somebody else.")
    if (len(listed) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise OpenIdError("The ID token was made for somebody else.")


def _check_times(claims: JsonObject, *, now: datetime) -> None:
    try:
        made, ends = (timestamps.from_numeric_date(claims[name]) for name in ("iat", "exp"))
    except (KeyError, timestamps.TimestampError) as error:
        raise OpenIdError("The ID token does not say when it was made and when it ends.") from error
    if ends + SKEW <= now:
        raise OpenIdError("The ID token has expired.")
    if not now - MAX_AGE <= made <= now + SKEW:
        raise OpenIdError("The ID token was not made for this log-in: look at this machine's clock.")
    jws.check_time(claims, now=now, skew=SKEW)


def _verified_mail(claims: JsonObject) -> str | None:
    address = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(address, str):
        return None
    try:
        return checked_address(address)
    except MailAddressError:
        return None


def _address(said: Mapping[str, JsonValue], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or not value.isprintable():
        raise OpenIdError(f"The provider's discovery document has no address as {name}.")
    return value


def _object(data: bytes, *, what: str) -> JsonObject:
    try:
        return strict_json.loads_object(data)
    except StrictJsonError as error:
        raise OpenIdError(f"{what} cannot be read: {error}") from error
