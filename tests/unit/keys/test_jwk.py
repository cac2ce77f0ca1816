"""Public keys as JWK: what is read is exactly a P-256 or Ed25519 public key, and nothing private."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import KeyFormatError, SignatureError
from keys.jwk import PublicKey, from_cryptography, from_jwk
from tests.unit.keys.material import ed25519, p256, signer

EC_JWK = from_cryptography(p256("jwk").public_key()).to_jwk()
OKP_JWK = from_cryptography(ed25519("jwk").public_key()).to_jwk()


@pytest.mark.parametrize("jwk", [EC_JWK, OKP_JWK], ids=["P-256", "Ed25519"])
def test_key_comes_back_as_it_was(jwk: dict[str, str]) -> None:
    assert from_jwk(jwk).to_jwk() == jwk
    assert from_cryptography(from_jwk(jwk).to_cryptography()) == from_jwk(jwk)


def test_members_are_those_of_the_standard_and_no_other() -> None:
    assert list(EC_JWK) == ["kty", "crv", "x", "y"]
    assert list(OKP_JWK) == ["kty", "crv", "x"]


@given(st.text(max_size=8))
def test_every_made_key_is_read_back(seed: str) -> None:
    for private in (p256(repr(seed)), ed25519(repr(seed))):
        public = from_cryptography(private.public_key())
        assert from_jwk(public.to_jwk()) == public


def test_unknown_members_are_ignored_and_a_fitting_alg_is_taken() -> None:
    assert from_jwk({**EC_JWK, "kid": "x", "use": "sig", "alg": "ES256", "x-ours": 1}).kind == "P-256"
    for name in ("EdDSA", "Ed25519"):
        assert from_jwk({**OKP_JWK, "alg": name}).algorithm == "EdDSA"


@pytest.mark.parametrize(
    ("jwk", "sentence"),
    [
        ({}, "neither EC P-256 or P-384, nor OKP Ed25519, nor RSA"),
        ({**EC_JWK, "kty": "OKP"}, "neither"),
        ({**EC_JWK, "kty": "ec"}, "neither"),
        ({**EC_JWK, "crv": "P-521"}, "neither"),
        ({**EC_JWK, "crv": "secp256k1"}, "neither"),
        ({**OKP_JWK, "crv": "X25519"}, "neither"),
        ({"kty": "oct", "x": EC_JWK["x"]}, "neither"),
        ({"kty": ["EC"], "crv": {}}, "neither"),
        ({"kty": "oct", "k": "AAAA"}, "private member"),
        ({**EC_JWK, "d": EC_JWK["x"]}, "private member"),
        ({**OKP_JWK, "d": ""}, "private member"),
        ({**EC_JWK, "x": None}, "no text member 'x'"),
        ({"kty": "EC", "crv": "P-256", "x": EC_JWK["x"]}, "no text member 'y'"),
        ({**EC_JWK, "x": EC_JWK["x"] + "="}, "'x' is not base64url"),
        ({**EC_JWK, "x": EC_JWK["x"][:-1]}, "base64url|bytes"),
        ({**EC_JWK, "x": "AA" + EC_JWK["x"]}, "base64url|bytes"),
        ({**OKP_JWK, "x": "AAAA"}, "has 3 bytes; 32 were expected"),
        ({**EC_JWK, "x": EC_JWK["y"], "y": EC_JWK["x"]}, "not on the curve"),
        ({**EC_JWK, "x": "A" * 43, "y": "A" * 43}, "not on the curve"),
        ({**EC_JWK, "alg": "ES384"}, "does not fit"),
        ({**EC_JWK, "alg": "HS256"}, "does not fit"),
        ({**EC_JWK, "alg": "es256"}, "does not fit"),
        ({**OKP_JWK, "alg": "ES256"}, "does not fit"),
        ({**OKP_JWK, "alg": 7}, "does not fit"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(jwk: dict[str, object], sentence: str) -> None:
    with pytest.raises(KeyFormatError, match=sentence):
        from_jwk(jwk)


def test_spare_bits_in_a_coordinate_are_refused() -> None:
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    x = EC_JWK["x"]
    other = x[:-1] + last[last.index(x[-1]) + 1]  # 43 characters carry 2 bits more than 32 bytes
    with pytest.raises(KeyFormatError, match="spare bits"):
        from_jwk({**EC_JWK, "x": other})


@pytest.mark.parametrize(
    "key",
    [
        ec.derive_private_key(7, ec.SECP521R1()).public_key(),
        ec.derive_private_key(7, ec.SECP256K1()).public_key(),
        rsa.RSAPublicNumbers(65537, (1 << 1023) + 1).public_key(),
        p256("private"),
        None,
    ],
    ids=["P-521", "secp256k1", "short RSA", "private", "nothing"],
)
def test_key_object_of_another_type_is_refused(key: object) -> None:
    with pytest.raises(
        KeyFormatError, match=r"P-256, P-384, Ed25519 or RSA was expected|2048 to 8192 were expected"
    ):
        from_cryptography(key)


@pytest.mark.parametrize("curve", ["P-256", "Ed25519"])
def test_signature_verifies_for_its_text_and_key_only(curve: str) -> None:
    one, other = signer("one", curve=curve), signer("other", curve=curve)
    signature = one.sign(b"text")
    one.public.check(signature, b"text")
    for key, message, shown in [
        (one.public, b"texts", signature),
        (other.public, b"text", signature),
        (one.public, b"text", signature[:-1] + bytes([signature[-1] ^ 1])),
        (one.public, b"text", bytes(64)),
        (one.public, b"text", b"\xff" * 64),
        (one.public, b"text", signature[:-1]),
        (one.public, b"text", signature + b"\0"),
        (one.public, b"text", b""),
    ]:
        with pytest.raises(SignatureError):
            key.check(shown, message)


def test_key_does_not_check_what_another_type_signed() -> None:
    signature = signer(curve="Ed25519").sign(b"text")
    with pytest.raises(SignatureError):
        signer(curve="P-256").public.check(signature, b"text")


def test_same_text_gives_the_same_signature() -> None:
    assert signer().sign(b"text") == signer().sign(b"text")


def test_public_key_is_a_plain_value() -> None:
    assert PublicKey("Ed25519", b"k" * 32) == PublicKey("Ed25519", b"k" * 32)
    assert len({signer().public, signer().public}) == 1
