"""Awards and badges: once per person, achievement and period; nothing lost or doubled."""

import json
import re
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from issuer.badges import awarding, documents, garments, issuance, service, status
from issuer.badges.model import BY_DECISION, Badge, BadgeError
from issuer.ground import audit
from issuer.recognition import service as recognition
from keys import data_integrity, jws
from schemas import badge_qr, holder_code, status_list, strict_json
from schemas.claims import document_of
from schemas.credential import OpenBadgeCredential
from tests.unit.issuer.office import NOW, Office


def decide_and_issue(office: Office, *, now: datetime = NOW) -> None:
    decisions = recognition.decide_all(office.engine, office.policy, as_of=now)
    awarding.award_decisions(office.engine, decisions, policy=office.policy, now=now)
    issuance.issue(office.bureau, now=now)


def only_badge(office: Office, who: str = "ada@books.example") -> Badge:
    (badge,) = service.badges_of(office.engine, office.person(who).id)
    return badge


def content(badge: Badge) -> OpenBadgeCredential:
    assert badge.jwt is not None
    return service.read_own(badge.jwt)


def claims(badge: Badge) -> strict_json.JsonObject:
    assert badge.jwt is not None
    return strict_json.loads_object(jws.parse(badge.jwt).payload)


def test_a_tier_becomes_one_signed_badge(office: Office) -> None:
    office.add_changes("ada", count=3)
    decide_and_issue(office)
    badge = only_badge(office)
    assert badge.jwt is not None
    assert badge.award.tier == "contributor"
    jws.verify(badge.jwt, key=office.bureau.signer.public)
    said = content(badge)
    assert said.name == "Contributor 2026"
    assert said.issuer.id == "did:web:badges.example.org"
    assert said.credentialSubject.achievement.id == "https://badges.example.org/achievements/contributor"
    assert said.credentialSubject.term == "2026-01-01/2026-12-31"
    assert said.validUntil == datetime(2027, 3, 31, 23, 59, 59, tzinfo=UTC)
    assert said.awardedDate == NOW


def test_the_five_registered_claims_repeat_the_document(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    said = claims(only_badge(office))
    assert (said["iss"], said["jti"]) == ("did:web:badges.example.org", said["id"])
    subject = said["credentialSubject"]
    assert isinstance(subject, dict)
    assert said["sub"] == subject["id"]
    assert said["nbf"] == int(NOW.timestamp())
    assert isinstance(said["exp"], int)
    assert "vc" not in said and "proof" not in said


def test_the_header_is_alg_kid_typ_and_nothing_else(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    jwt = only_badge(office).jwt
    assert jwt is not None
    header = json.loads(jws.parse(jwt).header.raw)
    assert header == {"alg": "ES256", "kid": "did:web:badges.example.org#badges-1", "typ": "vc+jwt"}


def test_a_badge_names_its_policy_by_address_and_digest(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    (resource,) = content(only_badge(office)).relatedResource or ()
    assert resource.id == f"https://badges.example.org/policies/{office.policy.digest}.yaml"
    assert resource.digestSRI == office.policy.sri


def test_a_new_badge_carries_reference_and_holder_code_and_no_name(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    badge = only_badge(office)
    subject = content(badge).credentialSubject
    assert subject.id == badge.reference
    assert subject.holder_references == (badge.reference,)
    assert subject.name is None
    (code,) = subject.identities("ext:holderCode")
    assert code.hashed and len(code.salt or "") >= 22
    assert code.matches(office.bureau.holder_code(badge.reference), identity_type="ext:holderCode")
    other = holder_code.write(bytes(16))
    assert not code.matches(other, identity_type="ext:holderCode")
    assert not subject.identities("emailAddress")


def test_deciding_and_issuing_again_changes_nothing(office: Office) -> None:
    office.add_changes("ada", count=3)
    decide_and_issue(office)
    before = service.all_badges(office.engine)
    decide_and_issue(office, now=NOW + timedelta(hours=1))
    assert service.all_badges(office.engine) == before


def test_nobody_without_a_tier_gets_a_badge(office: Office) -> None:
    decide_and_issue(office)
    assert service.all_badges(office.engine) == []


def test_a_better_tier_supersedes_the_lesser_badge_and_keeps_the_reference(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    first = only_badge(office)
    office.add_changes("ada", count=3, start=40)
    decide_and_issue(office, now=NOW + timedelta(days=1))
    better, lesser = service.badges_of(office.engine, office.person("ada@books.example").id)
    assert (better.award.tier, lesser.award.tier) == ("contributor", "recognised")
    assert lesser.id == first.id and lesser.superseded_by == better.id and not lesser.standing
    assert better.standing and better.reference == lesser.reference
    assert better.id != lesser.id and better.revocation != lesser.revocation


def test_a_tier_is_not_taken_back_inside_its_period(office: Office) -> None:
    office.add_changes("ada", count=3)
    decide_and_issue(office)
    later = NOW + timedelta(days=30)
    lapsed = [(office.person("ada@books.example"), recognition.decide_person(
        office.engine, office.policy, office.person("bob@books.example"), as_of=later))]  # fmt: skip
    assert awarding.award_decisions(office.engine, lapsed, policy=office.policy, now=later) == 0
    assert only_badge(office).standing


def test_what_the_operator_does_to_a_badge_stands_in_the_audit_log_once(office: Office) -> None:
    office.add_changes("ada", count=3)
    decide_and_issue(office)
    badge, long = only_badge(office), "looked at\n" * 100
    for _ in range(2):
        service.suspend(office.engine, badge, reason=long, now=NOW)
    for _ in range(2):
        service.reinstate(office.engine, badge, now=NOW)
    for _ in range(2):
        service.revoke(office.engine, badge, reason="error", now=NOW)
    rows = audit.entries(office.engine, person=badge.award.person)
    assert [(row.act, row.actor, row.subject) for row in rows] == [
        (f"badge.{act}", "operator", f"badge {badge.short_id}") for act in ("suspend", "reinstate", "revoke")
    ]
    assert rows[-1].reason == "error"


def test_a_new_period_renews_with_a_new_reference(office: Office) -> None:
    office.add_changes("ada", count=3)
    decide_and_issue(office)
    decide_and_issue(office, now=datetime(2027, 1, 2, tzinfo=UTC))
    renewed, first = service.badges_of(office.engine, office.person("ada@books.example").id)
    assert content(renewed).name == "Contributor 2027"
    assert renewed.reference != first.reference
    assert first.standing and renewed.standing


def test_a_choice_of_name_is_a_new_version_of_the_same_badge(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    before = only_badge(office)
    ada = office.person("ada@books.example")
    after = issuance.choose(office.bureau, before, person=ada, shows_name=True, published=False, now=NOW)
    assert content(after).credentialSubject.name == "Ada Long"
    assert (after.id, after.revocation, after.suspension) == (before.id, before.revocation, before.suspension)
    assert after.reference == before.reference
    assert content(after).validFrom > content(before).validFrom
    assert content(after).credentialSubject.identities("ext:holderCode")
    back = issuance.choose(office.bureau, after, person=ada, shows_name=False, published=False, now=NOW)
    assert content(back).credentialSubject.name is None


def test_publishing_alone_leaves_the_badge_as_it_is(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    before = only_badge(office)
    ada = office.person("ada@books.example")
    after = issuance.choose(office.bureau, before, person=ada, shows_name=False, published=True, now=NOW)
    assert after.published and after.jwt == before.jwt


def test_a_hash_of_the_address_is_in_the_badge_only_if_its_holder_wants_it(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    ada, before = office.person("ada@books.example"), only_badge(office)
    assert not content(before).credentialSubject.identities("emailAddress")

    after = issuance.choose(
        office.bureau, before, person=ada, shows_name=False, published=False, hashes_address=True, now=NOW
    )

    assert (after.id, after.reference, after.revocation) == (before.id, before.reference, before.revocation)
    (found,) = content(after).credentialSubject.identities("emailAddress")
    assert found.hashed and found.matches("ada@books.example", identity_type="emailAddress")
    assert "ada@books.example" not in strict_json.dumps(claims(after))
    back = issuance.choose(office.bureau, after, person=ada, shows_name=False, published=False, now=NOW)
    assert not content(back).credentialSubject.identities("emailAddress")


def test_revoking_sets_the_bit_for_ever_and_the_first_reason_stands(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    badge = only_badge(office)
    assert service.revoke(office.engine, badge, reason="issued in error", now=NOW)
    assert not service.revoke(office.engine, badge, reason="another reason", now=NOW)
    assert only_badge(office).revoked_for == "issued in error"
    assert bits_set(office, badge.revocation.list) == [badge.revocation.index]
    with pytest.raises(BadgeError, match="withdrawn"):
        person = office.person("ada@books.example")
        issuance.choose(
            office.bureau, only_badge(office), person=person, shows_name=True, published=False, now=NOW
        )


def bits_set(office: Office, number: int) -> list[int]:
    """The places whose bits are set in a published list, as a document and as a token."""
    key = office.bureau.status_signer.public
    (document,) = documents.status_list(office.bureau, number, now=NOW)
    (token,) = documents.status_list(office.bureau, number, now=NOW, as_token=True)
    signed = strict_json.loads_object(document.body)
    (proof,) = data_integrity.read_proofs(signed).proofs
    assert (document.media_type, token.media_type) == ("application/vc", "application/vc+jwt")
    said = strict_json.loads_object(jws.verify(token.body.decode(), key=key))
    found = []
    for content in (data_integrity.verify(signed, proof=proof, key=key), said):
        subject = content["credentialSubject"]
        assert isinstance(subject, dict) and isinstance(subject["encodedList"], str)
        bits = status_list.decode(subject["encodedList"])
        found.append([i for i in range(len(bits) * 8) if status_list.is_set(bits, i)])
    assert found[0] == found[1]
    return found[0]


def test_the_status_list_is_signed_by_a_key_of_its_own(office: Office) -> None:
    assert (
        office.bureau.signer.public != office.bureau.status_signer.public != office.bureau.document_signer.public
    )
    (document,) = documents.status_list(office.bureau, 1, now=NOW)
    (proof,) = data_integrity.read_proofs(strict_json.loads_object(document.body)).proofs
    assert proof.verification_method == "did:web:badges.example.org#status-1"
    assert proof.cryptosuite == "eddsa-rdfc-2022"


def test_a_suspension_sets_a_bit_of_another_list_and_can_be_lifted(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    badge = only_badge(office)
    assert badge.suspension is not None and badge.suspension.list != badge.revocation.list
    assert service.suspend(office.engine, badge, reason="a claim is looked at", now=NOW)
    assert not service.suspend(office.engine, only_badge(office), reason="again", now=NOW)
    assert bits_set(office, badge.suspension.list) == [badge.suspension.index]
    assert bits_set(office, badge.revocation.list) == []
    assert (only_badge(office).state, only_badge(office).suspended_for) == ("suspended", "a claim is looked at")
    assert service.reinstate(office.engine, badge, now=NOW)
    assert not service.reinstate(office.engine, badge, now=NOW)
    assert bits_set(office, badge.suspension.list) == []
    assert only_badge(office).state == "in force"


def test_what_was_withdrawn_is_not_suspended_and_a_suspension_has_a_reason(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    with pytest.raises(BadgeError, match="for a reason"):
        service.suspend(office.engine, only_badge(office), reason=" ", now=NOW)
    service.revoke(office.engine, only_badge(office), reason="error", now=NOW)
    with pytest.raises(BadgeError, match="nothing to suspend"):
        service.suspend(office.engine, only_badge(office), reason="fraud", now=NOW)


def test_both_garments_say_the_same_and_are_signed_by_keys_of_their_own(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    badge = only_badge(office)
    assert badge.jwt is not None and badge.proof is not None
    document = garments.as_document(badge.jwt, badge.proof)
    found = data_integrity.read_proofs(document)
    (proof,) = found.proofs
    assert (proof.cryptosuite, proof.verification_method.partition("#")[2]) == ("eddsa-rdfc-2022", "documents-1")
    assert found.verify(proof, key=office.bureau.document_signer.public) == found.bare.document
    claims = strict_json.loads_object(jws.verify(badge.jwt, key=office.bureau.signer.public))
    assert document_of(claims) == found.bare.document
    plain = data_integrity.sign(found.bare.document, signer=office.bureau.document_signer, created=NOW)
    assert plain["proof"] == document["proof"]


def test_revoking_needs_a_reason(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    with pytest.raises(BadgeError, match="for a reason"):
        service.revoke(office.engine, only_badge(office), reason="  ", now=NOW)


def test_25_simultaneous_revocations_lose_nothing(office: Office) -> None:
    names = [f"p{number}" for number in range(25)]
    rows = "name,email,accounts\n" + "".join(f"{name},{name}@books.example,\n" for name in names)
    from issuer.people import roster
    from issuer.people import service as people

    people.add_people(office.engine, roster.read_roster(rows.encode())[0], now=NOW)
    for name in names:
        office.add_changes(name, count=1)
    decide_and_issue(office)
    badges = service.all_badges(office.engine)
    with ThreadPoolExecutor(25) as pool:
        done = list(pool.map(lambda b: service.revoke(office.engine, b, reason="test", now=NOW), badges))
    assert done == [True] * 25
    assert not any(badge.standing for badge in service.all_badges(office.engine))


def test_status_entries_are_random_and_never_shared(office: Office) -> None:
    for who in ("ada", "cy", "dana"):
        office.add_changes(who, count=1)
    decide_and_issue(office)
    places = [badge.revocation.index for badge in service.all_badges(office.engine)]
    assert len(set(places)) == 3
    assert places != sorted(places) or max(places) > 3


def test_every_badge_packs_into_a_code_with_a_published_dictionary(office: Office) -> None:
    office.add_changes("ada", count=3)
    decide_and_issue(office)
    badge = only_badge(office)
    assert badge.jwt is not None
    packed = service.packed(office.engine, badge.jwt)
    known = {made.id: made for made, _, _ in service.dictionaries(office.engine)}
    assert badge_qr.unpack(packed, dictionaries=known) == badge.jwt
    assert len(packed) <= badge_qr.TARGET_URL_BYTES


def test_a_badge_with_a_long_name_in_another_script_still_fits(office: Office) -> None:
    office.add_changes("ada", count=3)
    decide_and_issue(office)
    named = office.person("ada@books.example")
    from dataclasses import replace

    long_name = replace(named, name="王小明·Александра Константиновна фон Хоэнлоэ-Лангенбург")
    badge = issuance.choose(
        office.bureau, only_badge(office), person=long_name, shows_name=True, published=False, now=NOW
    )
    assert badge.jwt is not None
    assert len(service.packed(office.engine, badge.jwt)) <= badge_qr.HARD_LIMIT_URL_BYTES


def test_a_hand_award_buys_nothing_until_a_second_person_approves(office: Office) -> None:
    ada, bob, cy = (office.person(f"{who}@books.example") for who in ("ada", "bob", "cy"))
    made = awarding.award_by_hand(
        office.engine, [ada], tier="contributor", decision="the board", reason="held the first meetups",
        decided_by=bob, policy=office.policy, now=NOW,
    )  # fmt: skip
    issuance.issue(office.bureau, now=NOW)
    first = only_badge(office)
    said = content(first)
    assert first.award.achievement == BY_DECISION
    assert said.credentialSubject.achievement.id.endswith("/achievements/by-decision")
    assert said.credentialSubject.narrative == "By decision of the board: held the first meetups"
    for wrong in (bob, ada):
        with pytest.raises(BadgeError, match="somebody who neither made it nor is recognised"):
            awarding.approve(office.engine, made.id, by=wrong, policy=office.policy, now=NOW)
    assert awarding.approve(office.engine, made.id, by=cy, policy=office.policy, now=NOW) == 1
    assert awarding.approve(office.engine, made.id, by=cy, policy=office.policy, now=NOW) == 0
    issuance.issue(office.bureau, now=NOW)
    approved, unapproved = sorted(
        service.badges_of(office.engine, ada.id), key=lambda b: b.award.achievement != "contributor"
    )
    assert content(approved).credentialSubject.achievement.id.endswith("/achievements/contributor")
    assert unapproved.superseded_by == approved.id
    assert approved.reference != unapproved.reference  # what buys nothing joins no records
    assert said.credentialSubject.holder_references == (), "no event can give anything for it (ADR 0019)"
    assert content(approved).credentialSubject.holder_references == (approved.reference,)


def test_the_same_hand_decision_twice_is_one(office: Office) -> None:
    ada, bob = office.person("ada@books.example"), office.person("bob@books.example")
    for _ in range(2):
        awarding.award_by_hand(
            office.engine, [ada], tier="recognised", decision="d", reason="r", decided_by=bob,
            policy=office.policy, now=NOW,
        )  # fmt: skip
    assert len(awarding.hand_decisions(office.engine)) == 1
    issuance.issue(office.bureau, now=NOW)
    assert len(service.all_badges(office.engine)) == 1


@pytest.mark.parametrize(
    ("tier", "decision", "message"), [("golden", "d", "no tier"), ("recognised", " ", "reason")]
)
def test_a_hand_award_without_grounds_or_tier_is_refused(
    office: Office, tier: str, decision: str, message: str
) -> None:
    bob = office.person("bob@books.example")
    with pytest.raises(BadgeError, match=message):
        awarding.award_by_hand(
            office.engine, [bob], tier=tier, decision=decision, reason="r", decided_by=bob,
            policy=office.policy, now=NOW,
        )  # fmt: skip


def test_signing_the_same_intent_twice_gives_the_same_credential(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    badge = only_badge(office)
    assert badge.jwt is not None
    again = jws.sign(jws.parse(badge.jwt).payload, signer=office.bureau.signer)
    assert again == badge.jwt  # RFC 6979: not even the signature differs


def test_a_badge_is_found_by_a_unique_beginning(office: Office) -> None:
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    badge = only_badge(office)
    assert service.find_badge(office.engine, badge.short_id[:6].upper()) == badge
    assert service.find_badge(office.engine, badge.id) == badge
    with pytest.raises(BadgeError, match="too short"):
        service.find_badge(office.engine, "a")
    with pytest.raises(BadgeError, match="no badge"):
        service.find_badge(office.engine, "zzzzzz")


def test_private_links_and_holder_codes_are_not_in_the_database(file_office: Office) -> None:
    office, file = file_office, file_office.settings.data / "issuer.sqlite"
    office.add_changes("ada", count=1)
    decide_and_issue(office)
    badge = only_badge(office)
    stored = file.read_bytes() + file.with_name("issuer.sqlite-wal").read_bytes()
    assert office.bureau.page_token(badge.award.person).encode() not in stored
    assert office.bureau.holder_code(badge.reference).encode() not in stored


def test_a_half_full_status_list_is_followed_by_a_new_one(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "FILL_AT_MOST", 2)
    for who in ("ada", "bob", "cy", "dana"):
        office.add_changes(who, count=1)
    decide_and_issue(office)
    lists = [badge.revocation.list for badge in service.all_badges(office.engine)]
    others = [badge.suspension.list for badge in service.all_badges(office.engine) if badge.suspension]
    assert len(set(lists)) == 2 and max(map(lists.count, lists)) == 2
    assert not set(lists) & set(others)
    assert service.status_list_numbers(office.engine) == sorted({*lists, *others})


def test_an_office_restored_from_an_old_copy_gives_the_same_holder_reference(
    file_office: Office, tmp_path: Path
) -> None:
    office, file = file_office, file_office.settings.data / "issuer.sqlite"
    office.add_changes("ada", count=3)
    copy = tmp_path / "last-night.sqlite"
    with closing(sqlite3.connect(file)) as now, closing(sqlite3.connect(copy)) as kept:
        now.backup(kept)
    decide_and_issue(office)
    given = only_badge(office)
    office.engine.dispose()
    for file in office.settings.data.glob("issuer.sqlite*"):
        file.unlink()
    shutil.copy(copy, file)
    decide_and_issue(office)
    again = only_badge(office)
    assert again.id != given.id  # the copy knows nothing of the first
    assert again.reference == given.reference
    assert office.bureau.holder_code(again.reference) == office.bureau.holder_code(given.reference)


def test_references_of_periods_and_purposes_cannot_be_joined(office: Office) -> None:
    made = {
        office.bureau.reference(person, period, purpose)
        for person in ("p", "q")
        for period in ("2026-01-01/2026-12-31", "2027-01-01/2027-12-31")
        for purpose in ("tier", BY_DECISION)
    }
    assert len(made) == 8
    assert all(
        re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", r)
        for r in made
    )
