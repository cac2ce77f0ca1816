"""The link of a badge's page: opened only for a caller who agrees, and nothing on the page is believed."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier.client import AppClient
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, IssuerSimulator
from verifier.app import create_app
from verifier.ground.outbound import Document, OutboundError
from verifier.ground.settings import Settings

ISSUER = IssuerSimulator()
LINK = "https://badges.example.org/b/7/"
PAGE = '<html><head><link rel="alternate" type="{kind}" href="{href}"></head></html>'
PICTURE = '<html><head><meta property="og:image" content="{href}"></head></html>'


class World:
    """What lies at which address, and what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.pages: dict[str, Document] = {}
        self.asked: list[str] = []
        source = DocumentsInMemory.of([ISSUER])
        app = create_app(Settings(folder), source=source, clock=Clock(), open_page=self.open)
        self.client = AppClient(app)

    def open(self, url: str, *, max_bytes: int, accept: str, pages: bool) -> Document:
        self.asked.append(url)
        assert pages and "application/vc+jwt" in accept
        if url not in self.pages:
            raise OutboundError(f"{url} answered 404; 200 was expected.")
        return self.pages[url]

    def has(self, url: str, body: str, kind: str = "text/html") -> None:
        self.pages[url] = Document(body.encode(), kind)

    def verify(self, content: str, *, agrees: bool = True) -> Any:
        return self.client.post("/verify" + ("?follow_link=true" if agrees else ""), content=content)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_without_consent_nobody_is_asked(world: World) -> None:
    world.has(LINK, ISSUER.token(), "application/vc+jwt")
    answer = world.verify(LINK, agrees=False)
    assert answer.status_code == 400 and "tell its server" in answer.json()["detail"]
    assert world.asked == []


@pytest.mark.parametrize("kind", ["application/vc+jwt", "application/json", "text/plain", ""])
def test_an_address_that_answers_with_a_badge_is_one(world: World, kind: str) -> None:
    world.has(LINK, ISSUER.token(), kind)
    answer = world.verify(f" {LINK}\n")
    assert answer.json()["verdict"] == "valid"


@pytest.mark.parametrize("path", ["/verify/case", "/verify/receipts"])
def test_a_case_file_and_a_receipt_take_a_link_by_the_same_consent(world: World, path: str) -> None:
    world.has(LINK, ISSUER.token(), "application/vc+jwt")
    assert world.client.post(path, content=LINK).status_code == 400
    assert world.asked == []
    by_address = world.client.post(f"{path}?follow_link=true", content=LINK)
    by_form = world.client.post(path, data={"text": LINK, "follow_link": "yes"})
    assert [answer.json()["verdict"] for answer in (by_address, by_form)] == ["valid", "valid"]


@pytest.mark.parametrize("page", [PAGE.format(kind="application/vc+jwt", href="badge.jwt"), PICTURE])
def test_a_page_leads_to_its_badge(world: World, page: str) -> None:
    world.has(LINK, page.format(href=f"{LINK}badge.jwt"))
    world.has(f"{LINK}badge.jwt", ISSUER.token(), "application/octet-stream")
    assert world.verify(LINK).json()["verdict"] == "valid"
    assert world.asked == [LINK, f"{LINK}badge.jwt"]


def test_a_page_leads_to_no_other_host_and_to_no_further_page(world: World) -> None:
    world.has(LINK, PAGE.format(kind="application/json", href="https://10.0.0.1/secret"))
    assert world.verify(LINK).status_code == 400
    assert world.asked == [LINK]
    world.has(LINK, PAGE.format(kind="application/json", href="next"))
    world.has(f"{LINK}next", PAGE.format(kind="application/json", href="further"))
    assert "another page" in world.verify(LINK).json()["detail"]


def test_a_page_without_a_badge_and_one_that_is_gone_say_so(world: World) -> None:
    world.has(LINK, "<html><p>Hello</p></html>")
    assert "no badge on that page" in world.verify(LINK).json()["detail"]
    gone = world.verify("https://badges.example.org/gone")
    assert gone.status_code == 400 and "answered 404" in gone.json()["detail"]


def test_a_person_agrees_by_a_box_on_the_page(world: World) -> None:
    world.has(LINK, ISSUER.token(), "application/vc+jwt")
    html = {"Accept": "text/html"}
    assert 'name="follow_link"' in world.client.get("/verify", headers=html).text
    refused = world.client.post("/verify", data={"text": LINK}, headers=html)
    agreed = world.client.post("/verify", data={"text": LINK, "follow_link": "yes"}, headers=html)
    assert refused.status_code == 400 and "Valid" in agreed.text


def test_a_scanned_code_is_no_link(world: World) -> None:
    code = "https://verify.example.org/v#" + "1" * 40
    assert world.verify(code).status_code == 400
    assert world.asked == []
