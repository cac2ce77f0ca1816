"""Data Integrity proofs: read, made and verified (VC Data Integrity 1.0; DI-EdDSA, DI-ECDSA 1.0).

A proof stands inside the JSON that it secures; several stand side by side (a set), or one builds on others (a
chain). What is hashed is `cryptosuites`; where a key comes from is `did`. Nobody is believed here: what a secured
document says, when its proofs expire and what it is good for is for whoever asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from keys import did, multikey
from keys.cryptosuites import OLD_TYPE, SUITES, CanonicalForms, Suite, hash_input, suite_for
from keys.did import DidDocument, Purpose
from keys.errors import KeyFormatError, ProofError, SignatureError
from keys.jwk import PublicKey
from keys.selective_disclosure import MAX_PROOF_VALUE_CHARACTERS as MAX_SELECTIVE_CHARACTERS
from keys.selective_disclosure import verify_derived
from keys.signer import Signer
from schemas import timestamps
from schemas.contexts import SIGNING, VERIFYING, ContextSet
from schemas.jsonld import Meter
from schemas.strict_json import MAX_DOCUMENT_BYTES, JsonObject, JsonValue

PROOF_TYPE = "DataIntegrityProof"
MAX_PROOFS = 4  # STANDARDS j1; each costs a canonicalisation and a signature
MAX_PROOF_VALUE_CHARACTERS = 140  # a P-384 signature has at most 133; base58 costs quadratic time
MAX_TEXT_CHARACTERS = 4096  # a did:jwk with an RSA key has about 2,000; a message may repeat it
_OPTIONAL_TEXTS = ("id", "nonce", "challenge")


@dataclass(frozen=True)
class Proof:
    """A well-formed proof of a suite that is known here; NOT verified.

    `value`: its proofValue as it arrived; `config`: the proof as it arrived, without `proofValue`; `previous`: the
    ids of the proofs on which it builds; `domains`: for whom it was made, if it says so.
    """

    suite: Suite
    verification_method: str
    purpose: str
    value: str
    config: JsonObject
    created: datetime | None = None
    expires: datetime | None = None
    previous: tuple[str, ...] = ()
    challenge: str | None = None
    domains: frozenset[str] = frozenset()

    @property
    def cryptosuite(self) -> str:
        return self.suite.name

    @property
    def signature(self) -> bytes:
        """The raw signature of a proof that is one (not of `ecdsa-sd-2023`): 64 or 96 bytes.

        Raises:
            ProofError: the value is not base58btc, or too long for a signature.
        """
        return _signature(self.value)

    def check_expected(self, *, challenge: str | None, domain: str | None) -> None:
        """The proof was made for this request (VC Data Integrity §2.1, §4.4): what is None is not asked for.

        Raises:
            ProofError: it says another challenge or domain, or none (INVALID_CHALLENGE_ERROR,
                INVALID_DOMAIN_ERROR).
        """
        if domain is not None and self.domains != {domain}:
            raise ProofError(
                "The proof was made for another domain, or names none.", problem="INVALID_DOMAIN_ERROR"
            )
        if challenge is not None and self.challenge != challenge:
            problem = "INVALID_CHALLENGE_ERROR"
            raise ProofError("The proof answers another challenge, or none.", problem=problem)


class ProofSet:
    """The proofs of one document. `proofs`: those of known suites; `others`: the names of the other suites;
    `bare`: the document without any of them.

    Canonical forms are made once, however many proofs ask for them, and each proof is verified once under a key,
    however many readers ask; the contexts of the document and of all its proofs share one meter.
    """

    def __init__(
        self,
        document: JsonObject,
        *,
        proofs: Iterable[Proof],
        others: Iterable[str],
        contexts: ContextSet = VERIFYING,
    ) -> None:
        self.document, self.proofs, self.others = document, tuple(proofs), tuple(others)
        self._contexts, self._meter = contexts, Meter()
        self.bare = self._forms(_without_proof(document))
        self._verified: dict[tuple[int, PublicKey], tuple[Proof, JsonObject | ProofError]] = {}

    def verify(self, proof: Proof, *, key: PublicKey) -> JsonObject:
        """The document that `proof` secures, once its signature was found good under `key` (DI-EdDSA §3.2.2,
        §3.3.2; DI-ECDSA §3.2.2 to §3.4). With a JCS suite `@context` is the signed one, which may be shorter than
        what arrived.

        Raises:
            ProofError: the key does not fit the suite, `@context` does not begin as the proof's, a term is not
                defined, there is no canonical form, or the signature has another length or does not verify.
        """
        asked = id(proof), key  # the proof is kept with its answer, so that no other can come by its id
        if asked not in self._verified:
            try:
                self._verified[asked] = proof, self._verify(proof, key=key)
            except ProofError as error:
                self._verified[asked] = proof, error
        _, answer = self._verified[asked]
        if isinstance(answer, ProofError):
            raise answer
        return answer

    def _verify(self, proof: Proof, *, key: PublicKey) -> JsonObject:
        secured = self._secured(proof)
        config = self._config(proof, secured.document)
        if proof.suite.form == "selective":
            text = config.text("rdfc").decode()
            verify_derived(secured.quads, proof_value=proof.value, canonical_config=text, key=key)
        else:
            self._check_signature(proof, secured=secured, config=config, key=key)
        return self.bare.document if proof.previous else secured.document

    def _check_signature(
        self, proof: Proof, *, secured: CanonicalForms, config: CanonicalForms, key: PublicKey
    ) -> None:
        try:
            key.check(proof.signature, hash_input(secured, config=config, suite=proof.suite, key=key))
        except SignatureError as error:
            raise ProofError(f"The proof does not verify: {error}") from error

    def _secured(self, proof: Proof) -> CanonicalForms:
        """What this proof was made over: the bare document, or with the proofs on which it builds (§4.3)."""
        document = self.bare.document
        if proof.suite.form == "jcs" and "@context" in proof.config:
            document = _with_context_of(proof.config, document=document)
        if proof.previous:
            document = {**document, "proof": self._previous(proof)}
        if document is self.bare.document:
            return self.bare
        return self._forms(document)

    def _previous(self, proof: Proof) -> list[JsonValue]:
        entries = _listed(self.document.get("proof"))
        return [entry for entry in entries if isinstance(entry, dict) and entry.get("id") in proof.previous]

    def _config(self, proof: Proof, secured: JsonObject) -> CanonicalForms:
        """The proof's configuration as its suite hashes it; where RDF is hashed, in the document's own terms."""
        config = proof.config
        if proof.suite.form != "jcs" and "@context" in secured:
            config = {**config, "@context": secured["@context"]}
        return self._forms(config)

    def _forms(self, document: JsonObject) -> CanonicalForms:
        return CanonicalForms(document, contexts=self._contexts, meter=self._meter)


@dataclass(frozen=True)
class Secured:
    """A document without its proofs, exactly as far as each of `proofs` vouches for it: all were verified."""

    document: JsonObject
    proofs: tuple[Proof, ...]


def read_proofs(document: JsonObject, *, contexts: ContextSet = VERIFYING) -> ProofSet:
    """The proofs inside a document, each well-formed (VC Data Integrity §2.1, §2.1.1, §2.1.2).

    Raises:
        ProofError: there is none, or too many, or one is no object, lacks a member or has one of the wrong type,
            two have the same id, or one builds on a proof that is not there or not known here.
    """
    listed = _listed(document.get("proof"))
    if not listed or len(listed) > MAX_PROOFS:
        raise ProofError(f"The document has {len(listed)} proofs; 1 to {MAX_PROOFS} were expected.")
    entries = [entry for entry in listed if isinstance(entry, dict)]
    if len(entries) != len(listed):
        raise ProofError("The member proof must be an object, or an array of objects.")
    read = [_read(entry) for entry in entries]
    proofs = [proof for proof in read if isinstance(proof, Proof)]
    ids = [entry["id"] for entry in entries if "id" in entry]
    if len(set(map(str, ids))) != len(ids):
        raise ProofError("Two proofs have the same id.")
    known = {proof.config["id"] for proof in proofs if "id" in proof.config}
    if any(not known.issuperset(proof.previous) for proof in proofs):
        raise ProofError("A proof names a previousProof that is not there, or cannot be verified here.")
    others = [name for name in read if isinstance(name, str)]
    return ProofSet(document, proofs=proofs, others=others, contexts=contexts)


def verify(document: JsonObject, *, proof: Proof, key: PublicKey, contexts: ContextSet = VERIFYING) -> JsonObject:
    """The document that one of its proofs secures: `ProofSet.verify` for a single proof; ProofError as there."""
    return ProofSet(document, proofs=[proof], others=(), contexts=contexts).verify(proof, key=key)


def verify_document(
    document: JsonObject,
    *,
    controller: DidDocument,
    purpose: Purpose = "assertionMethod",
    contexts: ContextSet = VERIFYING,
) -> Secured:
    """A document all of whose proofs are of `controller`, for this purpose, and verify. One broken proof fails
    it, whatever the others are; `expires` is told in the proofs, and judged by whoever knows the time.

    Raises:
        ProofError: a proof is broken, of another purpose or by another key than the controller lists, or none of
            them can be verified here.
    """
    found = read_proofs(document, contexts=contexts)
    if not found.proofs:
        shown = ", ".join(f"{name!a:.60}" for name in found.others)
        raise ProofError(f"None of its proofs can be verified here: {shown}.")
    secured = [_verified(found, proof, controller=controller, purpose=purpose) for proof in found.proofs]
    if any(other != secured[0] for other in secured):
        raise ProofError("The proofs of the document do not secure the same document.")
    return Secured(secured[0], found.proofs)


def sign(
    document: JsonObject,
    *,
    signer: Signer,
    created: datetime,
    suite: str | None = None,
    expires: datetime | None = None,
    purpose: Purpose = "assertionMethod",
    challenge: str | None = None,
    domain: str | None = None,
    contexts: ContextSet = SIGNING,
) -> JsonObject:
    """`document` with one more proof (DI-EdDSA §3.2.1, §3.3.1; DI-ECDSA §3.2.1, §3.3.1).

    `suite`: by default the one of the signer's key that hashes RDF; `contexts`: those in which every term must be
    defined, by default the terms that all revisions of a published context share (STANDARDS k1).

    Raises:
        ProofError: the suite is not issued here or does not sign with such a key, a term is not defined, or there
            is
            no canonical form.
    """
    chosen = suite_for(signer.public) if suite is None else SUITES.get(suite)
    if chosen is None or not chosen.issued:
        raise ProofError(
            f"No proofs are made here with the suite {suite!a:.60}.", problem="PROOF_GENERATION_ERROR"
        )
    config: JsonObject = {
        "type": PROOF_TYPE,
        "cryptosuite": chosen.name,
        "created": timestamps.show(created),
        **({} if expires is None else {"expires": timestamps.show(expires)}),
        "verificationMethod": signer.kid,
        "proofPurpose": purpose,
        **({} if challenge is None else {"challenge": challenge}),
        **({} if domain is None else {"domain": domain}),
    }
    context: JsonObject = {"@context": document["@context"]} if "@context" in document else {}
    meter = Meter()
    secured = CanonicalForms(_without_proof(document), contexts=contexts, meter=meter)
    hashed_config = CanonicalForms({**config, **context}, contexts=contexts, meter=meter)
    signature = signer.sign(hash_input(secured, config=hashed_config, suite=chosen, key=signer.public))
    if chosen.form == "jcs":
        config |= context  # these suites carry it, so that it cannot be replaced by another that reads the same
    proof: JsonObject = {**config, "proofValue": f"z{multikey.base58_encode(signature)}"}
    if "proof" not in document:
        return {**document, "proof": proof}
    return {**document, "proof": [*_listed(document["proof"]), proof]}


def _verified(found: ProofSet, proof: Proof, *, controller: DidDocument, purpose: Purpose) -> JsonObject:
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
    return found.verify(proof, key=key)


def _without_proof(document: JsonObject) -> JsonObject:
    return {name: value for name, value in document.items() if name != "proof"}


def _with_context_of(config: JsonObject, *, document: JsonObject) -> JsonObject:
    """The document with a proof's own `@context`, which must begin the document's (DI-EdDSA §3.3.2)."""
    wanted, there = _listed(config["@context"]), _listed(document.get("@context"))
    if there[: len(wanted)] != wanted:
        raise ProofError("The document's @context does not begin with the @context that was signed.")
    return {**document, "@context": config["@context"]}


def _read(entry: JsonObject) -> Proof | str:
    """A proof of a suite that is known here, or the name of its suite."""
    kind = _text(entry, "type")
    for name in _OPTIONAL_TEXTS:
        if name in entry:
            _text(entry, name)
    if kind not in {PROOF_TYPE, OLD_TYPE}:
        return kind
    suite = OLD_TYPE if kind == OLD_TYPE else _text(entry, "cryptosuite")
    method, purpose = (_text(entry, name) for name in ("verificationMethod", "proofPurpose"))
    value = _text(entry, "proofValue", at_most=MAX_DOCUMENT_BYTES)  # long ones are of other suites
    created, expires = _moment(entry, "created"), _moment(entry, "expires")
    if kind == OLD_TYPE and created is None:  # optional in a DataIntegrityProof only (STANDARDS h)
        raise ProofError(f"The {OLD_TYPE} has no member created.")
    previous, domains = _names(entry, "previousProof"), _names(entry, "domain")
    if suite not in SUITES or (kind == PROOF_TYPE and suite == OLD_TYPE):
        return suite
    if SUITES[suite].form == "selective":
        if not value.startswith("u") or len(value) > MAX_SELECTIVE_CHARACTERS:
            raise ProofError("The proofValue does not begin with 'u' (base64url), or is too long.")
    else:
        _signature(value)
    config = {name: member for name, member in entry.items() if name != "proofValue"}
    challenge = entry.get("challenge")
    return Proof(
        suite=SUITES[suite],
        verification_method=method,
        purpose=purpose,
        value=value,
        config=config,
        created=created,
        expires=expires,
        previous=previous,
        challenge=challenge if isinstance(challenge, str) else None,
        domains=frozenset(domains),
    )


def _text(entry: JsonObject, name: str, *, at_most: int = MAX_TEXT_CHARACTERS) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= at_most:
        raise ProofError(f"The proof's member {name} is missing, no text, or longer than {at_most} characters.")
    return value


def _names(entry: JsonObject, name: str) -> tuple[str, ...]:
    """A member that is a text, or an array of texts; nothing where it is missing."""
    if name not in entry:
        return ()
    values = _listed(entry[name])
    texts = tuple(value for value in values if isinstance(value, str) and len(value) <= MAX_TEXT_CHARACTERS)
    if not texts or len(texts) != len(values):
        raise ProofError(f"The proof's member {name} must be a text, or an array of texts.")
    return texts


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
