"""The pages of staff in their states. Somebody is in each role; a session is begun as the OpenID provider's answer
begins one, and a link is read where the mail waits for its server.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keys.openid import Identity
from tests.demo.__main__ import EVENT
from tests.real.two_offices import HELPED, TwoOffices
from verifier.ground.database import reading, writing
from verifier.ground.documents import document_source
from verifier.ground.mail import store as mail_store
from verifier.registration.aftercare import store as aftercare
from verifier.registration.events import HolderCode
from verifier.registration.service import Registration
from verifier.staff.service import SignIn
from verifier.verification.service import Verification

Opener = Callable[[Any, TwoOffices], Any]
ROLES = ("event_team", "lead", "finance", "auditor", "admin")
LISTED = "staff:\n" + "".join(
    f"  - {{id: staff-{n}, mail: {role}@people.example, subject: {role}, roles: {{every_event: [{role}]}}}}\n"
    for n, role in enumerate(ROLES, start=1)
)
LONG_ADDRESS = "maximiliana.theodora.wolkenstein-trostburg@a-very-long-subdomain.people.example"
ALSO = f"""\
  - {{id: staff-6, subject: nowhere, roles: {{an-event-of-last-year: [lead]}}}}
  - {{id: staff-7, removed: true}}
  - {{id: staff-8, mail: {LONG_ADDRESS}, roles: {{every_event: [event_team, lead, finance]}}}}
"""
PAGE = f"/staff/events/{EVENT}"


@contextmanager
def office(o: TwoOffices) -> Iterator[tuple[Registration, SignIn]]:
    """The verifying office from inside, with its staff on the list."""
    settings = o.settings
    settings.staff.write_text(LISTED + ALSO)
    registration = Registration(settings, verification=Verification(document_source(settings)))
    yield registration, SignIn(registration, settings)
    registration.engine.dispose()


def come_in(page: Any, o: TwoOffices, role: str) -> None:
    """Begin a session of somebody in a role, in this browser."""
    with office(o) as (_, sign_in):
        token = sign_in.sign_in_by_openid(Identity(role), earlier="")
    page.context.add_cookies([{"name": "staff-session", "value": token, "url": o.verifier, "httpOnly": True}])


def of(role: str, path: str) -> Opener:
    """A page, opened by somebody in a role."""

    def opener(page: Any, o: TwoOffices) -> None:
        come_in(page, o, role)
        page.goto(o.verifier + path)

    return opener


def pressed(role: str, path: str, button: str, fields: dict[str, str] | None = None) -> Opener:
    """A page on which somebody filled in a form and pressed its button."""

    def opener(page: Any, o: TwoOffices) -> None:
        of(role, path)(page, o)
        for label, value in (fields or {}).items():
            page.get_by_label(label).fill(value)
        page.get_by_role("button", name=button, exact=True).click()

    return opener


def asked(page: Any, o: TwoOffices, address: str = "lead@people.example") -> None:
    """Ask for a link by mail."""
    with office(o):
        page.goto(f"{o.verifier}/staff/sign-in")
    page.get_by_label("Your mail address").fill(address)
    page.get_by_role("button", name="Mail me a link").click()


def link(o: TwoOffices, address: str = "lead@people.example") -> str:
    """The newest link that waits for the mail server; it is written after the page was answered."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with office(o) as (registration, _), reading(registration.engine) as connection:
            rows = connection.execute(mail_store.mail_outbox.select().order_by(mail_store.mail_outbox.c.id))
            mine = [row.text for row in rows if row.recipient == address]
        if mine:
            found = re.search(r"http\S+/staff/links/\S+", mine[-1])
            assert found
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"No link was mailed to {address}.")


def opened_link(page: Any, o: TwoOffices) -> None:
    asked(page, o)
    page.goto(link(o))


def link_elsewhere(page: Any, o: TwoOffices) -> None:
    asked(page, o, "finance@people.example")
    page.context.clear_cookies()
    page.goto(link(o, "finance@people.example"))


def used_link(page: Any, o: TwoOffices) -> None:
    asked(page, o, "auditor@people.example")
    at = link(o, "auditor@people.example")
    page.goto(at)
    page.get_by_role("button", name="Sign in").click()
    page.goto(at)


def a_grant(o: TwoOffices) -> str:
    """The number of a discount that was given; the same each time."""
    with office(o) as (registration, _):
        answer = registration.redeem(
            o.jwt(HELPED).encode(),
            policy=registration.event(EVENT),
            proof=HolderCode(o.holders[HELPED].code),
            request_id="for the pages of staff",
        )
        assert answer.voucher is not None, answer
        return answer.voucher


def found(role: str) -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        voucher = a_grant(o)
        pressed(role, PAGE, "Find", {"Find a grant": voucher})(page, o)

    return opener


def not_released(page: Any, o: TwoOffices) -> None:
    found("lead")(page, o)
    page.get_by_label("Reason").fill("bought twice")
    page.get_by_role("button", name="Release", exact=True).click()


def cases(role: str) -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        a_grant(o)
        with office(o) as (registration, sign_in), writing(registration.engine) as connection:
            sentence = "The badge was withdrawn by its issuer after its discount was given."
            aftercare.open_case(
                connection, event=EVENT, number=1, kind="withdrawn", sentence=sentence, now=sign_in._clock()
            )
        of(role, f"{PAGE}/cases")(page, o)

    return opener


def sampled(page: Any, o: TwoOffices) -> None:
    a_grant(o)
    pressed("finance", PAGE, "Finance report")(page, o)
    page.get_by_label("Seed").fill("a dice")
    page.get_by_label("Reason").fill("the yearly audit")
    page.get_by_role("button", name="Draw").click()


# name -> (the steps, what its h1 says)
STAFF_STATES: dict[str, tuple[Opener, str]] = {
    "staff-sign-in": (lambda page, o: page.goto(f"{o.verifier}/staff/sign-in"), "Sign in"),
    "staff-sent": (asked, "Look into your mail"),
    "staff-link": (opened_link, "Sign in as staff-2"),
    "staff-link-elsewhere": (link_elsewhere, "Sign in as staff-3"),
    "staff-link-used": (used_link, "You are not signed in"),
    "staff-home": (of("lead", "/staff"), "Your events"),
    "staff-home-nothing": (of("nowhere", "/staff"), "Your events"),
    "staff-not-allowed": (of("finance", f"{PAGE}/desks"), "Not allowed"),
    "staff-event": (of("lead", PAGE), EVENT),
    "staff-event-finance": (of("finance", PAGE), EVENT),
    "staff-grant": (found("finance"), "Grant "),
    "staff-grant-lead": (found("lead"), "Grant "),
    "staff-grant-lives": (not_released, "Grant "),
    "staff-no-grant": (pressed("lead", PAGE, "Find", {"Find a grant": "NONE"}), "No such voucher"),
    "staff-cases": (cases("lead"), "Cases"),
    "staff-money": (pressed("finance", PAGE, "Finance report"), "Finance report"),
    "staff-sample": (sampled, "A sample of grants"),
    "staff-desks": (of("auditor", f"{PAGE}/desks"), "Desks"),
    "staff-desk-made": (
        pressed("lead", f"{PAGE}/desks", "Make a link", {"Name of the desk": "left entrance"}),
        "Desks",
    ),
    "staff-audit": (of("auditor", f"{PAGE}/audit"), "Audit log"),
    "staff-audit-office": (of("auditor", "/staff/audit"), "Audit log"),
    "staff-people": (of("admin", "/staff/people"), "Who has which role"),
}
