"""N-Quads text, read strictly into the statements of a dataset (RDF 1.1 N-Quads, W3C Recommendation of 2014).

Each term comes out in its one canonical spelling (RDFC-1.0, appendix A), however it was escaped. Canonical labels
and order are the affair of `schemas.rdfc`; the statements of a JSON document come from `schemas.jsonld`.
"""

import re
from typing import Final

from schemas.rdf import RDF, Quad, literal

MAX_CHARACTERS: Final = 4_000_000  # as many as `rdfc` canonicalises

# No possessive groups here: Python 3.11.2 matches nested ones wrongly. Each term can end in one place only, so a
# line that does not match costs linear time all the same.
_UCHAR: Final = r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}"
_IRI: Final = rf'<(?:[^\x00-\x20<>"{{}}|^`\\]|{_UCHAR})*>'
# The characters of a blank node's label; no colon, which RDF 1.1 allows there and RDF 1.2 does not.
_LETTER: Final = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff_0-9"
)
_INNER: Final = "\u00b7\u0300-\u036f\u203f-\u2040-"  # … not at its beginning
_LABEL: Final = rf"_:[{_LETTER}](?:\.*[{_LETTER}{_INNER}])*(?![{_LETTER}{_INNER}])"
_QUOTED: Final = rf'"(?:[^"\\\n\r]|\\[tbnrf"\'\\]|{_UCHAR})*"'
_LANGUAGE: Final = "@[A-Za-z]+(?:-[A-Za-z0-9]+)*"
_SPACE: Final = "[ \t]*"
_STATEMENT: Final = re.compile(
    rf"{_SPACE}(?P<subject>{_IRI}|{_LABEL}){_SPACE}(?P<predicate>{_IRI}){_SPACE}"
    rf"(?:(?P<object>{_IRI}|{_LABEL})|(?P<quoted>{_QUOTED})(?:\^\^(?P<datatype>{_IRI})|(?P<language>{_LANGUAGE}))?)"
    rf"{_SPACE}(?:(?P<graph>{_IRI}|{_LABEL}){_SPACE})?\.{_SPACE}(?:#.*)?",
)
_EMPTY: Final = re.compile(rf"{_SPACE}(?:#.*)?")
_LINE_END: Final = re.compile("\r\n?|\n")
_ESCAPE: Final = re.compile(rf"{_UCHAR}|\\(.)")
_ABSOLUTE_IRI: Final = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|^`\\\ud800-\udfff]*')
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SHORT: Final = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}


class NQuadsError(ValueError):
    """A text that is not N-Quads; the message is one sentence, with the number of the line."""


def read(text: str) -> list[Quad]:
    """The statements of an N-Quads text in its order, repeated ones too; comments and empty lines say nothing.

    Raises:
        NQuadsError: the text is too long, a line is no statement, an IRI is relative or has a character that no
            IRI has, a literal holds a lone surrogate, or has the datatype of texts in a language, and none.
    """
    if len(text) > MAX_CHARACTERS:
        raise NQuadsError(f"The N-Quads have {len(text)} characters; at most {MAX_CHARACTERS} are read.")
    quads: list[Quad] = []
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if _EMPTY.fullmatch(line):
            continue
        found = _STATEMENT.fullmatch(line)
        if found is None:
            raise NQuadsError(f"Line {number} is no statement of N-Quads.")
        try:
            quads.append(_quad(found))
        except NQuadsError as error:
            raise NQuadsError(f"Line {number}: {error}") from error
    return quads


def _quad(found: re.Match[str]) -> Quad:
    subject, predicate, graph = found["subject"], found["predicate"], found["graph"]
    object_ = _node(found["object"]) if found["object"] else _literal(found)
    return _node(subject), _node(predicate), object_, _node(graph) if graph else ""


def _node(term: str) -> str:
    return term if term.startswith("_:") else f"<{_iri(term)}>"


def _iri(term: str) -> str:
    iri = _unescaped(term[1:-1])
    if not _ABSOLUTE_IRI.fullmatch(iri):
        raise NQuadsError(f"{iri!a:.100} is no absolute IRI.")
    return iri


def _literal(found: re.Match[str]) -> str:
    text, language = _unescaped(found["quoted"][1:-1]), found["language"]
    if _SURROGATE.search(text):
        raise NQuadsError("A literal holds a lone surrogate, which is no character.")
    if language:
        return literal(text, language=language[1:])
    datatype = _iri(found["datatype"]) if found["datatype"] else None
    if datatype == f"{RDF}langString":
        raise NQuadsError("A literal is said to be in a language, and the language is not given.")
    return literal(text, datatype=datatype)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    if short := escape[1]:
        return _SHORT.get(short, short)
    code = int(escape[0][2:], 16)
    if code > 0x10FFFF:
        raise NQuadsError(f"{escape[0]} is beyond the last character of Unicode.")
    return chr(code)
