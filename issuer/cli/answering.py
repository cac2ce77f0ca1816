"""`question …`: what holders ask about their decisions, and what they are answered."""

from typing import Annotated

import typer

from issuer.cli.acting import acting
from issuer.cli.output import DataOption, JsonOption, answer, open_office, table

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
    from issuer.ground.login.rights import Right
    from issuer.recognition import questions

    office = open_office(data)
    person, role = acting(office, by, Right.DECIDE_DISPUTE)
    made = questions.answer(
        office.engine,
        number,
        by=person,
        role=str(role),
        granted=grant,
        text=text,
        now=office.now,
    )
    answer(json, {"number": made.id, "granted": made.granted}, f"Question {made.id} is answered.")
