"""Hostile input for the verifying office: forged headers, forged keys, bombs, and games with spelling.

Each must be refused (never valid, never a traceback), and fast.
"""

import base64
import gzip
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import pytest

from keys import jws, multikey
from schemas import base64url, strict_json
from schemas import claims as jwt_claims
from tests.unit.verifier.simulator import (
    NOW,
    Clock,
    DocumentsInMemory,
    IssuerSimulator,
    p256_signer,
    read,
)
from verifier.verification.checks import verify
from verifier.verification.errors import ReadingError
from verifier.verification.service import Verification
from verifier.verification.verdict import Outcome, State, Verdict

ISSUER = IssuerSimulator()
TOKEN = ISSUER.token()
HEADER, PAYLOAD, SIGNATURE = TOKEN.split(".")
KID = ISSUER.signer.kid


def judged(token: str) -> Verdict:
    return verify(read(token), trust=ISSUER.trust(), now=NOW)


def with_header(**members: Any) -> str:
    """The good payload, really signed by the issuer's own key over a header of any members."""
    header = base64url.encode(json.dumps({"alg": "ES256", "kid": KID} | members).encode())
    signed = f"{header}.{PAYLOAD}"
    return f"{signed}.{base64url.encode(ISSUER.signer.sign(signed.encode()))}"


def test_a_header_of_only_alg_and_kid_is_good() -> None:
    assert judged(with_header()).outcome is Outcome.VALID


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "es256", "ES256 ", "ES256K"]
)
def test_an_algorithm_that_is_not_exactly_an_accepted_one_is_refused(alg: str) -> None:
    assert judged(with_header(alg=alg)).check("header").state is State.FAIL


def test_an_unsigned_token_is_refused() -> None:
    header = base64url.encode(json.dumps({"alg": "none", "kid": KID}).encode())

    assert judged(f"{header}.{PAYLOAD}.").outcome is Outcome.NOT_VALID


def test_the_public_key_is_no_hmac_secret() -> None:
    header = base64url.encode(json.dumps({"alg": "HS256", "kid": KID}).encode())
    signed = f"{header}.{PAYLOAD}"
    mac = hmac.new(ISSUER.signer.public.raw, signed.encode(), hashlib.sha256).digest()

    assert judged(f"{signed}.{base64url.encode(mac)}").outcome is Outcome.NOT_VALID


@pytest.mark.parametrize(
    "member",
    [
        {"jku": "https://thief.example/keys"},
        {"x5u": "https://thief.example/cert"},
        {"x5c": ["AAAA"]},
        {"x5t": "AAAA"},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False},
        {"zip": "DEF"},
        {"JKU": "https://thief.example/keys"},
    ],
)
def test_a_header_member_that_asks_for_something_is_refused(member: dict[str, Any]) -> None:
    assert judged(with_header(**member)).check("token").state is State.FAIL


def test_a_foreign_key_in_the_header_is_never_used() -> None:
    thief = p256_signer("thief")
    header = base64url.encode(json.dumps({"alg": "ES256", "kid": KID, "jwk": {**thief.public.to_jwk()}}).encode())
    signed = f"{header}.{PAYLOAD}"

    verdict = judged(f"{signed}.{base64url.encode(thief.sign(signed.encode()))}")
    assert verdict.check("signature").state is State.FAIL


@pytest.mark.parametrize(
    "kid",
    [
        None,
        "",
        "#badges-1",
        "badges-1",
        "https://badges.example.org/#badges-1",
        ISSUER.did,
        f"{ISSUER.did}#",
    ],
)
def test_a_key_id_that_is_no_did_url_is_refused(kid: str | None) -> None:
    assert judged(with_header(kid=kid)).outcome is Outcome.NOT_VALID


@pytest.mark.parametrize(
    "kid",
    [
        "did:web:other.example#badges-1",
        f"{ISSUER.did}.thief.example#badges-1",
        "did:web:BADGES.example.org#badges-1",
        f"{ISSUER.did}:sub#badges-1",
        f"{ISSUER.did}?x#badges-1",
    ],
)
def test_a_key_of_another_did_is_refused(kid: str) -> None:
    token = ISSUER.sign(jwt_claims.claims_of(ISSUER.document()), signer=p256_signer(kid))

    assert judged(token).check("key_owner").state is State.FAIL


def test_a_key_that_stands_in_the_fragment_is_refused() -> None:
    kid = f"{ISSUER.did}#{multikey.encode(p256_signer('any').public)}"
    token = ISSUER.sign(jwt_claims.claims_of(ISSUER.document()), signer=p256_signer(kid))

    assert judged(token).check("issuer_key").state is State.FAIL


def test_a_thief_cannot_name_himself_issuer_of_our_achievement_inside_a_good_signature() -> None:
    """The badge of another issuer verifies as his own, and never as ours."""
    thief = IssuerSimulator(host="thief.example")
    document = thief.document()
    document["credentialSubject"]["achievement"]["id"] = f"{ISSUER.base}/achievements/sustained"
    verdict = verify(read(thief.token(document)), trust=thief.trust(), now=NOW)

    assert verdict.require().issuer.id == thief.did


@pytest.mark.parametrize(
    "token",
    [
        TOKEN + "=",
        TOKEN + ".",
        TOKEN + "\x00",
        f"{HEADER}=.{PAYLOAD}.{SIGNATURE}",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE[:-1]}",
        f"{HEADER}.{PAYLOAD[:10]}\n{PAYLOAD[10:]}.{SIGNATURE}",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE.replace('-', '+').replace('_', '/')}+",
        f"{HEADER}.{PAYLOAD}",
        "..",
        "",
        "é.é.é",
        json.dumps({"payload": PAYLOAD, "protected": HEADER, "signature": SIGNATURE}),
        f"{HEADER}.{PAYLOAD}.{SIGNATURE}.{PAYLOAD}.{SIGNATURE}",
    ],
)
def test_another_spelling_of_a_token_is_no_token(token: str) -> None:
    assert judged(token).check("token").state is State.FAIL


def test_spare_bits_at_the_end_of_a_signature_are_refused() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(SIGNATURE[-1]) ^ 1]

    assert judged(f"{HEADER}.{PAYLOAD}.{SIGNATURE[:-1]}{last}").check("token").state is State.FAIL


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 100_000,
        b'{"issuer":' * 10_000,
        b'{"issuer":"did:web:badges.example.org","a":1e999}',
        b'{"issuer":"did:web:badges.example.org","a":' + b"9" * 50_000 + b"}",
        b'{"issuer":"did:web:badges.example.org","issuer":"did:web:badges.example.org"}',
        b'{"issuer":"\\ud800"}',
        b'{"issuer":"did:web:badges.example.org","a":NaN}',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_payload_that_is_no_strict_json_is_refused_fast(payload: bytes) -> None:
    began = time.monotonic()
    assert judged(jws.sign(payload, signer=ISSUER.signer)).check("payload").state is State.FAIL
    assert time.monotonic() - began < 1


def test_a_huge_token_is_refused_before_it_is_decoded() -> None:
    assert judged("a" * 300_000 + ".b.c").check("token").state is State.FAIL


def test_a_status_list_that_is_a_zip_bomb_is_unknown_and_fast() -> None:
    bomb = "u" + base64.urlsafe_b64encode(gzip.compress(bytes(100 << 20), mtime=0)).rstrip(b"=").decode()
    payload = ISSUER.status_claims()
    payload["credentialSubject"]["encodedList"] = bomb
    listed = ISSUER.status_token(payload).encode()
    began = time.monotonic()
    verdict = verify(read(TOKEN), trust=ISSUER.trust(status=listed), now=NOW)

    assert verdict.check("status").state is State.UNKNOWN
    assert time.monotonic() - began < 1


def test_an_enormous_list_is_not_read() -> None:
    documents = DocumentsInMemory.of([ISSUER])
    documents.documents[ISSUER.list_url] = b"a" * (2 << 20)

    report = Verification(documents, clock=Clock()).verify(TOKEN.encode())
    assert report.verdict.check("status").state is State.UNKNOWN


@pytest.mark.parametrize(
    "times",
    [
        {"validFrom": "2027-01-01T00:00:00"},
        {"validFrom": "2027-01-01"},
        {"validFrom": 1798794000},
        {"validFrom": None},
        {"validUntil": "2027-02-30T00:00:00Z"},
        {"validUntil": "2027-12-31T24:00:00Z"},
        {"validUntil": "12027-01-01T00:00:00Z"},
        {"validUntil": "2027-12-31T23:59:60Z"},
    ],
)
def test_a_time_that_is_none_is_refused(times: dict[str, Any]) -> None:
    payload = jwt_claims.claims_of(ISSUER.document()) | times

    assert judged(ISSUER.sign(payload)).check("data_model").state is State.FAIL


def test_a_private_key_in_a_did_document_ends_all_trust_in_it() -> None:
    document = ISSUER.did_document()
    document["verificationMethod"][0]["publicKeyJwk"]["d"] = "AAAA"
    trust = ISSUER.trust(did=strict_json.dumps(document).encode())

    assert verify(read(TOKEN), trust=trust, now=NOW).check("issuer_document").state is State.FAIL


def test_two_keys_under_one_id_are_refused() -> None:
    document = ISSUER.did_document()
    twin = json.loads(json.dumps(document["verificationMethod"][0]))
    twin["publicKeyJwk"] = {**p256_signer("thief").public.to_jwk()}
    document["verificationMethod"].append(twin)
    trust = ISSUER.trust(did=strict_json.dumps(document).encode())

    assert verify(read(TOKEN), trust=trust, now=NOW).check("issuer_document").state is State.FAIL


def test_a_key_whose_controller_is_somebody_else_is_not_the_issuers() -> None:
    document = ISSUER.did_document()
    document["verificationMethod"][0]["controller"] = "did:web:thief.example"
    trust = ISSUER.trust(did=strict_json.dumps(document).encode())

    assert verify(read(TOKEN), trust=trust, now=NOW).check("issuer_key").state is State.FAIL


def test_a_compromised_key_verifies_nothing_whatever_date_the_badge_claims() -> None:
    document = ISSUER.did_document()
    document["verificationMethod"] = document["verificationMethod"][1:]
    document["assertionMethod"] = document["assertionMethod"][1:]
    trust = ISSUER.trust(did=strict_json.dumps(document).encode())
    early = ISSUER.document() | {"validFrom": (NOW - timedelta(days=3000)).isoformat()}

    assert verify(read(ISSUER.token(early)), trust=trust, now=NOW).check("issuer_key").state is State.FAIL


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'>" * 50_000,
        b"<!DOCTYPE svg [<!ENTITY a 'aaaa'>]><svg xmlns='http://www.w3.org/2000/svg'>&a;</svg>",
        b"{" * 1_000_000,
        b"OB1:" + b"A" * 100_000,
        b"https://a.example/v#" + b"9" * 100_000,
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 100_000,
        b"RIFF\x00\x00\x00\x00WEBP" + b"\x00" * 1000,
        b"\xff\xd8\xff" + b"\xff" * 100_000,
        b"." * 1_000_000,
        b"a" * 500_000 + b"\x00",
    ],
)
def test_hostile_files_are_one_sentence_and_fast(data: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(ReadingError) as refused:
        Verification(DocumentsInMemory(), clock=Clock()).verify(data)
    assert len(str(refused.value)) < 500
    assert time.monotonic() - began < 2
