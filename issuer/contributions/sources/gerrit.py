"""Contributions from a Gerrit server over its REST API: merged changes, and the reviews that decided them.

Only merged changes are asked for: their votes do not move any more, and a review is kept as it was first told.
A page is a list of contributions, so that each can be stored before the next is asked for. HTTP is done by
`issuer.ground.outbound`; whose an account is, is the affair of `issuer.people`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from issuer.contributions.model import Contribution, ContributionError, Facts
from issuer.contributions.sources.changed_files import FileChange, sum_of
from issuer.contributions.sources.commit_message import parse_message
from issuer.contributions.sources.machines import is_machine
from issuer.ground.outbound import MAX_BODY_BYTES, Outbound, OutboundError, WaitError
from issuer.people.model import Account
from schemas import strict_json
from schemas.strict_yaml import sentence_of

SOURCE = "gerrit"
PREFIX = b")]}'"  # stands before every answer, so that no page can run it as a script
OPTIONS = (
    "CURRENT_REVISION",
    "CURRENT_COMMIT",
    "CURRENT_FILES",
    "MESSAGES",
    "DETAILED_ACCOUNTS",
    "DETAILED_LABELS",
)
LABELS: Mapping[str, str] = {"Code-Review": "CR", "Workflow": "W"}
DECISIVE = frozenset({"CR+2", "CR-2", "W+1"})
ACCEPTING = frozenset({"CR+2", "W+1"})
MAX_TITLE_CHARACTERS = 300
MAX_LINES = 1_000_000_000  # what the model holds
_NO_FILES = frozenset({"/COMMIT_MSG", "/MERGE_LIST", "/PATCHSET_LEVEL"})

PROJECT = r"^[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}$"
_PROJECT = re.compile(PROJECT, re.ASCII)
_BASE_URL = re.compile(r"https?://[^\s?#]+")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9}", re.ASCII)
_HEADER = re.compile(r"Patch Set (\d+):([^\n]*)", re.ASCII)
_VOTE = re.compile(rf"({'|'.join(LABELS)})([+-]\d)", re.ASCII)
_ANY_VOTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*[+-]\d|-[A-Za-z][A-Za-z0-9-]*", re.ASCII)
_COMMENTS = re.compile(r"^\(\d+ comments?\)", re.MULTILINE | re.ASCII)
_UPLOADED = re.compile(r"Uploaded patch set (\d+)\.(?:\s|$)", re.ASCII)  # not "…: Patch Set 1 was rebased"
_GATE_SPEAKS = re.compile(
    r"(?:Build (?:succeeded|failed)(?:\.| \()|Starting (?:gate|check) jobs|\* \S+ https?://\S+ : )", re.ASCII
)
_GATE_MERGES = re.compile(r"Change has been successfully merged by (?:Zuul|Jenkins)\b")


class GerritError(ContributionError):
    """The server cannot be asked, or does not answer as Gerrit does; one sentence."""


def _time(value: object) -> object:
    """`2018-09-21 15:50:45.000000000`: in UTC, which Gerrit does not say."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError(f"{value!r} is no time of Gerrit's, such as 2018-09-21 15:50:45.000000000")
    return datetime.fromisoformat(value[:26]).replace(tzinfo=UTC)


_Time = Annotated[datetime, BeforeValidator(_time)]


class _Part(BaseModel):
    """A part of Gerrit's answer; what we do not read may be there, and changes with its versions."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _AccountInfo(_Part):
    number: Annotated[int | None, Field(alias="_account_id")] = None
    name: str = ""
    username: str = ""
    email: str = ""
    tags: list[str] = []

    @property
    def account(self) -> Account | None:
        return Account(SOURCE, str(self.number)) if self.number is not None else None


class _Message(_Part):
    author: _AccountInfo = _AccountInfo()
    date: _Time
    message: str = ""
    tag: str = ""


class _Approval(_AccountInfo):
    value: int = 0
    date: _Time | None = None


class _Label(_Part):
    all: list[_Approval] = []


class _File(_Part):
    lines_inserted: int = 0
    lines_deleted: int = 0
    binary: bool = False


class _CommitInfo(_Part):
    message: str = ""


class _Revision(_Part):
    files: dict[str, _File] | None = None
    commit: _CommitInfo = _CommitInfo()


class _Change(_Part):
    number: Annotated[int, Field(alias="_number")]
    project: Annotated[str, Field(pattern=_PROJECT.pattern)]
    status: str
    subject: str = ""
    submitted: _Time | None = None
    owner: _AccountInfo
    submitter: _AccountInfo | None = None
    insertions: int = 0
    deletions: int = 0
    messages: list[_Message] = []
    labels: dict[str, _Label] = {}
    current_revision: Annotated[str | None, Field(pattern="^[0-9a-f]{40,64}$")] = None
    revisions: dict[str, _Revision] = {}
    revert_of: int | None = None
    more: Annotated[bool, Field(alias="_more_changes")] = False

    @property
    def id(self) -> str:
        """As Gerrit itself names a change for ever, also after its server moved."""
        return f"{self.project}~{self.number}"

    @property
    def revision(self) -> _Revision:
        return self.revisions.get(self.current_revision or "", _Revision())


@dataclass(frozen=True, slots=True)
class _Vote:
    """A vote that stands: `CR+2`, and when it was given."""

    value: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Review:
    """What one account did on a change: the votes that stand, and a comment that the owner answered."""

    votes: Mapping[str, _Vote]
    answered_at: datetime | None

    @property
    def decisive(self) -> _Vote | None:
        """The vote that counts: on the code before on the workflow."""
        standing = (self.votes.get(label) for label in LABELS)
        return next((vote for vote in standing if vote and vote.value in DECISIVE), None)


def read_changes(
    outbound: Outbound, base_url: str, *, project: str, since: datetime | None = None, page_size: int = 100
) -> Iterator[list[Contribution]]:
    """The contributions of a project's merged changes, a page at a time; merged after `since` if given.

    A merged change gives a `change` of its owner, accepted by its submitter and by whoever's CR+2 or W+1 stands;
    each other account whose CR+2, CR-2 or W+1 stands, or whose inline comment the owner answered by a new patch
    set, gives a `review`. Accounts are `gerrit:<number>`. Machines accept and review nothing.

    Raises:
        GerritError: `base_url` or `project` is none, the server cannot be asked, or its answer is not Gerrit's.
    """
    if not _BASE_URL.fullmatch(base_url):
        raise GerritError(f"{base_url!r} is no address of a server, such as https://review.example.")
    if not _PROJECT.fullmatch(project):
        raise GerritError(f"{project!r} is no project's name, such as openstack/cinder.")
    base = base_url.rstrip("/")
    seen: set[int] = set()
    start = 0
    while True:
        page = _page(outbound, base, query=_query(project, since), start=start, size=page_size)
        new = [change for change in page if change.number not in seen]
        yield [made for change in new for made in _contributions(change, base)]
        if not page or not page[-1].more:
            return
        if not new:
            raise GerritError(f"{base} gives the same changes again at S={start}: its paging does not work.")
        seen.update(change.number for change in new)
        start += len(page)


def _query(project: str, since: datetime | None) -> str:
    after = f' mergedafter:"{since.astimezone(UTC):%Y-%m-%d %H:%M:%S} +0000"' if since else ""
    return f"project:{project} status:merged{after}"


def _page(outbound: Outbound, base: str, *, query: str, start: int, size: int) -> list[_Change]:
    parameters: dict[str, str | list[str]] = {"q": query, "n": str(size), "S": str(start), "o": list(OPTIONS)}
    try:
        body = outbound.get(f"{base}/changes/", parameters=parameters)
    except WaitError:
        raise
    except OutboundError as error:
        raise GerritError(str(error)) from error
    prefix, newline, text = body.partition(b"\n")
    if prefix.strip() != PREFIX or not newline:
        hint = " (a web page: is a login needed, or the address another one?)" if b"<" in body[:200] else ""
        raise GerritError(
            f"{base}/changes/ does not answer as Gerrit does{hint}: the line )]}}' was expected first."
        )
    return _parsed(text, base)


def _parsed(text: bytes, base: str) -> list[_Change]:
    try:
        answer = strict_json.loads(text, max_bytes=MAX_BODY_BYTES)
    except strict_json.StrictJsonError as error:
        raise GerritError(f"{base}/changes/ answered with something else than JSON: {error}") from error
    if not isinstance(answer, list):
        raise GerritError(f"{base}/changes/ answered with something else than a list of changes.")
    changes = []
    for position, item in enumerate(answer):
        try:
            changes.append(_Change.model_validate(item))
        except ValidationError as error:
            raise GerritError(f"{base}/changes/, change {position + 1}: {sentence_of(error)}") from error
    return changes


def _contributions(change: _Change, base: str) -> Iterator[Contribution]:
    owner = change.owner.account
    if change.status != "MERGED" or change.submitted is None or owner is None:
        return
    machines = _machines(change)
    reviews = {who: r for who, r in _reviews(change, owner).items() if who not in machines and who != owner}
    title = change.subject[:MAX_TITLE_CHARACTERS] or None
    evidence = f"{base}/c/{change.project}/+/{change.number}" if base.startswith("https://") else None
    facts = _facts(change, title=title, accepted_by=_accepted_by(change, owner, machines, reviews))
    yield Contribution(SOURCE, change.id, "change", owner, change.submitted, facts, evidence)
    for account, review in reviews.items():
        vote = review.decisive
        happened_at = vote.at if vote else review.answered_at
        if happened_at is not None:
            review_facts = Facts(
                title=title,
                owner=owner,
                vote=vote.value if vote else None,
                answered_by_new_patch_set=review.answered_at is not None,
            )
            name = f"{change.id}:review:{account.name}"
            yield Contribution(SOURCE, name, "review", account, happened_at, review_facts, evidence)


def _facts(change: _Change, *, title: str | None, accepted_by: tuple[Account, ...]) -> Facts:
    message = parse_message(change.revision.commit.message)
    listed = change.revision.files
    files = sum_of(
        [
            FileChange(path, None if file.binary else file.lines_inserted + file.lines_deleted)
            for path, file in (listed or {}).items()
            if path not in _NO_FILES
        ]
    )
    lines = change.insertions + change.deletions if listed is None else files.lines
    return Facts(
        title=title,
        accepted_by=accepted_by,
        changed_lines=max(0, min(lines, MAX_LINES)),
        paths=tuple(files.paths),
        generated_only=files.generated_only,
        labels=("trivial",) if message.trivial else (),
        commit=change.current_revision,
        reverts=message.reverts or (f"{change.project}~{change.revert_of}" if change.revert_of else None),
        coauthors=len(message.coauthors),
    )


def _accepted_by(
    change: _Change, owner: Account, machines: set[Account], reviews: Mapping[Account, _Review]
) -> tuple[Account, ...]:
    submitter = change.submitter.account if change.submitter else None
    submitting = [submitter] if submitter and submitter != owner and submitter not in machines else []
    voting = [who for who, r in reviews.items() if any(v.value in ACCEPTING for v in r.votes.values())]
    return tuple(dict.fromkeys([*submitting, *voting]))


def _machines(change: _Change) -> set[Account]:
    """The accounts that are no people: by what the server calls them, or because they speak like a gate."""
    approvals = [approval for label in change.labels.values() for approval in label.all]
    known = [change.owner, change.submitter, *(m.author for m in change.messages), *approvals]
    by_name = [
        info
        for info in known
        if info
        and ("SERVICE_USER" in info.tags or is_machine(name=info.name, address=info.email, username=info.username))
    ]
    by_speech = [message.author for message in change.messages if _speaks_as_gate(message)]
    judging = _votes(change.messages).keys()  # a gate verifies; whoever judged the code and quotes one is a person
    quoting = [info for info in by_speech if info.account not in judging]
    return {account for info in [*by_name, *quoting] if (account := info.account)}


def _speaks_as_gate(message: _Message) -> bool:
    """Whether it is tagged as some gate's own, or begins with the words of one."""
    if message.tag.startswith("autogenerated:") and not message.tag.startswith("autogenerated:gerrit"):
        return True
    header = _HEADER.match(message.message)
    said = message.message[header.end() :].lstrip() if header else message.message
    return bool(_GATE_SPEAKS.match(said) or _GATE_MERGES.match(said))


def _reviews(change: _Change, owner: Account) -> dict[Account, _Review]:
    """What each account did, in the order of their numbers, from the messages and the labels as they stand."""
    messages = sorted(change.messages, key=lambda message: message.date)
    votes = _votes(messages)
    for label, short in LABELS.items():
        for approval in change.labels.get(label, _Label()).all:
            account = approval.account
            if account and approval.value and approval.date and short not in (standing := votes[account]):
                standing[short] = _Vote(f"{short}{approval.value:+d}", approval.date)
    answered = _answered_comments(messages, owner)
    return {
        account: _Review(
            {label: votes[account][short] for label, short in LABELS.items() if short in votes[account]},
            answered.get(account),
        )
        for account in sorted({*votes, *answered})
    }


def _votes(messages: Sequence[_Message]) -> dict[Account, dict[str, _Vote]]:
    """The last vote of each account on each label that no `-Code-Review` took back."""
    votes: dict[Account, dict[str, _Vote]] = defaultdict(dict)
    for message in messages:
        account = message.author.account
        header = _HEADER.match(message.message)
        words = header[2].split() if header else []
        if account is None or not words or not all(_ANY_VOTE.fullmatch(word) for word in words):
            continue  # a header that says something else holds no votes: "Cherry Picked from branch master."
        for word in words:
            given = _VOTE.fullmatch(word)
            if given:
                short = LABELS[given[1]]
                votes[account][short] = _Vote(f"{short}{given[2]}", message.date)
            elif word.removeprefix("-") in LABELS:
                votes[account].pop(LABELS[word.removeprefix("-")], None)
    return votes


def _answered_comments(messages: Sequence[_Message], owner: Account) -> dict[Account, datetime]:
    """When each account first left an inline comment that a later patch set of the owner's followed."""
    uploads = [
        (message.date, int(uploaded[1]))
        for message in messages
        if message.author.account == owner and (uploaded := _UPLOADED.match(message.message))
    ]
    answered: dict[Account, datetime] = {}
    for message in messages:
        account = message.author.account
        header = _HEADER.match(message.message)
        if account is None or account in answered or not header or not _COMMENTS.search(message.message):
            continue
        patch_set = int(header[1])
        if any(number > patch_set and at > message.date for at, number in uploads):
            answered[account] = message.date
    return answered
