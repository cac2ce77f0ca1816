"""JSON values as RDF literals (JSON-LD 1.1 API §8.2.2): texts, numbers, booleans, and JSON as it stands.

Each function gives the N-Quads term. Which datatype or language a value has is decided in `schemas.jsonld`.
"""

import re
from typing import Final

from schemas import jcs
from schemas.jsonld_terms import JsonLdError, datatype_suffix
from schemas.rdf import RDF, XSD, literal
from schemas.strict_json import JsonValue

_DOUBLE: Final = f"{XSD}double"
_INTEGER: Final = datatype_suffix(f"{XSD}integer")
_BOOLEAN: Final = datatype_suffix(f"{XSD}boolean")
_JSON: Final = datatype_suffix(f"{RDF}JSON")
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

    Numbers in texts of type xsd:double get their canonical form. §8.2.2 says so of native numbers only, but the common
    processors do so, and whoever signs uses one of them.
    """
    if datatype == _DOUBLE and _NUMERIC.fullmatch(text):
        return number(float(text), datatype=datatype)
    return quoted(text) + datatype_suffix(datatype)


def number(value: bool | int | float, *, datatype: str | None) -> str:
    """A native boolean or number; `datatype`: the IRI that was asked for, if any."""
    suffix = None if datatype is None else datatype_suffix(datatype)
    if isinstance(value, bool):
        return f'"{"true" if value else "false"}"{suffix or _BOOLEAN}'
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


def _double(value: float) -> str:
    """The canonical form of xsd:double with 15 digits after the point, as §8.6 asks: `1.5E0`, `1.0E-7`."""
    return _PADDING.sub(lambda m: f"{m[1]}E{'-' if m[2] == '-' else ''}{m[3]}", f"{value:.15E}")
