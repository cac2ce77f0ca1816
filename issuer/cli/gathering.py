"""`gathering`: who was there. A code on the room's screen beforehand, or the list at the door afterwards."""

from pathlib import Path
from typing import Annotated

import typer

from issuer.cli.output import CommandError, DataOption, JsonOption, answer, moment, open_office

gathering = typer.Typer(help="Attendance of events, without accounts and names.", no_args_is_help=True)
EventArgument = Annotated[str, typer.Argument(help="The name that ties records of one event together.")]


def register(app: typer.Typer) -> None:
    app.add_typer(gathering, name="gathering")


@gathering.command()
def declare(
    event: EventArgument,
    title: Annotated[str, typer.Option(help="What people read on the screen.")],
    starts: Annotated[str, typer.Option(help="When it starts, as 2026-06-10T18:00+02:00.")],
    ends: Annotated[str, typer.Option(help="When it ends.")],
    capacity: Annotated[int, typer.Option(help="How many people the room holds: the ceiling of what counts.")],
    region: Annotated[str, typer.Option(help="Where it is.")] = "*",
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Say beforehand when a gathering is and how many the room holds: prints the link for the room's screen."""
    from issuer.attendance import service as attendance
    from issuer.attendance.model import AttendanceError

    office = open_office(data)
    try:
        made, token = attendance.declare(
            office.engine,
            event=event,
            title=title,
            region=region,
            starts=moment(starts, name="--starts"),
            ends=moment(ends, name="--ends"),
            capacity=capacity,
            now=office.now,
        )
    except AttendanceError as error:
        raise CommandError(str(error)) from error
    link = f"{office.settings.public_url}/room/{token}"
    text = (
        f"{made.title}: open this on the room's screen. Whoever has the link can show the code, print cards and"
        f" send the list at the door.\n  {link}"
    )
    answer(json, {"event": made.event, "gathering": made.id, "link": link}, text)


@gathering.command("door-list")
def door_list(
    event: EventArgument,
    people: Annotated[int, typer.Option(help="How many names are on it.")],
    photo: Annotated[Path, typer.Option(help="A photograph of the list, JPEG or PNG.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """For an event that is over: the list at the door. It counts as far as attestors saw so many people."""
    from issuer.attendance import service as attendance
    from issuer.attendance.model import AttendanceError

    office = open_office(data)
    try:
        picture = photo.read_bytes()
        attendance.add_door_list(office.engine, event, people=people, photo=picture, now=office.now)
    except OSError as error:
        raise CommandError(f"{photo} cannot be read: {error.strerror}.") from error
    except AttendanceError as error:
        raise CommandError(str(error)) from error
    answer(
        json, {"event": event, "people": people}, f"{event}: a list of {people} names, for its attestors to see."
    )
