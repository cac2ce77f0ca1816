"""Proofs over RDF: the published vectors step by step, sets and chains, the older proof type, and templates."""

import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys import did, multikey
from keys.cryptosuites import SUITES, CanonicalForms, HashName, hash_input
from keys.data_integrity import read_proofs, sign, verify, verify_document
from keys.did import DidDocument
from keys.errors import ProofError
from keys.jwk import PublicKey
from keys.proof_template import ProofTemplate
from keys.signer import PrivateKey, Signer
from schemas import strict_json
from schemas.contexts import VERIFYING
from tests.unit.keys import material
from tests.unit.verifier.simulator import IssuerSimulator

PUBLISHED_AT = datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC)
CREATED = datetime(2027, 2, 1, 9, 0, tzinfo=UTC)
EXAMPLES = ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"]
DID = "did:web:badges.example.org"
ED25519, P256 = material.signer(curve="Ed25519", kid=f"{DID}#e"), material.signer(curve="P-256", kid=f"{DID}#p")
CONTROLLER = DidDocument(
    DID, {"assertionMethod": {one.kid: one.public for one in (ED25519, P256)}, "authentication": {}}
)


@dataclass(frozen=True)
class Published:
    """A published case: its folder and the ending of its file names; whose secret key stands where."""

    folder: str
    ending: str
    pair: str
    secret: str

    def text(self, shared: Path, name: str) -> str:
        return (shared / "vectors" / self.folder / f"{name}{self.ending}.txt").read_text(encoding="utf-8").strip()

    def json(self, shared: Path, name: str) -> dict[str, Any]:
        file = shared / "vectors" / self.folder / f"{name}{self.ending}.json"
        return strict_json.loads_object(file.read_bytes())

    def signer(self, shared: Path, kid: str) -> Signer:
        pair = strict_json.loads_object((shared / "vectors" / self.pair).read_bytes())
        return Signer(private_key(str(pair[self.secret])), kid=kid)


def private_key(secret: str) -> PrivateKey:
    raw = multikey.base58_decode(secret[1:])[2:]
    if secret.startswith("z3u2"):
        return Ed25519PrivateKey.from_private_bytes(raw)
    return ec.derive_private_key(int.from_bytes(raw), ec.SECP384R1() if len(raw) == 48 else ec.SECP256R1())


EDDSA_KEY = ("vc-di-eddsa/keyPair.json", "privateKeyMultibase")
ED = Published("vc-di-eddsa/eddsa-rdfc-2022", "DataInt", *EDDSA_KEY)
OLD = Published("vc-di-eddsa/Ed25519Signature2020", "EdSig", *EDDSA_KEY)
P256_CASE, P384_CASE = (
    Published(
        f"vc-di-ecdsa/ecdsa-rdfc-2019-{curve}",
        f"ECDSA{curve.upper()}",
        f"vc-di-ecdsa/{curve}KeyPair.json",
        "secretKeyMultibase",
    )
    for curve in ("p256", "p384")
)
CASES = [ED, P256_CASE, P384_CASE, OLD]


def key_in(kid: str) -> PublicKey:
    return multikey.decode(kid.partition("#")[2])


def bare(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "proof"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.folder)
def test_every_step_of_a_published_case_is_reproduced(case: Published, shared: Path) -> None:
    signed, config = case.json(shared, "signed"), case.json(shared, "proofConfig")
    (proof,) = read_proofs(signed).proofs
    key = key_in(proof.verification_method)
    algorithm: HashName = "sha384" if key.kind == "P-384" else "sha256"
    document = CanonicalForms(bare(signed), contexts=VERIFYING)
    configured = CanonicalForms(config, contexts=VERIFYING)

    assert document.text("rdfc", algorithm).decode().strip() == case.text(shared, "canonDoc")
    assert configured.text("rdfc", algorithm).decode().strip() == case.text(shared, "proofCanon")
    made = hash_input(document, config=configured, suite=proof.suite, key=key)
    assert made.hex() == case.text(shared, "combinedHash")
    assert made.hex() == case.text(shared, "proofHash") + case.text(shared, "docHash")
    assert proof.signature.hex() == case.text(shared, "sigHex")
    assert verify(signed, proof=proof, key=key) == bare(signed)


@pytest.mark.parametrize("case", [ED, P256_CASE, P384_CASE], ids=lambda case: case.folder)
def test_signing_gives_the_published_signature_byte_for_byte(case: Published, shared: Path) -> None:
    signed = case.json(shared, "signed")
    signer = case.signer(shared, str(case.json(shared, "proofConfig")["verificationMethod"]))

    assert sign(bare(signed), signer=signer, created=PUBLISHED_AT) == signed


@pytest.mark.parametrize("case", [ED, P256_CASE, P384_CASE], ids=lambda case: case.folder)
def test_the_cases_of_a_vocabulary_that_is_not_here_agree_from_their_canonical_text_on(
    case: Published, shared: Path
) -> None:
    """Their context is not bundled: the published canonical text stands for the document."""
    employ = Published(f"{case.folder}/employ", case.ending, case.pair, case.secret)
    signed = employ.json(shared, "signed")
    kid = str(employ.json(shared, "proofConfig")["verificationMethod"])
    signer = employ.signer(shared, kid)
    combined = bytes.fromhex(employ.text(shared, "combinedHash"))

    signer.public.check(read_proofs(signed).proofs[0].signature, combined)
    with pytest.raises(ProofError, match="citizenship"):
        sign(bare(signed), signer=signer, created=PUBLISHED_AT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.folder)
def test_no_member_of_a_published_case_can_be_changed(case: Published, shared: Path) -> None:
    signed = case.json(shared, "signed")
    owner = did.implied_document(str(signed["proof"]["verificationMethod"]).partition("#")[0])
    assert verify_document(signed, controller=owner).proofs
    changed = [{**signed, name: "urn:other"} for name in signed]
    changed += [{**signed, "proof": {**signed["proof"], name: "urn:other"}} for name in signed["proof"]]
    changed += [{name: value for name, value in signed.items() if name != left} for left in signed]
    changed += [
        {**signed, "proof": {name: value for name, value in signed["proof"].items() if name != left}}
        for left in signed["proof"]
    ]
    for document in changed:
        with pytest.raises(ProofError):
            verify_document(document, controller=owner)


# --- sets and chains ---------------------------------------------------------------------------------------

FOLDER = "vectors/vc-di-eddsa/proof-set-chain"


def of_chain(shared: Path, name: str) -> dict[str, Any]:
    return strict_json.loads_object((shared / FOLDER / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", ["signedProofSet1", "signedProofSet2", "signedProofChain1", "signedProofChain2"])
def test_every_proof_of_a_published_set_or_chain_verifies(name: str, shared: Path) -> None:
    signed = of_chain(shared, name)
    found = read_proofs(signed)

    for proof in found.proofs:
        assert found.verify(proof, key=key_in(proof.verification_method)) == bare(signed)
    assert found.proofs and not found.others


def test_a_chained_proof_fails_when_what_it_builds_on_was_exchanged(shared: Path) -> None:
    signed = of_chain(shared, "signedProofChain2")
    signed["proof"][0]["created"] = "2023-02-24T23:36:39Z"
    found = read_proofs(signed)

    with pytest.raises(ProofError, match="does not verify"):
        found.verify(found.proofs[2], key=key_in(found.proofs[2].verification_method))


def test_a_chained_proof_whose_beginning_is_missing_is_an_error(shared: Path) -> None:
    signed = of_chain(shared, "signedProofChain2")
    del signed["proof"][0]

    with pytest.raises(ProofError, match="previousProof"):
        read_proofs(signed)


# --- what is signed here -----------------------------------------------------------------------------------


def alumni(**members: Any) -> dict[str, Any]:
    return {
        "@context": EXAMPLES,
        "type": ["VerifiableCredential", "AlumniCredential"],
        "issuer": DID,
        "credentialSubject": {"id": "did:example:a", "alumniOf": "The School of Examples"},
    } | members


@pytest.mark.parametrize("signer", [ED25519, P256], ids=lambda signer: signer.public.kind)
def test_white_space_order_and_single_values_are_no_part_of_what_is_signed(signer: Signer) -> None:
    made = copy.deepcopy(sign(alumni(), signer=signer, created=CREATED, expires=CREATED + timedelta(days=1)))
    respelled = dict(reversed([*made.items()])) | {"credentialSubject": [made["credentialSubject"]]}

    assert verify_document(respelled, controller=CONTROLLER).document["issuer"] == DID


def test_a_term_that_no_context_defines_is_data_loss() -> None:
    plain = {
        "@context": EXAMPLES[:1],
        "type": ["VerifiableCredential"],
        "credentialSubject": {"id": "did:example:a"},
    }
    undefined = alumni(**plain, shoeSize=42)
    with pytest.raises(ProofError, match="shoeSize") as lost:
        sign(undefined, signer=ED25519, created=CREATED)
    assert lost.value.problem == "DATA_LOSS_DETECTION_ERROR"


@pytest.mark.parametrize("term", ["endorsementJwt", "jti"])
def test_a_term_that_only_one_revision_of_a_context_has_is_not_signed(term: str) -> None:
    """STANDARDS k1: it would verify with the one file and not with the other."""
    badge = IssuerSimulator().document() | {term: "x"}
    with pytest.raises(ProofError, match=term):
        sign(badge, signer=ED25519, created=CREATED)


@pytest.mark.parametrize("suite", [name for name, suite in SUITES.items() if not suite.issued] + ["bbs-2023"])
def test_a_suite_that_is_only_verified_is_not_issued(suite: str) -> None:
    with pytest.raises(ProofError, match="No proofs are made here"):
        sign(alumni(), signer=ED25519, created=CREATED, suite=suite)


def test_challenge_and_domain_are_signed() -> None:
    made = sign(alumni(), signer=ED25519, created=CREATED, challenge="a", domain="b.example")
    (proof,) = read_proofs(made).proofs
    proof.check_expected(challenge="a", domain="b.example")
    proof.check_expected(challenge=None, domain=None)
    with pytest.raises(ProofError) as other:
        proof.check_expected(challenge="c", domain=None)
    assert other.value.problem == "INVALID_CHALLENGE_ERROR"
    with pytest.raises(ProofError) as other:
        proof.check_expected(challenge="a", domain="c.example")
    assert other.value.problem == "INVALID_DOMAIN_ERROR"


# --- templates ---------------------------------------------------------------------------------------------

PATHS = (
    ("id",),
    ("validFrom",),
    ("credentialSubject", "id"),
    ("credentialSubject", "identifier", 0, "identityHash"),
    ("credentialSubject", "identifier", 1, "identityHash"),
    ("credentialStatus", 0, "statusListIndex"),
)
NAMES = ["Ada", 'Tab\there "quoted" \\ back', "\u0007bell\u007f", "𝒜da 名", "line\nbreak\r", "<b>&amp;", ""]


@pytest.mark.parametrize("signer", [ED25519, P256], ids=lambda signer: signer.public.kind)
@pytest.mark.parametrize("name", NAMES)
def test_a_template_signs_byte_for_byte_what_the_plain_way_signs(signer: Signer, name: str) -> None:
    issuer = IssuerSimulator()
    template = ProofTemplate(issuer.document(), paths=PATHS, signer=signer)
    other = issuer.document(reference="urn:uuid:00000000-0000-4000-8000-00000000abcd", name=name, index=7)
    other |= {"id": "urn:uuid:11111111-0000-4000-8000-00000000abcd", "validFrom": "2027-01-02T03:04:05Z"}

    made = template.sign(other, created=CREATED)
    assert made == sign(other, signer=signer, created=CREATED)
    assert strict_json.dumps(made) == strict_json.dumps(sign(other, signer=signer, created=CREATED))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Another name"},
        {"id": "did:web:a.example"},
        {"id": "urn:uuid:not-one"},
        {"id": 7},
        {"added": "term"},
        {"credentialStatus": []},
        {"credentialSubject": "a text"},
        {"proof": {}},
    ],
)
def test_a_document_that_differs_elsewhere_is_not_signed_by_a_template(change: dict[str, Any]) -> None:
    issuer = IssuerSimulator()
    template = ProofTemplate(issuer.document(), paths=PATHS, signer=ED25519)

    assert template.sign(issuer.document() | change, created=CREATED) is None


def test_a_template_is_not_made_where_it_could_mistake_its_own_marks() -> None:
    issuer = IssuerSimulator()
    with pytest.raises(ProofError):
        ProofTemplate(issuer.document() | {"name": "urn:x-template-slot:0"}, paths=PATHS, signer=ED25519)
    with pytest.raises(ProofError):
        ProofTemplate(issuer.document(), paths=[("credentialSubject",)], signer=ED25519)
