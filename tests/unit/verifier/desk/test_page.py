"""The desk's page as files: whole, small enough, one version together, and nothing loaded from elsewhere."""

import gzip
import re
import tomllib
from pathlib import Path

import pytest

from keys import browser
from tests.unit.verifier.client import AppClient
from verifier.app import create_app
from verifier.desk import page
from verifier.ground.settings import Settings

ROOT = Path(__file__).resolve().parents[4]
MAX_DOWNLOAD_BYTES = 700_000  # the whole page, compressed
OWN = [*page.APP.glob("*.js"), *(file for file in browser.files().values() if "vendor" not in file.parts)]


@pytest.fixture
def office(tmp_path: Path) -> AppClient:
    if not browser.is_whole():
        pytest.skip("the pages' packages are not in keys/browser/vendor: ./run fetches them")
    return AppClient(create_app(Settings(data=tmp_path)))


def test_every_file_that_a_device_keeps_is_served_with_the_page_s_headers(office: AppClient) -> None:
    assert office.get("/static/style.css").content == page.files()["/static/style.css"].body
    for path, file in page.files().items() - {("/static/style.css", page.files()["/static/style.css"])}:
        answer = office.get(path)
        assert (answer.status_code, answer.content) == (200, file.body), path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe-inline" not in answer.headers["content-security-policy"]
        assert "camera=(self)" in answer.headers["permissions-policy"]
    wasm = office.get("/keys/browser/vendor/zxing/reader/zxing_reader.wasm")
    assert wasm.headers["content-type"] == "application/wasm"


def test_every_file_of_the_page_is_in_an_installed_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = settings["package-data"]["*"]
    folder = ROOT / "keys" / "browser"
    needed = [*page.APP.iterdir(), *browser.files().values(), folder / "sentences.json"]
    assert [file.name for file in needed if not any(file.match(pattern) for pattern in patterns)] == []


def test_the_whole_page_is_a_small_download(office: AppClient) -> None:
    sent = 0
    for path, file in page.files().items():
        compressed = office.get(path, headers={"Accept-Encoding": "gzip"})
        is_ours = not path.startswith("/static/")
        assert compressed.headers.get("content-encoding") == ("gzip" if is_ours else None), path
        sent += len(file.compressed if is_ours else file.body)
        assert gzip.decompress(file.compressed) == file.body
    assert sent <= MAX_DOWNLOAD_BYTES


def test_the_device_keeps_every_module_that_the_page_imports(office: AppClient) -> None:
    kept = page.files()
    for path, file in kept.items():
        if not path.endswith(".js") or "vendor" in path:
            continue
        folder = path.rsplit("/", 1)[0]
        for wanted in re.findall(r'(?:from |import |import\()"(\.[^"]+)"', file.body.decode()):
            parts = folder.split("/")
            for step in wanted.split("/"):
                parts = parts[:-1] if step == ".." else parts if step == "." else [*parts, step]
            assert "/" + "/".join(part for part in parts if part) in kept, (path, wanted)


def test_a_changed_file_is_another_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not browser.is_whole():
        pytest.skip("the pages' packages are not in keys/browser/vendor: ./run fetches them")
    before = page.files()[f"{page.ADDRESS}/service-worker.js"].body
    for file in page.APP.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "decide.js").write_text((page.APP / "decide.js").read_text() + "\n")
    monkeypatch.setattr(page, "APP", tmp_path)
    page.files.cache_clear()
    after = page.files()[f"{page.ADDRESS}/service-worker.js"].body
    page.files.cache_clear()
    assert before.splitlines()[0] != after.splitlines()[0]


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.name)
def test_our_own_scripts_load_nothing_from_elsewhere_and_run_no_text(file: Path) -> None:
    text = re.sub(r"/\*.*?\*/|//.*", "", file.read_text(), flags=re.DOTALL)
    assert not re.findall(r"\beval\(|new Function|importScripts|document\.write", text)
    assert not re.findall(r"(?:from|import\(?) *[\"']https?:", text)


def test_without_the_packages_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(browser, "is_whole", lambda: False)
    answer = AppClient(create_app(Settings(data=tmp_path))).get("/desk-app/")
    assert answer.status_code == 503
    assert "./run" in answer.text


def test_the_words_of_both_languages_have_the_same_keys_and_places() -> None:
    text = (page.APP / "words.js").read_text()
    english, french = (
        re.findall(r"^  (\w+): \"(.*)\",$", part, re.MULTILINE) for part in text.split("const FRENCH")[:2]
    )
    assert [key for key, _ in english] == [key for key, _ in french]
    for (key, one), (_, other) in zip(english, french, strict=True):
        assert sorted(re.findall(r"\{\w+\}", one)) == sorted(re.findall(r"\{\w+\}", other)), key


def test_every_word_that_the_page_asks_for_is_in_the_table() -> None:
    words = set(re.findall(r"^  (\w+): \"", (page.APP / "words.js").read_text(), re.MULTILINE))
    asked = set(re.findall(r'data-say="(\w+)"', (page.APP / "index.html").read_text()))
    for file in page.APP.glob("*.js"):
        asked |= set(re.findall(r'\bsay\("(\w+)"', file.read_text()))
    assert asked <= words
