"""How the tables of this folder are written, and the JSON-LD context that a table means.

A line is a term: its name, its IRI, then its type and containers, in any order. Lines indented below it are its
scoped context; `= name` stands for the lines of a block that several terms share. The line that opens a context
may say `@protected`, then the names that are keywords without their `@`; `@vocab` has a line of its own.

    @protected id type
    Multikey                sec:Multikey
        @protected id type
        controller          sec:controller              @id
        revoked             sec:revoked                 xs:dateTime

What a context does to a document is `schemas.jsonld.context`; which table belongs to which URL is in the package.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from schemas.strict_json import JsonObject, JsonValue

_CONTAINERS: Final = frozenset({"@set", "@list", "@graph"})
_NULL_CONTEXT: Final = "@null"  # the term's scoped context forgets everything that was defined outside


def context(table: str, *, prefixes: Mapping[str, str], blocks: Mapping[str, str] | None = None) -> JsonObject:
    """The JSON-LD context of a table, with its IRIs written out.

    `prefixes`: the table's own abbreviations, which are no terms of the context; `blocks`: what `= name` means.
    """
    return _read(list(_lines(table, blocks or {})), prefixes=prefixes)


def revised(base: JsonObject, *, changes: Mapping[str, str | None], prefixes: Mapping[str, str]) -> JsonObject:
    """A copy of a context in which some terms are other, new, or (None) gone.

    `changes`: by name, or `Type/name` for a term in the context of another; the definition is that of a line. A
    term that has a scoped context keeps it.
    """
    copy = dict(base)
    for place, definition in changes.items():
        outer, _, name = place.rpartition("/")
        if outer:
            holder = copy[outer] = dict(_object(copy[outer]))
            target = holder["@context"] = dict(_object(holder["@context"]))
        else:
            target = copy
        if definition is None:
            del target[name]
        else:
            scoped = _scoped(target.get(name))
            target[name] = _definition(definition.split(), scoped=scoped, prefixes=prefixes)
    return copy


def _lines(table: str, blocks: Mapping[str, str], *, depth: int = 0) -> Iterator[tuple[int, str]]:
    """The lines with their indentation, shared blocks in their place."""
    for line in table.splitlines():
        text = line.strip()
        at = depth + len(line) - len(line.lstrip())
        if text.startswith("= "):
            yield from _lines(blocks[text[2:]], blocks, depth=at)
        elif text:
            yield at, text


def _read(lines: list[tuple[int, str]], *, prefixes: Mapping[str, str]) -> JsonObject:
    read: JsonObject = {}
    while lines:
        at, text = lines.pop(0)
        inner: list[tuple[int, str]] = []
        while lines and lines[0][0] > at:
            inner.append(lines.pop(0))
        first, *rest = text.split()
        if first == "@protected":
            read |= {"@protected": True, **{name: f"@{name}" for name in rest}}
        elif first == "@vocab":
            read["@vocab"] = rest[0]
        elif not rest:
            read[first] = f"@{first}"
        else:
            read[first] = _definition(
                rest, scoped=_read(inner, prefixes=prefixes) if inner else None, prefixes=prefixes
            )
    return read


def _definition(words: list[str], *, scoped: "JsonObject | None", prefixes: Mapping[str, str]) -> JsonValue:
    iri, *said = words
    definition: JsonObject = {"@id": _iri(iri, prefixes)}
    for word in said:
        if word in _CONTAINERS:
            definition["@container"] = word
        elif word == _NULL_CONTEXT:
            definition["@context"] = None
        else:
            definition["@type"] = _iri(word, prefixes)
    if scoped is not None:
        definition["@context"] = scoped
    return definition if len(definition) > 1 else definition["@id"]


def _iri(word: str, prefixes: Mapping[str, str]) -> str:
    prefix, colon, suffix = word.partition(":")
    return prefixes[prefix] + suffix if colon and prefix in prefixes else word


def _scoped(definition: JsonValue) -> "JsonObject | None":
    return _object(definition["@context"]) if isinstance(definition, dict) and "@context" in definition else None


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise TypeError("a revision names a term that has no context of its own")
    return value
