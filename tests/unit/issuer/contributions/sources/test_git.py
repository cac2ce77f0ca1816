"""A real git repository, made on the spot, gives what its history says, and nothing that its settings would."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from issuer.contributions import service
from issuer.contributions.model import Contribution
from issuer.contributions.sources.git import GitError, read_repository, shallow_warning
from issuer.people.model import Account

ADA = "Ada Quin <ada@books.example>"
WEN = "Wen York <wen@clouds.example>"
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Repository:
    """A repository whose commits are a day apart, each by whom the test says."""

    path: Path
    days: int = 0
    settings: list[str] = field(default_factory=list)

    def git(self, *arguments: str, author: str = ADA, committer: str | None = None, check: bool = True) -> str:
        self.days += 1
        moment = f"{int((START + timedelta(days=self.days)).timestamp())} +0100"
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        for role, who in (("AUTHOR", author), ("COMMITTER", committer or author)):
            name, _, address = who.partition(" <")
            environment |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": address.strip(">")}
            environment[f"GIT_{role}_DATE"] = moment
        command = ["git", "-C", str(self.path), *self.settings, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.decode(errors="replace").strip()

    def write(self, name: str, content: str | bytes) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(
        self,
        message: str,
        *,
        author: str = ADA,
        committer: str | None = None,
        files: dict[str, str | bytes] | None = None,
    ) -> str:
        for name, content in (files or {f"{message.split()[0]}.txt": "one\ntwo\nthree\n"}).items():
            self.write(name, content)
        self.git("add", "-A")
        self.git(
            "commit", "--allow-empty", "--allow-empty-message", "-m", message, author=author, committer=committer
        )
        return self.head()

    def head(self, name: str = "HEAD") -> str:
        return self.git("rev-parse", name)

    def merge(self, branch: str, *, author: str = WEN, committer: str | None = None) -> str:
        self.git("merge", "--no-ff", "-m", f"Merge {branch}", branch, author=author, committer=committer)
        return self.head()

    def when(self, commit: str) -> datetime:
        return datetime.fromtimestamp(int(self.git("log", "-1", "--format=%ct", commit)), UTC)

    def read(self, branch: str | None = None, since: datetime | None = None) -> dict[str, Contribution]:
        """What is read, by title; records that are no change by title and record."""
        named = {}
        for made in read_repository(self.path, branch=branch, since=since):
            title = made.facts.title or ""
            named[title if made.record == "change" else f"{title}/{made.record}/{made.account.name}"] = made
        return named


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    made.path.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    return made


def acceptors(contribution: Contribution) -> list[str]:
    return [account.name for account in contribution.facts.accepted_by]


def test_commit_gives_a_change_of_its_author(repository: Repository) -> None:
    sha = repository.commit("First fix\n\nBody.\n", files={"a.py": "x\n" * 5, "docs/b.md": "y\n"})
    made = repository.read()["First fix"]
    assert (made.source, made.record, made.account) == ("git", "change", Account("git", "ada@books.example"))
    assert made.happened_at == repository.when(sha)
    assert made.facts.model_dump(exclude_defaults=True) == {
        "title": "First fix",
        "changed_lines": 6,
        "paths": ("a.py", "docs/b.md"),
        "commit": sha,
        "coauthors": 0,
    }


def test_committer_of_another_address_accepts(repository: Repository) -> None:
    repository.commit("Own", committer="Ada at home <ADA@books.example>")
    repository.commit("Applied", committer=WEN)
    read = repository.read()
    assert acceptors(read["Own"]) == []
    assert acceptors(read["Applied"]) == ["wen@clouds.example"]


@pytest.mark.parametrize("machine", ["GitHub <noreply@github.com>", "Zuul <zuul@gate.example>"])
def test_machine_accepts_nothing(repository: Repository, machine: str) -> None:
    repository.commit("Squashed", committer=machine)
    assert acceptors(repository.read()["Squashed"]) == []


def test_reviewer_in_a_trailer_accepts_and_the_author_does_not(repository: Repository) -> None:
    repository.commit("Fix\n\nReviewed-by: Wen <WEN@clouds.example>\nReviewed-By: Ada <ada@books.example>\n")
    assert acceptors(repository.read()["Fix"]) == ["wen@clouds.example"]


def test_merge_accepts_what_it_brought_and_says_when(repository: Repository) -> None:
    repository.commit("Base")
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit("One")
    repository.commit("Two", author=WEN)
    repository.git("checkout", "-q", "main")
    meanwhile = repository.commit("Meanwhile")
    merge = repository.merge("topic", author=WEN)
    later = repository.commit("Later")
    read = repository.read()
    assert sorted(read) == ["Base", "Later", "Meanwhile", "One", "Two"]
    assert acceptors(read["One"]) == ["wen@clouds.example"]
    assert acceptors(read["Two"]) == []
    assert read["One"].happened_at == read["Two"].happened_at == repository.when(merge)
    assert acceptors(read["Meanwhile"]) == acceptors(read["Later"]) == []
    assert read["Meanwhile"].happened_at == repository.when(meanwhile)
    assert read["Later"].happened_at == repository.when(later)


def test_merge_made_on_a_web_page_is_accepted_by_its_author(repository: Repository) -> None:
    repository.commit("Base")
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit("One")
    repository.git("checkout", "-q", "main")
    repository.merge("topic", author=WEN, committer="GitHub <noreply@github.com>")
    assert acceptors(repository.read()["One"]) == ["wen@clouds.example"]


def test_commit_belongs_to_the_first_merge_of_the_branch_that_reached_it(repository: Repository) -> None:
    repository.commit("Base")
    repository.git("checkout", "-q", "-b", "inner")
    repository.commit("Deep", author="Cy <cy@x.example>")
    repository.git("checkout", "-q", "-b", "outer", "main")
    repository.commit("Shallow", author="Cy <cy@x.example>")
    repository.merge("inner", author="Cy <cy@x.example>")
    repository.git("checkout", "-q", "main")
    first = repository.merge("outer", author=WEN)
    repository.git("checkout", "-q", "inner")
    repository.commit("More", author="Cy <cy@x.example>")
    repository.git("checkout", "-q", "main")
    second = repository.merge("inner", author=ADA)
    read = repository.read()
    assert read["Deep"].happened_at == read["Shallow"].happened_at == repository.when(first)
    assert acceptors(read["Deep"]) == ["wen@clouds.example"]
    assert read["More"].happened_at == repository.when(second)
    assert acceptors(read["More"]) == ["ada@books.example"]


def test_since_asks_when_the_branch_took_it(repository: Repository) -> None:
    repository.commit("Base")
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit("Written early")
    repository.git("checkout", "-q", "main")
    own = repository.commit("Own")
    merge = repository.merge("topic")
    assert sorted(repository.read(since=repository.when(merge))) == ["Written early"]
    assert sorted(repository.read(since=repository.when(own))) == ["Own", "Written early"]


def test_rebase_and_cherry_pick_give_no_second_contribution(repository: Repository, database: Engine) -> None:
    repository.commit("Base")
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit("Fix\n\nCo-authored-by: Wen <wen@clouds.example>\n")
    repository.commit("Gerrit\n\nChange-Id: I" + "a" * 40 + "\n")
    assert service.store(database, read_repository(repository.path), now=START).stored == 4
    repository.git("checkout", "-q", "main")
    repository.commit("Meanwhile", author=WEN)
    repository.git("checkout", "-q", "topic")
    repository.git("rebase", "-q", "main", author=WEN)
    assert service.store(database, read_repository(repository.path), now=START).stored == 1
    repository.git("checkout", "-q", "-b", "stable", "main~1")
    repository.git("cherry-pick", "topic~1", "topic", author=WEN)
    assert service.store(database, read_repository(repository.path, branch="stable"), now=START).stored == 0


def test_reworded_gerrit_change_keeps_its_id_and_another_subject_is_another_change(repository: Repository) -> None:
    change_id = "I" + "c" * 40
    repository.commit(f"Frist\n\nChange-Id: {change_id}\n")
    assert repository.read()["Frist"].id == change_id
    repository.git("commit", "--amend", "-m", f"First\n\nChange-Id: {change_id}\n")
    assert repository.read()["First"].id == change_id


def test_revert_names_the_commit_and_a_revert_of_it_names_the_revert(repository: Repository) -> None:
    fix = repository.commit("Fix")
    repository.git("revert", "--no-edit", "HEAD", author=WEN)
    revert = repository.head()
    repository.git("revert", "--no-edit", "HEAD")
    read = repository.read()
    assert read['Revert "Fix"'].facts.reverts == fix
    again = [made for title, made in read.items() if made.facts.reverts == revert]
    assert [made.record for made in again] == ["change"]


def test_revert_of_a_merge_takes_back_each_commit_that_it_brought(repository: Repository) -> None:
    repository.commit("Base")
    repository.git("checkout", "-q", "-b", "topic")
    first, second = repository.commit("One"), repository.commit("Two")
    repository.git("checkout", "-q", "main")
    repository.merge("topic")
    repository.git("revert", "--no-edit", "-m", "1", "HEAD", author=WEN)
    made = list(read_repository(repository.path))
    assert {m.facts.reverts for m in made if m.record == "revert"} == {first, second}
    assert len({m.id for m in made}) == len(made)


def test_revert_of_a_merge_of_one_commit_names_that_commit(repository: Repository) -> None:
    repository.commit("Base")
    repository.git("checkout", "-q", "-b", "topic")
    one = repository.commit("One")
    repository.git("checkout", "-q", "main")
    repository.merge("topic")
    repository.git("revert", "--no-edit", "-m", "1", "HEAD", author=WEN)
    read = repository.read()
    assert [made.facts.reverts for made in read.values() if made.facts.reverts] == [one]


def test_coauthors_have_the_same_facts_and_the_author_is_none(repository: Repository) -> None:
    trailers = "\n".join(
        [
            "Co-authored-by: Wen York <Wen@Clouds.example>",
            "CO-AUTHORED-BY: Cy cy@x.example",
            "Co-authored-by: Ada <ada@books.example>",
            "Co-authored-by: Just A Name",
            "Assisted-By: A Model <model@machine.example>",
        ]
    )
    repository.commit(f"Fix\n\n{trailers}\n", committer=WEN)
    read = repository.read()
    assert sorted(read) == ["Fix", "Fix/coauthorship/cy@x.example", "Fix/coauthorship/wen@clouds.example"]
    change, other = read["Fix"], read["Fix/coauthorship/cy@x.example"]
    assert change.facts.coauthors == 2
    assert (other.facts, other.happened_at) == (change.facts, change.happened_at)
    assert other.id.startswith(change.id + ":")


def test_mailmap_of_the_branch_speaks_for_authors_committers_and_trailers(repository: Repository) -> None:
    repository.commit(
        "Old\n\nCo-authored-by: Wen <wen@old.example>\nReviewed-by: Wen <wen@old.example>\n",
        author="ada <ada@old.example>",
        committer="Ada <ada@books.example>",
    )
    before = repository.read()["Old"].id
    mailmap = f"{ADA} <ada@old.example>\n{WEN} <wen@old.example>\n"
    repository.commit("Add a mailmap", files={".mailmap": mailmap})
    read = repository.read()
    assert read["Old"].account.name == "ada@books.example"
    assert acceptors(read["Old"]) == ["wen@clouds.example"]
    assert "Old/coauthorship/wen@clouds.example" in read
    assert read["Old"].id == before


def test_binary_and_generated_files_add_no_lines(repository: Repository) -> None:
    repository.commit("Logo", files={"logo.png": b"\x89PNG\0\0", "poetry.lock": "x\n" * 900, "a.py": "x\ny\n"})
    repository.commit("Locked", files={"poetry.lock": "y\n" * 900})
    read = repository.read()
    assert read["Logo"].facts.changed_lines == 2
    assert set(read["Logo"].facts.paths) == {"logo.png", "poetry.lock", "a.py"}
    assert (read["Locked"].facts.changed_lines, read["Locked"].facts.generated_only) == (0, True)


def test_rename_counts_the_lines_that_changed_under_the_new_name(repository: Repository) -> None:
    text = "".join(f"line {n}\n" for n in range(50))
    repository.commit("Base", files={"old name.md": text})
    repository.git("mv", "old name.md", "new name.md")
    repository.commit("Move", files={"new name.md": text + "one more\n", "z.md": "z\n"})
    facts = repository.read()["Move"].facts
    assert (facts.changed_lines, set(facts.paths)) == (2, {"new name.md", "z.md"})


def test_file_names_hold_what_they_hold(repository: Repository) -> None:
    names = ['with "quotes".md', "line\nbreak.md", "tab\tand ü.md", "1\t2\tnumstat", "runbooks/é.md"]
    repository.commit("Odd names", files=dict.fromkeys(names, "x\n"))
    facts = repository.read()["Odd names"].facts
    assert (facts.changed_lines, set(facts.paths)) == (5, set(names))


def test_bytes_that_are_no_utf8_are_replaced_and_lose_nothing(repository: Repository) -> None:
    repository.commit("Base", files={"a.txt": "x\n"})
    tree = repository.git("rev-parse", "HEAD^{tree}")
    raw = f"tree {tree}\nparent {repository.head()}\n".encode() + (
        b"author No\xe9 <no\xe9@x.example> 1767225600 +0000\n"
        b"committer Wen <wen@clouds.example> 1767225600 +0000\n\nCaf\xe9\n"
    )
    made = subprocess.run(
        ["git", "-C", str(repository.path), "hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        input=raw,
        capture_output=True,
        check=True,
    )
    repository.git("update-ref", "refs/heads/main", made.stdout.decode().strip())
    read = repository.read()
    assert len(read) == 2
    odd = next(made for title, made in read.items() if title != "Base")
    assert odd.facts.title is not None
    assert odd.facts.title.startswith("Caf")
    assert odd.account.name.endswith("@x.example")


@pytest.mark.parametrize(
    "author",
    [
        "author Nobody <> 1767225600 +0000",
        "author Ada <ada@books.example> 99999999999999999999 +0000",
        "author Ada <ada@books.example>",
        "author <<<>>> x",
    ],
)
def test_broken_author_line_is_nobodys_and_stops_nothing(repository: Repository, author: str) -> None:
    repository.commit("Base")
    tree = repository.git("rev-parse", "HEAD^{tree}")
    raw = f"tree {tree}\nparent {repository.head()}\n{author}\n{author.replace('author', 'committer')}\n\nOdd\n"
    made = subprocess.run(
        ["git", "-C", str(repository.path), "hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        input=raw.encode(),
        capture_output=True,
        check=True,
    )
    repository.git("update-ref", "refs/heads/main", made.stdout.decode().strip())
    repository.git("reset", "-q", "--hard")
    repository.commit("Later")
    assert {"Base", "Later"} <= repository.read().keys()


def test_trivial_fix_is_labelled(repository: Repository) -> None:
    repository.commit("Typo\n\nTrivialFix\n")
    assert repository.read()["Typo"].facts.labels == ("trivial",)


def test_other_branch_is_read_when_asked_for(repository: Repository) -> None:
    repository.commit("Base")
    repository.git("checkout", "-q", "-b", "stable/1.0")
    repository.commit("Stable")
    repository.git("checkout", "-q", "main")
    assert sorted(repository.read("stable/1.0")) == ["Base", "Stable"]
    assert sorted(repository.read()) == ["Base"]


def test_bare_repository_and_clone_are_read(repository: Repository, tmp_path: Path) -> None:
    repository.commit("Base", files={".mailmap": f"{WEN} <ada@books.example>\n"})
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    (made,) = read_repository(tmp_path / "bare")
    assert made.account.name == "wen@clouds.example"
    repository.git("clone", "-q", ".", str(tmp_path / "clone"))
    assert len(list(read_repository(tmp_path / "clone", branch="origin/main"))) == 1


def test_shallow_clone_is_read_with_a_warning(repository: Repository, tmp_path: Path) -> None:
    repository.commit("Old")
    repository.commit("New")
    repository.git("clone", "-q", "--depth=1", f"file://{repository.path}", str(tmp_path / "shallow"))
    assert [made.facts.title for made in read_repository(tmp_path / "shallow")] == ["New"]
    assert "shallow clone" in (shallow_warning(tmp_path / "shallow") or "")
    assert shallow_warning(repository.path) is None


def refusal(path: Path, branch: str | None = None) -> str:
    with pytest.raises(GitError) as refused:
        list(read_repository(path, branch=branch))
    assert str(refused.value).count("\n") == 0
    return str(refused.value)


def test_what_is_no_repository_is_refused_with_one_sentence(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    assert "has no commits yet" in refusal(repository.path)
    assert "has no commits yet" in refusal(repository.path, "main")
    assert "There is no folder" in refusal(tmp_path / "missing")
    assert "is no folder" in refusal(tmp_path / "file")
    assert "no git repository" in refusal(tmp_path / "empty")


def test_folder_inside_a_repository_is_not_taken_for_it(repository: Repository) -> None:
    repository.commit("Base", files={"inside/a.txt": "x\n"})
    assert "no git repository" in refusal(repository.path / "inside")


@pytest.mark.parametrize("branch", ["nowhere", "--all", "main..main", "", "HEAD~1", "main\n"])
def test_what_is_no_branch_is_refused(repository: Repository, branch: str) -> None:
    repository.commit("Base")
    assert "has no branch" in refusal(repository.path, branch)


def test_missing_git_is_said(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "git is not installed" in refusal(repository.path)


def test_damaged_repository_is_refused_with_one_sentence(repository: Repository) -> None:
    sha = repository.commit("Base")
    repository.commit("Next")
    file = repository.path / ".git" / "objects" / sha[:2] / sha[2:]
    file.chmod(0o600)
    file.write_bytes(b"damaged")
    assert "git could not read" in refusal(repository.path)


def test_settings_of_the_repository_run_nothing(repository: Repository, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho ran >> {proof}\ncat "$@" 2>/dev/null\n')
    program.chmod(0o755)
    repository.commit("Base", files={".gitattributes": "* diff=evil filter=evil\n", "a.txt": "x\n"})
    for setting in (
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.clean",
        "filter.evil.smudge",
        "core.pager",
        "pager.log",
        "core.fsmonitor",
        "gpg.program",
        "core.sshCommand",
        "alias.log",
    ):
        repository.git("config", setting, str(program))
    repository.git("config", "log.showSignature", "true")
    repository.git("config", "diff.relative", "true")
    assert sorted(repository.read()) == ["Base"]
    assert not proof.exists()


def test_replaced_history_and_this_process_s_settings_are_not_followed(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = repository.commit("Real")
    other = repository.commit("Other", author=WEN)
    repository.git("reset", "-q", "--hard", real)
    repository.git("replace", real, other)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "diff.renames")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "nonsense")
    titles = [made.facts.title for made in read_repository(repository.path)]
    assert titles == ["Real"]


def test_reader_that_stops_early_leaves_no_git_behind(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        repository.commit(f"C{number}\n\nCo-authored-by: Wen <wen{number}@x.example>\n")
    started: list[subprocess.Popen[bytes]] = []
    popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen

    def remember(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr("subprocess.Popen", remember)
    reading = read_repository(repository.path)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert started
    assert all(process.returncode is not None for process in started)
