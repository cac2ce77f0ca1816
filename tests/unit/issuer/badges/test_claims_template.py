"""Many badges at once: the same bytes as one by one, no matter who signs, and kept once whoever comes second."""

import contextlib
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from issuer.badges import awarding, issuance, preparation, service, store
from issuer.badges.bureau import in_guise, renamed
from issuer.badges.catalogue import Addresses
from issuer.badges.issuing import claims_template, contents, drafting, hands, intent, signing
from issuer.badges.issuing.hands import hands_for
from issuer.badges.model import Badge, BadgeError
from issuer.ground import journal
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


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks so small that other processes are worth it."""
    monkeypatch.setattr(hands, "WORTH_IT", 1)
    monkeypatch.setattr(hands, "CHUNK", 2)


def check_all(office: Office, *, count: int) -> None:
    """Each badge is signed in both garments by this office's keys, on places that no other has."""
    badges = service.all_badges(office.engine)
    assert len({badge.award.id for badge in badges}) == len(badges) == count
    assert len({place for badge in badges for _, place in badge.places}) == 2 * count
    for badge in badges:
        assert badge.jwt is not None and badge.proof is not None
        claims = jws.verify(badge.jwt, key=office.bureau.signer.public).decode()
        assert strict_json.loads_object(badge.proof)["verificationMethod"] == office.bureau.document_signer.kid
        again = office.bureau.wardrobe.dress(claims, created=NOW)
        assert (again.jwt, again.proof) == (badge.jwt, badge.proof), "both suites sign the same bytes the same way"


def test_few_badges_are_issued_in_this_process(file_office: Office) -> None:
    with hands_for(file_office.bureau, amount=hands.WORTH_IT - 1, now=NOW, processors=2) as one:
        assert one.executor is None


def test_a_run_with_more_hands_ends_as_one_without(file_office: Office, everywhere: None) -> None:
    awarded(file_office)
    counted: list[int] = []
    assert issuance.issue(file_office.bureau, now=NOW, progress=counted.append) == 5
    assert counted == sorted(counted) and counted[-1] == 5
    check_all(file_office, count=5)


def test_what_other_processes_issue_is_issued_under_the_names_of_this_one(
    file_office: Office, everywhere: None
) -> None:
    awarded(file_office)
    elsewhere = replace(file_office.bureau, name="Elsewhere", addresses=Addresses("https://elsewhere.example.org"))
    bureau = renamed(elsewhere, did="did:web:elsewhere.example.org")
    assert issuance.issue(bureau, now=NOW) == 5
    for badge in service.all_badges(bureau.engine):
        assert badge.jwt is not None
        claims = strict_json.loads_object(jws.verify(badge.jwt, key=bureau.signer.public))
        assert claims["iss"] == "did:web:elsewhere.example.org"
        assert "Elsewhere" in str(claims["issuer"]) and "badges.example.org" not in str(claims)
        header = jws.parse(badge.jwt).header
        assert header.kid == bureau.signer.kid and "elsewhere" in str(header.kid)


def test_a_process_that_sees_another_key_does_not_issue(file_office: Office) -> None:
    other = replace(file_office.bureau.guise, kids=("did:web:badges.example.org#other",) * 4)
    with pytest.raises(BadgeError, match="rotated"):
        in_guise(file_office.bureau, other)


@pytest.mark.parametrize("dies", ["at its first chunk", "at its last chunk"])
def test_what_a_process_that_died_had_to_issue_is_issued_here(
    file_office: Office, everywhere: None, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    """Once before anybody has done anything, once with the end of the road in sight."""
    awarded(file_office)
    submit, left = ProcessPoolExecutor.submit, {"at its first chunk": 0, "at its last chunk": 2}[dies]

    def killed(self: ProcessPoolExecutor, *arguments: Any) -> Any:
        nonlocal left
        begun = submit(self, *arguments)
        left -= 1
        if left < 0:
            for pid in list(self._processes):
                with contextlib.suppress(ProcessLookupError):  # the pool ends the others itself
                    os.kill(pid, signal.SIGKILL)
        return begun

    monkeypatch.setattr(ProcessPoolExecutor, "submit", killed)
    assert issuance.issue(file_office.bureau, now=NOW) <= 5, "what a dead one stored, it counted for nobody"
    assert issuance.issue(file_office.bureau, now=NOW) == 0
    check_all(file_office, count=5)


def test_a_journal_has_what_other_processes_issued(file_office: Office, everywhere: None) -> None:
    awarded(file_office)
    assert issuance.issue(file_office.bureau, now=NOW) == 5
    written = "".join(file.read_text() for file in journal.segments(file_office.settings.data / "journal"))
    assert all(badge.id in written for badge in service.all_badges(file_office.engine))


def test_signatures_that_somebody_else_kept_are_kept_once(office: Office) -> None:
    awarded(office)
    intents = intent.intend_awards(office.bureau, now=NOW)
    dressed = signing.dress(office.bureau, intents, now=NOW)
    assert signing.keep(office.bureau, intents[:3], dressed[:3], now=NOW) == 3
    assert signing.keep(office.bureau, intents, dressed, now=NOW) == 2
    assert signing.keep(office.bureau, intents, dressed, now=NOW) == 0
    assert issuance.issue(office.bureau, now=NOW) == 0
