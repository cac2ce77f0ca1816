"""A credential and its JWT claims (OB 3.0 §8.2.4.1 with VC-JOSE-COSE; STANDARDS c1).

The payload is the credential itself with `iss`, `sub`, `jti`, `nbf` and `exp` beside its members, each equal
to the member it repeats; a VCDM 1.1 credential stands in a claim `vc` instead. Comparing them is a check of the
verifier; here they are put in and set aside.
"""

from schemas import timestamps
from schemas.outline import is_older, outline
from schemas.strict_json import JsonObject, JsonValue

REGISTERED_CLAIMS = ("iss", "sub", "jti", "nbf", "exp", "iat", "aud", "cnf")


def claims_of(document: JsonObject) -> JsonObject:
    """The claims for a badge: a document that has `issuer`, `id`, `validFrom` and a subject with an `id`.

    Raises:
        ValueError: one of these is missing; a JWT badge needs them all.
    """
    said = outline(document)
    one_subject = isinstance(document.get("credentialSubject"), dict)
    if None in {said.id, said.subject, said.valid_from} or not said.issuer or not one_subject:
        raise ValueError("A badge as JWT needs an issuer, an id, a validFrom, and a subject with an id.")
    return {**document, **repeated(document)}


def repeated(document: JsonObject) -> JsonObject:
    """The registered claims that repeat members of a credential, as far as it has them (VC-JOSE-COSE §3.1.3).

    Raises:
        TimestampError: one of its times is no moment.
    """
    said = outline(document)
    claims: JsonObject = {"iss": said.issuer} if said.issuer else {}
    claims |= {} if said.subject is None else {"sub": said.subject}
    claims |= {} if said.id is None else {"jti": said.id}
    claims |= {} if said.valid_from is None else {"nbf": timestamps.to_numeric_date(said.valid_from)}
    claims |= {} if said.valid_until is None else {"exp": timestamps.to_numeric_date(said.valid_until)}
    return claims


def document_of(claims: JsonObject) -> JsonObject:
    """The credential document inside a JWT payload.

    That is the claims without the registered ones; or the claim `vc`, if it is a VCDM 1.1 credential, with what it
    leaves to the registered claims filled in (VCDM 1.1 §6.3.1). Whether the two agree is not looked at here.
    """
    inner = claims.get("vc")
    if isinstance(inner, dict) and is_older(inner):
        return _filled(inner, claims)
    return {name: value for name, value in claims.items() if name not in REGISTERED_CLAIMS}


def _filled(document: JsonObject, claims: JsonObject) -> JsonObject:
    filled = dict(document)
    for name, claim in (("id", "jti"), ("issuer", "iss")):
        if claim in claims:
            filled.setdefault(name, claims[claim])
    for name, claim in (("issuanceDate", "nbf"), ("expirationDate", "exp")):
        if claim in claims and name not in document:
            filled[name] = _shown(claims[claim])
    subject = filled.get("credentialSubject")
    if isinstance(subject, dict) and "sub" in claims:
        filled["credentialSubject"] = {"id": claims["sub"], **subject}
    return filled


def _shown(value: JsonValue) -> JsonValue:
    """A NumericDate as a timestamp; what is none stays as it is, for the data model to refuse."""
    try:
        return timestamps.show(timestamps.from_numeric_date(value))
    except timestamps.TimestampError:
        return value
