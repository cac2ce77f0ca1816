"""An office makes bundles from what is published and redeemed; a hub takes them in, and none older or foreign."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import strict_json
from tests.unit.verifier.registration.policies import document, policy
from tests.unit.verifier.simulator import HOLDER_CODE, NOW, REFERENCE, Clock, DocumentsInMemory, IssuerSimulator
from verifier.desk.errors import BundleError
from verifier.desk.formats import bundle as formats
from verifier.desk.venue.service import Venue
from verifier.ground.database import reading
from verifier.ground.settings import Settings
from verifier.registration import authority
from verifier.registration.events import HolderCode
from verifier.registration.service import Registration
from verifier.registration.store import HolderName
from verifier.verification.service import Verification

ISSUER = IssuerSimulator()
OTHER = IssuerSimulator(host="badges.other.example")


class Place:
    """An office, or the machine that is to be a hub."""

    def __init__(self, folder: Path, *, clock: Clock, documents: DocumentsInMemory | None = None) -> None:
        self.clock = clock
        self.documents = documents or DocumentsInMemory.of([])
        self.registration = Registration(
            Settings(folder, public_url="https://verify.example"),
            verification=Verification(self.documents, clock=clock),
            clock=clock,
        )
        self.venue = Venue(self.registration, clock=clock)

    def redeem(self, token: str, *, request_id: str = "one") -> Any:
        proof = HolderCode(HOLDER_CODE)
        return self.registration.redeem(token.encode(), policy=policy(), proof=proof, request_id=request_id)


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keys.custody.SCRYPT_N", 1 << 10)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "office", clock=Clock(), documents=DocumentsInMemory.of([ISSUER, OTHER]))
    file = tmp_path / "summit.yaml"
    file.write_bytes(document())
    place.registration.add_event(file)
    yield place
    place.registration.engine.dispose()


@pytest.fixture
def hub(tmp_path: Path, office: Place) -> Iterator[Place]:
    place = Place(tmp_path / "hub", clock=office.clock)
    yield place
    place.registration.engine.dispose()


def test_a_bundle_holds_the_keys_of_every_issuer_that_is_accepted(office: Place) -> None:
    made = office.venue.bundles.make("summit-2027")

    assert set(made.content.did_documents) == {ISSUER.did, OTHER.did}
    assert made.content.made_by.name == "https://verify.example"
    assert formats.read(made.token, pinned=made.pinned, now=NOW) == made


def test_lists_are_found_by_the_index_by_badges_seen_and_by_name(office: Place) -> None:
    assert office.venue.bundles.make("summit-2027").content.status_lists == {}
    office.redeem(ISSUER.token())
    assert set(office.venue.bundles.make("summit-2027").content.status_lists) == {ISSUER.list_url}

    index = strict_json.dumps({"status_lists": [OTHER.list_url, 7]}).encode()
    office.documents.documents[f"{OTHER.base}/status-lists/"] = index
    found = office.venue.bundles.make("summit-2027").content.status_lists
    assert set(found) == {ISSUER.list_url, OTHER.list_url}


def test_a_list_by_name_that_cannot_be_had_is_absent_with_its_reason(office: Place) -> None:
    made = office.venue.bundles.make("summit-2027", lists=["https://nowhere.example/list"])

    assert "https://nowhere.example/list" in made.content.absent


def test_dictionaries_of_the_accepted_achievements_are_in_it(office: Place) -> None:
    dictionary = ISSUER.dictionary()
    entries = [
        {"id": dictionary.id, "achievement": f"{ISSUER.base}/achievements/contributor"},
        {"id": "00000000", "achievement": f"{ISSUER.base}/achievements/contributor"},
    ]
    office.documents.documents[f"{ISSUER.base}/dictionaries/"] = strict_json.dumps(
        {"dictionaries": entries}
    ).encode()

    assert set(office.venue.bundles.make("summit-2027").content.dictionaries) == {dictionary.id}


def test_versions_count_up_and_the_salt_stays(office: Place) -> None:
    one, two = (office.venue.bundles.make("summit-2027").content for _ in range(2))

    assert (one.version, two.version) == (1, 2)
    assert one.claims.salt == two.claims.salt


def test_who_redeemed_is_in_it_by_salted_hash_and_day_only(office: Place) -> None:
    office.redeem(ISSUER.token())
    made = office.venue.bundles.make("summit-2027")
    name = HolderName("summit-2027", "ticket-discount", ISSUER.did, REFERENCE)

    assert made.content.claims.days == {authority.hash_of(name, salt=made.salt): "2027-02-01"}
    assert REFERENCE not in strict_json.dumps(made.content.to_json())


def test_the_hash_of_the_worked_example() -> None:
    name = HolderName("summit-2027", "ticket-discount", "did:web:badges.example.org", REFERENCE)

    assert authority.hash_of(name, salt=bytes(range(16))) == "_U8-cEOgaiB7QYLaNPioig"


def test_a_hub_has_the_event_and_the_salt_of_its_bundle(office: Place, hub: Place) -> None:
    made = office.venue.bundles.make("summit-2027")
    hub.venue.bundles.take_in(made.token, pinned=made.pinned)

    at_hub = hub.registration.event("summit-2027")
    assert [entry.percent for entry in at_hub.accept] == [100, 50, 0]
    with reading(hub.registration.engine) as connection:
        assert authority.salt_for(connection, event="summit-2027") == made.salt
    assert hub.venue.bundles.newest("summit-2027") == made.token
    assert hub.venue.bundles.opened("summit-2027") == made


def test_the_first_bundle_needs_a_pin_and_a_later_one_keeps_it(office: Place, hub: Place) -> None:
    one, two = (office.venue.bundles.make("summit-2027") for _ in range(2))

    with pytest.raises(BundleError, match="needs the fingerprint"):
        hub.venue.bundles.take_in(one.token, pinned=None)
    with pytest.raises(BundleError, match="was expected"):
        hub.venue.bundles.take_in(one.token, pinned="x" * 43)
    hub.venue.bundles.take_in(two.token, pinned=two.pinned)
    assert hub.venue.bundles.take_in(two.token, pinned=None) == two
    with pytest.raises(BundleError, match="version 2 was seen before"):
        hub.venue.bundles.take_in(one.token, pinned=None)
    with pytest.raises(BundleError, match="was pinned"):
        hub.venue.bundles.take_in(two.token, pinned="x" * 43)


def test_an_office_takes_in_no_bundle_of_its_own_event(office: Place) -> None:
    made = office.venue.bundles.make("summit-2027")

    with pytest.raises(BundleError, match="own"):
        office.venue.bundles.take_in(made.token, pinned=made.pinned)


def test_a_hub_makes_no_bundles(office: Place, hub: Place) -> None:
    made = office.venue.bundles.make("summit-2027")
    hub.venue.bundles.take_in(made.token, pinned=made.pinned)

    with pytest.raises(BundleError, match="another office"):
        hub.venue.bundles.make("summit-2027")


def test_a_bundle_is_made_anew_once_the_newest_is_not_fresh(office: Place) -> None:
    with pytest.raises(BundleError, match="no bundle"):
        office.venue.bundles.newest("summit-2027")
    one = office.venue.bundles.newest("summit-2027", refreshing=True)
    assert office.venue.bundles.newest("summit-2027", refreshing=True) == one
    office.clock.pass_by(minutes=11)
    assert office.venue.bundles.newest("summit-2027", refreshing=True) != one
