"""An office that is handed over, and the lines of docs/operations.md by which it is opened on a clean machine.

What a stranger gets: a backup of last night, the journal since, two sheets. The lines are read from the
document, so that neither can drift from the other.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.demo.offices import issuer_command
from tests.stories.project import commit, make_repository

ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "horses and staples and batteries"
WHO = ("ada", "bob", "cy")


@dataclass(frozen=True)
class Drill:
    """The blocks of shell of the document, in their order."""

    program: str
    office: str
    works: str
    serves: str


def drill() -> Drill:
    """What the document says."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition("\n## The handover drill\n")[2].partition("\n## ")[0]
    return Drill(*re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


def lost_office(folder: Path, given: Path) -> dict[str, str]:
    """Run an office, put into `given` what a handover gives, and lose the machine. Comes out: the id of each
    holder's badge, by name.
    """
    data = folder / "issuer"
    (folder / "envelope").write_text(PASSPHRASE + "\n")
    os.environ["BADGEWRIGHT_PASSPHRASE_FILE"] = str(folder / "envelope")
    repository = make_repository(folder / "project")
    issuer_command(data, "init", "--public-url", "https://badges.example.org", "--name", "Harbour Books")
    settings = data / "issuer.yaml"
    nobody = "mail: {host: 127.0.0.1, port: 9, tls: none, sender: badges@books.example}\n"  # nothing listens there
    settings.write_text(settings.read_text() + nobody)
    rows = "".join(f"{who.title()} Long,{who}@books.example,\n" for who in (*WHO, "keeper"))
    (folder / "people.csv").write_text("name,email,accounts\n" + rows)
    issuer_command(data, "collect", "people", str(folder / "people.csv"))

    def recognise(who: str) -> None:
        commit(repository, who, accepted_by="keeper", month=1, subject=f"Work of {who}")
        issuer_command(data, "collect", "git", str(repository))
        issuer_command(data, "nightly")

    recognise("ada")
    recognise("bob")
    sheets = folder / "sheets"
    from issuer import cli

    try:
        cli.main(["keys", "split", "--output", str(sheets), "--data", str(data)])
    except SystemExit as ended:
        assert ended.code == 0
    issuer_command(data, "backup", str(given / "office.backup"))
    recognise("cy")
    badges = {one["holder"].split()[0].lower(): one["badge"] for one in issuer_command(data, "list")["badges"]}
    issuer_command(data, "revoke", badges["bob"], "--reason", "a mistake")
    shutil.copytree(data / "journal", given / "journal")
    shutil.copy(sheets / "sheet-3.txt", given / "sheet-1.txt")  # any two of three
    shutil.copy(sheets / "sheet-1.txt", given / "sheet-2.txt")
    del os.environ["BADGEWRIGHT_PASSPHRASE_FILE"]
    shutil.rmtree(folder)
    return badges


def type_lines(lines: str, *, at: Path, env: dict[str, str], minutes: float) -> subprocess.CompletedProcess[str]:
    """What somebody types, each line after the one before it has succeeded; then the environment as it is left."""
    script = f"{lines}\nenv -0 > .environment\n"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=at,
        env=env,
        capture_output=True,
        text=True,
        timeout=60 * minutes,
        check=False,
    )


def environment_left(at: Path) -> dict[str, str]:
    """What the lines before have exported."""
    pairs = (at / ".environment").read_text().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
