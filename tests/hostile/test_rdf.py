"""Hostile datasets: cheap to send, exponential to label, or merely large.

Each is done or refused with one sentence, within the time that any input may hold a verifier.
"""

import random
import time
from collections.abc import Callable, Iterable
from itertools import product

import pytest

from schemas import nquads, rdfc
from schemas.nquads import NQuadsError
from schemas.rdf import Quad
from schemas.rdfc import LIMITS, CanonicalisationError, Limits, canonicalise

P, NAMED = "<https://example.org/p>", "<https://example.org/graph/{}>"
SECONDS = 0.8  # of CPU; the worst of these takes a tenth of it


def edges(pairs: Iterable[tuple[object, object]], *, predicate: str = P) -> list[Quad]:
    return [(f"_:n{here}", predicate, f"_:n{there}", "") for here, there in pairs]


def complete(size: int) -> list[Quad]:
    return edges((here, there) for here in range(size) for there in range(size))


def circle(size: int, *, copies: int = 1, predicates: int = 1) -> list[Quad]:
    return [
        (f"_:c{copy}n{n}", f"<https://example.org/{p}>", f"_:c{copy}n{(n + 1) % size}", "")
        for copy in range(copies)
        for n in range(size)
        for p in range(predicates)
    ]


def trees(roots: int, *, leaves: int) -> list[Quad]:
    return [(f"_:r{root}", P, f"_:r{root}x{leaf}", "") for root in range(roots) for leaf in range(leaves)]


def cube(dimensions: int) -> list[Quad]:
    return edges([(corner, corner ^ 1 << d) for corner in range(1 << dimensions) for d in range(dimensions)])


def regular(size: int, *, degree: int) -> list[Quad]:
    """A random graph in which every node has the same number of ways out and in."""
    rng, pairs = random.Random("regular"), list[tuple[object, object]]()
    for _ in range(degree):
        pairs += zip(range(size), rng.sample(range(size), size), strict=True)
    return edges(pairs)


def both_sides(size: int) -> list[Quad]:
    return edges([(f"a{a}", f"b{b}") for a in range(size) for b in range(size)])


def chain(size: int) -> list[Quad]:
    return edges([(n, n + 1) for n in range(size)])


def torus(size: int) -> list[Quad]:
    ways = product(range(size), range(size), ((0, 1), (1, 0)))
    return edges([(f"{a}_{b}", f"{(a + x) % size}_{(b + y) % size}") for a, b, (x, y) in ways])


def graphs(nodes: int, *, names: int) -> list[Quad]:
    """The same few statements in many graphs that are blank nodes themselves."""
    return [(f"_:s{n}", P, f"_:o{n}", f"_:g{name}") for n in range(nodes) for name in range(names)]


def met_often(pairs: int, *, times: int) -> list[Quad]:
    return [(f"_:a{n}", P, f"_:b{n}", NAMED.format(number)) for n in range(pairs) for number in range(times)]


def with_long_predicate(size: int) -> list[Quad]:
    return edges([(n, (n + 1) % size) for n in range(size)], predicate=f"<urn:example:{'x' * 100_000}>")


POISON: dict[str, list[Quad]] = {
    "a complete graph of 10": complete(10),
    "a complete graph of 44": complete(44),
    "a circle of 200": circle(200),
    "a circle of 100, 20 ways to the next": circle(100, predicates=20),
    "a circle of 10, 200 ways to the next": circle(10, predicates=200),
    "a chain of 200": chain(199),
    "two stars": trees(2, leaves=99),
    "33 trees": trees(33, leaves=5),
    "all of 40 with all of 40": both_sides(40),
    "a cube of 7 dimensions": cube(7),
    "a torus": torus(14),
    "a regular graph": regular(200, degree=10),
    "100 graphs": graphs(10, names=100),
}
HEAVY: dict[str, list[Quad]] = {
    "a circle of 70": circle(70),
    "ten circles of 20": circle(20, copies=10),
    "66 circles of 3": circle(3, copies=66),
    "a cube of 3 dimensions": cube(3),
    "a complete graph of 5": complete(5),
    "pairs that meet in 900 graphs": met_often(2, times=900),
    "a long predicate": with_long_predicate(30),
    "a large text in every statement": [(f"_:n{n}", P, f'"{"x" * 19_000}"', f"_:n{n}") for n in range(200)],
    "one large text": [("_:a", P, f'"{"x" * 1_000_000}"', "_:b")],
}


def timed(call: Callable[[], object]) -> float:
    """The least CPU of this thread in three tries: what runs beside it on the machine is not asked about."""

    def once() -> float:
        begun = time.thread_time()
        call()
        return time.thread_time() - begun

    return min(once() for _ in range(3))


@pytest.mark.parametrize("name", POISON)
@pytest.mark.parametrize("algorithm", ["sha256", "sha384"])
def test_poison_is_refused_in_time(name: str, algorithm: rdfc.HashName) -> None:
    def refused() -> None:
        with pytest.raises(CanonicalisationError, match="alike"):
            canonicalise(POISON[name], algorithm=algorithm)

    assert len(POISON[name]) <= LIMITS.quads  # it is not refused for its size
    assert timed(refused) < SECONDS


@pytest.mark.parametrize("name", HEAVY)
def test_what_is_heavy_and_within_the_limits_is_done_in_time(name: str) -> None:
    assert timed(lambda: canonicalise(HEAVY[name])) < SECONDS


@pytest.mark.parametrize("name", POISON)
def test_the_work_done_before_a_refusal_has_a_bound(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted from outside: every hash that the labelling makes, whatever the machine."""
    hashes = 0

    def counted(data: bytes) -> object:
        nonlocal hashes
        hashes += 1
        return sha256(data)

    sha256 = rdfc._HASHERS["sha256"]
    monkeypatch.setitem(rdfc._HASHERS, "sha256", counted)
    with pytest.raises(CanonicalisationError):
        canonicalise(POISON[name])

    assert hashes <= LIMITS.work + 2 * LIMITS.quads + LIMITS.blank_nodes


def test_a_refusal_needs_no_deep_stack() -> None:
    """What is refused does not hang on how many calls stand above this one."""

    def called_from(depth: int) -> None:
        if depth:
            called_from(depth - 1)
        else:
            canonicalise(circle(200))

    with pytest.raises(CanonicalisationError, match="a way of more than 100"):
        called_from(400)


def test_a_dataset_of_one_megabyte_is_read_and_done_or_refused_in_time() -> None:
    line = '<https://example.org/{}> <https://example.org/p> "{}" .\n'
    few, many = "".join(line.format(n, "x" * 1_000) for n in range(1_000)), line.format(1, "") * 20_000
    distinct = "".join(line.format(n, "") for n in range(20_000))

    assert timed(lambda: canonicalise(nquads.read(few))) < SECONDS
    assert timed(lambda: canonicalise(nquads.read(many))) < SECONDS
    with pytest.raises(CanonicalisationError, match="20000 statements"):
        canonicalise(nquads.read(distinct))


def test_a_long_iri_behind_a_short_name_cannot_swell_without_end() -> None:
    """2,000 statements of one inline term: 256 KiB of JSON that would be 400 MB of N-Quads."""
    predicate = f"<urn:example:{'x' * 200_000}>"
    swollen = [(f"<urn:example:{number}>", predicate, '"x"', "") for number in range(2_000)]

    def refused() -> None:
        with pytest.raises(CanonicalisationError, match="characters"):
            canonicalise(swollen)

    assert timed(refused) < SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "_:a" + "." * 1_000_000,
        "_:" + "a" * 1_000_000,
        "<urn:" + "a" * 1_000_000,
        "<urn:a> <urn:b> " + '"' + "\\u0041" * 150_000,
        "<urn:a> <urn:b> " + '"x"@' + "a-" * 500_000,
        " " * 1_000_000 + "x",
        "<urn:a> <urn:b> <urn:c>" + " \t" * 500_000 + "x",
        "<urn:a> <urn:b> _:" + "a." * 500_000 + " x",
        "\n" * 1_000_000 + "x",
    ],
    ids=lambda text: text[:12] if len(text) < 100 else f"{text[:24]!a}…{text[-6:]!a}",
)
def test_a_broken_line_of_one_megabyte_is_refused_in_linear_time(text: str) -> None:
    def refused() -> None:
        with pytest.raises(NQuadsError, match="no statement"):
            nquads.read(text)

    assert timed(refused) < SECONDS


def test_statements_cannot_hide_in_a_term() -> None:
    """A term that closes itself and opens another statement would make two datasets with one text."""
    for term in ("<urn:a> <urn:b> <urn:c> .\n<urn:a>", "<urn:a> <urn:b>", '"x" .\n<urn:a> <urn:b> "y"'):
        with pytest.raises(NQuadsError):
            nquads.read(f"<urn:s> <urn:p> {term} <urn:g> <urn:h> .\n")


def test_limits_stand_where_the_standards_sheet_puts_them() -> None:
    assert (LIMITS.quads, LIMITS.blank_nodes) == (2_000, 200)
    assert Limits() == LIMITS
