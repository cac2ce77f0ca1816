"""What HTTP says of each public document: its media type, its ETag, how long it is kept, and who may read it."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import httpx
import pytest

from issuer.app import create_app
from issuer.badges import awarding, documents, issuance
from issuer.badges import service as badges
from issuer.recognition import service as recognition
from tests.test_docs import DOCS, prose
from tests.unit.issuer.conftest import file_office, quick_passphrase
from tests.unit.issuer.office import NOW, Office
from tests.unit.verifier.client import AppClient

__all__ = ["file_office", "quick_passphrase"]

LASTS = {"for ever": 31_536_000, "1 hour": 3600, "5 minutes": 300, "1 minute": 60}
LIVE = ("/sources", "/sources.json", "/transparency", "/transparency.json")
SIGNED_EACH_TIME = re.compile(r"/status-lists/\d+\.jwt")  # ECDSA never signs twice alike


@pytest.fixture
def client(file_office: Office) -> AppClient:
    """An office with a badge that its holder published, and one that was withdrawn."""
    for who in ("ada", "cy"):
        file_office.add_changes(who, count=3)
    decisions = recognition.decide_all(file_office.engine, file_office.policy, as_of=NOW)
    awarding.award_decisions(file_office.engine, decisions, policy=file_office.policy, now=NOW)
    issuance.issue(file_office.bureau, now=NOW)
    ada, cy = (file_office.person(f"{who}@books.example") for who in ("ada", "cy"))
    (badge,) = badges.badges_of(file_office.engine, ada.id)
    issuance.choose(file_office.bureau, badge, person=ada, shows_name=True, published=True, now=NOW)
    badges.revoke(file_office.engine, badges.badges_of(file_office.engine, cy.id)[0], reason="a mistake", now=NOW)
    return AppClient(create_app(file_office.settings.data, clock=lambda: NOW))


@pytest.fixture
def paths(file_office: Office, client: AppClient) -> list[str]:
    found = [document.path for document in documents.all_documents(file_office.bureau, now=NOW)]
    assert any(path.startswith("/b/") for path in found) and any(path.startswith("/policies/") for path in found)
    return [*found, *LIVE]


def listed() -> list[tuple[str, str, int]]:
    """The table of docs/api.md: pattern of the path, media types, and the seconds for which it is kept."""
    section = prose(DOCS / "api.md").partition("\n## Issuer: public documents\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:4] for line in section.splitlines() if line.startswith("| `/")]
    return [
        (re.sub(r"<[^>]+>", "*", path), kinds, LASTS[kept.strip()])
        for written, kinds, kept in rows
        for path in re.findall("`(/[^`]*)`", written)
    ]


def test_each_document_goes_out_as_the_api_page_says(client: AppClient, paths: list[str]) -> None:
    table = listed()
    for path in paths:
        answer = client.get(path, headers={"Accept": "text/html"} if path in LIVE else {})
        assert answer.status_code == 200, path
        kind = answer.headers["content-type"].partition(";")[0]
        lasts = int(answer.headers["cache-control"].partition("max-age=")[2].partition(",")[0])
        rows = [row[1:] for row in table if fnmatchcase(path, row[0])]
        assert any(kind in kinds and lasts == kept for kinds, kept in rows), (path, kind, lasts)
        assert answer.headers["cache-control"].startswith("public, "), path
        assert answer.headers["x-content-type-options"] == "nosniff", path


def test_any_origin_reads_each_document_and_may_ask_first(client: AppClient, paths: list[str]) -> None:
    for path in paths:
        answer = client.get(path, headers={"Origin": "https://verifier.example"})
        assert answer.headers["access-control-allow-origin"] == "*", path
        assert "access-control-allow-credentials" not in answer.headers, path
    for path in (one for one in paths if one not in LIVE):
        asked = {"Origin": "https://verifier.example", "Access-Control-Request-Headers": "x-of-their-own"}
        first = client.options(path, headers=asked)
        assert (first.status_code, first.headers["access-control-allow-headers"]) == (204, "*"), path


def test_what_is_private_is_for_no_other_origin(client: AppClient, file_office: Office) -> None:
    page = file_office.bureau.page_token(file_office.person("ada@books.example").id)
    for path in (f"/h/{page}", "/me", "/claim", "/sign-in", "/team"):
        answer = client.get(path, headers={"Origin": "https://verifier.example"})
        assert "access-control-allow-origin" not in answer.headers, path


AS_CACHES_ASK: dict[str, Callable[[str], str]] = {
    "the tag": lambda tag: tag,
    "made weak by a cache that packs": lambda tag: f"W/{tag}",
    "one of several": lambda tag: f'"another", {tag}',
    "any": lambda tag: "*",
}


@pytest.mark.parametrize("asked", AS_CACHES_ASK)
def test_who_has_a_document_is_sent_it_no_second_time(client: AppClient, paths: list[str], asked: str) -> None:
    for path in (one for one in paths if not SIGNED_EACH_TIME.fullmatch(one)):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": AS_CACHES_ASK[asked](first.headers["etag"])})
        assert (again.status_code, again.content) == (304, b""), path
        for name in ("etag", "cache-control", "vary", "access-control-allow-origin"):  # RFC 9110 §15.4.5
            assert again.headers.get(name) == first.headers.get(name), (path, name)


def test_who_has_another_version_gets_the_document(client: AppClient, paths: list[str]) -> None:
    for path in paths:
        etag = client.get(path).headers["etag"]
        assert re.fullmatch(r'"[0-9a-f]{32}"', etag), path
        for other in ('"another"', etag.strip('"'), f'"{etag[2:-1]}"'):
            assert client.get(path, headers={"If-None-Match": other}).status_code == 200, path


def test_another_text_has_another_mark(client: AppClient, file_office: Office) -> None:
    before = client.get("/status-lists/1").headers["etag"]
    (badge,) = badges.badges_of(file_office.engine, file_office.person("ada@books.example").id)
    badges.revoke(file_office.engine, badge, reason="a mistake", now=NOW)
    assert client.get("/status-lists/1").headers["etag"] != before
    french, english = (client.get("/", headers={"Accept-Language": code}).headers for code in ("fr", "en"))
    assert french["etag"] != english["etag"] and "Accept-Language" in french["vary"]


@pytest.mark.parametrize(
    "more", ["/claim", "/sign-in", "/healthz", "/.well-known/openid-credential-issuer", "/no"]
)
def test_a_request_for_the_head_alone_is_answered_as_for_the_whole(
    client: AppClient, paths: list[str], more: str
) -> None:
    def told(answer: httpx.Response) -> dict[str, str]:
        return {name: value for name, value in answer.headers.items() if name != "set-cookie"}

    for path in (*(paths if more == "/claim" else ()), more):
        if SIGNED_EACH_TIME.fullmatch(path):
            continue
        whole, head = client.get(path), client.request("HEAD", path)
        assert (head.status_code, head.content) == (whole.status_code, b""), path
        assert told(head) == told(whole), path


def test_wallets_ask_for_the_metadata_no_second_time(client: AppClient, tmp_path: Path) -> None:
    for path in ("/.well-known/openid-credential-issuer", "/.well-known/oauth-authorization-server"):
        first = client.get(path)
        assert first.headers["cache-control"] == "public, max-age=300"
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
