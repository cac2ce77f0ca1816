"""`./run demo`: an example community goes the whole road, from contributions to one discount each.

Real git, real HTTP, real signatures, a real database, real pictures; all of it on loopback in a folder that is
deleted at the end. With `--once` it does not stay up, prints one JSON object last, and exits 0 only if every
step held.
"""

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from issuer.app import create_app as create_issuer
from schemas import baking, base64url, strict_json
from tests.demo import community as example
from tests.demo import repository
from tests.demo.community import Community, Member, to_csv
from tests.demo.offices import DemoError, free_ports, issuer_command, serving
from verifier.app import create_app as create_verifier
from verifier.ground.settings import Settings as VerifierSettings
from verifier.registration import service as registration

EVENT = "example-summit"
EXPECTED = {
    "organiser_tier": "sustained",
    "operator_tier": "contributor",
    "one_commit_tier": "recognised",
    "survey_tier": None,
    "ring_tiers": [None, None, None, None],
    "verify": "valid",
    "verify_qr": "valid",
    "verify_offline": "valid",
    "tampered": "not_valid",
    "revoked": "not_valid",
    "stolen_copy": "refused",
    "hand_award_unapproved": "refused",
    "redeem_first": "granted",
    "redeem_second": "already_redeemed",
    "redeem_percent": 50,
}


@dataclass
class Play:
    """One run: where it happens, what it found out."""

    folder: Path
    now: datetime
    say: Callable[[str], None]
    issuer_port: int
    verifier_port: int
    facts: dict[str, Any] = field(default_factory=dict)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(follow_redirects=True, timeout=60))

    @property
    def issuer_data(self) -> Path:
        return self.folder / "issuer"

    @property
    def verifier_data(self) -> Path:
        return self.folder / "verifier"

    @property
    def issuer_url(self) -> str:
        return f"http://localhost:{self.issuer_port}"

    @property
    def verifier_url(self) -> str:
        return f"http://localhost:{self.verifier_port}"

    def issuer(self, *arguments: str) -> Any:
        return issuer_command(self.issuer_data, *arguments)

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="play all of it, print one JSON line, and end")
    once = parser.parse_args().once
    console = Console(highlight=False)
    began = time.monotonic()
    for ended_by in (signal.SIGINT, signal.SIGTERM):  # also where a shell runs it in the background
        signal.signal(ended_by, signal.default_int_handler)
    wrong: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="badgewright-demo-") as folder:
        ports = free_ports()
        play = Play(Path(folder), datetime.now(UTC), lambda text: console.print(text), *ports)
        try:
            with contextlib.ExitStack() as offices, play.http:
                perform(play, console, offices)
                play.facts["seconds"] = round(time.monotonic() - began, 1)
                wrong = {k: play.facts.get(k) for k, v in EXPECTED.items() if play.facts.get(k) != v}
                if not once and not wrong:
                    stay_up(play, console)
        except KeyboardInterrupt:
            print("demo: ended before its end", file=sys.stderr)
            return 130
        except (DemoError, httpx.HTTPError, OSError) as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1
    if wrong:
        print(f"demo: these did not hold: {json.dumps(wrong)}", file=sys.stderr)
    if once:
        print(json.dumps(play.facts, ensure_ascii=False), flush=True)
    return 1 if wrong else 0


# --- the story ----------------------------------------------------------------------------------------------


def perform(play: Play, console: Console, offices: contextlib.ExitStack) -> None:
    """The whole road, station by station."""
    people = example.make(play.now)
    collect(play, people)
    offices.enter_context(serving(lambda: create_issuer(play.issuer_data), play.issuer_port))
    deliver_bugs(play, people)
    attest(play, people)
    decisions = decide(play, people)
    award_by_hand(play)
    issue(play)
    show_who_earned_what(play, console, people, decisions)
    offices.enter_context(serving(lambda: create_verifier(verifier_settings(play)), play.verifier_port))
    verify_and_redeem(play, people)
    publish_and_verify_offline(play, people)


def collect(play: Play, people: Community) -> None:
    """Init, people, a real git repository, and records of other systems as CSV."""
    play.say("[bold]Badgewright demo[/] · an example community, made up")
    play.issuer("init", "--public-url", play.issuer_url, "--name", "Example community")
    counted = play.issuer("collect", "people", play.file("people.csv", people.people_csv()))
    play.facts["people"] = counted["stored"]
    repository.make(play.folder / "project.git", people.commits)
    stored = play.issuer("collect", "git", str(play.folder / "project.git"))["stored"]
    play.say(f"· git: {stored} changes and co-authorships of {play.facts['people']} people")
    for source, rows in people.records.items():
        file = play.file(f"{source}.csv", to_csv(rows))
        stored += play.issuer("collect", "csv", file, "--as", source)["stored"]
    play.say("· records of reviews, translations, answers and a survey, as CSV")
    play.facts["contributions"] = stored


def deliver_bugs(play: Play, people: Community) -> None:
    """The bug tracker delivers CloudEvents, twice; the second time nothing changes."""
    token = play.issuer("token", "launchpad")["token"]
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    body = json.dumps(people.bug_events)
    answers = [play.http.post(f"{play.issuer_url}/contributions", content=body, headers=headers) for _ in range(2)]
    first, second = (answer.json() for answer in answers)
    if first["stored"] != len(people.bug_events) or second["stored"]:
        raise DemoError(f"The bugs were not taken exactly once: {first}, then {second}.")
    play.facts["contributions"] += first["stored"]
    play.say(f"· bug tracker: {first['stored']} confirmed bugs as CloudEvents, a second delivery changes nothing")


def attest(play: Play, people: Community) -> None:
    """Two delegated people say on private forms what they saw."""
    kinds = ("--kind", "event.organised", "--kind", "talk.given")
    until = (play.now + timedelta(days=300)).date().isoformat()
    for attestor in (people.ambassador, people.second_ambassador):
        play.issuer("attest", "delegate", attestor.email, *kinds, "--until", until)
    role = ("--kind", "ambassador.quarter", "--role", "community_manager")
    play.issuer("attest", "delegate", people.manager.email, *role, "--until", until)
    for meeting in people.meetings:
        asked = [part for attestor in meeting.attestors for part in ("--by", attestor.email)]
        claim = play.issuer(
            *("attest", "claim", "--kind", meeting.kind, "--about", meeting.about.email, *asked),
            *("--title", meeting.title, "--date", meeting.when.isoformat(), "--event", meeting.event),
        )
        form = {"seen": "yes", "statement": list(meeting.statements), "attendees": str(meeting.attendees or "")}
        for link in claim["links"]:
            play.http.post(link["link"], data=form).raise_for_status()
    play.facts["contributions"] += len(people.meetings)
    play.say(f"· {len(people.meetings)} meetups and quarters attested on private forms, by people who saw them")


def decide(play: Play, people: Community) -> dict[str, dict[str, Any]]:
    """Everybody's tier by the policy."""
    decided = play.issuer("decide")
    by_name = {decision["name"]: decision for decision in decided["decisions"]}
    play.facts["awards"] = decided["tiers"]
    play.facts |= {
        "organiser_tier": by_name[people.organiser.name]["tier"],
        "operator_tier": by_name[people.operator.name]["tier"],
        "one_commit_tier": by_name[people.one_commit.name]["tier"],
        "survey_tier": by_name[people.survey_only.name]["tier"],
        "ring_tiers": [by_name[member.name]["tier"] for member in people.ring[1:]],
    }
    return by_name


def award_by_hand(play: Play) -> None:
    """Staff recognises somebody by decision; nobody has approved it, so it buys nothing."""
    file = play.file("honoured.csv", "name,email,accounts\nHonor Hand,honor.hand@people.example,\n")
    grounds = ("--decision", "the board of the example", "--reason", "held the first meetups together")
    play.issuer("award", file, "--tier", "contributor", *grounds, "--by", "Mara Manager")


def issue(play: Play) -> None:
    """Every award becomes a signed badge."""
    signed = play.issuer("issue")["signed"]
    play.facts["badges"] = signed
    play.say(f"· {signed} badges signed (ES256), each with a holder's private page\n")


def show_who_earned_what(
    play: Play, console: Console, people: Community, decisions: dict[str, dict[str, Any]]
) -> None:
    """The table for people: what somebody did, what came of it, and why."""
    cast: list[tuple[Member, str]] = [
        (people.organiser, "twelve meetups, no commit"),
        (people.operator, "four bugs, a runbook, four answers"),
        (people.one_commit, "one one-character commit"),
        (people.steady, "a change every three weeks"),
        (people.reviewer, "sixty reviews"),
        (people.translator, "900 words"),
        (people.ambassador, "two quarters as ambassador"),
        (people.survey_only, "answered a survey"),
        (people.ring[1], "one of four named on one change"),
    ]
    table = Table("who", "did", "tier", "credits", "why", box=None, pad_edge=False)
    for member, did in cast:
        found = decisions[member.name]
        if found["tier"]:
            table.add_row(member.name, did, found["tier"], found["credits"], f"for {found['for']}")
        else:
            why = play.issuer("explain", member.email)["lines"][0]["why"]
            table.add_row(member.name, did, "–", found["credits"], why)
    console.print(table)
    console.print()


def verifier_settings(play: Play) -> VerifierSettings:
    """The registration's own settings: the demo's issuer is on loopback, so exactly that address is exempted."""
    settings = VerifierSettings(
        data=play.verifier_data,
        public_url=play.verifier_url,
        exempt_hosts=frozenset({f"localhost:{play.issuer_port}"}),
        trusted_issuers={"Example communities": (play_did(play),)},
    )
    settings.events.mkdir(parents=True, exist_ok=True)
    policy = event_file(play)
    registration.load_event_file(Path(policy))
    (settings.events / f"{EVENT}.yaml").write_text(Path(policy).read_text())
    return settings


def play_did(play: Play) -> str:
    """The demo issuer's DID."""
    return f"did:web:localhost%3A{play.issuer_port}"


def event_file(play: Play) -> str:
    """The example summit's policy: what a badge buys there."""
    opens, closes = play.now - timedelta(days=1), play.now + timedelta(days=60)
    achievements = f"{play.issuer_url}/achievements"
    return play.file(
        f"{EVENT}.yaml",
        f"""\
event: {EVENT}
time_zone: Europe/Paris
redeem: {{opens: {opens.isoformat(timespec="seconds")}, closes: {closes.isoformat(timespec="seconds")}}}
period: {{policy: community-recognition, starts: {play.now.year}-01-01}}
entitlement: ticket-discount
accept:
  - {{issuer: "{play_did(play)}", achievement: "{achievements}/sustained", percent: 100}}
  - {{issuer: "{play_did(play)}", achievement: "{achievements}/contributor", percent: 50}}
proof_of_holding: {{online: [holder_code], desk: [name_against_id]}}
unknown: refuse
budget: {{factor: 1.00, frozen_at: {(play.now - timedelta(days=2)).date()}, eligible: 100, expected_take_up: 0.6}}
capacity: 400
voucher: {{uses: 1, valid_days: 30, on_expiry_or_refund: release}}
""",
    )


# --- verify, refuse, redeem ---------------------------------------------------------------------------------


def verify_and_redeem(play: Play, people: Community) -> None:
    """A stranger verifies; a tampered badge, a revoked one and a stolen copy fail; a discount is given once."""
    of = main_badges(play)
    operator = of[people.operator.name]["badge"]
    spoiled = of[people.steady.name]["badge"]
    play.issuer("revoke", spoiled, "--reason", "issued in error, for the demo")
    picture = exported(play, operator, "png")
    play.facts["verify"] = verdict(play, picture)
    play.facts["verify_qr"] = verdict(play, exported(play, operator, "qr-png"))
    play.facts["tampered"] = verdict(play, tampered(exported(play, operator, "jwt")))
    play.facts["revoked"] = verdict(play, exported(play, spoiled, "png"))
    code = holder_code(play, of[people.operator.name]["private_page"])
    stolen = published_picture(play, of[people.operator.name])
    other = holder_code(play, of[people.organiser.name]["private_page"])
    tries = {redeem(play, stolen, guess, f"thief {n}")["result"] for n, guess in enumerate((None, other))}
    play.facts["stolen_copy"] = "refused" if tries == {"refused"} else ", ".join(sorted(tries))
    first, second = (redeem(play, picture, code, request) for request in ("first", "second"))
    play.facts["redeem_first"], play.facts["redeem_second"] = first["result"], second["result"]
    play.facts["redeem_percent"] = first.get("percent")
    by_hand = exported(play, of["Honor Hand"]["badge"], "jwt")
    hand_code = holder_code(play, of["Honor Hand"]["private_page"])
    play.facts["hand_award_unapproved"] = redeem(play, by_hand, hand_code, "by hand")["result"]
    play.facts["holder_page"] = of[people.organiser.name]["private_page"]
    for name, what in (
        ("verify", "a stranger verifies the operator's picture"),
        ("tampered", "one letter changed in it"),
        ("revoked", "a badge that was withdrawn"),
        ("stolen_copy", "the published picture in a stranger's hand, without its holder's code"),
        ("redeem_first", f"the operator redeems: {first.get('percent')} %, voucher {first.get('voucher')}"),
        ("redeem_second", "the operator tries again"),
    ):
        play.say(f"· {what}: [bold]{str(play.facts[name]).replace('_', ' ')}[/]")


def main_badges(play: Play) -> dict[str, dict[str, str]]:
    """Each holder's badge of a tier or by hand, which an event looks at; those for one kind of work stand
    beside.
    """
    per_kind = {badge["badge"] for badge in play.issuer("catalogue", "list")["badges"]}
    listed = play.issuer("list")["badges"]
    return {badge["holder"]: badge for badge in listed if badge["achievement"] not in per_kind}


def exported(play: Play, badge: str, form: str) -> bytes:
    """A badge as the file that its holder carries."""
    path = play.folder / f"{badge}.{form}"
    play.issuer("export", badge, "--as", form, "-o", str(path))
    return path.read_bytes()


def verdict(play: Play, badge: bytes) -> str:
    """What the open API says of a badge."""
    answer = play.http.post(f"{play.verifier_url}/verify", content=badge, headers={"Accept": "application/json"})
    answer.raise_for_status()
    return str(answer.json()["verdict"])


def tampered(jwt: bytes) -> bytes:
    """The badge with another tier in its payload and the old signature."""
    header, payload, signature = jwt.decode().split(".")
    claims = base64url.decode(payload).replace(b"Contributor", b"Sustained!!")
    return f"{header}.{base64url.encode(claims)}.{signature}".encode()


def holder_code(play: Play, page: str) -> str:
    """The holder code as it stands on a private page."""
    text = play.http.get(page).raise_for_status().text
    return text.split('class="holder-code"><code>')[1].split("<")[0]


def published_picture(play: Play, badge: dict[str, str]) -> bytes:
    """What anybody can save from the page of a badge whose holder published it."""
    choice = {"badge": badge["badge"], "published": "yes"}
    play.http.post(f"{badge['private_page']}/choices", data=choice).raise_for_status()
    return play.http.get(f"{play.issuer_url}/b/{badge['badge']}/badge.png").raise_for_status().content


def redeem(play: Play, picture: bytes, code: str | None, request: str) -> dict[str, Any]:
    """One request to the registration."""
    jwt = baking.extract_png(picture) if picture.startswith(b"\x89PNG") else picture.decode()
    answer = play.http.post(
        f"{play.verifier_url}/events/{EVENT}/redemptions",
        json={"badge": jwt, **({"holder_code": code} if code else {})},
        headers={"Idempotency-Key": f"demo {request}"},
    )
    body = strict_json.loads_object(answer.content)
    if answer.status_code not in {201, 409, 422}:
        raise DemoError(f"The registration answered {answer.status_code}: {body}")
    return {"result": str(body.get("result")), **body}


def publish_and_verify_offline(play: Play, people: Community) -> None:
    """Public documents as files: a badge verifies from the folder alone."""
    from verifier.ground.documents import document_source
    from verifier.verification.service import Verification

    site = play.folder / "site"
    play.issuer("publish", str(site))
    settings = VerifierSettings(data=play.verifier_data, offline_dir=site)
    of = {holder: badge["badge"] for holder, badge in main_badges(play).items()}
    report = Verification(document_source(settings)).verify(exported(play, of[people.organiser.name], "svg"))
    play.facts["verify_offline"] = report.verdict.outcome.value
    play.say(f"· from the published folder alone, without the issuer: [bold]{report.verdict.outcome.value}[/]")


# --- staying up ---------------------------------------------------------------------------------------------


def stay_up(play: Play, console: Console) -> None:
    """The links, until somebody presses Ctrl-C."""
    from verifier.desk.service import Desk
    from verifier.ground.documents import document_source
    from verifier.registration.service import Registration
    from verifier.verification.service import Verification

    settings = verifier_settings(play)
    desk = Desk(Registration(settings, verification=Verification(document_source(settings)))).make_link(EVENT)
    console.print(f"\nUp after {play.facts['seconds']} s. Have a look, and press Ctrl-C to end:\n")
    for what, link in (
        ("The organiser's private page", play.facts["holder_page"]),
        ("Why they have it", f"{play.facts['holder_page']}/why"),
        ("What counts, in words", play.issuer_url),
        ("Verify a badge", f"{play.verifier_url}/verify"),
        ("Redeem before paying", f"{play.verifier_url}/events/{EVENT}"),
        ("The desk", f"{play.verifier_url}{desk}"),
    ):
        console.print(f"  {what:32} {link}", soft_wrap=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)
    console.print("\nEnded; nothing is left behind.")


if __name__ == "__main__":
    sys.exit(main())
