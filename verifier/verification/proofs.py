"""The story of a badge that is secured by Data Integrity proofs inside its JSON, and the clauses that are its own.

It keeps the step numbers of STANDARDS section f and shares with `checks`, the story of a JWT, every clause that is
the same. There are no claims beside the document, so nothing is compared with them; instead each proof has to be
sound, of the issuer, and unexpired. How a proof is verified is `keys.data_integrity`. Nothing here fetches.
"""

from collections.abc import Iterable
from datetime import datetime

from keys import data_integrity
from keys.data_integrity import SUITES_NOT_READ_YET, Proof, ProofSet
from keys.did import DidDocument
from keys.errors import KeyFormatError, ProofError
from schemas import credential, strict_json, timestamps
from schemas.strict_json import JsonObject, StrictJsonError
from verifier.verification import checks
from verifier.verification.checks import (
    SKEW,
    Told,
    check_data_model,
    check_issuer_document,
    check_valid_from,
    check_valid_until,
    document_to_read,
    issuer_of,
    read_document,
)
from verifier.verification.reading import ReadBadge
from verifier.verification.status import check_status
from verifier.verification.trust import TrustBundle
from verifier.verification.verdict import Check, State, Verdict

NOT_READ_YET = SUITES_NOT_READ_YET | {data_integrity.PROOF_CHAIN}

# Every check in the order of this story. A test holds it together with the functions and the sentences.
STORY = (
    *("payload", "proof", "proof_suite", "proof_purpose"),
    *("key_owner", "issuer_document", "issuer_key", "signature"),
    *("context", "data_model"),
    *("valid_from", "valid_until", "proof_expires", "status"),
)


def verify(badge: ReadBadge, *, trust: TrustBundle, now: datetime) -> Verdict:
    """Everything that can be said at one moment about one badge that was read as a `document`, resting on `trust`
    alone. Never raises for a bad badge: whatever is wrong with it is a Check.
    """
    told, text = Told(STORY), badge.document or ""

    # Step 1: strict parsing of what arrived, proofs included. Step 2: the kind of proof.
    if not told.passed(check_payload(text)):
        return told.verdict()
    arrived = strict_json.loads_object(text)
    if not told.passed(check_proof(arrived)):
        return told.verdict()
    found = data_integrity.read_proofs(arrived)
    if not told.passed(check_proof_suite(found)) or not told.passed(check_proof_purpose(found)):
        return told.verdict()

    # Step 5: the keys, from the document of the very issuer that the badge names.
    issuer = issuer_of(arrived)
    published = document_to_read(issuer, trust=trust)
    if not told.passed(check_key_owner(found, issuer=issuer)):
        return told.verdict()
    if not told.passed(check_issuer_document(issuer, published=published, now=now)):
        return told.verdict()
    document = read_document(issuer, published=published)
    if not told.passed(check_issuer_key(found, document=document)):
        return told.verdict()

    # Step 6: the signatures. Only now is the content worth reading.
    if not told.passed(check_signature(arrived, found, document=document)):
        return told.verdict()

    # Steps 3, 7 and 4: contexts and data model.
    content = {name: value for name, value in arrived.items() if name != "proof"}
    readable = told.passed(check_data_model(content))
    told.passed(check_context(content, found))
    if not readable:
        return told.verdict()
    badge_said = credential.read(content)

    # Steps 9 and 10: time and status.
    told.passed(
        check_valid_from(badge_said, now=now),
        check_valid_until(badge_said, now=now),
        check_proof_expires(found, now=now),
        check_status(badge_said, document=document, trust=trust, now=now),
    )
    return told.verdict(badge_said)


def check_payload(text: str) -> Check:
    """The document is one strict JSON object that names an issuer (STANDARDS b5; VCDM 2.0 §4.7)."""
    try:
        content = strict_json.loads_object(text)
    except StrictJsonError as error:
        return Check("payload", State.FAIL, str(error))
    if not issuer_of(content):
        return Check("payload", State.FAIL, "The document names no issuer.")
    return Check("payload", State.PASS)


def check_proof(content: JsonObject) -> Check:
    """Each proof has its members in their types, and there are not too many (VC Data Integrity §2.1)."""
    try:
        data_integrity.read_proofs(content)
    except ProofError as error:
        return Check("proof", State.FAIL, str(error))
    return Check("proof", State.PASS)


def check_proof_suite(found: ProofSet) -> Check:
    """One proof or more is of a suite that is verified here (VC Data Integrity §2.1.1, §3.1).

    Those of other suites are told and not looked at. A standard suite that is not built here is unknown; a name
    that no accepted standard has is refused, as an algorithm of a token would be.
    """
    others = ", ".join(ascii(name)[1:-1][:60] for name in found.others)
    if found.proofs:
        return Check("proof_suite", State.PASS, f"Not looked at: {others}." if others else _suites(found.proofs))
    if any(name in NOT_READ_YET for name in found.others):
        return Check("proof_suite", State.UNKNOWN, f"This proof suite is not supported here yet: {others}.")
    return Check("proof_suite", State.FAIL, f"This proof suite is not accepted: {others}.")


def check_proof_purpose(found: ProofSet) -> Check:
    """Each proof was made to assert something (VC Data Integrity §2.1; VCDM 2.0 §4.12): one made to log in, or to
    present somebody else's badge, vouches for no badge.
    """
    for proof in found.proofs:
        if proof.purpose != "assertionMethod":
            evidence = f"proofPurpose {proof.purpose!a:.100}: assertionMethod was expected."
            return Check("proof_purpose", State.FAIL, evidence)
    return Check("proof_purpose", State.PASS)


def check_key_owner(found: ProofSet, *, issuer: str) -> Check:
    """The DID in each `verificationMethod` is `issuer.id`, exactly (STANDARDS c5, k11)."""
    try:
        made = [checks.check_key_owner(proof.verification_method, issuer=issuer) for proof in found.proofs]
    except KeyFormatError as error:  # the text before '#' in an https address proves nothing (k2)
        return Check("key_owner", State.FAIL, str(error))
    return _first_not_passed(made)


def check_issuer_key(found: ProofSet, *, document: DidDocument) -> Check:
    """Each `verificationMethod` stands under `assertionMethod` in the issuer's document, by exact id, with the
    issuer as its controller (DID Core §5.3.2; STANDARDS c5, k2).
    """
    return _first_not_passed(
        checks.check_issuer_key(proof.verification_method, document=document) for proof in found.proofs
    )


def check_signature(content: JsonObject, found: ProofSet, *, document: DidDocument) -> Check:
    """Each proof verifies under its key; one broken proof fails all (VC Data Integrity §4.2, §4.4)."""
    for proof in found.proofs:
        key = document.key(proof.verification_method, purpose="assertionMethod")
        if key is None:
            return Check("signature", State.FAIL, f"There is no key {proof.verification_method}.")
        try:
            data_integrity.verify(content, proof=proof, key=key)
        except ProofError as error:
            return Check("signature", State.FAIL, str(error))
    return Check("signature", State.PASS)


def check_context(content: JsonObject, found: ProofSet) -> Check:
    """`@context` is exactly a known Open Badges list, and each proof was made over all of it (VCDM 2.0 §4.3; c4).

    The suites let a document grow contexts behind the signed ones; a badge with such a rest is refused.
    """
    arrived = content.get("@context")
    if any(proof.config.get("@context", arrived) != arrived for proof in found.proofs):
        return Check("context", State.FAIL, "@context holds one that its issuer did not sign.")
    return checks.check_context(content)


def check_proof_expires(found: ProofSet, *, now: datetime) -> Check:
    """`expires` of each proof, if it has one, is not in the past (VC Data Integrity §2.1; STANDARDS f, step 9)."""
    ends = [proof.expires for proof in found.proofs if proof.expires is not None]
    if not ends:
        return Check("proof_expires", State.PASS, "no end")
    state = State.PASS if now <= min(ends) + SKEW else State.FAIL
    return Check("proof_expires", state, f"until {timestamps.show(min(ends))}")


def _first_not_passed(made: Iterable[Check]) -> Check:
    """Of the same check for each proof, the first that did not pass, or else the first."""
    listed = list(made)
    return next((check for check in listed if check.state is not State.PASS), listed[0])


def _suites(proofs: Iterable[Proof]) -> str:
    return ", ".join(sorted({proof.cryptosuite for proof in proofs}))
