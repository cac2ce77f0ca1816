"""Talks of a pretalx event: what each confirmed speaker gave, once its slot is over. The rest people attest."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, Field

from issuer.contributions.model import Contribution, Facts
from issuer.contributions.sources import face
from issuer.contributions.sources.face import BaseUrl, Cursor, Page, Part, Source, SourceError
from issuer.ground.outbound import Outbound
from issuer.people.model import Account


class _Slot(Part):
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None


class _Speaker(Part):
    code: str
    email: str | None = None  # only for a token that may see it


class _Talk(Part):
    code: str
    title: str = ""
    state: str = ""
    speakers: tuple[_Speaker, ...] = ()
    slots: tuple[_Slot, ...] = ()
    slot: _Slot | None = None  # what pretalx before 2025 calls it

    @property
    def ended_at(self) -> datetime | None:
        times = [s.end or s.start for s in [*self.slots, *([self.slot] if self.slot else [])]]
        return max((moment for moment in times if moment), default=None)


class _Talks(Part):
    next: str | None = None
    results: list[_Talk]


class Pretalx(Source):
    """One event."""

    KIND = "pretalx"
    kind: Literal["pretalx"]
    url: BaseUrl
    event: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]

    def headers(self, token: str | None) -> Mapping[str, str]:
        return {"Authorization": f"Token {token}", "Pretalx-Version": "v1"} if token else {}

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """All talks each time: an event has hundreds, and one is ready when its slot is over."""
        base = self.url.rstrip("/")
        url: str | None = (
            f"{base}/api/events/{self.event}/submissions/?state=confirmed&expand=speakers,slots&limit=50"
        )
        for _ in range(face.MAX_PAGES):
            if url is None:
                return
            listed = face.parsed(_Talks, face.read_json(ask.ask(url)), url=url)
            yield Page(tuple(c for talk in listed.results for c in self._read(talk, now)))
            url = face.same_server(url, listed.next) if listed.next else None
        raise SourceError(f"{base} has more than {face.MAX_PAGES} pages of talks.")

    def _read(self, talk: _Talk, now: datetime) -> Iterator[Contribution]:
        ended = talk.ended_at
        if talk.state != "confirmed" or ended is None or not self.start <= ended <= now:
            return
        event = f"{urlsplit(self.url).netloc}/{self.event}/{talk.code}"
        facts = Facts(title=face.title_of(talk.title), event=event, people=len(talk.speakers))
        evidence = face.https_only(f"{self.url.rstrip('/')}/{self.event}/talk/{talk.code}/")
        for speaker in talk.speakers:
            who = _account(speaker)
            if who is not None:
                yield Contribution("pretalx", f"{event}:{speaker.code}", "talk.given", who, ended, facts, evidence)


def _account(speaker: _Speaker) -> Account | None:
    return (face.account("mail", speaker.email) if speaker.email else None) or face.account(
        "pretalx", speaker.code
    )
