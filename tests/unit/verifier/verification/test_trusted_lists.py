"""Named lists of trusted issuers: several at once, each by name, and said so when one could not be asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier.client import AppClient
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, IssuerSimulator
from verifier.app import create_app
from verifier.ground import settings as ground
from verifier.ground.settings import Settings, SettingsError
from verifier.verification.trusted_lists import TrustedLists, Vouching

ISSUER = IssuerSimulator()
URL = "https://lists.example.org/issuers.json"
OTHER = "https://other.example.org/registry.json"


@pytest.fixture
def source() -> DocumentsInMemory:
    return DocumentsInMemory.of([ISSUER])


def lists(source: DocumentsInMemory, clock: Clock) -> TrustedLists:
    own = {"Ours": (ISSUER.did, "did:web:a.example")}
    return TrustedLists(own, {"Theirs": URL, "Registry": OTHER}, source=source, clock=clock)


@pytest.mark.parametrize(
    "document", [[ISSUER.did], {"issuers": [ISSUER.did]}, {"registry": {ISSUER.did: {"name": "A community"}}}]
)
def test_every_list_that_holds_an_issuer_vouches_by_its_name(source: DocumentsInMemory, document: Any) -> None:
    source.documents[URL] = json.dumps(document).encode()
    source.documents[OTHER] = b"[]"
    found = lists(source, Clock())
    assert found.look_up(ISSUER.did) == Vouching(("Ours", "Theirs"), ())
    assert found.look_up("did:web:stranger.example") == Vouching()
    assert found.issuers() == ("did:web:a.example", ISSUER.did)


@pytest.mark.parametrize("body", [None, b"", b"{}", b"[1]", b'["no did"]', b"<html>", b'{"issuers": "did:web:a"}'])
def test_a_list_that_could_not_be_asked_is_said_to_be_so(source: DocumentsInMemory, body: bytes | None) -> None:
    source.documents[OTHER] = b"[]"
    if body is not None:
        source.documents[URL] = body
    assert lists(source, Clock()).look_up(ISSUER.did) == Vouching(("Ours",), ("Theirs",))


def test_a_list_is_asked_once_an_hour_and_after_a_failure_once_a_minute(source: DocumentsInMemory) -> None:
    clock = Clock()
    found = lists(source, clock)
    source.documents[OTHER] = json.dumps([ISSUER.did]).encode()
    assert found.at_hand(ISSUER.did) is None
    for _ in range(3):
        found.look_up(ISSUER.did)
    assert source.asked == [URL, OTHER]
    assert found.at_hand(ISSUER.did) == Vouching(("Ours", "Registry"), ("Theirs",))

    clock.pass_by(minutes=1)
    source.documents[URL] = json.dumps([ISSUER.did]).encode()
    assert found.look_up(ISSUER.did) == Vouching(("Ours", "Theirs", "Registry"), ())
    clock.pass_by(hours=1)
    del source.documents[OTHER]
    assert found.look_up(ISSUER.did) == Vouching(("Ours", "Theirs"), ("Registry",)), (
        "what was said an hour ago is old"
    )


def test_programs_and_people_are_told(source: DocumentsInMemory, tmp_path: Path) -> None:
    settings = Settings(tmp_path, trusted_lists={"Open communities": URL})
    client = AppClient(create_app(settings, source=source, clock=Clock()))
    for _ in range(2):  # in full, and at once
        told = client.post("/verify", content=ISSUER.token()).json()
        assert (told["trusted_by"], told["lists_not_asked"]) == ([], ["Open communities"])
    page = client.post("/verify", data={"text": ISSUER.token()}, headers={"Accept": "text/html"}).text
    assert "Could not ask" in page and "Open communities" in page


def test_the_settings_hold_both_kinds(tmp_path: Path) -> None:
    (tmp_path / "verifier.yaml").write_text(
        f"trusted_issuers:\n  Ours: [did:web:a.example]\n  Theirs: {{url: '{URL}'}}\n", encoding="utf-8"
    )
    loaded = ground.load(tmp_path)
    assert loaded.trusted_issuers == {"Ours": ("did:web:a.example",)}
    assert loaded.trusted_lists == {"Theirs": URL}


@pytest.mark.parametrize("entry", ["{url: 'http://a.example'}", "{url: 1}", "{}", "{url: 'https://a', more: 1}"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, entry: str) -> None:
    (tmp_path / "verifier.yaml").write_text(f"trusted_issuers:\n  Theirs: {entry}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"trusted_issuers\.Theirs must hold url"):
        ground.load(tmp_path)
