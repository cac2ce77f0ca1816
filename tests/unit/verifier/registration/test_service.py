"""Redeeming: once for each holder, the same answer to the same request, and nothing used up by a refusal."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from schemas import timestamps
from schemas.event_policy import EventPolicy, EventPolicyError
from tests.unit.verifier.registration.policies import document, policy
from tests.unit.verifier.simulator import (
    HOLDER_CODE,
    REFERENCE,
    Clock,
    DocumentsInMemory,
    IssuerSimulator,
    references,
)
from verifier.ground.database import metadata, reading, writing
from verifier.ground.settings import Settings
from verifier.registration import store
from verifier.registration.errors import (
    RegistrationError,
    RequestIdReusedError,
    UnknownEventError,
    VoucherSecretError,
)
from verifier.registration.events import HolderCode, NameAgainstId, NoProof, Proof
from verifier.registration.reasons import Reason
from verifier.registration.service import Redemption, Registration
from verifier.verification.service import Verification
from verifier.verification.verdict import State

ISSUER = IssuerSimulator()
OTHER = IssuerSimulator(host="badges.other.example")
CODE = HolderCode(HOLDER_CODE)


class Office:
    """A registration with its documents, its clock, and ever new request ids."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = Clock()
        self.documents = DocumentsInMemory.of([ISSUER, OTHER])
        self.verification = Verification(self.documents, clock=self.clock)
        self.settings = Settings(folder, **settings)
        self.registration = Registration(self.settings, verification=self.verification, clock=self.clock)
        self._requests = iter(range(1_000_000))

    def redeem(
        self,
        token: str,
        *,
        by: EventPolicy | None = None,
        proof: Proof = CODE,
        request_id: str | None = None,
    ) -> Redemption:
        return self.registration.redeem(
            token.encode(),
            policy=by or policy(),
            proof=proof,
            request_id=request_id or f"request-{next(self._requests)}",
        )


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Iterator[Office]:
    office = Office(tmp_path, **database)
    yield office
    office.registration.engine.dispose()


def test_a_badge_is_redeemed_once_with_a_voucher(office: Office) -> None:
    first = office.redeem(ISSUER.token())
    second = office.redeem(ISSUER.token())

    assert (first.result, first.percent) == ("granted", 50)
    assert first.voucher
    assert (second.result, second.percent, second.voucher) == ("already_redeemed", 0, None)


def test_the_holder_is_claimed_and_not_the_badge(office: Office) -> None:
    better = ISSUER.document(achievement="sustained")
    better["id"] = "urn:uuid:0d6f7a54-0000-4000-8000-000000000002"

    assert office.redeem(ISSUER.token()).result == "granted"
    assert office.redeem(ISSUER.token(better)).result == "already_redeemed"


@pytest.mark.parametrize("table", ["redemption_holders", "redemption_answers", "redemptions"])
def test_the_database_itself_lets_no_discount_answer_or_voucher_be_there_twice(office: Office, table: str) -> None:
    """Whatever the program believes: a name of a holder, a request id and a voucher's code are there once."""
    assert office.redeem(ISSUER.token()).result == "granted"
    rows = metadata.tables[table]
    with reading(office.registration.engine) as connection:
        (row,) = connection.execute(rows.select()).mappings()
    twin = {**row, "id": row["id"] + 1}
    with pytest.raises(IntegrityError), writing(office.registration.engine) as connection:
        connection.execute(rows.insert().values(twin))


def test_a_desk_sees_that_a_badge_without_a_name_was_used_online(office: Office) -> None:
    nameless = ISSUER.token(ISSUER.document(name=None))
    before = office.registration.look(nameless.encode(), policy=policy())
    assert (before.acceptance.reason, before.redeemed_at) == (Reason.NO_NAME_IN_BADGE, None)
    assert office.redeem(nameless).result == "granted"
    after = office.registration.look(nameless.encode(), policy=policy())
    assert after.redeemed_at is not None and after.acceptance.percent == 0


def test_a_copied_reference_of_another_issuer_touches_nobody(office: Office) -> None:
    theirs = OTHER.document(achievement="speaker", reference=REFERENCE)
    assert office.redeem(OTHER.token(theirs)).result == "granted"
    assert office.redeem(ISSUER.token(ISSUER.document(reference=REFERENCE))).result == "granted"


def test_a_merged_person_claims_every_reference_at_once(office: Office) -> None:
    old, new, *_ = (next(numbers) for numbers in [references()] * 2)
    merged = ISSUER.document(reference=new)
    merged["credentialSubject"]["identifier"].insert(
        0,
        {"type": "IdentityObject", "hashed": False, "identityHash": old, "identityType": "systemId"},
    )

    assert office.redeem(ISSUER.token(merged)).result == "granted"
    assert office.redeem(ISSUER.token(ISSUER.document(reference=old))).result == "already_redeemed"
    assert office.redeem(ISSUER.token(ISSUER.document(reference=new))).result == "already_redeemed"


def test_an_old_badge_redeemed_before_a_merge_stops_the_merged_one(office: Office) -> None:
    numbers = references()
    old, new = next(numbers), next(numbers)
    merged = ISSUER.document(reference=new)
    merged["credentialSubject"]["identifier"].insert(
        0,
        {"type": "IdentityObject", "hashed": False, "identityHash": old, "identityType": "systemId"},
    )

    assert office.redeem(ISSUER.token(ISSUER.document(reference=old))).result == "granted"
    assert office.redeem(ISSUER.token(merged)).result == "already_redeemed"


def test_two_events_are_two_discounts(office: Office) -> None:
    assert office.redeem(ISSUER.token()).result == "granted"
    assert office.redeem(ISSUER.token(), by=policy(event="summit-2028")).result == "granted"


def test_the_same_request_gets_the_same_answer_even_when_the_issuer_is_gone(office: Office) -> None:
    first = office.redeem(ISSUER.token(), request_id="one")
    office.documents.documents.clear()
    office.clock.pass_by(days=2)
    again = office.redeem(ISSUER.token(), request_id="one")

    assert (again.result, again.percent, again.voucher) == (first.result, first.percent, first.voucher)


def test_an_answer_of_already_redeemed_is_repeated_too(office: Office) -> None:
    office.redeem(ISSUER.token())
    first = office.redeem(ISSUER.token(), request_id="two")

    assert office.redeem(ISSUER.token(), request_id="two").result == first.result == "already_redeemed"


def test_a_request_id_is_for_one_request_only(office: Office) -> None:
    office.redeem(ISSUER.token(), request_id="one")

    with pytest.raises(RequestIdReusedError):
        office.redeem(ISSUER.token(ISSUER.document(reference=next(references()))), request_id="one")


@pytest.mark.parametrize("request_id", ["x" * 201, "with\nline"])
def test_a_request_id_is_short_and_printable(office: Office, request_id: str) -> None:
    with pytest.raises(RegistrationError, match="request id"):
        office.redeem(ISSUER.token(), request_id=request_id)


def test_a_copy_without_the_holder_code_uses_nothing_up(office: Office) -> None:
    stolen = office.redeem(ISSUER.token(), proof=NoProof())
    guessed = office.redeem(ISSUER.token(), proof=HolderCode("0000"))
    owner = office.redeem(ISSUER.token())

    assert (stolen.result, guessed.result, owner.result) == ("refused", "refused", "granted")


def test_a_corrected_holder_code_may_use_the_same_request_id(office: Office) -> None:
    assert office.redeem(ISSUER.token(), proof=HolderCode("0000"), request_id="one").result == "refused"
    assert office.redeem(ISSUER.token(), request_id="one").result == "granted"


def test_zero_percent_uses_nothing_up(office: Office) -> None:
    thanks = ISSUER.token(ISSUER.document(achievement="recognised"))

    assert office.redeem(thanks, proof=NoProof()).voucher is None
    assert office.redeem(thanks, proof=NoProof()).reason is Reason.NOTHING_TO_REDEEM
    assert office.redeem(ISSUER.token()).result == "granted"


def test_an_issuer_out_of_reach_grants_nothing_and_uses_nothing_up(office: Office) -> None:
    kept = dict(office.documents.documents)
    office.documents.documents.clear()
    assert office.redeem(ISSUER.token()).result == "could_not_tell"
    office.documents.documents.update(kept)
    assert office.redeem(ISSUER.token()).result == "granted"


def test_a_clock_that_is_an_hour_slow_grants_nothing_and_says_its_time(office: Office) -> None:
    fresh = ISSUER.document()
    fresh["validFrom"] = timestamps.show(office.clock.now - timedelta(minutes=5))
    office.clock.pass_by(hours=-1)
    refused = office.redeem(ISSUER.token(fresh))

    assert refused.result == "refused" and refused.report is not None
    told = {check.id: check for check in refused.report.verdict.checks}
    assert told["valid_from"].evidence == "from 2027-02-01T08:55:00Z; the clock here says 2027-02-01T08:00:00Z"
    assert told["status"].state is State.UNKNOWN
    assert "The list is from the future" in str(told["status"].evidence)
    office.clock.pass_by(hours=1)
    assert office.redeem(ISSUER.token(fresh)).result == "granted"


def test_the_capacity_is_never_exceeded(office: Office) -> None:
    small = policy(capacity=2)
    tokens = [ISSUER.token(ISSUER.document(reference=ref)) for ref, _ in zip(references(), range(3), strict=False)]

    assert [office.redeem(token, by=small).reason for token in tokens] == [
        Reason.GRANTED,
        Reason.GRANTED,
        Reason.NO_CAPACITY,
    ]


def test_foreign_badges_are_limited_by_their_pair(office: Office) -> None:
    tokens = [
        OTHER.token(OTHER.document(achievement="speaker", reference=ref))
        for ref, _ in zip(references(), range(3), strict=False)
    ]

    assert [office.redeem(token).reason for token in tokens] == [
        Reason.GRANTED,
        Reason.GRANTED,
        Reason.FOREIGN_LIMIT_REACHED,
    ]


def test_fifty_at_once_get_exactly_one_discount(office: Office) -> None:
    token = ISSUER.token()
    office.registration.engine.connect().close()
    office.verification.verify(token.encode())
    results: list[Redemption] = []
    start = threading.Barrier(50)

    def attempt(number: int) -> None:
        start.wait()
        results.append(office.redeem(token, request_id=f"thread-{number}"))

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(result.result for result in results) == ["already_redeemed"] * 49 + ["granted"]


def test_the_same_request_fifty_times_at_once_gets_one_voucher(office: Office) -> None:
    token = ISSUER.token()
    office.registration.engine.connect().close()
    office.verification.verify(token.encode())
    vouchers: list[str | None] = []

    def attempt() -> None:
        vouchers.append(office.redeem(token, request_id="one").voucher)

    threads = [threading.Thread(target=attempt) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(vouchers) == 50
    assert len(set(vouchers)) == 1
    assert vouchers[0]


def test_who_meets_a_row_that_it_did_not_see_looks_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if another program had written past the lock: the unique keys are the second line."""
    assert office.redeem(ISSUER.token()).result == "granted"
    look, looks = store.look, itertools.count(1)

    def late(connection: Connection, **what: Any) -> store.Known:
        known = look(connection, **what)
        return known if next(looks) != 1 else replace(known, redeemed=frozenset())

    monkeypatch.setattr(store, "look", late)
    assert office.redeem(ISSUER.token()).reason is Reason.ALREADY_REDEEMED
    assert next(looks) == 3


def test_a_lost_secret_stops_granting(office: Office) -> None:
    office.redeem(ISSUER.token())
    office.settings.voucher_secret.unlink()

    with pytest.raises(VoucherSecretError):
        office.redeem(ISSUER.token(ISSUER.document(reference=next(references()))))


def test_no_name_address_or_badge_is_kept(office: Office, tmp_path: Path) -> None:
    badge = OTHER.document(achievement="speaker", name="Ada Example")
    badge["credentialSubject"]["id"] = "mailto:ada@people.example"
    token = OTHER.token(badge)
    assert office.redeem(token).result == "granted"

    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    with reading(office.registration.engine) as connection:
        rows = [connection.execute(table.select()).all() for table in metadata.sorted_tables]
    assert any(rows)
    kept += repr(rows).encode()
    for secret in (b"Ada", b"ada@people.example", HOLDER_CODE.encode(), token[:40].encode(), token[-40:].encode()):
        assert secret not in kept


@pytest.mark.parametrize(
    "reference", ["urn:uuid:\0", "did:example:\u2028", "urn:uuid:" + "x" * 5000, "urn:uuid:😀"]
)
def test_a_strange_reference_is_one_holder_like_any_other(office: Office, reference: str) -> None:
    badge = OTHER.document(achievement="speaker", reference=next(references()))
    badge["credentialSubject"]["identifier"][0]["identityHash"] = reference
    assert office.redeem(OTHER.token(badge)).result == "granted"
    assert office.redeem(OTHER.token(badge)).result == "already_redeemed"


def test_a_desk_looks_without_redeeming(office: Office) -> None:
    token = ISSUER.token().encode()
    before = office.registration.look(token, policy=policy())
    office.redeem(ISSUER.token(), proof=NameAgainstId(matches=True))
    after = office.registration.look(token, policy=policy())

    assert before.acceptance.reason is Reason.GRANTED
    assert before.redeemed_at is None
    assert after.redeemed_at == office.clock.now


def test_an_event_is_added_once_and_its_policy_is_not_replaced(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(document())
    assert office.registration.add_event(file).event == "summit-2027"
    assert office.registration.add_event(file).event == "summit-2027"
    assert office.registration.event("summit-2027").capacity == 400

    file.write_bytes(document(capacity=500))
    with pytest.raises(RegistrationError, match="another policy"):
        office.registration.add_event(file)


def test_an_event_that_is_refused_is_not_kept(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(document(proof_of_holding={}))

    with pytest.raises(EventPolicyError, match="proof_of_holding"):
        office.registration.add_event(file)
    with pytest.raises(UnknownEventError):
        office.registration.event("summit-2027")


@pytest.mark.parametrize("event_id", ["../verifier", "summit-2027/..", "", "x" * 500])
def test_an_event_id_is_never_a_path(office: Office, event_id: str) -> None:
    with pytest.raises(UnknownEventError):
        office.registration.event(event_id)


def test_the_issuers_of_all_events_are_known(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(document())
    office.registration.add_event(file)

    assert office.registration.known_issuers() == (ISSUER.did, OTHER.did)
