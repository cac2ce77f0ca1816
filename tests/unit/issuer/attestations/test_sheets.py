"""An attestor's sheet: five events in one go, each taken or refused by itself; and what flags lead to."""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.event import listen, remove

from issuer.attestations import review, service, sheets, store
from issuer.attestations.model import AttestationError, Claim, Delegation
from issuer.attestations.sheets import Said, Sheet
from issuer.ground import audit
from issuer.ground.audit import AuditError
from issuer.ground.database import reading, writing
from issuer.people import service as people_service
from issuer.people import store as people_store
from issuer.people.model import Person
from tests.unit.issuer.attestations.test_service import ALL_SO, NOW, POLICY, World


@pytest.fixture
def world(database: Engine) -> World:
    world = World(database)
    world.delegate("Dee")
    world.delegate("Bob")
    return world


def open_claim(world: World, number: int, *about: str, region: str = "eu") -> Claim:
    return service.open_claim(
        world.engine,
        kind="event.organised",
        subjects=[world.named[name] for name in about],
        title=f"Meetup {number}",
        happened_at=datetime(2026, 5, number, 18, tzinfo=UTC),
        region=region,
        event=f"m{number}",
        policy=POLICY,
        now=NOW,
    )


def sheet(world: World, name: str, *, now: datetime = NOW) -> tuple[str, Sheet]:
    token = sheets.make_link(world.engine, world.named[name], now=NOW)
    shown = sheets.open_sheet(world.engine, token, people=world.by_id, policy=POLICY, now=now)
    assert shown is not None
    return token, shown


def send(world: World, token: str, *said: Said, now: datetime = NOW) -> dict[str, str]:
    return sheets.answer_all(world.engine, token, said, people=world.by_id, policy=POLICY, now=now)


def saw(claim: Claim, attendees: int = 40) -> Said:
    return Said(claim.id, True, ALL_SO, attendees)


def test_five_events_in_one_go(world: World) -> None:
    claims = [open_claim(world, number, "Ada") for number in range(1, 6)]
    token, shown = sheet(world, "Dee")
    assert [line.claim.title for line in shown.waiting] == [f"Meetup {n}" for n in range(1, 6)]
    assert send(world, token, *(saw(claim) for claim in claims)) == {}
    with reading(world.engine) as connection:
        given = store.attestations_of(connection, [claim.id for claim in claims])
    assert [(a.attestor, a.seen, a.attendees) for a in given] == [(world.named["Dee"].id, True, 40)] * 5
    _, after = sheet(world, "Dee")
    assert after.waiting == () and all(line.answer for line in after.lines)


def test_an_event_of_ones_own_is_refused_and_another_attestor_named(world: World) -> None:
    own, other = open_claim(world, 1, "Ada", "Dee"), open_claim(world, 2, "Ada")
    token, shown = sheet(world, "Dee")
    refused = next(line for line in shown.lines if line.claim.id == own.id)
    assert refused.refused is not None and "nobody attests their own work" in refused.refused
    assert refused.others == ("Bob",)
    told = send(world, token, saw(own), saw(other))
    assert set(told) == {own.id}
    with reading(world.engine) as connection:
        assert len(store.attestations_of(connection, [other.id])) == 1


def test_not_having_seen_it_costs_nothing_and_ends_the_asking(world: World) -> None:
    claim = open_claim(world, 1, "Ada")
    token, _ = sheet(world, "Dee")
    assert send(world, token, Said(claim.id, False, frozenset(), None)) == {}
    assert sheet(world, "Dee")[1].waiting == ()
    assert review.matters(world.engine) == []


def test_what_has_voices_enough_or_is_elsewhere_is_not_asked(world: World) -> None:
    done = open_claim(world, 1, "Ada")
    for name in ("Dee", "Bob"):
        send(world, sheet(world, name)[0], saw(done))
    world.delegate("Cy")
    assert sheet(world, "Cy")[1].lines == ()
    open_claim(world, 2, "Ada", region="asia")
    assert sheet(world, "Cy")[1].lines == ()


def test_where_the_only_ambassador_organised_it_a_neighbour_attests(world: World) -> None:
    """A region's single attestor organised the meetup: those of other regions are asked."""
    world.delegate("Eve", region="asia")
    claim = open_claim(world, 1, "Ada", "Eve", region="asia")
    assert [line.claim.id for line in sheet(world, "Dee")[1].waiting] == [claim.id]
    assert send(world, sheet(world, "Dee")[0], saw(claim)) == {}
    assert send(world, sheet(world, "Bob")[0], saw(claim)) == {}
    with reading(world.engine) as connection:
        (attested,) = service.attested_claims(connection, around=[world.named["Ada"].id])
    assert len(attested.answers) == 2


def test_a_link_is_one_persons_runs_out_and_is_replaced(world: World) -> None:
    open_claim(world, 1, "Ada")
    token, _ = sheet(world, "Dee")
    late = NOW + timedelta(days=31)
    assert sheets.open_sheet(world.engine, token, people=world.by_id, policy=POLICY, now=late) is None
    sheet(world, "Dee")
    with pytest.raises(AttestationError, match="leads nowhere"):
        send(world, token)


def test_one_mail_for_all_that_waits(world: World) -> None:
    for number in range(1, 6):
        open_claim(world, number, "Ada")
    asked = sheets.ask_all(
        world.engine,
        people=world.by_id,
        policy=POLICY,
        public_url="https://badges.example.org",
        community="Example",
        now=NOW,
    )
    assert sorted((person.name, count, link) for person, count, link in asked) == [
        ("Bob", 5, None),
        ("Dee", 5, None),
    ]


def test_a_right_that_ended_offers_nothing(world: World) -> None:
    open_claim(world, 1, "Ada")
    token, _ = sheet(world, "Dee")
    service.end_delegations(world.engine, world.named["Dee"])
    shown = sheets.open_sheet(world.engine, token, people=world.by_id, policy=POLICY, now=NOW)
    assert shown is not None and shown.lines == ()


def settle(
    world: World, claim: Claim, *, found_false: bool, by: str = "Cy", reason: str = "asked the venue"
) -> int:
    return review.settle(
        world.engine,
        claim=claim.id,
        attestor=world.named["Dee"].id,
        found_false=found_false,
        by=world.named[by].id,
        role="manager",
        reason=reason,
        now=NOW,
    )


def test_flags_wait_as_one_matter_for_each_attestor(world: World) -> None:
    claims = [open_claim(world, number, "Ada") for number in range(1, 4)]
    send(world, sheet(world, "Dee")[0], *(saw(claim) for claim in claims))
    (matter,) = review.matters(world.engine)
    assert (matter.kind, matter.minutes) == ("flag", 4)
    assert "3 statements of an attestor want a look" in matter.title
    assert settle(world, claims[0], found_false=False) == 0
    assert "2 statements" in review.matters(world.engine)[0].title
    with pytest.raises(AttestationError, match="No flag"):
        settle(world, claims[0], found_false=False)


def test_a_false_statement_ends_the_right_counts_no_more_and_rechecks_a_year(world: World) -> None:
    world.delegate("Dee", begins=date(2025, 1, 1), ends=date(2025, 12, 31))
    old, first, second = (open_claim(world, number, "Ada") for number in (1, 2, 3))
    send(world, sheet(world, "Dee")[0], saw(old), now=NOW - timedelta(days=400))
    send(world, sheet(world, "Dee")[0], saw(first), saw(second))
    assert settle(world, first, found_false=True) == 1, "the other one of these twelve months"
    with reading(world.engine) as connection:
        attested = service.attested_claims(connection, around=[world.named["Ada"].id])
        right = store.delegations_of(connection, world.named["Dee"].id)
    standing = {one.claim.id: len(one.answers) for one in attested}
    assert standing == {old.id: 1, first.id: 0, second.id: 1}, "rechecked is not revoked"
    assert all(delegation.revoked for delegation in right)
    again = {one.claim.id: one.reasons for one in review.flagged(world.engine, world.named["Dee"].id)}
    assert "Another statement of this attestor was found false." in again[second.id]
    assert [entry.act for entry in audit.entries(world.engine)] == ["attestation.found_false"]


def test_nobody_judges_their_own_and_none_without_a_reason(world: World) -> None:
    claim = open_claim(world, 1, "Ada")
    send(world, sheet(world, "Dee")[0], saw(claim))
    for name in ("Dee", "Ada"):
        with pytest.raises(AttestationError, match="Nobody judges"):
            settle(world, claim, found_false=False, by=name)
    with pytest.raises(AuditError):
        settle(world, claim, found_false=False, reason=" ")
    assert len(review.matters(world.engine)) == 1


def test_a_delegation_lasts_at_most_the_policys_months(world: World) -> None:
    given = Delegation(
        world.named["Cy"].id, frozenset({"event.organised"}), "eu", None, date(2026, 1, 1), date(2027, 6, 1)
    )
    with pytest.raises(AttestationError, match="12 months"):
        service.delegate(world.engine, given, policy=POLICY)
    assert people_service.people_by_id(world.engine)


def test_what_was_answered_takes_no_place_from_what_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has answered a sheet full of events this year is still asked about the next one."""
    monkeypatch.setattr(sheets, "CLAIMS_SHOWN", 3)
    first = [open_claim(world, number, "Ada") for number in range(1, 4)]
    token, _ = sheet(world, "Dee")
    send(world, token, *(saw(claim) for claim in first))
    new = open_claim(world, 9, "Ada")
    assert [line.claim.id for line in sheet(world, "Dee")[1].waiting] == [new.id]
    later = sheets.open_sheet(
        world.engine, sheets.make_link(world.engine, world.named["Dee"], now=NOW + timedelta(days=31)),
        people=world.by_id, policy=POLICY, now=NOW + timedelta(days=31),
    )  # fmt: skip
    assert later is not None and [line.claim.id for line in later.lines] == [new.id]


def test_asking_many_attestors_about_many_claims_reads_the_tables_once(world: World) -> None:
    """200 attestors and 2,000 claims: as many statements as for a few, but for one link and mail each."""
    few, many = statements_of_asking(world, attestors=2, claims=5), statements_of_asking(world, 200, 2_000)
    assert many.read <= few.read + 4 * (2_000 // 500), "ids go into a statement by 500"
    assert many.seconds < 20


@dataclass(frozen=True)
class Asking:
    read: int
    seconds: float


def statements_of_asking(world: World, attestors: int, claims: int) -> Asking:
    region = f"region {attestors}"
    people = dict(world.by_id)
    until = date(2027, 1, 1)
    with writing(world.engine) as connection:
        for number in range(attestors):
            person = Person(id=f"{attestors:04}{number:028}", name=f"Attestor {number}")
            people_store.put_person(connection, person, key=None)
            people[person.id] = person
            given = Delegation(person.id, frozenset({"event.organised"}), region, None, date(2026, 1, 1), until)
            store.add_delegation(connection, given)
        for number in range(claims):
            made = Claim(
                id=f"{attestors}-{number}",
                kind="event.organised",
                subjects=(world.named["Ada"].id,),
                title=f"Meetup {number}",
                happened_at=NOW - timedelta(days=1, minutes=number),
                region=region,
                event=f"many {attestors} {number}",
            )
            store.add_claim(connection, made, now=NOW)
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    listen(world.engine, "before_cursor_execute", note)
    began = time.process_time()
    asked = sheets.ask_all(
        world.engine, people=people, policy=POLICY, public_url="https://a.example", community="Example", now=NOW
    )
    seconds = time.process_time() - began
    remove(world.engine, "before_cursor_execute", note)
    assert sum(person.name.startswith("Attestor") for person, _, _ in asked) >= attestors
    return Asking(sum(statement.startswith("SELECT") for statement in said), seconds)
