"""A sound document is secured in every form, and each form only by a key and for a document that fit it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from issuer.contract.securing import SUITES, Suite, TokenForm, UnsoundError, as_token, examine, with_proof
from keys import data_integrity, jws
from keys.cryptosuites import SUITES as KNOWN
from keys.private_jwk import implied_kid
from keys.signer import Signer
from schemas import strict_json
from schemas.credential import OB_CONTEXT
from tests.unit.keys import material

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
V2 = "https://www.w3.org/ns/credentials/v2"
V2_SHA256 = "sha256-WZVc7WaX1h4D8rJVb+vlMIqxaEKEb1tYbX8fet7JJzQ="


def credential(**members: Any) -> dict[str, Any]:
    return {
        "@context": [V2],
        "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer",
        "credentialSubject": {"id": "did:example:subject"},
        **members,
    }


def badge(**members: Any) -> dict[str, Any]:
    types = ["VerifiableCredential", "OpenBadgeCredential"]
    return credential(**{"@context": [V2, OB_CONTEXT], "type": types, **members})


def presentation(**members: Any) -> dict[str, Any]:
    return {"@context": [V2], "type": ["VerifiablePresentation"], "holder": "did:example:holder", **members}


def signer(suite: str) -> Signer:
    curve = KNOWN[suite].kinds[0]
    made = material.signer(curve=curve)
    return material.signer(curve=curve, kid=implied_kid(made.public))


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    "document", [credential(), presentation(), presentation(verifiableCredential=[credential()])]
)
def test_a_proof_of_each_suite_verifies(suite: Suite, document: dict[str, Any]) -> None:
    made = with_proof(examine(document), suite=suite, signer=signer(suite), now=NOW)
    (proof,) = data_integrity.read_proofs(made).proofs
    assert data_integrity.verify(made, proof=proof, key=signer(suite).public) == document
    assert proof.purpose == ("authentication" if "holder" in document else "assertionMethod")


def test_a_presentation_answers_a_challenge_for_a_domain() -> None:
    sound, mine = examine(presentation()), signer("eddsa-rdfc-2022")
    made = with_proof(sound, suite="eddsa-rdfc-2022", signer=mine, now=NOW, challenge="c", domain="d.example")
    (proof,) = data_integrity.read_proofs(made).proofs
    proof.check_expected(challenge="c", domain="d.example")
    token = as_token(sound, form="vp+jwt", signer=mine, challenge="c", domain="d.example")
    claims = strict_json.loads_object(jws.verify(token, key=mine.public, accepted_typ=frozenset({"vp+jwt"})))
    assert claims == {**presentation(), "iss": "did:example:holder", "nonce": "c", "aud": "d.example"}


@pytest.mark.parametrize(
    ("document", "form"),
    [(credential(), "vp+jwt"), (presentation(), "vc+jwt")],
)
def test_a_token_is_for_its_kind_of_document(document: dict[str, Any], form: TokenForm) -> None:
    with pytest.raises(UnsoundError, match="is not signed as"):
        as_token(examine(document), form=form, signer=signer("ecdsa-rdfc-2019"))


def test_the_older_data_model_is_not_issued_as_a_token() -> None:
    older = credential(
        **{"@context": ["https://www.w3.org/2018/credentials/v1"], "issuanceDate": "2026-01-01T00:00:00Z"}
    )
    with pytest.raises(UnsoundError, match=r"VCDM 1\.1"):
        as_token(examine(older), form="vc+jwt", signer=signer("ecdsa-rdfc-2019"))


def test_a_credential_answers_no_challenge() -> None:
    with pytest.raises(UnsoundError, match="Only a presentation"):
        as_token(examine(credential()), form="vc+jwt", signer=signer("ecdsa-rdfc-2019"), challenge="c")
    with pytest.raises(UnsoundError, match="Only a presentation"):
        mine = signer("eddsa-jcs-2022")
        with_proof(examine(credential()), suite="eddsa-jcs-2022", signer=mine, now=NOW, domain="d")


@pytest.mark.parametrize("suite", SUITES)
def test_a_key_of_another_kind_signs_nothing(suite: Suite) -> None:
    other = signer("ecdsa-rdfc-2019" if suite.startswith("eddsa") else "eddsa-rdfc-2022")
    with pytest.raises(UnsoundError, match=f"{suite} does not sign with") as refused:
        with_proof(examine(credential()), suite=suite, signer=other, now=NOW)
    assert refused.value.problem == "PROOF_GENERATION_ERROR"


def test_a_proof_needs_a_key_that_others_can_find() -> None:
    nameless = material.signer(curve="Ed25519", kid="my key")
    with pytest.raises(UnsoundError, match="no URL"):
        with_proof(examine(credential()), suite="eddsa-jcs-2022", signer=nameless, now=NOW)
    assert as_token(examine(credential()), form="vc+jwt", signer=nameless)


def test_a_set_of_proofs_grows_no_further_than_it_is_read() -> None:
    document: Any = credential()
    mine = signer("eddsa-jcs-2022")
    for _ in range(data_integrity.MAX_PROOFS):
        document = with_proof(examine(document), suite="eddsa-jcs-2022", signer=mine, now=NOW)
    assert len(data_integrity.read_proofs(document).proofs) == data_integrity.MAX_PROOFS
    with pytest.raises(UnsoundError, match="4 proofs already"):
        with_proof(examine(document), suite="eddsa-jcs-2022", signer=mine, now=NOW)


@pytest.mark.parametrize(
    "document",
    [
        {"@context": V2, "type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt,e30.e30.AA"},
        {"@context": V2, "type": "EnvelopedVerifiablePresentation", "id": "data:application/vp+jwt,e30.e30.AA"},
    ],
)
def test_what_is_secured_already_is_not_put_into_another_envelope(document: dict[str, Any]) -> None:
    with pytest.raises(UnsoundError, match="secured already"):
        examine(document)


def test_a_digest_for_a_known_context_must_be_the_published_one() -> None:
    right = {"id": V2, "digestSRI": V2_SHA256}
    examine(credential(relatedResource=[right]))
    with pytest.raises(UnsoundError, match="digest"):
        examine(credential(relatedResource={**right, "digestSRI": V2_SHA256.replace("W", "X", 1)}))


def test_a_term_of_one_revision_only_may_stand_in_a_token_and_not_in_a_proof() -> None:
    """OB 3.0.3 was changed in place: a proof over its newer terms fails with whoever has the older file."""
    newer = badge(endorsementJwt=["e30.e30.AA"])
    assert as_token(examine(newer), form="vc+jwt", signer=signer("ecdsa-rdfc-2019"))
    with pytest.raises(UnsoundError, match="endorsementJwt") as refused:
        mine = signer("eddsa-rdfc-2022")
        with_proof(examine(newer), suite="eddsa-rdfc-2022", signer=mine, now=NOW)
    assert refused.value.problem == "DATA_LOSS_DETECTION_ERROR"


def test_a_document_that_fits_may_still_be_too_large_for_a_token() -> None:
    large = examine(credential(name="x" * 220_000))
    with pytest.raises(UnsoundError, match="longer than verifiers read"):
        as_token(large, form="vc+jwt", signer=signer("ecdsa-rdfc-2019"))


def test_a_presentation_is_examined_with_the_credentials_in_it() -> None:
    with pytest.raises(UnsoundError, match=r"In verifiableCredential\[0\]: issuer"):
        examine(presentation(verifiableCredential=[credential(issuer=5)]))
    with pytest.raises(UnsoundError) as refused:
        examine(presentation(verifiableCredential=[credential(colour="red")]))
    assert refused.value.problem == "DATA_LOSS_DETECTION_ERROR"
