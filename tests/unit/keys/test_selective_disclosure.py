"""Derived proofs of ecdsa-sd-2023: the published ones verify, and no part of one can be another."""

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import multikey
from keys.cbor import CborError, CborReader
from keys.errors import ProofError
from keys.jwk import PublicKey
from keys.selective_disclosure import (
    MAX_PROOF_VALUE_CHARACTERS,
    MAX_SIGNATURES,
    DerivedProof,
    parse_derived,
    verify_derived,
)
from schemas import base64url, nquads, rdfc
from schemas.rdf import Quad
from tests.unit.keys.material import signer

ISSUER, ONCE, THIEF = signer("issuer"), signer("once"), signer("thief")
CONFIG = "_:c14n0 <https://w3id.org/security#cryptosuite> <urn:example:ecdsa-sd-2023> .\n"
CASES = ["prc", "employ"]


class Published:
    """One published case: its derived proof with what is needed to verify it."""

    def __init__(self, shared: Path, name: str) -> None:
        self.folder = shared / "vectors" / "vc-di-ecdsa" / "ecdsa-sd-2023" / name
        self.proof_value: str = self.json("derivedRevealDocument")["proof"]["proofValue"]
        self.lines: list[str] = self.json("verifyNQuads")
        self.quads = nquads.read("".join(self.lines))
        self.config = (self.folder / "addProofConfigCanon.txt").read_text()
        keys = json.loads((self.folder.parent / "SDKeyMaterial.json").read_text())
        self.key = multikey.decode(keys["baseKeyPair"]["publicKeyMultibase"])

    def json(self, name: str) -> Any:
        return json.loads((self.folder / f"{name}.json").read_text())

    def verify(self, **changed: Any) -> None:
        given = {"quads": self.quads, "proof_value": self.proof_value, "config": self.config, "key": self.key}
        verify(**{**given, **changed})


def verify(quads: list[Quad], *, proof_value: str, config: str = CONFIG, key: PublicKey = ISSUER.public) -> None:
    verify_derived(quads, proof_value=proof_value, canonical_config=config, key=key)


@pytest.fixture(params=CASES)
def published(request: pytest.FixtureRequest, shared: Path) -> Published:
    return Published(shared, request.param)


# ---- writing proof values, as a holder's wallet or a thief would ----


def head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
    return bytes([kind << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[size]]) + number.to_bytes(size)


def cbor(value: Any) -> bytes:
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
    return head(4, len(value)) + b"".join(map(cbor, value))


def text_of(parts: bytes, *, header: bytes = b"\xd9\x5d\x01") -> str:
    return f"u{base64url.encode(header + parts)}"


def bytes_of(proof_value: str) -> bytes:
    return base64url.decode(proof_value[1:])[3:]


def parts_of(proof: DerivedProof) -> list[Any]:
    labels = {
        int(c.removeprefix("_:c14n")): base64url.decode(u.removeprefix("_:u")) for c, u in proof.labels.items()
    }
    return [proof.base_signature, proof.multikey, list(proof.signatures), labels, sorted(proof.mandatory)]


def with_part(proof_value: str, place: int, value: Any) -> str:
    parts = parts_of(parse_derived(proof_value))
    parts[place] = value
    return text_of(cbor(parts))


def binary_multikey(key: PublicKey) -> bytes:
    return multikey.base58_decode(multikey.encode(key)[1:])


def label(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def issued(quads: Sequence[Quad], *, labels: Mapping[str, str], mandatory: int = 1) -> str:
    """A derived proof over all `quads`: `labels` names each blank node, and the first lines are mandatory."""
    canonical = rdfc.canonicalise(quads).labels
    given = {node: f"_:u{base64url.encode(label(labels[node]))}" for node in canonical}
    lines = rdfc.written(quads, labels=given)
    together = hashlib.sha256("".join(lines[:mandatory]).encode()).digest()
    key = binary_multikey(ONCE.public)
    signed = hashlib.sha256(CONFIG.encode()).digest() + key + together
    numbers = {int(canonical[node].removeprefix("_:c14n")): label(labels[node]) for node in canonical}
    single = [ONCE.sign(line.encode()) for line in lines[mandatory:]]
    return text_of(cbor([ISSUER.sign(signed), key, single, numbers, list(range(mandatory))]))


# ---- the published cases ----


def test_the_published_proofs_verify(published: Published) -> None:
    published.verify()


def test_each_part_of_a_published_proof_is_read_as_published(published: Published) -> None:
    expected = published.json("derivedDisclosureData")
    proof = parse_derived(published.proof_value)

    assert proof.base_signature.hex() == expected["baseSignature"]
    assert f"z{multikey.base58_encode(proof.multikey)}" == expected["publicKey"]
    assert [signature.hex() for signature in proof.signatures] == expected["signatures"]
    assert proof.labels == {f"_:{ours}": f"_:{theirs}" for ours, theirs in expected["labelMap"]["value"]}
    assert sorted(proof.mandatory) == expected["mandatoryIndexes"]


def test_statements_and_hashes_are_those_published_for_each_step(published: Published) -> None:
    expected = published.json("verifyCreateVerifyData")
    proof = parse_derived(published.proof_value)
    canonical = rdfc.canonicalise(published.quads)
    lines = rdfc.written(published.quads, labels={n: proof.labels[c] for n, c in canonical.labels.items()})
    mandatory = "".join(line for place, line in enumerate(lines) if place in proof.mandatory)

    assert lines == published.lines
    assert [line for place, line in enumerate(lines) if place not in proof.mandatory] == expected["nonMandatory"]
    assert hashlib.sha256(mandatory.encode()).hexdigest() == expected["mandatoryHash"]
    assert hashlib.sha256(published.config.encode()).hexdigest() == expected["proofHash"]


def test_order_repetition_and_labels_of_the_statements_make_no_difference(published: Published) -> None:
    nodes = sorted({term for quad in published.quads for term in quad if term.startswith("_:")})
    others = {node: f"_:b{number}" for number, node in enumerate(reversed(nodes))}
    quads = [(others.get(s, s), p, others.get(o, o), others.get(g, g)) for s, p, o, g in published.quads]
    random.Random(1).shuffle(quads)

    published.verify(quads=quads + quads[:2])


def test_a_published_base_proof_is_refused_and_told_as_such(published: Published) -> None:
    base = published.json("addSignedSDBase")["proof"]["proofValue"]

    with pytest.raises(ProofError, match="base proof"):
        published.verify(proof_value=base)


# ---- nothing can be another ----


def test_no_byte_of_a_proof_can_be_another(published: Published) -> None:
    data = bytearray(bytes_of(published.proof_value))
    for place in range(len(data)):
        data[place] ^= 1 << place % 8
        with pytest.raises(ProofError):
            published.verify(proof_value=text_of(bytes(data)))
        data[place] ^= 1 << place % 8
    published.verify(proof_value=text_of(bytes(data)))


def test_no_statement_can_be_left_out_added_or_changed(published: Published) -> None:
    for place, (subject, predicate, object_, graph) in enumerate(published.quads):
        rest = published.quads[:place] + published.quads[place + 1 :]
        for put in (
            [],
            [(subject, predicate, object_, graph), (subject, predicate, '"more"', graph)],
            [(subject, predicate, '"other"', graph)],
            [(subject, "<urn:example:other>", object_, graph)],
            [("<urn:example:other>", predicate, object_, graph)],
            [(subject, predicate, object_, "<urn:example:graph>")],
        ):
            with pytest.raises(ProofError):
                published.verify(quads=rest + put)


def test_single_signatures_cannot_change_places_be_doubled_or_left_out(published: Published) -> None:
    signatures = list(parse_derived(published.proof_value).signatures)
    swapped = [signatures[1], signatures[0], *signatures[2:]]

    for other in (swapped, signatures[1:], signatures[:-1], [*signatures, signatures[0]], signatures[:1] * 6, []):
        with pytest.raises(ProofError):
            published.verify(proof_value=with_part(published.proof_value, 2, other))


def test_a_holder_cannot_move_statements_in_or_out_of_the_mandatory_ones(published: Published) -> None:
    for places in (
        [],
        [0],
        [0, 4, 5],
        [0, 4, 5, 6],
        [0, 4, 5, 7, 8],
        [1, 4, 5, 7],
        [0, 4, 5, 10],
        list(range(10)),
    ):
        with pytest.raises(ProofError):
            published.verify(proof_value=with_part(published.proof_value, 4, places))


def test_mandatory_places_are_a_set_in_any_order(published: Published) -> None:
    published.verify(proof_value=with_part(published.proof_value, 4, [7, 0, 5, 4]))
    with pytest.raises(ProofError, match="twice"):
        published.verify(proof_value=with_part(published.proof_value, 4, [0, 4, 4, 5, 7]))


def test_labels_cannot_change_places_be_other_missing_or_more(published: Published) -> None:
    labels = parts_of(parse_derived(published.proof_value))[3]

    for other in (
        {0: labels[1], 1: labels[0]},
        {0: labels[0], 1: label("other")},
        {0: labels[0]},
        {0: labels[0], 2: labels[1]},
        {0: labels[0], 1: labels[1], 2: label("more")},
        {},
    ):
        with pytest.raises(ProofError):
            published.verify(proof_value=with_part(published.proof_value, 3, other))


def test_configuration_and_issuer_are_signed(published: Published) -> None:
    with pytest.raises(ProofError, match="issuer's signature"):
        published.verify(config=published.config.replace("2023-08-15", "2023-08-16"))
    with pytest.raises(ProofError, match="issuer's signature"):
        published.verify(key=THIEF.public)


def test_the_key_of_the_single_signatures_is_signed_by_the_issuer(published: Published) -> None:
    """A thief who signs the statements of his choice by a key of his own has no issuer to vouch for that key."""
    proof = parse_derived(published.proof_value)
    parts = parts_of(proof)
    parts[1] = binary_multikey(THIEF.public)
    parts[2] = [
        THIEF.sign(line.encode()) for place, line in enumerate(published.lines) if place not in proof.mandatory
    ]

    with pytest.raises(ProofError, match="issuer's signature"):
        published.verify(proof_value=text_of(cbor(parts)))


def test_a_proof_of_one_document_is_none_for_another(shared: Path) -> None:
    one, other = (Published(shared, name) for name in CASES)

    with pytest.raises(ProofError):
        one.verify(proof_value=other.proof_value)
    with pytest.raises(ProofError):
        one.verify(quads=one.quads + other.quads)


def test_keys_of_another_kind_are_refused(published: Published) -> None:
    with pytest.raises(ProofError, match="Ed25519"):
        published.verify(key=signer(curve="Ed25519").public)


# ---- blank nodes ----

PEOPLE: list[Quad] = [
    ("<urn:example:badge>", "<urn:example:holder>", "_:ada", ""),
    ("<urn:example:badge>", "<urn:example:signer>", "_:bob", ""),
    ("_:ada", "<urn:example:name>", '"Ada"', ""),
    ("_:bob", "<urn:example:name>", '"Bob"', ""),
]
NAMES = {"_:ada": "ada", "_:bob": "bob"}


def test_one_thing_that_the_issuer_signed_cannot_become_two() -> None:
    """With one label for two blank nodes every signature would hold, and the name be that of a stranger."""
    ada: list[Quad] = [quad for quad in PEOPLE if "_:ada" in quad]
    good = issued(ada, labels=NAMES)
    verify(ada, proof_value=good)

    split: list[Quad] = [ada[0], ("_:other", *ada[1][1:])]
    with pytest.raises(ProofError, match="twice"):
        verify(split, proof_value=with_part(good, 3, {0: label("ada"), 1: label("ada")}))
    with pytest.raises(ProofError, match="labels in the proof"):
        verify(split, proof_value=good)


def test_a_text_that_looks_like_a_label_is_a_text() -> None:
    quads = [*PEOPLE, ("_:ada", "<urn:example:says>", '"_:c14n0 and _:c14n1"', "")]
    proof_value = issued(quads, labels=NAMES)
    verify(quads, proof_value=proof_value)

    for theirs in parse_derived(proof_value).labels.values():
        changed = [*PEOPLE, ("_:ada", "<urn:example:says>", f'"{theirs} and {theirs}"', "")]
        with pytest.raises(ProofError):
            verify(changed, proof_value=proof_value)


def test_named_graphs_are_signed_like_all_else() -> None:
    quads = [(s, p, o, "_:graph") for s, p, o, _ in PEOPLE]
    proof_value = issued(quads, labels={**NAMES, "_:graph": "graph"})
    verify(quads, proof_value=proof_value)

    with pytest.raises(ProofError):
        verify(PEOPLE, proof_value=proof_value)


def test_a_document_without_blank_nodes_or_without_mandatory_statements_verifies() -> None:
    quads: list[Quad] = [("<urn:example:a>", "<urn:example:p>", f'"{number}"', "") for number in range(30)]
    for mandatory in (0, 1, 30):
        verify(quads, proof_value=issued(quads, labels={}, mandatory=mandatory))


def test_poison_in_the_document_is_refused_before_any_signature() -> None:
    poison = [(f"_:n{a}", "<urn:example:p>", f"_:n{b}", "") for a in range(12) for b in range(12)]

    with pytest.raises(ProofError, match="alike") as refused:
        verify(poison, proof_value=issued(PEOPLE, labels=NAMES))
    assert refused.value.problem == "PROOF_TRANSFORMATION_ERROR"


# ---- what is malformed ----

PARTS: list[Any] = [bytes(64), binary_multikey(ONCE.public), [bytes(64)], {0: bytes(32)}, [0]]


def replaced(place: int, value: Any) -> bytes:
    return cbor([value if at == place else part for at, part in enumerate(PARTS)])


def spliced(place: int, item: bytes) -> bytes:
    """The five parts, with other CBOR for one of them."""
    return head(4, 5) + b"".join(item if at == place else cbor(part) for at, part in enumerate(PARTS))


MALFORMED = {
    "nothing": b"",
    "no array": cbor(PARTS[0]),
    "four parts": cbor(PARTS[:4]),
    "six parts": cbor([*PARTS, 0]),
    "bytes behind the end": cbor(PARTS) + b"\0",
    "a tag": b"\xc1" + cbor(PARTS),
    "the array of no definite length": b"\x9f" + cbor(PARTS)[1:] + b"\xff",
    "a count in a longer form": b"\x98\x05" + cbor(PARTS)[1:],
    "a reserved length": b"\x9c" + cbor(PARTS)[1:],
    "a short base signature": replaced(0, bytes(63)),
    "a long base signature": replaced(0, bytes(65)),
    "a text for the base signature": spliced(0, b"\x78\x40" + b"a" * 64),
    "a byte string in pieces": spliced(0, b"\x5f\x58\x40" + bytes(64) + b"\xff"),
    "a length in a longer form": spliced(0, b"\x59\x00\x40" + bytes(64)),
    "a key without its kind": replaced(1, bytes(33)),
    "signatures that are no array": replaced(2, bytes(64)),
    "a signature of 96 bytes": replaced(2, [bytes(96)]),
    "a signature that is a number": replaced(2, [7]),
    "labels in an array": replaced(3, [bytes(32)]),
    "a label that is a text": replaced(3, {0: b"c14n0"}),
    "a label named by bytes": replaced(3, {bytes(1): bytes(32)}),
    "a label twice": spliced(3, b"\xa2" + 2 * (cbor(0) + cbor(bytes(32)))),
    "two labels alike": replaced(3, {0: bytes(32), 1: bytes(32)}),
    "a label below zero": spliced(3, b"\xa1\x20" + cbor(bytes(32))),
    "a place below zero": spliced(4, b"\x81\x20"),
    "a place that is a fraction": spliced(4, b"\x81\xf9\x3c\x00"),
    "a place that is true": spliced(4, b"\x81\xf5"),
    "a place twice": replaced(4, [0, 0]),
    "a place in a longer form": spliced(4, b"\x81\x18\x07"),
    "a place in a much longer form": spliced(4, b"\x81\x1b" + (2**32 - 1).to_bytes(8)),
    "more signatures than are read": replaced(2, [bytes(64)] * (MAX_SIGNATURES + 1)),
    "more signatures said than there are": spliced(2, head(4, 2_000)),
    "the largest count": spliced(2, b"\x9b" + b"\xff" * 8),
    "the largest map": spliced(3, b"\xbb" + b"\xff" * 8),
    "an array in an array in an array": b"\x81" * 100_000,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_parts_are_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(ProofError, match=r"malformed: .+\."):
        parse_derived(text_of(MALFORMED[name]))


def test_the_same_parts_are_read_when_nothing_is_wrong_with_them() -> None:
    assert parts_of(parse_derived(text_of(cbor(PARTS)))) == PARTS


@pytest.mark.parametrize(
    ("proof_value", "message"),
    [
        ("", "begin with 'u'"),
        ("z3u2", "begin with 'u'"),
        ("u", "derived proof"),
        ("uAAAA", "derived proof"),
        ("u2V0C" + "A" * 96, "derived proof"),
        ("u2V0A" + "A" * 96, "base proof"),
        ("u2V0BgA==", "base64url"),
        ("u2V0B+/", "base64url"),
        ("u2V0B\n", "base64url"),
        ("u2V0Bh", "base64url"),
        ("u2V0Bé", "base64url"),
        ("u" + "A" * MAX_PROOF_VALUE_CHARACTERS, "at most"),
    ],
)
def test_what_is_no_proof_value_is_refused_with_a_sentence(proof_value: str, message: str) -> None:
    with pytest.raises(ProofError, match=message):
        parse_derived(proof_value)


def test_a_point_off_the_curve_is_no_key() -> None:
    """Only one who knows the issuer's key can bring a verifier so far."""
    off_the_curve = b"\x80\x24\x02" + b"\xff" * 32
    signed = hashlib.sha256(CONFIG.encode()).digest() + off_the_curve + hashlib.sha256(b"").digest()
    proof_value = text_of(cbor([ISSUER.sign(signed), off_the_curve, [bytes(64)], {}, []]))

    with pytest.raises(ProofError, match="key in the proof is malformed"):
        verify([("<urn:example:a>", "<urn:example:p>", '"x"', "")], proof_value=proof_value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    refused_or_read(text_of(data))


@given(st.data())
@settings(max_examples=300)
def test_any_change_of_good_parts_is_read_or_refused(data: st.DataObject) -> None:
    good = bytearray(cbor(PARTS))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(good) - 1))
        good[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    refused_or_read(text_of(bytes(good)))


def refused_or_read(proof_value: str) -> None:
    try:
        proof = parse_derived(proof_value)
    except ProofError:
        return
    assert len(proof.base_signature) == 64
    assert all(len(signature) == 64 for signature in proof.signatures)


@pytest.mark.parametrize("number", [0, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64 - 1])
def test_each_number_is_read_in_its_shortest_form_only(number: int) -> None:
    assert CborReader(head(0, number)).integer() == number
    for announced, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size and len(head(0, number)) <= size:
            with pytest.raises(CborError, match="shortest"):
                CborReader(bytes([announced]) + number.to_bytes(size)).integer()
