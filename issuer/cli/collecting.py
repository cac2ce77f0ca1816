"""`collect`: people and contributions from git, Gerrit and CSV. Repeating a run changes nothing."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli.output import DataOption, JsonOption, answer, moment, open_office, progress, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
