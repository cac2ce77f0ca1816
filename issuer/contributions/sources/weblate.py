"""Approved translations of a Weblate project: one record for each text that a reviewer approved.

Weblate lists changes newest first; each run reads the time since the last one to its end before the cursor
moves. How many words a text has, its unit says. One text counts once, however often it is approved anew.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import unquote, urlencode, urlsplit

from pydantic import AwareDatetime, Field

from issuer.contributions.model import Contribution, Facts
from issuer.contributions.sources import face
from issuer.contributions.sources.face import BaseUrl, Cursor, Page, Part, Source, SourceError
from issuer.ground.outbound import Outbound
from issuer.people.model import Account
from schemas import timestamps

APPROVED = 36  # weblate.trans.models.change: "Translation approved"


class _Change(Part):
    id: int
    action: int
    timestamp: AwareDatetime
    unit: str | None = None
    user: str | None = None  # who approved
    author: str | None = None  # who translated


class _Changes(Part):
    next: str | None = None
    results: list[_Change]


class _Unit(Part):
    id: int
    num_words: int
    web_url: str | None = None


class Weblate(Source):
    """One project of a Weblate server."""

    KIND = "weblate"
    kind: Literal["weblate"]
    url: BaseUrl
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]

    def headers(self, token: str | None) -> Mapping[str, str]:
        return {"Authorization": f"Token {token}"} if token else {}

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """A page of records for each page of changes; the cursor moves at the end of all."""
        reached = timestamps.parse(cursor["since"]) if "since" in cursor else self.start
        asked = {
            "timestamp_after": timestamps.show(max(self.start, reached - face.OVERLAP)),
            "action": str(APPROVED),
            "page_size": "100",
        }
        base = f"{self.url.rstrip('/')}/api/projects/{self.project}/changes/"
        url: str | None = f"{base}?{urlencode(asked)}"
        for _ in range(face.MAX_PAGES):
            if url is None:
                yield Page(cursor={"since": timestamps.show(reached)})
                return
            answer = ask.ask(url)
            listed = face.parsed(_Changes, face.read_json(answer), url=url)
            reached = max([reached, *(change.timestamp for change in listed.results)])
            yield Page(tuple(c for change in listed.results if (c := self._read(ask, change, url))))
            url = face.same_server(url, listed.next) if listed.next else None
        raise SourceError(f"{base} has more than {face.MAX_PAGES} pages.")

    def _read(self, ask: Outbound, change: _Change, listed_at: str) -> Contribution | None:
        translator, approver = _account(change.author), _account(change.user)
        if change.action != APPROVED or not change.unit or translator is None or translator == approver:
            return None
        url = face.same_server(listed_at, change.unit)
        unit = face.parsed(_Unit, face.read_json(ask.ask(url)), url=url)
        if unit.num_words <= 0:
            return None
        facts = Facts(accepted_by=(approver,) if approver else (), quantity=Decimal(unit.num_words), unit="words")
        name = f"{urlsplit(self.url).netloc}/unit/{unit.id}"
        evidence = face.https_only(unit.web_url)
        return Contribution("weblate", name, "translation.approved", translator, change.timestamp, facts, evidence)


def _account(user: str | None) -> Account | None:
    """Weblate names a user by address: …/api/users/ada/."""
    name = unquote(urlsplit(user or "").path.rstrip("/").rpartition("/")[2])
    return None if name in {"", "anonymous", "null"} else face.account("weblate", name.lower())
