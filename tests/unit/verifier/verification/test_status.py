"""A status list is believed only whole: everything short of a clear bit is unknown."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from keys import did
from schemas import base64url, status_list, strict_json
from tests.unit.verifier.simulator import NOW, IssuerSimulator, p256_signer, read
from verifier.verification.checks import verify
from verifier.verification.trust import Absent, Published, TrustBundle
from verifier.verification.verdict import Check, State

ISSUER = IssuerSimulator()
SHORT = "u" + base64url.encode(gzip.compress(bytes(16)))


def status_of(
    *,
    listed: bytes | Absent | None = None,
    entry: dict[str, Any] | None = None,
    trust: TrustBundle | None = None,
    issuer: IssuerSimulator = ISSUER,
) -> Check:
    document = issuer.document()
    if entry is not None:
        document["credentialStatus"] = [document["credentialStatus"][0] | entry]
    if trust is None:
        trust = issuer.trust() if listed is None else issuer.trust(status=listed)
    return verify(read(issuer.token(document)), trust=trust, now=NOW).check("status")


def with_claims(act: Callable[[dict[str, Any]], object]) -> bytes:
    payload = ISSUER.status_claims()
    act(payload)
    return ISSUER.status_token(payload).encode()


def test_a_bit_that_is_not_set_passes_and_says_how_old_the_list_is() -> None:
    check = status_of()

    assert check.state is State.PASS
    assert check.age == timedelta(minutes=3)


@pytest.mark.parametrize(("revoked", "state"), [(set(), State.PASS), ({94567}, State.FAIL)])
def test_a_list_with_its_proof_inside_is_read_as_one_that_is_a_token(revoked: set[int], state: State) -> None:
    issuer = IssuerSimulator(revoked=revoked)

    assert status_of(listed=issuer.status_document(), issuer=issuer).state is state


@pytest.mark.parametrize(
    "listed",
    [
        ISSUER.status_document().replace(b"BitstringStatusList", b"SomethingStatusList"),
        ISSUER.status_document(signer=p256_signer(f"{ISSUER.did}#status-1", seed="thief")),
        ISSUER.status_document(signer=p256_signer("did:web:thief.example#status-1")),
        ISSUER.status_document(signer=p256_signer(f"{ISSUER.did}#unlisted")),
        ISSUER.status_document(expires=NOW - timedelta(minutes=2)),
        b'{"type": "BitstringStatusListCredential"}',
        b'{"proof": [',
        b'{"proof": {"type": "DataIntegrityProof"}}',
    ],
)
def test_a_list_whose_proof_cannot_be_believed_is_unknown(listed: bytes) -> None:
    assert status_of(listed=listed).state is State.UNKNOWN


def test_index_zero_is_the_most_significant_bit() -> None:
    issuer = IssuerSimulator(revoked={0})
    assert status_of(issuer=issuer, entry={"statusListIndex": "0"}).state is State.FAIL
    assert status_of(issuer=issuer, entry={"statusListIndex": "7"}).state is State.PASS


@pytest.mark.parametrize(
    "listed",
    [
        Absent("The line is down."),
        b"<html>an error page</html>",
        b"\xff\xfe",
        ISSUER.status_token(signer=p256_signer(f"{ISSUER.did}#status-1", seed="thief")).encode(),
        ISSUER.status_token(signer=p256_signer("did:web:thief.example#status-1")).encode(),
        ISSUER.status_token(signer=p256_signer(f"{ISSUER.did}#unlisted")).encode(),
        with_claims(lambda c: c.update(issuer="did:web:other.example")),
        with_claims(lambda c: c.update(iss="did:web:other.example")),
        with_claims(lambda c: c.update(id="https://badges.example.org/status-lists/2")),
        with_claims(lambda c: c.update(type=["VerifiableCredential"])),
        with_claims(lambda c: c["credentialSubject"].update(type="Other")),
        with_claims(lambda c: c["credentialSubject"].update(statusPurpose="suspension")),
        with_claims(lambda c: c["credentialSubject"].update(encodedList="zzz")),
        with_claims(lambda c: c["credentialSubject"].pop("encodedList")),
        with_claims(lambda c: c.update(exp=int(NOW.timestamp()) - 61)),
        with_claims(lambda c: c.update(validUntil="2027-01-01T00:00:00Z")),
        with_claims(lambda c: c.update(validUntil="tomorrow")),
        with_claims(lambda c: c.update(nbf=int(NOW.timestamp()) + 61)),
        with_claims(lambda c: c.update(credentialSubject=[])),
        ISSUER.token().encode(),
    ],
)
def test_a_list_that_cannot_be_believed_is_unknown_and_never_not_revoked(listed: bytes | Absent) -> None:
    assert status_of(listed=listed).state is State.UNKNOWN


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "SomethingElse"},
        {"statusPurpose": "message"},
        {"statusPurpose": None},
        {"statusListIndex": "131072"},
        {"statusListIndex": "-1"},
        {"statusListIndex": "0x10"},
        {"statusListIndex": "٣"},
        {"statusListIndex": None},
        {"statusListCredential": None},
        {"statusListCredential": "https://badges.example.org/status-lists/9"},
        {"statusSize": 2},
    ],
)
def test_an_entry_that_cannot_be_looked_up_is_unknown(entry: dict[str, Any]) -> None:
    assert status_of(entry=entry).state is State.UNKNOWN


def test_a_numeric_index_is_read() -> None:
    assert status_of(entry={"statusListIndex": 94567}).state is State.PASS


def test_a_list_that_does_not_say_when_it_was_made_is_as_old_as_it_was_had() -> None:
    check = status_of(listed=with_claims(lambda c: (c.pop("nbf"), c.pop("validFrom"))))
    assert check.state is State.PASS and check.age == timedelta(minutes=3)


def test_a_list_had_longer_ago_than_the_limit_is_stale() -> None:
    body = ISSUER.published()[ISSUER.list_url]

    def had(ago: timedelta) -> TrustBundle:
        return TrustBundle(
            NOW,
            did_documents=ISSUER.trust().did_documents,
            status_lists={ISSUER.list_url: Published(body, NOW - ago)},
        )

    assert status_of(trust=had(timedelta(minutes=59))).state is State.PASS
    assert status_of(trust=had(timedelta(minutes=62))).state is State.UNKNOWN


def test_every_entry_is_looked_up_and_one_set_bit_is_enough() -> None:
    issuer = IssuerSimulator(revoked={8})
    document = issuer.document()
    document["credentialStatus"] = [issuer.status_entry(7), issuer.status_entry(8)]
    verdict = verify(read(issuer.token(document)), trust=issuer.trust(), now=NOW)

    assert verdict.check("status").state is State.FAIL


def test_a_set_bit_weighs_more_than_an_unknown_entry() -> None:
    issuer = IssuerSimulator(revoked={8})
    document = issuer.document()
    document["credentialStatus"] = [issuer.status_entry(7) | {"type": "Other"}, issuer.status_entry(8)]

    assert verify(read(issuer.token(document)), trust=issuer.trust(), now=NOW).check("status").state is State.FAIL


def test_too_many_entries_are_not_all_fetched() -> None:
    document = ISSUER.document()
    document["credentialStatus"] = [ISSUER.status_entry(i) for i in range(5)]

    assert (
        verify(read(ISSUER.token(document)), trust=ISSUER.trust(), now=NOW).check("status").state is State.UNKNOWN
    )


def test_a_list_may_name_several_purposes() -> None:
    listed = with_claims(lambda c: c["credentialSubject"].update(statusPurpose=["suspension", "revocation"]))

    assert status_of(listed=listed).state is State.PASS


@pytest.mark.parametrize(
    ("purposes", "words"),
    [(["suspension"], "suspended"), (["revocation"], "withdrawn"), (["suspension", "revocation"], "withdrawn")],
)
def test_a_suspended_badge_is_not_called_withdrawn_unless_it_is_both(purposes: list[str], words: str) -> None:
    issuer = IssuerSimulator(revoked={5})
    listed = issuer.status_claims()
    listed["credentialSubject"]["statusPurpose"] = purposes
    document = issuer.document()
    document["credentialStatus"] = [issuer.status_entry(5) | {"statusPurpose": purpose} for purpose in purposes]
    url = document["credentialStatus"][0]["statusListCredential"]
    lists = {url: Published(issuer.status_token(listed).encode(), NOW - timedelta(minutes=3))}
    trust = replace(issuer.trust(), status_lists=lists)

    check = verify(read(issuer.token(document)), trust=trust, now=NOW).check("status")

    assert check.state is State.FAIL
    assert words in check.sentence


def test_a_list_of_the_smallest_length_answers_its_last_index() -> None:
    bits = status_list.from_indexes([131071])
    listed = ISSUER.status_token(ISSUER.status_claims(bits=bits)).encode()

    assert status_of(listed=listed, entry={"statusListIndex": "131071"}).state is State.FAIL


# --- the deprecated list of Open Badges, which is only read ------------------------------------------------

OLD_LIST = "https://badges.example.org/revoked.json"


def in_old_list(body: dict[str, Any] | bytes | Absent | None, *, had: timedelta = timedelta(minutes=3)) -> Check:
    document = ISSUER.document()
    document["credentialStatus"] = [{"id": OLD_LIST, "type": "1EdTechRevocationList"}]
    trust = ISSUER.trust()
    if isinstance(body, dict):
        body = strict_json.dumps(body).encode()
    lists: dict[str, Published | Absent] = {}
    if body is not None:
        lists[OLD_LIST] = body if isinstance(body, Absent) else Published(body, NOW - had)
    return verify(read(ISSUER.token(document)), trust=replace(trust, status_lists=lists), now=NOW).check("status")


def old_list(
    *entries: dict[str, Any], name: str = "revokedCredential", issuer: str = ISSUER.did
) -> dict[str, Any]:
    return {"id": OLD_LIST, "issuer": issuer, name: list(entries)}


def test_a_badge_that_an_old_list_names_is_withdrawn() -> None:
    mine = str(ISSUER.document()["id"])
    assert in_old_list(old_list({"id": mine, "revoked": True})).state is State.FAIL
    assert in_old_list(old_list({"id": mine})).state is State.FAIL
    assert in_old_list(old_list({"id": mine}, name="revokedCredentials")).state is State.FAIL  # occurs in the wild
    assert in_old_list(old_list({"id": mine, "revoked": False})).state is State.PASS
    assert in_old_list(old_list({"id": "urn:uuid:other"})).state is State.PASS
    assert in_old_list({"issuer": {"id": ISSUER.did}}).state is State.PASS


@pytest.mark.parametrize(
    "body",
    [
        None,
        Absent("The line is down."),
        b"[]",
        b"<html>",
        old_list(issuer="did:web:other.example"),
        {"revokedCredential": []},
        {"issuer": ISSUER.did, "revokedCredential": "urn:uuid:x"},
        {"issuer": ISSUER.did, "revokedCredential": ["urn:uuid:x"]},
        b'{"issuer":"did:web:badges.example.org","issuer":"did:web:badges.example.org"}',
    ],
)
def test_an_old_list_that_cannot_be_used_is_unknown(body: dict[str, Any] | bytes | Absent | None) -> None:
    assert in_old_list(body).state is State.UNKNOWN


def test_an_old_list_grows_stale() -> None:
    assert in_old_list(old_list(), had=timedelta(hours=1)).state is State.PASS
    assert in_old_list(old_list(), had=timedelta(hours=2)).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        (Absent("The line is down."), "STATUS_RETRIEVAL_ERROR"),
        (
            with_claims(lambda c: c["credentialSubject"].update(statusPurpose="suspension")),
            "STATUS_VERIFICATION_ERROR",
        ),
        (with_claims(lambda c: c["credentialSubject"].update(encodedList="zzz")), "MALFORMED_VALUE_ERROR"),
        (with_claims(lambda c: c["credentialSubject"].update(encodedList=SHORT)), "STATUS_LIST_LENGTH_ERROR"),
    ],
)
def test_what_keeps_us_from_an_answer_has_the_standards_name(listed: bytes | Absent, problem: str) -> None:
    assert status_of(listed=listed).problem == problem


def test_an_index_outside_the_list_is_a_range_error() -> None:
    assert status_of(entry={"statusListIndex": "131072"}).problem == "RANGE_ERROR"


def test_a_list_signed_with_somebody_else_s_key_is_unknown_even_where_the_issuer_shows_that_key() -> None:
    """A document may list keys of others; what they sign is theirs, and says nothing of this issuer's badges."""
    thief = p256_signer("did:web:thief.example#status-1")
    ours = ISSUER.did_document()
    theirs = did.build_document("did:web:thief.example", keys=[(thief.kid, thief.public)])
    ours["verificationMethod"] += theirs["verificationMethod"]
    ours["assertionMethod"] += theirs["assertionMethod"]
    listed = ISSUER.status_token(signer=thief).encode()
    trust = ISSUER.trust(did=strict_json.dumps(ours).encode(), status=listed)

    assert status_of(trust=trust).state is State.UNKNOWN
    assert status_of(trust=ISSUER.trust(did=strict_json.dumps(ours).encode())).state is State.PASS
