"""What every command of the verifying office shares: its options, its settings, its exit codes, how it prints.

The commands are `cli` and `aftercare_cli`. Heavy imports stand inside the functions, so that `--help` answers at
once.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from schemas.event_policy import EventPolicy
    from schemas.strict_json import JsonObject
    from verifier.ground.settings import Settings
    from verifier.registration.service import Registration
    from verifier.verification.archives import Shelf
    from verifier.verification.service import Verification

GOOD, NOT_GOOD, COULD_NOT_TELL, MISUSE = 0, 1, 2, 3
MAX_INPUT_BYTES = 11 << 20  # one byte more than the largest picture would do; `reading` says the sentence

DataFolder = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder; else BADGEWRIGHT_VERIFIER_DATA, else ./badgewright-verifier."),
]
OfflineDir = Annotated[
    Path | None, typer.Option("--offline-dir", help="Take documents from this published folder, ask no network.")
]
ExemptHosts = Annotated[
    list[str] | None,
    typer.Option("--exempt-host", help="An exact host:port that may be at a private address. Repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
EventId = Annotated[str, typer.Argument(metavar="EVENT", help="The event's id, or the path of its .yaml file.")]


class Finished(Exception):  # noqa: N818 - the end of a command, no error
    """A command ended with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class CommandLineError(Exception):
    """The command cannot be carried out as it was given; one sentence."""


def settings_of(
    data: Path | None,
    *,
    offline_dir: Path | None = None,
    exempt_hosts: list[str] | None = None,
    public_url: str | None = None,
) -> "Settings":
    """The settings of the data folder, with what the command line says on top."""
    from verifier.ground import settings as ground

    settings = ground.load(data or ground.default_data_folder())
    if offline_dir is not None:
        if not offline_dir.is_dir():
            raise CommandLineError(f"There is no folder {offline_dir} with published documents.")
        settings = replace(settings, offline_dir=offline_dir)
    if exempt_hosts:
        added = ground.checked_exempt_hosts(tuple(exempt_hosts))
        settings = replace(settings, exempt_hosts=settings.exempt_hosts | added)
    if public_url is not None:
        settings = replace(settings, public_url=ground.checked_public_url(public_url))
    return settings


def verification_of(
    settings: "Settings",
    *,
    known: tuple[str, ...] = (),
    more: "Callable[[], tuple[str, ...]]" = tuple,
    archives: "Shelf | None" = None,
) -> "Verification":
    from verifier.ground.documents import context_set, document_source
    from verifier.verification import archives as shelves
    from verifier.verification.service import Verification

    return Verification(
        document_source(settings),
        trusted_issuers=settings.trusted_issuers,
        trusted_lists=settings.trusted_lists,
        known_issuers=lambda: (*known, *more()),
        contexts=context_set(settings),
        archives=archives or shelves.Shelf(settings.archives),
    )


def registration_of(settings: "Settings") -> "Registration":
    from verifier.registration.service import Registration

    registration: Registration = Registration(
        settings, verification=verification_of(settings, more=lambda: registration.known_issuers())
    )
    return registration


def policy_of(event: str, *, registration: "Registration") -> "EventPolicy":
    """A registered event by its id, or the policy in a file."""
    from verifier.registration.service import load_event_file

    if event.endswith((".yaml", ".yml")):
        return load_event_file(Path(event))
    return registration.event(event)


def bytes_of(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(MAX_INPUT_BYTES)
    try:
        with Path(file).open("rb") as stream:
            return stream.read(MAX_INPUT_BYTES)
    except OSError as error:
        raise CommandLineError(f"The file {file} cannot be read: {error.strerror}.") from error


def tls_of(certificate: Path | None, key: Path | None) -> dict[str, Any]:
    """The server's own settings for https; nothing without a certificate."""
    import ssl

    if certificate is None or key is None:
        if certificate is key:
            return {}
        raise CommandLineError("--tls-cert and --tls-key belong together: both were expected, or neither.")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:  # said here, before anybody is told that it listens
        reason = error.strerror or str(error)
        raise CommandLineError(f"{certificate} and {key} cannot be used for https: {reason}.") from error
    return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}


def progress(what: str) -> Callable[[int], None]:
    """Shows how far a long task is, on a terminal only."""

    def show(count: int) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\r{what}: {count}", err=True, nl=False)

    return show


def print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(f"  {line}")


def print_json(value: "JsonObject") -> None:
    from schemas import strict_json

    typer.echo(strict_json.dumps(value))
