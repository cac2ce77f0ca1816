"""What it costs to sign a badge with its proof inside, by the template of its achievement and by other ways.

The pipeline of PyLD stands here for what everybody can put together: the same contexts, the same statements.
"""

import copy
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyld import jsonld as pyld

from keys import data_integrity, jws
from keys.proof_template import ProofTemplate
from keys.signer import Signer
from schemas import claims, strict_json
from schemas.contexts import SIGNING
from tests.bench.badges import PROOF_KEY, documents, identities, in_turn
from tests.bench.measuring import Row, against, microseconds, row
from tests.unit.verifier.simulator import NOW, IssuerSimulator


def rows() -> Iterator[Row]:
    """A token from its prepared claims; then a document with its proof inside."""
    issuer = IssuerSimulator()
    made = documents(issuer)
    payloads = [strict_json.dumps(claims.claims_of(document)).encode() for document in made]
    private, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256())
    signer = Signer(private, kid=issuer.signer.kid)
    inputs = [jws.parse(jws.sign(payload, signer=signer)).signing_input for payload in payloads]
    prepared = in_turn(lambda payload: jws.sign(payload, signer=signer), payloads)
    bare = in_turn(lambda message: private.sign(message, algorithm), inputs)
    yield against("issue a VC-JWT from a prepared credential", prepared, bare)

    secret = Ed25519PrivateKey.generate()
    proofs = Signer(secret, kid=f"{issuer.did}#{PROOF_KEY}")
    template = ProofTemplate(made[0], paths=tuple(identities()), signer=proofs)
    assert template.sign(made[1], created=NOW) == data_integrity.sign(made[1], signer=proofs, created=NOW)

    def signed_by_pyld(document: dict[str, Any]) -> object:
        config = {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-rdfc-2022",
            "created": "2027-02-01T09:00:00Z",
            "verificationMethod": proofs.kid,
            "proofPurpose": "assertionMethod",
        }
        hashed = [_hash_by_pyld(part) for part in ({**config, "@context": document["@context"]}, document)]
        return proofs.sign(b"".join(hashed))

    quick = microseconds(in_turn(lambda document: template.sign(document, created=NOW), made))
    plain = microseconds(in_turn(signed_by_pyld, made[:8]))
    yield row("issue eddsa-rdfc-2022, a known achievement", quick, "CPU microseconds")
    yield row("issue eddsa-rdfc-2022 by PyLD", plain, "CPU microseconds", baseline=quick)
    whole = in_turn(lambda document: data_integrity.sign(document, signer=proofs, created=NOW), made)
    message = bytes(64)
    yield against("issue eddsa-rdfc-2022, any document", whole, lambda: secret.sign(message))


def _hash_by_pyld(document: dict[str, Any]) -> bytes:
    options = {
        "algorithm": "URDNA2015",
        "format": "application/n-quads",
        "documentLoader": lambda url, _: _load(url),
    }
    return hashlib.sha256(pyld.normalize(document, options).encode()).digest()


@lru_cache
def _load(url: str) -> dict[str, Any]:
    context = {"@context": copy.deepcopy(SIGNING.get(url))}
    return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url, "document": context}
