"""Stories of an RSS 2.0 or Atom feed. That the community's own editors published one is their acceptance.

Which account published it, the manager says (`editor`); of whom a story is, the feed: an address, else a name.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parseaddr, parsedate_to_datetime
from typing import Literal

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from issuer.contributions.model import Contribution, Facts
from issuer.contributions.sources import face
from issuer.contributions.sources.face import BaseUrl, Cursor, Page, Refusal, Source, SourceError
from issuer.ground.outbound import Outbound
from issuer.people.model import Account, PeopleError

ATOM = "{http://www.w3.org/2005/Atom}"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"


class Feed(Source):
    """One feed. `editor` accepts what stands in it, as `mail:editor@community.example`."""

    KIND = "feed"
    kind: Literal["feed"]
    url: BaseUrl
    editor: str | None = None

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """All that stands in the feed; with its ETag, so that an unchanged one is not sent again."""
        answer = ask.ask(self.url, etag=face.etag_of_today(cursor, now))
        if answer.unchanged:
            yield Page(cursor=cursor, unchanged=True)
            return
        good: list[Contribution] = []
        refused: list[Refusal] = []
        for number, item in enumerate(_items(answer.body, self.url), start=1):
            try:
                good.append(self._read(item, now))
            except (SourceError, PeopleError) as error:
                refused.append(Refusal(f"item {number}", str(error)))
        recent = [c for c in good if c.happened_at >= self.start]
        yield Page(tuple(recent), tuple(refused), face.behind(answer, now))

    def _read(self, item: ET.Element, now: datetime) -> Contribution:
        link = _text(item, "link") or _link(item)
        name = _text(item, "guid") or _text(item, f"{ATOM}id") or link
        if not name or len(name) > 400 or not name.isprintable():
            raise SourceError("it has no id: a guid, an id or a link was expected.")
        happened_at = _moment(
            _text(item, "pubDate") or _text(item, f"{ATOM}published") or _text(item, f"{ATOM}updated")
        )
        if happened_at is None or happened_at > now:
            raise SourceError("it has no date of publication, or one in the future.")
        author = _author(item)
        if author is None:
            raise SourceError("it names no author.")
        editor = Account.parse(self.editor) if self.editor else None
        facts = Facts(
            title=face.title_of(_text(item, "title") or _text(item, f"{ATOM}title")),
            accepted_by=(editor,) if editor and editor != author else (),
        )
        return Contribution("feed", name, "story.published", author, happened_at, facts, face.https_only(link))


def _items(body: bytes, url: str) -> list[ET.Element]:
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError) as error:
        raise SourceError(f"{url} answered with something else than a whole RSS or Atom feed: {error}") from error
    if root.tag not in {"rss", f"{ATOM}feed"}:
        raise SourceError(f"{url} answered with something else than a feed: RSS 2.0 or Atom was expected.")
    return [*root.iter("item"), *root.iter(f"{ATOM}entry")]


def _text(item: ET.Element, tag: str) -> str:
    return (item.findtext(tag) or "").strip()


def _link(item: ET.Element) -> str:
    links = [link for link in item.findall(f"{ATOM}link") if link.get("rel", "alternate") == "alternate"]
    return links[0].get("href", "") if links else ""


def _moment(text: str) -> datetime | None:
    """RFC 822 in RSS, RFC 3339 in Atom."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, TypeError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _author(item: ET.Element) -> Account | None:
    """An address where the feed gives one; else the name, which somebody has to claim."""
    atom = item.find(f"{ATOM}author")
    written = _text(item, "author")
    address = (atom.findtext(f"{ATOM}email") or "") if atom is not None else parseaddr(written)[1]
    name = (atom.findtext(f"{ATOM}name") or "") if atom is not None else _text(item, CREATOR) or written
    if "@" in address:
        return face.account("mail", address.strip())
    return face.account("feed", " ".join(name.split())) if name.strip() else None
