"""A credential and its JWT claims (OB 3.0 §8.2.4.1 with VC-JOSE-COSE; STANDARDS c1).

The payload is the credential itself with `iss`, `sub`, `jti`, `nbf` and `exp` beside its members, each equal
to the member it repeats. Comparing them is a check of the verifier; here they are put in and set aside.
"""

from schemas import timestamps
from schemas.strict_json import JsonObject

REGISTERED_CLAIMS = ("iss", "sub", "jti", "nbf", "exp", "iat", "aud", "cnf")


def claims_of(document: JsonObject) -> JsonObject:
    """The claims for a credential document that has `issuer`, `id`, `validFrom` and a subject with an `id`.

    Raises:
        ValueError: one of these is missing; a JWT badge needs them all.
    """
    subject, issuer = document.get("credentialSubject"), document.get("issuer")
    subject_id = subject.get("id") if isinstance(subject, dict) else None
    issuer_id = issuer.get("id") if isinstance(issuer, dict) else issuer
    if not isinstance(subject_id, str) or not isinstance(issuer_id, str) or "id" not in document:
        raise ValueError("A badge as JWT needs an issuer, an id, and a subject with an id.")
    registered: JsonObject = {
        "iss": issuer_id,
        "sub": subject_id,
        "jti": document["id"],
        "nbf": timestamps.to_numeric_date(timestamps.parse(document.get("validFrom"))),
    }
    if "validUntil" in document:
        registered["exp"] = timestamps.to_numeric_date(timestamps.parse(document["validUntil"]))
    return {**document, **registered}


def document_of(claims: JsonObject) -> JsonObject:
    """The credential document inside a JWT payload: the claims without the registered ones."""
    return {name: value for name, value in claims.items() if name not in REGISTERED_CLAIMS}
