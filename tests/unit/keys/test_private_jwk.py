"""A private JWK becomes a signer whose key its public half verifies; a bad one is refused without a word of it."""

import json
import traceback
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys import did, jwk, private_jwk
from keys.errors import KeyFormatError
from keys.signer import PrivateKey, Signer
from schemas import base64url
from tests.unit.keys import material

KINDS = ("P-256", "P-384", "Ed25519", "RSA")
Change = Callable[[dict[str, Any]], object]


@lru_cache
def private(kind: str) -> PrivateKey:
    if kind == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if kind == "P-384":
        return ec.derive_private_key(0x1234567890ABCDEF << 256, ec.SECP384R1())
    return material.p256("a jwk") if kind == "P-256" else material.ed25519("a jwk")


def number(value: int, length: int | None = None) -> str:
    return base64url.encode(value.to_bytes(length or (value.bit_length() + 7) // 8))


def members(kind: str) -> dict[str, Any]:
    """The private JWK of a test's key, written here from the library's numbers."""
    key = private(kind)
    public: dict[str, Any] = {**jwk.from_cryptography(key.public_key()).to_jwk()}
    if isinstance(key, Ed25519PrivateKey):
        return {**public, "d": base64url.encode(key.private_bytes_raw())}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        named = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1}
        return {**public, **{name: number(value) for name, value in named.items()}, "qi": number(numbers.iqmp)}
    return {**public, "d": number(key.private_numbers().private_value, key.key_size // 8)}


def read(document: dict[str, Any]) -> Signer:
    return private_jwk.read(json.dumps(document).encode())


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_signs_verifies_under_the_public_half(kind: str) -> None:
    signer = read(members(kind))
    signer.public.check(signer.sign(b"a message"), b"a message")
    assert signer.public == jwk.from_cryptography(private(kind).public_key())


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_kid_the_key_is_found_in_its_own_did(kind: str) -> None:
    signer = read(members(kind))
    document = did.implied_document(did.did_of_key_id(signer.kid))
    assert document.key(signer.kid, purpose="assertionMethod") == signer.public
    assert signer.kid.startswith("did:jwk:" if kind == "RSA" else "did:key:z")


def test_the_kid_of_the_jwk_is_kept() -> None:
    assert read({**members("P-256"), "kid": material.KID}).kid == material.KID


def test_an_rsa_key_may_come_without_its_primes() -> None:
    bare = {name: value for name, value in members("RSA").items() if name in {"kty", "n", "e", "d"}}
    assert read(bare).sign(b"x") == read(members("RSA")).sign(b"x")


def test_members_that_say_it_is_for_signing_are_accepted() -> None:
    extra = {"use": "sig", "key_ops": ["sign", "verify"], "alg": "EdDSA", "ext": True, "colour": "red"}
    assert read({**members("Ed25519"), **extra}).public.kind == "Ed25519"


def drop(name: str) -> Change:
    return lambda document: document.pop(name)


def put(name: str, value: Any) -> Change:
    return lambda document: document.update({name: value})


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("P-256", drop("d"), "no member 'd'"),
        ("P-256", put("d", 5), "'d' is no text"),
        ("P-256", put("d", number(1, 31)), "'d' has 31 bytes; 32 were expected"),
        ("P-256", put("d", number(0, 32)), "no private key of the curve P-256"),
        ("P-256", put("d", number((1 << 256) - 1)), "no private key of the curve P-256"),
        ("P-256", put("d", number(5, 32)), "do not belong together"),
        ("P-256", put("d", number(5, 32) + "="), "not base64url"),
        ("P-256", put("x", number(5, 32)), "not on the curve"),
        ("P-256", put("crv", "P-521"), "neither EC P-256"),
        ("P-384", put("crv", "P-256"), "bytes; 32 were expected"),
        ("P-256", put("use", "enc"), "'use' says"),
        ("P-256", put("key_ops", ["verify"]), "'key_ops'"),
        ("P-256", put("key_ops", "sign"), "'key_ops'"),
        ("P-256", put("alg", "ES384"), "'alg' does not fit"),
        ("P-256", put("alg", ["ES256"]), "'alg' does not fit"),
        ("P-256", put("kid", ""), "'kid' must be"),
        ("P-256", put("kid", 5), "'kid' must be"),
        ("Ed25519", put("crv", "X25519"), "neither EC P-256"),
        ("Ed25519", put("d", number(5, 32)), "do not belong together"),
        ("RSA", put("oth", []), "more than two primes"),
        ("RSA", drop("qi"), "all or none"),
        ("RSA", put("p", number(15)), "make no private key"),
        ("RSA", put("d", number(17)), "make no private key"),
        ("RSA", put("d", number(1 << 9000)), "larger than 8192 bits"),
        ("RSA", put("kty", "oct"), "neither EC P-256"),
    ],
)
def test_a_jwk_that_is_not_what_it_must_be_is_one_sentence(kind: str, change: Change, words: str) -> None:
    document = members(kind)
    change(document)
    with pytest.raises(KeyFormatError, match=words) as refused:
        read(document)
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


def test_a_small_rsa_key_is_refused() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024).private_numbers()
    document = {"kty": "RSA", "n": number(small.public_numbers.n), "e": "AQAB", "d": number(small.d)}
    with pytest.raises(KeyFormatError, match="1024 bits"):
        read(document)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text, secret: text.replace(f'"{secret}"', "1" * 60),
        lambda text, secret: text.replace(f'"{secret}"', secret),
        lambda text, secret: text.replace('"d"', f'"{secret}": 1, "{secret}": 2, "d"'),
        lambda text, secret: text.replace(secret, secret + "="),
        lambda text, secret: text.replace(secret, secret[:-4]),
        lambda text, secret: text.replace('"crv"', f'"alg": "{secret}", "crv"'),
        lambda text, secret: text[:-1],
    ],
)
@pytest.mark.parametrize("kind", ["P-256", "Ed25519"])
def test_no_error_shows_a_piece_of_the_key(kind: str, spoil: Callable[[str, str], str]) -> None:
    document = members(kind)
    secret = document["d"]
    try:
        private_jwk.read(spoil(json.dumps(document), secret).encode())
    except KeyFormatError:
        shown = traceback.format_exc()
    pieces = {secret[start : start + 8] for start in range(len(secret) - 8)} | {"1" * 12}
    assert not [piece for piece in pieces if piece in shown]


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"{" * 40, b'{"kty":"EC","kty":"EC"}', b"x" * 20_000])
def test_what_is_no_json_object_is_no_jwk(data: bytes) -> None:
    with pytest.raises(KeyFormatError, match="holds no JWK"):
        private_jwk.read(data)
