"""The plain twin of our JSON-LD: PyLD on the published context files, canonicalised by pyoxigraph.

PyLD has no safe mode. So it is asked twice: for the statements, and for the expanded document, in which what it
would lose can be seen: whatever it drops, and whatever stands on a base that no document knows.
"""

import copy
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pyoxigraph
from pyld import jsonld

from schemas.contexts import published
from schemas.rdf import Quad

NO_BASE = "http://base.invalid/"  # relative references end up here, where nothing else is
_IRI = re.compile(r'(?!http://base\.invalid)[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`]*\Z')

FILES = (
    (published.CREDENTIALS_2, "w3c-vc-contexts/credentials/v2"),
    (published.CREDENTIALS_1, "w3c-vc-contexts/credentials/v1"),
    (published.EXAMPLES_2, "w3c-vc-contexts/credentials/examples/v2"),
    (published.DATA_INTEGRITY_1, "w3c-di-contexts/data-integrity/v1"),
    (published.DATA_INTEGRITY_2, "w3c-di-contexts/data-integrity/v2"),
    (published.MULTIKEY_1, "w3c-di-contexts/multikey/v1"),
    (published.ED25519_2020, "ob30-contexts-validator/suites-ed25519-2020.jsonld"),
    (published.DID_1, "w3c-did-context/v1"),
    (published.CONTROLLED_IDENTIFIERS_1, "w3c-cid-context/v1.jsonld"),
    (published.OPEN_BADGES_3_0, "ob30-contexts-spec/context.json"),
    (published.OPEN_BADGES_3_0_1, "ob30-contexts-spec/context-3.0.1.json"),
    (published.OPEN_BADGES_3_0_2, "ob30-contexts-spec/context-3.0.2.json"),
    (published.OPEN_BADGES_3_0_3_OF_APRIL_2025, "ob30-contexts-spec/context-3.0.3.json"),
    (published.OPEN_BADGES_3_0_3_OF_JUNE_2026, "ob30-contexts-validator/ob-v3p0-3.0.3.json"),
    (published.OPEN_BADGES_EXTENSIONS, "ob30-contexts-validator/ob-v3p0-extensions.json"),
)


class RefusedError(Exception):
    """The twin cannot read a document, or would lose some of it; the message says why."""


class Twin:
    """PyLD with the published files of a folder of vectors, or with none; of two revisions, the newer."""

    def __init__(self, vectors: Path | None = None) -> None:
        self._vectors = vectors

    def statements(self, document: dict[str, Any]) -> list[str]:
        """The canonical statements of a document, sorted; RefusedError if something would be lost."""
        try:
            dropped: list[Any] = []
            expanded = jsonld.expand(copy.deepcopy(document), self._options, on_property_dropped=dropped.append)
            text = jsonld.to_rdf(copy.deepcopy(document), {**self._options, "format": "application/n-quads"})
        except Exception as error:
            raise RefusedError(f"PyLD says {error!r}.") from error
        lost = [f"the property {name}" for name in dropped] or list(_lost(expanded, floats=True))
        if lost or not text:
            raise RefusedError(f"PyLD loses {lost}.")
        try:
            return canonical(text)
        except SyntaxError as error:
            raise RefusedError(f"PyLD writes what is no N-Quads: {error}.") from error

    def defined(self, context: Any) -> dict[str, Any]:
        """What each term of a context means, its scoped contexts worked out; RefusedError if it is not sound."""
        try:
            return self._defined(context, None)
        except jsonld.JsonLdError as error:
            raise RefusedError(f"PyLD says {error!r}.") from error

    def _defined(self, context: Any, outer: Any) -> dict[str, Any]:
        active = self._active(context, outer)
        told = {name: active.get(name) for name in ("@vocab", "@language")}
        for name in context:
            if name in active["mappings"]:
                mapping = dict(active["mappings"][name])
                if isinstance(mapping.get("@context"), dict):
                    mapping["@context"] = self._defined(mapping["@context"], active)
                told[name] = mapping
        return told

    def _active(self, context: Any, outer: Any) -> Any:
        processor = jsonld.JsonLdProcessor()
        options = {
            "processingMode": "json-ld-1.1",
            "base": "",
            "contextResolver": jsonld.ContextResolver({}, None),
        }
        start = outer or processor._get_initial_context(options)
        return processor._process_context(start, context, options, override_protected=True)

    @cached_property
    def _options(self) -> dict[str, Any]:
        return {"base": NO_BASE, "documentLoader": self._load, "processingMode": "json-ld-1.1"}

    @cached_property
    def _loaded(self) -> dict[str, Any]:
        if self._vectors is None:
            return {}
        return {known.url: json.loads((self._vectors / file).read_bytes()) for known, file in FILES}

    def _load(self, url: str, options: Any) -> dict[str, Any]:
        document = copy.deepcopy(self._loaded[url])
        return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url, "document": document}


def canonical(text: str) -> list[str]:
    """N-Quads in canonical form, sorted, as pyoxigraph writes them."""
    dataset = pyoxigraph.Dataset(pyoxigraph.parse(text, format=pyoxigraph.RdfFormat.N_QUADS))
    dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.RDFC_1_0)
    return sorted(str(quad) for quad in dataset)


def n_quads(quads: Iterable[Quad]) -> str:
    """Our statements as text."""
    return "".join(f"{' '.join(term for term in quad if term)} .\n" for quad in quads)


def _lost(value: Any, *, floats: bool) -> Iterator[str]:
    """What of an expanded document does not get into RDF."""
    if isinstance(value, list):
        for item in value:
            yield from _lost(item, floats=floats)
    elif not isinstance(value, dict):
        yield f"{value!r}, which is no node"
    elif "@value" in value or "@list" in value:
        if floats:
            yield "a value to which no property leads"
        if "@list" in value:
            yield from _lost(value["@list"], floats=False)
        kind = value.get("@type", "@json")
        if kind != "@json" and not (isinstance(kind, str) and _IRI.match(kind)):
            yield f"the datatype {value['@type']}"
    else:
        yield from _lost_of_node(value, floats=floats)


def _lost_of_node(node: dict[str, Any], *, floats: bool) -> Iterator[str]:
    if "@id" in node and not (node["@id"].startswith("_:") or _IRI.match(node["@id"])):
        yield f"the id {node['@id']}"
    yield from (f"the type {kind}" for kind in node.get("@type", []) if not _IRI.match(kind))
    if floats and node.keys() <= {"@id", "@index"}:
        yield "a node that says nothing"
    for name, value in node.items():
        if name in {"@graph", "@included"}:
            yield from _lost(value, floats=True)
        elif name == "@reverse":
            yield from (f"the property {other}" for other in value if not _IRI.match(other))
            yield from _lost(list(value.values()), floats=False)
        elif name not in {"@id", "@type", "@index"}:
            if not _IRI.match(name):
                yield f"the property {name}"
            yield from _lost(value, floats=False)
