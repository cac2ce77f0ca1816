"""`revocation …`: badges withdrawn by the policy's table, with notice where it says so."""

from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli.acting import acting
from issuer.cli.output import DataOption, JsonOption, answer, open_office, table

if TYPE_CHECKING:
    from issuer.badges.revocation import Case

revocation = typer.Typer(help="Badges withdrawn by the policy's table.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(help="The case's number.")]
ByOption = Annotated[
    str, typer.Option("--by", help="Who decides, with a role that may: an id, a name, an e-mail address.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(revocation, name="revocation")


@revocation.command(name="open")
def open_(
    badge: Annotated[str, typer.Argument(help="A badge's id, or its first 6 characters or more.")],
    cause: Annotated[str, typer.Option(help="A row of the policy's table: holder_request, issued_in_error, …")],
    reason: Annotated[str, typer.Option(help="Why; its holder reads it.")],
    by: ByOption,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Withdraw a badge at once, or give its holder notice, as the policy says. Publish afterwards."""
    from issuer.badges import revocations
    from issuer.badges import service as badges
    from issuer.badges.revocation import rule_of
    from issuer.ground.login.rights import Right
    from issuer.people.service import find_person

    office = open_office(data)
    found, bureau = badges.find_badge(office.engine, badge), office.bureau()
    rule = rule_of(bureau.policy(found.award.policy_digest), cause)
    holder_asks = rule.by == "holder"
    person = find_person(office.engine, by) if holder_asks else acting(office, by, Right.WITHDRAW_BADGE)[0]
    case = revocations.open_case(bureau, found, cause=cause, reason=reason, by=person, now=office.now)
    untold = "" if bureau.mails else " No mail server is set: tell the holder yourself."
    answer(json, _shown(case), _in_words(case) + untold)


@revocation.command()
def agree(number: NumberArgument, by: ByOption, data: DataOption = None, json: JsonOption = False) -> None:
    """Decide as a second person that a badge is withdrawn when its notice has run out."""
    from issuer.badges import revocations
    from issuer.ground.login.rights import Right

    office = open_office(data)
    person, _ = acting(office, by, Right.WITHDRAW_BADGE)
    case = revocations.agree(office.bureau(), number, by=person, now=office.now)
    answer(json, _shown(case), _in_words(case))


@revocation.command()
def lift(
    number: NumberArgument,
    reason: Annotated[str, typer.Option(help="Why the badge stands again; its holder reads it.")],
    by: ByOption,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """End a case: the badge stands again. Publish afterwards."""
    from issuer.badges import revocations
    from issuer.ground.login.rights import Right

    office = open_office(data)
    person, _ = acting(office, by, Right.WITHDRAW_BADGE)
    case = revocations.lift(office.bureau(), number, reason=reason, by=person, now=office.now)
    answer(json, _shown(case), _in_words(case))


@revocation.command(name="list")
def list_(data: DataOption = None, json: JsonOption = False) -> None:
    """Show every case, newest first."""
    from issuer.badges import revocations

    found = revocations.cases(open_office(data).engine)
    rows = [[str(c.number), c.badge, c.cause, f"{c.ends_at:%Y-%m-%d}", _state(c)] for c in found]
    text = table("", ["case", "badge", "cause", "notice ends", "state"], rows) if rows else "There is no case."
    answer(json, {"revocations": [_shown(case) for case in found]}, text)


def _shown(case: "Case") -> dict[str, object]:
    return {
        "case": case.number,
        "badge": case.badge,
        "cause": case.cause,
        "notice_ends": case.ends_at.isoformat(),
        "suspended_until": case.suspended_until and case.suspended_until.isoformat(),
        "state": _state(case),
    }


def _state(case: "Case") -> str:
    return case.outcome or ("notice runs" if case.is_agreed else "waits for a second person")


def _in_words(case: "Case") -> str:
    match case.outcome:
        case None:
            waits = "" if case.is_agreed else " once a second person has agreed: 'revocation agree'"
            return f"Case {case.number}: {case.badge} is withdrawn on {case.ends_at:%Y-%m-%d}{waits}."
        case "revoked":
            return f"Case {case.number}: {case.badge} is withdrawn."
        case "reissued":
            return f"Case {case.number}: {case.badge} was signed anew with the key in force."
        case _:
            return f"Case {case.number}: {case.badge} stands."
