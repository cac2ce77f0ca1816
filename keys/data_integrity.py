"""Data Integrity proofs with the JCS suites: made and verified (VC Data Integrity 1.0; DI-EdDSA, DI-ECDSA 1.0).

A proof stands inside the JSON that it secures. What is signed is hash(canonical proof configuration) followed by
hash(canonical document); canonical is RFC 8785, in `schemas.jcs`. The suites that canonicalise RDF are not built
here: their proofs are told apart and never taken for verified. What a secured badge says is the verifier's affair.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from keys import did, multikey
from keys.did import DidDocument, Purpose
from keys.errors import KeyFormatError, ProofError, SignatureError
from keys.jwk import KeyKind, PublicKey
from keys.signer import Signer
from schemas import jcs, timestamps
from schemas.strict_json import MAX_DOCUMENT_BYTES, JsonObject, JsonValue

PROOF_TYPE = "DataIntegrityProof"
# Suite -> the kinds of key that it signs with. The key must fit the suite, and decides the hash (STANDARDS c3).
SUITES: Mapping[str, tuple[KeyKind, ...]] = {
    "eddsa-jcs-2022": ("Ed25519",),
    "ecdsa-jcs-2019": ("P-256", "P-384"),
}
# Standard, and not built here: that such a proof was not looked at says nothing against it.
SUITES_NOT_READ_YET = frozenset({"eddsa-rdfc-2022", "ecdsa-rdfc-2019", "ecdsa-sd-2023", "Ed25519Signature2020"})
PROOF_CHAIN = "proof chain"  # a proof with `previousProof`: not read yet either
MAX_PROOFS = 4  # STANDARDS j1; each costs a canonicalisation and a signature
MAX_PROOF_VALUE_CHARACTERS = 140  # a P-384 signature has at most 133; base58 costs quadratic time
MAX_TEXT_CHARACTERS = 4096  # a did:jwk with an RSA key has about 2,000; a message may repeat it
_OPTIONAL_TEXTS = ("id", "nonce", "challenge")


@dataclass(frozen=True)
class Proof:
    """A well-formed proof of a suite that is verified here; NOT verified.

    `signature`: raw, 64 or 96 bytes; `config`: the proof as it arrived, without `proofValue`.
    """

    cryptosuite: str
    verification_method: str
    purpose: str
    signature: bytes
    config: JsonObject
    created: datetime | None = None
    expires: datetime | None = None


@dataclass(frozen=True)
class ProofSet:
    """The proofs of a document: those that can be verified here, and the names of the other suites."""

    proofs: tuple[Proof, ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Secured:
    """A document without its proofs, exactly as far as each of `proofs` vouches for it: all were verified."""

    document: JsonObject
    proofs: tuple[Proof, ...]


def read_proofs(document: JsonObject) -> ProofSet:
    """The proofs inside a document, each well-formed (VC Data Integrity §2.1, §2.1.1).

    Raises:
        ProofError: there is none, or too many, or one is no object, lacks a member or has one of the wrong type,
            two have the same id, or one builds on a proof that is not there.
    """
    value = document.get("proof")
    listed = value if isinstance(value, list) else [value]
    if not listed or len(listed) > MAX_PROOFS:
        raise ProofError(f"The document has {len(listed)} proofs; 1 to {MAX_PROOFS} were expected.")
    entries = [entry for entry in listed if isinstance(entry, dict)]
    if len(entries) != len(listed):
        raise ProofError("The member proof must be an object, or an array of objects.")
    read = [_read(entry) for entry in entries]
    ids = [entry["id"] for entry in entries if "id" in entry]
    if len(set(map(str, ids))) != len(ids):
        raise ProofError("Two proofs have the same id.")
    for entry in entries:
        previous = entry.get("previousProof", [])
        if any(name not in ids for name in (previous if isinstance(previous, list) else [previous])):
            raise ProofError("A proof names a previousProof that is not there.")
    return ProofSet(
        tuple(proof for proof in read if isinstance(proof, Proof)),
        tuple(name for name in read if isinstance(name, str)),
    )


def verify(document: JsonObject, *, proof: Proof, key: PublicKey) -> JsonObject:
    """The document that `proof` secures, once its signature was found good under `key` (DI-EdDSA §3.3.2,
    DI-ECDSA §3.3.2). Its `@context` is the one that was signed, which may be shorter than the one that arrived.

    Raises:
        ProofError: the key does not fit the suite, `@context` does not begin as the proof's, a value has no
            canonical form, or the signature has another length or does not verify.
    """
    secured = _without_proof(document, config=proof.config)
    try:
        key.check(proof.signature, hash_input(secured, config=proof.config, suite=proof.cryptosuite, key=key))
    except SignatureError as error:
        raise ProofError(f"The proof does not verify: {error}") from error
    return secured


def verify_document(
    document: JsonObject, *, controller: DidDocument, purpose: Purpose = "assertionMethod"
) -> Secured:
    """A document all of whose proofs are of `controller`, for this purpose, and verify. One broken proof fails
    it, whatever the others are; `expires` is told in the proofs, and judged by whoever knows the time.

    Raises:
        ProofError: a proof is broken, of another purpose or by another key than the controller lists, or none of
            them can be verified here.
    """
    found = read_proofs(document)
    if not found.proofs:
        shown = ", ".join(f"{name!a:.60}" for name in found.others)
        raise ProofError(f"None of its proofs can be verified here: {shown}.")
    secured = [_verified(document, proof=proof, controller=controller, purpose=purpose) for proof in found.proofs]
    if any(other != secured[0] for other in secured):
        raise ProofError("The proofs of the document do not secure the same document.")
    return Secured(secured[0], found.proofs)


def sign(
    document: JsonObject,
    *,
    signer: Signer,
    created: datetime,
    expires: datetime | None = None,
    purpose: Purpose = "assertionMethod",
) -> JsonObject:
    """`document` with one more proof, by the JCS suite of the signer's key (DI-EdDSA §3.3.1, DI-ECDSA §3.3.1).

    Raises:
        ProofError: no suite signs with such a key, or a value has no canonical form.
    """
    suite = next((name for name, kinds in SUITES.items() if signer.public.kind in kinds), None)
    if suite is None:
        raise ProofError(f"No suite here signs with a {signer.public.kind} key.")
    config: JsonObject = {
        "type": PROOF_TYPE,
        "cryptosuite": suite,
        "created": timestamps.show(created),
        **({} if expires is None else {"expires": timestamps.show(expires)}),
        "verificationMethod": signer.kid,
        "proofPurpose": purpose,
        **({"@context": document["@context"]} if "@context" in document else {}),
    }
    secured = _without_proof(document, config=config)
    signature = signer.sign(hash_input(secured, config=config, suite=suite, key=signer.public))
    proof: JsonObject = {**config, "proofValue": f"z{multikey.base58_encode(signature)}"}
    if "proof" not in document:
        return {**document, "proof": proof}
    there = document["proof"]
    return {**document, "proof": [*(there if isinstance(there, list) else [there]), proof]}


def hash_input(secured: JsonObject, *, config: JsonObject, suite: str, key: PublicKey) -> bytes:
    """What is signed: hash(canonical `config`), then hash(canonical `secured`); 64 bytes, with P-384 96.

    Raises:
        ProofError: the key does not fit the suite, or a value has no canonical form.
    """
    if key.kind not in SUITES[suite]:
        raise ProofError(f"The suite {suite} does not sign with a {key.kind} key.")
    hashed = hashlib.sha384 if key.kind == "P-384" else hashlib.sha256
    try:
        return hashed(jcs.canonicalise(config)).digest() + hashed(jcs.canonicalise(secured)).digest()
    except jcs.CanonicalJsonError as error:
        raise ProofError(f"The document cannot be canonicalised: {error}") from error


def _verified(document: JsonObject, *, proof: Proof, controller: DidDocument, purpose: Purpose) -> JsonObject:
    method = proof.verification_method
    if proof.purpose != purpose:
        raise ProofError(f"The proof is for {proof.purpose!a:.100}; {purpose} was expected.")
    try:
        owner = did.did_of_key_id(method)
    except KeyFormatError as error:
        raise ProofError(str(error)) from error
    if owner != controller.id:  # STANDARDS c5, k11: else anybody could sign for anybody
        raise ProofError(f"The proof is by {owner!a:.200}; {controller.id} was expected.")
    key = controller.key(method, purpose=purpose)
    if key is None:  # by exact id, never from the text of the id (k2)
        raise ProofError(f"{method!a:.200} is not listed under {purpose} by {controller.id}.")
    return verify(document, proof=proof, key=key)


def _without_proof(document: JsonObject, *, config: JsonObject) -> JsonObject:
    """The document as one proof secures it: with the proof's own `@context`, which must begin the document's."""
    secured = {name: value for name, value in document.items() if name != "proof"}
    if "@context" not in config:
        return secured
    wanted, there = _listed(config["@context"]), _listed(document.get("@context"))
    if there[: len(wanted)] != wanted:
        raise ProofError("The document's @context does not begin with the @context that was signed.")
    return {**secured, "@context": config["@context"]}


def _read(entry: JsonObject) -> Proof | str:
    """A proof of a suite that is verified here, or the name of its suite."""
    kind = _text(entry, "type")
    for name in _OPTIONAL_TEXTS:
        if name in entry:
            _text(entry, name)
    if kind != PROOF_TYPE:
        return kind
    suite, method, purpose = (_text(entry, name) for name in ("cryptosuite", "verificationMethod", "proofPurpose"))
    value = _text(entry, "proofValue", at_most=MAX_DOCUMENT_BYTES)  # long ones are of other suites
    created, expires = _moment(entry, "created"), _moment(entry, "expires")
    if "previousProof" in entry:
        return PROOF_CHAIN
    if suite not in SUITES:
        return suite
    config = {name: member for name, member in entry.items() if name != "proofValue"}
    return Proof(suite, method, purpose, _signature(value), config, created, expires)


def _text(entry: JsonObject, name: str, *, at_most: int = MAX_TEXT_CHARACTERS) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= at_most:
        raise ProofError(f"The proof's member {name} is missing, no text, or longer than {at_most} characters.")
    return value


def _moment(entry: JsonObject, name: str) -> datetime | None:
    if name not in entry:
        return None
    try:
        return timestamps.parse(entry[name])
    except timestamps.TimestampError as error:
        raise ProofError(f"The proof's member {name}: {error}") from error


def _signature(value: str) -> bytes:
    if not value.startswith("z") or len(value) > MAX_PROOF_VALUE_CHARACTERS:
        raise ProofError("The proofValue does not begin with 'z' (base58btc), or is too long for a signature.")
    try:
        return multikey.base58_decode(value[1:], what="proofValue")
    except KeyFormatError as error:
        raise ProofError(str(error)) from error


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]
