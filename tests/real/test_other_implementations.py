"""Badges and proofs against implementations that others wrote: the reference libraries in JavaScript, and jose.

Needs node and npm; the packages are pinned by hash in `javascript/package-lock.json` and installed without running
any script of theirs. They fetch nothing: the contexts come from the shared vectors, keys and lists from the test.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from issuer.badges import awarding, documents, ending, garments, issuance, publishing, service
from issuer.recognition import service as recognition
from keys import data_integrity, did, final_archive, jwk, jws, multikey
from keys.cryptosuites import SUITES
from keys.signer import Signer
from schemas import jsonld, strict_json
from tests.real import peer
from tests.unit.issuer.office import NOW, Office, open_office
from tests.unit.keys import material
from tests.unit.verifier.simulator import DocumentsInMemory
from verifier.verification.service import Verification
from verifier.verification.verdict import Outcome

pytestmark = pytest.mark.real
CREATED = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FILES = {
    "https://www.w3.org/ns/credentials/v2": "w3c-vc-contexts/credentials/v2",
    "https://www.w3.org/2018/credentials/v1": "w3c-vc-contexts/credentials/v1",
    "https://www.w3.org/ns/credentials/examples/v2": "w3c-vc-contexts/credentials/examples/v2",
    "https://w3id.org/security/data-integrity/v2": "w3c-di-contexts/data-integrity/v2",
    "https://w3id.org/security/multikey/v1": "w3c-di-contexts/multikey/v1",
    "https://www.w3.org/ns/did/v1": "w3c-did-context/v1",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json": "ob30-contexts-validator/ob-v3p0-3.0.3.json",
}
OLDER = {"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json": "ob30-contexts-spec/context-3.0.3.json"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return peer.installed(tmp_path_factory.mktemp("javascript"))


class Other(peer.Peer):
    """The reference libraries, with the contexts that they may load."""

    def __init__(self, folder: Path, contexts: dict[str, Any]) -> None:
        super().__init__(folder / "other.mjs")
        self._contexts = contexts

    def __call__(self, verb: str, *, known: dict[str, Any] | None = None, **command: Any) -> dict[str, Any]:
        return self.ask({"verb": verb, "documents": self._contexts | (known or {}), **command})


def contexts_of(shared: Path, *, newest: bool) -> dict[str, Any]:
    files = FILES if newest else FILES | OLDER
    return {url: json.loads((shared / "vectors" / name).read_bytes()) for url, name in files.items()}


@pytest.fixture(scope="module", params=["June 2026", "April 2025"])
def other(request: pytest.FixtureRequest, installed: Path) -> Iterator[Other]:
    shared = Path(__file__).resolve().parents[3] / "shared"
    if not shared.is_dir():
        pytest.skip("the shared vectors are not here")
    asked = Other(installed, contexts_of(shared, newest=request.param == "June 2026"))
    yield asked
    asked.close()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = open_office(tmp_path_factory.mktemp("office") / "issuer")
    made.add_changes("ada", count=3)
    decisions = recognition.decide_all(made.engine, made.policy, as_of=NOW)
    awarding.award_decisions(made.engine, decisions, policy=made.policy, now=NOW)
    issuance.issue(made.bureau, now=NOW)
    yield made
    made.engine.dispose()


def badge_of(office: Office) -> dict[str, Any]:
    (badge,) = service.badges_of(office.engine, office.person("ada@books.example").id)
    assert badge.jwt is not None and badge.proof is not None
    return garments.as_document(badge.jwt, badge.proof)


def published(office: Office) -> dict[str, Any]:
    """What a stranger can fetch from this issuer: its DID document and its status lists."""
    now = datetime.now(UTC)
    found: dict[str, Any] = {}
    for number in service.status_list_numbers(office.engine):
        (made,) = documents.status_list(office.bureau, number, now=now)
        found[office.bureau.addresses.status_list(number)] = strict_json.loads_object(made.body)
    found[office.bureau.did] = strict_json.loads_object(documents.did_document(office.bureau).body)
    return found


# --- what is issued here, verified there -------------------------------------------------------------------


def test_a_badge_made_here_is_verified_there_with_its_status(other: Other, office: Office) -> None:
    badge, known = badge_of(office), published(office)
    asked: dict[str, Any] = {"suites": ["eddsa-rdfc-2022"], "known": known}
    assert other("verifyCredential", document=badge, **asked) == {"verified": True}
    assert not other("verifyCredential", document=badge | {"name": "Another name"}, **asked)["verified"]
    assert not other("verifyCredential", document=badge | {"added": "term"}, **asked)["verified"]


def test_a_suspended_or_withdrawn_badge_is_refused_there(other: Other, tmp_path: Path) -> None:
    one = open_office(tmp_path / "issuer")
    one.add_changes("ada", count=3)
    awarding.award_decisions(
        one.engine, recognition.decide_all(one.engine, one.policy, as_of=NOW), policy=one.policy, now=NOW
    )
    issuance.issue(one.bureau, now=NOW)
    badge = badge_of(one)
    asked: dict[str, Any] = {"suites": ["eddsa-rdfc-2022"]}
    assert other("verifyCredential", document=badge, known=published(one), **asked)["verified"]
    (stored,) = service.badges_of(one.engine, one.person("ada@books.example").id)
    service.suspend(one.engine, stored, reason="looked at", now=NOW)
    assert "suspension" in other("verifyCredential", document=badge, known=published(one), **asked)["error"]
    service.reinstate(one.engine, stored, now=NOW)
    service.revoke(one.engine, stored, reason="error", now=NOW)
    assert "revocation" in other("verifyCredential", document=badge, known=published(one), **asked)["error"]
    one.engine.dispose()


def own_key(curve: str, name: str = "one") -> Signer:
    signer = material.signer(name, curve=curve)
    text = multikey.encode(signer.public)
    signer.kid = f"did:key:{text}#{text}"
    return signer


def controller(signer: Signer) -> dict[str, Any]:
    """The document of a did:key, as the other side expects to load it."""
    name = signer.kid.partition("#")[0]
    method = {
        "id": signer.kid,
        "type": "Multikey",
        "controller": name,
        "publicKeyMultibase": multikey.encode(signer.public),
    }
    purposes = {purpose: [signer.kid] for purpose in ("assertionMethod", "authentication")}
    contexts = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"]
    return {"@context": contexts, "id": name, "verificationMethod": [method], **purposes}


def alumni(signer: Signer, **members: Any) -> dict[str, Any]:
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "id": "urn:uuid:0d6f7a54-0000-4000-8000-00000000000a",
        "type": ["VerifiableCredential", "AlumniCredential"],
        "issuer": signer.kid.partition("#")[0],
        "validFrom": "2026-01-01T00:00:00Z",
        "name": "A name with “quotes”, \t a tab and 𝒜",
        "credentialSubject": {"id": "did:example:a", "alumniOf": "The School of Examples", "score": 5.5},
    } | members


SIGNED_THERE = [("Ed25519", "eddsa-rdfc-2022"), ("Ed25519", "eddsa-jcs-2022"), ("P-256", "ecdsa-rdfc-2019")]


@pytest.mark.parametrize(("curve", "suite"), SIGNED_THERE)
def test_each_suite_made_here_is_verified_there(other: Other, curve: str, suite: str) -> None:
    signer = own_key(curve)
    made = data_integrity.sign(alumni(signer), signer=signer, created=CREATED, suite=suite)
    known = {signer.kid.partition("#")[0]: controller(signer)}
    assert other("verifyCredential", document=made, suites=[suite], known=known) == {"verified": True}
    assert not other("verifyCredential", document=made | {"name": "x"}, suites=[suite], known=known)["verified"]


def test_a_presentation_made_here_is_verified_there(other: Other) -> None:
    signer, holder = own_key("Ed25519"), own_key("Ed25519", "holder")
    inner = data_integrity.sign(alumni(signer), signer=signer, created=CREATED)
    shown: dict[str, Any] = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": holder.kid.partition("#")[0],
        "verifiableCredential": [inner],
    }
    made = data_integrity.sign(
        shown, signer=holder, created=CREATED, purpose="authentication", challenge="abc", domain="summit.example"
    )
    known = {one.kid.partition("#")[0]: controller(one) for one in (signer, holder)}
    asked: dict[str, Any] = {"suites": ["eddsa-rdfc-2022"], "known": known, "domain": "summit.example"}
    assert other("verifyPresentation", document=made, challenge="abc", **asked) == {"verified": True}
    assert not other("verifyPresentation", document=made, challenge="abd", **asked)["verified"]


@pytest.mark.parametrize("curve", ["P-256", "Ed25519"])
def test_a_token_made_here_is_verified_by_jose(other: Other, curve: str) -> None:
    signer = own_key(curve)
    token = jws.sign(strict_json.dumps(alumni(signer)).encode(), signer=signer)
    told = other("verifyToken", token=token, jwk=signer.public.to_jwk(), alg=signer.public.algorithm)
    assert told["verified"] and json.loads(told["payload"]) == alumni(signer)


# --- what is made there, verified here ---------------------------------------------------------------------


def verdict_on(document: dict[str, Any]) -> Outcome:
    return Verification(DocumentsInMemory()).verify_credential(document).verdict.outcome


def secret_of(curve: str, name: str = "one") -> str:
    """The private half of a test key, as a Multikey of the other side."""
    private = material.ed25519(name) if curve == "Ed25519" else material.p256(name)
    if curve == "Ed25519":
        raw = bytes.fromhex("8026") + private.private_bytes_raw()  # type: ignore[union-attr]
    else:
        number = private.private_numbers().private_value  # type: ignore[union-attr]
        raw = bytes.fromhex("8626") + number.to_bytes(32)
    return f"z{multikey.base58_encode(raw)}"


def key_there(signer: Signer, curve: str) -> dict[str, str]:
    public = multikey.encode(signer.public)
    return {"kid": signer.kid, "publicKeyMultibase": public, "secretKeyMultibase": secret_of(curve)}


@pytest.mark.parametrize(("curve", "suite"), SIGNED_THERE)
def test_each_suite_made_there_is_verified_here(other: Other, curve: str, suite: str) -> None:
    signer = own_key(curve)
    made = other(
        "sign", document=alumni(signer), suite=suite, key=key_there(signer, curve), date="2026-11-22T09:00:00Z"
    )["document"]
    assert SUITES[suite].issued and made["proof"]["cryptosuite"] == suite
    assert verdict_on(made) is Outcome.VALID
    assert verdict_on(made | {"name": "x"}) is Outcome.NOT_VALID
    if curve == "Ed25519":  # deterministic: the very same proof
        ours = data_integrity.sign(alumni(signer), signer=signer, created=CREATED, suite=suite)
        assert ours["proof"] == made["proof"]


def test_a_derived_proof_made_there_is_verified_here_and_its_base_proof_is_not(other: Other) -> None:
    signer = own_key("P-256")
    badge = alumni(signer)
    made = other(
        "disclose",
        document=badge,
        key=key_there(signer, "P-256"),
        mandatory=["/issuer", "/validFrom"],
        selective=["/credentialSubject/alumniOf"],
    )
    assert "document" in made, made
    shown = made["document"]
    assert "name" not in shown and shown["credentialSubject"]["alumniOf"]
    assert verdict_on(shown) is Outcome.VALID
    assert verdict_on(made["base"]) is Outcome.NOT_VALID
    shown["credentialSubject"]["alumniOf"] = "Another School"
    assert verdict_on(shown) is Outcome.NOT_VALID


def test_an_open_badge_with_a_derived_proof_is_verified_as_a_badge(other: Other, office: Office) -> None:
    """Mandatory is all that a badge must have; the name is left out by its holder (STANDARDS c3)."""
    signer = own_key("P-256")
    plain = {name: value for name, value in badge_of(office).items() if name not in {"proof", "credentialStatus"}}
    plain["issuer"] = {"id": signer.kid.partition("#")[0], "type": ["Profile"]}
    mandatory = [
        *("/issuer", "/validFrom", "/validUntil", "/credentialSubject/id", "/credentialSubject/achievement"),
        *("/credentialSubject/type", "/credentialSubject/identifier/0"),
    ]
    made = other(
        "disclose", document=plain, key=key_there(signer, "P-256"), mandatory=mandatory, selective=["/awardedDate"]
    )
    assert "document" in made, made
    report = Verification(DocumentsInMemory()).verify(strict_json.dumps(made["document"]).encode())
    failed = [(check.id, check.evidence) for check in report.verdict.checks if check.state.value != "pass"]
    assert failed in ([], [("valid_from", failed[0][1])] if failed else [])  # the office's clock may be ahead


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_a_token_made_by_jose_is_verified_here(other: Other, alg: str) -> None:
    from schemas import base64url

    curve = "P-256" if alg == "ES256" else "Ed25519"
    signer = own_key(curve)
    private = material.p256("one") if curve == "P-256" else material.ed25519("one")
    if curve == "P-256":
        secret = private.private_numbers().private_value.to_bytes(32)  # type: ignore[union-attr]
    else:
        secret = private.private_bytes_raw()  # type: ignore[union-attr]
    private_jwk = {**signer.public.to_jwk(), "d": base64url.encode(secret)}
    header = {"alg": alg, "kid": signer.kid, "typ": "vc+jwt"}
    token = other("signToken", payload=alumni(signer), jwk=private_jwk, header=header)["token"]
    envelope = {
        "@context": "https://www.w3.org/ns/credentials/v2",
        "type": "EnvelopedVerifiableCredential",
        "id": f"data:application/vc+jwt,{token}",
    }
    assert verdict_on(envelope) is Outcome.VALID
    assert jwk.from_jwk(signer.public.to_jwk()) == signer.public


def test_the_contexts_there_and_here_mean_the_same(office: Office) -> None:
    """What is compared above rests on it: our tables, and the published files that the other side read."""
    bare = {name: value for name, value in badge_of(office).items() if name != "proof"}
    assert len(jsonld.to_quads(bare)) > 40
    assert did.holds_its_key(own_key("P-256").kid)


def test_a_badge_verifies_there_from_the_published_files_alone(
    other: Other, office: Office, tmp_path: Path
) -> None:
    """What a web host serves once the office is off: nothing is asked of the office but the folder."""
    publishing.publish(office.bureau, tmp_path, now=datetime.now(UTC))
    host = tmp_path / final_archive.folder_of(office.bureau.addresses.base)
    known = {
        f"{office.bureau.addresses.base}/status-lists/{file.name}": strict_json.loads_object(file.read_bytes())
        for file in (host / "status-lists").iterdir()
        if file.name.isdigit()
    }
    known[office.bureau.did] = strict_json.loads_object((host / ".well-known" / "did.json").read_bytes())
    answer = other("verifyCredential", document=badge_of(office), suites=["eddsa-rdfc-2022"], known=known)
    assert answer == {"verified": True}


def test_a_badge_verifies_there_from_the_final_archive(other: Other, office: Office) -> None:
    """Its status lists have no end, and others take them so."""
    archive = final_archive.read(ending.sunset(office.bureau, reason="The end.", now=datetime.now(UTC)).body)
    known = {
        f"https://{path}": strict_json.loads_object(body)
        for path, body in archive.files.items()
        if "/status-lists/" in path and path.rpartition("/")[2].isdigit()
    }
    known[office.bureau.did] = strict_json.loads_object(
        next(body for path, body in archive.files.items() if path.endswith("did.json"))
    )
    answer = other("verifyCredential", document=badge_of(office), suites=["eddsa-rdfc-2022"], known=known)
    assert answer == {"verified": True}
