"""Compact JWS: agrees with the plain library, and refuses everything that a plain library lets pass."""

import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import jws
from keys.errors import SignatureError
from keys.jwk import from_jwk
from keys.signer import Signer
from schemas import base64url
from tests.unit.keys.material import KID, p256, signer

ONE = signer()
HEADER = {"alg": "ES256", "kid": KID, "typ": "vc+jwt"}
TOKEN = jws.sign(b'{"a":1}', signer=ONE)


def signed(header: dict[str, Any] | bytes, payload: bytes = b"{}", *, by: Signer = ONE) -> str:
    """A token with any header at all, whose signature is good."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    text = f"{base64url.encode(raw)}.{base64url.encode(payload)}"
    return f"{text}.{base64url.encode(by.sign(text.encode()))}"


def refused(token: str, sentence: str = "") -> None:
    with pytest.raises(SignatureError, match=sentence):
        jws.verify(token, key=ONE.public)


@pytest.mark.parametrize("curve", ["P-256", "Ed25519"])
def test_what_was_signed_comes_back_byte_for_byte(curve: str) -> None:
    one = signer(curve=curve)
    payload = '{ "ä" : 1.0 }'.encode()
    assert jws.verify(jws.sign(payload, signer=one), key=one.public) == payload


def test_header_is_alg_kid_typ_in_this_order_and_nothing_else() -> None:
    assert jws.parse(TOKEN).header.raw == f'{{"alg":"ES256","kid":"{KID}","typ":"vc+jwt"}}'.encode()
    other = jws.sign(b"{}", signer=signer(curve="Ed25519"), typ="statuslist+jwt")
    assert jws.parse(other).header.raw == f'{{"alg":"EdDSA","kid":"{KID}","typ":"statuslist+jwt"}}'.encode()


# --- the plain library as judge --------------------------------------------------------------------------

PAYLOADS = st.dictionaries(st.text(max_size=6), st.integers() | st.text(max_size=20) | st.none(), max_size=5)


@settings(max_examples=50, deadline=None)
@given(payload=PAYLOADS, curve=st.sampled_from(["P-256", "Ed25519"]))
def test_plain_library_reads_what_we_sign_and_we_read_what_it_signs(payload: dict[str, Any], curve: str) -> None:
    one = signer(curve=curve)
    raw = json.dumps(payload).encode()
    plain = jwt.PyJWS(algorithms=["ES256", "EdDSA"])
    ours = jws.sign(raw, signer=one)
    assert plain.decode(ours, key=one.public.to_cryptography(), algorithms=[one.public.algorithm]) == raw
    private: Any = getattr(one, "_Signer__private")  # noqa: B009 - the library wants the key itself
    theirs = plain.encode(raw, key=private, algorithm=one.public.algorithm, headers={"typ": "JWT"})
    assert jws.verify(theirs, key=one.public) == raw


@settings(max_examples=80, deadline=None)
@given(at=st.integers(0, len(TOKEN) - 1), character=st.sampled_from("AZaz09-_.=+/ \n"))
def test_plain_library_and_we_agree_on_every_changed_character(at: int, character: str) -> None:
    changed = TOKEN[:at] + character + TOKEN[at + 1 :]
    try:
        ours: bytes | None = jws.verify(changed, key=ONE.public)
    except SignatureError:
        ours = None
    assert (ours is not None) == (changed == TOKEN)
    if ours is not None:
        plain = jwt.PyJWS(algorithms=["ES256"])
        assert plain.decode(changed, key=ONE.public.to_cryptography(), algorithms=["ES256"]) == ours


# --- RFC 7515 A.3 ----------------------------------------------------------------------------------------

RFC_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
RFC_TOKEN = (
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)


def test_example_of_the_standard_verifies() -> None:
    payload = b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
    assert jws.verify(RFC_TOKEN, key=from_jwk(RFC_KEY)) == payload


# --- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "nOnE"])
def test_alg_none_is_refused_with_and_without_a_signature(alg: str) -> None:
    refused(signed({**HEADER, "alg": alg}), "signs with ES256 only")
    text = signed({**HEADER, "alg": alg}).rpartition(".")[0]
    refused(f"{text}.", "signs with ES256 only")


def test_hmac_with_the_public_key_as_its_secret_is_refused() -> None:
    public = p256("one").public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        json.dumps(ONE.public.to_jwk()).encode(),
    ):
        text = signed({**HEADER, "alg": "HS256"}).rpartition(".")[0]
        forged = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        refused(f"{text}.{base64url.encode(forged)}", "alg 'HS256'")


@pytest.mark.parametrize(
    "alg", ["es256", "ES256 ", "Es256", "ES384", "ES512", "ES256K", "RS256", "PS256", "EdDSA", "Ed25519", "HS512"]
)
def test_algorithm_that_is_not_the_key_s_own_is_refused_in_exact_case(alg: str) -> None:
    refused(signed({**HEADER, "alg": alg}), "signs with ES256 only")


def test_key_of_one_type_never_verifies_for_the_other() -> None:
    edwards = signer(curve="Ed25519")
    refused(jws.sign(b"{}", signer=edwards), "alg 'EdDSA'")
    with pytest.raises(SignatureError, match="alg 'ES256'"):
        jws.verify(TOKEN, key=edwards.public)
    for name in ("EdDSA", "Ed25519"):
        assert jws.verify(signed({"alg": name}, by=edwards), key=edwards.public) == b"{}"
    with pytest.raises(SignatureError):
        jws.verify(signed({"alg": "eddsa"}, by=edwards), key=edwards.public)


@pytest.mark.parametrize("member", ["jku", "x5u", "x5c", "x5t", "crit", "b64", "zip", "enc", "epk", "p2c", "x"])
def test_header_member_that_would_make_a_verifier_do_something_else_is_refused(member: str) -> None:
    for value in ("https://keys.example/k", True, False, None, ["b64"], 7):
        refused(signed({**HEADER, member: value}), f"header has {member}, which is refused")


def test_jwk_in_the_header_is_never_the_key() -> None:
    mallory = signer("mallory")
    refused(signed({**HEADER, "jwk": mallory.public.to_jwk()}, by=mallory), "does not fit")
    assert jws.verify(signed({**HEADER, "jwk": mallory.public.to_jwk()}), key=ONE.public) == b"{}"


@pytest.mark.parametrize("typ", ["vc+jwt", "JWT"])
def test_accepted_typ(typ: str) -> None:
    assert jws.verify(signed({"alg": "ES256", "typ": typ}), key=ONE.public) == b"{}"
    assert jws.verify(signed({"alg": "ES256"}), key=ONE.public) == b"{}"


@pytest.mark.parametrize(
    "typ",
    [
        "",
        "jwt",
        "VC+JWT",
        "vp+jwt",
        "at+jwt",
        "application/vc+jwt",
        "openid4vci-proof+jwt",
        "kb+jwt",
        "statuslist+jwt",
    ],
)
def test_token_of_another_kind_is_refused(typ: str) -> None:
    refused(signed({**HEADER, "typ": typ}), "says typ")
    with pytest.raises(SignatureError, match="says typ"):
        jws.verify(TOKEN, key=ONE.public, accepted_typ=frozenset({"vp+jwt"}))


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (b"", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'"ES256"', "cannot be read"),
        (b"{", "cannot be read"),
        (b'{"alg":"ES256"}\xff', "cannot be read"),
        (b'\xef\xbb\xbf{"alg":"ES256"}', "cannot be read"),
        (b'{"alg":"ES256","alg":"ES256"}', "stands twice"),
        (b'{"alg":"none","alg":"ES256"}', "stands twice"),
        (b'{"alg":"ES256","\\u0061lg":"none"}', "stands twice"),
        (b"{}", "no text member 'alg'"),
        (b'{"alg":null}', "no text member 'alg'"),
        (b'{"alg":["ES256"]}', "no text member 'alg'"),
        (b'{"alg":"ES256","kid":7}', "must be text"),
        (b'{"alg":"ES256","kid":null}', "must be text"),
        (b'{"alg":"ES256","typ":null}', "must be text"),
        (b'{"alg":"ES256","typ":["JWT"]}', "must be text"),
        (b'{"alg":"ES256","cty":{"a":{"b":{"c":{"d":1}}}}}', "nested"),
        (b'{"alg":"ES256","kid":"' + b"x" * 4096 + b'"}', "larger than"),
    ],
)
def test_header_that_is_not_plain_is_refused(header: bytes, sentence: str) -> None:
    refused(signed(header), sentence)


HEAD, BODY, SIGNATURE = TOKEN.split(".")


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("", "has 1 parts"),
        (HEAD, "has 1 parts"),
        (f"{HEAD}.{BODY}", "has 2 parts"),
        (f"{TOKEN}.", "has 4 parts"),
        (f"{TOKEN}.AAAA", "has 4 parts"),
        (f"{TOKEN}.AAAA.BBBB", "has 5 parts"),
        (f".{BODY}.{SIGNATURE}", "header cannot be read"),
        (f"{HEAD}..{SIGNATURE}", "does not fit"),
        (f"{HEAD}.{BODY}.", "does not fit"),
        (f"{HEAD}=.{BODY}.{SIGNATURE}", "header is not base64url"),
        (f"{HEAD}.{BODY}=.{SIGNATURE}", "payload is not base64url"),
        (f"{HEAD}.{BODY}.{SIGNATURE}==", "signature is not base64url"),
        (f"{TOKEN}\n", "signature is not base64url"),
        (f" {TOKEN}", "header is not base64url"),
        (f"{HEAD}.{BODY[:4]} {BODY[4:]}.{SIGNATURE}", "payload is not base64url"),
        (f"{HEAD}.{BODY}.{SIGNATURE.replace(SIGNATURE[3], '+', 1)}", "signature is not base64url"),
        (f"{HEAD}.{BODY}.{SIGNATURE[:-1]}é", "signature is not base64url"),
        (f"{HEAD}.{BODY}.{SIGNATURE[:-6]}", "does not fit"),
        (f"{HEAD}.{BODY}.{SIGNATURE}AAAA", "does not fit"),
        (json.dumps({"payload": BODY, "protected": HEAD, "signature": SIGNATURE}), "parts|base64url"),
    ],
)
def test_anything_but_three_canonical_parts_is_refused(token: str, sentence: str) -> None:
    refused(token, sentence)


def test_signature_with_spare_bits_is_refused() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = TOKEN[:-1] + letters[letters.index(TOKEN[-1]) + 1]
    refused(twin, "spare bits")


def test_token_that_is_too_large_is_refused_before_it_is_read() -> None:
    refused("a" * (jws.MAX_JWS_CHARACTERS + 1), "at most 262144 are read")


def test_signature_of_another_key_or_text_is_refused() -> None:
    refused(jws.sign(b'{"a":1}', signer=signer("mallory")), "does not fit")
    refused(f"{HEAD}.{base64url.encode(b'{}')}.{SIGNATURE}", "does not fit")
    refused(f"{base64url.encode(json.dumps(HEADER).encode())}.{BODY}.{SIGNATURE}", "does not fit")
    der = b"\x30\x44\x02\x20" + bytes(32) + b"\x02\x20" + bytes(32)
    refused(f"{HEAD}.{BODY}.{base64url.encode(der)}", "does not fit")
    refused(f"{HEAD}.{BODY}.{base64url.encode(bytes(64))}", "does not fit")


def test_parse_alone_says_nothing_about_the_signature() -> None:
    parsed = jws.parse(f"{HEAD}.{BODY}.{base64url.encode(bytes(64))}")
    assert (parsed.header.alg, parsed.header.kid, parsed.header.typ) == ("ES256", KID, "vc+jwt")
    assert parsed.payload == b'{"a":1}'


def test_a_token_without_its_payload_is_whole_again_with_it() -> None:
    payload = '{"name":"Ø 漢"}'
    token = jws.sign(payload.encode(), signer=ONE)
    without = jws.detached(token)
    assert without.count(".") == 2 and ".." in without, "RFC 7515, Appendix F"
    assert len(without) == len(token) - len(base64url.encode(payload.encode()))
    assert jws.attached(without, payload) == token
