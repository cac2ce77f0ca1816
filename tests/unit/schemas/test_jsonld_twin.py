"""Over 10,000 generated documents: PyLD reads the same statements in each, or both refuse it."""

from pathlib import Path
from typing import Any

import pytest

from schemas.jsonld import JsonLdError, to_quads
from tests.unit.schemas.jsonld_documents import Writer
from tests.unit.schemas.plain_jsonld import RefusedError, Twin, canonical, n_quads

BADGES, LINKED = 50, 1_000  # documents of each kind in a block
QUICK, ALL = 2, 12  # blocks in every run, and in ./run real
BLOCKS = [*range(QUICK), *(pytest.param(block, marks=pytest.mark.real) for block in range(QUICK, ALL))]

# What is refused here although PyLD sees no loss, and why that is right. Nothing else may be.
STRICTER = {
    "says nothing": "a node that RDF has no statement for, in a graph or with empty members only",
    "a literal where a node was expected": "a value in a graph of its own, which RDF drops",
    "stands alone in a graph": "a reference in a graph of its own, which RDF drops",
    "holds nothing, or has no property": "a list or set of null",
    "is no language tag": "a keyword as the key of a language map",
    "JSON in a container": "JSON in a map, where PyLD differs from the standard",
    "must be members of a node": "null in @nest",
    "The type '@": "a keyword as the key of a map of types that holds nothing",
    "The type 'type'": "the same, for an ordinary word",
    "cannot have the member": "an alias of @set or @list with null, beside other members",
    "can say @propagate": "a context that would not propagate, but not at the beginning, where PyLD ignores that",
    "The reference": "a relative id as the key of a map that holds null only",
    "have a context, which is not supported": "a context inside @nest, where PyLD differs from the standard",
    "has a scoped context: not supported": "a type with a scoped context inside @nest, likewise",
    "is protected": "a scoped context nobody uses, checked by PyLD before what it rests on is defined",
    "stands in a map under another id": "a key that contradicts the id that it is for",
    "which it cannot have": "a keyword that is no member of nodes, with null",
    "Two members of a node": "a keyword and its alias in one node",
}
# What PyLD refuses, and is read here.
LAXER = {
    "conflicting @index property": "an index is not part of what is said, so it cannot contradict",
    "string indices must be integers": "the same, where PyLD compares the two wrongly",
    "terms must define an @id": "PyLD ends a type's context at a value of three members; the standard, at nodes",
}


def outcome(document: dict[str, Any], twin: Twin) -> str:
    """`equal`, `refused`, or `read` where PyLD is too strict; anything else is what went wrong."""
    try:
        expected: list[str] | str = twin.statements(document)
    except RefusedError as error:
        expected = str(error)
    try:
        found = canonical(n_quads(to_quads(document)))
    except JsonLdError as error:
        if isinstance(expected, str) or any(reason in str(error) for reason in STRICTER):
            return "refused"
        return f"only refused here: {error}"
    if isinstance(expected, str):
        return "read" if any(reason in expected for reason in LAXER) else f"only read here: {expected}"
    return "equal" if found == expected else "read differently"


@pytest.mark.parametrize("block", BLOCKS)
def test_linked_data_of_any_kind_is_read_as_the_twin_reads_it(block: int, shared: Path) -> None:
    twin, equal = Twin(shared / "vectors"), 0
    for seed in range(block * LINKED, (block + 1) * LINKED):
        document = Writer(f"linked {seed}").linked()
        found = outcome(document, twin)
        assert found in {"equal", "refused", "read"}, (found, seed, document)
        equal += found == "equal"
    assert equal > LINKED // 8  # enough of them are sound


@pytest.mark.parametrize("block", BLOCKS)
def test_badges_are_read_as_the_twin_reads_them(block: int, shared: Path) -> None:
    twin = Twin(shared / "vectors")
    for seed in range(block * BADGES, (block + 1) * BADGES):
        document = Writer(f"badge {seed}").badge()
        assert outcome(document, twin) == "equal", (seed, document)
