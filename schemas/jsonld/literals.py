"""JSON values as RDF literals (JSON-LD 1.1 API §8.2.2): texts, numbers, booleans, and JSON as it stands.

Each function gives the N-Quads term. Nodes, lists, and what a value belongs to are `schemas.jsonld`.
"""

import re
from collections.abc import Mapping
from typing import Final

from schemas import jcs
from schemas.jsonld.context import ActiveContext
from schemas.jsonld.terms import JsonLdError, Term, Unsaid, datatype_suffix, is_iri, language_tag
from schemas.rdf import RDF, XSD, literal
from schemas.strict_json import JsonValue

_DOUBLE: Final = f"{XSD}double"
_INTEGER: Final = datatype_suffix(f"{XSD}integer")
_BOOLEAN: Final = datatype_suffix(f"{XSD}boolean")
_JSON: Final = datatype_suffix(f"{RDF}JSON")
_VALUE_MEMBERS: Final = frozenset({"@value", "@type", "@language", "@direction", "@index"})
_BEYOND_INTEGERS: Final = 1e21  # such numbers are doubles, whole or not
_NUMERIC: Final = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,3})?")
_PADDING: Final = re.compile(r"(\d)0*E([+-])0*(\d)")


def quoted(text: str) -> str:
    """A text between quotes, escaped as canonical N-Quads want it."""
    if text.isprintable() and '"' not in text and "\\" not in text:  # nearly all are, and this is quick
        return f'"{text}"'
    return literal(text)


def typed_text(text: str, *, datatype: str) -> str:
    """A text with the datatype that was asked for.

    Numbers in texts of type xsd:double get their canonical form. §8.2.2 says so of native numbers only, but the
    common processors do so, and whoever signs uses one of them.
    """
    if datatype == _DOUBLE and _NUMERIC.fullmatch(text):
        return number(float(text), datatype=datatype)
    return quoted(text) + datatype_suffix(datatype)


def number(value: bool | int | float, *, datatype: str | None) -> str:
    """A native boolean or number; `datatype`: the IRI that was asked for, if any."""
    suffix = None if datatype is None else datatype_suffix(datatype)
    if isinstance(value, bool):
        return f'"{"true" if value else "false"}"{_BOOLEAN if suffix is None else suffix}'
    whole = isinstance(value, int) or value.is_integer()
    if not whole or abs(value) >= _BEYOND_INTEGERS or datatype == _DOUBLE:
        return f'"{_double(value)}"{datatype_suffix(_DOUBLE) if suffix is None else suffix}'
    return f'"{int(value)}"{_INTEGER if suffix is None else suffix}'


def json_literal(value: JsonValue) -> str:
    """A JSON value as a literal of rdf:JSON, in its canonical text (§8.6).

    Raises:
        JsonLdError: it has none.
    """
    try:
        return f"{literal(jcs.canonicalise(value).decode())}{_JSON}"
    except jcs.CanonicalJsonError as error:
        raise JsonLdError(str(error)) from error


def value_object(members: Mapping[str, JsonValue], *, where: str, types: ActiveContext) -> str:
    """A value object (§5.1.2 steps 13.4.7 to 13.4.9, 15).

    `members`: by keyword; `where`: for messages; `types`: what its type is looked up in.

    Raises:
        JsonLdError: it has members that it cannot have or of the wrong kind, or its value would be lost.
    """
    value, kind, language = (members.get(name) for name in ("@value", "@type", "@language"))
    if not members.keys() <= _VALUE_MEMBERS or not isinstance(members.get("@index", ""), str):
        raise JsonLdError(f"{where} has members that a value cannot have.")
    if members.get("@direction", "ltr") not in ("ltr", "rtl"):
        raise JsonLdError(f"{where} has a @direction that is neither ltr nor rtl.")
    datatype = None if kind is None else _datatype(kind, members, where=where, types=types)
    if datatype == "@json":
        return json_literal(value)
    if value is None or isinstance(value, dict | list):
        raise JsonLdError(f"{where} is null, or no single value, and would be lost.")
    if language is not None and not (isinstance(language, str) and isinstance(value, str)):
        raise JsonLdError(f"{where} has a language, and it or the value is no text.")
    if not isinstance(value, str):
        return number(value, datatype=datatype)
    if datatype is not None:
        return typed_text(value, datatype=datatype)
    return quoted(value) + (f"@{language_tag(language, where=where)}" if isinstance(language, str) else "")


def text_suffix(term: Term, language: str | None) -> str | None:
    """What follows a text in quotes as the value of a property; None if it may be written otherwise.

    `language`: the one that holds where the property says nothing of it.
    """
    if term.suffix is not None:
        return term.suffix
    if term.kind not in {None, "@none"}:
        return None
    said = language if isinstance(term.language, Unsaid) else term.language
    return "" if said is None else f"@{said}"


def _datatype(kind: JsonValue, members: Mapping[str, JsonValue], *, where: str, types: ActiveContext) -> str:
    datatype = types.expanded(kind, is_name=True) if isinstance(kind, str) else None
    if datatype is None or not (datatype == "@json" or is_iri(datatype)):
        raise JsonLdError(f"{where} has a type that is no absolute IRI.")
    if "@language" in members or "@direction" in members:
        raise JsonLdError(f"{where} has both a type and a language or direction.")
    return datatype


def _double(value: float) -> str:
    """The canonical form of xsd:double with 15 digits after the point, as §8.6 asks: `1.5E0`, `1.0E-7`."""
    return _PADDING.sub(lambda m: f"{m[1]}E{'-' if m[2] == '-' else ''}{m[3]}", f"{value:.15E}")
