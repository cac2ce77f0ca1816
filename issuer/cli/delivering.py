"""`deliveries`, `resend` and `new-link`: whether each badge reached its holder, and what to do if not."""

from typing import Annotated

import typer

from issuer.cli.acting import acting
from issuer.cli.issuing import BadgeArgument
from issuer.cli.output import DataOption, JsonOption, answer, open_office, table

ByOption = Annotated[str, typer.Option("--by", help="Who does this, with a role that may.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it stands in the audit log.")]


def register(app: typer.Typer) -> None:
    app.command()(deliveries)
    app.command()(resend)
    app.command(name="new-link")(new_link)


def deliveries(
    every: Annotated[bool, typer.Option("--all", help="Those that were claimed, too.")] = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show how the newest letter about each badge stands: waiting, sent, refused, given up, claimed."""
    from issuer.badges import service as badges
    from issuer.delivery import claiming

    office = open_office(data)
    standing = [badge for badge in badges.all_badges(office.engine) if badge.standing and badge.jwt]
    rows, value = [], []
    for one in claiming.reach(office.bureau(), standing):
        state, since = one.delivery.state if one.delivery else "not written", one.delivery and one.delivery.since
        if state == "claimed" and not every:
            continue
        shown = f"{since:%Y-%m-%d %H:%M}" if since else ""
        note = "to another address" if one.delivery and one.delivery.elsewhere else one.hindrance
        rows.append([one.badge.short_id, one.badge.award.achievement, state, shown, note])
        value.append(
            {
                "badge": one.badge.short_id,
                "achievement": one.badge.award.achievement,
                "state": state,
                "since": since and since.isoformat(),
                "attempts": one.delivery.attempts if one.delivery else 0,
                "elsewhere": bool(one.delivery and one.delivery.elsewhere),
                "hindrance": one.hindrance,
            }
        )
    text = table("", ["badge", "achievement", "state", "since (UTC)", "note"], rows)
    answer(json, {"deliveries": value}, text if rows else "Every badge was claimed, or there is none yet.")


def resend(
    badge: BadgeArgument,
    by: ByOption,
    reason: ReasonOption,
    to: Annotated[str, typer.Option(help="Another address than its holder's; the badge stays as it is.")] = "",
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Mail a badge's holder a new claim link; links that were mailed before work no more."""
    from issuer.badges import service as badges
    from issuer.delivery import claiming
    from issuer.ground.login.rights import Right

    office = open_office(data)
    person, role = acting(office, by, Right.DELIVER_BADGE)
    found = badges.find_badge(office.engine, badge)
    address = claiming.resend(
        office.bureau(), found, by=person.id, role=str(role), reason=reason, to=to, now=office.now
    )
    value = {"badge": found.id, "to": address}
    answer(json, value, f"A new link to {found.short_id} goes to {address}: 'serve' sends it, or 'mail'.")


def new_link(
    person: Annotated[str, typer.Argument(help="Whose private link: an id, an account, an address, or a name.")],
    by: ByOption,
    reason: ReasonOption,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Take somebody's private link back and make a new one; whoever has the old one sees nothing any more."""
    from issuer.badges import service as badges
    from issuer.ground.login.rights import Right
    from issuer.people.service import find_person

    office = open_office(data)
    actor, role = acting(office, by, Right.DELIVER_BADGE)
    bureau, holder = office.bureau(), find_person(office.engine, person)
    made = badges.replace_page(bureau, holder.id, by=actor.id, role=str(role), reason=reason, now=office.now)
    address = bureau.addresses.private_page(made)
    answer(json, {"person": holder.id, "private_page": address}, f"{address}\nThe former link leads nowhere.")
