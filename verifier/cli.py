"""The command line of the verifying office: `badge-verifier`.

It reads arguments, calls the services and prints; it decides nothing. What comes after a grant is in
`aftercare_cli`. Exit codes: 0 valid or granted, 1 not valid, already redeemed or refused, 2 could not tell, 3
misuse. Heavy imports stand inside the commands, so that `--help` answers at once.
"""

import gc
import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from verifier import aftercare_cli, archive_cli, backup_cli, database_cli, desk_cli
from verifier.terminal import (
    COULD_NOT_TELL,
    GOOD,
    MISUSE,
    NOT_GOOD,
    AsJson,
    CommandLineError,
    DataFolder,
    EventId,
    ExemptHosts,
    Finished,
    OfflineDir,
    bytes_of,
    policy_of,
    print_json,
    print_lines,
    registration_of,
    settings_of,
    tls_of,
    verification_of,
)

if TYPE_CHECKING:
    from schemas.strict_json import JsonObject, JsonValue
    from verifier.desk.service import Desk
    from verifier.ground.mail.postman import Postman
    from verifier.ground.settings import Settings
    from verifier.registration.outbox import Courier
    from verifier.registration.service import Redemption
    from verifier.verification.report import Report

_CODES = {"valid": GOOD, "not_valid": NOT_GOOD, "unknown": COULD_NOT_TELL}

app = typer.Typer(
    help="Verify badges, and redeem each discount once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
event_app = typer.Typer(help="The events whose discounts are redeemed here.", no_args_is_help=True)
desk_app = typer.Typer(help="The desks of an event.", no_args_is_help=True)
app.add_typer(event_app, name="event")
app.add_typer(desk_app, name="desk")
staff_app = typer.Typer(help="Who may log in as staff.", no_args_is_help=True)
app.add_typer(staff_app, name="staff")
shop_app = typer.Typer(help="The ticket shop of an event.", no_args_is_help=True)
pool_app = typer.Typer(help="Codes that a shop made before.", no_args_is_help=True)
app.add_typer(shop_app, name="shop")
shop_app.add_typer(pool_app, name="pool")
aftercare_cli.register(app, shop_app)
desk_cli.register(app)
archive_cli.register(app)
backup_cli.register(app)
database_cli.register(app)
desk_cli.register_desk(desk_app)

BadgeFile = Annotated[
    str, typer.Argument(metavar="FILE|-", help="A badge file, picture or text; - reads standard input.")
]


def main() -> NoReturn:
    """The console script: every failure is one sentence on standard error and an exit code, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ✓ shows ? and not an error
    try:
        app()
    except Finished as finished:
        sys.exit(finished.code)
    except SystemExit as ended:
        sys.exit(MISUSE if ended.code == 2 else ended.code)  # 2 is usage for the library, "could not tell" for us
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(MISUSE)
    except Exception as error:
        typer.echo(_sentence(error), err=True)
        sys.exit(MISUSE)
    sys.exit(GOOD)


@app.command()
def verify(
    file: BadgeFile,
    as_json: AsJson = False,
    offline_dir: OfflineDir = None,
    data: DataFolder = None,
    exempt_host: ExemptHosts = None,
    issuer: Annotated[
        list[str] | None,
        typer.Option("--issuer", help="A DID whose published dictionaries may be asked for. Repeatable."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="JWK", help="Check any credential or presentation with this key instead."),
    ] = None,
    challenge: Annotated[
        str | None, typer.Option("--challenge", help="With --key: what a presentation must answer.")
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help="With --key: for whom a presentation must be made.")
    ] = None,
    case: Annotated[
        Path | None,
        typer.Option("--case", metavar="FILE", help="Write what the verdict rests on, for 'recompute'."),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            "--archive", metavar="ZIP", help="The final archive of a programme that ended, as you trust it."
        ),
    ] = None,
) -> None:
    """Verify a badge: a .jwt or .json file, a baked .png or .svg, the text or a photograph of its QR code."""
    settings = settings_of(data, offline_dir=offline_dir, exempt_hosts=exempt_host)
    if key is not None and (case is not None or archive is not None or issuer):
        raise CommandLineError(
            "--case, --archive and --issuer are for badge files: leave them out, or leave out --key."
        )
    if key is not None:
        _verify_with_key(file, key, settings=settings, expected=(challenge, domain), as_json=as_json)
    if challenge is not None or domain is not None:
        raise CommandLineError("--challenge and --domain belong to --key: a badge file answers no challenge.")
    shelf = None if archive is None else archive_cli.shelf_of(archive)
    report = verification_of(settings, known=tuple(issuer or ()), archives=shelf).verify(bytes_of(file))
    if as_json:
        print_json(report.to_json())
    else:
        _print_report(report)
    if case is not None:
        _write_case(case, report)
    raise Finished(_CODES[report.verdict.outcome.value])


@app.command()
def recompute(
    file: Annotated[str, typer.Argument(metavar="CASE|-", help="A case file; - reads standard input.")],
    as_json: AsJson = False,
    data: DataFolder = None,
) -> None:
    """Come to the verdict of a case file again: the same badge, documents and moment, and no network."""
    report = verification_of(settings_of(data)).recompute(bytes_of(file))
    print_json(report.to_json()) if as_json else _print_report(report)
    raise Finished(_CODES[report.verdict.outcome.value])


def _verify_with_key(
    file: str, key: str, *, settings: "Settings", expected: tuple[str | None, str | None], as_json: bool
) -> NoReturn:
    """What `verifier.one_document` leaves over: status lists, and the credentials in a presentation."""
    from verifier import one_document
    from verifier.verification.presentations import Expected

    given, value = one_document.read_key(key), one_document.read_value(file)
    verification = verification_of(settings)
    if one_document.is_presentation(value):
        told = verification.verify_presentation(value, expected=Expected(*expected), given_key=given)
        one_document.tell_presentation(told.verdict, as_json=as_json)
        raise Finished(one_document.CODES[told.verdict.outcome])
    report = verification.verify_credential(value, given_key=given)
    one_document.tell(report, as_json=as_json)
    raise Finished(one_document.CODES[report.verdict.outcome])


@app.command()
def redeem(
    file: BadgeFile,
    event: Annotated[str, typer.Option("--event", help="The event's id, or the path of its .yaml file.")],
    holder_code: Annotated[
        str | None, typer.Option("--holder-code", help="The secret code from the holder's private page.")
    ] = None,
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="Repeating a request under its id repeats its answer.")
    ] = None,
    as_json: AsJson = False,
    offline_dir: OfflineDir = None,
    data: DataFolder = None,
    exempt_host: ExemptHosts = None,
) -> None:
    """Redeem a badge's discount at an event: once for each holder."""
    import secrets

    from verifier.registration.events import HolderCode, NoProof

    settings = settings_of(data, offline_dir=offline_dir, exempt_hosts=exempt_host)
    registration = registration_of(settings)
    answer = registration.redeem(
        bytes_of(file),
        policy=policy_of(event, registration=registration),
        proof=NoProof() if holder_code is None else HolderCode(holder_code),
        request_id=secrets.token_urlsafe(16) if request_id is None else request_id,
    )
    if as_json:
        print_json(answer.to_json())
    else:
        _print_redemption(answer)
    codes = {"granted": GOOD, "already_redeemed": NOT_GOOD, "refused": NOT_GOOD, "could_not_tell": COULD_NOT_TELL}
    raise Finished(codes[answer.result])


@event_app.command("add")
def event_add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The event's policy, a .yaml file.")],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Check an event's policy and take it into the data folder."""
    policy = registration_of(settings_of(data)).add_event(file)
    if as_json:
        print_json({"event": policy.event, "page": f"/events/{policy.event}"})
    else:
        typer.echo(f"The event {policy.event} is open for redeeming at /events/{policy.event}.")


@desk_app.command("link")
def desk_link(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The event's id.")],
    name: Annotated[str, typer.Option("--name", help="What people call this desk.")] = "",
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Make a secret link for a desk of an event; whoever has it can redeem there."""
    settings = settings_of(data)
    path = _desk(settings).make_link(event, name=name)
    if as_json:
        print_json({"event": event, "path": path, "url": f"{settings.public_url or ''}{path}"})
    else:
        typer.echo(f"{settings.public_url or ''}{path}")


@desk_app.command("list")
def desk_list(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The event's id.")],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List the links that were made for the desks of an event, by their numbers; no link is shown again."""
    from schemas import timestamps

    links = _desk(settings_of(data)).links(event)
    if as_json:
        listed: list[JsonValue] = [
            {
                "number": link.number,
                "name": link.name,
                "made_at": timestamps.show(link.made_at),
                "taken_back_at": timestamps.show(link.taken_back_at) if link.taken_back_at else None,
            }
            for link in links
        ]
        print_json({"event": event, "links": listed})
        return
    for link in links:
        state = "taken back" if link.taken_back_at else "in use"
        typer.echo(f"{link.number}  {timestamps.show(link.made_at)}  {state}  {link.name}".rstrip())


@desk_app.command("take-back")
def desk_take_back(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The event's id.")],
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The link's number, from 'desk list'.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the audit log.")],
    data: DataFolder = None,
) -> None:
    """Make a desk's link useless from now on."""
    from verifier.desk.service import AT_THE_COMMAND_LINE

    _desk(settings_of(data)).take_back(event, number, by=replace(AT_THE_COMMAND_LINE, reason=reason))
    typer.echo(f"The desk link {number} of {event} opens nothing any more.")


@staff_app.command("add")
def staff_add(
    roles: Annotated[
        list[str],
        typer.Option("--roles", metavar="EVENT:ROLE,…", help="Roles at an event, or at every_event. Repeatable."),
    ],
    mail: Annotated[str | None, typer.Option("--mail", help="The address to which links are mailed.")] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="What the OpenID provider calls them (sub).")
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Let somebody log in as staff, or give somebody who may other roles."""
    from verifier.staff import roster

    given = [roster.parse_roles(text) for text in roles]
    if len(dict(given)) != len(given):
        raise CommandLineError("One event was given twice: all its roles in one --roles were expected.")
    member, new = roster.add(settings_of(data).staff, mail=mail, subject=subject, roles=dict(given))
    if as_json:
        print_json({"id": member.id, "new": new})
    else:
        typer.echo(f"{member.id} {'is on the list' if new else 'has these roles now'}.")


@staff_app.command("remove")
def staff_remove(
    member: Annotated[str, typer.Argument(metavar="ID", help="Such as staff-3, from 'staff list'.")],
    data: DataFolder = None,
) -> None:
    """Take somebody off the list: whoever is signed in is so no more, and only the id stays."""
    from verifier.staff import roster

    typer.echo(f"{roster.remove(settings_of(data).staff, member).id} is off the list.")


@staff_app.command("list")
def staff_list(data: DataFolder = None, as_json: AsJson = False) -> None:
    """List who may log in as staff, and their roles."""
    from verifier.staff import roster

    for member in roster.load(settings_of(data).staff).active:
        held: JsonObject = {event: sorted(roles) for event, roles in member.roles.items()}  # type: ignore[misc]
        if as_json:
            print_json({"id": member.id, "mail": member.mail, "subject": member.subject, "roles": held})
            continue
        known = ", ".join(filter(None, (member.mail, member.subject and f"subject {member.subject}")))
        typer.echo(f"{member.id}  {known}")
        print_lines(f"{event}: {', '.join(sorted(roles))}" for event, roles in member.roles.items())


@shop_app.command("push")
def shop_push(
    event: EventId, data: DataFolder = None, exempt_host: ExemptHosts = None, as_json: AsJson = False
) -> None:
    """Give the shop every voucher that it does not have yet, also those that it refused before."""
    from verifier.registration.aftercare.releasing import Releasing
    from verifier.registration.outbox import Outbox

    settings = settings_of(data, exempt_hosts=exempt_host)
    registration = registration_of(settings)
    policy = policy_of(event, registration=registration)
    # First what is to leave the shop: a code that takes another one's place is due only then.
    withdrawn, refused, waiting = Releasing(registration).push(policy.event)
    delivery = Outbox(settings, engine=registration.engine).push(policy.event)
    problems = (*waiting, *delivery.problems)
    if as_json:
        told: JsonObject = {"event": policy.event, "placed": delivery.placed, "withdrawn": withdrawn}
        print_json(told | {"problems": list(problems)})
    else:
        typer.echo(f"{delivery.placed} placed in the shop, {len(delivery.problems)} not yet.")
        if withdrawn or waiting:
            typer.echo(f"{withdrawn} withdrawn from the shop, {len(waiting)} not yet.")
        print_lines(problems)
    if delivery.refused or refused:
        raise Finished(NOT_GOOD)
    raise Finished(COULD_NOT_TELL if problems else GOOD)


@shop_app.command("check")
def shop_check(
    event: EventId, data: DataFolder = None, exempt_host: ExemptHosts = None, as_json: AsJson = False
) -> None:
    """Compare what was granted with what the shop holds; ends with 0 only when they agree."""
    from verifier.registration.shops import ShopUnreachableError
    from verifier.registration.shops import service as shops

    settings = settings_of(data, exempt_hosts=exempt_host)
    registration = registration_of(settings)
    policy = policy_of(event, registration=registration)
    try:
        found = shops.check(policy, settings=settings, engine=registration.engine)
    except ShopUnreachableError as error:
        typer.echo(str(error), err=True)
        raise Finished(COULD_NOT_TELL) from error
    if as_json:
        told: JsonObject = {"event": policy.event, "granted": found.granted, "in_shop": found.in_shop}
        print_json(told | {"differences": list(found.differences), "warnings": list(found.warnings)})
    else:
        agree = "they agree" if not found.differences else f"{len(found.differences)} differences"
        typer.echo(f"{found.granted} granted, {found.in_shop} in the shop: {agree}.")
        print_lines((*found.differences, *found.warnings))
    raise Finished(NOT_GOOD if found.differences else GOOD)


@pool_app.command("add")
def shop_pool_add(
    event: EventId,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A CSV file with the header code,percent.")],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take codes that the shop made before into an event's pool; what is in it already changes nothing."""
    from verifier.registration.shops import service as shops

    registration = registration_of(settings_of(data))
    policy = policy_of(event, registration=registration)
    new, stocks = shops.add_codes(policy, data=bytes_of(file), name=file, engine=registration.engine)
    if as_json:
        free: JsonObject = {str(stock.percent): stock.free for stock in stocks}
        print_json({"event": policy.event, "added": new, "free": free})
        return
    typer.echo(f"{new} codes added.")
    print_lines(f"{stock.percent} percent: {stock.free} of {stock.total} left" for stock in stocks)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8002,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="The https address under which people reach it.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="Answer https with this certificate chain (PEM).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="The certificate's private key (PEM).")] = None,
    offline_dir: OfflineDir = None,
    data: DataFolder = None,
    exempt_host: ExemptHosts = None,
    as_json: AsJson = False,
) -> None:
    """Serve the verify page, the registration pages, the desks and the API."""
    import uvicorn

    from verifier.app import create_app
    from verifier.ground import logs

    settings = settings_of(data, offline_dir=offline_dir, exempt_hosts=exempt_host, public_url=public_url)
    tls = tls_of(tls_cert, tls_key)
    address = f"{'https' if tls else 'http'}://{host}:{port}"
    postman = _postman(settings)
    application = create_app(settings, wake_postman=postman.wake)
    if as_json:
        print_json({"listening": address})
        sys.stdout.flush()
    else:
        typer.echo(f"The verifier listens on {address}/verify", err=True)
    _courier(settings).start()
    _start_caretakers(settings)
    postman.start()
    gc.collect()
    gc.freeze()  # what is there now stays: collecting garbage need not look through it at each turn
    logs.begin()
    # No access log: the address of a desk is its key, and whoever verifies a badge is nobody's business.
    uvicorn.run(application, host=host, port=port, access_log=False, server_header=False, log_config=None, **tls)


def _courier(settings: "Settings") -> "Courier":
    """The worker that gives vouchers to the shop while the server answers."""
    from verifier.registration.outbox import Courier, Outbox

    registration = registration_of(settings)

    def outbox() -> Outbox | None:
        return Outbox(settings, engine=registration.engine) if settings.has_database else None

    return Courier(outbox)


def _start_caretakers(settings: "Settings") -> None:
    """The workers that do what comes after a grant while the server answers."""
    from verifier.desk.venue import forgetting
    from verifier.registration.aftercare.caretaker import Caretaker, chores

    registration = registration_of(settings)
    for chore in (*chores(registration), forgetting.chore(registration)):
        Caretaker(chore).start()


def _postman(settings: "Settings") -> "Postman":
    """The worker that sends mails while the server answers."""
    from verifier.ground.mail.postman import MailOutbox, Postman

    registration = registration_of(settings)

    def outbox() -> MailOutbox | None:
        return MailOutbox(settings, engine=registration.engine) if settings.has_database else None

    return Postman(outbox)


def _desk(settings: "Settings") -> "Desk":
    from verifier.desk.service import Desk

    return Desk(registration_of(settings))


def _write_case(file: Path, report: "Report") -> None:
    from schemas import strict_json
    from verifier.verification import case_file

    try:
        file.write_text(strict_json.dumps(case_file.write(report)) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandLineError(f"The case file {file} cannot be written: {error.strerror}.") from error


def _print_report(report: "Report") -> None:
    verdict, said = report.verdict, report.verdict.statement
    words = {"valid": "✓ Valid", "not_valid": "✕ Not valid", "unknown": "? We could not tell"}
    deciding = verdict.deciding
    day = f" as of {report.as_of:%Y-%m-%d}" if report.as_of else ""
    typer.echo(words[verdict.outcome.value] + day + (f": {deciding.sentence}" if deciding else ""))
    if said is not None:
        given = f"given to {said.name}" if said.name else "it carries no name"
        typer.echo(f"  {said.achievement_name}, from {said.issuer_name or said.issuer}; {given}")
    marks = {"pass": "✓", "fail": "✕", "unknown": "?"}
    for check in verdict.checks:
        if check.made:
            detail = f" ({check.evidence})" if check.evidence and check.state.value != "pass" else ""
            typer.echo(f"  {marks[check.state.value]} {check.sentence}{detail}")
    for warning in verdict.warnings:
        typer.echo(f"  ! {warning}")


def _print_redemption(answer: "Redemption") -> None:
    if answer.voucher is not None:
        typer.echo(f"✓ Granted: {answer.percent} % at {answer.event}. Voucher: {answer.voucher}")
        if answer.shop == "pending":
            typer.echo(f"  The shop gets it from 'serve', or from 'badge-verifier shop push {answer.event}'.")
        return
    marks = {"granted": "✓", "already_redeemed": "→", "refused": "✕", "could_not_tell": "?"}
    typer.echo(f"{marks[answer.result]} {answer.sentence}")


def _sentence(error: Exception) -> str:
    """What a person reads about an error. Ours are sentences; of anything else only the kind is told."""
    from keys.errors import KeysError
    from schemas.archive import ArchiveError
    from schemas.event_policy import EventPolicyError
    from verifier.backup import BackupError
    from verifier.desk.errors import DeskError
    from verifier.ground.audit import AuditError
    from verifier.ground.database import DatabaseError
    from verifier.ground.outbound import OutboundError
    from verifier.ground.settings import SettingsError
    from verifier.registration.errors import RegistrationError
    from verifier.staff.errors import StaffError
    from verifier.verification.errors import VerificationError

    ours = (
        *(CommandLineError, SettingsError, AuditError, EventPolicyError, DatabaseError, OutboundError),
        *(VerificationError, RegistrationError, DeskError, StaffError, BackupError, ArchiveError, KeysError),
    )
    if isinstance(error, ours):
        return str(error)
    text = " ".join(str(error).split())[:200]
    return f"Something unexpected went wrong ({type(error).__name__}: {text}). Please report it."
