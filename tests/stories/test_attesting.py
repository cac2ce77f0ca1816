"""Work that no commit shows: an organiser in Paris, an ambassador with a phone, a region whose only ambassador
organises, an operator without commits, and somebody who made two meetups up. Played over HTTP (POLICY §5).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from issuer.attendance import service as attendance
from issuer.attestations import service as attestations
from issuer.attestations import sheets
from issuer.attestations.model import Claim, Delegation
from issuer.badges import service as badges
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.ground.login.rights import Role
from issuer.jobs import Jobs
from issuer.people import roster
from issuer.people import service as people_service
from issuer.people.model import Account
from keys import custody
from tests.unit.issuer.people.community import URL, Browser, Community

ROSTER = """name,email,accounts,affiliation,since
Odile,odile@paris.example,,Cloudier,2020-01-01
Pia,pia@paris.example,,Cloudier,2020-01-01
Amb,amb@eu.example,,Trains,2020-01-01
Bea,bea@eu.example,,Boats,2020-01-01
Tokuo,tokuo@asia.example,,Railways,2020-01-01
Omar,omar@ops.example,discourse:omar,Power,2020-01-01
Mana,mana@team.example,,,
"""
KINDS = frozenset({"event.organised", "talk.given", "session.moderated"})


class Place:
    """The community and its moments."""

    def __init__(self, folder: Path) -> None:
        self.community = Community(folder)
        self.office = self.community.office
        self.clock = self.community.clock
        rows, problems = roster.read_roster(ROSTER.encode())
        report = people_service.add_people(self.office.engine, rows, now=self.clock(), problems=problems)
        assert not report.refused
        self.browser = self.community.browser()

    def delegate(self, name: str, region: str) -> None:
        today = self.clock().date()
        given = Delegation(self.office.person(name).id, KINDS, region, None, today, today + timedelta(days=365))
        attestations.delegate(self.office.engine, given, policy=self.office.policy)

    def claim(self, event: str, *about: str, when: datetime, region: str = "eu") -> Claim:
        return attestations.open_claim(
            self.office.engine,
            kind="event.organised",
            subjects=[self.office.person(name) for name in about],
            title=f"Meetup {event}",
            happened_at=when,
            region=region,
            event=event,
            policy=self.office.policy,
            now=self.clock(),
        )

    def gather(self, event: str, when: datetime, *, people: int, capacity: int = 100) -> None:
        """A gathering at which so many scan the code on the screen, each with their own phone."""
        made, token = attendance.declare(
            self.office.engine,
            event=event,
            title=f"Meetup {event}",
            region="eu",
            starts=when,
            ends=when + timedelta(hours=3),
            capacity=capacity,
            now=self.clock(),
        )
        self.clock.now = when + timedelta(minutes=10)
        screen = self.community.browser().get(f"/room/{token}/screen").text
        path = screen.partition(f'<a href="{URL}')[2].partition('"')[0]
        for _ in range(people):
            phone = self.community.browser()
            phone.get(path)
            assert phone.client.request("POST", path).status_code == 200
        assert made.event == event

    def asked(self) -> list[str]:
        """Everybody for whom something waits gets a mail; the paths of the links in it."""
        before = len(self.community.mails())
        people = people_service.people_by_id(self.office.engine)
        sheets.ask_all(
            self.office.engine,
            people=people,
            policy=self.office.policy,
            public_url=URL,
            community="Example",
            now=self.clock(),
        )
        texts = [mail.text for mail in self.community.mails()[before:]]
        return [match[1] for text in texts if (match := re.search(rf"{URL}(/sheet/\S+)", text))]

    def answer(self, path: str, *, attendees: int = 60) -> Browser:
        """Open a mailed link on a phone, tick everything for each event, and send it: one page, one button."""
        browser = self.community.browser()
        page = browser.get(path).text
        claims = re.findall(r'name="seen\.([0-9a-f]+)" value="yes"', page)
        fields: dict[str, str | list[str]] = {}
        for claim in claims:
            fields |= {
                f"seen.{claim}": "yes",
                f"statement.{claim}": ["open_to_all", "vendor_neutral", "code_of_conduct"],
                f"attendees.{claim}": str(attendees),
            }
        browser.page = browser.client.request("POST", path, data=fields)
        return browser

    def work(self) -> None:
        """What the office does by itself, within seconds."""
        Jobs(self.office.engine, lambda: self.office.bureau, lambda: self.office.policy, self.clock).handle_news()

    def standing(self, name: str) -> list[str]:
        held = badges.badges_of(self.office.engine, self.office.person(name).id)
        return sorted(badge.award.achievement for badge in held if badge.standing)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
    place = Place(tmp_path)
    yield place
    place.office.engine.dispose()


def test_an_organiser_in_paris(place: Place) -> None:
    """Journey 2: the room scans, two attestors of other employers sign, twelve times: sustained."""
    place.clock.now = datetime(2026, 1, 2, tzinfo=UTC)
    place.delegate("Amb", "eu")
    place.delegate("Bea", "eu")
    tiers = []
    for month in range(1, 13):
        place.clock.now = datetime(2026, month, 3, tzinfo=UTC)
        when = datetime(2026, month, 10, 18, tzinfo=UTC)
        place.gather(f"paris-{month}", when, people=12)
        place.claim(f"paris-{month}", "Odile", when=when)
        for path in place.asked():
            assert "You said: I saw it." in place.answer(path).page.text  # type: ignore[union-attr]
        place.work()
        tiers.append(place.standing("Odile"))
    assert tiers[0] == ["organiser", "recognised"]
    assert tiers[1] == ["contributor", "organiser"], "two meetups are four credits in two months"
    assert tiers[-1] == ["organiser", "sustained"]


def test_nobody_came_so_it_is_no_meetup_of_ten(place: Place) -> None:
    """What the room's code counted is the number, whatever attestors wrote into their form."""
    place.delegate("Amb", "eu")
    place.delegate("Bea", "eu")
    when = place.clock() + timedelta(days=2)
    place.gather("empty", when, people=4)
    place.claim("empty", "Odile", when=when)
    for path in place.asked():
        place.answer(path, attendees=60)
    place.work()
    assert place.standing("Odile") == []


def test_an_ambassador_with_five_events_one_of_their_own(place: Place) -> None:
    """Journey 5: five events on a phone; one is their own: refused, another attestor named."""
    place.delegate("Amb", "eu")
    place.delegate("Bea", "eu")
    when = place.clock() - timedelta(days=20)
    for number in range(4):
        place.claim(f"m{number}", "Odile", when=when + timedelta(days=number))
    place.claim("own", "Pia", "Amb", when=when)
    page = place.community.browser()
    path = next(path for path in place.asked() if "Amb, recognition waits" in page.get(path).text)
    shown = page.get(path).text
    assert "nobody attests their own work" in shown and "These people can: Bea." in shown
    assert shown.count('value="yes"') == 4
    after = place.answer(path).page
    assert after is not None and after.text.count("You said: I saw it.") == 4


def test_a_region_whose_only_ambassador_organises(place: Place) -> None:
    """Where the only ambassador organises the meetup, a neighbouring region attests."""
    place.delegate("Tokuo", "asia")
    place.delegate("Amb", "eu")
    place.delegate("Bea", "eu")
    when = place.clock() - timedelta(days=10)
    for number in range(2):
        day = when - timedelta(days=35 * number)
        place.claim(f"tokyo-{number}", "Tokuo", when=day, region="asia")
    links = place.asked()
    assert len(links) == 2, "two neighbours are asked, and not the organiser"
    for path in links:
        place.answer(path)
    place.work()
    assert place.standing("Tokuo") == ["contributor", "organiser"]


def test_an_operator_without_commits(place: Place) -> None:
    """Journey 1: confirmed bugs, a runbook and answers on the forum; applied for nothing."""
    office, now = place.office, place.clock()
    records = [
        Contribution(
            source="launchpad",
            id=f"bug-{number}",
            record="bug.confirmed",
            account=Account.parse("discourse:omar"),
            happened_at=now - timedelta(days=20 + 30 * (number % 3)),
            facts=facts_from({"moved_to": "confirmed", "moved_by": "git:bob@books.example"}),
        )
        for number in range(4)
    ]
    records += [
        Contribution(
            source="git",
            id="runbook",
            record="change",
            account=Account.parse("discourse:omar"),
            happened_at=now - timedelta(days=25),
            facts=facts_from(
                {
                    "title": "What to do when the disk is full",
                    "changed_lines": 40,
                    "paths": ["runbooks/disk-full.md"],
                    "accepted_by": ["git:bob@books.example"],
                }
            ),
        )
    ]
    contributions.store(office.engine, records, now=now)
    place.work()
    assert place.standing("Omar") == ["contributor", "operator"]
    page = place.community.browser().get(f"/h/{office.bureau.page_token(office.person('Omar').id)}/why").text
    assert "What to do when the disk is full" in page and page.count("</span> counted</span>") == 5


def test_two_meetups_that_were_made_up(place: Place) -> None:
    """Journey 12: the manager looks, finds them false; the right ends, an honest organiser keeps the badge."""
    place.delegate("Amb", "eu")
    place.delegate("Bea", "eu")
    when = place.clock() - timedelta(days=10)
    false = [place.claim(f"no-{n}", "Pia", when=when - timedelta(days=35 * n)) for n in range(2)]
    for number in range(2):
        place.claim(f"yes-{number}", "Odile", when=when - timedelta(days=35 * number))
    for path in place.asked():
        place.answer(path)
    place.work()
    assert place.standing("Pia") == place.standing("Odile") == ["contributor", "organiser"]

    team = place.community.with_role("mana@team.example", Role.MANAGER)
    inbox = team.get("/team").text
    assert "statements of an attestor want a look" in inbox and "minutes in all" in inbox
    attestor = place.office.person("Amb").id
    for claim in false:
        page = team.get(f"/team/attestors/{attestor}")
        assert "of the first 5 of a new attestor" in page.text
        answer = team.submit(f"/team/attestors/{attestor}", claim=claim.id, found="false", reason="No such room")
        assert answer.status_code == 303, answer.text
    place.work()
    assert place.standing("Odile") == ["contributor", "organiser"], (
        "an honest organiser keeps the badge; it is only looked at again"
    )
    after = team.get(f"/team/attestors/{attestor}").text
    assert "Another statement of this attestor was found false." in after
    assert place.asked() == [] or all("Amb, " not in place.browser.get(path).text for path in place.asked())
    audit = team.get("/team/audit").text
    assert "attestation.found_false" in audit and "Pia" not in audit


def test_an_organiser_and_a_visitor_who_keeps_it(place: Place) -> None:
    """Odile has the code on the screen a form later; Tokuo scans it signed in, and finds it on his page."""
    organiser = place.community.signed_in("odile@paris.example")
    organiser.get("/gatherings")
    room = organiser.submit("/gatherings", title="Meetup in Lyon", capacity="40", begins="0", hours="3")
    visitor = place.community.signed_in("tokuo@asia.example")
    place.clock.now += timedelta(seconds=30)
    screen = organiser.get(f"{room.headers['location']}/screen").text
    path = screen.partition(f'<a href="{URL}')[2].partition('"')[0]
    assert "put it on my record" in visitor.get(path).text
    assert "It stands on your record, too." in visitor.submit(f"{path}/recorded").text
    place.work()
    page = visitor.get("/me/badge").headers["location"]
    why = visitor.get(f"{page}/why").text
    assert "Meetup in Lyon" in why
    assert "this kind is recorded, and gives no credits" in why, "the policy counts it, as it says: for nothing"
    assert "Meetup in Lyon" in visitor.get("/me/record.json").text, "and it is taken along with the rest"
    assert "1 person was counted" in organiser.get(f"{room.headers['location']}/screen").text
