"""The proof that a wallet has the key to which a badge is to be bound (OpenID4VCI 1.0 §8.2.1, appendix F). Pure.

Either a token that only the key can sign (`jwt`), or a presentation with a proof inside (`di_vp`). Both say for
whom they were made and answer a nonce of ours; whether the nonce is one is for `service`. Keys stand in the proof
itself (did:key, did:jwk, or a bare JWK): nothing is fetched.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from issuer.wallets.errors import WalletError
from keys import data_integrity, did, jwk, jws
from keys.errors import KeyFormatError, ProofError, SignatureError
from keys.jwk import PublicKey
from schemas import strict_json, timestamps, vcdm
from schemas.jsonld import JsonLdError
from schemas.strict_json import JsonValue

TYP: Final = "openid4vci-proof+jwt"
ALGORITHMS: Final = ("ES256", "EdDSA")
SUITES: Final = ("eddsa-rdfc-2022", "ecdsa-rdfc-2019")
KINDS: Final = ("jwt", "di_vp")
OLDEST: Final = timedelta(minutes=6)  # a nonce lives for five; clocks differ
AHEAD: Final = timedelta(seconds=60)
MAX_CHARACTERS: Final = 16 * 1024


@dataclass(frozen=True)
class ProvedKey:
    """`subject`: the DID that holds the key; `nonce`: what the proof answers, not looked at yet."""

    subject: str
    nonce: str


def read(proofs: JsonValue, *, issuer: str, now: datetime) -> ProvedKey:
    """The one key that is proved in the member `proofs` of a credential request. `issuer`: for whom it must be.

    Raises:
        WalletError: `invalid_proof`, with what is wrong about it.
    """
    if not isinstance(proofs, dict) or len(proofs) != 1:
        raise _wrong("proofs must hold one kind of proof: jwt or di_vp.")
    ((kind, listed),) = proofs.items()
    if kind not in KINDS:
        raise _wrong(f"The kind of proof {kind!r} is not taken here: jwt or di_vp was expected.")
    if not isinstance(listed, list) or len(listed) != 1:
        raise _wrong(f"proofs.{kind} must be a list with one proof: a badge is bound to one key.")
    (proof,) = listed
    if kind == "jwt":
        return _of_token(proof, issuer=issuer, now=now)
    return _of_presentation(proof, issuer=issuer, now=now)


def _of_token(token: JsonValue, *, issuer: str, now: datetime) -> ProvedKey:
    if not isinstance(token, str):
        raise _wrong("A proof of the kind jwt is a text: a compact JWS.")
    try:
        parsed = jws.parse(token, max_characters=MAX_CHARACTERS)
        if parsed.header.typ != TYP:
            raise _wrong(f"The proof says typ {parsed.header.typ!r}: {TYP} was expected.")
        if parsed.header.alg not in ALGORITHMS:
            raise _wrong(f"The proof says alg {parsed.header.alg!r}: {' or '.join(ALGORITHMS)} was expected.")
        subject, key = _key_in(parsed.header)
        jws.check_signature(parsed, key=key, accepted_typ=frozenset({TYP}))
        claims = strict_json.loads_object(parsed.payload)
        jws.check_time(claims, now=now)
    except (SignatureError, KeyFormatError, strict_json.StrictJsonError) as error:
        raise _wrong(f"The proof cannot be believed: {error}") from error
    if claims.get("aud") != issuer:
        raise _wrong(f"The proof's aud is not {issuer}.")
    if "iss" in claims:
        raise _wrong("The proof has an iss: a wallet that needs no registration names none.")
    _check_made_now(claims.get("iat"), now=now)
    return ProvedKey(subject, _nonce(claims.get("nonce"), "nonce"))


def _key_in(header: jws.JoseHeader) -> tuple[str, PublicKey]:
    """The key of a proof, and the DID that holds it: exactly one of `kid` and `jwk` says which."""
    bare = strict_json.loads_object(header.raw).get("jwk")
    if (header.kid is None) == (bare is None):
        raise _wrong("The proof's header must have kid or jwk, and not both.")
    if bare is not None:
        if not isinstance(bare, dict):
            raise _wrong("The proof's jwk is no JSON object.")
        key = jwk.from_jwk(bare)
        return did.did_jwk(key), key
    assert header.kid is not None
    return _key_named(header.kid)


def _key_named(kid: str) -> tuple[str, PublicKey]:
    subject = did.did_of_key_id(kid)
    if not did.holds_its_key(subject):
        raise _wrong("The key's id must be of a did:key or did:jwk, which holds the key itself.")
    key = did.implied_document(subject).key(kid, purpose="authentication")
    if key is None:
        raise _wrong(f"{subject} has no key with the id of the proof.")
    return subject, key


def _of_presentation(document: JsonValue, *, issuer: str, now: datetime) -> ProvedKey:
    if not isinstance(document, dict):
        raise _wrong("A proof of the kind di_vp is a presentation: a JSON object.")
    if len(strict_json.dumps(document)) > MAX_CHARACTERS:
        raise _wrong(f"The presentation has more than {MAX_CHARACTERS} characters.")
    try:
        vcdm.check_presentation(document)
        found = data_integrity.read_proofs(document)
        if len(found.proofs) != 1 or found.others:
            raise _wrong(f"The presentation must have one proof, by {' or '.join(SUITES)}.")
        (proof,) = found.proofs
        if proof.cryptosuite not in SUITES or proof.purpose != "authentication":
            raise _wrong(f"The proof must be for authentication, by {' or '.join(SUITES)}.")
        proof.check_expected(challenge=None, domain=issuer)
        subject, key = _key_named(proof.verification_method)
        found.verify(proof, key=key)
    except (vcdm.DataModelError, ProofError, KeyFormatError, JsonLdError) as error:
        raise _wrong(f"The proof cannot be believed: {error}") from error
    if (proof.expires is not None and proof.expires < now) or (
        proof.created is not None and not now - OLDEST <= proof.created <= now + AHEAD
    ):
        raise _wrong("The proof was not made now.")
    holder = document.get("holder")
    named = holder.get("id") if isinstance(holder, dict) else holder
    if named is not None and named != subject:
        raise _wrong("The presentation's holder is not the one who signed it.")
    return ProvedKey(subject, _nonce(proof.challenge, "challenge"))


def _check_made_now(issued_at: JsonValue, *, now: datetime) -> None:
    try:
        moment = timestamps.from_numeric_date(issued_at)
    except timestamps.TimestampError as error:
        raise _wrong("The proof has no iat that is a number of seconds.") from error
    if not now - OLDEST <= moment <= now + AHEAD:
        raise _wrong("The proof was not made now.")


def _nonce(value: "JsonValue | None", name: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(f"The proof has no {name}: what the nonce endpoint gives was expected.")
    return value


def _wrong(sentence: str) -> WalletError:
    return WalletError("invalid_proof", sentence)
