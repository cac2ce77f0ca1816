"""Signed texts of the desk: compact JWS with ES256, each of its own type; fingerprints of keys, hashes of tokens.

The key always comes from whoever asks, never from the token. What a payload says is `bundle`, `journal`, `epochs`,
`requests`.
"""

import hashlib
from typing import Final

from keys import jws
from keys.errors import KeyFormatError, SignatureError
from keys.jwk import PublicKey, from_jwk
from keys.signer import Signer
from schemas import base64url, strict_json
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.desk.errors import TokenError

BUNDLE: Final = "desk-bundle+jwt"
REQUEST: Final = "desk-request+jwt"
JOURNAL: Final = "desk-journal+jwt"
EPOCH: Final = "desk-epoch+jwt"
GRANTS: Final = "desk-grants+jwt"

LAYOUT: Final = 1
MAX_CHARACTERS: Final = 8 << 20  # a bundle with some thousand claims and a few large lists has one or two
MAX_BYTES: Final = MAX_CHARACTERS


def sign(payload: JsonObject, *, typ: str, signer: Signer) -> str:
    """A payload as a token of this type."""
    return jws.sign(strict_json.dumps(payload).encode(), signer=signer, typ=typ)


def unverified(token: str) -> JsonObject:
    """What a token says, before anybody knows who says it; good for finding the key, and for nothing else.

    Raises:
        TokenError: it is no token.
    """
    return _payload(_parsed(token).payload)


def verified(token: str, *, typ: str, key: PublicKey) -> JsonObject:
    """What a token says, once it was found to be of this type and signed with this key.

    Raises:
        TokenError: it is not.
    """
    parsed = _parsed(token)
    if key.kind != "P-256" or parsed.header.typ != typ:
        raise TokenError(f"The token is no {typ}, signed with ES256.")
    try:
        jws.check_signature(parsed, key=key, accepted_typ=frozenset({typ}))
    except SignatureError as error:
        raise TokenError(str(error)) from error
    return _payload(parsed.payload)


def key_id(token: str) -> str:
    """The `kid` in a token's header: by whom it wants to be; empty where there is none.

    Raises:
        TokenError: it is no token.
    """
    return _parsed(token).header.kid or ""


def typ_of(token: str) -> str:
    """The `typ` in a token's header; empty where there is none.

    Raises:
        TokenError: it is no token.
    """
    return _parsed(token).header.typ or ""


def hash_of(token: str) -> str:
    """A token's identity: the SHA-256 of what is signed. A signature has a twin, so a whole token is none.

    Raises:
        TokenError: it is no token.
    """
    return base64url.encode(hashlib.sha256(_parsed(token).signing_input).digest())


def digest(data: bytes) -> str:
    """SHA-256 as base64url."""
    return base64url.encode(hashlib.sha256(data).digest())


def fingerprint(key: PublicKey) -> str:
    """The thumbprint of a key's JWK (RFC 7638): its required members in order, without spaces."""
    members = key.to_jwk()
    return digest(strict_json.dumps({name: members[name] for name in sorted(members)}).encode())


def key_of(value: "JsonValue") -> PublicKey:
    """The P-256 key in a JWK.

    Raises:
        TokenError: it is another key, a private one, or no JWK.
    """
    try:
        if not isinstance(value, dict):
            raise KeyFormatError("A JWK was expected.")
        key = from_jwk(value)
    except KeyFormatError as error:
        raise TokenError(str(error)) from error
    if key.kind != "P-256":
        raise TokenError(f"The key is of the kind {key.kind}: P-256 was expected.")
    return key


def _parsed(token: str) -> jws.ParsedJws:
    try:
        return jws.parse(token, max_characters=MAX_CHARACTERS)
    except SignatureError as error:
        raise TokenError(str(error)) from error


def _payload(data: bytes) -> JsonObject:
    try:
        return strict_json.loads_object(data, max_bytes=MAX_BYTES)
    except StrictJsonError as error:
        raise TokenError(f"The token's payload cannot be read: {error}") from error
