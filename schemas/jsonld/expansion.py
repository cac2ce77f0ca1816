"""JSON-LD 1.1 to RDF, in safe mode: a document's statements, or a refusal; nothing is lost in silence, or fetched.

Expansion and conversion are one pass (JSON-LD 1.1 API §5.1, §7.1, §8.1). Left out is only what the standard itself
keeps out of RDF: null members, `@index`, and, with its `rdfDirection` unset, `@direction`. Contexts are `context`;
the canonical form of the statements is `schemas.rdfc`.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from schemas.contexts import VERIFYING, ContextSet
from schemas.jsonld.context import ActiveContext, Contexts, Meter, contexts_of
from schemas.jsonld.literals import json_literal, number, quoted, text_suffix, typed_text, value_object
from schemas.jsonld.shapes import (
    ids_in,
    is_another_node,
    is_graph,
    keyword_members,
    listed,
    speaking_members,
    types_in,
)
from schemas.jsonld.terms import KEYWORDS, UNSAID, JsonLdError, Term, is_iri, language_tag, shown
from schemas.rdf import RDF, Quad
from schemas.strict_json import MAX_DEPTH, JsonObject, JsonValue

MAX_QUADS: Final = 2_000  # STANDARDS j1: what is canonicalised at most
MAX_BLANK_NODES: Final = 200

_TYPE: Final = f"<{RDF}type>"
_FIRST: Final = f"<{RDF}first>"
_REST: Final = f"<{RDF}rest>"
_NIL: Final = f"<{RDF}nil>"
_DEFAULT_GRAPH: Final = ""
_BLANK_NODE: Final = re.compile(r"_:[^\s]+")
_MAPS: Final = frozenset({"@index", "@id", "@type"})  # containers whose value is a map


def to_quads(
    document: JsonObject,
    *,
    contexts: ContextSet = VERIFYING,
    max_quads: int = MAX_QUADS,
    max_blank_nodes: int = MAX_BLANK_NODES,
    meter: Meter | None = None,
) -> list[Quad]:
    """The statements that a document makes, each once; its blank nodes are `_:b0`, `_:b1` and so on.

    `document`: as `schemas.strict_json` reads it; `contexts`: all that there are; `meter`: counts the work that
    its contexts cause, together with that of other documents.

    Raises:
        JsonLdError: a term is not defined, or is protected and redefined; an id or type is no absolute IRI; a
            value would be lost; a context is not known; JSON-LD does not allow it, or it is not supported here; or
            the document is too large.
    """
    reader = _Reader(contexts_of(contexts), max_quads=max_quads, max_blank_nodes=max_blank_nodes, meter=meter)
    try:
        return reader.document(document)
    except RecursionError as error:  # only for a document that the strict reader did not read
        raise JsonLdError("The document is nested too deeply to be read.") from error


def types_of(document: JsonObject, *, contexts: ContextSet = VERIFYING) -> tuple[str, ...]:
    """The absolute IRIs of the types of a document's top node, in its order (§5.1.2 step 13.4.4).

    Raises:
        JsonLdError: a type is no text or does not stand for an absolute IRI, or a context is not known or
            malformed.
    """
    reader = _Reader(contexts_of(contexts), max_quads=MAX_QUADS, max_blank_nodes=MAX_BLANK_NODES)
    return tuple(iri[1:-1] for iri in reader.types(document))


class _ListHead(str):
    """The term that stands for a whole list, where it must be told from a node."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the key in a map of values says about each of them: its id, a type, or a property with its value."""

    id: str | None = None
    type: str | None = None
    statement: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands, as far as that changes what it means.

    `floats`: no property leads to it; `in_list`: directly in a list; `nodes_only`: its property is reversed;
    `wrapped`: its property puts each value into a graph of its own; `in_map`: it comes from a map of values, whose
    key says `entry`.
    """

    floats: bool = False
    in_list: bool = False
    nodes_only: bool = False
    wrapped: bool = False
    in_map: bool = False
    entry: _Entry | None = None

    @property
    def takes_values(self) -> bool:
        return not (self.floats or self.nodes_only or self.wrapped or self.entry)


_IN_PROPERTY: Final = _Place()
_IN_LIST: Final = _Place(in_list=True)
_REVERSED: Final = _Place(nodes_only=True)
_FLOATING: Final = _Place(floats=True)
_NO_TERM: Final = Term(iri=None)


class _Reader:
    """The reading of one document."""

    def __init__(
        self, contexts: Contexts, *, max_quads: int, max_blank_nodes: int, meter: Meter | None = None
    ) -> None:
        self._contexts, self._meter = contexts, Meter() if meter is None else meter
        self._max_quads, self._max_blank_nodes = max_quads, max_blank_nodes
        self._quads: list[Quad] = []
        self._labels: dict[str, str] = {}  # the document's blank nodes -> ours
        self._blank_nodes = 0

    def document(self, document: JsonObject) -> list[Quad]:
        active = self._contexts.initial
        if "@context" in document:
            active = self._contexts.of_document(active, document["@context"], meter=self._meter)
        names = speaking_members(document, active)
        if len(names) == 1 and names[0] in active.graphs:  # §5.1.1: then its content is the default graph's
            for name in document.keys() - {"@context", *names, *active.types, *active.nests}:
                _predicate(name, active)  # though it says nothing
            self._graph(document[names[0]], active=active, graph=_DEFAULT_GRAPH, depth=1)
        else:
            self._object(
                document, active=self._contexts.initial, key=None, graph=_DEFAULT_GRAPH, depth=1, place=_FLOATING
            )
        if not self._quads:
            raise JsonLdError("The document makes no statement.")
        return self._distinct()

    def types(self, document: JsonObject) -> list[str]:
        active = self._contexts.initial
        if "@context" in document:
            active = self._contexts.of_document(active, document["@context"], meter=self._meter)
        values = [value for name in active.types if name in document for value in listed(document[name])]
        return [self._type(value, active) for value in values]

    def _object(
        self, element: JsonObject, *, active: ActiveContext, key: str | None, graph: str, depth: int, place: _Place
    ) -> list[str]:
        """The terms for what an object is: a node, a value, a list, or all of a set (§5.1.2 steps 6 to 19)."""
        if depth > MAX_DEPTH:
            raise JsonLdError(f"The document is nested more than {MAX_DEPTH} levels deep.")
        term = None if key is None else active.terms.get(key)
        if active.previous is not None and not place.in_map and is_another_node(element, active):
            active = active.previous
        if term is not None and term.context is not UNSAID:
            active = self._contexts.of_property(active, term, meter=self._meter)
        if "@context" in element:
            active = self._contexts.of_document(active, element["@context"], meter=self._meter)
        untyped = active
        types = types_in(element, untyped)
        for text in sorted(types) if len(types) > 1 else types:
            scoped = untyped.terms.get(text)
            if scoped is not None and scoped.context is not UNSAID:
                active = self._contexts.of_type(active, scoped, meter=self._meter)
        if not active.wholes.isdisjoint(element):
            return self._whole(
                element, active=active, untyped=untyped, key=key, graph=graph, depth=depth, place=place
            )
        if place.wrapped and not (place.in_map and is_graph(element, active)):
            return [self._wrapped(element, active=active, untyped=untyped, graph=graph, depth=depth, place=place)]
        subject = self._subject(element, active, entry=place.entry)
        said = len(self._quads)
        self._node(element, subject, active=active, untyped=untyped, graph=graph, depth=depth)
        self._add_entry(subject, place.entry, graph=graph)
        if place.floats and len(self._quads) == said:
            raise JsonLdError("A part of the document says nothing, so it would be lost.")
        return [subject]

    def _whole(
        self,
        element: JsonObject,
        *,
        active: ActiveContext,
        untyped: ActiveContext,
        key: str | None,
        graph: str,
        depth: int,
        place: _Place,
    ) -> list[str]:
        """An object that is a value, a list or a set (§5.1.2 steps 15 to 18)."""
        members = keyword_members(element, active)
        if "@value" in members:
            if not place.takes_values:
                raise JsonLdError(f"The value of {_shown(key)} is a literal where a node was expected.")
            return [value_object(members, where=f"The value of {_shown(key)}", types=untyped)]
        if members.keys() - {"@index"} not in ({"@list"}, {"@set"}):
            raise JsonLdError(f"The list or set in {_shown(key)} has other members than one of both allows.")
        content = members.get("@list", members.get("@set"))
        if content is None or key is None:
            raise JsonLdError(f"The list or set in {_shown(key)} holds nothing, or has no property.")
        if "@list" in members:
            if not place.takes_values:
                raise JsonLdError(f"The value of {_shown(key)} is a list where a node was expected.")
            return [self._list(content, active=active, key=key, graph=graph, depth=depth)]
        term = active.terms.get(key)
        plain = replace(
            place, in_list=term is not None and "@list" in term.container and isinstance(content, list)
        )
        found = self._values(content, active=active, key=key, graph=graph, depth=depth, place=plain)
        return [self._chain(found, graph=graph)] if place.in_list else [str(item) for item in found]

    def _wrapped(
        self,
        element: JsonObject,
        *,
        active: ActiveContext,
        untyped: ActiveContext,
        graph: str,
        depth: int,
        place: _Place,
    ) -> str:
        """A node in a graph of its own; the term is the graph's name (§5.1.2 steps 13.8.3.6, 13.12)."""
        name = self._blank_node() if place.entry is None or place.entry.id is None else place.entry.id
        said = len(self._quads)
        subject = self._subject(element, active, entry=None)
        self._node(element, subject, active=active, untyped=untyped, graph=name, depth=depth)
        if len(self._quads) == said:
            raise JsonLdError("A graph in the document says nothing, so it would be lost.")
        self._add_entry(name, place.entry, graph=graph)
        return name

    def _subject(self, element: JsonObject, active: ActiveContext, *, entry: _Entry | None) -> str:
        """The term for a node: its id, or a new blank node (§5.1.2 step 13.4.3)."""
        given = list(ids_in(element, active))
        if len(given) > 1:
            raise JsonLdError("A node has two ids.")
        told = None if entry is None else entry.id
        if not given:
            return told or self._blank_node()
        subject = self._reference(given[0], active, is_name=False)
        if told is not None and told != subject:
            raise JsonLdError(f"The node {shown(subject)} stands in a map under another id.")
        return subject

    def _add_entry(self, subject: str, entry: _Entry | None, *, graph: str) -> None:
        if entry is not None and entry.type is not None:
            self._quads.append((subject, _TYPE, entry.type, graph))
        if entry is not None and entry.statement is not None:
            self._quads.append((subject, *entry.statement, graph))

    def _node(
        self,
        element: JsonObject,
        subject: str,
        *,
        active: ActiveContext,
        untyped: ActiveContext,
        graph: str,
        depth: int,
        outer: set[str] | None = None,
    ) -> None:
        """All that a node says (§5.1.2 step 13, §7.2).

        `untyped`: what is active but for its types; `outer`: for nested members, the keywords of the node so far.
        """
        quads, terms, language = self._quads, active.terms, active.language
        keywords: set[str] = set() if outer is None else outer
        for name, value in element.items():
            term = terms.get(name)
            if term is None:
                keyword = name if name in KEYWORDS else None
            else:
                if term.simple and type(value) is str and (suffix := text_suffix(term, language)) is not None:
                    quads.append((subject, term.predicate or "", quoted(value) + suffix, graph))
                    continue
                keyword = term.keyword
            if keyword is None:
                self._property(name, value, subject=subject, active=active, graph=graph, depth=depth)
                continue
            if keyword in keywords and keyword not in {"@type", "@included", "@nest"}:
                raise JsonLdError(f"Two members of a node stand for {keyword}.")
            keywords.add(keyword)
            if keyword == "@type":
                quads += [(subject, _TYPE, self._type(one, untyped), graph) for one in listed(value)]
            else:
                self._keyword(
                    keyword,
                    name,
                    value,
                    subject=subject,
                    active=active,
                    graph=graph,
                    depth=depth + 1,
                    keywords=keywords,
                )

    def _keyword(
        self,
        keyword: str,
        name: str,
        value: JsonValue,
        *,
        subject: str,
        active: ActiveContext,
        graph: str,
        depth: int,
        keywords: set[str],
    ) -> None:
        """A member of a node whose name stands for a keyword (§5.1.2 step 13.4)."""
        if keyword == "@graph":
            self._graph(value, active=active, graph=subject, depth=depth)
        elif keyword == "@included":
            self._graph(value, active=active, graph=graph, depth=depth)
        elif keyword == "@reverse":
            self._reversed(value, subject, active=active, graph=graph, depth=depth)
        elif keyword == "@nest":
            self._nested(name, value, subject, active=active, graph=graph, depth=depth, keywords=keywords)
        elif keyword == "@index":
            if not isinstance(value, str):
                raise JsonLdError("The @index of a node must be a text.")
        elif keyword not in {"@id", "@context"}:  # which were looked at before
            raise JsonLdError(f"The member {shown(name)} of a node stands for {keyword}, which it cannot have.")

    def _property(
        self,
        name: str,
        value: JsonValue,
        *,
        subject: str,
        active: ActiveContext,
        graph: str,
        depth: int,
        reverse: bool = False,
    ) -> None:
        """The statements of one property (§5.1.2 steps 13.5 to 13.14). `reverse`: it stands in `@reverse`."""
        predicate = _predicate(name, active)
        term = active.terms.get(name)
        nodes_only = reverse or (term is not None and term.reverse)
        if term is None or term.simple:
            place = _REVERSED if nodes_only else _IN_PROPERTY
            found = self._values(value, active=active, key=name, graph=graph, depth=depth + 1, place=place)
        else:
            found = self._contained(
                name, value, term=term, active=active, graph=graph, depth=depth + 1, nodes_only=nodes_only
            )
        backwards = reverse != (term is not None and term.reverse)  # twice reversed is not
        for item in found:
            self._quads.append(
                (item, predicate, subject, graph) if backwards else (subject, predicate, item, graph)
            )

    def _contained(
        self,
        name: str,
        value: JsonValue,
        *,
        term: Term,
        active: ActiveContext,
        graph: str,
        depth: int,
        nodes_only: bool,
    ) -> list[str]:
        """The values of a property whose term says more of them than a type."""
        container = term.container
        if value is None and term.kind != "@json":
            return []
        if nodes_only and ("@list" in container or term.kind == "@json"):
            raise JsonLdError(f"The property {shown(name)} is reversed, and its values are no nodes.")
        if term.kind == "@json":
            if container - {"@set"}:
                raise JsonLdError(f"The term {shown(name)} is JSON in a container, which is not supported here.")
            return [json_literal(value)]
        if "@list" in container:
            if not isinstance(value, dict):
                return [self._list(value, active=active, key=name, graph=graph, depth=depth)]
            found = self._values(value, active=active, key=name, graph=graph, depth=depth, place=_IN_PROPERTY)
            if len(found) == 1 and isinstance(found[0], _ListHead):
                return found
            return [self._chain(found, graph=graph)]
        if isinstance(value, dict):
            if "@language" in container:
                if nodes_only:
                    raise JsonLdError(f"The property {shown(name)} is reversed, and its values are no nodes.")
                return self._language_map(value, active=active, key=name)
            if not container.isdisjoint(_MAPS):
                place = _Place(nodes_only=nodes_only, wrapped="@graph" in container, in_map=True)
                return self._map(value, term=term, active=active, key=name, graph=graph, depth=depth, place=place)
        wrapped = "@graph" in container and container.isdisjoint(_MAPS)
        place = _Place(nodes_only=nodes_only, wrapped=wrapped)
        return self._values(value, active=active, key=name, graph=graph, depth=depth, place=place)

    def _graph(self, value: JsonValue, *, active: ActiveContext, graph: str, depth: int) -> None:
        """Nodes to which no property leads: all of a graph, or included (§5.1.2 steps 13.4.5, 13.4.6)."""
        if not isinstance(value, dict | list):
            raise JsonLdError("What is in a graph, or included, must be nodes.")
        self._values(value, active=active, key=None, graph=graph, depth=depth, place=_FLOATING)

    def _reversed(self, value: JsonValue, subject: str, *, active: ActiveContext, graph: str, depth: int) -> None:
        """`@reverse`: properties of others of which this node is the value (§5.1.2 step 13.4.13)."""
        if not isinstance(value, dict):
            raise JsonLdError("The value of @reverse must be an object.")
        if active.previous is not None and is_another_node(value, active):
            active = active.previous
        for name, item in value.items():
            self._property(name, item, subject=subject, active=active, graph=graph, depth=depth, reverse=True)

    def _nested(
        self,
        name: str,
        value: JsonValue,
        subject: str,
        *,
        active: ActiveContext,
        graph: str,
        depth: int,
        keywords: set[str],
    ) -> None:
        """`@nest`: more members of the same node (§5.1.2 step 14)."""
        if depth > MAX_DEPTH:
            raise JsonLdError(f"The document is nested more than {MAX_DEPTH} levels deep.")
        term = active.terms.get(name)
        if term is not None and term.context is not UNSAID:
            active = self._contexts.of_property(active, term, meter=self._meter)
        for inner in listed(value):
            if not isinstance(inner, dict) or not active.wholes.isdisjoint(inner):
                raise JsonLdError(f"The value of {shown(name)} must be members of a node.")
            if "@context" in inner:  # processors differ: the standard does not look at it
                raise JsonLdError(f"The nested members {shown(name)} have a context, which is not supported here.")
            for text in types_in(inner, active):
                scoped = active.terms.get(text)
                if scoped is not None and scoped.context is not UNSAID:
                    raise JsonLdError(
                        f"The type {shown(text)} in {shown(name)} has a scoped context: not supported."
                    )
            if any(self._reference(given, active, is_name=False) != subject for given in ids_in(inner, active)):
                raise JsonLdError(f"The nested members {shown(name)} have another id than their node.")
            self._node(
                inner,
                subject,
                active=active,
                untyped=active,
                graph=graph,
                depth=depth,
                outer=keywords,
            )

    def _values(
        self, value: JsonValue, *, active: ActiveContext, key: str | None, graph: str, depth: int, place: _Place
    ) -> list[str]:
        """The terms for a value and for all that it holds, nulls left out (§5.1.2 steps 1, 4, 5)."""
        if isinstance(value, dict):
            return self._object(value, active=active, key=key, graph=graph, depth=depth, place=place)
        if isinstance(value, list):
            if depth > MAX_DEPTH:
                raise JsonLdError(f"The document is nested more than {MAX_DEPTH} levels deep.")
            found: list[str] = []
            for item in value:
                if place.in_list and isinstance(item, list):
                    found.append(self._list(item, active=active, key=key, graph=graph, depth=depth + 1))
                else:
                    found += self._values(item, active=active, key=key, graph=graph, depth=depth + 1, place=place)
            return found
        return [] if value is None else [self._scalar(value, active=active, key=key, graph=graph, place=place)]

    def _scalar(
        self,
        value: bool | int | float | str,
        *,
        active: ActiveContext,
        key: str | None,
        graph: str,
        place: _Place,
    ) -> str:
        """§5.3.2: what a text, number or boolean is, by the type of its property."""
        term = None if key is None else active.terms.get(key)
        if term is not None and term.context is not UNSAID:
            active = self._contexts.of_property(active, term, meter=self._meter)
            term = active.terms.get(key or "")
        kind = None if term is None else term.kind
        if isinstance(value, str) and kind in {"@id", "@vocab"}:
            if place.floats or place.wrapped:
                raise JsonLdError(f"The reference in {_shown(key)} stands alone in a graph, so it would be lost.")
            reference = self._reference(value, active, is_name=kind == "@vocab")
            self._add_entry(reference, place.entry, graph=graph)
            return reference
        if not place.takes_values:
            raise JsonLdError(f"The value of {_shown(key)} is a literal where a node was expected.")
        if kind == "@json":
            return json_literal(value)
        datatype = kind if kind is not None and not kind.startswith("@") else None
        if not isinstance(value, str):
            return number(value, datatype=datatype)
        if datatype is not None:
            return typed_text(value, datatype=datatype)
        return quoted(value) + (text_suffix(term or _NO_TERM, active.language) or "")

    def _list(self, value: JsonValue, *, active: ActiveContext, key: str | None, graph: str, depth: int) -> str:
        """A list of all that a value holds, arrays inside it being lists again (§5.1.2 steps 5.2.2, 13.4.11)."""
        place = _IN_LIST if isinstance(value, list) else _IN_PROPERTY
        found = self._values(value, active=active, key=key, graph=graph, depth=depth, place=place)
        return self._chain(found, graph=graph)

    def _chain(self, items: list[str], *, graph: str) -> _ListHead:
        """The statements of a list of terms (§8.3)."""
        rest = _NIL
        for item in reversed(items):
            node = self._blank_node()
            self._quads += ((node, _FIRST, item, graph), (node, _REST, rest, graph))
            rest = node
        return _ListHead(rest)

    def _language_map(self, value: JsonObject, *, active: ActiveContext, key: str) -> list[str]:
        """Texts by language (§5.1.2 step 13.7)."""
        found: list[str] = []
        for tag, texts in value.items():
            is_none = active.expanded(tag, is_name=True) == "@none"
            suffix = "" if is_none else f"@{language_tag(tag, where=f'The language map of {shown(key)}')}"
            for text in listed(texts):
                if text is not None and not isinstance(text, str):
                    raise JsonLdError(f"The language map of {shown(key)} holds something that is no text.")
                if text is not None:
                    found.append(quoted(text) + suffix)
        return found

    def _map(
        self,
        value: JsonObject,
        *,
        term: Term,
        active: ActiveContext,
        key: str,
        graph: str,
        depth: int,
        place: _Place,
    ) -> list[str]:
        """Values by index, id or type (§5.1.2 step 13.8)."""
        found: list[str] = []
        for index, inner in value.items():
            inside = active if "@index" in term.container else active.previous or active
            scoped = inside.terms.get(index) if "@type" in term.container else None
            if scoped is not None and scoped.context is not UNSAID:
                inside = self._contexts.of_type(inside, scoped, meter=self._meter)
            is_none = active.expanded(index, is_name=True) == "@none"
            entry = None if is_none else self._entry(index, term=term, active=active)
            found += self._values(
                inner,
                active=inside,
                key=key,
                graph=graph,
                depth=depth + 1,
                place=replace(place, entry=entry),
            )
        return found

    def _entry(self, index: str, *, term: Term, active: ActiveContext) -> _Entry | None:
        """What the key of one value in a map says about it."""
        if "@id" in term.container:
            return _Entry(id=self._reference(index, active, is_name=False))
        if "@type" in term.container:
            return _Entry(type=self._type(index, active))
        if term.index is None:  # an index that is no property is not part of what is said
            return None
        predicate = _predicate(term.index, active)
        value = self._scalar(index, active=active, key=term.index, graph=_DEFAULT_GRAPH, place=_IN_PROPERTY)
        return _Entry(statement=(predicate, value))

    def _type(self, text: JsonValue, active: ActiveContext) -> str:
        """The term for a type (§5.1.2 step 13.4.4)."""
        if not isinstance(text, str):
            raise JsonLdError("A type must be a text.")
        term = active.terms.get(text)
        if term is not None and term.predicate is not None:
            return term.predicate
        iri = active.expanded(text, is_name=True)
        if iri is None or not is_iri(iri):
            raise JsonLdError(f"The type {shown(text)} is not defined, and is no absolute IRI.")
        return f"<{iri}>"

    def _reference(self, text: str, active: ActiveContext, *, is_name: bool) -> str:
        """The term for a node that is referred to; there is no base, so a relative reference is lost."""
        iri = active.expanded(text, is_name=is_name)
        if iri is not None and is_iri(iri):
            return f"<{iri}>"
        if iri is None or not _BLANK_NODE.fullmatch(iri):
            raise JsonLdError(f"The reference {shown(text)} is no absolute IRI.")
        if iri not in self._labels:
            self._labels[iri] = self._blank_node()
        return self._labels[iri]

    def _blank_node(self) -> str:
        if self._blank_nodes == self._max_blank_nodes:
            raise JsonLdError(f"The document has more than {self._max_blank_nodes} nodes without an id.")
        self._blank_nodes += 1
        return f"_:b{self._blank_nodes - 1}"

    def _distinct(self) -> list[Quad]:
        quads = list(dict.fromkeys(self._quads))
        if len(quads) > self._max_quads:
            raise JsonLdError(f"The document makes more than {self._max_quads} statements.")
        return quads


def _predicate(name: str, active: ActiveContext) -> str:
    """The term for a property."""
    term = active.terms.get(name)
    if term is not None and term.predicate is not None:
        return term.predicate
    iri = active.expanded(name, is_name=True)
    if iri is None or not is_iri(iri):
        raise JsonLdError(f"The term {shown(name)} is not defined by the contexts of the document.")
    return f"<{iri}>"


def _shown(key: str | None) -> str:
    return "the document" if key is None else shown(key)
