"""Whatever the order in which things arrive, and however persons were merged and split on the way, the end is the
same as that of a clean run. Through the real services, on a real database."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from issuer.attestations import service as attestations
from issuer.attestations.model import Delegation
from issuer.badges import service as badges
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.ground.database import reading, writing
from issuer.jobs import Done, Jobs
from issuer.people import joining
from issuer.people import service as people_service
from issuer.people.model import Account
from issuer.recognition import merits
from issuer.recognition import service as recognition
from issuer.recognition.decision import Decision
from keys import custody
from tests.unit.issuer.office import NOW, Office, open_office

WHO = ("ada", "bob", "cy", "dee", "eve", "fay")
PEOPLE = "name,email,accounts\n" + "".join(f"{who},{who}@books.example,gerrit:{who}\n" for who in WHO)
STATEMENTS = frozenset({"open_to_all", "vendor_neutral", "code_of_conduct"})
OPERATIONS = 1_000
LOOKS = 100  # operations between two rounds of the office's own work

Told = list[tuple[str, str, str, tuple[tuple[str, str, str], ...]]]


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def records() -> list[Contribution]:
    """Changes that each accepted for the next, some of them taken back, some told by two systems."""
    made = []
    for number, who in enumerate(WHO):
        other = WHO[(number + 1) % len(WHO)]
        for n in range(number + 2):
            commit = f"{number}{n}".ljust(40, "a")
            facts = {"changed_lines": 5 + n, "accepted_by": [f"gerrit:{other}"], "commit": commit}
            when = NOW - timedelta(days=20 + 31 * n)
            account = Account("gerrit", who)
            made.append(Contribution("gerrit", f"{who}{n}", "change", account, when, facts_from(facts)))
            if n == 1:
                twin = facts_from({**facts, "accepted_by": [f"git:{other}@books.example"]})
                mail = Account("git", f"{who}@books.example")
                made.append(Contribution("git", commit, "change", mail, when, twin))
    for number, who in enumerate(WHO):  # words that make a translator of some, each accepted by the next
        accepted = {"unit": "words", "accepted_by": [f"gerrit:{WHO[(number + 1) % len(WHO)]}"]}
        for n in range(2):
            said = facts_from({**accepted, "quantity": str(60 * (number + 1))})
            when, account = NOW - timedelta(days=9 + 200 * n), Account("gerrit", who)
            made.append(Contribution("weblate", f"{who}{n}", "translation.approved", account, when, said))
    takes_back = facts_from({"changed_lines": 9, "accepted_by": ["gerrit:ada"], "reverts": "10aaaaaa"})
    made.append(
        Contribution("gerrit", "undo", "change", Account("gerrit", "fay"), NOW - timedelta(days=3), takes_back)
    )
    return made


def jobs(office: Office) -> Jobs:
    return Jobs(office.engine, lambda: office.bureau, lambda: office.policy, lambda: NOW)


def told(office: Office) -> Told:
    """Everybody's decision, by name; ids are random, and names of two who became one are the first one's."""

    def lines(decision: Decision) -> tuple[tuple[str, str, str], ...]:
        named = (("claim" if "attestation" in line.item.id else line.item.id, line) for line in decision.lines)
        return tuple(
            sorted((f"{name} {line.item.facts.title}", line.clause, str(line.credits)) for name, line in named)
        )

    decided = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    return sorted((p.name, f"{d.tier} {badges_in(d)}", str(d.credits), lines(d)) for p, d in decided)


def badges_in(decision: Decision) -> list[str]:
    return [merit.badge for merit in merits.earned(decision)]


def standing(office: Office) -> list[tuple[str, str]]:
    names = {person.id: person.name for person in office.people.values()}
    return sorted(
        (names[b.award.person], b.award.achievement) for b in badges.all_badges(office.engine) if b.standing
    )


def present(office: Office) -> list[tuple[str, str]]:
    """The same with badges of those who were merged as their holder's."""
    with reading(office.engine) as connection:
        known_as = people_service.known_as(connection)
    found = [(b.award.person, b.award.achievement) for b in badges.all_badges(office.engine) if b.standing]
    return [(known_as.get(person, person), achievement) for person, achievement in found]


def best_of(standing: list[tuple[str, str]]) -> dict[str, int]:
    """The highest tier of which each person has a badge in force, counted from the lowest; 0 for none."""
    tiers = ("recognised", "contributor", "sustained")
    return {name: max(tiers.index(t) for n, t in standing if n == name and t in tiers) for name, _ in standing}


def per_kind(standing: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, badge) for name, badge in standing if badge in {"translator", "organiser"}]


def opened(folder: Path) -> Office:
    """An office that does not wait for the disk: a thousand merges would."""
    office = open_office(folder, people=PEOPLE)
    office.engine.dispose()
    event.listen(office.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    return office


def with_meetups(folder: Path) -> Office:
    """An office with records, and meetups of two that two others attested."""
    office = opened(folder)
    contributions.store(office.engine, records(), now=NOW)
    people_by_id = office.people
    people = {person.name: person for person in people_by_id.values()}
    for attestor in ("eve", "fay"):
        ends = (NOW + timedelta(days=200)).date()
        right = Delegation(people[attestor].id, frozenset({"event.organised"}), "*", None, NOW.date(), ends)
        attestations.delegate(office.engine, right, policy=office.policy)
    for number, who in enumerate(("ada", "cy")):
        claim = attestations.open_claim(
            office.engine, kind="event.organised", subjects=[people[who]], title=f"Meetup of {who}",
            happened_at=NOW - timedelta(days=40 + number), region="*", event=f"meetup-{who}", policy=office.policy,
            now=NOW,
        )  # fmt: skip
        for attestor in ("eve", "fay"):
            token = attestations.invite(
                office.engine,
                claim,
                attestor=people[attestor],
                people=office.people,
                policy=office.policy,
                now=NOW,
            )
            attestations.answer(
                office.engine, token, seen=True, statements=STATEMENTS, attendees=20, people=office.people,
                policy=office.policy, now=NOW,
            )  # fmt: skip
    return office


def merge(office: Office, kept: str, gone: str) -> int:
    with writing(office.engine) as connection:
        return joining.merge(connection, kept=kept, gone=gone, by=kept, role="person", now=NOW)


def split(office: Office, number: int) -> None:
    with writing(office.engine) as connection:
        joining.split(connection, number, by="somebody", role="manager", reason="not one", now=NOW)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Told, list[tuple[str, str]]]:
    office = opened(tmp_path_factory.mktemp("clean"))
    contributions.store(office.engine, records(), now=NOW)
    jobs(office).nightly()
    return told(office), standing(office)


@given(order=st.permutations(records()), rounds=st.lists(st.integers(1, 8), max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_arrival_ends_where_one_delivery_ends(
    clean: tuple[Told, list[tuple[str, str]]],
    tmp_path_factory: pytest.TempPathFactory,
    order: list[Contribution],
    rounds: list[int],
) -> None:
    office = opened(tmp_path_factory.mktemp("order"))
    rest = list(order)
    for size in (*rounds, len(order)):
        contributions.store(office.engine, rest[:size], now=NOW)
        jobs(office).handle_news()
        rest = rest[size:]
    contributions.store(office.engine, order[:5], now=NOW)  # told twice
    jobs(office).handle_news()
    assert told(office) == clean[0]
    held = best_of(standing(office))  # a badge that was earned before a change was taken back stays
    assert all(held[name] >= rank for name, rank in best_of(clean[1]).items())
    assert per_kind(standing(office)) == per_kind(clean[1]) != []
    office.engine.dispose()


def test_a_thousand_merges_and_splits_end_where_a_clean_run_ends(tmp_path: Path) -> None:
    office = with_meetups(tmp_path / "long")
    before = told(office)
    ids = {person.name: person.id for person in office.people.values()}
    chance, alive, merges = random.Random(5), sorted(ids.values()), list[tuple[int, str, str]]()
    for number in range(OPERATIONS):
        if merges and (len(alive) < 3 or chance.random() < 0.5):
            undone, _, gone = merges.pop(chance.randrange(len(merges)))
            split(office, undone)
            alive = sorted([*alive, gone])
        else:
            kept, gone = chance.sample(alive, 2)
            merges.append((merge(office, kept, gone), kept, gone))
            alive.remove(gone)
        if number % LOOKS == 0:
            jobs(office).handle_news()
    jobs(office).handle_news()
    again = with_meetups(tmp_path / "clean")
    named = {known: name for name, known in ids.items()}
    fresh = {person.name: person.id for person in again.people.values()}
    for _, kept, gone in merges:
        merge(again, fresh[named[kept]], fresh[named[gone]])
    assert told(office) == told(again)
    for badge in ("translator", "organiser"):
        holders = [name for name, held in present(office) if held == badge]
        assert len(holders) == len(set(holders)), "one person has one of each kind, however many they were"
    for number, _, _ in reversed(merges):
        split(office, number)
    assert told(office) == before
    assert any("translator" in said and "organiser" not in said for _, said, _, _ in before)
    jobs(office).handle_news()
    assert jobs(office).nightly().awards == 0
    assert jobs(office).handle_news() == Done()
    office.engine.dispose()
    again.engine.dispose()
