"""`keys split` and `keys recover`: the passphrase in the hands of several people, so many of whom open the
office.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli.output import CommandError, DataOption, JsonOption, answer

if TYPE_CHECKING:
    from keys.sharing import Sheet

COLUMNS = 3
SHEET_BREAK = "\f"  # a printer begins a new page here


def register(keys: typer.Typer) -> None:
    keys.command()(split)
    keys.command()(recover)


def split(
    people: Annotated[int, typer.Option(min=2, max=16, help="How many people get a sheet.")] = 3,
    need: Annotated[int, typer.Option(min=2, max=16, help="How many of them together have the passphrase.")] = 2,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one file for each person into this new folder.")
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Print one sheet of words for each person; so many of them together give the passphrase back, fewer nothing.

    Print them, put each into an envelope, delete the files. Nothing of it is stored or logged.
    """
    from issuer.ground import settings as ground
    from keys import sharing
    from keys.custody import KeyStore

    folder = data or ground.default_data_folder()
    settings, passphrase = ground.load(folder), ground.passphrase(folder)
    did = KeyStore(settings.keys, passphrase=passphrase).keyset.did  # no sheets of a passphrase that opens nothing
    sheets = sharing.split(passphrase, people=people, needed=need)
    texts = [_text(sheet, name=settings.name, did=did) for sheet in sheets]
    if output is None:
        answer(json, {"sheets": texts}, SHEET_BREAK.join(texts).rstrip("\n"))
        return
    try:
        output.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise CommandError(f"{output} is there already: a new folder was expected.") from error
    files = [output / f"sheet-{sheet.number}.txt" for sheet in sheets]
    for file, text in zip(files, texts, strict=True):
        _write(file, text)
    said = f"{people} sheets are in {output}: print each, put it into an envelope, and delete the folder."
    answer(json, {"files": [str(file) for file in files]}, said)


def recover(
    to: Annotated[Path, typer.Option(metavar="FILE", help="The new file for the passphrase.")],
    sheets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[SHEET]…", help="Files with sheets as printed; without any, you are asked for words."
        ),
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Put the sheets of enough people together and write the passphrase into a file; it is shown nowhere."""
    from issuer.ground import settings as ground
    from keys import sharing
    from keys.custody import KeyStore

    texts = _read(sheets) if sheets else _asked()
    passphrase = sharing.recover([sharing.words_of(text) for text in texts])
    folder = data or ground.default_data_folder()
    opens = (folder / ground.SETTINGS_FILE).exists()
    if opens:
        KeyStore(
            ground.load(folder).keys, passphrase=passphrase
        )  # sheets of another office, or of a former passphrase
    _write(to, passphrase + "\n")
    said = f"and opens the keys in {folder}" if opens else "; there is no office here on which to try it"
    answer(
        json,
        {"file": str(to), "opens": str(folder) if opens else None},
        f"The passphrase is in {to} {said}. Name the file in BADGEWRIGHT_PASSPHRASE_FILE.",
    )


def _text(sheet: "Sheet", *, name: str, did: str) -> str:
    """A sheet as it is printed. Its words are numbered, so that they are typed in their order."""
    rows = -(-len(sheet.words) // COLUMNS)
    cells = [f"{number:>3}. {word:<10}" for number, word in enumerate(sheet.words, start=1)]
    lines = ["  ".join(cells[row::rows]).rstrip() for row in range(rows)]
    return "\n".join(
        [
            f"{name}: a part of the key passphrase",
            f"of {did}",
            "",
            f"Sheet {sheet.number} of {sheet.people}, set {sheet.set_number}. Any {sheet.needed}"
            " sheets of this set give"
            " the passphrase; this one alone says nothing.",
            "Keep it on paper, in an envelope, and tell nobody the words but those who restore the"
            " office with you:",
            "badge-issuer keys recover --to FILE asks for them.",
            "",
            *lines,
            "",
            "",
        ]
    )


def _read(files: list[Path]) -> list[str]:
    from issuer.cli.output import read_file

    read = [read_file(file).decode("utf-8", "replace") for file in files]
    return [text for whole in read for text in whole.split(SHEET_BREAK) if text.strip()]


def _asked() -> list[str]:
    """The words of each sheet as people type them; not shown while they do."""
    if not sys.stdin.isatty():
        raise CommandError("Name the files with the sheets, or type their words at a terminal.")
    texts: list[str] = []
    while True:
        place = f"Words of sheet {len(texts) + 1} (not shown; nothing more: press Enter)"
        text = typer.prompt(place, hide_input=True, default="", show_default=False)
        if not text.strip():
            return texts
        texts.append(text)


def _write(file: Path, text: str) -> None:
    """A new file that only its owner reads."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CommandError(f"{file} is there already: a new file was expected.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text)
