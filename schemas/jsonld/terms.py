"""What one term of a JSON-LD context means, and how a context defines it (JSON-LD 1.1 API §4.2, §5.2).

Definitions only: which of them are active where is `schemas.jsonld.context`; what they make of a document is
`schemas.jsonld`. There is no base IRI: a relative reference stays what it is, and whoever needs an IRI refuses it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from schemas.rdf import XSD
from schemas.strict_json import JsonObject, JsonValue

KEYWORDS: Final = frozenset(
    [
        "@base",
        "@container",
        "@context",
        "@direction",
        "@graph",
        "@id",
        "@import",
        "@included",
        "@index",
        "@json",
        "@language",
        "@list",
        "@nest",
        "@none",
        "@prefix",
        "@propagate",
        "@protected",
        "@reverse",
        "@set",
        "@type",
        "@value",
        "@version",
        "@vocab",
    ]
)
MAX_TERM_CHAIN: Final = 32  # terms defined by terms defined by terms …; published contexts have one such step
_QUOTED_CHARACTERS: Final = 80  # an attacker chooses names; a message repeats only their beginning

# What may stand between angle brackets in N-Quads, with a scheme; stricter than RFC 3987 about white space only.
_IRI: Final = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x20<>"{}|\\^`\ufeff]*')
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_LIKE_A_KEYWORD: Final = re.compile(r"@[A-Za-z]+")
_LIKE_AN_IRI: Final = re.compile(r".+:.+|.*/.*", re.DOTALL)  # such a term must mean what it looks like
_GENERIC_DELIMITERS: Final = tuple(":/?#[]@")  # an IRI that ends so can be a prefix

# Members of a context that are no terms.
_CONTEXT_MEMBERS: Final = frozenset(
    ["@base", "@direction", "@import", "@language", "@propagate", "@protected", "@version", "@vocab"]
)
_DEFINITION_MEMBERS: Final = frozenset(
    [
        "@id",
        "@reverse",
        "@container",
        "@context",
        "@direction",
        "@index",
        "@language",
        "@nest",
        "@prefix",
        "@protected",
        "@type",
    ]
)
_CONTAINERS: Final = frozenset(["@graph", "@id", "@index", "@language", "@list", "@set", "@type"])
_GRAPH_CONTAINERS: Final = frozenset(["@graph", "@id", "@index", "@set"])


class JsonLdError(ValueError):
    """A document cannot be read as JSON-LD without losing something; the message is one sentence."""


class Unsaid:
    """What a definition does not mention, where null would be something else."""

    def __repr__(self) -> str:
        return "UNSAID"


UNSAID: Final = Unsaid()
_Nullable: TypeAlias = str | Unsaid | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Term:
    """One definition. `iri`: an absolute IRI, a blank node, a keyword, or None if the term is set to null; `kind`:
    its type mapping, an IRI or one of @id, @vocab, @json, @none; `context`: its scoped context, as it stands;
    `inline`: it stands in a document, not in a context of a known URL.

    Derived, so that reading a document needs no more looking up: `keyword`; `predicate` (the N-Quads term, None if
    it cannot be one); `suffix` (what follows a text as the value of this type; None if the text itself may
    change); `simple` (a property whose values need no container but @set, no scoped context and no reversal).
    """

    iri: str | None
    kind: str | None = None
    container: frozenset[str] = frozenset()
    language: _Nullable = UNSAID
    direction: _Nullable = UNSAID
    nest: str | None = None
    index: str | None = None
    prefix: bool = False
    reverse: bool = False
    protected: bool = False
    context: "JsonValue | Unsaid" = UNSAID
    inline: bool = False
    keyword: str | None = field(init=False, default=None)
    predicate: str | None = field(init=False, default=None)
    suffix: str | None = field(init=False, default=None)
    simple: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        if self.iri is not None and self.iri in KEYWORDS:
            put(self, "keyword", self.iri)
        elif self.iri is not None and is_iri(self.iri):
            put(self, "predicate", f"<{self.iri}>")
        if self.kind is not None and not self.kind.startswith("@"):
            put(self, "suffix", None if self.kind == f"{XSD}double" else datatype_suffix(self.kind))
        plain = self.container <= {"@set"} and self.context is UNSAID and not self.reverse and self.kind != "@json"
        put(self, "simple", plain and self.predicate is not None)

    def says_the_same_as(self, other: "Term") -> bool:
        """Whether two definitions agree in all but their protection."""
        return all(getattr(self, name) == getattr(other, name) for name in _COMPARED)


_COMPARED: Final = [
    "iri",
    "kind",
    "container",
    "language",
    "direction",
    "nest",
    "index",
    "prefix",
    "reverse",
    "context",
]


def is_iri(text: str) -> bool:
    """Whether a text is an absolute IRI that N-Quads can write."""
    return _IRI.fullmatch(text) is not None


def datatype_suffix(datatype: str) -> str:
    """What follows the quoted text of a literal of this datatype (RDFC-1.0 §5: xsd:string is not written)."""
    return "" if datatype == f"{XSD}string" else f"^^<{datatype}>"


def language_tag(value: str, *, where: str) -> str:
    """A well-formed language tag in lower case (JSON-LD 1.1 API §5.1.2 lets a processor do so, and others do)."""
    if not _LANGUAGE.fullmatch(value):
        raise JsonLdError(f"{where}: {shown(value)} is no language tag.")
    return value.lower()


def shown(text: str) -> str:
    """A name from a document, quoted for a message."""
    return ascii(text if len(text) <= _QUOTED_CHARACTERS else text[:_QUOTED_CHARACTERS] + "…")


def expand_iri(text: str, *, terms: Mapping[str, Term], vocab: str | None, is_name: bool) -> str | None:
    """The IRI, blank node or keyword that a text stands for (§5.2.2); a relative reference comes back as it is.

    `is_name`: it may be a term or relative to `vocab`, as property names and types are. None: it means nothing.
    """
    if text in KEYWORDS:
        return text
    if _LIKE_A_KEYWORD.fullmatch(text):
        return None
    if is_name and (term := terms.get(text)) is not None:
        return term.iri
    prefix, colon, suffix = text.partition(":")
    if prefix and colon:
        if prefix == "_" or suffix.startswith("//"):
            return text
        term = terms.get(prefix)
        if term is not None and term.prefix and term.iri is not None:
            return term.iri + suffix
        if is_iri(text):
            return text
    return vocab + text if is_name and vocab is not None else text


class Definitions:
    """The terms of one local context, defined on top of those that are active (§4.2.2)."""

    def __init__(
        self,
        local: JsonObject,
        *,
        active: Mapping[str, Term],
        vocab: str | None,
        protected: bool,
        override_protected: bool,
        inline: bool,
    ) -> None:
        """`protected`: what the local context says of its terms; `override_protected`: a property's scoped context
        may redefine what is protected outside.
        """
        self.terms = dict(active)
        self._local, self._active, self._vocab = local, active, vocab
        self._protected, self._override, self._inline = protected, override_protected, inline
        self._defined: dict[str, bool] = {}  # False while being defined
        self._chain = 0

    def define_all(self) -> None:
        """Raises JsonLdError for a definition that is malformed, in circles, or of a protected term."""
        for name in self._local:
            if name not in _CONTEXT_MEMBERS:
                self._define(name, override=self._override)

    def _define(self, name: str, *, override: bool) -> None:
        if name in self._defined:
            if not self._defined[name]:
                raise JsonLdError(f"The term {shown(name)} is defined by itself.")
            return
        self._chain += 1
        if self._chain > MAX_TERM_CHAIN:
            raise JsonLdError(f"The term {shown(name)} is defined by a chain of more than {MAX_TERM_CHAIN} terms.")
        self._defined[name] = False
        self.terms.pop(name, None)
        term = self._term(name, self._local[name])
        previous = self._active.get(name)
        if previous is not None and previous.protected and not override:
            if not term.says_the_same_as(previous):
                raise JsonLdError(f"The term {shown(name)} is protected and cannot be redefined.")
            term = previous
        self.terms[name] = term
        self._defined[name] = True
        self._chain -= 1

    def _term(self, name: str, value: JsonValue) -> Term:
        if name == "":
            raise JsonLdError("A term must not be an empty text.")
        if name in KEYWORDS and not _is_type_in_a_set(name, value):
            raise JsonLdError(f"The keyword {name} cannot be redefined.")
        if name not in KEYWORDS and _LIKE_A_KEYWORD.fullmatch(name):
            raise JsonLdError(f"The term {shown(name)} looks like a keyword, which is reserved.")
        if value is None or isinstance(value, str):
            return self._built(name, {"@id": value}, simple=True)
        if not isinstance(value, dict):
            raise JsonLdError(f"The definition of {shown(name)} must be a text, an object or null.")
        if not value.keys() <= _DEFINITION_MEMBERS:
            unknown = next(member for member in value if member not in _DEFINITION_MEMBERS)
            raise JsonLdError(f"The definition of {shown(name)} has a member {shown(unknown)}.")
        return self._built(name, value, simple=False)

    def _built(self, name: str, value: JsonObject, *, simple: bool) -> Term:
        reverse = "@reverse" in value
        iri = self._reverse_iri(name, value) if reverse else self._iri(name, value)
        container = _container(name, value, reverse=reverse)
        kind = self._kind(name, value)
        if "@type" in container:
            kind = kind or "@id"
            if kind not in {"@id", "@vocab"}:
                raise JsonLdError(f"The term {shown(name)} maps types to values: its @type must be @id or @vocab.")
        term = Term(
            iri=iri,
            kind=kind,
            container=container,
            language=_language(name, value),
            direction=_direction(name, value),
            nest=_nest(name, value),
            index=self._index(name, value, container=container),
            prefix=_prefix(name, value, iri=iri, simple=simple),
            reverse=reverse,
            protected=_flag(name, value, "@protected", default=self._protected),
            context=value.get("@context", UNSAID),
            inline=self._inline,
        )
        if term.context is not UNSAID and term.keyword not in {None, "@nest"}:
            raise JsonLdError(
                f"The keyword alias {shown(name)} has a scoped context, which is not supported here."
            )
        return term

    def _iri(self, name: str, value: JsonObject) -> str | None:
        """§4.2.2 steps 14 to 18: from `@id`, from a prefix, from the name, or from the vocabulary."""
        given = value.get("@id", name)
        if given is None:
            return None
        if not isinstance(given, str):
            raise JsonLdError(f"The @id of the term {shown(name)} must be a text or null.")
        if given != name:
            return self._given_iri(name, given)
        prefix, colon, suffix = name.partition(":")
        if prefix and colon:
            self._define_first(prefix)
            term = self.terms.get(prefix)
            return self._absolute(name, name if term is None or term.iri is None else term.iri + suffix)
        if name == "@type":
            return name
        if self._vocab is None:
            raise JsonLdError(f"The term {shown(name)} has no @id.")
        return self._absolute(name, self._vocab + name)

    def _given_iri(self, name: str, given: str) -> str:
        iri = self._expanded(given)
        if iri is None or iri in {"@context", "@preserve"}:
            raise JsonLdError(f"The term {shown(name)} stands for {shown(given)}, which it must not.")
        if iri not in KEYWORDS:
            self._absolute(name, iri)
        if _LIKE_AN_IRI.fullmatch(name):
            self._defined[name] = True  # so that its own prefix is looked up, not the term
            if self._expanded(name) != iri:
                raise JsonLdError(f"The term {shown(name)} looks like an IRI, and stands for another.")
        return iri

    def _reverse_iri(self, name: str, value: JsonObject) -> str:
        reverse = value["@reverse"]
        if "@id" in value or "@nest" in value or not isinstance(reverse, str):
            raise JsonLdError(f"The reverse property {shown(name)} must have an IRI, and neither @id nor @nest.")
        return self._absolute(name, self._expanded(reverse))

    def _kind(self, name: str, value: JsonObject) -> str | None:
        if "@type" not in value:
            return None
        given = value["@type"]
        if not isinstance(given, str):
            raise JsonLdError(f"The @type of the term {shown(name)} must be a text.")
        kind = self._expanded(given)
        if kind is None or (kind not in {"@id", "@vocab", "@json", "@none"} and not is_iri(kind)):
            raise JsonLdError(f"The @type of the term {shown(name)} is {shown(given)}, which is no absolute IRI.")
        return kind

    def _index(self, name: str, value: JsonObject, *, container: frozenset[str]) -> str | None:
        if "@index" not in value:
            return None
        given = value["@index"]
        if "@index" not in container or not isinstance(given, str) or given.startswith("@"):
            raise JsonLdError(f"The @index of the term {shown(name)} must name a property of an index container.")
        if not is_iri(self._expanded(given) or ""):
            raise JsonLdError(f"The @index of the term {shown(name)} is {shown(given)}, which is no absolute IRI.")
        return given

    def _expanded(self, text: str) -> str | None:
        """§5.2.2 while terms are being defined: those on which this one rests are defined first."""
        if not text.startswith("@"):
            self._define_first(text)
            prefix, colon, suffix = text.partition(":")
            if colon and text not in self.terms and not suffix.startswith("//"):
                self._define_first(prefix)
        return expand_iri(text, terms=self.terms, vocab=self._vocab, is_name=True)

    def _define_first(self, name: str) -> None:
        """Define what another term rests on; it may not override protection, even where that one may (§5.2.2)."""
        if name in self._local and not self._defined.get(name):
            self._define(name, override=False)

    def _absolute(self, name: str, iri: str | None) -> str:
        if iri is None or not (is_iri(iri) or iri.startswith("_:")):
            raise JsonLdError(f"The term {shown(name)} does not stand for an absolute IRI.")
        return iri


def _is_type_in_a_set(name: str, value: JsonValue) -> bool:
    if name != "@type" or not isinstance(value, dict) or not value:
        return False
    return value.keys() <= {"@container", "@protected"} and value.get("@container", "@set") == "@set"


def _container(name: str, value: JsonObject, *, reverse: bool) -> frozenset[str]:
    """§4.2.2 step 19: which containers may stand together."""
    if "@container" not in value:
        return frozenset()
    given = value["@container"]
    if reverse and given is None:
        return frozenset()
    names = given if isinstance(given, list) else [given]
    container = frozenset(item for item in names if isinstance(item, str))
    allowed = len(container) == len(names) > 0 and container <= _CONTAINERS
    if reverse:
        allowed = allowed and container <= {"@index", "@set"}
    if "@list" in container:
        allowed = allowed and len(container) == 1
    elif "@graph" in container:
        allowed = allowed and container <= _GRAPH_CONTAINERS and not {"@id", "@index"} <= container
    else:
        allowed = allowed and len(container - {"@set"}) <= 1
    if not allowed:
        raise JsonLdError(f"The @container of the term {shown(name)} is none that JSON-LD knows.")
    return container


def _language(name: str, value: JsonObject) -> _Nullable:
    if "@language" not in value or "@type" in value:
        return UNSAID
    given = value["@language"]
    if given is None:
        return None
    if not isinstance(given, str):
        raise JsonLdError(f"The @language of the term {shown(name)} must be a text or null.")
    return language_tag(given, where=f"The @language of the term {shown(name)}")


def _direction(name: str, value: JsonObject) -> _Nullable:
    given = value.get("@direction", UNSAID)
    if given is None or given is UNSAID or given in ("ltr", "rtl"):
        return given
    raise JsonLdError(f"The @direction of the term {shown(name)} must be ltr, rtl or null.")


def _nest(name: str, value: JsonObject) -> str | None:
    if "@nest" not in value:
        return None
    given = value["@nest"]
    if not isinstance(given, str) or (given != "@nest" and given.startswith("@")):
        raise JsonLdError(f"The @nest of the term {shown(name)} must be @nest or a term.")
    return given


def _prefix(name: str, value: JsonObject, *, iri: str | None, simple: bool) -> bool:
    """Whether compact IRIs may begin with this term (§4.2.2 steps 14.2.5, 25)."""
    if "@prefix" not in value:
        can_be_one = simple and iri is not None and ":" not in name and "/" not in name
        return can_be_one and iri is not None and (iri.startswith("_:") or iri.endswith(_GENERIC_DELIMITERS))
    given = value["@prefix"]
    if not isinstance(given, bool) or ":" in name or "/" in name or (given and iri in KEYWORDS):
        raise JsonLdError(f"The term {shown(name)} cannot be a prefix as its @prefix says.")
    return given


def _flag(name: str, value: JsonObject, member: str, *, default: bool) -> bool:
    given = value.get(member, default)
    if not isinstance(given, bool):
        raise JsonLdError(f"The {member} of the term {shown(name)} must be true or false.")
    return given
