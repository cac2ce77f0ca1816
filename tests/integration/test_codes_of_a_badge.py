"""A badge's code from one command line to the other: each form that the issuer exports, the verifier reads."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from issuer import cli as issuer_cli
from keys import custody

ROOT = Path(__file__).resolve().parents[2]
FORMS = ("qr-text", "qr-url", "qr-png", "qr-svg", "jwt", "json", "png", "svg", "pdf")


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with one badge in every form, and what its issuer publishes."""
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)
    monkeypatch.chdir(tmp_path)

    def office(*arguments: str) -> dict[str, object]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            issuer_cli.main([*arguments, "--data", str(tmp_path / "office")])
        printed = capsys.readouterr()
        assert ended.value.code == 0, printed.err
        made: dict[str, object] = json.loads(printed.out) if "--json" in arguments else {}
        return made

    office("init", "--public-url", "https://badges.example.org")
    (tmp_path / "people.csv").write_text("name,email,accounts\nAda Long,ada@books.example,\n")
    office("collect", "people", "people.csv")
    (tmp_path / "honoured.csv").write_text("name,email,accounts\nAda Long,ada@books.example,\n")
    decided = ("--decision", "B-1", "--reason", "thanks", "--by", "ada@books.example")
    office("award", "honoured.csv", "--tier", "recognised", *decided)
    office("issue")
    listed = office("list", "--json")["badges"]
    assert isinstance(listed, list)
    for form in (*FORMS, "zip"):
        office("export", listed[0]["badge"], "--as", form, "-o", f"badge.{form}")
    office("publish", "published")
    return tmp_path


@pytest.mark.parametrize("form", FORMS)
def test_the_verifier_reads_each_form_that_the_issuer_exports(exported: Path, form: str) -> None:
    tool = [sys.executable, "-c", "from verifier.cli import main; main()"]
    done = subprocess.run(
        [*tool, "verify", f"badge.{form}", "--offline-dir", "published"],
        cwd=exported,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_code_says_the_same_badge(exported: Path) -> None:
    picture = Image.open(io.BytesIO((exported / "badge.qr-png").read_bytes()))
    (code,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    url = (exported / "badge.qr-url").read_text()
    assert code.text == url
    assert url.startswith("https://badges.example.org/v#")
    assert f"<desc>{url}</desc>" in (exported / "badge.qr-svg").read_text()
    assert (exported / "badge.qr-text").read_text().startswith("OB1:")


def test_the_verifier_accepts_each_file_of_the_archive(exported: Path) -> None:
    import zipfile

    with zipfile.ZipFile(exported / "badge.zip") as archive:
        archive.extractall(exported / "set")
    carried = sorted(file for file in (exported / "set").iterdir() if file.name != "README.txt")
    assert len(carried) == 7
    for file in carried:
        assert accepted(exported, f"set/{file.name}"), file.name


def test_a_photograph_of_the_printed_page_is_accepted(exported: Path) -> None:
    import pypdfium2

    (page,) = pypdfium2.PdfDocument((exported / "badge.pdf").read_bytes())
    sheet = page.render(scale=150 / 72).to_pil().convert("L")
    table = Image.new("L", (sheet.width + 200, sheet.height + 200), 140)
    table.paste(sheet, (100, 80))
    table.rotate(7, fillcolor=140, resample=Image.Resampling.BICUBIC).save(exported / "photo.jpg", quality=80)
    assert accepted(exported, "photo.jpg")


def accepted(folder: Path, file: str) -> bool:
    tool = [sys.executable, "-c", "from verifier.cli import main; main()"]
    done = subprocess.run(
        [*tool, "verify", file, "--offline-dir", "published"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0
