"""Multikey text and did:key: the published keys are read as published, and of other types none."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from keys import multikey
from keys.did import implied_document
from keys.errors import KeyFormatError
from keys.jwk import PublicKey, from_cryptography, from_jwk
from keys.multikey import base58_decode, base58_encode
from tests.unit.keys.material import ed25519, p256


def published(shared: Path, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((shared / "vectors" / "did-key" / name).read_text())
    return read.get("didDocument", read) if "didDocument" in read else read


def published_key(method: dict[str, Any]) -> PublicKey:
    """The public key of a method, in whichever of the two ways the vectors write it."""
    if "publicKeyJwk" in method:
        return from_jwk(method["publicKeyJwk"])
    raw = base58_decode(method["publicKeyBase58"])
    if len(raw) == 32:
        return PublicKey("Ed25519", raw)
    return from_cryptography(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw))


def test_published_ed25519_keys_are_read_as_published(shared: Path) -> None:
    checked = 0
    for did, entry in published(shared, "ed25519-x25519.json").items():
        (key,) = implied_document(did).keys["assertionMethod"].values()
        assert key == published_key(entry["verificationKeyPair"])
        assert multikey.did_key(key) == did
        checked += 1
    assert checked >= 5


def test_published_nist_keys_are_read_as_published_and_the_largest_curve_refused(shared: Path) -> None:
    outcomes = []
    for did, entry in published(shared, "nist-curves.json").items():
        if did.startswith(("did:key:zDn", "did:key:z82")):
            key = published_key(entry["verificationMethod"])
            assert implied_document(did).key(f"{did}#{did[8:]}", purpose="authentication") == key
            assert multikey.did_key(key) == did
        else:
            with pytest.raises(KeyFormatError, match="Multikey"):
                implied_document(did)
        outcomes.append(did[8:12])
    assert (outcomes.count("zDna"), outcomes.count("z82L"), outcomes.count("z2J9")) == (3, 2, 2)


@pytest.mark.parametrize("name", ["bls12381.json", "rsa.json", "secp256k1.json", "x25519.json"])
def test_published_keys_of_other_types_are_refused_with_a_sentence(shared: Path, name: str) -> None:
    dids = [did for did in published(shared, name) if did.startswith("did:key:")]
    assert dids
    for did in dids:
        with pytest.raises(KeyFormatError, match="Multikey"):
            implied_document(did)


@given(st.integers(0, 10_000))
def test_every_key_comes_back_as_it_was(seed: int) -> None:
    for private, beginning in ((p256(str(seed)), "zDn"), (ed25519(str(seed)), "z6Mk")):
        key = from_cryptography(private.public_key())
        text = multikey.encode(key)
        assert text.startswith(beginning)
        assert multikey.decode(text) == key


@given(st.binary(max_size=60))
def test_base58_is_one_to_one(data: bytes) -> None:
    assert base58_decode(base58_encode(data)) == data


@given(st.binary(max_size=100))
def test_base58_is_the_number_that_the_bytes_are(data: bytes) -> None:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    digits = [alphabet.index(character) for character in reversed(base58_encode(data))]
    assert sum(digit * 58**place for place, digit in enumerate(digits)) == int.from_bytes(data)


GOOD = multikey.encode(from_cryptography(ed25519("multikey").public_key()))
POINT = from_cryptography(p256("multikey").public_key()).raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        GOOD[1:],
        "u" + GOOD[1:],
        "Z" + GOOD[1:],
        GOOD + "1",
        "z1" + GOOD[1:],
        GOOD[:-1],
        GOOD.replace(GOOD[10], "0", 1),
        GOOD + " ",
        GOOD + "é",
        "z" + "2" * 200,
        "z" + base58_encode(b"\xed\x01" + bytes(31)),
        "z" + base58_encode(b"\xed\x01" + bytes(33)),
        "z" + base58_encode(b"\x80\x24" + b"\x04" + POINT[1:33]),
        "z" + base58_encode(b"\x80\x24" + POINT),  # not compressed
        "z" + base58_encode(b"\x80\x24\x02" + b"\xff" * 32),  # off the curve
        "z" + base58_encode(b"\xec\x01" + bytes(32)),  # X25519
        "z" + base58_encode(b"\x80\x26" + bytes(32)),  # a private P-256 key
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(KeyFormatError, match="Multikey"):
        multikey.decode(text)
