"""A badge behind the address of a page on which its holder shows it.

Whoever opens such a page tells its server that somebody looks, which verifying never does otherwise. So it is
done only for a caller who agrees. Nothing on the page is believed: it only leads to a badge, which is verified as
any other.
"""

from html.parser import HTMLParser
from typing import Final, Protocol
from urllib.parse import urljoin, urlsplit

from verifier.ground.outbound import Document, OutboundError
from verifier.verification.errors import ReadingError

MAX_BYTES: Final = 2 << 20  # of a page, or of the picture on it
MAX_ADDRESS: Final = 2_000
ACCEPT: Final = (
    "application/vc+jwt, application/vc, application/ld+json;q=0.9, application/json;q=0.9, image/png;q=0.8,"
    " image/svg+xml;q=0.8, text/html;q=0.5"
)
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
# What a page may offer as the badge itself, the likeliest first.
_BADGE_TYPES: Final = (
    *("application/vc+jwt", "application/vc", "application/vc+ld+json", "application/ld+json", "application/json"),
    *("image/png", "image/svg+xml"),
)


class OpenPage(Protocol):
    """Fetches an address that cannot be trusted, web pages too; OutboundError if it cannot be had."""

    def __call__(self, url: str, *, max_bytes: int, accept: str, pages: bool) -> Document: ...


def is_address(data: bytes) -> bool:
    """Whether what arrived is the address of a page, and not a code that is written as one."""
    text = data[: MAX_ADDRESS + 1].strip()
    is_web = text[:8].lower() == b"https://" and len(text) <= MAX_ADDRESS and len(data.split()) == 1
    return is_web and not (b"/v" in text and b"#" in text)


def badge_behind(url: str, *, open_page: OpenPage) -> bytes:
    """What lies behind an address, as `reading` takes it.

    Raises:
        ReadingError: it could not be had, or shows no badge.
    """
    answer = _opened(url, open_page)
    if answer.content_type not in _PAGES:
        return answer.body
    found = _badge_on(answer.body, url=url)
    if found is None:
        raise ReadingError("There is no badge on that page: save its badge file, and give that here.")
    behind = _opened(found, open_page)
    if behind.content_type in _PAGES:
        raise ReadingError("That page leads to another page, and to no badge: save its badge file, and give that.")
    return behind.body


def _opened(url: str, open_page: OpenPage) -> Document:
    try:
        return open_page(url, max_bytes=MAX_BYTES, accept=ACCEPT, pages=True)
    except OutboundError as error:
        raise ReadingError(f"The link could not be opened: {error}") from error


def _badge_on(page: bytes, *, url: str) -> str | None:
    """The address of the badge that a page offers, on the same host; None if it offers none."""
    reader = _PageReader()
    reader.feed(page.decode("utf-8", errors="replace"))
    for _, address in sorted(reader.offers, key=lambda offer: _BADGE_TYPES.index(offer[0])):
        whole = urljoin(url, address)
        if urlsplit(whole)[:2] == urlsplit(url)[:2]:
            return whole
    return None


class _PageReader(HTMLParser):
    """Collects what a page's head offers: `link rel=alternate`, and the picture that it is shown by elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.offers: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        kind = given.get("type", "").partition(";")[0].strip().lower()
        if tag == "link" and "alternate" in given.get("rel", "").lower().split() and kind in _BADGE_TYPES:
            self.offers.append((kind, given.get("href", "")))
        if tag == "meta" and given.get("property") == "og:image":
            self.offers.append(("image/png", given.get("content", "")))
