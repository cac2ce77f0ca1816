"""An RDF dataset as this project holds it: a list of statements whose terms are already written as N-Quads.

Types and the writing of literals only. `schemas.jsonld` makes the statements of a document, `schemas.nquads` reads
them from text, `schemas.rdfc` puts them into their one canonical order and form.
"""

import re
from typing import Final, TypeAlias

# Subject, predicate, object, graph; each written as its N-Quads term: `<iri>`, `_:label`, `"escaped"`,
# `"escaped"^^<type>`, `"escaped"@lang`. The graph of the default graph is "".
Quad: TypeAlias = tuple[str, str, str, str]

XSD: Final = "http://www.w3.org/2001/XMLSchema#"
RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

_ESCAPED: Final = re.compile('[\x00-\x1f"\\\\\x7f]')
_ESCAPES: Final = {chr(code): f"\\u{code:04X}" for code in (*range(0x20), 0x7F)} | {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}


def literal(text: str, *, datatype: str | None = None, language: str | None = None) -> str:
    """A literal as canonical N-Quads write it (RDFC-1.0 §5, RDF 1.2 N-Quads §4).

    `datatype` is an IRI without brackets; `xsd:string`, which is what a plain literal means, is not written.
    `language` is a language tag, written as given; a literal has one or the other.
    """
    quoted = f'"{_ESCAPED.sub(_escape, text)}"'
    if language is not None:
        return f"{quoted}@{language}"
    if datatype is None or datatype == f"{XSD}string":
        return quoted
    return f"{quoted}^^<{datatype}>"


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found[0]]
