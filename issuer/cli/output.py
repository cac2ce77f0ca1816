"""What all commands share: their common options, how they answer, and how errors end."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from issuer.badges.bureau import Bureau
    from issuer.ground.settings import Settings
    from schemas.policy import QualificationPolicy

DONE, NOT_DONE, MISUSE = 0, 1, 3
_USAGE_EXIT = 2
_opened = ExitStack()  # what is closed when the command has ended

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The issuer's data folder [default: ./badgewright-issuer]."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer with JSON.")]


class CommandError(Exception):
    """A command cannot be carried out; one sentence."""


@dataclass(frozen=True)
class Office:
    """A data folder opened: its settings, database, policy in force, and the moment of this command."""

    settings: "Settings"
    engine: "Engine"
    policy: "QualificationPolicy"
    now: datetime

    def bureau(self) -> "Bureau":
        """With its keys, for what signs or makes private links."""
        from issuer.badges.bureau import open_bureau

        return open_bureau(self.engine, self.settings)


def open_office(data: Path | None) -> Office:
    """Open the data folder of a command."""
    from issuer.ground import settings as ground_settings
    from issuer.ground.database import open_own_database
    from issuer.recognition import service as recognition
    from issuer.recognition import versions

    now = datetime.now(UTC)
    settings = ground_settings.load(data or ground_settings.default_data_folder())
    engine = open_own_database(settings)
    _opened.callback(engine.dispose)
    policy = recognition.policy_in_force(engine, settings.policy, now=now)
    if versions.waits_in_file(settings.policy, policy):
        typer.echo(
            f"badge-issuer: {settings.policy} is not version {policy.version}, which is in force:"
            f" 'badge-issuer policy propose {settings.policy.name}' proposes it.",
            err=True,
        )
    return Office(settings, engine, policy, now)


def answer(as_json: bool, value: Any, text: str) -> None:
    """The command's answer on standard output, as JSON or in words."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str) if as_json else text)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows as a plain table whose columns line up."""
    widths = [max(len(str(row[i])) for row in [columns, *rows]) for i in range(len(columns))]
    lines = [title] if title else []
    lines += [
        "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [columns, ["─" * width for width in widths], *rows]
    ]
    return "\n".join(lines)


def progress(what: str) -> Callable[[int], None]:
    """Shows how far a long task is, on a terminal only."""

    def show(count: int) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\r{what}: {count}", err=True, nl=False)

    return show


def moment(text: str, *, name: str) -> datetime:
    """A date (its beginning in UTC), or a date and time with a zone.

    Raises:
        CommandError: the text is neither.
    """
    try:
        if len(text) == len("2026-01-01"):
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{name}: {text!r} is no date such as 2026-05-14.") from error
    if value.tzinfo is None:
        raise CommandError(f"{name}: {text!r} has no time zone, such as Z or +02:00.")
    return value


def read_file(path: Path) -> bytes:
    """A file's bytes; `-` is standard input.

    Raises:
        CommandError: it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error


def run(command: Callable[[list[str] | None], object], arguments: list[str] | None) -> int:
    """Run the command line; every error that a user can cause ends in one sentence and an exit code."""
    try:
        command(arguments)
    except SystemExit as ended:  # the command line's own usage errors leave with 2
        return MISUSE if ended.code == _USAGE_EXIT else ended.code if isinstance(ended.code, int) else NOT_DONE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return NOT_DONE
    except Exception as error:
        if not _meant_for_people(error):
            raise
        typer.echo(f"badge-issuer: {error}", err=True)
        return NOT_DONE
    finally:
        _opened.close()
    return DONE


def _meant_for_people(error: Exception) -> bool:
    """Whether an exception's text is one sentence for a person: all of our own are."""
    return isinstance(error, CommandError | OSError) or type(error).__module__.split(".")[0] in {
        "issuer",
        "keys",
        "schemas",
    }
