"""The face that every source has: what a manager configures, and pages of records since a cursor.

A source is a frozen model whose fields are what `sources.yaml` says. Its `pages` asks the other system and gives
`Page`s: records, what was refused and why, and the cursor from which the next run may go on once this page is
stored. It judges nothing and stores nothing (`issuer.contributions.collecting` does).
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from issuer.contributions.model import Contribution, ContributionError
from issuer.ground.outbound import MAX_BODY_BYTES, Answer, Outbound
from issuer.people.model import Account, PeopleError
from schemas import strict_json, timestamps
from schemas.strict_json import JsonValue
from schemas.strict_yaml import sentence_of

MAX_TITLE_CHARACTERS = 300
MAX_PAGES = 10_000  # of one run: a server whose pages never end is not followed for ever
OVERLAP = timedelta(minutes=5)  # read again: a server's copies may lag behind one another
BEGINNING = date(2015, 1, 1)

Cursor = Mapping[str, str]


class SourceError(ContributionError):
    """The source cannot be asked or does not answer as its kind does; one sentence."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row or item of a source that became no record: where it stands, and why."""

    where: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.where}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, and where the next run begins once they are stored (None: as before)."""

    contributions: tuple[Contribution, ...] = ()
    refused: tuple[Refusal, ...] = ()
    cursor: Cursor | None = None
    unchanged: bool = False  # the source said that there is nothing new since the last time


class Source(BaseModel):
    """What a manager says of any source. `name` is its key in `sources.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    KIND: ClassVar[str]

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    kind: str
    since: date = BEGINNING
    every_hours: Annotated[int, Field(strict=True, ge=1, le=24 * 31)] = 24
    token_file: str | None = None
    webhook_secret_file: str | None = None

    @property
    def recorded_as(self) -> str:
        """The source under whose name its records are kept, as a policy's `from` lists it."""
        return self.KIND

    @property
    def start(self) -> datetime:
        """The beginning of the day `since`, in UTC."""
        return datetime.combine(self.since, time(), UTC)

    def headers(self, token: str | None) -> Mapping[str, str]:
        """What goes with every request; the token is the community's own, with the least rights that read."""
        return {"Authorization": f"Bearer {token}"} if token else {}

    @abstractmethod
    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """Pages of records since `cursor`, in an order in which none is lost if the run ends between two.

        Raises:
            SourceError: an answer is not this kind's.
            OutboundError: the source cannot be asked; a WaitError says until when.
        """


BaseUrl = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]


class Part(BaseModel):
    """A part of an answer; what we do not read may be there, and changes with the other system's versions."""

    model_config = ConfigDict(extra="ignore", frozen=True)


_Part = TypeVar("_Part", bound=BaseModel)


def read_json(answer: Answer) -> JsonValue:
    """The JSON in an answer.

    Raises:
        SourceError: it is something else, such as a web page, or half of it.
    """
    try:
        return strict_json.loads(answer.body, max_bytes=MAX_BODY_BYTES)
    except strict_json.StrictJsonError as error:
        hint = " (a web page: is a login needed, or the address another one?)" if b"<" in answer.body[:200] else ""
        raise SourceError(f"{answer.url} answered with something else than JSON{hint}: {error}") from error


def parsed(model: type[_Part], value: JsonValue, *, url: str) -> _Part:
    """One part of an answer as its model.

    Raises:
        SourceError: a field is missing or of another kind.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise SourceError(f"{url} does not answer as expected: {sentence_of(error)}") from error


def parsed_list(model: type[_Part], value: JsonValue, *, url: str) -> list[_Part]:
    """A list in an answer as models; raises as `parsed`."""
    if not isinstance(value, list):
        raise SourceError(f"{url} does not answer as expected: a list was expected.")
    return [parsed(model, item, url=url) for item in value]


_LINK = re.compile(r"<([^<>]*)>([^<]*)")


def next_link(answer: Answer) -> str | None:
    """The `rel="next"` of an answer's Link header (RFC 8288).

    Raises:
        SourceError: it leads to another server, which would be sent the token.
    """
    for target, parameters in _LINK.findall(answer.headers.get("link", "")):
        if re.search(r';\s*rel="?next"?(?:[\s;,]|$)', parameters):
            return same_server(answer.url, target)
    return None


def same_server(url: str, target: str) -> str:
    """`target` as a whole address, if it stays on the server of `url`.

    Raises:
        SourceError: it does not.
    """
    whole = urljoin(url, target)
    if urlsplit(whole)[:2] != urlsplit(url)[:2]:
        raise SourceError(f"{url} sends its next page to another server, {whole[:200]}, which is not followed.")
    return whole


def all_pages(ask: Outbound, url: str) -> Iterator[Answer]:
    """An answer and those that its Link headers name, one after another."""
    following: str | None = url
    for _ in range(MAX_PAGES):
        if following is None:
            return
        answer = ask.ask(following)
        yield answer
        following = next_link(answer)
    raise SourceError(f"{url} has more than {MAX_PAGES} pages.")


def every(ask: Outbound, model: type[_Part], url: str) -> Iterator[_Part]:
    """Every item of a list whose pages are named by Link headers."""
    for answer in all_pages(ask, url):
        yield from parsed_list(model, read_json(answer), url=answer.url)


def ascending(
    ask: Outbound,
    model: type[_Part],
    *,
    url_since: Callable[[datetime], str],
    updated: Callable[[_Part], datetime],
    cursor: Cursor,
    start: datetime,
) -> Iterator[tuple[_Part | None, Cursor]]:
    """Each item of a list that is sorted by its last change, oldest first, with the cursor behind it.

    The next page is asked for by the time of the last item, not by its number: an item that changes while we read
    moves to the end, and all numbers behind it move down by one, so that one would be left out. Only where a whole
    page has one and the same time is the Link header followed. Ends with (None, cursor); where nothing changed
    since the last run (ETag), with the cursor that was given, itself.
    """
    reached = timestamps.parse(cursor["since"]) if "since" in cursor else start
    asked_since = max(start, reached - OVERLAP)
    first = url = url_since(asked_since)
    etag = cursor.get("etag") if cursor.get("url") == url else None
    new_etag: str | None = None
    for _ in range(MAX_PAGES):
        answer = ask.ask(url, etag=etag)
        if answer.unchanged:
            yield None, cursor
            return
        new_etag = answer.headers.get("etag") if url == first else new_etag
        etag = None
        items = sorted(parsed_list(model, read_json(answer), url=answer.url), key=updated)
        for item in items:
            reached = max(reached, updated(item))
            yield item, {"since": timestamps.show(reached)}
        following = next_link(answer)
        if following is None or not items:
            break
        last = updated(items[-1])
        url = url_since(last) if last > asked_since else following
        asked_since = max(asked_since, last)
    else:
        raise SourceError(f"{first} has more than {MAX_PAGES} pages.")
    end = {"since": timestamps.show(reached)}
    same = url_since(max(start, reached - OVERLAP)) == first
    yield None, {**end, "url": first, "etag": new_etag} if same and new_etag else end


def etag_of_today(cursor: Cursor, now: datetime) -> str | None:
    """The ETag of the last reading, until the day ends: once a day a file is read whole, whatever it was."""
    return cursor.get("etag") if cursor.get("day") == f"{now:%Y-%m-%d}" else None


def behind(answer: Answer | None, now: datetime, *, whole: bool = True) -> Cursor:
    """The cursor behind a file; with its ETag only if all of it could be read."""
    etag = answer.headers.get("etag") if answer is not None and whole else None
    return {"day": f"{now:%Y-%m-%d}", **({"etag": etag} if etag else {})}


def account(system: str, name: str | None) -> Account | None:
    """The account, or None for a name that is none (a deleted user, an empty field)."""
    try:
        return Account.of(system, name or "")
    except PeopleError:
        return None


def https_only(url: str | None) -> str | None:
    """An address that may stand as evidence."""
    return url if url and url.startswith("https://") and len(url) <= 2000 else None


def title_of(text: Any) -> str | None:
    """A title as records hold it: one line, cut."""
    words = " ".join(str(text or "").split())
    return words[:MAX_TITLE_CHARACTERS] or None
