"""DIDs: where a document lies, and which keys it lists for which purpose."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import multikey
from keys.did import (
    build_document,
    did_of_key_id,
    did_of_web_address,
    implied_document,
    parse_document,
    url_of_did_web,
)
from keys.errors import KeyFormatError
from tests.unit.keys.material import signer

DID = "did:web:badges.example.org"
ONE, TWO = signer("one").public, signer("two", curve="Ed25519").public


@pytest.mark.parametrize(
    ("address", "did", "url"),
    [
        ("https://badges.example.org", DID, "https://badges.example.org/.well-known/did.json"),
        ("https://Badges.Example.org/", DID, "https://badges.example.org/.well-known/did.json"),
        ("https://h.example:8443", "did:web:h.example%3A8443", "https://h.example:8443/.well-known/did.json"),
        ("https://h.example/a/b", "did:web:h.example:a:b", "https://h.example/a/b/did.json"),
        ("https://h.example:1/a/", "did:web:h.example%3A1:a", "https://h.example:1/a/did.json"),
        ("http://localhost:8000", "did:web:localhost%3A8000", "https://localhost:8000/.well-known/did.json"),
    ],
)
def test_address_did_and_document_s_place(address: str, did: str, url: str) -> None:
    assert did_of_web_address(address) == did
    assert url_of_did_web(did) == url


@given(
    host=st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,5}){1,3}", fullmatch=True),
    port=st.none() | st.integers(1, 65535),
    path=st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True), max_size=3),
)
def test_every_address_is_led_back_to(host: str, port: int | None, path: list[str]) -> None:
    authority = host if port is None else f"{host}:{port}"
    address = "/".join([f"https://{authority}", *path])
    place = "/".join([address, *([] if path else [".well-known"]), "did.json"])
    assert url_of_did_web(did_of_web_address(address)) == place


@pytest.mark.parametrize(
    "address",
    [
        "",
        "badges.example.org",
        "ftp://badges.example.org",
        "did:web:badges.example.org",
        "https://",
        "https://127.0.0.1",
        "https://[::1]",
        "https://[::1",
        "https://0x7f000001",
        "https://2130706433",
        "https://h.example:99999",
        "https://h.example:x",
        "https://h.example?q=1",
        "https://h.example#f",
        "https://user@h.example",
        "https://@h.example",
        "https://h..example",
        "https://-h.example",
        "https://h.example/a b",
        "https://h.example/~ada",
        "https://h.example/a%2fb",
        "https://h.example/a/../b",
        "https://h_x.example",
        "https://ⓗ.example",
    ],
)
def test_address_that_no_did_web_holds_is_refused(address: str) -> None:
    with pytest.raises(KeyFormatError):
        did_of_web_address(address)


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did:web:",
        "did:key:z6Mk",
        "xdid:web:h.example",
        "did:web:H.example",
        "did:web:127.0.0.1",
        "did:web:127.1",
        "did:web:1",
        "did:web:0x7f.1",
        "did:web:a.0x1",
        "did:web:%5B::1%5D",
        "did:web:h.example%3A",
        "did:web:h.example%3A0",
        "did:web:h.example%3A080",
        "did:web:h.example%3A65536",
        "did:web:h.example%3A٣",
        "did:web:h.example%2Fevil.example",
        "did:web:user%40h.example",
        "did:web:h.example:",
        "did:web:h.example:..",
        "did:web:h.example:a:.",
        "did:web:h.example:a%2Fb",
        "did:web:h.example:a/b",
        "did:web:h.example#x",
        "did:web:h.example?x",
        "did:web:h.example\n",
        "did:web:" + "a" * 254,
    ],
)
def test_did_that_leads_nowhere_is_refused(did: str) -> None:
    with pytest.raises(KeyFormatError):
        url_of_did_web(did)


def test_key_id_names_its_did() -> None:
    assert did_of_key_id(f"{DID}#badges-1") == DID
    for kid in ("", DID, f"{DID}#", "#badges-1", "https://badges.example.org#k"):
        with pytest.raises(KeyFormatError, match="not a DID followed by"):
            did_of_key_id(kid)


# --- documents -------------------------------------------------------------------------------------------


def method(name: str, **other: Any) -> dict[str, Any]:
    jwk = {"publicKeyJwk": ONE.to_jwk()}
    return {"id": f"{DID}#{name}", "type": "JsonWebKey", "controller": DID, **jwk, **other}


def document(*methods: dict[str, Any], **other: Any) -> bytes:
    listed = {"assertionMethod": [one["id"] for one in methods]}
    return json.dumps({"id": DID, "verificationMethod": list(methods), **listed, **other}).encode()


def keys(data: bytes) -> list[str]:
    return sorted(parse_document(data, expected_id=DID).keys["assertionMethod"])


def test_own_document_is_read_back() -> None:
    made = build_document(DID, keys=[(f"{DID}#badges-1", ONE), (f"{DID}#status-1", TWO)])
    read = parse_document(json.dumps(made).encode(), expected_id=DID)
    assert read.key(f"{DID}#badges-1", purpose="assertionMethod") == ONE
    assert read.key(f"{DID}#status-1", purpose="assertionMethod") == TWO
    assert read.keys["authentication"] == {}


def test_key_is_found_by_its_exact_id_only() -> None:
    read = parse_document(document(method("k")), expected_id=DID)
    for kid in (f"{DID}#K", f"{DID}#k ", f"{DID}", "#k", f"{DID}?#k"):
        assert read.key(kid, purpose="assertionMethod") is None


def test_key_that_is_not_listed_for_the_purpose_is_not_found() -> None:
    data = document(method("k"), assertionMethod=[], authentication=[f"{DID}#k"])
    read = parse_document(data, expected_id=DID)
    assert read.key(f"{DID}#k", purpose="assertionMethod") is None
    assert read.key(f"{DID}#k", purpose="authentication") == ONE


def test_relative_ids_and_embedded_methods_are_read() -> None:
    relative = {**method("k"), "id": "#k"}
    assert keys(document(relative)) == [f"{DID}#k"]
    assert keys(document(assertionMethod=[method("inner")])) == [f"{DID}#inner"]
    assert keys(document(method("k"), assertionMethod=f"{DID}#k")) == [f"{DID}#k"]


def test_multikey_methods_are_read() -> None:
    text = multikey.encode(TWO)
    for kind in ("Multikey", "Ed25519VerificationKey2020"):
        one = {"id": f"{DID}#m", "type": kind, "controller": DID, "publicKeyMultibase": text}
        read = parse_document(document(one), expected_id=DID)
        assert read.key(f"{DID}#m", purpose="assertionMethod") == TWO


@pytest.mark.parametrize(
    "other",
    [
        {"controller": "did:web:evil.example"},
        {"controller": None},
        {"type": "RsaVerificationKey2018"},
        {"publicKeyJwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
        {"publicKeyJwk": {**ONE.to_jwk(), "crv": "P-521"}},
        {"publicKeyJwk": "x"},
        {"type": "Multikey", "publicKeyMultibase": "z2J9" + "1" * 40},
    ],
)
def test_method_of_another_kind_or_controller_is_left_out(other: dict[str, Any]) -> None:
    assert keys(document(method("k", **other), method("good"))) == [f"{DID}#good"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"{", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"id": "a", "id": "b"}', "stands twice"),
        (b'{"id": "did:web:evil.example"}', "says it is 'did:web:evil.example'"),
        (b"{}", "says it is None"),
        (document(method("k"), method("k")), "twice"),
        (document(method("k"), {**method("k"), "id": "#k"}), "twice"),
        (document(method("k"), assertionMethod=[method("k")]), "twice"),
        (document({**method("k"), "id": None}, assertionMethod=[]), "without a text id"),
        (document(method("k", publicKeyJwk={**ONE.to_jwk(), "d": "AA"})), "private member"),
        (document(method("k", secretKeyMultibase="z1")), "shows a private key"),
        (document(method("k", publicKeyJwk={**ONE.to_jwk(), "x": "A" * 43})), "not on the curve"),
    ],
)
def test_document_that_cannot_be_relied_on_is_refused_whole(data: bytes, sentence: str) -> None:
    with pytest.raises(KeyFormatError, match=sentence):
        parse_document(data, expected_id=DID)


def test_reference_to_a_method_that_is_not_there_lists_nothing() -> None:
    assert keys(document(method("k"), assertionMethod=[f"{DID}#other", "did:web:evil.example#k", 7])) == []


def test_did_key_holds_its_one_key_for_every_purpose() -> None:
    did = multikey.did_key(TWO)
    read = implied_document(did)
    kid = f"{did}#{did.removeprefix('did:key:')}"
    assert read.key(kid, purpose="assertionMethod") == read.key(kid, purpose="authentication") == TWO
    for wrong in ("did:web:h.example", "did:key:", "z6Mk", did + "#x"):
        with pytest.raises(KeyFormatError):
            implied_document(wrong)
