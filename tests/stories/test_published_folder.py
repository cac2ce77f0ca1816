"""`publish DIR` is complete: from that folder alone, behind any file server, badges verify and are seen withdrawn.

The issuer's own server does not run, and its data folder is closed.
"""

import re
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from html import unescape
from pathlib import Path

import httpx
import pytest

from keys import custody
from schemas import baking
from tests.demo.offices import free_ports
from tests.integration.test_public_documents import listed
from tests.stories.published_folder import (
    FORMS,
    HONOURED,
    NAMELESS,
    PUBLISHED,
    WITHDRAWN,
    PublishedCommunity,
    found,
    served,
)
from verifier.verification.report import Report
from verifier.verification.verdict import Outcome, State


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublishedCommunity]:
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
        made = found(tmp_path_factory.mktemp("published"), free_ports()[1])
        with served(made):
            yield made


def states(report: Report) -> dict[str, State]:
    return {check.id: check.state for check in report.verdict.checks}


def test_every_kind_of_public_document_lies_in_the_folder(community: PublishedCommunity) -> None:
    """Each row of the table in docs/api.md, and by name what the promise of `publish` names."""
    files = {str(file.relative_to(community.site)) for file in community.site.rglob("*") if file.is_file()}
    badge = community.badges[PUBLISHED]
    assert {
        *(".well-known/did.json", ".well-known/jwks.json", "style.css", "index.html", "index.fr.html"),
        *("status-lists/1", "status-lists/1.jwt", "status-lists/index.json", "dictionaries/index.json"),
        *("policies/index.html", "achievements/contributor", "achievements/contributor.html"),
        *("achievements/by-decision", "achievements/index.fr.html"),
        *("v/index.html", "v/index.fr.html", "keys/browser/scanned.js"),
        *(f"b/{badge}/index.html", f"b/{badge}/index.fr.html", f"b/{badge}/badge.png"),
        *("sources/index.html", "sources.json", "transparency/index.html", "transparency.json"),
    } <= files
    assert len([file for file in files if re.fullmatch(r"policies/[0-9a-f]{64}\.yaml", file)]) == 2
    assert len([file for file in files if re.fullmatch(r"policies/[0-9a-f]{64}/backtest\.html", file)]) == 1
    assert len([file for file in files if re.fullmatch(r"dictionaries/[0-9a-f]{8}", file)]) >= 2
    served_at = {f"/{file}" for file in files} | {"/" + re.sub(r"index\.(html|json)$", "", one) for one in files}
    served_at |= {path.rstrip("/") for path in served_at}
    for pattern, _, _ in listed():
        assert any(fnmatchcase(path, pattern) for path in served_at), pattern
    for who in (NAMELESS, WITHDRAWN, HONOURED):
        assert not [file for file in files if community.badges[who] in file], "who published nothing has no page"


def test_nothing_of_a_person_lies_there_but_what_they_published(community: PublishedCommunity) -> None:
    for file in community.site.rglob("*"):
        if file.is_file() and "vendor" not in file.parts:
            body = file.read_bytes()
            assert b"@books.example" not in body, file
            if f"/b/{community.badges[PUBLISHED]}/" not in str(file):
                assert not re.search(rb"\b(Bob|Cy|Dee)\b", body), file


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("who", [PUBLISHED, NAMELESS, HONOURED])
def test_a_badge_verifies_from_the_folder_alone(community: PublishedCommunity, who: str, form: str) -> None:
    report = community.stranger().verify(community.file(who, form))

    assert report.verdict.outcome is Outcome.VALID, report.verdict.checks
    assert report.to_json()["name"] == ("Ada" if who == PUBLISHED else None)


@pytest.mark.parametrize("form", FORMS)
def test_a_withdrawn_badge_is_seen_as_withdrawn(community: PublishedCommunity, form: str) -> None:
    report = community.stranger().verify(community.file(WITHDRAWN, form))

    assert report.verdict.outcome is Outcome.NOT_VALID
    assert [check for check, state in states(report).items() if state is State.FAIL] == ["status"]


def test_the_page_that_its_holder_published_carries_the_badge(community: PublishedCommunity) -> None:
    page = f"{community.url}/b/{community.badges[PUBLISHED]}/"
    text = httpx.get(page).text
    shown = dict(re.findall(r'<meta property="og:([a-z:_]+)" content="([^"]*)">', text))
    assert shown["title"].startswith("Recognised 20") and shown["site_name"] == "Example community"
    picture = httpx.get(shown["image"]).raise_for_status()
    assert picture.headers["content-type"] == "image/png"
    token = baking.extract_png(picture.content)
    assert community.stranger().verify(str(token).encode()).verdict.outcome is Outcome.VALID


def test_each_link_of_each_page_leads_to_a_file(community: PublishedCommunity) -> None:
    links = {
        unescape(link)
        for page in community.site.rglob("*.html")
        for link in re.findall(r'(?:href|src|content)="(?:http://localhost:\d+)?(/[^"?#]*)', page.read_text())
    }
    assert len(links) > 20
    for link in sorted(links):
        assert httpx.get(community.url + link, follow_redirects=True).status_code == 200, link


def test_without_the_folder_nothing_is_certain(community: PublishedCommunity, tmp_path: Path) -> None:
    """So the verdicts above do come out of it."""
    badge = community.file(NAMELESS, "jwt")
    lists = community.site / "status-lists"
    shutil.move(lists, tmp_path / "kept")
    try:
        report = community.stranger().verify(badge)
        assert report.verdict.outcome is Outcome.UNKNOWN and states(report)["status"] is State.UNKNOWN
    finally:
        shutil.move(tmp_path / "kept", lists)


def test_a_badge_withdrawn_later_is_so_from_the_next_publish_on(community: PublishedCommunity) -> None:
    badge = community.file(HONOURED, "jwt")
    community.issuer("suspend", community.badges[HONOURED], "--reason", "a second look was asked for")
    assert community.stranger().verify(badge).verdict.outcome is Outcome.VALID, "nobody was told yet"
    community.issuer("publish", str(community.folder / "public"))
    assert community.stranger().verify(badge).verdict.outcome is Outcome.NOT_VALID
    community.issuer("reinstate", community.badges[HONOURED])
    community.issuer("publish", str(community.folder / "public"))
    assert community.stranger().verify(badge).verdict.outcome is Outcome.VALID
