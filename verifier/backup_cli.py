"""What a person types about the whole office as one file: `backup` and `restore`."""

from pathlib import Path
from typing import Annotated

import typer

from verifier.terminal import AsJson, DataFolder, print_json, progress, settings_of


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file, such as desk-2026-11-23.backup.")],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write the whole office into one file while it runs: database, settings, events, secrets, encrypted keys.
    Never the passphrase.
    """
    from verifier import backup as whole
    from verifier.ground.clock import system_clock

    manifest = whole.make(settings_of(data), file, now=system_clock())
    files = manifest["files"]
    assert isinstance(files, dict)
    if as_json:
        print_json({"file": str(file), **manifest})
    else:
        typer.echo(f"{file} holds {len(files)} files, as they were at {manifest['made_at']}; not the passphrase.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'backup' wrote.")],
    database_url: Annotated[
        str | None,
        typer.Option(
            help="A new, empty PostgreSQL: for an office that keeps its database in one, or from now on."
        ),
    ] = None,
    database_password_file: Annotated[
        Path | None, typer.Option(help="The file with the password of its user, and nothing else.")
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Make a new data folder of a backup. With --database-url, one of a file goes into a PostgreSQL."""
    from schemas import timestamps
    from verifier import backup as whole
    from verifier.ground import settings as ground

    folder = data or ground.default_data_folder()
    done = whole.restore(
        file,
        folder,
        database_url=database_url,
        database_password_file=database_password_file,
        shown=progress("rows"),
    )
    made_at = timestamps.show(done.made_at)
    if as_json:
        print_json({"data": str(folder), "made_at": made_at, "moved": done.moved})
        return
    typer.echo(
        f"{folder} is the office as it was at {made_at}. What was redeemed since can be redeemed"
        " again, for the same voucher: give codes of a pool anew."
    )
    if done.moved:
        typer.echo("What was in a file is in the PostgreSQL: make a backup now, since those of the file end here.")
