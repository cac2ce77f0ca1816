"""The pages on which a badge is claimed, and those on which the team sees whether it arrived, in each state."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from issuer.badges import service as badges
from issuer.badges.bureau import open_bureau
from issuer.delivery import claiming
from issuer.ground import settings as issuer_settings
from issuer.ground.database import reading
from issuer.ground.login.rights import Role
from issuer.ground.mail import store as mail_store
from issuer.notices.model import LINK_LASTS
from tests.real.people_states import inside, of
from tests.real.two_offices import LONG, PLAIN, TwoOffices

Opener = Callable[[Any, TwoOffices], Any]


def mailed_link(o: TwoOffices, who: str, *, ago: timedelta = timedelta()) -> str:
    """A claim link of one of the cast, as it stood in the letter that was entered so long ago."""
    with inside(o) as (engine, _):
        bureau = open_bureau(engine, issuer_settings.load(o.play.issuer_data))
        found = badges.find_badge(engine, o.holders[who].badge)
        when = datetime.now(UTC) - ago
        claiming.resend(bureau, found, by="operator", role="manager", reason="a test", now=when)
        with reading(engine) as connection:
            last = mail_store.mail_outbox.select().order_by(mail_store.mail_outbox.c.id.desc()).limit(1)
            letter = connection.execute(last).one()
    link = re.search(r"/claim/\S+", letter.text)
    assert link
    return o.issuer + link[0]


def mailed(*, ago: timedelta = timedelta(), path: str = "") -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        page.goto(mailed_link(o, LONG, ago=ago))
        if path:
            page.goto(o.issuer + path)

    return opener


def claimed(page: Any, o: TwoOffices) -> None:
    page.goto(mailed_link(o, LONG))
    page.get_by_role("button", name="Take my badge").click()


def claimed_again(page: Any, o: TwoOffices) -> None:
    link = mailed_link(o, LONG)
    page.goto(link)
    page.get_by_role("button", name="Take my badge").click()
    page.goto(link)


def replaced(page: Any, o: TwoOffices) -> None:
    first = mailed_link(o, PLAIN)
    mailed_link(o, PLAIN)
    page.goto(first)


def asked(page: Any, o: TwoOffices) -> None:
    page.goto(f"{o.issuer}/claim")
    page.get_by_label("Your mail address").fill("somebody@else.example")
    page.get_by_role("button", name="Mail me a new link").click()


def deliveries(page: Any, o: TwoOffices) -> None:
    mailed_link(o, LONG)
    of(PLAIN, "/team/deliveries", Role.MANAGER)(page, o)


DELIVERY_STATES: dict[str, tuple[Opener, str]] = {
    "claim": (mailed(), "A badge for you"),
    "claim-fr": (mailed(path="/claim?lang=fr"), "Un badge pour vous"),
    "claimed": (claimed, "Your badge: Contributor"),
    "claim-used": (claimed_again, "This badge was claimed already"),
    "claim-replaced": (replaced, "A newer link was mailed"),
    "claim-expired": (mailed(ago=LINK_LASTS), "The time of this link is over"),
    "claim-none": (lambda page, o: page.goto(f"{o.issuer}/claim"), "Your badge is behind the link in your mail"),
    "claim-asked": (asked, "Look into your mail"),
    "team-deliveries": (deliveries, "Letters about badges"),
}
