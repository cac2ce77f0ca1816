"""What kind of JSON-LD object a JSON object is, and which of its members the reading looks for first.

Only looking: nothing here changes a context or makes a statement, which is `schemas.jsonld`.
"""

from collections.abc import Iterator

from schemas.jsonld.context import ActiveContext
from schemas.jsonld.terms import KEYWORDS, JsonLdError, shown
from schemas.strict_json import JsonObject, JsonValue


def is_another_node(element: JsonObject, active: ActiveContext) -> bool:
    """Whether an object ends what the types of the node around it brought (§5.1.2 step 7)."""
    if any(name in element for name in active.values):
        return False
    return not (len(element) == 1 and next(iter(element)) in active.ids)


def types_in(element: JsonObject, active: ActiveContext) -> list[str]:
    """The types of an object that are texts, as they stand; what else there is, is refused where they are used."""
    return [
        text for name in active.types if name in element for text in listed(element[name]) if isinstance(text, str)
    ]


def ids_in(element: JsonObject, active: ActiveContext) -> Iterator[str]:
    """The ids of a node, also those among its nested members."""
    for name in active.ids:
        if name in element:
            value = element[name]
            if not isinstance(value, str):
                raise JsonLdError("An id must be a text.")
            yield value
    for name in active.nests:
        if name in element:
            for inner in listed(element[name]):
                if isinstance(inner, dict):
                    yield from ids_in(inner, active)


def speaking_members(element: JsonObject, active: ActiveContext) -> list[str]:
    """The members of an object that say something: no context, no null of a property, no types that are none."""
    names = []
    for name, value in element.items():
        term = active.terms.get(name)
        is_silent = value is None and name not in KEYWORDS and (term is None or term.kind != "@json")
        is_silent = is_silent or (value == [] and (name in active.types or name in active.nests))
        if name != "@context" and not is_silent:
            names.append(name)
    return names


def is_graph(element: JsonObject, active: ActiveContext) -> bool:
    """Whether an object is a graph already: it has @graph, and at most @id and @index beside it."""
    keywords = [active.expanded(name, is_name=True) for name in speaking_members(element, active)]
    return "@graph" in keywords and {"@graph", "@id", "@index"}.issuperset(keywords)


def keyword_members(element: JsonObject, active: ActiveContext) -> dict[str, JsonValue]:
    """The members of an object of keywords, by keyword."""
    members: dict[str, JsonValue] = {}
    for name, value in element.items():
        if name == "@context":
            continue
        keyword = active.expanded(name, is_name=True)
        if keyword is None or keyword not in KEYWORDS or keyword in members:
            raise JsonLdError(f"A value, list or set cannot have the member {shown(name)}.")
        members[keyword] = value
    return members


def listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]
