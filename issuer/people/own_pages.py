"""One's own record: what is on it, how it is changed, and who looked at it. Every act is a form of one page."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from issuer.ground import audit, language
from issuer.ground.database import reading, writing
from issuer.ground.login.door import Door, Visitor
from issuer.ground.login.errors import NotSignedInError
from issuer.ground.login.service import Login, is_address
from issuer.people import joining, own, profiles
from issuer.people.frame import Frame
from issuer.people.model import Account, PeopleError, Person
from issuer.people.profiles import Pages
from issuer.people.service import note_reader, person_by_id, proofs_of
from issuer.people.web import asking_limit

LOOKED = "person.look"
LOOKS_SHOWN = 200
DONE = {
    "name": "Your name was changed. The former one is kept nowhere.",
    "address": "This address is proved to be yours.",
    "mail": "Mail to you goes there from now on.",
    "language": "Letters to you are written in this language from now on.",
    "account": "This account is proved to be yours.",
    "affiliation": "Your affiliation is on record.",
    "pause": "Your pause is on record.",
    "asked": "The manager was asked. The answer will stand here.",
    "dropped": "The account was taken off your record.",
    "merged": "Both records are one now.",
    "split": "The two records are apart again.",
    "declined": "The other record stays apart.",
    "hidden": "Nothing of yours can be seen by others any more.",
}

Waiting = Callable[[Account], int]


def router(
    login: Login,
    *,
    provider: str | None,
    door: Door,
    frame: Frame,
    outbound: Pages,
    waiting: Waiting,
    renamed: Callable[[str], None],
    rejoined: Callable[[Sequence[str]], None],
) -> APIRouter:
    """The routes below `/me`. `waiting`: how many records wait for an account's owner. `renamed`, `rejoined`: told
    after a person changed their name, and after persons were merged or split, so that their badges follow.
    """
    routes = APIRouter(prefix="/me", include_in_schema=False)
    limited, engine, settings = asking_limit(), login.engine, login.settings
    SignedIn = Annotated[Visitor, Depends(door.signed_in())]  # noqa: N806 - a type

    def mine(connection: Connection, visitor: Visitor) -> Person:
        person = person_by_id(connection, visitor.session.person)
        if person is None:
            raise NotSignedInError("Please sign in: this record is not here any more.")
        return person

    @routes.get("")
    def record(request: Request, visitor: SignedIn, done: str = "", account: str = "") -> Response:
        with reading(engine) as connection:
            person = mine(connection, visitor)
            offers = joining.offers_for(connection, person.id)
            merges = joining.merges_of(connection, person.id)
            proofs = proofs_of(connection, person.id)
            texts = profiles.waiting_of(connection, person.id)
            asked = own.requests_of(connection, person.id)
        note_reader(engine, person, language.asked_for(request))
        return frame.answer(
            request,
            "me.html",
            visitor,
            done=DONE.get(done, ""),
            person=person,
            offers=offers,
            merges=merges,
            proofs=proofs,
            texts=[(one, profiles.address_of(one, settings.profiles), text) for one, text in texts],
            asked=asked,
            by_mail=login.by_mail,
            provider=provider,
            systems=sorted(settings.profiles),
            today=login.clock().date(),
            found=_found(account, waiting),
        )

    @routes.get("/looks")
    def looks(request: Request, visitor: SignedIn) -> Response:
        with reading(engine) as connection:
            person = mine(connection, visitor)
            names = {person.id: person.name}
            rows = [
                row
                for row in audit.entries(engine, person=person.id, last=LOOKS_SHOWN)[::-1]
                if row.actor != person.id
            ]
            for row in rows:
                known = person_by_id(connection, row.actor)
                names[row.actor] = known.name if known is not None else ""
        return frame.answer(request, "looks.html", visitor, rows=rows, names=names)

    @routes.post("/name")
    async def rename(visitor: SignedIn) -> Response:
        def act(connection: Connection, person: str, now: datetime) -> None:
            own.rename(connection, person, visitor.fields.get("name", ""), now=now)

        response = await changed(visitor, act, done="name")
        await run_in_threadpool(renamed, visitor.session.person)
        return response

    @routes.post("/language")
    async def choose_language(visitor: SignedIn) -> Response:
        def act(connection: Connection, person: str, now: datetime) -> None:
            own.choose_language(connection, person, visitor.fields.get("language", ""), now=now)

        return await changed(visitor, act, done="language")

    @routes.post("/addresses")
    async def ask_for_link(request: Request, visitor: SignedIn) -> Response:
        limited(request)
        address = visitor.fields.get("address", "").strip()
        if not is_address(address):
            raise PeopleError("This is no mail address: name@host.example was expected.")
        secret = door.cookie(request, "session")
        await run_in_threadpool(
            login.ask_for_link, address, browser=secret, person=visitor.session.person, say=language.voice(request)
        )
        return frame.answer(request, "sent.html", visitor, back="/me")

    @routes.post("/address")
    async def use_address(visitor: SignedIn) -> Response:
        def act(connection: Connection, person: str, now: datetime) -> None:
            own.use_address(connection, person, visitor.fields.get("address", ""), now=now)

        return await changed(visitor, act, done="mail")

    @routes.post("/accounts/dropped")
    async def drop_account(visitor: SignedIn) -> Response:
        def act(connection: Connection, person: str, now: datetime) -> None:
            own.drop_account(connection, person, _account(visitor), now=now)

        return await changed(visitor, act, done="dropped")

    @routes.post("/profiles")
    async def begin_profile(visitor: SignedIn) -> Response:
        def act(connection: Connection, person: str, now: datetime) -> None:
            host = settings.public_url.partition("://")[2]
            account = Account.of(visitor.fields.get("system", ""), visitor.fields.get("name", ""))
            profiles.begin(connection, person, account, host=host, profiles=settings.profiles, now=now)

        return await changed(visitor, act, done="", at="profiles")

    @routes.post("/profiles/checked")
    async def check_profile(request: Request, visitor: SignedIn) -> Response:
        limited(request)
        await run_in_threadpool(
            profiles.check,
            engine,
            visitor.session.person,
            _account(visitor),
            outbound=outbound,
            profiles=settings.profiles,
            now=login.clock(),
        )
        return frame.back_to("/me?done=account")

    @routes.post("/offers")
    async def answer_offer(visitor: SignedIn) -> Response:
        other, accepts = visitor.fields.get("other", ""), visitor.fields.get("answer") == "join"

        def act(connection: Connection, person: str, now: datetime) -> None:
            if accepts:
                joining.accept_offer(connection, person, other, now=now)
            else:
                joining.decline_offer(connection, person, other)

        response = await changed(visitor, act, done="merged" if accepts else "declined")
        if accepts:
            await run_in_threadpool(rejoined, [visitor.session.person])
        return response

    @routes.post("/merges/undone")
    async def undo_merge(visitor: SignedIn) -> Response:
        number = _number(visitor.fields.get("merge", ""))

        def act(connection: Connection, person: str, now: datetime) -> None:
            if number not in {merge.id for merge in joining.merges_of(connection, person)}:
                raise PeopleError("There is no such merge on your record.")
            done = joining.split(
                connection, number, by=person, role=joining.ROLE, reason="their own wish", now=now
            )
            parted.append(done.gone)

        parted = [visitor.session.person]
        response = await changed(visitor, act, done="split")
        await run_in_threadpool(rejoined, parted)
        return response

    @routes.post("/affiliations")
    async def add_affiliation(visitor: SignedIn) -> Response:
        organisation = None if visitor.fields.get("nobody") else visitor.fields.get("organisation", "")

        def act(connection: Connection, person: str, now: datetime) -> None:
            since = _day(visitor, "since")
            own.set_affiliation(connection, person, since=since, organisation=organisation, now=now)

        return await changed(visitor, act, done="affiliation")

    @routes.post("/requests")
    async def ask(visitor: SignedIn) -> Response:
        kind = own.AFFILIATION if visitor.fields.get("kind") == own.AFFILIATION else own.ACCOUNT
        about, reason = visitor.fields.get("about", ""), visitor.fields.get("reason", "")

        def act(connection: Connection, person: str, now: datetime) -> None:
            own.ask(connection, person, kind=kind, about=about, reason=reason, now=now)

        return await changed(visitor, act, done="asked")

    @routes.post("/pauses")
    async def add_pause(visitor: SignedIn) -> Response:
        def act(connection: Connection, person: str, now: datetime) -> None:
            begins, ends = _day(visitor, "begins"), _day(visitor, "ends")
            own.pause(connection, person, begins=begins, ends=ends, now=now)

        return await changed(visitor, act, done="pause")

    @routes.post("/pauses/ended")
    async def end_pause(visitor: SignedIn) -> Response:
        def act(connection: Connection, person: str, now: datetime) -> None:
            own.end_pause(connection, person, _moment(visitor.fields.get("begins", "")), now=now)

        return await changed(visitor, act, done="pause")

    async def changed(
        visitor: Visitor, act: Callable[[Connection, str, datetime], None], *, done: str, at: str = ""
    ) -> Response:
        """One change of one's own record, whole or not at all, and back to the page on which it shows."""

        def work() -> None:
            with writing(engine) as connection:
                act(connection, mine(connection, visitor).id, login.clock())

        await run_in_threadpool(work)
        return frame.back_to(f"/me{'?done=' + done if done else ''}{'#' + at if at else ''}")

    return routes


def _found(text: str, waiting: Waiting) -> tuple[str, int] | None:
    """An account that somebody looks for, and how many records wait for its owner."""
    try:
        account = Account.parse(text) if text else None
    except PeopleError:
        account = None
    return None if account is None else (str(account), waiting(account))


def _account(visitor: Visitor) -> Account:
    system, _, name = visitor.fields.get("account", "").partition(":")
    return Account(system, name)


def _day(visitor: Visitor, name: str) -> date:
    try:
        return date.fromisoformat(visitor.fields.get(name, ""))
    except ValueError as error:
        raise PeopleError("A day such as 2027-01-31 was expected.") from error


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise PeopleError("There is no such pause.") from error
    if moment.tzinfo is None:
        raise PeopleError("There is no such pause.")
    return moment


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
