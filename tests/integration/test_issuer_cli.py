"""`badge-issuer` as people type it: every wrong input ends in one clear sentence, and nothing is half done."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.main import get_command

from issuer import cli
from keys import custody
from tests.stories.project import commit, make_repository

DELEGATE = ("attest", "delegate", "ada@books.example")
PEOPLE = "name,email,accounts\nAda Long,ada@books.example,\nBob Keeper,bob@books.example,\n"


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a data folder of its own."""
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, data: bool = True) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([*arguments, *(["--data", str(tmp_path / "office")] if data else [])])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return Said(int(str(ended.value.code)), printed.out, printed.err)

    return run


@pytest.fixture
def office(run: Run, tmp_path: Path) -> Run:
    """The same with an office made and two people in it."""
    assert run("init", "--public-url", "https://badges.example.org").code == 0
    (tmp_path / "people.csv").write_text(PEOPLE)
    assert run("collect", "people", "people.csv").code == 0
    return run


def one_sentence(said: Said, expected: str) -> None:
    """An error is one line on standard error that says what is wrong."""
    assert said.code == 1
    assert re.search(expected, said.err), said.err
    assert said.err.startswith("badge-issuer: ")
    assert said.err.count("\n") == 1 and said.err.rstrip().endswith(".")
    assert said.out == ""


def test_every_command_takes_json_and_data() -> None:
    def commands(command: object, path: str) -> list[tuple[str, set[str]]]:
        inner = getattr(command, "commands", None)
        if inner:
            return [found for name, sub in inner.items() for found in commands(sub, f"{path} {name}")]
        options = {option for parameter in command.params for option in parameter.opts}  # type: ignore[attr-defined]
        return [(path.strip(), options)]

    found = dict(commands(get_command(cli.app), ""))
    promised = {"init", "award", "decide", "issue", "list", "explain", "export", "revoke", "publish", "serve"}
    assert promised | {"collect git", "collect gerrit", "collect csv", "attest claim"} <= found.keys()
    for name, options in found.items():
        assert "--data" in options or name in {"sign", "recompute", "policy words"}, name  # they open no folder
        assert "--json" in options, name


@pytest.mark.parametrize(
    "arguments",
    [
        ["decide", "--no-such"],
        ["frobnicate"],
        ["explain"],
        ["export", "x", "--as", "docx"],
        ["serve", "--port", "0"],
    ],
    ids=" ".join,
)
def test_misuse_is_exit_code_3(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 3


def test_a_folder_that_is_no_office_says_what_to_do(run: Run) -> None:
    one_sentence(run("decide"), r"no issuer's data folder: run 'badge-issuer init' first")


def test_init_never_overwrites(office: Run) -> None:
    one_sentence(office("init", "--public-url", "https://other.example"), "already; nothing was changed")


@pytest.mark.parametrize(
    "url",
    ["badges.example.org", "http://badges.example.org", "https://127.0.0.1", "https://x.example/path", "https://", "ftp://x.example"],
)  # fmt: skip
def test_init_refuses_an_address_that_others_could_not_use(run: Run, tmp_path: Path, url: str) -> None:
    said = run("init", "--public-url", url)
    assert said.code == 1 and said.err.count("\n") == 1
    assert not (tmp_path / "office" / "issuer.yaml").exists()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("id: {x\n", r"line \d+: "),
        ("id: community\nsurprise: 1\n", r"this field is missing"),
        ("[1]", "a mapping of names to values was expected"),
    ],
    ids=["no yaml", "fields missing", "no fields"],
)
def test_init_refuses_a_policy_that_cannot_be_acted_upon(
    run: Run, tmp_path: Path, wrong: str, sentence: str
) -> None:
    (tmp_path / "mine.yaml").write_text(wrong)
    one_sentence(
        run("init", "--public-url", "https://b.example", "--policy", "mine.yaml"), f"mine.yaml: .*{sentence}"
    )
    assert not (tmp_path / "office" / "issuer.yaml").exists()


def test_a_changed_policy_is_proposed_and_commented_on_before_it_is_in_force(office: Run, tmp_path: Path) -> None:
    policy = tmp_path / "office" / "policy.yaml"
    propose = ("policy", "propose", "policy.yaml", "--by", "ada@books.example", "--why", "too strict")
    one_sentence(office(*propose), r"Ada .* has no role, and only a manager may do this: 'badge-issuer role give")
    for who, role in (("ada", "manager"), ("bob", "panel")):
        assert office("role", "give", f"{who}@books.example", role, "--reason", "elected").code == 0
    policy.write_text(policy.read_text() + "# a comment changes the bytes too\n")
    assert "is not version 1.0.0, which is in force" in office("decide").err
    refused = office(*propose)
    assert refused.code == 1 and "a changed policy needs a new version" in refused.err
    policy.write_text(policy.read_text().replace("version: 1.0.0", "version: 1.0.1"))
    assert office(*propose).code == 0
    report = office("policy", "backtest", "1.0.1", "--people", "--json").json
    assert report["losses"]["people"] == 0  # type: ignore[index]
    assert "open for comments until" in office("policy", "open", "1.0.1", "--by", "ada@books.example").out
    for who in ("ada", "bob"):
        assert office("policy", "approve", "1.0.1", "--by", f"{who}@books.example").code == 0
    by_panel = office("policy", "adopt", "1.0.1", "--by", "bob@books.example")
    assert by_panel.code == 1 and "is a member of the panel, and only a manager may do this" in by_panel.err
    early = office("policy", "adopt", "1.0.1", "--by", "ada@books.example")
    assert early.code == 1 and "once its time for comments is over" in early.err
    states = {v["version"]: v["state"] for v in office("policy", "list", "--json").json["versions"]}  # type: ignore[attr-defined]
    assert states == {"1.0.0": "in force", "1.0.1": "open for comments"}
    page = tmp_path / "page.html"
    assert office("policy", "backtest", "policy.yaml", "--page", str(page)).code == 0
    assert "<svg" in page.read_text()
    assert office("policy", "withdraw", "1.0.1", "--by", "ada@books.example", "--reason", "no").code == 0


def test_a_panel_is_drawn_for_a_question_that_waits_and_by_whoever_may(office: Run) -> None:
    panel = ("question", "panel", "1", "--by", "ada@books.example")
    one_sentence(office(*panel), "only a manager or a member of the panel may do this")
    assert office("role", "give", "ada@books.example", "manager", "--reason", "elected").code == 0
    one_sentence(office(*panel), "There is no question 1 that waits")
    recuse = ("question", "recuse", "1", "--by", "ada@books.example", "--reason", "we are friends")
    one_sentence(office(*recuse), "There is no question 1 that waits")


def test_a_case_file_is_repeated_without_a_data_folder(office: Run, run: Run, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from issuer.recognition import case_file
    from issuer.recognition.decision import Rules
    from tests.unit.issuer.recognition.contributions import change, example

    now = datetime(2026, 11, 22, tzinfo=UTC)
    file = tmp_path / "case.json"
    file.write_bytes(case_file.write([change("a")], Rules.of(example()), as_of=now))
    same = run("recompute", str(file), "--json", data=False)
    assert same.code == 0 and same.json["same"] is True
    file.write_bytes(file.read_bytes().replace(b'"tier":"recognised"', b'"tier":"sustained"'))
    other = run("recompute", str(file), data=False)
    assert other.code == 1 and "it differs in" in other.out


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("surprise: x", "unknown field 'surprise'"),
        ("email: [1]", "must hold fields with text"),
        ("email: {", r"issuer.yaml: line \d+: "),
    ],
    ids=["unknown", "wrong kind", "no yaml"],
)
def test_settings_that_are_wrong_name_file_and_field(
    office: Run, tmp_path: Path, line: str, sentence: str
) -> None:
    file = tmp_path / "office" / "issuer.yaml"
    file.write_text(file.read_text() + line + "\n")
    one_sentence(office("decide"), sentence)


def test_a_wrong_passphrase_is_said_and_nothing_is_signed(office: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BADGEWRIGHT_PASSPHRASE", "not the right one")
    one_sentence(office("issue"), "passphrase does not open")


def test_a_missing_passphrase_says_where_it_was_looked_for(office: Run, tmp_path: Path) -> None:
    (tmp_path / "office" / "passphrase").unlink()
    one_sentence(office("issue"), "passphrase cannot be read from .*passphrase: set BADGEWRIGHT_PASSPHRASE")


def test_a_damaged_database_is_said(office: Run, tmp_path: Path) -> None:
    (tmp_path / "office" / "issuer.sqlite").write_bytes(b"no database" * 1000)
    for extra in tmp_path.glob("office/issuer.sqlite-*"):
        extra.unlink()
    one_sentence(office("decide"), "cannot be opened")


def test_a_bad_row_never_loses_the_good_ones(office: Run, tmp_path: Path) -> None:
    rows = "id,record,account,happened_at,accepted_by,quantity,unit\n"
    rows += "1,translation.approved,git:ada@books.example,2026-11-01T00:00:00Z,git:bob@books.example,400,words\n"
    rows += "2,translation.approved,git:ada@books.example,2026-11-01,git:bob@books.example,400,words\n"
    rows += "3,translation.approved,git:ada@books.example,2026-11-02T00:00:00Z,git:bob@books.example,-4,words\n"
    rows += "4,translation.approved,nobody,2026-11-02T00:00:00Z,git:bob@books.example,4,words\n"
    (tmp_path / "rows.csv").write_text(rows)
    said = office("collect", "csv", "rows.csv", "--as", "weblate", "--json")
    assert said.code == 1
    refused = said.json["refused"]
    assert said.json["stored"] == 1 and isinstance(refused, list)
    assert [row["line"] for row in refused] == [3, 4, 5]
    assert {row["field"] for row in refused} == {"happened_at", "quantity", "account"}
    explained = office("explain", "ada@books.example", "--json").json
    assert explained["tier"] == "recognised"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["collect", "git", "nowhere"], "nowhere"),
        (["collect", "csv", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["collect", "people", "."], "cannot be read"),
        (["explain", "zoe@books.example"], "zoe@books.example"),
        (["revoke", "abcdef", "--reason", "x"], "names no badge"),
        (["export", "abc"], "too short"),
        (["decide", "--as-of", "yesterday"], "--as-of: 'yesterday' is no date"),
        (["decide", "--as-of", "2026-01-01T10:00:00"], "has no time zone"),
        ([*DELEGATE, "--kind", "change.merged", "--until", "2027-01-01"], "nothing to attest"),
        ([*DELEGATE, "--kind", "talk.given", "--until", "2031-01-01"], "1 day to 12 months"),
        (["collect", "gerrit", "http://127.0.0.1:9", "--project", "p"], "could not be asked"),
        (["token", "Not A Source"], "no source's name"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(office: Run, arguments: list[str], sentence: str) -> None:
    one_sentence(office(*arguments), re.escape(sentence))


def test_a_file_that_cannot_be_written_is_said(office: Run, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "project")
    commit(repository, "ada", accepted_by="bob", month=1, subject="Step")
    for arguments in (["collect", "git", "project"], ["decide"], ["issue"]):
        assert office(*arguments).code == 0
    badges = office("list", "--json").json["badges"]
    assert isinstance(badges, list)
    (tmp_path / "a-file").write_text("")
    one_sentence(
        office("export", badges[0]["badge"], "-o", "a-file/badge.png"), "a-file/badge.png cannot be written"
    )
    one_sentence(office("publish", "a-file"), "cannot be written")
    assert office("revoke", badges[0]["badge"][:8], "--reason", "a mistake", "--json").json["changed"] is True
    assert office("revoke", badges[0]["badge"][:8], "--reason", "again", "--json").json["changed"] is False


def test_a_private_key_is_in_no_output(office: Run, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "project")
    commit(repository, "ada", accepted_by="bob", month=1, subject="Step")
    passphrase = (tmp_path / "office" / "passphrase").read_text().strip()
    said = [
        office(*a) for a in (["collect", "git", "project"], ["decide"], ["issue"], ["list"], ["publish", "site"])
    ]
    everything = "".join(s.out + s.err for s in said)
    files = [p for p in (tmp_path / "site").rglob("*") if p.is_file() and p.suffix != ".js"]  # scripts are code
    everything += "".join(p.read_text(errors="replace") for p in files)
    assert passphrase not in everything
    assert '"d":' not in everything and "PRIVATE KEY" not in everything  # a private JWK, a PEM file


def test_award_by_hand_takes_names_from_csv_and_a_second_person_approves(office: Run, tmp_path: Path) -> None:
    (tmp_path / "honoured.csv").write_text("name,email,accounts\nCy,cy@books.example,\n,broken,\n")
    grounds = [
        "--tier",
        "contributor",
        "--decision",
        "the board",
        "--reason",
        "meetups",
        "--by",
        "Ada Long",
        "--json",
    ]
    said = office("award", "honoured.csv", *grounds)
    assert said.code == 1  # one row was refused, and said so
    assert said.json["people"] == 1 and len(list(said.json["refused"])) == 1  # type: ignore[call-overload]
    decision = str(said.json["decision"])
    one_sentence(office("award", "--approve", decision, "--by", "Ada Long"), "somebody who neither made it")
    assert office("award", "--approve", decision, "--by", "Bob Keeper", "--json").json["awards"] == 1
    assert office("award", "--by", "Ada Long").code == 3


def test_long_work_shows_how_far_it_is_on_a_terminal_only(
    office: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = make_repository(tmp_path / "project")
    commit(repository, "ada", accepted_by="bob", month=1, subject="Step")
    assert office("collect", "git", "project").code == 0
    assert office("decide").err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert "people: 2" in office("decide").err
    said = office("issue", "--json")
    assert "signed: 1" in said.err and said.json["signed"] == 1


def test_published_files_lead_to_no_page_that_is_not_among_them(office: Run, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "project")
    commit(repository, "ada", accepted_by="bob", month=1, subject="Step")
    for arguments in (["collect", "git", "project"], ["decide"], ["issue"], ["publish", "site"]):
        assert office(*arguments).code == 0
    (root,) = (tmp_path / "site").iterdir()
    pages = sorted(root.rglob("*.html"))
    assert {"sources", "transparency"} <= {page.parent.name for page in pages}
    for page in pages:
        for link in re.findall(r'(?:href|src)="(/[^"?#]*)', page.read_text(encoding="utf-8")):
            target = root / link.lstrip("/")
            assert target.is_file() or (target / "index.html").is_file(), f"{page} leads to {link}"
    assert "when these files were published" in (root / "sources" / "index.html").read_text(encoding="utf-8")
    assert "quand ces fichiers ont été publiés" in (root / "sources" / "index.fr.html").read_text(encoding="utf-8")
    assert json.loads((root / "sources.json").read_bytes())["as_of"]


def test_sources_that_cannot_be_read_keep_nothing_from_being_published(office: Run, tmp_path: Path) -> None:
    assert office("publish", "site").code == 0
    (tmp_path / "office" / "sources.yaml").write_text("sources: 7\n")
    assert office("publish", "site").code == 0
    assert list((tmp_path / "site").rglob("sources/index.html")), "what was published of them stays"
