"""DIDs and their documents: did:web, did:key and did:jwk; id <-> URL <-> document <-> key (pure).

A key is always found in the document that its id names, by exact id, and must be listed for the purpose
(STANDARDS c5, d; Controlled Identifiers 1.0). Only did:key and did:jwk hold their key in their id. Fetching is the
resolver's affair; which keys an issuer lists is `keys.keyset`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote, urlsplit

from keys import jwk, multikey
from keys.errors import KeyFormatError
from keys.jwk import PublicKey
from schemas import base64url, strict_json
from schemas.strict_json import JsonObject, JsonValue

Purpose = Literal["assertionMethod", "authentication"]
DID_CONTEXT = "https://www.w3.org/ns/did/v1"
MAX_JWK_BYTES = 4096  # an RSA key of 8192 bits has about 1,500
JWK_CONTEXT = "https://w3id.org/security/jwk/v1"
MULTIKEY_CONTEXT = "https://w3id.org/security/multikey/v1"
PRIVATE_MEMBERS = frozenset({"d", "secretKeyMultibase", "privateKeyJwk", "privateKeyMultibase", "secretKeyJwk"})
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)
_LOOKS_LIKE_IPV4 = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)", re.ASCII)  # a last label that is a number
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)


@dataclass(frozen=True)
class DidDocument:
    """A DID document that was checked: its id, and for each purpose the keys by their full id."""

    id: str
    keys: Mapping[Purpose, Mapping[str, PublicKey]]

    def key(self, kid: str, *, purpose: Purpose) -> PublicKey | None:
        """The key with exactly this id, if the document lists it for this purpose."""
        return self.keys[purpose].get(kid)


def did_of_web_address(base_url: str) -> str:
    """The did:web of an https (or loopback http) address: `https://h:8443/a` -> `did:web:h%3A8443:a`.

    Raises:
        KeyFormatError: no web address, no host name, an IP address (did:web knows none), a query, fragment or
            user, or a path that `url_of_did_web` would not find again.
    """
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise KeyFormatError(f"{base_url!r} is no web address: {error}.") from error
    if parts.scheme not in {"https", "http"}:
        raise KeyFormatError(f"{base_url!r} is no web address: https://… was expected.")
    host = (parts.hostname or "").lower()
    _check_host(host, shown=base_url)
    if parts.query or parts.fragment or parts.username is not None:
        raise KeyFormatError(f"{base_url!r} has a query, fragment or user, which a did:web cannot hold.")
    authority = host if port is None else f"{host}%3A{port}"
    path = [segment for segment in parts.path.split("/") if segment]
    _check_path(path, shown=base_url)
    return ":".join(["did:web", authority, *path])


@lru_cache(maxsize=1024)
def url_of_did_web(did: str) -> str:
    """Where the document of a did:web lies, always https.

    Raises:
        KeyFormatError: not a did:web, an IP address for a host, or a path segment with other characters.
    """
    method, _, rest = did.partition("did:web:")
    if method or not rest:
        raise KeyFormatError(f"{did!r} is not a did:web.")
    first, *path = rest.split(":")
    host, colon, port = unquote(first).partition(":")
    _check_host(host, shown=did)
    if colon and not (_PORT.fullmatch(port) and int(port) < 65536):
        raise KeyFormatError(f"{did!r} has a port that is no number between 1 and 65535.")
    _check_path(path, shown=did)
    authority = f"{host}:{port}" if port else host
    return f"https://{authority}/{'/'.join(path) if path else '.well-known'}/did.json"


def did_of_key_id(kid: str) -> str:
    """The DID that a key id (DID URL) names: the part before `#`.

    Raises:
        KeyFormatError: no DID, or no fragment.
    """
    did, separator, fragment = kid.partition("#")
    if not did.startswith("did:") or not separator or not fragment:
        raise KeyFormatError(f"The key id {kid!r} is not a DID followed by '#' and a name.")
    return did


def holds_its_key(did: str) -> bool:
    """Whether a DID's key is in its id, so that nothing is to be fetched: did:key and did:jwk, no others."""
    return did.startswith(("did:key:", "did:jwk:"))


@lru_cache(maxsize=256)
def implied_document(did: str) -> DidDocument:
    """The document that a did:key or did:jwk implies: one key, for all purposes.

    Raises:
        KeyFormatError: another method, or a kind of key that we do not accept.
    """
    if did.startswith("did:key:"):
        text = did.removeprefix("did:key:")
        keys = {f"{did}#{text}": multikey.decode(text)}
    elif did.startswith("did:jwk:"):
        keys = {f"{did}#0": _key_of_did_jwk(did)}
    else:
        raise KeyFormatError(f"{did!r} is neither a did:key nor a did:jwk.")
    return DidDocument(did, {"assertionMethod": keys, "authentication": keys})


def did_jwk(key: PublicKey) -> str:
    """`did:jwk:` + base64url of the public JWK (did:jwk method)."""
    return f"did:jwk:{base64url.encode(strict_json.dumps(key.to_jwk()).encode())}"


def _key_of_did_jwk(did: str) -> PublicKey:
    try:
        data = base64url.decode(did.removeprefix("did:jwk:"), what="did:jwk")
        return jwk.from_jwk(strict_json.loads_object(data, max_bytes=MAX_JWK_BYTES, max_depth=4))
    except (base64url.Base64UrlError, strict_json.StrictJsonError) as error:
        raise KeyFormatError(f"A did:jwk holds no JWK: {error}") from error


def parse_document(data: bytes, *, expected_id: str) -> DidDocument:
    """Check a DID document and take its keys out. Methods of other types are left out, not guessed.

    Raises:
        KeyFormatError: not strict JSON, another id, doubled method ids, a private member, or a broken key.
    """
    try:
        document = strict_json.loads_object(data)
    except strict_json.StrictJsonError as error:
        raise KeyFormatError(f"The DID document of {expected_id} cannot be read: {error}") from error
    if document.get("id") != expected_id:
        raise KeyFormatError(f"The DID document at {expected_id} says it is {document.get('id')!r}.")
    methods: dict[str, JsonObject] = {}
    for method in _objects(document.get("verificationMethod")):
        _collect(method, methods, expected_id)
    keys: dict[Purpose, dict[str, PublicKey]] = {"assertionMethod": {}, "authentication": {}}
    embedded: list[tuple[Purpose, JsonObject]] = []
    for purpose in keys:
        embedded += [(purpose, method) for method in _objects(document.get(purpose))]
    for _, method in embedded:
        _collect(method, methods, expected_id)
    opened: dict[str, PublicKey | None] = {}  # each method once: a document may list one key ten thousand times
    for purpose, listed in keys.items():
        references = [_absolute(e, expected_id) for e in _items(document.get(purpose)) if isinstance(e, str)]
        references += [_absolute(m["id"], expected_id) for p, m in embedded if p == purpose]
        for reference in references:
            if reference in methods and reference not in opened:
                opened[reference] = _key_of(methods[reference], expected_id)
            key = opened.get(reference)
            if key:
                listed[reference] = key
    return DidDocument(expected_id, keys)


def build_document(
    did: str, *, keys: Iterable[tuple[str, PublicKey]], proof_keys: Iterable[tuple[str, PublicKey]] = ()
) -> JsonObject:
    """The did:web document of an issuer, every key listed under `assertionMethod`.

    `keys` sign tokens and stand as JsonWebKey; `proof_keys` sign Data Integrity documents, whose verifiers look
    for a Multikey (DI-EdDSA §2.1.1).
    """
    tokens, proofs = list(keys), list(proof_keys)
    as_jwk: list[JsonValue] = [
        {"id": kid, "type": "JsonWebKey", "controller": did, "publicKeyJwk": {**key.to_jwk()}}
        for kid, key in tokens
    ]
    as_multikey: list[JsonValue] = [
        {"id": kid, "type": "Multikey", "controller": did, "publicKeyMultibase": multikey.encode(key)}
        for kid, key in proofs
    ]
    return {
        "@context": [DID_CONTEXT, JWK_CONTEXT, *([MULTIKEY_CONTEXT] if proofs else [])],
        "id": did,
        "verificationMethod": [*as_jwk, *as_multikey],
        "assertionMethod": [kid for kid, _ in (*tokens, *proofs)],
    }


def _collect(method: JsonObject, methods: dict[str, JsonObject], did: str) -> None:
    reference = _absolute(method.get("id"), did)
    if reference in methods:  # two keys under one id: which one signed would be a guess
        raise KeyFormatError(f"The DID document of {did} lists the method {reference!r} twice.")
    if PRIVATE_MEMBERS & method.keys():
        raise KeyFormatError(f"The DID document of {did} shows a private key: it cannot be trusted any more.")
    methods[reference] = method


def _key_of(method: JsonObject, did: str) -> PublicKey | None:
    if method.get("controller") != did:
        return None
    kind, key = method.get("type"), None  # of any JSON type: not every one could be looked up in a set
    public_jwk, public_multikey = method.get("publicKeyJwk"), method.get("publicKeyMultibase")
    if kind in ("JsonWebKey", "JsonWebKey2020") and isinstance(public_jwk, dict):
        if public_jwk.get("kty") == "RSA":
            key = _rsa_key(public_jwk)
        elif public_jwk.get("crv") in ("P-256", "P-384", "Ed25519"):
            key = jwk.from_jwk(public_jwk)
    elif (
        kind in ("Multikey", "Ed25519VerificationKey2020")
        and isinstance(public_multikey, str)
        and public_multikey.startswith(("z6Mk", "zDn", "z82"))
    ):
        key = multikey.decode(public_multikey)
    return key


def _rsa_key(public_jwk: JsonObject) -> PublicKey | None:
    """An old short RSA key beside good keys is left out like any other kind that we do not take."""
    try:
        return jwk.from_jwk(public_jwk)
    except KeyFormatError:
        return None


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _objects(value: JsonValue) -> list[JsonObject]:
    return [item for item in _items(value) if isinstance(item, dict)]


def _absolute(reference: JsonValue, did: str) -> str:
    if not isinstance(reference, str):
        raise KeyFormatError(f"The DID document of {did} has a method without a text id.")
    return f"{did}{reference}" if reference.startswith("#") else reference


def _check_host(host: str, *, shown: str) -> None:
    if not _HOST.fullmatch(host) or _LOOKS_LIKE_IPV4.fullmatch(host):
        raise KeyFormatError(f"{shown!r} names no host: a domain name was expected, not an address or nothing.")


def _check_path(segments: list[str], *, shown: str) -> None:
    if any(not _SEGMENT.fullmatch(s) or s in {".", ".."} for s in segments):
        raise KeyFormatError(f"{shown!r} has a path segment that is not plain letters, digits, '.', '_' or '-'.")
