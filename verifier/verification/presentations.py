"""A presentation: credentials that somebody shows, and a signature that says who shows them, to whom, and now.

Read and judged like a credential (`checks`, `proofs`), with the holder in the issuer's place and the purpose
`authentication`. An unsigned presentation is a folder: it proves nothing about whoever hands it over (STANDARDS
k17). The credentials inside are judged one by one elsewhere; nothing here fetches.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keys import data_integrity, did, jws
from keys.data_integrity import ProofSet
from keys.errors import KeyFormatError, ProofError, SignatureError
from keys.jwk import PublicKey
from schemas import jsonld, strict_json, vcdm
from schemas.strict_json import JsonObject, JsonValue
from verifier.verification.errors import ReadingError
from verifier.verification.proofs import (
    check_proof,
    check_proof_expires,
    check_proof_purpose,
    check_proof_suite,
    check_signature,
)
from verifier.verification.reading import ReadBadge, read_secured
from verifier.verification.story import (
    WHOSE_KEY,
    Told,
    check_issuer_document,
    check_issuer_key,
    check_key_owner,
    document_to_read,
    read_document,
)
from verifier.verification.trust import TrustBundle
from verifier.verification.verdict import Check, Outcome, State, Verdict

MAX_CREDENTIALS: Final = 16  # STANDARDS j1
PRESENTATION_TYP: Final = frozenset({"vp+jwt", "JWT"})  # or absent
ENVELOPE_PREFIX: Final = "data:application/vp+jwt,"
REGISTERED_CLAIMS: Final = frozenset({"iss", "sub", "jti", "nbf", "exp", "iat", "aud", "nonce", "cnf"})
PURPOSE: Final = "authentication"

# Every check of a presentation, whichever form it has; those that its form does not have are left out.
STORY: Final = (
    *("envelope", "context", "presentation_model", "proof", "proof_suite", "proof_purpose", "challenge"),
    *WHOSE_KEY,
    *("signature", "proof_expires"),
)
_OF_PROOFS: Final = frozenset({"proof", "proof_suite", "proof_purpose", "proof_expires"})
_OF_SIGNED: Final = frozenset({*_OF_PROOFS, *WHOSE_KEY, "signature"})


@dataclass(frozen=True)
class Expected:
    """What whoever asked gave to the holder to sign; None where nothing was given."""

    challenge: str | None = None
    domain: str | None = None


@dataclass(frozen=True)
class Presented:
    """A presentation as it arrived: the compact JWT `token`, or the `document`; `credentials` as they stand in it.

    `holder`: who signed it, by the key's id; None if nobody did.
    """

    document: JsonObject
    token: str | None
    credentials: tuple[ReadBadge, ...]
    holder: str | None


@dataclass(frozen=True)
class PresentationVerdict:
    """The checks of the presentation itself, and the verdict on each credential in it.

    `holder`: who presented them, proved by a signature; None otherwise.
    """

    checks: tuple[Check, ...]
    credentials: tuple[Verdict, ...]
    holder: str | None

    @property
    def outcome(self) -> Outcome:
        """Valid if the presentation and every credential in it is."""
        states = {check.state for check in self.checks}
        outcomes = {verdict.outcome for verdict in self.credentials}
        if State.FAIL in states or Outcome.NOT_VALID in outcomes:
            return Outcome.NOT_VALID
        unknown = State.UNKNOWN in states or Outcome.UNKNOWN in outcomes
        return Outcome.UNKNOWN if unknown else Outcome.VALID


def read(presentation: JsonValue) -> Presented:
    """The presentation in a JSON value: a document with a proof or without, an envelope, or a compact JWT as a
    text.

    Raises:
        ReadingError: it is none, or has more credentials than are read.
    """
    token = presentation if isinstance(presentation, str) else None
    document = presentation if isinstance(presentation, dict) else {}
    if vcdm.ENVELOPED_PRESENTATION_TYPE in vcdm.types_in(document):
        address = document.get("id")
        if not isinstance(address, str) or not address.startswith(ENVELOPE_PREFIX):
            raise ReadingError(f"The envelope's id does not begin with {ENVELOPE_PREFIX}.")
        token = address.removeprefix(ENVELOPE_PREFIX)
    holder: str | None = None
    if token is not None:
        document, holder = _from_token(token)
    elif "proof" in document:
        holder = _signer_of(document)
    if not document:
        raise ReadingError("A presentation was expected: an object of type VerifiablePresentation.")
    inside = document.get("verifiableCredential", [])
    listed = inside if isinstance(inside, list) else [inside]
    if len(listed) > MAX_CREDENTIALS:
        raise ReadingError(f"The presentation has {len(listed)} credentials; {MAX_CREDENTIALS} are read.")
    return Presented(document, token, tuple(read_secured(item) for item in listed), holder)


def verify(presented: Presented, *, expected: Expected, trust: TrustBundle, now: datetime) -> tuple[Check, ...]:
    """The checks of the presentation itself, resting on `trust` alone."""
    if presented.token is not None:
        return _verify_token(presented, expected=expected, trust=trust, now=now)
    document = presented.document
    signed = "proof" in document
    left_out = {"envelope", *(() if signed else _OF_SIGNED), *(WHOSE_KEY if trust.given_key else ())}
    told = Told(tuple(name for name in STORY if name not in left_out))
    if not signed:
        told.passed(_context(document, trust), check_presentation_model(document))
        told.passed(check_challenge(None, expected=expected))
        return told.verdict().checks
    if not told.passed(check_proof(document)):
        return told.verdict().checks
    found = data_integrity.read_proofs(document, contexts=trust.contexts)
    made = (
        _context(found.bare.document, trust, found),
        check_presentation_model(found.bare.document),
        check_proof_suite(found),
        check_proof_purpose(found, purpose=PURPOSE),
        check_challenge(found, expected=expected),
    )
    if not told.passed(*made):
        return told.verdict().checks
    keys = _keys(told, presented, [p.verification_method for p in found.proofs], trust=trust, now=now)
    if keys is not None:
        told.passed(
            check_signature(found, key_of=lambda proof: trust.given_key or keys.get(proof.verification_method)),
            check_proof_expires(found, now=now),
        )
    return told.verdict().checks


def check_envelope(token: str) -> Check:
    """The token is a compact JWS of a presentation, by a key whose id is a DID URL (VC-JOSE-COSE §3.2.2)."""
    try:
        header = jws.parse(token).header
        if header.typ is not None and header.typ not in PRESENTATION_TYP:
            return Check("envelope", State.FAIL, f"typ {header.typ!a}: vp+jwt was expected.")
    except SignatureError as error:
        return Check("envelope", State.FAIL, str(error))
    return Check("envelope", State.PASS)


def check_presentation_model(document: JsonObject) -> Check:
    """It obeys the data model of presentations (VCDM 2.0 §4.13, VCDM 1.1 §4.10)."""
    try:
        vcdm.check_presentation(document)
    except vcdm.DataModelError as error:
        return Check("presentation_model", State.FAIL, str(error), problem=error.problem)
    return Check("presentation_model", State.PASS)


def check_challenge(found: "ProofSet | JsonObject | None", *, expected: Expected) -> Check:
    """It was made for this request and for us: each proof has the challenge and domain that were asked for, or the
    token its `nonce` and `aud` (VC Data Integrity §2.1; STANDARDS j3). Nothing is asked of it where nothing was
    given.
    """
    if expected == Expected():
        return Check("challenge", State.PASS, "none was asked for")
    if found is None:
        return Check("challenge", State.FAIL, "Nobody signed the presentation, so it answers no challenge.")
    if isinstance(found, ProofSet):
        try:
            for proof in found.proofs:
                proof.check_expected(challenge=expected.challenge, domain=expected.domain)
        except ProofError as error:
            return Check("challenge", State.FAIL, str(error), problem=error.problem)
        return Check("challenge", State.PASS)
    audience = found.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if expected.domain is not None and audiences != [expected.domain]:
        return Check("challenge", State.FAIL, "aud is not whom it is shown to.", problem="INVALID_DOMAIN_ERROR")
    if expected.challenge is not None and found.get("nonce") != expected.challenge:
        return Check("challenge", State.FAIL, "nonce is not the challenge that was given.")
    return Check("challenge", State.PASS)


def _verify_token(
    presented: Presented, *, expected: Expected, trust: TrustBundle, now: datetime
) -> tuple[Check, ...]:
    left_out = {*_OF_PROOFS, *(WHOSE_KEY if trust.given_key else ())}
    told = Told(tuple(name for name in STORY if name not in left_out))
    token = presented.token or ""
    if not told.passed(check_envelope(token)):
        return told.verdict().checks
    parsed = jws.parse(token)
    claims = strict_json.loads_object(parsed.payload)
    made = (
        _context(_without_tokens(presented.document), trust),
        check_presentation_model(presented.document),
        check_challenge(claims, expected=expected),
    )
    if not told.passed(*made):
        return told.verdict().checks
    kid = parsed.header.kid or ""
    keys = _keys(told, presented, [kid], trust=trust, now=now)
    if keys is not None:
        told.passed(_token_signature(token, claims, key=trust.given_key or keys.get(kid), now=now))
    return told.verdict().checks


def _token_signature(token: str, claims: JsonObject, *, key: PublicKey | None, now: datetime) -> Check:
    if key is None:
        return Check("signature", State.FAIL, "There is no such key.")
    try:
        jws.verify(token, key=key, accepted_typ=PRESENTATION_TYP)
        jws.check_time(claims, now=now)
    except SignatureError as error:
        return Check("signature", State.FAIL, str(error))
    return Check("signature", State.PASS)


def _keys(
    told: Told, presented: Presented, methods: list[str], *, trust: TrustBundle, now: datetime
) -> dict[str, PublicKey] | None:
    """The keys by which it is signed, all of its one holder; None once a check was not passed."""
    if trust.given_key is not None:
        return {}
    owner = _named_holder(presented.document) or presented.holder or ""
    for kid in methods:
        if not told.passed(check_key_owner(kid, issuer=owner)):
            return None
    published = document_to_read(owner, trust=trust)
    if not told.passed(check_issuer_document(owner, published=published, now=now)):
        return None
    document = read_document(owner, published=published)
    for kid in methods:
        if not told.passed(check_issuer_key(kid, document=document, purpose=PURPOSE)):
            return None
    found = {kid: document.key(kid, purpose=PURPOSE) for kid in methods}
    return {kid: key for kid, key in found.items() if key is not None}


def _context(document: JsonObject, trust: TrustBundle, found: ProofSet | None = None) -> Check:
    """Every word is defined by a known context; credentials inside are looked at by themselves as well."""
    try:
        if found is None:
            jsonld.to_quads(document, contexts=trust.contexts)
        else:
            _ = found.bare.expanded
    except jsonld.JsonLdError as error:
        return Check("context", State.FAIL, str(error))
    return Check("context", State.PASS)


def _without_tokens(document: JsonObject) -> JsonObject:
    """Without the credentials that are compact JWTs: VCDM 1.1 §6.3.1 has them as texts, which say nothing in RDF.
    They are judged by themselves, and in 2.0 the model refuses them.
    """
    inside = document.get("verifiableCredential")
    if not isinstance(inside, list) or not any(isinstance(item, str) for item in inside):
        return document
    return document | {"verifiableCredential": [item for item in inside if not isinstance(item, str)]}


def _from_token(token: str) -> tuple[JsonObject, str | None]:
    """The presentation in a token, with what it leaves to the registered claims, and the DID of its key's id."""
    try:
        parsed = jws.parse(token)
        claims = strict_json.loads_object(parsed.payload)
    except (SignatureError, strict_json.StrictJsonError) as error:
        raise ReadingError(f"The presentation cannot be read: {error}") from error
    inner = claims.get("vp")
    if isinstance(inner, dict):  # VCDM 1.1 §6.3.1
        document = {**inner, **({"holder": claims["iss"]} if "iss" in claims and "holder" not in inner else {})}
    else:
        document = {name: value for name, value in claims.items() if name not in REGISTERED_CLAIMS}
        if "iss" in claims and claims["iss"] != _named_holder(document):
            document["holder"] = claims["iss"] if "holder" not in document else None  # two holders are none
    return document, _did_or_none(parsed.header.kid or "")


def _signer_of(document: JsonObject) -> str | None:
    proofs = document["proof"]
    first = proofs[0] if isinstance(proofs, list) and proofs else proofs
    method = first.get("verificationMethod") if isinstance(first, dict) else None
    return _did_or_none(method) if isinstance(method, str) else None


def _did_or_none(kid: str) -> str | None:
    try:
        return did.did_of_key_id(kid)
    except KeyFormatError:
        return None


def _named_holder(document: JsonObject) -> str | None:
    holder = document.get("holder")
    named = holder.get("id") if isinstance(holder, dict) else holder
    return named if isinstance(named, str) else None
