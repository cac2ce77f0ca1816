"""A pattern gives the canonical text that RDFC-1.0 gives, whatever stands in the places that vary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import rdf
from schemas.rdf import Quad
from schemas.rdfc import CanonicalisationError, HashName, canonicalise
from schemas.rdfc_pattern import Pattern

VARYING = ("<urn:x-slot:0>", '"slot 1"', '"slot 2"')
PREDICATES = st.sampled_from(["<urn:p:a>", "<urn:p:b>", "<urn:p:100%25>"])
NODES = st.sampled_from(["_:b0", "_:b1", "_:b2", "<urn:s:fixed>", VARYING[0]])
OBJECTS = st.one_of(NODES, st.sampled_from([*VARYING[1:], '"fixed"', '"100 % %(v0)s"']))
GRAPHS = st.sampled_from(["", "_:b1", "<urn:g>"])
QUADS = st.lists(st.tuples(NODES, PREDICATES, OBJECTS, GRAPHS), min_size=1, max_size=12)
LITERALS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map(rdf.literal)
IRIS = st.sampled_from(["<urn:s:fixed>", "<urn:uuid:1>", "<urn:uuid:2>"])


def plainly(quads: list[Quad], terms: dict[str, str], algorithm: HashName) -> str:
    put = terms.get
    filled = [(put(s, s), put(p, p), put(o, o), put(g, g)) for s, p, o, g in quads]
    return canonicalise(filled, algorithm=algorithm).text


@given(quads=QUADS, iri=IRIS, one=LITERALS, two=LITERALS, algorithm=st.sampled_from(["sha256", "sha384"]))
def test_it_is_what_the_plain_way_gives(
    quads: list[Quad], iri: str, one: str, two: str, algorithm: HashName
) -> None:
    pattern = Pattern(quads, varying=VARYING, algorithm=algorithm)
    terms = dict(zip(VARYING, (iri, one, two), strict=True))
    assert pattern.text(terms) == plainly(quads, terms, algorithm)


def test_two_blank_nodes_that_become_alike_are_told_apart_the_plain_way() -> None:
    quads: list[Quad] = [
        ("_:b0", "<urn:p>", VARYING[1], ""),
        ("_:b1", "<urn:p>", VARYING[2], ""),
        ("<urn:a>", "<urn:q>", "_:b0", ""),
        ("<urn:b>", "<urn:q>", "_:b1", ""),
    ]
    pattern, same = Pattern(quads, varying=VARYING), {VARYING[0]: "<urn:c>", VARYING[1]: '"x"', VARYING[2]: '"x"'}
    assert pattern.text(same) == plainly(quads, same, "sha256")


def test_two_statements_that_become_one_are_one_line() -> None:
    quads: list[Quad] = [("<urn:a>", "<urn:p>", term, "") for term in VARYING[1:]]
    terms = {VARYING[0]: "<urn:c>", VARYING[1]: '"x"', VARYING[2]: '"x"'}
    assert Pattern(quads, varying=VARYING).text(terms) == '<urn:a> <urn:p> "x" .\n'


@pytest.mark.parametrize("text", ["x" * 5_000_000, "\ud800"], ids=["too long", "a lone surrogate"])
def test_its_limits_are_those_of_the_plain_way(text: str) -> None:
    quads: list[Quad] = [("<urn:a>", "<urn:p>", VARYING[1], "")]
    with pytest.raises(CanonicalisationError):
        Pattern(quads, varying=VARYING[1:2]).text({VARYING[1]: f'"{text}"'})
