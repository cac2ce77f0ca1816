"""Merged merge requests of a GitLab project, and who approved them, over its REST API (version 4).

A webhook only knocks, as for GitHub: what it tells is read from here.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from pydantic import AwareDatetime, Field

from issuer.contributions.model import Contribution, Facts
from issuer.contributions.sources import face
from issuer.contributions.sources.changed_files import FileChange, sum_of
from issuer.contributions.sources.commit_message import parse_message
from issuer.contributions.sources.face import BaseUrl, Cursor, Page, Part, Source
from issuer.contributions.sources.machines import is_machine
from issuer.ground.outbound import Outbound
from issuer.people.model import Account
from schemas import timestamps


class _User(Part):
    username: str
    bot: bool = False

    @property
    def account(self) -> Account | None:
        """None for a machine: GitLab calls its project and group tokens `project_1_bot_…`."""
        machine = self.bot or "_bot_" in self.username or is_machine(username=self.username)
        return None if machine else face.account("gitlab", self.username.lower())


class _MergeRequest(Part):
    iid: int
    updated_at: AwareDatetime
    merged_at: AwareDatetime | None = None
    title: str = ""
    description: str | None = None
    web_url: str | None = None
    author: _User | None = None
    merge_user: _User | None = None
    merged_by: _User | None = None  # what GitLab before 14.7 calls merge_user
    squash_commit_sha: str | None = None
    merge_commit_sha: str | None = None
    sha: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def commit(self) -> str | None:
        """As the branch has it."""
        return self.squash_commit_sha or self.merge_commit_sha or self.sha


class _Diff(Part):
    new_path: str
    diff: str = ""

    @property
    def lines(self) -> int | None:
        """Added + deleted; None for a binary file, whose diff says so instead."""
        if self.diff.startswith("Binary files"):
            return None
        return sum(
            line[:1] in {"+", "-"} and not line.startswith(("+++ ", "--- ")) for line in self.diff.splitlines()
        )


class _Approval(Part):
    user: _User
    approved_at: AwareDatetime | None = None


class _Approvals(Part):
    approved_by: tuple[_Approval, ...] = ()


class GitLab(Source):
    """One project, by its path or number."""

    KIND = "gitlab"
    kind: Literal["gitlab"]
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
    url: BaseUrl = "https://gitlab.com"

    def headers(self, token: str | None) -> Mapping[str, str]:
        return {"PRIVATE-TOKEN": token} if token else {}

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """A page for each merge request."""
        for request, behind in face.ascending(
            ask,
            _MergeRequest,
            url_since=self._list_since,
            updated=lambda request: request.updated_at,
            cursor=cursor,
            start=self.start,
        ):
            if request is None:
                yield Page(cursor=behind, unchanged=behind is cursor)
            elif request.merged_at is not None and request.merged_at >= self.start:
                yield Page(tuple(self._read(ask, request)), cursor=behind)

    @property
    def _base(self) -> str:
        return f"{self.url.rstrip('/')}/api/v4/projects/{quote(self.project, safe='')}/merge_requests"

    def _list_since(self, since: datetime) -> str:
        asked = {"state": "merged", "order_by": "updated_at", "sort": "asc", "per_page": "100", "scope": "all"}
        return f"{self._base}?{urlencode({**asked, 'updated_after': timestamps.show(since)})}"

    def _read(self, ask: Outbound, request: _MergeRequest) -> Iterator[Contribution]:
        author = request.author.account if request.author else None
        if author is None or request.merged_at is None:
            return
        one = f"{self._base}/{request.iid}"
        answer = ask.ask(f"{one}/approvals")
        approvals = face.parsed(_Approvals, face.read_json(answer), url=answer.url).approved_by
        approved = {who: a.approved_at for a in approvals if (who := a.user.account) and who != author}
        files = sum_of(
            [FileChange(d.new_path, d.lines) for d in face.every(ask, _Diff, f"{one}/diffs?per_page=100")]
        )
        merging = request.merge_user or request.merged_by
        merger = merging.account if merging else None
        message = parse_message(f"{request.title}\n\n{request.description or ''}")
        title, evidence = face.title_of(request.title), face.https_only(request.web_url)
        name = f"{self.url.partition('://')[2].strip('/')}/{self.project.lower()}!{request.iid}"
        facts = Facts(
            title=title,
            accepted_by=tuple(dict.fromkeys(a for a in [merger, *approved] if a and a != author)),
            changed_lines=files.lines,
            paths=tuple(files.paths),
            generated_only=files.generated_only,
            labels=tuple(sorted({*request.labels, *(["trivial"] if message.trivial else [])})),
            commit=request.commit,
            reverts=message.reverts,
            coauthors=len(message.coauthors),
        )
        yield Contribution("gitlab", name, "change", author, request.merged_at, facts, evidence)
        for who, at in sorted(approved.items()):
            said = Facts(title=title, owner=author, vote="approved")
            name_of = f"{name}:review:{who.name}"
            yield Contribution("gitlab", name_of, "review", who, at or request.merged_at, said, evidence)
