"""One pure function for each clause that a badge must satisfy, and the story that tells them in order.

`verify` keeps the step numbers of STANDARDS section f; for a JWT the signature is checked before the content
is read, so steps 3 and 4 come after 6. A check whose ground is missing, because an earlier one was not passed,
is UNKNOWN and says so. Nothing here fetches, reads a clock or decides what a badge is good for: see `resolver`,
`service` and `verifier.registration`. Status lists are long enough for a module of their own, `status`; a badge
with a proof inside its JSON has a story of its own, `proofs`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keys import did, jws
from keys.did import DidDocument
from keys.errors import KeyFormatError, KeysError, SignatureError
from keys.jwk import ALGORITHMS
from keys.jws import JoseHeader, ParsedJws
from schemas import badge_qr, credential, strict_json, timestamps
from schemas.badge_qr import BadgeQrError, Dictionary, UnknownDictionaryError, UnknownLayoutError
from schemas.claims import document_of
from schemas.credential import OB_CONTEXT_PATTERN, VC_CONTEXT, CredentialError, OpenBadgeCredential
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from schemas.timestamps import TimestampError
from verifier.verification.reading import ReadBadge
from verifier.verification.status import check_status
from verifier.verification.trust import Absent, Published, TrustBundle
from verifier.verification.verdict import Check, State, Statement, Verdict

SKEW = timedelta(seconds=60)  # STANDARDS f: what the clocks of two honest machines may differ by
OB_EXTENSIONS_CONTEXT = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"
SUPPORTED_ALGORITHMS = frozenset(name for names in ALGORITHMS.values() for name in names)
_OB_CONTEXT = re.compile(OB_CONTEXT_PATTERN)

# Every check in the order of the story. A test holds it together with the functions and the sentences.
STORY = (
    *("unpacking", "token", "header", "payload"),
    *("key_owner", "issuer_document", "issuer_key", "signature"),
    *("context", "data_model", "vc_claim"),
    *("issuer_claim", "id_claim", "subject_claim", "valid_from_claim", "valid_until_claim"),
    *("valid_from", "valid_until", "status"),
)


def verify(badge: ReadBadge, *, trust: TrustBundle, now: datetime) -> Verdict:
    """Everything that can be said at one moment about one badge that was read as a token or code, resting on
    `trust` alone. Never raises for a bad badge: whatever is wrong with it is a Check.
    """
    told = Told(STORY if badge.packed is not None else STORY[1:])

    # Step 1: strict parsing of what arrived.
    token = badge.token
    if badge.packed is not None:
        if not told.passed(check_unpacking(badge.packed, dictionaries=trust.dictionaries)):
            return told.verdict()
        token = badge_qr.unpack(badge.packed, dictionaries=trust.dictionaries)
    assert token is not None  # a badge that is a `document` is told in `proofs`
    if not told.passed(check_token(token)):
        return told.verdict()
    parsed = jws.parse(token)
    if not told.passed(check_header(parsed.header)):
        return told.verdict()
    if not told.passed(check_payload(parsed)):
        return told.verdict()
    kid, claims = parsed.header.kid or "", strict_json.loads_object(parsed.payload)

    # Step 5: the key, from the document of the very issuer that the badge names.
    issuer = issuer_of(claims)
    published = document_to_read(issuer, trust=trust)
    if not told.passed(check_key_owner(kid, issuer=issuer)):
        return told.verdict()
    if not told.passed(check_issuer_document(issuer, published=published, now=now)):
        return told.verdict()
    document = read_document(issuer, published=published)
    if not told.passed(check_issuer_key(kid, document=document)):
        return told.verdict()

    # Step 6: the signature. Only now is the content worth reading.
    if not told.passed(check_signature(token, kid=kid, document=document)):
        return told.verdict()

    # Steps 3, 7 and 4: contexts and data model.
    content = document_of(claims)
    readable = told.passed(check_data_model(content))
    told.passed(check_context(content), check_vc_claim(claims))
    if not readable:
        return told.verdict()
    badge_said = credential.read(content)

    # Step 6, second half: the claims repeat the credential. Steps 9 and 10: time and status.
    told.passed(
        check_issuer_claim(claims, badge_said),
        check_id_claim(claims, badge_said),
        check_subject_claim(claims, badge_said),
        check_valid_from_claim(claims, badge_said),
        check_valid_until_claim(claims, badge_said),
        check_valid_from(badge_said, now=now),
        check_valid_until(badge_said, now=now),
        check_status(badge_said, document=document, trust=trust, now=now),
    )
    return told.verdict(badge_said)


def check_unpacking(packed: bytes, *, dictionaries: Mapping[str, Dictionary]) -> Check:
    """The packed badge unpacks to a token; a dictionary or layout that is not here is unknown (DESK §1)."""
    try:
        badge_qr.unpack(packed, dictionaries=dictionaries)
    except (UnknownDictionaryError, UnknownLayoutError) as error:
        return Check("unpacking", State.UNKNOWN, str(error))
    except BadgeQrError as error:
        return Check("unpacking", State.FAIL, str(error))
    return Check("unpacking", State.PASS)


def check_token(token: str) -> Check:
    """The token is a compact JWS in canonical base64url with a header of known members (RFC 7515 §7.1)."""
    return _tried("token", lambda: jws.parse(token))


def check_header(header: JoseHeader) -> Check:
    """An accepted `alg` in exact case, `typ` of a badge, `kid` a DID URL (RFC 8725 §3.1, §3.11).

    That the algorithm fits the key is part of `check_signature`: the key's type decides it, not this header.
    """
    if header.typ is not None and header.typ not in jws.ACCEPTED_TYP:
        return Check("header", State.FAIL, f"typ {header.typ!a}: vc+jwt was expected.")
    if header.alg not in SUPPORTED_ALGORITHMS:
        return Check("header", State.FAIL, f"alg {header.alg!a} is not accepted.")
    try:
        did.did_of_key_id(header.kid or "")
    except KeyFormatError as error:
        return Check("header", State.FAIL, str(error))
    return Check("header", State.PASS, f"alg {header.alg}, kid {header.kid}")


def check_payload(parsed: ParsedJws) -> Check:
    """The payload is one strict JSON object that names an issuer (STANDARDS b5; VC-JOSE-COSE §3.1)."""
    try:
        claims = strict_json.loads_object(parsed.payload)
    except StrictJsonError as error:
        return Check("payload", State.FAIL, str(error))
    if not issuer_of(claims):
        return Check("payload", State.FAIL, "The payload names no issuer.")
    return Check("payload", State.PASS)


def check_key_owner(kid: str, *, issuer: str) -> Check:
    """The DID in `kid` is `issuer.id`, exactly (STANDARDS c5, k11): else anybody could sign for anybody."""
    owner = did.did_of_key_id(kid)
    if owner != issuer:
        return Check("key_owner", State.FAIL, f"The key is of {owner}, the issuer is {issuer}.")
    return Check("key_owner", State.PASS, issuer)


def check_issuer_document(issuer: str, *, published: Published | Absent | DidDocument, now: datetime) -> Check:
    """The issuer's DID document is there and sound (DID Core §7.1). Out of reach is unknown, broken is not."""
    if isinstance(published, Absent):
        return Check("issuer_document", State.UNKNOWN, published.reason)
    if isinstance(published, DidDocument):
        return Check("issuer_document", State.PASS, "The DID holds its key.")
    age = max(now - published.fetched_at, timedelta())
    try:
        did.parse_document(published.body, expected_id=issuer)
    except KeysError as error:
        return Check("issuer_document", State.FAIL, str(error), age)
    return Check("issuer_document", State.PASS, issuer, age)


def check_issuer_key(kid: str, *, document: DidDocument) -> Check:
    """`kid` stands under `assertionMethod` in the issuer's document, by exact id (DID Core §5.3.2).

    The key never comes from the text of the id itself: a fragment that looks like a key proves nothing (k2).
    """
    if document.key(kid, purpose="assertionMethod") is None:
        return Check("issuer_key", State.FAIL, f"{kid} is not listed for assertions by {document.id}.")
    return Check("issuer_key", State.PASS, kid)


def check_signature(token: str, *, kid: str, document: DidDocument) -> Check:
    """The signature verifies under that key, with the key's own algorithm (RFC 7515 §5.2, RFC 8725 §3.1)."""
    key = document.key(kid, purpose="assertionMethod")
    if key is None:
        return Check("signature", State.FAIL, f"There is no key {kid}.")
    return _tried("signature", lambda: jws.verify(token, key=key))


def check_context(content: JsonObject) -> Check:
    """`@context` is exactly a known Open Badges list, nothing inside has another (VCDM 2.0 §4.3; c4)."""
    contexts = content.get("@context")
    known = isinstance(contexts, list) and contexts[:1] == [VC_CONTEXT] and len(contexts) >= 2
    if not known or not isinstance(contexts, list) or not _is_ob_context(contexts[1]):
        return Check("context", State.FAIL, "@context does not begin with the W3C and Open Badges contexts.")
    if contexts[2:] not in ([], [OB_EXTENSIONS_CONTEXT]):
        return Check("context", State.FAIL, "@context holds one that is not known here.")
    if any(_has_context(value) for name, value in content.items() if name != "@context"):
        return Check("context", State.FAIL, "A part of the badge brings an @context of its own.")
    return Check("context", State.PASS)


def check_data_model(content: JsonObject) -> Check:
    """The document is an Open Badges 3.0 credential (OB 3.0 §B.1; VCDM 2.0 §4)."""
    try:
        credential.read(content)
    except CredentialError as error:
        return Check("data_model", State.FAIL, str(error))
    return Check("data_model", State.PASS)


def check_vc_claim(claims: JsonObject) -> Check:
    """No `vc` or `vp` claim stands beside a 2.0 credential (VC-JOSE-COSE §3.1): two readers, two badges."""
    found = sorted({"vc", "vp"} & claims.keys())
    if found:
        return Check("vc_claim", State.FAIL, f"There is a {found[0]} claim.")
    return Check("vc_claim", State.PASS)


def check_issuer_claim(claims: JsonObject, badge: OpenBadgeCredential) -> Check:
    """The `iss` claim names the credential's issuer (OB 3.0 §8.2.4.1)."""
    return _equal("issuer_claim", "iss", claims.get("iss"), badge.issuer.id)


def check_id_claim(claims: JsonObject, badge: OpenBadgeCredential) -> Check:
    """The `jti` claim is the credential's id (OB 3.0 §8.2.4.1)."""
    return _equal("id_claim", "jti", claims.get("jti"), badge.id)


def check_subject_claim(claims: JsonObject, badge: OpenBadgeCredential) -> Check:
    """The `sub` claim names the credential's subject, which therefore has an id (OB 3.0 §8.2.4.1)."""
    return _equal("subject_claim", "sub", claims.get("sub"), badge.credentialSubject.id)


def check_valid_from_claim(claims: JsonObject, badge: OpenBadgeCredential) -> Check:
    """The `nbf` claim is `validFrom` as a NumericDate (OB 3.0 §8.2.4.1; RFC 7519 §4.1.5)."""
    return _same_moment("valid_from_claim", "nbf", claims, badge.validFrom)


def check_valid_until_claim(claims: JsonObject, badge: OpenBadgeCredential) -> Check:
    """The `exp` claim is `validUntil` as a NumericDate, and both or neither are there (OB 3.0 §8.2.4.1)."""
    return _same_moment("valid_until_claim", "exp", claims, badge.validUntil)


def check_valid_from(badge: OpenBadgeCredential, *, now: datetime) -> Check:
    """`validFrom` is not in the future (VCDM 2.0 §4.9)."""
    state = State.PASS if badge.validFrom <= now + SKEW else State.FAIL
    return Check("valid_from", state, f"from {timestamps.show(badge.validFrom)}")


def check_valid_until(badge: OpenBadgeCredential, *, now: datetime) -> Check:
    """`validUntil`, if there is one, is not in the past (VCDM 2.0 §4.9)."""
    if badge.validUntil is None:
        return Check("valid_until", State.PASS, "no end")
    state = State.PASS if now <= badge.validUntil + SKEW else State.FAIL
    return Check("valid_until", state, f"until {timestamps.show(badge.validUntil)}")


def issuer_of(claims: JsonObject) -> str:
    """The issuer's id in a payload, whether given as a text or as a profile; "" if there is none."""
    issuer = claims.get("issuer")
    named = issuer.get("id") if isinstance(issuer, dict) else issuer
    return named if isinstance(named, str) else ""


def document_to_read(issuer: str, *, trust: TrustBundle) -> Published | Absent | DidDocument:
    """The issuer's DID document in the trust bundle, or the one that a did:key is by itself."""
    if did.holds_its_key(issuer):
        try:
            return did.implied_document(issuer)
        except KeyFormatError as error:
            return Absent(str(error))
    return trust.did_documents.get(issuer, Absent(f"The keys of {issuer} are not at hand."))


def read_document(issuer: str, *, published: Published | Absent | DidDocument) -> DidDocument:
    """The checked document; KeyFormatError where `check_issuer_document` is not PASS."""
    if isinstance(published, Absent):
        raise KeyFormatError(published.reason)
    if isinstance(published, DidDocument):
        return published
    return did.parse_document(published.body, expected_id=issuer)


@dataclass
class Told:
    """The checks of one story told so far."""

    story: tuple[str, ...]
    checks: dict[str, Check] = field(default_factory=dict)

    def passed(self, *made: Check) -> bool:
        """Take these checks down; whether all of them passed."""
        self.checks |= {check.id: check for check in made}
        return all(check.state is State.PASS for check in made)

    def verdict(self, badge: OpenBadgeCredential | None = None) -> Verdict:
        """All checks of the story: those that were made, and the others as not made."""
        told = tuple(self.checks.get(id_) or Check(id_, State.UNKNOWN, made=False) for id_ in self.story)
        return Verdict(told, None if badge is None else _statement(badge), badge)


def _statement(badge: OpenBadgeCredential) -> Statement:
    subject = badge.credentialSubject
    return Statement(
        issuer=badge.issuer.id,
        issuer_name=badge.issuer.name,
        achievement=subject.achievement.id,
        achievement_name=subject.achievement.name,
        name=subject.name,
        valid_from=badge.validFrom,
        valid_until=badge.validUntil,
        term=subject.term,
    )


def _tried(check_id: str, act: Callable[[], object]) -> Check:
    try:
        act()
    except SignatureError as error:
        return Check(check_id, State.FAIL, str(error))
    return Check(check_id, State.PASS)


def _equal(check_id: str, claim: str, value: JsonValue, expected: str | None) -> Check:
    if expected is None or value != expected:
        return Check(check_id, State.FAIL, f"{claim} is {value!a:.200}; {expected!a:.200} was expected.")
    return Check(check_id, State.PASS)


def _same_moment(check_id: str, claim: str, claims: JsonObject, expected: datetime | None) -> Check:
    if claim not in claims and expected is None:
        return Check(check_id, State.PASS)
    try:
        said = timestamps.from_numeric_date(claims.get(claim))
    except TimestampError as error:
        return Check(check_id, State.FAIL, f"{claim}: {error}")
    if expected is None or abs(said - expected) >= timedelta(seconds=1):  # claims are whole seconds
        return Check(check_id, State.FAIL, f"{claim} is {timestamps.show(said)}, the document says otherwise.")
    return Check(check_id, State.PASS)


def _is_ob_context(value: JsonValue) -> bool:
    return isinstance(value, str) and _OB_CONTEXT.fullmatch(value) is not None


def _has_context(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return "@context" in value or any(_has_context(item) for item in value.values())
    return isinstance(value, list) and any(_has_context(item) for item in value)
