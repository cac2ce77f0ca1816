"""The cryptosuites of Data Integrity: which keys each signs with, and what exactly is signed.

Every suite here signs hash(canonical proof configuration) followed by hash(canonical document), proof first
(STANDARDS c2, k12); they differ in the canonical form: RFC 8785 for JSON, RDFC-1.0 for the statements that the
JSON makes. Reading, chaining and judging proofs is `data_integrity`; `ecdsa-sd-2023` signs otherwise and has
`selective_disclosure` to itself.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from keys.errors import ProofError
from keys.jwk import KeyKind, PublicKey
from schemas import jcs, jsonld, rdfc
from schemas.contexts import ContextSet
from schemas.jsonld import Meter
from schemas.rdf import Quad
from schemas.strict_json import JsonObject

Form = Literal["jcs", "rdfc", "selective"]
HashName = Literal["sha256", "sha384"]


@dataclass(frozen=True)
class Suite:
    """One cryptosuite. `form`: how it makes a document canonical; `issued`: whether it is made here as well."""

    name: str
    kinds: tuple[KeyKind, ...]
    form: Form
    issued: bool = True


OLD_TYPE = "Ed25519Signature2020"  # a proof type of its own, from before there were cryptosuites: read, never made
SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("eddsa-rdfc-2022", ("Ed25519",), "rdfc"),
        Suite("ecdsa-rdfc-2019", ("P-256", "P-384"), "rdfc"),
        Suite("eddsa-jcs-2022", ("Ed25519",), "jcs"),
        Suite("ecdsa-jcs-2019", ("P-256", "P-384"), "jcs"),
        Suite("ecdsa-sd-2023", ("P-256",), "selective", issued=False),
        Suite(OLD_TYPE, ("Ed25519",), "rdfc", issued=False),
    )
}


def suite_for(key: PublicKey, *, form: Form = "rdfc") -> Suite:
    """The suite that signs with such a key in this canonical form.

    Raises:
        ProofError: there is none.
    """
    for suite in SUITES.values():
        if suite.issued and suite.form == form and key.kind in suite.kinds:
            return suite
    raise ProofError(f"No suite here signs with a {key.kind} key.", problem="PROOF_GENERATION_ERROR")


class CanonicalForms:
    """One document in its canonical forms, each made at most once, and only when a proof asks for it.

    `meter`: counts the work of contexts for this document and all that belongs to it.
    """

    def __init__(self, document: JsonObject, *, contexts: ContextSet, meter: Meter | None = None) -> None:
        self.document, self._contexts, self._meter = document, contexts, meter
        self._quads: list[Quad] | jsonld.JsonLdError | None = None
        self._hashes: dict[tuple[Form, HashName], bytes] = {}

    @property
    def expanded(self) -> list[Quad]:
        """The statements that the document makes (JSON-LD 1.1, safe mode).

        Raises:
            JsonLdError: a term is not defined, a context is not known, or the document is too large for it.
        """
        if self._quads is None:
            try:
                self._quads = jsonld.to_quads(self.document, contexts=self._contexts, meter=self._meter)
            except jsonld.JsonLdError as error:  # kept as well: whoever asks again must not pay again
                self._quads = error
        if isinstance(self._quads, jsonld.JsonLdError):
            raise self._quads
        return self._quads

    @property
    def quads(self) -> list[Quad]:
        """The same for a proof, which raises ProofError (VC Data Integrity §2.9)."""
        try:
            return self.expanded
        except jsonld.JsonLdError as error:
            raise ProofError(str(error), problem="DATA_LOSS_DETECTION_ERROR") from error

    def text(self, form: Form, algorithm: HashName = "sha256") -> bytes:
        """The canonical UTF-8 bytes: JSON (`jcs`), or sorted N-Quads (any other form).

        Raises:
            ProofError: the document has no such form within the limits.
        """
        try:
            if form == "jcs":
                return jcs.canonicalise(self.document)
            return rdfc.canonicalise(self.quads, algorithm=algorithm).text.encode()
        except (jcs.CanonicalJsonError, rdfc.CanonicalisationError) as error:
            problem = "PROOF_TRANSFORMATION_ERROR"
            raise ProofError(f"The document cannot be canonicalised: {error}", problem=problem) from error

    def hashed(self, form: Form, algorithm: HashName) -> bytes:
        """The hash of the canonical form, by `algorithm`, which labels blank nodes as well (STANDARDS c3)."""
        if (form, algorithm) not in self._hashes:
            self._hashes[form, algorithm] = hashlib.new(algorithm, self.text(form, algorithm)).digest()
        return self._hashes[form, algorithm]


def hash_input(secured: CanonicalForms, *, config: CanonicalForms, suite: Suite, key: PublicKey) -> bytes:
    """What is signed: the hash of the proof configuration, then that of the document; 64 bytes, with P-384 96.

    Raises:
        ProofError: the key does not fit the suite, or one of the two has no canonical form.
    """
    if key.kind not in suite.kinds:
        raise ProofError(f"The suite {suite.name} does not sign with a {key.kind} key.")
    algorithm: HashName = "sha384" if key.kind == "P-384" else "sha256"
    return config.hashed(suite.form, algorithm) + secured.hashed(suite.form, algorithm)
