"""From stored records to items: who accepted, what was taken back, what belongs together, which policy."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from issuer.attestations import service as attestations
from issuer.attestations.model import Delegation
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, Facts
from issuer.ground.database import reading
from issuer.people import service as people
from issuer.people.model import Account, Pause, Person
from issuer.people.roster import read_roster
from issuer.recognition import records, service
from issuer.recognition.item import Item
from issuer.recognition.service import EXAMPLE_POLICY
from schemas.policy import PolicyError
from tests.unit.issuer.recognition.contributions import OPEN, example

NOW = datetime(2026, 9, 1, tzinfo=UTC)
WHEN = datetime(2026, 6, 1, tzinfo=UTC)
ROSTER = """name,email,accounts,affiliation,since,bot
Ada,ada@books.example,gerrit:1 forum:ada git:ada@home.example,Books,2020-01-01,
Bob,bob@clouds.example,gerrit:2 forum:bob,Clouds,2020-01-01,
Cy,cy@books.example,forum:cy,Books,2020-01-01,
Dee,dee@dee.example,forum:dee,none,2020-01-01,
Eve,eve@eve.example,forum:eve,,,
Merge bot,,gerrit:99,,,yes
"""


@pytest.fixture
def office(database: Engine) -> Engine:
    """The tests' database with six persons, one of them a machine."""
    rows, problems = read_roster(ROSTER.encode())
    assert not people.add_people(database, rows, now=NOW, problems=problems).refused
    return database


def told(office: Engine, *stored: Contribution) -> None:
    contributions.store(office, stored, now=NOW)


def record(
    name: str, *, by: str = "gerrit:1", source: str = "gerrit", kind: str = "change", **given: object
) -> Contribution:
    return Contribution(
        source, name, kind, Account.parse(by), WHEN, Facts.model_validate({"changed_lines": 20, **given})
    )


def persons(office: Engine) -> Mapping[str, Person]:
    with reading(office) as connection:
        return {person.name: person for person in people.all_people(connection)}


def items(office: Engine, name: str) -> dict[str, Item]:
    with reading(office) as connection:
        read = list(records.everybody(connection))
    mine = persons(office)[name].id
    return {item.id: item for group in read for item in group.items.get(mine, [])}


def only_item(office: Engine, name: str) -> Item:
    (one,) = items(office, name).values()
    return one


# --- who accepted ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("acceptor", "accepted"),
    [
        ("gerrit:2", True),
        ("gerrit:1", False),  # the same account
        ("git:ada@home.example", False),  # a second account of the same person
        ("gerrit:99", False),  # a machine
        ("gerrit:12345", False),  # nobody has proved this account
    ],
)
def test_acceptance_is_another_proved_person_s(office: Engine, acceptor: str, accepted: bool) -> None:
    told(office, record("c", accepted_by=[acceptor]))
    assert bool(only_item(office, "Ada").acceptors) is accepted


def test_one_good_acceptor_among_bad_ones_is_enough(office: Engine) -> None:
    told(office, record("c", accepted_by=["gerrit:99", "gerrit:1", "gerrit:2"]))
    assert only_item(office, "Ada").acceptors == {persons(office)["Bob"].id}


def test_accounts_of_one_person_come_together(office: Engine) -> None:
    told(office, record("a"), record("b", by="git:ada@home.example", source="git"))
    assert set(items(office, "Ada")) == {"gerrit:a", "git:b"}


def test_work_of_an_unproved_account_is_nobody_s(office: Engine) -> None:
    told(office, record("a", by="gerrit:777"))
    with reading(office) as connection:
        assert not any(group.items for group in records.everybody(connection))


def test_machine_s_work_is_marked_and_machines_are_not_decided_about(office: Engine) -> None:
    told(office, record("a", by="gerrit:99", accepted_by=["gerrit:2"]))
    assert only_item(office, "Merge bot").by_machine
    decided = [person.name for person, _ in service.decide_all(office, example(), as_of=NOW)]
    assert sorted(decided) == ["Ada", "Bob", "Cy", "Dee", "Eve"]


@pytest.mark.parametrize(
    ("mover", "moved"), [("gerrit:2", True), ("gerrit:1", False), ("gerrit:99", False), (None, False)]
)
def test_bug_is_moved_by_another_person_or_not_at_all(office: Engine, mover: str | None, moved: bool) -> None:
    told(office, record("b", kind="bug.confirmed", source="launchpad", moved_to="triaged", moved_by=mover))
    assert only_item(office, "Ada").moved_by_another is moved


@pytest.mark.parametrize(
    ("owner", "own"),
    [("gerrit:1", True), ("git:ada@home.example", True), ("gerrit:2", False), ("gerrit:777", False), (None, None)],
)
def test_own_change_is_known_over_all_accounts(office: Engine, owner: str | None, own: bool | None) -> None:
    told(office, record("r", kind="review", vote="CR+2", owner=owner))
    assert only_item(office, "Ada").own_change is own


@pytest.mark.parametrize(
    ("asker", "other"),
    [
        ("forum:bob", True),
        ("forum:cy", False),  # the same employer
        ("forum:dee", True),  # known to have none
        ("forum:eve", None),  # unknown
        ("forum:nobody", None),
    ],
)
def test_other_affiliation_holds_only_where_both_are_known(office: Engine, asker: str, other: bool | None) -> None:
    told(
        office,
        record("a", by="forum:ada", source="discourse", kind="support.answer_accepted", accepted_by=[asker]),
    )
    assert only_item(office, "Ada").other_affiliation is other


def test_affiliation_is_that_of_the_day(office: Engine) -> None:
    later = "name,email,accounts,affiliation,since\nBob,bob@clouds.example,,Books,2026-06-02\n"
    rows, _ = read_roster(later.encode())
    people.add_people(office, rows, now=NOW)
    told(office, record("a", by="forum:ada", accepted_by=["forum:bob"]))
    assert only_item(office, "Ada").other_affiliation is True


# --- what was taken back ---------------------------------------------------------------------------------


def commit(name: str, *, reverts: str | None = None, kind: str = "change") -> Contribution:
    return record(name, source="git", by="git:ada@home.example", commit=name * 40, kind=kind, reverts=reverts)


def test_reverted_change_is_marked_and_a_revert_of_the_revert_brings_it_back(office: Engine) -> None:
    told(office, commit("a"), commit("b", reverts="a" * 40))
    assert {name: item.reverted for name, item in items(office, "Ada").items()} == {"git:a": True, "git:b": False}
    told(office, commit("c", reverts="b" * 40))
    assert [items(office, "Ada")[name].reverted for name in ("git:a", "git:b", "git:c")] == [False, True, False]


def test_coauthor_of_a_reverted_change_loses_it_too(office: Engine) -> None:
    together = record("a:x", by="gerrit:2", source="git", kind="coauthorship", commit="a" * 40, coauthors=1)
    told(office, commit("a"), together, commit("b", reverts="a" * 40))
    assert items(office, "Bob")["git:a:x"].reverted


def test_further_targets_of_one_revert_are_nobody_s_work(office: Engine) -> None:
    told(
        office, commit("a"), record("b:reverts:a", source="git", kind="revert", commit="b" * 40, reverts="a" * 40)
    )
    assert {name: item.reverted for name, item in items(office, "Ada").items()} == {"git:a": True}


# --- what people attested --------------------------------------------------------------------------------

KINDS = frozenset({"event.organised", "talk.given", "group.worked"})


def delegated(office: Engine, *names: str, role: str | None = None) -> None:
    for name in names:
        who = persons(office)[name].id
        given = Delegation(who, KINDS, "*", role, date(2026, 1, 1), date(2026, 12, 31))
        attestations.delegate(office, given, policy=example())


def seen_by(
    office: Engine,
    *attestors: str,
    about: tuple[str, ...],
    kind: str = "event.organised",
    title: str = "Meetup",
    event: str | None = "meetup-1",
    statements: frozenset[str] = OPEN,
) -> None:
    known = persons(office)
    by_id = {person.id: person for person in known.values()}
    claim = attestations.open_claim(
        office,
        kind=kind,
        subjects=[known[name] for name in about],
        title=title,
        happened_at=WHEN,
        region="eu",
        event=event,
        policy=example(),
        now=NOW,
    )
    for name in attestors:
        token = attestations.invite(office, claim, attestor=known[name], people=by_id, policy=example(), now=NOW)
        attestations.answer(
            office, token, seen=True, statements=statements, attendees=30, people=by_id, policy=example(), now=NOW
        )


def credits_of(office: Engine, name: str) -> float:
    return float(service.decide_person(office, example(), persons(office)[name], as_of=NOW).credits)


def test_two_who_saw_it_make_it_count(office: Engine) -> None:
    delegated(office, "Bob", "Cy")
    seen_by(office, "Bob", about=("Dee",))
    assert credits_of(office, "Dee") == 0
    seen_by(office, "Cy", about=("Dee",))
    assert credits_of(office, "Dee") == 2


def test_one_who_saw_it_and_an_accepted_record_of_the_event_make_it_count(office: Engine) -> None:
    delegated(office, "Bob")
    seen_by(office, "Bob", about=("Dee",))
    kept = record(
        "m", by="forum:dee", source="csv", kind="event.organised", event="meetup-1", accepted_by=["forum:bob"]
    )
    elsewhere = record(
        "n", by="forum:dee", source="csv", kind="event.organised", event="meetup-2", accepted_by=["forum:bob"]
    )
    claimed = record("o", by="forum:dee", source="csv", kind="event.organised", event="meetup-1")
    told(office, elsewhere, claimed)
    assert credits_of(office, "Dee") == 0
    told(office, kept)
    assert credits_of(office, "Dee") == 2


def test_organisers_are_counted_over_all_claims_of_an_event(office: Engine) -> None:
    delegated(office, "Bob", "Eve")
    for organiser in ("Ada", "Cy", "Dee"):
        seen_by(office, "Bob", "Eve", about=(organiser,))
    assert credits_of(office, "Dee") == 2
    seen_by(office, about=("Merge bot",))  # a fourth
    assert credits_of(office, "Dee") == 0


def test_whoever_attested_the_event_earns_nothing_from_it(office: Engine) -> None:
    delegated(office, "Bob", "Eve", "Dee")
    seen_by(office, "Bob", about=("Ada",))
    seen_by(
        office,
        "Dee",
        "Eve",
        about=("Bob",),
        kind="talk.given",
        title="Talk",
        statements=frozenset({"community_event"}),
    )
    assert credits_of(office, "Bob") == 0
    clauses = {
        line.clause for line in service.decide_person(office, example(), persons(office)["Bob"], as_of=NOW).lines
    }
    assert clauses == {"attest_own_event_earns"}


def test_minutes_that_list_somebody_reach_the_attested_action(office: Engine) -> None:
    delegated(office, "Bob", role="group_chair")
    done = frozenset({"action_done"})
    seen_by(
        office, "Bob", about=("Dee",), kind="group.worked", title="Wrote the survey", event="wg-7", statements=done
    )
    assert credits_of(office, "Dee") == 0
    told(
        office, record("wg-7", by="forum:dee", source="meetbot", kind="meeting", event="wg-7", listed_present=True)
    )
    assert credits_of(office, "Dee") == 0.25


def test_imported_attestations_are_refused_and_imported_events_wait(office: Engine) -> None:
    told(
        office,
        record("e", source="csv", kind="event.organised", attendees=300, people=1, accepted_by=["gerrit:2"]),
    )
    assert credits_of(office, "Ada") == 0


# --- deciding --------------------------------------------------------------------------------------------


def test_decision_of_one_is_the_decision_among_all(office: Engine) -> None:
    told(office, *(record(f"c{n}", accepted_by=["gerrit:2"]) for n in range(4)))
    among_all = {person.name: decision for person, decision in service.decide_all(office, example(), as_of=NOW)}
    assert among_all["Ada"] == service.decide_person(office, example(), persons(office)["Ada"], as_of=NOW)
    assert [among_all[name].credits for name in ("Ada", "Bob")] == [4, 0]


def test_pause_of_a_person_reaches_their_decision(office: Engine) -> None:
    told(office, record("c", accepted_by=["gerrit:2"]))
    late = WHEN + timedelta(days=380)
    assert service.decide_person(office, example(), persons(office)["Ada"], as_of=late).credits < 1
    people.add_pause(
        office, persons(office)["Ada"].id, Pause(WHEN + timedelta(days=10), WHEN + timedelta(days=60))
    )
    assert service.decide_person(office, example(), persons(office)["Ada"], as_of=late).credits == 1


def test_order_in_which_records_came_changes_no_decision(office: Engine, tmp_path: Path) -> None:
    stored = [record(f"c{n}", accepted_by=["gerrit:2"]) for n in range(5)]
    told(office, *stored[3:], *stored[:3])
    first = service.decide_person(office, example(), persons(office)["Ada"], as_of=NOW)
    told(office, *stored)
    assert service.decide_person(office, example(), persons(office)["Ada"], as_of=NOW) == first


# --- the life of a policy --------------------------------------------------------------------------------


def test_policy_s_version_stays_what_it_was(database: Engine, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_bytes(EXAMPLE_POLICY.read_bytes())
    first = service.policy_in_force(database, file, now=NOW)
    assert service.policy_in_force(database, file, now=NOW) == first
    file.write_bytes(EXAMPLE_POLICY.read_bytes().replace(b"\nversion: 1.0.0", b"\nversion: 1.0.1"))
    assert service.policy_in_force(database, file, now=NOW) == first, "an edited file is only a proposal"
    kept = service.all_policies(database)
    assert set(kept) == {first.digest}
    assert kept[first.digest].document == EXAMPLE_POLICY.read_bytes()


def test_policy_that_cannot_be_read_or_is_refused_is_not_kept(database: Engine, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    with pytest.raises(PolicyError, match=r"policy.yaml cannot be read: No such file"):
        service.policy_in_force(database, file, now=NOW)
    file.write_text("id: x")
    with pytest.raises(PolicyError, match=r"policy.yaml: .*missing"):
        service.policy_in_force(database, file, now=NOW)
    assert service.all_policies(database) == {}
