"""`sources` and `tokens`: how the configured sources stand, and which tokens there are."""

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from issuer.cli.output import CommandError, DataOption, JsonOption, answer, open_office, table

SECRET_BYTES = 32

sources = typer.Typer(help="The sources in sources.yaml.", no_args_is_help=True)
tokens = typer.Typer(help="The tokens with which systems deliver records.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(sources, name="sources")
    app.add_typer(tokens, name="tokens")


@sources.command(name="list")
def list_(data: DataOption = None, json: JsonOption = False) -> None:
    """How each source stands: last success, rate, what is wrong, and what it refused at the last reading."""
    from issuer.contributions import configuration
    from issuer.contributions import service as contributions

    office = open_office(data)
    configured = configuration.load(office.settings.data)
    health = contributions.health(office.engine, configured.values(), now=office.now)
    rows = [
        [
            one.name,
            one.kind,
            f"{one.succeeded_at:%Y-%m-%d %H:%M}" if one.succeeded_at else "never",
            f"{one.per_week:.1f}",
            str(one.stored),
            str(len(one.refused)),
            f"until {one.not_before:%Y-%m-%d %H:%M}" if one.fault and one.not_before else "",
        ]
        for one in health
    ]
    lines = [table("", ["source", "kind", "last success", "a week", "records", "refused", "waits"], rows)]
    for one in health:
        lines += [f"{one.name}: {one.error}"] if one.error else []
        lines += [f"{one.name}: refused: {refusal}" for refusal in one.refused]
    public = [{**one.to_json(office.now), "error": one.error, "refused_rows": list(one.refused)} for one in health]
    answer(json, {"sources": public}, "\n".join(lines))


@sources.command()
def secret(
    name: Annotated[str, typer.Argument(help="A source of sources.yaml whose webhook signs (GitHub, Discourse).")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Make the secret of a source's webhook, in the file that its `webhook_secret_file` names."""
    from issuer.contributions import configuration

    office = open_office(data)
    source = configuration.load(office.settings.data).get(name)
    if source is None or source.webhook_secret_file is None:
        raise CommandError(f"sources.yaml has no source {name!r} with a webhook_secret_file.")
    made = secrets.token_urlsafe(SECRET_BYTES)
    file = Path(source.webhook_secret_file)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CommandError(f"{file} is there already; delete it first if the secret is to change.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(made + "\n")
    address = f"{office.settings.public_url}/hooks/{name}"
    answer(
        json, {"source": name, "url": address, "secret": made}, f"{made}\nEnter it there, for {address} and JSON."
    )


@tokens.command(name="list")
def list_tokens(data: DataOption = None, json: JsonOption = False) -> None:
    """Every token that was ever made, without its secret."""
    from issuer.contributions import service as contributions

    office = open_office(data)
    known = contributions.all_tokens(office.engine)
    rows = [
        [
            t.id,
            t.source,
            "webhook" if t.webhook else "records",
            f"{t.created_at:%Y-%m-%d}",
            f"{t.revoked_at:%Y-%m-%d}" if t.revoked_at else "",
        ]
        for t in known
    ]
    shown = [
        {
            "id": t.id,
            "source": t.source,
            "webhook": t.webhook,
            "created_at": t.created_at,
            "revoked_at": t.revoked_at,
        }
        for t in known
    ]
    answer(json, {"tokens": shown}, table("", ["id", "source", "opens", "made", "taken back"], rows))


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="The id of a token, as 'tokens list' shows it.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Take a token back; whoever has it is refused from now on."""
    from issuer.contributions import service as contributions

    office = open_office(data)
    taken = contributions.revoke_token(office.engine, token, now=office.now)
    answer(
        json,
        {"id": taken.id, "source": taken.source},
        f"The token {taken.id} of {taken.source} opens nothing now.",
    )
