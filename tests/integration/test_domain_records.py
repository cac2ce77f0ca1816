"""The real records of a community (pseudonymous, beside the checkout): what the readers make of them. Nobody is
admitted by lines said alone, by a survey, or by an exception that is over."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine

from issuer.contributions import collecting
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, Facts
from issuer.contributions.sources.csv_records import read_csv
from issuer.contributions.sources.face import Refusal
from issuer.contributions.sources.governance import Entry, Governance, last_day, read_exceptions
from issuer.contributions.sources.meetbot import MeetBot, Minutes, parse_minutes
from issuer.ground.outbound import Outbound
from issuer.ground.rows import TableError
from issuer.people.model import Account
from issuer.recognition import service as recognition
from issuer.recognition.decision import Rules, decide
from issuer.recognition.item import Item
from schemas.policy import QualificationPolicy, load
from tests.unit.issuer.office import NOW, open_office

YAML_FILES = {  # exceptions listed in each, counted by another reader
    "projects.2016-10-14.yaml": 146,
    "sigs-repos.2021-02-28.yaml": 10,
    "sigs-repos.yaml": 7,
    "technical-committee-repos.yaml": 3,
    "projects.yaml": 0,
}
TEAMS = {"product_*": "product", "large_deploy*": "large_deployments"}
WINDOW_BEGAN = datetime(2016, 1, 10, tzinfo=UTC)


@pytest.fixture
def domain(shared: Path) -> Path:
    return shared / "domain" / "pseudo"


def all_minutes(domain: Path) -> Iterator[Minutes]:
    for file in sorted((domain / "meetbot").rglob("*.txt")):
        yield parse_minutes(file.name, file.read_text(encoding="utf-8"))


# Meetings


def test_every_minutes_file_is_read_whole(domain: Path) -> None:
    found = list(all_minutes(domain))
    assert len(found) == 200
    assert all(minutes.present for minutes in found)
    assert not any("openstack" in {who.name for who in minutes.present} for minutes in found)


def test_the_two_rules_of_2016_drifted_apart_by_half(domain: Path) -> None:
    """The script's rule admits 58 of 83, the published one 29: the same records, read as ours are."""
    team_of = MeetBot(name="minutes", kind="meetbot", folder="x", teams=TEAMS).team
    meetings = [m for m in all_minutes(domain) if m.began_at >= WINDOW_BEGAN]
    held = Counter(team_of(m.team) for m in meetings)
    attended: dict[Account, Counter[str]] = defaultdict(Counter)
    said: dict[Account, Counter[str]] = defaultdict(Counter)
    for minutes in meetings:
        for who, lines in minutes.present.items():
            attended[who][team_of(minutes.team)] += 1
            said[who][team_of(minutes.team)] += lines
    assert (len(meetings), len(attended)) == (53, 83)
    script = [w for w in attended if attended[w].total() >= 2 or said[w].total() >= 10]
    published = [
        w
        for w in attended
        if any(
            (4 * attended[w][team] >= held[team] and said[w][team] > 25) or said[w][team] > 100
            for team in attended[w]
        )
    ]
    assert (len(script), len(published)) == (58, 29)


def people_of(records: list[Contribution]) -> str:
    """A roster that proves every account, so that nobody is refused for being unknown."""
    rows = [f"P{n},,{account}" for n, account in enumerate(sorted({c.account for c in records}))]
    return "\n".join(["name,email,accounts", *rows])


def test_lines_said_admit_nobody(domain: Path, tmp_path: Path) -> None:
    source = MeetBot(name="minutes", kind="meetbot", folder=str(domain / "meetbot"), teams=TEAMS)
    now = datetime(2016, 7, 20, tzinfo=UTC)
    pages = list(source.pages(Outbound(), {}, now=now))
    records = [c for page in pages for c in page.contributions]
    assert not [refusal for page in pages for refusal in page.refused]
    assert len(records) > 1000
    assert all(c.facts.quantity is None for c in records)  # no line is carried on
    office = open_office(tmp_path, people=people_of(records))
    contributions.store(office.engine, records, now=now)
    assert tiers(office.engine, office.policy, as_of=now) == Counter({None: len({c.account for c in records})})


def test_survey_admits_nobody(domain: Path, tmp_path: Path) -> None:
    """Everybody who ever stood in the committer lists says a hundred times that they run a cloud."""
    names = sorted(
        {line.split(",")[0] for f in (domain / "auc-csv").glob("*.csv") for line in f.read_text().split()}
    )
    records = [
        Contribution("survey", f"{name}-{n}", kind, Account("survey", name), NOW - timedelta(days=n), Facts())
        for name in names
        for n in range(100)
        for kind in ("survey.completed",)
    ]
    office = open_office(tmp_path, people=people_of(records))
    contributions.store(office.engine, records, now=NOW)
    assert tiers(office.engine, office.policy, as_of=NOW) == Counter({None: len(names)})
    assert len(names) > 20


def tiers(engine: Engine, policy: QualificationPolicy, *, as_of: datetime) -> Counter[str | None]:
    found: Counter[str | None] = Counter()
    for _, decision in recognition.decide_all(engine, policy, as_of=as_of):
        found[decision.tier] += 1
    return found


def test_committer_lists_without_a_header_are_refused_and_nothing_is_inferred(domain: Path) -> None:
    for file in (domain / "auc-csv").glob("*.csv"):
        with pytest.raises(TableError, match="no header"):
            read_csv(file.read_bytes(), source="csv_of_record", now=NOW)


# Exceptions


def exceptions(domain: Path, name: str) -> tuple[list[Entry], list[Refusal]]:
    return read_exceptions((domain / "governance" / name).read_bytes())


@pytest.mark.parametrize("name", YAML_FILES)
def test_every_shape_of_the_files_loads(domain: Path, name: str) -> None:
    entries, refused = exceptions(domain, name)
    assert len(entries) + len(refused) == YAML_FILES[name]
    assert all(refusal.sentence.endswith(".") and refusal.where.startswith("line ") for refusal in refused)
    text = (domain / "governance" / name).read_text()
    assert all(entry.address in text.splitlines()[entry.line].lower() for entry in entries)


def test_each_spelling_of_the_key_gives_the_same(domain: Path) -> None:
    for name in ("sigs-repos.yaml", "sigs-repos.2021-02-28.yaml"):
        data = (domain / "governance" / name).read_bytes()
        found = {
            tuple(read_exceptions(data.replace(b"extra-atcs", b"extra-acs").replace(b"extra-acs", key))[0])
            for key in (b"extra-acs", b"extra_acs", b"extra-atcs", b"extra_atcs")
        }
        assert len(found) == 1 and next(iter(found))


def test_first_text_file_loads_and_each_refused_line_says_why(domain: Path) -> None:
    entries, refused = exceptions(domain, "extra-atcs.2016-01-14.txt")
    lines = (domain / "governance" / "extra-atcs.2016-01-14.txt").read_text().splitlines()
    meant = [line for line in lines if line.strip() and not line.startswith("#")]
    assert len(entries) + len(refused) == len(meant)
    assert len(entries) >= 70
    assert all(refusal.sentence for refusal in refused)


def test_every_end_that_was_ever_written_is_a_day(domain: Path) -> None:
    ever = json.loads((domain / "governance" / "extra-acs-ever.2013-2025.json").read_text())
    assert len(ever) == 396
    for end in {end for entry in ever for end in entry["exp"]}:
        day = last_day(end)
        assert (day + timedelta(days=1)).day == 1, end
        assert f"{day:%B %Y}".startswith(end.split()[0][:3])


def policy_with_exceptions() -> Rules:
    path = Path(__file__).parents[2] / "issuer" / "recognition" / "policy.example.yaml"
    document = yaml.safe_load(path.read_text())
    kind = {"grade": "A", "from": ["governance"], "credits": 3, "cap": 3, "when": []}
    document["kinds"]["exception.granted"] = kind
    return Rules.of(load(yaml.safe_dump(document, sort_keys=False).encode(), name="with exceptions"))


def test_every_exception_ends_with_its_day(domain: Path) -> None:
    """As read on its last day each counts; on the morning after neither reading nor deciding takes it."""
    rules, tried = policy_with_exceptions(), 0
    for name in [*YAML_FILES, "extra-atcs.2016-01-14.txt"]:
        file = domain / "governance" / name
        entries, _ = read_exceptions(file.read_bytes())
        source = Governance(name="acs", kind="governance", file=str(file))
        for day in {entry.last_day for entry in entries}:
            evening = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
            (page,) = source.pages(Outbound(), {}, now=evening)
            ending = [c for c in page.contributions if c.facts.expires_on == day]
            assert len({c.id for c in ending}) == len({(e.team, e.address) for e in entries if e.last_day == day})
            for record in ending:
                item = Item(record.id, record.record, record.source, record.happened_at, record.facts)
                assert decide([item], rules, as_of=evening).tier == "recognised"
                over = decide([item], rules, as_of=evening + timedelta(minutes=1))
                assert (over.tier, over.lines[0].clause) == (None, "expires_on")
                tried += 1
            (later,) = source.pages(Outbound(), {}, now=evening + timedelta(minutes=1))
            assert not [c for c in later.contributions if c.facts.expires_on and c.facts.expires_on <= day]
            told = [refusal for refusal in later.refused if f"it held until {day}." in refusal.sentence]
            assert len(told) == len([entry for entry in entries if entry.last_day == day])
    assert tried > 150


def test_lapsed_entries_of_today_are_refused_one_by_one(domain: Path, tmp_path: Path) -> None:
    """Seven translators stood in the file after their day; of ten people at the end three are left."""
    office = open_office(tmp_path)
    now = datetime(2026, 8, 8, tzinfo=UTC)
    standing = 0
    for name in ("sigs-repos.yaml", "technical-committee-repos.yaml"):
        source = Governance(name=name.split("-")[0], kind="governance", file=str(domain / "governance" / name))
        run = collecting.run(office.engine, source, clock=lambda: now)
        standing += run.stored
        assert all("it held until" in refusal for refusal in run.refused)
    assert standing == 3
