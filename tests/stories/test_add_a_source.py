"""A community manager who never saw the code adds a source: docs/sources.md, “Add a source”, line by line."""

import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from issuer.cli import main
from issuer.contributions import configuration
from issuer.contributions.configuration import KINDS, ConfigurationError
from issuer.contributions.health import matter_of_file
from issuer.contributions.sources.face import Source

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "sources.md").read_text().partition("\n## Add a source\n")[2].partition("\n## ")[0]
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
BEGIN:VEVENT
UID:may@example
DTSTAMP:20260101T000000Z
DTSTART:20260514T170000Z
SUMMARY:Meetup of May
END:VEVENT
BEGIN:VEVENT
DTSTAMP:20260101T000000Z
DTSTART:20260515T170000Z
SUMMARY:It has no UID
END:VEVENT
END:VCALENDAR
"""


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    assert found is not None
    return found[1]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "issuer"
    assert run("init", "--public-url", "https://badges.example.org", "--data", str(folder)) == 0
    monkeypatch.setenv("BADGEWRIGHT_DATA", str(folder))
    return folder


def test_document_is_played_from_its_own_lines(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "sources.yaml").write_text(block("yaml"))
    (data / "meetups.ics").write_text(CALENDAR)
    said = []
    for line in block("sh").splitlines():
        command = shlex.split(line, comments=True)
        assert command.pop(0) == "badge-issuer"
        assert run(*command) == 0, line
        said.append(capsys.readouterr().out)
    assert "meetups: 1 new, 0 known already, 1 refused." in said[0]
    assert "it has no UID" in said[0]
    assert "meetups: 0 new, 1 known already" in said[1]
    assert "it has no UID" in said[2] and "never" not in said[2]
    assert run("collect", "sources") == 0
    assert "No source is due." in capsys.readouterr().out


def test_table_of_kinds_has_each_kind_with_its_fields() -> None:
    rows = [line for line in SECTION.splitlines() if re.match(r"\| `\w+` \| .* \| .* \| .* \| .* \|", line)]
    assert {row.split("`")[1] for row in rows} == set(KINDS)
    for row in rows:
        cells = row.split("|")
        needs = set(re.findall(r"`(\w+)`(?! \(`)", cells[2])) | set(re.findall(r"`(\w+)`", cells[2]))
        kind = KINDS[row.split("`")[1]]
        fields = {f.alias or name for name, f in kind.model_fields.items() if name not in Source.model_fields}
        assert fields - {"record"} == needs & fields, kind.KIND


def test_what_is_wrong_in_the_file_is_said_with_its_place(data: Path) -> None:
    for text, expected in {
        "sources: {a: {kind: github}}": "repository",
        "sources: {a: {kind: github, repository: a/b, tokens: x}}": "tokens: this field is not known here",
        "sources: {a: {kind: myspace}}": "'myspace' is not known; known are csv",
        "sources: {A b: {kind: feed, url: https://f.example}}": "name",
        "sources: {a: {kind: feed, url: file:///etc/passwd}}": "url",
        "sources: {a: {kind: ical}}": "either 'url' or 'file' was expected",
        "sources: {a: {kind: feed, url: https://f.example, editor: Ada}}": "'Ada' is no account",
        "sources: [a]": "by their names",
        "source: {}": "by their names",
        "sources: {a: {kind: feed}, a: {kind: feed}}": "twice",
        "sources: {a: {kind: feed, url: https://f.example, every_hours: 0}}": "every_hours",
    }.items():
        (data / "sources.yaml").write_text(text)
        with pytest.raises(ConfigurationError, match=re.escape(expected)) as refused:
            configuration.load(data)
        assert "\n" not in str(refused.value)


def test_a_wrong_file_waits_for_the_team() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    matter = matter_of_file(ConfigurationError("sources.yaml, a.repository: this field is missing."), now=now)
    assert "a.repository: this field is missing" in matter.title
    assert "No source is read until the file is right" in matter.default


def test_secrets_and_tokens_are_made_listed_and_taken_back(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "sources.yaml").write_text(
        "sources: {code: {kind: github, repository: a/b, webhook_secret_file: secrets/code}}"
    )
    capsys.readouterr()
    assert run("sources", "secret", "code", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["url"] == "https://badges.example.org/hooks/code"
    file = data / "secrets" / "code"
    assert (file.read_text().strip(), file.stat().st_mode & 0o777) == (made["secret"], 0o600)
    assert run("sources", "secret", "code") == 1
    assert run("sources", "secret", "other") == 1
    assert run("token", "launchpad") == 0
    capsys.readouterr()
    assert run("tokens", "list", "--json") == 0
    (token,) = json.loads(capsys.readouterr().out)["tokens"]
    assert (token["source"], token["webhook"], token["revoked_at"]) == ("launchpad", False, None)
    assert run("tokens", "revoke", token["id"]) == 0
    assert run("tokens", "revoke", "00") == 1
    assert run("collect", "sources", "other") == 1
