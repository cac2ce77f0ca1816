"""The one canonical text of an RDF dataset (RDFC-1.0, the W3C Recommendation of 2024).

Blank nodes have no names of their own; here they get names that follow from the statements alone, so that two
documents that say the same have the same lines. A dataset can be made so that this takes for ever: the work is
counted, and stops at a bound. Statements come from `schemas.jsonld` or `schemas.nquads`; what is hashed and signed
is the affair of `keys.cryptosuites`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, permutations
from operator import itemgetter
from typing import Literal, TypeAlias

from schemas.rdf import Quad

HashName = Literal["sha256", "sha384"]
_Hash: TypeAlias = "hashlib._Hash"
_Hasher: TypeAlias = Callable[[bytes], _Hash]
_Neighbour: TypeAlias = tuple[_Hash, str]
_Issued: TypeAlias = dict[str, str]  # a blank node -> the label issued for it, in the order of issue (§4.5)

_HASHERS: Mapping[HashName, _Hasher] = {"sha256": hashlib.sha256, "sha384": hashlib.sha384}


class CanonicalisationError(ValueError):
    """A dataset is too large, or its blank nodes too much alike; the message is one sentence."""


@dataclass(frozen=True)
class Limits:
    """How much one canonicalisation may take: counts, not seconds, so that all machines refuse the same datasets.

    `characters`: of all terms, each as often as it occurs; `work`: blank nodes looked at while telling apart those
    whose own statements are alike (§4.8); `depth`: how far that follows from node to node.
    """

    quads: int = 2_000
    blank_nodes: int = 200
    characters: int = 4_000_000  # a document has at most 262,144, and its terms are short names for IRIs
    work: int = 20_000  # 0.04 s of CPU; the hardest published dataset takes 5,712, a badge hardly any
    depth: int = 100  # far less than Python's stack; a document is nested 32 deep, a list is a way of its own


LIMITS = Limits()


@dataclass(frozen=True)
class Canonical:
    """A canonical dataset. `lines`: its N-Quads in code point order, each with its newline; `labels`: from each
    blank node's term in the input to its canonical one, as `_:x` to `_:c14n0`, in the order of issue.
    """

    lines: list[str]
    labels: Mapping[str, str]

    @property
    def text(self) -> str:
        """The serialized canonical form (§5): what is hashed, as UTF-8."""
        return "".join(self.lines)


def canonicalise(quads: Iterable[Quad], *, algorithm: HashName = "sha256", limits: Limits = LIMITS) -> Canonical:
    """The canonical form of a dataset (RDFC-1.0 §4.4); repeated quads count once, their order not at all.

    `algorithm`: hashes blank nodes into their order, so the labels differ with it; with P-384 it is SHA-384.

    Raises:
        CanonicalisationError: the dataset is beyond one of `limits`, or a term holds a lone surrogate.
    """
    distinct = list(dict.fromkeys(quads))
    _check_terms(distinct, limits=limits)
    mentions = _mentions(distinct)
    if len(mentions) > limits.blank_nodes:
        raise CanonicalisationError(
            f"It has {len(mentions)} blank nodes; at most {limits.blank_nodes} are labelled."
        )
    labels = _labels(mentions, hasher=_HASHERS[algorithm], limits=limits)
    return Canonical(written(distinct, labels=labels), labels)


def written(quads: Iterable[Quad], *, labels: Mapping[str, str]) -> list[str]:
    """Statements as N-Quads lines in code point order, each with its newline, blank nodes under other labels.

    `labels`: from a blank node's term to another one; a node without one keeps its own.
    """
    label = labels.get
    lines = [
        f"{label(subject, subject)} {predicate} {label(object_, object_)} {label(graph, graph)} .\n"
        if graph
        else f"{label(subject, subject)} {predicate} {label(object_, object_)} .\n"
        for subject, predicate, object_, graph in quads
    ]
    lines.sort()
    return lines


def _check_terms(quads: Sequence[Quad], *, limits: Limits) -> None:
    if len(quads) > limits.quads:
        raise CanonicalisationError(f"It makes {len(quads)} statements; at most {limits.quads} are canonicalised.")
    characters = sum(map(len, chain.from_iterable(quads)))
    if characters > limits.characters:  # a short name in JSON may stand for a long IRI, in every statement
        raise CanonicalisationError(
            f"Its statements have {characters} characters; at most {limits.characters} are canonicalised."
        )
    try:
        "".join(chain.from_iterable(quads)).encode()
    except UnicodeEncodeError as error:
        raise CanonicalisationError("A term of the dataset holds a lone surrogate, which has no UTF-8.") from error


def _mentions(quads: Iterable[Quad]) -> Mapping[str, list[Quad]]:
    """Each blank node with the quads in which it occurs (§4.4.3, step 2); a quad stands there once."""
    mentions: defaultdict[str, list[Quad]] = defaultdict(list)
    for quad in quads:
        subject, _, object_, graph = quad
        if subject[0] == "_":
            mentions[subject].append(quad)
        if object_[0] == "_" and object_ != subject:
            mentions[object_].append(quad)
        if graph and graph[0] == "_" and graph != subject and graph != object_:
            mentions[graph].append(quad)
    return mentions


def _labels(mentions: Mapping[str, list[Quad]], *, hasher: _Hasher, limits: Limits) -> _Issued:
    """A canonical label for each blank node (§4.4.3, steps 3 to 5)."""
    hashes = {node: _hash_first_degree(node, quads, hasher=hasher) for node, quads in mentions.items()}
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for node, digest in hashes.items():
        alike[digest].append(node)
    canonical: _Issued = {}
    in_order = [alike[digest] for digest in sorted(alike)]
    for nodes in in_order:
        if len(nodes) == 1:
            _issue(canonical, nodes[0], prefix="_:c14n")
    if len(canonical) < len(mentions):
        comparison = _Comparison(mentions, hashes=hashes, canonical=canonical, hasher=hasher, limits=limits)
        for nodes in in_order:
            for node in comparison.order([node for node in nodes if node not in canonical]):
                _issue(canonical, node, prefix="_:c14n")
    return canonical


def _issue(issued: _Issued, node: str, *, prefix: str) -> str:
    """The label of a node, issued now unless it was before (§4.5)."""
    return issued.setdefault(node, f"{prefix}{len(issued)}")


def _hash_first_degree(node: str, quads: Iterable[Quad], *, hasher: _Hasher) -> str:
    """Hash First Degree Quads (§4.6): what a node's own statements say, all other blank nodes taken for equal."""
    lines = []
    for subject, predicate, object_, graph in quads:
        if subject[0] == "_":
            subject = "_:a" if subject == node else "_:z"
        if object_[0] == "_":
            object_ = "_:a" if object_ == node else "_:z"
        if not graph:
            lines.append(f"{subject} {predicate} {object_} .\n")
        elif graph[0] == "_":
            lines.append(f"{subject} {predicate} {object_} {'_:a' if graph == node else '_:z'} .\n")
        else:
            lines.append(f"{subject} {predicate} {object_} {graph} .\n")
    lines.sort()
    return hasher("".join(lines).encode()).hexdigest()


class _Comparison:
    """Tells apart the blank nodes whose own statements look alike, by what surrounds them, at counted cost.

    `hashes`: of the first degree; `canonical`: the labels issued so far, which its owner extends between calls.
    """

    def __init__(
        self,
        mentions: Mapping[str, list[Quad]],
        *,
        hashes: Mapping[str, str],
        canonical: Mapping[str, str],
        hasher: _Hasher,
        limits: Limits,
    ) -> None:
        self._mentions, self._hashes, self._canonical = mentions, hashes, canonical
        self._hasher, self._limits, self._work = hasher, limits, 0
        self._neighbours_of: dict[str, list[_Neighbour]] = {}
        self._begun: dict[str, _Hash] = {}

    def order(self, nodes: Iterable[str]) -> list[str]:
        """`nodes`, whose hashes are equal, and others met on the way, in the order to label them (§4.4.3, 5)."""
        results = [self._hash_n_degree(node, {node: "_:b0"}, depth=0) for node in nodes]
        results.sort(key=itemgetter(0))
        return [node for _, issued in results for node in issued]

    def _hash_n_degree(self, node: str, issued: _Issued, *, depth: int) -> tuple[str, _Issued]:
        """Hash N-Degree Quads (§4.8): the hash of a node's surroundings, and the labels issued on the way."""
        if depth > self._limits.depth:
            raise CanonicalisationError(
                f"Its blank nodes are alike along a way of more than {self._limits.depth} of them."
            )
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for begun, related in self._neighbours(node):
            groups[self._hash_related(begun, related, issued)].append(related)
        told = []
        for digest in sorted(groups):
            path, issued = self._least_path(groups[digest], issued, depth=depth)
            told.append(digest + path)
        return self._hasher("".join(told).encode()).hexdigest(), issued

    def _neighbours(self, node: str) -> list[_Neighbour]:
        """The other blank nodes in each of a node's quads (§4.8.3, step 3.1), with what they are hashed behind."""
        found = self._neighbours_of.get(node)
        if found is None:
            found = self._neighbours_of[node] = [
                (self._begin(position, predicate), related)
                for subject, predicate, object_, graph in self._mentions[node]
                for position, related in (("s", subject), ("o", object_), ("g", graph))
                if related[:1] == "_" and related != node
            ]
        self._spend(len(found))
        return found

    def _begin(self, position: str, predicate: str) -> _Hash:
        """The hash over position and predicate, kept: an attacker's predicate may be long, and is hashed once."""
        text = position if position == "g" else position + predicate
        if text not in self._begun:
            self._begun[text] = self._hasher(text.encode())
        return self._begun[text]

    def _hash_related(self, begun: _Hash, related: str, issued: _Issued) -> str:
        """Hash Related Blank Node (§4.7)."""
        digest = begun.copy()
        digest.update((self._canonical.get(related) or issued.get(related) or self._hashes[related]).encode())
        return digest.hexdigest()

    def _least_path(self, nodes: Sequence[str], issued: _Issued, *, depth: int) -> tuple[str, _Issued]:
        """The least path through `nodes` in any order, and the labels issued along it (§4.8.3, step 5.4)."""
        least, least_issued = "", issued
        for order in permutations(nodes) if len(set(nodes)) > 1 else (nodes,):
            found = self._path(order, issued, least=least, depth=depth)
            if found is not None and (not least or found[0] < least):
                least, least_issued = found
        return least, least_issued

    def _path(
        self, order: Sequence[str], issued: _Issued, *, least: str, depth: int
    ) -> tuple[str, _Issued] | None:
        """The path through nodes in one order (§4.8.3, steps 5.4.1 to 5.4.5); None if it is behind `least`."""
        self._spend(len(order))
        issued = issued.copy()
        path, unseen = "", []
        for node in order:
            label = self._canonical.get(node)
            if label is None:
                if node not in issued:
                    unseen.append(node)
                label = _issue(issued, node, prefix="_:b")
            path += label
        for node in unseen:
            if least and path > least[: len(path)]:  # whatever follows, the whole path would be greater too
                return None
            digest, further = self._hash_n_degree(node, issued, depth=depth + 1)
            path += f"{issued[node]}<{digest}>"
            issued = further
        return path, issued

    def _spend(self, work: int) -> None:
        self._work += work
        if self._work > self._limits.work:  # a poison dataset: cheap to send, exponential to label (STANDARDS k13)
            raise CanonicalisationError(
                f"Its blank nodes are too much alike: they were not told apart within {self._limits.work} steps."
            )
