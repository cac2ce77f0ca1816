"""The story of a credential that is a signed token, and the clauses that are its own.

`verify` keeps the step numbers of STANDARDS section f; for a JWT the signature is checked before the content is
read, so steps 3 and 4 come after 6. A check whose ground is missing, because an earlier one was not passed, is
UNKNOWN and says so. Nothing here fetches, reads a clock or decides what a badge is good for: see `resolver`,
`service` and `verifier.registration`. A credential with a proof inside its JSON has its story in `proofs`; whose
key it is stands in `story`, what is said in `content`, and whether it still stands in `status`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from keys import did, jws
from keys.errors import KeyFormatError, SignatureError
from keys.jwk import ALGORITHMS, PublicKey
from keys.jws import JoseHeader, ParsedJws
from schemas import badge_qr, jsonld, strict_json, timestamps
from schemas.badge_qr import BadgeQrError, Dictionary, UnknownDictionaryError, UnknownLayoutError
from schemas.claims import document_of
from schemas.outline import Outline, is_older, issuer_of, outline
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from schemas.timestamps import TimestampError
from verifier.verification.content import (
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
    read_document,
)
from verifier.verification.trust import TrustBundle
from verifier.verification.verdict import Check, State, Verdict

SUPPORTED_ALGORITHMS = frozenset(name for names in ALGORITHMS.values() for name in names)

# Every check in the order of the story. A test holds it together with the functions and the sentences.
STORY = (
    *("unpacking", "token", "header", "payload"),
    *WHOSE_KEY,
    "signature",
    *("context", "data_model", "vc_claim"),
    *("issuer_claim", "id_claim", "subject_claim", "valid_from_claim", "valid_until_claim"),
    *("valid_from", "valid_until", "status"),
)


def verify(badge: ReadBadge, *, trust: TrustBundle, now: datetime, level: Level = Level.BADGE) -> Verdict:
    """Everything that can be said at one moment about one credential that was read as a token or code, resting on
    `trust` alone. Never raises for a bad one: whatever is wrong with it is a Check.
    """
    given = trust.given_key
    left_out = {*(() if badge.packed is not None else ("unpacking",)), *(WHOSE_KEY if given else ())}
    told = Told(tuple(name for name in STORY if name not in left_out))

    # Step 1: strict parsing of what arrived.
    token = badge.token
    if badge.packed is not None:
        if not told.passed(check_unpacking(badge.packed, dictionaries=trust.dictionaries)):
            return told.verdict()
        token = badge_qr.unpack(badge.packed, dictionaries=trust.dictionaries)
    assert token is not None  # a credential that is a `document` is told in `proofs`
    if not told.passed(check_token(token)):
        return told.verdict()
    parsed = jws.parse(token)
    if not told.passed(check_header(parsed.header, key=given)):
        return told.verdict()
    if not told.passed(check_payload(parsed)):
        return told.verdict()
    kid, claims = parsed.header.kid or "", strict_json.loads_object(parsed.payload)
    content = document_of(claims)

    # Step 5: the key, from the document of the very issuer that the credential names.
    issuer, key = issuer_of(content), given
    published = document_to_read(issuer, trust=trust)
    if key is None:
        if not told.passed(check_key_owner(kid, issuer=issuer)):
            return told.verdict()
        if not told.passed(check_issuer_document(issuer, published=published, now=now)):
            return told.verdict()
        document = read_document(issuer, published=published)
        if not told.passed(check_issuer_key(kid, document=document)):
            return told.verdict()
        key = document.key(kid, purpose="assertionMethod")

    # Step 6: the signature. Only now is the content worth reading.
    if not told.passed(check_signature(token, key=key)):
        return told.verdict()

    # Steps 3, 7 and 4: contexts and data model.
    readable = told.passed(check_data_model(content, level=level))
    words = {
        name: value for name, value in content.items() if name not in {"vc", "vp"}
    }  # told by a check of their own
    expand = lambda: jsonld.to_quads(words, contexts=trust.contexts)  # noqa: E731
    told.passed(check_context(content, level=level, expand=expand), check_vc_claim(claims))
    if not readable:
        return told.verdict()
    said = outline(content)

    # Step 6, second half: the claims repeat the credential. Steps 9 and 10: time and status.
    told.passed(
        check_issuer_claim(claims, said, level=level),
        check_id_claim(claims, said, level=level),
        check_subject_claim(claims, said, level=level),
        check_valid_from_claim(claims, said, level=level),
        check_valid_until_claim(claims, said, level=level),
        check_valid_from(bounded := _bounded(said, claims), now=now),
        check_valid_until(bounded, now=now),
        check_status(said, published=published, trust=trust, now=now),
    )
    return told.verdict(said, badge=partial(read_badge, content) if level is Level.BADGE else None)


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


def check_header(header: JoseHeader, *, key: PublicKey | None = None) -> Check:
    """An accepted `alg` in exact case, `typ` of a badge, `kid` a DID URL (RFC 8725 §3.1, §3.11).

    That the algorithm fits the key is part of `check_signature`: the key's type decides it, not this header.
    Whoever brings the `key` along has no use for a `kid`.
    """
    if header.typ is not None and header.typ not in jws.ACCEPTED_TYP:
        return Check("header", State.FAIL, f"typ {header.typ!a}: vc+jwt was expected.")
    if header.alg not in SUPPORTED_ALGORITHMS:
        return Check("header", State.FAIL, f"alg {header.alg!a} is not accepted.")
    try:
        if key is None:
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
    if not issuer_of(document_of(claims)):
        return Check("payload", State.FAIL, "The payload names no issuer.")
    return Check("payload", State.PASS)


def check_signature(token: str, *, key: PublicKey | None) -> Check:
    """The signature verifies under that key, with the key's own algorithm (RFC 7515 §5.2, RFC 8725 §3.1)."""
    if key is None:
        return Check("signature", State.FAIL, "There is no such key.")
    return _tried("signature", lambda: jws.verify(token, key=key))


def check_vc_claim(claims: JsonObject) -> Check:
    """A claim `vc` holds a VCDM 1.1 credential and nothing stands beside it; a 2.0 credential has neither `vc` nor
    `vp` (VCDM 1.1 §6.3.1, VC-JOSE-COSE §3.1): two readers, two badges.
    """
    inner = claims.get("vc")
    if isinstance(inner, dict) and is_older(inner) and not {"vp", "@context", "credentialSubject"} & claims.keys():
        return Check("vc_claim", State.PASS)
    found = sorted({"vc", "vp"} & claims.keys())
    if found:
        return Check("vc_claim", State.FAIL, f"There is a {found[0]} claim.")
    if is_older(claims):
        return Check("vc_claim", State.FAIL, "It is a credential of VCDM 1.1, and not in a vc claim.")
    return Check("vc_claim", State.PASS)


def check_issuer_claim(claims: JsonObject, said: Outline, *, level: Level = Level.BADGE) -> Check:
    """The `iss` claim names the credential's issuer (OB 3.0 §8.2.4.1; VC-JOSE-COSE §3.1.3)."""
    return _equal("issuer_claim", "iss", claims, said.issuer, level)


def check_id_claim(claims: JsonObject, said: Outline, *, level: Level = Level.BADGE) -> Check:
    """The `jti` claim is the credential's id (OB 3.0 §8.2.4.1)."""
    return _equal("id_claim", "jti", claims, said.id, level)


def check_subject_claim(claims: JsonObject, said: Outline, *, level: Level = Level.BADGE) -> Check:
    """The `sub` claim names the credential's subject, which therefore has an id (OB 3.0 §8.2.4.1)."""
    return _equal("subject_claim", "sub", claims, said.subject, level)


def check_valid_from_claim(claims: JsonObject, said: Outline, *, level: Level = Level.BADGE) -> Check:
    """The `nbf` claim is `validFrom` as a NumericDate (OB 3.0 §8.2.4.1; RFC 7519 §4.1.5)."""
    return _same_moment("valid_from_claim", "nbf", claims, said.valid_from, level)


def check_valid_until_claim(claims: JsonObject, said: Outline, *, level: Level = Level.BADGE) -> Check:
    """The `exp` claim is `validUntil` as a NumericDate, and both or neither are there (OB 3.0 §8.2.4.1)."""
    return _same_moment("valid_until_claim", "exp", claims, said.valid_until, level)


def _bounded(said: Outline, claims: JsonObject) -> Outline:
    """The outline, with the token's own beginning and end where the credential sets none (VC-JOSE-COSE §3.1.3)."""
    try:
        begins = said.valid_from or (timestamps.from_numeric_date(claims["nbf"]) if "nbf" in claims else None)
        ends = said.valid_until or (timestamps.from_numeric_date(claims["exp"]) if "exp" in claims else None)
    except TimestampError:  # told by the check of that claim
        return said
    return said._replace(valid_from=begins, valid_until=ends)


def _tried(check_id: str, act: Callable[[], object]) -> Check:
    try:
        act()
    except SignatureError as error:
        return Check(check_id, State.FAIL, str(error))
    return Check(check_id, State.PASS)


def _equal(check_id: str, claim: str, claims: JsonObject, expected: str | None, level: Level) -> Check:
    """A badge repeats each of these members; any other credential may leave the claim out."""
    if claim not in claims and level is Level.CREDENTIAL:
        return Check(check_id, State.PASS)
    value: JsonValue = claims.get(claim)
    if expected is None or value != expected:
        return Check(check_id, State.FAIL, f"{claim} is {value!a:.200}; {expected!a:.200} was expected.")
    return Check(check_id, State.PASS)


def _same_moment(check_id: str, claim: str, claims: JsonObject, expected: datetime | None, level: Level) -> Check:
    if claim not in claims and (expected is None or level is Level.CREDENTIAL):
        return Check(check_id, State.PASS)
    try:
        said = timestamps.from_numeric_date(claims.get(claim))
    except TimestampError as error:
        return Check(check_id, State.FAIL, f"{claim}: {error}")
    if expected is None and level is Level.CREDENTIAL:  # the token has an end of its own, which is checked as one
        return Check(check_id, State.PASS)
    if expected is None or abs(said - expected) >= timedelta(seconds=1):  # claims are whole seconds
        return Check(check_id, State.FAIL, f"{claim} is {timestamps.show(said)}, the document says otherwise.")
    return Check(check_id, State.PASS)
