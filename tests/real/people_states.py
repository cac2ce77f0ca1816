"""The pages on which people keep their own record, and the team looks at others', in their states."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine

from issuer.ground import settings as issuer_settings
from issuer.ground.database import open_database, writing
from issuer.ground.login import service as login_service
from issuer.ground.login.errors import RoleError
from issuer.ground.login.rights import Role
from issuer.ground.login.service import Login
from issuer.people import joining, own, profiles
from issuer.people.model import Account
from issuer.people.service import find_person
from tests.real.two_offices import HAN, LONG, NAMED, NAMES, PLAIN, SMALL, TwoOffices

Opener = Callable[[Any, TwoOffices], Any]
NOW = datetime.now(UTC)
LONG_ACCOUNT = "mail:maximiliana.theodora.wolkenstein-trostburg@a-very-long-subdomain.people.example"


@contextmanager
def inside(o: TwoOffices) -> Iterator[tuple[Engine, Login]]:
    """The issuing office from inside."""
    settings = issuer_settings.load(o.play.issuer_data)
    engine = open_database(settings.database)
    yield engine, Login(engine, settings, clock=lambda: datetime.now(UTC))
    engine.dispose()


def come_in(page: Any, o: TwoOffices, who: str, role: Role | None = None) -> str:
    """Begin a session of one of the cast in this browser, in a role or in none; their id."""
    with inside(o) as (engine, login):
        person = find_person(engine, NAMES[who]).id
        if role is not None:
            with suppress(RoleError):  # held since another page was looked at
                login_service.give_role(engine, person, role, by="operator", reason="a test", now=NOW)
        with writing(engine) as connection:
            token = login.begin_session(connection, person, way="mail", earlier="")
    page.context.add_cookies([{"name": "session", "value": token, "url": o.issuer, "httpOnly": True}])
    return person


def of(who: str, path: str, role: Role | None = None) -> Opener:
    """A page, opened by one of the cast."""

    def opener(page: Any, o: TwoOffices) -> None:
        come_in(page, o, who, role)
        page.goto(o.issuer + path)

    return opener


def full(page: Any, o: TwoOffices) -> None:
    """A record with one of everything, some of it long."""
    person = come_in(page, o, LONG)
    with inside(o) as (engine, _), writing(engine) as connection:
        other = find_person(engine, NAMES[HAN])
        if not joining.offers_for(connection, person):
            accounts = [Account.parse(LONG_ACCOUNT), Account.of("github", "max")]
            joining.prove(connection, person, accounts, proof="challenge", now=NOW)
            joining.prove(connection, person, [other.accounts[0]], proof="mailbox", now=NOW)
            own.set_affiliation(connection, person, since=date(2024, 1, 1), organisation="X" * 80, now=NOW)
            own.pause(connection, person, begins=date(2026, 1, 1), ends=date(2026, 2, 1), now=NOW)
            own.ask(connection, person, kind="account", about="zanata:max", reason="It was closed.", now=NOW)
            account, known = Account.of("github", "max-too"), {"github": "https://github.example/{name}"}
            profiles.begin(connection, person, account, host="badges.example", profiles=known, now=NOW)
    page.goto(f"{o.issuer}/me?account=git:somebody@old.example")


def looked_at(page: Any, o: TwoOffices) -> None:
    """Somebody of the team looks at a record."""
    of(NAMED, "/team/people", Role.MANAGER)(page, o)
    page.get_by_label("Who").fill(NAMES[LONG])
    page.get_by_label("Why you look").fill("She asked why.")
    page.get_by_role("button", name="Look", exact=True).click()


def seen_looks(page: Any, o: TwoOffices) -> None:
    looked_at(page, o)
    of(LONG, "/me/looks")(page, o)


def asked(page: Any, o: TwoOffices) -> None:
    page.goto(f"{o.issuer}/sign-in")
    page.get_by_label("Your mail address").fill("somebody@people.example")
    page.get_by_role("button", name="Mail me a link").click()


def request(page: Any, o: TwoOffices) -> None:
    full(page, o)
    of(NAMED, "/team", Role.MANAGER)(page, o)
    page.get_by_role("link", name="Somebody says that an account").first.click()


def french(page: Any, o: TwoOffices) -> None:
    full(page, o)
    page.goto(f"{o.issuer}/me?lang=fr")


# name -> (the steps, what its h1 says)
PEOPLE_STATES: dict[str, tuple[Opener, str]] = {
    "privacy": (lambda page, o: page.goto(f"{o.issuer}/privacy"), "What is kept about you"),
    "sign-in": (lambda page, o: page.goto(f"{o.issuer}/sign-in"), "Sign in"),
    "sign-in-fr": (lambda page, o: page.goto(f"{o.issuer}/sign-in?lang=fr"), "Se connecter"),
    "sign-in-sent": (asked, "Look into your mail"),
    "me": (of(PLAIN, "/me"), NAMES[PLAIN]),
    "me-full": (full, NAMES[LONG]),
    "me-fr": (french, NAMES[LONG]),
    "me-looks-none": (of(SMALL, "/me/looks"), "Who looked at your record"),
    "me-looks": (seen_looks, "Who looked at your record"),
    "me-leave": (of(PLAIN, "/me/leave"), "Hide it, or leave"),
    "me-team-refused": (of(SMALL, "/team"), "That was not done"),
    "team": (of(NAMED, "/team", Role.MANAGER), "What waits for you"),
    "team-people": (of(NAMED, "/team/people", Role.MANAGER), "Look at a record"),
    "team-person": (looked_at, NAMES[LONG]),
    "team-request": (request, "An account that cannot be proved"),
    "team-roles": (of(NAMED, "/team/roles", Role.MANAGER), "Roles"),
    "team-policies": (of(NAMED, "/team/policies", Role.MANAGER), "Versions of the rules"),
    "me-policies": (of(PLAIN, "/me/policies"), "Rules that are discussed"),
    "me-policies-fr": (of(PLAIN, "/me/policies?lang=fr"), "Règles"),
    "team-audit": (of(NAMED, "/team/audit", Role.MANAGER), "Audit log"),
}
