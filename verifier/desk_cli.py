"""What a person types about desks with keys of their own: `badge-verifier bundle …`, `hub …`, and more of `desk
…`.

As in `cli`: it reads arguments, calls the services and prints. Heavy imports stand inside the commands.
"""

import sys
from dataclasses import replace
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
    bytes_of,
    print_json,
    registration_of,
    settings_of,
)

if TYPE_CHECKING:
    from keys.jwk import PublicKey
    from schemas.strict_json import JsonObject
    from verifier.desk.formats.bundle import DeskBundle
    from verifier.desk.service import Actor
    from verifier.desk.venue.service import Venue
    from verifier.ground.settings import Settings

bundle_app = typer.Typer(help="What a desk relies on, as one signed file.", no_args_is_help=True)
hub_app = typer.Typer(help="Decide about one event at its venue.", invoke_without_command=True)

Event = Annotated[str, typer.Argument(metavar="EVENT", help="The event's id.")]
Pin = Annotated[
    str | None,
    typer.Option(
        "--key", metavar="FINGERPRINT", help="Of the office's bundle key: 'bundle show' prints it there."
    ),
]
HubKey = Annotated[
    str, typer.Option("--to", metavar="KEY|FILE", help="What 'hub key' printed on the hub, or a file with it.")
]
BundleOut = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where the hub's bundle goes.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit log.")]


def register(app: typer.Typer) -> None:
    """Put these commands among the others."""
    app.add_typer(bundle_app, name="bundle")
    app.add_typer(hub_app, name="hub")


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


@hub_app.callback()
def hub(
    context: typer.Context,
    event: Annotated[
        str | None, typer.Option("--event", help="Of which event it is the hub; else the only one taken in.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8443,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="Answer https with this certificate chain (PEM).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="The certificate's private key (PEM).")] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Decide about one event at its venue: serve the desks on the local network."""
    if context.invoked_subcommand is not None:
        return
    import uvicorn

    from verifier.app import create_hub_app
    from verifier.desk.venue import forgetting
    from verifier.registration.aftercare.caretaker import Caretaker
    from verifier.terminal import tls_of

    settings = settings_of(data)
    tls = tls_of(tls_cert, tls_key)
    application = create_hub_app(settings, event=event or _only_event(settings))
    address = f"{'https' if tls else 'http'}://{host}:{port}"
    if as_json:
        print_json({"listening": address})
        sys.stdout.flush()
    else:
        typer.echo(f"The hub listens on {address}/desk-app/", err=True)
    for chore in forgetting.hub_chores(application.state.registration):
        Caretaker(chore).start()
    uvicorn.run(
        application, host=host, port=port, access_log=False, server_header=False, log_level="warning", **tls
    )


@hub_app.command("key")
def hub_key(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Print this machine's public key as a hub, made on first use, for 'hub hand-over' at the office."""
    from schemas import strict_json
    from verifier.desk.formats import tokens

    key = _venue(settings_of(data)).keys.signer("hub").public
    jwk: JsonObject = {**key.to_jwk()}
    if as_json:
        print_json({"jwk": jwk, "fingerprint": tokens.fingerprint(key)})
    else:
        typer.echo(strict_json.dumps(jwk))


@hub_app.command("hand-over")
def hub_hand_over(
    event: Event,
    to: HubKey,
    url: Annotated[str, typer.Option("--url", help="The https address of the hub on the venue's network.")],
    out: BundleOut = None,
    reason: Reason = "the event opens",
    offline_dir: OfflineDir = None,
    data: DataFolder = None,
    exempt_host: ExemptHosts = None,
    as_json: AsJson = False,
) -> None:
    """From now on a hub decides: this office grants nothing of the event until it hands back."""
    settings = settings_of(data, offline_dir=offline_dir, exempt_hosts=exempt_host)
    venue = _venue(settings)
    key = _hub_key_in(to)
    venue.bundles.make(event)  # what cannot be made now could not be made afterwards either
    venue.handover.hand_over(event, key, url=_hub_url(url), by=_by(reason))
    _write_bundle(venue, event, out, as_json=as_json, said=f"The hub decides about {event} now.")


@hub_app.command("take-over")
def hub_take_over(
    event: Event,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the audit log.")],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="KEY|FILE", help="Another hub's key; else this office decides again."),
    ] = None,
    url: Annotated[str, typer.Option("--url", help="The https address of the other hub.")] = "",
    out: BundleOut = None,
    offline_dir: OfflineDir = None,
    data: DataFolder = None,
    exempt_host: ExemptHosts = None,
    as_json: AsJson = False,
) -> None:
    """Without the hub that decides now, which died or is out of reach: whoever gets it first hears every desk."""
    settings = settings_of(data, offline_dir=offline_dir, exempt_hosts=exempt_host)
    venue = _venue(settings)
    key = None if to is None else _hub_key_in(to)
    venue.handover.take_over(event, key, url=_hub_url(url) if key else "", by=_by(reason))
    waiting = "another hub decides about" if key else "this office decides about"
    _write_bundle(venue, event, out, as_json=as_json, said=f"Once every desk was heard, {waiting} {event}.")


@hub_app.command("accept")
def hub_accept(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Statements of who decides, one a line.")],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take in statements that were carried here as a file."""
    venue = _venue(settings_of(data))
    lines = bytes_of(file).decode("utf-8", errors="replace").split()
    told = venue.handover.state(venue.handover.take_in(lines))
    if as_json:
        print_json(told)
    else:
        decides = "decides" if told["decides"] else "does not decide (yet)"
        typer.echo(f"Epoch {told['epoch']} of {told['event']}: this machine {decides}.")


@hub_app.command("hand-back")
def hub_hand_back(
    event: Event,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Else EVENT-back.jsonl.")] = None,
    reason: Reason = "the event is over",
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """On the hub: grant nothing from now on, and write the file with which the office decides again."""
    text = _venue(settings_of(data)).handover.hand_back(event, by=_by(reason))
    file = out or Path(f"{event}-back.jsonl")
    _write(file, text)
    if as_json:
        print_json({"event": event, "file": str(file), "lines": text.count("\n")})
    else:
        typer.echo(f"This hub grants nothing more. Carry {file} to the office: 'hub take-back' takes it in.")


@hub_app.command("take-back")
def hub_take_back(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="What 'hub hand-back' wrote.")],
    reason: Reason = "the hub handed back",
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """At the office: take in what a hub granted, and decide again. However often, nothing is entered twice."""
    text = _long_text(file)
    imported = _venue(settings_of(data)).handover.take_back(text, by=_by(reason))
    if as_json:
        print_json(imported.to_json())
        return
    typer.echo(
        f"This office decides about {imported.event} again: {imported.grants} grants of the hub,"
        f" {imported.new_grants} of them new here, {imported.entries} entries of journals,"
        f" {imported.conflicts} conflicts."
    )
    typer.echo(f"  Vouchers reach the shop from 'serve', or with 'badge-verifier shop push {imported.event}'.")


def register_desk(desk_app: typer.Typer) -> None:
    """Put the commands about desks with keys of their own among those about desks."""
    desk_app.command("enrol")(desk_enrol)
    desk_app.command("devices")(desk_devices)
    desk_app.command("revoke")(desk_revoke)
    desk_app.command("prepare")(desk_prepare)
    desk_app.command("report")(desk_report)
    desk_app.command("journal")(desk_journal)
    desk_app.command("take-in")(desk_take_in)


def desk_enrol(
    event: Event,
    name: Annotated[str, typer.Option("--name", help="What people call this desk.")],
    lead: Annotated[bool, typer.Option("--lead", help="It may undo others' grants and sign a takeover.")] = False,
    cap: Annotated[
        int | None, typer.Option("--cap", help="How many it may give when cut off; else as the event's file says.")
    ] = None,
    no_spare: Annotated[
        bool,
        typer.Option("--no-spare", help="At a hub: no spare will ever take over, which would not know this desk."),
    ] = False,
    minutes: Annotated[int, typer.Option("--minutes", min=1, help="How long the code is good.")] = 60,
    url: Annotated[
        str | None,
        typer.Option("--url", help="The https address of this very machine, where it is not in the settings."),
    ] = None,
    qr: Annotated[Path | None, typer.Option("--qr", metavar="FILE", help="Draw the code as SVG as well.")] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Print the address that makes one device a desk, once; to be shown as a QR code."""
    from datetime import timedelta

    from verifier.desk import pictures

    settings = settings_of(data)
    venue = _venue(settings)
    base = url or settings.public_url
    if base is None:
        raise CommandLineError("The device must know whom to ask: --url, or public_url in the settings.")
    if venue.is_hub(event) and not no_spare:
        raise CommandLineError(
            "Desks are enrolled at the office, before it hands over: a spare that takes over must hear every desk,"
            " and would not know one that was enrolled at this hub. Where there is no spare, say so: --no-spare."
        )
    secret = venue.devices.make_enrolment(
        event,
        name=name,
        rights=("scan", "lead") if lead else ("scan",),
        cap=cap,
        lasting=timedelta(minutes=minutes),
    )
    address = venue.enrolment_address(event, secret, base=base)
    if qr is not None:
        _write(qr, pictures.draw(address))
    if as_json:
        print_json({"event": event, "name": name, "url": address, "minutes": minutes})
    else:
        typer.echo(address)


def desk_devices(event: Event, data: DataFolder = None, as_json: AsJson = False) -> None:
    """List the devices that are desks of an event."""
    for row in _venue(settings_of(data)).devices.listed(event):
        if as_json:
            print_json(
                {"desk": row.desk, "name": row.name, "rights": row.rights, "cap": row.cap, "state": row.state}
            )
        else:
            typer.echo(f"{row.desk}  {row.state}  {row.rights}  cap {row.cap}  {row.name}")


def desk_revoke(
    event: Event,
    desk: Annotated[str, typer.Argument(metavar="DESK", help="The desk's id, from 'desk devices'.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the audit log.")],
    data: DataFolder = None,
) -> None:
    """A device is no desk any more: it was lost, or belongs to somebody else."""
    _venue(settings_of(data)).devices.revoke(event, desk, by=_by(reason))
    typer.echo(f"{desk} is no desk of {event} any more.")


def desk_prepare(
    event: Event,
    acknowledge: Annotated[
        str | None,
        typer.Option("--acknowledge", metavar="WHO", help="Write down who agrees to this worst case."),
    ] = None,
    desks: Annotated[
        int | None, typer.Option("--desks", min=1, help="How many desks there will be; else those enrolled.")
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Say before an event what discounts that are given when cut off can cost at most."""
    venue = _venue(settings_of(data))
    worst = venue.worst_case(event, desks=desks)
    if acknowledge is not None:
        venue.acknowledge(event, worst, who=acknowledge)
    if as_json:
        print_json({**vars(worst), "acknowledged_by": acknowledge})
        return
    typer.echo(
        f"{worst.event}: {worst.desks} desks, {worst.cap_in_all} discounts in all when cut off, {worst.value_each}"
        f" each: at most {worst.at_most} is lost to people who had theirs before."
    )
    if acknowledge is None:
        typer.echo("  --acknowledge WHO writes down who agrees to that.")


def desk_report(event: Event, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Say how an event's desks stand: grants by ring, conflicts, gaps. Ends with 1 if a person must look."""
    from verifier.desk.venue.told import lines

    report = _venue(settings_of(data)).logbook.report(event)
    if as_json:
        print_json(report.to_json())
    else:
        for line in lines(report):
            typer.echo(line)
    raise Finished(NOT_GOOD if report.wants_a_person else GOOD)


def desk_journal(
    event: Event,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Else standard output.")] = None,
    codes: Annotated[Path | None, typer.Option("--codes", metavar="DIR", help="Draw it as codes as well.")] = None,
    data: DataFolder = None,
) -> None:
    """Write every entry of the journals that are here, one signed text a line."""
    entries = _venue(settings_of(data)).logbook.exported(event)
    text = "".join(entry + "\n" for entry in entries)
    if out is None:
        typer.echo(text, nl=False)
    else:
        _write(out, text)
    if codes is not None:
        _draw(codes, "journal", entries)


def desk_take_in(
    event: Event,
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="Entries of journals, or the texts of their codes, one a line.")
    ],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take in entries of desks' journals that were carried here. Ends with 1 if one was refused."""
    from verifier.desk.formats import codes

    lines = [line.strip("\r") for line in _long_text(file).split("\n") if line.strip()]
    entries = list(codes.read(lines)[1]) if lines and lines[0].startswith("OB1") else lines
    taken = _venue(settings_of(data)).logbook.take_in(event, entries)
    if as_json:
        print_json(taken.to_json() | {"new": taken.new})
    else:
        typer.echo(f"{taken.new} new entries, {len(taken.refused)} refused.")
        for index, detail in taken.refused:
            typer.echo(f"  {index + 1}: {detail}")
    raise Finished(NOT_GOOD if taken.refused else GOOD)


def _venue(settings: "Settings") -> "Venue":
    from verifier.desk.venue.service import Venue

    return Venue(registration_of(settings))


def _by(reason: str) -> "Actor":
    from verifier.desk.service import AT_THE_COMMAND_LINE

    return replace(AT_THE_COMMAND_LINE, reason=reason)


def _only_event(settings: "Settings") -> str:
    events = [policy.event for policy in registration_of(settings).events()]
    if len(events) != 1:
        raise CommandLineError(
            f"{len(events)} events are here: --event says of which this is the hub; 'bundle import' takes one in."
        )
    return events[0]


def _hub_key_in(text: str) -> "PublicKey":
    """A hub's public key, as it was printed or in a file."""
    from schemas import strict_json
    from verifier.desk.formats import tokens

    said = text if text.lstrip().startswith("{") else bytes_of(text).decode("utf-8", errors="replace")
    try:
        return tokens.key_of(strict_json.loads_object(said.strip()))
    except strict_json.StrictJsonError as error:
        raise CommandLineError(
            f"This is no hub's key: 'badge-verifier hub key' prints it there. {error}"
        ) from error


def _hub_url(url: str) -> str:
    from verifier.ground.settings import SettingsError, checked_public_url

    try:
        return checked_public_url(url)
    except SettingsError as error:
        raise CommandLineError(str(error).replace("public_url", "--url")) from error


def _write_bundle(venue: "Venue", event: str, out: Path | None, *, as_json: bool, said: str) -> None:
    made = venue.bundles.make(event)
    file = out or Path(f"{event}.bundle")
    _write(file, made.token + "\n")
    if as_json:
        print_json(_told(made) | {"file": str(file)})
        return
    typer.echo(said)
    typer.echo(
        f"  {file}: 'badge-verifier bundle import' takes it in on the hub, with --key {made.pinned} at first"
    )


def _long_text(file: str) -> str:
    """The text of a file that may hold the journals of a whole event."""
    from verifier.desk.formats import tokens

    if file == "-":
        return sys.stdin.buffer.read(8 * tokens.MAX_BYTES).decode("utf-8", errors="replace")
    try:
        return Path(file).read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise CommandLineError(f"The file {file} cannot be read: {error.strerror}.") from error


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
