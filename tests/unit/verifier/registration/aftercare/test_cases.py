"""A badge that is withdrawn after its discount was given raises a case once, and takes nothing away."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from schemas import strict_json
from tests.unit.verifier.registration.aftercare.offices import EVENT, HOLDER, AfterOffice
from tests.unit.verifier.simulator import HOLDER_CODE, IssuerSimulator, references
from verifier.ground.audit import AuditError
from verifier.ground.database import reading
from verifier.ground.outbound import Document, OutboundError
from verifier.registration.aftercare import UnknownCaseError, cases, store
from verifier.registration.aftercare.cases import Looked
from verifier.registration.aftercare.releasing import Releasing
from verifier.registration.events import HolderCode
from verifier.registration.service import Registration
from verifier.registration.store import Standing
from verifier.verification.service import Verification


@dataclass
class Web:
    """An issuer's documents as they are now, and what was asked for."""

    issuer: IssuerSimulator
    down: bool = False
    replaced: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    hosts: tuple[str, ...] = ()

    def fetch(self, url: str, *, max_bytes: int = 1 << 20) -> Document:
        self.asked.append(url)
        published = self.issuer.published() | self.replaced
        if self.down or url not in published:
            raise OutboundError(f"{url} could not be asked.")
        return Document(published[url], "application/json")


class WatchingOffice(AfterOffice):
    """An office that can look at its badges again."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder, **settings)
        self.registration.engine.dispose()
        self.issuer = IssuerSimulator()
        self.web = Web(self.issuer)
        self.verification = Verification(self.web, clock=self.clock)
        self.registration = Registration(self.settings, verification=self.verification, clock=self.clock)
        self.releasing = Releasing(self.registration, clock=self.clock, connect=lambda _: self.shop)

    def given_for(self, *, index: int, reference: str, document: dict[str, Any] | None = None) -> str:
        made = document or self.issuer.document(reference=reference, index=index)
        answer = self.registration.redeem(
            self.issuer.token(made).encode(),
            policy=self.policy,
            proof=HolderCode(HOLDER_CODE),
            request_id=reference,
        )
        assert answer.result == "granted", answer
        return str(answer.voucher)

    def look(self) -> Looked:
        return cases.check(
            EVENT, verification=self.verification, engine=self.registration.engine, clock=self.clock
        )

    def kept(self) -> list[tuple[int, Standing]]:
        with reading(self.registration.engine) as connection:
            return store.standings(connection, event=EVENT)

    def listed(self, *, closed: bool = False) -> list[tuple[int | None, str]]:
        found = cases.listed(EVENT, engine=self.registration.engine, closed=closed)
        return [(case.redemption_id, case.kind) for case in found]


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Iterator[WatchingOffice]:
    office = WatchingOffice(tmp_path, **database)
    yield office
    office.registration.engine.dispose()


def test_while_all_stand_nothing_is_opened(office: WatchingOffice) -> None:
    for index, reference in zip(range(3), references(), strict=False):
        office.given_for(index=index, reference=reference)
    assert office.look() == Looked(EVENT, 3)
    assert office.audit() == []


def test_a_withdrawn_badge_is_a_case_once_and_keeps_its_discount(office: WatchingOffice) -> None:
    names = references()
    office.given_for(index=5, reference=next(names))
    voucher = office.given_for(index=6, reference=next(names))
    office.issuer.revoked.add(6)
    assert office.look().opened == (1,)
    assert office.look().opened == ()
    assert office.listed() == [(2, "withdrawn")]
    assert office.releasing.find(EVENT, voucher).state == "granted", "a case takes nothing away"

    (entry,) = office.audit()
    assert (entry.act, entry.subject, entry.actor) == ("case.open", "case 1 of grant 2", "the issuer's lists")


def test_lists_are_had_anew_whole_and_once_for_all_badges(office: WatchingOffice) -> None:
    for index, reference in zip(range(20), references(), strict=False):
        office.given_for(index=index, reference=reference)
    for _ in range(2):
        office.web.asked.clear()
        office.look()
        assert sorted(office.web.asked) == sorted(
            [f"{office.issuer.base}/.well-known/did.json", office.issuer.list_url]
        )


def test_a_list_out_of_reach_opens_nothing_and_is_said_with_how_many(office: WatchingOffice) -> None:
    for index, reference in zip(range(2), references(), strict=False):
        office.given_for(index=index, reference=reference)
    office.issuer.revoked.add(1)
    office.web.down = True
    looked = office.look()
    assert (looked.opened, office.listed()) == ((), [])
    (sentence,) = looked.unknown
    assert "could not be asked" in sentence and sentence.endswith("(2 badges).")


def test_a_list_that_somebody_else_signed_opens_nothing(office: WatchingOffice) -> None:
    office.given_for(index=3, reference=HOLDER)
    forged = IssuerSimulator(seed="another seed", revoked={3})
    office.web.replaced = {office.issuer.list_url: forged.status_token().encode()}
    looked = office.look()
    assert looked.opened == ()
    assert len(looked.unknown) == 1


def test_a_key_that_was_taken_back_is_a_case(office: WatchingOffice) -> None:
    office.given_for(index=3, reference=HOLDER)
    document = office.issuer.did_document()
    kid = office.issuer.signer.kid
    document["verificationMethod"] = [m for m in document["verificationMethod"] if m["id"] != kid]
    document["assertionMethod"] = [m for m in document["assertionMethod"] if m != kid]
    office.web.replaced = {f"{office.issuer.base}/.well-known/did.json": strict_json.dumps(document).encode()}
    assert len(office.look().opened) == 1
    assert office.listed() == [(1, "key_withdrawn")]


def test_a_badge_without_a_list_is_looked_at_by_its_key_alone(office: WatchingOffice) -> None:
    document = {n: v for n, v in office.issuer.document(reference=HOLDER).items() if n != "credentialStatus"}
    office.given_for(index=0, reference=HOLDER, document=document)
    assert office.look() == Looked(EVENT, 1)


def test_a_released_discount_is_not_looked_at_and_one_given_anew_is(office: WatchingOffice) -> None:
    voucher = office.given_for(index=3, reference=HOLDER)
    office.reissue(voucher)
    office.issuer.revoked.add(3)
    assert office.look().grants == 1
    assert office.listed() == [(2, "withdrawn")]
    other = office.given_for(index=4, reference=next(references()))
    office.release(other)
    assert office.look().grants == 1


def test_a_case_is_closed_with_a_reason_and_stays_closed(office: WatchingOffice) -> None:
    office.given_for(index=3, reference=HOLDER)
    office.issuer.revoked.add(3)
    office.look()
    engine = office.registration.engine
    with pytest.raises(AuditError):
        cases.close(EVENT, 1, actor="staff:1", why="", engine=engine, clock=office.clock)
    assert office.listed() == [(1, "withdrawn")]
    cases.close(EVENT, 1, actor="staff:1", why="A better badge took its place.", engine=engine, clock=office.clock)
    assert (office.listed(), office.listed(closed=True)) == ([], [(1, "withdrawn")])
    assert office.look().opened == ()
    for event, number in ((EVENT, 1), (EVENT, 7), ("another", 1)):
        with pytest.raises(UnknownCaseError):
            cases.close(event, number, actor="staff:1", why="Again.", engine=engine, clock=office.clock)
    assert office.acts() == ["case.open", "case.close"]


def test_what_is_kept_of_a_badge_is_no_badge(office: WatchingOffice) -> None:
    office.given_for(index=3, reference=HOLDER)
    ((number, kept),) = office.kept()
    assert number == 1
    assert (kept.issuer, kept.key_id, kept.list_index) == (office.issuer.did, office.issuer.signer.kid, "3")
    assert len(kept.credential_sha256) == 64
