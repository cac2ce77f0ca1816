"""A badge's copies in wallets: bound to a key, siblings of the same award, standing and falling with it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from issuer.badges import garments, issuance, service, store
from issuer.badges.model import Badge, BadgeError
from issuer.ground.database import reading
from issuer.people import service as people
from keys import data_integrity, jws
from tests.unit.issuer.badges.test_service import bits_set, content, decide_and_issue, only_badge
from tests.unit.issuer.office import NOW, Office

PHONE = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
TABLET = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"


@pytest.fixture
def badge(office: Office) -> Badge:
    office.add_changes("ada", count=3)
    decide_and_issue(office)
    return only_badge(office)


def bound(office: Office, badge: Badge, subject: str = PHONE, *, minutes: int = 1) -> Badge:
    now = NOW + timedelta(minutes=minutes)
    person = people.people_by_id(office.engine)[badge.award.person]
    made = issuance.bind(office.bureau, badge, subject=subject, person=person, now=now)
    return issuance.sign_bound(office.bureau, made, now=now)


def copies(office: Office, badge: Badge) -> list[Badge]:
    with reading(office.engine) as connection:
        return store.badges.copies_of(connection, badge.id)


def test_a_copy_is_a_sibling_with_the_wallets_did_for_its_subject(office: Office, badge: Badge) -> None:
    copy = bound(office, badge)

    said, original = content(copy), content(badge)
    assert said.credentialSubject.id == PHONE
    assert said.credentialSubject.holder_references == original.credentialSubject.holder_references
    assert (copy.id != badge.id, copy.award, copy.reference) == (True, badge.award, badge.reference)
    assert copy.revocation != badge.revocation
    assert copy.jwt is not None and copy.proof is not None
    jws.verify(copy.jwt, key=office.bureau.signer.public)
    document = garments.as_document(copy.jwt, copy.proof)
    (proof,) = data_integrity.read_proofs(document).proofs
    data_integrity.verify(document, proof=proof, key=office.bureau.document_signer.public)


def test_the_badge_itself_stands_as_it_was_and_no_list_of_badges_shows_the_copy(
    office: Office, badge: Badge
) -> None:
    bound(office, badge)

    assert only_badge(office) == badge
    assert service.all_badges(office.engine) == [badge]
    assert service.holders_of(office.engine, "contributor") == 1


def test_the_same_wallet_gets_the_same_copy_and_another_one_its_own(office: Office, badge: Badge) -> None:
    first = bound(office, badge)
    again = bound(office, badge, minutes=2)
    other = bound(office, badge, TABLET, minutes=3)

    assert again == first
    assert other.id != first.id and len(copies(office, badge)) == 2


def test_a_changed_choice_reaches_the_wallet_as_a_new_version_of_its_copy(office: Office, badge: Badge) -> None:
    first = bound(office, badge)
    person = people.people_by_id(office.engine)[badge.award.person]
    issuance.choose(office.bureau, badge, person=person, shows_name=True, published=False, now=NOW)

    renewed = bound(office, only_badge(office), minutes=2)

    assert (renewed.id, renewed.revocation) == (first.id, first.revocation)
    assert content(renewed).validFrom > content(first).validFrom
    assert person.name in str(content(renewed).credentialSubject.identifier)


def test_a_copy_falls_with_its_badge_and_alone_if_only_it_is_withdrawn(office: Office, badge: Badge) -> None:
    lost, kept = bound(office, badge), bound(office, badge, TABLET, minutes=2)

    assert service.revoke(office.engine, lost, reason="the phone was stolen", now=NOW)
    assert [copy.standing for copy in copies(office, badge)].count(True) == 1
    assert only_badge(office).standing
    with pytest.raises(BadgeError, match="another key"):
        bound(office, badge, minutes=3)

    assert service.revoke(office.engine, badge, reason="issued by mistake", now=NOW)
    assert bits_set(office, 1) == sorted(one.revocation.index for one in (badge, lost, kept))
    with pytest.raises(BadgeError, match="only one in force"):
        bound(office, badge, minutes=4)


def test_a_suspension_and_its_end_reach_the_copies(office: Office, badge: Badge) -> None:
    copy = bound(office, badge)
    assert copy.suspension is not None
    service.suspend(office.engine, badge, reason="looked at", now=NOW)
    assert [one.suspended_at for one in copies(office, badge)] == [NOW]
    with pytest.raises(BadgeError, match="suspended"):
        bound(office, badge, TABLET)
    service.reinstate(office.engine, badge, now=NOW)
    assert [one.suspended_at for one in copies(office, badge)] == [None]


def test_a_better_tier_takes_the_place_of_badge_and_copies(office: Office, badge: Badge) -> None:
    bound(office, badge)
    office.add_changes("ada", count=9, start=40)
    decide_and_issue(office, now=NOW + timedelta(days=1))

    (better,) = (one for one in service.badges_of(office.engine, badge.award.person) if one.standing)
    assert better.award.tier == "sustained"
    assert [copy.superseded_by for copy in copies(office, badge)] == [better.id]


def test_a_new_name_is_in_the_copies_too_and_the_former_one_is_kept_nowhere(office: Office, badge: Badge) -> None:
    person = people.people_by_id(office.engine)[badge.award.person]
    issuance.choose(office.bureau, badge, person=person, shows_name=True, published=False, now=NOW)
    bound(office, only_badge(office))

    renamed = replace(person, name="Augusta")
    issuance.sign_again(office.bureau, only_badge(office), person=renamed, now=NOW + timedelta(hours=1))

    (copy,) = copies(office, badge)
    assert "Augusta" in str(content(copy).credentialSubject.identifier)
    assert content(copy).credentialSubject.id == PHONE


def test_a_copy_has_no_copies(office: Office, badge: Badge) -> None:
    with pytest.raises(BadgeError, match="only one in force"):
        bound(office, bound(office, badge), TABLET)
