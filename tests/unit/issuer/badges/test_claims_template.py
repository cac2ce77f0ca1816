"""Many badges at once: the same bytes as one by one, no matter who signs, and kept once whoever comes second."""

import contextlib
import os
import signal
from datetime import timedelta

import pytest

from issuer.badges import awarding, issuance, preparation, service, store
from issuer.badges.issuing import claims_template, contents, drafting, intent, signing, signing_pool
from issuer.badges.issuing.signing_pool import signing_pool as pool_of
from issuer.badges.model import Badge
from issuer.ground.database import reading, writing
from issuer.people import joining
from issuer.people import service as people_service
from issuer.recognition import service as recognition
from keys import jws
from schemas import strict_json
from tests.unit.issuer.office import NOW, Office


@pytest.fixture
def issuing_database() -> dict[str, str]:
    """On a file: what is said here does not depend on the database."""
    return {}


def awarded(office: Office, *, decision: str = 'the "board" \\ 委员会') -> None:
    """Everybody by hand; Ada also by the policy."""
    office.add_changes("ada", count=3)
    decided = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decided, policy=office.policy, now=NOW - timedelta(hours=1))
    persons = list(office.people.values())
    awarding.award_by_hand(
        office.engine, persons, tier="recognised", decision=decision, reason="thanks\n",
        decided_by=persons[0], policy=office.policy, now=NOW,
    )  # fmt: skip


def plainly(office: Office, badge: Badge) -> bytes:
    """The claims of a badge as they are prepared for one badge, without a template."""
    assert badge.jwt is not None
    with reading(office.engine) as connection:
        ids = people_service.ids_of(connection, people_service.holders_behind(
            connection, [badge.award.person]).people[badge.award.person].id)  # fmt: skip
        person = people_service.persons_behind(connection, [badge.award.person])[badge.award.person]
        particulars = contents.particulars_of(
            office.bureau,
            badge,
            person,
            moment=NOW,
            narrative=contents.narrative_of(connection, badge.award),
            former=drafting.former_references(badge, ids, store.holders.references_of(connection, ids)),
        )
    return preparation.prepare(contents.cover_of(office.bureau, badge.award), particulars).claims


def test_badges_of_a_template_are_byte_for_byte_those_that_are_prepared_one_by_one(office: Office) -> None:
    awarded(office)
    assert issuance.issue(office.bureau, now=NOW) == 5
    assert len([one for one in office.bureau.templates.values() if one is not None]) == 2
    badges = service.all_badges(office.engine)
    for badge in badges:
        assert badge.jwt is not None
        assert jws.parse(badge.jwt).payload == plainly(office, badge)
    assert len({badge.id for badge in badges}) == len({badge.salt for badge in badges}) == 5


def test_who_was_two_persons_goes_no_template_s_way(office: Office) -> None:
    office.add_changes("cy", count=3)
    awarded(office)
    issuance.issue(office.bureau, now=NOW)
    kept, gone = office.person("ada@books.example"), office.person("cy@books.example")
    with writing(office.engine) as connection:
        joining.merge(connection, kept=kept.id, gone=gone.id, by="x", role="operator", now=NOW)
    issuance.settle(office.bureau, [kept.id], now=NOW)
    held = [one for who in (kept, gone) for one in service.badges_of(office.engine, who.id)]
    (badge,) = [one for one in held if one.standing and one.award.tier == "contributor"]
    assert badge.jwt is not None
    assert len(service.read_own(badge.jwt).credentialSubject.holder_references) == 2
    assert jws.parse(badge.jwt).payload == plainly(office, badge)


def test_a_badge_with_anything_of_its_own_is_not_usual(office: Office) -> None:
    awarded(office)
    issuance.issue(office.bureau, now=NOW)
    badge = next(
        one for one in service.badges_of(office.engine, office.person("ada@books.example").id) if one.standing
    )
    person = office.person("ada@books.example")
    chosen = issuance.choose(office.bureau, badge, person=person, shows_name=True, published=False, now=NOW)
    assert chosen.jwt is not None and b'"Ada Long"' in jws.parse(chosen.jwt).payload
    assert all("Ada" not in "".join(one._parts) for one in office.bureau.templates.values() if one)


def test_a_code_near_its_limit_is_looked_at_badge_by_badge(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_template, "SLACK_BYTES", 2_000)
    awarded(office)
    assert issuance.issue(office.bureau, now=NOW) == 5
    assert set(office.bureau.templates.values()) == {None}


def test_other_processes_sign_the_same_and_one_that_dies_is_done_without(
    file_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = file_office
    monkeypatch.setattr(signing_pool, "WORTH_IT", 1)
    awarded(office)
    intents = intent.intend_awards(office.bureau, now=NOW)
    claims = [one.claims for one in intents]
    own = signing.dress(office.bureau, intents, now=NOW)
    with pool_of(office.bureau, amount=5, created=NOW, processors=2) as pool:
        assert pool.executor is not None
        assert pool.dress(claims)() == own, "both suites sign the same bytes the same way"
        for pid in list(pool.executor._processes):
            with contextlib.suppress(ProcessLookupError):  # the pool ends the others itself
                os.kill(pid, signal.SIGKILL)
        assert pool.dress(claims)() == own
    assert signing.keep(office.bureau, intents, own, now=NOW) == 5


def test_few_badges_are_signed_in_this_process(file_office: Office) -> None:
    with pool_of(file_office.bureau, amount=signing_pool.WORTH_IT - 1, created=NOW, processors=2) as pool:
        assert pool.executor is None


def test_a_run_with_more_hands_ends_as_one_without(file_office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office = file_office
    monkeypatch.setattr(signing_pool, "WORTH_IT", 1)
    monkeypatch.setattr(intent, "CHUNK", 2)
    awarded(office)
    counted: list[int] = []
    assert issuance.issue(office.bureau, now=NOW, progress=counted.append) == 5
    assert counted[-1] == 5
    for badge in service.all_badges(office.engine):
        assert badge.jwt is not None and badge.proof is not None
        jws.verify(badge.jwt, key=office.bureau.signer.public)
        assert strict_json.loads_object(badge.proof)["verificationMethod"] == office.bureau.document_signer.kid


def test_signatures_that_somebody_else_kept_are_kept_once(office: Office) -> None:
    awarded(office)
    intents = intent.intend_awards(office.bureau, now=NOW)
    dressed = signing.dress(office.bureau, intents, now=NOW)
    assert signing.keep(office.bureau, intents[:3], dressed[:3], now=NOW) == 3
    assert signing.keep(office.bureau, intents, dressed, now=NOW) == 2
    assert signing.keep(office.bureau, intents, dressed, now=NOW) == 0
    assert issuance.issue(office.bureau, now=NOW) == 0
