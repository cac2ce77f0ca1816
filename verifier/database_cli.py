"""What a person types about the tables: `database show`, `upgrade`, `downgrade`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verifier.terminal import AsJson, CommandLineError, DataFolder, print_json, print_lines, settings_of

if TYPE_CHECKING:
    from verifier.ground.migrations.steps import Revision

database = typer.Typer(help="The tables' revision: shown, forward, back.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(database, name="database")


@database.command()
def show(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Show at which revision the database stands, and every one that this program knows."""
    from verifier.ground.migrations import steps

    now, known = steps.version(**_place(data)), steps.revisions()
    if as_json:
        print_json({"at": now, "revisions": [{"number": one.number, "what": one.what} for one in known]})
        return
    print_lines(f"{'→' if one.number == now else ' '}  {one.number}  {one.what}" for one in known)
    if now is None:
        print_lines(["The database has no tables yet."])
    elif now not in {one.number for one in known}:
        print_lines([f"The database is at revision {now}, which this program does not know."])


@database.command()
def upgrade(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Bring the database to this program's newest revision; each other command does so by itself."""
    from verifier.ground.migrations import steps

    done = steps.upgrade(**_place(data))
    _tell(as_json, "done", done, "Brought", "The database is at the newest revision already.")


@database.command()
def downgrade(
    to: Annotated[str, typer.Argument(metavar="REVISION", help="As 'database show' lists them.")],
    yes: Annotated[bool, typer.Option("--yes", help="What later revisions hold may be lost.")] = False,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take the database back to an earlier revision, for an older program; what later ones brought is lost."""
    from verifier.ground.migrations import steps

    place = _place(data)
    lost = [one for one in steps.revisions() if one.number > to]
    if not yes:
        raise CommandLineError(
            f"Going back to {to} loses what came later ({'; '.join(f'{one.number} {one.what}' for one in lost)})."
            " Take a copy, stop what runs, and say --yes."
        )
    _tell(as_json, "undone", steps.downgrade(**place, to=to), "Taken back", "")


def _place(data: Path | None) -> "dict[str, Any]":
    settings = settings_of(data)
    if not settings.has_database:
        raise CommandLineError(f"There is no database in {settings.data}: an office that only verifies has none.")
    return {"place": settings.database, "password_file": settings.database_password_file}


def _tell(as_json: bool, name: str, moved: "list[Revision]", word: str, nothing: str) -> None:
    if as_json:
        print_json({name: [one.number for one in moved]})
    else:
        print_lines([f"{word}: {one.number} {one.what}" for one in moved] or [nothing])
