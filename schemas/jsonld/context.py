"""Which terms are active where: JSON-LD contexts, processed once and kept (JSON-LD 1.1 API §4.1).

An `ActiveContext` is what a place in a document can say. Those that follow from known URLs alone are kept and
shared by all documents; those in which a document defines something itself live as long as the document is read.
What a definition means is `schemas.jsonld.terms`; the reading is `schemas.jsonld`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, Self

from schemas.contexts import ContextSet
from schemas.jsonld.terms import UNSAID, Definitions, JsonLdError, Term, expand_iri, is_iri, language_tag, shown
from schemas.strict_json import JsonObject, JsonValue

# Definitions made or brought into force by one document and its proofs: 0.2 s of CPU. A badge needs 300, sixteen
# of them in a presentation 3,300, and whoever writes 2,000 terms into a document about 4,000 for each reading.
MAX_WORK: Final = 20_000
MAX_CONTEXT_NESTING: Final = 16  # contexts inside contexts; published ones have 3
MAX_KEPT: Final = 1_000  # kept active contexts: badges lead to about 50, a stranger could lead to any number
_TERMS_COPIED_AS_ONE: Final = 64  # copying so many terms costs as much as defining one

_LOOKED_FOR: Final = ("@id", "@type", "@graph", "@nest", "@value", "@list", "@set")

_Use = Literal["type", "property", "url"]


class Meter:
    """Counts the work that the contexts of one document cause, or of several together.

    The count does not depend on what was kept, so that a document is refused always or never.
    """

    __slots__ = ("left",)

    def __init__(self, limit: int = MAX_WORK) -> None:
        self.left = limit

    def charge(self, work: int) -> None:
        """Raises JsonLdError when the document has used all that one may."""
        self.left -= work
        if self.left < 0:
            raise JsonLdError("The contexts of the document define too much.")


class ActiveContext:
    """What names mean at one place; not changed once it is in use.

    `ids`, `types` and so on: the names that stand for a keyword; `wholes`: those that make an object a value, a
    list or a set; `protects`: some term is protected; `previous`: what is active again in the next node, if this
    came from a type; `following`: what local contexts led to from here, with the work that it took; `kept`: it
    follows from known URLs alone.
    """

    __slots__ = (
        "following",
        "graphs",
        "ids",
        "kept",
        "language",
        "nests",
        "previous",
        "protects",
        "terms",
        "types",
        "values",
        "vocab",
        "wholes",
    )

    def __init__(
        self,
        terms: Mapping[str, Term],
        *,
        vocab: str | None = None,
        language: str | None = None,
        previous: "ActiveContext | None" = None,
    ) -> None:
        self.terms, self.vocab, self.language, self.previous = terms, vocab, language, previous
        names: dict[str, list[str]] = {keyword: [keyword] for keyword in _LOOKED_FOR}
        self.protects = False
        for name, term in terms.items():
            self.protects = self.protects or term.protected
            if term.keyword in names and name != term.keyword:
                names[term.keyword].append(name)
        self.ids, self.types, self.graphs, self.nests = (
            tuple(names[keyword]) for keyword in ("@id", "@type", "@graph", "@nest")
        )
        self.values = names["@value"]
        self.wholes = frozenset(names["@value"] + names["@list"] + names["@set"])
        self.following: dict[tuple[_Use, Term | str], tuple[ActiveContext, int]] = {}
        self.kept = False

    def expanded(self, text: str, *, is_name: bool) -> str | None:
        """As `terms.expand_iri`, here."""
        return expand_iri(text, terms=self.terms, vocab=self.vocab, is_name=is_name)

    def until_next_node(self, previous: Self) -> "ActiveContext":
        """The same, for one node only: after it, `previous` is active again."""
        return ActiveContext(self.terms, vocab=self.vocab, language=self.language, previous=previous)


@dataclass(frozen=True)
class _Manner:
    """How a local context is brought into force. `inside`: the URLs in whose contexts it stands; `inline`: it was
    written in a document, by whoever wrote that.
    """

    override_protected: bool = False
    propagate: bool = True
    inside: tuple[str, ...] = ()
    inline: bool = True
    depth: int = 0


class Contexts:
    """Brings local contexts into force, with the URLs of one set of contexts known and no others."""

    def __init__(self, known: ContextSet) -> None:
        self._known = known
        self._begin_anew()

    def of_document(self, active: ActiveContext, local: JsonValue, *, meter: Meter) -> ActiveContext:
        """`active`, and what the member `@context` of an object in a document says (§4.1.2).

        Raises:
            JsonLdError: a context is malformed or not known, redefines what is protected, or uses what is not
                supported, which is a base IRI.
        """
        return self._process(active, local, manner=_Manner(), meter=meter)

    def of_property(self, active: ActiveContext, term: Term, *, meter: Meter) -> ActiveContext:
        """`active`, and the scoped context of a property (§5.1.2 step 8); JsonLdError as above."""
        return self._scoped(active, term, use="property", meter=meter)

    def of_type(self, active: ActiveContext, term: Term, *, meter: Meter) -> ActiveContext:
        """`active`, and the scoped context of a type (§5.1.2 step 11); JsonLdError as above."""
        return self._scoped(active, term, use="type", meter=meter)

    def _begin_anew(self) -> None:
        self.initial, self._count = ActiveContext({}), 0
        self.initial.kept = True

    def _scoped(self, active: ActiveContext, term: Term, *, use: _Use, meter: Meter) -> ActiveContext:
        found = active.following.get((use, term))
        if found is not None:
            meter.charge(found[1])
            return found[0]
        before = meter.left
        is_property = use == "property"
        manner = _Manner(override_protected=is_property, propagate=is_property, inline=False)
        local: JsonValue = term.context  # type: ignore[assignment]  # callers ask only where there is one
        made = self._process(active, local, manner=manner, meter=meter)
        if not (active.kept and term.inline):  # what is kept must not keep what a document brought
            self._follow(active, made, key=(use, term), cost=before - meter.left)
        return made

    def _follow(
        self, active: ActiveContext, made: ActiveContext, *, key: tuple[_Use, Term | str], cost: int
    ) -> None:
        """Remember `made` where it came from: for all documents if that is kept, else while this one is read."""
        if active.kept:
            made.kept = True
            self._count += 1
            if self._count > MAX_KEPT:  # documents that are being read go on with what they have
                self._begin_anew()
        active.following[key] = made, cost

    def _process(self, active: ActiveContext, local: JsonValue, *, manner: _Manner, meter: Meter) -> ActiveContext:
        if manner.depth > MAX_CONTEXT_NESTING:
            raise JsonLdError(f"Contexts are nested more than {MAX_CONTEXT_NESTING} deep.")
        items: list[JsonValue] = local if isinstance(local, list) else [local]
        manner = replace(manner, propagate=_propagates(items, default=manner.propagate))
        result = active
        if not manner.propagate and active.previous is None:
            result = active.until_next_node(active)
        for item in items:
            meter.charge(1)
            if item is None:
                result = self._nothing(result, manner=manner)
            elif isinstance(item, str):
                result = self._of_url(result, item, manner=manner, meter=meter)
            elif isinstance(item, dict):
                result = self._of_object(result, item, manner=manner, meter=meter)
            else:
                raise JsonLdError("A context must be a URL, an object or null.")
        return result

    def _nothing(self, active: ActiveContext, *, manner: _Manner) -> ActiveContext:
        """§4.1.2 step 5.1: null makes all terms undefined, but must not be a way round protection."""
        if active.protects and not manner.override_protected:
            raise JsonLdError("A context of null would remove terms that are protected.")
        return self.initial if manner.propagate else ActiveContext({}, previous=active)

    def _of_url(self, active: ActiveContext, url: str, *, manner: _Manner, meter: Meter) -> ActiveContext:
        found = None if manner.override_protected else active.following.get(("url", url))
        if found is not None:
            meter.charge(found[1])
            return found[0]
        before = meter.left
        local = self._loaded(url, manner=manner)
        inner = replace(manner, propagate=True, inside=(*manner.inside, url), inline=False, depth=manner.depth + 1)
        made = self._process(active, local, manner=inner, meter=meter)
        if not manner.override_protected and made is not active:
            self._follow(active, made, key=("url", url), cost=before - meter.left)
        return made

    def _loaded(self, url: str, *, manner: _Manner) -> JsonValue:
        if url in manner.inside:
            raise JsonLdError(f"The context {shown(url)} includes itself.")
        local = self._known.get(url)
        if local is None:
            raise JsonLdError(f"The context {shown(url)} is not known here, and none is ever fetched.")
        return local

    def _of_object(
        self, active: ActiveContext, local: JsonObject, *, manner: _Manner, meter: Meter
    ) -> ActiveContext:
        """§4.1.2 steps 5.4 to 5.13."""
        if "@import" in local:
            local = self._with_import(local, manner=manner)
        meter.charge(len(local) + len(active.terms) // _TERMS_COPIED_AS_ONE)
        _check_members(local)
        vocab = _vocab(active, local)
        definitions = Definitions(
            local,
            active=active.terms,
            vocab=vocab,
            protected=local.get("@protected") is True,
            override_protected=manner.override_protected,
            inline=manner.inline,
        )
        definitions.define_all()
        language = _language(active, local)
        made = ActiveContext(definitions.terms, vocab=vocab, language=language, previous=active.previous)
        # What has a URL was pinned by its hash; what a stranger wrote is looked at before it is used.
        if manner.inline:
            inner = replace(manner, override_protected=True, propagate=True, depth=manner.depth + 1)
            for term in [made.terms[name] for name in local if name in made.terms]:
                if term.context is not UNSAID:
                    self._process(made, term.context, manner=inner, meter=meter)  # type: ignore[arg-type]
        return made

    def _with_import(self, local: JsonObject, *, manner: _Manner) -> JsonObject:
        """§4.1.2 step 5.6: the imported definitions, and over them those that stand here."""
        url = local["@import"]
        if not isinstance(url, str):
            raise JsonLdError("The @import of a context must be a URL.")
        imported = self._loaded(url, manner=manner)
        if not isinstance(imported, dict) or "@import" in imported:
            raise JsonLdError(f"The context {shown(url)} cannot be imported: a single object was expected.")
        return {**imported, **{name: value for name, value in local.items() if name != "@import"}}


@lru_cache(maxsize=8)  # an office works with two sets of contexts; tests with a few more
def contexts_of(known: ContextSet) -> Contexts:
    """The processed contexts of a set, shared by all documents that are read with it."""
    return Contexts(known)


def _propagates(items: list[JsonValue], *, default: bool) -> bool:
    """§4.1.2 step 2: whether nodes inside see this context; said by its first object."""
    if any(isinstance(item, dict) and "@propagate" in item for item in items[1:]):
        raise JsonLdError("Only the first of several contexts can say @propagate.")
    first = items[0] if items else None
    if not isinstance(first, dict) or "@propagate" not in first:
        return default
    said = first["@propagate"]
    if not isinstance(said, bool):
        raise JsonLdError("The @propagate of a context must be true or false.")
    return said


def _check_members(local: JsonObject) -> None:
    if local.get("@version", 1.1) != 1.1:
        raise JsonLdError("The @version of a context must be 1.1.")
    if local.get("@base") is not None:  # documents here have no base, so that nothing depends on where they lie
        raise JsonLdError("A context sets a base IRI, which is not supported here.")
    if not isinstance(local.get("@protected", False), bool):
        raise JsonLdError("The @protected of a context must be true or false.")
    if local.get("@direction") not in (None, "ltr", "rtl"):
        raise JsonLdError("The @direction of a context must be ltr, rtl or null.")


def _vocab(active: ActiveContext, local: JsonObject) -> str | None:
    if "@vocab" not in local:
        return active.vocab
    given = local["@vocab"]
    if given is None:
        return None
    iri = active.expanded(given, is_name=True) if isinstance(given, str) else None
    if iri is None or not is_iri(iri):
        raise JsonLdError("The @vocab of a context is no absolute IRI.")
    return iri


def _language(active: ActiveContext, local: JsonObject) -> str | None:
    if "@language" not in local:
        return active.language
    given = local["@language"]
    if given is None:
        return None
    if not isinstance(given, str):
        raise JsonLdError("The @language of a context must be a text or null.")
    return language_tag(given, where="The @language of a context")
