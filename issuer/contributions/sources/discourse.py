"""Accepted answers of a Discourse forum: whose answer, and who asked and accepted it.

Lists of topics come by their last post, newest first; one that was solved without a post stays where it was. So
each run goes back a month behind the last one, and the webhook `accepted_solution` knocks in between.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime

from issuer.contributions.model import Contribution, Facts
from issuer.contributions.sources import face
from issuer.contributions.sources.face import BaseUrl, Cursor, Page, Part, Source, SourceError
from issuer.ground.outbound import Outbound
from schemas import timestamps

SOLVED_LATER = timedelta(days=30)


class _Listed(Part):
    id: int
    bumped_at: AwareDatetime
    pinned: bool = False


class _TopicList(Part):
    topics: list[_Listed]
    more_topics_url: str | None = None


class _Latest(Part):
    topic_list: _TopicList


class _Named(Part):
    username: str


class _Accepted(Part):
    post_number: int
    username: str
    accepter_username: str | None = None


class _Details(Part):
    created_by: _Named


class _Topic(Part):
    id: int
    title: str = ""
    slug: str = "topic"
    details: _Details
    accepted_answer: _Accepted | None = None


class _Post(Part):
    created_at: AwareDatetime


class Discourse(Source):
    """One forum with the plugin Solved. `user` is whose API key the token is."""

    KIND = "discourse"
    kind: Literal["discourse"]
    url: BaseUrl
    user: str = "system"

    def headers(self, token: str | None) -> Mapping[str, str]:
        return {"Api-Key": token, "Api-Username": self.user} if token else {}

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """A page for each list of topics. A run that is cut goes on at the list where it stopped."""
        base = self.url.rstrip("/")
        known = timestamps.parse(cursor["since"]) if "since" in cursor else self.start
        until = max(self.start, known - SOLVED_LATER)
        newest = timestamps.parse(cursor["newest"]) if "newest" in cursor else known
        number = int(cursor.get("page", "0"))
        for page in range(number, number + face.MAX_PAGES):
            url = f"{base}/latest.json?solved=yes&order=activity&page={page}"
            listed = face.parsed(_Latest, face.read_json(ask.ask(url)), url=url).topic_list
            newest = max([newest, *(topic.bumped_at for topic in listed.topics)])
            recent = [topic for topic in listed.topics if topic.bumped_at >= until]
            found = tuple(c for topic in recent if (c := self._read(ask, base, topic.id)))
            ordinary = [topic for topic in listed.topics if not topic.pinned]  # pinned ones stand above their time
            if not listed.more_topics_url or not ordinary or min(t.bumped_at for t in ordinary) < until:
                yield Page(found, cursor={"since": timestamps.show(newest)})
                return
            place = {"newest": timestamps.show(newest), "page": str(page + 1)}
            yield Page(found, cursor={**({"since": cursor["since"]} if "since" in cursor else {}), **place})
        raise SourceError(f"{base} has more than {face.MAX_PAGES} pages of topics.")

    def _read(self, ask: Outbound, base: str, number: int) -> Contribution | None:
        url = f"{base}/t/{number}.json"
        topic = face.parsed(_Topic, face.read_json(ask.ask(url)), url=url)
        answer, asker = topic.accepted_answer, topic.details.created_by.username
        author = face.account("discourse", answer.username.lower()) if answer else None
        if answer is None or author is None:
            return None
        url = f"{base}/posts/by_number/{topic.id}/{answer.post_number}.json"
        post = face.parsed(_Post, face.read_json(ask.ask(url)), url=url)
        # Staff may accept an answer, too. Where the forum says who did, only the asker's word is acceptance.
        by_asker = (answer.accepter_username or asker).lower() == asker.lower()
        accepting = face.account("discourse", asker.lower()) if by_asker else None
        facts = Facts(
            title=face.title_of(topic.title), accepted_by=(accepting,) if accepting and accepting != author else ()
        )
        host = base.partition("://")[2]
        return Contribution(
            source="discourse",
            id=f"{host}/t/{topic.id}",  # not the post's: another answer accepted later is no second help
            record="support.answer_accepted",
            account=author,
            happened_at=post.created_at,
            facts=facts,
            evidence=face.https_only(f"{base}/t/{topic.slug}/{topic.id}/{answer.post_number}"),
        )
