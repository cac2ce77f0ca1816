"""Each clause alone: a badge in which it and nothing else fails, and the story around it."""

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keys import did, jws, multikey
from keys.jwk import from_cryptography
from schemas import badge_qr, base64url, strict_json, timestamps
from schemas import claims as jwt_claims
from schemas.badge_qr import Dictionary
from tests.unit.verifier.simulator import (
    NOW,
    IssuerSimulator,
    ed25519_signer,
    p256_signer,
    read,
)
from verifier.verification import checks, content, presentations, proofs, status, story
from verifier.verification.checks import STORY, verify
from verifier.verification.errors import NotVerifiedError
from verifier.verification.reading import ReadBadge
from verifier.verification.sentences import ENGLISH
from verifier.verification.trust import Absent, TrustBundle
from verifier.verification.verdict import Outcome, State, Verdict

ISSUER = IssuerSimulator()
KEYS_OF_OTHERS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def judged(token: str, *, trust: TrustBundle | None = None) -> Verdict:
    return verify(read(token), trust=trust or ISSUER.trust(), now=NOW)


def states(verdict: Verdict) -> dict[str, str]:
    return {check.id: check.state.value for check in verdict.checks if check.made}


def only(verdict: Verdict, check_id: str, state: State) -> bool:
    """This check has this state, and every other one that was made passed."""
    others = {value for name, value in states(verdict).items() if name != check_id}
    return verdict.check(check_id).state is state and others <= {"pass"}


def changed(act: Callable[[dict[str, Any]], object]) -> str:
    document = ISSUER.document()
    act(document)
    return ISSUER.token(document)


def test_a_sound_badge_passes_every_check_and_gives_its_credential() -> None:
    verdict = judged(ISSUER.token())

    assert verdict.outcome is Outcome.VALID
    assert [check.id for check in verdict.checks] == list(STORY[1:])
    assert verdict.require().credentialSubject.name == "Ada Example"


def test_a_packed_badge_is_unpacked_and_verified_like_its_token() -> None:
    verdict = verify(ReadBadge("qr_text", packed=ISSUER.packed()), trust=ISSUER.trust(), now=NOW)

    assert verdict.outcome is Outcome.VALID
    assert verdict.check("unpacking").state is State.PASS


def test_every_check_of_the_story_has_a_function_and_sentences() -> None:
    functions = {
        name.removeprefix("check_")
        for module in (checks, content, presentations, proofs, status, story)
        for name, _ in inspect.getmembers(module, inspect.isfunction)
        if name.startswith("check_") and name != "check_related_resource"
    }
    assert functions == {*STORY, *proofs.STORY, *presentations.STORY} == set(ENGLISH)


def test_an_unknown_dictionary_is_unknown_and_never_invalid() -> None:
    bundle = TrustBundle(NOW)
    verdict = verify(ReadBadge("qr_text", packed=ISSUER.packed()), trust=bundle, now=NOW)

    assert only(verdict, "unpacking", State.UNKNOWN)
    assert verdict.outcome is Outcome.UNKNOWN


def test_a_damaged_packed_badge_fails_unpacking() -> None:
    packed = ISSUER.packed()[:-20]
    verdict = verify(ReadBadge("qr_text", packed=packed), trust=ISSUER.trust(), now=NOW)

    assert only(verdict, "unpacking", State.FAIL)


def test_a_future_layout_is_unknown() -> None:
    packed = b"\x02" + ISSUER.packed()[1:]
    verdict = verify(ReadBadge("qr_text", packed=packed), trust=ISSUER.trust(), now=NOW)

    assert only(verdict, "unpacking", State.UNKNOWN)


def test_a_dictionary_is_no_authority_over_the_key() -> None:
    thief = IssuerSimulator(host="thief.example")
    header = strict_json.dumps({"alg": "ES256", "kid": ISSUER.signer.kid, "typ": "vc+jwt"})
    dictionary = Dictionary.parse(f"{header}\n{{}}".encode())
    signer = p256_signer(ISSUER.signer.kid, seed=thief.seed + "another")
    packed = badge_qr.pack(
        ISSUER.sign(jwt_claims.claims_of(ISSUER.document()), signer=signer), dictionary=dictionary
    )
    trust = TrustBundle(NOW, did_documents=ISSUER.trust().did_documents, dictionaries={dictionary.id: dictionary})
    verdict = verify(ReadBadge("qr_text", packed=packed), trust=trust, now=NOW)

    assert only(verdict, "signature", State.FAIL)


def test_text_that_is_no_compact_jws_fails_token() -> None:
    assert only(judged("one.two"), "token", State.FAIL)


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"alg": "es256"}, {"alg": "ES256"}])
def test_a_header_without_accepted_algorithm_and_key_id_fails(header: dict[str, str]) -> None:
    _, payload, signature = ISSUER.token().split(".")
    if header["alg"] != "ES256":
        header = header | {"kid": ISSUER.signer.kid}
    encoded = base64url.encode(json.dumps(header).encode())

    assert only(judged(f"{encoded}.{payload}.{signature}"), "header", State.FAIL)


def test_a_token_of_another_kind_fails_the_header() -> None:
    token = jws.sign(b'{"issuer":"x"}', signer=ISSUER.signer, typ="openid4vci-proof+jwt")

    assert only(judged(token), "header", State.FAIL)


@pytest.mark.parametrize("payload", [b"[]", b"{", b'{"a":1,"a":2}', b"{}", b'{"issuer":{}}', b'{"issuer":7}'])
def test_a_payload_that_names_no_issuer_fails(payload: bytes) -> None:
    assert only(judged(jws.sign(payload, signer=ISSUER.signer)), "payload", State.FAIL)


def test_a_key_of_another_did_fails_key_owner() -> None:
    other = IssuerSimulator(host="other.example")
    token = other.sign(jwt_claims.claims_of(ISSUER.document()))

    assert only(judged(token), "key_owner", State.FAIL)


def test_an_unreachable_issuer_is_unknown_and_nothing_after_it_is_called_good() -> None:
    verdict = judged(ISSUER.token(), trust=ISSUER.trust(did=Absent("The line is down.")))

    assert only(verdict, "issuer_document", State.UNKNOWN)
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.statement is None
    assert not verdict.check("signature").made


@pytest.mark.parametrize("document", [b"<html>", b'{"id":"did:web:other.example"}', b"{}"])
def test_a_broken_did_document_fails(document: bytes) -> None:
    assert only(judged(ISSUER.token(), trust=ISSUER.trust(did=document)), "issuer_document", State.FAIL)


def test_a_key_that_is_not_under_assertion_method_fails() -> None:
    document = ISSUER.did_document()
    document["assertionMethod"] = [ISSUER.status_signer.kid]
    trust = ISSUER.trust(did=strict_json.dumps(document).encode())

    assert only(judged(ISSUER.token(), trust=trust), "issuer_key", State.FAIL)


def test_a_key_is_never_taken_from_the_fragment_of_its_id() -> None:
    thief = p256_signer("thief")
    kid = f"{ISSUER.did}#{multikey.encode(thief.public)}"
    token = ISSUER.sign(jwt_claims.claims_of(ISSUER.document()), signer=p256_signer(kid))

    assert only(judged(token), "issuer_key", State.FAIL)


def test_one_changed_character_fails_the_signature() -> None:
    header, payload, signature = ISSUER.token().split(".")
    changed_payload = base64url.encode(base64url.decode(payload).replace(b"Ada", b"Eve"))
    verdict = judged(f"{header}.{changed_payload}.{signature}")

    assert only(verdict, "signature", State.FAIL)
    assert verdict.outcome is Outcome.NOT_VALID
    assert verdict.statement is None  # what it says is not shown: nobody signed it


@pytest.mark.parametrize(
    "contexts",
    [
        ["https://www.w3.org/ns/credentials/v2", "https://example.org/own.json"],
        [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
            "https://www.w3.org/ns/credentials/undefined-terms/v2",
        ],
        [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
            {"name": "https://example.org/other-name"},
        ],
    ],
)
def test_an_unknown_context_fails(contexts: list[object]) -> None:
    verdict = judged(changed(lambda d: d.update({"@context": contexts})))

    assert only(verdict, "context", State.FAIL)


def test_a_context_inside_the_document_fails() -> None:
    token = changed(lambda d: d["credentialSubject"]["achievement"].update({"@context": {"a": "b"}}))

    assert only(judged(token), "context", State.FAIL)


def test_contexts_in_another_order_are_of_no_data_model() -> None:
    verdict = judged(changed(lambda d: d["@context"].reverse()))

    assert verdict.check("context").state is State.FAIL
    assert verdict.check("data_model").state is State.FAIL


def older(ob: str) -> dict[str, Any]:
    """The badge on VCDM 1.1, whose context knows no Bitstring lists."""
    document = ISSUER.document()
    document["@context"] = ["https://www.w3.org/2018/credentials/v1", ob]
    document["issuanceDate"], document["expirationDate"] = document.pop("validFrom"), document.pop("validUntil")
    del document["credentialStatus"], document["relatedResource"]
    return document


@pytest.mark.parametrize("version", ["", "-3.0.1", "-3.0.2", "-3.0.3"])
def test_every_published_open_badges_context_passes_on_the_data_model_that_it_was_written_for(
    version: str,
) -> None:
    ob = f"https://purl.imsglobal.org/spec/ob/v3p0/context{version}.json"
    newer = changed(lambda d: d.update({"@context": ["https://www.w3.org/ns/credentials/v2", ob]}))
    expected = (
        State.PASS if version in {"-3.0.2", "-3.0.3"} else State.FAIL
    )  # they redefine protected terms of 2.0

    assert only(judged(newer), "context", expected)
    document = older(ob)
    claims = {"vc": document, "iss": ISSUER.did, "sub": document["credentialSubject"]["id"], "jti": document["id"]}
    times = {"nbf": timestamps.to_numeric_date(timestamps.parse(document["issuanceDate"]))}
    times["exp"] = timestamps.to_numeric_date(timestamps.parse(document["expirationDate"]))
    assert judged(ISSUER.sign(claims | times)).outcome is Outcome.VALID


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update({"@context": ["https://www.w3.org/2018/credentials/v1"]}),
        lambda c: c.update(credentialSubject={"id": "urn:x"}),
        lambda c: c.update(vp={}),
    ],
)
def test_an_older_credential_stands_alone_in_its_vc_claim(change: Callable[[dict[str, Any]], object]) -> None:
    document = older("https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json")
    claims = {"vc": document, "iss": ISSUER.did, "sub": document["credentialSubject"]["id"], "jti": document["id"]}
    claims["nbf"] = timestamps.to_numeric_date(timestamps.parse(document["issuanceDate"]))
    claims["exp"] = timestamps.to_numeric_date(timestamps.parse(document["expirationDate"]))
    change(claims)

    assert only(judged(ISSUER.sign(claims)), "vc_claim", State.FAIL)


def test_an_older_credential_without_a_vc_claim_is_refused() -> None:
    document = older("https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json")
    assert only(judged(ISSUER.token(document)), "vc_claim", State.FAIL)


def test_a_term_that_no_context_defines_fails_context() -> None:
    assert only(judged(changed(lambda d: d.update(shoeSize="42"))), "context", State.FAIL)
    assert only(judged(ISSUER.token(added="claim")), "context", State.FAIL)


def test_a_digest_of_a_known_context_that_is_not_its_own_fails_context() -> None:
    entry = {"id": "https://www.w3.org/ns/credentials/v2", "digestSRI": "sha256-" + "A" * 43 + "="}
    assert only(judged(changed(lambda d: d["relatedResource"].append(entry))), "context", State.FAIL)


def test_a_document_that_is_no_badge_fails_the_data_model() -> None:
    token = changed(lambda d: d["credentialSubject"]["achievement"].pop("criteria"))
    verdict = judged(token)

    assert only(verdict, "data_model", State.FAIL)
    assert not verdict.check("status").made


def test_a_vc_claim_beside_the_credential_fails() -> None:
    assert only(judged(ISSUER.token(vc={})), "vc_claim", State.FAIL)


@pytest.mark.parametrize(
    ("claim", "check_id"),
    [
        ({"iss": "did:web:other.example"}, "issuer_claim"),
        ({"iss": None}, "issuer_claim"),
        ({"jti": "urn:uuid:other"}, "id_claim"),
        ({"sub": "urn:uuid:other"}, "subject_claim"),
        ({"sub": None}, "subject_claim"),
        ({"nbf": 1}, "valid_from_claim"),
        ({"nbf": "1798794000"}, "valid_from_claim"),
        ({"nbf": True}, "valid_from_claim"),
        ({"nbf": None}, "valid_from_claim"),
        ({"exp": 1}, "valid_until_claim"),
        ({"exp": None}, "valid_until_claim"),
        ({"exp": 1e300}, "valid_until_claim"),
    ],
)
def test_a_claim_that_differs_from_the_document_fails_alone(claim: dict[str, Any], check_id: str) -> None:
    assert only(judged(ISSUER.token(**claim)), check_id, State.FAIL)


def test_an_expiry_claim_without_valid_until_fails() -> None:
    document = ISSUER.document()
    document.pop("validUntil")

    assert only(judged(ISSUER.token(document, exp=int(NOW.timestamp()) + 60)), "valid_until_claim", State.FAIL)
    assert judged(ISSUER.token(document)).outcome is Outcome.VALID


def moved(*, valid_from: timedelta = timedelta(days=-10), valid_until: timedelta = timedelta(days=10)) -> str:
    times = {
        "validFrom": (NOW + valid_from).isoformat(),
        "validUntil": (NOW + valid_until).isoformat(),
    }
    return changed(lambda d: d.update(times))


def test_a_badge_that_begins_in_more_than_a_minute_fails() -> None:
    assert only(judged(moved(valid_from=timedelta(seconds=61))), "valid_from", State.FAIL)
    assert judged(moved(valid_from=timedelta(seconds=60))).outcome is Outcome.VALID


def test_a_badge_that_ended_more_than_a_minute_ago_fails() -> None:
    assert only(judged(moved(valid_until=timedelta(seconds=-61))), "valid_until", State.FAIL)
    assert judged(moved(valid_until=timedelta(seconds=-60))).outcome is Outcome.VALID


def test_a_revoked_badge_is_refused_even_before_expiry() -> None:
    issuer = IssuerSimulator(revoked={94567})
    verdict = judged(issuer.token(), trust=issuer.trust())

    assert only(verdict, "status", State.FAIL)
    assert verdict.outcome is Outcome.NOT_VALID


def test_a_badge_without_status_can_be_valid() -> None:
    assert judged(changed(lambda d: d.pop("credentialStatus"))).outcome is Outcome.VALID


def test_a_did_key_issuer_needs_no_document_from_anywhere() -> None:
    key = ed25519_signer("holder").public
    did_key = multikey.did_key(key)
    kid = f"{did_key}#{multikey.encode(key)}"
    document = ISSUER.document()
    document["issuer"]["id"] = did_key
    document.pop("credentialStatus")
    signer = ed25519_signer("holder")
    signer.kid = kid
    token = ISSUER.sign(jwt_claims.claims_of(document), signer=signer)

    assert verify(read(token), trust=TrustBundle(NOW), now=NOW).outcome is Outcome.VALID


def test_a_verdict_is_no_condition_and_keeps_its_credential_back() -> None:
    verdict = judged("one.two")

    with pytest.raises(TypeError):
        bool(verdict)
    with pytest.raises(NotVerifiedError, match="damaged"):
        verdict.require()


def test_a_verdict_without_checks_is_unknown() -> None:
    assert Verdict(()).outcome is Outcome.UNKNOWN
    with pytest.raises(NotVerifiedError):
        Verdict(()).require()


@pytest.mark.parametrize("alg", ["RS256", "ES384", "EdDSA"])
def test_a_badge_of_another_issuer_s_kind_of_key_is_valid(alg: str) -> None:
    private = KEYS_OF_OTHERS[alg]
    listed = did.build_document(ISSUER.did, keys=[(ISSUER.signer.kid, from_cryptography(private.public_key()))])
    trust = ISSUER.trust(did=strict_json.dumps(listed).encode())
    trust = replace(trust, status_lists={})  # its list is signed by the key that this document does not list
    document = {name: value for name, value in ISSUER.document().items() if name != "credentialStatus"}
    claims = strict_json.dumps(jwt_claims.claims_of(document)).encode()
    headers = {"kid": ISSUER.signer.kid, "typ": "JWT"}
    token = jwt.PyJWS().encode(claims, private, algorithm=alg, headers=headers)

    assert judged(token, trust=trust).outcome is Outcome.VALID
    header, payload, signature = token.split(".")
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    assert only(judged(f"{header}.{payload}.{flipped}", trust=trust), "signature", State.FAIL)
