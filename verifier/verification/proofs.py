"""The story of a credential that is secured by Data Integrity proofs inside its JSON, and the clauses of its own.

It keeps the step numbers of STANDARDS section f and shares with `checks`, the story of a JWT, every clause that is
the same. There are no claims beside the document, so nothing is compared with them; instead each proof has to be
sound, of the issuer, and unexpired. How a proof is verified is `keys.data_integrity`. Nothing here fetches.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from keys import data_integrity
from keys.data_integrity import Proof, ProofSet
from keys.did import Purpose
from keys.errors import ProofError
from keys.jwk import PublicKey
from schemas import strict_json, timestamps
from schemas.contexts import ContextSet
from schemas.outline import issuer_of, outline
from schemas.strict_json import JsonObject, StrictJsonError
from verifier.verification.content import (
    SKEW,
    Level,
    check_context,
    check_data_model,
    check_valid_from,
    check_valid_until,
    read_badge,
)
from verifier.verification.reading import ReadBadge
from verifier.verification.status import check_status
from verifier.verification.story import (
    WHOSE_KEY,
    Told,
    check_issuer_document,
    check_issuer_key,
    check_key_owner,
    document_to_read,
    first_not_passed,
    read_document,
)
from verifier.verification.trust import TrustBundle
from verifier.verification.verdict import Check, State, Verdict

# Every check in the order of this story. A test holds it together with the functions and the sentences.
STORY = (
    *("payload", "proof", "proof_suite", "proof_purpose", "context", "data_model"),
    *WHOSE_KEY,
    *("signature", "valid_from", "valid_until", "proof_expires", "status"),
)
KeyOf = Callable[[Proof], PublicKey | None]


def verify(badge: ReadBadge, *, trust: TrustBundle, now: datetime, level: Level = Level.BADGE) -> Verdict:
    """Everything that can be said at one moment about one credential that was read as a `document`, resting on
    `trust` alone. Never raises for a bad one: whatever is wrong with it is a Check.
    """
    given = trust.given_key
    told = Told(tuple(name for name in STORY if given is None or name not in WHOSE_KEY))

    # Step 1: strict parsing of what arrived, proofs included. Step 2: the kind of proof.
    text = badge.document or ""
    if not told.passed(check_payload(text)):
        return told.verdict()
    if not told.passed(check_proof(strict_json.loads_object(text))):
        return told.verdict()
    found = proofs_in(badge, contexts=trust.contexts)
    if not told.passed(check_proof_suite(found)) or not told.passed(check_proof_purpose(found)):
        return told.verdict()

    # Steps 3, 7 and 4: contexts and data model. What the words mean is part of what most suites sign.
    content = found.bare.document
    context = check_context(content, level=level, expand=lambda: found.bare.expanded)
    if not told.passed(context, check_data_model(content, level=level)):
        return told.verdict()

    # Step 5: the keys, from the document of the very issuer that the credential names.
    issuer = issuer_of(found.document)
    published = document_to_read(issuer, trust=trust)
    key_of: KeyOf = lambda _: given  # noqa: E731
    if given is None:
        if not told.passed(of_every_key(found, lambda kid: check_key_owner(kid, issuer=issuer))):
            return told.verdict()
        if not told.passed(check_issuer_document(issuer, published=published, now=now)):
            return told.verdict()
        document = read_document(issuer, published=published)
        if not told.passed(of_every_key(found, lambda kid: check_issuer_key(kid, document=document))):
            return told.verdict()
        key_of = lambda proof: document.key(proof.verification_method, purpose="assertionMethod")  # noqa: E731

    # Step 6: the signatures.
    if not told.passed(check_signature(found, key_of=key_of, level=level)):
        return told.verdict()

    # Steps 9 and 10: time and status.
    said = outline(content)
    told.passed(
        check_valid_from(said, now=now),
        check_valid_until(said, now=now),
        check_proof_expires(found, now=now),
        check_status(said, published=published, trust=trust, now=now),
    )
    return told.verdict(said, badge=partial(read_badge, content) if level is Level.BADGE else None)


def proofs_in(badge: ReadBadge, *, contexts: ContextSet) -> ProofSet:
    """The proofs of a badge that was read as a `document`; opened once, however many ask.

    Raises:
        StrictJsonError, ProofError: the document or its proofs cannot be read.
    """
    found = badge.opened.get(contexts)
    if not isinstance(found, ProofSet):
        document = strict_json.loads_object(badge.document or "")
        found = badge.opened[contexts] = data_integrity.read_proofs(document, contexts=contexts)
    return found


def check_payload(text: str) -> Check:
    """The document is one strict JSON object that names an issuer (STANDARDS b5; VCDM 2.0 §4.7)."""
    try:
        content = strict_json.loads_object(text)
    except StrictJsonError as error:
        return Check("payload", State.FAIL, str(error), problem="PARSING_ERROR")
    if not issuer_of(content):
        return Check("payload", State.FAIL, "The document names no issuer.", problem="MALFORMED_VALUE_ERROR")
    return Check("payload", State.PASS)


def check_proof(content: JsonObject) -> Check:
    """Each proof has its members in their types, and there are not too many (VC Data Integrity §2.1)."""
    try:
        data_integrity.read_proofs(content)
    except ProofError as error:
        return Check("proof", State.FAIL, str(error), problem=error.problem)
    return Check("proof", State.PASS)


def check_proof_suite(found: ProofSet) -> Check:
    """One proof or more is of a suite that is verified here (VC Data Integrity §2.1.1, §3.1).

    Those of other suites are told and not looked at.
    """
    others = ", ".join(ascii(name)[1:-1][:60] for name in found.others)
    if found.proofs:
        return Check("proof_suite", State.PASS, f"Not looked at: {others}." if others else _suites(found.proofs))
    return Check("proof_suite", State.FAIL, f"This proof suite is not accepted: {others}.")


def check_proof_purpose(found: ProofSet, *, purpose: Purpose = "assertionMethod") -> Check:
    """Each proof was made for this purpose (VC Data Integrity §2.1; VCDM 2.0 §4.12): one made to log in, or to
    present somebody else's badge, vouches for no badge.
    """
    for proof in found.proofs:
        if proof.purpose != purpose:
            evidence = f"proofPurpose {proof.purpose!a:.100}: {purpose} was expected."
            return Check("proof_purpose", State.FAIL, evidence)
    return Check("proof_purpose", State.PASS)


def check_signature(found: ProofSet, *, key_of: KeyOf, level: Level = Level.BADGE) -> Check:
    """Each proof verifies under its key; one broken proof fails all (VC Data Integrity §4.2, §4.4).

    A badge is vouched for as a whole: the suites that let a document grow contexts behind the signed ones are not
    believed about the rest (STANDARDS c4).
    """
    for proof in found.proofs:
        key = key_of(proof)
        if key is None:
            return Check("signature", State.FAIL, f"There is no key {proof.verification_method}.")
        try:
            secured = found.verify(proof, key=key)
        except ProofError as error:
            return Check("signature", State.FAIL, str(error), problem=error.problem)
        if level is Level.BADGE and secured != found.bare.document:
            return Check("signature", State.FAIL, "@context holds one that its issuer did not sign.")
    return Check("signature", State.PASS)


def check_proof_expires(found: ProofSet, *, now: datetime) -> Check:
    """`expires` of each proof, if it has one, is not in the past (VC Data Integrity §2.1; STANDARDS f, step 9)."""
    ends = [proof.expires for proof in found.proofs if proof.expires is not None]
    if not ends:
        return Check("proof_expires", State.PASS, "no end")
    state = State.PASS if now <= min(ends) + SKEW else State.FAIL
    return Check("proof_expires", state, f"until {timestamps.show(min(ends))}")


def of_every_key(found: ProofSet, check: Callable[[str], Check]) -> Check:
    """A check of every proof's key id: the first that did not pass, or else the first."""
    return first_not_passed(check(proof.verification_method) for proof in found.proofs)


def _suites(proofs: Iterable[Proof]) -> str:
    return ", ".join(sorted({proof.cryptosuite for proof in proofs}))
