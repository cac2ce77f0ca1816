"""What is fetched for a badge, how long it is kept, and what is never asked."""

from typing import Any

import pytest

from keys.did import Purpose
from schemas import badge_qr, strict_json
from tests.unit.verifier.simulator import (
    Clock,
    DocumentsInMemory,
    IssuerSimulator,
    p256_signer,
    read,
    read_document,
    references,
)
from verifier.ground.outbound import Document
from verifier.verification.reading import ReadBadge
from verifier.verification.resolver import Resolver
from verifier.verification.service import Verification
from verifier.verification.trust import Absent, Published
from verifier.verification.verdict import Outcome

ISSUER = IssuerSimulator()
DID_URL = "https://badges.example.org/.well-known/did.json"


@pytest.fixture
def documents() -> DocumentsInMemory:
    return DocumentsInMemory.of([ISSUER])


@pytest.fixture
def clock() -> Clock:
    return Clock()


def resolver(documents: DocumentsInMemory, clock: Clock, *, known: tuple[str, ...] = ()) -> Resolver:
    return Resolver(documents, known_issuers=lambda: known, clock=clock)


def test_only_keys_and_lists_are_fetched_and_never_the_badge_or_its_evidence(
    documents: DocumentsInMemory, clock: Clock
) -> None:
    badge = ISSUER.document()
    badge["evidence"] = [{"type": ["Evidence"], "id": "https://tracker.example/seen"}]
    badge["refreshService"] = {"type": "1EdTechCredentialRefresh", "id": "https://tracker.example/refresh"}
    badge["credentialSubject"]["achievement"]["image"] = {"id": "https://tracker.example/i", "type": "Image"}
    bundle = resolver(documents, clock).resolve(read(ISSUER.token(badge)))

    assert documents.asked == [DID_URL, ISSUER.list_url]
    assert isinstance(bundle.did_documents[ISSUER.did], Published)
    assert isinstance(bundle.status_lists[ISSUER.list_url], Published)


def test_an_unsigned_text_chooses_no_addresses(documents: DocumentsInMemory, clock: Clock) -> None:
    forged = ISSUER.document()
    forged["credentialStatus"][0]["statusListCredential"] = "https://inside.example/"
    token = ISSUER.sign(
        strict_json.loads_object(strict_json.dumps(forged)), signer=p256_signer(ISSUER.signer.kid, seed="thief")
    )
    resolver(documents, clock).resolve(read(token))

    assert documents.asked == [DID_URL]


def test_the_keys_of_somebody_else_than_the_issuer_are_not_asked_for(
    documents: DocumentsInMemory, clock: Clock
) -> None:
    token = ISSUER.sign({"issuer": ISSUER.did}, signer=p256_signer("did:web:thief.example#k"))
    resolver(documents, clock).resolve(read(token))

    assert documents.asked == []


def test_a_document_with_its_proof_inside_asks_for_the_same_as_a_token(
    documents: DocumentsInMemory, clock: Clock
) -> None:
    bundle = resolver(documents, clock).resolve(read_document(ISSUER.secured()))

    assert documents.asked == [DID_URL, ISSUER.list_url]
    assert isinstance(bundle.status_lists[ISSUER.list_url], Published)


@pytest.mark.parametrize(
    ("method", "purpose", "asked"),
    [
        (ISSUER.signer.kid, "assertionMethod", [DID_URL]),
        (ISSUER.signer.kid, "authentication", [DID_URL]),
        (f"{ISSUER.did}#unlisted", "assertionMethod", [DID_URL]),
        ("did:web:thief.example#k", "assertionMethod", []),
        ("https://inside.example/keys#k", "assertionMethod", []),
    ],
)
def test_a_document_that_its_issuer_did_not_sign_chooses_no_addresses(
    method: str, purpose: Purpose, asked: list[str], documents: DocumentsInMemory, clock: Clock
) -> None:
    document = ISSUER.document()
    document["credentialStatus"][0]["statusListCredential"] = "https://inside.example/"
    forged = ISSUER.secured(document, signer=p256_signer(method, seed="thief"), purpose=purpose)
    resolver(documents, clock).resolve(read_document(forged))

    assert documents.asked == asked


@pytest.mark.parametrize("document", [ISSUER.document(), ISSUER.secured() | {"proof": "text"}, {"proof": []}])
def test_a_document_without_sound_proofs_asks_for_nothing(
    document: dict[str, Any], documents: DocumentsInMemory, clock: Clock
) -> None:
    resolver(documents, clock).resolve(read_document(document))

    assert documents.asked == []


def test_a_sound_list_with_its_proof_inside_is_kept_and_a_broken_one_is_asked_for_again(clock: Clock) -> None:
    for body, times in ((ISSUER.status_document(), 1), (ISSUER.status_document()[:-9], 2)):
        documents = DocumentsInMemory(ISSUER.published() | {ISSUER.list_url: body})
        asks = resolver(documents, clock)
        asks.resolve(read_document(ISSUER.secured()))
        asks.resolve(read(ISSUER.token()))
        assert documents.asked.count(ISSUER.list_url) == times


def test_a_badge_with_its_proof_inside_is_verified_through_its_issuers_documents(
    documents: DocumentsInMemory, clock: Clock
) -> None:
    verification = Verification(documents, clock=clock)
    report = verification.verify(strict_json.dumps(ISSUER.secured()).encode())

    assert report.verdict.outcome is Outcome.VALID
    assert report.to_json()["form"] == "json"


@pytest.mark.parametrize("did", ["did:web:127.0.0.1", "did:web:10.0.0.1%3A80", "did:example:1"])
def test_a_did_that_we_cannot_resolve_is_absent_with_its_reason(
    documents: DocumentsInMemory, clock: Clock, did: str
) -> None:
    token = ISSUER.sign({"issuer": did}, signer=p256_signer(f"{did}#k"))
    bundle = resolver(documents, clock).resolve(read(token))

    assert isinstance(bundle.did_documents[did], Absent)
    assert documents.asked == []


def test_what_is_out_of_reach_is_absent_with_its_reason(clock: Clock) -> None:
    bundle = resolver(DocumentsInMemory(), clock).resolve(read(ISSUER.token()))

    absent = bundle.did_documents[ISSUER.did]
    assert isinstance(absent, Absent)
    assert "switched off" in absent.reason


def test_documents_are_kept_for_a_while_and_then_asked_for_again(
    documents: DocumentsInMemory, clock: Clock
) -> None:
    resolve = resolver(documents, clock).resolve
    for _ in range(3):
        resolve(read(ISSUER.token()))
    assert documents.asked == [DID_URL, ISSUER.list_url]

    clock.pass_by(minutes=6)
    resolve(read(ISSUER.token()))
    assert documents.asked[2:] == [DID_URL]

    clock.pass_by(minutes=55)
    resolve(read(ISSUER.token()))
    assert documents.asked[3:] == [DID_URL, ISSUER.list_url]


def test_a_lists_own_time_to_live_shortens_how_long_it_is_kept(clock: Clock) -> None:
    issuer = IssuerSimulator(list_ttl=60_000)
    documents = DocumentsInMemory.of([issuer])
    resolve = resolver(documents, clock).resolve
    resolve(read(issuer.token()))
    clock.pass_by(seconds=61)
    resolve(read(issuer.token()))

    assert documents.asked.count(issuer.list_url) == 2


def test_a_bad_list_is_asked_for_again_at_once(documents: DocumentsInMemory, clock: Clock) -> None:
    documents.documents[ISSUER.list_url] = b"an error page"
    verification = Verification(documents, clock=clock)
    assert verification.verify(ISSUER.token().encode()).verdict.outcome is Outcome.UNKNOWN
    documents.documents |= ISSUER.published()
    assert verification.verify(ISSUER.token().encode()).verdict.outcome is Outcome.VALID


def test_a_failure_is_not_kept(documents: DocumentsInMemory, clock: Clock) -> None:
    kept = dict(documents.documents)
    documents.documents.clear()
    verification = Verification(documents, clock=clock)
    assert verification.verify(ISSUER.token().encode()).verdict.outcome is Outcome.UNKNOWN
    documents.documents |= kept
    assert verification.verify(ISSUER.token().encode()).verdict.outcome is Outcome.VALID


def test_a_revocation_is_seen_within_the_hour(documents: DocumentsInMemory, clock: Clock) -> None:
    verification = Verification(documents, clock=clock)
    assert verification.verify(ISSUER.token().encode()).verdict.outcome is Outcome.VALID
    documents.documents |= IssuerSimulator(revoked={94567}).published()
    clock.pass_by(minutes=61)
    assert verification.verify(ISSUER.token().encode()).verdict.outcome is Outcome.NOT_VALID


def test_a_dictionary_is_looked_up_at_the_known_issuers_and_kept(
    documents: DocumentsInMemory, clock: Clock
) -> None:
    badge = ReadBadge("qr_text", packed=ISSUER.packed())
    known = ("did:web:nobody.example", "did:key:z6Mk", ISSUER.did)
    resolve = resolver(documents, clock, known=known).resolve
    for _ in range(2):
        assert ISSUER.dictionary().id in resolve(badge).dictionaries

    asked = [url for url in documents.asked if "/dictionaries/" in url]
    assert [url.split("/")[2] for url in asked] == ["nobody.example", "badges.example.org"]


def test_without_a_known_issuer_a_dictionary_stays_unknown(documents: DocumentsInMemory, clock: Clock) -> None:
    report = Verification(documents, clock=clock).verify(badge_qr.to_desk_text(ISSUER.packed()).encode())

    assert report.verdict.outcome is Outcome.UNKNOWN
    assert documents.asked == []


def test_a_file_with_another_hash_is_no_dictionary(documents: DocumentsInMemory, clock: Clock) -> None:
    url = f"https://badges.example.org/dictionaries/{ISSUER.dictionary().id}"
    documents.documents[url] = ISSUER.dictionary().file + b" "
    bundle = resolver(documents, clock, known=(ISSUER.did,)).resolve(ReadBadge("qr_text", packed=ISSUER.packed()))

    assert bundle.dictionaries == {}


def test_the_host_in_a_code_is_never_opened(documents: DocumentsInMemory, clock: Clock) -> None:
    text = badge_qr.to_url_text(ISSUER.packed(), host="thief.example")
    Verification(documents, known_issuers=lambda: [ISSUER.did], clock=clock).verify(text.encode())

    assert not [url for url in documents.asked if "thief" in url]


def test_the_lists_that_name_an_issuer_are_told(documents: DocumentsInMemory, clock: Clock) -> None:
    trusted = {"Open communities": (ISSUER.did,), "Others": ("did:web:other.example",)}
    report = Verification(documents, trusted_issuers=trusted, clock=clock).verify(ISSUER.token().encode())

    assert report.trusted_by == ("Open communities",)


def test_many_badges_of_one_issuer_cost_two_fetches(documents: DocumentsInMemory, clock: Clock) -> None:
    resolve = resolver(documents, clock).resolve
    for reference, _ in zip(references(), range(30), strict=False):
        resolve(read(ISSUER.token(ISSUER.document(reference=reference))))

    assert len(documents.asked) == 2


def test_no_document_of_an_issuer_is_read_further_than_the_api_page_says(
    documents: DocumentsInMemory, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: dict[str, int] = {}
    fetch = documents.fetch

    def noted(url: str, *, max_bytes: int = 1 << 30) -> Document:
        limits[url] = max_bytes
        return fetch(url, max_bytes=max_bytes)

    monkeypatch.setattr(documents, "fetch", noted)
    packed = ReadBadge("qr_text", packed=ISSUER.packed())
    resolver(documents, clock, known=(ISSUER.did,)).resolve(packed)
    dictionary = f"{ISSUER.base}/dictionaries/{ISSUER.packed()[1:5].hex()}"
    assert limits == {dictionary: 8_192, DID_URL: 256 << 10, ISSUER.list_url: 256 << 10}
