"""What a badge shows is its holder's choice: nothing by itself, evidence as links, a name for once in a copy."""

import re
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from issuer.badges import awarding, issuance, store
from issuer.badges import service as badges
from issuer.badges.model import Badge, BadgeError
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.delivery import record, service
from issuer.ground.database import reading, writing
from issuer.people import own
from issuer.people.model import Account
from issuer.recognition import service as recognition
from keys.custody import KeyStore
from schemas.credential import OpenBadgeCredential
from schemas.identity import EMAIL_TYPE
from tests.unit.issuer.office import NOW, Office, open_office

ADA = "ada@books.example"


@pytest.fixture
def office(tmp_path: Path, issuing_database: dict[str, str]) -> Iterator[Office]:
    """Ada has a badge for four changes, each with a link; one link is no web address."""
    opened = open_office(tmp_path, **issuing_database)
    records = [
        Contribution(
            source="git",
            id=f"ada-{number}",
            record="change",
            account=Account.parse(f"git:{ADA}"),
            happened_at=NOW - timedelta(days=5 + 31 * number),
            evidence=f"https://review.example/{number}" if number < 3 else "http://127.0.0.1/x",
            facts=facts_from({"changed_lines": 10, "accepted_by": ["git:bob@books.example"]}),
        )
        for number in range(4)
    ]
    contributions.store(opened.engine, records, now=NOW)
    decided = recognition.decide_all(opened.engine, opened.policy, as_of=NOW)
    awarding.award_decisions(opened.engine, decided, policy=opened.policy, now=NOW)
    issuance.issue(opened.bureau, now=NOW)
    yield opened
    opened.engine.dispose()


def badge(office: Office) -> Badge:
    (held,) = badges.badges_of(office.engine, office.person(ADA).id)
    return held


def said(badge_: Badge) -> OpenBadgeCredential:
    assert badge_.jwt is not None
    return badges.read_own(badge_.jwt)


def named(office: Office, badge_: Badge) -> Badge:
    return issuance.named_copy(office.bureau, badge_, person=office.person(ADA), now=NOW)


# Off by default


def test_a_new_badge_shows_nothing_of_its_holder(office: Office) -> None:
    made = badge(office)
    assert (made.shows_name, made.hashes_address, made.shows_evidence, made.published) == (False,) * 4
    assert said(made).evidence is None and said(made).credentialSubject.name is None
    assert not said(made).credentialSubject.identities(EMAIL_TYPE), "no hash of an address either"
    assert {"ada", "long"}.isdisjoint(re.findall(r"[a-z]+", str(said(made).model_dump()).lower()))


# Evidence


def test_evidence_is_what_counted_as_links_newest_first(office: Office) -> None:
    links = service.evidence_links(office.bureau, badge(office), office.person(ADA))
    assert links == tuple(f"https://review.example/{number}" for number in range(3))


def test_a_choice_of_evidence_is_a_new_version_of_the_same_badge(office: Office) -> None:
    before, ada = badge(office), office.person(ADA)
    links = service.evidence_links(office.bureau, before, ada)
    chosen = issuance.choose(
        office.bureau, before, person=ada, shows_name=False, published=False, evidence=links, now=NOW
    )
    assert [one.id for one in said(chosen).evidence or ()] == list(links)
    assert said(chosen).id == said(before).id
    assert said(chosen).credentialStatus == said(before).credentialStatus
    assert said(chosen).validFrom > said(before).validFrom
    taken_back = issuance.choose(office.bureau, chosen, person=ada, shows_name=False, published=False, now=NOW)
    assert said(taken_back).evidence is None and not taken_back.shows_evidence


def test_more_evidence_than_fits_a_code_is_left_out_from_its_end(office: Office) -> None:
    ada = office.person(ADA)
    links = [f"https://review.example/{sha256(bytes([number])).hexdigest()}" for number in range(10)]
    chosen = issuance.choose(
        office.bureau, badge(office), person=ada, shows_name=True, published=False, evidence=links, now=NOW
    )
    inside = [one.id for one in said(chosen).evidence or ()]
    assert inside == links[: len(inside)] and len(inside) < 10
    assert said(chosen).credentialSubject.name == "Ada Long"
    assert service.file(office.bureau, chosen, "qr-png").startswith(b"\x89PNG")


def test_evidence_stays_through_a_new_name_and_goes_when_all_is_hidden(office: Office) -> None:
    ada = office.person(ADA)
    links = service.evidence_links(office.bureau, badge(office), ada)
    issuance.choose(
        office.bureau, badge(office), person=ada, shows_name=True, published=False, evidence=links, now=NOW
    )
    issuance.sign_again(office.bureau, badge(office), person=ada, now=NOW)
    assert len(said(badge(office)).evidence or ()) == 3
    record.hide(office.bureau, ada.id, now=NOW)
    assert said(badge(office)).evidence is None
    with reading(office.engine) as connection:
        assert store.badges.evidence_of(connection, badge(office).id) == ()


# For a CV


def test_a_named_copy_is_the_same_badge_and_changes_nothing(office: Office) -> None:
    before = badge(office)
    copy = named(office, before)
    assert said(copy).credentialSubject.name == "Ada Long"
    assert said(copy).id == said(before).id
    assert said(copy).credentialStatus == said(before).credentialStatus
    assert said(copy).credentialSubject.id == said(before).credentialSubject.id
    assert said(copy).validFrom > said(before).validFrom
    assert badge(office) == before  # what stands, stands as it was


def test_a_named_copy_is_made_once(office: Office) -> None:
    assert named(office, badge(office)).jwt == named(office, badge(office)).jwt


def test_a_named_copy_follows_the_badge_and_the_name(office: Office) -> None:
    first, ada = named(office, badge(office)), office.person(ADA)
    chosen = issuance.choose(
        office.bureau, badge(office), person=ada, shows_name=False, hashes_address=True, published=False, now=NOW
    )
    second = named(office, chosen)
    assert second.jwt != first.jwt and len(said(second).credentialSubject.identifier or ()) == 4
    with writing(office.engine) as connection:
        own.rename(connection, ada.id, "Ada Short", now=NOW)
    record.sign_with_new_name(office.bureau, ada.id, now=NOW)
    with reading(office.engine) as connection:
        kept = [row.claims for row in connection.execute(store.tables.versions.select())]
    assert not any("Ada Long" in claims for claims in kept)  # no former name is kept
    assert said(named(office, badge(office))).credentialSubject.name == "Ada Short"


def test_hiding_everything_erases_named_copies(office: Office) -> None:
    named(office, badge(office))
    record.hide(office.bureau, office.person(ADA).id, now=NOW)
    with reading(office.engine) as connection:
        kept = [row.claims for row in connection.execute(store.tables.versions.select())]
    assert not any("Ada" in claims for claims in kept)


def test_no_named_copy_of_a_withdrawn_badge(office: Office) -> None:
    badges.revoke(office.engine, badge(office), reason="a test", now=NOW)
    with pytest.raises(BadgeError, match="one in force"):
        named(office, badge(office))


def test_a_copy_signed_by_a_lost_key_is_made_anew(office: Office) -> None:
    from issuer.badges.bureau import open_bureau
    from issuer.ground import settings as ground

    first = named(office, badge(office))
    keys = KeyStore(office.settings.keys, passphrase=ground.passphrase(office.settings.data))
    keys.compromise("badges-1", now=NOW)
    bureau = open_bureau(office.engine, office.settings)
    assert issuance.sign_anew(bureau, now=NOW) == 1
    again = issuance.named_copy(bureau, badge(office), person=office.person(ADA), now=NOW)
    assert again.jwt != first.jwt and said(again).credentialSubject.name == "Ada Long"
    with reading(office.engine) as connection:
        kids = [row.kid for row in connection.execute(store.tables.versions.select()) if row.named_copy]
    assert kids == [bureau.signer.kid]
