"""The passphrase is lost with the machine; two of three people bring their envelopes, and the office opens."""

from itertools import combinations
from pathlib import Path

import pytest

from issuer import cli
from keys import custody
from tests.demo.offices import DemoError, issuer_command

PASSPHRASE = "horses and staples and batteries"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)
    (tmp_path / "envelope").write_text(PASSPHRASE + "\n")
    monkeypatch.setenv("BADGEWRIGHT_PASSPHRASE_FILE", str(tmp_path / "envelope"))
    issuer_command(tmp_path / "issuer", "init", "--public-url", "https://badges.example.org")
    return tmp_path / "issuer"


def split(office: Path, to: Path) -> list[Path]:
    with pytest.raises(SystemExit) as ended:
        cli.main(["keys", "split", "--people", "3", "--need", "2", "--output", str(to), "--data", str(office)])
    assert ended.value.code == 0
    return sorted(to.iterdir())


def refusal(office: Path, *arguments: str) -> str:
    with pytest.raises(DemoError) as refused:
        issuer_command(office, "keys", "recover", *arguments)
    return str(refused.value)


def test_any_two_of_three_envelopes_open_the_office_and_one_does_not(
    office: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sheets = split(office, tmp_path / "sheets")
    assert [sheet.name for sheet in sheets] == ["sheet-1.txt", "sheet-2.txt", "sheet-3.txt"]
    (tmp_path / "envelope").unlink()
    for number, two in enumerate(combinations(sheets, 2)):
        file = tmp_path / f"recovered-{number}"
        said = issuer_command(office, "keys", "recover", *map(str, two), "--to", str(file))
        assert said == {"file": str(file), "opens": str(office)}
        assert file.read_text() == PASSPHRASE + "\n"
        assert file.stat().st_mode & 0o077 == 0
    for one in sheets:
        said = refusal(office, str(one), "--to", str(tmp_path / "none"))
        assert "2 sheets are needed, and 1 was given" in said
    assert not (tmp_path / "none").exists()
    shown = "".join(capfd.readouterr())
    assert PASSPHRASE not in shown and PASSPHRASE not in "".join(sheet.read_text() for sheet in sheets)


def test_sheets_print_one_after_the_other_and_are_read_from_one_file(
    office: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["keys", "split", "--data", str(office)])
    printed = capsys.readouterr().out
    assert printed.count("\f") == 2 and "Sheet 3 of 3" in printed and "did:web:badges.example.org" in printed
    (tmp_path / "typed").write_text(printed)
    issuer_command(office, "keys", "recover", str(tmp_path / "typed"), "--to", str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == PASSPHRASE + "\n"


def test_sheets_of_another_time_or_office_are_refused_in_one_sentence(office: Path, tmp_path: Path) -> None:
    now, before = split(office, tmp_path / "sheets"), split(office, tmp_path / "others")
    target = str(tmp_path / "out")
    assert "different sets" in refusal(office, str(now[0]), str(before[1]), "--to", target)
    other = tmp_path / "other"
    (tmp_path / "envelope").write_text("another one\n")
    issuer_command(other, "init", "--public-url", "https://other.example.org")
    assert "does not open" in refusal(other, str(now[0]), str(now[1]), "--to", target)
    with pytest.raises(SystemExit) as ended:  # nor are sheets made of a passphrase that opens nothing
        cli.main(["keys", "split", "--data", str(office)])
    assert ended.value.code == 1
    (tmp_path / "out").write_text("in the way")
    assert "is there already" in refusal(office, str(now[0]), str(now[1]), "--to", target)
    assert (tmp_path / "out").read_text() == "in the way"
