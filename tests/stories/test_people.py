"""Three people and their records, played over the pages (POLICY §5, journeys 4, 10 and 11).

The forge at which they show that accounts are theirs is a small server on this machine.
"""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from issuer.badges import service as badges
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.ground.database import reading
from issuer.jobs import Done, Jobs
from issuer.people import roster
from issuer.people import service as people_service
from issuer.people.model import Account
from keys import custody
from schemas.status_list import decode
from tests.unit.issuer.people.community import Browser, Community


class Forge:
    """Public profiles: `pages` maps a path to what stands there."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = forge.pages.get(self.path)
                body = (page or "").encode()
                self.send_response(404 if page is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing: a test's output is its own."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def forge() -> Iterator[Forge]:
    forge = Forge()
    yield forge
    forge.stop()


@pytest.fixture
def community(tmp_path: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Iterator[Community]:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
    profiles = {"github": f"{forge.url}/hub/{{name}}", "weblate": f"{forge.url}/weblate/{{name}}"}
    opened = Community(tmp_path, profiles=profiles)
    yield opened
    opened.engine.dispose()


def at_work(community: Community) -> Done:
    """What the office does by itself, within a second of what happened."""
    office = community.office
    jobs = Jobs(office.engine, lambda: office.bureau, lambda: office.policy, community.clock)
    return jobs.handle_news()


def named(community: Community, row: str) -> None:
    """The community's list of people says this."""
    rows, problems = roster.read_roster(f"name,email,accounts,affiliation,since\n{row}\n".encode())
    report = people_service.add_people(community.engine, rows, now=community.clock(), problems=problems)
    assert not report.refused


def shown(browser: Browser, forge: Forge, system: str, name: str, path: str) -> str:
    """Put the text at a profile, and let the office look: the page that follows."""
    browser.done("/me/profiles", system=system, name=name)
    assert browser.page is not None
    text = browser.page.text.partition("<code>badgewright ")[2].partition("</code>")[0]
    forge.pages[path] = f"<html><p>Translator. badgewright {text}</p></html>"
    return browser.done("/me/profiles/checked", account=f"{system}:{name}").text


def words(community: Community, account: str, number: str, *, months_ago: int) -> None:
    """450 words that somebody else approved."""
    record = Contribution(
        source="weblate",
        id=number,
        record="translation.approved",
        account=Account.parse(account),
        happened_at=community.clock() - timedelta(days=31 * months_ago),
        facts=facts_from({"quantity": "450", "unit": "words", "accepted_by": ["git:bob@books.example"]}),
    )
    contributions.store(community.engine, [record], now=community.clock())


def standing(community: Community, who: str) -> list[str]:
    """The achievements of the badges in force that somebody has, under whichever id they earned them."""
    with reading(community.engine) as connection:
        ids = people_service.ids_of(connection, community.person(who).id)
    held = [badge for one in ids for badge in badges.badges_of(community.engine, one)]
    return sorted(badge.award.achievement for badge in held if badge.standing)


def test_a_translator_whose_old_account_did_not_migrate(community: Community, forge: Forge) -> None:
    """Journey 4: the words of both accounts count, once, when both are proved."""
    words(community, "zanata:lea", "old", months_ago=1)
    words(community, "weblate:lea-b", "new", months_ago=2)
    words(community, "weblate:lea-b", "new", months_ago=2)  # delivered twice
    named(community, "Léa Bonnet,lea@old.example,zanata:lea,,")
    at_work(community)
    assert standing(community, "Léa Bonnet") == ["recognised", "translator"]
    lea = community.signed_in("lea@new.example")  # she does not think of the old address
    assert "1 record waits" in lea.get("/me?account=weblate:lea-b").text
    assert "This account is proved" in shown(lea, forge, "weblate", "lea-b", "/weblate/lea-b")
    at_work(community)
    assert "Is this you, too?" in community.prove_address(lea, "lea@old.example").text
    assert standing(community, "Léa Bonnet") == ["recognised", "translator"], (
        "nothing is joined before she says so"
    )
    old = community.person("Léa Bonnet").id
    lea.done("/me/offers", other=old, answer="join")
    done = at_work(community)
    assert (done.awards, done.signed) == (1, 1)
    assert standing(community, "mail:lea@new.example") == ["contributor", "translator"]
    # Of tiers both, joined, better; of the translator's badges, which name no holder, one of the two stays.
    assert (at_work(community).awards, len(badges.all_badges(community.engine))) == (0, 6)
    page = lea.get(lea.get("/me/badge").headers["location"])
    assert "Contributor 2026" in page.text


def test_somebody_who_changed_address_and_job(community: Community, forge: Forge) -> None:
    """Journey 11: the old mail is dead; two accounts prove who it is; one badge, one reference, no second one."""
    named(community, "Ida Rail,ida@oldjob.example,github:ida github:ida-work,Old Job,2024-01-01")
    for number in range(4):
        record = Contribution(
            source="git",
            id=f"ida-{number}",
            record="change",
            account=Account.parse("git:ida@oldjob.example"),
            happened_at=community.clock() - timedelta(days=5 + 31 * number),
            facts=facts_from({"changed_lines": 20, "accepted_by": ["git:bob@books.example"]}),
        )
        contributions.store(community.engine, [record], now=community.clock())
    assert at_work(community).signed == 1
    (before,) = badges.all_badges(community.engine)
    ida = community.signed_in("ida@newjob.example")
    assert "Welcome" in ida.get("/me").text, "a new address alone is nobody she was"
    shown(ida, forge, "github", "ida", "/hub/ida")
    old = community.person("Ida Rail").id
    ida.get("/me")
    assert ida.submit("/me/offers", other=old, answer="join").status_code == 422, "one account is not enough"
    assert "Both are mine" in shown(ida, forge, "github", "ida-work", "/hub/ida-work")
    ida.done("/me/offers", other=old, answer="join")
    assert at_work(community).awards == 0
    (after,) = badges.all_badges(community.engine)
    assert (after.id, after.reference, after.standing) == (before.id, before.reference, True)
    ida.done("/me/address", address="ida@newjob.example")
    ida.done("/me/accounts/dropped", account="mail:ida@oldjob.example")
    ida.done("/me/affiliations", organisation="New Job", since="2026-11-01")
    person = community.person("mail:ida@newjob.example")
    assert person.name == "Ida Rail" and person.email == "ida@newjob.example"
    assert [one.organisation for one in person.affiliations] == ["Old Job", "New Job"]
    page = ida.get(ida.get("/me/badge").headers["location"])
    assert "Your badge: Contributor 2026" in page.text
    community.asked("ida@oldjob.example", community.browser())  # who has the old mailbox now
    stranger, link = community.browser(), community.newest_link()
    stranger.get(link)
    stranger.submit(link, confirmed="asked")
    assert "Welcome" in stranger.get("/me").text and "Ida" not in stranger.get("/me").text


def test_somebody_who_seeks_privacy(community: Community) -> None:
    """Journey 10: unlisted, hidden, taken along, erased; the status bit stays and says nothing."""
    community.office.add_changes("ada", count=4)
    at_work(community)
    ada = community.signed_in("ada@books.example")
    (badge,) = badges.all_badges(community.engine)
    said = badges.read_own(badge.jwt or "").model_dump_json()
    assert "Ada" not in said and "books.example" not in said, (
        "a badge carries neither name nor address unless asked"
    )
    assert ada.get(f"/b/{badge.short_id}/").status_code == 404, "nor is it listed"
    ada.done("/me/hidden", on="/me/leave")
    whole = json.loads(ada.get("/me/record.json").content)
    assert whole["badges"][0]["jwt"] and len(whole["contributions"]) == 4
    status = ada.get("/status-lists/1").json()
    ada.get("/me/leave")
    assert "erased" in ada.submit("/me/leave", word="leave").text
    assert ada.get("/me").headers["location"] == "/sign-in"
    with reading(community.engine) as connection:
        assert people_service.person_by_id(connection, badge.award.person) is None
        ada_account = Account.parse("git:ada@books.example")
        assert list(contributions.contributions_of(connection, [ada_account])) == []
    after = ada.get("/status-lists/1").json()
    lists = [one["credentialSubject"]["encodedList"] for one in (status, after)]
    assert decode(lists[0]) == decode(lists[1]), "her badge goes on verifying, and nobody sees that she left"
    community.office.add_changes("ada", count=3, start=1)
    assert at_work(community).persons == 0, "nothing is recorded again"
    assert community.office.people[badge.award.person].name == ""
