"""What a person types about programmes that have ended: their final archives taken in, shown, forgotten."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verifier.terminal import (
    GOOD,
    NOT_GOOD,
    AsJson,
    CommandLineError,
    DataFolder,
    ExemptHosts,
    Finished,
    OfflineDir,
    print_json,
    settings_of,
)

if TYPE_CHECKING:
    from keys.final_archive import FinalArchive
    from schemas.strict_json import JsonObject
    from verifier.verification.archives import Shelf

archive_app = typer.Typer(help="Final archives of programmes that have ended.", no_args_is_help=True)
ArchiveFile = Annotated[
    Path, typer.Argument(metavar="ZIP", help="A final archive, as 'badge-issuer sunset' writes it.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(archive_app, name="archive")


def shelf_of(file: Path) -> "Shelf":
    """One archive that whoever asks trusts by themselves."""
    from keys import final_archive
    from verifier.verification.archives import Shelf

    return Shelf(carried=final_archive.read(_bytes_of(file)))


@archive_app.command()
def add(
    file: ArchiveFile,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="The number that the programme announced, if its host is gone.")
    ] = None,
    as_json: AsJson = False,
    offline_dir: OfflineDir = None,
    data: DataFolder = None,
    exempt_host: ExemptHosts = None,
) -> None:
    """Take a final archive in: its issuer's badges verify as of its day, and nobody else is asked about them."""
    from verifier.ground.clock import system_clock
    from verifier.ground.documents import document_source
    from verifier.verification.archives import Shelf

    settings = settings_of(data, offline_dir=offline_dir, exempt_hosts=exempt_host)
    made = Shelf(settings.archives).add(
        _bytes_of(file), sha256=sha256, source=document_source(settings), now=system_clock
    )
    if as_json:
        print_json(_shown(made))
    else:
        typer.echo(f"{_line(made)}\nA running 'serve' has to be started again.")
    raise Finished(GOOD)


@archive_app.command(name="list")
def list_(as_json: AsJson = False, data: DataFolder = None) -> None:
    """Show the archives that were taken in."""
    from verifier.verification.archives import Shelf

    held = list(Shelf(settings_of(data).archives).archives.values())
    if as_json:
        print_json({"archives": [_shown(one) for one in held]})
    else:
        typer.echo("\n".join(map(_line, held)) or "No archive was taken in here.")
    raise Finished(GOOD)


@archive_app.command()
def remove(issuer: Annotated[str, typer.Argument(help="The DID.")], data: DataFolder = None) -> None:
    """Forget an archive: its issuer's host is asked again."""
    from verifier.verification.archives import Shelf

    if not Shelf(settings_of(data).archives).remove(issuer):
        typer.echo(f"There is no archive of {issuer} here.", err=True)
        raise Finished(NOT_GOOD)
    typer.echo(f"{issuer} is asked again from now on. A running 'serve' has to be started again.")
    raise Finished(GOOD)


def _line(archive: "FinalArchive") -> str:
    return f"{archive.issuer} ended on {archive.as_of:%Y-%m-%d}: {archive.reason}  (SHA-256 {archive.sha256})"


def _shown(archive: "FinalArchive") -> "JsonObject":
    from schemas import timestamps

    return {
        "issuer": archive.issuer,
        "as_of": timestamps.show(archive.as_of),
        "reason": archive.reason,
        "sha256": archive.sha256,
        "documents": len(archive.files),
    }


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandLineError(f"The file {file} cannot be read: {error.strerror}.") from error
