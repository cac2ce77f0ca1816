"""The verify page as a file: a browser that has nothing but the published folder verifies by itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from keys import custody
from tests.demo.offices import free_ports
from tests.real import browser as look
from tests.stories.published_folder import (
    NAMELESS,
    PUBLISHED,
    WITHDRAWN,
    PublishedCommunity,
    found,
    served,
)

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublishedCommunity]:
    if look.chromium() is None:
        pytest.skip("no Chromium on this machine")
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
        made = found(tmp_path_factory.mktemp("published"), free_ports()[1])
    with served(made):
        yield made


@pytest.fixture
def page(community: PublishedCommunity) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium: Any = playwright.chromium.launch(executable_path=look.chromium(), args=["--no-sandbox"])
        context = chromium.new_context(viewport=look.PHONE)
        watch = look.Watch().over(context)
        yield context.new_page()
        assert watch.strangers([community.url]) == []
        assert watch.complaints == []
        chromium.close()


def h1(page: Any) -> str:
    return " ".join(page.locator("h1").inner_text().split())


@pytest.mark.parametrize(
    ("who", "at", "word"),
    [
        (PUBLISHED, "/v/", "✓ Genuine"),
        (NAMELESS, "/v/", "✓ Genuine"),
        (WITHDRAWN, "/v/", "✕ Not valid"),
        (NAMELESS, "/v/index.fr.html", "✓ Authentique"),
    ],
)
def test_the_code_of_a_badge_is_verified_in_the_page(
    page: Any, community: PublishedCommunity, who: str, at: str, word: str
) -> None:
    digits = community.file(who, "qr-url").decode().partition("#")[2]
    page.goto(f"{community.url}{at}#{digits}")
    page.locator("#scanned .word").wait_for()

    assert h1(page) == word
    if who == WITHDRAWN:
        assert "withdrawn" in page.locator("#scanned .answer").inner_text()


def test_a_published_badge_leads_to_its_own_verdict(page: Any, community: PublishedCommunity) -> None:
    page.goto(f"{community.url}/b/{community.badges[PUBLISHED]}/")
    page.get_by_role("link", name="Is it genuine?").click()
    page.locator("#scanned .word").wait_for()

    assert h1(page) == "✓ Genuine"
    assert "Ada" in page.locator("#scanned dl").inner_text()
