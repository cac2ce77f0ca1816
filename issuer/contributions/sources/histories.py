"""Git and Gerrit as sources with a face: their readers are `git` and `gerrit`."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from issuer.contributions.sources import gerrit, git
from issuer.contributions.sources.face import BaseUrl, Cursor, Page, Source
from issuer.ground.outbound import Outbound
from schemas import timestamps

CHUNK = 500
MERGED_LATE = timedelta(days=1)  # read again: a server's index may lag, and Gerrit's clock may not be ours


class Git(Source):
    """One local repository, which somebody else keeps up to date (`git fetch`)."""

    KIND = "git"
    kind: Literal["git"]
    repository: str
    branch: str | None = None

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """The whole history, unless its tip is the one of the last run."""
        path = Path(self.repository)
        tip = git.tip_of(path, branch=self.branch)
        if cursor.get("tip") == tip:
            yield Page(cursor=cursor, unchanged=True)
            return
        records = git.read_repository(path, branch=self.branch, since=self.start)
        while chunk := tuple(islice(records, CHUNK)):
            yield Page(chunk)
        yield Page(cursor={"tip": tip})


class Gerrit(Source):
    """One project of a Gerrit server."""

    KIND = "gerrit"
    kind: Literal["gerrit"]
    url: BaseUrl
    project: Annotated[str, Field(pattern=gerrit.PROJECT)]

    def headers(self, token: str | None) -> Mapping[str, str]:
        return {}  # only what is public is read

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """Changes merged since the last run, newest first: the cursor moves at the end."""
        known = timestamps.parse(cursor["since"]) if "since" in cursor else self.start
        since = max(self.start, known - MERGED_LATE)
        reached = known
        for page in gerrit.read_changes(ask, self.url, project=self.project, since=since):
            reached = max([reached, *(c.happened_at for c in page if c.record == "change")])
            yield Page(tuple(page))
        yield Page(cursor={"since": timestamps.show(reached)})
