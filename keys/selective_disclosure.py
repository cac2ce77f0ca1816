"""Derived proofs of `ecdsa-sd-2023`, which show a part of a signed document, verified (DI-ECDSA 1.0 §3.5, §3.6).

The issuer signs what must always be shown, together with a key used once; that key signs every other statement by
itself, so that the holder may leave some out. Blank nodes bear labels that tell nothing of what was left out.
Nothing is signed or derived here, and a base proof, which is for its holder only, is refused. The statements of a
document are `schemas.jsonld`; reading a proof and finding its key is `data_integrity`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from keys import multikey
from keys.cbor import CborError, CborReader
from keys.errors import KeyFormatError, ProofError, SignatureError
from keys.jwk import PublicKey
from schemas import base64url, rdfc
from schemas.rdf import Quad

MAX_PROOF_VALUE_CHARACTERS = 256 * 1024  # a badge's has 1,000 to 5,000; one signature takes 88
MAX_SIGNATURES = rdfc.LIMITS.quads  # one for each statement at most …
MAX_LABELS = rdfc.LIMITS.blank_nodes  # … and one label for each blank node
_BASE_HEADER = b"\xd9\x5d\x00"
_DERIVED_HEADER = b"\xd9\x5d\x01"
_PARTS = 5
_SIGNATURE_BYTES = 64  # raw r‖s of P-256
_MULTIKEY_BYTES = 35  # two bytes that say P-256, and a compressed point
_LABEL_BYTES = 32  # an HMAC-SHA-256


@dataclass(frozen=True)
class DerivedProof:
    """A derived proof, well-formed; NOT verified.

    `base_signature`, `signatures`: raw, 64 bytes each; `multikey`: the key that made `signatures`, as the issuer
    signed it; `labels`: from each canonical label (`_:c14n0`) to the issuer's (`_:u…`); `mandatory`: where, among
    the sorted statements, those are that the issuer signed together.
    """

    base_signature: bytes
    multikey: bytes
    signatures: tuple[bytes, ...]
    labels: Mapping[str, str]
    mandatory: frozenset[int]


def verify_derived(
    quads_of_document: Iterable[Quad], *, proof_value: str, canonical_config: str, key: PublicKey
) -> None:
    """A derived proof is good for exactly these statements (DI-ECDSA §3.5.9, §3.6.7).

    `quads_of_document`: of the shown document without its proof; `proof_value`: as it arrived; `canonical_config`:
    the canonical N-Quads of the proof's configuration; `key`: the issuer's, P-256.

    Raises:
        ProofError: the proof is malformed or a base proof, the key is of another kind, the statements have no
            canonical form, one was added, changed or lost, or any signature does not verify.
    """
    if key.kind != "P-256":
        raise ProofError(f"The suite ecdsa-sd-2023 does not sign with a {key.kind} key.")
    proof = parse_derived(proof_value)
    lines = _lines(set(quads_of_document), labels=proof.labels)
    if any(place >= len(lines) for place in proof.mandatory):
        raise ProofError("The proof speaks of more statements than the document makes.")
    mandatory = [line for place, line in enumerate(lines) if place in proof.mandatory]
    selective = [line for place, line in enumerate(lines) if place not in proof.mandatory]
    if len(selective) != len(proof.signatures):
        raise ProofError(f"The proof has {len(proof.signatures)} signatures; {len(selective)} were expected.")
    # The issuer's signature comes first: without it, nobody makes us check the many others.
    signed = _hash(canonical_config) + proof.multikey + _hash("".join(mandatory))  # §3.5.1
    _check(key, proof.base_signature, signed, what="issuer's signature over the mandatory statements")
    once = _key_used_once(proof.multikey)
    for signature, line in zip(proof.signatures, selective, strict=True):
        _check(once, signature, line.encode(), what="signature over one of the disclosed statements")


def parse_derived(proof_value: str) -> DerivedProof:
    """A derived proof out of its text: multibase `u`, a header, five items of CBOR (DI-ECDSA §3.5.8).

    Raises:
        ProofError: it is too long, not canonical base64url, a base proof or of no known kind, or its parts are not
            what they must be: each of its type and length, no label and no place twice.
    """
    if len(proof_value) > MAX_PROOF_VALUE_CHARACTERS:
        raise ProofError(
            f"The proofValue has {len(proof_value)} characters; at most {MAX_PROOF_VALUE_CHARACTERS} are read."
        )
    if not proof_value.startswith("u"):
        raise ProofError("The proofValue does not begin with 'u' (base64url).")
    try:
        data = base64url.decode(proof_value[1:], what="proofValue")
    except base64url.Base64UrlError as error:
        raise ProofError(str(error)) from error
    if data.startswith(_BASE_HEADER):
        raise ProofError("This is a base proof, for its holder only: a proof derived from it was expected.")
    if not data.startswith(_DERIVED_HEADER):
        raise ProofError("The proofValue does not begin as a derived proof of ecdsa-sd-2023.")
    try:
        return _read(CborReader(data[len(_DERIVED_HEADER) :]))
    except CborError as error:
        raise ProofError(f"The proofValue is malformed: {error}") from error


def _read(reader: CborReader) -> DerivedProof:
    if reader.array(at_most=_PARTS) != _PARTS:
        raise CborError(f"It must have {_PARTS} parts.")
    base_signature = reader.byte_string(size=_SIGNATURE_BYTES)
    key = reader.byte_string(size=_MULTIKEY_BYTES)
    count = reader.array(at_most=MAX_SIGNATURES)
    signatures = tuple(reader.byte_string(size=_SIGNATURE_BYTES) for _ in range(count))
    labels = _read_labels(reader)
    count = reader.array(at_most=MAX_SIGNATURES)
    mandatory = frozenset(reader.integer() for _ in range(count))
    if len(mandatory) != count:
        raise CborError("A place is named twice.")
    reader.end()
    return DerivedProof(base_signature, key, signatures, labels, mandatory)


def _read_labels(reader: CborReader) -> Mapping[str, str]:
    """The label map, decompressed (DI-ECDSA §3.5.6).

    Each label stands once: with one label for two blank nodes, a holder could make one thing of two.
    """
    count = reader.map(at_most=MAX_LABELS)
    labels: dict[str, str] = {}
    for _ in range(count):
        number = reader.integer()
        labels[f"_:c14n{number}"] = f"_:u{base64url.encode(reader.byte_string(size=_LABEL_BYTES))}"
    if len(labels) != count or len(set(labels.values())) != count:
        raise CborError("A label of a blank node stands there twice.")
    return labels


def _lines(quads: Iterable[Quad], *, labels: Mapping[str, str]) -> list[str]:
    """The statements under the issuer's labels, sorted (DI-ECDSA §3.5.9, steps 3 and 4)."""
    quads = list(quads)
    try:
        canonical = rdfc.canonicalise(quads)
    except rdfc.CanonicalisationError as error:
        problem = "PROOF_TRANSFORMATION_ERROR"
        raise ProofError(f"The document cannot be canonicalised: {error}", problem=problem) from error
    if set(canonical.labels.values()) != set(labels):
        raise ProofError("The labels in the proof are not those of the document's blank nodes.")
    return rdfc.written(quads, labels={node: labels[label] for node, label in canonical.labels.items()})


def _key_used_once(data: bytes) -> PublicKey:
    """The key of the single statements, from the binary form of its Multikey."""
    try:
        key = multikey.decode(f"z{multikey.base58_encode(data)}")
    except KeyFormatError as error:
        raise ProofError(f"The key in the proof is malformed: {error}") from error
    if key.kind != "P-256":  # unreachable by length today; the suite allows no other
        raise ProofError("The key in the proof is no P-256 key.")
    return key


def _check(key: PublicKey, signature: bytes, message: bytes, *, what: str) -> None:
    try:
        key.check(signature, message)
    except SignatureError as error:
        raise ProofError(f"The {what} does not verify.") from error


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
