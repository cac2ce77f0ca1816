"""The canonical text of one dataset after another that differ in a few terms only (RDFC-1.0). Pure.

`schemas.rdfc` does this for any dataset. Of datasets that are alike most is known beforehand: which statements
name which blank nodes, and most of each line. What is not as usual (two blank nodes that look alike, two
statements that become one) is left to the plain way; both give the same text, and a test holds them together.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256, sha384
from typing import Final

from schemas.rdf import Quad
from schemas.rdfc import LIMITS, HashName, canonicalise

_HASHERS: Final = {"sha256": sha256, "sha384": sha384}


class Pattern:
    """Canonicalises `quads` again and again, with other terms in the place of those that are in `varying`.

    Raises:
        CanonicalisationError: as `rdfc.canonicalise`.
    """

    def __init__(self, quads: Sequence[Quad], *, varying: Collection[str], algorithm: HashName = "sha256") -> None:
        self._quads, self._algorithm = list(dict.fromkeys(quads)), algorithm
        blank = canonicalise(self._quads, algorithm=algorithm).labels
        self._slots = {term: f"v{place}" for place, term in enumerate(sorted(varying))}
        nodes = {node: f"n{place}" for place, node in enumerate(sorted(blank))}
        slots, named = _formats(self._slots), _formats(nodes)
        lines = [_line(quad, slots | named) for quad in self._quads]
        self._fixed = [line % {} for line in lines if "%(" not in line]
        self._varying = [line for line in lines if "%(" in line]
        self._of_node = [
            (name, [_line(quad, slots | _seen_from(node, nodes)) for quad in self._quads if node in quad])
            for node, name in nodes.items()
        ]
        self._spare = LIMITS.characters - sum(map(len, lines))

    def text(self, terms: Mapping[str, str]) -> str:
        """The serialized canonical form (§5) with `terms`: for each that varies, what stands in its place.

        Raises:
            CanonicalisationError: as `rdfc.canonicalise`.
        """
        filled = {name: terms[term] for term, name in self._slots.items()}
        usual = self._usual(filled)
        if usual is not None:
            return usual
        quads = [
            (terms.get(s, s), terms.get(p, p), terms.get(o, o), terms.get(g, g)) for s, p, o, g in self._quads
        ]
        return canonicalise(quads, algorithm=self._algorithm).text

    def _usual(self, filled: dict[str, str]) -> str | None:
        """The text where every blank node is told from the others by its own statements (§4.6), and no two
        statements are the same.
        """
        characters = "".join(filled.values())
        if len(characters) * len(self._quads) > self._spare or not _is_text(characters):
            return None
        hasher, found = _HASHERS[self._algorithm], dict[str, str]()
        for name, lines in self._of_node:
            said = "".join(sorted([line % filled for line in lines]))
            found[hasher(said.encode()).hexdigest()] = name
        if len(found) < len(self._of_node):
            return None
        labels = {found[digest]: f"_:c14n{place}" for place, digest in enumerate(sorted(found))}
        named = filled | labels
        lines = sorted(self._fixed + [line % named for line in self._varying])
        return "".join(lines) if len(set(lines)) == len(lines) else None


def _formats(names: Mapping[str, str]) -> dict[str, str]:
    return {term: f"%({name})s" for term, name in names.items()}


def _seen_from(node: str, nodes: Iterable[str]) -> dict[str, str]:
    """How a node's own statements call it and the others while they are hashed (§4.6)."""
    return {one: "_:a" if one == node else "_:z" for one in nodes}


def _line(quad: Quad, formats: Mapping[str, str]) -> str:
    """A statement as a line of N-Quads that is a format: what varies stands in it by its name."""
    return " ".join(formats.get(term) or term.replace("%", "%%") for term in quad if term) + " .\n"


def _is_text(characters: str) -> bool:
    try:
        characters.encode()
    except UnicodeEncodeError:
        return False
    return True
