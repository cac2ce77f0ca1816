"""One document secured in one form: a token around it or a proof inside it (VC-JOSE-COSE, VC Data Integrity 1.0).

`examine` looks at what a stranger wants signed; only what it found sound is ever signed. Whose key signs, and for
whom, is the affair of whoever calls: the contract's `service`, or the command `sign`.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

from keys import cryptosuites, data_integrity, jws
from keys.errors import ProofError
from keys.signer import Signer
from schemas import claims, jsonld, strict_json, vcdm
from schemas.contexts import SIGNING, VERIFYING, ContextSet, RelatedResourceError, check_related_resource
from schemas.strict_json import JsonObject, JsonValue

Suite: TypeAlias = Literal["eddsa-rdfc-2022", "ecdsa-rdfc-2019", "eddsa-jcs-2022", "ecdsa-jcs-2019"]
TokenForm: TypeAlias = Literal["vc+jwt", "vp+jwt"]
SUITES: Final[tuple[Suite, ...]] = get_args(Suite)

# What the claims of a token may mean beside the document's members: none of them may be the document's own.
_CLAIMS: Final = frozenset({*claims.REGISTERED_CLAIMS, "vc", "vp", "nonce"})


class UnsoundError(ValueError):
    """A document is not signed; one sentence. `problem`: the last part of the W3C problem type."""

    def __init__(self, message: str, *, problem: str) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True)
class SoundDocument:
    """A credential or presentation that may be signed; `examine` makes it, and nobody else."""

    content: JsonObject
    version: vcdm.Version
    is_presentation: bool
    contexts: ContextSet


def examine(document: JsonValue, *, contexts: ContextSet = VERIFYING) -> SoundDocument:
    """A document that obeys its data model and of which JSON-LD loses nothing, whatever form it will have.

    `contexts`: those in which its terms must be defined. Proofs that it carries already are kept, not looked into.

    Raises:
        UnsoundError: a rule of the data model is broken, a term is not defined, a context is not known or not the
            one of the digest that is given for it, or the document is an envelope, hence secured already, or too
            large.
    """
    types = vcdm.types_in(document) if isinstance(document, dict) else ()
    is_presentation = vcdm.PRESENTATION_TYPE in types
    if {vcdm.ENVELOPED_CREDENTIAL_TYPE, vcdm.ENVELOPED_PRESENTATION_TYPE} & set(types):
        raise UnsoundError(
            "The document is an envelope, which is secured already.", problem="MALFORMED_VALUE_ERROR"
        )
    try:
        version = (vcdm.check_presentation if is_presentation else vcdm.check_credential)(document)
        assert isinstance(document, dict)
        _check_size(document)
        _check_related_resources(document)
        jsonld.to_quads({name: value for name, value in document.items() if name != "proof"}, contexts=contexts)
    except vcdm.DataModelError as error:
        raise UnsoundError(str(error), problem=error.problem) from error
    except RelatedResourceError as error:
        raise UnsoundError(str(error), problem="MALFORMED_VALUE_ERROR") from error
    except jsonld.JsonLdError as error:
        raise UnsoundError(str(error), problem="DATA_LOSS_DETECTION_ERROR") from error
    return SoundDocument(document, version, is_presentation, contexts)


def as_token(
    document: SoundDocument,
    *,
    form: TokenForm,
    signer: Signer,
    challenge: str | None = None,
    domain: str | None = None,
) -> str:
    """The document as compact JWT; a presentation answers a challenge by `nonce`, for a domain as `aud`.

    Raises:
        UnsoundError: the form is for the other kind of document or the other data model, the document has members
            that only a token may have or is too large for one, or a credential was to answer a challenge.
    """
    _check_challenge(document, challenge=challenge, domain=domain)
    payload = _claims(document, form=form, challenge=challenge, domain=domain)
    typ = jws.STRICT_TYP if signer.public.kind == "RSA" else form
    token = jws.sign(strict_json.dumps(payload).encode(), signer=signer, typ=typ)
    if len(token) > jws.MAX_JWS_CHARACTERS:
        raise UnsoundError("The token would be longer than verifiers read.", problem="RANGE_ERROR")
    return token


def with_proof(
    document: SoundDocument,
    *,
    suite: Suite,
    signer: Signer,
    now: datetime,
    challenge: str | None = None,
    domain: str | None = None,
) -> JsonObject:
    """The document with one more proof: a credential is asserted, a presentation authenticates whoever shows it.

    Raises:
        UnsoundError: the key does not fit the suite or its id is no URL, a term is not defined, or not in every
            revision of its context (STANDARDS k1), there are too many proofs already, or a credential was to
            answer a challenge.
    """
    _check_challenge(document, challenge=challenge, domain=domain)
    _check_proofs(document.content)
    _check_key(signer, suite)
    try:
        return data_integrity.sign(
            document.content,
            signer=signer,
            created=now,
            suite=suite,
            purpose="authentication" if document.is_presentation else "assertionMethod",
            challenge=challenge,
            domain=domain,
            contexts=_for_signing(document.contexts),
        )
    except ProofError as error:
        raise UnsoundError(str(error), problem=error.problem) from error


def envelope(token: str) -> JsonObject:
    """A credential's token as an object (VCDM 2.0 §4.13.1)."""
    return {
        "@context": "https://www.w3.org/ns/credentials/v2",
        "type": vcdm.ENVELOPED_CREDENTIAL_TYPE,
        "id": f"data:application/vc+jwt,{token}",
    }


@lru_cache(maxsize=8)
def _for_signing(contexts: ContextSet) -> ContextSet:
    """The same contexts, each of the standards' as far as all its revisions agree."""
    return ContextSet.of(*contexts.members.values(), *SIGNING.members.values(), name=f"{contexts.name}, signing")


def _check_challenge(document: SoundDocument, *, challenge: str | None, domain: str | None) -> None:
    if not document.is_presentation and (challenge, domain) != (None, None):
        raise UnsoundError(
            "Only a presentation answers a challenge for a domain.", problem="PROOF_GENERATION_ERROR"
        )


def _claims(document: SoundDocument, *, form: TokenForm, challenge: str | None, domain: str | None) -> JsonObject:
    """The payload: the document itself, with the claims that repeat its members (STANDARDS c1)."""
    kind = "presentation" if document.is_presentation else "credential"
    if form != ("vp+jwt" if document.is_presentation else "vc+jwt"):
        raise UnsoundError(f"A {kind} is not signed as {form}.", problem="PROOF_GENERATION_ERROR")
    if document.version != "2.0":
        raise UnsoundError(f"A {kind} of VCDM 1.1 is not signed as {form}.", problem="PROOF_GENERATION_ERROR")
    own = sorted(_CLAIMS & document.content.keys())
    if own:
        raise UnsoundError(f"The member {own[0]} is a claim of the token.", problem="MALFORMED_VALUE_ERROR")
    if not document.is_presentation:
        return {**document.content, **_repeated(document.content)}
    holder = document.content.get("holder")
    named = holder.get("id") if isinstance(holder, dict) else holder
    asked = {"iss": named, "nonce": challenge, "aud": domain}
    return {**document.content, **{name: value for name, value in asked.items() if value is not None}}


def _repeated(credential: JsonObject) -> JsonObject:
    made = claims.repeated(credential)
    for name in ("nbf", "exp"):
        moment = made.get(name, 0)
        if not isinstance(moment, int) or moment < 0:
            raise UnsoundError(f"A moment before 1970 has no claim {name}.", problem="RANGE_ERROR")
    return made


def _check_key(signer: Signer, suite: Suite) -> None:
    kind, problem = signer.public.kind, "PROOF_GENERATION_ERROR"
    if kind not in cryptosuites.SUITES[suite].kinds:
        raise UnsoundError(f"The suite {suite} does not sign with this {kind} key.", problem=problem)
    if not vcdm.is_url(signer.kid):
        raise UnsoundError("The key's id is no URL, so nobody could find the key of the proof.", problem=problem)


def _check_proofs(content: JsonObject) -> None:
    """A proof set may grow as far as verifiers read it (STANDARDS j1)."""
    present = content.get("proof", [])
    number = len(present) if isinstance(present, list) else 1
    if number >= data_integrity.MAX_PROOFS:
        raise UnsoundError(f"The document has {number} proofs already.", problem="PROOF_GENERATION_ERROR")


def _check_related_resources(document: JsonObject) -> None:
    """A digest that is given for a context is the one of its published bytes (VCDM 2.0 §5.3)."""
    given = document.get("relatedResource", [])
    for entry in given if isinstance(given, list) else [given]:
        if isinstance(entry, dict):
            check_related_resource(entry)


def _check_size(document: JsonObject) -> None:
    size = len(strict_json.dumps(document).encode())
    if size > strict_json.MAX_DOCUMENT_BYTES:
        limit = strict_json.MAX_DOCUMENT_BYTES
        raise UnsoundError(f"The document has {size} bytes; at most {limit} are signed.", problem="RANGE_ERROR")
