"""The rules of the W3C data model that can be seen in the JSON itself (VCDM 2.0, and 1.1 to verify; STANDARDS b4).

Each rule refuses with one sentence that names the member. Whether every term and type is defined is the affair of
`schemas.jsonld`, what an Open Badge asks for besides that of `schemas.credential`, and who signed that of `keys`.
Nothing is changed, filled in or left out.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, TypeAlias

from schemas import timestamps
from schemas.strict_json import JsonObject, JsonValue

Version: TypeAlias = Literal["1.1", "2.0"]
Problem: TypeAlias = Literal["MALFORMED_VALUE_ERROR", "RANGE_ERROR", "PARSING_ERROR"]

BASE_CONTEXTS: Final[dict[str, Version]] = {
    "https://www.w3.org/ns/credentials/v2": "2.0",
    "https://www.w3.org/2018/credentials/v1": "1.1",
}
CREDENTIAL_TYPE: Final = "VerifiableCredential"
PRESENTATION_TYPE: Final = "VerifiablePresentation"
ENVELOPED_CREDENTIAL_TYPE: Final = "EnvelopedVerifiableCredential"
ENVELOPED_PRESENTATION_TYPE: Final = "EnvelopedVerifiablePresentation"

# A scheme, then what the URL standard allows: RFC 3986 characters, and those beyond ASCII that are no controls.
_URL_PART = r'(?:[^\x00-\x20"#%<>\\^`{|}\x7f-\xa0]|%[0-9A-Fa-f]{2})'
_URL = re.compile(rf"[A-Za-z][A-Za-z0-9+.\-]*+:{_URL_PART}++(?:\#{_URL_PART}*+)?")
_WEB_URL = re.compile(r"https?:(?!//[^/?#])", re.IGNORECASE)  # an http address without a host leads nowhere
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)  # the form of BCP 47, not its registry
_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_QUOTED_CHARACTERS: Final = 60  # a stranger wrote the value that a message repeats

# VC-JOSE-COSE 1.0 §6, and the names of its drafts, which are still about ("vc-ld+jwt;base64url").
_FORMATS = r"(?:-ld)?\+(?:jwt|sd-jwt|cose)(?:;[a-z0-9]+)*,."
_ENVELOPES: Final = {
    ENVELOPED_CREDENTIAL_TYPE: re.compile(rf"data:application/vc{_FORMATS}", re.ASCII),
    ENVELOPED_PRESENTATION_TYPE: re.compile(rf"data:application/vp{_FORMATS}", re.ASCII),
}

# Members whose value is one object or several, each with a type; in 1.1 some need an id as well.
_TYPED_MEMBERS: Final = ("credentialStatus", "credentialSchema", "refreshService", "evidence", "termsOfUse")
_WITH_ID: Final[dict[Version, frozenset[str]]] = {
    "2.0": frozenset({"credentialSchema"}),
    "1.1": frozenset({"credentialStatus", "credentialSchema", "refreshService"}),
}


class DataModelError(ValueError):
    """A document breaks a rule of its data model; one sentence that names the member.

    `problem`: the last part of the W3C problem type (VCDM 2.0 §7.2).
    """

    def __init__(self, message: str, *, problem: Problem = "MALFORMED_VALUE_ERROR") -> None:
        super().__init__(message)
        self.problem: Problem = problem


def version_of(document: JsonObject) -> Version:
    """Which data model a document follows: its first context says so (VCDM 2.0 §4.3, VCDM 1.1 §4.1).

    Raises:
        DataModelError: `@context` is missing, empty, or begins with neither base context.
    """
    if "@context" not in document:
        raise DataModelError("@context is missing: it must begin with the base context of the data model.")
    given = document["@context"]
    first = given[0] if isinstance(given, list) and given else given
    version = BASE_CONTEXTS.get(first) if isinstance(first, str) else None
    if version is None:
        raise DataModelError(f"@context begins with {_shown(first)}: {' or '.join(BASE_CONTEXTS)} was expected.")
    return version


def check_credential(document: JsonValue) -> Version:
    """Every rule for a credential, secured or not (VCDM 2.0 §4; VCDM 1.1 §4, §5), or for an envelope around one
    (VCDM 2.0 §4.13.1). What is inside an envelope is not looked at.

    Raises:
        DataModelError: a member is missing, of a wrong type or in a wrong form.
    """
    credential, version = _read(document, what="credential")
    if ENVELOPED_CREDENTIAL_TYPE in types_in(credential):
        _check_envelope(credential, ENVELOPED_CREDENTIAL_TYPE, version=version)
        return version
    _check_type(credential, CREDENTIAL_TYPE)
    _check_id(credential, at="id")
    _check_party(credential, "issuer", required=True)
    _check_subjects(credential)
    _check_validity(credential, version=version)
    for member in _TYPED_MEMBERS:
        for place, entry in _entries(credential, member):
            _check_entry(entry, at=place, id_required=member in _WITH_ID[version])
    if version == "2.0":
        _check_words(credential, at="")
        issuer = credential["issuer"]
        if isinstance(issuer, dict):
            _check_words(issuer, at="issuer.")
        _check_related_resources(credential)
    _check_proofs(credential)
    return version


def check_presentation(document: JsonValue) -> Version:
    """Every rule for a presentation and for each credential in it (VCDM 2.0 §4.13; VCDM 1.1 §4.10), or for an
    envelope around one. How many credentials are too many is for whoever verifies them.

    Raises:
        DataModelError: as for `check_credential`; in 2.0 also for a credential given as a bare text.
    """
    presentation, version = _read(document, what="presentation")
    if ENVELOPED_PRESENTATION_TYPE in types_in(presentation):
        _check_envelope(presentation, ENVELOPED_PRESENTATION_TYPE, version=version)
        return version
    _check_type(presentation, PRESENTATION_TYPE)
    _check_id(presentation, at="id")
    _check_party(presentation, "holder", required=False)
    for place, item in _listed(presentation, "verifiableCredential"):
        _check_presented(item, at=place, version=version)
    _check_proofs(presentation)
    return version


def is_url(value: JsonValue) -> bool:
    """Whether a value is one absolute URL: a scheme and what may follow it, no spaces (VCDM 2.0 §2, "URL")."""
    return isinstance(value, str) and _URL.fullmatch(value) is not None and not _WEB_URL.match(value)


def types_in(document: JsonObject) -> tuple[str, ...]:
    """The types as they are written, whether one or several; empty if there are none."""
    given = document.get("type")
    listed = given if isinstance(given, list) else [given]
    return tuple(item for item in listed if isinstance(item, str))


def _read(document: JsonValue, *, what: str) -> tuple[JsonObject, Version]:
    if not isinstance(document, dict):
        raise DataModelError(
            f"The {what} is {_shown(document)}: a JSON object was expected.", problem="PARSING_ERROR"
        )
    version = version_of(document)
    _check_contexts(document)
    return document, version


def _check_contexts(document: JsonObject) -> None:
    """`@context` is a text, or a list of URLs and objects (VCDM 2.0 §4.3); not yet whether they are known."""
    given = document["@context"]
    for position, item in enumerate(given if isinstance(given, list) else [given]):
        if not isinstance(item, dict) and not is_url(item):
            raise DataModelError(f"@context[{position}] is {_shown(item)}: a URL or an object was expected.")


def _check_type(document: JsonObject, expected: str) -> None:
    """`type` is there and contains what the document is (VCDM 2.0 §4.5)."""
    _check_types(document, at="type")
    if expected not in types_in(document):
        raise DataModelError(f"type is {_shown(document['type'])}: it must contain {expected}.")


def _check_types(entry: JsonObject, *, at: str) -> None:
    given = entry.get("type")
    listed = given if isinstance(given, list) else [given]
    if not listed or not all(isinstance(item, str) and item for item in listed):
        raise DataModelError(f"{at} is {_shown(given)}: a text, or an array of texts, was expected.")


def _check_id(entry: JsonObject, *, at: str, required: bool = False) -> None:
    """An `id` is one URL (VCDM 2.0 §4.4); `null` is none."""
    if ("id" in entry or required) and not is_url(entry.get("id")):
        raise DataModelError(f"{at} is {_shown(entry.get('id'))}: one absolute URL was expected.")


def _check_party(document: JsonObject, member: str, *, required: bool) -> None:
    """`issuer` or `holder`: a URL, or an object whose `id` is one (VCDM 2.0 §4.7, §4.13)."""
    if member not in document and not required:
        return
    given = document.get(member)
    if isinstance(given, dict):
        _check_id(given, at=f"{member}.id", required=True)
    elif not is_url(given):
        raise DataModelError(f"{member} is {_shown(given)}: a URL, or an object with an id, was expected.")


def _check_subjects(credential: JsonObject) -> None:
    """Something is said about every subject (VCDM 2.0 §4.8)."""
    if "credentialSubject" not in credential:
        raise DataModelError("credentialSubject is missing: at least one object was expected.")
    for place, subject in _entries(credential, "credentialSubject"):
        if not subject:
            raise DataModelError(f"{place} is empty: a credential says something about each subject.")
        _check_id(subject, at=f"{place}.id")


def _check_validity(credential: JsonObject, *, version: Version) -> None:
    """Both moments exist, with a zone, in their order (VCDM 2.0 §4.9; VCDM 1.1 §4.6, §4.8)."""
    names = ("validFrom", "validUntil") if version == "2.0" else ("issuanceDate", "expirationDate")
    if version == "1.1" and "issuanceDate" not in credential:
        raise DataModelError("issuanceDate is missing: VCDM 1.1 requires it.")
    begins, ends = (_moment(credential, name) for name in names)
    if begins is not None and ends is not None and ends < begins:
        raise DataModelError(f"{names[1]} is before {names[0]}.", problem="RANGE_ERROR")


def _moment(credential: JsonObject, member: str) -> datetime | None:
    if member not in credential:
        return None
    try:
        return timestamps.parse(credential[member])
    except timestamps.TimestampError as error:
        shown = _shown(credential[member])
        raise DataModelError(f"{member} is {shown}: a date and time with a zone was expected.") from error


def _check_entry(entry: JsonObject, *, at: str, id_required: bool) -> None:
    """A status, schema, refresh service, evidence or term of use: its type says how to read it (VCDM 2.0 §4.10,
    §4.11, §5.4 to §5.6)."""
    _check_types(entry, at=f"{at}.type")
    _check_id(entry, at=f"{at}.id", required=id_required)


def _check_words(entry: JsonObject, *, at: str) -> None:
    """`name` and `description` are words in languages that are told (VCDM 2.0 §4.6, §11.1)."""
    for member in ("name", "description"):
        for place, item in _listed(entry, member):
            if isinstance(item, dict):
                _check_language_value(item, at=f"{at}{place}")
            elif not isinstance(item, str):
                raise DataModelError(f"{at}{place} is {_shown(item)}: a text or a language value was expected.")


def _check_language_value(item: JsonObject, *, at: str) -> None:
    unknown = sorted(item.keys() - {"@value", "@language", "@direction"})
    if unknown:
        raise DataModelError(f"{at} has {_shown(unknown[0])}, which no language value has.")
    if not isinstance(item.get("@value"), str):
        raise DataModelError(f"{at}.@value is {_shown(item.get('@value'))}: a text was expected.")
    language = item.get("@language", "en")
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
        raise DataModelError(f"{at}.@language is {_shown(language)}: a language tag such as 'en' was expected.")
    if item.get("@direction", "ltr") not in ("ltr", "rtl"):
        raise DataModelError(f"{at}.@direction is {_shown(item['@direction'])}: 'ltr' or 'rtl' was expected.")


def _check_related_resources(credential: JsonObject) -> None:
    """Each resource is named once and with a digest (VCDM 2.0 §5.3); not yet whether it is the right one."""
    seen: set[JsonValue] = set()
    for place, entry in _entries(credential, "relatedResource"):
        _check_id(entry, at=f"{place}.id", required=True)
        if entry["id"] in seen:
            raise DataModelError(f"{place}.id is {_shown(entry['id'])}, which stands in relatedResource already.")
        seen.add(entry["id"])
        digests = [member for member in ("digestSRI", "digestMultibase") if member in entry]
        if not digests:
            raise DataModelError(f"{place} has no digest: digestSRI or digestMultibase was expected.")
        for member in digests:
            for where, item in _listed(entry, member):
                if not isinstance(item, str) or not item:
                    raise DataModelError(f"{place}.{where} is {_shown(item)}: a text was expected.")


def _check_proofs(document: JsonObject) -> None:
    """`proof` is an object, or several, each with a type (VCDM 2.0 §4.12); the rest is `keys.data_integrity`."""
    for place, entry in _entries(document, "proof"):
        _check_types(entry, at=f"{place}.type")


def _check_presented(item: JsonValue, *, at: str, version: Version) -> None:
    """A presented credential is an object of its own; only 1.1 knows tokens as bare texts (VCDM 1.1 §6.3.1)."""
    if version == "1.1" and isinstance(item, str) and _COMPACT_JWS.fullmatch(item):
        return
    if not isinstance(item, dict):
        raise DataModelError(f"{at} is {_shown(item)}: a credential as an object was expected.")
    try:
        check_credential(item)
    except DataModelError as error:
        raise DataModelError(f"In {at}: {error}", problem=error.problem) from error


def _check_envelope(document: JsonObject, envelope_type: str, *, version: Version) -> None:
    """The `id` of an envelope is the secured thing itself, as a data: URL (VCDM 2.0 §4.13.1, §4.13.2)."""
    if document.get("type") not in (envelope_type, [envelope_type]):
        raise DataModelError(f"type must be {envelope_type} alone: an envelope is nothing else besides.")
    if version != "2.0":
        raise DataModelError(f"type is {envelope_type}, which VCDM 1.1 does not know.")
    given = document.get("id")
    if not isinstance(given, str) or not _ENVELOPES[envelope_type].match(given):
        kind = "vc" if envelope_type == ENVELOPED_CREDENTIAL_TYPE else "vp"
        raise DataModelError(f"id is {_shown(given)}: data:application/{kind}+jwt,… or the like was expected.")


def _entries(document: JsonObject, member: str) -> Iterator[tuple[str, JsonObject]]:
    """The objects under a member, one or several, each with its place; nothing if the member is not there."""
    for place, item in _listed(document, member):
        if not isinstance(item, dict):
            raise DataModelError(f"{place} is {_shown(item)}: an object was expected.")
        yield place, item


def _listed(document: JsonObject, member: str) -> Iterator[tuple[str, JsonValue]]:
    """The values under a member, one or several, with their places; an empty list says nothing and is refused."""
    if member not in document:
        return
    value = document[member]
    if not isinstance(value, list):
        yield member, value
        return
    if not value:
        raise DataModelError(f"{member} is an empty array: at least one value was expected.")
    for position, item in enumerate(value):
        yield f"{member}[{position}]", item


def _shown(value: JsonValue) -> str:
    """A value as a message may repeat it: short, on one line, ASCII."""
    if value is None:
        return "missing or null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array" if value else "an empty array"
    text = ascii(value)
    return text if len(text) <= _QUOTED_CHARACTERS else f"{text[:_QUOTED_CHARACTERS]}…"
