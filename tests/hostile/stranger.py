"""A stranger who issues what they like under keys of their own: whatever they sign is well signed.

Most attacks on documents come from such an issuer, since a bad signature is refused before the rest matters. What
is signed here is signed without looking at it, by the product's own suites: the verifier is what is tested.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from keys import did as dids
from keys import jws, multikey
from keys.cryptosuites import SUITES, CanonicalForms, hash_input
from keys.signer import Signer
from schemas import base64url, strict_json
from schemas.contexts import VERIFYING
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, ed25519_signer, p256_signer
from verifier.verification.service import Verification

HOST = "stranger.example"
DID = f"did:web:{HOST}"
V2 = "https://www.w3.org/ns/credentials/v2"
OB = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
LIST_URL = f"https://{HOST}/list"  # never there: a verifier that asks for it has checked the signature before

ED25519, P256 = ed25519_signer(f"{DID}#e"), p256_signer(f"{DID}#p")
P384 = Signer(ec.derive_private_key(1 << 300, ec.SECP384R1()), kid=f"{DID}#q")
_EVERY_KEY = (ED25519, P256, P384, P256)


def did_document() -> dict[str, Any]:
    """All three keys, for assertions and to log in."""
    made: dict[str, Any] = dids.build_document(
        DID, keys=[], proof_keys=[(signer.kid, signer.public) for signer in (ED25519, P256, P384)]
    )
    return {**made, "authentication": made["assertionMethod"]}


def documents(document: dict[str, Any] | None = None) -> DocumentsInMemory:
    """What the stranger publishes."""
    body = strict_json.dumps(did_document() if document is None else document).encode()
    return DocumentsInMemory({f"https://{HOST}/.well-known/did.json": body})


def verification(document: dict[str, Any] | None = None) -> Verification:
    """A verifier that has seen nothing yet."""
    return Verification(documents(document), clock=Clock())


def credential(
    subject: Any = None, *, context: Any = None, listed: bool = False, **members: Any
) -> dict[str, Any]:
    """A credential of the stranger; `listed`: with a status list, so that a verifier has the more to do."""
    entry = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "1",
        "statusListCredential": LIST_URL,
    }
    return {
        "@context": [V2] if context is None else [V2, context],
        "type": ["VerifiableCredential"],
        "issuer": DID,
        "credentialSubject": {"id": "did:example:subject"} if subject is None else subject,
        **({"credentialStatus": entry} if listed else {}),
        **members,
    }


def presentation(*credentials: Any, **members: Any) -> dict[str, Any]:
    inside = {"verifiableCredential": list(credentials)} if credentials else {}
    return {"@context": [V2], "type": ["VerifiablePresentation"], **inside, **members}


def token(document: dict[str, Any], *, signer: Signer = P256, typ: str = "vc+jwt") -> str:
    return jws.sign(strict_json.dumps(document).encode(), signer=signer, typ=typ)


def enveloped(token: str) -> dict[str, Any]:
    return {"@context": V2, "type": "EnvelopedVerifiableCredential", "id": f"data:application/vc+jwt,{token}"}


def with_proofs(
    document: dict[str, Any],
    *,
    number: int = 1,
    chained: bool = False,
    purpose: str = "assertionMethod",
    **members: Any,
) -> dict[str, Any]:
    """A document with a set of proofs by all the keys, or a chain in which each builds on all before it.

    `members`: more of them for each proof.
    """
    proofs: list[dict[str, Any]] = []
    for place, signer in enumerate(_EVERY_KEY[:number]):
        config = {
            "id": f"urn:proof:{place}",
            "type": "DataIntegrityProof",
            "cryptosuite": f"{'eddsa-rdfc-2022' if signer is ED25519 else 'ecdsa-rdfc-2019'}",
            "verificationMethod": signer.kid,
            "proofPurpose": purpose,
            **members,
        }
        secured = document
        if chained and proofs:
            config["previousProof"] = [proof["id"] for proof in proofs]
            secured = {**document, "proof": list(proofs)}
        proofs.append({**config, "proofValue": _signed(secured, config, signer=signer)})
    return as_read({**document, "proof": proofs})


def with_derived_proofs(document: dict[str, Any], *, number: int = 1) -> dict[str, Any]:
    """The same with proofs of `ecdsa-sd-2023`, each with a signature for every statement; no blank nodes."""
    forms = CanonicalForms(document, contexts=VERIFYING)
    lines = forms.text("rdfc").decode().splitlines(keepends=True)
    once = p256_signer("a key used once")
    own = multikey.base58_decode(multikey.encode(once.public)[1:])
    proofs = []
    for place in range(number):
        config = {
            "id": f"urn:proof:{place}",
            "type": "DataIntegrityProof",
            "cryptosuite": "ecdsa-sd-2023",
            "verificationMethod": P256.kid,
            "proofPurpose": "assertionMethod",
        }
        hashed = CanonicalForms({**config, "@context": document["@context"]}, contexts=VERIFYING)
        base = P256.sign(hashlib.sha256(hashed.text("rdfc")).digest() + own + hashlib.sha256(b"").digest())
        signatures = [once.sign(line.encode()) for line in lines]
        parts = [_bytes(base), _bytes(own), _array(map(_bytes, signatures)), b"\xa0", b"\x80"]
        data = b"\xd9\x5d\x01" + _array(parts)
        proofs.append({**config, "proofValue": f"u{base64url.encode(data)}"})
    return as_read({**document, "proof": proofs})


def as_read(document: dict[str, Any]) -> dict[str, Any]:
    """As it arrives: no part of it is shared."""
    return strict_json.loads_object(strict_json.dumps(document), max_bytes=1 << 22, max_depth=64)


def _signed(document: dict[str, Any], config: dict[str, Any], *, signer: Signer) -> str:
    secured = CanonicalForms(document, contexts=VERIFYING)
    hashed = CanonicalForms({**config, "@context": document["@context"]}, contexts=VERIFYING)
    suite = SUITES[config["cryptosuite"]]
    signature = signer.sign(hash_input(secured, config=hashed, suite=suite, key=signer.public))
    return f"z{multikey.base58_encode(signature)}"


def _head(kind: int, number: int) -> bytes:
    """The head of a CBOR item (RFC 8949 §3)."""
    if number < 24:
        return bytes([kind << 5 | number])
    size = 1 if number < 256 else 2
    return bytes([kind << 5 | (23 + size)]) + number.to_bytes(size)


def _bytes(data: bytes) -> bytes:
    return _head(2, len(data)) + data


def _array(items: Iterable[bytes]) -> bytes:
    listed: Sequence[bytes] = list(items)
    return _head(4, len(listed)) + b"".join(listed)
