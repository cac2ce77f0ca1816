"""Badges for one kind of work, played over HTTP: earned without a commit, seen with what lacks, and what becomes
of them when their source goes or the team withdraws them.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from issuer.cli import main
from issuer.contributions import service as contributions
from issuer.ground.login.rights import Role
from issuer.jobs import Jobs
from keys import custody, jws
from schemas import strict_json
from tests.unit.issuer.office import NOW
from tests.unit.issuer.people.community import Browser, Community
from tests.unit.verifier.client import AppClient

OPERATOR, TRANSLATOR = "ada@books.example", "dana@books.example"


@pytest.fixture
def community(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Community]:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
    opened = Community(tmp_path)
    opened.clock.now = NOW + timedelta(days=1)
    yield opened
    opened.engine.dispose()


def deliver(community: Community, source: str, number: int, who: str, **said: object) -> None:
    """A record over HTTP, as its source sends it."""
    token = contributions.create_token(community.engine, source, now=NOW)
    event = {
        "specversion": "1.0",
        "type": "org.badgewright.contribution.v1",
        "source": f"https://{source}.example",
        "id": f"{who}-{number}",
        "time": (NOW - timedelta(days=20 * number + 1)).isoformat(),
        "subject": f"git:{who}",
        "data": said,
    }
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
    answer = AppClient(community.app).request("POST", "/contributions", json=event, headers=headers)
    assert answer.status_code == 201, answer.text


def bugs(community: Community, who: str, amount: int) -> None:
    for number in range(amount):
        moved = {"moved_to": "confirmed", "moved_by": "git:bob@books.example"}
        deliver(community, "launchpad", number, who, record="bug.confirmed", title=f"Bug {number}", **moved)


def words(community: Community, who: str, number: int, amount: int) -> None:
    accepted = {"unit": "words", "accepted_by": ["git:bob@books.example"], "title": f"Chapter {number}"}
    deliver(community, "weblate", number, who, record="translation.approved", quantity=amount, **accepted)


def at_work(community: Community) -> None:
    office = community.office
    Jobs(office.engine, lambda: office.bureau, lambda: office.policy, community.clock).handle_news()


def own_page(community: Community, who: str) -> tuple[Browser, str]:
    browser = community.signed_in(who)
    return browser, browser.get("/me/badge").headers["location"]


def run(community: Community, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--data", str(community.office.settings.data)])
    out = capsys.readouterr()
    return f"{ended.value.code} {out.out}{out.err}"


def test_an_operator_without_commits_gets_the_operators_badge(community: Community) -> None:
    bugs(community, OPERATOR, 5)
    deliver(community, "discourse", 9, OPERATOR, record="support.answer_accepted")  # nobody's employer is known
    at_work(community)
    ada, page = own_page(community, OPERATOR)
    why = ada.get(f"{page}/why").text
    assert "Operator</strong></a>: five confirmed bugs. Still needed besides: 0.5 credits of" in why
    assert "Mentor</strong></a>. Still needed: mentoring completed." in why
    assert "Your other badges" not in ada.get(page).text

    deliver(community, "launchpad", 9, OPERATOR, record="bug.confirmed", moved_to="confirmed", title="Another",
            moved_by="git:bob@books.example")  # fmt: skip
    at_work(community)
    shown = ada.get(page).text
    assert "Your other badges" in shown and "For six confirmed bugs." in shown
    link = re.search(r'href="(/h/[^"]+\?badge=([0-9a-f-]+))"><strong>Operator 2026', shown)
    assert link is not None
    front = ada.get(link[1]).text
    assert "Your badge: Operator 2026" in front and 'alt="For one kind of work, operator, 2026"' in front
    assert re.search(r'class="holder-code"><code>[^<]+', front) is not None
    assert ada.get(f"{page}/code/{link[2]}.png").content.startswith(b"\x89PNG")
    token = ada.get(f"{page}/badge/{link[2]}.jwt").text
    claims = strict_json.loads_object(jws.parse(token).payload)
    assert claims["name"] == "Operator 2026"
    tier = re.search(r"/badge/([0-9a-f-]{36})\.jwt", shown)
    assert tier is not None and tier[1] != link[2]
    other = strict_json.loads_object(jws.parse(ada.get(f"{page}/badge/{tier[1]}.jwt").text).payload)
    assert claims["sub"] != other["sub"], "two badges of one person are not joined by a reference"
    assert "✓</span> earned" in ada.get(f"{page}/why").text


def test_a_translator_chooses_that_the_badge_shows_their_name(community: Community) -> None:
    words(community, TRANSLATOR, 0, 200)
    words(community, TRANSLATOR, 1, 150)
    at_work(community)
    dana, page = own_page(community, TRANSLATOR)
    link = re.search(r'\?badge=([0-9a-f-]+)"><strong>Translator 2026', dana.get(page).text)
    assert link is not None
    dana.get(f"{page}?badge={link[1]}")
    chosen = dana.submit(f"{page}/choices", None, badge=link[1], shows_name="yes", published="yes")
    after = dana.get(chosen.headers["location"]).text
    assert "Your badge: Translator 2026" in after and "Yes: <strong>Dana Desk</strong>" in after
    public = community.browser().get(f"/b/{link[1]}/").text
    assert "Translator 2026" in public and "Dana Desk" in public and "needs 1.5 credits of approved" in public
    french = community.browser().get("/achievements/translator.html?lang=fr").text
    assert "Traducteur demande : 1,5 crédit de" in french and "Il est décerné à toute personne" in french


def test_a_source_that_goes_and_a_badge_that_is_withdrawn(
    community: Community, capsys: pytest.CaptureFixture[str]
) -> None:
    words(community, TRANSLATOR, 0, 400)
    at_work(community)
    gone = ("catalogue", "set-state", "translator", "source-gone", "--reason", "Our platform closed", "--by")
    assert "1 badge-issuer: --by: Bob Keeper has no role, and only a manager may do this" in run(
        community, capsys, *gone, "bob@books.example"
    )
    community.with_role("cy@books.example", Role.MANAGER)
    assert run(community, capsys, *gone, "cy@books.example").startswith(
        "0 Translator is source gone. Nothing tells"
    )
    page = community.browser().get("/achievements/translator.html").text
    assert "<strong>Source gone</strong>, since" in page and ": Our platform closed</p>" in page
    said = strict_json.loads_object(community.browser().get("/achievements/translator").content)
    assert (said["state"], said["stateReason"]) == ("source gone", "Our platform closed")

    words(community, OPERATOR, 0, 400)
    at_work(community)
    ada, own = own_page(community, OPERATOR)
    assert "Translator" not in ada.get(own).text
    assert "Translator" not in ada.get(f"{own}/why").text, "nobody is sent after what they cannot get"
    dana, held = own_page(community, TRANSLATOR)
    assert "Translator 2026" in dana.get(held).text, "what was awarded stays"

    withdrawn = ("catalogue", "set-state", "translator", "withdrawn", "--reason", "It was unfair", "--by")
    assert run(community, capsys, *withdrawn, "cy@books.example").startswith("0 Translator is withdrawn.")
    assert "may follow, and not event over" in run(
        community, capsys, "catalogue", "set-state", "translator", "event-over", "--reason", "x", "--by",
        "cy@books.example",
    )  # fmt: skip
    page = community.browser().get("/achievements/translator.html").text
    assert "<strong>Withdrawn</strong>, since" in page and "It was unfair" in page
    listed = community.browser().get("/achievements/").text
    assert "Translator" not in listed.partition("Not awarded now")[0]
    shown = run(community, capsys, "catalogue", "show", "translator")
    assert "withdrawn: It was unfair" in shown and "1 person holds it in 2026." in shown
    assert "translator  Translator  withdrawn" in re.sub(" +", "  ", run(community, capsys, "catalogue", "list"))
    assert "Translator 2026" in dana.get(held).text
