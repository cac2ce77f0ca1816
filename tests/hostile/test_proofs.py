"""Hostile documents with proofs inside: forged, swollen, doubled, or changed in any one place.

Each must be refused (never valid, never a traceback), and fast.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from keys import multikey
from schemas import strict_json
from tests.unit.verifier.simulator import (
    NOW,
    Clock,
    DocumentsInMemory,
    IssuerSimulator,
    ed25519_signer,
    p256_signer,
)
from verifier.verification.errors import ReadingError
from verifier.verification.reading import read
from verifier.verification.service import Verification, judge
from verifier.verification.verdict import Outcome, State, Verdict

ISSUER = IssuerSimulator()
GOOD = ISSUER.secured()
OTHERS: list[Any] = [None, True, 0, "", "other", [], {}, [{}], 1e300]
THIEF = p256_signer("a thief's own key")


def judged(document: Any) -> Verdict:
    return judge(read(strict_json.dumps(document).encode()), trust=ISSUER.trust(), now=NOW)


def places(value: Any, *, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document, containers included."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (*path, name)
        yield from places(item, path=(*path, name))


def with_other(path: tuple[Any, ...], other: Any) -> Any:
    document = json.loads(json.dumps(GOOD))
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = other
    return document


@pytest.mark.parametrize("path", list(places(GOOD)), ids=lambda path: "/".join(map(str, path)))
def test_no_value_anywhere_in_the_document_can_be_another(path: tuple[Any, ...]) -> None:
    for other in OTHERS:
        changed = with_other(path, other)
        if changed == GOOD:
            continue
        try:
            outcome = judged(changed).outcome
        except ReadingError:
            continue  # no badge at all any more
        assert outcome is not Outcome.VALID


@pytest.mark.parametrize(
    "method",
    [
        f"{ISSUER.did}#{multikey.encode(THIEF.public)}",
        f"{ISSUER.base}#{multikey.encode(THIEF.public)}",
        f"{multikey.did_key(THIEF.public)}#{multikey.encode(THIEF.public)}",
        f"{ISSUER.did}?x#badges-1",
        f"{ISSUER.did}#badges-1#badges-1",
        f" {ISSUER.signer.kid}",
        ISSUER.signer.kid.upper(),
        ISSUER.signer.kid,
    ],
)
def test_a_thief_signs_for_nobody_under_any_name_of_a_key(method: str) -> None:
    thief = p256_signer("a thief's own key")
    thief.kid = method

    assert judged(ISSUER.secured(signer=thief, suite="ecdsa-jcs-2019")).outcome is Outcome.NOT_VALID


def test_a_proof_of_a_suite_that_is_not_read_does_not_hide_a_forged_one() -> None:
    forged = ISSUER.secured(signer=p256_signer(ISSUER.signer.kid, seed="thief"))
    unread = forged["proof"] | {"cryptosuite": "bbs-2023"}

    assert judged(forged | {"proof": [unread, forged["proof"]]}).check("signature").state is State.FAIL
    assert judged(forged | {"proof": [unread, unread]}).outcome is Outcome.NOT_VALID


def test_an_ed25519_proof_does_not_verify_with_the_key_of_another_kind() -> None:
    wrong = ISSUER.secured(signer=ed25519_signer(ISSUER.signer.kid))

    assert judged(wrong).check("signature").state is State.FAIL


@pytest.mark.parametrize("number", [5, 100, 2000])
def test_a_list_of_many_proofs_is_refused_before_any_is_looked_at(number: int) -> None:
    started = time.perf_counter()
    verdict = judged(GOOD | {"proof": [{"type": "x"}] * number})

    assert verdict.check("proof").state is State.FAIL
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(("pieces", "outcome"), [(120, Outcome.VALID), (600, Outcome.NOT_VALID)])
def test_the_largest_document_with_the_most_proofs_is_answered_fast(pieces: int, outcome: Outcome) -> None:
    """More statements than are canonicalised are refused; those within the bound take no second of CPU."""
    badge = ISSUER.document()
    badge["evidence"] = [{"type": ["Evidence"], "name": f"{n}" + "\u20ac" * 60} for n in range(pieces)]
    for n in range(4):
        badge = ISSUER.secured(badge, suite="ecdsa-jcs-2019" if n % 2 or pieces > 200 else "ecdsa-rdfc-2019")
    started = time.process_time()

    assert judged(badge).outcome is outcome
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD).replace('"proof": {', '"proof": {}, "proof": {'),
        json.dumps(GOOD).replace('"name": "Contributor 2027"', '"name": "a", "name": "Contributor 2027"'),
        json.dumps(GOOD)[:-1] + ', "x": ' + "[" * 40 + "]" * 40 + "}",
        json.dumps(GOOD)[:-1] + ', "x": 9007199254740993}',
        json.dumps(GOOD)[:-1] + ', "x": NaN}',
        json.dumps(GOOD)[:-1] + ', "x": "\\ud800"}',
        json.dumps(GOOD)[:-1] + ', "x": "' + "a" * (256 * 1024) + '"}',
    ],
)
def test_a_document_that_two_readers_would_read_differently_is_no_badge(text: str) -> None:
    with pytest.raises(ReadingError):
        read(text.encode())


def test_a_document_gives_no_address_but_its_issuers(documents: DocumentsInMemory) -> None:
    badge = ISSUER.document() | {"@context": [*ISSUER.document()["@context"], "https://context.example/v1"]}
    Verification(documents, clock=Clock()).verify(
        strict_json.dumps(ISSUER.secured(badge, suite="ecdsa-jcs-2019")).encode()
    )

    assert documents.asked == [f"{ISSUER.base}/.well-known/did.json", ISSUER.list_url]


@pytest.fixture
def documents() -> DocumentsInMemory:
    return DocumentsInMemory.of([ISSUER])
