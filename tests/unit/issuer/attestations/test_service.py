"""Attestations are made by delegated people behind private links, once, and by nothing else."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from issuer.attestations import service, store
from issuer.attestations.model import Attestation, AttestationError, Claim, Delegation
from issuer.contributions.model import ATTESTED_ONLY, ContributionError, facts_from
from issuer.ground.database import reading, writing
from issuer.people import joining
from issuer.people import service as people_service
from issuer.people.model import Person
from issuer.people.roster import read_roster
from issuer.recognition.service import EXAMPLE_POLICY
from schemas import policy as policy_shape
from tests.test_house import modules, name_of

POLICY = policy_shape.load(EXAMPLE_POLICY.read_bytes(), name="example")
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
WHEN = datetime(2026, 6, 1, 18, tzinfo=UTC)
ALL_SO = frozenset({"open_to_all", "vendor_neutral", "code_of_conduct"})
ROSTER = """name,email,accounts,affiliation,since,manager
Ada,ada@a.example,,Books,2020-01-01,
Bob,bob@b.example,,Clouds,2020-01-01,
Cy,cy@c.example,,Clouds,2020-01-01,
Dee,dee@d.example,,Trains,2020-01-01,
Eve,eve@e.example,,Boats,2020-01-01,Ada
"""


class World:
    """Five people and what they do with claims."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        rows, problems = read_roster(ROSTER.encode())
        assert not people_service.add_people(engine, rows, now=NOW, problems=problems).refused
        with reading(engine) as connection:
            self.by_id: Mapping[str, Person] = {p.id: p for p in people_service.all_people(connection)}
        self.named = {person.name: person for person in self.by_id.values()}

    def delegate(
        self,
        name: str,
        *,
        kinds: tuple[str, ...] = ("event.organised",),
        region: str = "eu",
        role: str | None = None,
        begins: date = date(2026, 1, 1),
        ends: date = date(2026, 12, 31),
        revoked: bool = False,
    ) -> None:
        who = self.named[name].id
        given = Delegation(who, frozenset(kinds), region, role, begins, ends, revoked)
        service.delegate(self.engine, given, policy=POLICY)

    def claim(
        self,
        *about: str,
        kind: str = "event.organised",
        title: str = "Meetup",
        event: str | None = "m1",
        region: str = "eu",
    ) -> Claim:
        return service.open_claim(
            self.engine,
            kind=kind,
            subjects=[self.named[name] for name in about],
            title=title,
            happened_at=WHEN,
            region=region,
            event=event,
            policy=POLICY,
            now=NOW,
        )

    def invite(self, claim: Claim, name: str, *, now: datetime = NOW) -> str:
        attestor = self.named[name]
        return service.invite(self.engine, claim, attestor=attestor, people=self.by_id, policy=POLICY, now=now)

    def answer(
        self,
        token: str,
        *,
        seen: bool = True,
        statements: frozenset[str] = ALL_SO,
        attendees: int | None = 30,
        now: datetime = NOW,
    ) -> Attestation:
        return service.answer(
            self.engine,
            token,
            seen=seen,
            statements=statements,
            attendees=attendees,
            people=self.by_id,
            policy=POLICY,
            now=now,
        )

    def open(self, token: str) -> service.Invitation | None:
        return service.open_invitation(self.engine, token, people=self.by_id, policy=POLICY)

    def heard(self) -> list[tuple[str, str | None]]:
        """Whoever saw something, with their role, over all claims."""
        with reading(self.engine) as connection:
            claims = service.attested_claims(connection, around=self.by_id)
        return sorted((self.by_id[a.attestor].name, role) for claim in claims for a, role in claim.answers)

    def revoke_all(self, name: str) -> None:
        with writing(self.engine) as connection:
            who = self.named[name].id
            connection.execute(
                store.delegations.update().where(store.delegations.c.attestor == who).values(revoked=True)
            )


@pytest.fixture
def world(database: Engine) -> World:
    return World(database)


# --- giving the right ---


def test_delegation_twice_is_one(world: World) -> None:
    world.delegate("Bob")
    world.delegate("Bob")
    with reading(world.engine) as connection:
        assert len(store.all_delegations(connection)) == 1


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        (("change.merged",), "change.merged is nothing to attest; the policy has ambassador.quarter, "),
        (("survey.completed",), "is nothing to attest"),
        (("event.organised", "poem.read"), "poem.read is nothing to attest"),
        ((), "No kind is nothing to attest"),
    ],
)
def test_kind_that_nobody_attests_is_not_delegated(world: World, kinds: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(AttestationError, match=sentence):
        world.delegate("Bob", kinds=kinds)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (date(2026, 1, 1), date(2026, 1, 1)),
        (date(2026, 1, 2), date(2026, 1, 1)),
        (date(2026, 1, 1), date(2027, 1, 9)),
        (date(2026, 1, 1), date(2036, 1, 1)),
    ],
)
def test_delegation_lasts_no_longer_than_the_policy_says(world: World, begins: date, ends: date) -> None:
    with pytest.raises(AttestationError, match="from 1 day to 12 months"):
        world.delegate("Bob", begins=begins, ends=ends)


# --- opening a claim ---


def test_same_words_are_the_same_claim(world: World) -> None:
    one = world.claim("Ada", "Dee")
    assert world.claim("Dee", "Ada") == one
    assert world.claim("Ada", "Dee", event="m2") != one
    with reading(world.engine) as connection:
        assert len(list(store.all_claims(connection))) == 2


def opened(world: World, **changed: Any) -> Claim:
    values: dict[str, Any] = {
        "kind": "talk.given",
        "subjects": [world.named["Ada"]],
        "title": "A talk",
        "happened_at": WHEN,
        "region": "eu",
        "event": None,
        "policy": POLICY,
        "now": NOW,
    }
    return service.open_claim(world.engine, **{**values, **changed})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"kind": "change.merged"}, "no kind of grade B"),
        ({"kind": "survey.completed"}, "no kind of grade B"),
        ({"kind": "poem.read"}, "no kind of grade B"),
        ({"subjects": []}, "about at least one person"),
        ({"title": " \n"}, "title has 1 to 200 characters"),
        ({"title": "x" * 201}, "title has 1 to 200 characters"),
        ({"happened_at": NOW + timedelta(seconds=1)}, "lies in the future"),
    ],
)
def test_claim_that_nobody_could_attest_is_refused(world: World, changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AttestationError, match=sentence):
        opened(world, **changed)


def test_claim_may_be_of_this_moment(world: World) -> None:
    assert opened(world, happened_at=NOW).happened_at == NOW


# --- inviting: each rule alone ---


def test_without_delegation_nobody_is_invited(world: World) -> None:
    with pytest.raises(AttestationError, match=r"Bob holds no delegation for event.organised in eu today"):
        world.invite(world.claim("Ada"), "Bob")


@pytest.mark.parametrize(
    "right",
    [
        {"kinds": ("talk.given",)},
        {"region": "apac"},
        {"begins": date(2026, 6, 11)},
        {"ends": date(2026, 6, 9)},
        {"revoked": True},
    ],
    ids=lambda right: next(iter(right)),
)
def test_delegation_that_does_not_cover_the_claim_is_none(world: World, right: dict[str, Any]) -> None:
    world.delegate("Bob", **right)
    with pytest.raises(AttestationError, match="holds no delegation"):
        world.invite(world.claim("Ada"), "Bob")
    world.delegate("Bob")
    assert world.invite(world.claim("Ada"), "Bob")


def test_delegation_everywhere_covers_every_region(world: World) -> None:
    world.delegate("Bob", region="*")
    assert world.invite(world.claim("Ada", region="apac"), "Bob")


def test_nobody_attests_their_own_work(world: World) -> None:
    world.delegate("Bob")
    with pytest.raises(AttestationError, match="nobody attests their own work"):
        world.invite(world.claim("Ada", "Bob"), "Bob")


def test_manager_and_report_do_not_attest_each_other(world: World) -> None:
    for attestor, subject in (("Ada", "Eve"), ("Eve", "Ada")):
        world.delegate(attestor)
        with pytest.raises(AttestationError, match="a manager and their reports"):
            world.invite(world.claim(subject), attestor)


def test_co_organiser_of_the_event_is_barred_over_all_its_claims(world: World) -> None:
    world.delegate("Bob")
    about_ada = world.claim("Ada")
    assert world.invite(about_ada, "Bob")
    world.claim("Bob", kind="talk.given", title="Talk at the meetup")
    with pytest.raises(AttestationError, match="whoever organised an event does not attest it"):
        world.invite(about_ada, "Bob")
    assert world.invite(world.claim("Ada", event="m2"), "Bob")


def test_second_voice_of_one_employer_is_barred_and_of_another_welcome(world: World) -> None:
    for name in ("Bob", "Cy", "Dee"):
        world.delegate(name)
    claim = world.claim("Ada")
    early = world.invite(claim, "Cy")
    world.answer(world.invite(claim, "Bob"))
    with pytest.raises(AttestationError, match="somebody of the same employer has attested it already"):
        world.invite(claim, "Cy")
    with pytest.raises(AttestationError, match="same employer"):
        world.answer(early)  # invited before Bob answered
    world.answer(world.invite(claim, "Dee"))
    assert [name for name, _ in world.heard()] == ["Bob", "Dee"]


def test_employer_s_voice_that_saw_nothing_bars_no_colleague(world: World) -> None:
    world.delegate("Bob")
    world.delegate("Cy")
    claim = world.claim("Ada")
    world.answer(world.invite(claim, "Bob"), seen=False)
    world.answer(world.invite(claim, "Cy"))
    assert [name for name, _ in world.heard()] == ["Cy"]


# --- the private link ---


def test_link_shows_what_is_asked(world: World) -> None:
    world.delegate("Bob")
    claim = world.claim("Ada", "Dee")
    invitation = world.open(world.invite(claim, "Bob"))
    assert invitation is not None
    assert (invitation.claim, invitation.attestor.name, invitation.answer) == (claim, "Bob", None)
    assert sorted(subject.name for subject in invitation.subjects) == ["Ada", "Dee"]
    assert set(invitation.statements) == ALL_SO and invitation.asks_attendees


def test_statements_inside_alternatives_are_asked_too(world: World) -> None:
    world.delegate("Bob", kinds=("deployment.operated",))
    claim = world.claim("Ada", kind="deployment.operated", title="A cloud", event=None)
    invitation = world.open(world.invite(claim, "Bob"))
    assert invitation is not None and invitation.statements == ("visited",) and not invitation.asks_attendees


@pytest.mark.parametrize("token", ["", "x", "0" * 32, "ä"])
def test_link_that_leads_nowhere_shows_and_takes_nothing(world: World, token: str) -> None:
    assert world.open(token) is None
    with pytest.raises(AttestationError, match="leads nowhere"):
        world.answer(token)


def test_new_link_ends_the_one_before(world: World) -> None:
    world.delegate("Bob")
    first, second = (world.invite(world.claim("Ada"), "Bob") for _ in range(2))
    assert first != second and len(first) >= 32
    assert world.open(first) is None and world.open(second) is not None


def test_only_the_hash_of_a_link_is_kept(world: World) -> None:
    world.delegate("Bob")
    token = world.invite(world.claim("Ada"), "Bob")
    with reading(world.engine) as connection:
        kept = [tuple(row) for row in connection.execute(store.invitations.select())]
    assert len(kept) == 1 and token not in str(kept)


# --- answering ---


def test_first_answer_stands(world: World) -> None:
    world.delegate("Bob")
    token = world.invite(world.claim("Ada"), "Bob")
    first = world.answer(token, attendees=30)
    again = world.answer(token, attendees=90, statements=frozenset(), now=NOW + timedelta(days=1))
    assert again == first and first.attendees == 30
    assert world.answer(token, seen=False) == first
    other_link = world.invite(world.claim("Ada"), "Bob")
    assert world.answer(other_link, seen=False) == first
    invitation = world.open(other_link)
    assert invitation is not None and invitation.answer == first


def test_did_not_see_it_is_an_answer_that_costs_nobody_anything(world: World) -> None:
    world.delegate("Bob")
    world.delegate("Dee")
    claim = world.claim("Ada")
    no = world.answer(world.invite(claim, "Bob"), seen=False, statements=frozenset())
    assert not no.seen and no.attendees is None
    assert world.heard() == []
    world.answer(world.invite(claim, "Dee"))
    assert world.heard() == [("Dee", None)]


def test_did_not_see_it_may_be_said_after_the_right_has_ended(world: World) -> None:
    world.delegate("Bob")
    token = world.invite(world.claim("Ada"), "Bob")
    world.revoke_all("Bob")
    assert world.answer(token, seen=False).seen is False


@pytest.mark.parametrize("ended", ["expired", "revoked", "organiser by now"])
def test_right_is_checked_again_when_the_answer_comes(world: World, ended: str) -> None:
    world.delegate("Bob")
    token = world.invite(world.claim("Ada"), "Bob")
    later = NOW
    if ended == "expired":
        later = datetime(2027, 1, 1, tzinfo=UTC)
    elif ended == "revoked":
        world.revoke_all("Bob")
    else:
        world.claim("Bob", kind="talk.given", title="Talk")
    with pytest.raises(AttestationError):
        world.answer(token, now=later)
    assert world.heard() == []


@pytest.mark.parametrize(
    ("statements", "attendees"),
    [(frozenset({"it_was_great"}), 30), (ALL_SO | {"visited"}, 30), (ALL_SO, -1), (ALL_SO, 1_000_001)],
)
def test_answer_that_the_form_does_not_offer_is_refused(
    world: World, statements: frozenset[str], attendees: int
) -> None:
    world.delegate("Bob")
    token = world.invite(world.claim("Ada"), "Bob")
    with pytest.raises(AttestationError, match="something that the form does not offer"):
        world.answer(token, statements=statements, attendees=attendees)
    assert world.heard() == []
    assert world.answer(token).seen  # a slip costs nothing


# --- roles ---


def test_answer_carries_the_role_of_its_delegation(world: World) -> None:
    world.delegate("Bob", kinds=("group.chaired",), role="committee")
    world.delegate("Dee", kinds=("group.chaired",))
    claim = world.claim("Ada", kind="group.chaired", title="The group", event=None)
    for name in ("Bob", "Dee"):
        world.answer(world.invite(claim, name), statements=frozenset(), attendees=None)
    assert world.heard() == [("Bob", "committee"), ("Dee", None)]


def test_role_of_another_kind_or_region_is_not_borrowed(world: World) -> None:
    world.delegate("Bob", kinds=("group.chaired",))
    world.delegate("Bob", kinds=("talk.given",), role="committee")
    world.delegate("Bob", kinds=("group.chaired",), role="committee", region="apac")
    claim = world.claim("Ada", kind="group.chaired", title="The group", event=None)
    world.answer(world.invite(claim, "Bob"), statements=frozenset(), attendees=None)
    assert world.heard() == [("Bob", None)]


def test_role_ended_later_was_held_then_and_role_ended_before_was_not(world: World) -> None:
    world.delegate("Bob", kinds=("group.chaired",), role="committee")
    claim = world.claim("Ada", kind="group.chaired", title="The group", event=None)
    world.answer(world.invite(claim, "Bob"), statements=frozenset(), attendees=None)
    world.revoke_all("Bob")
    assert world.heard() == [("Bob", "committee")]
    world.delegate("Dee", kinds=("group.chaired",), role="committee", revoked=True)
    world.delegate("Dee", kinds=("group.chaired",))
    world.answer(world.invite(claim, "Dee"), statements=frozenset(), attendees=None)
    assert world.heard() == [("Bob", "committee"), ("Dee", None)]


# --- nothing else makes one ---


@pytest.mark.parametrize("name", sorted(ATTESTED_ONLY))
def test_no_import_can_assert_an_attestation(name: str) -> None:
    with pytest.raises(ContributionError, match="an attestation cannot be imported"):
        facts_from({name: ["open_to_all"]})


def test_an_attestation_is_written_in_one_place_only() -> None:

    writers = [name_of(file) for file in modules() if "add_attestation(" in file.read_text(encoding="utf-8")]
    assert writers == ["issuer/attestations/service.py", "issuer/attestations/store.py"]


def test_two_who_turn_out_to_be_one_speak_once_and_not_about_themselves(world: World) -> None:
    for name in ("Bob", "Dee"):
        world.delegate(name)
    claim = world.claim("Ada")
    for name in ("Bob", "Dee"):
        world.answer(world.invite(claim, name))
    assert len(world.heard()) == 2

    def merged(kept: str, gone: str) -> int:
        ids = world.named[kept].id, world.named[gone].id
        with writing(world.engine) as connection:
            return joining.merge(connection, kept=ids[0], gone=ids[1], by=ids[0], role="person", now=NOW)

    number = merged("Bob", "Dee")
    assert [name for name, _ in world.heard()] == ["Bob"]
    merged("Ada", "Bob")
    assert world.heard() == []
    with writing(world.engine) as connection:
        joining.split(connection, number, by="them", role="person", reason="it was a mistake", now=NOW)
    assert [name for name, _ in world.heard()] == ["Dee"]
