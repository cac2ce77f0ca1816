"""Proofs with the JCS suites: the published vectors step by step, and every member that may not be touched."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys import did, multikey
from keys.cryptosuites import SUITES, CanonicalForms, hash_input
from keys.data_integrity import (
    MAX_PROOFS,
    read_proofs,
    sign,
    verify,
    verify_document,
)
from keys.did import DidDocument
from keys.errors import ProofError
from keys.jwk import PublicKey
from keys.signer import PrivateKey, Signer
from schemas import jcs, strict_json
from schemas.contexts import VERIFYING
from tests.unit.keys import material

NO_TEXTS: list[Any] = [None, 7, True, [], ["eddsa-jcs-2022"], {}]
CREATED = datetime(2027, 2, 1, 9, 0, tzinfo=UTC)
CONTEXT = ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"]
DID = "did:web:badges.example.org"
SIGNERS = [material.signer(curve="P-256", kid=f"{DID}#one"), material.signer(curve="Ed25519", kid=f"{DID}#two")]
JCS = {"P-256": "ecdsa-jcs-2019", "P-384": "ecdsa-jcs-2019", "Ed25519": "eddsa-jcs-2022"}
CONTROLLER = DidDocument(
    DID, {"assertionMethod": {signer.kid: signer.public for signer in SIGNERS}, "authentication": {}}
)


@dataclass(frozen=True)
class Published:
    """A published case: its folder, the ending of its file names, and whose secret key stands where."""

    folder: str
    ending: str
    pair: str
    secret: str

    def text(self, shared: Path, name: str) -> str:
        return (shared / "vectors" / self.folder / f"{name}{self.ending}.txt").read_text().strip()

    def json(self, shared: Path, name: str) -> dict[str, Any]:
        return strict_json.loads_object(
            (shared / "vectors" / self.folder / f"{name}{self.ending}.json").read_bytes()
        )

    def signer(self, shared: Path, kid: str) -> Signer:
        pair = strict_json.loads_object((shared / "vectors" / self.pair).read_bytes())
        raw = multikey.base58_decode(str(pair[self.secret])[1:])[2:]
        private: PrivateKey = (
            Ed25519PrivateKey.from_private_bytes(raw)
            if "eddsa" in self.pair
            else ec.derive_private_key(
                int.from_bytes(raw), ec.SECP384R1() if "p384" in self.pair else ec.SECP256R1()
            )
        )
        return Signer(private, kid=kid)


ED25519 = Published("vc-di-eddsa/eddsa-jcs-2022", "JCS", "vc-di-eddsa/keyPair.json", "privateKeyMultibase")
P256 = Published(
    "vc-di-ecdsa/ecdsa-jcs-2019-p256", "JCSECDSAP256", "vc-di-ecdsa/p256KeyPair.json", "secretKeyMultibase"
)
P384 = Published(
    "vc-di-ecdsa/ecdsa-jcs-2019-p384", "JCSECDSAP384", "vc-di-ecdsa/p384KeyPair.json", "secretKeyMultibase"
)
CASES = [ED25519, P256, P384]


def hashed(document: dict[str, Any], config: dict[str, Any], *, suite: str, key: PublicKey) -> bytes:
    """What a proof with this configuration signs."""
    forms = [CanonicalForms(value, contexts=VERIFYING) for value in (document, config)]
    return hash_input(forms[0], config=forms[1], suite=SUITES[suite], key=key)


def key_in(kid: str) -> PublicKey:
    return multikey.decode(kid.partition("#")[2])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ending)
def test_every_step_of_a_published_case_is_reproduced(case: Published, shared: Path) -> None:
    signed, config = case.json(shared, "signed"), case.json(shared, "proofConfig")
    unsecured = {name: value for name, value in signed.items() if name != "proof"}
    (proof,) = read_proofs(signed).proofs
    key = key_in(proof.verification_method)

    assert proof.config == config
    assert jcs.canonicalise(unsecured).decode() == case.text(shared, "canonDoc")
    assert jcs.canonicalise(config).decode() == case.text(shared, "proofCanon")
    made = hashed(unsecured, config, suite=proof.cryptosuite, key=key)
    assert made.hex() == case.text(shared, "combinedHash")
    assert made.hex() == case.text(shared, "proofHash") + case.text(shared, "docHash")
    assert proof.signature.hex() == case.text(shared, "sigHex")
    assert verify(signed, proof=proof, key=key) == unsecured


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ending)
def test_signing_gives_the_published_signature_byte_for_byte(case: Published, shared: Path) -> None:
    signed = case.json(shared, "signed")
    unsecured = {name: value for name, value in signed.items() if name != "proof"}
    signer = case.signer(shared, str(case.json(shared, "proofConfig")["verificationMethod"]))
    suite = JCS[signer.public.kind]
    made = sign(unsecured, signer=signer, created=datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC), suite=suite)

    assert made == signed
    assert strict_json.dumps(made["proof"]) == strict_json.dumps(signed["proof"])  # members in their order too
    assert made["proof"]["proofValue"] == case.text(shared, "sigBTC58")  # type: ignore[index, call-overload]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ending)
def test_a_published_case_is_sound_and_yet_not_its_issuers(case: Published, shared: Path) -> None:
    """The cases are signed by a did:key for an unrelated https issuer (STANDARDS c5, k11)."""
    signed = case.json(shared, "signed")
    owner = str(signed["proof"]["verificationMethod"]).partition("#")[0]

    assert verify_document(signed, controller=did.implied_document(owner)).proofs
    somebody = did.implied_document(multikey.did_key(SIGNERS[0].public))
    with pytest.raises(ProofError, match="was expected"):
        verify_document(signed, controller=somebody)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ending)
def test_no_member_of_a_published_case_can_be_changed(case: Published, shared: Path) -> None:
    signed = case.json(shared, "signed")
    owner = did.implied_document(str(signed["proof"]["verificationMethod"]).partition("#")[0])
    tampered = [{**signed, name: "other"} for name in signed]
    tampered += [{**signed, "proof": {**signed["proof"], name: "other"}} for name in signed["proof"]]
    tampered += [{name: value for name, value in signed.items() if name != left} for left in signed]
    tampered += [
        {**signed, "proof": {name: value for name, value in signed["proof"].items() if name != left}}
        for left in signed["proof"]
    ]
    tampered += [{**signed, "added": 1}, {**signed, "proof": {**signed["proof"], "added": 1}}]

    for document in tampered:
        with pytest.raises(ProofError):
            verify_document(document, controller=owner)


def document() -> dict[str, Any]:
    return {"@context": CONTEXT, "id": "urn:uuid:1", "credentialSubject": {"score": 1.0, "name": "Ada Example"}}


def signed_by(signer: Signer, **options: Any) -> dict[str, Any]:
    options.setdefault("suite", JCS[signer.public.kind])
    return copy.deepcopy(sign(document(), signer=signer, created=CREATED, **options))


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.public.kind)
def test_what_is_signed_verifies_and_comes_back_without_its_proof(signer: Signer) -> None:
    secured = verify_document(signed_by(signer), controller=CONTROLLER)

    assert secured.document == document()
    assert [proof.created for proof in secured.proofs] == [CREATED]


def test_another_spelling_of_the_same_json_verifies() -> None:
    text = strict_json.dumps(dict(reversed(signed_by(SIGNERS[0]).items()))).replace('"score":1.0', '"score": 1e0')

    assert verify_document(strict_json.loads_object(text), controller=CONTROLLER).proofs


def test_every_proof_of_a_set_must_verify() -> None:
    end, suite = CREATED + timedelta(1), "eddsa-jcs-2022"
    both = sign(signed_by(SIGNERS[0]), signer=SIGNERS[1], created=CREATED, expires=end, suite=suite)
    assert len(verify_document(both, controller=CONTROLLER).proofs) == 2

    broken: Any = copy.deepcopy(both)
    broken["proof"][1]["created"] = "2027-02-01T09:00:01Z"
    with pytest.raises(ProofError, match="does not verify"):
        verify_document(broken, controller=CONTROLLER)


def test_a_proof_of_another_suite_is_told_and_not_looked_at() -> None:
    made = signed_by(SIGNERS[0])
    made["proof"] = [made["proof"], {**made["proof"], "cryptosuite": "bbs-2023"}]

    assert verify_document(made, controller=CONTROLLER).proofs
    assert read_proofs(made).others == ("bbs-2023",)


@pytest.mark.parametrize("suite", ["bbs-2023", "eddsa-2022", "Ed25519Signature2020", "of-nobody-1999"])
def test_no_supported_proof_at_all_is_an_error(suite: str) -> None:
    made = signed_by(SIGNERS[0])
    made["proof"]["cryptosuite"] = suite

    with pytest.raises(ProofError, match=suite):
        verify_document(made, controller=CONTROLLER)


def test_a_context_added_behind_the_signed_ones_is_not_part_of_what_is_secured() -> None:
    made = signed_by(SIGNERS[0])
    made["@context"] = [*CONTEXT, "https://vocabulary.example/v1"]

    assert verify_document(made, controller=CONTROLLER).document["@context"] == CONTEXT


@pytest.mark.parametrize("context", [CONTEXT[:1], CONTEXT[::-1], ["https://a.example", *CONTEXT], None, {}])
def test_a_document_whose_context_does_not_begin_as_signed_is_refused(context: Any) -> None:
    with pytest.raises(ProofError, match="@context"):
        verify_document({**signed_by(SIGNERS[0]), "@context": context}, controller=CONTROLLER)


def test_proofs_that_secure_two_contexts_are_refused() -> None:
    made = signed_by(SIGNERS[0])
    added = {**made, "@context": [*CONTEXT, "https://a.example"]}
    longer = sign(added, signer=SIGNERS[1], created=CREATED, suite="eddsa-jcs-2022")

    with pytest.raises(ProofError, match="same document"):
        verify_document(longer, controller=CONTROLLER)


def test_a_proof_without_created_is_sound() -> None:
    made = signed_by(SIGNERS[1])
    config = {name: value for name, value in made["proof"].items() if name not in {"created", "proofValue"}}
    message = hashed(document(), config, suite="eddsa-jcs-2022", key=SIGNERS[1].public)
    made["proof"] = {**config, "proofValue": "z" + multikey.base58_encode(SIGNERS[1].sign(message))}

    assert verify_document(made, controller=CONTROLLER).proofs[0].created is None


def with_proof(**changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda made: made["proof"].update(changes)


@pytest.mark.parametrize(
    "act",
    [
        lambda made: made.pop("proof"),
        lambda made: made.update(proof=None),
        lambda made: made.update(proof="a text"),
        lambda made: made.update(proof=[]),
        lambda made: made.update(proof=[[made["proof"]]]),
        lambda made: made.update(proof=[made["proof"]] * (MAX_PROOFS + 1)),
        lambda made: made.update(proof=[made["proof"] | {"id": "urn:uuid:a"}] * 2),
        *(
            lambda made, name=name: made["proof"].pop(name)
            for name in ("type", "cryptosuite", "verificationMethod", "proofPurpose", "proofValue")
        ),
        *(
            with_proof(**{name: value})
            for name in ("type", "cryptosuite", "verificationMethod", "proofPurpose", "proofValue", "id", "nonce")
            for value in NO_TEXTS
        ),
        with_proof(verificationMethod=f"did:web:{'a' * 5000}#key"),
        with_proof(cryptosuite="a" * 5000),
        with_proof(created="2027-02-01T09:00:00"),
        with_proof(created=1),
        with_proof(created=None),
        with_proof(expires="tomorrow"),
        with_proof(proofValue="u" + "A" * 86),
        with_proof(proofValue="z0OIl"),
        with_proof(proofValue="z" + "1" * 1000),
        with_proof(previousProof="urn:uuid:not-there"),
        with_proof(previousProof=[{}]),
    ],
)
def test_a_malformed_proof_is_refused_before_anything_is_hashed(act: Callable[[dict[str, Any]], object]) -> None:
    made = signed_by(SIGNERS[0])
    act(made)

    with pytest.raises(ProofError) as refused:
        read_proofs(made)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("size", [0, 1, 63, 65, 96])
def test_a_signature_of_another_length_is_refused(size: int) -> None:
    made = signed_by(SIGNERS[0])
    made["proof"]["proofValue"] = "z" + multikey.base58_encode(b"\1" * size)

    with pytest.raises(ProofError, match="bytes"):
        verify_document(made, controller=CONTROLLER)


def test_the_key_must_fit_the_suite() -> None:
    made = signed_by(SIGNERS[0])
    made["proof"]["cryptosuite"] = "eddsa-jcs-2022"

    with pytest.raises(ProofError, match="does not sign with a P-256 key"):
        verify_document(made, controller=CONTROLLER)


@pytest.mark.parametrize(
    "method",
    [
        f"{DID}#{multikey.encode(SIGNERS[0].public)}",  # the key written in the fragment (STANDARDS k2)
        f"https://badges.example.org#{multikey.encode(SIGNERS[0].public)}",
        f"did:web:thief.example#{multikey.encode(SIGNERS[0].public)}",
        DID,
        f"{DID}#unlisted",
    ],
)
def test_a_key_comes_only_from_the_controllers_document_by_exact_id(method: str) -> None:
    thief = Signer(material.p256("one"), kid=method)

    with pytest.raises(ProofError):
        verify_document(signed_by(thief), controller=CONTROLLER)


def test_a_proof_for_another_purpose_is_refused() -> None:
    with pytest.raises(ProofError, match="assertionMethod was expected"):
        verify_document(signed_by(SIGNERS[0], purpose="authentication"), controller=CONTROLLER)


def test_a_chained_proof_is_no_proof_of_the_document_alone() -> None:
    made = signed_by(SIGNERS[0])
    first = made["proof"] | {"id": "urn:uuid:first"}
    made["proof"] = [first, made["proof"] | {"previousProof": "urn:uuid:first"}]

    with pytest.raises(ProofError, match="does not verify"):
        verify_document(made, controller=CONTROLLER)


def test_a_document_without_canonical_form_is_not_signed() -> None:
    with pytest.raises(ProofError, match="canonicalised"):
        sign({"a": float("nan")}, signer=SIGNERS[0], created=CREATED, suite="ecdsa-jcs-2019")
