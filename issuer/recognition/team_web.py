"""Where the team answers what holders ask about their decisions: something missing, a dispute, an appeal."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from issuer.ground import audit
from issuer.ground.database import writing
from issuer.ground.login.door import Door, Visitor
from issuer.ground.login.rights import Right
from issuer.ground.login.service import Login
from issuer.people.frame import Frame
from issuer.people.model import PeopleError, Person
from issuer.people.own_pages import LOOKED
from issuer.people.service import person_by_id
from issuer.recognition import questions
from issuer.recognition.question import Question, QuestionError


def router(login: Login, *, door: Door, frame: Frame) -> APIRouter:
    """`/team/questions/{number}`."""
    routes = APIRouter(prefix="/team/questions/{number}", include_in_schema=False)
    engine = login.engine

    @routes.get("")
    def asked(
        request: Request, number: int, visitor: Annotated[Visitor, Depends(door.allowed(Right.DECIDE_DISPUTE))]
    ) -> Response:
        """What somebody asks is part of their record, so looking at it is noted, too."""
        with writing(engine) as connection:
            question, person = _asked(connection, number)
            audit.write(
                connection,
                actor=visitor.session.person,
                role=visitor.role or "",
                act=LOOKED,
                reason="to answer what they asked",
                now=login.clock(),
                person=question.person,
                subject=f"question {number}",
            )
        return frame.answer(request, "team_question.html", visitor, question=question, person=person)

    @routes.post("")
    async def answer(
        number: int, visitor: Annotated[Visitor, Depends(door.allowed(Right.DECIDE_DISPUTE))]
    ) -> Response:
        def work() -> None:
            with writing(engine) as connection:
                by = person_by_id(connection, visitor.session.person)
            if by is None or visitor.fields.get("decision") not in {"grant", "refuse"}:
                raise PeopleError("An answer grants what was asked, or refuses it.")
            questions.answer(
                engine,
                number,
                by=by,
                role=visitor.role or "",
                granted=visitor.fields["decision"] == "grant",
                text=visitor.fields.get("answer", ""),
                now=login.clock(),
            )

        try:
            await run_in_threadpool(work)
        except QuestionError as error:
            raise PeopleError(str(error)) from error
        return frame.back_to("/team")

    return routes


def _asked(connection: Connection, number: int) -> tuple[Question, Person | None]:
    question = questions.find(connection, number)
    if question is None:
        raise PeopleError(f"There is no question {number}.")
    return question, person_by_id(connection, question.person)
