"""What the team does about flagged statements (POLICY §4): look, and say what was found."""

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from issuer.attestations import review
from issuer.attestations.model import AttestationError
from issuer.ground.login.door import Door, Visitor
from issuer.ground.login.rights import Right
from issuer.ground.login.service import Login
from issuer.people.frame import Frame
from issuer.people.model import PeopleError, Person


def router(login: Login, *, door: Door, frame: Frame, people: Callable[[], Mapping[str, Person]]) -> APIRouter:
    """`/team/attestors/{person}`."""
    routes = APIRouter(prefix="/team/attestors/{person}", include_in_schema=False)
    engine = login.engine

    @routes.get("")
    def statements(
        request: Request, person: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.DECIDE_CLAIM))]
    ) -> Response:
        attestor = people().get(person)
        if attestor is None:
            raise PeopleError("There is no such attestor.")
        return frame.answer(
            request, "team_attestor.html", visitor, attestor=attestor, flagged=review.flagged(engine, person)
        )

    @routes.post("")
    async def settle(
        person: str, visitor: Annotated[Visitor, Depends(door.allowed(Right.DECIDE_CLAIM))]
    ) -> Response:
        def work() -> None:
            try:
                review.settle(
                    engine,
                    claim=visitor.fields.get("claim", ""),
                    attestor=person,
                    found_false=visitor.fields.get("found") == "false",
                    by=visitor.session.person,
                    role=visitor.role or "",
                    reason=visitor.fields.get("reason", ""),
                    now=login.clock(),
                )
            except AttestationError as error:
                raise PeopleError(str(error)) from error

        await run_in_threadpool(work)
        return frame.back_to(f"/team/attestors/{person}")

    return routes
