"""`database`: at which revision the tables stand, and taking them forward or back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from issuer.cli.output import CommandError, DataOption, JsonOption, answer, table

if TYPE_CHECKING:
    from issuer.ground.migrations.steps import Revision

database = typer.Typer(help="The tables' revision: shown, forward, back.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(database, name="database")


@database.command()
def show(data: DataOption = None, json: JsonOption = False) -> None:
    """Show at which revision the database stands, and every one that this program knows."""
    from issuer.ground.migrations import steps

    now, known = steps.version(**_place(data)), steps.revisions()
    rows = [["→" if one.number == now else "", one.number, one.what] for one in known]
    value = {"at": now, "revisions": [{"number": one.number, "what": one.what} for one in known]}
    text = table("", ["", "revision", "what it brought"], rows)
    if now is None:
        text += "\nThe database has no tables yet."
    elif now not in {one.number for one in known}:
        text += f"\nThe database is at revision {now}, which this program does not know."
    answer(json, value, text)


@database.command()
def upgrade(data: DataOption = None, json: JsonOption = False) -> None:
    """Bring the database to this program's newest revision; each other command does so by itself."""
    from issuer.ground.migrations import steps

    done = steps.upgrade(**_place(data))
    _tell(json, "done", done, "Brought", "The database is at the newest revision already.")


@database.command()
def downgrade(
    to: Annotated[str, typer.Argument(metavar="REVISION", help="As 'database show' lists them.")],
    yes: Annotated[bool, typer.Option("--yes", help="What later revisions hold may be lost.")] = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Take the database back to an earlier revision, for an older program; what later ones brought is lost."""
    from issuer.ground.migrations import steps

    lost = [one for one in steps.revisions() if one.number > to]
    if not yes:
        raise CommandError(
            f"Going back to {to} loses what came later ({'; '.join(f'{one.number} {one.what}' for one in lost)})."
            " Take a copy, stop what runs, and say --yes."
        )
    undone = steps.downgrade(**_place(data), to=to)
    _tell(json, "undone", undone, "Taken back", "")


def _place(data: Path | None) -> "dict[str, Any]":
    from issuer.ground import settings as ground

    settings = ground.load(data or ground.default_data_folder())
    return {"place": settings.database, "password_file": settings.database_password_file}


def _tell(as_json: bool, name: str, moved: "list[Revision]", word: str, nothing: str) -> None:
    lines = [f"{word}: {one.number} {one.what}" for one in moved] or [nothing]
    answer(as_json, {name: [one.number for one in moved]}, "\n".join(lines))
