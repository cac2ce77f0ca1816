"""`question …`: what holders ask about their decisions, and what they are answered."""

from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli.acting import acting
from issuer.cli.output import DataOption, JsonOption, Office, answer, open_office, table

if TYPE_CHECKING:
    from issuer.recognition.lot import Bench

question = typer.Typer(help="What holders ask about their decisions.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(question, name="question")


@question.command(name="list")
def list_(data: DataOption = None, json: JsonOption = False) -> None:
    """Show what waits for an answer, with its deadline."""
    from issuer.recognition import questions

    office = open_office(data)
    waiting = questions.open_ones(office.engine)
    rows = [[str(q.id), q.kind, f"{q.due:%Y-%m-%d}", q.person, q.text, q.link or ""] for q in waiting]
    columns = ["number", "kind", "due", "person", "text", "link"]
    value = [dict(zip(columns, row, strict=True)) for row in rows]
    answer(json, {"questions": value}, table("", columns, rows) if rows else "Nothing waits for an answer.")


@question.command(name="answer")
def answer_(
    number: Annotated[int, typer.Argument(help="The question's number.")],
    by: Annotated[str, typer.Option("--by", help="Who answers, with a role that may.")],
    text: Annotated[str, typer.Option("--text", help="The answer with its reasons; whoever asked reads it.")],
    grant: Annotated[bool, typer.Option("--grant/--refuse", help="Whether they are right.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Answer a question, once. What is granted is mended where it is kept: collect, claim, award."""
    from issuer.ground.login.rights import Right, Role
    from issuer.people.service import find_person
    from issuer.recognition import panels, questions

    office = open_office(data)
    bench, named = panels.of_question(office.engine, number), find_person(office.engine, by)
    sits = bench is not None and named.id in bench.sitting
    person, role = (named, Role.PANEL) if sits else acting(office, by, Right.DECIDE_DISPUTE)
    made = questions.answer(
        office.engine,
        number,
        by=person,
        role=str(role),
        granted=grant,
        text=text,
        now=office.now,
    )
    said = f"Question {made.id} is answered." if made.answered_at else "This is noted; the others decide, too."
    answer(json, {"number": made.id, "granted": made.granted}, said)


@question.command()
def panel(
    number: Annotated[int, typer.Argument(help="The question's number.")],
    by: Annotated[str, typer.Option("--by", help="Who lets the lot be drawn, with a role that may.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Draw the panel that decides a question, by lot and without those who are near; or show the one that was."""
    from issuer.badges import service as badges
    from issuer.ground.login.rights import Right
    from issuer.recognition import panels

    office = open_office(data)
    person, role = acting(office, by, Right.DECIDE_DISPUTE)
    tier = office.policy.governance.standard.panel.by_lot_from
    among = badges.holder_ids(office.engine, tier)
    made = panels.convene(
        office.engine, number, among=among, policy=office.policy, by=person, role=str(role), now=office.now
    )
    _show(json, office, made)


@question.command()
def recuse(
    number: Annotated[int, typer.Argument(help="The question's number.")],
    by: Annotated[str, typer.Option("--by", help="The member who withdraws.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit log.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Withdraw from a panel; the same lot gives the next member."""
    from issuer.people.service import find_person
    from issuer.recognition import panels

    office = open_office(data)
    member = find_person(office.engine, by)
    _show(json, office, panels.withdraw(
        office.engine, number, member=member, reason=reason, policy=office.policy, now=office.now
    ))  # fmt: skip


def _show(as_json: bool, office: Office, bench: "Bench") -> None:
    from issuer.people.service import people_by_id

    people = people_by_id(office.engine)
    names = [people[one].name or one for one in bench.sitting]
    value = {"question": bench.question, "members": list(bench.sitting), "seed": bench.seed,
             "candidates": len(bench.candidates)}  # fmt: skip
    text = (
        f"Question {bench.question} is decided by {', '.join(names)}, drawn from {len(bench.candidates)} people."
    )
    answer(
        as_json, value, f"{text}\nSeed {bench.seed}; each answers with 'question answer {bench.question} --by …'."
    )
