"""Contributions from a local git repository: its commits, who accepted them, and who wrote them together.

The repository may be anybody's, so git runs without its owner's settings, hooks, filters, pagers or network
(`_run`), and everything it prints is read as data. What a message says is read by `commit_message`, sizes by
`changed_files`. Whose an address is, is the affair of `issuer.people`; what counts, of `issuer.recognition`.
"""

import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from issuer.contributions.model import Contribution, ContributionError, Facts
from issuer.contributions.sources.changed_files import ChangedFiles, FileChange, parse_numstat
from issuer.contributions.sources.commit_message import CommitMessage, Named, parse_message
from issuer.contributions.sources.machines import is_machine
from issuer.people.model import Account, PeopleError

SOURCE = "git"
MAX_PIECE_BYTES = 16 << 20  # one field of git's output: a commit message, or a path
READ_BYTES = 1 << 16
MAX_TITLE_CHARACTERS = 300
ERROR_BYTES = 2000  # how much of git's own complaint is read

# Settings that a repository's own configuration must not decide: each could run a program, leave this machine,
# or change what the same history says.
_SETTINGS = (
    "core.quotePath=off",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    f"core.attributesFile={os.devnull}",
    "log.showSignature=false",  # would run gpg.program
    "log.follow=false",
    "diff.algorithm=default",
    f"diff.orderFile={os.devnull}",
    "diff.renameLimit=1000",
    "i18n.logOutputEncoding=UTF-8",
)
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone would fetch what it lacks,
    "GIT_ALLOW_PROTOCOL": "none",  # and older versions know only this way to keep them from it
    "GIT_NO_REPLACE_OBJECTS": "1",  # refs/replace would show another history than the one that was signed off
}


class GitError(ContributionError):
    """A repository cannot be read; one sentence."""


@dataclass(frozen=True, slots=True)
class _Identity:
    """Somebody as a commit names them, after the repository's mailmap. `account` is None for no usable address."""

    account: Account | None
    machine: bool


@dataclass(frozen=True, slots=True)
class _Merge:
    """The merge that brought commits into the branch: when, and by whom."""

    at: datetime
    people: tuple[_Identity, ...]


@dataclass(frozen=True, slots=True)
class _Brought:
    """Which merge brought which commit; commits of the branch itself were brought by none."""

    merges: Mapping[str, _Merge]
    merge_of: Mapping[str, str]
    commits_of: Mapping[str, list[str]]

    def by(self, commit: str) -> _Merge | None:
        return self.merges.get(self.merge_of.get(commit, ""))


@dataclass(frozen=True, slots=True)
class _Commit:
    """One commit that is no merge."""

    sha: str
    author: _Identity
    committer: _Identity
    author_address: str  # as the commit has it, before the mailmap: a later mailmap must not change its id
    author_date: str
    committed_at: datetime
    message: CommitMessage
    files: ChangedFiles

    @property
    def id(self) -> str:
        """The same after a rebase or cherry-pick: the Change-Id, else what both leave alone."""
        if self.message.change_id:
            return self.message.change_id
        kept = "\0".join([self.author_address, self.author_date, self.message.subject])
        return hashlib.sha256(kept.encode()).hexdigest()


def read_repository(
    path: Path, *, branch: str | None = None, since: datetime | None = None
) -> Iterator[Contribution]:
    """The contributions that the tip of a branch holds, oldest first; of the checked-out branch if None.

    Each commit that is no merge gives one `change` of its author's address (`git:ada@books.example`), which
    happened when the branch took it: at the first merge that brought it, else when it was committed. It was
    accepted by its committer, by the people of that merge, and by those whom Reviewed-by names, where they are
    another address than the author's and no machine. Each co-author's address gives a `coauthorship` with the
    same facts. A commit that takes back a merge also gives a `revert`, which scores in no policy, for each
    commit of that merge. Commits without a usable address or date are left out: they are nobody's.

    `since` leaves out what the branch took before it. Cost grows linearly with the history.

    Raises:
        GitError: git is not installed; no folder, repository, commit or branch there; git failed on the way.
    """
    repository = _Repository.open(path)
    tip = repository.tip(branch)
    brought = _brought(repository, tip)
    with repository.mailmap(tip) as mapped:
        for commit in _commits(repository, tip):
            happened_at = merge.at if (merge := brought.by(commit.sha)) else commit.committed_at
            if since is None or happened_at >= since:
                coauthors = mapped(commit.message.coauthors)
                reviewers = mapped(commit.message.reviewers)
                yield from _contributions(commit, brought, happened_at, coauthors, reviewers)


def tip_of(path: Path, *, branch: str | None = None) -> str:
    """The commit id at the tip of a branch; raises as `read_repository`."""
    return _Repository.open(path).tip(branch)


def shallow_warning(path: Path) -> str | None:
    """A sentence if the repository is a shallow clone, whose older contributions cannot be seen; else None.

    Raises:
        GitError: as for `read_repository`.
    """
    repository = _Repository.open(path)
    if repository.ask("rev-parse", "--is-shallow-repository") != "true":
        return None
    return (
        f"{path} is a shallow clone: what lies before its beginning is missing; 'git fetch --unshallow' gets it."
    )


def _contributions(
    commit: _Commit,
    brought: _Brought,
    happened_at: datetime,
    coauthors: list[_Identity],
    reviewers: list[_Identity],
) -> Iterator[Contribution]:
    author = commit.author.account
    if author is None:
        return
    merge = brought.by(commit.sha)
    accepting = [commit.committer, *(merge.people if merge else ()), *reviewers]
    others = list(dict.fromkeys(a.account for a in coauthors if a.account and a.account != author))
    taken_back = brought.commits_of.get(commit.message.reverts or "", [])
    facts = Facts(
        title=commit.message.subject[:MAX_TITLE_CHARACTERS] or None,
        accepted_by=tuple(
            dict.fromkeys(a.account for a in accepting if a.account and not a.machine and a.account != author)
        ),
        changed_lines=commit.files.lines,
        paths=tuple(commit.files.paths),
        generated_only=commit.files.generated_only,
        labels=("trivial",) if commit.message.trivial else (),
        commit=commit.sha,
        reverts=taken_back[0] if len(taken_back) == 1 else commit.message.reverts,
        coauthors=len(others),
    )
    change = Contribution(SOURCE, commit.id, "change", author, happened_at, facts)
    yield change
    for other in others:
        suffix = hashlib.sha256(other.name.encode()).hexdigest()[:16]
        yield replace(change, id=f"{commit.id}:{suffix}", record="coauthorship", account=other)
    if len(taken_back) > 1:
        for sha in taken_back:
            one = facts.model_copy(update={"reverts": sha})
            yield replace(change, id=f"{commit.id}:reverts:{sha}", record="revert", facts=one)


def _brought(repository: "_Repository", tip: str) -> _Brought:
    """Each commit that a merge of the branch brought, with the first such merge.

    Walks the branch (first parents) from its beginning. What an earlier commit of the branch reached is known
    by then, so from each merge only new commits are visited, and all of it costs one visit for each commit.
    """
    parents: dict[str, list[str]] = {}
    merges: dict[str, _Merge] = {}
    fields = ("%H", "%P", "%ct", "%aN", "%aE", "%cN", "%cE")
    for sha, above, committed, *names in repository.log(fields, "--topo-order", tip):
        parents[sha] = above.split()
        moment = _moment(committed)
        if len(parents[sha]) > 1 and moment is not None:
            merges[sha] = _Merge(moment, (_identity(names[0], names[1]), _identity(names[2], names[3])))
    own: list[str] = []
    step: str | None = tip
    while step is not None and step in parents:
        own.append(step)
        step = parents[step][0] if parents[step] else None
    merge_of: dict[str, str] = {}
    commits_of: dict[str, list[str]] = {}
    seen = set(own)
    for merge in reversed(own):
        waiting = parents[merge][1:]
        while waiting:
            sha = waiting.pop()
            if sha not in seen and sha in parents:
                seen.add(sha)
                waiting.extend(parents[sha])
                if len(parents[sha]) < 2:
                    merge_of[sha] = merge
                    commits_of.setdefault(merge, []).append(sha)
    return _Brought(merges, merge_of, commits_of)


def _commits(repository: "_Repository", tip: str) -> Iterator[_Commit]:
    """Every commit that is no merge, parents before children, with its message and files."""
    fields = ("%H", "%aN", "%aE", "%ae", "%at", "%cN", "%cE", "%ct", "%B")
    options = ("--no-merges", "--reverse", "--topo-order", "--numstat", "--find-renames", "-z")
    for sha, name, address, raw, authored, by, by_address, committed, message, *entries in repository.log(
        fields, *options, tip
    ):
        moment = _moment(committed)
        if moment is not None:
            yield _Commit(
                sha=sha,
                author=_identity(name, address),
                committer=_identity(by, by_address),
                author_address=raw,
                author_date=authored,
                committed_at=moment,
                message=parse_message(message),
                files=_files(entries),
            )


def _files(entries: Iterable[str]) -> ChangedFiles:
    """The sum of `--numstat -z`: a renamed file's entry has no path, and its two names follow."""
    total = ChangedFiles()
    rest = iter(entries)
    for entry in rest:
        change = parse_numstat(entry)
        if change is not None and not change.path:
            next(rest, None)
            change = FileChange(next(rest, ""), change.lines)
        if change is not None:
            total.add(change)
    return total


def _identity(name: str, address: str) -> _Identity:
    try:
        account = Account.of(SOURCE, address)
    except PeopleError:
        account = None
    return _Identity(account, is_machine(name=name, address=address))


def _moment(seconds: str) -> datetime | None:
    """A time that git printed; None for one that no calendar has, since anybody can write one into a commit."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class _Repository:
    """A folder in which git finds a repository, and git to ask about it."""

    git: str
    path: Path

    @classmethod
    def open(cls, path: Path) -> "_Repository":
        git = shutil.which("git")
        if git is None:
            raise GitError("git is not installed: install it to read repositories.")
        if not path.exists():
            raise GitError(f"There is no folder {path}.")
        if not path.is_dir():
            raise GitError(f"{path} is no folder; a git repository was expected.")
        repository = cls(git, path.resolve())
        if repository.ask("rev-parse", "--git-dir") is None:
            raise GitError(f"There is no git repository in {path}.")
        return repository

    def tip(self, branch: str | None) -> str:
        """The commit at the tip of a branch, local or remote-tracking; of the current one if None."""
        names = [f"refs/heads/{branch}", f"refs/remotes/{branch}", f"refs/remotes/origin/{branch}"]
        for name in names if branch is not None else ["HEAD"]:
            found = self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
            if found:
                return found
        if branch is None or self.ask("rev-list", "--all", "--max-count=1") in (None, ""):
            raise GitError(f"The repository {self.path} has no commits yet.")
        raise GitError(f"The repository {self.path} has no branch {branch!r}.")

    def ask(self, *arguments: str) -> str | None:
        """The one line that a git command answers, or None if it failed."""
        answer = subprocess.run(  # noqa: S603 - an absolute program, arguments in a list, no shell
            self._command(*arguments), env=self._environment(), capture_output=True, check=False
        )
        return answer.stdout.decode("utf-8", "replace").strip() if answer.returncode == 0 else None

    def log(self, fields: tuple[str, ...], *arguments: str) -> Iterator[list[str]]:
        """For each commit the fields asked for, and behind them what else git prints between NULs.

        A commit begins with a mark that nobody could foresee, so no message or file name can begin one.
        """
        mark = secrets.token_hex(16)
        layout = "--format=format:" + "%x00".join(["", mark, *fields, ""])
        current: list[str] | None = None
        mailmap = ("-c", f"mailmap.blob={arguments[-1]}:.mailmap")
        with self._output(
            *mailmap,
            "log",
            layout,
            "--encoding=UTF-8",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--no-show-signature",
            "--no-notes",
            "--use-mailmap",
            *arguments[:-1],
            "--end-of-options",
            arguments[-1],
        ) as out:
            for piece in _pieces(out):
                if piece == mark:
                    if current is not None:
                        yield current
                    current = []
                elif current is not None:
                    current.append(piece)
            if current is not None:
                yield current

    @contextmanager
    def mailmap(self, tip: str) -> Iterator["_Mailmap"]:
        """The repository's mailmap for names in trailers, answered by git itself, one question at a time."""
        command = self._command("-c", f"mailmap.blob={tip}:.mailmap", "check-mailmap", "--stdin")
        with subprocess.Popen(  # noqa: S603 - as in `ask`
            command,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                yield _Mailmap(process.stdin, process.stdout, {})
            finally:
                process.kill()

    @contextmanager
    def _output(self, *arguments: str) -> Iterator[IO[bytes]]:
        """What a git command prints, as a stream; the command is ended with the block.

        Raises:
            GitError: it failed, with the first line of its complaint.
        """
        with (
            tempfile.TemporaryFile() as errors,  # a pipe that nobody reads would stop git when it is full
            subprocess.Popen(  # noqa: S603 - as in `ask`
                self._command(*arguments), env=self._environment(), stdout=subprocess.PIPE, stderr=errors
            ) as process,
        ):
            assert process.stdout is not None
            try:
                yield process.stdout
                if process.wait() != 0:
                    errors.seek(0)
                    complaint = errors.read(ERROR_BYTES).decode("utf-8", "replace").strip()
                    first = complaint.splitlines()[0] if complaint else "it gave no reason"
                    raise GitError(f"git could not read {self.path}: {first}.")
            finally:
                process.kill()

    def _command(self, *arguments: str) -> list[str]:
        settings = (*_SETTINGS, f"safe.directory={self.path}")
        return [
            self.git,
            "--no-pager",
            "-C",
            str(self.path),
            *(part for setting in settings for part in ("-c", setting)),
            *arguments,
        ]

    def _environment(self) -> dict[str, str]:
        """Only ours: neither this process's GIT_DIR nor a repository further up may take this one's place."""
        return {**_ENVIRONMENT, "GIT_CEILING_DIRECTORIES": str(self.path.parent)}


@dataclass(frozen=True, slots=True)
class _Mailmap:
    """Asks `git check-mailmap --stdin`; remembers the answers."""

    questions: IO[bytes]
    answers: IO[bytes]
    known: dict[Named, _Identity]

    def __call__(self, people: Iterable[Named]) -> list[_Identity]:
        return [self.known[named] if named in self.known else self._ask(named) for named in people]

    def _ask(self, named: Named) -> _Identity:
        self.questions.write(f"{named.name} <{named.address}>\n".lstrip().encode())
        self.questions.flush()
        name, _, address = self.answers.readline().decode("utf-8", "replace").rpartition("<")
        mapped = address.strip().removesuffix(">") or named.address
        self.known[named] = _identity(name.strip() or named.name, mapped)
        return self.known[named]


def _pieces(stream: IO[bytes]) -> Iterator[str]:
    """The texts between NULs, without ever holding more than one of them and one block."""
    rest = b""
    while block := stream.read(READ_BYTES):
        *whole, rest = (rest + block).split(b"\0")
        for piece in whole:
            yield piece.decode("utf-8", "replace")
        if len(rest) > MAX_PIECE_BYTES:
            raise GitError(f"A commit holds a message or path of more than {MAX_PIECE_BYTES} bytes.")
    if rest:
        yield rest.decode("utf-8", "replace")
