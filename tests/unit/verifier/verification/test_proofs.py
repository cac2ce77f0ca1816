"""Each clause of a badge with its proof inside, alone: a badge in which it and nothing else fails."""

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keys import data_integrity, did, multikey
from keys.errors import KeysError
from keys.signer import Signer
from schemas import strict_json
from tests.unit.verifier.simulator import (
    NOW,
    IssuerSimulator,
    ed25519_signer,
    p256_signer,
    read_document,
)
from verifier.verification.proofs import STORY, verify
from verifier.verification.reading import ReadBadge
from verifier.verification.trust import Absent, TrustBundle
from verifier.verification.verdict import Outcome, State, Verdict

ISSUER = IssuerSimulator()
KEYS = [(signer.kid, signer.public) for signer in (ISSUER.signer, ISSUER.status_signer)]
CONTROLLER = did.DidDocument(ISSUER.did, {"assertionMethod": dict(KEYS), "authentication": {}})
EXTENSIONS = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"


def judged(document: dict[str, Any], *, trust: TrustBundle | None = None) -> Verdict:
    return verify(read_document(document), trust=trust or ISSUER.trust(), now=NOW)


def only(verdict: Verdict, check_id: str, state: State) -> bool:
    """This check has this state, and every other one that was made passed."""
    others = {check.state for check in verdict.checks if check.made and check.id != check_id}
    return verdict.check(check_id).state is state and others <= {State.PASS}


def changed(act: Callable[[dict[str, Any]], object], *, suite: str = "ecdsa-rdfc-2019") -> dict[str, Any]:
    """The good badge, changed before it was signed."""
    document = ISSUER.document()
    act(document)
    return ISSUER.secured(document, suite=suite)


def tampered(act: Callable[[dict[str, Any]], object], *, suite: str = "ecdsa-rdfc-2019") -> dict[str, Any]:
    """The good badge, changed after it was signed."""
    document = ISSUER.secured(suite=suite)
    act(document)
    return document


def signed_with(method: str) -> dict[str, Any]:
    """A sound proof by the issuer's own key under another name."""
    return ISSUER.secured(signer=p256_signer(method), suite="ecdsa-jcs-2019")


def test_a_sound_badge_passes_every_check_and_gives_its_credential() -> None:
    verdict = judged(ISSUER.secured())

    assert verdict.outcome is Outcome.VALID
    assert [check.id for check in verdict.checks] == list(STORY)
    assert verdict.require().credentialSubject.name == "Ada Example"
    assert verdict.check("proof_suite").evidence == "ecdsa-rdfc-2019"


@pytest.mark.parametrize("make", [ed25519_signer, p256_signer], ids=["Ed25519", "P-256"])
def test_an_issuer_whose_did_holds_its_key_needs_no_network(make: Callable[[str], Signer]) -> None:
    public = make("a key").public
    issuer = multikey.did_key(public)
    private = make("a key")
    private.kid = f"{issuer}#{multikey.encode(public)}"
    document = ISSUER.document()
    document["issuer"]["id"] = issuer
    del document["credentialStatus"]

    assert judged(ISSUER.secured(document, signer=private), trust=TrustBundle(NOW)).outcome is Outcome.VALID


def test_white_space_and_the_order_of_members_are_not_what_was_signed() -> None:
    made = dict(reversed(ISSUER.secured().items()))
    badge = ReadBadge("json", document=json.dumps(made, indent=3))

    assert verify(badge, trust=ISSUER.trust(), now=NOW).outcome is Outcome.VALID


@pytest.mark.parametrize("text", ["", "[]", "{", '{"proof":{}}', '{"issuer":7}', '{"a":1,"a":2}', "\ud800"])
def test_text_that_is_no_json_object_with_an_issuer_fails_payload(text: str) -> None:
    assert only(verify(ReadBadge("json", document=text), trust=ISSUER.trust(), now=NOW), "payload", State.FAIL)


@pytest.mark.parametrize(
    "act",
    [
        lambda d: d.update(proof=[d["proof"]] * 100),
        lambda d: d.update(proof=[]),
        lambda d: d.update(proof="text"),
        lambda d: d.update(proof=[d["proof"] | {"id": "urn:uuid:a"}] * 2),
        lambda d: d["proof"].update(type=["DataIntegrityProof"]),
        lambda d: d["proof"].update(verificationMethod={"id": ISSUER.signer.kid}),
        lambda d: d["proof"].update(proofValue=7),
        lambda d: d["proof"].update(proofValue="z" * 5000),
        lambda d: d["proof"].update(created="2027-01-01T09:00:00"),
        lambda d: d["proof"].update(expires="never"),
        lambda d: d["proof"].pop("cryptosuite"),
    ],
)
def test_a_malformed_proof_fails_proof(act: Callable[[dict[str, Any]], object]) -> None:
    assert only(judged(tampered(act)), "proof", State.FAIL)


@pytest.mark.parametrize(
    "change", [{"cryptosuite": "of-nobody-1999"}, {"cryptosuite": "bbs-2023"}, {"type": "OtherProof"}]
)
def test_a_suite_of_no_accepted_standard_fails(change: dict[str, str]) -> None:
    assert only(judged(tampered(lambda d: d["proof"].update(change))), "proof_suite", State.FAIL)


def test_a_proof_of_another_suite_beside_a_good_one_is_told_and_not_counted() -> None:
    other = {"type": "DataIntegrityProof", "cryptosuite": "bbs-2023", "proofPurpose": "assertionMethod"}
    other |= {"verificationMethod": "did:web:a.example#b", "proofValue": "z2"}
    verdict = judged(tampered(lambda d: d.update(proof=[other, d["proof"]])))

    assert verdict.outcome is Outcome.VALID
    assert verdict.check("proof_suite").evidence == "Not looked at: bbs-2023."


def test_a_proof_made_to_log_in_fails_proof_purpose() -> None:
    assert only(judged(ISSUER.secured(purpose="authentication")), "proof_purpose", State.FAIL)


@pytest.mark.parametrize(
    "method",
    [
        "did:web:thief.example#badges-1",
        f"https://{ISSUER.host}#{multikey.encode(ISSUER.signer.public)}",
        f"https://{ISSUER.host}/keys/1",
        ISSUER.did,
        "#badges-1",
    ],
)
def test_a_key_that_is_not_the_issuers_fails_key_owner(method: str) -> None:
    assert only(judged(signed_with(method)), "key_owner", State.FAIL)


def test_one_foreign_proof_in_a_set_fails_key_owner() -> None:
    both = ISSUER.secured(ISSUER.secured(), signer=p256_signer("did:web:thief.example#badges-1"))

    assert only(judged(both), "key_owner", State.FAIL)


def test_an_issuer_out_of_reach_is_unknown_and_a_broken_document_fails() -> None:
    away, broken = ISSUER.trust(did=Absent("The line is down.")), ISSUER.trust(did=b"<html>")

    assert only(judged(ISSUER.secured(), trust=away), "issuer_document", State.UNKNOWN)
    assert only(judged(ISSUER.secured(), trust=broken), "issuer_document", State.FAIL)


def test_a_key_written_in_the_fragment_fails_issuer_key() -> None:
    """STANDARDS k2: the thief's own key as the fragment, the issuer's DID before it."""
    thief = p256_signer("a thief")
    forged = ISSUER.secured(signer=p256_signer(f"{ISSUER.did}#{multikey.encode(thief.public)}"))

    assert only(judged(forged), "issuer_key", State.FAIL)


def test_a_key_of_another_controller_or_purpose_fails_issuer_key() -> None:
    foreign, unlisted = ISSUER.did_document(), ISSUER.did_document()
    foreign["verificationMethod"][0]["controller"] = "did:web:other.example"
    unlisted["authentication"] = unlisted.pop("assertionMethod")

    for document in (foreign, unlisted):
        trust = ISSUER.trust(did=strict_json.dumps(document).encode())
        assert only(judged(ISSUER.secured(), trust=trust), "issuer_key", State.FAIL)


@pytest.mark.parametrize(
    "act",
    [
        lambda d: d.update(name="Another name"),
        lambda d: d.pop("relatedResource"),
        lambda d: d["credentialSubject"]["achievement"].update(name="Sustained"),
        lambda d: d["proof"].update(created="2027-01-01T00:00:00Z"),
        lambda d: d["proof"].pop("created"),
        lambda d: d["proof"].update(expires="2030-01-01T00:00:00Z"),
        lambda d: d["proof"].update(proofValue="z" + multikey.base58_encode(bytes(63))),
        lambda d: d["proof"].update(proofValue=d["proof"]["proofValue"] + "1"),
        lambda d: d["proof"].update(cryptosuite="eddsa-jcs-2022"),
        lambda d: d["proof"].update(nonce="n"),
    ],
)
@pytest.mark.parametrize("suite", ["ecdsa-rdfc-2019", "ecdsa-jcs-2019"])
def test_whatever_is_changed_after_signing_fails_the_signature(
    act: Callable[[dict[str, Any]], object], suite: str
) -> None:
    verdict = judged(tampered(act, suite=suite))

    assert only(verdict, "signature", State.FAIL)
    assert verdict.statement is None


def test_a_single_value_in_place_of_an_array_is_the_same_statements_and_other_json() -> None:
    """STANDARDS k18: what went through a JSON-LD processor verifies with RDF suites only."""

    def compacted(document: dict[str, Any]) -> None:
        document["relatedResource"] = document["relatedResource"][0]

    assert judged(tampered(compacted)).outcome is Outcome.VALID
    assert only(judged(tampered(compacted, suite="ecdsa-jcs-2019")), "signature", State.FAIL)


def test_the_context_of_a_jcs_proof_is_part_of_what_was_signed() -> None:
    made = tampered(lambda d: d["proof"].pop("@context"), suite="ecdsa-jcs-2019")
    assert only(judged(made), "signature", State.FAIL)


def test_one_broken_proof_fails_a_badge_that_has_a_good_one() -> None:
    good = ISSUER.secured()
    broken = copy.deepcopy(good["proof"]) | {"created": "2027-01-01T00:00:00Z"}

    assert only(judged(good | {"proof": [good["proof"], broken]}), "signature", State.FAIL)


@pytest.mark.parametrize(
    "contexts",
    [
        lambda known: [*known, "https://www.w3.org/ns/credentials/undefined-terms/v2"],
        lambda known: known[:1],
        lambda known: [known[0], {"name": "https://a.example"}],
        lambda known: known[::-1],
        lambda known: known[0],
    ],
)
def test_another_context_fails_context_though_it_was_signed(contexts: Callable[[list[str]], Any]) -> None:
    made = changed(lambda d: d.update({"@context": contexts(d["@context"])}), suite="ecdsa-jcs-2019")
    verdict = judged(made)

    assert data_integrity.verify_document(made, controller=CONTROLLER).proofs  # the proof itself is sound
    assert verdict.check("context").state is State.FAIL
    assert verdict.outcome is Outcome.NOT_VALID


def test_a_known_context_that_was_added_after_signing_fails_the_signature() -> None:
    """JCS suites accept it, since the document begins as it was signed; a badge has to be signed as a whole. RDF
    suites sign what is said, and a context that defines none of its words says nothing.
    """

    def add(document: dict[str, Any]) -> None:
        document["@context"].append(EXTENSIONS)

    assert only(judged(tampered(add, suite="ecdsa-jcs-2019")), "signature", State.FAIL)
    assert judged(tampered(add, suite="ecdsa-rdfc-2019")).outcome is Outcome.VALID
    assert judged(changed(add, suite="ecdsa-jcs-2019")).outcome is Outcome.VALID


def test_a_context_inside_the_document_fails_context() -> None:
    inner = {"@context": {"shoeSize": "https://a.example"}}
    inside = changed(lambda d: d["credentialSubject"]["achievement"].update(inner))

    assert only(judged(inside), "context", State.FAIL)


def test_a_term_that_no_context_defines_fails_context() -> None:
    assert only(judged(changed(lambda d: d.update(shoeSize=42), suite="ecdsa-jcs-2019")), "context", State.FAIL)
    assert only(judged(tampered(lambda d: d.update(added=1))), "context", State.FAIL)


def test_a_document_that_is_no_badge_fails_data_model() -> None:
    no_badge = changed(lambda d: d["credentialSubject"]["achievement"].pop("criteria"))

    assert only(judged(no_badge), "data_model", State.FAIL)


@pytest.mark.parametrize(("member", "seconds"), [("validFrom", 61), ("validUntil", -61)])
def test_a_badge_out_of_its_time_fails(member: str, seconds: int) -> None:
    stamp = (NOW + timedelta(seconds=seconds)).isoformat()
    check_id = {"validFrom": "valid_from", "validUntil": "valid_until"}[member]

    assert only(judged(changed(lambda d: d.update({member: stamp}))), check_id, State.FAIL)


def test_a_proof_that_has_expired_fails_proof_expires() -> None:
    late = ISSUER.secured(expires=NOW - timedelta(seconds=61))

    assert only(judged(late), "proof_expires", State.FAIL)
    assert judged(ISSUER.secured(expires=NOW - timedelta(seconds=60))).outcome is Outcome.VALID
    assert only(judged(ISSUER.secured(late)), "proof_expires", State.FAIL)


def test_a_withdrawn_badge_fails_status_also_by_a_list_with_a_proof_inside() -> None:
    issuer = IssuerSimulator(revoked={94567})
    trust = ISSUER.trust(status=issuer.status_document())

    assert only(judged(issuer.secured(), trust=issuer.trust()), "status", State.FAIL)
    assert only(judged(issuer.secured(), trust=trust), "status", State.FAIL)


def test_a_published_example_of_the_suites_is_refused_as_a_badge() -> None:
    """Like the published cases: a sound proof by a did:key, for an issuer that is somebody else (k11)."""
    signer = ed25519_signer("a key")
    owner = multikey.did_key(signer.public)
    signer.kid = f"{owner}#{multikey.encode(signer.public)}"
    document = ISSUER.document()
    document["issuer"] = "https://vc.example/issuers/5678"

    assert only(judged(ISSUER.secured(document, signer=signer)), "key_owner", State.FAIL)


def test_verification_never_raises_for_a_badge_whose_values_have_no_canonical_form() -> None:
    made = ISSUER.secured()
    with pytest.raises(KeysError):
        data_integrity.sign({"a": float("inf")}, signer=ISSUER.signer, created=NOW)
    made["name"] = "\ufffe\uffff\x7f"  # texts that JSON can say, and that were not signed
    assert only(judged(made), "signature", State.FAIL)


def test_a_p384_proof_of_a_foreign_issuer_verifies() -> None:
    kid = f"{ISSUER.did}#p384"
    signer = Signer(ec.derive_private_key(384, ec.SECP384R1()), kid=kid)
    published = did.build_document(ISSUER.did, keys=[(kid, signer.public), *KEYS])
    trust = ISSUER.trust(did=strict_json.dumps(published).encode())
    made = ISSUER.secured(signer=signer)

    assert judged(made, trust=trust).outcome is Outcome.VALID
    assert only(judged(made | {"name": "Another name"}, trust=trust), "signature", State.FAIL)
