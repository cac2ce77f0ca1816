"""What a person types about desks with keys of their own: `badge-verifier bundle …`, `hub …`, and more of `desk
…`.

As in `cli`: it reads arguments, calls the services and prints. Heavy imports stand inside the commands.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verifier.terminal import (
    AsJson,
    CommandLineError,
    DataFolder,
    ExemptHosts,
    OfflineDir,
    bytes_of,
    print_json,
    registration_of,
    settings_of,
)

if TYPE_CHECKING:
    from schemas.strict_json import JsonObject
    from verifier.desk.formats.bundle import DeskBundle
    from verifier.desk.venue.service import Venue
    from verifier.ground.settings import Settings

bundle_app = typer.Typer(help="What a desk relies on, as one signed file.", no_args_is_help=True)

Event = Annotated[str, typer.Argument(metavar="EVENT", help="The event's id.")]
Pin = Annotated[
    str | None,
    typer.Option(
        "--key", metavar="FINGERPRINT", help="Of the office's bundle key: 'bundle show' prints it there."
    ),
]


def register(app: typer.Typer) -> None:
    """Put these commands among the others."""
    app.add_typer(bundle_app, name="bundle")


@bundle_app.command("make")
def bundle_make(
    event: Event,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write it; else EVENT.bundle.")
    ] = None,
    codes: Annotated[
        Path | None, typer.Option("--codes", metavar="DIR", help="Write it as a series of QR codes as well.")
    ] = None,
    status_list: Annotated[
        list[str] | None,
        typer.Option("--status-list", metavar="URL", help="A list that no index of its issuer names. Repeatable."),
    ] = None,
    offline_dir: OfflineDir = None,
    data: DataFolder = None,
    exempt_host: ExemptHosts = None,
    as_json: AsJson = False,
) -> None:
    """Make the next trust bundle of an event, from what is published and redeemed now."""
    settings = settings_of(data, offline_dir=offline_dir, exempt_hosts=exempt_host)
    made = _venue(settings).bundles.make(event, lists=tuple(status_list or ()))
    file = out or Path(f"{event}.bundle")
    _write(file, made.token + "\n")
    drawn = 0 if codes is None else _draw(codes, "bundle", (made.token,))
    if as_json:
        print_json(_told(made) | {"file": str(file), "codes": drawn})
        return
    typer.echo(f"{file} holds version {made.content.version} for {event}.")
    _print(made)
    if codes is not None:
        typer.echo(f"  {drawn} codes in {codes}, to be scanned in any order")


@bundle_app.command("show")
def bundle_show(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A bundle; - reads standard input.")],
    key: Pin = None,
    as_json: AsJson = False,
) -> None:
    """Say what is in a bundle, once its signature is good. Nothing is taken in."""
    from verifier.desk.formats import bundle as formats
    from verifier.ground.clock import system_clock

    read = formats.read(_token_in(file), pinned=key, now=system_clock())
    if as_json:
        print_json(_told(read))
        return
    typer.echo(f"Bundle {read.content.version} for {read.event.id}, by {read.content.made_by.name}")
    _print(read)


@bundle_app.command("import")
def bundle_import(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="A bundle, or the texts of its codes, one a line.")
    ],
    key: Pin = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take in a bundle of another office, on the machine that is to be a hub."""
    taken = _venue(settings_of(data)).bundles.take_in(_token_in(file), pinned=key)
    if as_json:
        print_json(_told(taken))
        return
    typer.echo(f"Bundle {taken.content.version} for {taken.event.id} is taken in.")
    _print(taken)


def _venue(settings: "Settings") -> "Venue":
    from verifier.desk.venue.service import Venue

    return Venue(registration_of(settings))


def _told(bundle: "DeskBundle") -> "JsonObject":
    from schemas import timestamps

    content = bundle.content
    return {
        "event": content.event.id,
        "version": content.version,
        "as_of": timestamps.show(content.as_of),
        "expires": timestamps.show(content.expires),
        "key": bundle.pinned,
        "bytes": len(bundle.token),
        "issuers": [*sorted(content.did_documents)],
        "status_lists": [*sorted(content.status_lists)],
        "absent": dict(sorted(content.absent.items())),
        "dictionaries": len(content.dictionaries),
        "claims": len(content.claims.days),
        "desks": [device.name for device in content.desks if device.state == "active"],
        "epoch": content.hub.epoch if content.hub else 0,
        "hub": content.hub.url if content.hub else None,
    }


def _print(bundle: "DeskBundle") -> None:
    from schemas import timestamps

    content = bundle.content
    lines = [
        f"made {timestamps.show(content.as_of)}, good until {timestamps.show(content.expires)}",
        f"{len(bundle.token)} bytes; signed with the key {bundle.pinned}",
        f"{len(content.did_documents)} issuers, {len(content.status_lists)} status lists,"
        f" {len(content.dictionaries)} dictionaries",
        f"{len(content.claims.days)} discounts redeemed before, {len(content.desks)} desks",
        *(f"could not be had: {name}: {reason}" for name, reason in sorted(content.absent.items())),
    ]
    for line in lines:
        typer.echo(f"  {line}")


def _token_in(file: str) -> str:
    """The bundle in a file: as one signed text, or as the texts of its codes."""
    from verifier.desk.formats import codes

    text = bytes_of(file).decode("utf-8", errors="replace")
    lines = [line.strip("\r\n") for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("OB1"):
        kind, tokens = codes.read(lines)
        if kind != "bundle" or len(tokens) != 1:
            raise CommandLineError(f"{file} holds the codes of a {kind}: those of a bundle were expected.")
        return tokens[0]
    return text.strip()


def _draw(folder: Path, kind: "str", tokens: "tuple[str, ...]") -> int:
    """A series of codes as pictures, and their texts in one file."""
    from verifier.desk import pictures
    from verifier.desk.formats import codes

    texts = codes.write("bundle" if kind == "bundle" else "journal", tokens)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(texts, start=1):
            (folder / f"{number:03}-of-{len(texts):03}.svg").write_text(pictures.draw(text), encoding="utf-8")
    except OSError as error:
        raise CommandLineError(f"The codes cannot be written to {folder}: {error.strerror}.") from error
    _write(folder / "codes.txt", "".join(text + "\n" for text in texts))
    return len(texts)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandLineError(f"{file} cannot be written: {error.strerror}.") from error
