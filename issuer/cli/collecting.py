"""`collect`: people, and contributions from sources and files. Repeating a run changes nothing."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli.output import (
    CommandError,
    DataOption,
    JsonOption,
    answer,
    moment,
    open_office,
    progress,
    read_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from issuer.contributions.collecting import Run
    from issuer.contributions.model import Contribution
    from issuer.ground.rows import RowReport

SHOW_EVERY = 100  # records between two signs of life

collect = typer.Typer(help="Take in people and what they did.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(collect, name="collect")


@collect.command()
def people(
    file: Annotated[Path, typer.Argument(help="A CSV file: name,email,accounts,… ('-' is standard input).")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """People and the accounts that are theirs, as you vouch for them."""
    from issuer.people import notice, roster
    from issuer.people import service as people_service

    office = open_office(data)
    rows, problems = roster.read_roster(read_file(file))
    report = people_service.add_people(
        office.engine, rows, now=office.now, problems=problems, notice=notice.letter(office.settings)
    )
    _finish(json, "people", report)


@collect.command()
def git(
    repository: Annotated[Path, typer.Argument(help="A local git repository, bare or with a work tree.")],
    branch: Annotated[str | None, typer.Option(help="The branch that counts [default: the current one].")] = None,
    since: Annotated[str | None, typer.Option(help="Only what was accepted since this day.")] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Changes and co-authorships that somebody else accepted, from a repository's history."""
    from issuer.contributions import service as contributions
    from issuer.contributions.sources import git as git_source

    office = open_office(data)
    start = moment(since, name="--since") if since else None
    warning = git_source.shallow_warning(repository)
    if warning:
        typer.echo(f"badge-issuer: {warning}", err=True)
    read = git_source.read_repository(repository, branch=branch, since=start)
    stored = contributions.store(office.engine, _watched(read, progress("records")), now=office.now)
    _finish_counts(json, str(repository), stored.stored, stored.duplicates)


@collect.command()
def gerrit(
    url: Annotated[str, typer.Argument(help="The address of a Gerrit server.")],
    project: Annotated[str, typer.Option(help="The project whose changes count.")],
    since: Annotated[str | None, typer.Option(help="Only what was merged after this day.")] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Merged changes and decisive reviews from Gerrit's REST API."""
    from issuer.contributions import service as contributions
    from issuer.contributions.sources import gerrit as gerrit_source
    from issuer.ground.outbound import Outbound

    office = open_office(data)
    start = moment(since, name="--since") if since else None
    stored = duplicates = 0
    show = progress("records")
    for page in gerrit_source.read_changes(Outbound(), url, project=project, since=start):
        counts = contributions.store(office.engine, page, now=office.now)
        stored, duplicates = stored + counts.stored, duplicates + counts.duplicates
        show(stored + duplicates)
    _finish_counts(json, f"{project} at {url}", stored, duplicates)


@collect.command()
def sources(
    names: Annotated[
        list[str] | None, typer.Argument(help="Sources of sources.yaml [default: each that is due].")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Ask even where we said that we would wait.")] = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Each source of `sources.yaml` that is due, or those named, since where the last run ended."""
    from datetime import UTC, datetime

    from issuer.contributions import collecting as runs
    from issuer.contributions import configuration

    office = open_office(data)
    configured = configuration.load(office.settings.data)
    unknown = [name for name in names or [] if name not in configured]
    if unknown:
        raise CommandError(f"sources.yaml has no source {unknown[0]!r}; it has {', '.join(configured) or 'none'}.")
    chosen = [configured[name] for name in names] if names else list(configured.values())
    due = [s for s in chosen if names or again or runs.is_due(office.engine, s, now=office.now)]
    done = []
    for source in due:
        made = runs.run(
            office.engine, source, clock=lambda: datetime.now(UTC), again=again, show=progress(source.name)
        )
        done.append(made)
        if not json:
            typer.echo(_run_in_words(made))
    if json:
        answer(True, {"runs": [_run_as_json(made) for made in done]}, "")
    elif not done:
        typer.echo("No source is due." if configured else "There is no source in sources.yaml yet.")
    if any(made.error for made in done):
        raise typer.Exit(1)


def _run_in_words(run: "Run") -> str:
    lines = [f"{run.source}: {run.stored} new, {run.duplicates} known already, {len(run.refused)} refused."]
    lines += [f"  {refusal}" for refusal in run.refused]
    if run.error:
        lines.append(
            f"  {run.error} Its place is kept"
            + (f"; again from {run.until:%Y-%m-%d %H:%M} UTC." if run.until else ".")
        )
    return "\n".join(lines)


def _run_as_json(run: "Run") -> dict[str, object]:
    return {
        "source": run.source,
        "stored": run.stored,
        "duplicates": run.duplicates,
        "refused": list(run.refused),
        "error": run.error,
        "again_from": run.until.isoformat() if run.until else None,
    }


@collect.command()
def csv(
    file: Annotated[Path, typer.Argument(help="A CSV file of records ('-' is standard input).")],
    source: Annotated[
        str, typer.Option("--as", help="The source whose record this is, as the policy's 'from' names it.")
    ] = "csv_of_record",
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Records from a CSV file, each row stored or refused with its reason."""
    from issuer.contributions import service as contributions
    from issuer.contributions.sources import csv_records

    office = open_office(data)
    read, report = csv_records.read_csv(read_file(file), source=source, now=office.now)
    counts = contributions.store(office.engine, read, now=office.now)
    _finish(json, str(file), report.with_counts(stored=counts.stored, duplicates=counts.duplicates))


def _watched(records: "Iterable[Contribution]", show: Callable[[int], None]) -> "Iterator[Contribution]":
    """The same records, telling every so often how many have passed."""
    for number, record in enumerate(records, start=1):
        if number % SHOW_EVERY == 0:
            show(number)
        yield record


def _finish(as_json: bool, what: str, report: "RowReport") -> None:
    answer(as_json, report.to_json(), f"{what}: {report}")
    if report.refused:
        sys.stdout.flush()
        raise typer.Exit(1)


def _finish_counts(as_json: bool, what: str, stored: int, duplicates: int) -> None:
    answer(
        as_json,
        {"stored": stored, "duplicates": duplicates},
        f"{what}: {stored} new, {duplicates} known already.",
    )
