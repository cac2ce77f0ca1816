"""An operator's own contexts: added if they are what was pinned, and never in place of a standard's."""

import hashlib
import json
from pathlib import Path

import pytest

from issuer.ground.contexts import ContextsFolderError, known_with
from schemas.contexts import VERIFYING
from tests.unit.issuer.contract.client import V2, credential, open_client, problem
from tests.unit.issuer.office import Office

URL = "https://terms.example/v1"
TERMS = json.dumps({"@context": {"colour": "https://terms.example/colour"}}).encode()


def pin(folder: Path, *, url: str = URL, data: bytes = TERMS, sha256: str | None = None) -> Path:
    """A folder with one context, pinned by the hash of its bytes or by another."""
    (folder / "terms.json").write_bytes(data)
    entry = {"file": "terms.json", "sha256": sha256 or hashlib.sha256(data).hexdigest()}
    (folder / "contexts.json").write_text(json.dumps({url: entry}))
    return folder


def test_without_a_folder_or_an_index_only_the_standards_are_known(tmp_path: Path) -> None:
    assert known_with(None) == known_with(tmp_path) == VERIFYING


def test_a_credential_may_use_what_the_operator_added(office: Office, tmp_path: Path) -> None:
    asked = credential(**{"@context": [V2, URL], "colour": "red"})
    problem(open_client(office).issue(asked), 400, "DATA_LOSS_DETECTION_ERROR")
    client = open_client(office, contexts=known_with(pin(tmp_path)))
    for suite in ("eddsa-rdfc-2022", "eddsa-jcs-2022"):
        assert client.issue(asked, cryptosuite=suite).status_code == 201


def test_a_folder_that_is_not_in_order_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ContextsFolderError, match=r"There is no folder .*nowhere\.$"):
        known_with(tmp_path / "nowhere")
    with pytest.raises(ContextsFolderError, match="SHA-256 differs"):
        known_with(pin(tmp_path, sha256="0" * 64))
    with pytest.raises(ContextsFolderError, match="cannot be replaced"):
        known_with(pin(tmp_path, url=V2))
    (tmp_path / "contexts.json").write_text("[]")
    with pytest.raises(ContextsFolderError, match=r"contexts\.json cannot be read"):
        known_with(tmp_path)
