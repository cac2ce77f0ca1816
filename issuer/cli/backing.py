"""`backup` and `restore`: the whole office in one file, and an office out of such a file."""

from pathlib import Path
from typing import Annotated

import typer

from issuer.cli.output import DataOption, JsonOption, answer, open_office, progress


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file, such as office-2026-11-23.backup.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Write the whole office into one file while it runs: database, encrypted keys, settings, policy. Never the
    passphrase."""
    from issuer import backup as whole
    from issuer.ground import stamps

    office = open_office(data)
    manifest = whole.make(office.engine, office.settings, file, now=office.now)
    stamps.mark(office.settings.data, "backup", now=office.now)
    files, journal = manifest["files"], office.settings.journal
    assert isinstance(files, dict)
    answer(
        json,
        {"file": str(file), **manifest},
        f"{file} holds {len(files)} files, as they were at {manifest['made_at']}; not the passphrase.\n"
        "Keep it on another machine"
        + (f", with the folder {journal}, which holds what is written from now on." if journal else "."),
    )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'backup' wrote.")],
    journal: Annotated[
        list[Path] | None,
        typer.Option(
            "--journal",
            metavar="DIR",
            help="The lost office's folder 'journal': what was done since. Once for each machine that kept one.",
        ),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            help="A new, empty PostgreSQL: for an office that keeps its database in one, or from now on."
        ),
    ] = None,
    database_password_file: Annotated[
        Path | None, typer.Option(help="The file with the password of its user, and nothing else.")
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Make a new data folder of a backup, and do again what the journal says was done since. With
    --database-url, one of a file goes into a PostgreSQL.
    """
    from issuer import backup as whole
    from issuer.ground import settings as ground

    folder = data or ground.default_data_folder()
    done = whole.restore(
        file,
        folder,
        journals=journal or (),
        database_url=database_url,
        database_password_file=database_password_file,
        shown=progress("rows"),
    )
    text = f"{folder} is the office as it was at {done.until:%Y-%m-%d %H:%M} UTC."
    if not journal:
        text += (
            "\nWithout a journal nobody knows what was done after that: badges signed since cannot"
            " be withdrawn here."
            " Collect, decide and issue again; new badges get places on new status lists."
        )
    if done.unsigned:
        text += f"\n{done.unsigned} badges wait for their signature: 'badge-issuer keys sign-anew' gives it."
    if done.moved:
        text += (
            "\nWhat was in a file is in the PostgreSQL: make a backup now, since those of the file end here, and"
            " the new journal continues none of them."
        )
    answer(
        json,
        {
            "data": str(folder),
            "made_at": done.made_at,
            "until": done.until,
            "replayed": done.replayed,
            "unsigned": done.unsigned,
            "moved": done.moved,
        },
        f"{text}\nThen: 'badge-issuer publish', and 'serve'.",
    )
