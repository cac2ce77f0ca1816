"""Good badges, documents and datasets, from which fuzzing starts: small, made of seeds, the same everywhere."""

import copy
import struct
import zlib
from functools import cache
from typing import Any

from keys import did, multikey
from keys.signer import Signer
from schemas import badge_qr, baking, claims, status_list, strict_json
from tests.hostile import stranger
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, IssuerSimulator, ed25519_signer
from verifier.verification import case_file
from verifier.verification.report import Report
from verifier.verification.service import Verification

ISSUER = IssuerSimulator()
ISSUER_CLAIMS = strict_json.dumps(claims.claims_of(ISSUER.document()))
SUITES = ("ecdsa-rdfc-2019", "ecdsa-jcs-2019", "eddsa-rdfc-2022", "eddsa-jcs-2022")
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><title>x</title></svg>'


def _png() -> bytes:
    """A picture of one pixel."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(2))),
        (b"IEND", b""),
    )
    written = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def _ed25519() -> Signer:
    return ed25519_signer(f"{ISSUER.did}#proofs-1")


def documents() -> DocumentsInMemory:
    """What the issuer publishes, with a key for the suites of Ed25519."""
    made = DocumentsInMemory.of([ISSUER])
    published = did.build_document(
        ISSUER.did,
        keys=[(signer.kid, signer.public) for signer in (ISSUER.signer, ISSUER.status_signer)],
        proof_keys=[(_ed25519().kid, _ed25519().public)],
    )
    made.documents[f"{ISSUER.base}/.well-known/did.json"] = strict_json.dumps(published).encode()
    return made


@cache
def _document(suite: str) -> dict[str, Any]:
    signer = _ed25519() if suite.startswith("eddsa") else ISSUER.signer
    return ISSUER.secured(signer=signer, suite=suite)


def document(suite: str) -> dict[str, Any]:
    """A badge with a proof of this suite, to be changed at will."""
    return copy.deepcopy(_document(suite))


@cache
def token() -> str:
    """A badge as a token."""
    return ISSUER.token()


def garments() -> dict[str, bytes]:
    """The token in each form in which a badge travels."""
    envelope = stranger.enveloped(token())
    return {
        "jwt": token().encode(),
        "envelope": strict_json.dumps(envelope).encode(),
        "presentation": strict_json.dumps(stranger.presentation(envelope)).encode(),
        "png": baking.bake_png(_png(), token()),
        "svg": baking.bake_svg(_SVG, token()),
        "code": badge_qr.to_desk_text(ISSUER.packed()).encode(),
        "document in svg": baking.bake_svg(_SVG, strict_json.dumps(document(SUITES[0]))),
    }


def _report() -> Report:
    return Verification(DocumentsInMemory.of([ISSUER]), clock=Clock()).verify(token().encode())


def readers() -> dict[str, bytes]:
    """Something good for each of `targets`, by its name."""
    derived = stranger.with_derived_proofs(stranger.credential(id="urn:c"))
    good = garments()
    return {
        "reading": good["jwt"],
        "strict_json": strict_json.dumps(document(SUITES[0])).encode(),
        "jws": good["jwt"],
        "cbor": b"\x85\x41a\x81\x42bb\xa1\x01\x41c\x80\x18\x20",
        "selective_disclosure": derived["proof"][0]["proofValue"].encode(),
        "nquads": b'_:a <urn:p> "x\\u0041"@en <urn:g> .\n<urn:s> <urn:p> _:a .\n',
        "jsonld": strict_json.dumps(
            stranger.credential({"p": [1.5, {"@value": "x", "@language": "en"}]}, context={"p": "urn:p"})
        ).encode(),
        "baking": good["png"],
        "svg": good["svg"],
        "badge_qr": good["code"],
        "status_list": status_list.encode(status_list.from_indexes([7])).encode(),
        "did": strict_json.dumps(ISSUER.did_document()).encode(),
        "multikey": multikey.encode(ISSUER.signer.public).encode(),
        "timestamps": b"2027-02-01T09:00:00.123+02:00",
        "proofs": strict_json.dumps(document(SUITES[0])).encode(),
        "data_model": strict_json.dumps(document(SUITES[0])).encode(),
        "case_file": strict_json.dumps(case_file.write(_report())).encode(),
    }
