"""`role`, `audit` and `mail`: who of the team may do what, what was done, and the mails that wait."""

from typing import Annotated

import typer

from issuer.cli.output import CommandError, DataOption, JsonOption, answer, open_office, table

OPERATOR = "operator"  # whoever has this command line; the log names nobody else
role = typer.Typer(help="Who of the team may do what.", no_args_is_help=True)
audit = typer.Typer(help="What was done, by whom and why.", no_args_is_help=True)
PersonArgument = Annotated[str, typer.Argument(help="An id, an account, an address or a name.")]
RoleArgument = Annotated[str, typer.Argument(help="manager, attestor, panel or auditor.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it stands in the audit log.")]


def register(app: typer.Typer) -> None:
    app.add_typer(role, name="role")
    app.add_typer(audit, name="audit")
    app.command(name="mail")(send_mail)


@role.command()
def give(
    person: PersonArgument,
    role_name: RoleArgument,
    reason: ReasonOption,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Let somebody hold a role; they sign in at /sign-in."""
    _change(person, role_name, reason=reason, given=True, data=data, json=json)


@role.command()
def take(
    person: PersonArgument,
    role_name: RoleArgument,
    reason: ReasonOption,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Take a role from somebody: it holds at once, and they are signed out."""
    _change(person, role_name, reason=reason, given=False, data=data, json=json)


@role.command(name="list")
def list_(data: DataOption = None, json: JsonOption = False) -> None:
    """Show who holds which role."""
    from issuer.ground.login import service as login
    from issuer.people.service import people_by_id

    office = open_office(data)
    people, held = people_by_id(office.engine), login.all_roles(office.engine)
    rows = [[str(one), people[who].name or who, f"{since:%Y-%m-%d}"] for who, one, since in held]
    value = {"roles": [{"person": who, "role": str(one), "since": since.isoformat()} for who, one, since in held]}
    answer(json, value, table("", ["role", "who", "since"], rows) if rows else "Nobody holds a role yet.")


@audit.command(name="check", hidden=True)  # as it was called before
@audit.command()
def verify(
    noted: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:SHA256", help="What an earlier 'audit verify' said, kept elsewhere."),
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Compute the chain of the audit log and of the journal anew; say the first row that was changed or is
    missing, or what to note elsewhere. Ends with 1 if one was.
    """
    from issuer.ground import audit as log
    from issuer.ground import journal

    office = open_office(data)
    chain = log.check(office.engine, noted=None if noted is None else _noted(noted))
    if chain.fault is not None:
        raise CommandError(chain.fault)
    folder = office.settings.journal
    head = journal.head(folder) if folder else None
    value = {
        "rows": chain.rows,
        "head": chain.head,
        "noted": f"{chain.rows}:{chain.head}",
        "journal": {"number": head.number, "sha256": head.sha256} if head else None,
    }
    text = f"{chain.rows} rows, none changed or missing; " + (
        f"the journal is whole up to its number {head.number}." if head else "no journal is kept."
    )
    answer(json, value, f"{text}\nNote elsewhere: {chain.rows}:{chain.head}")


def _noted(text: str) -> tuple[int, str]:
    number, _, head = text.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 16 and len(head) == 64):
        raise CommandError("--noted wants what an earlier check said, such as 17:3b5d… with 64 digits.")
    return int(number), head


@audit.command(name="list")
def list_rows(
    last: Annotated[int, typer.Option(min=1, help="How many of the newest rows.")] = 100,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show the newest rows of the audit log."""
    from issuer.ground import audit as log

    office = open_office(data)
    found = log.entries(office.engine, last=last)
    rows = [
        [str(row.number), f"{row.at:%Y-%m-%d %H:%M}", row.actor[:8], row.role, row.act, row.person[:8], row.reason]
        for row in found
    ]
    columns = ["no.", "at", "who", "as", "did", "about", "why"]
    answer(json, {"rows": [row.to_json() for row in found]}, table("", columns, rows))


def send_mail(data: DataOption = None, json: JsonOption = False) -> None:
    """Send the mails that wait; 'serve' does so by itself. Also tells whoever was not told what is kept."""
    from issuer.ground.database import writing
    from issuer.ground.mail.postman import MailOutbox
    from issuer.people import notice
    from issuer.people import service as people

    office = open_office(data)
    letter, told = notice.letter(office.settings), 0
    if letter is not None:
        with writing(office.engine) as connection:
            told = people.tell_the_untold(connection, letter, now=office.now)
    done = MailOutbox(office.settings, engine=office.engine, clock=lambda: office.now).send_due()
    value = {"told": told, "sent": done.sent, "waiting": done.waiting, "refused": done.refused}
    answer(
        json, value, f"{done.sent} sent, {done.waiting} wait, {done.refused} refused for good; {told} people told."
    )


def _change(person: str, role_name: str, *, reason: str, given: bool, data: DataOption, json: bool) -> None:
    from issuer.ground.login import service as login
    from issuer.ground.login.rights import Role
    from issuer.people.service import find_person

    try:
        wanted = Role(role_name)
    except ValueError as error:
        raise CommandError(f"{role_name!r} is no role: {', '.join(Role)} were expected.") from error
    office = open_office(data)
    found = find_person(office.engine, person)
    change = login.give_role if given else login.take_role
    change(office.engine, found.id, wanted, by=OPERATOR, reason=reason, now=office.now)
    text = f"{found.name or found.id} {'holds' if given else 'no longer holds'} the role {wanted}."
    answer(json, {"person": found.id, "role": str(wanted), "held": given}, text)
