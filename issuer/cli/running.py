"""`init`, `token` and `serve`: a data folder made, and the office opened to the web."""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from issuer.cli.output import CommandError, DataOption, JsonOption, answer, open_office, read_file

PASSPHRASE_BYTES = 24


def register(app: typer.Typer) -> None:
    app.command()(init)
    app.command()(token)
    app.command()(serve)


def init(
    public_url: Annotated[
        str, typer.Option(help="Where badges and documents are public, as https://badges.example.org.")
    ],
    name: Annotated[str, typer.Option(help="The community's name, as it stands on badges.")] = "Our community",
    policy: Annotated[
        Path | None, typer.Option(help="A policy file to start with [default: the example].")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Where people reach the issuer.")] = None,
    database_url: Annotated[
        str | None, typer.Option(help="A PostgreSQL, as postgresql://user@host/name, instead of a file of SQLite.")
    ] = None,
    database_password_file: Annotated[
        Path | None, typer.Option(help="The file with the password of its user, and nothing else.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="The label of a PKCS#11 token: keys are made in it and never leave it.")
    ] = None,
    token_module: Annotated[
        Path | None, typer.Option(help="The token's module, such as /usr/lib/softhsm/libsofthsm2.so.")
    ] = None,
    token_pin_file: Annotated[
        Path | None, typer.Option(help="The file with the token's PIN, and nothing else.")
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Make a data folder: settings, policy, database, keys."""
    from datetime import UTC, datetime

    from issuer.badges.bureau import SECRET_NAME
    from issuer.ground import settings as ground
    from issuer.ground.database import open_own_database
    from issuer.recognition import service as recognition
    from keys.custody import DEFAULT_KINDS, KeyStore
    from keys.did import did_of_web_address
    from keys.keyset import ISSUER_USES
    from keys.token import TokenAccess
    from schemas import policy as policy_shape

    folder = data or ground.default_data_folder()
    if (folder / ground.SETTINGS_FILE).exists():
        raise CommandError(f"{folder} is an issuer's data folder already; nothing was changed.")
    url = ground.checked_public_url(public_url)
    did = did_of_web_address(url)
    document = read_file(policy or recognition.EXAMPLE_POLICY)
    policy_shape.load(document, name=str(policy or "the example policy"))
    if database_password_file is not None and database_url is None:
        raise CommandError("--database-password-file goes with --database-url.")
    if len({token is None, token_module is None, token_pin_file is None}) > 1:
        raise CommandError("--token, --token-module and --token-pin-file go together: all three were expected.")
    settings = ground.Settings(
        folder,
        name,
        url,
        folder / "policy.yaml",
        email,
        journal=folder / ground.JOURNAL_FOLDER,
        database_url=None if database_url is None else ground.checked_database_url(database_url),
        database_password_file=None if database_password_file is None else database_password_file.absolute(),
        token=None
        if token is None or token_module is None or token_pin_file is None
        else TokenAccess(token_module.absolute(), token, token_pin_file.absolute()),
    )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.policy.write_bytes(document)
    made_passphrase = ground.make_passphrase(folder, secrets.token_urlsafe(PASSPHRASE_BYTES))
    if not (settings.keys / "keyset.json").exists():
        now = datetime.now(UTC)
        store = KeyStore.create(settings.keys, did=did, passphrase=ground.passphrase(folder), token=settings.token)
        for use in ISSUER_USES:
            store.add(f"{use}-1", use=use, kind=DEFAULT_KINDS[use], state="active", now=now)
        store.secret(SECRET_NAME)  # now, so that it is in the first backup: references are derived from it
    engine = open_own_database(settings)
    try:
        recognition.policy_in_force(engine, settings.policy, now=datetime.now(UTC))
    finally:
        engine.dispose()
    ground.save(settings)  # last: a folder without it is not one yet, and `init` may be repeated
    hint = (
        f"\nThe keys' passphrase is in {made_passphrase}: keep a copy elsewhere, and better, move the file"
        " away and name it in BADGEWRIGHT_PASSPHRASE_FILE."
        if made_passphrase
        else ""
    )
    answer(
        json,
        {"data": str(folder), "did": did, "public_url": url, "policy": str(settings.policy)},
        f"{name} can issue as {did}.\nData in {folder}; the policy to edit is {settings.policy}.{hint}",
    )


def token(
    source: Annotated[str, typer.Argument(help="The source, as the policy's 'from' names it: launchpad, …")],
    webhook: Annotated[
        bool, typer.Option("--webhook", help="It opens the webhook of a GitLab in sources.yaml, and nothing else.")
    ] = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Make a token: a source may POST CloudEvents to /contributions with it, and 'contract' issue over HTTP."""
    from issuer.contributions import service as contributions

    office = open_office(data)
    made = contributions.create_token(office.engine, source, now=office.now, webhook=webhook)
    answer(json, {"source": source, "token": made}, f"{made}\nShown once: only its hash is kept.")


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8000,
    public_url: Annotated[
        str | None, typer.Option(help="Another public address, for this run only; the DID follows it.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Answer https with this certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM).")] = None,
    open_issue: Annotated[
        bool, typer.Option("--open-issue", help="Let anybody on this machine issue, without a token.")
    ] = False,
    offline_dir: Annotated[
        Path | None, typer.Option(help="A folder for the network: its contexts.json adds JSON-LD contexts.")
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Serve holders' pages, attestation forms, intake, public documents and the HTTP contract."""
    import uvicorn

    from issuer.app import create_app
    from issuer.ground import logs
    from issuer.ground import settings as ground

    if open_issue and not _is_loopback(host):
        raise CommandError(f"--open-issue lets anybody issue: it needs a loopback address, and {host} is none.")
    _check_tls(tls_cert, tls_key)
    app = create_app(
        data or ground.default_data_folder(),
        public_url=public_url,
        open_issue=open_issue,
        offline_dir=offline_dir,
        with_jobs=True,
    )
    shown = f"[{host}]" if ":" in host else host
    address = f"{'https' if tls_cert else 'http'}://{shown}:{port}"
    warning = "\nAnybody on this machine can issue in its name (--open-issue)." if open_issue else ""
    answer(json, {"listening": address}, f"The issuer listens on {address}{warning}")
    sys.stdout.flush()
    logs.begin()
    # Private links stand in paths, so paths are kept out of the log.
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
    )


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_tls(certificate: Path | None, key: Path | None) -> None:
    """Said here, before anybody is told that it listens: both files open and fit together, or neither is given."""
    import ssl

    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise CommandError("--tls-cert and --tls-key belong together: both were expected, or neither.")
    for file in (certificate, key):
        read_file(file)  # so that a file that does not open is named
    try:  # with a passphrase that opens nothing: none is asked for on a terminal
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        reason = "it is no certificate with its own unencrypted key, both in PEM"
        raise CommandError(f"{certificate} and {key} cannot be used for https: {reason}.") from error
