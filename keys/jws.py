"""Compact JWS, signed and verified strictly (RFC 7515, RFC 8725; VC-JOSE-COSE 1.0; OB 3.0 §8.2).

Header: exactly `alg`, `kid`, `typ` when we sign. When we verify, the key's type decides the algorithm, the
header must agree, and nothing else in the header is ever followed. Claims are read one step later, in
`schemas.claims`; where the key comes from is `keys.did`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from keys.errors import SignatureError
from keys.jwk import ALGORITHMS, PublicKey
from keys.signer import Signer
from schemas import base64url, strict_json, timestamps
from schemas.strict_json import JsonObject

BADGE_TYP = "vc+jwt"
STRICT_TYP = "JWT"  # what OB 3.0 names, and its strictest readers take beside RS256 (STANDARDS c1)
ACCEPTED_TYP = frozenset({"vc+jwt", "JWT"})  # or absent; anything else is some other kind of token
KNOWN_HEADER = frozenset({"alg", "kid", "typ", "jwk", "cty"})
MAX_JWS_CHARACTERS = 256 * 1024
MAX_HEADER_BYTES = 4096  # alg, kid, typ and perhaps a jwk: a few hundred bytes


@dataclass(frozen=True)
class JoseHeader:
    """What a header says, before anything is verified. A `jwk` in it is a hint and is never used as a key."""

    alg: str
    kid: str | None
    typ: str | None
    raw: bytes


class ParsedJws(NamedTuple):
    """A compact JWS taken apart: `payload` is NOT verified."""

    header: JoseHeader
    payload: bytes
    signature: bytes
    signing_input: bytes


def badge_typ(key: PublicKey) -> str:
    """The `typ` of badges that this key signs: with RS256 the one of OB 3.0, else that of VC-JOSE-COSE."""
    return STRICT_TYP if key.kind == "RSA" else BADGE_TYP


def sign(payload: bytes, *, signer: Signer, typ: str | None = None) -> str:
    """`payload` (UTF-8 JSON, signed byte for byte) as compact JWS, header members in the order alg, kid, typ.

    `typ`: by default that of a badge.
    """
    named = badge_typ(signer.public) if typ is None else typ
    signing_input = f"{_header(signer.public.algorithm, signer.kid, named)}.{base64url.encode(payload)}"
    return f"{signing_input}.{base64url.encode(signer.sign(signing_input.encode()))}"


def detached(token: str) -> str:
    """A compact JWS without its payload, for whoever keeps that beside it (RFC 7515, Appendix F)."""
    return token[: token.index(".") + 1] + token[token.rindex(".") :]


def attached(detached: str, payload: str) -> str:
    """The compact JWS again, with the payload (a text, as UTF-8) that it had."""
    header, _, signature = detached.partition("..")
    return f"{header}.{base64url.encode(payload.encode())}.{signature}"


@lru_cache(maxsize=64)  # one issuer signs thousands under the same few
def _header(alg: str, kid: str, typ: str) -> str:
    return base64url.encode(strict_json.dumps({"alg": alg, "kid": kid, "typ": typ}).encode())


def parse(
    token: str, *, ignored: frozenset[str] = frozenset(), max_characters: int = MAX_JWS_CHARACTERS
) -> ParsedJws:
    """Take a compact JWS apart without verifying it. `ignored`: header members that may stand beside the known.

    Raises:
        SignatureError: not three canonical base64url parts, or a header with a member that must not be there.
    """
    if len(token) > max_characters:
        raise SignatureError(f"The token has {len(token)} characters; at most {max_characters} are read.")
    parts = token.split(".")
    if len(parts) != 3:
        raise SignatureError(f"The token has {len(parts)} parts; a compact JWS has three, joined by dots.")
    header, payload, signature = parts
    try:
        return ParsedJws(
            _read_header(header, ignored),
            base64url.decode(payload, what="token's payload"),
            base64url.decode(signature, what="token's signature"),
            token[: -1 - len(signature)].encode(),
        )
    except base64url.Base64UrlError as error:
        raise SignatureError(str(error)) from error


def verify(token: str, *, key: PublicKey, accepted_typ: frozenset[str] = ACCEPTED_TYP) -> bytes:
    """The payload bytes of `token`, once its signature was found good under `key`.

    Raises:
        SignatureError: malformed, a refused header, an algorithm that does not fit the key, or a bad signature.
    """
    parsed = parse(token)
    check_signature(parsed, key=key, accepted_typ=accepted_typ)
    return parsed.payload


def check_signature(parsed: ParsedJws, *, key: PublicKey, accepted_typ: frozenset[str] = ACCEPTED_TYP) -> None:
    """The same for a token that was taken apart already; SignatureError as `verify`."""
    check_header(parsed.header, key=key, accepted_typ=accepted_typ)
    try:
        key.check(parsed.signature, parsed.signing_input)
    except SignatureError as error:  # what exactly does not fit tells an attacker more than anybody else
        raise SignatureError("The signature does not fit the signed text and this key.") from error


def check_time(claims: JsonObject, *, now: datetime, skew: timedelta = timedelta(seconds=60)) -> None:
    """`nbf` has begun and `exp` has not passed, where a token says them (RFC 7519 §4.1.4, §4.1.5).

    Raises:
        SignatureError: it has not, or one is no NumericDate.
    """
    try:
        if "nbf" in claims and timestamps.from_numeric_date(claims["nbf"]) > now + skew:
            raise SignatureError("The token is not to be used yet.")
        if "exp" in claims and timestamps.from_numeric_date(claims["exp"]) < now - skew:
            raise SignatureError("The token has expired.")
    except timestamps.TimestampError as error:
        raise SignatureError(f"The token's time cannot be read: {error}") from error


def check_header(header: JoseHeader, *, key: PublicKey, accepted_typ: frozenset[str]) -> None:
    """Refuse an algorithm that is not the key's own, in exact case, and a `typ` of another kind of token."""
    if header.alg not in ALGORITHMS[key.kind]:
        raise SignatureError(
            f"The token says alg {header.alg!r}; its {key.kind} key signs with {key.algorithm} only."
        )
    if header.typ is not None and header.typ not in accepted_typ:
        raise SignatureError(f"The token says typ {header.typ!r}; {sorted(accepted_typ)} were expected.")


@lru_cache(maxsize=512)  # the badges of one key begin with the same bytes
def _read_header(text: str, ignored: frozenset[str]) -> JoseHeader:
    raw = base64url.decode(text, what="token's header")
    try:
        header = strict_json.loads_object(raw, max_bytes=MAX_HEADER_BYTES, max_depth=4)
    except strict_json.StrictJsonError as error:
        raise SignatureError(f"The token's header cannot be read: {error}") from error
    unknown = sorted(header.keys() - KNOWN_HEADER - ignored)
    if unknown:  # jku, x5u, x5c, crit, b64, zip: each is a way to make a verifier do something else
        raise SignatureError(f"The token's header has {', '.join(unknown)}, which is refused.")
    alg, kid, typ = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(alg, str):
        raise SignatureError("The token's header has no text member 'alg'.")
    if not all(isinstance(header[name], str) for name in ("kid", "typ") if name in header):  # null is no text
        raise SignatureError("The token's header members 'kid' and 'typ' must be text.")
    assert isinstance(kid, str | None) and isinstance(typ, str | None)
    return JoseHeader(alg, kid, typ, raw)
