"""Documents out of a published folder, and nothing else out of it."""

import hashlib
import json
from pathlib import Path

import pytest

from schemas import jsonld, strict_json
from schemas.contexts import VERIFYING
from verifier.ground.documents import OfflineFolder, context_set, document_source
from verifier.ground.outbound import ForbiddenAddressError, GuardedClient, OutboundError
from verifier.ground.settings import Settings, SettingsError


@pytest.fixture
def folder(tmp_path: Path) -> OfflineFolder:
    published = tmp_path / "published"
    for name in (
        "badges.example.org/.well-known/did.json",
        "badges.example.org/status-lists/1",
        "badges.example.org/dictionaries/index.json",
        "localhost%3A8001/status-lists/1",
    ):
        file = published / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (tmp_path / "secret").write_text("secret")
    (published / "badges.example.org" / "link").symlink_to(tmp_path / "secret")
    return OfflineFolder(published)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://badges.example.org/.well-known/did.json", "badges.example.org/.well-known/did.json"),
        ("https://BADGES.example.org:443/status-lists/1", "badges.example.org/status-lists/1"),
        ("https://badges.example.org/dictionaries/", "badges.example.org/dictionaries/index.json"),
        ("https://localhost:8001/status-lists/1", "localhost%3A8001/status-lists/1"),
        ("http://localhost:8001/status-lists/1", "localhost%3A8001/status-lists/1"),
    ],
)
def test_an_address_is_answered_by_its_file(folder: OfflineFolder, url: str, name: str) -> None:
    assert folder.fetch(url).body == name.encode()


@pytest.mark.parametrize(
    "path",
    [
        "/../../secret",
        "/..%2f..%2fsecret",
        "/%2e%2e/secret",
        "/./status-lists/1",
        "//status-lists/1",
        "/status-lists/1?x=1",
        "/status-lists/1#x",
        "/status-lists\\1",
        "/status-lists/1%00",
        "/link",
        "",
    ],
)
def test_no_spelling_leads_out_of_the_folder(folder: OfflineFolder, path: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        folder.fetch(f"https://badges.example.org{path}")


@pytest.mark.parametrize("host", ["..", ".", "a..b", "user@badges.example.org", "badges.example.org:x"])
def test_a_host_is_no_path(folder: OfflineFolder, host: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        folder.fetch(f"https://{host}/status-lists/1")


def test_a_missing_file_is_one_sentence(folder: OfflineFolder) -> None:
    with pytest.raises(OutboundError, match="is not in the folder"):
        folder.fetch("https://badges.example.org/status-lists/2")
    with pytest.raises(OutboundError, match="is not in the folder"):
        folder.fetch("https://badges.example.org/status-lists")


def test_a_file_is_cut_off_at_its_limit(folder: OfflineFolder) -> None:
    with pytest.raises(OutboundError, match="more than 5 bytes"):
        folder.fetch("https://badges.example.org/status-lists/1", max_bytes=5)


def test_the_folder_knows_its_hosts(folder: OfflineFolder) -> None:
    assert folder.hosts == ("badges.example.org", "localhost:8001")
    assert OfflineFolder(folder.folder / "missing").hosts == ()


def test_a_folder_in_the_settings_replaces_the_network(tmp_path: Path) -> None:
    assert isinstance(document_source(Settings(tmp_path)), GuardedClient)
    assert isinstance(document_source(Settings(tmp_path, offline_dir=tmp_path)), OfflineFolder)


# --- contexts of an operator's own -------------------------------------------------------------------------

VOCABULARY = b'{"@context":{"shoeSize":"https://vocabulary.example/shoeSize"}}'
URL = "https://vocabulary.example/v1"


def contexts_folder(folder: Path, *, sha256: str | None = None, name: str = "v1.json") -> Settings:
    (folder / "v1.json").write_bytes(VOCABULARY)
    pinned = {"file": name, "sha256": sha256 or hashlib.sha256(VOCABULARY).hexdigest()}
    (folder / "contexts.json").write_text(json.dumps({URL: pinned}))
    return Settings(folder, contexts_dir=folder)


def test_an_operator_adds_contexts_that_are_pinned_by_their_hash(tmp_path: Path) -> None:
    known = context_set(contexts_folder(tmp_path))
    document: strict_json.JsonObject = {"@context": [URL], "@id": "urn:x", "shoeSize": "42"}

    assert jsonld.to_quads(document, contexts=known) == [
        ("<urn:x>", "<https://vocabulary.example/shoeSize>", '"42"', "")
    ]
    assert context_set(Settings(tmp_path)) is VERIFYING
    assert context_set(Settings(tmp_path, offline_dir=tmp_path)) == known
    assert context_set(Settings(tmp_path, offline_dir=tmp_path.parent)) is VERIFYING


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"name": "missing.json"}, {"name": "../v1.json"}])
def test_a_context_that_is_not_what_was_pinned_stops_the_office(change: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        context_set(contexts_folder(tmp_path, **change))
    assert "\n" not in str(refused.value)


def test_a_folder_without_its_list_of_contexts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"contexts\.json"):
        context_set(Settings(tmp_path, contexts_dir=tmp_path))
