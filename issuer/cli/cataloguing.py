"""`catalogue …`: the badges per kind of work, and the states in which they are."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from issuer.cli.acting import acting
from issuer.cli.output import DataOption, JsonOption, answer, open_office, table

if TYPE_CHECKING:
    from issuer.badges.achievements import Entry

catalogue = typer.Typer(help="The badges per kind of work, and how each stands.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="A badge of the catalogue, by its id: organiser, …")]


def register(app: typer.Typer) -> None:
    app.add_typer(catalogue, name="catalogue")


@catalogue.command(name="list")
def list_(data: DataOption = None, json: JsonOption = False) -> None:
    """Show every badge per kind with its state, drafts too."""
    from issuer.badges import achievements

    office = open_office(data)
    found = achievements.entries(office.engine, now=office.now)
    rows = [[one.name, one.rule.title, str(one.state), _since(one), one.standing.reason] for one in found]
    text = table("", ["badge", "title", "state", "since", "why"], rows)
    answer(json, {"badges": [_shown(one) for one in found]}, text if rows else "The policy names none.")


@catalogue.command()
def show(name: NameArgument, data: DataOption = None, json: JsonOption = False) -> None:
    """Show one badge: what it needs, how it stands and what was decided about it, and how many hold it."""
    from issuer.badges import achievements
    from issuer.badges.state import MEANINGS
    from issuer.recognition.calendar import period_at

    office = open_office(data)
    entry = achievements.find(office.engine, name, now=office.now)
    period = period_at(office.now, office.policy.period)
    held = achievements.holders(office.engine, period).get(name, 0)
    value = _shown(entry) | {
        "needs": _needs(entry),
        "holders": held,
        "page": f"{office.settings.public_url}/achievements/{name}.html" if entry.standing.is_public else None,
        "changes": [
            {"state": str(one.state), "reason": one.reason, "at": one.at.isoformat()} for one in entry.changes
        ],
    }
    lines = [
        f"{entry.rule.title}: {entry.state}{f' since {_since(entry)}' if _since(entry) else ''}.",
        *([entry.standing.reason] if entry.standing.reason else []),
        MEANINGS[entry.state],
        _needs(entry),
        f"{held} {'person holds' if held == 1 else 'people hold'} it in {period.name}.",
        *(f"  {one.at:%Y-%m-%d}  {one.state}: {one.reason}" for one in entry.changes),
    ]
    answer(json, value, "\n".join(lines))


@catalogue.command(name="set-state")
def set_state(
    name: NameArgument,
    state: Annotated[str, typer.Argument(help="active, source-gone, event-over or withdrawn.")],
    reason: Annotated[str, typer.Option(help="Why; everybody reads it on the badge's page.")],
    by: Annotated[str, typer.Option("--by", help="Who decides: a manager, by id, name, or e-mail address.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Give a badge another state. What people hold stays as it is. Publish afterwards, if files are served."""
    from issuer.badges import achievements
    from issuer.badges.state import MEANINGS, named
    from issuer.ground.login.rights import Right

    office = open_office(data)
    wanted = named(state)
    person, role = acting(office, by, Right.CHANGE_POLICY)
    entry = achievements.set_state(
        office.engine, name, wanted, reason=reason, by=person, role=str(role), now=office.now
    )
    answer(json, _shown(entry), f"{entry.rule.title} is {entry.state}. {MEANINGS[entry.state]}")


def _shown(entry: "Entry") -> dict[str, Any]:
    return {
        "badge": entry.name,
        "title": entry.rule.title,
        "state": str(entry.state),
        "since": entry.standing.since and entry.standing.since.isoformat(),
        "reason": entry.standing.reason,
        "version": entry.policy.version,
    }


def _since(entry: "Entry") -> str:
    return f"{entry.standing.since:%Y-%m-%d}" if entry.standing.since else ""


def _needs(entry: "Entry") -> str:
    from issuer.recognition import sentences

    return sentences.badge_in_words(entry.name, entry.policy)
