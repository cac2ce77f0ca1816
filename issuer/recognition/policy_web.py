"""The life of the rules on pages: the team proposes, opens, approves, puts in force; whoever is signed in
comments.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from issuer.ground.database import reading
from issuer.ground.login.door import Door, Visitor
from issuer.ground.login.rights import Right
from issuer.ground.login.service import Login
from issuer.people.frame import Frame
from issuer.people.model import PeopleError, Person
from issuer.people.service import person_by_id
from issuer.recognition import backtest as backtests
from issuer.recognition import life, service, versions
from issuer.recognition.life import Proposal
from schemas import policy as policy_shape
from schemas import strict_json
from schemas.policy import PolicyError, QualificationPolicy

MAX_DOCUMENT_BYTES = 256 << 10  # of a policy in a form; ours has some ten thousand
BACKTEST_DAYS = 366  # what is attached when comments are opened: the last year
DONE = {
    "propose": "The version is a draft. Everybody can read it; nothing has changed yet.",
    "open": "The version is open for comments, with what it would have changed in the last year.",
    "approve": "Your approval is noted.",
    "adopt": "The version is in force. Nobody loses a badge by it.",
    "withdraw": "The version is withdrawn. Its text stays to be read.",
    "comment": "Your comment stands beside the version.",
}


def router(
    login: Login,
    *,
    door: Door,
    frame: Frame,
    policy: Callable[[], QualificationPolicy],
    top_holders: Callable[[QualificationPolicy], int],
) -> APIRouter:
    """`/team/policies` and `/me/policies`. `top_holders`: how many hold a policy's highest tier."""
    routes = APIRouter(include_in_schema=False)
    engine = login.engine
    Changes = Annotated[Visitor, Depends(door.allowed(Right.CHANGE_POLICY))]  # noqa: N806 - a type
    Writes = Annotated[  # noqa: N806
        Visitor, Depends(door.allowed(Right.CHANGE_POLICY, field_bytes=MAX_DOCUMENT_BYTES))
    ]
    Approves = Annotated[Visitor, Depends(door.allowed(Right.APPROVE_POLICY))]  # noqa: N806
    SignedIn = Annotated[Visitor, Depends(door.signed_in())]  # noqa: N806

    def views() -> list[dict[str, Any]]:
        now, in_force = login.clock(), policy().digest
        return [
            {
                "proposal": one,
                "state": one.state(now=now, in_force=in_force),
                "approved_by": {approval.person for approval in one.approvals},
                "comments": versions.comments(engine, one),
            }
            for one in reversed(versions.proposals(engine))
        ]

    @routes.get("/team/policies")
    def page(request: Request, visitor: Approves, done: str = "") -> Response:
        return frame.answer(
            request,
            "team_policies.html",
            visitor,
            versions=views(),
            policy=policy(),
            document=policy().document.decode(),
            needed=life.APPROVALS,
            me=visitor.session.person,
            done=DONE.get(done, ""),
        )

    @routes.post("/team/policies")
    async def propose(visitor: Writes) -> Response:
        def act(by: Person, fields: Mapping[str, str]) -> None:
            document = fields.get("document", "").replace("\r\n", "\n").encode()
            why = fields.get("why", "")
            versions.propose(engine, document, name="The policy", why=why, by=by, now=login.clock())

        return await decided(visitor, act, done="propose")

    @routes.post("/team/policies/{digest}/opened")
    async def open_comments(digest: str, visitor: Changes) -> Response:
        def act(by: Person, _: Mapping[str, str]) -> None:
            proposal, now, current = versions.find(engine, digest), login.clock(), policy()
            life.check_open(proposal)
            draft = policy_shape.load(proposal.document, name=f"version {proposal.version}")
            tried = service.backtest(engine, draft, current, first=now - timedelta(days=BACKTEST_DAYS), last=now)
            report = backtests.to_json(tried, smallest_cell=current.transparency.smallest_cell)
            versions.open_comments(
                engine,
                proposal,
                by=by,
                top_holders=top_holders(current),
                backtest=strict_json.dumps(report),
                now=now,
            )

        return await decided(visitor, act, done="open")

    @routes.post("/team/policies/{digest}/approved")
    async def approve(digest: str, visitor: Approves) -> Response:
        def act(by: Person, fields: Mapping[str, str]) -> None:
            reason = " ".join(fields.get("reason", "").split())[:500] or "approved"
            versions.approve(
                engine, versions.find(engine, digest), by=by, reason=reason, now=login.clock(),
                role=visitor.role or versions.ROLE,
            )  # fmt: skip

        return await decided(visitor, act, done="approve")

    @routes.post("/team/policies/{digest}/adopted")
    async def adopt(digest: str, visitor: Changes) -> Response:
        def act(by: Person, _: Mapping[str, str]) -> None:
            made = versions.adopt(
                engine, versions.find(engine, digest), by=by, reason="approved by two", now=login.clock()
            )
            versions.keep_file(login.settings.policy, made)

        return await decided(visitor, act, done="adopt")

    @routes.post("/team/policies/{digest}/withdrawn")
    async def withdraw(digest: str, visitor: Changes) -> Response:
        def act(by: Person, fields: Mapping[str, str]) -> None:
            reason = " ".join(fields.get("reason", "").split())[:500]
            if not reason:
                raise PolicyError("Say why the version is withdrawn.")
            versions.withdraw(engine, versions.find(engine, digest), by=by, reason=reason, now=login.clock())

        return await decided(visitor, act, done="withdraw")

    @routes.get("/me/policies")
    def discussed(request: Request, visitor: SignedIn, done: str = "") -> Response:
        shown = [view for view in views() if view["state"] in {"open for comments", "comments are over"}]
        return frame.answer(request, "own_policies.html", visitor, versions=shown, done=DONE.get(done, ""))

    @routes.post("/me/policies/{digest}/comments")
    async def comment(digest: str, visitor: SignedIn) -> Response:
        def act(by: Person, fields: Mapping[str, str]) -> None:
            proposal: Proposal = versions.find(engine, digest)
            versions.comment(engine, proposal, text=fields.get("text", ""), by=by, now=login.clock())

        return await decided(visitor, act, done="comment", at="/me/policies")

    async def decided(
        visitor: Visitor,
        act: Callable[[Person, Mapping[str, str]], None],
        *,
        done: str,
        at: str = "/team/policies",
    ) -> Response:
        def work() -> None:
            with reading(engine) as connection:
                by = person_by_id(connection, visitor.session.person)
            if by is None:
                raise PeopleError("This record is not here any more.")
            act(by, visitor.fields)

        try:
            await run_in_threadpool(work)
        except (PolicyError, backtests.BacktestError) as error:
            raise PeopleError(str(error)) from error
        return frame.back_to(f"{at}?done={done}")

    return routes
