"""`jobs` and `nightly`: what the office does by itself, for those who run no server, and each night."""

from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli.output import CommandError, DataOption, JsonOption, Office, answer, open_office, progress

if TYPE_CHECKING:
    from issuer.jobs import Done, Jobs


def register(app: typer.Typer) -> None:
    app.command()(jobs)
    app.command()(nightly)


def jobs(
    once: Annotated[bool, typer.Option("--once", help="Handle what has happened until now, and end.")] = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Decide anew, award and sign for those to whom something happened; 'serve' does it by itself."""
    if not once:
        raise CommandError("'serve' handles news by itself; without a server, run 'jobs --once'.")
    done = _jobs(open_office(data)).handle_news()
    _finish(json, done, f"{done.news} pieces of news about {done.persons} people")


def nightly(data: DataOption = None, json: JsonOption = False) -> None:
    """Decide everybody, award, renew and sign: once a night, whether or not the server runs."""
    shows = {what: progress(what) for what in ("people", "signed")}
    done = _jobs(open_office(data)).nightly(lambda what, count: shows[what](count))
    _finish(json, done, f"{done.persons} people decided")


def _jobs(office: Office) -> "Jobs":
    from issuer.jobs import Jobs

    bureau = office.bureau()
    return Jobs(office.engine, lambda: bureau, lambda: office.policy, lambda: office.now)


def _finish(as_json: bool, done: "Done", what: str) -> None:
    value = {"news": done.news, "persons": done.persons, "awards": done.awards, "signed": done.signed}
    answer(as_json, value, f"{what}: {done.awards} new awards, {done.signed} badges signed.")
