"""Keys that others sign with: P-384 and RSA, and DIDs that hold their key. Verified, never made."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from keys import did, jws, multikey
from keys.errors import KeyFormatError, SignatureError
from keys.jwk import MAX_RSA_BITS, PublicKey, from_cryptography, from_jwk
from schemas import base64url, strict_json

P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
PAYLOAD = b'{"iss":"https://issuer.example"}'
KEYS = [(P384, "ES384"), (RSA, "RS256")]


def public(private: Any) -> PublicKey:
    return from_cryptography(private.public_key())


def token(private: Any, alg: str, *, payload: bytes = PAYLOAD) -> str:
    headers = {"kid": "https://issuer.example/key", "typ": "JWT"}
    return jwt.PyJWS().encode(payload, private, algorithm=alg, headers=headers)


@pytest.mark.parametrize(("private", "alg"), KEYS, ids=["P-384", "RSA"])
def test_a_jwk_is_read_as_it_was_written(private: Any, alg: str) -> None:
    key = public(private)
    assert from_jwk({**key.to_jwk()}) == key
    assert from_jwk({**key.to_jwk(), "alg": alg}) == key
    assert key.algorithm == alg
    with pytest.raises(KeyFormatError, match="does not fit"):
        from_jwk({**key.to_jwk(), "alg": "ES256"})


@pytest.mark.parametrize(("private", "alg"), KEYS, ids=["P-384", "RSA"])
def test_a_token_of_the_plain_library_verifies_and_a_changed_one_does_not(private: Any, alg: str) -> None:
    good = token(private, alg)
    assert jws.verify(good, key=public(private)) == PAYLOAD
    header, payload, signature = good.split(".")
    changed = base64url.encode(PAYLOAD.replace(b"issuer", b"forger"))
    for wrong in (f"{header}.{changed}.{signature}", f"{header}.{payload}.{signature[:-8]}AAAAAAAA"):
        with pytest.raises(SignatureError):
            jws.verify(wrong, key=public(private))


def test_no_key_verifies_under_the_algorithm_of_another() -> None:
    for private, alg in KEYS:
        for other, _ in KEYS:
            if other is not private:
                with pytest.raises(SignatureError, match="signs with"):
                    jws.verify(token(private, alg), key=public(other))


def test_raw_signatures_have_one_length() -> None:
    for private, alg in KEYS:
        key, parsed = public(private), jws.parse(token(private, alg))
        assert len(parsed.signature) == key.signature_bytes
        key.check(parsed.signature, parsed.signing_input)
        with pytest.raises(SignatureError, match="bytes"):
            key.check(parsed.signature + b"\0", parsed.signing_input)
        with pytest.raises(SignatureError, match="does not fit"):
            key.check(parsed.signature, parsed.signing_input + b"x")


def test_a_short_rsa_key_is_refused() -> None:
    numbers = SMALL_RSA.public_key().public_numbers()
    with pytest.raises(KeyFormatError, match="1024 bits"):
        from_cryptography(SMALL_RSA.public_key())
    with pytest.raises(KeyFormatError, match="1024 bits"):
        from_jwk({"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)})


@pytest.mark.parametrize(
    ("n", "e", "message"),
    [
        ((1 << MAX_RSA_BITS) + 1, 65537, "larger than"),
        (RSA.public_key().public_numbers().n, (1 << 40) + 1, "huge"),
        (0, 65537, "empty"),
        (RSA.public_key().public_numbers().n, 2, "make no key"),
    ],
    ids=["modulus", "exponent", "nothing", "even exponent"],
)
def test_rsa_numbers_out_of_bounds_are_refused(n: int, e: int, message: str) -> None:
    with pytest.raises(KeyFormatError, match=message):
        from_jwk({"kty": "RSA", "n": number(n), "e": number(e)})


def test_rsa_numbers_have_one_spelling() -> None:
    good = public(RSA).to_jwk()
    padded = base64url.encode(b"\0" + base64url.decode(good["n"]))
    with pytest.raises(KeyFormatError, match="zero byte"):
        from_jwk({**good, "n": padded})


def test_a_p384_key_has_a_multikey_and_an_rsa_key_none() -> None:
    text = multikey.encode(public(P384))
    assert text.startswith("z82L") and multikey.decode(text) == public(P384)
    with pytest.raises(KeyFormatError, match="no Multikey"):
        multikey.encode(public(RSA))


@pytest.mark.parametrize(
    "private", [P384, RSA, ec.generate_private_key(ec.SECP256R1())], ids=["384", "RSA", "256"]
)
def test_a_did_jwk_implies_its_one_key(private: Any) -> None:
    key = public(private)
    name = did.did_jwk(key)
    assert did.holds_its_key(name)
    document = did.implied_document(name)
    assert document.key(f"{name}#0", purpose="assertionMethod") == key
    assert document.key(f"{name}#1", purpose="assertionMethod") is None


@pytest.mark.parametrize(
    "inside",
    [b"{}", b"[]", b'{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}', b'{"kty":"oct","k":"AA"}', b"\xff"],
)
def test_a_did_jwk_without_a_good_key_is_refused(inside: bytes) -> None:
    with pytest.raises(KeyFormatError):
        did.implied_document(f"did:jwk:{base64url.encode(inside)}")
    private = {**public(P384).to_jwk(), "d": "AA"}
    with pytest.raises(KeyFormatError, match="private"):
        did.implied_document(f"did:jwk:{base64url.encode(strict_json.dumps(private).encode())}")


def test_other_methods_imply_nothing() -> None:
    assert not did.holds_its_key("did:web:issuer.example")
    with pytest.raises(KeyFormatError, match="neither"):
        did.implied_document("did:web:issuer.example")


def test_a_did_document_may_list_keys_of_each_kind() -> None:
    name = "did:web:issuer.example"
    listed = [(f"{name}#a", public(P384)), (f"{name}#b", public(RSA))]
    written = strict_json.dumps(did.build_document(name, keys=listed)).encode()
    read = did.parse_document(written, expected_id=name)
    assert dict(read.keys["assertionMethod"]) == dict(listed)


def number(value: int) -> str:
    return base64url.encode(value.to_bytes(max(1, (value.bit_length() + 7) // 8)) if value else b"")
