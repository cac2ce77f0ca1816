"""Merged pull requests of a GitHub repository, and the reviews that decided them, over its REST API.

The list of issues is read by the time of their last change, since the list of pull requests cannot be; what a
pull request says is then asked for by its number. A webhook (`issuer.contributions.hooks`) only knocks: what
it tells is read from here, so a stolen secret can make us look and cannot make us believe.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

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

VOTES: Mapping[str, str] = {"APPROVED": "approved", "CHANGES_REQUESTED": "changes_requested"}
TAKES_BACK = "DISMISSED"


class _User(Part):
    login: str
    type: str = "User"

    @property
    def machine(self) -> bool:
        return self.type == "Bot" or is_machine(username=self.login)

    @property
    def account(self) -> Account | None:
        return face.account("github", self.login.lower())  # GitHub takes a login in any case


class _MergedMark(Part):
    merged_at: AwareDatetime | None = None


class _Issue(Part):
    number: int
    updated_at: AwareDatetime
    pull_request: _MergedMark | None = None


class _Label(Part):
    name: str


class _Pull(Part):
    number: int
    title: str = ""
    body: str | None = None
    html_url: str | None = None
    user: _User | None = None  # None: the account was deleted
    merged_by: _User | None = None
    merged_at: AwareDatetime | None = None
    merge_commit_sha: str | None = None
    labels: tuple[_Label, ...] = ()


class _File(Part):
    filename: str
    additions: int = 0
    deletions: int = 0
    patch: str | None = None  # absent for a binary file


class _Review(Part):
    user: _User | None = None
    state: str = ""
    submitted_at: AwareDatetime | None = None


class GitHub(Source):
    """One repository. `api` is another one for GitHub Enterprise: https://github.example/api/v3."""

    KIND = "github"
    kind: Literal["github"]
    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
    api: BaseUrl = "https://api.github.com"

    def headers(self, token: str | None) -> Mapping[str, str]:
        fixed = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return {**fixed, **super().headers(token)}

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """A page for each pull request, so that a limit in the middle keeps what was read."""
        for issue, behind in face.ascending(
            ask,
            _Issue,
            url_since=self._list_since,
            updated=lambda issue: issue.updated_at,
            cursor=cursor,
            start=self.start,
        ):
            if issue is None:
                yield Page(cursor=behind, unchanged=behind is cursor)
            elif (
                issue.pull_request and issue.pull_request.merged_at and issue.pull_request.merged_at >= self.start
            ):
                yield Page(tuple(self._read(ask, issue.number)), cursor=behind)

    def _list_since(self, since: datetime) -> str:
        asked = {"state": "closed", "sort": "updated", "direction": "asc", "per_page": "100"}
        return f"{self._base}/issues?{urlencode({**asked, 'since': timestamps.show(since)})}"

    @property
    def _base(self) -> str:
        return f"{self.api.rstrip('/')}/repos/{self.repository}"

    def _read(self, ask: Outbound, number: int) -> Iterator[Contribution]:
        url = f"{self._base}/pulls/{number}"
        pull = face.parsed(_Pull, face.read_json(ask.ask(url)), url=url)
        author = pull.user.account if pull.user else None
        if author is None or pull.user is None or pull.user.machine or pull.merged_at is None:
            return
        reviews = _standing(face.every(ask, _Review, f"{url}/reviews?per_page=100"), author)
        files = sum_of(
            [
                FileChange(file.filename, None if file.patch is None else file.additions + file.deletions)
                for file in face.every(ask, _File, f"{url}/files?per_page=100")
            ]
        )
        merger = pull.merged_by.account if pull.merged_by and not pull.merged_by.machine else None
        approving = [who for who, review in reviews.items() if VOTES.get(review.state) == "approved"]
        message = parse_message(f"{pull.title}\n\n{pull.body or ''}")
        labels = {label.name for label in pull.labels} | ({"trivial"} if message.trivial else set())
        title, evidence = face.title_of(pull.title), face.https_only(pull.html_url)
        name = f"{self._host}/{self.repository.lower()}#{pull.number}"
        facts = Facts(
            title=title,
            accepted_by=tuple(dict.fromkeys(a for a in [merger, *approving] if a and a != author)),
            changed_lines=files.lines,
            paths=tuple(files.paths),
            generated_only=files.generated_only,
            labels=tuple(sorted(labels)),
            commit=pull.merge_commit_sha,
            reverts=message.reverts,
            coauthors=len(message.coauthors),
        )
        yield Contribution("github", name, "change", author, pull.merged_at, facts, evidence)
        for who, review in reviews.items():
            said = Facts(title=title, owner=author, vote=VOTES[review.state])
            at = review.submitted_at or pull.merged_at
            yield Contribution("github", f"{name}:review:{who.name}", "review", who, at, said, evidence)

    @property
    def _host(self) -> str:
        return self.api.partition("://")[2].partition("/")[0].removeprefix("api.")


def _standing(reviews: Iterator[_Review], author: Account) -> dict[Account, _Review]:
    """The last decisive review of each person but the author; one that was dismissed does not stand."""
    standing: dict[Account, _Review] = {}
    for review in sorted(reviews, key=lambda review: review.submitted_at or datetime.min.replace(tzinfo=UTC)):
        who = review.user.account if review.user and not review.user.machine else None
        if who is None or who == author:
            continue
        if review.state in VOTES:
            standing[who] = review
        elif review.state == TAKES_BACK:
            standing.pop(who, None)
    return dict(sorted(standing.items()))
