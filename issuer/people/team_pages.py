"""What the team sees of people: a record that somebody looks at with a reason, requests, roles, the audit log.

Nobody's record is opened without a right, a reason and a row in the audit log, which its person can read.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from issuer.ground import audit
from issuer.ground.database import reading, writing
from issuer.ground.login import service as login_service
from issuer.ground.login.door import Door, Visitor
from issuer.ground.login.rights import Right
from issuer.ground.login.service import Login
from issuer.ground.matters import Matter
from issuer.people import own
from issuer.people.frame import Frame
from issuer.people.model import PeopleError, Person, PersonRequest
from issuer.people.own_pages import LOOKED
from issuer.people.service import find_person, person_by_id, proofs_of

ROWS_SHOWN = 200


def router(login: Login, *, door: Door, frame: Frame, matters: Callable[[], Sequence[Matter]]) -> APIRouter:
    """The routes below `/team` that are about people. `matters`: what waits in every room."""
    routes = APIRouter(prefix="/team", include_in_schema=False)
    engine = login.engine

    @routes.get("")
    def home(request: Request, visitor: Annotated[Visitor, Depends(door.allowed(Right.SEE_INBOX))]) -> Response:
        return frame.answer(request, "team.html", visitor, matters=matters())

    @routes.get("/people")
    def search(
        request: Request, visitor: Annotated[Visitor, Depends(door.allowed(Right.LOOK_AT_PERSON))]
    ) -> Response:
        return frame.answer(request, "team_people.html", visitor)

    @routes.post("/people")
    async def look(
        request: Request, visitor: Annotated[Visitor, Depends(door.allowed(Right.LOOK_AT_PERSON))]
    ) -> Response:
        def work() -> Response:
            found = find_person(engine, visitor.fields.get("who", ""))
            with writing(engine) as connection:
                audit.write(
                    connection,
                    actor=visitor.session.person,
                    role=visitor.role or "",
                    act=LOOKED,
                    reason=visitor.fields.get("reason", ""),
                    now=login.clock(),
                    person=found.id,
                )
                proofs = proofs_of(connection, found.id)
            return frame.answer(request, "team_person.html", visitor, person=found, proofs=proofs)

        return await run_in_threadpool(work)

    @routes.get("/requests/{number}")
    def request_page(
        request: Request, number: int, visitor: Annotated[Visitor, Depends(door.allowed(Right.DECIDE_CLAIM))]
    ) -> Response:
        """What a request says is part of its person's record, so looking at it is noted, too."""
        with writing(engine) as connection:
            asked, person = _asked(connection, number)
            audit.write(
                connection,
                actor=visitor.session.person,
                role=visitor.role or "",
                act=LOOKED,
                reason="to decide what they asked for",
                now=login.clock(),
                person=person.id,
                subject=f"request {number}",
            )
        return frame.answer(request, "team_request.html", visitor, asked=asked, person=person)

    @routes.post("/requests/{number}")
    async def decide(
        number: int, visitor: Annotated[Visitor, Depends(door.allowed(Right.DECIDE_CLAIM))]
    ) -> Response:
        def work() -> None:
            with writing(engine) as connection:
                own.decide(
                    connection,
                    number,
                    granted=visitor.fields.get("decision") == "grant",
                    answer=visitor.fields.get("answer", ""),
                    by=visitor.session.person,
                    role=visitor.role or "",
                    now=login.clock(),
                )

        await run_in_threadpool(work)
        return frame.back_to("/team")

    @routes.get("/roles")
    def roles(request: Request, visitor: Annotated[Visitor, Depends(door.allowed(Right.SEE_ROLES))]) -> Response:
        with reading(engine) as connection:
            rows = [
                (person_by_id(connection, person), role, since)
                for person, role, since in login_service.all_roles(engine)
            ]
        return frame.answer(request, "team_roles.html", visitor, rows=rows)

    @routes.get("/audit")
    def audit_log(
        request: Request, visitor: Annotated[Visitor, Depends(door.allowed(Right.READ_AUDIT))]
    ) -> Response:
        rows, chain = audit.entries(engine, last=ROWS_SHOWN), audit.check(engine)
        return frame.answer(request, "team_audit.html", visitor, rows=rows[::-1], chain=chain, most=ROWS_SHOWN)

    return routes


def _asked(connection: Connection, number: int) -> tuple[PersonRequest, Person]:
    asked = own.find_request(connection, number)
    person = None if asked is None else person_by_id(connection, asked.person)
    if asked is None or person is None:
        raise PeopleError(f"There is no request {number}.")
    return asked, person
