"""What a person types about discounts that were given: grants, cases, the finance report, forgetting, the audit
log.

Each command that changes something wants a reason, and says in the audit log who gave it. Exit codes: 0 done, 1
not done, or something wants a person, 2 could not be told now, 3 misuse.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from verifier.terminal import (
    COULD_NOT_TELL,
    GOOD,
    NOT_GOOD,
    AsJson,
    CommandLineError,
    DataFolder,
    EventId,
    ExemptHosts,
    Finished,
    OfflineDir,
    policy_of,
    print_json,
    print_lines,
    registration_of,
    settings_of,
)

if TYPE_CHECKING:
    from schemas.strict_json import JsonObject
    from verifier.registration.aftercare.finance import FinanceReport, Money
    from verifier.registration.aftercare.model import Given
    from verifier.registration.aftercare.releasing import Outcome

ROLE = "command line"

grant_app = typer.Typer(help="The discounts that were given.", no_args_is_help=True)
cases_app = typer.Typer(help="What a person must look at.", no_args_is_help=True)
report_app = typer.Typer(help="Reports of an event.", no_args_is_help=True)
retention_app = typer.Typer(help="Forgetting events that are over.", no_args_is_help=True)
audit_app = typer.Typer(help="Who did what, and why.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(metavar="GRANT", help="The grant's number, or its voucher.")]
Why = Annotated[str, typer.Option("--why", "--reason", help="Why; it stands in the audit log. Name no holder.")]
By = Annotated[str, typer.Option("--by", help="Who does it, as this office names them.")]
ByHand = Annotated[
    bool, typer.Option("--withdrawn-in-shop", help="You withdrew the voucher in the shop, and it was not used.")
]


def register(app: typer.Typer, shop_app: typer.Typer) -> None:
    """Add these commands to the office's command line, and one to the group of its shop."""
    app.add_typer(grant_app, name="grant")
    app.add_typer(cases_app, name="cases")
    app.add_typer(report_app, name="report")
    app.add_typer(retention_app, name="retention")
    app.add_typer(audit_app, name="audit")
    shop_app.command("sync")(shop_sync)


# Grants


@grant_app.command("list")
def grant_list(event: EventId, data: DataFolder = None, as_json: AsJson = False) -> None:
    """List the discounts of an event that were given, released ones too; one JSON object a line with --json."""
    from verifier.registration.aftercare.releasing import Releasing

    registration = registration_of(settings_of(data))
    policy = policy_of(event, registration=registration)
    for given in Releasing(registration).grants(policy.event):
        if as_json:
            print_json(_grant_json(given))
        else:
            typer.echo(f"{given.number}  {given.percent} %  {given.voucher}  {_state(given)}  {given.achievement}")


@grant_app.command("release")
def grant_release(
    event: EventId,
    grant: Reference,
    why: Why,
    by: By = ROLE,
    withdrawn_in_shop: ByHand = False,
    data: DataFolder = None,
    exempt_host: ExemptHosts = None,
    as_json: AsJson = False,
) -> None:
    """Take a discount back, its voucher first: whoever it was given to can redeem again."""
    from verifier.registration.aftercare.releasing import Releasing

    registration = registration_of(settings_of(data, exempt_hosts=exempt_host))
    named = policy_of(event, registration=registration).event
    act = Releasing(registration).release
    outcome = act(named, grant, actor=by, why=why, role=ROLE, withdrawn_in_shop=withdrawn_in_shop)
    _finish(outcome, as_json=as_json)


@grant_app.command("reissue")
def grant_reissue(
    event: EventId,
    grant: Reference,
    why: Why,
    by: By = ROLE,
    withdrawn_in_shop: ByHand = False,
    data: DataFolder = None,
    exempt_host: ExemptHosts = None,
    as_json: AsJson = False,
) -> None:
    """Give the same discount with a new voucher, in the place of one that was lost; the old one is withdrawn
    first.
    """
    from verifier.registration.aftercare.releasing import Releasing

    registration = registration_of(settings_of(data, exempt_hosts=exempt_host))
    named = policy_of(event, registration=registration).event
    act = Releasing(registration).reissue
    outcome = act(named, grant, actor=by, why=why, role=ROLE, withdrawn_in_shop=withdrawn_in_shop)
    _finish(outcome, as_json=as_json)


def shop_sync(
    event: EventId, data: DataFolder = None, exempt_host: ExemptHosts = None, as_json: AsJson = False
) -> None:
    """Take over what the shop says of each voucher: what ran out unused is released."""
    from verifier.registration.aftercare import sweep
    from verifier.registration.shops import ShopUnreachableError

    settings = settings_of(data, exempt_hosts=exempt_host)
    registration = registration_of(settings)
    policy = policy_of(event, registration=registration)
    try:
        swept = sweep.sync(policy, settings=settings, engine=registration.engine)
    except ShopUnreachableError as error:
        typer.echo(str(error), err=True)
        raise Finished(COULD_NOT_TELL) from error
    if as_json:
        print_json(swept.to_json())
    else:
        typer.echo(f"{len(swept.released)} released, {len(swept.canceled)} orders canceled, {swept.used} in use.")
        print_lines(swept.problems)
    raise Finished(NOT_GOOD if swept.problems else GOOD)


# Cases


@cases_app.command("check")
def cases_check(
    event: EventId,
    data: DataFolder = None,
    offline_dir: OfflineDir = None,
    exempt_host: ExemptHosts = None,
    as_json: AsJson = False,
) -> None:
    """Look again at the badge of each discount, and open a case for each one that was withdrawn since."""
    from verifier.registration.aftercare import cases

    settings = settings_of(data, offline_dir=offline_dir, exempt_hosts=exempt_host)
    registration = registration_of(settings)
    policy = policy_of(event, registration=registration)
    looked = cases.check(policy.event, verification=registration.verification, engine=registration.engine)
    if as_json:
        print_json(looked.to_json())
    else:
        typer.echo(f"{looked.grants} grants looked at, {len(looked.opened)} cases opened.")
        print_lines(f"Could not tell: {sentence}" for sentence in looked.unknown)
    if looked.opened:
        raise Finished(NOT_GOOD)
    raise Finished(COULD_NOT_TELL if looked.unknown else GOOD)


@cases_app.command("list")
def cases_list(
    event: EventId,
    closed: Annotated[bool, typer.Option("--closed", help="Closed ones too.")] = False,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List the cases of an event; one JSON object a line with --json."""
    from verifier.registration.aftercare import cases

    registration = registration_of(settings_of(data))
    policy = policy_of(event, registration=registration)
    for case in cases.listed(policy.event, engine=registration.engine, closed=closed):
        if as_json:
            print_json(cases.to_json(case))
        else:
            ended = f"  closed by {case.closed_by}: {case.why}" if case.closed_at else ""
            about = "desks" if case.redemption_id is None else f"grant {case.redemption_id}"
            typer.echo(f"{case.number}  {about}  {case.sentence}{ended}")


@cases_app.command("close")
def cases_close(
    event: EventId,
    number: Annotated[int, typer.Argument(metavar="CASE", help="The case's number, from 'cases list'.")],
    why: Why,
    by: By = ROLE,
    data: DataFolder = None,
) -> None:
    """Close a case. It changes nothing else: a discount is taken back with 'grant release'."""
    from verifier.registration.aftercare import cases

    registration = registration_of(settings_of(data))
    policy = policy_of(event, registration=registration)
    cases.close(policy.event, number, actor=by, why=why, role=ROLE, engine=registration.engine)
    typer.echo(f"The case {number} of {policy.event} is closed.")


# Finance


@report_app.command("finance")
def report_finance(
    event: EventId,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table with commas.")] = False,
    as_json: AsJson = False,
    sample: Annotated[
        int | None, typer.Option("--sample", help="Draw so many grants at random instead; needs --seed and --why.")
    ] = None,
    seed: Annotated[str | None, typer.Option("--seed", help="The same seed draws the same grants.")] = None,
    why: Annotated[str | None, typer.Option("--why", help="With --sample: why they are opened.")] = None,
    by: By = ROLE,
    data: DataFolder = None,
    exempt_host: ExemptHosts = None,
) -> None:
    """What was given and what the shop took off for it, to the cent; or a sample of grants to be looked at."""
    from verifier.registration.aftercare import finance
    from verifier.registration.shops import ShopUnreachableError

    settings = settings_of(data, exempt_hosts=exempt_host)
    registration = registration_of(settings)
    policy = policy_of(event, registration=registration)
    if sample is not None:
        if seed is None or why is None:
            raise CommandLineError("--sample wants a --seed and a --why: both stand in the audit log.")
        drawn = finance.sample(
            policy.event, count=sample, seed=seed, actor=by, why=why, role=ROLE, engine=registration.engine
        )
        for one in drawn:
            if as_json:
                print_json(one.to_json())
            else:
                typer.echo(f"{one.number}  {one.issuer}  {one.achievement}  {one.percent} %  {one.voucher}")
        return
    try:
        found = finance.report(policy, settings=settings, engine=registration.engine)
    except ShopUnreachableError as error:
        typer.echo(str(error), err=True)
        raise Finished(COULD_NOT_TELL) from error
    if as_json:
        print_json(found.to_json())
    elif as_csv:
        typer.echo(found.to_csv(), nl=False)
        _print_lines_aside(found)
    else:
        _print_report(found)
    raise Finished(NOT_GOOD if found.differences else GOOD)


# Forgetting


@retention_app.command("run")
def retention_run(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Delete the details of each event whose days are over; totals and the audit log stay."""
    from verifier.desk.venue import forgetting
    from verifier.registration.aftercare import retention

    registration = registration_of(settings_of(data))
    desks = forgetting.run(registration.events(), registration=registration)
    forgotten = retention.run(registration.events(), engine=registration.engine)
    if as_json:
        told: JsonObject = {"forgotten": [found.to_json() for found in forgotten]}
        print_json(told | {"desks": [found.to_json() for found in desks]})
        return
    print_lines(f"{found.event}: {found.entries} entries of desks' journals." for found in desks)
    typer.echo(f"{len(forgotten)} events forgotten.")
    print_lines(f"{found.event}: {found.grants} grants, {found.rows} rows." for found in forgotten)


# The audit log


@audit_app.command("list")
def audit_list(
    event: Annotated[str | None, typer.Option("--event", help="Only of this event.")] = None,
    last: Annotated[int, typer.Option("--last", min=1, max=100_000, help="The newest so many rows.")] = 100,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List who did what, and why; one JSON object a line with --json."""
    from schemas import timestamps
    from verifier.ground import audit

    engine = registration_of(settings_of(data)).engine
    for row in audit.entries(engine, event=event, last=last):
        if as_json:
            print_json(row.to_json())
        else:
            who = f"{row.actor} ({row.role})" if row.actor != row.role else row.actor
            what = " ".join(filter(None, (row.act, row.event, row.subject)))
            typer.echo(f"{row.number}  {timestamps.show(row.at)}  {who}  {what}: {row.reason}")


@audit_app.command("check", hidden=True)  # as it was called before
@audit_app.command("verify")
def audit_verify(
    noted: Annotated[
        str | None,
        typer.Option("--noted", metavar="NUMBER:SHA256", help="What an earlier check said, kept elsewhere."),
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Compute the chain of the audit log anew; say the first row that was changed or is missing, or what to note
    elsewhere. Ends with 1 if one was.
    """
    from verifier.ground import audit

    engine = registration_of(settings_of(data)).engine
    chain = audit.check(engine, noted=None if noted is None else _noted(noted))
    if as_json:
        print_json({"rows": chain.rows, "noted": f"{chain.rows}:{chain.head}", "fault": chain.fault})
    elif chain.fault is None:
        typer.echo(f"{chain.rows} rows, none changed or missing. Note elsewhere: {chain.rows}:{chain.head}")
    else:
        typer.echo(chain.fault)
    raise Finished(GOOD if chain.fault is None else NOT_GOOD)


def _noted(text: str) -> tuple[int, str]:
    number, _, head = text.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 16 and len(head) == 64):
        raise CommandLineError("--noted wants what an earlier check said, such as 17:3b5d… with 64 digits.")
    return int(number), head


def _finish(outcome: "Outcome", *, as_json: bool) -> None:
    """Say how an act stands; 1 where it was not done and a person must look, 2 where it is tried again."""
    print_json(outcome.to_json()) if as_json else typer.echo(outcome.sentence)
    codes = {"released": GOOD, "reissued": GOOD, "waiting": COULD_NOT_TELL}
    raise Finished(codes.get(outcome.state, NOT_GOOD))


def _state(given: "Given") -> str:
    return f"released ({given.released_because})" if given.state == "released" else given.state


def _grant_json(given: "Given") -> "JsonObject":
    from schemas import timestamps

    return {
        "grant": given.number,
        "event": given.event,
        "issuer": given.issuer,
        "achievement": given.achievement,
        "percent": given.percent,
        "voucher": given.voucher,
        "generation": given.generation,
        "granted_at": timestamps.show(given.granted_at),
        "policy_sha256": given.policy_digest,
        "state": given.state,
        "released_at": timestamps.show(given.released_at) if given.released_at else None,
        "released_because": given.released_because,
        "replaces": given.replaces,
        "shop": given.order_state,
    }


def _print_report(found: "FinanceReport") -> None:
    currency = found.currency or ""
    for line in found.lines:
        named = f"{line.vouchers}  {line.state}  {line.percent} %  {line.kind}  {line.achievement}"
        typer.echo(f"{named}  {_amounts(line.money, currency)}".rstrip())
        print_lines([f"by the event's file {line.policy_digest}"])
    typer.echo(f"{found.vouchers} vouchers in all  {_amounts(found.total, currency)}".rstrip())
    if found.in_shop is not None:
        agree = "they agree" if not found.differences else f"{len(found.differences)} differences"
        typer.echo(f"The shop took off {found.in_shop:.2f} {currency}: {agree}.")
    print_lines((*found.differences, *found.notes))


def _print_lines_aside(found: "FinanceReport") -> None:
    """What stands beside a table, on standard error, so that the table can be piped."""
    for sentence in (*found.differences, *found.notes):
        typer.echo(sentence, err=True)


def _amounts(money: "Money | None", currency: str) -> str:
    if money is None:
        return ""
    named = (("list", money.list_price), ("off", money.discount), ("paid", money.paid))
    return "  ".join(f"{name} {amount:.2f} {currency}".rstrip() for name, amount in named if amount is not None)
