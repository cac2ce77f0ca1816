"""One dataset, one text: RDFC-1.0 against its published tests, and against another implementation."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import CanonicalizationAlgorithm, Dataset, RdfFormat

from schemas import nquads, rdfc
from schemas.rdf import Quad, literal
from schemas.rdfc import CanonicalisationError, HashName, Limits, canonicalise

# Every test of the published manifest; the number of those without a result is told by the last test of this part.
EVALUATED = [
    *(f"{number:03}" for number in (*range(1, 7), *range(8, 12), 13, 14, *range(16, 31), *range(33, 37))),
    *(f"{number:03}" for number in (*range(38, 41), *range(43, 49), *range(53, 74), *range(75, 78))),
]
MAPPED = ["003", "004", "005", "016", "017", "018", "020", "030", "047", "048", "053"]
MAPPED += ["055", "056", "057", "060", "063", "070", "071", "072", "073", "075"]
HARD = ["044", "045", "046"]

P, Q = "<https://example.org/p>", "<https://example.org/q>"
IRIS = ["<https://example.org/a>", "<urn:example:b>", "<https://example.org/ü/\U0001f303>"]
NODES = [f"_:n{number}" for number in range(7)]


def published(shared: Path, name: str) -> tuple[list[Quad], HashName]:
    """The input of one published test, and the hash that its entry in the manifest asks for."""
    folder = shared / "vectors" / "rdf-canon"
    entries = json.loads((folder / "manifest.jsonld").read_text())["entries"]
    entry = next(entry for entry in entries if entry["action"] == f"rdfc10/test{name}-in.nq")
    algorithm: HashName = "sha384" if entry.get("hashAlgorithm") == "SHA384" else "sha256"
    return nquads.read((folder / entry["action"]).read_bytes().decode()), algorithm


@pytest.mark.parametrize("name", EVALUATED)
def test_each_published_dataset_has_its_published_form(name: str, shared: Path) -> None:
    quads, algorithm = published(shared, name)
    expected = (shared / "vectors" / "rdf-canon" / "rdfc10" / f"test{name}-rdfc10.nq").read_bytes()

    assert canonicalise(quads, algorithm=algorithm).text.encode() == expected


@pytest.mark.parametrize("name", MAPPED)
def test_each_published_dataset_has_its_published_labels(name: str, shared: Path) -> None:
    quads, algorithm = published(shared, name)
    expected = json.loads((shared / "vectors" / "rdf-canon" / "rdfc10" / f"test{name}-rdfc10map.json").read_text())

    labels = canonicalise(quads, algorithm=algorithm).labels

    assert labels == {f"_:{given}": f"_:{canonical}" for given, canonical in expected.items()}


def test_the_published_poison_is_refused(shared: Path) -> None:
    quads, algorithm = published(shared, "074")

    with pytest.raises(CanonicalisationError, match="too much alike"):
        canonicalise(quads, algorithm=algorithm)


@pytest.mark.parametrize("name", HARD)
def test_the_hardest_published_datasets_take_an_eighth_of_the_work_that_is_allowed(
    name: str, shared: Path
) -> None:
    quads, _ = published(shared, name)

    canonicalise(quads, limits=Limits(work=Limits().work // 8))


def test_no_published_test_is_left_out(shared: Path) -> None:
    entries = json.loads((shared / "vectors" / "rdf-canon" / "manifest.jsonld").read_text())["entries"]
    ours = [f"#test{name}c" for name in (*EVALUATED, "074")] + [f"#test{name}m" for name in MAPPED]

    assert sorted(entry["id"] for entry in entries) == sorted(ours)
